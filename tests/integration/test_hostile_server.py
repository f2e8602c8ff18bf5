# SPDX-License-Identifier: Apache-2.0
"""An endpoint that does what it can against its nodes, with TLS and a certificate they trust. After
each: the last good policy stays, memory stays bounded, one sentence was said, and the node recovers
by itself."""

import os
import subprocess
import tempfile
import unittest
import zlib

import httplab
from httplab import answer, answer_cut, answer_etag, answer_stalled
from lab import policies
from test_cycle import Node

POLLS = 2
# Above a poll that goes well; the build with sanitizers keeps what was freed for a while.
MEMORY_MARGIN_KB = 24 * 1024
SHOUTED = ("event=policy-unreachable", "event=policy-rejected")
ENVIRONMENT = {"ASAN_OPTIONS": "quarantine_size_mb=1:malloc_context_size=0"}


def zeros(handler, size=10 << 30, chunk=1 << 20):
    """Ten gigabytes of zeros, compressed; gives up when the client does."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(bytes(chunk)) + packer.flush(zlib.Z_FULL_FLUSH)
    more = packer.compress(bytes(chunk)) + packer.flush(zlib.Z_FULL_FLUSH)
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(head)
    for _ in range(size // chunk):
        handler.wfile.write(more)


def endless(handler):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def drip(handler):
    """One byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.stopped.wait(0.3):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def interim(handler):
    """Answers that say that the answer comes later."""
    while True:
        handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 1000 + b"\r\n\r\n")


def raw(content):
    def send(handler):
        handler.wfile.write(content)
        handler.close_connection = True
    return send


def changing(*answers):
    """Another answer each time: as long as it is the same trouble it is told once."""
    count = iter(range(1 << 30))

    def send(handler):
        return answers[next(count) % len(answers)](handler)
    return send


ETAG_OF_ANOTHER = '"' + "e" * 64 + '"'
HOSTILE = {
    "zeros": zeros,
    "endless body": endless,
    "stalls after the head": answer_stalled(b"", 100),
    "stalls in the body": answer_stalled(b'{"payload":', 5000),
    "drips": drip,
    "truncates": answer_cut(b'{"payload":"', 5000),
    "redirects to itself": answer(302, b"", [("Location", "/lab")]),
    "redirects elsewhere": answer(301, b"", [("Location", "https://elsewhere.example/lab")]),
    "redirects to a file": answer(302, b"", [("Location", "file:///etc/passwd")]),
    "page to log in": answer(200, b"<!DOCTYPE html><title>Welcome</title>", [("Content-Type", "text/html")]),
    "page that differs": changing(*[answer(200, b"<html>%d" % n) for n in range(7)]),
    "nothing with 200": answer(200, b""),
    "204": answer(204),
    "partial content": answer(206, b"{}"),
    "429": answer(429, b"", [("Retry-After", "1800")]),
    "503 with a date": answer(503, b"", [("Retry-After", "Fri, 31 Dec 2099 23:59:59 GMT")]),
    "no gzip": answer(200, b"plain", [("Content-Encoding", "gzip")]),
    "unknown encoding": answer(200, b"plain", [("Content-Encoding", "br")]),
    "endless head": raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000),
    "one endless line": raw(b"HTTP/1.1 200 " + b"x" * 1000000),
    "endless interim answers": interim,
    "two lengths": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello"),
    "negative length": raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"),
    "bad chunks": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello"),
    "HTTP/0.9": raw(b"hello"),
    "no HTTP": raw(b"\0\xff\xfe SSH-2.0"),
    "hangs up": raw(b""),
    "deep JSON": answer(200, b"[" * 500000),
    "ETag of another and no body": answer(200, b"", [("ETag", ETAG_OF_ANOTHER)]),
}


class HostileServerTest(httplab.EndpointCase):
    node = usual_kb = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = cls.key.sign_policy(policies.make_policy(mode="scan"), os.path.join(cls.folder, "1.dsse")).read_bytes()

    def setUp(self):
        self.server = httplab.Server(self.pair)
        self.addCleanup(self.server.close)
        self.server.server.stopped = self.server.stop
        self.server.answers["/reports/node1"] = answer(201)
        self.good = self.server.answers["/lab"] = answer_etag(self.sign(1), '"v1"')
        # One life for all, as on a node; who leaves it with another policy takes one for itself.
        if not type(self).node:
            type(self).node, type(self).usual_kb = self.new_node()
        self.configure(self.server.port)
        self.assertEqual(self.poll()[0], 0)

    def new_node(self):
        folder = tempfile.TemporaryDirectory()
        self.addClassCleanup(folder.cleanup)
        self.node = Node(folder.name, self.key)
        self.addClassCleanup(self.node.helper.close)
        self.configure(self.server.port)
        self.assertEqual(self.poll("start")[0], 0)
        return self.node, max(self.poll()[2] for _ in range(2))

    def sign(self, version):
        if version == 1:
            return self.first
        path = self.key.sign_policy(policies.make_policy(version, mode="scan"), os.path.join(self.folder, "p.dsse"))
        return path.read_bytes()

    def configure(self, port):
        origin = f"https://localhost:{port}"
        self.node.configure(policy_url=origin + "/{policy_id}", policy_id="lab", ca_file=self.authority.certificate,
                            report_url=origin + "/reports/{node_id}")

    def poll(self, trigger="poll"):
        """(exit code, what was said, peak memory in kB) of one cycle."""
        command = self.node.command("--once", "--trigger", trigger, "--timeout", "1")
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(command, stderr=log, env={**self.node.environment, **ENVIRONMENT})
            # Popen.wait() doesn't tell what the process used.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            log.seek(0)
            said = log.read().decode("utf-8", "replace")
        self.assertNotIn("ERROR: AddressSanitizer", said)
        self.assertNotIn("runtime error", said)
        return process.returncode, said, usage.ru_maxrss

    def version(self):
        return self.node.last_report()["policy"]["version"]

    def check_hostile(self):
        """Some polls of a server that misbehaves: one sentence, bounded memory, the policy stays."""
        polls = [self.poll() for _ in range(POLLS)]
        self.assertTrue(all(code != 0 for code, _, _ in polls), polls)
        lines = [line for _, said, _ in polls for line in said.splitlines() if any(e in line for e in SHOUTED)]
        self.assertEqual(len(lines), 1, "\n".join(said for _, said, _ in polls))
        self.assertLess(len(lines[0]), 600)
        self.assertTrue(lines[0].isprintable(), lines[0])
        self.assertLess(max(kb for _, _, kb in polls), self.usual_kb + MEMORY_MARGIN_KB)
        self.assertEqual(self.version(), 1)

    def check_recovery(self):
        code, said, _ = self.poll()
        self.assertEqual(code, 0, said)
        self.assertLessEqual(said.count("event=policy-reachable"), 1)
        self.assertFalse(any(event in said for event in SHOUTED), said)
        self.assertEqual(self.poll()[1].count("event=policy-"), 0, "calm again")

    def check(self, name):
        self.server.answers["/lab"] = HOSTILE[name]
        self.check_hostile()
        self.server.answers["/lab"] = self.good
        self.check_recovery()

    # ---- TLS ----

    def check_port(self, port):
        self.configure(port)
        self.check_hostile()
        self.configure(self.server.port)
        self.check_recovery()

    def check_raw(self, *arguments, **more):
        server = httplab.RawServer(*arguments, **more)
        self.addCleanup(server.close)
        self.check_port(server.port)

    def test_half_handshake(self):
        self.check_raw()

    def test_handshake_that_breaks_off(self):
        self.check_raw(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(20), close=True)

    def test_no_tls(self):
        self.check_raw(b"HTTP/1.1 200 OK\r\n\r\n", close=True)

    def test_closes_at_once(self):
        self.check_raw(b"", close=True)

    def test_nobody_there(self):
        self.check_port(httplab.closed_port())

    def test_certificate_of_a_stranger(self):
        stranger = httplab.Authority(self.folder, "stranger")
        server = httplab.Server(stranger.issue("stolen"))
        self.addCleanup(server.close)
        server.answers["/lab"] = answer(200, self.sign(9))
        self.check_port(server.port)
        self.assertEqual(server.requests, [])

    # ---- ETags ----

    def test_304_for_ever_hides_nothing_new(self):
        """A server that only ever says 304 holds the node at its policy; expiry ends that."""
        self.server.answers["/lab"] = answer(304)
        self.assertEqual([self.poll()[0] for _ in range(2)], [0, 0])
        self.assertEqual(self.version(), 1)

    def test_304_to_who_has_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            self.node = Node(os.path.join(folder, "node"), self.key)
            self.addCleanup(self.node.helper.close)
            self.configure(self.server.port)
            self.server.answers["/lab"] = answer(304)
            code, said, _ = self.poll()
            self.assertNotEqual(code, 0)
            self.assertEqual(said.count("event=policy-unreachable"), 1)
            self.server.answers["/lab"] = self.good
            self.assertEqual(self.poll()[0], 0)

    def test_etags_that_lie(self):
        """Whatever the ETag says, the content decides."""
        self.new_node()
        for etag in ('"v1"', 'W/"v1"', "v1", '"', '""', '"' + "x" * 5000 + '"', '"a\tb"', "*", ETAG_OF_ANOTHER):
            content = self.sign(1 + len(self.server.requests))
            self.server.answers["/lab"] = answer(200, content, [("ETag", etag), ("ETag", etag)])
            code, said, _ = self.poll()
            self.assertEqual((code, said.count("event=policy-accepted")), (0, 1), said)

    def test_old_content_with_a_new_etag(self):
        self.new_node()
        old = self.sign(1)
        self.server.answers["/lab"] = answer_etag(self.sign(2), '"v2"')
        self.assertIn("event=policy-accepted", self.poll()[1])
        count = iter(range(100))
        self.server.answers["/lab"] = lambda handler: answer(200, old, [("ETag", f'"n{next(count)}"')])(handler)
        polls = [self.poll() for _ in range(POLLS)]
        self.assertEqual([said.count("event=policy-rejected") for _, said, _ in polls], [1, 0])
        self.assertEqual(self.version(), 2)

    # ---- reports ----

    def test_reports_survive(self):
        """The same from where reports go: each is delivered in the end."""
        self.new_node()
        self.node.tags += " changed=1"
        self.configure(self.server.port)
        hostile = {"zeros": zeros, "stalls": answer_stalled(b"", 100), "429": HOSTILE["429"], "cut": raw(b""),
                   "loop": answer(307, b"", [("Location", "/reports/node1")]), "page": answer(404, b"<html>")}
        for name, send in hostile.items():
            with self.subTest(name):
                self.server.answers["/reports/node1"] = send
                polls = [self.poll() for _ in range(POLLS)]
                self.assertEqual(sum(said.count("event=report-spooled") for _, said, _ in polls), 1,
                                 "\n".join(said for _, said, _ in polls))
                self.assertLess(max(kb for _, _, kb in polls), self.usual_kb + MEMORY_MARGIN_KB)
                self.assertEqual(self.node.n_spooled(), 1)
        self.server.answers["/reports/node1"] = answer(201)
        self.assertIn("event=report-delivered", self.poll()[1])
        self.assertEqual(self.node.n_spooled(), 0)

    # ---- the measure ----

    def test_memory_is_measured(self):
        """A poll that does keep what it gets would be seen."""
        self.assertGreater(self.usual_kb, 1000)
        padded = policies.make_policy(mode="scan")
        padded["baselines"]["lab"]["rejected"] = [{"package": f"{n}-" + "x" * 100, "reason": "y" * 200} for n in range(1500)]
        path = self.key.sign_policy({**padded, "version": 2}, os.path.join(self.folder, "large.dsse"))
        self.new_node()
        self.server.answers["/lab"] = answer(200, path.read_bytes())
        code, said, kb = self.poll()
        self.assertEqual((code, said.count("event=policy-accepted")), (0, 1), said)
        self.assertGreater(kb, self.usual_kb)


def add(name):
    def run(self):
        self.check(name)
    run.__doc__ = f"server: {name}"
    setattr(HostileServerTest, "test_server_" + "".join(c if c.isalnum() else "_" for c in name), run)


for one in HOSTILE:
    add(one)


if __name__ == "__main__":
    unittest.main()
