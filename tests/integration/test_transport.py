# SPDX-License-Identifier: Apache-2.0
"""agent/cycle/transport.c against a hostile server with TLS."""

import errno
import gzip
import json
import os
import subprocess
import tempfile
import time
import unittest

import httplab
from httplab import answer, answer_cut, answer_etag, answer_gzip, answer_stalled

PROBE = os.path.join(os.environ["PATCHD_BUILD"], "tests", "transport_probe")
PLAIN = {"PATH": os.environ["PATH"]}


def probe(verb, url, environment=PLAIN, **arguments):
    command = [PROBE, verb, url] + ["%s=%s" % pair for pair in arguments.items()]
    done = subprocess.run(command, capture_output=True, timeout=60, env=environment)
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    return [json.loads(line) for line in done.stdout.splitlines()]


class TransportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.authority = httplab.Authority(cls.folder.name)
        cls.server = httplab.Server(cls.authority.issue("server"))
        cls.addClassCleanup(cls.folder.cleanup)
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.server.requests.clear()
        self.server.answers.clear()

    def url(self, path):
        return self.server.origin + path

    def get(self, path, **arguments):
        return probe("get", self.url(path), ca_file=self.authority.certificate, **arguments)[0]

    def put(self, path, **arguments):
        return probe("put", self.url(path), ca_file=self.authority.certificate, body="report",
                     **arguments)[0]

    def assert_failed(self, got, error, *words):
        self.assertEqual(errno.errorcode.get(got["error"]), errno.errorcode[error], got)
        for word in words:
            self.assertIn(word, got["text"])
        self.assertNotIn("\n", got["text"])

    def download(self, path, **arguments):
        return probe("download", self.url(path), ca_file=self.authority.certificate, **arguments)[0]

    # ---- what goes well ----

    def test_get_and_condition(self):
        self.server.answers["/policy"] = answer_etag(b"envelope", '"v1"')
        got = self.get("/policy")
        self.assertEqual((got["status"], got["body"], got["etag"]), (200, "envelope", '"v1"'))
        got = self.get("/policy", etag='"v1"')
        self.assertEqual((got["status"], got["body"], got["size"]), (304, "", 0))
        head = self.server.requests[0][2]
        self.assertTrue(head["User-Agent"].startswith("patchd/"))
        self.assertNotIn("Authorization", head)
        self.assertNotIn("If-None-Match", head)

    def test_download(self):
        self.server.answers["/feed"] = answer(200, b"x" * 3000000)
        got = self.download("/feed", max_bytes=3000000)
        self.assertEqual((got["error"], got["status"], got["size"], got["downloaded"]),
                         (0, 200, 0, 3000000))
        self.assertNotIn("Accept-Encoding", self.server.requests[0][2])
        self.assert_failed(self.download("/feed", max_bytes=2999999), errno.EFBIG,
                           "the sink is full")

    def test_download_is_not_decoded(self):
        """The digest is that of the file, also where a server calls its .gz an encoding."""
        packed = gzip.compress(b"feed")
        self.server.answers["/feed.gz"] = answer(200, packed, [("Content-Encoding", "gzip")])
        self.assertEqual(self.download("/feed.gz")["downloaded"], len(packed))

    def test_download_takes_only_a_200(self):
        self.server.answers["/gone"] = answer(404, b"nothing here")
        got = self.download("/gone")
        self.assertEqual((got["error"], got["status"], got["downloaded"]), (0, 404, 0))
        self.server.answers["/moved"] = answer(302, b"see there", [("Location", "/feed")])
        self.server.answers["/feed"] = answer(200, b"feed")
        self.assertEqual(self.download("/moved")["downloaded"], 4)
        self.server.answers["/cut"] = answer_cut(b"fe", 4)
        self.assert_failed(self.download("/cut"), errno.ECONNRESET, "cut short")

    def test_304_exchange_is_small(self):
        self.server.answers["/policy"] = answer_etag(b"envelope", '"v1"')
        self.get("/policy", etag='"v1"')
        head = self.server.requests[0][2]
        sent = sum(len(name) + len(value) + 4 for name, value in head.items()) + 40
        self.assertLess(sent, 700)

    def test_weak_etag(self):
        self.server.answers["/policy"] = answer_etag(b"x", 'W/"v1"')
        self.assertEqual(self.get("/policy")["etag"], 'W/"v1"')
        self.assertEqual(self.get("/policy", etag='W/"v1"')["status"], 304)

    def test_connection_is_kept(self):
        ports = set()

        def note_port(handler):
            ports.add(handler.client_address[1])
            answer(200, b"x")(handler)

        self.server.answers["/policy"] = note_port
        got = probe("get", self.url("/policy"), ca_file=self.authority.certificate, repeat=3)
        self.assertEqual([one["status"] for one in got], [200] * 3)
        self.assertEqual(len(ports), 1)

    def test_gzip(self):
        self.server.answers["/policy"] = answer_gzip(b"a" * 5000)
        got = self.get("/policy", max_bytes=5000)
        self.assertEqual((got["status"], got["size"]), (200, 5000))

    def test_put(self):
        self.server.answers["/report"] = answer(201)
        got = self.put("/report")
        self.assertEqual(got["status"], 201)
        verb, _, head, body = self.server.requests[0]
        self.assertEqual((verb, body), ("PUT", b"report"))
        self.assertEqual((head["Content-Type"], head["X-Probe"]), ("text/plain", "1"))
        self.assertNotIn("Expect", head)

    def test_statuses_are_given(self):
        for status in (400, 401, 403, 404, 413, 415, 422, 500, 503):
            self.server.answers["/x"] = answer(status, b"sorry")
            self.assertEqual(self.put("/x")["status"], status)
            self.assertEqual(self.get("/x")["status"], status)

    def test_html_with_200_is_given_as_it_is(self):
        self.server.answers["/policy"] = answer(200, b"<html>please log in</html>")
        self.assertEqual(self.get("/policy")["body"], "<html>please log in</html>")

    def test_retry_after(self):
        for value, seconds in (("120", 120), ("999999999", 86400), ("soon", 0)):
            self.server.answers["/policy"] = answer(429, b"", [("Retry-After", value)])
            got = self.get("/policy")
            self.assertEqual((got["status"], got["retry_after"]), (429, seconds))
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 600))
        self.server.answers["/policy"] = answer(503, b"", [("Retry-After", date)])
        self.assertAlmostEqual(self.get("/policy")["retry_after"], 600, delta=30)

    # ---- token and client certificate ----

    def test_token_goes_to_the_endpoint_only(self):
        self.server.answers["/x"] = answer(200)
        self.get("/x", token="t0k", endpoint=self.server.origin + "/other/path")
        self.get("/x", token="t0k", endpoint="https://feeds.example/x")
        seen = [request[2].get("Authorization") for request in self.server.requests]
        self.assertEqual(seen, ["Bearer t0k", None])

    def test_client_certificate(self):
        pair = self.authority.issue("node1")
        server = httplab.Server(self.authority.issue("mutual"), self.authority.certificate)
        self.addCleanup(server.close)
        server.answers["/x"] = answer(200, b"hello")
        url, ca = server.origin + "/x", self.authority.certificate
        got = probe("get", url, ca_file=ca, client_cert=pair[0], client_key=pair[1])[0]
        self.assertEqual(got["body"], "hello")
        self.assertNotEqual(probe("get", url, ca_file=ca)[0]["error"], 0)
        got = probe("get", url, ca_file=ca, client_cert=pair[0], client_key="/nonexistent")[0]
        self.assert_failed(got, errno.EKEYREJECTED, "client_key")

    # ---- redirects ----

    def redirect(self, location, status=302):
        return answer(status, b"", [("Location", location)])

    def test_redirect_on_the_same_origin(self):
        self.server.answers["/a"] = self.redirect("/b")
        self.server.answers["/b"] = self.redirect(self.url("/c"), 301)
        self.server.answers["/c"] = answer(200, b"there")
        got = self.get("/a", token="t", endpoint=self.server.origin)
        self.assertEqual(got["body"], "there")

    def test_redirects_that_are_not_followed(self):
        other = httplab.Server(self.authority.issue("other"))
        self.addCleanup(other.close)
        other.answers["/x"] = answer(200, b"stolen")
        for location in (other.origin + "/x", "http://localhost:%d/x" % self.server.port,
                         "file:///etc/passwd", "ftp://localhost/x", "https://u:p@localhost/"):
            self.server.answers["/a"] = self.redirect(location)
            got = self.get("/a", token="t0k", endpoint=self.server.origin)
            self.assert_failed(got, errno.ELOOP, self.server.origin)
        self.assertEqual(other.requests, [])

    def test_redirect_loop(self):
        self.server.answers["/a"] = self.redirect("/a")
        self.assert_failed(self.get("/a"), errno.ELOOP, "3 times")
        self.assertEqual(len(self.server.requests), 4)

    def test_put_is_repeated_for_307_only(self):
        self.server.answers["/b"] = answer(201)
        self.server.answers["/a"] = self.redirect("/b", 307)
        self.assertEqual(self.put("/a")["status"], 201)
        self.assertEqual(self.server.requests[-1][3], b"report")
        self.server.answers["/a"] = self.redirect("/b", 302)
        self.assert_failed(self.put("/a"), errno.ELOOP)

    # ---- hostile bytes ----

    def test_too_large(self):
        self.server.answers["/x"] = answer(200, b"a" * 1001)
        self.assert_failed(self.get("/x", max_bytes=1000), errno.EFBIG, "1000 bytes")
        self.assertEqual(self.get("/x", max_bytes=1001)["size"], 1001)

    def test_gzip_bomb(self):
        self.server.answers["/x"] = answer_gzip(b"\0" * 60_000_000)
        started = time.monotonic()
        self.assert_failed(self.get("/x", max_bytes=1_000_000), errno.EFBIG)
        self.assertLess(time.monotonic() - started, 5)

    def test_broken_gzip(self):
        self.server.answers["/x"] = answer(200, b"no gzip", [("Content-Encoding", "gzip")])
        self.assert_failed(self.get("/x"), errno.EBADMSG, "compressed")

    def test_endless_headers(self):
        lines = [("X-%d" % i, "x" * 4000) for i in range(30)]
        self.server.answers["/x"] = answer(200, b"", lines)
        self.assert_failed(self.get("/x"), errno.EFBIG, "headers")

    def test_cut_body(self):
        self.server.answers["/x"] = answer_cut(b"half", 100)
        self.assert_failed(self.get("/x"), errno.ECONNRESET, "cut short")

    def test_no_http(self):
        server = httplab.RawServer(b"SSH-2.0-nope\r\n\r\n", close=True)
        self.addCleanup(server.close)
        got = probe("get", "http://localhost:%d/x" % server.port)[0]
        self.assert_failed(got, errno.EBADMSG, "does not speak HTTP")

    def test_closed_without_answer(self):
        server = httplab.RawServer(b"", close=True)
        self.addCleanup(server.close)
        got = probe("get", "http://localhost:%d/x" % server.port)[0]
        self.assert_failed(got, errno.ECONNRESET)

    # ---- servers that do not answer ----

    def test_stalled_body(self):
        self.server.answers["/x"] = answer_stalled(b"half", 100)
        self.assert_failed(self.get("/x", timeout=1), errno.ETIMEDOUT, self.server.origin)

    def test_half_handshake(self):
        server = httplab.RawServer()
        self.addCleanup(server.close)
        got = probe("get", "https://localhost:%d/x" % server.port, timeout=1,
                    ca_file=self.authority.certificate)[0]
        self.assert_failed(got, errno.ETIMEDOUT)

    def test_no_server(self):
        got = probe("get", "https://localhost:%d/x" % httplab.closed_port())[0]
        self.assert_failed(got, errno.EHOSTUNREACH, "refused")

    def test_no_name(self):
        got = probe("get", "https://no-such-host.invalid/x")[0]
        self.assert_failed(got, errno.EHOSTUNREACH, "resolved", "no-such-host.invalid")

    # ---- certificates ----

    def test_unknown_authority(self):
        stranger = httplab.Authority(self.folder.name, "stranger")
        got = probe("get", self.url("/x"), ca_file=stranger.certificate)[0]
        self.assert_failed(got, errno.EKEYREJECTED, "not trusted")
        self.assert_failed(probe("get", self.url("/x"))[0], errno.EKEYREJECTED, "not trusted")

    def test_expired_certificate(self):
        server = httplab.Server(self.authority.issue("expired", days=-1))
        self.addCleanup(server.close)
        got = probe("get", server.origin + "/x", ca_file=self.authority.certificate)[0]
        self.assert_failed(got, errno.EKEYREJECTED, "expired")

    def test_certificate_of_another_name(self):
        server = httplab.Server(self.authority.issue("elsewhere", "DNS:elsewhere.example"))
        self.addCleanup(server.close)
        got = probe("get", server.origin + "/x", ca_file=self.authority.certificate)[0]
        self.assert_failed(got, errno.EKEYREJECTED)

    def test_missing_authority_file(self):
        got = probe("get", self.url("/x"), ca_file="/nonexistent")[0]
        self.assert_failed(got, errno.EKEYREJECTED, "ca_file")

    # ---- addresses ----

    def test_refused_addresses(self):
        for url in ("http://patch.example/x", "file:///etc/passwd", "ftp://localhost/x",
                    "https://user@localhost/x", "gopher://localhost/"):
            self.assert_failed(probe("get", url)[0], errno.EINVAL)

    def test_proxy_of_the_configuration(self):
        proxy = httplab.Server()
        self.addCleanup(proxy.close)
        url = "http://localhost:1/x"
        proxy.answers[url] = answer(200, b"by proxy")
        got = probe("get", url, proxy=proxy.origin)[0]
        self.assertEqual(got["body"], "by proxy")
        got = probe("get", url, {**PLAIN, "http_proxy": proxy.origin})[0]
        self.assertEqual(got["body"], "by proxy")


if __name__ == "__main__":
    unittest.main()
