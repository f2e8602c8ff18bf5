# SPDX-License-Identifier: Apache-2.0
"""patchctl feed: cutting an export to one release, and scanning by feeds without a network."""

import base64
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import feeds, policies
from lab.debroot import DebRoot, days_ago

PATCHCTL = os.path.join(os.environ["PATCHD_BUILD"], "agent/ctl/patchctl")


def tar(*records, compression="xz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{compression}") as archive:
        for item in records:
            content = json.dumps(item).encode()
            info = tarfile.TarInfo(f"osv/{item['id']}.json")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.keys = holder.name
        cls.key = policies.Key(cls.keys, "feed")

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.top = pathlib.Path(holder.name)

    def write(self, name, content):
        path = self.top / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    def run_ctl(self, *words):
        done = subprocess.run([PATCHCTL, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
        self.assertNotIn("Sanitizer", done.stderr)
        return done

    def build(self, export, *words, release="debian:12", name="debian"):
        return self.run_ctl("feed", "build", "--os", release, "--id", name, "--key", self.key.private, "-o",
                            self.top / "out", export, *words)

    def expect_error(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def built(self):
        """The manifest's payload and the records of the feed."""
        packed = subprocess.run(["zstd", "-dcq", self.top / "out.json.zst"], capture_output=True, check=True)
        return (feeds.payload((self.top / "out.manifest.json").read_bytes()),
                [json.loads(line) for line in packed.stdout.splitlines()])


class Build(Case):
    def test_cut_to_one_release(self):
        mine = feeds.record("DSA-1-1", "openssl", "3.0.2-1", details="long " * 1000, references=[{"url": "x"}],
                            severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}])
        mine["affected"] += feeds.record("x", "openssl", "3.3-1", "Debian:13")["affected"]
        mine["affected"][0]["versions"] = ["3.0.1-1"] * 500
        other = feeds.record("DSA-2-1", "bash", "5.3", "Debian:13")
        gone = feeds.record("DSA-3-1", "bash", "5.3", withdrawn="2026-01-02T00:00:00Z")
        done = self.build(self.write("export.tar.xz", tar(mine, other, gone)), "--days", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        manifest, records = self.built()
        self.assertEqual([record["id"] for record in records], ["DSA-1-1"])
        self.assertEqual([affected["package"]["ecosystem"] for affected in records[0]["affected"]], ["Debian:12"])
        self.assertEqual(set(records[0]), {"id", "modified", "published", "severity", "affected"})
        self.assertNotIn("versions", records[0]["affected"][0])
        content = (self.top / "out.json.zst").read_bytes()
        self.assertEqual((manifest["id"], manifest["url"], manifest["sha256"], manifest["size_bytes"]),
                         ("debian", "out.json.zst", feeds.sha256(content), len(content)))
        self.assertLess(manifest["issued"], manifest["expires"])

    def test_same_bytes_and_a_higher_version(self):
        export = self.write("export.zip", feeds.export(feeds.record("DSA-1-1", "openssl", "3.0.2-1")))
        self.assertEqual(self.build(export).returncode, 0)
        first, content = self.built()[0], (self.top / "out.json.zst").read_bytes()
        self.assertEqual(self.build(export, "--url", "https://mirror.example/f.zst").returncode, 0)
        second = self.built()[0]
        self.assertEqual(content, (self.top / "out.json.zst").read_bytes())
        self.assertGreater(second["version"], first["version"])
        self.assertEqual(second["url"], "https://mirror.example/f.zst")

    def test_signature_is_what_openssl_verifies(self):
        export = self.write("export.json", feeds.record("DSA-1-1", "openssl", "3.0.2-1"))
        self.assertEqual(self.build(export).returncode, 0)
        envelope = json.loads((self.top / "out.manifest.json").read_text())

        payload = base64.b64decode(envelope["payload"])
        message = f"DSSEv1 {len(feeds.PAYLOAD_TYPE)} {feeds.PAYLOAD_TYPE} {len(payload)} ".encode() + payload
        self.assertEqual(envelope["payloadType"], feeds.PAYLOAD_TYPE)
        verify = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", self.key.public, "-in",
                  self.write("pae", message), "-sigfile",
                  self.write("sig", base64.b64decode(envelope["signatures"][0]["sig"]))]
        self.assertEqual(subprocess.run(verify, capture_output=True, check=False).returncode, 0)

    def test_mistakes(self):
        export = self.write("export.json", feeds.record("DSA-1-1", "openssl", "3.0.2-1"))
        self.expect_error(self.build(export, release="debian"), 1, "--os: 'debian' is not ID:VERSION")
        self.expect_error(self.build(export, release="plan9:4"), 1, "'plan9'")
        self.expect_error(self.build(export, release="debian:11"), 1, "none of its records is about debian 11")
        self.expect_error(self.build(export, name="../x"), 1, "id")
        self.expect_error(self.build(export, "--expires", "2020-01-01"), 1, "expires")
        self.expect_error(self.build(export, "--days", "0"), 2, "--days")
        self.expect_error(self.build(self.top / "absent"), 1, "absent: cannot open")
        self.expect_error(self.build(self.write("junk", b"\0" * 4000)), 1, "junk: ")
        bad = feeds.record("DSA-2-1", "openssl", "3.0.3-1", published="yesterday")
        self.expect_error(self.build(self.write("bad.zip", feeds.export(bad))), 1, "bad.zip: DSA-2-1", "yesterday")
        self.expect_error(self.run_ctl("feed", "build", export), 1, "--id ID")
        self.expect_error(self.run_ctl("feed", "cook", export), 2, "no such command")
        self.assertEqual(sorted(path.name for path in self.top.glob("out*")), [])

    def test_check(self):
        export = self.write("export.json", [feeds.record("DSA-1-1", "openssl", "3.0.2-1"),
                                            feeds.record("DSA-2-1", "bash", "5.3", "Debian:13")])
        done = self.run_ctl("feed", "check", "--os", "debian:12", "--json", export)
        counts = json.loads(done.stdout)
        self.assertEqual((counts["records"], counts["elsewhere"], counts["advisories"], counts["fixes"]), (2, 1, 1, 1))
        self.assertIn("1 advisories", self.run_ctl("feed", "check", "--os", "debian:12", export).stdout)


class Scan(Case):
    """A foreign root whose only source of security is the feed."""

    def setUp(self):
        super().setUp()
        self.root = DebRoot(str(self.top / "root"))
        self.root.install("openssl", "3.0.1-1")
        self.root.repository("main.test", "stable", [("openssl", "3.0.2-1", {})], days_ago(8))
        self.export = self.write("export.json", feeds.record("DSA-1-1", "openssl", "3.0.2-1",
                                                             published="2026-01-05T00:00:00Z", related=["CVE-2026-1"]))
        self.assertEqual(self.build(self.export).returncode, 0)

    def scan(self, feed, *words):
        policy = policies.make_policy(mode="scan", rules=[{"name": "security", "classification": ["security"],
                                                           "approve_after_days": 7}])
        policy["feeds"] = [{"id": "debian", "format": "osv", "os": ["debian:12"], **feed}]
        done = self.run_ctl("scan", "--prefix", self.top / "prefix", "--root", self.root.path, "--policy",
                            self.write("policy.json", policy), "--json", *words)
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout), done.returncode

    def signed(self):
        return {"manifest_url": f"file://{self.top}/out.manifest.json", "keys": [feeds.public_key(self.key)]}

    def check_missing(self, report, code):
        self.assertEqual((report["compliance"]["status"], code), ("non_compliant", 3), report["compliance"])
        found = report["packages"][0]
        self.assertEqual((found["name"], found["state"], found["advisories"], found["cves"]),
                         ("openssl", "missing", ["DSA-1-1"], ["CVE-2026-1"]))
        self.assertEqual((found["released_at"], found["date_source"]), ("2026-01-05T00:00:00Z", "advisory"))

    def check_lacking(self, report, code, word):
        self.assertEqual((report["compliance"]["status"], code), ("unknown", 5))
        reasons = " ".join(report["compliance"]["unknown_reasons"])
        self.assertIn("feed 'debian'", reasons)
        self.assertIn(word, reasons)
        self.assertNotIn("missing", {found["state"] for found in report["packages"]})

    def test_signed_file(self):
        self.check_missing(*self.scan(self.signed()))
        self.assertFalse((self.top / "prefix").exists(), "a scan writes nothing")

    def test_pinned_file(self):
        content = (self.top / "out.json.zst").read_bytes()
        pinned = {"url": f"file://{self.top}/out.json.zst", "sha256": feeds.sha256(content), "size_bytes": len(content)}
        self.check_missing(*self.scan(pinned))
        self.check_lacking(*self.scan({**pinned, "sha256": "0" * 64}), "another file than announced")
        self.check_lacking(*self.scan({**pinned, "size_bytes": len(content) - 1}), "larger than the")
        self.check_lacking(*self.scan({**pinned, "size_bytes": len(content) + 1}), "were announced")

    def test_what_if_looks_at_no_date(self):
        self.check_missing(*self.scan(self.signed(), "--at", "2035-06-01"))

    def test_lacking(self):
        self.check_lacking(*self.scan({"manifest_url": "https://feeds.invalid/m", "keys": [feeds.public_key(self.key)]}),
                           "no copy of it is readable here")
        stranger = policies.Key(self.keys, "stranger")
        self.check_lacking(*self.scan({**self.signed(), "keys": [feeds.public_key(stranger)]}),
                           "no signature by a trusted key")
        (self.top / "out.json.zst").write_bytes(b"x" * 10)
        self.check_lacking(*self.scan(self.signed()), "bytes")


if __name__ == "__main__":
    unittest.main()
