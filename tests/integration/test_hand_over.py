# SPDX-License-Identifier: Apache-2.0
"""Patching handed over from the real unattended-upgrades and back, in a Debian root in which no
systemd runs, as in an image build. What apt's daily job does is seen from what it calls."""

import contextlib
import json
import sys
import unittest

from lab import roots
from lab.node import package_file

HAND_OVER = "/usr/share/patchd/hand-over"
LINK = "/etc/apt/apt.conf.d/99patchd"
# In place of the real program: says that it was called. It is a copy, so its package can be upgraded.
WITNESS = '#!/bin/sh\n[ "$1" = --help ] && echo --download-only || echo "$@" >>/var/log/witness\n'


class HandOver(unittest.TestCase):
    root = None

    @classmethod
    def setUpClass(cls):
        cls.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        (cls.root / "root").mkdir(exist_ok=True)
        (cls.root / "root/patchd.deb").write_bytes(package_file().read_bytes())
        cls.run_in("apt-get", "-q", "-y", "--no-install-recommends", "install", "systemd", "unattended-upgrades",
                   "/root/patchd.deb")
        # What an administrator may have set besides: both ways in which it installs something.
        cls.write("/etc/apt/apt.conf.d/52local", 'Unattended-Upgrade::InstallOnShutdown "true";\n'
                  'APT::Periodic::Update-Package-Lists "0";\n')

    @classmethod
    def run_in(cls, *command, check=True):
        return roots.run_in(cls.root, *command, check=check)

    @classmethod
    def write(cls, path, text, mode=0o644):
        target = cls.root / path.lstrip("/")
        target.write_text(text, "utf-8")
        target.chmod(mode)

    def hand_over(self, verb):
        return self.run_in(HAND_OVER, verb, check=False)

    def active(self):
        """What the report's other_updaters say."""
        return json.loads(self.run_in("patchctl", "scan", "--json", check=False).stdout)["other_updaters"]

    def doctor(self):
        findings = json.loads(self.run_in("patchctl", "doctor", "--json", check=False).stdout)
        return [(f["level"], f["text"]) for f in findings if f["check"] == "updaters"]

    def daily_job(self):
        """Whether apt's own job calls unattended-upgrade now."""
        real, witness = self.root / "usr/bin/unattended-upgrade", self.root / "var/log/witness"
        kept = real.read_bytes()
        self.write("/usr/bin/unattended-upgrade", WITNESS, 0o755)
        try:
            self.run_in("sh", "-c", "rm -rf /var/lib/apt/periodic/*; /usr/lib/apt/apt.systemd.daily update; "
                        "/usr/lib/apt/apt.systemd.daily install")
            return witness.exists()
        finally:
            witness.unlink(missing_ok=True)
            real.write_bytes(kept)

    def at_shutdown(self):
        """What unattended-upgrades' own code asks apt when the machine goes down."""
        return self.run_in("python3", "-c", "import apt_pkg; apt_pkg.init_config(); print(apt_pkg.config.find_b("
                           "'Unattended-Upgrade::InstallOnShutdown', False))").stdout == "True\n"

    def test_1_it_is_found_and_the_way_out_named(self):
        self.assertTrue(self.daily_job(), "the lab: else nothing is shown below")
        self.assertTrue(self.at_shutdown())
        self.assertEqual(self.active(), ["unattended-upgrades"])
        [(level, text)] = self.doctor()
        self.assertEqual(level, "warning")
        self.assertIn(f"'{HAND_OVER} take'", text)

    def test_2_installing_at_shutdown_alone_is_found(self):
        self.write("/etc/apt/apt.conf.d/60lab", 'APT::Periodic::Unattended-Upgrade "0";\n')
        self.assertFalse(self.daily_job())
        self.assertEqual(self.active(), ["unattended-upgrades"])
        (self.root / "etc/apt/apt.conf.d/60lab").unlink()

    def test_3_taken(self):
        for _ in range(2):
            done = self.hand_over("take")
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            self.assertFalse(self.daily_job())
            self.assertFalse(self.at_shutdown())
            self.assertEqual(self.active(), [])
        [(level, text)] = self.doctor()
        self.assertEqual(level, "warning")
        self.assertIn("installs nothing now", text, "the default policy only scans")
        self.assertIn(f"'{HAND_OVER} give-back'", text)

    def test_4_an_upgrade_of_unattended_upgrades_changes_nothing(self):
        self.run_in("apt-get", "-q", "-y", "--reinstall", "install", "unattended-upgrades")
        self.run_in("dpkg-reconfigure", "-fnoninteractive", "unattended-upgrades")
        self.assertFalse(self.daily_job())
        self.assertEqual(self.active(), [])

    def test_5_half_a_hand_over_is_found(self):
        self.write("/etc/apt/apt.conf", 'APT::Periodic::Unattended-Upgrade "1";\n')
        self.assertTrue(self.daily_job())
        self.assertEqual(self.active(), ["unattended-upgrades"])
        self.assertIn("active all the same", self.doctor()[0][1])
        done = self.hand_over("take")
        self.assertEqual(done.returncode, 1)
        self.assertIn("still switches unattended-upgrades on", done.stderr)
        (self.root / "etc/apt/apt.conf").unlink()

    def test_6_given_back(self):
        done = self.hand_over("give-back")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("patches this node again", done.stdout)
        self.assertTrue(self.daily_job())
        self.assertEqual(self.active(), ["unattended-upgrades"])

    def test_7_removing_patchd_gives_back(self):
        self.hand_over("take")
        said = self.run_in("apt-get", "-q", "-y", "remove", "patchd").stdout
        self.assertIn("unattended-upgrades patches this node again", said)
        self.assertFalse((self.root / LINK.lstrip("/")).is_symlink())
        self.assertTrue(self.daily_job())

    def test_8_removing_the_last_updater_is_said(self):
        self.run_in("apt-get", "-q", "-y", "install", "/root/patchd.deb")
        self.run_in("apt-get", "-q", "-y", "purge", "unattended-upgrades")
        self.hand_over("take")
        said = self.run_in("apt-get", "-q", "-y", "purge", "patchd").stdout
        self.assertIn("nothing updates this node", said)
        self.assertFalse((self.root / LINK.lstrip("/")).is_symlink())

    def test_9_usage(self):
        self.run_in("apt-get", "-q", "-y", "install", "/root/patchd.deb")
        for words in ((), ("keep",), ("take", "more")):
            self.assertEqual(self.run_in(HAND_OVER, *words, check=False).returncode, 2, words)
        done = self.run_in("setpriv", "--reuid=nobody", "--clear-groups", HAND_OVER, "take", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs root", done.stderr)


def main():
    with contextlib.ExitStack() as stack:
        HandOver.root = stack.enter_context(roots.copy_of(roots.indexed_root("12"), hostname="image"))
        return 0 if unittest.main(verbosity=2, exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
