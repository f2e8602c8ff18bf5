# SPDX-License-Identifier: Apache-2.0
"""Hooks, health checks and rollback: the real patchd-apply with real apt and dpkg in throw-away
roots."""

import os
import sys
import unittest

import test_apply


class GuardCase(test_apply.ApplyCase):
    def program(self, name, text, mode=0o755):
        path = self.root / "etc/patchd" / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return path

    def configure(self, text):
        with open(self.root / "etc/patchd/patchd.conf", "a", encoding="utf-8") as conf:
            conf.write(text)

    def offer(self, name="other", version="2.0", **more):
        self.main.add(name, version, **more)
        self.publish()

    def seen(self, name="seen"):
        path = self.root / "tmp" / name
        return path.read_text() if path.exists() else ""


class Hooks(GuardCase):
    def test_order_and_environment(self):
        self.program("hooks.d/pre-run/20-b", 'echo "pre $PATCHD_RUN_ID $PATCHD_POLICY_ID $PATCHD_POLICY_VERSION" >>/tmp/seen; env >/tmp/env')
        self.program("hooks.d/pre-run/10-a", "dpkg-query -W -f '${Version} first\\n' other >>/tmp/seen; echo said")
        self.program("hooks.d/pre-run/.hidden", "exit 1")
        self.program("hooks.d/pre-run/10-a.dpkg-old", "exit 1")
        self.program("hooks.d/post-run", "dpkg-query -W -f \"post $PATCHD_RESULT \\${Version}\\n\" other >>/tmp/seen")
        self.offer()
        outcome = self.apply(run_id="hooked")
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.seen(), "1.0 first\npre hooked lab 1\npost succeeded 2.0\n")
        names = {line.partition("=")[0] for line in self.seen("env").splitlines()} - {"PWD", "SHLVL", "_", "OLDPWD"}
        self.assertEqual(names, {"PATH", "HOME", "LC_ALL", "PATCHD_PHASE", "PATCHD_RUN_ID", "PATCHD_TRIGGER",
                                 "PATCHD_POLICY_ID", "PATCHD_POLICY_VERSION"})
        self.assertEqual([(h["name"], h["phase"], h["passed"], h["exit_code"], h["output"]) for h in outcome["hooks"]],
                         [("10-a", "pre-run", True, 0, "said"), ("20-b", "pre-run", True, 0, ""),
                          ("post-run", "post-run", True, 0, "")])
        self.assertEqual(self.state("outcomes/hooked.json")["hooks"], outcome["hooks"])

    def test_failing_pre_run_changes_nothing(self):
        self.program("hooks.d/pre-run/1", "echo 'not \033[31mnow'; exit 7")
        self.program("hooks.d/pre-run/2", "touch /tmp/second")
        self.program("hooks.d/post-run", 'echo "$PATCHD_RESULT" >/tmp/seen')
        self.offer()
        outcome = self.apply(run_id="refused")
        self.assertEqual(outcome["result"], "refused", outcome)
        self.assertIn("pre-run hook '1': exit code 7", outcome["message"])
        self.assertIn("not \\x1b[31mnow", outcome["message"])
        self.assertEqual(self.result_of(outcome, "other")["result"], "skipped")
        self.assertEqual(self.version_of("other"), {"other": "1.0"})
        self.assertFalse((self.root / "tmp/second").exists())
        self.assertEqual(self.seen(), "refused\n")
        self.assertEqual(self.state("outcomes/refused.json"), outcome)
        self.assertEqual(list((self.root / test_apply.STATE / "intents").iterdir()), [])
        self.program("hooks.d/pre-run/1", "exit 0")
        self.assertEqual(self.apply()["result"], "succeeded")

    def test_failing_post_run_changes_no_result(self):
        self.program("hooks.d/post-run", "echo broken >&2; exit 3")
        self.offer()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded")
        self.assertEqual([(h["passed"], h["exit_code"], h["output"]) for h in outcome["hooks"]], [(False, 3, "broken")])

    def test_hanging_hook_is_ended(self):
        self.configure("[apply]\nhook_timeout_seconds = 1\n")
        self.program("hooks.d/pre-run", "echo began; trap '' TERM; sleep 1000 & wait; sleep 1000")
        self.offer()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "refused")
        self.assertEqual([(h["timed_out"], h["output"]) for h in outcome["hooks"]], [(True, "began")])

    def test_what_others_could_have_written_is_not_run(self):
        cases = (
            ("group may write", lambda path: path.chmod(0o775), "others than root may write it"),
            ("another owner", lambda path: os.chown(path, 4242, 0), "belongs to user 4242"),
            ("not executable", lambda path: path.chmod(0o644), "may not be executed"),
            ("a link", lambda path: (path.rename(path.with_name("..real")), path.symlink_to("..real")), "is a symbolic link"),
            ("its folder", lambda path: path.parent.chmod(0o777), "others than root may write it"),
        )
        self.offer()
        for label, spoil, sentence in cases:
            with self.subTest(label):
                path = self.program("hooks.d/pre-run/only", "touch /tmp/ran")
                spoil(path)
                outcome = self.apply()
                self.assertEqual(outcome["result"], "refused", outcome)
                self.assertIn(sentence, outcome["message"])
                self.assertFalse((self.root / "tmp/ran").exists())
                path.unlink()
                path.parent.chmod(0o755)

    def test_no_hook_without_work(self):
        self.program("hooks.d/pre-run", "touch /tmp/ran")
        self.assertEqual(self.apply()["hooks"], [])
        self.assertFalse((self.root / "tmp/ran").exists())


class Checks(GuardCase):
    def test_asked_before_and_after(self):
        self.program("checks.d/web", 'echo "$PATCHD_PHASE ${PATCHD_STEP:-} ${PATCHD_PACKAGES:-}" >>/tmp/seen')
        self.offer()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.seen(), "before  \nafter-step 1 other=2.0\n")
        self.assertEqual([(c["name"], c["phase"], c["passed"]) for c in outcome["checks"]],
                         [("web", "before", True), ("web", "after-step", True)])

    def test_failing_before_is_no_reason(self):
        self.program("checks.d/web", "echo always; exit 1")
        self.offer()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.version_of("other"), {"other": "2.0"})
        self.assertEqual([(c["phase"], c["passed"]) for c in outcome["checks"]], [("before", False), ("after-step", False)])


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
