# SPDX-License-Identifier: Apache-2.0
"""A FleetLock server on a loopback port, as airlock answers (coreos/airlock): one slot, and a test
can have it refuse or break off."""

import http.server
import json
import threading


class LockServer:
    """url is for fleet_lock_url; requests are (path, headers, body) in their order. mode: "grant",
    "refuse" or "break"."""

    def __init__(self, mode="grant"):
        self.mode = mode
        self.requests = []
        self.holder = None
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.requests.append((self.path, dict(self.headers), json.loads(body)))
                if server.mode == "break":
                    self.close_connection = True
                    return
                status, answer = server.answer(self.path, json.loads(body), self.headers)
                text = json.dumps(answer).encode() if answer else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_arguments):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, path, body, headers):
        if headers.get("fleet-lock-protocol") != "true":
            return 400, {"kind": "bad_request", "value": "the header fleet-lock-protocol is missing"}
        node = body["client_params"]["id"]
        if path == "/v1/steady-state":
            if self.mode == "refuse":
                return 503, {"kind": "unavailable", "value": "the lab says no"}
            self.holder = None if self.holder == node else self.holder
            return 200, None
        if path != "/v1/pre-reboot":
            return 404, {"kind": "not_found", "value": path}
        if self.mode == "refuse" or self.holder not in (None, node):
            return 409, {"kind": "failed_lock_semaphore_full", "value": "the lab says no"}
        self.holder = node
        return 200, None

    def paths(self):
        return [path for path, _, _ in self.requests]

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_arguments):
        self.close()
