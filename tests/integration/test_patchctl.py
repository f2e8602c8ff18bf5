# SPDX-License-Identifier: Apache-2.0
"""patchctl alone: scan, explain, windows and policy on a synthetic root, with exit codes and errors."""

import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("PATCHD_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
sys.path.insert(0, os.path.join(SOURCE, "tests"))

from lab.debroot import DebRoot, days_ago  # noqa: E402

PATCHCTL = os.path.join(os.environ["PATCHD_BUILD"], "agent/ctl/patchctl")

POLICY = {
    "type": "patchd.policy.v1", "policy_id": "acme", "version": 3,
    "issued": "2020-01-01T00:00:00Z", "expires": "2036-01-01T00:00:00Z",
    "assignments": [
        {"name": "prod", "match": {"tags": {"Environment": ["Production"]}}, "baseline": "base",
         "window": "saturday", "mode": "apply"},
        {"name": "rest", "match": {"hostname": ["synthetic"]}, "baseline": "base", "mode": "scan"}],
    "baselines": {"base": {"rules": [
        {"name": "security", "classification": ["security"], "approve_after_days": 7}]}},
    "windows": {"saturday": {"rrule": "FREQ=WEEKLY;BYDAY=SA", "start": "01:00",
                             "timezone": "Europe/Berlin", "duration_minutes": 180}},
}


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.top = holder.name
        self.root = DebRoot(os.path.join(self.top, "root"))
        self.root.install("openssl", "3.0.1-1")
        self.root.install("bash", "5.2-1")
        self.policy = self.write("policy.json", POLICY)

    def write(self, name, value):
        path = os.path.join(self.top, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(value if isinstance(value, str) else json.dumps(value))
        return path

    def run_ctl(self, *words, **more):
        return subprocess.run([PATCHCTL, *words], capture_output=True, text=True, timeout=60,
                              check=False, **more)

    def scan(self, *words):
        return self.run_ctl("scan", "--root", self.root.path, "--policy", self.policy, *words)

    def report(self, *words):
        done = self.scan("--json", *words)
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout), done.returncode

    def offer(self, version, age_days):
        return self.root.repository("security.test", "sec", [("openssl", version, {})],
                                    days_ago(age_days), security=True)

    def expect_error(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


class Scan(Case):
    def test_compliant(self):
        self.root.repository("main.test", "stable", [("bash", "5.2-1", {})], days_ago(30))
        report, code = self.report()
        self.assertEqual((report["compliance"]["status"], code), ("compliant", 0))
        self.assertEqual(report["node"]["hostname"], "synthetic")

    def test_missing(self):
        self.offer("3.0.2-1", 8)
        report, code = self.report()
        self.assertEqual((report["compliance"]["status"], code), ("non_compliant", 3))
        [package] = report["packages"]
        self.assertEqual((package["state"], package["target"]), ("missing", "3.0.2-1"))

    def test_pending_and_at(self):
        self.offer("3.0.2-1", 3)
        report, code = self.report()
        self.assertEqual(code, 0)
        approve_at = report["packages"][0]["approve_at"]
        self.assertEqual(report["packages"][0]["state"], "pending_approval")
        _, code = self.report("--at", approve_at)
        self.assertEqual(code, 3)

    def test_tag_gives_the_window(self):
        self.offer("3.0.2-1", 8)
        report, _ = self.report()
        self.assertIsNone(report["window"])
        report, _ = self.report("--tag", "Environment=Production")
        self.assertEqual(report["policy"]["assignment"], "prod")
        self.assertEqual(report["window"]["name"], "saturday")

    def test_unassigned(self):
        self.offer("3.0.2-1", 8)
        self.root.write("etc/hostname", "other\n")
        report, code = self.report()
        self.assertEqual(code, 5)
        self.assertIn("unassigned", report["compliance"]["unknown_reasons"][0])

    def test_broken_indexes_are_unknown(self):
        index = self.offer("3.0.2-1", 8)
        with open(index, encoding="utf-8") as file:
            whole = file.read()
        cases = {"cut": whole[:len(whole) // 2], "empty": "", "missing": None}
        for label, text in cases.items():
            with self.subTest(label):
                if text is None:
                    os.unlink(index)
                else:
                    self.write(index, text)
                report, code = self.report()
                self.assertEqual(code, 5)
                self.assertRegex(" ".join(report["compliance"]["unknown_reasons"]),
                                 "security.test.*Packages|Packages.*security.test")

    def test_half_installed(self):
        self.offer("3.0.2-1", 8)
        self.root.install("sad", "1", status="install reinstreq half-installed")
        report, _ = self.report()
        self.assertIn("sad", report["broken_packages"][0])

    def test_without_status(self):
        os.unlink(os.path.join(self.root.path, "var/lib/dpkg/status"))
        self.expect_error(self.scan(), 1, "dpkg")

    def test_for_people(self):
        self.offer("3.0.2-1", 8)
        done = self.scan()
        self.assertEqual(done.returncode, 3)
        self.assertNotIn("\033", done.stdout)
        self.assertIn("NON-COMPLIANT  synthetic (debian 12, amd64): 1 missing", done.stdout)

    def test_lists_of_all(self):
        self.offer("3.0.2-1", 8)
        report, _ = self.report("--all")
        self.assertEqual([package["name"] for package in report["packages"]], ["bash", "openssl"])


class Explain(Case):
    def test_chain(self):
        self.offer("3.0.2-1", 3)
        done = self.run_ctl("explain", "openssl", "--root", self.root.path, "--policy", self.policy,
                            "--tag", "Environment=Production")
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("installed 3.0.1-1", "pending_approval", "observed: stands in the index of",
                      "rule         'security' matches", "(a security pocket)"):
            self.assertIn(words, done.stdout)

    def test_unknown_package(self):
        self.offer("3.0.2-1", 3)
        self.expect_error(self.run_ctl("explain", "nothing", "--root", self.root.path, "--policy",
                                       self.policy), 1, "nothing is not installed here")

    def test_a_name_like_an_option(self):
        self.expect_error(self.run_ctl("explain", "--", "-rf", "--root", self.root.path), 2)
        self.expect_error(self.run_ctl("explain", "-rf"), 2, "no such option")


class Windows(Case):
    def openings(self, *words):
        done = self.run_ctl("windows", "--policy", self.policy, "--json", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["windows"][0]["openings"]

    def test_next_ten(self):
        openings = self.openings("--next", "10", "--at", "2026-10-20T00:00:00Z")
        self.assertEqual(len(openings), 10)
        self.assertEqual(openings[0]["opens_at"], "2026-10-23T23:00:00Z")
        self.assertEqual(openings[0]["opens_local"], "2026-10-24 01:00 +02:00")
        self.assertEqual(openings[1]["opens_at"], "2026-10-31T00:00:00Z")

    def test_the_open_one_is_first(self):
        [first] = self.openings("--next", "1", "--at", "2026-10-24T00:30:00Z")
        self.assertTrue(first["open"])
        self.assertEqual(first["opens_at"], "2026-10-23T23:00:00Z")


class Policies(Case):
    def keygen(self, name):
        prefix = os.path.join(self.top, name)
        self.assertEqual(self.run_ctl("policy", "keygen", prefix).returncode, 0)
        return f"{prefix}.key", f"{prefix}.pem"

    def sign(self, key, policy, name="policy.dsse"):
        envelope = os.path.join(self.top, name)
        done = self.run_ctl("policy", "sign", "--key", key, policy, "-o", envelope)
        self.assertEqual(done.returncode, 0, done.stderr)
        return envelope

    def verify(self, envelope, *keys):
        words = [word for key in keys for word in ("--key", key)]
        return self.run_ctl("policy", "verify", *words, envelope)

    def test_sign_and_verify(self):
        key, pem = self.keygen("a")
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        self.assertEqual(self.verify(self.sign(key, self.policy), pem).returncode, 0)

    def test_keygen_keeps_what_is_there(self):
        self.keygen("a")
        self.expect_error(self.run_ctl("policy", "keygen", os.path.join(self.top, "a")), 1, "a.key")

    def test_stranger(self):
        key, _ = self.keygen("a")
        _, other = self.keygen("b")
        self.expect_error(self.verify(self.sign(key, self.policy), other), 1, "policy.dsse")

    def test_rotation(self):
        old_key, old_pem = self.keygen("old")
        new_key, new_pem = self.keygen("new")
        envelope = self.sign(new_key, self.sign(old_key, self.policy), "both.dsse")
        for pem in (old_pem, new_pem):
            self.assertEqual(self.verify(envelope, pem).returncode, 0)

    def test_tampered(self):
        key, pem = self.keygen("a")
        with open(self.sign(key, self.policy), encoding="utf-8") as file:
            envelope = json.load(file)
        envelope["payload"] = envelope["payload"][:-8] + "AAAAAAA="
        self.expect_error(self.verify(self.write("bad.dsse", envelope), pem), 1, "bad.dsse")

    def test_expired(self):
        key, pem = self.keygen("a")
        policy = dict(POLICY, expires="2020-02-01T00:00:00Z")
        envelope = self.sign(key, self.write("old.json", policy))
        self.expect_error(self.verify(envelope, pem), 1, "expired")

    def test_errors_name_the_path(self):
        bad = copy.deepcopy(POLICY)
        bad["baselines"]["base"]["rules"][0]["severity"] = ["urgent"]
        path = self.write("bad.json", bad)
        words = ("baselines.base.rules[0].severity[0]: 'urgent' is not one of critical, high, "
                 "medium, low, unspecified",)
        self.expect_error(self.run_ctl("policy", "check", path), 1, *words)
        key, _ = self.keygen("a")
        self.expect_error(self.run_ctl("policy", "sign", "--key", key, path), 1, *words)

    def test_bad_files(self):
        cases = {"truncated": json.dumps(POLICY)[:100], "empty": "", "a list": "[]",
                 "another type": json.dumps(dict(POLICY, type="patchd.report.v1")),
                 "binary": "\x01\x02"}
        for label, text in cases.items():
            with self.subTest(label):
                path = self.write("bad.json", text)
                self.expect_error(self.run_ctl("policy", "check", path), 1, "bad.json")

    def test_oversized(self):
        path = self.write("big.json", " " * (9 << 20))
        self.expect_error(self.run_ctl("policy", "check", path), 1, "big.json")


class CommandLine(Case):
    def test_misuse(self):
        cases = [([], "no command"), (["bogus"], "no such command"), (["scan", "x"], "no more"),
                 (["scan", "--next", "3"], "does not take --next"), (["explain"], "needs PACKAGE"),
                 (["scan", "--at", "yesterday"], "--at"), (["scan", "--tag", "x"], "KEY=VALUE"),
                 (["windows", "--next", "0"], "--next"), (["policy"], "no such command"),
                 (["scan", "--at"], "missing")]
        for words, want in cases:
            with self.subTest(words):
                self.expect_error(self.run_ctl(*words), 2, want)

    def test_help_is_no_error(self):
        for words in (["--help"], ["scan", "--help"], ["--version"]):
            done = self.run_ctl(*words)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_nobody_answers(self):
        for verb in ("status", "apply", "pause", "resume"):
            self.expect_error(self.run_ctl(verb, "--prefix", self.top), 1, "nobody answers at")


if __name__ == "__main__":
    unittest.main()
