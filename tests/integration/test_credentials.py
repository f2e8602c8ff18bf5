# SPDX-License-Identifier: Apache-2.0
"""What a cycle proves to its endpoint with: certificates and tokens as systemd's credentials, and
signatures of AWS, checked by a second implementation of the published algorithm."""

import gzip
import hashlib
import hmac
import os
import re
import tempfile
import unittest
import urllib.parse

import httplab
from httplab import answer, answer_etag
from lab import policies
from test_cycle import Node

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEY_FILE = f"[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {SECRET}\n"


def verify(request, secret=SECRET, region="eu-central-1", service="s3"):
    """None when the request is signed as AWS describes it, else what is wrong."""
    method, path, head, body = request
    head = {name.lower(): value.strip() for name, value in head.items()}
    pattern = (r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/([\w-]+)/aws4_request,\s*"
               r"SignedHeaders=([\w;-]+),\s*Signature=([0-9a-f]{64})")
    match = re.fullmatch(pattern, head.get("authorization", ""))
    if not match:
        return f"no such header: {head.get('authorization')}"
    key_id, date, of_region, of_service, names, signature = match.groups()
    if (key_id, of_region, of_service) != ("AKIDEXAMPLE", region, service) or head["x-amz-date"][:8] != date:
        return f"another scope: {match[0]}"
    digest = hashlib.sha256(body).hexdigest()
    if head["x-amz-content-sha256"] != digest:
        return "the digest is not that of the body"
    signed = names.split(";")
    missing = [name for name in head if (name.startswith("x-amz-") or name == "host") and name not in signed]
    if missing or signed != sorted(signed):
        return f"not signed: {missing}, order: {signed}"
    address = urllib.parse.urlsplit(path)
    query = sorted(tuple(urllib.parse.quote(part, safe="-_.~") for part in pair)
                   for pair in urllib.parse.parse_qsl(address.query, keep_blank_values=True))
    canonical = "\n".join([method, urllib.parse.quote(urllib.parse.unquote(address.path), safe="/-_.~"),
                           "&".join("=".join(pair) for pair in query),
                           *[f"{name}:{head[name]}" for name in signed], "", names, digest])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", head["x-amz-date"], f"{date}/{region}/{service}/aws4_request",
                         hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    wanted = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return None if wanted == signature else "another signature"


class CredentialsTest(httplab.EndpointCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.node = Node(folder.name, self.key)
        self.addCleanup(self.node.helper.close)
        self.serve(self.pair)

    def serve(self, pair, client_authority=None, **more):
        self.server = httplab.Server(pair, client_authority)
        self.addCleanup(self.server.close)
        self.configure(**more)
        path = self.key.sign_policy(policies.make_policy(mode="scan"), os.path.join(self.folder, "p.dsse"))
        self.server.answers["/bucket/lab.json"] = answer_etag(path.read_bytes(), '"1"')
        self.server.answers["/bucket/a~b%20c/node1"] = answer(201)

    def configure(self, **more):
        self.node.configure(policy_url=self.server.origin + "/bucket/{policy_id}.json", policy_id="lab",
                            report_url=self.server.origin + "/bucket/a~b%20c/{node_id}",
                            ca_file=self.authority.certificate, **more)

    def give(self, **texts):
        for name, text in texts.items():
            (self.node.credentials / ("endpoint-" + name)).write_text(text, encoding="ascii")

    def run_cycle(self, fails=None):
        """fails: what it has to say then."""
        done = self.node.run("start")
        self.assertEqual(done.returncode != 0, fails is not None, done.stderr)
        self.assertIn(fails or "", done.stderr)
        return done.stderr

    # ---- AWS ----

    def test_requests_are_signed(self):
        self.configure(aws_region="eu-central-1")
        self.give(aws=KEY_FILE)
        self.run_cycle()
        self.run_cycle()
        requests = self.server.requests
        self.assertEqual([request[0] for request in requests], ["GET", "PUT", "GET"])
        self.assertEqual([verify(request) for request in requests], [None] * 3)
        self.assertEqual(requests[2][2]["If-None-Match"], '"1"')
        gzip.decompress(requests[1][3])
        changed = (*requests[1][:3], requests[1][3] + b"x")
        self.assertIsNotNone(verify(changed))
        self.assertIsNotNone(verify(requests[0], secret="other"))
        for name, value in (("x-amz-date", "20130524T000000Z"), ("Host", "elsewhere")):
            self.assertIsNotNone(verify((*requests[0][:2], {**requests[0][2], name: value}, b"")))

    def test_session_token_and_service(self):
        self.configure(aws_region="us-east-1", aws_service="execute-api")
        self.give(aws=KEY_FILE + "aws_session_token = tok/en==\n")
        self.run_cycle()
        for request in self.server.requests:
            self.assertEqual(request[2]["x-amz-security-token"], "tok/en==")
            self.assertIsNone(verify(request, region="us-east-1", service="execute-api"))

    def test_each_hop_is_signed_anew(self):
        self.configure(aws_region="eu-central-1")
        self.give(aws=KEY_FILE)
        self.server.answers["/bucket/moved"] = self.server.answers["/bucket/lab.json"]
        self.server.answers["/bucket/lab.json"] = answer(307, b"", [("Location", "/bucket/moved")])
        self.run_cycle()
        self.assertEqual([verify(request) for request in self.server.requests[:2]], [None] * 2)

    def test_wrong_key_is_said_once(self):
        self.configure(aws_region="eu-central-1")
        self.give(aws=KEY_FILE)
        self.server.answers["/bucket/lab.json"] = answer(403, b"<Error>SignatureDoesNotMatch</Error>")
        self.assertIn("event=policy-unreachable", self.run_cycle("403"))
        self.assertNotIn("event=policy-unreachable", self.run_cycle("403"))

    def test_incomplete_configuration(self):
        self.configure(aws_region="eu-central-1")
        self.run_cycle("endpoint-aws")
        self.give(aws="aws_access_key_id = AKIDEXAMPLE\n")
        self.assertNotIn("AKIDEXAMPLE", self.run_cycle("aws_secret_access_key"))
        self.give(aws=KEY_FILE, token="t0k\n")
        self.run_cycle("there is a token too")
        self.configure(aws_region="Frankfurt am Main")
        self.run_cycle("aws_region")
        self.assertEqual(self.server.requests, [])

    # ---- certificate and token ----

    def test_client_certificate_of_a_credential(self):
        self.serve(self.pair, self.authority.certificate)
        self.run_cycle("wants a client certificate")
        certificate, key = self.authority.issue("node1")
        with open(certificate, encoding="ascii") as one, open(key, encoding="ascii") as two:
            self.give(cert=one.read(), key=two.read(), token="\n", aws="\n")
        self.run_cycle()
        self.assertEqual([request[0] for request in self.server.requests], ["GET", "PUT"])
        self.give(key="\n")
        self.run_cycle("only one is there")

    def test_token(self):
        self.give(token="t0k\n", cert="\n", key="\n", aws="\n")
        self.run_cycle()
        self.assertEqual({request[2]["Authorization"] for request in self.server.requests}, {"Bearer t0k"})
        self.give(token="two words\n")
        self.assertNotIn("two words", self.run_cycle("blank"))


if __name__ == "__main__":
    unittest.main()
