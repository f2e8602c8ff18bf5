# SPDX-License-Identifier: Apache-2.0
"""Feeds on their way to the cycle: a feed host that is withheld, lies or is forged. Whatever it
does, the last good feed stays and nothing is approved that would not be with it."""

import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import httplab
import test_cycle
from httplab import answer, answer_cut, answer_etag
from lab import feeds, policies

PATCHCTL = os.path.join(os.environ["PATCHD_BUILD"], "agent", "ctl", "patchctl")


def os_release():
    with open("/etc/os-release", encoding="utf-8") as file:
        words = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    return words["ID"].strip('"'), words.get("VERSION_ID", "").strip('"')


class FeedsTest(httplab.EndpointCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.feed_key = policies.Key(cls.folder, "feed")
        cls.ecosystem = "Debian:" + os_release()[1]

    def setUp(self):
        self.server = httplab.Server(self.pair)
        self.addCleanup(self.server.close)
        self.feed_host = httplab.Server(self.pair)
        self.addCleanup(self.feed_host.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.node = test_cycle.Node(folder.name, self.key)
        self.addCleanup(self.node.helper.close)
        self.place = self.node.prefix / "var/lib/patchd/feeds"
        self.node.configure(policy_url=self.server.origin + "/{policy_id}", policy_id="lab",
                            ca_file=self.authority.certificate)
        self.content = self.make_content("1.0-1")

    # ---- what is served ----

    def make_content(self, fixed):
        return feeds.export(feeds.record("DSA-1-1", "bash", fixed, self.ecosystem))

    def feed(self, name="debian", **changes):
        return {"id": name, "format": "osv", "os": [os_release()[0]],
                "manifest_url": self.feed_host.origin + f"/{name}.manifest.json",
                "keys": [feeds.public_key(self.feed_key)], **changes}

    def publish(self, version=1, **changes):
        policy = policies.make_policy(version, mode="scan")
        policy["feeds"] = [self.feed()]
        policy.update(changes)
        content = self.key.sign_policy(policy, os.path.join(self.folder, "policy.dsse")).read_bytes()
        self.server.answers["/lab"] = answer_etag(content, '"%s"' % hashlib.sha256(content).hexdigest())

    def publish_feed(self, version=1, content=None, key=None, name="debian", **changes):
        """A manifest and the file beside it."""
        content = content or self.content
        envelope = feeds.manifest(key or self.feed_key, content, version, name, **changes)
        self.feed_host.answers[f"/{name}.manifest.json"] = answer_etag(envelope, '"%s"' % feeds.sha256(envelope))
        self.feed_host.answers["/feed.zip"] = answer(200, content)

    # ---- what came of it ----

    def run_cycle(self, fails=False, trigger="start"):
        done = self.node.run(trigger)
        self.assertEqual(done.returncode != 0, fails, done.stderr)
        return done.stderr

    def gets(self, path):
        return [request for request in self.feed_host.requests if request[1] == path]

    def files(self, suffix):
        return sorted(path.name for path in self.place.iterdir() if path.name.endswith(suffix))

    def kept(self):
        """The feed files that the node has."""
        return sorted(path.read_bytes() for path in self.place.glob("*.feed"))

    def report(self):
        return self.node.last_report()

    def names_feed(self):
        """Whether the report calls the node unknown for its feed."""
        return any("feed 'debian'" in text for text in self.report()["compliance"]["unknown_reasons"])

    def check_lacking(self, *words, **more):
        """The node has no usable feed, and says why."""
        said = self.run_cycle(fails=True, **more)
        self.assertIn("event=feed-rejected", said)
        report = self.report()
        self.assertEqual(report["compliance"]["status"], "unknown")
        for word in words:
            self.assertIn(word, said)
        return said

    def check_kept(self, *words):
        """The last good feed stays, and what is wrong is said."""
        before = self.kept()
        said = self.run_cycle(fails=True)
        self.assertIn("event=feed-rejected", said)
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(self.kept(), before)
        self.assertEqual(self.files(".part"), [])

    def check_said_once(self):
        self.assertNotIn("feed-rejected", self.run_cycle(fails=True), "said once per change")

    # ---- the normal case ----

    def test_fetched_once_then_asked_with_its_etag(self):
        self.publish()
        self.publish_feed()
        self.assertIn("event=feed-accepted", self.run_cycle())
        self.assertEqual(self.kept(), [self.content])
        said = self.run_cycle(trigger="poll")
        self.assertNotIn("feed-", said)
        self.assertNotIn("scan-finished", said, "a quiet poll judges nothing")
        self.assertEqual(len(self.gets("/feed.zip")), 1)
        manifests = self.gets("/debian.manifest.json")
        self.assertNotIn("If-None-Match", manifests[0][2])
        self.assertTrue(manifests[1][2]["If-None-Match"])
        self.assertTrue(all((self.place / name).stat().st_mode & 0o777 == 0o600 for name in self.files(".feed")))

    def test_next_version_replaces_it(self):
        self.publish()
        self.publish_feed()
        self.run_cycle()
        newer = self.make_content("2.0-1")
        self.publish_feed(2, newer)
        said = self.run_cycle(trigger="poll")
        self.assertIn("version 2", said)
        self.assertIn("scan-finished", said, "a new feed is a reason to judge")
        self.assertEqual(self.kept(), [newer])
        self.assertEqual(len(self.files(".json")), 1)

    def test_same_file_under_a_new_manifest(self):
        """A signer that only extends the time costs no download."""
        self.publish()
        self.publish_feed()
        self.run_cycle()
        self.publish_feed(2)
        self.run_cycle()
        self.assertEqual(len(self.gets("/feed.zip")), 1)

    def test_feed_of_another_system_is_left_alone(self):
        self.publish(feeds=[self.feed(os=["otheros"])])
        self.run_cycle()
        self.assertEqual(self.feed_host.requests, [])

    def test_feed_host_gets_no_token(self):
        (self.node.credentials / "endpoint-token").write_text("t0k\n")
        self.publish()
        self.publish_feed()
        self.run_cycle()
        self.assertEqual({request[2].get("Authorization") for request in self.server.requests}, {"Bearer t0k"})
        self.assertEqual(len(self.feed_host.requests), 2)
        self.assertEqual({request[2].get("Authorization") for request in self.feed_host.requests}, {None})

    def test_pinned_file(self):
        """No network at all: the policy has the digest."""
        path = self.node.prefix / "feed.zip"
        path.write_bytes(self.content)
        pinned = {"id": "debian", "format": "osv", "os": [os_release()[0]], "url": f"file://{path}",
                  "sha256": feeds.sha256(self.content), "size_bytes": len(self.content)}
        self.publish(feeds=[pinned])
        self.assertIn("feed-accepted", self.run_cycle())
        path.write_bytes(self.content[:-1] + b"?")
        self.assertNotIn("feed-", self.run_cycle(), "its own copy is what counts")
        path.unlink()
        path.symlink_to(self.node.prefix / "elsewhere.zip")
        (self.node.prefix / "elsewhere.zip").write_bytes(self.content)
        shutil.rmtree(self.place)
        self.check_lacking("symbolic link")

    # ---- what is refused ----

    def test_refused_manifests_leave_the_last_good_feed(self):
        stranger = policies.Key(self.folder, "stranger")
        self.publish()
        self.publish_feed(5)
        self.run_cycle()
        newer = self.make_content("2.0-1")
        self.publish_feed(6, newer, key=stranger)
        self.check_kept("result=signature", "no signature by a trusted key")
        self.check_said_once()
        self.publish_feed(4, newer)
        self.check_kept("result=rollback", "older than the stored version 5")
        self.publish_feed(5, newer)
        self.check_kept("result=rollback", "other content")
        self.publish_feed(6, newer, issued="2026-01-01T00:00:00Z", expires="2026-01-02T00:00:00Z")
        self.check_kept("result=expired", "expired at 2026-01-02")
        self.publish_feed(6, newer, id="ubuntu")
        self.check_kept("result=feed-id", "the manifest of feed 'ubuntu'")
        self.publish_feed(6, newer, issued="2036-01-01T00:00:00Z", expires="2037-01-01T00:00:00Z")
        self.check_kept("result=not-yet", "in the future")
        self.check_said_once()
        self.publish_feed(6, newer, url="file:///etc/passwd")
        self.check_kept("result=format", "can't name the local file")
        self.feed_host.answers["/debian.manifest.json"] = answer(200, b"<html>log in</html>")
        self.check_kept("result=format")
        self.feed_host.answers["/debian.manifest.json"] = answer(503)
        self.check_kept("answered 503")
        self.feed_host.answers["/debian.manifest.json"] = answer(200, b" " * 300000)
        self.check_kept("larger than 262144 bytes")

    def test_files_that_are_not_the_announced_one(self):
        self.publish()
        self.publish_feed(1)
        self.run_cycle()
        newer = self.make_content("2.0-1")
        self.publish_feed(2, newer)
        self.feed_host.answers["/feed.zip"] = answer(200, newer[:-1] + b"?")
        self.check_kept("is another file than announced")
        self.check_said_once()
        self.feed_host.answers["/feed.zip"] = answer(200, newer[:-1])
        self.check_kept(f"has {len(newer) - 1} bytes, but {len(newer)} were announced")
        self.feed_host.answers["/feed.zip"] = answer(200, newer + b"!")
        self.check_kept(f"larger than the {len(newer)} bytes that were announced")
        self.feed_host.answers["/feed.zip"] = answer_cut(newer[:10], len(newer))
        self.check_kept("cut short")
        self.feed_host.answers["/feed.zip"] = answer(404)
        self.check_kept("answered 404")
        self.feed_host.answers["/feed.zip"] = answer(200, newer)
        self.assertIn("version 2", self.run_cycle())
        self.assertEqual(self.kept(), [newer])

    def test_announced_file_that_is_no_feed(self):
        self.publish()
        self.publish_feed(1)
        self.run_cycle()
        self.publish_feed(2, b"\0" * 5000)
        self.check_kept("feed.zip")
        self.check_said_once()
        self.assertEqual(len(self.gets("/feed.zip")), 2, "not fetched again as long as it is announced")

    def test_withheld_from_the_first_day(self):
        self.publish()
        self.check_lacking("feed 'debian'", "answered 404")
        self.assertTrue(self.names_feed())

    def test_expired_while_withheld(self):
        """A feed that nobody renews stops counting, though it was good."""
        until = policies.utc_now() + datetime.timedelta(seconds=8)
        self.publish()
        self.publish_feed(expires=policies.utc_text(until))
        self.run_cycle()
        self.assertFalse(self.names_feed())
        httplab.wait_until(lambda: policies.utc_now() > until, what="the feed to expire")
        self.feed_host.answers.clear()
        self.check_lacking("feed 'debian'")
        self.assertTrue(self.names_feed())

    def test_redirect_to_another_host(self):
        self.publish()
        self.publish_feed()
        self.feed_host.answers["/feed.zip"] = answer(302, headers=[("Location", self.server.origin + "/feed.zip")])
        self.server.answers["/feed.zip"] = answer(200, self.content)
        self.check_lacking("redirects to", "is not followed")

    # ---- who failed is left alone for a while ----

    def waits(self):
        """[(failures, until, sentence)]"""
        rows = self.node.query("SELECT value FROM value WHERE key LIKE 'feed.wait.%'")
        return [(int(row[0].split(" ", 2)[0]), int(row[0].split(" ", 2)[1]), row[0].split(" ", 2)[2]) for row in rows]

    def move_waits(self, seconds):
        """All waits end so many seconds from now."""
        with contextlib.closing(sqlite3.connect(self.node.prefix / "var/lib/patchd/patchd.sqlite")) as database:
            for failures, _, sentence in self.waits():
                database.execute("UPDATE value SET value = ? WHERE key LIKE 'feed.wait.%'",
                                 (f"{failures} {int(time.time()) + seconds} {sentence}",))
            database.commit()

    def test_retry_after_is_honoured(self):
        self.publish()
        self.feed_host.answers["/debian.manifest.json"] = answer(503, headers=[("Retry-After", "3600")])
        self.check_lacking("answered 503", trigger="poll")
        [(failures, until, _)] = self.waits()
        self.assertEqual(failures, 1)
        self.assertAlmostEqual(until, time.time() + 3600, delta=300)
        said = self.run_cycle(fails=True, trigger="poll")
        self.assertEqual(len(self.gets("/debian.manifest.json")), 1, "not asked again")
        self.assertNotIn("feed-rejected", said)
        self.assertTrue(self.names_feed(), "the trouble stays what it was")
        self.publish_feed()
        self.run_cycle(trigger="window")
        self.assertEqual((self.waits(), self.kept()), ([], [self.content]))

    def test_an_absurd_retry_after(self):
        self.publish()
        self.feed_host.answers["/debian.manifest.json"] = answer(429, headers=[("Retry-After", "99999999")])
        self.check_lacking("answered 429", trigger="poll")
        self.assertLessEqual(self.waits()[0][1], time.time() + 6 * 3600)

    def test_backs_off_and_comes_back(self):
        self.publish()
        self.publish_feed()
        self.run_cycle()
        self.feed_host.answers["/debian.manifest.json"] = answer(503)
        for failures in (1, 2, 3):
            self.run_cycle(fails=True, trigger="poll")
            [(found, until, sentence)] = self.waits()
            self.assertEqual(found, failures)
            self.assertLessEqual(until, time.time() + 900 * 2 ** (failures - 1))
            self.assertIn("answered 503", sentence)
            self.move_waits(-1)
        self.move_waits(+3600)
        asked = len(self.gets("/debian.manifest.json"))
        self.publish_feed(2)
        self.run_cycle(fails=True, trigger="poll")
        self.assertEqual(len(self.gets("/debian.manifest.json")), asked)
        self.assertFalse(self.names_feed(), "the last good feed counts meanwhile")
        self.move_waits(-1)
        self.assertIn("version 2", self.run_cycle(trigger="poll"))
        self.assertEqual(self.waits(), [])

    def test_wrong_file_is_not_fetched_at_each_poll(self):
        self.publish()
        self.publish_feed()
        self.feed_host.answers["/feed.zip"] = answer(200, self.content[:-1] + b"?")
        self.check_lacking("is another file than announced", trigger="poll")
        self.assertEqual(self.waits()[0][0], 1)
        self.move_waits(+600)
        self.assertIn("is another file", self.waits()[0][2])
        self.run_cycle(fails=True, trigger="poll")
        self.assertEqual(len(self.gets("/feed.zip")), 1)

    def test_a_clock_that_was_wrong_is_no_wait(self):
        self.publish()
        self.feed_host.answers["/debian.manifest.json"] = answer(503)
        self.check_lacking("answered 503", trigger="poll")
        self.move_waits(10 * 365 * 86400)
        self.publish_feed()
        self.run_cycle(trigger="poll")

    def test_another_place_or_key_is_asked_at_once(self):
        self.publish()
        self.check_lacking("answered 404", trigger="poll")
        self.move_waits(+3600)
        self.publish(2, feeds=[self.feed(manifest_url=self.feed_host.origin + "/more.manifest.json")])
        self.publish_feed(name="more", id="debian")
        self.assertIn("feed-accepted", self.run_cycle(trigger="poll"))

    # ---- a policy and its feeds ----

    def test_policy_waits_for_its_feeds(self):
        self.publish(1)
        self.publish_feed()
        self.run_cycle()
        other = policies.Key(self.folder, "other")
        both = [self.feed(keys=[feeds.public_key(other)]), self.feed("more")]
        self.publish(2, feeds=both)
        said = self.run_cycle(fails=True)
        self.assertIn("policy version 2 waits for its feeds: feed 'debian'", said)
        self.assertEqual(self.report()["policy"]["version"], 1)
        self.assertFalse(self.names_feed())
        self.assertNotIn("feed-rejected", self.run_cycle(fails=True))
        self.publish_feed(2, key=other)
        self.assertIn("waits for its feeds: feed 'more'", self.run_cycle(fails=True))
        self.assertEqual(self.report()["policy"]["version"], 1)
        self.publish_feed(1, name="more")
        self.assertIn("event=policy-accepted", self.run_cycle())
        self.assertEqual(self.report()["policy"]["version"], 2)
        self.assertEqual(len(self.files(".feed")), 2)

    def test_first_policy_does_not_wait(self):
        """Without an old pair the new policy says at least what is approved by name."""
        self.publish(1)
        self.check_lacking("feed 'debian'")
        self.assertEqual(self.report()["policy"]["version"], 1)

    # ---- what doctor says of it ----

    def doctor(self, check):
        done = subprocess.run([PATCHCTL, "doctor", "--json", "--prefix", str(self.node.prefix)], timeout=60,
                              capture_output=True, text=True, check=False)
        findings = json.loads(done.stdout)
        is_bad = any(finding["level"] == "problem" for finding in findings)
        self.assertEqual(done.returncode, 1 if is_bad else 0, done.stdout)
        return [(finding["level"], finding["text"]) for finding in findings if finding["check"] == check]

    def test_doctor_names_each_feed(self):
        self.publish(feeds=[self.feed(), self.feed("other", os=["otheros"])])
        self.publish_feed(3)
        self.run_cycle()
        [(level, text)] = self.doctor("feeds")
        self.assertEqual(level, "ok")
        self.assertRegex(text, r"^'debian' version 3, issued \S+ \(1 h.* ago\), expires \S+ \(in [67] d")
        self.publish_feed(4, self.make_content("2.0-1"), key=policies.Key(self.folder, "stranger"))
        self.run_cycle(fails=True)
        [(level, text)] = self.doctor("feeds")
        self.assertEqual(level, "warning")
        self.assertRegex(text, "'debian' version 3, .*; this last good one is kept: .*no signature by a trusted key")

    def test_doctor_of_a_lacking_feed(self):
        self.publish()
        self.run_cycle(fails=True)
        [(level, text)] = self.doctor("feeds")
        self.assertEqual(level, "problem")
        self.assertRegex(text, "feed 'debian': no copy of it is readable here.*when it was last asked for: .*answered 404")

    def test_doctor_without_feeds(self):
        self.publish(feeds=[])
        self.run_cycle()
        self.assertEqual(self.doctor("feeds")[0][0], "ok")
        self.assertIn("the policy names none for this system", self.doctor("feeds")[0][1])

    def test_doctor_on_the_clock(self):
        self.publish()
        self.publish_feed(issued=policies.utc_text(policies.utc_now() + datetime.timedelta(minutes=2)))
        self.run_cycle()
        [(level, text)] = self.doctor("clock")
        self.assertEqual(level, "problem")
        self.assertIn("when a policy, feed or index here was signed: set it", text)

    # ---- the node's own trouble ----

    def test_spoilt_copy_is_fetched_again(self):
        self.publish()
        self.publish_feed()
        self.run_cycle()
        for name in self.files(".cache"):
            (self.place / name).unlink()
        feed = self.place / self.files(".feed")[0]
        feed.write_bytes(b"\0" * len(self.content))
        self.run_cycle()
        self.assertNotIn("feed-rejected", self.run_cycle())
        self.assertEqual(self.kept(), [self.content])

    def test_damaged_counter_is_no_way_back(self):
        self.publish()
        self.publish_feed(5)
        self.run_cycle()
        (self.place / self.files(".json")[0]).write_text("{")
        self.publish_feed(4)
        self.check_lacking("is damaged", "until an administrator removes that file")

    def test_crash_between_manifest_and_counter(self):
        self.publish()
        self.publish_feed(5)
        self.run_cycle()
        counter = self.place / self.files(".json")[0]
        before = counter.read_bytes()
        self.publish_feed(6)
        self.run_cycle()
        counter.write_bytes(before)
        (self.place / (counter.stem + ".part")).write_bytes(b"half a feed")
        self.feed_host.answers.clear()
        self.check_kept("answered 404")
        self.assertFalse(self.names_feed())
        self.assertIn(b'"version": 6', counter.read_bytes().replace(b'"version":6', b'"version": 6'))

    @unittest.skipUnless(os.geteuid() == 0, "needs a file system of its own")
    def test_full_disk(self):
        self.publish()
        self.publish_feed()
        self.place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "patchd-test", str(self.place)], check=True)
        self.addCleanup(subprocess.run, ["umount", str(self.place)], check=True)
        self.run_cycle()
        self.publish_feed(2, feeds.export(feeds.record("DSA-2-1", "bash", "2", self.ecosystem,
                                                       details=os.urandom(100000).hex())))
        self.check_kept("No space left on device")


if __name__ == "__main__":
    unittest.main()
