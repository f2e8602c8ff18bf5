# SPDX-License-Identifier: Apache-2.0
"""Synthetic signed apt repositories, served over HTTP on loopback.

Repository makes real .deb files with dpkg-deb, indexes with apt-ftparchive and signs them with gpg.
Server serves a folder; a path can be made to fail or to serve other bytes.
"""

import functools
import http.server
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

from . import roots


class Key:
    """A signing key in a keyring of its own."""

    def __init__(self, folder):
        # gpg-agent's socket path may not be long.
        self.home = tempfile.mkdtemp(prefix="gnupg.", dir="/tmp")
        self.public = pathlib.Path(folder) / "archive-key.gpg"
        self.gpg("--quick-generate-key", "Test Archive <archive@test.invalid>", "ed25519", "sign", "never")
        self.public.write_bytes(self.gpg("--export", binary=True))

    def gpg(self, *argv, binary=False):
        done = subprocess.run(["gpg", "--batch", "--yes", "--homedir", self.home, "--pinentry-mode",
                               "loopback", "--passphrase", "", *map(str, argv)],
                              capture_output=True, check=True)
        return done.stdout if binary else done.stdout.decode()

    def done(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)


class Repository:
    """One suite with one component; publish() makes what was added visible."""

    def __init__(self, folder, key, suite="stable", origin="Test", label="Test", codename=None):
        self.folder = pathlib.Path(folder)
        self.key = key
        self.suite = suite
        self.published_at = 0
        self.release = {"Origin": origin, "Label": label, "Suite": suite,
                        "Codename": codename or suite, "Architectures": "amd64 all",
                        "Components": "main"}
        (self.folder / "pool").mkdir(parents=True)

    def add(self, name, version, arch="all", depends="", scripts=None, files=None, conffiles=None,
            extra=None, links=None, compression="none", templates=""):
        """Builds a package; scripts: {"postinst": text}; templates: debconf's; files: {"/path": text or bytes}; links: {"/path":
        target}. Not compressed, so that contents of one length give files of one size."""
        with tempfile.TemporaryDirectory() as tmp:
            tree = pathlib.Path(tmp)
            os.chmod(tree, 0o755)
            control = {"Package": name, "Version": version, "Architecture": arch,
                       "Maintainer": "Test <test@test.invalid>", "Description": f"test package {name}"}
            if depends:
                control["Depends"] = depends
            control.update(extra or {})
            (tree / "DEBIAN").mkdir()
            (tree / "DEBIAN/control").write_text("".join(f"{k}: {v}\n" for k, v in control.items()))
            for script, text in (scripts or {}).items():
                (tree / "DEBIAN" / script).write_text("#!/bin/sh\nset -e\n" + text + "\n")
                os.chmod(tree / "DEBIAN" / script, 0o755)
            if templates:
                (tree / "DEBIAN/templates").write_text(templates)
            contents = {f"/usr/share/{name}/version": version + "\n", **(files or {}), **(conffiles or {})}
            for path, text in contents.items():
                target = tree / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text if isinstance(text, bytes) else text.encode())
            for path, target in (links or {}).items():
                (tree / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
                (tree / path.lstrip("/")).symlink_to(target)
            if conffiles:
                (tree / "DEBIAN/conffiles").write_text("".join(p + "\n" for p in conffiles))
            plain = version.replace(":", "%3a")
            deb = self.folder / "pool" / f"{name}_{plain}_{arch}.deb"
            roots.run_host("dpkg-deb", f"-Z{compression}", "--root-owner-group", "-b", tree, deb)
        return deb

    def publish(self, date=None):
        dist = self.folder / "dists" / self.suite
        for arch in self.release["Architectures"].split()[:-1]:
            binary = dist / f"main/binary-{arch}"
            binary.mkdir(parents=True, exist_ok=True)
            (binary / "Packages").write_text(
                roots.run_host("apt-ftparchive", "--arch", arch, "packages", "pool", cwd=self.folder).stdout)
        for stale in ("Release", "InRelease", "Release.gpg"):
            (dist / stale).unlink(missing_ok=True)
        options = [o for k, v in self.release.items() for o in ("-o", f"APT::FTPArchive::Release::{k}={v}")]
        text = roots.run_host("apt-ftparchive", *options, "release", dist).stdout
        if date:
            text = "".join(f"Date: {date}\n" if line.startswith("Date:") else line + "\n"
                           for line in text.splitlines())
        (dist / "Release").write_text(text)
        self.key.gpg("--clearsign", "-o", dist / "InRelease", dist / "Release")
        self.date_files(dist)

    def date_files(self, dist):
        """Dates what was published later than the last time: HTTP knows whole seconds, and apt would take what
        came within one for what it has."""
        self.published_at = max(int(time.time()), self.published_at + 1)
        for path in filter(pathlib.Path.is_file, dist.rglob("*")):
            os.utime(path, (self.published_at, self.published_at))


GATE_SECONDS = 60


class Server:
    """Serves a folder on a free port of loopback until closed."""

    def __init__(self, folder):
        server = self
        self.fail = set()  # path prefixes that answer 500
        self.gates = {}    # path prefix: the Event that the second half of the file waits for
        self.requests = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                if any(self.path.startswith(p) for p in server.fail):
                    self.send_error(500)
                else:
                    super().do_GET()

            def copyfile(self, source, outputfile):
                for gate in [g for p, g in server.gates.items() if self.path.startswith(p)]:
                    outputfile.write(source.read(os.fstat(source.fileno()).st_size // 2))
                    outputfile.flush()
                    gate.wait(GATE_SECONDS)
                super().copyfile(source, outputfile)

            def log_message(self, *_args):
                pass

        handler = functools.partial(Handler, directory=str(folder))
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()
