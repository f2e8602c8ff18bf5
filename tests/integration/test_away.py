# SPDX-License-Identifier: Apache-2.0
"""The endpoint is away for two days, on a clock that the test sets, and the disk fills up meanwhile:
no report is lost, doubled or out of order, and what the spool can't hold is counted."""

import contextlib
import gzip
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import time
import unittest

import httplab
from httplab import answer, answer_etag
from lab import policies, roots
from test_cycle import CYCLE, Node

HOURS = 48
HOUR_SECONDS = 3600
SPOOL_MAX_REPORTS = 500
SMALL_DISK = "size=3m"


def preload():
    """What lets faketime into the cycle: its library, after the sanitizer's when there is one."""
    needed = subprocess.run(["ldd", CYCLE], capture_output=True, text=True, check=True).stdout
    libraries = [line.split("=>")[1].split()[0] for line in needed.splitlines() if "libasan" in line]
    return ":".join([*libraries, *map(str, pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))])


class AwayTest(httplab.EndpointCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.preload = preload()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.node = Node(folder.name, self.key)
        self.addCleanup(self.node.helper.close)
        self.server = httplab.Server(self.pair)
        self.addCleanup(self.server.close)
        path = self.key.sign_policy(policies.make_policy(mode="scan"), os.path.join(self.folder, "p.dsse"))
        self.server.answers["/lab"] = answer_etag(path.read_bytes(), '"1"')
        self.reports, self.status = [], 201
        self.server.answers["/reports/node1"] = self.take_report
        self.started, self.hour = int(time.time()), 0
        self.configure(self.server.port)

    def take_report(self, handler):
        head, body = self.server.requests[-1][2:4]
        if self.status == 201:
            self.reports.append((head, gzip.decompress(body)))
        answer(self.status)(handler)

    def configure(self, port):
        """Every hour something has changed that a report tells."""
        origin = f"https://localhost:{port}"
        self.node.tags = f"Hour={self.hour}"
        self.node.configure(policy_url=origin + "/{policy_id}", policy_id="lab", ca_file=self.authority.certificate,
                            report_url=origin + "/reports/{node_id}")

    def poll(self):
        """One cycle at the hour of the simulated clock; gives what was said."""
        at = time.strftime("@%Y-%m-%d %H:%M:%S", time.localtime(self.started + self.hour * HOUR_SECONDS))
        environment = {**self.node.environment, "LD_PRELOAD": self.preload, "FAKETIME": at,
                       "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        done = subprocess.run(self.node.command("--once", "--trigger", "poll", "--timeout", "2"), env=environment,
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertNotIn("ERROR: AddressSanitizer", done.stderr)
        self.assertNotIn("runtime error", done.stderr)
        return done.stderr

    def check_all_arrived(self, n_reports):
        heads = [head for head, _ in self.reports]
        self.assertEqual([int(head["X-Patchd-Sequence"]) for head in heads], list(range(1, n_reports + 1)))
        bodies = [json.loads(body) for _, body in self.reports]
        for head, (_, body), report in zip(heads, self.reports, bodies):
            self.assertEqual(head["X-Patchd-Content-Sha256"], hashlib.sha256(body).hexdigest())
            self.assertEqual(int(head["X-Patchd-Sequence"]), report["sequence"])
        times = [report["evaluated_at"] for report in bodies]
        self.assertEqual(times, sorted(set(times)))
        self.assertEqual(self.node.n_spooled(), 0)

    def test_two_days_away(self):
        self.assertIn("event=report-delivered", self.poll())
        away = httplab.closed_port()
        said = []
        for self.hour in range(1, HOURS + 1):
            self.configure(away)
            said.append(self.poll())
        self.assertEqual(self.node.n_spooled(), HOURS)
        for event in ("policy-unreachable", "report-spooled"):
            self.assertEqual([f"event={event}" in text for text in said].count(True), 1, event)
        self.assertTrue(all("scan-finished" in text for text in said), "it goes on judging")

        self.hour = HOURS
        self.configure(self.server.port)
        self.status = 503  # back, but not well yet
        self.poll()
        self.assertEqual((self.node.n_spooled(), len(self.reports)), (HOURS, 1))
        self.status = 201
        self.assertEqual(self.poll().count("event=report-delivered"), HOURS)
        self.check_all_arrived(HOURS + 1)
        hours = [json.loads(body)["node"]["tags"]["Hour"] for _, body in self.reports]
        self.assertEqual(hours, [str(hour) for hour in range(HOURS + 1)])

    def test_taken_but_not_answered(self):
        """A report that the server took before the connection broke comes again, and is the same."""
        def take_and_break(handler):
            self.reports.append((self.server.requests[-1][2], gzip.decompress(self.server.requests[-1][3])))
            handler.close_connection = True

        self.server.answers["/reports/node1"] = take_and_break
        self.poll()
        self.server.answers["/reports/node1"] = self.take_report
        self.poll()
        digests = [head["X-Patchd-Content-Sha256"] for head, _ in self.reports]
        sequences = [head["X-Patchd-Sequence"] for head, _ in self.reports]
        self.assertEqual((digests[0], sequences[0]), (digests[1], sequences[1]), "idempotent")
        self.assertEqual(self.node.n_spooled(), 0)


class FullDiskTest(AwayTest):
    """The node's state on a small disk of its own."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("mounts a small disk, as root")
        self.disk = self.node.prefix / "var/lib/patchd"
        roots.run_host("mount", "-t", "tmpfs", "-o", SMALL_DISK, "tmpfs", self.disk)
        self.addCleanup(roots.run_host, "umount", "-l", self.disk)

    def test_full_while_away(self):
        self.poll()
        self.configure(httplab.closed_port())
        ballast = self.disk / "ballast"
        with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        said = []
        for self.hour in range(1, 4):
            self.configure(httplab.closed_port())
            said.append(self.poll())
        self.assertIn("event=state-problem", said[0])
        self.assertIn("full", said[0])
        self.assertEqual(self.node.n_spooled(), 0)
        ballast.unlink()
        self.hour = 4
        self.configure(self.server.port)
        self.poll()
        self.assertEqual(self.node.n_spooled(), 0)
        report = json.loads(self.reports[-1][1])
        self.assertEqual((report["node"]["tags"]["Hour"], report["sequence"]), ("4", 2))

    def test_spool_is_bounded(self):
        """The oldest go first, and the fleet owner sees the gap."""
        self.poll()
        self.configure(httplab.closed_port())
        with contextlib.closing(self.database()) as database:
            last = self.node.last_report()["sequence"]
            rows = [(last + n, 1, "0" * 64, "{}") for n in range(1, SPOOL_MAX_REPORTS + 51)]
            database.executemany("INSERT INTO spool (sequence, size_bytes, sha256, report) VALUES (?, ?, ?, ?)", rows)
            database.execute("UPDATE value SET value = ? WHERE key = 'report.sequence'", (rows[-1][0],))
            database.commit()
        self.hour = 1
        self.configure(httplab.closed_port())
        self.assertIn("event=report-dropped", self.poll())
        self.assertEqual(self.node.n_spooled(), SPOOL_MAX_REPORTS)

    def database(self):
        return sqlite3.connect(self.disk / "patchd.sqlite")


def load_tests(loader, _tests, _pattern):
    """FullDiskTest borrows AwayTest's fixtures, not its tests."""
    suite = unittest.TestSuite()
    suite.addTests(loader.loadTestsFromTestCase(AwayTest))
    suite.addTests(FullDiskTest(name) for name in vars(FullDiskTest) if name.startswith("test_"))
    return suite


if __name__ == "__main__":
    unittest.main()
