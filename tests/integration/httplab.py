# SPDX-License-Identifier: Apache-2.0
"""A private certificate authority and a web server on loopback whose behaviour a test scripts."""

import gzip
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from lab import policies  # noqa: E402


def openssl(*arguments, folder):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Authority:
    """Keys and certificates in a folder; `issue` gives the paths of a certificate and its key."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        self.certificate = os.path.join(folder, name + ".pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", name + ".key", "-out", name + ".pem", "-subj", "/CN=" + name,
                "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign", folder=folder)

    def issue(self, name, subject_alt="DNS:localhost,IP:127.0.0.1", days=7):
        extensions = os.path.join(self.folder, name + ".ext")
        with open(extensions, "w") as file:
            file.write("subjectAltName=%s\n" % subject_alt)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name,
                folder=self.folder)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", self.name + ".pem",
                "-CAkey", self.name + ".key", "-CAcreateserial", "-days", str(days),
                "-extfile", extensions, "-out", name + ".pem", folder=self.folder)
        return (os.path.join(self.folder, name + ".pem"), os.path.join(self.folder, name + ".key"))


class Server:
    """Answers each path with the function that a test put into `answers`; notes every request."""

    def __init__(self, pair=None, client_authority=None):
        self.answers, self.requests = {}, []
        self.stop = threading.Event()
        lab = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                path = self.path.split("?")[0]
                lab.requests.append((self.command, path, dict(self.headers), body))
                lab.answers.get(path, answer_404)(self)

            do_GET = do_PUT = do_POST = handle_any

            def log_message(self, *_):
                pass

            def setup(self):
                super().setup()
                self.connection.settimeout(20)

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pair)
            if client_authority:
                context.load_verify_locations(client_authority)
                context.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.origin = "%s://localhost:%d" % ("https" if pair else "http", self.port)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.stop.set()
        self.server.shutdown()
        self.server.server_close()


def answer(status=200, body=b"", headers=()):
    """An answer of fixed content."""
    def send(handler):
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    return send


answer_404 = answer(404, b"no such thing")


def answer_etag(body, etag):
    """200 with an ETag, 304 to who knows it."""
    def send(handler):
        if handler.headers.get("If-None-Match") == etag:
            return answer(304, headers=[("ETag", etag)])(handler)
        return answer(200, body, [("ETag", etag)])(handler)
    return send


def answer_gzip(body):
    packed = gzip.compress(body)
    return answer(200, packed, [("Content-Encoding", "gzip")])


def answer_stalled(body, promised):
    """Sends the head and a first part, then nothing until the client leaves."""
    def send(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(promised))
        handler.end_headers()
        handler.wfile.write(body)
        handler.wfile.flush()
        handler.connection.recv(1)
    return send


def answer_cut(body, promised):
    """Closes the connection before all that it promised was sent."""
    def send(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(promised))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True
    return send


class RawServer:
    """Accepts connections, sends some bytes and then says nothing (or closes)."""

    def __init__(self, first=b"", close=False):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.first, self.close_at_once, self.held = first, close, []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            if self.first or self.close_at_once:
                connection.recv(65536)
            connection.sendall(self.first)
            if self.close_at_once:
                connection.close()
            else:
                self.held.append(connection)

    def close(self):
        self.socket.close()
        for connection in self.held:
            connection.close()


def closed_port():
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_until(condition, seconds=20, what="condition"):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("timed out waiting for " + what)
        time.sleep(0.02)


class EndpointCase(unittest.TestCase):
    """For tests of who talks to an endpoint: a folder, a certificate for `localhost` and a policy key
    for all tests of the class."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.authority = Authority(cls.folder)
        cls.pair = cls.authority.issue("server")
        cls.key = policies.Key(cls.folder)
