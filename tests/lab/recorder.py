# SPDX-License-Identifier: Apache-2.0
"""A control endpoint that keeps every report that ever came: TLS on a loopback port, one policy with
an ETag, and every PUT in its order."""

import gzip
import hashlib
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import webserver

CLIENT_TIMEOUT_SECONDS = 300


class Recorder:
    """url is https://localhost:PORT; policy is the envelope at /policy; reports are what nodes put
    at /reports/..., parsed, polls the statuses of what they got. on_report, when set, is called with
    each report before it is answered."""

    def __init__(self, folder):
        self.authority = webserver.Authority(folder)
        certificate, key = self.authority.issue("recorder", ["DNS:localhost", "IP:127.0.0.1"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.policy, self.reports, self.polls, self.on_report = b"", [], [], None
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = CLIENT_TIMEOUT_SECONDS

            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", etag=None):
                self.send_response(status)
                if etag:
                    self.send_header("ETag", etag)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                etag = '"' + hashlib.sha256(recorder.policy).hexdigest() + '"'
                known = self.headers.get("If-None-Match") == etag
                recorder.polls.append(304 if known else 200)
                self.answer(recorder.polls[-1], b"" if known else recorder.policy, etag)

            def do_PUT(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                recorder.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.answer(201)

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """Clients that are killed are the point of it."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def ca(self):
        return self.authority.ca

    def take(self, body):
        report = json.loads(body)
        self.reports.append(report)
        if self.on_report:
            self.on_report(report)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
