# SPDX-License-Identifier: Apache-2.0
"""patchd-cycle --fleet-lock, the client of FleetLock, against a real server on loopback."""

import os
import pathlib
import socket
import subprocess
import tempfile
import unittest

from lab import locks

CYCLE = pathlib.Path(os.environ["PATCHD_BUILD"]) / "agent/cycle/patchd-cycle"
TIMEOUT_SECONDS = 60


class FleetLock(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="fleet.")
        self.addCleanup(folder.cleanup)
        self.prefix = pathlib.Path(folder.name)
        (self.prefix / "etc/patchd").mkdir(parents=True)
        self.server = locks.LockServer()
        self.addCleanup(self.server.close)
        self.configure(f"fleet_lock_url = {self.server.url}\nfleet_lock_group = web")

    def configure(self, lines):
        (self.prefix / "etc/patchd/patchd.conf").write_text(f"[control]\n{lines}\n[node]\nnode_id = node-7\n",
                                                            encoding="ascii")

    def ask(self, action="pre-reboot"):
        return subprocess.run([CYCLE, "--fleet-lock", action, "--prefix", self.prefix, "--timeout", "2"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
                              check=False)

    def test_granted_and_given_back(self):
        self.assertEqual(self.ask().returncode, 0)
        self.assertEqual(self.server.holder, "node-7")
        self.assertEqual(self.ask().returncode, 0, "asking again is fine")
        self.assertEqual(self.ask("steady-state").returncode, 0)
        self.assertIsNone(self.server.holder)
        path, headers, body = self.server.requests[0]
        self.assertEqual(path, "/v1/pre-reboot")
        self.assertEqual(headers["fleet-lock-protocol"], "true")
        self.assertEqual(body, {"client_params": {"id": "node-7", "group": "web"}})

    def test_url_may_end_with_a_slash(self):
        self.configure(f"fleet_lock_url = {self.server.url}/")
        self.assertEqual(self.ask().returncode, 0)
        self.assertEqual(self.server.paths(), ["/v1/pre-reboot"])
        self.assertEqual(self.server.requests[0][2]["client_params"]["group"], "default")

    def refused(self, text, action="pre-reboot"):
        done = self.ask(action)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(text, done.stderr)

    def test_held_by_another_node(self):
        self.server.holder = "node-8"
        self.refused("status 409: the lab says no")
        self.assertEqual(self.server.holder, "node-8")

    def test_connection_cut(self):
        self.server.mode = "break"
        self.refused("closed the connection")

    def test_nobody_there(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.configure(f"fleet_lock_url = http://127.0.0.1:{probe.getsockname()[1]}")
            self.refused("no connection")

    def test_not_configured(self):
        self.configure("")
        self.refused("fleet_lock_url is not configured")

    def test_only_https_or_loopback(self):
        for url in ("http://lock.example", "file:///tmp/lock", "ftp://lock.example", "lock.example"):
            with self.subTest(url=url):
                self.configure(f"fleet_lock_url = {url}")
                self.refused("fleet_lock_url")

    def test_usage(self):
        for arguments in (["--fleet-lock"], ["--fleet-lock", "unlock"], ["--fleet-lock", "pre-reboot", "--once"]):
            with self.subTest(arguments=arguments):
                done = subprocess.run([CYCLE, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                      timeout=TIMEOUT_SECONDS, check=False)
                self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
