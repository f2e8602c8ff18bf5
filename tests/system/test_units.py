# SPDX-License-Identifier: Apache-2.0
"""The units' walls, felt from inside: usage test_units.py 12|13.

A probe runs in place of each program under its real unit and tells what it could do. The helper's
unit has to let the scripts of demanding packages do their work: what they leave behind is compared
with what is in the packages."""

import ast
import contextlib
import os
import re
import socket
import sys
import unittest

from flood import Flood
from lab import container, roots
from lab.node import package_file

VERSION = sys.argv.pop(1) if len(sys.argv) > 1 else "12"

# Scripts that set file capabilities and set-id bits, make users, run programs as them, load profiles
# and rules, build databases, start services. (A kernel and its initramfs: test_debian.py.)
DEMANDING = ["iputils-ping", "man-db", "openssh-server", "apparmor", "cron", "sudo", "fuse3", "ufw", "needrestart"]
INSTALL_TIMEOUT_SECONDS = 1500

# Run as the program of a unit: tries what it must not be able to do, and prints what it found.
PROBE = r"""
import os, socket, stat, subprocess, sys, time

def attempt(function, *arguments):
    try:
        function(*arguments)
        return "done"
    except OSError as error:
        return type(error).__name__ + " " + str(error.errno)

def writable_folders():
    found = []
    for folder, names, _ in os.walk("/"):
        names[:] = [n for n in names if os.path.join(folder, n) not in ("/proc", "/sys", "/dev/fd")
                    and not os.path.islink(os.path.join(folder, n))]
        path = os.path.join(folder, ".patchd-probe")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            os.unlink(path)
            found.append(folder)
        except OSError:
            pass
    return found

def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(5)
        s.connect(address)

def open_socket(family, kind, protocol=0):
    socket.socket(family, kind, protocol).close()

def listen():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)

def others():
    return sorted({os.stat("/proc/" + pid).st_uid for pid in os.listdir("/proc") if pid.isdigit()} - {os.getuid()})

def unix_sockets():
    found = []
    for folder, names, files in os.walk("/run"):
        for name in files:
            path = os.path.join(folder, name)
            try:
                if not stat.S_ISSOCK(os.lstat(path).st_mode):
                    continue
                connect(socket.AF_UNIX, path)
                found.append(path)
            except OSError as error:
                if error.errno == 91: # EPROTOTYPE: there, but of datagrams
                    found.append(path)
    return sorted(found)

status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
port = int(sys.argv[1])
print(repr({
    "uid": os.getuid(),
    "writable": writable_folders(),
    "interfaces": [line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]],
    "tcp": attempt(connect, socket.AF_INET, ("127.0.0.1", port)),
    "netlink": attempt(open_socket, socket.AF_NETLINK, socket.SOCK_RAW),
    "packet": attempt(open_socket, socket.AF_PACKET, socket.SOCK_RAW),
    "vsock": attempt(open_socket, socket.AF_VSOCK, socket.SOCK_STREAM),
    "raw": attempt(open_socket, socket.AF_INET, socket.SOCK_RAW, 1),
    "listen": attempt(listen),
    "others": others(),
    "sockets": unix_sockets(),
    "devices": sorted(n for n in os.listdir("/dev") if stat.S_ISBLK(os.lstat("/dev/" + n).st_mode)),
    "user_namespace": subprocess.run(["unshare", "-U", "true"], capture_output=True).returncode,
    "mount_namespace": subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode,
    "set_clock": attempt(time.clock_settime, 0, time.time()),
    "priority": attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)),
    "credentials": {n: open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], n)).read()
                    for n in os.listdir(os.environ["CREDENTIALS_DIRECTORY"])}
                   if "CREDENTIALS_DIRECTORY" in os.environ else {},
    "status": {name: status[name].strip() for name in ("CapBnd", "CapEff", "NoNewPrivs", "Seccomp")},
}))
"""
PROBE_PATH = "/usr/local/lib/patchd-probe"

class Node:
    """A booted container."""

    def __init__(self, booted):
        self.container = booted
        self.run, self.shell, self.write = booted.run, booted.shell, booted.write

    def start_instead(self, unit, command, folder="/run/patchd-lab", **more):
        """Runs command under everything that the unit sets, but for its program; gives its output."""
        drop_in = f"/run/systemd/system/{unit}.d/lab.conf"
        extra = "".join(f"{key}={value}\n" for key, value in more.items())
        self.shell(f"mkdir -p {folder}")
        self.write(drop_in, f"[Service]\nType=oneshot\nExecStart=\nExecStart={command}\nRestart=no\nWatchdogSec=0\n"
                   f"StandardOutput=truncate:{folder}/output\nStandardError=truncate:{folder}/error\n{extra}")
        self.run("systemctl", "daemon-reload")
        done = self.run("systemctl", "start", unit, check=False, timeout=INSTALL_TIMEOUT_SECONDS)
        output, error = (self.run("cat", f"{folder}/{name}").stdout for name in ("output", "error"))
        self.run("rm", drop_in)
        self.run("systemctl", "daemon-reload")
        if done.returncode != 0:
            raise AssertionError(f"{unit} failed: {done.stderr}\n{output[-3000:]}\n{error[-3000:]}")
        return output

    def install_agent(self):
        self.container.put(package_file(), "/var/lib/lab/patchd.deb")
        self.run("apt-get", "-q", "-y", "--no-install-recommends", "install", "/var/lib/lab/patchd.deb")

    def probe(self, unit, port, **more):
        return ast.literal_eval(self.start_instead(unit, f"/usr/bin/python3 {PROBE_PATH} {port}", **more))


class Walls(unittest.TestCase):
    """What the agent's own programs can't do."""

    node = listener = None
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        node = cls.node
        node.run("systemctl", "stop", "patchd.service")
        node.write(PROBE_PATH, PROBE)
        cls.port = cls.listener.getsockname()[1]
        cls.patchd = int(node.run("id", "-u", "patchd").stdout)
        cls.open = ast.literal_eval(node.run("python3", PROBE_PATH, cls.port).stdout)

    def test_0_the_probe_sees_what_there_is(self):
        """Without a unit all of it is possible: so what follows can fail."""
        found = self.open
        self.assertEqual((found["tcp"], found["listen"], found["netlink"]), ("done", "done", "done"))
        self.assertTrue({"/", "/etc", "/etc/patchd", "/var/lib/patchd-apply", "/usr", "/dev/shm"} <= set(found["writable"]))
        self.assertTrue(found["others"])
        self.assertIn("/run/dbus/system_bus_socket", found["sockets"])
        self.assertEqual(found["mount_namespace"], 0)

    def check_common(self, found):
        self.assertEqual(found["uid"], self.patchd)
        self.assertEqual(found["others"], [], "processes of other users")
        self.assertEqual(found["devices"], [])
        self.assertNotEqual(found["user_namespace"], 0)
        self.assertNotEqual(found["mount_namespace"], 0)
        for name in ("netlink", "packet", "vsock", "raw", "set_clock", "priority"):
            self.assertNotEqual(found[name], "done", name)
        zero = "0" * 16
        self.assertEqual(found["status"], {"CapBnd": zero, "CapEff": zero, "NoNewPrivs": "1", "Seccomp": "2"})

    def test_1_daemon(self):
        found = self.node.probe("patchd.service", self.port)
        self.check_common(found)
        self.assertEqual(sorted(found["writable"]), ["/run/patchd", "/tmp", "/var/lib/patchd", "/var/tmp"])
        self.assertEqual(found["interfaces"], ["lo"])
        self.assertNotEqual(found["tcp"], "done", "not even loopback")
        self.assertNotEqual(found["listen"], "done")

    def test_2_cycle(self):
        found = self.node.probe("patchd-cycle@lab.service", self.port)
        self.check_common(found)
        self.assertEqual(sorted(found["writable"]), ["/tmp", "/var/lib/patchd", "/var/tmp"])
        self.assertEqual(found["tcp"], "done", "the endpoint")
        self.assertEqual([path for path in found["sockets"] if not path.startswith("/run/systemd/")],
                         ["/run/patchd-apply/apply.sock", "/run/patchd-cycle/cycle.sock"], "no D-Bus, no admin.sock")
        self.assertNotIn("/run/systemd/private", found["sockets"])

    def test_3_credentials(self):
        """Files of root's alone, and encrypted ones, reach the cycle and nobody else."""
        node, unit = self.node, "patchd-cycle@lab.service"
        names = ("endpoint-token", "endpoint-cert", "endpoint-key", "endpoint-aws")
        self.assertEqual(node.probe(unit, self.port)["credentials"], dict.fromkeys(names, "\n"))
        node.write("/etc/patchd/token", "plain-token\n", 0o600)
        node.write("/etc/patchd/client.key", "a key\n", 0o600)
        found = node.probe(unit, self.port)["credentials"]
        self.assertEqual((found["endpoint-token"], found["endpoint-key"]), ("plain-token\n", "a key\n"))
        self.assertEqual(node.probe("patchd.service", self.port)["credentials"], {}, "the daemon gets none")
        self.assertNotEqual(node.run("cat", "/etc/patchd/token", user="patchd", check=False).returncode, 0)
        path = "/etc/credstore.encrypted/patchd.token"
        node.shell("mkdir -p /etc/credstore.encrypted; systemd-creds setup")
        node.run("systemd-creds", "encrypt", "--with-key=host", "--name=endpoint-token", "-", path, stdin="sealed-token\n")
        self.assertNotIn("sealed-token", node.run("cat", path).stdout)
        found = node.probe(unit, self.port, LoadCredentialEncrypted=f"endpoint-token:{path}")["credentials"]
        self.assertEqual((found["endpoint-token"], found["endpoint-key"]), ("sealed-token\n", "a key\n"))

    def test_4_temporary_files_are_their_own(self):
        self.node.shell("touch /tmp/of-another /var/tmp/of-another; chmod 777 /tmp/of-another")
        for unit in ("patchd.service", "patchd-cycle@lab.service"):
            self.assertEqual(self.node.start_instead(unit, "/bin/ls /tmp /var/tmp").split(), ["/tmp:", "/var/tmp:"])

    def test_5_helper(self):
        """Root, but without what no script needs."""
        found = self.node.probe("patchd-apply@lab.service", self.port)
        self.assertEqual((found["uid"], found["tcp"], found["mount_namespace"]), (0, "done", 0))
        self.assertNotEqual(found["user_namespace"], 0)
        for name in ("packet", "vsock", "set_clock", "priority"):
            self.assertNotEqual(found[name], "done", name)


class Scripts(unittest.TestCase):
    """Demanding packages are installed under the helper's unit as without it."""

    node = None
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        before = cls.installed()
        environment = "DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C.UTF-8"
        command = ["apt-get", "-q", "-y", "-o", "APT::Keep-Downloaded-Packages=true", "--no-install-recommends", "install"]
        cls.log = cls.node.start_instead("patchd-apply@lab.service", "/usr/bin/" + " ".join(command + DEMANDING),
                                         Environment=environment)
        cls.new = cls.installed() - before

    @classmethod
    def installed(cls):
        return set(cls.node.shell("dpkg-query -W -f '${db:Status-Abbrev}:${Package}\n' | sed -n 's/^ii *://p'").stdout.split())

    def test_every_package_is_installed(self):
        self.assertLessEqual(set(DEMANDING), self.new)
        self.assertEqual(self.node.run("dpkg", "--audit").stdout, "")
        self.assertEqual(self.node.run("systemctl", "--failed", "--no-legend").stdout, "")

    def test_files_are_as_in_the_packages(self):
        """Modes and set-id bits of what dpkg unpacked; two scripts set bits of their own."""
        listing = self.node.shell("for deb in /var/cache/apt/archives/*.deb; do dpkg-deb -c $deb; done").stdout
        overridden = self.node.shell("dpkg-statoverride --list | sed 's/.* //'").stdout.split()
        wanted = {m[2]: m[1] for m in re.finditer(r"^(-\S{9}) .* \./(\S*)$", listing, re.M)
                  if "/" + m[2] not in overridden and not m[2].startswith(("var/", "etc/"))}
        self.assertGreater(len(wanted), 1000)
        self.assertTrue(any(mode[3] == "s" for mode in wanted.values()), "a set-id program is among them")
        names = "".join(f"/{name}\0" for name in wanted)
        found = self.node.shell("xargs -0 stat -c '%A %n'", stdin=names, check=False).stdout
        modes = {line.split(" /", 1)[1]: line.split(" /", 1)[0] for line in found.splitlines()}
        differ = {name: modes[name] for name, mode in wanted.items() if modes.get(name, mode) != mode}
        self.assertEqual(differ, {"bin/fusermount3": "-rwsr-xr-x", "usr/bin/ssh-agent": "-rwxr-sr-x"})

    def test_what_scripts_did(self):
        node = self.node
        self.assertIn("cap_net_raw=ep", node.shell("getcap $(command -v ping)").stdout)
        self.assertEqual(node.run("systemctl", "is-active", "ssh", "cron").stdout.split(), ["active"] * 2)
        self.assertIn("ssh_host_ed25519_key", node.run("ls", "/etc/ssh").stdout)
        self.assertEqual(node.shell("stat -c %U /var/cache/man").stdout.strip(), "man")
        node.run("getent", "passwd", "sshd")

    def test_nothing_was_denied(self):
        denied = [line for line in self.log.splitlines()
                  if re.search("operation not permitted|permission denied|failed to", line, re.I)]
        self.assertEqual(denied, [])


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        enter(listener)
        base = roots.base_root(VERSION, "system")
        node = Node(enter(container.Container(enter(roots.copy_of(base, hostname="node")))))
        node.run("apt-get", "-q", "update")
        node.install_agent()
        Flood.node = Walls.node = Scripts.node = node
        Walls.listener = listener
        return 0 if unittest.main(verbosity=2, exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
