# SPDX-License-Identifier: Apache-2.0
"""A kernel update on a real machine: a virtual machine in software emulation boots Debian with the
kernel of its release through GRUB, gets the security kernel from the archive, restarts into it by
itself inside its window (`reboot: if-needed`), and reports. Nothing but the kernel package's own hooks
touches the boot menu. The steps build on each other and run in the order of their names."""

import contextlib
import json
import pathlib
import sys
import tempfile
import time
import unittest

import jsonschema

from lab import disk, machine, policies, roots, webserver
from lab.node import Node, report_schema, run_steps

VERSION = sys.argv.pop(1) if len(sys.argv) > 1 else "12"

RUN_TIMEOUT_SECONDS = 3600
REBOOT_TIMEOUT_SECONDS = 1200
REPORT_TIMEOUT_SECONDS = 900
META_PACKAGE = "linux-image-amd64"


class Stages:
    """Prints how long each part took."""

    def __init__(self):
        self.since = time.monotonic()

    def done(self, what):
        now = time.monotonic()
        print(f"--- {what}: {now - self.since:.0f} s", file=sys.stderr, flush=True)
        self.since = now


class KernelUpdate(unittest.TestCase):
    maxDiff = None

    node = web = stages = None
    old = new = None  # kernel releases
    run_id = first_boot = policy = None

    def publish(self, version):
        """Versions of one policy, with one window."""
        cls = type(self)
        if not cls.policy:
            cls.policy = policies.make_policy(window=policies.open_window(), filters={"package": ["linux-image-*"]})
            cls.policy["assignments"][0]["reboot"] = "if-needed"
        envelope = self.node.key.sign_policy({**cls.policy, "version": version}, self.node.folder / f"{version}.dsse.json")
        self.web.publish(envelope, "lab.dsse.json")
        self.node.new_cycle()

    def await_run(self, phase, timeout):
        """Waits for the report whose last run is in this phase of its reboot."""
        report = self.node.await_report(lambda r: (r["last_run"] or {}).get("reboot_phase") == phase, timeout,
                                        f"a report of a run whose reboot is {phase}")
        jsonschema.validate(report, report_schema())
        self.assertEqual(report["last_run"]["result"], "succeeded", report["last_run"])
        self.assertEqual(report["compliance"]["status"], "compliant", report)
        return report

    def menu(self):
        """The kernels in the boot menu, in its order and each once."""
        text = self.node.shell("sed -nE 's/.*[ \\t]linux[ \\t]+[^ ]*vmlinuz-([^ ]+) .*/\\1/p' /boot/grub/grub.cfg")
        return list(dict.fromkeys(text.stdout.split()))

    def running(self):
        return self.node.run("uname", "-r").stdout.strip()

    def test_01_the_kernel_of_the_release_runs(self):
        cls = type(self)
        cls.old, cls.first_boot = self.running(), self.node.container.boot_id()
        self.assertEqual(self.node.container.boots(), [self.old])
        self.assertEqual(self.node.run("systemd-detect-virt").stdout.strip(), "qemu")
        self.assertIn("linux /boot/vmlinuz-", self.node.run("cat", "/boot/grub/grub.cfg").stdout)
        self.node.install_patchd()
        self.stages.done("patchd installed")

    def test_02_the_security_kernel_is_installed(self):
        self.publish(1)
        report = self.await_run("requested", RUN_TIMEOUT_SECONDS)
        self.stages.done("refreshed, downloaded and installed")
        run = report["last_run"]
        names = sorted(package["name"] for package in run["packages"])
        self.assertEqual((len(names), names[-1]), (2, META_PACKAGE), run)
        type(self).run_id, type(self).new = run["run_id"], names[0].removeprefix("linux-image-")
        self.assertNotEqual(self.new, self.old)
        self.assertEqual(report["node"]["kernel"], self.old)
        self.assertEqual(report["reboot"], {"required": "yes", "reasons": [
            f"kernel {self.old} runs, the newer {self.new} is installed"]})
        self.assertTrue(report["window"]["open"])
        self.assertLess(report["window"]["opens_at"], run["started_at"])
        self.assertLess(run["reboot_requested_at"], report["window"]["closes_at"])

    def test_03_it_restarts_into_it(self):
        self.node.container.await_reboot(REBOOT_TIMEOUT_SECONDS)
        self.stages.done("restarted")
        self.assertEqual(self.running(), self.new)
        self.assertEqual(self.node.container.boots(), [self.old, self.new])
        self.assertNotEqual(self.node.container.boot_id(), self.first_boot)

    def test_04_the_run_ends_as_verified(self):
        report = self.await_run("finished", REPORT_TIMEOUT_SECONDS)
        self.stages.done("verified and reported")
        run = report["last_run"]
        self.assertEqual((run["run_id"], run["kernel"]), (self.run_id, self.new))
        self.assertIn("verified after the reboot", run["message"])
        self.assertEqual(run["reboot"], f"requested at {run['reboot_requested_at']}, came back at {run['rebooted_at']} "
                                        f"with kernel {self.new}")
        self.assertEqual(report["reboot"], {"required": "no", "reasons": []})
        self.assertEqual(report["node"]["kernel"], self.new)
        states = {package["name"]: package["state"] for package in report["packages"]}
        self.assertNotIn("missing", states.values())
        self.assertNotIn("installed_pending_reboot", states.values())

    def test_05_as_the_archive_and_dpkg_see_it(self):
        installed = self.node.installed()
        new, old = f"linux-image-{self.new}", f"linux-image-{self.old}"
        self.assertTrue(self.node.is_security(new, installed[new]), installed[new])
        self.assertEqual(self.menu(), [self.new, self.old], "written by the hooks of the kernel's package")
        self.assertIn(old, installed, "the one to go back to")
        self.assertNotIn(META_PACKAGE, self.node.pending())
        self.assertEqual(self.node.run("dpkg", "--audit").stdout, "")
        self.stages.done("compared with apt and dpkg")

    def test_06_once(self):
        """Another look, for a new policy in the same window, brings no other restart."""
        node = self.node
        self.publish(2)
        report = node.await_policy(2, REPORT_TIMEOUT_SECONDS)
        self.assertEqual((report["reboot"]["required"], report["last_run"]["run_id"]), ("no", self.run_id))
        self.assertTrue(report["window"]["open"])
        history = json.loads(node.run("patchctl", "history", "--json").stdout)["runs"]
        self.assertEqual([run["run_id"] for run in history if run["packages"]], [self.run_id])
        self.assertEqual(node.run("ls", "/var/lib/patchd-apply/intents").stdout, "")
        self.assertEqual([len(node.events(f"reboot-{name}")) for name in ("requested", "finished")], [1, 1])
        needed_in = {event["_BOOT_ID"] for event in node.events("reboot-required")}
        self.assertEqual(needed_in, {self.first_boot}, "nothing has asked for one since")
        logged = node.run("journalctl", "--list-boots", "--no-pager", "-q").stdout.splitlines()
        self.assertEqual((len(logged), node.container.boots()), (2, [self.old, self.new]))
        self.assertEqual(node.run("systemctl", "--failed", "--no-legend").stdout, "")
        self.stages.done("looked once more")


def main():
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        folder = pathlib.Path(enter(tempfile.TemporaryDirectory(prefix="patchd-kernel-")))
        KernelUpdate.stages = Stages()
        base = roots.base_root(VERSION, "system", disk.PACKAGES)
        KernelUpdate.stages.done("base root")
        KernelUpdate.web = enter(contextlib.closing(webserver.WebServer("token", name=disk.GATEWAY_NAME)))
        with roots.copy_of(base, hostname=f"machine{VERSION}") as root:
            booted = enter(machine.Machine(root))
        KernelUpdate.stages.done("disk made and booted")
        KernelUpdate.node = Node(booted, KernelUpdate.web, policies.Key(folder), folder)
        status = run_steps(booted)
        if status:
            print("--- console ---", booted.console(), sep="\n", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
