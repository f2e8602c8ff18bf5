# SPDX-License-Identifier: Apache-2.0
"""One root booted with systemd by systemd-nspawn. It shares the network of this machine, so that it
reaches the mirror and servers on loopback. A running systemd on this machine is not needed."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid

from . import roots

BOOT_TIMEOUT_SECONDS = 180
STOP_TIMEOUT_SECONDS = 120
POLL_SECONDS = 0.2
REBOOT_EXIT_CODE = 133  # of systemd-nspawn --keep-unit when the container rebooted


def wait_until(condition, timeout, what):
    """Calls condition until it gives something true, and gives that. TimeoutError after timeout
    seconds, saying what was waited for."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(POLL_SECONDS)


class Cgroup:
    """A cgroup of its own for each container: two in one cgroup would share their units."""

    def __init__(self, name):
        self.paths = []
        for line in pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
            _, place, kind, options = line.split()[:4]
            if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
                path = pathlib.Path(place, name)
                with contextlib.suppress(OSError):
                    path.mkdir()
                    self.paths.append(path)

    def enter(self):
        """For preexec_fn of the first process."""
        roots.die_with_parent()
        for path in self.paths:
            (path / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    def remove(self):
        for path in self.paths:
            for folder, _, _ in os.walk(path, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)


class Booted:
    """What a container and a virtual machine have in common. A subclass has kind, log_path, process
    and run()."""

    kind = None

    def console(self):
        """The end of what was written on the console."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")[-6000:]

    def shell(self, script, **options):
        return self.run("sh", "-ec", script, **options)

    def write(self, inside, text, mode=0o644):
        """Writes a file inside, folders included, by root there."""
        self.run("install", "-D", "-m", f"{mode:o}", "/dev/stdin", inside, stdin=text)

    def boot_id(self):
        return self.run("cat", "/proc/sys/kernel/random/boot_id").stdout.strip().replace("-", "")

    def check_start_up(self, timeout):
        """Waits until systemd has started everything."""
        state = self.run("systemctl", "is-system-running", "--wait", check=False, timeout=timeout).stdout.strip()
        if state not in ("running", "degraded"):
            raise roots.LabError(f"the {self.kind} is {state or 'unreachable'}, not running:\n{self.console()}")

    @staticmethod
    def words(command, user):
        """The command as it is to be run inside, as root or as another user."""
        return [*(["runuser", "-u", user, "--"] if user else []), *(str(word) for word in command)]

    def checked(self, done, command, check):
        if check and done.returncode != 0:
            raise AssertionError(f"in the {self.kind}, {' '.join(map(str, command))} exited {done.returncode}\n"
                                 f"{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done

    def power_off(self, timeout):
        """As a machine is powered off; kills only what this object started."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(Exception):
                self.run("systemctl", "poweroff", check=False, timeout=20)
            for end in (lambda: None, self.process.terminate, self.process.kill):
                end()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(timeout)
                    break

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            with contextlib.suppress(Exception):
                journal = self.run("journalctl", "--no-pager", "-n", "200", "-p", "info", check=False, timeout=30)
                print(f"--- journal of the {self.kind} ---\n{journal.stdout}", file=sys.stderr)
        self.stop()


class Container(Booted):
    """Boots root and waits until systemd says that start-up is finished. Use it in a with statement,
    or call stop()."""

    kind = "container"

    def __init__(self, root, log=None):
        self.root = pathlib.Path(root)
        self.n_boots = 0
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="patchd-boot-"))
        self.log_path = pathlib.Path(log) if log else self.work / "console.log"
        self.name = f"patchd-{uuid.uuid4().hex[:12]}"
        self.cgroup = Cgroup(self.name)
        self.leader = None
        self.process = None
        try:
            self._boot()
        except BaseException:
            self.stop()
            raise

    def _boot(self):
        (self.work / "notify").unlink(missing_ok=True)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        with notify, open(self.log_path, "ab") as log:
            notify.bind(str(self.work / "notify"))
            notify.settimeout(1)
            environment = dict(roots.CLEAN_ENVIRONMENT, NOTIFY_SOCKET=str(self.work / "notify"),
                               SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1")
            command = ["systemd-nspawn", "--quiet", "-D", str(self.root), f"--machine={self.name}",
                       "--keep-unit", "--register=no", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
                       "--notify-ready=yes", "--console=pipe", "-b"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment, preexec_fn=self.cgroup.enter)
            self._await_ready(notify)
        self.leader = self._find_leader()
        self.check_start_up(BOOT_TIMEOUT_SECONDS)
        self.n_boots += 1

    def has_rebooted(self):
        """Whether it has gone down to come again; await_reboot() then lets it."""
        return self.process.poll() == REBOOT_EXIT_CODE

    def await_reboot(self, timeout):
        """Waits until the container reboots by itself, and boots it again."""
        def ended():
            return self.process.poll() is not None
        wait_until(ended, timeout, "a reboot of the container")
        if not self.has_rebooted():
            raise roots.LabError(f"the container ended ({self.process.returncode}) instead of rebooting:\n{self.console()}")
        self.leader = None
        self.cgroup.remove()
        self.cgroup = Cgroup(self.name)
        self._boot()

    def _await_ready(self, notify):
        deadline = time.monotonic() + BOOT_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in notify.recv(4096).split(b"\n"):
                    return
            if self.process.poll() is not None:
                raise roots.LabError(f"systemd-nspawn ended at once:\n{self.console()}")
        raise roots.LabError(f"no boot within {BOOT_TIMEOUT_SECONDS} s:\n{self.console()}")

    def _find_leader(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii")
        for pid in children.split():
            status = pathlib.Path(f"/proc/{pid}/status").read_text("utf-8")
            inner = [line for line in status.splitlines() if line.startswith("NSpid:")][0].split()
            if len(inner) > 2 and inner[-1] == "1":
                return int(pid)
        raise roots.LabError(f"found no PID 1 of the container below {self.process.pid}")

    def run(self, *command, user=None, check=True, timeout=roots.COMMAND_TIMEOUT_SECONDS, stdin=None):
        """Runs a program in the container, as root or as another user, and gives the
        CompletedProcess with text. check raises on a non-zero exit."""
        words = ["nsenter", "-t", str(self.leader), "-a", "--", *self.words(command, user)]
        done = subprocess.run(words, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, env=roots.CLEAN_ENVIRONMENT,
                              check=False)
        return self.checked(done, command, check)

    def path(self, inside):
        """Where a file of the container is seen from this machine (not for /run, /tmp and /proc)."""
        return self.root / str(inside).lstrip("/")

    def put(self, source, inside):
        """Copies a file of this machine into the container (again not to /run or /tmp)."""
        target = self.path(inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)

    def stop(self):
        self.power_off(STOP_TIMEOUT_SECONDS if self.leader else 5)
        self.cgroup.remove()
        shutil.rmtree(self.work, ignore_errors=True)
