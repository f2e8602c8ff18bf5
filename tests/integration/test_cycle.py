# SPDX-License-Identifier: Apache-2.0
"""patchd-cycle as a whole: an endpoint that misbehaves, a helper that only notes what it is asked,
the machine's own package database (read only)."""

import contextlib
import datetime
import gzip
import hashlib
import json
import os
import pathlib
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest

import jsonschema

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import httplab
from httplab import answer, answer_etag
from lab import policies, webserver

REPORT_SCHEMA = pathlib.Path(os.environ["PATCHD_SOURCE"], "packaging/schema/patchd.report.v1.schema.json")
CYCLE = os.path.join(os.environ["PATCHD_BUILD"], "agent", "cycle", "patchd-cycle")


# Hands a socket over on descriptor 3, as systemd does.
LISTENER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
if int(sys.argv[1]) != 3:
    os.close(int(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
"""


STRANGER = """
import socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    sys.stdout.write(connection.recv(65536).decode())
"""


class Helper:
    """Stands where patchd-apply.socket does: notes each call and answers from `answers`."""

    def __init__(self, path):
        self.calls, self.answers = [], {"Refresh": {"repositories": []}}
        self.progress = []
        self.socket = socket.socket(socket.AF_UNIX)
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.socket.bind(str(path))
        self.socket.listen(8)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                self.serve(connection)

    def serve(self, connection):
        buffer = b""
        while True:
            got = connection.recv(65536)
            if not got:
                return
            buffer += got
            while b"\0" in buffer:
                text, buffer = buffer.split(b"\0", 1)
                self.reply(connection, json.loads(text))

    def reply(self, connection, call):
        method = call["method"].rpartition(".")[2]
        self.calls.append((method, call.get("parameters", {})))
        if method != "Refresh":
            for parameters in self.progress:
                self.send(connection, {"parameters": parameters, "continues": True})
        result = self.answers.get(method, {})
        self.send(connection, result(call.get("parameters")) if callable(result) else {"parameters": result})

    @staticmethod
    def send(connection, message):
        connection.sendall(json.dumps(message).encode() + b"\0")

    def methods(self):
        """All but SetPolicy, which every cycle calls here: this helper keeps none."""
        return [method for method, _ in self.calls if method != "SetPolicy"]

    def close(self):
        self.socket.close()


class Node:
    """patchd's folders under a prefix."""

    def __init__(self, prefix, key):
        self.prefix, self.key = pathlib.Path(prefix), key
        for name in ("etc/patchd/trusted-keys.d", "var/lib/patchd", "var/lib/patchd-apply/outcomes",
                     "usr/share/patchd"):
            (self.prefix / name).mkdir(parents=True)
        self.trusted_key = self.prefix / "etc/patchd/trusted-keys.d/policy.pem"
        self.trusted_key.write_bytes(key.public.read_bytes())
        self.credentials = self.prefix / "credentials"
        self.credentials.mkdir()
        self.helper = Helper(self.prefix / "run/patchd-apply/apply.sock")
        self.environment = {"PATH": os.environ["PATH"], "CREDENTIALS_DIRECTORY": str(self.credentials)}
        self.tags = "Environment=test"

    def configure(self, **control):
        lines = ["[control]"] + [f"{name}={value}" for name, value in control.items()]
        lines += ["[node]", "node_id=node1", "tags=" + self.tags, "[apply]", "max_index_age_hours=8760"]
        (self.prefix / "etc/patchd/patchd.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def command(self, *arguments):
        return [CYCLE, "--prefix", str(self.prefix), *arguments]

    def run(self, trigger="poll"):
        done = subprocess.run(self.command("--once", "--trigger", trigger, "--timeout", "2"), timeout=120,
                              capture_output=True, text=True, env=self.environment, check=False)
        if "ERROR: AddressSanitizer" in done.stderr or "runtime error" in done.stderr:
            raise AssertionError(done.stderr)
        return done

    def query(self, statement):
        with contextlib.closing(sqlite3.connect(self.prefix / "var/lib/patchd/patchd.sqlite")) as database:
            return database.execute(statement).fetchall()

    def last_report(self):
        return json.loads(self.query("SELECT report FROM report")[0][0])

    def n_spooled(self):
        return self.query("SELECT count(*) FROM spool")[0][0]


class CycleCase(httplab.EndpointCase):
    def setUp(self):
        self.server = httplab.Server(self.pair)
        self.addCleanup(self.server.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.node = Node(folder.name, self.key)
        self.addCleanup(self.node.helper.close)
        self.server.answers["/reports/node1"] = self.take_report
        self.status, self.reports = 201, []
        self.configure()

    def configure(self, **more):
        self.node.configure(policy_url=self.server.origin + "/{policy_id}", policy_id="lab",
                            report_url=self.server.origin + "/reports/{node_id}",
                            ca_file=self.authority.certificate, **more)

    def take_report(self, handler):
        request = self.server.requests[-1]
        if self.status == 201:
            self.reports.append((request[2], request[3]))
        answer(self.status)(handler)

    def publish(self, version=1, key=None, **changes):
        """Puts a policy at the endpoint; members of changes replace its own."""
        window = changes.pop("window", None)
        policy = policies.make_policy(version, window, changes.pop("mode", "apply" if window else "scan"))
        policy.update(changes)
        path = (key or self.key).sign_policy(policy, os.path.join(self.folder, "policy.dsse"))
        content = path.read_bytes()
        self.server.answers["/lab"] = answer_etag(content, self.etag(content))
        return path

    @staticmethod
    def etag(content):
        return '"' + hashlib.sha256(content).hexdigest() + '"'

    def run_cycle(self, trigger="poll", fails=False):
        done = self.node.run(trigger)
        self.assertEqual(done.returncode != 0, fails, done.stderr)
        return done.stderr

    def run_quiet_cycle(self):
        """A poll that finds nothing changed. The machine's own package state may change under a
        test, once."""
        for _ in range(3):
            said = self.run_cycle()
            if "scan-finished" not in said:
                return said
        self.fail("judged again although nothing has changed: " + said)

    def sequences(self):
        return [int(head["X-Patchd-Sequence"]) for head, _ in self.reports]

    def new_report(self):
        """Changes something that a report tells."""
        self.node.tags += " n%d=x" % len(self.node.tags)
        self.configure()


class CycleTest(CycleCase):
    # ---- the normal case ----

    def test_first_cycle_and_what_follows(self):
        content = self.publish().read_bytes()
        self.assertIn("event=policy-accepted", self.run_cycle("start"))
        head, body = self.reports[0]
        text = gzip.decompress(body)
        self.assertEqual(head["Content-Type"], "application/json")
        self.assertEqual(head["X-Patchd-Content-Sha256"], hashlib.sha256(text).hexdigest())
        self.assertEqual(head["X-Patchd-Sequence"], "1")
        report = json.loads(text)
        self.assertEqual((report["type"], report["sequence"]), ("patchd.report.v1", 1))
        self.assertEqual(report["policy"]["version"], 1)
        self.assertEqual(report, self.node.last_report())
        self.assertNotIn("Authorization", head)

        said = self.run_quiet_cycle()
        self.assertNotIn("policy-accepted", said)
        gets = [request for request in self.server.requests if request[0] == "GET"]
        self.assertEqual(gets[1][2]["If-None-Match"], self.etag(content))
        self.assertEqual(len(self.reports), 1, "an unchanged report is not sent again")
        self.assertEqual(set(self.node.helper.methods()), {"Refresh"})

    def test_changed_inputs_are_judged_again(self):
        self.publish()
        self.run_cycle("start")
        self.new_report()
        self.assertIn("scan-finished", self.run_cycle())
        self.assertEqual(self.sequences(), [1, 2])
        self.assertIn("scan-finished", self.run_cycle("window"), "only a poll may end early")
        self.assertEqual(len(self.reports), 2)

    def test_judged_again_when_the_time_has_come(self):
        expires = policies.utc_now() + datetime.timedelta(hours=2)
        self.publish(expires=policies.utc_text(expires))
        self.run_cycle("start")
        until = int(self.node.query("SELECT value FROM value WHERE key = 'fingerprint.until'")[0][0])
        self.assertLessEqual(until, expires.timestamp())
        with contextlib.closing(sqlite3.connect(self.node.prefix / "var/lib/patchd/patchd.sqlite")) as database:
            database.execute("UPDATE value SET value = '1' WHERE key = 'fingerprint.until'")
            database.commit()
        self.assertIn("scan-finished", self.run_cycle())

    def test_daily_report_without_changes(self):
        self.publish()
        self.run_cycle("start")
        with contextlib.closing(sqlite3.connect(self.node.prefix / "var/lib/patchd/patchd.sqlite")) as database:
            database.execute("UPDATE value SET value = value - 86400 WHERE key = 'report.at'")
            database.commit()
        self.run_cycle("window")
        self.assertEqual(self.sequences(), [1, 2])

    def test_token(self):
        (self.node.credentials / "endpoint-token").write_text("t0k\n")
        self.publish()
        self.run_cycle("start")
        seen = {request[2].get("Authorization") for request in self.server.requests}
        self.assertEqual(seen, {"Bearer t0k"})

    def test_without_report_url_the_last_report_is_kept(self):
        self.publish()
        self.node.configure(policy_url=self.server.origin + "/{policy_id}", policy_id="lab",
                            ca_file=self.authority.certificate)
        self.run_cycle("start")
        self.assertEqual(self.node.last_report()["policy"]["policy_id"], "lab")
        self.assertEqual(self.node.n_spooled(), 0)

    # ---- policies that are refused ----

    def check_refused(self, words):
        self.node.helper.calls.clear()
        said = self.run_cycle(fails=True)
        self.assertIn("event=policy-rejected", said)
        self.assertIn(words, said)
        self.assertNotIn("policy-rejected", self.run_cycle(fails=True), "said once per change")
        self.assertEqual(self.node.last_report()["policy"]["version"], 5)

    def test_refused_policies_leave_the_last_good_one(self):
        stranger = policies.Key(self.folder, "stranger")
        good = self.publish(5).read_bytes()
        self.run_cycle("start")
        self.server.answers["/lab"] = answer(200, b"<html>log in</html>")
        self.check_refused("refused")
        self.publish(6, key=stranger)
        self.check_refused("refused")
        self.publish(4)
        self.check_refused("version")
        self.publish(5, policy_id="other")
        self.check_refused("policy_id")
        self.publish(5, issued="2020-01-01T00:00:00Z")
        self.check_refused("other content")
        self.publish(7, expires=policies.utc_text(policies.utc_now() - datetime.timedelta(minutes=1)))
        self.check_refused("expire")
        self.server.answers["/lab"] = answer_etag(good, self.etag(good))
        self.assertNotIn("policy-", self.run_cycle())
        self.publish(4)
        self.check_refused("version")

    def test_reset_by_an_administrator(self):
        """The helper's note is followed once: a lower version is taken, and none after it."""
        note = self.node.prefix / "var/lib/patchd-apply/policy-reset.json"
        self.publish(5)
        self.run_cycle("start")
        self.publish(3)
        self.check_refused("version")
        note.write_text('{"id":"a"}')
        self.run_cycle("poll")
        self.assertEqual(self.node.last_report()["policy"]["version"], 3)
        self.publish(2)
        self.assertIn("event=policy-rejected", self.run_cycle(fails=True))
        self.assertEqual(self.node.last_report()["policy"]["version"], 3)
        note.write_text('{"id":"b"}')
        self.run_cycle("poll")
        self.assertEqual(self.node.last_report()["policy"]["version"], 2)

    def test_next_version(self):
        self.publish(1)
        self.run_cycle("start")
        self.publish(2)
        self.assertIn("policy-accepted", self.run_cycle())
        self.assertEqual(self.sequences(), [1, 2])
        self.assertEqual(self.node.last_report()["policy"]["version"], 2)

    def test_expired_policy_still_scans(self):
        window = policies.open_window()
        self.publish(window=window, expires=policies.utc_text(policies.utc_now() - datetime.timedelta(minutes=1)))
        said = self.run_cycle("start")
        self.assertIn("event=policy-expired", said)
        self.assertEqual(self.node.last_report()["compliance"]["status"], "unknown")
        self.assertEqual(self.node.helper.methods(), ["Refresh"])
        self.assertNotIn("policy-expired", self.run_cycle())

    def test_revoked_key(self):
        self.publish()
        self.run_cycle("start")
        other = policies.Key(self.folder, "other")
        self.node.trusted_key.write_bytes(other.public.read_bytes())
        said = self.run_cycle(fails=True)
        self.assertIn("not accepted any more", said)
        self.assertEqual(self.server.requests[-1][2].get("If-None-Match"), None)
        self.assertEqual(self.node.helper.methods()[-1], "Refresh")
        self.publish(1, key=other, expires=policies.utc_text(policies.utc_now() + datetime.timedelta(days=3)))
        said = self.run_cycle(fails=True)
        self.assertIn("version 1 has other content", said, "the counter outlives the key")
        self.assertEqual(said.count("event=policy-rejected"), 1)
        self.assertNotIn("event=policy-rejected", self.run_cycle(fails=True))
        self.publish(2, key=other)
        self.run_cycle()

    # ---- the endpoint is away ----

    def test_unreachable_is_said_once(self):
        self.publish()
        self.run_cycle("start")
        self.server.close()
        self.assertIn("event=policy-unreachable", self.run_cycle(fails=True))
        self.assertNotIn("policy-unreachable", self.run_cycle(fails=True))
        self.assertEqual(self.node.last_report()["policy"]["version"], 1)

    def test_errors_of_the_endpoint(self):
        self.publish()
        self.run_cycle("start")
        good = self.server.answers["/lab"]
        for status in (404, 401, 500):
            self.server.answers["/lab"] = answer(status)
            said = self.run_cycle(fails=True)
            self.assertIn(f"answered {status}", said)
            self.assertIn("policy-unreachable", said)
        self.server.answers["/lab"] = good
        self.assertIn("event=policy-reachable", self.run_cycle())

    def test_spool_survives_and_keeps_order(self):
        self.publish()
        for status in (503, 401, 404, 507):
            self.status = status
            self.new_report()
            self.run_cycle(fails=True)
        self.assertEqual((self.reports, self.node.n_spooled()), ([], 4))
        self.status = 201
        self.run_cycle()
        self.assertEqual(self.sequences(), [1, 2, 3, 4])
        self.run_cycle()
        self.assertEqual(self.sequences(), [1, 2, 3, 4])
        self.assertEqual(self.node.n_spooled(), 0)

    def test_delivery_stops_at_the_first_failure(self):
        self.publish()
        self.status = 503
        for _ in range(3):
            self.new_report()
            self.run_cycle(fails=True)
        answers = iter([201, 503, 201, 201])

        def take(handler):
            self.status = next(answers)
            self.take_report(handler)

        self.server.answers["/reports/node1"] = take
        self.run_cycle(fails=True)
        self.assertEqual(self.sequences(), [1])
        self.run_cycle()
        self.assertEqual(self.sequences(), [1, 2, 3])

    def test_report_that_is_never_taken(self):
        self.publish()
        for status in (400, 413, 422):
            self.status = status
            self.new_report()
            said = self.run_cycle()
            self.assertIn("event=report-dropped", said)
            self.assertIn(f"answered {status}", said)
        self.assertEqual(self.node.n_spooled(), 0)

    def test_415_is_tried_uncompressed(self):
        def take(handler):
            self.status = 415 if handler.headers.get("Content-Encoding") else 201
            self.take_report(handler)

        self.publish()
        self.server.answers["/reports/node1"] = take
        self.run_cycle("start")
        self.assertEqual(json.loads(self.reports[0][1]), self.node.last_report())
        self.new_report()
        self.run_cycle()
        puts = [request for request in self.server.requests if request[0] == "PUT"]
        self.assertEqual(len(puts), 3, "compression is not tried again")

    # ---- the helper ----

    def outcome(self, run_id, message="done"):
        return {"run_id": run_id, "trigger": "window", "policy_id": "lab", "baseline": "lab", "policy_version": 1,
                "boot_id": "b", "started_at": "2026-11-22T01:00:00Z", "finished_at": "2026-11-22T01:05:00Z",
                "result": "succeeded", "message": message, "packages": [], "reboot_required": False,
                "reboot": "not needed"}

    def operation(self, **more):
        expires = policies.utc_text(policies.utc_now() + datetime.timedelta(hours=1))
        return [{"id": "op1", "action": "apply", "match": {}, "expires": expires, **more}]

    def test_apply_in_the_window(self):
        def apply(parameters):
            outcome = self.outcome(parameters["run_id"])
            folder = self.node.prefix / "var/lib/patchd-apply"
            (folder / "outcomes" / (parameters["run_id"] + ".json")).write_text(json.dumps(outcome))
            (folder / "done-operations.jsonl").write_text('{"id":"op1"}\n')
            return {"parameters": {"outcome": outcome}}

        self.node.helper.answers["Apply"] = apply
        self.node.helper.progress = [{"state": "running", "text": "step 1 of 2", "percent": 50}]
        path = self.publish(window=policies.open_window(), operations=self.operation())
        self.run_cycle("window")
        calls = [call for call in self.node.helper.calls if call[0] == "Apply"]
        self.assertEqual([call[1].get("operation") for call in calls][:2], ["op1", None][:len(calls)])
        self.assertEqual(json.loads(calls[0][1]["envelope"]), json.loads(path.read_text()))
        run_id = calls[0][1]["run_id"]
        self.assertRegex(run_id, r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]+$")
        self.assertEqual(self.node.query("SELECT count(*) FROM run")[0][0], len(calls))
        report = json.loads(gzip.decompress(self.reports[-1][1]))
        self.assertIn(report["last_run"]["run_id"], [call[1]["run_id"] for call in calls])
        for call in calls:
            for package in call[1].get("packages", []):
                self.assertEqual(set(package), {"name", "arch", "version"})

    def test_refused_run_is_said_once_and_tried_three_times(self):
        error = {"error": "org.patchd.apply.Failed", "parameters": {"message": "dpkg is locked"}}
        self.node.helper.answers["Apply"] = lambda _: error
        self.node.helper.answers["Download"] = lambda _: error
        self.publish(window=policies.open_window(), operations=self.operation())
        said = self.run_cycle("window", fails=True)
        self.assertIn("event=run-refused", said)
        self.assertIn("dpkg is locked", said)
        for _ in range(4):
            self.node.run("poll")
        self.assertEqual(self.asked().count("op1"), 3)

    def test_outcome_is_reported_without_another_try(self):
        self.publish(window=policies.open_window(), operations=self.operation())
        self.run_cycle("outcome")
        self.assertEqual(self.node.helper.methods(), ["Refresh"])
        self.run_cycle("poll")
        self.assertIn("Apply", self.node.helper.methods())

    def test_no_apply_outside_the_window_or_in_scan_mode(self):
        self.publish(1, window=policies.closed_window(), operations=self.operation())
        self.run_cycle("start")
        self.publish(2, window=policies.open_window(), mode="scan", operations=self.operation())
        self.run_cycle("start")
        self.assertEqual(self.node.helper.methods(), ["Refresh"])

    def test_dates_of_building_are_asked_for_outside_the_window(self):
        """Whether something waits for its date depends on this machine's updates; the report tells."""
        baseline = {"rules": [{"name": "all", "approve_after_days": 7}], "date_sources": ["build"]}
        self.publish(window=policies.closed_window(), baselines={"lab": baseline})
        self.run_cycle("start")
        report = json.loads(gzip.decompress(self.reports[-1][1]))
        waits = any("has not been fetched and read yet" in (p["reason"] or "") for p in report["packages"])
        self.assertEqual("Download" in self.node.helper.methods(), waits)

    def test_helper_is_given_a_policy_it_does_not_keep(self):
        envelope = self.publish().read_text()
        self.run_cycle("start")
        [given] = [parameters for method, parameters in self.node.helper.calls if method == "SetPolicy"]
        self.assertEqual(given, {"envelope": envelope})
        digest = self.node.last_report()["policy"]["digest"]
        (self.node.prefix / "var/lib/patchd-apply/policy.json").write_text(json.dumps({"digest": digest}))
        self.run_cycle("start")
        self.assertEqual(len([call for call in self.node.helper.calls if call[0] == "SetPolicy"]), 1)

    def test_refresh_is_due_before_a_window_and_after_a_failure(self):
        broken = {"repositories": [{"repository": "R S", "ok": False, "message": "404"}]}
        self.publish(window=policies.closed_window())
        self.node.helper.answers["Refresh"] = broken
        self.run_cycle("start")
        self.node.helper.answers["Refresh"] = {"repositories": [{"repository": "R S", "ok": True, "message": None}]}
        for trigger in ("poll", "poll", "window", "poll"):
            self.node.run(trigger)
        self.assertEqual(self.node.helper.methods().count("Refresh"), 3)

    def operate(self, parameters):
        """The helper: carries the operation out, that is, notes it."""
        outcome = {**self.outcome(parameters["run_id"]), "trigger": "operation:" + parameters["operation"]}
        with open(self.node.prefix / "var/lib/patchd-apply/done-operations.jsonl", "a", encoding="ascii") as record:
            record.write(json.dumps({"id": parameters["operation"], "run_id": parameters["run_id"],
                                     "began_at": outcome["started_at"], "finished_at": outcome["finished_at"],
                                     "result": "succeeded", "message": "done"}) + "\n")
        return {"parameters": {"outcome": outcome}}

    def asked(self):
        """The operations; what this machine itself has pending is asked for too, without an id."""
        return [call[1]["operation"] for call in self.node.helper.calls
                if call[0] == "Apply" and "operation" in call[1]]

    def test_operation_that_ignores_the_window(self):
        self.node.helper.answers["Apply"] = self.operate
        operations = self.operation(ignore_window=True) + self.operation(id="op2", ignore_window=True)
        operations += self.operation(id="theirs", match={"hostname": ["no-such-host-*"]}, ignore_window=True)
        operations += self.operation(id="later")
        self.publish(1, window=policies.closed_window(), operations=operations)
        self.run_cycle("start")
        self.assertEqual(self.asked(), ["op1", "op2"])
        self.assertEqual(self.node.helper.methods()[:3], ["Refresh", "Refresh", "Apply"], "judged by new indexes")
        for call in self.node.helper.calls:
            self.assertNotIn("packages", call[1])
        self.run_cycle("poll")
        self.run_cycle("start")
        self.assertEqual(self.asked(), ["op1", "op2"])
        report = self.node.last_report()
        self.assertEqual([(o["id"], o["state"], o["result"]) for o in report["operations"]],
                         [("op1", "done", "succeeded"), ("op2", "done", "succeeded"), ("later", "waiting", None)])
        jsonschema.validate(report, json.loads(REPORT_SCHEMA.read_text(encoding="utf-8")))
        triggers = [json.loads(row[0])["trigger"] for row in self.node.query("SELECT outcome FROM run")]
        self.assertEqual(sorted(triggers), ["operation:op1", "operation:op2"])

    def test_scan_operation_reports_at_once(self):
        self.publish(1)
        self.run_cycle("start")
        self.assertEqual(len(self.reports), 1)
        self.node.helper.answers["Apply"] = self.operate
        self.publish(2, operations=self.operation(action="scan"))
        self.run_cycle("poll")
        self.assertEqual((self.asked(), len(self.reports)), (["op1"], 2))
        report = json.loads(gzip.decompress(self.reports[-1][1]))
        self.assertEqual([(o["id"], o["state"]) for o in report["operations"]], [("op1", "done")])
        self.run_cycle("poll")
        self.assertEqual((self.asked(), len(self.reports)), (["op1"], 2))

    def test_pause_and_mode_beat_an_operation(self):
        (self.node.prefix / "var/lib/patchd-apply/pause.json").write_text('{"until":null}')
        self.publish(1, window=policies.open_window(), operations=self.operation(ignore_window=True))
        self.run_cycle("start")
        (self.node.prefix / "var/lib/patchd-apply/pause.json").unlink()
        self.publish(2, mode="replace", operations=self.operation(ignore_window=True))
        self.run_cycle("start")
        self.assertEqual(self.asked(), [])

    def test_outcomes_of_others_are_kept_and_reported(self):
        self.publish()
        self.run_cycle("start")
        outcome = self.outcome("20261122T010000Z-00000001", "by an administrator")
        folder = self.node.prefix / "var/lib/patchd-apply/outcomes"
        (folder / "20261122T010000Z-00000001.json").write_text(json.dumps(outcome))
        self.run_cycle()
        report = json.loads(gzip.decompress(self.reports[-1][1]))
        self.assertEqual(report["last_run"]["message"], "by an administrator")
        self.assertEqual(len(self.reports), 2)

    def test_every_run_since_the_last_report_is_told_once(self):
        self.publish()
        self.run_cycle("start")
        now = policies.utc_text(policies.utc_now())
        ids = [f"20261122T01000{n}Z-0000000{n}" for n in range(3)]
        for run_id in ids:
            outcome = {**self.outcome(run_id, "interrupted, repaired"), "finished_at": now}
            (self.node.prefix / f"var/lib/patchd-apply/outcomes/{run_id}.json").write_text(json.dumps(outcome))
        self.run_cycle()
        self.run_cycle()
        reports = [json.loads(gzip.decompress(body)) for _, body in self.reports]
        self.assertEqual([report["last_run"]["run_id"] for report in reports[1:]], ids)
        self.assertEqual([report["sequence"] for report in reports], [1, 2, 3, 4])

    def test_old_runs_of_a_lost_memory_are_not_told(self):
        self.publish()
        for run_id in ("20251122T010000Z-00000001", "20251122T010001Z-00000002"):
            outcome = self.outcome(run_id, "long ago")
            (self.node.prefix / f"var/lib/patchd-apply/outcomes/{run_id}.json").write_text(json.dumps(outcome))
        self.run_cycle("start")
        self.assertEqual(len(self.reports), 1)
        self.assertEqual(self.node.query("SELECT count(*) FROM run")[0][0], 2)

    def test_helper_that_dies_is_asked_at_once_to_end_what_it_left(self):
        intents = self.node.prefix / "var/lib/patchd-apply/intents"
        intents.mkdir()

        def die(_):
            (intents / "20261122T010000Z-00000001.json").write_text("{}")
            raise ConnectionError
        self.node.helper.answers["Apply"] = die
        self.publish(window=policies.open_window(), operations=self.operation())
        self.run_cycle("window", fails=True)
        self.assertEqual(self.node.helper.methods()[-2:], ["Apply", "Recover"])

    def test_refresh_that_fails_is_said_once(self):
        error = {"error": "org.patchd.apply.Failed", "parameters": {"message": "the disk is full"}}
        self.node.helper.answers["Refresh"] = lambda _: error
        self.publish()
        self.assertIn("the disk is full", self.run_cycle("start"))
        self.assertNotIn("refresh-failed", self.run_cycle())

    def test_refused_outcome_is_told_to_the_daemon(self):
        outcome = {**self.outcome("x", "paused by uid 0"), "result": "refused"}
        self.node.helper.answers["Apply"] = {"outcome": outcome}
        self.publish(window=policies.open_window(), operations=self.operation())
        self.assertIn("paused by uid 0", self.run_cycle("window", fails=True))

    def test_no_helper(self):
        self.node.helper.close()
        os.unlink(self.node.prefix / "run/patchd-apply/apply.sock")
        self.publish()
        self.assertIn("refresh-failed", self.run_cycle("start"))
        self.assertEqual(len(self.reports), 1)

    # ---- trouble of the node itself ----

    def test_damaged_database(self):
        self.publish()
        self.run_cycle("start")
        (self.node.prefix / "var/lib/patchd/patchd.sqlite").write_bytes(b"no database" * 1000)
        said = self.run_cycle()
        self.assertIn("event=state-problem", said)
        self.assertIn("policy-accepted", said)

    def test_bad_configuration(self):
        (self.node.prefix / "etc/patchd/patchd.conf").write_text("[control]\npolicy_ulr=x\n")
        self.assertIn("policy_ulr", self.run_cycle(fails=True))

    def test_bad_key_file(self):
        self.publish()
        self.node.trusted_key.write_text("no key")
        self.assertIn("policy.pem", self.run_cycle(fails=True))

    def test_usage(self):
        for arguments in (["--trigger", "bored"], ["--prefix"], ["--what"]):
            done = subprocess.run([CYCLE, "--once", *arguments], capture_output=True, check=False)
            self.assertEqual(done.returncode, 2)
        self.assertEqual(subprocess.run([CYCLE, "--help"], capture_output=True, check=False).returncode, 0)


class ServerTest(CycleTest):
    """The same program on a socket, as its unit starts it."""

    def setUp(self):
        super().setUp()
        self.publish()

    def start(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        ours.settimeout(60)
        process = subprocess.Popen([sys.executable, "-c", LISTENER, str(theirs.fileno()), *self.node.command()],
                                   pass_fds=[theirs.fileno()], env=self.node.environment, stderr=subprocess.PIPE)
        theirs.close()
        self.addCleanup(ours.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, 60)
        return ours, process

    @staticmethod
    def call(connection, method, parameters=None, more=False):
        message = {"method": method, "parameters": parameters or {}, "more": more}
        connection.sendall(json.dumps(message).encode() + b"\0")

    @staticmethod
    def replies(connection):
        buffer = b""
        while True:
            while b"\0" not in buffer:
                got = connection.recv(65536)
                if not got:
                    return
                buffer += got
            text, buffer = buffer.split(b"\0", 1)
            yield json.loads(text)

    def test_run_with_progress(self):
        connection, process = self.start()
        self.call(connection, "org.patchd.cycle.Run", {"trigger": "start"}, more=True)
        replies = list(self.replies(connection))
        states = [reply["parameters"]["state"] for reply in replies]
        self.assertEqual(states, ["fetch", "hand-over", "recover", "refresh", "judge", "dates", "operate", "plan",
                                  "report", "deliver", "finished"])
        self.assertTrue(all(reply["continues"] for reply in replies[:-1]))
        self.assertFalse(replies[-1].get("continues", False))
        result = replies[-1]["parameters"]["result"]
        self.assertEqual((result["reachable"], result["policy_version"], result["error"]), (True, 1, None))
        self.assertIn(result["status"], ("compliant", "non_compliant"))
        self.assertEqual(process.wait(30), 0)

    def test_progress_of_the_helper(self):
        """Its words as they are; one percent for what is fetched ahead and what is installed."""
        self.node.helper.progress = [
            {"state": "downloading", "text": "x", "package": "a", "percent": 50, "bytes_done": 5, "bytes_total": 10},
            {"state": "installing", "text": "Unpacking a", "percent": 100, "step": 1, "n_steps": 2}]
        self.publish(2, window=policies.open_window())
        connection, _ = self.start()
        self.call(connection, "org.patchd.cycle.Run", {"trigger": "window"}, more=True)
        told = [reply["parameters"] for reply in self.replies(connection)]
        told = [p for p in told if p["state"] in ("download", "downloading", "apply", "installing")]
        self.assertEqual([(p["state"], p.get("percent")) for p in told], [
            ("download", None), ("downloading", 15), ("installing", 30),
            ("apply", None), ("downloading", 65), ("installing", 100)])
        self.assertEqual(told[4], {**self.node.helper.progress[0], "percent": 65})
        self.assertEqual(told[5], self.node.helper.progress[1])

    def test_result_is_the_same_when_nothing_changed(self):
        results = []
        for trigger in ("start", "poll"):
            connection, _ = self.start()
            self.call(connection, "org.patchd.cycle.Run", {"trigger": trigger})
            results.append([reply["parameters"] for reply in self.replies(connection)])
        self.assertEqual(len(results[0]), 1)
        self.assertEqual(results[0], results[1])

    def test_window_in_the_result(self):
        self.publish(2, window=policies.closed_window())
        connection, _ = self.start()
        self.call(connection, "org.patchd.cycle.Run", {"trigger": "start"})
        window = next(self.replies(connection))["parameters"]["result"]["window"]
        self.assertEqual(window["name"], "lab")
        self.assertLess(window["opens_at"], window["closes_at"])

    def test_retry_after(self):
        self.server.answers["/lab"] = answer(429, b"", [("Retry-After", "77")])
        connection, _ = self.start()
        self.call(connection, "org.patchd.cycle.Run", {"trigger": "start"})
        result = next(self.replies(connection))["parameters"]["result"]
        self.assertEqual((result["retry_after_seconds"], result["reachable"], result["status"]), (77, False, "unknown"))
        self.assertIn("429", result["error"])

    def test_daemon_that_leaves_does_not_end_the_cycle(self):
        connection, process = self.start()
        self.call(connection, "org.patchd.cycle.Run", {"trigger": "start"}, more=True)
        next(self.replies(connection))
        connection.close()
        self.assertEqual(process.wait(60), 0, "it has done its work")
        self.assertEqual(len(self.reports), 1)

    def test_introspection_and_wrong_calls(self):
        connection, process = self.start()
        replies = self.replies(connection)
        self.call(connection, "org.varlink.service.GetInfo")
        self.assertIn("org.patchd.cycle", next(replies)["parameters"]["interfaces"])
        for method, parameters, error in (("org.patchd.cycle.Sing", {}, "MethodNotFound"),
                                          ("org.patchd.cycle.Run", {}, "InvalidParameter"),
                                          ("org.patchd.cycle.Run", {"trigger": "bored"}, "InvalidParameter")):
            self.call(connection, method, parameters)
            self.assertEqual(next(replies)["error"], "org.varlink.service." + error)
        connection.close()
        process.wait(30)
        self.assertEqual(self.server.requests, [])

    def test_other_users_are_sent_away(self):
        path = str(self.node.prefix / "cycle.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            os.chmod(path, 0o777)
            os.chmod(self.node.prefix, 0o755)
            client = subprocess.Popen([sys.executable, "-c", STRANGER, path], stdout=subprocess.PIPE, user=65534)
            self.addCleanup(client.stdout.close)
            accepted, _ = listener.accept()
        with accepted:
            process = subprocess.Popen([sys.executable, "-c", LISTENER, str(accepted.fileno()), *self.node.command()],
                                       pass_fds=[accepted.fileno()], env=self.node.environment,
                                       stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.assertIn(b"PermissionDenied", client.stdout.read())
        client.wait(30)
        self.assertNotEqual(process.wait(30), 0)
        self.assertEqual(self.server.requests, [])

    def test_bad_bytes(self):
        for text in (b"\0", b"[]\0", b"{\0", b'{"method":1}\0', b"\xff" * 100 + b"\0"):
            connection, process = self.start()
            connection.sendall(text)
            self.assertNotEqual(process.wait(30), 0)
            connection.close()

    def test_only_one_cycle_at_a_time(self):
        reached, leave = threading.Event(), threading.Event()

        def slow(handler):
            reached.set()
            leave.wait(30)
            answer(503)(handler)

        self.server.answers["/lab"] = slow
        connection, _ = self.start()
        self.call(connection, "org.patchd.cycle.Run", {"trigger": "start"})
        self.assertTrue(reached.wait(30))
        second, _ = self.start()
        self.call(second, "org.patchd.cycle.Run", {"trigger": "start"})
        self.assertEqual(next(self.replies(second))["error"], "org.patchd.cycle.AlreadyRunning")
        leave.set()
        next(self.replies(connection))


class NginxTest(unittest.TestCase):
    """With a real nginx as packaging/control sets it up."""

    def check(self, variant, **configuration):
        with webserver.WebServer(variant) as server, tempfile.TemporaryDirectory() as folder:
            key = policies.Key(folder)
            (pathlib.Path(folder) / "node").mkdir()
            node = Node(pathlib.Path(folder) / "node", key)
            self.addCleanup(node.helper.close)
            if variant == "token":
                (node.credentials / "endpoint-token").write_text("lab-token\n")
            else:
                certificate, private = server.authority.issue("node1")
                configuration.update(client_cert=certificate, client_key=private)
            node.configure(policy_url=server.url + "/policy/{policy_id}.dsse.json", policy_id="lab",
                           report_url=server.url + "/reports/{node_id}.json", ca_file=server.ca, **configuration)
            server.publish(key.sign_policy(policies.make_policy(mode="scan"), os.path.join(folder, "p.dsse")),
                           "lab.dsse.json")
            done = node.run("start")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(server.reports()["node1"], node.last_report())
            self.assertEqual(node.run().returncode, 0)
            log = server.access_log()
            self.assertEqual([line.split('"')[2].split()[0] for line in log], ["200", "201", "304"], log)

            server.stop()
            node.tags = "Environment=changed"
            node.configure(policy_url=server.url + "/policy/{policy_id}.dsse.json", policy_id="lab",
                           report_url=server.url + "/reports/{node_id}.json", ca_file=server.ca, **configuration)
            self.assertNotEqual(node.run().returncode, 0)
            self.assertEqual(node.n_spooled(), 1)
            server.start()
            self.assertEqual(node.run().returncode, 0)
            self.assertEqual(server.reports()["node1"]["node"]["tags"], {"Environment": "changed"})
            self.assertEqual(node.n_spooled(), 0)

    def test_token(self):
        self.check("token")

    def test_client_certificate(self):
        self.check("client-certificate")


def load_tests(loader, _tests, _pattern):
    """ServerTest borrows CycleTest's fixtures, not its tests."""
    suite = unittest.TestSuite()
    suite.addTests(loader.loadTestsFromTestCase(CycleTest))
    suite.addTests(ServerTest(name) for name in vars(ServerTest) if name.startswith("test_"))
    suite.addTests(loader.loadTestsFromTestCase(NginxTest))
    return suite


if __name__ == "__main__":
    unittest.main()
