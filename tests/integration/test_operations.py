# SPDX-License-Identifier: Apache-2.0
"""The root helper and the policy's one-time operations: each id once, and only what the policy says."""

import datetime
import json
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import test_apply
from lab import policies

RECORD = "done-operations.jsonl"
OLD, NEW = {"other": "1.0", "third": "1.0"}, {"other": "2.0", "third": "2.0"}


class OperationsCase(test_apply.ApplyCase):
    """`other` 2.0 and `third` 2.0 wait and are approved; the window is closed."""

    def setUp(self):
        super().setUp()
        self.main.add("other", "2.0")
        self.main.add("third", "2.0")
        self.publish()

    def operation(self, hours=1, **more):
        expires = policies.utc_text(policies.utc_now() + datetime.timedelta(hours=hours))
        return {"id": "op", "action": "apply", "match": {}, "expires": expires, "ignore_window": True, **more}

    def order(self, operation, version=1, **changes):
        changes.setdefault("window", policies.closed_window())
        return self.envelope(version=version, operations=[operation], **changes)

    def do(self, envelope, run_id=None, name="op"):
        return self.apply(envelope, run_id, operation=name)

    def record(self):
        path = self.root / test_apply.STATE / RECORD
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def pair(self):
        return self.version_of("other", "third")


class Operations(OperationsCase):
    def test_narrowed_at_once_and_only_once(self):
        envelope = self.order(self.operation(packages=["oth*", "bash"]))
        outcome = self.do(envelope, "first")
        self.assertEqual((outcome["result"], outcome["trigger"]), ("succeeded", "operation:op"), outcome)
        self.assertEqual(self.pair(), {"other": "2.0", "third": "1.0"})
        begun, ended = self.record()
        self.assertEqual((begun["id"], begun["run_id"], begun["result"]), ("op", "first", "interrupted"))
        self.assertEqual((ended["run_id"], ended["result"], ended["message"]),
                         ("first", "succeeded", outcome["message"]))
        self.main.add("other", "3.0")
        self.publish()
        self.assertEqual(self.do(envelope, "second"), outcome)
        again = self.order(self.operation(), version=2)
        self.assertEqual(self.do(again, "third"), outcome, "the id counts, whatever a later policy says of it")
        self.assertEqual(self.pair(), {"other": "2.0", "third": "1.0"})
        self.assertEqual(len(self.record()), 2)

    def test_what_is_not_approved_is_not_installed(self):
        envelope = self.order(self.operation(packages=["other"]), approved=[("third", "2.0")])
        self.assertEqual(self.do(envelope)["packages"], [])
        self.assertEqual(self.pair(), OLD)
        self.assertEqual(len(self.record()), 2)

    def test_window_counts_unless_ignored(self):
        operation = self.operation(ignore_window=False)
        self.refused("WindowClosed", "Apply", envelope=self.order(operation), run_id="x", operation="op")
        self.assertEqual((self.pair(), self.record()), (OLD, []))
        opened = self.order(operation, version=2, window=policies.open_window())
        self.assertEqual(self.do(opened)["result"], "succeeded")
        self.assertEqual(self.pair(), NEW)

    def test_operations_that_are_none(self):
        cases = {"no operation 'other-id'": self.order(self.operation(id="op2")),
                 "not for this node": self.order(self.operation(match={"hostname": ["web*"]}), version=2),
                 "expired at": self.order(self.operation(hours=-0.5), version=3)}
        for number, (says, envelope) in enumerate(cases.items()):
            with self.subTest(says):
                outcome = self.do(envelope, name="other-id" if "other-id" in says else "op")
                self.assertEqual(outcome["result"], "refused", outcome)
                self.assertIn(says, outcome["message"])
        self.assertEqual((self.pair(), self.record()), (OLD, []))

    def test_what_beats_an_operation(self):
        for version, mode in ((1, "scan"), (2, "replace")):
            outcome = self.do(self.order(self.operation(), version=version, mode=mode))
            self.assertEqual(outcome["result"], "refused")
            self.assertIn(mode, outcome["message"])
        envelope = self.order(self.operation(), version=3)
        with self.helper("admin", 0) as admin:
            admin.call("Pause")
        self.refused("Paused", "Apply", envelope=envelope, run_id="p", operation="op")
        self.assertEqual((self.pair(), self.record()), (OLD, []))
        with self.helper("admin", 0) as admin:
            admin.call("Resume")
        with open(self.root / "etc/patchd/patchd.conf", "a", encoding="ascii") as conf:
            conf.write("[apply]\nexclude = other\n")
        self.assertEqual(self.do(envelope)["result"], "succeeded")
        self.assertEqual(self.pair(), {"other": "1.0", "third": "2.0"})

    def test_request_says_nothing_but_the_id(self):
        envelope = self.order(self.operation(packages=["other"]))
        self.refused("InvalidRequest", "Apply", envelope=envelope, run_id="x", operation="op",
                     packages=[{"name": "third"}])
        self.assertEqual((self.pair(), self.record()), (OLD, []))

    def test_scan_and_reboot_change_no_package(self):
        self.do(self.order(self.operation(action="scan"), mode="scan"), "scan")
        self.assertEqual(self.record()[-1]["result"], "succeeded")
        reply = self.do(self.order(self.operation(id="op2", action="reboot"), version=2), name="op2")
        self.assertEqual(reply["result"], "refused")
        self.assertIn("systemd, which would be asked for it", reply["message"])
        self.assertEqual([line["id"] for line in self.record()], ["op", "op", "op2", "op2"])
        self.assertEqual(self.pair(), OLD)
        self.assertEqual(list((self.root / test_apply.STATE / "outcomes").iterdir()), [])

    def test_record_that_cannot_be_read(self):
        (self.root / test_apply.STATE / RECORD).mkdir()
        reply = self.refused("Failed", "Apply", envelope=self.order(self.operation()), run_id="x", operation="op")
        self.assertIn(RECORD, reply["message"])
        self.assertEqual(self.pair(), OLD)

    def test_killed_on_the_way_is_not_begun_again(self):
        self.main.add("other", "3.0", scripts={
            "postinst": f"cp /{test_apply.STATE}/{RECORD} /tmp/seen; touch /tmp/began; n=0;"
                        "while [ ! -e /tmp/go ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done"})
        self.publish()
        envelope = self.order(self.operation(packages=["other"]))
        helper = self.helper()
        helper.send("Apply", envelope=envelope, run_id="killed", operation="op")
        self.wait_for("tmp/began")
        self.assertEqual(json.loads((self.root / "tmp/seen").read_text())["id"], "op")
        os.kill(helper.pid, signal.SIGKILL)
        helper.close()
        (self.root / "tmp/go").touch()
        outcome = self.do(envelope, "after")
        self.assertEqual((outcome["run_id"], outcome["result"]), ("killed", "interrupted"), outcome)
        self.assertEqual(outcome["trigger"], "operation:op")
        (self.root / test_apply.STATE / "outcomes/killed.json").unlink()
        again = self.do(envelope, "later")
        self.assertEqual((again["run_id"], again["result"], again["packages"]), ("killed", "interrupted", []))
        self.assertIn("not begun again", again["message"])
        self.assertEqual(len(self.record()), 1)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
