# SPDX-License-Identifier: Apache-2.0
"""The steps of a run with real apt and dpkg: what comes together, what comes first, what happens to
the rest when one fails, and what fits in a window."""

import json
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import test_apply
from lab import policies, roots

HOUR_MSEC = 3600 * 1000


class StepsCase(test_apply.ApplyCase):
    def install(self, *rows):
        """Version 1.0 of packages, given as (name, keywords of Repository.add)."""
        for name, more in rows:
            self.main.add(name, "1.0", **more)
        self.publish()
        self.chroot("apt-get", "-q", "-y", "install", *(name for name, _ in rows))
        (self.root / "var/log/apt/history.log").unlink()

    def steps(self):
        """What each call of apt changed, as apt's own log tells."""
        log = self.root / "var/log/apt/history.log"
        steps = []
        for call in log.read_text().split("\n\n") if log.exists() else []:
            names = re.findall(r"([a-z0-9.+-]+):\w+ \(", " ".join(
                line for line in call.splitlines() if line.startswith(("Upgrade:", "Install:", "Remove:"))))
            if names:
                steps.append(sorted(names))
        return steps

    def results(self, outcome):
        return {p["name"]: p["result"] for p in outcome["packages"]}

    def message(self, outcome, name):
        return self.result_of(outcome, name)["message"]


class Order(StepsCase):
    def test_what_is_needed_first_and_each_alone(self):
        self.install(("base", {}), ("middle", {"depends": "base"}), ("top", {"depends": "middle"}), ("alone", {}))
        self.main.add("base", "2.0")
        self.main.add("middle", "2.0", depends="base (>= 2.0)")
        self.main.add("top", "2.0", depends="middle (>= 2.0)")
        self.main.add("alone", "2.0")
        self.publish()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.steps(), [["alone"], ["base"], ["middle"], ["top"]])

    def test_bound_together(self):
        """One source with strict versions, a pair that breaks each other, a new package, a provider."""
        self.install(("lib", {}), ("bin", {"depends": "lib (= 1.0)"}), ("left", {}), ("right", {}),
                     ("meta", {}), ("api", {"extra": {"Provides": "api-1"}}), ("user", {"depends": "api-1"}),
                     ("mover", {}), ("giver", {}))
        self.main.add("lib", "2.0")
        self.main.add("bin", "2.0", depends="lib (= 2.0)")
        self.main.add("left", "2.0", extra={"Breaks": "right (<< 2.0)"})
        self.main.add("right", "2.0", extra={"Breaks": "left (<< 2.0)"})
        self.main.add("meta", "2.0", depends="image-2")
        self.main.add("image-2", "2.0", extra={"Source": "meta"})
        self.main.add("api", "2.0", extra={"Provides": "api-2"})
        self.main.add("user", "2.0", depends="api-2")
        self.main.add("mover", "2.0", extra={"Breaks": "giver (<< 2.0)", "Replaces": "giver (<< 2.0)"},
                      files={"/usr/share/giver/moved": "x\n"})
        self.main.add("giver", "2.0")
        self.publish()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.steps(), [["api", "user"], ["bin", "lib"], ["giver"], ["image-2", "meta"],
                                        ["left", "right"], ["mover"]])
        self.assertIn("Auto-Installed: 1", (self.root / "var/lib/apt/extended_states").read_text())

    def test_patchd_and_its_libraries_last(self):
        self.install(("libone", {}), ("patchd", {"depends": "libone"}), ("zz", {}))
        for name in ("libone", "patchd", "zz"):
            self.main.add(name, "2.0")
        self.publish()
        self.assertEqual(self.apply()["result"], "succeeded")
        self.assertEqual(self.steps(), [["zz"], ["libone", "patchd"]])

    def test_refused_step_is_tried_with_later_ones(self):
        """apt has reasons that the plan does not know: here it would have `other` only with `third`."""
        self.main.add("other", "2.0")
        self.main.add("third", "2.0")
        self.publish()
        (self.root / "usr/bin/apt-get").rename(self.root / "usr/bin/apt-get.real")
        list_file = "/var/lib/patchd-apply/work/allow-list"
        (self.root / "usr/bin/apt-get").write_text(
            f'#!/bin/sh\ncase "$*" in *--simulate*) if ! grep -q third {list_file} || ! grep -q other {list_file}; '
            'then exit 0; fi;; esac\nexec /usr/bin/apt-get.real "$@"\n')
        (self.root / "usr/bin/apt-get").chmod(0o755)
        outcome = self.apply()
        self.assertEqual(self.results(outcome), {"other": "updated", "third": "updated"}, outcome)
        self.assertIn(["other", "third"], self.steps())


class Failing(StepsCase):
    def test_what_needs_a_failed_one_is_skipped(self):
        self.install(("base", {}), ("middle", {"depends": "base"}), ("top", {"depends": "middle"}))
        self.main.add("base", "2.0", scripts={"postinst": "exit 1"})
        self.main.add("middle", "2.0", depends="base (>= 2.0)")
        self.main.add("top", "2.0", depends="middle (>= 2.0)")
        self.main.add("third", "2.0")
        self.main.add("other", "2.0", scripts={"preinst": "exit 1"})
        self.publish()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "partial", outcome)
        self.assertEqual(self.results(outcome), {"base": "failed", "middle": "skipped", "top": "skipped",
                                                 "other": "failed", "third": "updated"})
        self.assertEqual(self.message(outcome, "middle"), "not started: it needs base 2.0, which failed")
        self.assertEqual(self.message(outcome, "top"), "not started: it needs middle 2.0, which was skipped")
        self.assertEqual(self.version_of("middle", "top", "third"), {"middle": "1.0", "top": "1.0", "third": "2.0"})

    def test_archive_that_is_gone_fails_alone(self):
        self.install(("base", {}), ("middle", {"depends": "base"}))
        gone = self.main.add("base", "2.0")
        self.main.add("middle", "2.0", depends="base (>= 2.0)")
        self.main.add("third", "2.0")
        self.publish()
        gone.unlink()
        outcome = self.apply()
        self.assertEqual(self.results(outcome), {"base": "failed", "middle": "skipped", "third": "updated"})
        self.assertIn("404", self.message(outcome, "base"))


class Time(StepsCase):
    def learned(self, **msec):
        """What the node believes to know of packages."""
        path = self.root / test_apply.STATE / "estimates.json"
        path.write_text(json.dumps({"speed_percent": 100, "packages": {
            name: {"msec": value, "learned_at": "2026-11-01T00:00:00Z"} for name, value in msec.items()}}))

    def one_hour(self, reboot, version):
        policy = policies.make_policy(version, window=policies.open_window(60), rules=[{"name": "all", "approve_after_days": 0}])
        policy["assignments"][0]["reboot"] = reboot
        return self.world.key.sign_policy(policy, self.world.folder / "hour.dsse").read_text()

    def test_only_what_fits(self):
        self.install(("base", {}), ("middle", {"depends": "base"}))
        self.main.add("base", "2.0")
        self.main.add("middle", "2.0", depends="base (>= 2.0)")
        self.main.add("other", "2.0")
        self.main.add("third", "2.0")
        self.publish()
        # 58 minutes are left: 56 leave no 5 for a reboot
        self.learned(base=2 * HOUR_MSEC, other=56 * 60 * 1000)
        outcome = self.apply(self.one_hour("if-needed", 1))
        self.assertEqual(outcome["result"], "partial", outcome)
        self.assertEqual(self.results(outcome), {"base": "skipped", "middle": "skipped", "other": "skipped",
                                                 "third": "updated"})
        time = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
        self.assertRegex(self.message(outcome, "other"), rf"^not started: it takes about 33\d\d s and would end at "
                         rf"{time} with 300 s kept for a reboot, but the window closes at {time}$")
        self.assertIn("needs base 2.0, which was skipped", self.message(outcome, "middle"))
        outcome = self.apply(self.one_hour("never", 2))
        self.assertEqual(self.results(outcome), {"base": "skipped", "middle": "skipped", "other": "updated"}, outcome)
        with self.helper("admin", 0) as helper:
            outcome = helper.call("ApplyNow", now=True)["outcome"]
        self.assertEqual(self.results(outcome), {"base": "updated", "middle": "updated"}, outcome)

    def test_learns(self):
        self.main.add("other", "2.0", scripts={"postinst": "sleep 3"})
        self.main.add("third", "2.0", scripts={"postinst": "exit 1"})
        self.publish()
        self.apply()
        known = self.state("estimates.json")
        self.assertEqual(sorted(known["packages"]), ["other"])
        self.assertGreater(known["packages"]["other"]["msec"], 3000)
        (self.root / test_apply.STATE / "estimates.json").write_text("{")
        self.main.add("other", "3.0")
        self.publish()
        self.assertEqual(self.results(self.apply())["other"], "updated")
        self.assertNotIn("msec_before", self.state("estimates.json")["packages"]["other"])


class Kernels(StepsCase):
    """A small /boot of its own with kernels of 4 MB."""

    RELEASES = [f"6.1.0-{n}-amd64" for n in (9, 10, 11, 12)]

    def setUp(self):
        super().setUp()
        boot = self.root / "boot"
        for path in boot.iterdir():
            path.unlink()
        roots.run_host("mount", "-t", "tmpfs", "-o", "size=18m", "tmpfs", boot)
        self.addCleanup(roots.run_host, "umount", "-l", boot)
        for release in self.RELEASES:
            self.add_kernel(release, "1.0")
        self.main.add("linux-image-amd64", "1.0", depends=f"linux-image-{self.RELEASES[-1]}", extra={"Source": "linux"})
        self.publish()
        images = [f"linux-image-{release}" for release in self.RELEASES]
        self.chroot("apt-get", "-q", "-y", "install", "linux-image-amd64", *images)
        self.chroot("apt-mark", "auto", *images)
        (self.root / "var/log/apt/history.log").unlink()

    def add_kernel(self, release, version, **more):
        self.main.add(f"linux-image-{release}", version, arch="amd64", extra={"Source": "linux"},
                      files={f"/boot/vmlinuz-{release}": "k" * (1 << 20)}, scripts={
                          "postinst": f"head -c 3145728 /dev/zero > /boot/initrd.img-{release}",
                          "postrm": f"rm -f /boot/initrd.img-{release}"}, **more)

    def new_kernel(self):
        self.add_kernel("6.1.0-13-amd64", "2.0")
        self.main.add("linux-image-amd64", "2.0", depends="linux-image-6.1.0-13-amd64", extra={"Source": "linux"})
        self.main.add("third", "2.0")
        self.publish()

    def kernels(self):
        return sorted((name for name in self.versions() if name.startswith("linux-image-6")),
                      key=lambda name: int(re.search(r"-(\d+)-amd64", name).group(1)))

    def images(self, *numbers):
        return [f"linux-image-6.1.0-{n}-amd64" for n in numbers]

    def test_the_oldest_makes_room(self):
        self.new_kernel()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.kernels(), self.images(10, 11, 12, 13))
        removed = self.result_of(outcome, "linux-image-6.1.0-9-amd64")
        self.assertEqual((removed["result"], removed["version_from"], removed["version_to"]), ("removed", "1.0", None))
        self.assertIn("make room in /boot", removed["message"])
        self.assertEqual(self.steps()[0], ["linux-image-6.1.0-9-amd64"])
        self.assertIn(["linux-image-6.1.0-13-amd64", "linux-image-amd64"], self.steps())
        self.assertFalse((self.root / "boot/initrd.img-6.1.0-9-amd64").exists())
        # what is kept of the run is read again
        self.assertEqual(self.apply(run_id=outcome["run_id"]), outcome)
        self.assertEqual(self.apply()["packages"], [])

    def test_room_enough(self):
        roots.run_host("mount", "-o", "remount,size=64m", self.root / "boot")
        self.new_kernel()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.kernels(), self.images(9, 10, 11, 12, 13))

    def test_no_kernel_planned(self):
        self.main.add("third", "2.0")
        self.publish()
        self.assertEqual(self.results(self.apply()), {"third": "updated"})
        self.assertEqual(self.kernels(), self.images(9, 10, 11, 12))

    def test_none_may_go(self):
        """All of them an administrator's, held, or new: the kernel fails before it is touched."""
        self.chroot("apt-mark", "manual", "linux-image-6.1.0-9-amd64")
        self.chroot("apt-mark", "hold", "linux-image-6.1.0-10-amd64")
        self.new_kernel()
        outcome = self.apply()
        self.assertEqual(self.results(outcome), {"linux-image-6.1.0-13-amd64": "failed", "linux-image-amd64": "skipped",
                                                 "third": "updated"}, outcome)
        self.assertRegex(self.message(outcome, "linux-image-6.1.0-13-amd64"),
                         r"^not started: /boot has \d MB free, and its kernels need about 5 MB; make room there$")
        self.assertEqual(self.kernels(), self.images(9, 10, 11, 12))

    def test_removal_that_would_take_more_is_refused(self):
        self.main.add("module", "1.0", depends="linux-image-6.1.0-9-amd64")
        self.publish()
        self.chroot("apt-get", "-q", "-y", "install", "module")
        self.new_kernel()
        outcome = self.apply()
        refused = self.result_of(outcome, "linux-image-6.1.0-9-amd64")
        self.assertEqual(refused["result"], "failed", outcome)
        self.assertIn("Remv module", refused["message"])
        self.assertEqual(self.result_of(outcome, "linux-image-6.1.0-13-amd64")["result"], "failed")
        self.assertEqual(self.result_of(outcome, "third")["result"], "updated")
        self.assertEqual(self.kernels(), self.images(9, 10, 11, 12))
        self.assertIn("module", self.versions())


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
