# SPDX-License-Identifier: Apache-2.0
"""The real patchd-apply with real apt and dpkg in throw-away roots, against signed repositories made
here and served on loopback."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from lab import policies, repository, roots

HELPER = pathlib.Path(os.environ["PATCHD_BUILD"]) / "agent/apply/patchd-apply"
PATCHCTL = HELPER.parents[1] / "ctl/patchctl"
PATCHD_UID, ADMIN_GID, STRANGER_UID = 990, 991, 4242
STATE = "var/lib/patchd-apply"
LIBRARIES = "opt/patchd-lib"
CALL_TIMEOUT_SECONDS = 120


class VarlinkError(Exception):
    def __init__(self, reply):
        super().__init__(f"{reply['error']} {reply['parameters']}")
        self.name = reply["error"].rpartition(".")[2]
        self.parameters = reply["parameters"]


@contextlib.contextmanager
def effective(uid, groups):
    """Takes the identity that SO_PEERCRED and SO_PEERGROUPS will show."""
    saved = os.getgroups()
    os.setgroups(list(groups))
    os.setegid(groups[0] if groups else 0)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(saved)


class Helper:
    """One patchd-apply with one connection, started as an Accept=yes unit starts it."""

    def __init__(self, root, kind="apply", uid=0, groups=(0,)):
        self.root = root
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            path = f"{folder}/socket"
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
                os.chmod(path, 0o777)
                listener.listen()
                self.socket = socket.socket(socket.AF_UNIX)
                with effective(uid, groups):
                    self.socket.connect(path)
                accepted, _ = listener.accept()
        self.socket.settimeout(CALL_TIMEOUT_SECONDS)
        self.errors = tempfile.TemporaryFile("w+")
        self.pid = self.start(accepted, kind)
        accepted.close()
        self.buffer = b""
        self.exit_status = None

    def start(self, accepted, kind):
        pid = os.fork()
        if pid != 0:
            return pid
        try:
            os.setsid()
            os.dup2(self.errors.fileno(), 2)
            os.dup2(fcntl.fcntl(accepted.fileno(), fcntl.F_DUPFD, 10), 3)
            os.closerange(4, 256)
            os.chroot(self.root)
            os.chdir("/")
            os.execve("/opt/patchd-apply", ["patchd-apply", f"--socket={kind}"], {
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()),
                "LD_LIBRARY_PATH": f"/{LIBRARIES}", "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0"})
        finally:
            os._exit(126)

    def send(self, method, more=False, **parameters):
        call = {"method": f"org.patchd.apply.{method}", "parameters": parameters}
        if more:
            call["more"] = True
        self.socket.sendall(json.dumps(call).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError(f"the helper closed the connection: {self.output()}")
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def finish(self, on_progress=None):
        while True:
            reply = self.receive()
            if "error" in reply:
                raise VarlinkError(reply)
            if not reply.get("continues"):
                return reply["parameters"]
            if on_progress:
                on_progress(reply["parameters"])

    def call(self, method, on_progress=None, **parameters):
        self.send(method, more=on_progress is not None, **parameters)
        return self.finish(on_progress)

    def output(self):
        self.errors.seek(0)
        return self.errors.read()

    def wait(self):
        if self.exit_status is None:
            self.exit_status = os.waitpid(self.pid, 0)[1]
        return self.exit_status

    def close(self):
        self.socket.close()
        self.wait()
        text = self.output()
        self.errors.close()
        if "Sanitizer" in text or "runtime error" in text:
            raise AssertionError(text)
        return text

    def __enter__(self):
        return self

    def __exit__(self, *_args):
        self.close()


def copy_libraries(root):
    """What the built helper (with its sanitizers) needs and the root lacks."""
    target = pathlib.Path(root, LIBRARIES)
    target.mkdir(parents=True)
    for line in roots.run_host("ldd", HELPER).stdout.splitlines():
        found = re.search(r"=> (/\S+)", line)
        if found and not pathlib.Path(root, found.group(1).lstrip("/")).exists():
            shutil.copy(found.group(1), target)
    shutil.copy(HELPER, pathlib.Path(root, "opt/patchd-apply"))


class World:
    """What the tests share: repositories with the first versions, and a root that has them."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="apply.")))
        self.folder.chmod(0o755)
        (self.folder / "web").mkdir()
        self.archive_key = repository.Key(self.folder)
        self.stack.callback(self.archive_key.done)
        self.key = policies.Key(self.folder)
        self.stranger = policies.Key(self.folder, "stranger")
        self.server = repository.Server(self.folder / "web")
        self.stack.callback(self.server.close)
        self.make_repositories()
        version = roots.os_release()["VERSION_ID"]
        self.root = self.stack.enter_context(roots.copy_of(roots.base_root(version), hostname="stage"))
        self.prepare_root()

    def make_repositories(self):
        shutil.rmtree(self.folder / "web")
        (self.folder / "web").mkdir()
        self.server.fail.clear()
        self.main = repository.Repository(self.folder / "web/main", self.archive_key)
        self.extra = repository.Repository(self.folder / "web/extra", self.archive_key, "extra")
        self.main.add("app", "1.0", depends="liba (>= 1.0)", conffiles={"/etc/app.conf": "one\n"})
        self.main.add("liba", "1:1.0", arch="amd64")
        self.main.add("other", "1.0")
        self.main.add("third", "1.0")
        self.extra.add("fourth", "1.0")
        self.main.publish()
        self.extra.publish()

    def prepare_root(self):
        root = pathlib.Path(self.root)
        copy_libraries(root)
        source = f"deb [signed-by=/etc/apt/test.gpg] {self.server.url}"
        (root / "etc/apt/sources.list").write_text(f"{source}/main stable main\n{source}/extra extra main\n")
        (root / "etc/apt/test.gpg").write_bytes(self.archive_key.public.read_bytes())
        (root / "etc/apt/apt.conf.d/90lab").write_text("")
        self.prepare_agent(root)
        roots.run_in(root, "apt-get", "-q", "update")
        roots.run_in(root, "apt-get", "-q", "-y", "install", "app", "other", "third")

    def prepare_agent(self, root):
        with open(root / "etc/passwd", "a", encoding="ascii") as passwd:
            passwd.write(f"patchd:x:{PATCHD_UID}:{PATCHD_UID}::/nonexistent:/usr/sbin/nologin\n")
        with open(root / "etc/group", "a", encoding="ascii") as group:
            group.write(f"patchd:x:{PATCHD_UID}:\npatchd-admin:x:{ADMIN_GID}:\n")
        (root / "etc/patchd/trusted-keys.d").mkdir(parents=True)
        shutil.copy(self.key.public, root / "etc/patchd/trusted-keys.d/fleet.pem")
        (root / "etc/patchd/patchd.conf").write_text(
            "[control]\npolicy_url = https://control.invalid/policy.json\npolicy_id = lab\n")
        (root / STATE).mkdir()

    def close(self):
        self.stack.close()


class ApplyCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.close)

    def setUp(self):
        self.world.make_repositories()
        self.main, self.extra = self.world.main, self.world.extra
        self.root = self.enter(roots.copy_of(self.world.root))
        for kind, name in (("proc", "proc"), ("devtmpfs", "dev")):
            roots.run_host("mount", "-t", kind, kind, self.root / name)
            self.addCleanup(roots.run_host, "umount", "-l", self.root / name)
        self.runs = 0
        self.default = self.envelope()

    def enter(self, context):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        return stack.enter_context(context)

    # ---- the node ----

    def chroot(self, *command, check=True):
        return roots.run_host("chroot", self.root, *command, check=check)

    def publish(self):
        self.main.publish()
        self.extra.publish()
        self.chroot("apt-get", "-q", "update")

    def versions(self):
        out = self.chroot("dpkg-query", "-W", "-f", "${db:Status-Abbrev}|${Package}|${Version}\n").stdout
        rows = [line.split("|") for line in out.splitlines()]
        return {name: version for status, name, version in rows if status in ("ii ", "hi ")}

    def version_of(self, *names):
        have = self.versions()
        return {name: have.get(name) for name in names}

    def archives(self):
        return sorted(p.name for p in (self.root / STATE / "archives").glob("*.deb"))

    def state(self, name):
        return json.loads((self.root / STATE / name).read_text())

    def wait_for(self, path):
        deadline = time.monotonic() + CALL_TIMEOUT_SECONDS
        while not (self.root / path).exists():
            self.assertLess(time.monotonic(), deadline, f"{path} did not appear")
            time.sleep(0.05)

    # ---- policies ----

    def envelope(self, approved=None, key=None, version=1, **changes):
        """All is approved, or only the (name, version) pairs given."""
        if approved is None:
            baseline = {"rules": [{"name": "all", "approve_after_days": 0}]}
        else:
            baseline = {"rules": [], "approved": [{"package": n, "version": v} for n, v in approved]}
        policy = policies.make_policy(version=version, window=changes.pop("window", policies.open_window()),
                                      mode=changes.pop("mode", "apply"), **baseline)
        policy["assignments"][0] |= {"reboot": changes.pop("reboot", "if-needed")}
        policy.update(changes)
        return (key or self.world.key).sign_policy(policy, self.world.folder / "policy.dsse").read_text()

    # ---- calls ----

    def helper(self, kind="apply", uid=PATCHD_UID, groups=(PATCHD_UID,)):
        return Helper(self.root, kind, uid, groups)

    def apply(self, envelope=None, run_id=None, **parameters):
        self.runs += 1
        parameters.setdefault("run_id", run_id or f"run-{self.runs}")
        with self.helper() as helper:
            return helper.call("Apply", envelope=envelope or self.default, **parameters)["outcome"]

    def refused(self, name, method, *, kind="apply", uid=PATCHD_UID, groups=(PATCHD_UID,), **parameters):
        with self.helper(kind, uid, groups) as helper:
            with self.assertRaises(VarlinkError) as caught:
                helper.call(method, **parameters)
        self.assertEqual(caught.exception.name, name, caught.exception)
        return caught.exception.parameters

    def scan(self, envelope=None):
        """The states of packages as patchctl on the node sees them."""
        shutil.copy(PATCHCTL, self.root / "opt/patchctl")
        for path in re.findall(r"=> (/\S+)", roots.run_host("ldd", PATCHCTL).stdout):
            if not (self.root / path.lstrip("/")).exists():
                shutil.copy(path, self.root / LIBRARIES)
        (self.root / "opt/policy.dsse").write_text(envelope or self.default)
        done = self.chroot("env", f"LD_LIBRARY_PATH=/{LIBRARIES}", "/opt/patchctl", "scan", "--all", "--json",
                           "--policy", "/opt/policy.dsse", check=False)
        self.assertTrue(done.stdout, done.stderr)
        return {p["name"]: p for p in json.loads(done.stdout)["packages"]}

    def result_of(self, outcome, name):
        return {p["name"]: p for p in outcome["packages"]}[name]

    # ---- reboots ----

    def left_open(self, phase="requested", boot_id="0" * 32, requested_at="2026-01-01T00:00:00Z"):
        """A run that awaits its reboot, as a helper that is gone has left it; as it stands, this is
        another boot than the run's."""
        outcome = self.apply(run_id="rebooting")
        outcome |= {"reboot_phase": phase, "boot_id": boot_id, "reboot": phase, "reboot_requested_at": requested_at}
        for folder in ("intents", "outcomes"):
            (self.root / STATE / folder / "rebooting.json").write_text(json.dumps(outcome), encoding="utf-8")
        return outcome

    def settled(self):
        with self.helper() as helper:
            helper.call("Recover")
        return self.state("outcomes/rebooting.json"), list((self.root / STATE / "intents").iterdir())


class Installing(ApplyCase):
    def test_exactly_the_approved_versions(self):
        self.main.add("app", "2.0", depends="liba (>= 1:1.1), newdep", conffiles={"/etc/app.conf": "two\n"})
        self.main.add("liba", "1:1.1", arch="amd64")
        self.main.add("liba", "1:1.2", arch="amd64")
        self.main.add("newdep", "2.0", extra={"Source": "app"})
        self.main.add("other", "2.0")
        self.publish()
        (self.root / "etc/app.conf").write_text("local\n")
        (self.root / "etc/apt/apt.conf.d/99release").write_text('APT::Default-Release "stable";\n')
        outcome = self.apply(self.envelope([("app", "2.0"), ("liba", "1:1.1")]))
        self.assertEqual(self.version_of("app", "liba", "newdep", "other"),
                         {"app": "2.0", "liba": "1:1.1", "newdep": "2.0", "other": "1.0"})
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.result_of(outcome, "newdep")["result"], "installed")
        self.assertEqual(self.result_of(outcome, "app")["result"], "updated")
        self.assertIn("/etc/app.conf", self.result_of(outcome, "app")["message"])
        self.assertEqual((self.root / "etc/app.conf").read_text(), "local\n")
        self.assertEqual(self.archives(), [])
        self.assertEqual(list((self.root / STATE / "intents").iterdir()), [])
        self.assertEqual(self.state("outcomes/run-1.json")["result"], "succeeded")

    def test_same_run_id_attaches(self):
        self.main.add("other", "2.0")
        self.publish()
        first = self.apply(run_id="again")
        self.main.add("other", "3.0")
        self.publish()
        self.assertEqual(self.apply(run_id="again"), first)
        self.assertEqual(self.version_of("other"), {"other": "2.0"})

    def test_only_what_is_requested(self):
        self.main.add("other", "2.0")
        self.main.add("third", "2.0")
        self.publish()
        outcome = self.apply(packages=[{"name": "third", "version": "2.0"}, {"name": "bash"}])
        self.assertEqual([p["name"] for p in outcome["packages"]], ["third"])
        self.assertEqual(self.version_of("other", "third"), {"other": "1.0", "third": "2.0"})

    def test_downloaded_then_applied_without_network(self):
        self.main.add("other", "2.0")
        self.publish()
        with self.helper() as helper:
            outcome = helper.call("Download", envelope=self.default, run_id="get")["outcome"]
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.archives(), ["other_2.0_all.deb"])
        self.world.server.fail.add("/main/pool")
        self.assertEqual(self.apply()["result"], "succeeded")
        self.assertEqual(self.version_of("other"), {"other": "2.0"})

    def test_failing_download_is_rate_limited(self):
        self.main.add("other", "2.0")
        self.publish()
        self.world.server.fail.add("/main/pool")
        with self.helper() as helper:
            first = helper.call("Download", envelope=self.default, run_id="get-1")["outcome"]
            requests = len(self.world.server.requests)
            again = helper.call("Download", envelope=self.default, run_id="get-2")["outcome"]
        self.assertEqual(first["result"], "failed")
        self.assertIn("500", self.result_of(first, "other")["message"])
        self.assertEqual(again, first)
        self.assertEqual(len(self.world.server.requests), requests)

    def test_progress_is_told(self):
        self.main.add("other", "2.0")
        self.publish()
        seen = []
        with self.helper() as helper:
            helper.call("Apply", on_progress=seen.append, envelope=self.default, run_id="told")
        self.assertTrue(any(p["state"] == "installing" and "other" in p["text"] for p in seen), seen)

    def test_nothing_to_do(self):
        outcome = self.apply()
        self.assertEqual((outcome["result"], outcome["packages"]), ("succeeded", []))

    def test_one_bad_package_fails_alone(self):
        self.main.add("other", "2.0", scripts={"preinst": "echo no such luck >&2; exit 1"})
        self.main.add("third", "2.0")
        self.main.add("liba", "1:1.1", arch="amd64", scripts={"postinst": "exit 1"})
        self.publish()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "partial", outcome)
        self.assertEqual(self.version_of("other", "third"), {"other": "1.0", "third": "2.0"})
        self.assertEqual({p["name"]: p["result"] for p in outcome["packages"]},
                         {"liba": "failed", "other": "failed", "third": "updated"})

    def test_file_source(self):
        mirror = self.root / "srv/mirror"
        shutil.copytree(self.world.folder / "web/main", mirror)
        local = repository.Repository.__new__(repository.Repository)
        local.__dict__.update(self.main.__dict__, folder=mirror)
        local.add("other", "2.0")
        local.publish()
        (self.root / "etc/apt/sources.list").write_text(
            "deb [signed-by=/etc/apt/test.gpg] file:/srv/mirror stable main\n")
        self.chroot("apt-get", "-q", "update")
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.version_of("other"), {"other": "2.0"})


class Refusing(ApplyCase):
    def evil_twin(self, good):
        """A valid package with the name, version and size of other 2.0, and other contents."""
        folder = self.enter(tempfile.TemporaryDirectory())
        evil = repository.Repository(f"{folder}/evil", self.main.key)
        twin = evil.add("other", "2.0", files={"/usr/share/other/version": "6.6\n"})
        self.assertEqual(twin.stat().st_size, good.stat().st_size)
        return twin

    def check_not_evil(self, outcome):
        self.assertEqual(self.result_of(outcome, "other")["result"], "failed")
        self.assertEqual(self.version_of("other"), {"other": "1.0"})
        self.assertEqual((self.root / "usr/share/other/version").read_text(), "1.0\n")

    def test_swapped_archive_of_the_same_size(self):
        good = self.main.add("other", "2.0")
        self.main.add("third", "2.0")
        self.publish()
        with self.helper() as helper:
            helper.call("Download", envelope=self.default, run_id="get")
        shutil.copyfile(self.evil_twin(good), self.root / STATE / "archives" / good.name)
        self.world.server.fail.add(f"/main/pool/{good.name}")
        self.check_not_evil(self.apply())
        self.assertEqual(self.version_of("third"), {"third": "2.0"})

    def test_archive_swapped_on_the_server(self):
        good = self.main.add("other", "2.0")
        self.publish()
        shutil.copyfile(self.evil_twin(good), good)
        self.check_not_evil(self.apply())

    def fake_apt_get(self, text):
        """Puts a script in apt-get's place; the real one is /usr/bin/apt-get.real."""
        apt_get = self.root / "usr/bin/apt-get"
        apt_get.rename(self.root / "usr/bin/apt-get.real")
        apt_get.write_text(f"#!/bin/sh\n{text}\nexec /usr/bin/apt-get.real \"$@\"\n")
        apt_get.chmod(0o755)

    def test_simulation_outside_the_plan(self):
        self.main.add("other", "2.0")
        self.publish()
        cases = ["Inst third [1.0] (2.0 Test:stable [all])", "Remv third [1.0]",
                 "Inst other [1.0] (3.0 Test:stable [all])", "Inst other gibberish"]
        for number, line in enumerate(cases):
            with self.subTest(line):
                self.real_apt_get()
                self.fake_apt_get(f'case "$*" in *--simulate*) echo "{line}";; esac')
                outcome = self.apply(run_id=f"outside-{number}")
                package = self.result_of(outcome, "other")
                self.assertEqual(package["result"], "failed")
                self.assertIn(line, package["message"])
                self.assertEqual(self.version_of("other", "third"), {"other": "1.0", "third": "1.0"})

    def test_refused_line_fails_its_package_alone(self):
        self.main.add("other", "2.0")
        self.main.add("third", "2.0")
        self.publish()
        self.fake_apt_get('case "$*" in *--simulate*) if grep -q other: /var/lib/patchd-apply/work/allow-list; '
                          'then echo "Remv app [1.0]"; fi;; esac')
        outcome = self.apply()
        self.assertEqual({p["name"]: p["result"] for p in outcome["packages"]},
                         {"other": "failed", "third": "updated"})
        self.assertEqual(self.version_of("other", "third"), {"other": "1.0", "third": "2.0"})

    def real_apt_get(self):
        real = self.root / "usr/bin/apt-get.real"
        if real.exists():
            real.rename(self.root / "usr/bin/apt-get")

    def test_success_is_not_believed(self):
        self.main.add("other", "2.0")
        self.publish()
        self.fake_apt_get('case "$*" in *--no-download*) exit 0;; esac')
        package = self.result_of(self.apply(), "other")
        self.assertEqual(package["result"], "failed")
        self.assertIn("1.0", package["message"])

    def test_who_may_ask(self):
        text = self.refused("PermissionDenied", "Apply", uid=STRANGER_UID, groups=(STRANGER_UID,), run_id="x")
        self.assertIn("patchd", text["message"])
        self.refused("PermissionDenied", "GetState", kind="admin", uid=STRANGER_UID, groups=(STRANGER_UID,))
        self.refused("PermissionDenied", "GetState", kind="admin")
        self.refused("PermissionDenied", "Pause")
        self.refused("PermissionDenied", "ApplyNow", now=True)
        with self.helper("admin", STRANGER_UID, (STRANGER_UID, ADMIN_GID)) as helper:
            self.assertIsNone(helper.call("GetState")["state"]["policy"])
        self.refused("PermissionDenied", "Reboot")
        self.refused("PermissionDenied", "Recover", kind="admin", uid=0, groups=(0,))

    def test_policies_that_do_not_count(self):
        now = policies.utc_now()
        old = policies.utc_text(now.replace(year=now.year - 1))
        stranger = self.envelope(key=self.world.stranger)
        expired = self.envelope(issued=old, expires=policies.utc_text(now))
        other = self.envelope(policy_id="another")
        self.apply(self.envelope(version=7))
        older = self.envelope(version=6)
        changed = self.envelope(version=7, mode="scan")
        for label, refusal, envelope in (("stranger", "signature", stranger), ("other id", "policy-id", other),
                                         ("older", "rollback", older), ("changed", "rollback", changed)):
            with self.subTest(label):
                reply = self.refused("PolicyRefused", "Apply", envelope=envelope, run_id=f"bad-{refusal}-{label[0]}")
                self.assertEqual(reply["refusal"], refusal)
        with self.subTest("expired"):
            with self.helper("admin", 0, (0,)) as helper:
                helper.call("ResetPolicy")
                helper.socket.close()
                helper.wait()
                self.assertIn("event=policy-reset", helper.output())
            self.assertEqual(self.state("policy-reset.json")["by"], 0)
            self.refused("PolicyExpired", "Apply", envelope=expired, run_id="expired")
            self.refused("PolicyRefused", "Apply", run_id="none")

    def test_counter_is_kept(self):
        self.apply(self.envelope(version=7))
        self.assertEqual(self.state("policy.json")["version"], 7)
        (self.root / STATE / "policy.json").write_text("{")
        text = self.refused("Failed", "Apply", envelope=self.envelope(version=8), run_id="damaged")
        self.assertIn("policy.json", text["message"])

    def test_closed_window(self):
        self.main.add("other", "2.0")
        self.publish()
        closed = self.envelope(window=policies.closed_window())
        reply = self.refused("WindowClosed", "Apply", envelope=closed, run_id="closed")
        self.assertRegex(reply["opens_at"], r"^20\d\d-.*Z$")
        self.refused("WindowClosed", "ApplyNow", kind="admin", uid=0)
        self.assertEqual(self.version_of("other"), {"other": "1.0"})
        with self.helper("admin", 0) as helper:
            outcome = helper.call("ApplyNow", now=True)["outcome"]
        self.assertEqual((outcome["result"], outcome["trigger"]), ("succeeded", "apply-now"))
        self.assertEqual(self.version_of("other"), {"other": "2.0"})

    def test_policy_ahead_of_any_run(self):
        self.refused("PolicyRefused", "ApplyNow", kind="admin", uid=0)
        self.refused("PolicyRefused", "SetPolicy", envelope="{}")
        self.refused("InvalidRequest", "SetPolicy")
        closed = self.envelope(window=policies.closed_window())
        with self.helper() as helper:
            helper.call("SetPolicy", envelope=closed)
        reply = self.refused("WindowClosed", "ApplyNow", kind="admin", uid=0)
        self.assertRegex(reply["opens_at"], r"^20\d\d-.*Z$")

    def test_paused(self):
        with self.helper("admin", 0) as helper:
            helper.call("Pause")
            self.assertEqual(helper.call("GetState")["state"]["pause"], {"until": None})
        self.refused("Paused", "Apply", envelope=self.default, run_id="paused")
        self.refused("Paused", "ApplyNow", kind="admin", uid=0, now=True)
        with self.helper("admin", 0) as helper:
            helper.call("Resume")
            self.assertIsNone(helper.call("GetState")["state"]["pause"])
        self.assertEqual(self.apply()["result"], "succeeded")

    def test_scan_mode(self):
        self.main.add("other", "2.0")
        self.publish()
        outcome = self.apply(self.envelope(mode="scan"))
        self.assertEqual(outcome["result"], "refused")
        self.assertIn("scan", outcome["message"])
        self.assertEqual(self.version_of("other"), {"other": "1.0"})

    def test_requests_out_of_bounds(self):
        for parameters in ({"run_id": "x", "packages": [{"name": "-o"}]}, {"run_id": "../x"}, {"run_id": "-x"},
                           {"run_id": "x" * 65}, {}, {"run_id": "x", "extra": 1}, {"run_id": 1},
                           {"run_id": "x", "packages": [{"name": "a"}] * 2001},
                           {"run_id": "x", "packages": [{"name": "a" * 256}]},
                           {"run_id": "x", "packages": [{"name": "a", "version": "1 -o"}]},
                           {"run_id": "x", "envelope": "x" * (8 * 1024 * 1024 + 1)}):
            with self.subTest(str(parameters)[:60]):
                self.refused("InvalidRequest", "Apply", **parameters)

    def test_broken_host_changes_nothing(self):
        self.main.add("other", "2.0")
        broken = self.main.add("broken", "1.0", depends="nowhere-to-be-found")
        self.publish()
        shutil.copy(broken, self.root / "tmp/broken.deb")
        self.chroot("dpkg", "-i", "--force-depends", "/tmp/broken.deb")
        outcome = self.apply()
        self.assertEqual(outcome["result"], "failed")
        self.assertIn("broken", self.result_of(outcome, "other")["message"])
        self.assertEqual(self.version_of("other"), {"other": "1.0"})


class Surviving(ApplyCase):
    def slow_package(self):
        """other 2.0, whose postinst says that it runs and then waits for /tmp/go."""
        self.main.add("other", "2.0", scripts={
            "postinst": "touch /tmp/began; n=0; while [ ! -e /tmp/go ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done"})
        self.publish()

    def test_second_caller_is_told(self):
        self.slow_package()
        with self.helper() as first:
            first.send("Apply", envelope=self.default, run_id="first")
            self.wait_for("tmp/began")
            reply = self.refused("AlreadyRunning", "Apply", envelope=self.default, run_id="second")
            self.assertEqual(reply["run_id"], "first")
            with self.helper() as helper:
                self.assertEqual(helper.call("GetState")["state"]["running"]["run_id"], "first")
            (self.root / "tmp/go").touch()
            self.assertEqual(first.finish()["outcome"]["result"], "succeeded")

    def test_client_goes_away(self):
        self.slow_package()
        helper = self.helper()
        helper.send("Apply", more=True, envelope=self.default, run_id="left")
        self.wait_for("tmp/began")
        helper.socket.close()
        (self.root / "tmp/go").touch()
        helper.close()
        self.assertEqual(self.version_of("other"), {"other": "2.0"})
        self.assertEqual(self.apply(run_id="left")["result"], "succeeded")

    def test_sigterm_finishes_the_step(self):
        self.slow_package()
        with self.helper() as helper:
            helper.send("Apply", envelope=self.default, run_id="term")
            self.wait_for("tmp/began")
            os.kill(helper.pid, signal.SIGTERM)
            (self.root / "tmp/go").touch()
            self.assertEqual(helper.finish()["outcome"]["result"], "succeeded")
        self.assertEqual(self.version_of("other"), {"other": "2.0"})

    def test_killed_run_is_repaired(self):
        self.slow_package()
        helper = self.helper()
        helper.send("Apply", envelope=self.default, run_id="killed")
        self.wait_for("tmp/began")
        os.kill(helper.pid, signal.SIGKILL)
        helper.close()
        (self.root / "tmp/go").touch()
        outcome = self.apply(run_id="after")
        self.assertEqual(outcome["result"], "succeeded", outcome)
        killed = self.apply(run_id="killed")
        self.assertEqual((killed["result"], killed["message"]), ("interrupted", "interrupted, repaired"))
        self.assertEqual(self.result_of(killed, "other")["result"], "updated")
        self.assertEqual(self.version_of("other"), {"other": "2.0"})
        self.assertEqual(list((self.root / STATE / "intents").iterdir()), [])

    def test_killed_run_asked_again(self):
        self.slow_package()
        helper = self.helper()
        helper.send("Apply", envelope=self.default, run_id="killed")
        self.wait_for("tmp/began")
        os.kill(helper.pid, signal.SIGKILL)
        helper.close()
        (self.root / "tmp/go").touch()
        self.assertEqual(self.apply(run_id="killed")["result"], "interrupted")

    def test_interrupted_by_somebody_else(self):
        self.slow_package()
        self.main.add("third", "2.0")
        self.publish()
        admin = subprocess.Popen(["chroot", self.root, "apt-get", "-q", "-y", "install", "other"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, start_new_session=True)
        self.wait_for("tmp/began")
        os.killpg(admin.pid, signal.SIGKILL)
        admin.wait()
        (self.root / "tmp/go").touch()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.version_of("other", "third"), {"other": "2.0", "third": "2.0"})

    def test_pause_holds_before_the_next_step(self):
        self.slow_package()
        self.main.add("patchd", "1.0")
        self.main.publish()
        self.chroot("apt-get", "-q", "update")
        self.chroot("apt-get", "-q", "-y", "install", "patchd")
        self.main.add("patchd", "2.0")
        self.publish()
        with self.helper() as helper:
            helper.send("Apply", envelope=self.default, run_id="pausing")
            self.wait_for("tmp/began")
            with self.helper("admin", 0) as admin:
                admin.call("Pause")
            (self.root / "tmp/go").touch()
            outcome = helper.finish()["outcome"]
        self.assertEqual({p["name"]: p["result"] for p in outcome["packages"]},
                         {"other": "updated", "patchd": "skipped"})
        self.assertIn("paused", self.result_of(outcome, "patchd")["message"])

    def test_no_room_for_downloads(self):
        self.main.add("other", "2.0")
        self.publish()
        archives = self.root / STATE / "archives"
        archives.mkdir()
        roots.run_host("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", archives)
        self.addCleanup(roots.run_host, "umount", "-l", archives)
        outcome = self.apply()
        self.assertEqual(outcome["result"], "failed")
        self.assertIn(" MB are free", self.result_of(outcome, "other")["message"])
        self.assertEqual(list((self.root / STATE / "intents").iterdir()), [])

    def test_full_disk_changes_nothing(self):
        self.main.add("other", "2.0")
        self.publish()
        state = self.root / STATE
        roots.run_host("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", state)
        self.addCleanup(roots.run_host, "umount", "-l", state)
        with self.helper("admin", 0) as helper:
            helper.call("GetState")
        with contextlib.suppress(OSError), open(state / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
        text = self.refused("Failed", "Apply", envelope=self.default, run_id="full")
        self.assertIn("/var/lib/patchd-apply", text["message"])
        self.assertEqual(self.version_of("other"), {"other": "1.0"})


class Rebooting(ApplyCase):
    """What there is without a systemd to ask; the rest is in system/test_reboot.py."""

    def setUp(self):
        super().setUp()
        self.main.add("other", "2.0")
        self.publish()
        (self.root / "run/systemd").mkdir(parents=True)
        (self.root / "run/systemd/container").write_text("lab\n", encoding="ascii")  # the kernel is no reason

    def outcome_under(self, reboot):
        return self.apply(envelope=self.envelope(reboot=reboot), run_id=f"under-{reboot}")

    def test_never_although_required(self):
        (self.root / "run/reboot-required").touch()
        outcome = self.outcome_under("never")
        self.assertEqual((outcome["reboot_required"], outcome["reboot_phase"]), (True, "none"))
        self.assertEqual(outcome["reboot"], "not performed: the policy says never")

    def test_nobody_to_ask(self):
        outcome = self.outcome_under("always")
        self.assertEqual(outcome["result"], "succeeded")
        self.assertIn("systemd", outcome["reboot"])
        self.assertEqual((outcome["reboot_phase"], outcome["reboot_owed_by"]), ("none", "under-always"))
        self.assertEqual(list((self.root / STATE / "intents").iterdir()), [])
        refused = self.refused("Failed", "Reboot", kind="admin", uid=0, groups=(0,))
        self.assertIn("systemd", refused["message"])
        self.assertIsNone(self.state("reboot.json")["pending"])

    def test_services_are_not_known(self):
        outcome = self.outcome_under("never")
        self.assertIsNone(outcome["services_to_restart"])
        self.assertIn("needrestart is not installed", outcome["services_note"])

    def fake_needrestart(self, text):
        program = self.root / "usr/sbin/needrestart"
        program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        program.chmod(0o755)

    def test_services_are_listed_once(self):
        self.fake_needrestart('echo "$*" >>/tmp/asked; echo NEEDRESTART-VER: 3.6; echo NEEDRESTART-SVC: ssh.service')
        outcome = self.outcome_under("if-needed")
        self.assertEqual(outcome["services_to_restart"], ["ssh.service"])
        self.assertEqual(outcome["reboot"], "not needed")
        self.assertEqual((self.root / "tmp/asked").read_text("ascii"), "-b -r l\n")

    def test_message_bus_needs_a_reboot(self):
        self.fake_needrestart("echo NEEDRESTART-VER: 3.6; echo NEEDRESTART-SVC: dbus.service")
        outcome = self.outcome_under("never")
        self.assertTrue(outcome["reboot_required"])

    def test_broken_needrestart(self):
        self.fake_needrestart("echo broken >&2; exit 1")
        outcome = self.outcome_under("if-needed")
        self.assertEqual((outcome["result"], outcome["services_to_restart"]), ("succeeded", None))
        self.assertIn("broken", outcome["services_note"])

    def test_node_came_back(self):
        before = self.left_open("requested", "0" * 32, "2026-01-01T00:00:00Z")
        outcome, intents = self.settled()
        self.assertEqual((outcome["reboot_phase"], outcome["result"]), ("finished", "succeeded"))
        self.assertEqual(outcome["kernel"], os.uname().release)
        self.assertTrue(outcome["message"].endswith("; verified after the reboot"), outcome["message"])
        self.assertRegex(outcome["reboot"], "^requested at 2026-01-01T00:00:00Z, came back at .* with kernel ")
        self.assertEqual((outcome["packages"], intents), (before["packages"], []))

    def test_reboot_that_did_not_help_is_not_repeated(self):
        """What the next boot still shows, be it needrestart's mistake, is no reason for another one."""
        self.fake_needrestart("echo NEEDRESTART-VER: 3.6; echo NEEDRESTART-SVC: dbus.service")
        self.left_open("requested", "0" * 32, "2026-01-01T00:00:00Z")
        reason = "dbus.service uses files that were replaced and can't be restarted on a running system"
        (self.root / STATE / "reboot.json").write_text(json.dumps({"pending": {
            "run_id": "rebooting", "boot_id": "0" * 32, "at": "2026-01-01T00:00:00Z", "reasons": [reason]}}))
        outcome, _ = self.settled()
        self.assertIn(f"it is still required: {reason}", outcome["reboot"])
        self.assertEqual(self.state("reboot.json")["unhelped"], [reason])
        again = self.apply(run_id="again")
        self.assertEqual(again["reboot"], f"not performed: the last reboot did not help: {reason}")
        self.fake_needrestart("echo NEEDRESTART-VER: 3.6")
        self.apply(run_id="cured")
        self.assertEqual(self.state("reboot.json")["unhelped"], [])

    def test_package_lost_on_the_way(self):
        self.left_open("requested", "0" * 32, "2026-01-01T00:00:00Z")
        self.chroot("dpkg", "--force-depends", "--purge", "other")
        outcome, _ = self.settled()
        self.assertEqual(self.result_of(outcome, "other")["result"], "failed")
        self.assertNotEqual(outcome["result"], "succeeded")
        self.assertIn("lost since the reboot", outcome["message"])

    def test_reboot_that_did_not_come(self):
        boot_id = self.apply(run_id="first")["boot_id"]
        self.left_open("requested", boot_id, "2026-01-01T00:00:00Z")
        outcome, intents = self.settled()
        self.assertEqual((outcome["reboot_phase"], intents), ("failed", []))
        self.assertIn("did not come", outcome["reboot"])

    def test_reboot_that_is_coming_is_left_alone(self):
        boot_id = self.apply(run_id="first")["boot_id"]
        self.left_open("requested", boot_id, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        outcome, intents = self.settled()
        self.assertEqual((outcome["reboot_phase"], len(intents)), ("requested", 1))

    def test_helper_that_died_waiting(self):
        boot_id = self.apply(run_id="first")["boot_id"]
        self.left_open("awaited", boot_id, None)
        outcome, intents = self.settled()
        self.assertEqual((outcome["reboot_phase"], intents), ("postponed", []))


class Refreshing(ApplyCase):
    def refresh(self, uid=0):
        with self.helper(uid=uid) as helper:
            return helper.call("Refresh")

    def by_name(self, reply):
        return {r["repository"].rpartition(" ")[2]: r for r in reply["repositories"]}

    def test_all_fresh(self):
        self.main.add("other", "2.0")
        self.main.publish()
        reply = self.refresh()
        self.assertEqual([r["ok"] for r in reply["repositories"]], [True, True], reply)
        self.assertEqual(len(self.state("stamps.json")), 2)
        ledger = (self.root / STATE / "ledger.jsonl").read_text().splitlines()
        self.assertTrue(any('"other"' in line and '"2.0"' in line for line in ledger), ledger)
        self.refresh()
        self.assertEqual((self.root / STATE / "ledger.jsonl").read_text().splitlines(), ledger)

    def test_ledger_cut_short_is_mended(self):
        """As after a power loss: what is whole stays, the rest is seen again and no sooner."""
        self.main.add("other", "2.0")
        self.main.publish()
        self.refresh()
        path = self.root / STATE / "ledger.jsonl"
        whole = path.read_text()
        old = '{"name":"other","arch":"all","version":"1.9","suite":"x","first_seen":"2020-01-01T00:00:00Z"}\n'
        path.write_text(old + whole[:-20])
        self.refresh()
        lines = path.read_text().splitlines()
        self.assertEqual(lines[0] + "\n", old)
        self.assertEqual(sorted(lines[1:]), sorted(whole.splitlines()))

    def test_dead_repository_is_named(self):
        self.main.add("other", "2.0")
        self.main.publish()
        (self.root / "etc/apt/apt.conf.d/99retries").write_text('Acquire::Retries "0";\n')
        self.world.server.fail.add("/extra")
        reply = self.by_name(self.refresh())
        self.assertTrue(reply["stable"]["ok"], reply)
        self.assertFalse(reply["extra"]["ok"], reply)
        self.assertIn("500", reply["extra"]["text"])
        self.assertEqual([name.rpartition(" ")[2] for name in self.state("stamps.json")], ["stable"])
        self.assertIn("2.0", self.chroot("apt-cache", "policy", "other").stdout)

    def test_repository_that_was_never_there_is_named(self):
        with open(self.root / "etc/apt/sources.list", "a", encoding="ascii") as sources:
            sources.write(f"deb [signed-by=/etc/apt/test.gpg] {self.world.server.url}/nothing never main\n")
        reply = self.by_name(self.refresh())
        self.assertFalse(reply["never"]["ok"], reply)
        self.assertTrue(reply["stable"]["ok"], reply)

    def test_forged_index_is_named(self):
        forger = repository.Key(self.enter(tempfile.TemporaryDirectory()))
        self.addCleanup(forger.done)
        self.main.key, original = forger, self.main.key
        self.main.add("other", "9.0")
        self.main.publish()
        self.main.key = original
        reply = self.by_name(self.refresh())
        self.assertFalse(reply["stable"]["ok"], reply)
        self.assertTrue(reply["extra"]["ok"], reply)

    def test_daemon_is_rate_limited(self):
        self.refresh(PATCHD_UID)
        requests = len(self.world.server.requests)
        again = self.refresh(PATCHD_UID)
        self.assertEqual(len(again["repositories"]), 2)
        self.assertEqual(len(self.world.server.requests), requests)
        self.refresh()
        self.assertGreater(len(self.world.server.requests), requests)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
