# SPDX-License-Identifier: Apache-2.0
"""patchd upgrades patchd: a booted Debian with the package of this tree gets the next one, built from
the same tree, as an approved update of a signed repository, together with others and with a library
that patchd uses. The steps build on each other and run in the order of their names."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from lab import container, policies, recorder, repository, roots
from lab.node import CYCLE_TIMEOUT_SECONDS, Node, SOCKETS, SOURCE, package_file, run_steps

VERSION = "12"
NEXT, AFTER_NEXT = "0.99.0", "0.99.1"
LIBRARY, LIBRARY_FILE = "libjson-c5", "libjson-c.so.5.2.0"
LIBRARY_FOLDER = "usr/lib/x86_64-linux-gnu"
RUN_TIMEOUT_SECONDS = 180
UNIT_STARTED = "39f53479d3a045ac8e11786248231fbf"  # systemd's MESSAGE_ID
UNIT_FAILED = "d9b373ed55a64feb8242e02dbe79a49c"
SOCKET_UNITS = ["patchd-cycle.socket", "patchd-apply.socket", "patchd-admin.socket"]
# Before all else in a postinst: waits as long as the lab says so.
HOLD = "#!/bin/sh\nif [ -e /run/lab-hold ]; then touch /run/lab-held; while [ -e /run/lab-hold ]; do sleep 0.1; done; fi\n"

# Connects to each socket and says nothing: the instance behind it waits for a request.
CLIENT = """
import socket, sys, time
held = [socket.socket(socket.AF_UNIX) for _ in sys.argv[1:]]
for s, path in zip(held, sys.argv[1:]):
    s.connect(path)
time.sleep(600)
"""


def next_package():
    """The package of this tree as if it were a later release; built once for a state of the tree."""
    return pathlib.Path(roots.run_host(SOURCE / "packaging/build-deb", "-o", SOURCE / "build/deb-next", "-v", NEXT,
                                       timeout=900).stdout.splitlines()[-1])


class Endpoint(recorder.Recorder):
    def publish(self, envelope, _name):
        self.policy = pathlib.Path(envelope).read_bytes()


class Archive:
    """The only repository that the node knows."""

    def __init__(self, folder, key):
        self.key = key
        self.repository = repository.Repository(folder, key, origin="Lab", label="Lab")
        self.server = repository.Server(folder)
        self.source = f"deb [signed-by=/etc/apt/lab.gpg] {self.server.url} stable main\n"

    def close(self):
        self.server.close()
        self.key.done()

    def offer(self, packages=(), debs=()):
        for package in packages:
            self.repository.add(**package)
        for deb in debs:
            shutil.copy(deb, self.repository.folder / "pool")
        self.repository.publish()

    def offer_library(self, root, version):
        """A library that patchd uses, from the files in the root."""
        binary = (root / LIBRARY_FOLDER / LIBRARY_FILE).read_bytes()
        self.repository.add(LIBRARY, version, arch="amd64", depends="libc6",
                            extra={"Source": "json-c", "Multi-Arch": "same"},
                            files={f"/{LIBRARY_FOLDER}/{LIBRARY_FILE}": binary},
                            links={f"/{LIBRARY_FOLDER}/libjson-c.so.5": LIBRARY_FILE})


def lab_packages(version):
    return [{"name": "lab-lib", "version": version}, {"name": "lab-app", "version": version, "depends": "lab-lib"}]


class SelfUpgrade(unittest.TestCase):
    maxDiff = None

    node = endpoint = archive = None
    first_run = upgrade_run = None
    before = {}

    @classmethod
    def setUpClass(cls):
        node = cls.node
        node.run("apt-get", "-q", "update")
        node.run("apt-get", "-q", "-y", "--no-install-recommends", "install", "needrestart")
        # From here on the lab's repository is the only one, so that nothing else is pending.
        node.write("/etc/apt/sources.list", cls.archive.source)
        cls.archive.offer(lab_packages("1.0"))
        cls.refresh()
        node.run("apt-get", "-q", "-y", "install", "lab-app")
        node.install_patchd()
        cls.old_version = node.installed()["patchd"]

    # ---- the node, from outside ----

    @classmethod
    def refresh(cls):
        """Waits for the agent's own refresh, as apt itself does not."""
        container.wait_until(lambda: cls.node.run("apt-get", "-q", "update", check=False).returncode == 0,
                             RUN_TIMEOUT_SECONDS, "apt-get update")

    @classmethod
    def look(cls):
        """What apt can see, the agent judges now and not at its next poll."""
        cls.refresh()
        cls.node.run("systemctl", "reload", "patchd.service")

    def publish(self):
        return self.node.publish(window=policies.open_window(), reboot="never",
                                 rules=[{"name": "all", "approve_after_days": 0}])

    def await_report(self, condition, what):
        def matching():
            return [r for r in list(self.endpoint.reports) if condition(r)]
        try:
            return container.wait_until(matching, RUN_TIMEOUT_SECONDS, what)[0]
        except TimeoutError as error:
            raise AssertionError(f"{error}; the last report: {json.dumps(self.endpoint.reports[-1:])[:4000]}") from None

    def await_run(self, policy_version, agent_version, result="succeeded"):
        """The first report of a finished run under that policy, by that version of the agent."""
        def matches(report):
            run = report["last_run"] or {}
            return (report["policy"]["version"], report["agent"]["version"]) == (policy_version, agent_version) and \
                run.get("finished_at") and run["run_id"] not in (self.first_run, self.upgrade_run)
        run = self.await_report(matches, f"a run under policy {policy_version} by {agent_version}")["last_run"]
        self.assertEqual(run["result"], result, run)
        return run

    def show(self, unit, *properties):
        text = self.node.run("systemctl", "show", *(f"-p{name}" for name in properties), unit).stdout
        return dict(line.split("=", 1) for line in text.splitlines())

    def entries(self, *matches):
        text = self.node.run("journalctl", "-o", "json", "--no-pager", *matches, check=False).stdout
        return [json.loads(line) for line in text.splitlines()]

    def starts(self):
        return len(self.entries(f"MESSAGE_ID={UNIT_STARTED}", "UNIT=patchd.service"))

    def sockets(self):
        stat = self.node.run("stat", "-c", "%n %a %U:%G %F", *SOCKETS.values()).stdout
        return stat, [self.show(unit, "ActiveState", "ActiveEnterTimestampMonotonic") for unit in SOCKET_UNITS]

    def history(self):
        return json.loads(self.node.run("patchctl", "history", "--json").stdout)["runs"]

    def apt_calls(self):
        """What each call of apt upgraded, oldest first."""
        log = self.node.run("cat", "/var/log/apt/history.log").stdout
        return [sorted(re.findall(r"(\S+?):\S+ \(", line)) for line in re.findall(r"^Upgrade: (.*)$", log, re.M)]

    def instances(self):
        """{template: [pid of each instance]} of the units that a run works in."""
        lines = self.node.run("systemctl", "list-units", "--no-legend", "--plain", "patchd-*@*.service").stdout.splitlines()
        units = sorted(line.split()[0] for line in lines)
        return {unit: self.show(unit, "MainPID")["MainPID"] for unit in units}

    # ---- its life ----

    def test_01_a_run_of_the_old_version(self):
        self.archive.offer(lab_packages("2.0"))
        version = self.publish()
        self.look()
        run = self.await_run(version, self.old_version)
        type(self).first_run = run["run_id"]
        self.assertEqual({p["name"] for p in run["packages"]}, {"lab-app", "lab-lib"})

    def test_02_the_upgrade_is_one_run_and_succeeds(self):
        cls, node = type(self), self.node
        cls.before = {"starts": self.starts(), "sockets": self.sockets(), "pid": self.show("patchd.service", "MainPID"),
                      "library": node.installed()[LIBRARY]}
        self.archive.offer_library(node.container.root, self.before["library"] + "+lab1")
        self.archive.offer(lab_packages("3.0"), [next_package()])
        version = self.publish()
        self.look()
        run = self.await_run(version, NEXT)
        cls.upgrade_run = run["run_id"]
        self.assertEqual({p["name"]: (p["result"], p["version_to"]) for p in run["packages"]},
                         {"lab-app": ("updated", "3.0"), "lab-lib": ("updated", "3.0"), "patchd": ("updated", NEXT),
                          LIBRARY: ("updated", self.before["library"] + "+lab1")})
        self.assertEqual(node.installed()["patchd"], NEXT)
        self.assertEqual(node.run("dpkg", "--audit").stdout, "")

    def test_03_patchd_and_its_library_came_last(self):
        calls = self.apt_calls()
        self.assertEqual(calls[-1], sorted([LIBRARY, "patchd"]), calls)
        self.assertNotIn("patchd", sum(calls[:-1], []))

    def test_04_the_new_daemon_runs_and_was_started_once(self):
        node = self.node
        now = self.show("patchd.service", "MainPID", "NRestarts", "ActiveState", "Result")
        self.assertNotEqual(now["MainPID"], self.before["pid"]["MainPID"])
        self.assertEqual((now["ActiveState"], now["NRestarts"], now["Result"]), ("active", "0", "success"))
        self.assertEqual(node.run("readlink", f"/proc/{now['MainPID']}/exe").stdout, "/usr/libexec/patchd/patchd\n")
        self.assertEqual(node.shell(f"grep -c deleted /proc/{now['MainPID']}/maps || true").stdout, "0\n")
        self.assertEqual(self.starts() - self.before["starts"], 1)
        self.assertIn(NEXT, node.run("patchctl", "--version").stdout)
        self.assertEqual(node.run("systemctl", "--failed", "--no-legend").stdout, "")
        self.assertEqual(self.entries(f"MESSAGE_ID={UNIT_FAILED}"), [])

    def test_05_the_helper_was_not_restarted(self):
        """One process began the run and ended it, although its program was replaced meanwhile."""
        of_run = [e for e in self.entries("_SYSTEMD_SLICE=system-patchd\\x2dapply.slice")
                  if e.get("PATCHD_RUN_ID") == self.upgrade_run]
        told = {name: [e for e in of_run if e["PATCHD_EVENT"] == name] for name in ("run-started", "run-finished")}
        self.assertEqual([len(entries) for entries in told.values()], [1, 1], told)
        self.assertEqual(told["run-finished"][0]["PATCHD_RESULT"], "succeeded")
        self.assertEqual(len({(e["_PID"], e["_SYSTEMD_INVOCATION_ID"]) for e in of_run}), 1)
        self.assertEqual(len({e["MESSAGE_ID"] for e in self.node.events("run-finished")}), 1, "as before the upgrade")
        updated = [e["PATCHD_PACKAGE"] for e in of_run if e["PATCHD_EVENT"] == "package-updated"]
        self.assertEqual(sorted(updated), sorted(["lab-app", "lab-lib", LIBRARY, "patchd"]))

    def test_06_sockets_were_left_alone(self):
        self.assertEqual(self.sockets(), self.before["sockets"])

    def test_07_nothing_is_lost_or_told_twice(self):
        reports = list(self.endpoint.reports)
        numbers = [report["sequence"] for report in reports]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        told = [r["last_run"]["run_id"] for r in reports if (r["last_run"] or {}).get("finished_at")]
        self.assertEqual(list(dict.fromkeys(told)), [self.first_run, self.upgrade_run])
        self.assertEqual(told, sorted(told, key=told.index), "never back to the older run")
        self.assertEqual([run["run_id"] for run in self.history()], [self.upgrade_run, self.first_run])

    def test_08_old_state_is_read(self):
        """The policy isn't fetched again, and an older one isn't taken."""
        n_polls = len(self.endpoint.polls)
        self.node.run("systemctl", "reload", "patchd.service")
        container.wait_until(lambda: len(self.endpoint.polls) > n_polls, CYCLE_TIMEOUT_SECONDS, "a poll")
        self.assertEqual(self.endpoint.polls[n_polls], 304)
        good = self.endpoint.policy
        self.endpoint.policy = (self.node.folder / "1.dsse.json").read_bytes()
        self.node.run("systemctl", "reload", "patchd.service")
        container.wait_until(lambda: self.node.events("policy-rejected"), CYCLE_TIMEOUT_SECONDS, "a rejection")
        self.endpoint.policy = good

    def test_09_needrestart_restarts_patchd_and_no_run(self):
        """An administrator upgrades a library by hand, needrestart restarting what it likes."""
        node = self.node
        for user, names in (("patchd", ("cycle", "apply")), ("root", ("admin",))):
            node.run("systemd-run", f"--unit=lab-client-{user}", f"--uid={user}", "python3", "-c", CLIENT,
                     *(SOCKETS[name] for name in names))
        def held():
            return {unit.partition("@")[0] for unit in self.instances()} == {"patchd-cycle", "patchd-apply", "patchd-admin"}
        container.wait_until(held, 20, "an instance of each")
        before, daemon = self.instances(), self.show("patchd.service", "MainPID")
        self.archive.offer_library(node.container.root, self.before["library"] + "+lab2")
        self.archive.offer()
        self.refresh()
        said = node.run("env", "NEEDRESTART_MODE=a", "apt-get", "-q", "-y", "install", LIBRARY).stdout
        self.assertRegex(said, r"systemctl restart .*\bpatchd\.service")
        self.assertEqual(self.instances(), before)
        self.assertNotEqual(self.show("patchd.service", "MainPID"), daemon)
        node.run("systemctl", "stop", "lab-client-patchd", "lab-client-root")

    def test_10_killed_in_its_own_postinst(self):
        """All of the helper's unit at once, the package manager and the script included; the next helper
        ends it."""
        node = self.node
        node.shell("touch /run/lab-hold")
        self.archive.offer(debs=[self.with_held_postinst()])
        self.look()
        container.wait_until(lambda: node.run("test", "-e", "/run/lab-held", check=False).returncode == 0,
                             RUN_TIMEOUT_SECONDS, "the postinst of patchd")
        node.run("systemctl", "kill", "--signal=KILL", "patchd-apply@*.service")
        self.assertIn("patchd", node.run("dpkg", "--audit").stdout)
        node.run("rm", "/run/lab-hold")
        run = self.await_run(node.policy_version, NEXT, "interrupted")
        self.assertIn("repaired", run["message"])
        self.assertEqual([(p["name"], p["result"]) for p in run["packages"]], [("patchd", "updated")])
        self.assertEqual(node.installed()["patchd"], AFTER_NEXT)
        self.assertEqual(node.run("dpkg", "--audit").stdout, "")
        self.assertEqual(node.run("ls", "/var/lib/patchd-apply/intents").stdout, "")
        self.assertEqual(len({run["run_id"] for run in self.history()}), 3)
        self.assertEqual(self.show("patchd.service", "ActiveState", "NRestarts"),
                         {"ActiveState": "active", "NRestarts": "0"})

    def with_held_postinst(self):
        """The next package once more, under a higher number, with a postinst that waits for the lab."""
        tree, deb = self.node.folder / "held", self.node.folder / f"patchd_{AFTER_NEXT}_amd64.deb"
        roots.run_host("dpkg-deb", "-R", next_package(), tree)
        for name, change in (("control", lambda text: text.replace(f"Version: {NEXT}", f"Version: {AFTER_NEXT}")),
                             ("postinst", lambda text: text.replace("#!/bin/sh\n", HOLD, 1))):
            path = tree / "DEBIAN" / name
            path.write_text(change(path.read_text("utf-8")), "utf-8")
        roots.run_host("dpkg-deb", "-Znone", "--root-owner-group", "-b", tree, deb)
        return deb

    def test_11_it_rolls_itself_back(self):
        node = self.node
        n_starts = self.starts()
        done = node.run("patchctl", "rollback", "--yes", check=False)
        self.assertIn(done.returncode, (0, 4), done)  # needrestart may want a reboot for what this lab replaced
        self.assertEqual(node.installed()["patchd"], NEXT, done.stdout)
        self.assertEqual(self.starts(), n_starts + 1)
        node.run("systemctl", "reload", "patchd.service")
        container.wait_until(lambda: self.history()[0]["trigger"] == "rollback", CYCLE_TIMEOUT_SECONDS, "its history")
        self.assertEqual(node.run("systemctl", "--failed", "--no-legend").stdout, "")

    def test_12_an_older_version_goes_on_with_newer_state(self):
        """Installed over it by hand."""
        node = self.node
        runs = self.history()
        node.run("apt-get", "-q", "-y", "--allow-downgrades", "install", "/root/patchd.deb")
        self.assertEqual(self.history(), runs)
        self.assertEqual(self.show("patchd.service", "ActiveState", "NRestarts"),
                         {"ActiveState": "active", "NRestarts": "0"})
        self.assertEqual(node.run("systemctl", "--failed", "--no-legend").stdout, "")


def main():
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        folder = pathlib.Path(enter(tempfile.TemporaryDirectory(prefix="patchd-self-")))
        root = enter(roots.copy_of(roots.base_root(VERSION, "system"), hostname="self"))
        key = repository.Key(folder)
        shutil.copy(key.public, root / "etc/apt/lab.gpg")
        SelfUpgrade.archive = enter(contextlib.closing(Archive(folder / "archive", key)))
        SelfUpgrade.endpoint = enter(Endpoint(folder))
        booted = enter(container.Container(root))
        SelfUpgrade.node = Node(booted, SelfUpgrade.endpoint, policies.Key(folder), folder)
        return run_steps(booted)


if __name__ == "__main__":
    sys.exit(main())
