# SPDX-License-Identifier: Apache-2.0
"""The root helper asked by a daemon that somebody else has taken over: it speaks as uid patchd and says
whatever it likes. Nothing is installed, removed, written or made to hang; every call is answered or its
connection closed in time. How many may connect at once is systemd's to bound: tests/system."""

import base64
import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import socket
import stat
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import test_apply
import test_apply_feeds
from lab import feeds, policies

PATCHD, STRANGER, ADMINS = test_apply.PATCHD_UID, test_apply.STRANGER_UID, test_apply.ADMIN_GID
READER = (STRANGER, (STRANGER, PATCHD))  # a member of group patchd: may read status, no more
ANSWER_SECONDS = 60                      # on a busy machine; a request alone takes well below one
IDLE_SECONDS = 30                        # the helper's REQUEST_TIMEOUT_USEC
MEMORY_MAX_MB = 400                      # with the sanitizers' shadow and quarantine
MEGABYTE = 1 << 20
LOCK = "var/lib/patchd-apply/run.lock"   # says who asked last; the one file that refused calls write

NAMES = {"option": "-oDpkg::Pre-Invoke::=id", "long option": "--force-yes", "one dash": "-", "empty": "",
         "path": "../../etc/passwd", "absolute": "/etc/passwd", "dot": ".", "glob": "*", "blank": "a b",
         "line": "third\nother", "pinned": "third=2.0", "suite": "third/stable", "removal": "third-", "arch": "third:i386",
         "shell": "$(id)", "nul": "third\0", "not ascii": "thírd", "long": "a" * 256, "a megabyte": "a" * MEGABYTE}
TAKEN = {"removal"}  # a package may be called that; there is none


def tree(top):
    """What is in a folder: content, owner, mode and kind of everything."""
    found = {}
    for folder, names, files in os.walk(top):
        for name in names + files:
            path = pathlib.Path(folder, name)
            info = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(info.st_mode) else ""
            found[str(path.relative_to(top))] = (stat.filemode(info.st_mode), info.st_uid, info.st_gid, content)
    return found


def memory_mb(pid):
    """The most that it had; 0 when it has ended, as one that hung up on us may have."""
    _, _, peak = pathlib.Path(f"/proc/{pid}/status").read_text("ascii").partition("VmHWM:")
    return int(peak.split()[0]) // 1024 if peak else 0


class HostileCase(test_apply.ApplyCase):
    """`third` 2.0 is approved, `other` 2.0 is not; the window is closed, version 7 is known."""

    def setUp(self):
        super().setUp()
        self.main.add("other", "2.0")
        self.main.add("third", "2.0")
        self.publish()
        expires = policies.utc_text(policies.utc_now() + datetime.timedelta(hours=1))
        self.operations = [{"id": "done", "action": "scan", "match": {}, "expires": expires}]
        self.trusted = self.policy(7)
        self.done = self.apply(self.trusted, "first", operation="done")

    def policy(self, version, approved=(("third", "2.0"),), **changes):
        changes = {"window": policies.closed_window(), "operations": self.operations, **changes}
        return self.envelope(approved, version=version, **changes)

    def snapshot(self):
        """All that was written since the root was made, where the lab mounts it as an overlay."""
        upper = self.root.parent / "upper"
        found = tree(upper) if os.path.ismount(self.root) else {}
        found.update(tree(self.root / test_apply.STATE))
        found.update(tree(self.root / "var/lib/dpkg"))
        return {name: what for name, what in found.items() if pathlib.Path(name).name != pathlib.Path(LOCK).name}

    @contextlib.contextmanager
    def unharmed(self, *but):
        before = self.snapshot()
        yield
        after = self.snapshot()
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        self.assertEqual({name for name in changed if not name.startswith(but)} if but else changed, set())
        self.assertEqual(self.version_of("other", "third"), {"other": "1.0", "third": "1.0"})

    def ask(self, helper, method, **parameters):
        """The name of the error, or the parameters of the reply; in time, and without much memory."""
        helper.socket.settimeout(ANSWER_SECONDS)
        try:
            return helper.call(method, **parameters)
        except test_apply.VarlinkError as error:
            return error.name
        finally:
            self.assertLess(memory_mb(helper.pid), MEMORY_MAX_MB)

    def expect(self, cases, kind="apply", uid=PATCHD, groups=(PATCHD,)):
        """cases: label, method, parameters, the name of the error."""
        at_once = 50 if (kind, uid) == ("apply", PATCHD) else 1  # others get one answer and are hung up on
        with self.unharmed():
            for first in range(0, len(cases), at_once):
                with self.helper(kind, uid, groups) as helper:
                    for label, method, parameters, error in cases[first:first + at_once]:
                        with self.subTest(label, method=method):
                            self.assertEqual(self.ask(helper, method, **parameters), error)

    def expect_closed(self, helper, seconds):
        """Nothing but answers comes until the helper hangs up, and it ends by itself."""
        helper.socket.settimeout(seconds + ANSWER_SECONDS)
        with contextlib.suppress(ConnectionResetError):
            while helper.socket.recv(MEGABYTE):
                pass
        self.assertEqual(os.waitstatus_to_exitcode(helper.wait()) in (0, 1), True)


class HostileDaemon(HostileCase):
    def test_policies(self):
        old = policies.utc_text(policies.utc_now() - datetime.timedelta(days=400))
        past = policies.utc_text(policies.utc_now() - datetime.timedelta(days=1))
        everything = self.policy(8, None, window=policies.open_window())
        good = json.loads(self.trusted)
        swapped = {**good, "payload": json.loads(everything)["payload"]}
        unsigned = {**json.loads(everything), "signatures": []}
        retyped = self.world.key.sign(base64.b64decode(json.loads(everything)["payload"]), self.world.folder / "x",
                                      "application/vnd.patchd.feed.v1+json").read_text()
        cases = {"forged": self.envelope(None, self.world.stranger, 8), "older": self.policy(6, None),
                 "another of this version": self.policy(7, None, window=policies.open_window()),
                 "foreign": self.policy(8, None, policy_id="other"), "payload swapped": json.dumps(swapped),
                 "unsigned": json.dumps(unsigned), "of another kind": retyped,
                 "issued tomorrow": self.policy(8, None, issued=policies.utc_text(
                     policies.utc_now() + datetime.timedelta(days=1))),
                 "plain": base64.b64decode(good["payload"]).decode(), "no JSON": "{", "a flood": "[" + "1," * 3 * MEGABYTE + "1]"}
        rows = [(label, method, {"envelope": envelope, **({} if method == "SetPolicy" else {"run_id": "x"})},
                 "PolicyRefused") for label, envelope in cases.items() for method in ("SetPolicy", "Apply", "Download")]
        rows += [("expired", "Apply", {"envelope": self.policy(8, None, issued=old, expires=past), "run_id": "x"},
                  "PolicyExpired"),
                 ("nine megabytes", "Apply", {"envelope": "x" * 9 * MEGABYTE, "run_id": "x"}, "InvalidRequest")]
        self.expect(rows)

    def test_closed_window_whatever_is_asked(self):
        packages = [{"name": "third"}, {"name": "third", "version": "2.0"}, {"name": "other"}]
        self.expect([("all", "Apply", {"run_id": "x"}, "WindowClosed"),
                     ("with the policy", "Apply", {"run_id": "x", "envelope": self.trusted}, "WindowClosed"),
                     *[(str(p), "Apply", {"run_id": "x", "packages": [p]}, "WindowClosed") for p in packages],
                     ("now", "Apply", {"run_id": "x", "now": True}, "InvalidRequest"),
                     ("another window", "Apply", {"run_id": "x", "ignore_window": True}, "InvalidRequest")])

    def test_packages_outside_its_decision(self):
        opened = self.policy(8, [("liba", "9.9")], window=policies.open_window())
        asked = [{"name": "other"}, {"name": "third", "version": "2.0"}, {"name": "bash", "version": "1"},
                 {"name": "app", "arch": "amd64", "version": "0.1"}]
        with self.unharmed("var/lib/patchd-apply/policy", "policy", "var/lib/patchd-apply/outcomes", "outcomes"):
            for packages in [[package] for package in asked] + [asked, []]:
                outcome = self.apply(opened, packages=packages)
                self.assertEqual(outcome["packages"], [])

    def test_names(self):
        rows = []
        for label, name in NAMES.items():
            rows += [(label, "Apply", {"run_id": name}, "WindowClosed" if label in TAKEN else "InvalidRequest"),
                     (label, "Apply", {"run_id": "x", "packages": [{"name": "third"}, {"name": name}]},
                      "WindowClosed" if label in TAKEN else "InvalidRequest")]
        for label in ("option", "path", "absolute", "empty", "line", "nul", "a megabyte"):
            name = NAMES[label]
            rows += [(label, "Apply", {"run_id": "x", "operation": name}, "InvalidRequest"),
                     (label, "Apply", {"run_id": "x", "packages": [{"name": "third", "version": name}]}, "InvalidRequest"),
                     (label, "Apply", {"run_id": "x", "packages": [{"name": "third", "arch": name}]}, "InvalidRequest"),
                     (label, "Download", {"run_id": name}, "InvalidRequest"),
                     *([(label, "Apply", {"run_id": "x", name or "blank": 1}, "InvalidRequest")] if label != "nul" else [])]
        self.expect(rows)

    def test_what_administrators_alone_may(self):
        methods = {"ApplyNow": {"now": True}, "Rollback": {"run_id": "first"}, "Reboot": {}, "Pause": {}, "Resume": {},
                   "ClearVeto": {}, "ResetPolicy": {}}
        self.expect([(m, m, p, "PermissionDenied") for m, p in methods.items()])
        rows = [(m, m, p, "PermissionDenied") for m, p in {**methods, "GetState": {}, "Apply": {"run_id": "x"}}.items()]
        self.expect(rows, "admin")

    def test_strangers(self):
        rows = [(m, m, p, "PermissionDenied") for m, p in (
            ("GetState", {}), ("Refresh", {}), ("Apply", {"run_id": "x"}), ("SetPolicy", {"envelope": self.trusted}),
            ("Pause", {}), ("ResetPolicy", {}))]
        for uid, groups in ((STRANGER, (STRANGER,)), READER, (65534, (65534,))):
            for kind in ("apply", "admin"):
                self.expect(rows, kind, uid, groups)
        self.expect(rows, "apply", STRANGER, (STRANGER, ADMINS))

    def test_nobody_else_can_hold_the_lock(self):
        """Who can open it can keep every run from starting; one that an older version left open is shut."""
        lock = self.root / LOCK
        lock.chmod(0o644)
        with self.helper("apply", PATCHD, (PATCHD,)) as helper:
            self.ask(helper, "Recover")
        self.assertEqual(stat.S_IMODE(lock.stat().st_mode), 0o600)

    def test_replayed_operation(self):
        with self.unharmed():
            for envelope in (self.trusted, self.policy(8, None), "{}"):  # which is not even looked at
                again = self.apply(envelope, operation="done")
                for name in ("run_id", "trigger", "result", "message", "packages"):
                    self.assertEqual(again[name], self.done[name])

    def test_run_id_of_another_time(self):
        with self.unharmed():
            self.refused("WindowClosed", "Apply", run_id="first")
            self.refused("WindowClosed", "Apply", run_id="policy")

    def test_unknown_methods(self):
        calls = ["org.patchd.apply.Shell", "org.patchd.apply.apply", "org.patchd.apply.", "org.patchd.agent.GetStatus",
                 "org.patchd.cycle.Run", "io.systemd.Manager.Describe", "Apply", ".", "org.varlink.service.SetInfo",
                 "org.patchd.apply.Apply.x", "x" * MEGABYTE + ".y"]
        with self.unharmed():
            for method in calls:
                with self.subTest(method[:60]), self.helper() as helper:
                    helper.socket.settimeout(ANSWER_SECONDS)
                    helper.socket.sendall(json.dumps({"method": method}).encode() + b"\0")
                    with contextlib.suppress(ConnectionError):
                        self.assertRegex(helper.receive()["error"], "^org.varlink.service.(Method|Interface)NotFound$")

    def test_broken_messages(self):
        apply = b'{"method":"org.patchd.apply.Apply","parameters":'
        messages = {"nothing": b"", "half": apply, "NULs": b"\0" * 4096, "no JSON": b"GET / HTTP/1.1\r\n\r\n\0",
                    "a list": b"[]\0", "a number": b"7\0", "two": b"{}{}\0", "no method": b"{}\0", "not UTF-8": b'{"\xff":1}\0',
                    "a name twice": apply + b'{"run_id":"x"},"parameters":{"run_id":"y"}}\0',
                    "deep": apply + b"[" * MEGABYTE + b"\0", "parameters that are none": apply + b'"x"}\0',
                    "another protocol": b'{"method":"org.patchd.apply.GetState","upgrade":true}\0',
                    "more and oneway": b'{"method":"org.patchd.apply.GetState","more":true,"oneway":true}\0',
                    "many values": apply + b"[" + b"1," * 6 * MEGABYTE + b"1]}\0",
                    "many names": apply + b"{" + b",".join(b'"%x":1' % i for i in range(MEGABYTE)) + b"}}\0",
                    "too long": apply + b'"' + b"x" * 17 * MEGABYTE}
        with self.unharmed():
            for label, message in messages.items():
                with self.subTest(label), self.helper() as helper:
                    helper.socket.settimeout(ANSWER_SECONDS)
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        helper.socket.sendall(message)
                    self.assertLess(memory_mb(helper.pid), MEMORY_MAX_MB)
                    with contextlib.suppress(OSError):
                        helper.socket.shutdown(socket.SHUT_WR)
                    self.expect_closed(helper, 0)

    def test_oneway_asks_for_no_more_than_others(self):
        with self.unharmed(), self.helper() as helper:
            for method in ("Pause", "ResetPolicy", "Reboot"):
                call = {"method": f"org.patchd.apply.{method}", "parameters": {}, "oneway": True}
                helper.socket.sendall(json.dumps(call).encode() + b"\0")
            self.assertIsNone(self.ask(helper, "GetState")["state"]["pause"])

    def test_slow_ones(self):
        """All at once, as each is let go only after the helper's time for a request."""
        def trickle(end):
            with contextlib.suppress(OSError):
                for byte in b'{"method":"org.patchd.apply.GetState"' * 1000:
                    if end.wait(0.2):
                        return
                    slow.socket.send(bytes([byte]))

        end = threading.Event()
        with self.unharmed():
            silent, half, slow, deaf = (self.helper() for _ in range(4))
            started = time.monotonic()
            half.socket.sendall(b'{"method":"org.patchd.apply.')
            sender = threading.Thread(target=trickle, args=(end,))
            sender.start()
            deaf.socket.settimeout(1)
            with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
                while True:
                    deaf.socket.sendall(b'{"method":"org.patchd.apply.GetState"}\0' * 1000)
            for helper in (silent, half, slow):
                self.expect_closed(helper, IDLE_SECONDS)
            end.set()
            sender.join()
            deaf.wait()
            self.assertLess(time.monotonic() - started, IDLE_SECONDS + ANSWER_SECONDS)
            for helper in (silent, half, slow, deaf):
                helper.close()

    def test_many_calls_on_one_connection(self):
        with self.unharmed(), self.helper() as helper:
            with contextlib.suppress(OSError):
                helper.socket.sendall(b'{"method":"org.patchd.apply.GetState"}\0' * 1000)
            self.expect_closed(helper, 0)
            self.assertIn(b'"state"', b'"state"')


class HostileFeeds(test_apply_feeds.FeedsCase):
    """The cycle's folder belongs to uid patchd, who swaps what the helper looks at."""

    def own_copies(self):
        return sorted(p.read_bytes() for p in self.own.glob("*.feed")) if self.own.exists() else []

    def test_swapped_between_hash_and_read(self):
        evil = self.make_content("DSA-9-9", details="never announced")
        place = self.fetch()
        end = threading.Event()

        def swap():
            """In place, by another file, by a link, by nothing: over and over."""
            spare = place.with_suffix(".spare")
            while not end.is_set():
                with contextlib.suppress(OSError):
                    with open(place, "r+b") as file:
                        file.write(evil[:len(self.content)])
                    spare.write_bytes(self.content)
                    spare.rename(place)
                    spare.symlink_to("/etc/shadow")
                    spare.rename(place)
                    os.mkfifo(spare)
                    spare.rename(place)
                    place.unlink()
                    place.write_bytes(self.content + evil)
                    place.unlink()
                    place.write_bytes(self.content)

        swapper = threading.Thread(target=swap)
        swapper.start()
        try:
            for number in range(5):
                with self.helper() as helper:
                    helper.call("Download", envelope=self.policy, run_id=f"get-{number}")
                self.assertIn(self.own_copies(), ([], [self.content]))
        finally:
            end.set()
            swapper.join()
        if self.own_copies():  # once taken in, it is the announced one, whatever lies in the folder
            place.unlink(missing_ok=True)
        else:
            self.fetch()
        self.check_installed()

    def test_hard_link_to_a_file_of_root(self):
        place = self.fetch()
        place.unlink()
        os.link(self.root / "etc/shadow", place)
        before = (self.root / "etc/shadow").read_bytes()
        self.check_nothing("debian")
        self.assertEqual((self.root / "etc/shadow").read_bytes(), before)
        self.assertEqual(self.own_copies(), [])


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
