# SPDX-License-Identifier: Apache-2.0
"""A booted machine on which patchd is installed from its package, with a control endpoint, and what
tests ask of it again and again."""

import json
import os
import pathlib
import re
import sys
import unittest

from . import container, policies, roots

SOURCE = pathlib.Path(os.environ["PATCHD_SOURCE"])
CYCLE_TIMEOUT_SECONDS = 240
SLOW_OR_CENTRAL = ("ca-certificates", "dbus", "libc", "linux-", "systemd")  # not the update to watch
SOCKETS = {"agent": "/run/patchd/agent.sock", "cycle": "/run/patchd-cycle/cycle.sock",
           "apply": "/run/patchd-apply/apply.sock", "admin": "/run/patchd-admin/admin.sock"}

# Sends one Varlink call and prints the reply, or why there is none; run as a user in the container.
CALL = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
try:
    s.connect(sys.argv[1])
    s.sendall(sys.argv[2].encode() + b'\\0')
    print(s.recv(65536).rstrip(b'\\0').decode() or 'closed')
except OSError as error:
    print(type(error).__name__)
"""


def package_file():
    found = sorted(pathlib.Path(os.environ.get("PATCHD_DEB", SOURCE / "build/deb")).glob("patchd_*.deb"))
    if not found:
        raise roots.LabError("there is no package in build/deb; packaging/build-deb makes it")
    return found[-1]


def call(machine, socket_name, method, user, parameters=None):
    """The reply of one call to one of SOCKETS, or the name of what went wrong."""
    message = json.dumps({"method": method, "parameters": parameters or {}})
    return machine.run("python3", "-c", CALL, SOCKETS[socket_name], message, user=user).stdout.strip()


def report_schema():
    return json.loads((SOURCE / "packaging/schema/patchd.report.v1.schema.json").read_text(encoding="utf-8"))


def run_steps(booted):
    """Runs the tests of the script, steps of one node's life, up to the first that fails, and then
    shows what the journal says; gives the exit status."""
    result = unittest.main(verbosity=2, failfast=True, exit=False).result
    if not result.wasSuccessful():
        print(booted.run("journalctl", "--no-pager", "-n", "300", check=False).stdout, file=sys.stderr)
    return 0 if result.wasSuccessful() else 1


class Node:
    """booted is a container.Container, or something with its run(), shell(), write() and put()."""

    def __init__(self, booted, web, key, folder):
        self.container, self.web, self.key, self.folder = booted, web, key, folder
        self.run, self.shell, self.write = booted.run, booted.shell, booted.write
        self.policy_version = 0

    def install_patchd(self, extra=""):
        """Installs the package and configures it for the endpoint, in one-minute polls; extra goes to
        the end of [control]."""
        self.container.put(package_file(), "/root/patchd.deb")
        self.run("apt-get", "-q", "-y", "--no-install-recommends", "install", "/root/patchd.deb")
        self.write("/etc/patchd/trusted-keys.d/lab.pem", self.key.public.read_text("ascii"))
        self.write("/etc/patchd/token", "lab-token\n", 0o600)
        self.container.put(self.web.ca, "/etc/patchd/ca.pem")
        self.write("/etc/patchd/patchd.conf.d/lab.conf",
                   f"[control]\npolicy_url = {self.web.url}/policy/lab.dsse.json\npolicy_id = lab\n"
                   f"report_url = {self.web.url}/reports/{{node_id}}.json\nca_file = /etc/patchd/ca.pem\n"
                   f"poll_interval_minutes = 1\n{extra}\n")

    def installed(self):
        """{package: version} of everything that dpkg says is properly installed."""
        text = self.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package} ${Version}\\n").stdout
        rows = [line.split() for line in text.splitlines()]
        return {row[1]: row[2] for row in rows if len(row) == 3 and row[0] in ("ii", "hi")}

    def pending(self):
        """{package: version} that apt itself would install now: new packages too."""
        text = self.run("apt-get", "-s", "dist-upgrade").stdout
        return {m[1]: m[2] for m in re.finditer(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", text, re.M)}

    def find_single_update(self, besides=()):
        """A pending update that brings nothing else with it."""
        for name in sorted(set(self.pending()) - set(besides)):
            plan = self.run("apt-get", "-s", "install", "--only-upgrade", name, check=False).stdout
            if len(re.findall(r"^Inst ", plan, re.M)) == 1 and not name.startswith(SLOW_OR_CENTRAL):
                return name
        raise roots.LabError("no pending update stands alone")

    def is_security(self, package, version):
        madison = self.run("apt-cache", "madison", package).stdout.splitlines()
        return any(f"| {version} |" in re.sub(r" +", " ", line) and "-security" in line for line in madison)

    def publish(self, **policy):
        """Signs and serves the next version of the policy; gives its number."""
        self.policy_version += 1
        document = policies.make_policy(self.policy_version, **policy)
        envelope = self.key.sign_policy(document, self.folder / f"{self.policy_version}.dsse.json")
        self.web.publish(envelope, "lab.dsse.json")
        return self.policy_version

    def new_cycle(self):
        """Has the agent look for its policy now, as a restart does."""
        self.run("systemctl", "restart", "patchd.service")

    def status(self, user=None):
        done = self.run("patchctl", "status", "--json", user=user, check=False)
        return json.loads(done.stdout)["status"] if done.stdout.startswith("{") else {}

    def reports(self):
        return self.web.reports()

    def await_report(self, condition, timeout, what):
        def matching():
            return [r for r in self.reports().values() if condition(r)]
        try:
            return container.wait_until(matching, timeout, what)[0]
        except TimeoutError as error:
            last = list(self.reports().values())[-1:]
            raise AssertionError(f"{error}; the last report: {json.dumps(last)[:6000]}\n"
                                 f"status: {json.dumps(self.status())[:3000]}\n"
                                 f"access log: {self.web.access_log()[-5:]}") from None

    def await_policy(self, version, timeout=CYCLE_TIMEOUT_SECONDS):
        return self.await_report(lambda r: (r.get("policy") or {}).get("version") == version, timeout,
                                 f"a report under policy version {version}")

    def events(self, name):
        text = self.run("journalctl", "-o", "json", "--no-pager", f"PATCHD_EVENT={name}", check=False).stdout
        return [json.loads(line) for line in text.splitlines()]

    def call(self, socket_name, method, user, parameters=None):
        return call(self, socket_name, method, user, parameters)
