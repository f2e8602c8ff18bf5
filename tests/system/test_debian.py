# SPDX-License-Identifier: Apache-2.0
"""The whole job on a real Debian: usage test_debian.py 12|13.

A root of the release as published, security updates pending, is booted with systemd; patchd is
installed from its package and gets a signed policy from nginx. The steps build on each other, as a
node's life does, and run in the order of their names."""

import contextlib
import json
import pathlib
import re
import sys
import tempfile
import unittest

import jsonschema

from lab import container, policies, roots, webserver
from lab.node import CYCLE_TIMEOUT_SECONDS, Node, SOCKETS, package_file, report_schema, run_steps

VERSION = sys.argv.pop(1) if len(sys.argv) > 1 else "12"

RUN_TIMEOUT_SECONDS = 1200  # a kernel's initramfs takes its time
META_PACKAGE = "linux-image-amd64"
AGENT_STATE, HELPER_STATE = "/var/lib/patchd", "/var/lib/patchd-apply"


class DebianNode(unittest.TestCase):
    """One node's life."""

    maxDiff = None

    node = web = None

    @classmethod
    def setUpClass(cls):
        cls.node.run("apt-get", "-q", "update")
        cls.release = cls.node.installed()
        cls.candidates = cls.node.pending()
        cls.kept = cls.find_kept_back()
        # Everything from the security suite, but for what the policy rejects.
        cls.approved = {name: version for name, version in cls.candidates.items()
                        if name != cls.kept and cls.node.is_security(name, version)}
        cls.own = set()

    def test_01_updates_are_pending(self):
        """The lab is what it should be: security updates pending, a kernel among them."""
        self.assertIn(META_PACKAGE, self.candidates)
        new = [name for name in self.candidates if name not in self.release]
        self.assertTrue(any(name.startswith("linux-image-") for name in new), new)

    def test_02_package_installs_and_starts(self):
        node = self.node
        node.container.put(package_file(), "/root/patchd.deb")
        node.run("apt-get", "-q", "-y", "--no-install-recommends", "install", "/root/patchd.deb")
        type(self).own = set(node.installed()) - set(self.release)
        self.assertEqual({name: version for name, version in node.installed().items() if name in self.release},
                         self.release, "installing patchd changes no other package")
        self.assertEqual(node.run("systemctl", "is-active", "patchd.service", "patchd-cycle.socket",
                                  "patchd-apply.socket", "patchd-admin.socket").stdout.split(), ["active"] * 4)
        modes = node.run("stat", "-c", "%a %U:%G", *SOCKETS.values(), AGENT_STATE, HELPER_STATE).stdout.splitlines()
        self.assertEqual(modes, ["660 patchd:patchd", "600 patchd:patchd", "600 patchd:patchd",
                                 "660 root:patchd-admin", "700 patchd:patchd", "755 root:root"])
        node.run("useradd", "-m", "-G", "patchd", "reader")

    def test_03_without_policy_only_scans(self):
        status = container.wait_until(lambda: (self.node.status().get("report") or {}).get("compliance"),
                                      CYCLE_TIMEOUT_SECONDS, "the first scan, against the default policy")
        self.assertTrue(status)
        self.assertEqual(self.changed(), {})

    def test_04_outside_the_window_nothing_changes(self):
        node = self.node
        node.write("/etc/patchd/trusted-keys.d/lab.pem", node.key.public.read_text("ascii"))
        node.write("/etc/patchd/token", "lab-token\n", 0o600)
        node.container.put(self.web.ca, "/etc/patchd/ca.pem")
        node.write("/etc/patchd/patchd.conf.d/lab.conf", f"[control]\npolicy_url = {self.web.url}/policy/lab.dsse.json\n"
                   f"policy_id = lab\nreport_url = {self.web.url}/reports/{{node_id}}.json\n"
                   "ca_file = /etc/patchd/ca.pem\npoll_interval_minutes = 1\n[node]\ntags = Environment=Lab\n")
        version = node.publish(window=policies.closed_window(), **self.exceptions())
        node.new_cycle()
        report = node.await_policy(version)
        jsonschema.validate(report, report_schema())
        self.assertEqual(report["compliance"]["status"], "non_compliant")
        missing = {p["name"]: p["target"] for p in report["packages"] if p["state"] == "missing"}
        upgrades = {name: version for name, version in self.approved.items() if name in self.release}
        self.assertEqual(missing, {**missing, **upgrades})
        self.assertLessEqual(set(missing), set(self.approved))
        self.assertEqual(node.run("patchctl", "scan", check=False).returncode, 3)
        queued = node.run("patchctl", "apply")
        self.assertIn("queued for", queued.stdout)
        self.assertEqual(self.changed(), {})

    def test_05_reader_reads_and_changes_nothing(self):
        node = self.node
        self.assertIn("report", node.status(user="reader"))
        calls = [("cycle", "org.patchd.cycle.Run"), ("apply", "org.patchd.apply.Refresh"),
                 ("apply", "org.patchd.apply.Apply"), ("admin", "org.patchd.apply.ApplyNow"),
                 ("admin", "org.patchd.apply.Pause"), ("admin", "org.patchd.apply.Reboot")]
        for socket_name, method in calls:
            with self.subTest(socket=socket_name, method=method):
                self.assertEqual(node.call(socket_name, method, "reader"), "PermissionError")
        for method in ("org.patchd.apply.ApplyNow", "org.patchd.apply.Pause"):
            with self.subTest(socket="agent", method=method):
                self.assertIn('"error"', node.call("agent", method, "reader"))
        for verb in (["apply", "--now"], ["pause"], ["resume"], ["rollback"]):
            with self.subTest(verb=verb):
                done = node.run("patchctl", *verb, user="reader", check=False)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(node.run("ls", HELPER_STATE, check=False).stdout.split().count("pause.json"), 0)
        self.assertEqual(self.changed(), {})

    def test_06_stranger_reads_nothing(self):
        self.node.run("useradd", "stranger")
        for name, interface in (("agent", "agent"), ("cycle", "cycle"), ("apply", "apply"), ("admin", "apply")):
            with self.subTest(socket=name):
                self.assertEqual(self.node.call(name, f"org.patchd.{interface}.GetStatus", "stranger"), "PermissionError")

    @unittest.skipIf(VERSION == "12", "its systemd has no varlinkctl")
    def test_06_varlinkctl_speaks_with_each_socket(self):
        node = self.node
        for name, interface in (("agent", "agent"), ("cycle", "cycle"), ("apply", "apply"), ("admin", "apply")):
            path, interfaces = SOCKETS[name], [f"org.patchd.{interface}", "org.varlink.service"]
            with self.subTest(socket=name):
                info = json.loads(node.run("varlinkctl", "--json=short", "info", path).stdout)
                self.assertEqual((info["vendor"], sorted(info["interfaces"])), ("patchd", interfaces))
                self.assertIn(f"interface org.patchd.{interface}", node.run("varlinkctl", "introspect", path).stdout)
                for wanted in interfaces:
                    text = self.varlink(path, "org.varlink.service.GetInterfaceDescription", interface=wanted)["description"]
                    node.run("varlinkctl", "validate-idl", stdin=text)
        self.assertEqual(self.varlink(SOCKETS["agent"], "org.patchd.agent.GetHistory", "reader", limit=1), {"runs": []})
        self.assertIn("state", self.varlink(SOCKETS["admin"], "org.patchd.apply.GetState"))
        wrong = node.run("varlinkctl", "call", SOCKETS["agent"], "org.patchd.agent.Explain", "{}", check=False)
        self.assertIn("org.varlink.service.InvalidParameter", wrong.stderr)
        more = ["varlinkctl", "--json=short", "call", "--more", SOCKETS["cycle"], "org.patchd.cycle.Run", '{"trigger":"poll"}']

        def streamed():
            done = node.run(*more, check=False, timeout=CYCLE_TIMEOUT_SECONDS)
            return [json.loads(line)["state"] for line in done.stdout.replace("\x1e", "").splitlines()
                    if done.returncode == 0]  # else the daemon's own is running

        states = container.wait_until(streamed, CYCLE_TIMEOUT_SECONDS, "a cycle that varlinkctl asks for")
        self.assertEqual((states[0], states[-1]), ("fetch", "finished"))

    def varlink(self, path, method, user=None, **parameters):
        return json.loads(self.node.run("varlinkctl", "--json=short", "call", path, method, json.dumps(parameters),
                                        user=user).stdout)

    def test_07_inside_the_window_exactly_the_approved_is_installed(self):
        node = self.node
        version = node.publish(window=policies.open_window(), **self.exceptions())
        node.new_cycle()
        report = node.await_report(
            lambda r: r["policy"]["version"] == version and (r["last_run"] or {}).get("finished_at")
            and r["compliance"]["status"] == "compliant", RUN_TIMEOUT_SECONDS, "a run, and a compliant report")
        jsonschema.validate(report, report_schema())
        self.assertEqual(report["last_run"]["result"], "succeeded")
        self.assertEqual(self.changed(), self.approved)
        self.assertEqual(node.run("dpkg", "--audit").stdout, "")
        self.assertEqual(node.run("apt-get", "check").returncode, 0)

    def test_08_unapproved_update_stays(self):
        package = self.kept
        self.assertIn(package, self.node.pending())
        self.assertEqual(self.node.installed()[package], self.release[package])

    def test_09_kernel_image_arrived(self):
        node = self.node
        images = [name for name in self.changed() if name.startswith("linux-image-") and name != META_PACKAGE]
        self.assertEqual(len(images), 1, images)
        kernel = images[0].removeprefix("linux-image-")
        node.run("test", "-s", f"/boot/vmlinuz-{kernel}")
        node.run("test", "-s", f"/boot/initrd.img-{kernel}")
        auto = node.run("apt-mark", "showauto").stdout.split()
        self.assertIn(images[0], auto, "what came in for its meta package is removed with it")

    def test_10_journal_tells(self):
        updated = {e["PATCHD_PACKAGE"]: e["PATCHD_VERSION_TO"] for e in self.node.events("package-updated")}
        self.assertEqual(updated, self.approved)
        for name in ("policy-accepted", "scan-finished", "run-started", "run-finished", "report-delivered"):
            with self.subTest(event=name):
                found = self.node.events(name)
                self.assertTrue(found)
                self.assertRegex(found[0]["MESSAGE_ID"], "^[0-9a-f]{32}$")
                self.assertIn(found[0]["SYSLOG_IDENTIFIER"], ("patchd", "patchd-cycle", "patchd-apply"))
        explained = self.node.run("journalctl", "-x", "-n", "1", "PATCHD_EVENT=run-finished").stdout
        self.assertIn("Defined-By: patchd", explained)

    def test_11_history_and_exit_code(self):
        node = self.node
        self.assertIn(node.run("patchctl", "scan", check=False).returncode, (0, 4))
        history = json.loads(node.run("patchctl", "history", "--json", user="reader").stdout)
        self.assertIn("succeeded", json.dumps(history))

    def test_12_upgrade_keeps_helper_units(self):
        """Installing the package again restarts the agent and leaves the sockets alone."""
        node = self.node
        before = self.started("patchd-apply.socket"), self.started("patchd.service")
        node.run("apt-get", "-q", "-y", "--reinstall", "install", "/root/patchd.deb")
        self.assertEqual(self.started("patchd-apply.socket"), before[0])
        self.assertNotEqual(self.started("patchd.service"), before[1])
        self.assertEqual(node.run("systemctl", "--failed", "--no-legend").stdout, "")

    def test_13_purge_cleans_up(self):
        node = self.node
        node.run("apt-get", "-q", "-y", "purge", "patchd")
        left = node.shell("ls -d /etc/patchd /var/lib/patchd* /run/patchd* /etc/needrestart/conf.d/patchd.conf "
                          "/etc/systemd/system/*/patchd* 2>/dev/null || true").stdout
        self.assertEqual(left, "")
        self.assertEqual(node.shell("systemctl list-units --all --no-legend 'patchd*' || true").stdout, "")

    # ---- what is expected, from apt and dpkg alone ----

    @classmethod
    def find_kept_back(cls):
        """A pending update that nothing else needs, to be rejected by the policy."""
        for package in sorted(cls.candidates, reverse=True):
            if package in cls.release and package != META_PACKAGE and cls.node.is_security(package, cls.candidates[package]):
                rest = cls.node.shell(f"apt-mark hold {package} >/dev/null; apt-get -s dist-upgrade; "
                                      f"apt-mark unhold {package} >/dev/null").stdout
                if rest.count("\nInst ") == len(cls.candidates) - 1:
                    return package
        raise roots.LabError("every pending update is needed by another one")

    def exceptions(self):
        return {"rejected": [{"package": self.kept, "reason": "the lab keeps it back"}]}

    def changed(self):
        """What dpkg has now and had not in the release, aside from what came in with patchd."""
        now = self.node.installed()
        return {name: version for name, version in now.items()
                if self.release.get(name) != version and name not in self.own}

    def started(self, unit):
        return self.node.run("systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", unit).stdout.strip()


def main():
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        folder = pathlib.Path(enter(tempfile.TemporaryDirectory(prefix="patchd-system-")))
        root = enter(roots.copy_of(roots.base_root(VERSION, "system"), hostname=f"node{VERSION}"))
        DebianNode.web = enter(webserver.WebServer("token"))
        booted = enter(container.Container(root))
        DebianNode.node = Node(booted, DebianNode.web, policies.Key(folder), folder)
        return run_steps(booted)


if __name__ == "__main__":
    sys.exit(main())
