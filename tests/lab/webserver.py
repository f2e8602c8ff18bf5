# SPDX-License-Identifier: Apache-2.0
"""A real nginx on a loopback port, configured from packaging/control, with TLS and a private CA."""

import contextlib
import gzip
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

from . import roots
from .container import wait_until

CONTROL = pathlib.Path(__file__).resolve().parents[2] / "packaging/control"
START_TIMEOUT_SECONDS = 20


class Authority:
    """A private CA in a folder: ca.pem, and what issue() makes."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.ca = self.folder / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=patchd lab CA", "-keyout", self.folder / "ca.key", "-out", self.ca)

    def _openssl(self, *arguments):
        roots.run_host("openssl", *arguments)

    def issue(self, name, alternatives=()):
        """Makes name.pem and name.key for the common name; gives both paths."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={','.join(alternatives or ['DNS:' + name])}\n", encoding="ascii")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                      "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.folder / "ca.key",
                      "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate)
        return certificate, key


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class WebServer:
    """The control endpoint. url is https://NAME:PORT; publish() puts a policy there, reports()
    gives what nodes stored. variant: "token" or "client-certificate". name: what nodes call this
    machine's loopback."""

    def __init__(self, variant="token", tokens=("lab-token",), name="localhost"):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="patchd-web-"))
        self.site = self.work / "srv"
        for folder in ("policy", "reports", "incoming"):
            (self.site / folder).mkdir(parents=True)
        self.authority = Authority(self.work)
        self.authority.issue("server", [f"DNS:{name}", "IP:127.0.0.1"])
        lines = [f'"Bearer {token}" 1;\n' for token in tokens]
        (self.work / "tokens.map").write_text("".join(lines), encoding="ascii")
        shutil.copy(self.authority.ca, self.work / "nodes-ca.pem")
        self.port = free_port()
        self.name = name
        self.url = f"https://{name}:{self.port}"
        self.process = None
        self._configure(variant)
        self.start()

    @property
    def ca(self):
        return self.authority.ca

    def _configure(self, variant):
        text = (CONTROL / f"nginx-{variant}.conf").read_text(encoding="utf-8")
        for shipped, ours in (("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
                              ("server_name patch.example;", f"server_name {self.name};"),
                              ("/etc/nginx/patchd/", f"{self.work}/"), ("/srv/patchd", str(self.site))):
            if shipped not in text:
                raise roots.LabError(f"nginx-{variant}.conf has no {shipped!r} any more")
            text = text.replace(shipped, ours)
        (self.work / "site.conf").write_text(text, encoding="utf-8")
        temporary = "".join(f"{kind}_temp_path {self.work}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
        (self.work / "nginx.conf").write_text(
            f"user root; worker_processes 1; daemon off; pid {self.work}/nginx.pid;\n"
            f"error_log {self.work}/error.log info; events {{}}\n"
            f"http {{ access_log {self.work}/access.log; client_body_temp_path {self.work}/body; {temporary}\n"
            f"include {self.work}/site.conf; }}\n", encoding="utf-8")

    def start(self):
        """Starts nginx (again) and waits until it accepts connections."""
        command = ["nginx", "-p", str(self.work), "-e", f"{self.work}/error.log", "-c", f"{self.work}/nginx.conf"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=roots.CLEAN_ENVIRONMENT,
                                        preexec_fn=roots.die_with_parent)
        wait_until(self._is_listening, START_TIMEOUT_SECONDS, f"nginx on port {self.port}")

    def _is_listening(self):
        if self.process.poll() is not None:
            log = self.work / "error.log"
            raise roots.LabError("nginx did not start: " + (log.read_text("utf-8") if log.exists() else ""))
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self):
        """Takes the endpoint away; what is stored stays until close()."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(START_TIMEOUT_SECONDS)

    def close(self):
        self.stop()
        shutil.rmtree(self.work, ignore_errors=True)

    def publish(self, source, name):
        """Puts a file at /policy/NAME, whole or not at all; gives its url."""
        beside = self.site / "policy" / f".{name}.new"
        shutil.copyfile(source, beside)
        os.replace(beside, self.site / "policy" / name)
        return f"{self.url}/policy/{name}"

    def reports(self):
        """What was stored: {file name without .json: report}, each parsed."""
        found = {}
        for path in (self.site / "reports").glob("*.json"):
            raw = path.read_bytes()
            found[path.stem] = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        return found

    def access_log(self):
        """The requests so far, one line each."""
        return (self.work / "access.log").read_text(encoding="utf-8").splitlines()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
