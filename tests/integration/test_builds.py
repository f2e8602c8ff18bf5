# SPDX-License-Identifier: Apache-2.0
"""Dates of building: the real helper with real apt fetches what waits for its approval, and reads
from the verified archive when it was built."""

import datetime
import email.utils
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
from lab import policies, roots

PATCHCTL = pathlib.Path(os.environ["PATCHD_BUILD"]) / "agent/ctl/patchctl"
DAY = datetime.timedelta(days=1)


def entry(name, version, date):
    return (f"{name} ({version}) stable; urgency=medium\n\n  * Another build.\n\n"
            f" -- Test <test@test.invalid>  {email.utils.format_datetime(date)}\n")


def changelog(name, *entries):
    """{path: packed text}, the newest entry first."""
    text = "\n".join(entry(name, *one) for one in entries)
    return {f"/usr/share/doc/{name}/changelog.Debian.gz": gzip.compress(text.encode(), mtime=0)}


def days_ago(days):
    return policies.utc_now().replace(microsecond=0) - days * DAY


class BuildsCase(test_apply.ApplyCase):
    """Everything is approved seven days after it was built."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        root = pathlib.Path(cls.world.root)
        for line in roots.run_host("ldd", PATCHCTL).stdout.splitlines():
            found = re.search(r"=> (/\S+)", line)
            if found and not (root / found.group(1).lstrip("/")).exists():
                shutil.copy(found.group(1), root / test_apply.LIBRARIES)
        shutil.copy(PATCHCTL, root / "opt/patchctl")

    def setUp(self):
        super().setUp()
        self.policy = self.make_policy()

    def make_policy(self, version=1, days=7, sources=("advisory", "build"), **baseline):
        self.plain = policies.make_policy(version, window=policies.open_window(), date_sources=list(sources),
                                          rules=[{"name": "all", "approve_after_days": days}], **baseline)
        return self.world.key.sign_policy(self.plain, self.world.folder / "builds.dsse").read_text()

    def add(self, name, version, *dates, **more):
        files = changelog(name, *((version, date) for date in dates)) if dates else {}
        return self.main.add(name, version, files={**files, **more.pop("files", {})}, **more)

    # ---- what is done and what came of it ----

    def download(self):
        self.runs += 1
        with self.helper() as helper:
            return helper.call("Download", envelope=self.policy, run_id=f"run-{self.runs}")["outcome"]

    def install(self):
        return sorted(p["name"] for p in self.apply(self.policy)["packages"])

    def dates(self):
        """{name: its date or note} of what the helper keeps."""
        path = self.root / test_apply.STATE / "builds.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return {line["name"]: line["built_at"] or line["note"] for line in lines}

    def explain(self, name):
        """The package in patchctl's report, and the words of its evidence."""
        (self.root / "srv/policy.json").write_text(json.dumps(self.plain))
        done = self.chroot("env", f"LD_LIBRARY_PATH=/{test_apply.LIBRARIES}", "ASAN_OPTIONS=detect_leaks=1",
                           "/opt/patchctl", "explain", name, "--policy", "/srv/policy.json", "--json", check=False)
        self.assertIn(done.returncode, (0, 3, 4, 5), done.stderr)
        return {p["name"]: p for p in json.loads(done.stdout)["packages"]}[name], done.stdout


class Builds(BuildsCase):
    def test_approved_by_the_changelog_after_download(self):
        old, young = days_ago(30), days_ago(2)
        self.add("other", "2.0", old, days_ago(300))
        self.add("third", "2.0", young, days_ago(60))
        self.publish()
        self.assertEqual(self.install(), [], "nobody has read yet when they were built")
        package, words = self.explain("other")
        self.assertEqual((package["state"], package["approve_at"]), ("pending_approval", None))
        self.assertIn("build: its archive has not been fetched and read yet", words)

        outcome = self.download()
        self.assertEqual((outcome["result"], outcome["packages"]), ("succeeded", []))
        self.assertIn("2 dates of building are read, 0 failed, 0 are left", outcome["message"])
        self.assertEqual(self.dates(), {"other": policies.utc_text(old), "third": policies.utc_text(young)})
        self.assertEqual(self.archives(), ["other_2.0_all.deb", "third_2.0_all.deb"], "kept for their approval")
        state = self.root / test_apply.STATE / "builds.jsonl"
        self.assertEqual((state.stat().st_mode & 0o777, state.stat().st_uid), (0o644, 0))
        package, words = self.explain("other")
        self.assertEqual((package["state"], package["date_source"], package["released_at"]),
                         ("missing", "build", policies.utc_text(old)))
        self.assertIn("advisory: no advisory feed is at hand; build: built at", words)
        package, _ = self.explain("third")
        self.assertEqual((package["state"], package["approve_at"]),
                         ("pending_approval", policies.utc_text(young + 7 * DAY)))

        self.world.server.requests.clear()
        self.assertEqual(self.install(), ["other"])
        self.assertEqual(self.version_of("other", "third"), {"other": "2.0", "third": "1.0"})
        fetched = [os.path.basename(path) for path in self.world.server.requests]
        self.assertEqual([name for name in fetched if name.endswith(".deb")], ["other_1.0_all.deb"],
                         "the version that is replaced is kept; nothing else is fetched twice")
        self.assertEqual(self.archives(), ["third_2.0_all.deb"])
        self.assertIn("0 of 0 packages are downloaded", self.download()["message"])

    def test_every_compression_and_kind_of_changelog(self):
        date = days_ago(10)
        text = entry("x", "2.0", date).encode()
        self.add("other", "2.0", date, compression="xz")
        self.add("third", "2.0", compression="zstd",
                 files={"/usr/share/doc/third/changelog.gz": gzip.compress(text)})
        self.add("app", "1:2.0", compression="gzip", files={
            "/usr/share/doc/app/changelog.gz": gzip.compress(b"Version 7\n\n * Of its author.\n"),
            "/usr/share/doc/app/changelog.Debian.gz": gzip.compress(entry("x", "1", days_ago(50)).encode()),
            "/usr/share/doc/app/changelog.Debian.amd64.gz": gzip.compress(text)})
        self.main.add("liba", "1:1.1", arch="amd64", files={"/usr/share/doc/liba/changelog.Debian": text.decode()})
        self.publish()
        self.download()
        self.assertEqual(self.dates(), dict.fromkeys(("app", "liba", "other", "third"), policies.utc_text(date)))
        self.assertIn("app_1%3a2.0_all.deb", self.archives())

    def test_no_date_in_words(self):
        self.add("other", "2.0", links={"/usr/share/doc/other": "third"})
        self.add("third", "2.0", links={"/usr/share/doc/third/changelog.Debian.gz": "../app/changelog.Debian.gz"})
        self.add("app", "2.0", files={"/usr/share/doc/app/changelog.gz": gzip.compress(b"Version 2.0\n")})
        self.main.add("liba", "1:1.1", arch="amd64")
        self.publish()
        self.assertIn("4 dates of building are read", self.download()["message"])
        self.assertEqual(self.dates(), {
            "other": "its changelog is in another package: /usr/share/doc/other, which points to third",
            "third": "its changelog is in another package: /usr/share/doc/third/changelog.Debian.gz, "
                     "which points to ../app/changelog.Debian.gz",
            "app": "the changelog in its archive has no date",
            "liba": "there is no changelog in its archive"})
        package, words = self.explain("other")
        self.assertEqual((package["state"], package["released_at"]), ("pending_approval", None))
        self.assertIn("which points to third", words)
        requests = len(self.world.server.requests)
        self.assertEqual(self.install(), [])
        self.assertNotIn("are read", self.download()["message"], "what has no date is not read again")
        self.assertEqual(len(self.world.server.requests), requests)

    def test_dates_that_are_none(self):
        self.add("other", "2.0", datetime.datetime(1970, 1, 1, 0, 0, 5, tzinfo=datetime.timezone.utc))
        self.add("third", "2.0", days_ago(-3))
        self.publish()
        self.policy = self.make_policy(unknown_date="approve")
        self.download()
        self.assertEqual(self.install(), ["other"], "by unknown_date; what is still to come waits")
        self.assertIn("which is still to come", self.explain("third")[1])

    def test_only_what_may_be_approved(self):
        self.add("other", "2.0", days_ago(10))
        self.add("third", "2.0", days_ago(10))
        self.publish()
        self.policy = self.make_policy(rejected=[{"package": "third"}])
        self.download()
        self.assertEqual(list(self.dates()), ["other"])
        self.policy = self.make_policy(2, sources=("advisory", "observed"))
        self.download()
        self.assertEqual((list(self.dates()), self.archives()), (["other"], ["other_2.0_all.deb"]))

    def test_several_versions(self):
        self.add("other", "2.0", days_ago(20))
        self.add("other", "3.0", days_ago(1))
        self.publish()
        self.download()
        self.assertEqual(self.install(), ["other"])
        self.assertEqual(self.version_of("other"), {"other": "2.0"})

    def test_bytes_that_are_not_those_of_the_index(self):
        deb = self.add("other", "2.0", days_ago(30))
        self.add("third", "2.0", days_ago(30))
        self.publish()
        content = deb.read_bytes()
        deb.write_bytes(content.replace(b"\x1f\x8b", b"\x1f\x8c", 1))
        outcome = self.download()
        self.assertEqual(outcome["result"], "failed")
        self.assertIn("1 dates of building are read, 1 failed", outcome["message"])
        self.assertEqual((list(self.dates()), self.archives()), (["third"], ["third_2.0_all.deb"]))
        deb.write_bytes(content)
        with self.helper(uid=0) as helper:
            helper.call("Download", envelope=self.policy, run_id="again")
        self.assertEqual(sorted(self.dates()), ["other", "third"])

    def test_archive_that_is_none(self):
        deb = self.add("other", "2.0", days_ago(30))
        content = deb.read_bytes()
        start = content.index(b"data.tar") + 60
        deb.write_bytes(content[:start] + b"?" * (len(content) - start))
        self.publish()
        self.download()
        self.assertIn("its archive can't be read", self.dates()["other"])


if __name__ == "__main__":
    unittest.main()
