# SPDX-License-Identifier: Apache-2.0
"""A node that reboots by itself: a booted Debian with `reboot: always` gets one update in its window,
waits for an inhibitor and for FleetLock, reboots once, and its run ends as verified. Then an
administrator reboots it. The steps build on each other and run in the order of their names."""

import contextlib
import json
import os
import pathlib
import sys
import tempfile
import unittest

import jsonschema

from lab import container, locks, policies, roots, webserver
from lab.node import CYCLE_TIMEOUT_SECONDS, Node, report_schema, run_steps

VERSION = sys.argv.pop(1) if len(sys.argv) > 1 else "12"

REBOOT_TIMEOUT_SECONDS = 300


class RebootingNode(unittest.TestCase):
    maxDiff = None

    node = web = locks = None
    update = None  # the one package that is approved
    run_id = first_boot = None

    @classmethod
    def setUpClass(cls):
        node = cls.node
        node.run("apt-get", "-q", "update")
        node.run("apt-get", "-q", "-y", "--no-install-recommends", "install", "needrestart", timeout=600)
        cls.update = node.find_single_update()
        node.install_patchd(f"fleet_lock_url = {cls.locks.url}")
        cls.first_boot = node.container.boot_id()

    def last_run(self, words):
        """Waits for a report whose last run tells words of its reboot."""
        report = self.node.await_report(lambda r: words in ((r["last_run"] or {}).get("reboot") or ""),
                                        REBOOT_TIMEOUT_SECONDS, f"a report that says {words!r}")
        jsonschema.validate(report, report_schema())
        return report["last_run"]

    def boots(self):
        """How often this machine has booted, as its journal knows."""
        return len(self.node.run("journalctl", "--list-boots", "--no-pager", "-q").stdout.splitlines())

    def test_01_inhibitor_is_respected(self):
        node = self.node
        node.run("systemd-run", "--unit=lab-blocker", "systemd-inhibit", "--what=shutdown", "--who=lab",
                 "--why=a backup", "--mode=block", "sleep", "infinity")
        container.wait_until(lambda: "a backup" in node.run("systemd-inhibit", "--list").stdout, 30, "the inhibitor")
        document = policies.make_policy(1, window=policies.open_window(), rules=[],
                                        approved=[{"package": self.update}])
        document["assignments"][0]["reboot"] = "always"
        envelope = node.key.sign_policy(document, node.folder / "reboot.dsse.json")
        self.web.publish(envelope, "lab.dsse.json")
        node.new_cycle()
        run = self.last_run("inhibited by lab (uid 0")
        self.assertEqual((run["result"], run["reboot_phase"]), ("succeeded", "awaited"))
        self.assertEqual([p["name"] for p in run["packages"]], [self.update])
        self.assertIsInstance(run["services_to_restart"], list)
        type(self).run_id = run["run_id"]
        refused = node.run("patchctl", "reboot", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("a backup", refused.stderr)

    def test_02_lock_is_asked_for(self):
        self.locks.mode = "refuse"
        self.node.run("systemctl", "stop", "lab-blocker")
        run = self.last_run("FleetLock: ")
        self.assertIn("status 409: the lab says no", run["reboot"])
        self.assertEqual((run["run_id"], run["reboot_phase"]), (self.run_id, "awaited"))
        self.assertEqual(set(self.locks.paths()), {"/v1/pre-reboot"})

    def test_03_it_reboots(self):
        self.locks.mode = "grant"
        self.node.container.await_reboot(REBOOT_TIMEOUT_SECONDS)
        self.assertNotEqual(self.node.container.boot_id(), self.first_boot)
        self.assertIsNotNone(self.locks.holder, "kept until the node is back")

    def test_04_the_run_ends_as_verified(self):
        run = self.last_run("came back at")
        self.assertEqual((run["run_id"], run["result"], run["reboot_phase"]), (self.run_id, "succeeded", "finished"))
        self.assertIn("verified after the reboot", run["message"])
        self.assertEqual(run["kernel"], os.uname().release)
        self.assertLess(run["reboot_requested_at"], run["rebooted_at"])
        told = self.node.run("patchctl", "history", self.run_id).stdout
        self.assertRegex(told, f"reboot requested at {run['reboot_requested_at']}, came back at {run['rebooted_at']}")
        self.assertIn("came back at", self.node.run("patchctl", "status", check=False).stdout)
        self.assertEqual(self.node.run("ls", "/var/lib/patchd-apply/intents").stdout, "")

    def test_05_the_lock_is_given_back(self):
        container.wait_until(lambda: self.locks.holder is None, CYCLE_TIMEOUT_SECONDS, "the lock to be given back")
        self.assertEqual(self.locks.paths()[-1], "/v1/steady-state")
        ids = {body["client_params"]["id"] for _, _, body in self.locks.requests}
        self.assertEqual(len(ids), 1)

    def test_06_once(self):
        """Neither the next cycle nor a look by hand brings another one."""
        self.node.new_cycle()
        report = self.node.await_report(lambda r: (r["last_run"] or {}).get("reboot_phase") == "finished",
                                        CYCLE_TIMEOUT_SECONDS, "a report after the next cycle")
        self.assertEqual(report["reboot"]["required"], "no", report["reboot"])
        self.assertEqual((self.boots(), self.node.container.n_boots), (2, 2))
        self.assertFalse(self.node.container.has_rebooted())
        history = json.loads(self.node.run("patchctl", "history", "--json").stdout)["runs"]
        self.assertEqual([r["run_id"] for r in history if r["packages"]], [self.run_id])

    def test_07_the_journal_tells_who(self):
        requested, finished = self.node.events("reboot-requested"), self.node.events("reboot-finished")
        self.assertEqual((len(requested), len(finished)), (1, 1))
        self.assertEqual((requested[0]["PATCHD_RUN_ID"], finished[0]["PATCHD_RUN_ID"]), (self.run_id, self.run_id))
        logind = self.node.run("journalctl", "--no-pager", "-b", "-1", "-u", "systemd-logind").stdout
        self.assertIn(f"patchd reboots this node after run {self.run_id} of policy lab version 1", logind)

    def test_08_only_administrators(self):
        locks_found = self.node.run("find", "/var/lib/patchd-apply", "-name", "*.lock", "-printf", "%f %m\\n").stdout
        self.assertEqual(sorted(locks_found.splitlines()), ["reboot.lock 600", "run.lock 600"])
        answer = self.node.call("apply", "org.patchd.apply.Reboot", "patchd")
        self.assertIn("org.patchd.apply.PermissionDenied", answer)
        self.assertFalse(self.node.container.has_rebooted())

    def test_09_administrator_reboots(self):
        node = self.node
        done = node.run("patchctl", "reboot", check=False)
        self.assertIn(done.returncode, (0, -15, 143), done.stderr)
        node.container.await_reboot(REBOOT_TIMEOUT_SECONDS)
        self.assertEqual(self.boots(), 3)
        self.assertIn("asked by uid 0", node.events("reboot-requested")[-1]["PATCHD_REASON"])
        container.wait_until(lambda: self.locks.holder is None, CYCLE_TIMEOUT_SECONDS, "the lock to be given back")
        self.assertEqual(node.run("systemctl", "--failed", "--no-legend").stdout, "")


def main():
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        folder = pathlib.Path(enter(tempfile.TemporaryDirectory(prefix="patchd-reboot-")))
        root = enter(roots.copy_of(roots.base_root(VERSION, "system"), hostname=f"reboot{VERSION}"))
        (pathlib.Path(root) / "var/log/journal").mkdir(exist_ok=True)  # boots are counted by the journal
        RebootingNode.web = enter(contextlib.closing(webserver.WebServer("token")))
        RebootingNode.locks = enter(locks.LockServer())
        booted = enter(container.Container(root))
        RebootingNode.node = Node(booted, RebootingNode.web, policies.Key(folder), folder)
        return run_steps(booted)


if __name__ == "__main__":
    sys.exit(main())
