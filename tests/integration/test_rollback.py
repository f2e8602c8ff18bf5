# SPDX-License-Identifier: Apache-2.0
"""Hooks, health checks and rollback: the real patchd-apply with real apt and dpkg in throw-away
roots."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import stat
import sys
import tempfile
import unittest

import test_apply

from lab import policies, roots


class GuardCase(test_apply.ApplyCase):
    def program(self, name, text, mode=0o755):
        path = self.root / "etc/patchd" / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return path

    def configure(self, text):
        with open(self.root / "etc/patchd/patchd.conf", "a", encoding="utf-8") as conf:
            conf.write(text)

    def offer(self, name="other", version="2.0", **more):
        self.main.add(name, version, **more)
        self.publish()

    def rollback(self, **parameters):
        with self.helper("admin", 0, (0,)) as helper:
            return helper.call("Rollback", **parameters)

    def refused_rollback(self, **parameters):
        return self.refused("Failed", "Rollback", kind="admin", uid=0, groups=(0,), **parameters)["message"]

    def vetoes(self):
        with self.helper("admin", 0, (0,)) as helper:
            return {(v["name"], v["version"]): v["reason"] for v in helper.call("GetState")["state"]["vetoes"]}

    def decision(self, name):
        """What patchctl scan makes of one package, with the helper's state."""
        patchctl = test_apply.HELPER.parents[1] / "ctl/patchctl"
        shutil.copy(patchctl, self.root / "opt/patchctl")
        for library in re.findall(r"=> (/\S+)", roots.run_host("ldd", patchctl).stdout):
            if not (self.root / library.lstrip("/")).exists():
                shutil.copy(library, self.root / test_apply.LIBRARIES)
        policy = self.root / "tmp/policy.dsse"
        policy.write_text(self.default)
        done = self.chroot("env", f"LD_LIBRARY_PATH=/{test_apply.LIBRARIES}", "/opt/patchctl", "scan", "--policy",
                           "/tmp/policy.dsse", "--json", check=False)
        self.assertIn("packages", done.stdout, done.stderr)
        report = json.loads(done.stdout)
        return {p["name"]: p for p in report["packages"]}[name]

    def kept(self):
        return sorted(p.name for p in (self.root / test_apply.STATE / "kept").iterdir() if p.suffix == ".deb")

    def keep_dummy(self, name, size, kept_at):
        """A version that was kept earlier."""
        folder = self.root / test_apply.STATE / "kept"
        folder.mkdir(mode=0o700, exist_ok=True)
        with open(folder / name, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        (folder / f"{name}.json").write_text(json.dumps({"origin": "cache", "sha256": "0" * 64, "size_bytes": size,
                                                         "kept_at": kept_at, "notes": []}))

    def empty_caches(self):
        """So that a version is neither in a cache nor in an index."""
        self.chroot("apt-get", "clean")

    def seen(self, name="seen"):
        path = self.root / "tmp" / name
        return path.read_text() if path.exists() else ""


class Hooks(GuardCase):
    def test_order_and_environment(self):
        self.program("hooks.d/pre-run/20-b", 'echo "pre $PATCHD_RUN_ID $PATCHD_POLICY_ID $PATCHD_POLICY_VERSION" >>/tmp/seen; env >/tmp/env')
        self.program("hooks.d/pre-run/10-a", "dpkg-query -W -f '${Version} first\\n' other >>/tmp/seen; echo said")
        self.program("hooks.d/pre-run/.hidden", "exit 1")
        self.program("hooks.d/pre-run/10-a.dpkg-old", "exit 1")
        self.program("hooks.d/post-run", "dpkg-query -W -f \"post $PATCHD_RESULT \\${Version}\\n\" other >>/tmp/seen")
        self.offer()
        outcome = self.apply(run_id="hooked")
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.seen(), "1.0 first\npre hooked lab 1\npost succeeded 2.0\n")
        names = {line.partition("=")[0] for line in self.seen("env").splitlines()} - {"PWD", "SHLVL", "_", "OLDPWD"}
        self.assertEqual(names, {"PATH", "HOME", "LC_ALL", "PATCHD_PHASE", "PATCHD_RUN_ID", "PATCHD_TRIGGER",
                                 "PATCHD_POLICY_ID", "PATCHD_POLICY_VERSION"})
        self.assertEqual([(h["name"], h["phase"], h["passed"], h["exit_code"], h["output"]) for h in outcome["hooks"]],
                         [("10-a", "pre-run", True, 0, "said"), ("20-b", "pre-run", True, 0, ""),
                          ("post-run", "post-run", True, 0, "")])
        self.assertEqual(self.state("outcomes/hooked.json")["hooks"], outcome["hooks"])

    def test_failing_pre_run_changes_nothing(self):
        self.program("hooks.d/pre-run/1", "echo 'not \033[31mnow'; exit 7")
        self.program("hooks.d/pre-run/2", "touch /tmp/second")
        self.program("hooks.d/post-run", 'echo "$PATCHD_RESULT" >/tmp/seen')
        self.offer()
        outcome = self.apply(run_id="refused")
        self.assertEqual(outcome["result"], "refused", outcome)
        self.assertIn("pre-run hook '1' failed: exit code 7", outcome["message"])
        self.assertIn("not \\x1b[31mnow", outcome["message"])
        self.assertEqual(self.result_of(outcome, "other")["result"], "skipped")
        self.assertEqual(self.version_of("other"), {"other": "1.0"})
        self.assertFalse((self.root / "tmp/second").exists())
        self.assertEqual(self.seen(), "refused\n")
        self.assertEqual(self.state("outcomes/refused.json"), outcome)
        self.assertEqual(list((self.root / test_apply.STATE / "intents").iterdir()), [])
        self.program("hooks.d/pre-run/1", "exit 0")
        self.assertEqual(self.apply()["result"], "succeeded")

    def test_failing_post_run_changes_no_result(self):
        self.program("hooks.d/post-run", "echo broken >&2; exit 3")
        self.offer()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded")
        self.assertEqual([(h["passed"], h["exit_code"], h["output"]) for h in outcome["hooks"]], [(False, 3, "broken")])

    def test_hanging_hook_is_ended(self):
        self.configure("[apply]\nhook_timeout_seconds = 1\n")
        self.program("hooks.d/pre-run", "echo began; trap '' TERM; sleep 1000 & wait; sleep 1000")
        self.offer()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "refused")
        self.assertEqual([(h["timed_out"], h["output"]) for h in outcome["hooks"]], [(True, "began")])

    def test_what_others_could_have_written_is_not_run(self):
        cases = (
            ("group may write", lambda path: path.chmod(0o775), "others than root may write it"),
            ("another owner", lambda path: os.chown(path, 4242, 0), "belongs to user 4242"),
            ("not executable", lambda path: path.chmod(0o644), "may not be executed"),
            ("a link", lambda path: (path.rename(path.with_name("..real")), path.symlink_to("..real")), "is a symbolic link"),
            ("its folder", lambda path: path.parent.chmod(0o777), "others than root may write it"),
        )
        self.offer()
        for label, spoil, sentence in cases:
            with self.subTest(label):
                path = self.program("hooks.d/pre-run/only", "touch /tmp/ran")
                spoil(path)
                outcome = self.apply()
                self.assertEqual(outcome["result"], "refused", outcome)
                self.assertIn(sentence, outcome["message"])
                self.assertFalse((self.root / "tmp/ran").exists())
                path.unlink()
                path.parent.chmod(0o755)

    def test_no_hook_without_work(self):
        self.program("hooks.d/pre-run", "touch /tmp/ran")
        self.assertEqual(self.apply()["hooks"], [])
        self.assertFalse((self.root / "tmp/ran").exists())


class Checks(GuardCase):
    def test_asked_before_and_after(self):
        self.program("checks.d/web", 'echo "$PATCHD_PHASE ${PATCHD_STEP:-} ${PATCHD_PACKAGES:-}" >>/tmp/seen')
        self.offer()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.seen(), "before  \nafter-step 1 other=2.0\n")
        self.assertEqual([(c["name"], c["phase"], c["passed"]) for c in outcome["checks"]],
                         [("web", "before", True), ("web", "after-step", True)])

    def test_failing_before_is_no_reason(self):
        self.program("checks.d/web", "echo always; exit 1")
        self.offer()
        outcome = self.apply()
        self.assertEqual(outcome["result"], "succeeded", outcome)
        self.assertEqual(self.version_of("other"), {"other": "2.0"})
        self.assertEqual([(c["phase"], c["passed"]) for c in outcome["checks"]], [("before", False), ("after-step", False)])


BROKEN = 'test "$(cat /usr/share/other/version)" != 2.0 || { echo "other 2.0 is broken"; exit 1; }'


class Rollback(GuardCase):
    def files_of(self, name):
        return [p for p in self.chroot("dpkg", "-L", name).stdout.split() if p != "/."]

    def test_failed_check_rolls_back_vetoes_and_lets_the_next_version_in(self):
        self.program("checks.d/other", BROKEN)
        before = roots.snapshot(self.root, self.files_of("other"))
        self.offer()
        self.main.add("third", "2.0")
        self.publish()
        outcome = self.apply(run_id="broken")
        package = self.result_of(outcome, "other")
        self.assertEqual((package["result"], package["kept"]), ("rolled_back", "downloaded"), outcome)
        self.assertIn("check 'other' failed: exit code 1: other 2.0 is broken", package["message"])
        self.assertEqual(self.version_of("other"), {"other": "1.0"})
        self.assertEqual(roots.snapshot(self.root, self.files_of("other")), before)
        self.assertIn("other 2.0 is broken", self.vetoes()[("other", "2.0")])
        self.assertEqual(outcome["checks"][-1]["passed"], True)
        decision = self.decision("other")
        self.assertEqual((decision["state"], decision["target"]), ("held", "2.0"))
        self.assertIn("vetoed on this node: check 'other' failed", decision["reason"])
        again = self.apply(run_id="again")
        self.assertNotIn("other", [p["name"] for p in again["packages"]])
        self.offer(version="3.0")
        self.assertEqual(self.result_of(self.apply(run_id="newer"), "other")["result"], "updated")
        self.assertEqual(self.version_of("other"), {"other": "3.0"})
        self.assertEqual(self.vetoes(), {})

    def test_kept_from_the_cache(self):
        cache = self.root / "var/cache/apt/archives"
        (cache / "other_1.0_all.deb").write_bytes((self.world.folder / "web/main/pool/other_1.0_all.deb").read_bytes())
        (cache / "third_1.0_all.deb").write_bytes(b"something else")
        self.main.add("third", "2.0")
        self.offer()
        outcome = self.apply()
        self.assertEqual({p["name"]: p["kept"] for p in outcome["packages"]}, {"other": "cache", "third": "downloaded"})

    def test_kept_from_the_index(self):
        self.empty_caches()
        self.offer()
        outcome = self.apply()
        self.assertEqual(self.result_of(outcome, "other")["kept"], "downloaded", outcome)
        self.assertEqual(self.kept(), ["other_1.0_all.deb"])
        self.assertEqual(stat.S_IMODE((self.root / test_apply.STATE / "kept").stat().st_mode), 0o700)

    def test_new_packages_go_again(self):
        self.program("checks.d/app", "! test -e /usr/share/newdep")
        self.main.add("app", "2.0", depends="liba (>= 1:1.1), newdep", conffiles={"/etc/app.conf": "two\n"})
        self.main.add("liba", "1:1.1", arch="amd64")
        self.main.add("newdep", "2.0", extra={"Source": "app"})
        self.publish()
        self.chroot("apt-mark", "auto", "liba")
        outcome = self.apply()
        self.assertEqual({p["name"]: p["result"] for p in outcome["packages"] if p["name"] in ("app", "newdep")},
                         {"app": "rolled_back", "newdep": "rolled_back"}, outcome)
        self.assertEqual(self.version_of("app", "newdep"), {"app": "1.0", "newdep": None})
        self.assertIn("liba", self.chroot("apt-mark", "showauto").stdout.split())
        self.assertEqual((self.root / "etc/app.conf").read_text(), "one\n")

    def test_not_kept_is_said(self):
        self.configure("[apply]\nkeep_max_mb = 0\n")
        self.program("checks.d/other", BROKEN)
        self.offer()
        package = self.result_of(self.apply(), "other")
        self.assertEqual(package["result"], "failed")
        self.assertIn("could not be rolled back: other 1.0 is not kept", package["message"])
        self.assertIn("keep_max_mb is 0", package["kept"])
        self.assertEqual(self.version_of("other"), {"other": "2.0"})

    def test_administrator_rolls_back(self):
        self.main.add("third", "2.0")
        self.offer()
        self.apply(run_id="first")
        plan = self.rollback(plan_only=True)["plan"]
        self.assertEqual(plan["run_id"], "first")
        self.assertEqual([(p["name"], p["version_now"], p["version_back"], p["kept"]) for p in plan["packages"]],
                         [("other", "2.0", "1.0", "downloaded"), ("third", "2.0", "1.0", "downloaded")])
        self.assertEqual(len(plan["changes"]), 2, plan)
        self.assertEqual(self.version_of("other", "third"), {"other": "2.0", "third": "2.0"})
        self.assertIn("look at it again", self.refused_rollback(run_id="first", digest="0" * 64))
        reply = self.rollback(run_id="first", digest=plan["digest"])
        self.assertEqual(reply["outcome"]["result"], "succeeded", reply)
        self.assertEqual({p["result"] for p in reply["outcome"]["packages"]}, {"rolled_back"})
        self.assertEqual(self.version_of("other", "third"), {"other": "1.0", "third": "1.0"})
        self.assertEqual(set(self.vetoes()), {("other", "2.0"), ("third", "2.0")})
        self.assertEqual(self.apply(run_id="held")["packages"], [])
        self.assertIn("nothing of run first", self.refused_rollback(run_id="first"))
        with self.helper("admin", 0, (0,)) as helper:
            helper.call("ClearVeto", package="other")
        self.refused("Failed", "ClearVeto", kind="admin", uid=0, groups=(0,), package="other")
        self.assertEqual([p["name"] for p in self.apply(run_id="allowed")["packages"]], ["other"])

    def test_refusals(self):
        self.offer()
        self.apply(run_id="first")
        self.assertIn("no run nobody", self.refused_rollback(run_id="nobody"))
        self.chroot("apt-mark", "hold", "other")
        self.assertIn("can't bring it back", self.refused_rollback(run_id="first"))
        self.chroot("apt-mark", "unhold", "other")
        self.main.add("needy", "1.0", depends="other (>= 2.0)")
        self.publish()
        self.chroot("apt-get", "-q", "-y", "install", "needy")
        self.assertRegex(self.refused_rollback(run_id="first"), "do more than bring|can't bring it back")
        self.assertEqual(self.version_of("other", "needy"), {"other": "2.0", "needy": "1.0"})
        self.chroot("dpkg", "-r", "needy")
        kept = self.root / test_apply.STATE / "kept/other_1.0_all.deb"
        kept.write_bytes(kept.read_bytes() + b"x")
        self.assertIn("is not what was kept", self.refused_rollback(run_id="first"))
        kept.unlink()
        kept.with_name(kept.name + ".json").unlink()
        self.assertIn("is not kept on this node", self.refused_rollback(run_id="first"))
        self.offer(version="3.0")
        self.apply(run_id="second")
        self.assertIn("not at 2.0 any more", self.refused_rollback(run_id="first"))

    def test_daemon_may_not(self):
        for kind in ("apply", "admin"):
            for method in ("Rollback", "ClearVeto"):
                with self.subTest(f"{method} on {kind}"):
                    self.refused("PermissionDenied", method, kind=kind)

    def test_oldest_are_dropped(self):
        self.configure("[apply]\nkeep_max_mb = 1\n")
        for number, name in enumerate(("other", "third", "app")):
            size = 450_000
            for version in ("5.0", "6.0"):
                more = {"depends": "liba"} if name == "app" else {}
                self.main.add(name, version, files={f"/usr/share/{name}/blob": "x" * size}, **more)
                self.publish()
                self.apply(run_id=f"run-{number}-{version[0]}")
        kept = self.kept()
        self.assertIn("app_5.0_all.deb", kept)
        self.assertNotIn("other_5.0_all.deb", kept)
        self.assertLess(sum(p.stat().st_size for p in (self.root / test_apply.STATE / "kept").iterdir()), 1_000_000)


    def test_what_is_needed_again_is_not_the_oldest(self):
        """A version that was kept long ago is the last to be dropped when a run replaces it again."""
        self.offer()
        self.apply(run_id="run-1")
        reply = self.rollback(run_id="run-1")
        self.assertEqual((reply["outcome"]["reboot"], reply["outcome"]["reboot_required"]), ("not needed", False))
        self.assertEqual(len(reply["outcome"]["boot_id"]), 32)
        with self.helper("admin", 0, (0,)) as helper:
            helper.call("ClearVeto", package="other")
        record = self.root / test_apply.STATE / "kept/other_1.0_all.deb.json"
        old = json.loads(record.read_text()) | {"kept_at": "2020-01-01T00:00:00Z"}
        record.write_text(json.dumps(old))
        self.assertEqual(self.result_of(self.apply(run_id="run-2"), "other")["kept"], "downloaded")
        self.assertGreater(json.loads(record.read_text())["kept_at"], "2026")

    def test_what_has_no_room_is_not_fetched_again_and_again(self):
        self.configure("[apply]\nkeep_max_mb = 1\n")
        self.main.add("other", "5.0", files={"/usr/share/other/blob": "x" * 1_200_000})
        self.publish()
        self.apply(run_id="run-1")
        self.main.add("other", "6.0")
        self.publish()
        self.empty_caches()
        del self.world.server.requests[:]
        with self.helper() as helper:
            helper.call("Download", envelope=self.default, run_id="get")
        self.assertEqual([r for r in self.world.server.requests if r.endswith(".deb")], ["/main/pool/other_6.0_all.deb"])
        self.assertRegex(self.result_of(self.apply(run_id="run-2"), "other")["kept"], "not kept: .*room for")

    def test_from_all_to_an_architecture_and_back(self):
        self.program("checks.d/other", BROKEN + '; test "$(cat /usr/share/third/version)" != 2.0')
        self.chroot("apt-mark", "auto", "other")
        self.main.add("other", "2.0", arch="amd64")
        self.publish()
        outcome = self.apply(run_id="native")
        self.assertEqual(self.result_of(outcome, "other")["result"], "rolled_back", outcome)
        self.assertEqual(self.chroot("dpkg-query", "-W", "-f", "${Version} ${Architecture}", "other").stdout, "1.0 all")
        self.assertIn("other", self.chroot("apt-mark", "showauto").stdout.split())
        self.assertEqual(self.decision("other")["state"], "held")


class Repacked(GuardCase):
    """What no index offers any more and no cache has is made again from the installed files."""

    def forget_version(self, name, version):
        for deb in (self.world.folder / "web/main/pool").glob(f"{name}_{version}_*.deb"):
            deb.unlink()
        self.empty_caches()

    def test_comes_back_byte_for_byte(self):
        self.chroot("rm", "-rf", "/opt/hold")
        scripts = {"postinst": "echo \"postinst $DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT\" >/dev/null; touch /tmp/postinst-1"}
        self.main.add("rich", "1.0", arch="amd64", scripts=scripts,
                      files={"/usr/bin/rich": "#!/bin/sh\necho one\n", "/usr/share/rich/" + "long/" * 30 + "name": "deep\n",
                             "/lib/rich/lib": "in lib\n", "/usr/share/doc/rich/gone": "gone\n"},
                      conffiles={"/etc/rich.conf": "one\n", "/etc/rich.local": "shipped\n"},
                      extra={"Multi-Arch": "same"})
        self.publish()
        self.chroot("apt-get", "-q", "-y", "install", "rich")
        self.chroot("chmod", "4755", "/usr/bin/rich")
        self.chroot("chown", "root:daemon", "/usr/bin/rich")
        (self.root / "etc/rich.local").write_text("edited here\n")
        (self.root / "usr/share/doc/rich/gone").unlink()
        self.forget_version("rich", "1.0")
        paths = [p for p in self.chroot("dpkg", "-L", "rich").stdout.split() if p not in ("/.", "/usr/share/doc/rich/gone")]
        before = roots.snapshot(self.root, paths)
        control = self.chroot("dpkg-query", "-s", "rich").stdout
        self.main.add("rich", "2.0", arch="amd64", files={"/usr/bin/rich": "#!/bin/sh\necho two\n"},
                      conffiles={"/etc/rich.conf": "two\n", "/etc/rich.local": "shipped two\n"}, extra={"Multi-Arch": "same"})
        self.publish()
        self.program("checks.d/rich", 'test "$(sh /usr/bin/rich)" = one')
        outcome = self.apply(run_id="rich")
        package = self.result_of(outcome, "rich")
        self.assertEqual((package["result"], package["kept"]), ("rolled_back", "repacked"), outcome)
        self.assertEqual(self.version_of("rich"), {"rich": "1.0"})
        self.assertEqual(roots.snapshot(self.root, paths), before)
        self.assertEqual((self.root / "etc/rich.local").read_text(), "edited here\n")
        without = [line for line in control.splitlines() if not line.startswith(("Conffiles:", " /etc/"))]
        self.assertEqual([line for line in self.chroot("dpkg-query", "-s", "rich").stdout.splitlines()
                          if not line.startswith(("Conffiles:", " /etc/"))], without)
        record = self.state("kept/rich_1.0_amd64.deb.json")
        notes = "\n".join(record["notes"])
        self.assertRegex(notes, "changed or removed here.*: /etc/rich.local")
        self.assertIn("not on the disk", notes)
        self.assertIn("/usr/share/doc/rich/gone", notes)
        with self.subTest("the edited file survives the next version too"):
            self.main.add("rich", "3.0", arch="amd64", files={"/usr/bin/rich": "#!/bin/sh\necho one\n"},
                          conffiles={"/etc/rich.conf": "three\n", "/etc/rich.local": "shipped three\n"}, extra={"Multi-Arch": "same"})
            self.publish()
            self.assertEqual(self.result_of(self.apply(run_id="third"), "rich")["result"], "updated")
            self.assertEqual((self.root / "etc/rich.local").read_text(), "edited here\n")
            self.assertEqual((self.root / "etc/rich.conf").read_text(), "three\n")


    def test_oldest_make_room_on_a_small_disk(self):
        """What was kept long ago does not stand in the way of what is replaced now."""
        size = 30_000_000
        self.main.add("large", "1:1.0", files={"/usr/share/large/blob": b"x" * size})
        self.publish()
        self.chroot("apt-get", "-q", "-y", "install", "large")
        self.forget_version("large", "1%3a1.0")
        kept = self.root / test_apply.STATE / "kept"
        kept.mkdir(mode=0o700)
        roots.run_host("mount", "-t", "tmpfs", "-o", "size=324m,mode=0700", "tmpfs", kept)
        self.addCleanup(roots.run_host, "umount", "-l", kept)
        self.keep_dummy("old_1_all.deb", 10_000_000, "2024-01-01T00:00:00Z")
        self.keep_dummy("older_1_all.deb", 45_000_000, "2023-01-01T00:00:00Z")
        self.program("checks.d/large", 'test "$(cat /usr/share/large/version)" != 1:2.0')
        self.main.add("large", "1:2.0")
        self.publish()
        outcome = self.apply(run_id="small")
        package = self.result_of(outcome, "large")
        self.assertEqual((package["result"], package["kept"]), ("rolled_back", "repacked"), outcome)
        self.assertEqual(self.version_of("large"), {"large": "1:1.0"})
        self.assertEqual((self.root / "usr/share/large/blob").stat().st_size, size)
        self.assertEqual(self.kept(), ["large_1%3a1.0_all.deb", "old_1_all.deb"])


class Interrupted(GuardCase):
    fake_apt_get = test_apply.Refusing.fake_apt_get

    def test_killed_while_going_back(self):
        self.program("checks.d/other", BROKEN)
        self.offer()
        self.fake_apt_get('case "$*" in *--no-download*install*/kept/*) kill -9 $PPID; exit 1;; esac')
        with self.helper() as helper:
            with self.assertRaises(ConnectionError):
                helper.call("Apply", envelope=self.default, run_id="cut")
        self.assertEqual(self.version_of("other"), {"other": "2.0"})
        (self.root / "usr/bin/apt-get.real").rename(self.root / "usr/bin/apt-get")
        self.apply(run_id="next")
        outcome = self.state("outcomes/cut.json")
        self.assertEqual((outcome["result"], self.result_of(outcome, "other")["result"]), ("interrupted", "rolled_back"), outcome)
        self.assertEqual(self.version_of("other"), {"other": "1.0"})
        self.assertEqual(set(self.vetoes()), {("other", "2.0")})


class AfterBoot(GuardCase):
    """What a health check says only after the reboot. The run is done by the real helper; that this
    is another boot than the run's is what its open intent says."""

    fake_apt_get = test_apply.Refusing.fake_apt_get
    fake_needrestart = test_apply.Rebooting.fake_needrestart
    SINCE_BOOT = 'test ! -e /tmp/booted || '

    def setUp(self):
        super().setUp()
        self.program("checks.d/web", self.SINCE_BOOT + BROKEN)
        self.main.add("other", "2.0")

    def reboot(self):
        """Runs, and comes back from the reboot that the run was followed by."""
        self.publish()
        self.left_open()
        (self.root / "tmp/booted").touch()

    def test_run_is_rolled_back_vetoed_and_told_once(self):
        self.main.add("third", "2.0")
        self.main.add("app", "2.0", depends="liba (>= 1:1.1), newdep", conffiles={"/etc/app.conf": "two\n"})
        self.main.add("liba", "1:1.1", arch="amd64")
        self.main.add("newdep", "2.0", extra={"Source": "app"})
        before = self.versions()
        self.reboot()
        self.assertEqual(self.version_of("other", "newdep"), {"other": "2.0", "newdep": "2.0"})
        outcome, intents = self.settled()
        self.assertEqual(intents, [])
        self.assertEqual({p["name"]: p["result"] for p in outcome["packages"]},
                         dict.fromkeys(("app", "liba", "newdep", "other", "third"), "rolled_back"), outcome)
        self.assertEqual(self.versions(), before)
        self.assertEqual((outcome["result"], outcome["reboot_phase"]), ("failed", "finished"))
        self.assertRegex(outcome["message"], "; after the reboot check 'web' failed: exit code 1: other 2.0 is broken; "
                                             "5 of 5 packages are rolled back; the checks pass again$")
        self.assertRegex(self.result_of(outcome, "other")["message"], "^after the reboot check 'web' failed: .*broken$")
        self.assertEqual([(c["phase"], c["passed"]) for c in outcome["checks"]],
                         [("before", True), ("after-step", True), ("after-boot", False), ("after-boot", True)])
        self.assertEqual(set(self.vetoes()), {("app", "2.0"), ("liba", "1:1.1"), ("other", "2.0"), ("third", "2.0")})
        self.assertIn("after the reboot check 'web' failed", self.decision("other")["reason"])
        with self.helper() as helper:
            helper.call("Recover")
        self.assertEqual(self.state("outcomes/rebooting.json"), outcome, "once")
        self.assertEqual(self.apply(run_id="next")["packages"], [])

    def test_still_failing_is_told_and_not_tried_again(self):
        self.program("checks.d/web", self.SINCE_BOOT + "{ echo always; exit 1; }")
        self.reboot()
        outcome, _ = self.settled()
        self.assertEqual(self.version_of("other"), {"other": "1.0"})
        self.assertIn("1 of 1 packages are rolled back; the node is not well even after that: check 'web' failed", outcome["message"])
        again, intents = self.settled()
        self.assertEqual((again, intents), (outcome, []))

    def test_reboot_that_is_needed_then_is_reported(self):
        self.reboot()
        self.fake_needrestart("echo NEEDRESTART-VER: 3.6; dpkg-query -W -f '${Version}' other | grep -q 2.0 || echo NEEDRESTART-SVC: dbus.service")
        outcome, _ = self.settled()
        self.assertEqual((outcome["reboot_required"], outcome["reboot_owed_by"]), (True, None))
        self.assertIn("one is required after the rollback: dbus.service", outcome["reboot"])
        self.assertNotEqual(outcome["boot_id"], "0" * 32)

    def test_nothing_is_rolled_back(self):
        cases = (
            ("it failed before the run", lambda: self.program("checks.d/web", "echo ever; exit 1"), "verified after the reboot", "succeeded"),
            ("paused", lambda: self.admin("Pause"), "paused the node", "partial"),
            ("told to scan only", lambda: self.configure("[apply]\nmode = scan\n"), "mode is scan", "partial"),
        )
        for number, (label, prepare, words, result) in enumerate(cases, 2):
            with self.subTest(label):
                (self.root / "tmp/booted").unlink(missing_ok=True)
                (self.root / test_apply.STATE / "outcomes/rebooting.json").unlink(missing_ok=True)
                self.program("checks.d/web", "test ! -e /tmp/booted")
                if number == 2:
                    prepare()
                self.main.add("other", f"{number}.0")
                self.reboot()
                if number != 2:
                    prepare()
                outcome, _ = self.settled()
                self.assertEqual((outcome["result"], self.result_of(outcome, "other")["result"]), (result, "updated"), outcome)
                self.assertIn(words, outcome["message"])
                self.assertEqual(self.vetoes(), {})
                with self.helper("admin", 0, (0,)) as helper:
                    helper.call("Resume")

    def admin(self, method, **parameters):
        with self.helper("admin", 0, (0,)) as helper:
            return helper.call(method, **parameters)

    def test_part_that_can_go_back_does(self):
        """The kernel that runs stays, and so does a package whose old version is not kept."""
        running = f"linux-image-{os.uname().release}"
        self.main.add("third", "2.0")
        self.main.add("app", "2.0", depends=f"liba, {running}", conffiles={"/etc/app.conf": "two\n"})
        self.main.add(running, "2.0", extra={"Source": "app"}, files={f"/boot/vmlinuz-{os.uname().release}": "kernel"})
        self.reboot()
        for path in (self.root / test_apply.STATE / "kept").glob("third_*"):
            path.unlink()
        outcome, _ = self.settled()
        self.assertEqual({p["name"]: p["result"] for p in outcome["packages"]},
                         {"app": "rolled_back", running: "installed", "other": "rolled_back", "third": "updated"}, outcome)
        self.assertEqual(self.version_of("app", running, "other", "third"),
                         {"app": "1.0", running: "2.0", "other": "1.0", "third": "2.0"})
        self.assertIn("2 of 4 packages are rolled back", outcome["message"])
        self.assertRegex(self.result_of(outcome, running)["message"], "^not rolled back: .* of the running kernel; boot another")
        self.assertEqual(self.result_of(outcome, "third")["message"], "not rolled back: third 1.0 is not kept on this node")
        self.assertEqual(outcome["result"], "partial")
        with self.subTest("nor does an administrator's rollback take it"):
            self.assertIn("of the running kernel", self.refused_rollback(run_id="rebooting"))

    def test_killed_while_going_back(self):
        self.reboot()
        self.fake_apt_get('case "$*" in *--no-download*install*/kept/*) kill -9 $PPID; exit 1;; esac')
        with self.helper() as helper:
            with self.assertRaises(ConnectionError):
                helper.call("Recover")
        self.assertEqual(self.version_of("other"), {"other": "2.0"})
        self.assertEqual(self.state("intents/rebooting.json")["reboot_phase"], "finished")
        (self.root / "usr/bin/apt-get.real").rename(self.root / "usr/bin/apt-get")
        self.program("hooks.d/post-run", "touch /tmp/post-run")
        outcome, intents = self.settled()
        self.assertEqual((self.result_of(outcome, "other")["result"], intents), ("rolled_back", []), outcome)
        self.assertIn("interrupted, repaired; 1 of 1 packages are rolled back; the checks pass again", outcome["message"])
        self.assertEqual(self.version_of("other"), {"other": "1.0"})
        self.assertEqual(set(self.vetoes()), {("other", "2.0")})
        self.assertFalse((self.root / "tmp/post-run").exists(), "these ran when the run ended")


class RealWorld(test_apply.World):
    """A Debian with its real archive, whose security updates are pending."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="apply.")))
        self.key = policies.Key(self.folder)
        version = roots.os_release()["VERSION_ID"]
        self.root = self.stack.enter_context(roots.copy_of(roots.indexed_root(version), hostname="real"))
        test_apply.copy_libraries(self.root)
        self.prepare_agent(pathlib.Path(self.root))


class RealPair(GuardCase):
    """A version of the release pocket and its security update, as Debian built them."""

    LIKELY = (("openssl", "libssl3"), ("openssl", "libssl3t64"), ("perl-base",), ("libgnutls30",), ("libgnutls30t64",), ("libc-bin", "libc6"))

    @classmethod
    def setUpClass(cls):
        cls.world = RealWorld()
        cls.addClassCleanup(cls.world.close)

    def setUp(self):
        self.root = self.enter(roots.copy_of(self.world.root))
        for kind, name in (("proc", "proc"), ("devtmpfs", "dev")):
            roots.run_host("mount", "-t", kind, kind, self.root / name)
            self.addCleanup(roots.run_host, "umount", "-l", self.root / name)
        self.runs = 0

    def pending(self):
        """{name: (installed, candidate)} of what apt would upgrade."""
        text = self.chroot("apt-get", "-q", "-s", "dist-upgrade").stdout
        return {name.partition(":")[0]: (old, new) for name, old, new in re.findall(r"^Inst (\S+) \[(\S+)\] \((\S+) ", text, re.M)}

    def pick(self):
        pending = self.pending()
        for names in self.LIKELY:
            if names[0] in pending:
                return {name: pending[name] for name in names if name in pending}
        raise unittest.SkipTest(f"none of the likely packages has an update pending: {sorted(pending)}")

    def go_there_and_back(self, pair, origins):
        first = next(iter(pair))
        there = [p for name in pair for p in self.chroot("dpkg", "-L", name).stdout.split() if p != "/."]
        before = roots.snapshot(self.root, [p for p in there if os.path.lexists(self.root / p.lstrip("/"))])
        self.program("checks.d/version", f'test "$(dpkg-query -W -f \'${{Version}}\' {first})" = "{pair[first][0]}" || {{ echo "{first} is too new"; exit 1; }}')
        self.default = self.envelope([(name, new) for name, (_, new) in pair.items()])
        outcome = self.apply(run_id="real")
        results = {p["name"]: (p["result"], p["kept"]) for p in outcome["packages"] if p["name"] in pair}
        self.assertEqual({result for result, _ in results.values()} - {"updated"}, {"rolled_back"}, outcome)
        self.assertEqual(results[first][0], "rolled_back", outcome)
        self.assertLessEqual({kept for _, kept in results.values()}, origins, outcome)
        rolled_back = {name for name, (result, _) in results.items() if result == "rolled_back"}
        self.assertEqual(self.version_of(*rolled_back), {name: pair[name][0] for name in rolled_back})
        own = {p for name in rolled_back for p in self.chroot("dpkg", "-L", name).stdout.split()}
        after = roots.snapshot(self.root, before)
        self.assertEqual({p: after[p] for p in before if p in own}, {p: before[p] for p in before if p in own})
        self.assertGreater(len(own & before.keys()), 5)
        self.assertIn((first, pair[first][1]), self.vetoes())
        self.assertEqual(self.chroot("dpkg", "--audit").stdout, "")
        self.assertEqual(self.decision(first)["state"], "held")
        print({p["name"]: (p["version_from"], p["version_to"], p["result"], p["kept"]) for p in outcome["packages"]}, file=sys.stderr)

    def test_from_the_archive(self):
        self.go_there_and_back(self.pick(), {"downloaded", "repacked"})

    def test_repacked(self):
        pair = self.pick()
        sources = self.root / "etc/apt/sources.list"
        sources.write_text("".join(line + "\n" for line in sources.read_text().splitlines() if "-security" in line))
        self.go_there_and_back(pair, {"repacked"})


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
