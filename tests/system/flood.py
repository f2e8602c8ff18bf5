# SPDX-License-Identifier: Apache-2.0
"""A thousand connections against each socket that the agent's user may open, by that user: they delay,
and no more. What they do to one helper: tests/integration/test_hostile_daemon.py."""

import contextlib
import json
import time
import unittest

from lab import container
from lab.node import SOCKETS, call

N_CONNECTIONS = 1000
INSTANCES_MAX = {"patchd-cycle": 4, "patchd-apply": 8}  # MaxConnections= of the socket units
ANSWER_SECONDS = 20      # of a busy machine, while the flood is on
RECOVERY_SECONDS = 30    # until nothing of it is left
MEMORY_MAX_KIB = 24 * 1024
OUTPUT = "/run/patchd-flood"

# Opens them all, a third silent, a third with half a message, a third with a name of a megabyte, and
# holds what is not closed by the other end until it is stopped.
FLOOD = r"""
import signal, socket, sys
half = b'{"method":"org.patchd.apply.Apply","parameters":{"run_id":"'
texts = (b"", half, half + b"a" * (1 << 20) + b'"}}\0')
held = []
for number in range(int(sys.argv[1])):
    for path in sys.argv[2:]:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(10)
            connection.connect(path)
            connection.setblocking(False)
            connection.send(texts[number % len(texts)])
        except OSError as error:
            if not isinstance(error, (BrokenPipeError, ConnectionResetError, BlockingIOError)):
                print(path, number, repr(error), flush=True)
        held.append(connection)
print("opened", flush=True)
signal.pause()
"""


class Flood(unittest.TestCase):
    """One flood, looked at while it is on and afterwards."""

    node = None
    maxDiff = None

    def show(self, unit, name):
        return self.node.run("systemctl", "show", "-P", name, unit).stdout.strip()

    def instances(self):
        """{template: how many of its services there are}, by PID 1."""
        lines = self.node.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "--type=service",
                              *(f"{template}@*" for template in INSTANCES_MAX)).stdout
        names = [line.split("@")[0] for line in lines.splitlines()]
        return {template: names.count(template) for template in INSTANCES_MAX}

    def ask(self, socket_name, method, user=None, **parameters):
        """The reply; it must come in time."""
        started = time.monotonic()
        reply = call(self.node, socket_name, method, user, parameters)
        self.assertLess(time.monotonic() - started, ANSWER_SECONDS)
        self.assertTrue(reply.startswith("{"), f"{socket_name}: {reply}")
        return json.loads(reply)

    @contextlib.contextmanager
    def flood(self):
        paths = [SOCKETS[name] for name in ("agent", "cycle", "apply")]
        self.node.run("systemd-run", "--quiet", "--unit=lab-flood", "--uid=patchd", "-p", "LimitNOFILE=8192",
                      "-p", f"StandardOutput=truncate:{OUTPUT}", "python3", "-c", FLOOD, N_CONNECTIONS, *paths)
        try:
            yield
        finally:
            self.node.run("systemctl", "stop", "lab-flood.service")

    def check_bounds(self):
        found = self.instances()
        for template, maximum in INSTANCES_MAX.items():
            self.assertLessEqual(found[template], maximum, template)
        return found

    def test_flood(self):
        node, highest = self.node, dict.fromkeys(INSTANCES_MAX, 0)

        def opened():
            for template, number in self.check_bounds().items():
                highest[template] = max(highest[template], number)
            return "opened" in node.run("cat", OUTPUT).stdout

        daemon = self.show("patchd.service", "MainPID")
        with self.flood():
            container.wait_until(opened, ANSWER_SECONDS, "all connections of the flood")
            self.assertEqual(node.run("cat", OUTPUT).stdout.split("\n"), ["opened", ""])
            self.assertIn("state", self.ask("admin", "org.patchd.apply.GetState")["parameters"])
            self.assertIn("runs", self.ask("agent", "org.patchd.agent.GetHistory")["parameters"], "root has a reserve")
            self.check_bounds()
        self.assertTrue(all(number > 1 for number in highest.values()), f"a flood: {highest}")
        container.wait_until(lambda: not any(self.instances().values()), RECOVERY_SECONDS, "the end of all instances")
        self.assertEqual(node.run("systemctl", "--failed", "--no-legend").stdout, "")
        units = ["patchd.service", "patchd-cycle.socket", "patchd-apply.socket", "patchd-admin.socket"]
        self.assertEqual(node.run("systemctl", "is-active", *units, check=False).stdout.split(), ["active"] * 4)
        self.assertEqual(self.show("patchd.service", "MainPID"), daemon)
        status = node.run("cat", f"/proc/{daemon}/status").stdout
        self.assertLess(int(status.split("VmHWM:")[1].split()[0]), MEMORY_MAX_KIB)
        self.assertIn("state", self.ask("apply", "org.patchd.apply.GetState", "patchd")["parameters"])
        done = self.ask("cycle", "org.patchd.cycle.Run", "patchd", trigger="poll")["parameters"]
        self.assertEqual((done["state"], done["result"]["error"]), ("finished", None))
