# SPDX-License-Identifier: Apache-2.0
"""A service that a security update breaks: a booted Debian with a real server package of the release
and its update pending, an administrator's change in a configuration file, and a health check that the
update does not survive. The update comes in its window, is rolled back byte for byte, vetoed and
reported; then an administrator lifts the veto, and rolls back a run that went well. The steps build on
each other and run in the order of their names."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import sys
import tempfile
import unittest

import jsonschema

from lab import container, policies, roots, webserver
from lab.node import CYCLE_TIMEOUT_SECONDS, Node, report_schema, run_steps

VERSION = sys.argv.pop(1) if len(sys.argv) > 1 else "12"

RUN_TIMEOUT_SECONDS = 600
STATE = "/var/lib/patchd-apply"


@dataclasses.dataclass
class Server:
    """A package with a service that is made to listen on a port of loopback by one edited conffile;
    ask is a shell command that succeeds when it answers there."""

    package: str
    unit: str
    conffile: str
    edit: str
    ask: str


GET = "curl -fsS -o /dev/null http://127.0.0.1:PORT/"
SERVERS = (
    Server("nginx", "nginx.service", "/etc/nginx/sites-available/default",
           r"s/listen 80 default_server/listen 127.0.0.1:PORT default_server/; /listen \[::\]:80/d", GET),
    Server("apache2", "apache2.service", "/etc/apache2/ports.conf", "s/^Listen 80$/Listen 127.0.0.1:PORT/", GET),
    Server("memcached", "memcached.service", "/etc/memcached.conf", "s/^-p 11211/-p PORT/",
           r"""bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT; printf "version\r\nquit\r\n" >&3; grep -q ^VERSION <&3'"""),
)


class RollingNode(unittest.TestCase):
    maxDiff = None

    node = web = server = None
    port = None
    old = new = other = None  # versions of the server's package; another package with an update
    update = {}               # {package: version} of all that comes with the server's update
    files = {}                # what the packages had on the disk before, see roots.snapshot()
    run_id = None

    # ---- the lab ----

    @classmethod
    def setUpClass(cls):
        node = cls.node
        node.run("apt-get", "-q", "update")
        cls.server = cls.find_server()
        cls.port = str(webserver.free_port())
        cls.install_release()
        cls.update = cls.what_comes_with(cls.server.package)
        cls.new = cls.update[cls.server.package]
        cls.other = node.find_single_update(besides=cls.update)
        node.install_patchd()
        node.write("/etc/patchd/checks.d/shop", cls.check(f'test "$version" = "{cls.old}" || '
                                                          '{ echo "version $version breaks the shop"; exit 1; }'), 0o755)
        cls.files = cls.snapshot()

    @classmethod
    def suites(cls, package):
        """{suite: version} on offer."""
        rows = [[field.strip() for field in line.split("|")] for line in cls.node.run("apt-cache", "madison", package).stdout.splitlines()]
        return {row[2].split()[1].partition("/")[0]: row[1] for row in rows if len(row) == 3}

    @classmethod
    def find_server(cls):
        name = roots.RELEASES[VERSION]
        for server in SERVERS:
            offered = cls.suites(server.package)
            old, new = offered.get(name), offered.get(f"{name}-security")
            if old and new and cls.node.run("dpkg", "--compare-versions", old, "lt", new, check=False).returncode == 0:
                return server
        raise roots.LabError("none of these has a security update pending: " + ", ".join(s.package for s in SERVERS))

    @classmethod
    def install_release(cls):
        """The server as released, listening where nobody else on this machine does."""
        node, server = cls.node, cls.server
        node.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        node.run("apt-get", "-q", "-y", "--no-install-recommends", "-t", roots.RELEASES[VERSION], "install", server.package)
        node.run("rm", "/usr/sbin/policy-rc.d")
        cls.old = node.installed()[server.package]
        node.run("sed", "-i", server.edit.replace("PORT", cls.port), server.conffile)
        node.run("systemctl", "restart", server.unit)
        container.wait_until(cls.answers, 30, f"{server.package} to answer on port {cls.port}")

    @classmethod
    def what_comes_with(cls, package):
        plan = cls.node.run("apt-get", "-s", "install", "--no-install-recommends", "--only-upgrade", package).stdout
        return {m[1]: m[2] for m in re.finditer(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", plan, re.M)}

    @classmethod
    def check(cls, more="true"):
        """A health check that waits for the service to answer, and has more to say of its version."""
        return (f"#!/bin/sh\nask() {{ {cls.server.ask.replace('PORT', cls.port)}; }} 2>/dev/null\n"
                "n=0\nuntil ask; do n=$((n + 1)); test $n -lt 100 || { echo 'no answer'; exit 1; }; sleep 0.1; done\n"
                f"version=$(dpkg-query -W -f '${{Version}}' {cls.server.package})\n{more}\n")

    # ---- the node ----

    @classmethod
    def answers(cls):
        return cls.node.shell(cls.server.ask.replace("PORT", cls.port), check=False).returncode == 0

    @classmethod
    def snapshot(cls):
        text = cls.node.run("dpkg", "-L", *cls.update).stdout
        there = [p for p in text.splitlines() if p.startswith("/") and p != "/." and not p.startswith(("/run", "/tmp"))]
        root = cls.node.container.root
        return roots.snapshot(root, [p for p in there if os.path.lexists(root / p.lstrip("/"))])

    def versions(self, names):
        return {name: version for name, version in self.node.installed().items() if name in names}

    def last_run(self, condition, what):
        report = self.node.await_report(lambda r: r["last_run"] and condition(r["last_run"]), RUN_TIMEOUT_SECONDS, what)
        jsonschema.validate(report, report_schema())
        return report

    def is_as_before(self):
        """The server works in its old version, and nothing of its packages has changed on the disk."""
        self.assertEqual(self.node.installed()[self.server.package], self.old)
        self.assertEqual(self.node.run("systemctl", "is-active", self.server.unit).stdout, "active\n")
        container.wait_until(self.answers, 30, f"{self.server.package} to answer again")
        self.assertEqual(self.snapshot(), self.files)
        self.assertEqual(self.node.run("dpkg", "--audit").stdout, "")

    # ---- its life ----

    def test_01_the_lab_is_what_it_should_be(self):
        owner = self.node.run("dpkg", "-S", self.server.conffile).stdout.partition(":")[0]
        shown = self.node.run("dpkg", "--verify", owner, check=False).stdout
        self.assertRegex(shown, f" c {self.server.conffile}", "an edited conffile")
        self.assertIn(owner, self.update)
        self.assertGreater(len(self.files), 20)
        self.assertTrue(self.node.is_security(self.server.package, self.new))
        self.assertNotIn(self.other, self.update)

    def test_02_update_that_breaks_the_service_is_rolled_back(self):
        node = self.node
        node.publish(window=policies.open_window(), rules=[], approved=[{"package": name} for name in self.update])
        node.new_cycle()
        run = self.last_run(lambda r: r["packages"], "a run")["last_run"]
        type(self).run_id = run["run_id"]
        self.assertEqual({p["name"]: (p["version_to"], p["result"]) for p in run["packages"]},
                         {name: (version, "rolled_back") for name, version in self.update.items()}, run)
        for package in run["packages"]:
            self.assertIn(f"check 'shop' failed: exit code 1: version {self.new} breaks the shop", package["message"])
        self.assertEqual(run["result"], "failed")
        self.is_as_before()

    def test_03_it_was_really_there(self):
        """By dpkg's own log, which knows nothing of patchd."""
        log = self.node.run("cat", "/var/log/dpkg.log").stdout
        there = re.findall(rf" (?:upgrade|status installed) {re.escape(self.server.package)}:\S+ (.*)", log)
        self.assertEqual(there[-4:], [f"{self.old} {self.new}", self.new, f"{self.new} {self.old}", self.old])

    def test_04_it_is_told(self):
        node, name = self.node, self.server.package
        told = {e["PATCHD_PACKAGE"]: e for e in node.events("package-rolled-back")}
        self.assertEqual({n: (e["PATCHD_VERSION_TO"], e["PATCHD_RUN_ID"]) for n, e in told.items()},
                         {n: (version, self.run_id) for n, version in self.update.items()})
        failed = node.events("check-failed")
        self.assertEqual(len(failed), 1, failed)
        self.assertIn("breaks the shop", failed[0]["MESSAGE"])
        history = node.run("patchctl", "history", self.run_id).stdout
        self.assertIn("breaks the shop", history)
        self.assertRegex(history, rf"(?m)^rolled_back +{name} +{re.escape(self.old)} +{re.escape(self.new)} +check 'shop' failed")

    def test_05_it_is_vetoed(self):
        node, name = self.node, self.server.package
        vetoes = node.run("patchctl", "veto", "list").stdout
        for package, version in self.update.items():
            self.assertRegex(vetoes, rf"(?m)^{re.escape(package)} +{re.escape(version)} .*breaks the shop")
        scan = json.loads(node.run("patchctl", "scan", "--json", check=False).stdout)
        found = {p["name"]: p for p in scan["packages"]}[name]
        self.assertEqual((found["state"], found["target"]), ("held", self.new))
        self.assertRegex(found["reason"], "vetoed on this node: check 'shop' failed.*breaks the shop")
        for verb in (["explain", name], ["status"]):
            with self.subTest(verb=verb[0]):
                shown = node.run("patchctl", *verb, check=False).stdout
                self.assertRegex(shown, "(?s)held.*vetoed on this node|vetoed on this node.*held")

    def test_06_the_next_cycle_leaves_it(self):
        node = self.node
        version = node.publish(window=policies.open_window(), rules=[], approved=[{"package": name} for name in self.update])
        node.new_cycle()
        report = node.await_policy(version)
        self.assertEqual(report["compliance"]["status"], "non_compliant")
        self.assertEqual({p["name"] for p in report["packages"] if p["state"] == "held"} & set(self.update), set(self.update))
        history = json.loads(node.run("patchctl", "history", "--json").stdout)["runs"]
        self.assertEqual([r["run_id"] for r in history if r["packages"]], [self.run_id])
        self.is_as_before()

    def test_07_with_the_veto_lifted_it_comes(self):
        node = self.node
        node.write("/etc/patchd/checks.d/shop", self.check(), 0o755)
        for package in self.update:
            node.run("patchctl", "veto", "clear", package)
        self.assertIn("no version is vetoed", node.run("patchctl", "veto", "list").stdout)
        node.publish(window=policies.open_window(), rules=[], approved=[{"package": name} for name in (*self.update, self.other)])
        node.new_cycle()
        run = self.last_run(lambda r: r["packages"] and r["run_id"] != self.run_id, "another run")["last_run"]
        type(self).run_id = run["run_id"]
        self.assertEqual(run["result"], "succeeded", run)
        self.assertEqual({p["name"] for p in run["packages"]}, {*self.update, self.other})
        self.assertEqual(self.versions(self.update), self.update)
        self.assertTrue(self.answers())

    def test_08_administrator_sees_the_plan_first(self):
        node = self.node
        before = node.installed()
        plan = json.loads(node.run("patchctl", "rollback", "--json", self.run_id).stdout)
        self.assertEqual(node.installed(), before)
        plan = plan.get("plan", plan)
        back = {p["name"]: (p["version_now"], p["version_back"]) for p in plan["packages"]}
        self.assertEqual(back[self.server.package], (self.new, self.old))
        self.assertEqual(set(back), {*self.update, self.other})
        lines = "\n".join(plan["changes"])
        for package, (now, version) in back.items():
            with self.subTest(package=package):
                self.assertRegex(lines, rf"(?m)^Inst {re.escape(package)}(:\S+)? \[{re.escape(now)}\] \({re.escape(version)} ")

    def test_09_administrator_rolls_back_a_good_run(self):
        node = self.node
        shown = node.run("patchctl", "rollback", "--yes", self.run_id).stdout
        self.assertRegex(shown, rf"(?s)rolling back run {self.run_id}.*{re.escape(self.server.package)} +{re.escape(self.new)} +{re.escape(self.old)}")
        self.is_as_before()
        self.assertIn(self.other, node.pending())
        vetoes = node.run("patchctl", "veto", "list").stdout
        self.assertRegex(vetoes, rf"(?m)^{re.escape(self.other)} .*an administrator rolled back run {self.run_id}")
        self.assertEqual(node.run("systemctl", "--failed", "--no-legend").stdout, "")


def main():
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        folder = pathlib.Path(enter(tempfile.TemporaryDirectory(prefix="patchd-rollback-")))
        root = enter(roots.copy_of(roots.base_root(VERSION, "system"), hostname=f"rollback{VERSION}"))
        RollingNode.web = enter(contextlib.closing(webserver.WebServer("token")))
        booted = enter(container.Container(root))
        RollingNode.node = Node(booted, RollingNode.web, policies.Key(folder), folder)
        return run_steps(booted)


if __name__ == "__main__":
    sys.exit(main())
