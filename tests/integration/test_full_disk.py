# SPDX-License-Identifier: Apache-2.0
"""A disk that is full at each write in turn: what is written to lies on a real tmpfs with room for one
page or inode more each time, and a real run of the helper meets it. Nothing is lost or claimed that
did not happen, no file is torn, and with room the next run completes.

`--every` takes every size (label soak), else some of them."""

import gzip
import json
import os
import pathlib
import re
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import test_apply
import test_cycle
from lab import roots

EVERY = "--every" in sys.argv
PAGE = 4096
DPKG = "var/lib/dpkg"
# A run needs about ten pages and twenty inodes; of dpkg's database it writes all of status again.
STATE_SIZES = range(1, 21) if EVERY else (1, 2, 3, 4, 5, 6, 8, 10, 14)
STATE_INODES = range(2, 33) if EVERY else (3, 8, 10, 12, 14, 16, 20)
AGENT_SIZES = range(0, 100) if EVERY else (0, 2, 8, 64)
DPKG_SIZES = range(0, 160) if EVERY else (0, 2, 24, 28, 60)


class FullDisk(test_apply.ApplyCase):
    """other 2.0 waits; each round begins with other 1.0."""

    def setUp(self):
        super().setUp()
        self.old = self.root / "tmp/other.deb"
        shutil.copy(next((self.world.folder / "web/main/pool").glob("other_1.0_*")), self.old)
        self.main.add("other", "2.0")
        self.publish()
        self.spare = self.root / "srv/archives"  # the private archives have a disk of their own here
        self.spare.mkdir(mode=0o700)
        self.mounted = []
        self.addCleanup(self.unmount)
        self.round = 0

    def mount(self, source, target, *options):
        roots.run_host("mount", *options, source, target)
        self.mounted.append(target)

    def unmount(self):
        while self.mounted:
            roots.run_host("umount", "-l", self.mounted.pop())

    def enlarge(self, folder):
        roots.run_host("mount", "-o", "remount,size=256m,nr_inodes=100k", folder)

    def ask(self, run_id):
        """The outcome, or the words of the error."""
        with self.helper() as helper:
            try:
                answer = helper.call("Apply", envelope=self.default, run_id=run_id)["outcome"]
            except test_apply.VarlinkError as error:
                answer = f"{error.name} {error.parameters.get('message')}"
            helper.socket.close()
            status = helper.wait()
        self.assertFalse(os.WIFSIGNALED(status), answer)
        return answer

    def check_files(self):
        for path in (self.root / test_apply.STATE).rglob("*.json*"):
            if path.is_file() and path.suffix == ".json":
                json.loads(path.read_text())

    def exists(self, folder, run_id):
        return (self.root / test_apply.STATE / folder / f"{run_id}.json").exists()

    def check_honest(self, answer, run_id, where):
        """What is said is what is; what is not said is still open on disk."""
        version = self.version_of("other")["other"]
        if isinstance(answer, str):
            self.assertRegex(answer, rf"^Failed .*{where}.*No space left on device")
            if version != "1.0":
                self.assertTrue(self.exists("intents", run_id) or self.exists("outcomes", run_id), answer)
            return
        result = self.result_of(answer, "other")
        self.assertEqual(result["result"] == "updated", version == "2.0", answer)
        if result["result"] != "updated":
            self.assertIn("No space left on device", result["message"])
        self.assertTrue(self.exists("outcomes", run_id))

    def check_mended(self, run_id):
        """With room: what was open is closed, and the next run completes."""
        was_open = self.exists("intents", run_id)
        outcome = self.ask(f"{run_id}-next")
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.version_of("other"), {"other": "2.0"})
        self.assertEqual(self.chroot("dpkg", "--audit").stdout, "")
        self.assertEqual(list((self.root / test_apply.STATE / "intents").iterdir()), [])
        if was_open:
            self.assertEqual(self.state(f"outcomes/{run_id}.json")["result"], "interrupted")
        self.check_files()

    def rounds(self, label, sizes, mount, where, folder):
        seen = set()
        for size in sizes:
            with self.subTest(**{label: size}):
                run_id = f"{label}-{size}"
                mount(size)
                try:
                    answer = self.ask(run_id)
                    seen.add(re.sub(r"[0-9]+", "N", answer) if isinstance(answer, str) else answer["result"])
                    self.check_files()
                    self.check_honest(answer, run_id, where)
                    self.enlarge(folder)
                    self.check_mended(run_id)
                finally:
                    self.unmount()
                self.chroot("dpkg", "-i", "/tmp/other.deb")
                # apt knows dpkg's status by its size and second alone
                (self.root / "var/cache/apt/pkgcache.bin").unlink(missing_ok=True)
        return seen

    # ---- the helper's state ----

    def mount_state(self, options):
        state = self.root / test_apply.STATE
        shutil.rmtree(self.spare)
        self.spare.mkdir(mode=0o700)
        self.mount("tmpfs", state, "-t", "tmpfs", "-o", f"mode=755,{options}")
        (state / "archives").mkdir(mode=0o700)
        self.mount(self.spare, state / "archives", "--bind")

    def test_helper_state_page_by_page(self):
        seen = self.rounds("pages", STATE_SIZES, lambda n: self.mount_state(f"size={n * PAGE}"),
                           "/var/lib/patchd-apply", self.root / test_apply.STATE)
        self.assertIn("succeeded", seen)
        self.assertGreater(len(seen), 3, seen)

    def test_helper_state_inode_by_inode(self):
        seen = self.rounds("inodes", STATE_INODES, lambda n: self.mount_state(f"size=64m,nr_inodes={n}"),
                           "/var/lib/patchd-apply", self.root / test_apply.STATE)
        self.assertIn("succeeded", seen)
        self.assertGreater(len(seen), 3, seen)

    def test_intent_that_cannot_be_written_changes_nothing(self):
        self.mount_state("size=64m")
        intents = self.root / test_apply.STATE / "intents"
        intents.mkdir(mode=0o755)
        self.mount("tmpfs", intents, "-t", "tmpfs", "-o", "mode=755,nr_inodes=1")
        self.assertRegex(self.ask("none"), r"^Failed /var/lib/patchd-apply/intents/none.json: .*No space left on device$")
        self.assertEqual(self.version_of("other"), {"other": "1.0"})
        self.enlarge(intents)
        self.check_mended("none")

    # ---- dpkg's database ----

    def mount_dpkg(self, pages):
        database, copy = self.root / DPKG, self.root / "srv/dpkg"
        if not copy.exists():
            shutil.copytree(database, copy, symlinks=True)
        self.mount("tmpfs", database, "-t", "tmpfs", "-o", "mode=755,size=256m")
        roots.run_host("cp", "-a", f"{copy}/.", database)
        found = os.statvfs(database)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        roots.run_host("mount", "-o", f"remount,size={used + pages * PAGE}", database)

    def test_dpkg_database_page_by_page(self):
        seen = self.rounds("dpkg", DPKG_SIZES, self.mount_dpkg, "/var/lib/dpkg", self.root / DPKG)
        self.assertEqual(seen, {"failed", "succeeded"})


class FullDiskOfTheAgent(test_cycle.CycleCase):
    """Two reports wait for an endpoint that is away; then the folder of history, spool and policy is
    full while a third one and the next policy come."""

    def setUp(self):
        super().setUp()
        self.folder_of_state = self.node.prefix / "var/lib/patchd"
        roots.run_host("mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", self.folder_of_state)
        self.addCleanup(roots.run_host, "umount", "-l", self.folder_of_state)

    def resize(self, size):
        roots.run_host("mount", "-o", f"remount,size={size}", self.folder_of_state)

    def begin(self):
        for path in self.folder_of_state.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.reports.clear()
        self.node.tags = "Environment=test"
        self.status = 503
        self.publish(1)
        for _ in range(2):
            self.new_report()
            self.poll()
        self.assertEqual(self.node.n_spooled(), 2)

    def poll(self):
        """What was said of the disk, without numbers."""
        done = self.node.run()
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, "the disk is full|No space left on device|answered 503")
        return tuple(re.sub(r"[0-9]+", "N", line) for line in done.stderr.splitlines()
                     if "disk is full" in line or "No space" in line)

    def test_page_by_page(self):
        seen = set()
        for pages in AGENT_SIZES:
            with self.subTest(pages=pages):
                self.begin()
                found = os.statvfs(self.folder_of_state)
                self.resize((found.f_blocks - found.f_bfree) * found.f_frsize + pages * PAGE)
                self.new_report()
                said = self.poll()
                self.publish(2)
                seen.add(said + self.poll())
                self.resize("256m")
                self.status = 201
                self.run_cycle()
                last = json.loads(gzip.decompress(self.reports[-1][1]))
                self.assertEqual(last["policy"]["version"], 2)
                self.assertEqual(last, self.node.last_report())
                self.assertEqual(self.sequences(), list(range(1, len(self.reports) + 1)))
                self.assertEqual(self.node.n_spooled(), 0)
        self.assertEqual(self.node.query("PRAGMA integrity_check"), [("ok",)])
        self.assertIn((), seen)
        self.assertGreater(len(seen), 2, seen)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(77)
    unittest.main(argv=[word for word in sys.argv if word != "--every"], verbosity=2)
