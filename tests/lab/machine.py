# SPDX-License-Identifier: Apache-2.0
"""A virtual machine with a kernel and a boot loader of its own, in qemu's software emulation, so that
neither KVM nor a right to it is needed. Commands go through QEMU's guest agent on a virtual serial
port. It is many times slower than this machine."""

import base64
import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time

from . import disk, roots
from .container import Booted, STOP_TIMEOUT_SECONDS, wait_until

BOOT_TIMEOUT_SECONDS = 1200
COMMAND_TIMEOUT_SECONDS = 900
REPLY_TIMEOUT_SECONDS = 60
SYNC_TIMEOUT_SECONDS = 5
POLL_SECONDS = 0.5
DISK_MIB = 4096
NICENESS = 5
WORK_PREFIX = "patchd-machine-"
HARDWARE = ["-machine", "pc", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024", "-nodefaults", "-display", "none",
            "-device", "virtio-rng-pci"]


class AgentError(Exception):
    """The guest agent doesn't answer: the machine is down, or too busy."""


class Agent:
    """One connection to the guest agent."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.buffer = b""
        try:
            self.socket.connect(str(path))
            self._synchronise()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise AgentError(str(error)) from error
            raise

    def close(self):
        self.socket.close()

    def _synchronise(self):
        """Drops what an earlier connection has left in the port, in either direction."""
        number = secrets.randbelow(1 << 31)
        self.socket.settimeout(SYNC_TIMEOUT_SECONDS)
        self._send(b"\xff", "guest-sync-delimited", {"id": number})
        while self._receive().get("return") != number:
            pass

    def _send(self, before, command, arguments):
        self.socket.sendall(before + json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")

    def _receive(self):
        while b"\n" not in self.buffer:
            received = self.socket.recv(1 << 16)
            if not received:
                raise AgentError("qemu has gone")
            self.buffer += received
        line, _, self.buffer = self.buffer.partition(b"\n")
        with contextlib.suppress(ValueError):
            return json.loads(line.rpartition(b"\xff")[2])
        return {}

    def call(self, command, **arguments):
        self.socket.settimeout(REPLY_TIMEOUT_SECONDS)
        try:
            self._send(b"", command, arguments)
            reply = self._receive()
        except OSError as error:
            raise AgentError(f"{command}: {error}") from error
        if "return" not in reply:
            raise AgentError(f"{command}: {reply.get('error', reply)}")
        return reply["return"]

    def run(self, words, stdin, timeout):
        """Gives (exit status, output, errors), the latter two as bytes."""
        given = {"input-data": base64.b64encode(stdin).decode()} if stdin is not None else {}
        environment = [f"{key}={value}" for key, value in roots.CLEAN_ENVIRONMENT.items()]
        pid = self.call("guest-exec", path=words[0], arg=words[1:], env=environment, **given,
                        **{"capture-output": True})["pid"]
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            status = self.call("guest-exec-status", pid=pid)
            if status["exited"]:
                code = status["exitcode"] if "exitcode" in status else -status["signal"]
                return code, *(base64.b64decode(status.get(name, "")) for name in ("out-data", "err-data"))
            time.sleep(POLL_SECONDS)
        raise subprocess.TimeoutExpired(words, timeout)


class Machine(Booted):
    """Makes a disk from a root, which should be a copy, boots it and waits until systemd says that
    start-up is finished. It does what a Container does, but its files are seen from inside only."""

    kind = "virtual machine"

    def __init__(self, root, log=None):
        roots.sweep(WORK_PREFIX)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix=WORK_PREFIX))
        (self.work / "pid").write_text(str(os.getpid()), encoding="ascii")
        self.log_path = pathlib.Path(log) if log else self.work / "console.log"
        self.process = None
        self.n_seen = 0
        try:
            disk.make_disk(root, self.work / "disk.img", DISK_MIB)
            self._start()
            self._await_start_up()
        except BaseException:
            self.stop()
            raise

    def _prepare_process(self):
        roots.die_with_parent()
        os.nice(NICENESS)

    def _start(self):
        command = ["qemu-system-x86_64", *HARDWARE, "-serial", f"file:{self.log_path}",
                   "-drive", f"file={self.work}/disk.img,format=raw,if=virtio,cache=unsafe,discard=unmap",
                   "-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net,romfile=",
                   "-chardev", f"socket,id=agent,path={self.work}/agent,server=on,wait=off",
                   "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]
        self.log_path.touch()
        with open(self.work / "qemu.log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=roots.CLEAN_ENVIRONMENT, preexec_fn=self._prepare_process)

    def _await_start_up(self):
        wait_until(self._answers, BOOT_TIMEOUT_SECONDS, "the virtual machine to answer")
        self.check_start_up(BOOT_TIMEOUT_SECONDS)
        self.n_seen = self.n_boots

    def _answers(self):
        if self.process.poll() is not None:
            said = (self.work / "qemu.log").read_text(encoding="utf-8", errors="replace")
            raise roots.LabError(f"qemu ended ({self.process.returncode}): {said}\n{self.console()}")
        with contextlib.suppress(AgentError), contextlib.closing(Agent(self.work / "agent")):
            return True
        return False

    def boots(self):
        """The kernels that were booted, in order, as their first words on the console say."""
        text = self.log_path.read_text(encoding="utf-8", errors="replace")
        return re.findall(r"\] Linux version (\S+) \(", text)

    @property
    def n_boots(self):
        return len(self.boots())

    def has_rebooted(self):
        """Whether it has booted since it was last waited for."""
        return self.n_boots > self.n_seen

    def await_reboot(self, timeout):
        """Waits until the machine has rebooted by itself and is up again."""
        wait_until(self.has_rebooted, timeout, "a reboot of the virtual machine")
        self._await_start_up()

    def _execute(self, words, stdin, timeout):
        with contextlib.closing(Agent(self.work / "agent")) as agent:
            code, out, err = agent.run(words, stdin, timeout)
        return subprocess.CompletedProcess(words, code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))

    def run(self, *command, user=None, check=True, timeout=COMMAND_TIMEOUT_SECONDS, stdin=None):
        """As Container.run()."""
        words = self.words(command, user)
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return self.checked(self._execute(words, data, timeout), command, check)

    def put(self, source, inside):
        """Copies a file of this machine into the virtual one."""
        mode = pathlib.Path(source).stat().st_mode & 0o7777
        self.run("install", "-D", "-m", f"{mode:o}", "/dev/stdin", inside, stdin=pathlib.Path(source).read_bytes())

    def stop(self):
        self.power_off(STOP_TIMEOUT_SECONDS)
        shutil.rmtree(self.work, ignore_errors=True)
