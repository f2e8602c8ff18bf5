# SPDX-License-Identifier: Apache-2.0
"""patchctl explain: the chain from the line in an index to the verdict, in words and as JSON that the
report's schema accepts; with --at, and for names that are not installed."""

import copy
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import jsonschema

SOURCE = os.environ.get("PATCHD_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(SOURCE, "tests"))

from lab import feeds  # noqa: E402
from lab.debroot import DebRoot, days_ago  # noqa: E402

PATCHCTL = os.path.join(os.environ["PATCHD_BUILD"], "agent/ctl/patchctl")
SCHEMA = jsonschema.Draft202012Validator(json.loads(
    pathlib.Path(SOURCE, "packaging/schema/patchd.report.v1.schema.json").read_text("utf-8")))

# A Saturday, in Berlin an hour later; the lab's indexes are all older.
NOW = "2026-11-21T12:00:00Z"
NOW_SECONDS = 1795262400

POLICY = {
    "type": "patchd.policy.v1", "policy_id": "acme", "version": 3,
    "issued": "2020-01-01T00:00:00Z", "expires": "2036-01-01T00:00:00Z",
    "assignments": [{"name": "prod", "match": {"os": ["debian:12"]}, "baseline": "base",
                     "window": "saturday", "mode": "apply"}],
    "baselines": {"base": {"filters": {"package": ["*"]}, "rules": [
        {"name": "critical-now", "classification": ["security"], "severity": ["critical"], "approve_after_days": 0},
        {"name": "kernel", "package": ["linux-*"], "approve_after_days": 1},
        {"name": "security", "classification": ["security"], "approve_after_days": 7, "approve_latest_days": 0},
        {"name": "old", "package": ["old"], "approve_until": "2026-10-01"}],
        "rejected": [{"package": "docker*", "reason": "platform team pins it"}]}},
    "windows": {"saturday": {"rrule": "FREQ=WEEKLY;BYDAY=SA", "start": "01:00",
                             "timezone": "Europe/Berlin", "duration_minutes": 180, "cutoff_minutes": 30}},
}

HIGH = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}]


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.top = holder.name
        self.root = DebRoot(os.path.join(self.top, "root"))
        for name, version in (("openssl", "3.0.1-1"), ("bash", "5.2-1"), ("gone", "1"), ("docker-ce", "1"),
                              ("other", "1"), ("old", "1")):
            self.root.install(name, version)
        self.root.install("libssl3", "3.0.1-1", Source="openssl")
        self.root.repository("main.test", "stable", [
            ("bash", "5.2-1", {}), ("docker-ce", "2", {}), ("other", "2", {}), ("nginx", "1.2", {}),
            ("openssl", "3.0.1-1", {}), ("old", "2", {})], NOW_SECONDS - 40 * 86400)
        self.root.repository("security.test", "stable-security",
                             [("openssl", "3.0.2-1", {}), ("openssl", "3.0.3-1", {})],
                             NOW_SECONDS - 3 * 86400, security=True)
        self.root.repository("bpo.test", "stable-backports", [("bash", "5.3-1", {})],
                             NOW_SECONDS - 5 * 86400, NotAutomatic="yes", ButAutomaticUpgrades="yes")
        self.policy = copy.deepcopy(POLICY)

    def use_feed(self, *records):
        path = os.path.join(self.top, "feed.json")
        content = json.dumps(records).encode()
        with open(path, "wb") as file:
            file.write(content)
        self.policy["feeds"] = [{"id": "debian-12", "format": "osv", "os": ["debian:12"], "url": f"file://{path}",
                                 "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}]

    def run_ctl(self, *words):
        policy = os.path.join(self.top, "policy.json")
        with open(policy, "w", encoding="utf-8") as file:
            json.dump(self.policy, file)
        return subprocess.run([PATCHCTL, *words, "--root", self.root.path, "--policy", policy,
                               "--prefix", os.path.join(self.top, "nowhere")],
                              capture_output=True, text=True, timeout=60, check=False)

    def text(self, name, at=NOW):
        done = self.run_ctl("explain", name, "--at", at)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def report(self, *words, at=NOW):
        done = self.run_ctl(*words, "--json", "--at", at)
        self.assertEqual(done.stderr, "")
        report = json.loads(done.stdout)
        self.assertEqual([error.message for error in SCHEMA.iter_errors(report)], [])
        return report

    def package(self, name, at=NOW):
        [package] = self.report("explain", name, at=at)["packages"]
        return package

    def assert_says(self, text, *sentences):
        for sentence in sentences:
            self.assertIn(sentence, text)


class Chain(Case):
    def test_every_link(self):
        self.use_feed(
            feeds.record("DSA-6000-1", "openssl", "3.0.2-1", published="2026-11-16T10:00:00Z", severity=HIGH,
                         upstream=["CVE-2026-1111"]),
            feeds.record("DEBIAN-CVE-2026-2222", "openssl", "3.0.3-1", published="2020-01-01T00:00:00Z",
                         severity=HIGH))
        text = self.text("openssl")
        self.assert_says(
            text, f"As of {NOW} (", "Policy acme version 3, assignment prod, baseline base",
            "openssl:amd64  installed 3.0.1-1, candidate 3.0.3-1, target none", "pending_approval: rule 'security'",
            "Version 3.0.3-1 (source openssl 3.0.3-1): not approved",
            "Version 3.0.2-1 (source openssl 3.0.2-1): not approved",
            "http://security.test/debian/ stable-security main, label Debian-Security, its index dated "
            "2026-11-18T12:00:00Z (3 d ago)",
            "/var/lib/apt/lists/security.test_debian_dists_stable-security_main_binary-amd64_Packages "
            "(a security pocket)",
            "DSA-6000-1: security, severity high, published 2026-11-16T10:00:00Z (5 d 2 h ago), "
            "fixed in 3.0.2-1 (this version)",
            "CVE records  DEBIAN-CVE-2026-2222: severity high, fixed in 3.0.3-1 (no advisory: gives no date)",
            "by the source 'observed'", "advisory: no dated advisory names exactly this version; observed: stands "
            "in the index of", "by the source 'advisory'", "advisory: DSA-6000-1 published 2026-11-16T10:00:00Z",
            "rule 'critical-now' takes only severity critical, and this is high",
            "rule 'kernel' takes only packages linux-*",
            "'security' matches: it approves 7 days after the release")
        self.assertLess(text.index("Version 3.0.3-1"), text.index("Version 3.0.2-1"))

    def test_as_json(self):
        self.use_feed(feeds.record("DSA-6000-1", "openssl", "3.0.2-1", published="2026-11-16T10:00:00Z", severity=HIGH))
        package = self.package("openssl")
        newest, older = package["versions"]
        self.assertEqual([rule["name"] for rule in older["rules_passed_over"]], ["critical-now", "kernel"])
        self.assertEqual((older["released_at"], older["date_source"]), ("2026-11-16T10:00:00Z", "advisory"))
        self.assertEqual((newest["released_at"], newest["date_source"]), ("2026-11-18T12:00:00Z", "observed"))
        [record] = older["records"]
        self.assertEqual((record["id"], record["kind"], record["exact"]), ("DSA-6000-1", "advisory", True))
        self.assertFalse(newest["records"][0]["exact"])
        self.assertEqual(newest["indexes"][0]["suite"], "stable-security")

    def test_several_versions_have_a_verdict_each(self):
        # the older one is approved already, the newer one still waits
        self.use_feed(feeds.record("DSA-6000-1", "openssl", "3.0.2-1", published="2026-11-10T10:00:00Z"))
        package = self.package("openssl")
        self.assertEqual((package["state"], package["target"]), ("missing", "3.0.2-1"))
        self.assertEqual([version["approved"] for version in package["versions"]], [False, True])
        self.assert_says(self.text("openssl"), "Version 3.0.2-1 (source openssl 3.0.2-1): approved, the target")

    def test_lacking_feed(self):
        self.use_feed(feeds.record("DSA-6000-1", "openssl", "3.0.2-1"))
        self.policy["feeds"][0]["sha256"] = "0" * 64
        self.assert_says(self.text("openssl"), "Not sure: feed 'debian-12':",
                         "the policy's feed 'debian-12' could not be verified on this node",
                         "installation: no time can be told")

    def test_filters_of_the_baseline(self):
        self.policy["baselines"]["base"]["filters"] = {"package": ["a*", "b*"]}
        self.assert_says(self.text("openssl"), "every rule: the baseline's filter takes only packages a*, b*",
                         "rule         none matches")

    def test_rollout(self):
        self.policy["baselines"]["base"]["rules"][2]["rollout_hours"] = 48
        text = self.text("openssl")
        self.assertRegex(text, r"approves 7 days after the release, spread over 48 h: \d+ h \d+ min later on this node")

    def test_lists(self):
        self.assert_says(self.text("docker-ce"), "rejected: the policy rejects 'docker*': platform team pins it",
                         "the rejected list names 'docker*'", "not installed while the policy rejects it")
        self.policy["baselines"]["base"]["approved"] = [{"package": "other", "version": "2"}]
        self.assert_says(self.text("other"), "missing: the policy's approved list names other 2",
                         "the approved list names 'other'")


class Installed(Case):
    """Nothing newer is on offer, so what is installed is judged."""

    def test_by_a_rule(self):
        self.policy["baselines"]["base"]["rules"].append({"name": "rest", "approve_after_days": 30})
        self.assert_says(self.text("bash"), "installed: rule 'rest' approves 5.2-1 since",
                         "Installed version 5.2-1 (source bash 5.2-1): approved",
                         "Version 5.3-1: not considered, http://bpo.test/debian/ stable-backports is not automatic",
                         "there is nothing to install")

    def test_by_no_rule(self):
        package = self.package("bash")
        self.assertEqual(package["state"], "installed_other")
        self.assertIn("no rule of baseline 'base' takes other updates of bash", package["reason"])
        self.assertEqual(package["current"]["version"], "5.2-1")
        self.assertEqual([left["version"] for left in package["versions_left_out"]], ["5.3-1"])

    def test_from_nowhere(self):
        package = self.package("gone")
        self.assertEqual((package["state"], package["current"]), ("installed_other", None))
        self.assertIn("no configured source offers 1", package["reason"])

    def test_rejected(self):
        self.policy["baselines"]["base"]["rejected"].append({"package": "bash"})
        self.assert_says(self.text("bash"), "installed_rejected: installed, but the policy rejects 'bash'",
                         "remove it by hand")

    def test_unassigned(self):
        self.policy["assignments"][0]["match"] = {"os": ["debian:13"]}
        text = self.text("bash")
        self.assert_says(text, "no assignment", "no baseline judges it: this node is unassigned")
        self.assertNotIn("(null)", text)


class When(Case):
    def text_of(self, at=NOW):
        return self.package("openssl", at)["installation"]["text"]

    def approve_at_once(self):
        self.policy["baselines"]["base"]["rules"][2] = {
            "name": "security", "classification": ["security"], "approve_after_days": 0}

    def test_the_next_opening(self):
        self.approve_at_once()
        installation = self.package("openssl")["installation"]
        self.assertEqual(installation["opens_at"], "2026-11-28T00:00:00Z")
        self.assertEqual((installation["window"], installation["timezone"]), ("saturday", "Europe/Berlin"))
        self.assertEqual(installation["from_local"], "2026-11-28 01:00 +01:00")
        self.assertIn("window 'saturday', which opens 2026-11-28T00:00:00Z (2026-11-28 01:00 +01:00 Europe/Berlin), "
                      "until 2026-11-28T03:00:00Z", installation["text"])

    def test_after_the_approval(self):
        # released on Wednesday the 18th at 12:00, approved on the 25th, so on Saturday the 28th
        self.assertIn("opens 2026-11-28T00:00:00Z", self.text_of())
        self.policy["baselines"]["base"]["rules"][2]["approve_after_days"] = 14
        self.assertIn("opens 2026-12-05T00:00:00Z", self.text_of())

    def test_in_an_open_window(self):
        self.approve_at_once()
        self.assertIn("which is open, until 2026-11-28T03:00:00Z", self.text_of("2026-11-28T01:00:00Z"))

    def test_past_the_cutoff(self):
        self.approve_at_once()
        self.assertIn("opens 2026-12-05T00:00:00Z", self.text_of("2026-11-28T02:30:00Z"))

    def test_approved_while_it_is_open(self):
        self.policy["windows"]["saturday"].update(rrule="FREQ=WEEKLY;BYDAY=WE", start="12:30")
        self.assertIn("while it is open, from 2026-11-25T12:00:00Z", self.text_of())

    def test_never(self):
        self.policy["assignments"][0]["mode"] = "scan"
        self.assertEqual(self.text_of(), "patchd does not install it: assignment 'prod' has mode scan")
        del self.policy["assignments"][0]["window"]
        self.assertEqual(self.text_of(), "patchd does not install it: assignment 'prod' has mode scan")

    def test_no_rule_and_no_date(self):
        self.assertIn("no rule and no approved list takes it", self.package("other")["installation"]["text"])
        self.assertIn("nobody knows when", self.package("old")["installation"]["text"])

    def test_policy_expires_before(self):
        self.approve_at_once()
        self.policy["expires"] = "2026-11-25T00:00:00Z"
        self.assertIn("but the policy expires before, at 2026-11-25T00:00:00Z", self.text_of())

    def test_at_moves_all_of_it(self):
        before, after = (self.package("openssl", at) for at in ("2026-11-25T11:59:59Z", "2026-11-25T12:00:00Z"))
        self.assertEqual((before["state"], before["target"]), ("pending_approval", None))
        self.assertEqual((after["state"], after["target"]), ("missing", "3.0.3-1"))


class ScanAt(Case):
    def head(self, at):
        return self.run_ctl("scan", "--at", at).stdout

    def test_what_will_saturday_install(self):
        self.assert_says(self.head("2026-11-28T00:30:00Z"), "as of        2026-11-28T00:30:00Z",
                         "would do     the 1 missing below, in window 'saturday', which is open since "
                         "2026-11-28T00:00:00Z")
        self.assert_says(self.head("2026-11-24T00:00:00Z"), "would do     nothing: nothing is missing then")
        self.policy["assignments"][0]["mode"] = "scan"
        self.assert_says(self.head("2026-11-28T00:30:00Z"), "would do     nothing: assignment 'prod' has mode scan")

    def test_json(self):
        self.assertTrue(self.report("scan")["what_if"])
        self.assertNotIn("what_if", json.loads(self.run_ctl("scan", "--json").stdout))


class Names(Case):
    def expect_error(self, name, *words):
        done = self.run_ctl("explain", name)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
        self.assert_says(done.stderr, *words)

    def test_known_but_not_installed(self):
        package = self.package("nginx")
        self.assertEqual((package["state"], package["installed"]), ("not_applicable", None))
        self.assertEqual(package["versions"][0]["indexes"][0]["suite"], "stable")
        self.assert_says(self.text("nginx"), "it is not installed here", "Version 1.2 (source nginx 1.2)")
        # asking changes nothing of what a scan says
        self.assertNotIn("nginx", [package["name"] for package in self.report("scan", "--all")["packages"]])

    def test_near_names(self):
        self.expect_error("opensl", "opensl is not installed here, and no configured source offers it",
                          "did you mean openssl")
        self.expect_error("qqq", "no configured source offers it\n")
        self.root.install("bin1", "1", Source="thesource")
        self.expect_error("thesource", "did you mean bin1")

    def test_architectures(self):
        self.assertEqual(self.package("openssl:amd64")["name"], "openssl")
        self.expect_error("openssl:i386", "openssl is here as openssl:amd64, not for i386")

    def test_odd_names(self):
        for name in ("", ":", "a" * 5000, "../x", "open ssl", "\x01"):
            with self.subTest(name[:10]):
                self.expect_error(name, "no configured source offers it")


if __name__ == "__main__":
    unittest.main()
