# SPDX-License-Identifier: Apache-2.0
"""Who signs with the openssl program by hand, as the documentation shows, is understood; and what
patchd signs, openssl verifies. minisign and signify too, where they are installed."""

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

TOOL = os.path.join(os.environ["PATCHD_BUILD"], "tests", "envelope_tool")
SOURCE = pathlib.Path(os.environ["PATCHD_SOURCE"])
POLICY = SOURCE / "packaging/default-policy.json"

PAE = """
T=application/vnd.patchd.policy.v1+json
{ printf 'DSSEv1 %d %s %d ' ${#T} "$T" "$(stat -c%s policy.json)"; cat policy.json; } > pae.bin
"""
ENVELOPE = """
KID=$(openssl pkey -in policy.key -pubout -outform DER | sha256sum | cut -c1-64)
jq -nc --arg p "$(base64 -w0 policy.json)" --arg s "$(base64 -w0 sig.bin)" --arg t "$T" \\
  --arg k "$KID" '{payload:$p,payloadType:$t,signatures:[{keyid:$k,sig:$s}]}' > policy.dsse.json
"""
ED25519 = """
openssl genpkey -algorithm ed25519 -out policy.key; openssl pkey -in policy.key -pubout -out policy.pem
""" + PAE + """
openssl pkeyutl -sign -rawin -inkey policy.key -in pae.bin -out sig.bin
""" + ENVELOPE
P256 = """
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out policy.key
openssl pkey -in policy.key -pubout -out policy.pem
""" + PAE + """
openssl dgst -sha256 -sign policy.key -out sig.bin pae.bin
""" + ENVELOPE


class Recipe(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        shutil.copy(POLICY, self.folder / "policy.json")

    def shell(self, script):
        subprocess.run(["bash", "-euc", script], cwd=self.folder, check=True, timeout=60)

    def tool(self, *arguments):
        return subprocess.run([TOOL, *arguments], cwd=self.folder, capture_output=True, text=True,
                              timeout=60)

    def verify(self, *keys, at="2026-12-01", threshold="1"):
        return self.tool("verify", at, threshold, "policy.dsse.json", *keys)

    def assert_opens(self):
        done = self.verify("policy.pem")
        digest = hashlib.sha256(POLICY.read_bytes()).hexdigest()
        self.assertEqual((done.stdout, done.stderr), (f"default 1 {digest}\n", ""))

    def assert_forgery_refused(self):
        path = self.folder / "policy.dsse.json"
        envelope = json.loads(path.read_text())
        forged = POLICY.read_bytes().replace(b'"version": 1', b'"version": 2')
        self.assertNotEqual(forged, POLICY.read_bytes())
        envelope["payload"] = base64.b64encode(forged).decode()
        path.write_text(json.dumps(envelope))
        done = self.verify("policy.pem")
        self.assertEqual(done.returncode, 1)
        self.assertIn("signature: no signature by a trusted key", done.stderr)

    def test_ed25519(self):
        self.shell(ED25519)
        self.assert_opens()
        done = self.verify("policy.pem", at="2036-11-01")
        self.assertIn("expired: version 1 expired at 2036-11-01T00:00:00Z", done.stderr)
        self.assert_forgery_refused()

    def test_p256(self):
        self.shell(P256)
        self.assert_opens()
        self.assert_forgery_refused()

    def test_rotation(self):
        """A second signature by our own tool on what openssl made; both keys count."""
        self.shell(ED25519 + "openssl genpkey -algorithm ed25519 -out new.key\n"
                   "openssl pkey -in new.key -pubout -out new.pem\n")
        done = self.verify("policy.pem", "new.pem", threshold="2")
        self.assertIn("signature: signed by 1 trusted keys, 2 are needed", done.stderr)
        done = self.tool("sign", "new.key", "policy.json", "policy.dsse.json")
        (self.folder / "policy.dsse.json").write_text(done.stdout)
        self.assertEqual(self.verify("policy.pem", "new.pem", threshold="2").returncode, 0)
        self.assertEqual(self.verify("new.pem").returncode, 0)

    def openssl_verifies(self, script):
        done = self.tool("sign", "policy.key", "policy.json")
        signature = json.loads(done.stdout)["signatures"][0]
        (self.folder / "sig.bin").write_bytes(base64.b64decode(signature["sig"]))
        self.shell(script)
        der = subprocess.check_output(["openssl", "pkey", "-in", "policy.key", "-pubout",
                                       "-outform", "DER"], cwd=self.folder)
        self.assertEqual(signature["keyid"], hashlib.sha256(der).hexdigest())

    def test_openssl_verifies_ed25519(self):
        self.shell(ED25519)
        self.openssl_verifies("openssl pkeyutl -verify -rawin -pubin -inkey policy.pem "
                              "-in pae.bin -sigfile sig.bin > /dev/null")

    def test_openssl_verifies_p256(self):
        self.shell(P256)
        self.openssl_verifies("openssl dgst -sha256 -verify policy.pem -signature sig.bin pae.bin "
                              "> /dev/null")

    # ---- the manual's own words ----

    def manual(self, containing):
        """The literal block of patchd-policy(5) with this text in it, as mandoc shows it."""
        text = (SOURCE / "packaging/man/patchd-policy.5").read_text(encoding="utf-8")
        [block] = [block for block in re.findall(r"^\.Bd -literal\n(.*?)^\.Ed", text, re.S | re.M) if containing in block]
        return block.replace("\\e", "\\")

    def assert_manual_opens(self):
        done = self.tool("verify", "2026-12-01", "1", "acme.dsse.json", "acme.pem")
        self.assertEqual((done.stdout[:10], done.stderr), ("default 1 ", ""))

    def other_signer(self, containing, *changes):
        """Both programs write a comment, then base64 of 'Ed', a key number, and the bytes."""
        signing = self.manual(containing)
        for old, new in changes:
            self.assertIn(old, signing)
            signing = signing.replace(old, new)
        openssl = self.manual("openssl genpkey")
        pae = openssl[openssl.index("T="):openssl.index("openssl pkeyutl")]
        self.shell(pae + signing + self.manual("openssl pkey -pubin -inform DER"))

    def test_manual_openssl(self):
        self.shell(self.manual("openssl genpkey"))
        self.assert_manual_opens()

    # -W and -n: no password, as there is nobody to type one
    @unittest.skipUnless(shutil.which("minisign"), "minisign is not installed")
    def test_manual_minisign(self):
        self.other_signer("minisign -G", ("minisign -G ", "minisign -G -W "))
        self.assert_manual_opens()

    @unittest.skipUnless(shutil.which("minisign"), "minisign is not installed")
    def test_minisign_that_hashes_first_is_refused(self):
        self.other_signer("minisign -G", ("minisign -G ", "minisign -G -W "), (" -l ", " "))
        done = self.tool("verify", "2026-12-01", "1", "acme.dsse.json", "acme.pem")
        self.assertEqual(done.returncode, 1)
        self.assertIn("signature: no signature by a trusted key", done.stderr)

    @unittest.skipUnless(shutil.which("signify-openbsd"), "signify-openbsd is not installed")
    def test_manual_signify(self):
        self.other_signer("signify-openbsd -G", ("signify-openbsd -G ", "signify-openbsd -G -n "))
        self.assert_manual_opens()


if __name__ == "__main__":
    unittest.main()
