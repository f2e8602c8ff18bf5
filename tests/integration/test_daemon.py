#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""patchd itself, in a temporary prefix, against a cycle socket that this test plays."""
import contextlib
import fcntl
import json
import os
import queue
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PATCHD = os.path.join(os.environ["PATCHD_BUILD"], "agent/daemon/patchd")
PATCHCTL = os.path.join(os.environ["PATCHD_BUILD"], "agent/ctl/patchctl")
LIMIT = 45  # seconds that any single answer may take
RUNNING = "var/lib/patchd-apply/running/progress.json"
IDLE_LIMIT = 30  # seconds after which the daemon closes a silent connection
SANITIZED = b"libasan" in open(PATCHD, "rb").read()
RESULT = {"status": "compliant", "window": None, "retry_after_seconds": None, "reachable": True,
          "policy_version": 7, "error": None}


class Varlink:
    """One connection, as bare as it gets: hostile bytes have to be possible."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)
        self.bytes = b""

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self):
        """The next message; None when the other end closed."""
        while b"\0" not in self.bytes:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return None
            self.bytes += piece
        text, self.bytes = self.bytes.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, parameters=None, **more):
        self.send({"method": method, "parameters": parameters or {}, **more})
        return self.receive()

    def close(self):
        self.socket.close()


class FakeCycle:
    """cycle.sock: every request waits in `calls` until the test answers it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(path)
        self.socket.listen(8)
        self.calls = queue.Queue()
        self.n_open = self.n_open_max = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection = Varlink.__new__(Varlink)
                connection.socket, connection.bytes = self.socket.accept()[0], b""
                self.n_open += 1
                self.n_open_max = max(self.n_open, self.n_open_max)
                self.calls.put((connection, connection.receive()))

    def next(self, trigger, limit=LIMIT):
        connection, call = self.calls.get(timeout=limit)
        assert call["method"] == "org.patchd.cycle.Run" and call["more"] is True, call
        assert call["parameters"] == {"trigger": trigger}, call
        return connection

    def finish(self, connection, **result):
        self.n_open -= 1
        connection.send({"parameters": {"state": "finished", "text": "",
                                        "result": {**RESULT, **result}}})
        connection.close()

    def serve_one(self, trigger, limit=LIMIT, **result):
        self.finish(self.next(trigger, limit), **result)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Node:
    """A prefix with a running daemon in it."""

    def __init__(self, config="", environment=None, with_cycle=True, activated=False, sqlite=None):
        self.prefix = tempfile.mkdtemp(prefix="patchd-test-")
        for folder in ("etc/patchd", "var/lib/patchd", "var/lib/patchd-apply/outcomes",
                       "run/patchd", "run/patchd-cycle", "usr/lib/patchd", "usr/share/patchd"):
            os.makedirs(self.path(folder))
        self.configure(config)
        if sqlite:
            self.write("var/lib/patchd/patchd.sqlite", sqlite)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.path("notify"))
        self.notify.settimeout(LIMIT)
        self.cycle = FakeCycle(self.path("run/patchd-cycle/cycle.sock")) if with_cycle else None
        self.start(environment or {}, activated)

    def start(self, environment, activated):
        command = [PATCHD, "--prefix", self.prefix]
        options = {}
        if activated:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(self.path("run/patchd/agent.sock"))
            listener.listen(8)
            environment["LISTEN_FDS"] = "1"
            command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"] + command
            options = {"preexec_fn": lambda: os.dup2(listener.fileno(), 3), "close_fds": False}
        self.process = subprocess.Popen(
            command, env={"NOTIFY_SOCKET": self.path("notify"), **environment}, **options)
        if activated:
            listener.close()
        self.wait_for_notice("READY=1")

    def path(self, name):
        return os.path.join(self.prefix, name)

    def write(self, name, content):
        """As the programs write: beside it, then renamed."""
        with open(self.path(name) + ".new", "w", encoding="utf-8") as file:
            file.write(content)
        os.rename(self.path(name) + ".new", self.path(name))

    @contextlib.contextmanager
    def at_work(self, run):
        """What a helper does that is at work."""
        os.makedirs(os.path.dirname(self.path(RUNNING)), exist_ok=True)
        with open(self.path(RUNNING), "w", encoding="utf-8") as file:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
            file.write(json.dumps(run))
            file.flush()
            yield

    def configure(self, text):
        self.write("etc/patchd/patchd.conf", text)

    def wait_for_notice(self, text):
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            notice = self.notify.recv(4096).decode()
            if text in notice:
                return notice
        raise AssertionError(f"no notice {text}")

    def connect(self):
        return Varlink(self.path("run/patchd/agent.sock"))

    def call(self, method, parameters=None, **more):
        with contextlib.closing(self.connect()) as connection:
            return connection.call(method, parameters, **more)

    def daemon_status(self):
        return self.call("org.patchd.agent.GetStatus")["parameters"]["status"]["daemon"]

    def wait_for_status(self, **wanted):
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            status = self.daemon_status()
            if all(status[key] == value for key, value in wanted.items()):
                return status
            self.notify.recv(4096)  # every change is told to the service manager too
        raise AssertionError(f"{wanted} never came: {status}")

    def database(self):
        return contextlib.closing(sqlite3.connect(self.path("var/lib/patchd/patchd.sqlite")))

    def switches(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return [line for line in file if "ctxt" in line]

    def memory(self, file, field):
        """In kB."""
        with open(f"/proc/{self.process.pid}/{file}", encoding="ascii") as lines:
            return [int(line.split()[1]) for line in lines if line.startswith(field)][0]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(LIMIT)
        if self.cycle:
            self.cycle.close()
        self.notify.close()
        shutil.rmtree(self.prefix)
        return code


@contextlib.contextmanager
def node(**options):
    running = Node(**options)
    try:
        yield running
    except BaseException:
        running.process.kill()
        running.process.wait()
        raise
    code = running.stop()
    assert code == 0, f"exit code {code}"


class TestCycles(unittest.TestCase):
    def test_life(self):
        """First cycle at once, progress to watchers, one at a time, one more queued, the end."""
        with node() as n:
            running = n.cycle.next("start")
            watcher, late = n.connect(), n.connect()
            first = watcher.call("org.patchd.agent.Watch", more=True)
            self.assertEqual(first, {"parameters": {"state": "started", "text": "start"},
                                     "continues": True})
            single = late.call("org.patchd.agent.Watch")
            self.assertNotIn("continues", single)
            step = {"state": "installing", "text": "Unpacking a", "package": "a", "percent": 40, "step": 2,
                    "n_steps": 3}
            running.send({"parameters": step, "continues": True})
            self.assertEqual(watcher.receive()["parameters"], step)
            load = {"state": "downloading", "text": "x", "bytes_done": 5, "bytes_total": 7}
            running.send({"parameters": load, "continues": True})
            self.assertEqual(watcher.receive()["parameters"], load)
            self.assertTrue(n.daemon_status()["cycle_running"])
            n.write("var/lib/patchd-apply/outcomes/a.json", "{}")
            n.write("var/lib/patchd-apply/outcomes/b.json", "{}")
            n.cycle.finish(running, window={"name": "saturday", "opens_at": "2030-01-01T00:00:00Z",
                                            "closes_at": "2030-01-01T03:00:00Z"})
            last = watcher.receive()
            self.assertEqual((last["parameters"]["state"], last.get("continues")),
                             ("finished", None))
            self.assertEqual(watcher.call("org.patchd.agent.Watch")["parameters"]["state"], "idle")
            n.cycle.serve_one("outcome", window={"name": "w", "opens_at": "2030-01-01T00:00:00Z",
                                                 "closes_at": "2030-01-01T03:00:00Z"})
            status = n.wait_for_status(cycle_running=False, last_poll_result="ok")
            self.assertEqual(status["window"], {"name": "w", "open": False,
                                                "opens_at": "2030-01-01T00:00:00Z",
                                                "closes_at": "2030-01-01T03:00:00Z"})
            self.assertEqual(n.cycle.n_open_max, 1)
            self.assertTrue(n.cycle.calls.empty())

    def test_helper_at_work_without_a_cycle(self):
        """As it is for an administrator, or when the daemon was restarted in the middle of a run."""
        agent = "org.patchd.agent."
        with node() as n:
            n.cycle.serve_one("start")
            n.wait_for_status(cycle_running=False, running=None)
            where = {"state": "installing", "text": "Unpacking a", "percent": 40, "step": 2, "n_steps": 3}
            run = {"run_id": "r1", "trigger": "apply-now", "since": "2030-01-01T00:00:00Z", **where}
            with n.at_work(run):
                self.assertEqual(n.daemon_status()["running"], run)
                self.assertEqual(n.call(agent + "Watch", more=True), {"parameters": where})
                said = subprocess.run([PATCHCTL, "--prefix", n.prefix, "status"], capture_output=True, text=True,
                                      check=False).stdout
                self.assertIn("running      run r1 (apply-now) since 2030-01-01T00:00:00Z, "
                              "40%, step 2/3: Unpacking a\n", said)
            self.assertTrue(os.path.exists(n.path(RUNNING)))  # its helper was killed
            self.assertIsNone(n.daemon_status()["running"])
            self.assertEqual(n.call(agent + "Watch")["parameters"]["state"], "idle")
            n.write(RUNNING, "nonsense")
            self.assertIsNone(n.daemon_status()["running"])

    def test_pause_and_resume(self):
        with node() as n:
            n.cycle.serve_one("start")
            self.assertIsNone(n.daemon_status()["paused"])
            n.write("var/lib/patchd-apply/pause.json",
                    '{"paused_at":"2026-01-01T00:00:00Z","until":"2035-01-01T00:00:00Z"}')
            self.assertEqual(n.daemon_status()["paused"], {"until": "2035-01-01T00:00:00Z"})
            os.unlink(n.path("var/lib/patchd-apply/pause.json"))
            n.cycle.serve_one("reload")
            self.assertIsNone(n.daemon_status()["paused"])

    def test_window_closing(self):
        def text(ahead):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead))

        with node() as n:
            n.cycle.serve_one("start", window={"name": "w", "opens_at": text(-60),
                                               "closes_at": text(4)})
            n.cycle.serve_one("window")

    def test_broken_cycles(self):
        cases = [
            (b'{"error":"org.patchd.cycle.Failed","parameters":{"message":"ouch"}}\0',
             "the cycle failed: ouch"),
            (b'{"error":"org.patchd.cycle.AlreadyRunning"}\0',
             "the cycle failed: org.patchd.cycle.AlreadyRunning"),
            (b"", "the cycle broke off; see its journal (patchd-cycle@)"),
            (b"\0", "the JSON text ends too early, after 0 bytes"),
            (b"{}\0", "the cycle ended without a result"),
            (b"x" * 300000, "a message is longer than 262144 bytes"),
        ]
        for bytes_sent, error in cases:
            with self.subTest(error), node() as n:
                connection = n.cycle.next("start")
                connection.socket.sendall(bytes_sent)
                connection.close()
                self.assertEqual(n.wait_for_status(last_poll_result="failed")["last_error"], error)

    def test_backoff(self):
        """An endpoint that is away: the next try comes within the first ceiling, one minute."""
        with node() as n:
            n.cycle.serve_one("start", reachable=False, error="no route")
            status = n.wait_for_status(last_poll_result="unreachable", last_error="no route")
            self.assertNotEqual(status["next_poll_at"], status["last_poll_at"])
            n.cycle.serve_one("poll", 90)
            self.assertIsNone(n.wait_for_status(last_poll_result="ok")["last_error"])

    def test_no_cycle_service(self):
        with node(with_cycle=False) as n:
            status = n.wait_for_status(last_poll_result="failed", cycle_running=False)
            self.assertIn("cycle.sock: cannot connect", status["last_error"])

    def test_restart_is_splayed(self):
        """With a report of an earlier life a restart of a fleet must not be a stampede at once."""
        with node(with_cycle=False) as n:
            with n.database() as database:
                database.execute("INSERT INTO report VALUES (1, '{}')")
                database.commit()
            for _ in range(4):  # one start in 31 draws no delay
                n.process.send_signal(signal.SIGTERM)
                self.assertEqual(n.process.wait(LIMIT), 0)
                n.start({}, False)
                if n.daemon_status()["last_poll_at"] is None:
                    return
            self.fail("asked for a cycle at once")


class TestReading(unittest.TestCase):
    def test_reading(self):
        with node() as n:
            n.cycle.serve_one("start")
            agent = "org.patchd.agent."
            info = n.call("org.varlink.service.GetInfo")["parameters"]
            self.assertEqual(info["interfaces"], ["org.varlink.service", "org.patchd.agent"])
            text = n.call("org.varlink.service.GetInterfaceDescription",
                          {"interface": "org.patchd.agent"})["parameters"]["description"]
            self.assertIn("interface org.patchd.agent\n", text)
            self.assertEqual(n.call(agent + "Explain", {"package": "x"})["error"],
                             agent + "NoReport")
            self.assertEqual(n.call(agent + "GetHistory"), {"parameters": {"runs": []}})
            report = {"compliance": {"status": "compliant"},
                      "packages": [{"name": "a", "state": "missing"}, {"name": "b"}]}
            with n.database() as database:
                database.execute("INSERT INTO report VALUES (1, ?)", [json.dumps(report)])
                database.executemany("INSERT INTO run VALUES (?, ?, 1, ?)", [
                    [f"r{i:02}", i, json.dumps({"run_id": f"r{i:02}"})] for i in range(30)])
                database.execute("INSERT INTO spool VALUES (1, 2, 's', '{}')")
                database.commit()
            status = n.call(agent + "GetStatus")["parameters"]["status"]
            self.assertEqual(status["report"], report)
            self.assertEqual(status["daemon"]["spool"], {"reports": 1, "dropped": 0})
            self.assertEqual(n.call(agent + "Explain", {"package": "a"})["parameters"],
                             {"packages": report["packages"][:1]})
            self.assertEqual(n.call(agent + "Explain", {"package": "zzz"})["parameters"],
                             {"packages": []})
            runs = n.call(agent + "GetHistory")["parameters"]["runs"]
            self.assertEqual((len(runs), runs[0]), (20, {"run_id": "r29"}))
            self.assertEqual(n.call(agent + "GetHistory", {"limit": 2})["parameters"]["runs"][1],
                             {"run_id": "r28"})
            self.assertEqual(n.call(agent + "GetHistory", {"run": "r03"})["parameters"]["runs"],
                             [{"run_id": "r03"}])
            self.assertEqual(n.call(agent + "GetHistory", {"run": "nope"}),
                             {"error": agent + "NoSuchRun", "parameters": {"run": "nope"}})

    def test_wrong_calls(self):
        service = "org.varlink.service."
        cases = [
            ("org.patchd.agent.RunCycle", {}, "MethodNotFound", {"method":
                                                                 "org.patchd.agent.RunCycle"}),
            ("org.patchd.apply.Apply", {}, "InterfaceNotFound", {"interface": "org.patchd.apply"}),
            ("org.varlink.service.Nope", {}, "MethodNotFound", {"method":
                                                                "org.varlink.service.Nope"}),
            ("org.patchd.agent.Explain", {}, "InvalidParameter", {"parameter": "package"}),
            ("org.patchd.agent.Explain", {"package": 3}, "InvalidParameter",
             {"parameter": "package"}),
            ("org.patchd.agent.GetHistory", {"limit": 0}, "InvalidParameter",
             {"parameter": "limit"}),
            ("org.patchd.agent.GetHistory", {"limit": "1"}, "InvalidParameter",
             {"parameter": "limit"}),
            ("org.patchd.agent.GetHistory", {"run": []}, "InvalidParameter", {"parameter": "run"}),
            ("org.patchd.agent.GetStatus", {"x": 1}, "InvalidParameter", {"parameter": "x"}),
        ]
        with node() as n:
            with contextlib.closing(n.connect()) as connection:
                for method, parameters, error, want in cases:
                    reply = connection.call(method, parameters)
                    self.assertEqual(reply, {"error": service + error, "parameters": want}, method)
            n.cycle.serve_one("start")

    @unittest.skipIf(os.getuid() != 0, "only root can become somebody else")
    def test_strangers(self):
        with node() as n:
            n.cycle.serve_one("start")
            path = n.path("run/patchd/agent.sock")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
            os.chmod(n.prefix, 0o755)
            os.chmod(path, 0o666)
            program = ("import os,socket,sys; os.setgroups([]); os.setgid(65534); os.setuid(65534);"
                       "s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                       "s.sendall(b'{\"method\":\"org.patchd.agent.GetStatus\"}\\0');"
                       "print(s.recv(9999).decode())")
            said = subprocess.run([sys.executable, "-c", program, path], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout
            self.assertIn("org.patchd.agent.PermissionDenied", said)


class TestHostilePeers(unittest.TestCase):
    def assert_alive(self, n):
        self.assertIn("parameters", n.call("org.patchd.agent.GetStatus"))

    def test_bytes(self):
        cases = [b"\0" * 5000, b"GET / HTTP/1.1\r\n\r\n\0", b"x" * 70000, b"[]\0", b"{}\0",
                 b'{"method":1}\0', b'{"method":"a.b.C","parameters":[]}\0', b"\xff\xfe\0",
                 b'{"method":"a.b.C","more":true,"oneway":true}\0', b"[" * 60000 + b"\0",
                 b'{"method":"a.b.C"'] + [b'{"a":' * 5000 + b"\0"]
        with node() as n:
            n.cycle.serve_one("start")
            for bytes_sent in cases:
                with contextlib.closing(n.connect()) as connection:
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        connection.socket.sendall(bytes_sent)
                        connection.socket.shutdown(socket.SHUT_WR)
                    self.assertIsNone(connection.receive(), bytes_sent[:40])
                self.assert_alive(n)

    def test_pace(self):
        call = b'{"method":"org.patchd.agent.GetStatus"}\0'
        with node() as n:
            n.cycle.serve_one("start")
            started, silent = time.monotonic(), n.connect()
            slow = n.connect()
            for byte in call:
                slow.socket.sendall(bytes([byte]))
            self.assertIn("parameters", slow.receive())
            half_closed = n.connect()
            half_closed.socket.sendall(call * 20)
            half_closed.socket.shutdown(socket.SHUT_WR)
            for _ in range(20):
                self.assertIn("parameters", half_closed.receive())
            self.assertIsNone(half_closed.receive())
            one_way = n.connect()
            one_way.send({"method": "org.patchd.agent.GetStatus", "oneway": True})
            self.assertIn("description", one_way.call(
                "org.varlink.service.GetInterfaceDescription",
                {"interface": "org.patchd.agent"})["parameters"])
            self.assertIsNone(silent.receive())  # the daemon closes it
            self.assertGreater(time.monotonic() - started, IDLE_LIMIT - 1)

    def test_many_connections(self):
        with node() as n:
            n.cycle.serve_one("start")
            connections = []
            for _ in range(200):
                with contextlib.suppress(BlockingIOError):
                    connections.append(n.connect())
            answered = 0
            for connection in connections:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    answered += connection.call("org.varlink.service.GetInfo") is not None
            self.assertGreaterEqual(answered, 64)
            self.assertLess(answered, 200)
            for connection in connections:
                connection.close()
            self.assert_alive(n)

    def test_reader_that_does_not_read(self):
        with node() as n:
            n.cycle.serve_one("start")
            with n.database() as database:
                database.execute("INSERT INTO report VALUES (1, ?)",
                                 [json.dumps({"x": "y" * 4000000})])
                database.commit()
            deaf = [n.connect() for _ in range(20)]
            for connection in deaf:
                for _ in range(50):
                    connection.send({"method": "org.patchd.agent.GetStatus"})
            refused = 0
            for connection in deaf:  # beyond the bound on all queues some lost their connection
                connection.socket.settimeout(2)
                with contextlib.suppress(TimeoutError):
                    refused += connection.receive() is None
            self.assertGreater(refused, 0)
            self.assert_alive(n)
            # MemoryMax of the unit, or that and the sanitizer's own
            self.assertLess(n.memory("status", "VmHWM:"), (600 if SANITIZED else 64) * 1024)


class TestServiceManager(unittest.TestCase):
    def test_reload(self):
        with node(config="[control]\npoll_interval_minutes=30\n") as n:
            n.cycle.serve_one("start")
            self.assertIsNone(n.daemon_status()["config_error"])
            n.configure("[control]\npoll_interval_minutes=never\n")
            n.process.send_signal(signal.SIGHUP)
            self.assertIn("MONOTONIC_USEC=", n.wait_for_notice("RELOADING=1"))
            n.wait_for_notice("READY=1")
            self.assertIn("poll_interval_minutes", n.daemon_status()["config_error"])
            n.configure("[control]\npoll_interval_minutes=90\n")
            n.process.send_signal(signal.SIGHUP)
            n.wait_for_notice("READY=1")
            n.cycle.serve_one("reload")
            self.assertIsNone(n.daemon_status()["config_error"])

    def test_bad_configuration_at_start(self):
        with node(config="[control]\nnonsense=1\n") as n:
            n.cycle.serve_one("start")
            self.assertIn("nonsense", n.daemon_status()["config_error"])

    def test_watchdog_and_quiet(self):
        with node(environment={"WATCHDOG_USEC": "500000"}) as n:
            n.cycle.serve_one("start")
            n.wait_for_notice("WATCHDOG=1")
            n.wait_for_notice("WATCHDOG=1")
        with node() as n:
            n.cycle.serve_one("start")
            os.mkdir(os.path.dirname(n.path(RUNNING)))
            n.wait_for_status(cycle_running=False)
            self.assertRaises(queue.Empty, n.cycle.calls.get, timeout=1)  # that call is over
            before = n.switches()
            for _ in range(20):
                n.write(RUNNING, "{}")  # a run of the helper that nobody looks at wakes nobody
            self.assertRaises(queue.Empty, n.cycle.calls.get, timeout=6)
            self.assertEqual(n.switches(), before)  # nothing due, so it slept
            if not SANITIZED:
                self.assertLess(n.memory("smaps_rollup", "Pss:"), 4096)

    def test_socket_activation(self):
        with node(activated=True) as n:
            n.cycle.serve_one("start")
            self.assertIn("parameters", n.call("org.patchd.agent.GetStatus"))

    def test_damaged_state(self):
        with node(sqlite="not a database, " * 100) as n:
            n.cycle.serve_one("start")
            self.assertIn("patchd.sqlite.damaged-1", os.listdir(n.path("var/lib/patchd")))
            self.assertIsNone(n.call("org.patchd.agent.GetStatus")["parameters"]["status"]["report"])

    def test_command_line(self):
        for arguments, code in (["--version"], 0), (["--help"], 0), (["--nope"], 2), (["x"], 2):
            done = subprocess.run([PATCHD] + arguments, check=False, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
            self.assertEqual(done.returncode, code, arguments)
        done = subprocess.run([PATCHD, "--prefix", "/nonexistent"], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/run/patchd/agent.sock", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
