#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A day of the daemon in short: a cycle for each of its minutes, with readers, watchers, outcomes and
refused cycles in between. Memory and descriptors must not grow; what woke it up is counted."""
import contextlib
import os
import signal
import unittest

import httplab
import test_daemon

MINUTES = 24 * 60
WARM_MINUTES = 120  # until what is kept for good has been made
GROWTH_MAX_KB = 4096 if test_daemon.SANITIZED else 512  # the sanitizer's own books grow
SWITCHES_A_CYCLE_MAX = 60


class Day:
    def __init__(self, node):
        self.node = node

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.node.process.pid}/fd"))

    def wake_ups(self):
        return sum(int(line.split()[1]) for line in self.node.switches() if line.startswith("voluntary"))

    def memory_kb(self):
        return self.node.memory("status", "VmRSS:")

    def read_notices(self):
        """As the service manager does: the daemon waits for whoever does not."""
        self.node.notify.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.node.notify.recv(4096)
        self.node.notify.settimeout(test_daemon.LIMIT)

    def minute(self, number):
        node = self.node
        self.read_notices()
        node.process.send_signal(signal.SIGHUP)
        cycle = node.cycle.next("reload")
        watcher = node.connect()
        with contextlib.closing(watcher):
            watcher.call("org.patchd.agent.Watch", more=True)
            cycle.send({"parameters": {"state": "collect", "text": "reading", "percent": 40}, "continues": True})
            watcher.receive()
        if number % 7 == 0:  # one that ends without an answer
            node.cycle.n_open -= 1
            cycle.close()
        else:
            node.cycle.finish(cycle, reachable=number % 5 > 0, status="compliant" if number % 3 else "non_compliant")
        node.wait_for_status(cycle_running=False)
        if number % 60 == 0:
            node.write(f"var/lib/patchd-apply/outcomes/{number}.json", "{}")
            node.cycle.serve_one("outcome")
            node.wait_for_status(cycle_running=False)


class DaemonDay(unittest.TestCase):
    def test_nothing_grows(self):
        quiet = {"ASAN_OPTIONS": "quarantine_size_mb=1:" + os.environ.get("ASAN_OPTIONS", "")}
        with test_daemon.node(environment=quiet) as node:
            day = Day(node)
            node.cycle.serve_one("start")
            node.wait_for_status(cycle_running=False)
            for number in range(1, WARM_MINUTES):
                day.minute(number)
            before = day.memory_kb(), day.descriptors(), day.wake_ups()
            for number in range(WARM_MINUTES, MINUTES):
                day.minute(number)
            # the last reader's end may still be on its way
            httplab.wait_until(lambda: day.descriptors() <= before[1], what=f"{before[1]} descriptors again")
            after = day.memory_kb(), day.descriptors(), day.wake_ups()
            wakes = (after[2] - before[2]) / (MINUTES - WARM_MINUTES)
            print(f"{MINUTES} cycles: {before[0]} -> {after[0]} kB, {before[1]} -> {after[1]} descriptors, "
                  f"{wakes:.1f} wake-ups a cycle with its readers", flush=True)
            self.assertLessEqual(after[0] - before[0], GROWTH_MAX_KB, "memory")
            self.assertLessEqual(wakes, SWITCHES_A_CYCLE_MAX, "wake-ups")


if __name__ == "__main__":
    unittest.main()
