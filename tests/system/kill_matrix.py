# SPDX-License-Identifier: Apache-2.0
"""usage: kill_matrix.py [TARGET/STAGE...]: who is killed x when, on a real Debian with real updates.

For each cell a node as it was before its first run is booted; when the run has come to the stage, it
is held there (SIGSTOP), the target is killed with SIGKILL, and the rest goes on. Then the node is
left to itself, apart from a reload of the agent instead of waiting an hour for its next poll.
Afterwards dpkg must be clean, the updates there, every run explained once, no report lost or doubled.
Prints a table of what happened. Without arguments: all cells."""

import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
import traceback

from lab import container, policies, recorder, roots
from lab.node import package_file

VERSION = "12"
N_PACKAGES = 3
TRIES = 3  # to catch a short stage
STAGE_TIMEOUT_SECONDS, SETTLE_TIMEOUT_SECONDS, RUN_TIMEOUT_SECONDS = 240, 240, 300
PROGRAMS = {name: f"/usr/libexec/patchd/{name}" for name in ("patchd", "patchd-cycle", "patchd-apply")}
PROGRAMS |= {"apt-get": "/usr/bin/apt-get", "dpkg": "/usr/bin/dpkg"}
TARGETS = [*PROGRAMS, "container"]
# Installed as they were released, beside what the root has, so that updates with scripts and conffiles are pending.
OUTDATED = ["rsync", "openssh-client", "wget", "vim-tiny", "bind9-host", "less"]
# Packages that a run of one agent and one helper can't wait for, or that take minutes.
NOT_FOR_THIS = ("linux-", "systemd", "libsystemd", "udev", "libudev", "dpkg", "apt", "libapt", "libc6", "libc-bin")


def is_call(argv, program, *words):
    return argv[:1] and os.path.basename(argv[0]) == program and any(word in argv for word in words)


class Processes:
    """What runs in a container, seen from this machine."""

    def __init__(self, booted):
        self.space = os.readlink(f"/proc/{booted.leader}/ns/pid")
        self.foreign = set()  # looked at once: a stage may last for milliseconds

    def __iter__(self):
        """(pid, argv) of each."""
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if name not in self.foreign and os.readlink(f"/proc/{name}/ns/pid") != self.space:
                    self.foreign.add(name)
                if name not in self.foreign:
                    argv = pathlib.Path("/proc", name, "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
                    yield int(name), argv[:-1]

    def find(self, matches):
        return next((pid for pid, argv in self if matches(argv)), None)

    def program(self, name):
        """The pid of one of PROGRAMS; of its parent when it has forked itself."""
        found = [pid for pid, argv in self if argv and argv[0] in (PROGRAMS[name], name)]
        return min(found, default=None)


class Missed(Exception):
    """The run was over before its stage was seen: nobody was killed, so the cell says nothing."""


class Stage:
    """Says when a run is where it shall be hit: the pid to hold there, 0 for none."""

    def __init__(self, name, processes, endpoint):
        self.name, self.processes, self.endpoint = name, processes, endpoint
        self.configured = False

    def reached(self):
        return getattr(self, "is_" + self.name)()

    def is_refresh(self):
        return self.processes.find(lambda argv: is_call(argv, "apt-get", "update"))

    def is_download(self):
        return self.processes.find(lambda argv: is_call(argv, "apt-get", "--download-only"))

    def is_unpack(self):
        return self.processes.find(lambda argv: is_call(argv, "dpkg", "--unpack"))

    def is_configure(self):
        return self.processes.find(lambda argv: is_call(argv, "dpkg", "--configure"))

    def is_verify(self):
        """The helper alone, after the package manager has ended."""
        running = [argv for _, argv in self.processes]
        busy = any(is_call(argv, "dpkg", "--unpack", "--configure", "--status-fd") for argv in running)
        self.configured = self.configured or busy
        installs = any(argv[:1] == [PROGRAMS["apt-get"]] and "--no-download" in argv for argv in running)
        return self.processes.program("patchd-apply") if self.configured and not busy and not installs else None

    def is_report(self):
        """The endpoint has a report of the run and holds its answer back."""
        return self.processes.program("patchd-cycle") if self.endpoint.holds_run else None


STAGES = ["refresh", "download", "unpack", "configure", "verify", "report"]
# What isn't running at a stage can't be killed there.
ABSENT = {("apt-get", "verify"), ("apt-get", "report"), ("dpkg", "refresh"), ("dpkg", "download"), ("dpkg", "verify"),
          ("dpkg", "report"), ("patchd-apply", "report")}
CELLS = [(target, stage) for target in TARGETS for stage in STAGES if (target, stage) not in ABSENT]


def is_of_a_run(report):
    return bool((report.get("last_run") or {}).get("finished_at"))


class Endpoint(recorder.Recorder):
    """Holds the answer to the first report of a run, when told to, until released."""

    def __init__(self, folder):
        super().__init__(folder)
        self.released, self.holds_run, self.on_report = threading.Event(), False, self.maybe_hold
        self.released.set()

    def maybe_hold(self, report):
        if not self.released.is_set() and is_of_a_run(report):
            self.holds_run = True
            self.released.wait(STAGE_TIMEOUT_SECONDS)

    def has_run(self):
        return any(map(is_of_a_run, self.reports))

    def restart(self, hold):
        self.reports.clear()
        self.holds_run = False
        if hold:
            self.released.clear()


def choose_packages(booted):
    """Some small pending security updates that neither patchd nor the lab stands on."""
    own = booted.shell("apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts "
                       "--no-breaks --no-replaces --no-enhances patchd | grep '^[a-z0-9]' | sort -u").stdout.split()
    lines = booted.run("apt-get", "-s", "dist-upgrade").stdout.splitlines()
    pending = [line.split()[1] for line in lines if line.startswith("Inst ") and "-Security" in line and " [" in line]
    chosen = []
    for name in sorted(pending):
        if name in own or name.startswith(NOT_FOR_THIS) or len(chosen) == N_PACKAGES:
            continue
        alone = booted.run("apt-get", "-s", "--only-upgrade", "install", name).stdout
        if alone.count("\nInst ") == 1:
            chosen.append(name)
    if not chosen:
        raise roots.LabError(f"no pending update is fit for this, of {pending}")
    return chosen


def prepare(root, endpoint, key, folder):
    """Installs patchd in the root, ready for its first run at the next boot; gives the packages."""
    with container.Container(root) as booted:
        booted.run("apt-get", "-q", "update")
        booted.put(package_file(), "/root/patchd.deb")
        booted.run("apt-get", "-q", "-y", "--no-install-recommends", "install", "/root/patchd.deb")
        booted.run("apt-get", "-q", "-y", "--no-install-recommends", "install",
                   *(f"{name}/{roots.RELEASES[VERSION]}" for name in OUTDATED))
        # Each cell starts it, with eyes on it.
        booted.run("systemctl", "disable", "--now", "patchd.service")
        booted.shell("rm -rf /var/lib/patchd/* && find /var/lib/patchd-apply -type f -delete")
        packages = choose_packages(booted)
        booted.write("/etc/patchd/trusted-keys.d/lab.pem", key.public.read_text("ascii"))
        booted.put(endpoint.ca, "/etc/patchd/ca.pem")
        booted.write("/etc/patchd/patchd.conf.d/lab.conf",
                     f"[control]\npolicy_url = {endpoint.url}/policy\npolicy_id = lab\n"
                     f"report_url = {endpoint.url}/reports/{{node_id}}.json\nca_file = /etc/patchd/ca.pem\n")
        policy = policies.make_policy(1, policies.open_window(), filters={"package": packages})
        endpoint.policy = pathlib.Path(key.sign_policy(policy, folder / "policy.dsse")).read_bytes()
        return packages


class Cell:
    """One boot, one kill, and what became of it."""

    def __init__(self, target, stage, root, endpoint, packages):
        self.target, self.stage, self.root = target, stage, root
        self.endpoint, self.packages = endpoint, packages
        self.booted = self.before = None

    def boot(self):
        self.booted = container.Container(self.root)

    def versions(self):
        text = self.booted.run("dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *self.packages).stdout
        return dict(line.split() for line in text.splitlines())

    def hit(self):
        processes = Processes(self.booted)
        stage = Stage(self.stage, processes, self.endpoint)
        held = self.await_stage(stage, self.endpoint)
        with contextlib.suppress(ProcessLookupError):
            os.kill(held, signal.SIGSTOP)
        if self.target == "container":
            self.booted.process.kill()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.booted.leader, signal.SIGKILL)
            self.booted.process.wait()
        else:
            victim = processes.program(self.target)
            if not victim:
                raise AssertionError(f"{self.target} does not run at {self.stage}")
            os.kill(victim, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(held, signal.SIGCONT)
        self.endpoint.released.set()

    @staticmethod
    def await_stage(stage, endpoint):
        deadline = time.monotonic() + STAGE_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            held = stage.reached()
            if held:
                return held
            if endpoint.has_run() and endpoint.released.is_set():
                raise Missed(f"the run was over before {stage.name} was seen")
        raise AssertionError(f"the run never came to {stage.name}")

    def is_settled(self):
        processes = Processes(self.booted)
        return not any(processes.program(name) for name in ("patchd-cycle", "patchd-apply", "apt-get", "dpkg"))

    def is_done(self):
        reports = self.endpoint.reports
        return bool(reports) and reports[-1]["compliance"]["status"] == "compliant" and self.is_settled()

    def finish(self):
        """Lets the node finish on its own; only the hour until the next poll is not waited for."""
        if self.target == "container":
            self.booted.stop()
            self.boot()
        container.wait_until(self.is_settled, SETTLE_TIMEOUT_SECONDS, "the node to settle")
        deadline = time.monotonic() + RUN_TIMEOUT_SECONDS
        while not self.is_done():
            if time.monotonic() > deadline:
                raise AssertionError("not finished; the last report: " + in_short(self.endpoint.reports))
            self.await_daemon()
            self.booted.run("systemctl", "reload", "patchd.service", check=False)
            with contextlib.suppress(TimeoutError):
                container.wait_until(self.is_done, 20, "a cycle")

    def await_daemon(self):
        """systemd starts it again some seconds after it was killed."""
        container.wait_until(lambda: self.booted.run("systemctl", "is-active", "patchd.service", check=False)
                             .stdout.strip() == "active", SETTLE_TIMEOUT_SECONDS, "patchd to be active")

    def history(self):
        self.await_daemon()
        text = self.booted.run("patchctl", "history", "--json").stdout
        return json.loads(text)["runs"]

    def check(self):
        """What must hold whoever was killed; gives a line for the table."""
        run = self.booted.run
        problems = []
        if run("dpkg", "--audit").stdout.strip():
            problems.append("dpkg --audit: " + run("dpkg", "--audit").stdout.strip())
        old = [name for name, version in self.versions().items() if version == self.before[name]]
        if old:
            problems.append(f"still old: {old}")
        if self.booted.path("/var/lib/patchd-apply/intents").is_dir() and \
                any(self.booted.path("/var/lib/patchd-apply/intents").iterdir()):
            problems.append("an intent is left")
        runs = self.history()
        problems += check_reports(self.endpoint.reports, runs)
        if problems:
            raise AssertionError("; ".join(problems))
        return ", ".join(f"{one['result']}" for one in reversed(runs))

    def run(self):
        self.endpoint.restart(hold=self.stage == "report")
        self.boot()
        try:
            self.before = self.versions()
            self.booted.run("systemctl", "enable", "--now", "patchd.service")
            self.hit()
            self.finish()
            return self.check()
        except BaseException:
            with contextlib.suppress(Exception):
                journal = self.booted.run("journalctl", "--no-pager", "-n", "120", "-t", "patchd", "-t", "patchd-cycle",
                                          "-t", "patchd-apply", "-t", "systemd", check=False, timeout=30)
                print(journal.stdout, file=sys.stderr)
            raise
        finally:
            self.booted.stop()


def in_short(reports):
    if not reports:
        return "none"
    states = {package["name"]: package["state"] for package in reports[-1]["packages"]}
    return json.dumps({"compliance": reports[-1]["compliance"]["status"], "packages": states,
                       "last_run": reports[-1].get("last_run")})[:1500]


def check_reports(reports, runs):
    """Nothing lost, nothing doubled: numbers without a gap, one content for each, every run told."""
    problems, contents = [], {}
    for report in reports:
        if contents.setdefault(report["sequence"], report) != report:
            problems.append(f"two reports have the number {report['sequence']}")
    missing = set(range(min(contents), max(contents) + 1)) - set(contents)
    if missing:
        problems.append(f"lost reports: {sorted(missing)}")
    told = {(report.get("last_run") or {}).get("run_id") for report in reports}
    ids = [run["run_id"] for run in runs]
    if len(ids) != len(set(ids)):
        problems.append(f"a run is in the history twice: {ids}")
    problems += [f"run {run['run_id']} ({run['result']}) was never reported" for run in runs if run["run_id"] not in told]
    problems += [f"run {run['run_id']} is interrupted and does not say how" for run in runs
                 if run["result"] == "interrupted" and not run.get("message")]
    return problems


def try_cell(target, stage, prepared, endpoint, packages):
    for left in reversed(range(TRIES)):
        try:
            with roots.copy_of(prepared, hostname="node") as root:
                return Cell(target, stage, root, endpoint, packages).run()
        except Missed:
            if not left:
                raise


def run_cell(target, stage, prepared, endpoint, packages):
    started = time.monotonic()
    try:
        said, is_good = try_cell(target, stage, prepared, endpoint, packages), True
    except Exception as error:  # the others go on; the table tells
        traceback.print_exc()
        said, is_good = f"FAILED: {error}", False
    print(f"{target}/{stage}: {said} ({time.monotonic() - started:.0f} s)", flush=True)
    return said, is_good


def print_table(results):
    print("\n| killed | at | runs, in their order | |\n|---|---|---|---|")
    for (target, stage), (said, is_good) in results.items():
        print(f"| {target} | {stage} | {said} | {'ok' if is_good else 'FAILED'} |")
    for target, stage in sorted(ABSENT):
        print(f"| {target} | {stage} | | not running then |")


def main(arguments):
    wanted = [tuple(argument.split("/")) for argument in arguments] or CELLS
    unknown = [cell for cell in wanted if cell not in CELLS]
    if unknown:
        sys.exit(f"error: no such cell: {unknown}; there are {', '.join('/'.join(cell) for cell in CELLS)}")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patchd-kill-")))
        endpoint = stack.enter_context(Endpoint(folder))
        prepared = stack.enter_context(roots.copy_of(roots.base_root(VERSION, "system"), hostname="node"))
        packages = prepare(prepared, endpoint, policies.Key(folder), folder)
        print(f"updates: {' '.join(packages)}", flush=True)
        results = {cell: run_cell(*cell, prepared, endpoint, packages) for cell in wanted}
    print_table(results)
    n_failed = sum(not is_good for _, is_good in results.values())
    print(f"{len(results) - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
