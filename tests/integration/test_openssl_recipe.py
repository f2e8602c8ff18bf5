# SPDX-License-Identifier: Apache-2.0
"""Who signs with the openssl program by hand, as the documentation shows, is understood; and what
patchd signs, openssl verifies. minisign and signify too, where they are installed."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

TOOL = os.path.join(os.environ["PATCHD_BUILD"], "tests", "envelope_tool")
POLICY = pathlib.Path(os.environ["PATCHD_SOURCE"], "packaging/default-policy.json")
TYPE = "application/vnd.patchd.policy.v1+json"
RAW_ED25519_TO_DER = bytes.fromhex("302a300506032b6570032100")

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

    def other_signer(self, script, public_key_file):
        """Both programs write a comment, then base64 of 'Ed', a key number, and the bytes."""
        self.shell(PAE + script + "sed -n 2p sig | base64 -d | tail -c64 > sig.bin\n")
        line = (self.folder / public_key_file).read_text().splitlines()[1]
        der = RAW_ED25519_TO_DER + base64.b64decode(line)[-32:]
        (self.folder / "policy.pem").write_text(
            "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n"
            % base64.b64encode(der).decode())
        envelope = {
            "payload": base64.b64encode(POLICY.read_bytes()).decode(), "payloadType": TYPE,
            "signatures": [{"sig": base64.b64encode((self.folder / "sig.bin").read_bytes())
                            .decode()}]}
        (self.folder / "policy.dsse.json").write_text(json.dumps(envelope))
        self.assert_opens()

    @unittest.skipUnless(shutil.which("minisign"), "minisign is not installed")
    def test_minisign(self):
        self.other_signer("minisign -G -W -p k.pub -s k.key > /dev/null\n"
                          "minisign -S -l -s k.key -m pae.bin -x sig > /dev/null\n", "k.pub")

    @unittest.skipUnless(shutil.which("signify-openbsd"), "signify-openbsd is not installed")
    def test_signify(self):
        self.other_signer("signify-openbsd -G -n -p k.pub -s k.sec\n"
                          "signify-openbsd -S -s k.sec -m pae.bin -x sig\n", "k.pub")


if __name__ == "__main__":
    unittest.main()
