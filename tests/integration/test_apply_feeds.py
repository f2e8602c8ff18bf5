# SPDX-License-Identifier: Apache-2.0
"""The root helper and feeds: it believes its own checks and its own copies, whatever lies where the
cycle keeps its own."""

import hashlib
import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import test_apply
from lab import feeds, policies, roots

FETCHED = "var/lib/patchd/feeds"
RULES = {"rules": [{"name": "security", "classification": ["security"], "approve_after_days": 0}],
         "approved": [{"package": "third", "version": "2.0"}]}


class FeedsCase(test_apply.ApplyCase):
    """`other` 2.0 is a security update only by the feed; `third` 2.0 is approved by name."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.feed_key = policies.Key(cls.world.folder, "feed")
        cls.ecosystem = "Debian:" + roots.os_release()["VERSION_ID"]

    def setUp(self):
        super().setUp()
        self.main.add("other", "2.0")
        self.publish()
        self.fetched = self.root / FETCHED
        self.fetched.mkdir(parents=True)
        self.own = self.root / test_apply.STATE / "feeds"
        self.content = self.make_content("DSA-1-1")
        self.policy = self.make_policy()

    def make_content(self, name, **more):
        return feeds.export(feeds.record(name, "other", "2.0", self.ecosystem, **more))

    def make_policy(self, version=1, **changes):
        policy = policies.make_policy(version, policies.open_window(), "apply", **RULES)
        policy["feeds"] = [{"id": "debian", "format": "osv", "keys": [feeds.public_key(self.feed_key)],
                            "manifest_url": "https://feeds.invalid/debian.manifest.json", **changes}]
        policy["feeds"] = [{k: v for k, v in feed.items() if v is not None} for feed in policy["feeds"]]
        return self.world.key.sign_policy(policy, self.world.folder / "feeds.dsse").read_text()

    # ---- what the cycle has fetched ----

    def file(self, folder, suffix, content=None):
        """Where a feed's parts lie in one of the folders."""
        name = hashlib.sha256(b"debian").hexdigest()
        return folder / (name + (f"-{feeds.sha256(content)[:32]}" if content else "") + suffix)

    def fetch(self, version=1, content=None, key=None, name="debian", stored=None, **changes):
        """Lays down what the cycle would; stored: other bytes than the announced ones."""
        content = content or self.content
        self.file(self.fetched, ".manifest").write_bytes(
            feeds.manifest(key or self.feed_key, content, version, name, **changes))
        place = self.file(self.fetched, ".feed", content)
        place.unlink(missing_ok=True)
        place.write_bytes(content if stored is None else stored)
        return place

    # ---- what came of it ----

    def run_helper(self):
        self.runs += 1
        with self.helper() as helper:
            outcome = helper.call("Apply", envelope=self.policy, run_id=f"run-{self.runs}")["outcome"]
            helper.socket.close()
            helper.wait()
            return outcome, helper.output()

    def check_nothing(self, *words):
        outcome, said = self.run_helper()
        self.assertEqual(outcome["packages"], [], outcome)
        self.assertIn("event=feed-rejected", said)
        for word in words:
            self.assertIn(word, said)

    def check_installed(self):
        outcome, said = self.run_helper()
        self.assertEqual([p["name"] for p in outcome["packages"]], ["other"], said)
        self.assertEqual(self.version_of("other"), {"other": "2.0"})
        return said


class Feeds(FeedsCase):
    def test_judged_by_the_feed(self):
        self.fetch()
        self.assertIn("event=feed-accepted", self.check_installed())
        copy = self.file(self.own, ".feed", self.content)
        self.assertEqual(copy.read_bytes(), self.content)
        self.assertEqual((copy.stat().st_mode & 0o777, copy.stat().st_uid), (0o600, 0))
        self.assertTrue(self.file(self.own, ".cache", self.content).exists())

    def test_withheld_feed_approves_nothing(self):
        self.check_nothing("feed 'debian': it has not been fetched yet")
        self.main.add("third", "2.0")
        self.publish()
        outcome, _ = self.run_helper()
        self.assertEqual([p["name"] for p in outcome["packages"]], ["third"], "what is approved by name")
        self.assertEqual(self.version_of("other", "third"), {"other": "1.0", "third": "2.0"})

    def test_nothing_there_is_believed(self):
        stranger = policies.Key(self.world.folder, "feed-stranger")
        self.fetch(key=stranger)
        self.check_nothing("result=signature")
        self.fetch(id="ubuntu")
        self.check_nothing("result=feed-id")
        self.fetch(issued="2026-01-01T00:00:00Z", expires="2026-01-02T00:00:00Z")
        self.check_nothing("result=expired", "expired at 2026-01-02")
        self.fetch(issued="2036-01-01T00:00:00Z", expires="2037-01-01T00:00:00Z")
        self.check_nothing("result=not-yet")
        self.fetch(stored=self.content[:-1] + b"?")
        self.check_nothing("another file than announced")
        self.fetch(stored=self.content[:-1])
        self.check_nothing("bytes, but")
        self.fetch(stored=self.content + b"?" * 100000)
        self.check_nothing("larger than the")
        elsewhere = self.root / "srv/feed"
        elsewhere.write_bytes(self.content)
        place = self.fetch()
        place.unlink()
        place.symlink_to("/srv/feed")
        self.check_nothing("it is a symbolic link")
        place.unlink()
        os.mkfifo(place)
        self.check_nothing("is not a regular file")
        place.unlink()
        self.check_nothing("No such file")
        self.fetch()
        self.fetched.rename(self.root / "srv/feeds")
        self.fetched.symlink_to("/srv/feeds")
        self.check_nothing("cannot open the folder")
        self.fetched.unlink()
        (self.root / "srv/feeds").rename(self.fetched)
        self.check_installed()

    def test_own_copy_outlives_what_is_done_to_the_other(self):
        """Taken in once by a Download; then the cycle's folder turns bad."""
        self.fetch(5)
        with self.helper() as helper:
            helper.call("Download", envelope=self.policy, run_id="get")
        self.fetch(4, self.make_content("DSA-2-1"))
        self.file(self.fetched, ".feed", self.content).write_bytes(b"\0" * len(self.content))
        said = self.check_installed()
        self.assertIn("result=rollback", said)

    def test_cycles_folder_gone(self):
        self.fetch()
        with self.helper() as helper:
            helper.call("Download", envelope=self.policy, run_id="get")
        shutil.rmtree(self.fetched)
        self.assertNotIn("feed-rejected", self.check_installed())

    def test_bombs(self):
        """A small file that unpacks without end, and a file that is no feed at all."""
        bomb = feeds.export(feeds.record("DSA-3-1", "other", "2.0", self.ecosystem, details="x" * (9 << 20)))
        self.assertLess(len(bomb), 20000)
        self.fetch(1, bomb)
        self.check_nothing("debian")
        self.fetch(2, b"\0" * 3000)
        self.check_nothing("debian")
        self.fetch(3)
        self.check_installed()

    def test_pinned_file_is_read_by_the_helper_itself(self):
        path = self.root / "srv/feed.zip"
        path.write_bytes(self.content)
        self.policy = self.make_policy(keys=None, manifest_url=None, url="file:///srv/feed.zip",
                                       sha256=feeds.sha256(self.content), size_bytes=len(self.content))
        self.check_installed()


if __name__ == "__main__":
    unittest.main()
