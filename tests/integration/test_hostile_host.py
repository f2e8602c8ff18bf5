# SPDX-License-Identifier: Apache-2.0
"""A host that does what it can against its own updates: real apt, dpkg, hooks and maintainer scripts.
In each case the bad package fails alone, the rest of the run goes on, and what the user reads says what
happened and what to do.

A case is here by its name, or there:

/boot without room for a kernel     test_apply_steps.Kernels
a disk full at each write in turn   test_full_disk
a host with broken dependencies     test_apply.Refusing.test_broken_host_changes_nothing
dpkg killed by somebody else        test_apply.Surviving.test_interrupted_by_somebody_else
pins, phased updates, exclusions    test_explain, test_collect
a repository that was never there   test_apply.Refreshing
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import test_apply
from lab import repository, roots


class HostCase(test_apply.ApplyCase):
    def install(self, *rows):
        """Version 1.0 of packages, given as (name, keywords of Repository.add)."""
        for name, more in rows:
            self.main.add(name, "1.0", **more)
        self.publish()
        self.chroot("apt-get", "-q", "-y", "install", *(name for name, _ in rows))

    def configure(self, text):
        folder = self.root / "etc/patchd/patchd.conf.d"
        folder.mkdir(exist_ok=True)
        (folder / "lab.conf").write_text(text)

    def results(self, outcome):
        return {p["name"]: p["result"] for p in outcome["packages"]}

    def message(self, outcome, name):
        return self.result_of(outcome, name)["message"]

    def processes(self):
        """The command lines of what runs in the root, but for zombies."""
        found = {}
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
                if words and os.readlink(folder / "root") == str(self.root):
                    found[int(folder.name)] = " ".join(words)
        return found

    def until(self, condition):
        deadline = time.monotonic() + test_apply.CALL_TIMEOUT_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def audit(self):
        return self.chroot("dpkg", "--audit").stdout


class OneRun(HostCase):
    """Most of it at once: one run on one host, of which each test looks at a part."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.day = cls("live")
        cls.addClassCleanup(cls.day.doCleanups)
        test_apply.ApplyCase.setUp(cls.day)
        cls.day.live()

    def setUp(self):
        self.root, self.outcome = self.day.root, self.day.outcome

    def live(self):
        self.listen_to_hooks()
        self.old_versions()
        self.new_versions()
        self.publish()
        self.gone.unlink()
        self.world.server.fail.add("/extra")
        self.chroot("apt-mark", "hold", "held")
        (self.root / "etc/conf.conf").write_text("local\n")
        boot = self.root / "boot"
        roots.run_host("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", boot)
        self.addCleanup(roots.run_host, "umount", "-l", boot)
        with self.helper() as helper:
            self.refreshed = helper.call("Refresh")
        self.outcome = self.apply(self.envelope(reboot="never"))

    def listen_to_hooks(self):
        """The real ones, set to ask; the mirror's packages for them."""
        etc = self.root / "etc/apt"
        sources, lab = (etc / "sources.list").read_text(), (etc / "apt.conf.d/90lab").read_text()
        (etc / "sources.list").write_text(roots.sources_text(roots.os_release()["VERSION_ID"]))
        roots.adopt_network(self.root)
        self.chroot("apt-get", "-q", "update")
        self.chroot("apt-get", "-q", "-y", "--no-install-recommends", "install", "needrestart", "apt-listchanges",
                    "apt-utils")
        (etc / "listchanges.conf").write_text("[apt]\nfrontend=pager\nconfirm=true\nwhich=both\n")
        (self.root / "etc/needrestart/conf.d/lab.conf").write_text("$nrconf{restart} = 'i';\n")
        (etc / "apt.conf.d/99asks").write_text(
            'DPkg::Pre-Invoke { "env >>/tmp/asked; read -r a; read -r a </dev/tty; true"; };\n'
            'DPkg::Post-Invoke { "read -r a; read -r a </dev/tty; true"; };\n')
        (etc / "sources.list").write_text(sources)
        (etc / "apt.conf.d/90lab").write_text(lab + 'Acquire::Retries "0";\n')

    def old_versions(self):
        self.chroot("dpkg", "--add-architecture", "i386")
        self.main.release["Architectures"] = "amd64 i386 all"
        self.same("1.0")
        self.main.add("only32", "1.0", arch="i386")
        self.install(("conf", {"conffiles": {"/etc/conf.conf": "one\n"}}), ("asks", {"depends": "debconf"}),
                     ("held", {}), ("booty", {}), ("broken", {}), ("gone", {}))
        self.chroot("apt-get", "-q", "-y", "install", "fourth", "same", "same:i386", "only32:i386")

    def same(self, version):
        for arch in ("amd64", "i386"):
            self.main.add("same", version, arch=arch, extra={"Multi-Arch": "same"})

    def new_versions(self):
        self.main.add("conf", "2.0", conffiles={"/etc/conf.conf": "two\n"})
        self.main.add("asks", "2.0", depends="debconf", templates=textwrap.dedent("""\
            Template: asks/really
            Type: string
            Description: Really?
             It would like to know.
            """), scripts={
                "config": ". /usr/share/debconf/confmodule\ndb_input critical asks/really || true\ndb_go || true",
                "postinst": "[ -n \"$DEBIAN_HAS_FRONTEND\" ] || read -r a || true\n(read -r a </dev/tty) || true\n. /usr/share/debconf/confmodule\n"
                            "db_fset asks/really seen false\ndb_input critical asks/really || true\ndb_go || true\n"
                            "db_get asks/really\necho \"answer '$RET'\" >/tmp/answer"})
        self.main.add("held", "2.0")
        self.main.add("booty", "2.0", files={"/boot/booty": "b" * (1 << 20)})
        self.main.add("broken", "2.0", scripts={"postinst": "echo no such luck >&2; exit 3"})
        self.gone = self.main.add("gone", "2.0")
        self.extra.add("fourth", "2.0")
        self.same("2.0")
        self.main.add("only32", "2.0", arch="i386")
        self.main.add("other", "2.0", files={"/usr/share/doc/other/NEWS.Debian": "other (2.0) stable; urgency=low\n\n"
                                             "  * News.\n\n -- T <t@t.invalid>  Sat, 01 Aug 2026 00:00:00 +0000\n"})

    def check(self, name, result, words, version):
        package = self.result_of(self.outcome, name)
        self.assertEqual((package["result"], self.versions().get(name)), (result, version), package)
        if words is None:
            self.assertIsNone(package["message"], package)
        else:
            self.assertRegex(package["message"], words)

    def test_the_rest_goes_on(self):
        self.assertEqual(self.outcome["result"], "partial")
        self.check("other", "updated", None, "2.0")

    def test_conffile_edited_here(self):
        self.check("conf", "updated", r"^/etc/conf\.conf: changed here and in the new version; the local file was kept$",
                   "2.0")
        self.assertEqual((self.root / "etc/conf.conf").read_text(), "local\n")

    def test_debconf_question(self):
        self.check("asks", "updated", None, "2.0")
        self.assertEqual((self.root / "tmp/answer").read_text(), "answer ''\n")

    def test_apt_listchanges_needrestart_and_hooks_that_ask(self):
        """They find nobody to ask, and are told not to."""
        seen = set((self.root / "tmp/asked").read_text().splitlines())
        self.assertLessEqual({"DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none", "NEEDRESTART_SUSPEND=1"},
                             seen)
        self.assertIn("apt-listchanges", self.versions())
        self.assertIn("needrestart", self.versions())

    def test_held_package(self):
        self.assertNotIn("held", self.results(self.outcome))
        self.assertEqual(self.version_of("held"), {"held": "1.0"})
        found = self.scan(self.day.default)["held"]
        self.assertEqual(found["state"], "held")
        self.assertRegex(found["reason"], "hold")

    def test_full_boot(self):
        self.check("booty", "failed", "No space left on device", "1.0")

    def test_broken_maintainer_script(self):
        self.check("broken", "failed", "exit status 3", None)

    def test_gone_from_the_mirror(self):
        self.check("gone", "failed", "404", "1.0")

    def test_one_repository_down(self):
        down = [r for r in self.day.refreshed["repositories"] if not r["ok"]]
        self.assertEqual(len(down), 1, self.day.refreshed)
        self.check("fourth", "failed", "500", "1.0")

    def test_foreign_architecture(self):
        rows = {(p["name"], p["arch"]): p["result"] for p in self.outcome["packages"]}
        self.assertEqual([rows.get(key) for key in (("same", "amd64"), ("same", "i386"), ("only32", "i386"))],
                         ["updated"] * 3, rows)


class Locks(HostCase):
    """Another package manager at work."""

    def setUp(self):
        super().setUp()
        self.main.add("other", "2.0")
        self.publish()

    def impatient(self):
        """apt waits for two seconds instead of five minutes."""
        apt_get = self.root / "usr/bin/apt-get"
        apt_get.rename(self.root / "usr/bin/apt-get.real")
        apt_get.write_text('#!/bin/sh\nexec /usr/bin/apt-get.real "$@" -o DPkg::Lock::Timeout=2\n')
        apt_get.chmod(0o755)

    @contextlib.contextmanager
    def held(self, path, name):
        """By a process of this name until the block ends, or its standard input is closed."""
        program = self.root / "tmp" / name
        shutil.copy(os.path.realpath(sys.executable), program)
        code = ("import fcntl, sys\nfile = open(sys.argv[1], 'w')\nfcntl.lockf(file, fcntl.LOCK_EX)\n"
                "print('held', flush=True)\nsys.stdin.read()")
        holder = subprocess.Popen([program, "-c", code, self.root / path], env={"PYTHONHOME": "/usr"},
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(holder.stdout.readline(), "held\n")
            yield holder
        finally:
            holder.stdin.close()
            holder.wait()
            holder.stdout.close()

    def test_lock_held_by_somebody_else(self):
        self.impatient()
        with self.held("var/lib/dpkg/lock-frontend", "aptitude") as holder:
            outcome = self.apply()
        self.assertEqual(self.results(outcome), {"other": "failed"}, outcome)
        self.assertRegex(self.message(outcome, "other"),
                         rf"^nothing was changed: process {holder.pid} \(aptitude\) holds /var/lib/dpkg/lock-frontend, after "
                         r"waiting for \d s too; let it finish, or end it if it hangs$")
        self.assertEqual(self.version_of("other"), {"other": "1.0"})
        self.assertEqual(self.results(self.apply()), {"other": "updated"})

    def test_unattended_upgrades_at_work(self):
        with self.held("var/lib/dpkg/lock-frontend", "unattended-upgr") as holder, self.helper() as helper:
            helper.send("Apply", envelope=self.default, run_id="waits")
            self.until(lambda: any("apt-get" in c and c.endswith(" check") for c in self.processes().values()))
            holder.stdin.close()
            self.assertEqual(self.results(helper.finish()["outcome"]), {"other": "updated"})

    def test_apt_daily_at_work(self):
        """It holds the lists."""
        with self.held("var/lib/apt/lists/lock", "apt.systemd.dai") as holder, self.helper() as helper:
            reply = helper.call("Refresh")
        self.assertFalse(reply["ok"])
        self.assertRegex(reply["text"], rf"/var/lib/apt/lists/lock. It is held by process {holder.pid} \(apt.systemd.dai\)")


class Disks(HostCase):
    def tmpfs(self, path, size, options=""):
        """In the place of a folder, with its content."""
        folder, copy = self.root / path, self.root / "tmp/copy"
        roots.run_host("cp", "-a", folder, copy)
        roots.run_host("mount", "-t", "tmpfs", "-o", f"mode=755,size={size}{options}", "tmpfs", folder)
        self.addCleanup(roots.run_host, "umount", "-l", folder)
        roots.run_host("cp", "-a", f"{copy}/.", folder)
        shutil.rmtree(copy)

    def test_read_only_usr(self):
        self.main.add("other", "2.0")
        self.publish()
        usr = self.root / "usr"
        roots.run_host("mount", "--bind", usr, usr)
        self.addCleanup(roots.run_host, "umount", "-l", usr)
        roots.run_host("mount", "-o", "remount,bind,ro", usr)
        outcome = self.apply()
        self.assertEqual(self.results(outcome), {"other": "failed"}, outcome)
        self.assertIn("Read-only file system", self.message(outcome, "other"))
        self.assertIn("half-installed", self.message(outcome, "other"))
        roots.run_host("mount", "-o", "remount,bind,rw", usr)
        self.assertEqual(self.results(self.apply()), {"other": "updated"})
        self.assertEqual(self.audit(), "")

    def test_full_var(self):
        self.main.add("other", "2.0", files={"/var/lib/other/big": "b" * (4 << 20)})
        self.main.add("third", "2.0")
        self.publish()
        self.tmpfs("var", "260m")
        var = self.root / "var"
        free = os.statvfs(var)
        filler = var / "filler"
        filler.write_bytes(b"x" * (free.f_bavail * free.f_frsize - (2 << 20)))
        outcome = self.apply()
        self.assertEqual(self.results(outcome), {"other": "failed", "third": "failed"})
        self.assertRegex(self.message(outcome, "other"), r"^/var/lib/patchd-apply/archives/: \d+ MB are needed for the "
                         r"downloads and \d+ MB as reserve, but only \d MB are free; make room there$")
        filler.unlink()
        self.assertEqual(self.results(self.apply()), {"other": "updated", "third": "updated"})
        self.assertEqual(self.audit(), "")


class HangingScripts(HostCase):
    """The limit is 2 s; the scripts would take a day."""

    def test_hanging_maintainer_script(self):
        self.configure("[apply]\nscript_timeout_seconds = 2\n")
        self.install(("deaf", {}), ("asking", {"depends": "debconf"}))
        self.main.add("asking", "2.0", depends="debconf", scripts={
            "postinst": ". /usr/share/debconf/confmodule\nsleep 86401 & sleep 86402 & wait"})
        self.main.add("deaf", "2.0", scripts={"preinst": "trap '' TERM; sleep 86403 & while :; do sleep 0.1; done"})
        self.main.add("other", "2.0")
        self.main.add("third", "2.0")
        self.publish()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "partial", outcome)
        self.assertEqual(self.results(outcome), {"asking": "failed", "deaf": "failed", "other": "updated",
                                                 "third": "updated"}, outcome)
        self.assertEqual(self.version_of("deaf", "other", "third"), {"deaf": "1.0", "other": "2.0", "third": "2.0"})
        self.assertRegex(self.message(outcome, "asking"), r"^its postinst hung and was ended after [2-4] s: find out what it "
                         r"waits for, or raise script_timeout_seconds; ")
        self.assertRegex(self.message(outcome, "deaf"), r"^its preinst hung and was ended after [2-4] s: ")
        self.assertEqual([c for c in self.processes().values() if "sleep" in c or "/var/lib/dpkg" in c], [])
        self.assertIn("asking", self.audit())
        # mended by its maintainer
        for name in ("asking", "deaf"):
            self.main.add(name, "3.0")
        self.publish()
        self.assertEqual(self.results(self.apply()), {"asking": "updated", "deaf": "updated"})
        self.assertEqual(self.audit(), "")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
