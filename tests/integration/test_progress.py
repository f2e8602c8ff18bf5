# SPDX-License-Identifier: Apache-2.0
"""Where a run is, as it is told on the way: by the real patchd-apply with real apt, to its client, to
whoever looks later, and by the real patchctl on a terminal."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

import test_apply

from lab import roots

PROGRESS = f"{test_apply.STATE}/running/progress.json"
FIELDS = {"state", "text", "package", "percent", "step", "n_steps", "bytes_done", "bytes_total"}
DETACHED = 5
WAIT_SECONDS = 30
HALF_BYTES = 150_000


class Activated(test_apply.Helper):
    """A helper for a connection that somebody else made."""

    def __init__(self, root, accepted):
        self.root, self.socket = root, accepted
        self.errors = tempfile.TemporaryFile("w+")
        self.exit_status = None
        self.pid = self.start(accepted, "admin")


class AdminSocket:
    """The socket unit: a helper for each connection."""

    def __init__(self, root):
        self.root, self.helpers = root, []
        path = pathlib.Path(root, "run/patchd-admin/admin.sock")
        path.parent.mkdir(parents=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            self.helpers.append(Activated(self.root, accepted))
            accepted.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for helper in self.helpers:
            helper.close()


class Terminal:
    """A program with a terminal of its own."""

    def __init__(self, command, columns=100):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.text = ""

    def read_until(self, pattern):
        deadline = time.monotonic() + WAIT_SECONDS
        while not (pattern and re.search(pattern, self.text)):
            if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"no {pattern!r} in {self.text!r}")
            try:
                data = os.read(self.master, 4096)
            except OSError:  # EIO: nobody has the terminal any more
                data = b""
            if not data:
                if pattern:
                    raise AssertionError(f"no {pattern!r} in {self.text!r}")
                return
            self.text += data.decode()

    def finish(self):
        """The exit code, after all the output."""
        self.read_until(None)
        os.close(self.master)
        return self.process.wait(WAIT_SECONDS)


class ProgressCase(test_apply.ApplyCase):
    def slow_package(self):
        test_apply.Surviving.slow_package(self)

    def running(self):
        return json.loads((self.root / PROGRESS).read_text())

    def check_percents(self, seen):
        percents = [p["percent"] for p in seen if "percent" in p]
        self.assertEqual(percents, sorted(percents))
        self.assertEqual(percents[-1], 100)
        return percents


class Told(ProgressCase):
    def test_fields(self):
        self.main.add("liba", "1:1.1", arch="amd64")
        self.main.add("app", "2.0", depends="liba (>= 1:1.1)")
        other = self.main.add("other", "2.0", files={"/usr/share/other/noise": os.urandom(2 * HALF_BYTES)})
        self.publish()
        size = sum((self.main.folder / "pool" / name).stat().st_size
                   for name in ("liba_1%3a1.1_amd64.deb", "app_2.0_all.deb", other.name))
        gate = threading.Event()
        self.addCleanup(self.world.server.gates.clear)
        self.world.server.gates[f"/main/pool/{other.name}"] = gate
        seen, written = [], []

        def look(progress):
            seen.append(progress)
            if progress.get("package") == "other" and self.running().get("bytes_done", 0) >= HALF_BYTES:
                written.append(self.running())
                gate.set()

        with self.helper() as helper:
            outcome = helper.call("Apply", on_progress=look, envelope=self.default, run_id="told")["outcome"]
        self.assertEqual(outcome["result"], "succeeded")
        self.assertLess(written[0].pop("bytes_done"), size)
        self.assertEqual({name: written[0][name] for name in ("run_id", "trigger", "state", "bytes_total")},
                         {"run_id": "told", "trigger": "window", "state": "downloading", "bytes_total": size})
        for progress in seen:
            self.assertLessEqual(set(progress), FIELDS)
        percents = self.check_percents(seen)
        self.assertGreater(len(set(percents)), 10, percents)
        states = [p["state"] for p in seen]
        self.assertEqual(list(dict.fromkeys(states)),
                         ["preparing", "downloading", "checking", "installing", "verifying", "finished"])
        loads = [p for p in seen if "bytes_done" in p]
        self.assertEqual({p["bytes_total"] for p in loads}, {size})
        self.assertEqual(loads[-1]["bytes_done"], size)
        self.assertEqual([p["step"] for p in seen if "step" in p], sorted(p["step"] for p in seen if "step" in p))
        self.assertEqual({(p["step"], p["n_steps"]) for p in seen if "step" in p}, {(1, 3), (2, 3), (3, 3)})
        works = [p for p in seen if p["state"] == "installing"]
        # the steps share what there is: no jump at the end
        self.assertGreaterEqual(max(p["percent"] for p in works), 90, percents)
        self.assertEqual({p["package"] for p in works if "package" in p}, {"liba", "app", "other"})
        self.assertFalse((self.root / PROGRESS).exists())

    def test_download_and_rollback(self):
        self.main.add("other", "2.0")
        self.publish()
        seen = []
        with self.helper() as helper:
            helper.call("Download", on_progress=seen.append, envelope=self.default, run_id="ahead")
        self.check_percents(seen)
        self.apply()
        seen = []
        with self.helper("admin", 0, (0,)) as helper:
            outcome = helper.call("Rollback", on_progress=seen.append)["outcome"]
        self.assertEqual(outcome["result"], "succeeded")
        self.check_percents(seen)
        self.assertIn("other", {p.get("package") for p in seen if p["state"] == "rolling-back"})
        self.assertEqual(self.version_of("other"), {"other": "1.0"})


class Patchctl(ProgressCase):
    def setUp(self):
        super().setUp()
        shutil.copy(test_apply.PATCHCTL, self.root / "opt/patchctl")
        for path in re.findall(r"=> (/\S+)", roots.run_host("ldd", test_apply.PATCHCTL).stdout):
            if not (self.root / path.lstrip("/")).exists():
                shutil.copy(path, self.root / test_apply.LIBRARIES)
        admin = AdminSocket(self.root)
        self.addCleanup(admin.close)
        self.helpers = admin.helpers
        with self.helper() as helper:
            helper.call("SetPolicy", envelope=self.default)

    def command(self, *words, uid=0, **environment):
        return ["chroot", f"--userspec={uid}:{uid}", self.root, "env", f"LD_LIBRARY_PATH=/{test_apply.LIBRARIES}",
                "TERM=xterm", *(f"{k}={v}" for k, v in environment.items()), "/opt/patchctl", *words]

    def popen(self, *words, **more):
        return subprocess.Popen(self.command(*words, **more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def test_detached_and_attached(self):
        """A run begun on a terminal, left by each way to leave, looked at by others, and ended."""
        self.slow_package()
        first = Terminal(self.command("apply", "--now", NO_COLOR=1))
        first.read_until(r"\r\x1b\[K\[#+-*\] +\d+% 1/1 Configuring other")
        first.process.send_signal(signal.SIGINT)
        self.assertEqual(first.finish(), DETACHED, first.text)
        self.assertRegex(first.text, r"detached; the run goes on: 'patchctl watch'")
        self.assertNotRegex(first.text, r"\x1b\[3\dm")
        self.assertLessEqual(max(len(line) for line in re.split(r"\r\x1b\[K|\r\n", first.text)[:-2]), 99)
        run_id = self.running()["run_id"]

        second = Terminal(self.command("apply"), columns=60)
        second.read_until(rf"(?s)attached to run {run_id} \(apply-now\).*\x1b\[32m#+\x1b\[0m-*\] +\d+% 1/1 Configuring")
        second.process.send_signal(signal.SIGHUP)
        self.assertEqual(second.finish(), DETACHED, second.text)

        third = self.popen("apply", "--now")
        reader = self.popen("watch", "--json", uid=test_apply.STRANGER_UID)
        lines = [json.loads(reader.stdout.readline())]
        self.assertIn("attached", third.stderr.readline())
        (self.root / "tmp/go").touch()
        out, err = third.communicate(timeout=WAIT_SECONDS)
        self.assertEqual(third.returncode, 0, out + err)
        self.assertRegex(out, r"succeeded: 1 of 1 .*\n  updated   other 1.0 -> 2.0")
        self.assertNotIn("\x1b", err)
        self.assertLess(err.count("\n"), 6, err)

        out, err = reader.communicate(timeout=WAIT_SECONDS)
        lines += [json.loads(line) for line in out.splitlines()]
        self.assertEqual((reader.returncode, err), (0, ""))
        self.assertEqual({line.get("run_id", run_id) for line in lines}, {run_id})
        self.assertEqual(lines[-1]["outcome"], self.state(f"outcomes/{run_id}.json"))
        self.assertEqual(len(list((self.root / test_apply.STATE / "outcomes").iterdir())), 1)

        idle = self.popen("watch")
        self.assertIn("no run is going on", idle.communicate()[0])
        self.assertEqual(idle.returncode, 0)

    def test_not_a_terminal(self):
        self.main.add("third", "2.0")
        self.main.add("other", "2.0")
        self.publish()
        done = self.popen("apply", "--now")
        _, err = done.communicate(timeout=WAIT_SECONDS)
        self.assertEqual(done.returncode, 0, err)
        lines = err.splitlines()
        self.assertEqual([re.sub(r"^\d+%(, )?", "", line)[:8] for line in lines if "step " in line and "prep" in line],
                         ["step 1/2", "step 2/2"], err)
        self.assertLess(len(lines), 12, err)
        self.assertNotIn("\r", err)

    def test_what_a_killed_helper_left(self):
        self.slow_package()
        apply, helper = self.popen("apply", "--now"), None
        self.wait_for("tmp/began")
        watch = self.popen("watch")
        self.assertIn("attached", watch.stderr.readline())
        helper = self.helpers[-1]
        os.killpg(helper.pid, signal.SIGKILL)
        helper.wait()
        _, err = apply.communicate(timeout=WAIT_SECONDS)
        self.assertEqual(apply.returncode, 1)
        self.assertIn("broke off", err)
        self.assertIn("was interrupted", watch.communicate(timeout=WAIT_SECONDS)[1])
        self.assertEqual(watch.returncode, 1)
        self.assertTrue((self.root / PROGRESS).exists())  # and counts for nothing
        self.assertIn("no run is going on", self.popen("watch").communicate()[0])
        (self.root / "tmp/go").touch()
        again = self.popen("apply", "--now")
        again.communicate(timeout=WAIT_SECONDS)
        self.assertIn(again.returncode, (0, 1))
        self.assertEqual(self.version_of("other"), {"other": "2.0"})
        self.assertFalse((self.root / PROGRESS).exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
