#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the Debian collector says of a root against what apt itself would do there: synthetic roots
for every feature of sources and pins, random ones for their combinations, and a real Debian.

    test_collect.py [--rounds N]
"""
import gzip
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

from lab import roots
from lab.aptroot import AptRoot, build_folder, upgrades_in

DUMP = build_folder() / "tests" / "inventory_dump"
ROUNDS = 4
MACHINE_ID = "0123456789abcdef0123456789abcdef"


def collect(root, *options, prefix=()):
    done = subprocess.run([*prefix, str(DUMP), *options, str(root)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def key(package, native="amd64"):
    return f"{package['name']}:{native if package['arch'] == 'all' else package['arch']}"


def upgrades(inventory):
    """As apt would: a candidate that is neither held nor phased out."""
    result = {}
    for package in inventory["packages"]:
        held = {a["version"]: a["held_by"] for a in package["available"]}
        if package["version"] and package["candidate"] and not package["hold"] and not held[package["candidate"]]:
            result[key(package)] = package["candidate"]
    return result


def package(inventory, name, arch=None):
    return next(p for p in inventory["packages"] if p["name"] == name and arch in (None, p["arch"]))


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="patchd-collect-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o755)

    def make(self, **options):
        return AptRoot(self.folder, **options)

    def agree(self, apt, *options, problems=()):
        """Collects; apt and the collector have to agree on every upgrade. Gives the inventory."""
        inventory = collect(apt.root, *options)
        self.assertEqual(len(problems), len(inventory["problems"]), inventory["problems"])
        for wanted, said in zip(problems, inventory["problems"]):
            self.assertIn(wanted, said)
        self.assertEqual(apt.upgrades(), upgrades(inventory))
        return inventory


class Sources(Case):
    def two_packages(self, folder=None, **options):
        apt = AptRoot(folder, **options) if folder else self.make(**options)
        apt.install("dpkg", "1.0")
        apt.install("a", "1.0", Source="asrc (1.0.1)")
        apt.install("b", "1:2.0", Architecture="all")
        return apt

    NEWER = [("a", "1.1", {"Source": "asrc", "Installed-Size": 2, "Depends": "b (>= 1)", "Pre-Depends": "dpkg"}),
             ("b", "1:2.1~rc1", {"Architecture": "all"}), ("b", "3.0", {"Architecture": "all"}), ("c", "9", {})]

    def test_plain(self):
        apt = self.two_packages()
        apt.repository("debian", "s", self.NEWER, Label="Debian-Security")
        apt.update()
        inventory = self.agree(apt)
        self.assertEqual({"a:amd64": "1.1", "b:amd64": "1:2.1~rc1"}, upgrades(inventory))
        a = package(inventory, "a")
        self.assertEqual(("asrc", "1.0.1"), (a["source"], a["source_version"]))
        offer = a["available"][0]
        self.assertEqual(("asrc", "1.1", "dpkg, b (>= 1)", 2048, 1000, "pool/a_1.1.deb", "0" * 64, 500),
                         tuple(offer[k] for k in ("source", "source_version", "depends", "installed_size_bytes",
                                                  "size_bytes", "filename", "sha256", "priority")))
        index = inventory["indexes"][0]
        self.assertTrue(index["is_security"])
        self.assertEqual("Debian-Security", index["label"])
        self.assertGreater(index["refreshed_at"], index["date"][:10])
        self.assertEqual(inventory["newest_date"], index["date"])

    def test_two_indexes_of_one_version(self):
        apt = self.two_packages()
        apt.repository("debian", "s", self.NEWER)
        apt.repository("security", "t", self.NEWER, Suite="t-security")
        apt.update()
        inventory = self.agree(apt)
        self.assertEqual(2, len(package(inventory, "a")["available"][0]["indexes"]))
        self.assertEqual([False, True], [index["is_security"] for index in inventory["indexes"]])

    def test_deb822_sources(self):
        apt = self.two_packages()
        one = apt.repository("debian", "s", self.NEWER, listed=False)
        two = apt.repository("other", "t", [("a", "5", {})], listed=False)
        apt.write("etc/apt/sources.list.d/x.sources",
                  f"# c\nTypes: deb\nURIs: copy:{one}\nSuites: s\nComponents: main\nTrusted: yes\n\n"
                  f"Types: deb\nURIs: copy:{two}\nSuites: t\nComponents: main\nTrusted: yes\nEnabled: no\n")
        apt.write("etc/apt/sources.list.d/y.sources.bak", "garbage")
        apt.update()
        self.assertEqual("1.1", upgrades(self.agree(apt))["a:amd64"])

    def test_flat(self):
        for suite in ("./", "/", "sub+dir/"):
            with self.subTest(suite), tempfile.TemporaryDirectory(dir=self.folder) as folder:
                apt = self.two_packages(folder)
                apt.repository("flat_repo~x", suite, self.NEWER)
                apt.update()
                self.assertEqual("1.1", upgrades(self.agree(apt))["a:amd64"])

    def test_compressed_lists(self):
        programs = {"gz": ["gzip"], "xz": ["xz"], "lz4": ["lz4", "-q", "-m", "--rm"],
                    "zst": ["zstd", "-q", "--rm"], "bz2": ["bzip2"]}
        for extension, program in programs.items():
            with self.subTest(extension), tempfile.TemporaryDirectory(dir=self.folder) as folder:
                apt = self.two_packages(folder)
                apt.repository("debian", "s", self.NEWER * 500)
                apt.update()
                path, = apt.lists()
                self.assertEqual("", path.suffix)
                subprocess.run([*program, str(path)], check=True)
                self.assertEqual([f".{extension}"], [path.suffix for path in apt.lists()])
                self.assertEqual("1.1", upgrades(self.agree(apt))["a:amd64"])

    def test_foreign_architecture(self):
        apt = self.two_packages(foreign=["i386"])
        apt.install("lib", "1.0", **{"Multi-Arch": "same"})
        apt.install("lib", "1.0", Architecture="i386", **{"Multi-Arch": "same"})
        apt.install("only", "1.0", Architecture="i386")
        apt.repository("debian", "s", self.NEWER + [
            ("lib", "1.1", {"Multi-Arch": "same"}), ("lib", "1.1", {"Architecture": "i386", "Multi-Arch": "same"}),
            ("only", "2.0", {}), ("only", "1.5", {"Architecture": "i386"})], arches=["amd64", "i386"])
        apt.update()
        inventory = self.agree(apt)
        self.assertEqual({"a:amd64": "1.1", "b:amd64": "1:2.1~rc1", "lib:amd64": "1.1", "lib:i386": "1.1",
                          "only:i386": "1.5"}, upgrades(inventory))

    def test_indexes_of_all(self):
        apt = self.two_packages()
        apt.repository("debian", "s", self.NEWER, arches=["amd64", "all"])
        amd64 = self.folder + "/debian/dists/s/main/binary-amd64/Packages"
        text = pathlib.Path(amd64).read_text(encoding="utf-8")
        pathlib.Path(amd64).write_text("\n\n".join(s for s in text.split("\n\n") if "Architecture: all" not in s), encoding="utf-8")
        apt.sign(pathlib.Path(self.folder, "debian/dists/s"), Suite="s", Components="main", Architectures="all amd64")
        apt.update()
        self.assertEqual("1:2.1~rc1", upgrades(self.agree(apt))["b:amd64"])

    def test_stray_lists_do_not_count(self):
        apt = self.two_packages()
        apt.repository("debian", "s", self.NEWER)
        apt.update()
        apt.write("etc/apt/sources.list", "")
        self.agree(apt, problems=["no package source is configured"])

    def test_link_out_of_the_root(self):
        apt = self.two_packages()
        apt.repository("debian", "s", self.NEWER)
        apt.update()
        index = apt.lists()[0]
        outside = pathlib.Path(self.folder, "outside")
        outside.write_bytes(index.read_bytes())
        index.unlink()
        index.symlink_to(outside)
        inventory = collect(apt.root)
        self.assertEqual({}, upgrades(inventory))
        self.assertIn("is missing", inventory["problems"][0])


class Pins(Case):
    def four_suites(self):
        apt = self.make()
        for name in ("a", "b", "c", "d"):
            apt.install(name, "1.0")
        apt.install("e", "2.0~bpo1")
        offers = lambda version: [(name, version, {"Source": "src" + name}) for name in "abcde"]
        apt.repository("main", "stable", offers("1.1"), Version="12.1")
        apt.repository("security", "stable-security", offers("1.2"))
        apt.repository("backports", "stable-backports", offers("2.0~bpo2"), NotAutomatic="yes", ButAutomaticUpgrades="yes")
        apt.repository("experimental", "experimental", offers("3.0"), NotAutomatic="yes")
        apt.update()
        return apt

    def test_defaults(self):
        inventory = self.agree(self.four_suites())
        self.assertEqual("1.2", package(inventory, "a")["candidate"])
        self.assertEqual("2.0~bpo2", package(inventory, "e")["candidate"])
        held = {a["version"]: a["held_by"] for a in package(inventory, "a")["available"]}
        self.assertIsNone(held["1.2"])
        self.assertIsNone(held["1.1"])
        self.assertIn("stable-backports is not automatic", held["2.0~bpo2"])
        self.assertIn("experimental is not automatic", held["3.0"])

    def test_hold(self):
        apt = self.make()
        apt.install("a", "1.0", status="hold ok installed")
        apt.install("b", "1.0")
        apt.repository("main", "stable", [("a", "1.1", {}), ("b", "1.1", {})])
        apt.update()
        inventory = self.agree(apt)
        self.assertEqual(("apt-mark hold, in /var/lib/dpkg/status", None, "1.1"),
                         tuple(package(inventory, "a")[k] for k in ("hold", "status", "candidate")))

    CASES = {
        "never": ("Package: a b\nPin: release n=stable*\nPin-Priority: -1\n", {"a": None, "b": None}),
        "version": ("Package: a\nPin: version 1.1\nPin-Priority: 990\n", {"a": "1.1"}),
        "forced": ("Package: a\nPin: version 1.1\nPin-Priority: 1001\n", {"a": "1.1"}),
        "forced downgrade": ("Package: e\nPin: version 1.1\nPin-Priority: 1001\n", {"e": None}),
        "backports": ("Package: a\nPin: release a=stable-backports\nPin-Priority: 500\n", {"a": "2.0~bpo2"}),
        "general": ("Package: *\nPin: release o=experimental\nPin-Priority: 600\n", {"a": "3.0", "e": "3.0"}),
        "source": ("Package: src:srca\nPin: release o=experimental\nPin-Priority: 600\n", {"a": "3.0", "b": "1.2"}),
        "glob": ("Package: [ab]\nPin: release o=experimental\nPin-Priority: 600\n", {"a": "3.0", "b": "3.0", "c": "1.2"}),
        "regex": ("Package: /^[ab]$/\nPin: release o=/^EXPER/\nPin-Priority: 600\n", {"a": "3.0", "c": "1.2"}),
        "allow-list": ("Package: *\nPin: release a=now\nPin-Priority: 100\n\nPackage: *\nPin: release *\nPin-Priority: -1\n\n"
                       "Package: a\nPin: version 1.1\nPin-Priority: 990\n", {"a": "1.1", "b": None}),
        "never word": ("Package: *\nPin: release a=stable-security\nPin-Priority: never\n", {"a": "1.1"}),
    }

    def test_cases(self):
        apt = self.four_suites()
        for label, (text, expected) in self.CASES.items():
            with self.subTest(label):
                pin = apt.write("etc/apt/preferences.d/pin", text)
                inventory = collect(apt.root)
                self.assertEqual([], inventory["problems"])
                self.assertEqual(expected, {name: package(inventory, name)["candidate"] for name in expected})
                self.compare_candidates(apt, inventory)
                pin.unlink()
        inventory = collect(apt.root)
        self.assertEqual("1.2", package(inventory, "a")["candidate"])

    def test_held_by_names_the_file(self):
        apt = self.four_suites()
        apt.write("etc/apt/preferences.d/my-pin", self.CASES["never"][0])
        for offer in package(collect(apt.root), "a")["available"]:
            if offer["version"] < "2":
                self.assertEqual("pin in /etc/apt/preferences.d/my-pin", offer["held_by"])

    def test_default_release(self):
        apt = self.four_suites()
        apt.write("etc/apt/apt.conf.d/30release", 'APT::Default-Release "experimental";\n')
        self.assertEqual("3.0", package(self.agree(apt), "a")["candidate"])
        apt.write("etc/apt/apt.conf.d/30release", 'APT::Default-Release "nowhere";\n')
        self.assertIn("APT::Default-Release is 'nowhere'", collect(apt.root)["problems"][0])

    def compare_candidates(self, apt, inventory):
        """Against apt-cache policy: the candidate, where it is newer than what is installed."""
        mine = {p["name"]: p["candidate"] or p["version"] for p in inventory["packages"] if p["version"]}
        theirs = apt.candidates(mine)
        for name, candidate in theirs.items():
            installed = package(inventory, name)["version"]
            older = candidate is None or subprocess.run(
                ["dpkg", "--compare-versions", candidate, "lt", installed], check=False).returncode == 0
            self.assertEqual(installed if older else candidate, mine[name], name)

    def test_random(self):
        names = [f"p{i}" for i in range(40)]
        versions = ["0.9", "1.0", "1.0+b1", "1.0-1~bpo1", "1.1", "1.1-1", "1:0.1", "2.0~rc1", "2.0"]
        suites = [("main", "stable", {}), ("security", "stable-security", {"Label": "Debian-Security"}),
                  ("backports", "bpo", {"NotAutomatic": "yes", "ButAutomaticUpgrades": "yes"}),
                  ("experimental", "rc", {"NotAutomatic": "yes"}), ("vendor", "x", {"Version": "7.2"})]
        matches = ["release *", "release a=stable", "release n=stable*", "release o=vendor", "release l=Debian-Security, o=security",
                   "release a=now", "release v=7*", "release rc", "release c=main", 'origin ""', "version 1.1*", "version 1.0-1~bpo1",
                   "version *", "release b=amd64", "release 7.2", "release o=/VEND/"]
        for seed in range(ROUNDS):
            rng = random.Random(seed)
            with self.subTest(seed=seed), tempfile.TemporaryDirectory(dir=self.folder) as folder:
                apt = AptRoot(folder)
                for name in names:
                    apt.install(name, rng.choice(versions), Source=f"src{rng.randrange(9)}")
                for name, suite, fields in suites:
                    apt.repository(name, suite, [(p, v, {"Source": f"src{rng.randrange(9)}"}) for p in names
                                                 for v in rng.sample(versions, rng.randrange(3))], **fields)
                apt.update()
                pins = []
                for _ in range(rng.randrange(12)):
                    who = rng.choice(["*", "*", "p1*", "src:src1", "src:src[2-4]", "/^p2[0-5]$/", "p3 p4 p5", "p6:any", "p7:i386", "p*"])
                    pins.append(f"Package: {who}\nPin: {rng.choice(matches)}\n"
                                f"Pin-Priority: {rng.choice([-10, -1, 1, 50, 100, 101, 499, 500, 501, 990, 1000, 1001])}\n")
                apt.write("etc/apt/preferences.d/random", "\n".join(pins))
                if rng.randrange(4) == 0:
                    apt.write("etc/apt/apt.conf.d/30release", f'APT::Default-Release "{rng.choice(["stable", "rc", "o=vendor"])}";\n')
                inventory = collect(apt.root)
                self.assertEqual([], inventory["problems"])
                self.compare_candidates(apt, inventory)


class Phasing(Case):
    def test_draws_as_apt(self):
        apt = self.make()
        for i in range(101):
            apt.install(f"p{i}", "1.0")
        offers = [(f"p{i}", "1.1", {"Phased-Update-Percentage": i, "Source": f"s{i} (7)"}) for i in range(101)]
        apt.repository("main", "stable-updates", offers)
        apt.write("etc/apt/apt.conf.d/40id", f'APT::Machine-ID "{MACHINE_ID}";\n')
        apt.update()
        inventory = self.agree(apt, "--as-host")
        held = [p["name"] for p in inventory["packages"] if p["available"][0]["held_by"]]
        self.assertIn("p0", held)
        self.assertNotIn("p100", held)
        self.assertEqual("phased 0 %", package(inventory, "p0")["available"][0]["held_by"])
        self.assertGreater(len(held), 30)
        self.assertEqual(101, len(upgrades(collect(apt.root))), "a foreign root is a chroot: nothing is left out")
        for name, value in (("Always", 0), ("Never", 100)):
            apt.write("etc/apt/apt.conf.d/41phase", f'APT::Get::{name}-Include-Phased-Updates "true";\n')
            inventory = self.agree(apt, "--as-host")
            self.assertEqual(value, len([p for p in inventory["packages"] if p["available"][0]["held_by"]]))

    def test_security_is_never_phased(self):
        apt = self.make()
        for i in range(20):
            apt.install(f"p{i}", "1.0")
        apt.repository("updates", "stable-updates", [(f"p{i}", "1.2", {"Phased-Update-Percentage": 1}) for i in range(20)])
        apt.repository("security", "stable-security", [(f"p{i}", "1.1", {}) for i in range(10)])
        apt.write("etc/apt/apt.conf.d/40id", f'APT::Machine-ID "{MACHINE_ID}";\n')
        apt.update()
        self.assertEqual({f"p{i}:amd64" for i in range(10)}, set(upgrades(self.agree(apt, "--as-host"))) & {f"p{i}:amd64" for i in range(10)})


class States(Case):
    def test_states(self):
        apt = self.make()
        apt.install("dpkg", "1.0")
        apt.install("half", "1.0", status="install ok half-configured")
        apt.install("reinst", "1.0", status="install reinstreq half-installed")
        apt.install("triggers", "1.0", status="install ok triggers-awaited")
        apt.install("removed", "1.0", status="deinstall ok config-files")
        apt.install("linux-image-6.1.0-9-amd64", "6.1.27-1", Source="linux-signed-amd64 (6.1.27+1)")
        apt.install("linux-image-amd64", "6.1.27-1")
        apt.repository("main", "s", [("removed", "2.0", {})])
        apt.update()
        apt.write("var/lib/apt/extended_states", "Package: half\nArchitecture: amd64\nAuto-Installed: 1\n\n")
        apt.write("var/lib/dpkg/updates/0001", "")
        inventory = collect(apt.root)
        self.assertEqual(["half: install ok half-configured", "reinst: install reinstreq half-installed",
                          "triggers: install ok triggers-awaited"], inventory["broken"])
        self.assertEqual(["6.1.0-9-amd64"], inventory["kernels"])
        self.assertTrue(inventory["interrupted"])
        self.assertTrue(package(inventory, "half")["is_auto"])
        self.assertFalse(package(inventory, "dpkg")["is_auto"])
        self.assertEqual(["linux-signed-amd64", "6.1.27+1"],
                         [package(inventory, "linux-image-6.1.0-9-amd64")[k] for k in ("source", "source_version")])
        self.assertNotIn("removed", [p["name"] for p in inventory["packages"]])

    def test_other_updaters(self):
        apt = self.make()
        apt.install("dpkg", "1.0")
        apt.repository("main", "s", [])
        apt.update()
        apt.write("usr/bin/unattended-upgrade", "")
        apt.write("etc/apt/apt.conf.d/20auto-upgrades", 'APT::Periodic::Unattended-Upgrade "1";\n')
        wants = apt.write("etc/systemd/system/timers.target.wants/x", "").with_name("apt-daily-upgrade.timer")
        wants.symlink_to("/lib/systemd/system/apt-daily-upgrade.timer")
        self.assertEqual(["unattended-upgrades"], collect(apt.root)["other_updaters"])
        mask = apt.root / "etc/systemd/system/apt-daily-upgrade.timer"
        mask.symlink_to("/dev/null")
        self.assertEqual([], collect(apt.root)["other_updaters"])
        mask.unlink()
        apt.write("etc/apt/apt.conf.d/20auto-upgrades", 'APT::Periodic::Unattended-Upgrade "0";\n')
        self.assertEqual([], collect(apt.root)["other_updaters"])
        apt.write("etc/apt/apt.conf.d/50unattended-upgrades", 'Unattended-Upgrade::InstallOnShutdown "true";\n')
        self.assertEqual([], collect(apt.root)["other_updaters"], "its service is not there")
        service = apt.write("etc/systemd/system/multi-user.target.wants/x", "").with_name("unattended-upgrades.service")
        service.symlink_to("/lib/systemd/system/unattended-upgrades.service")
        self.assertEqual(["unattended-upgrades"], collect(apt.root)["other_updaters"])

    def test_new_packages(self):
        apt = self.make()
        apt.install("dpkg", "1.0")
        apt.install("meta", "1.0", Depends="image-1")
        apt.install("image-1", "1.0")
        apt.install("provider", "1.0", Provides="virtual (= 3)")
        apt.repository("main", "s", [
            ("meta", "2.0", {"Depends": "image-2 (= 2.0), virtual, dpkg | other", "Pre-Depends": "missing | second"}),
            ("image-2", "2.0", {"Depends": "tools", "Source": "linux-signed (2.0+1)"}), ("tools", "1", {"Depends": "deep | nowhere"}),
            ("second", "1", {}), ("deep", "1", {"Depends": "image-2"}), ("unrelated", "1", {}), ("other", "1", {})])
        apt.update()
        inventory = self.agree(apt)
        new = {p["name"]: p["candidate"] for p in inventory["packages"] if not p["version"]}
        self.assertEqual({"image-2": "2.0", "tools": "1", "second": "1", "deep": "1"}, new)
        self.assertEqual("2.0+1", package(inventory, "image-2")["available"][0]["source_version"])


class Problems(Case):
    def setUp(self):
        super().setUp()
        self.apt = self.make()
        self.apt.install("dpkg", "1.0")
        self.apt.install("a", "1.0")
        self.apt.repository("main", "s", [("a", "1.1", {}), ("b", "1", {})])
        self.apt.update()
        self.index, = self.apt.lists()
        self.release, = self.apt.lists("*Release")

    def expect(self, *sentences, prefix=()):
        said = collect(self.apt.root, prefix=prefix)["problems"]
        self.assertEqual(len(sentences), len(said), said)
        for sentence, text in zip(sentences, said):
            self.assertIn(sentence, text)

    def as_nobody(self):
        for folder, _, files in os.walk(self.apt.root):
            os.chmod(folder, 0o755)
            for name in files:
                os.chmod(os.path.join(folder, name), 0o644)
        return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

    def test_none(self):
        self.expect()
        self.expect(prefix=self.as_nobody())

    def rewrite(self, path, change):
        path.write_bytes(change(path.read_bytes()))
        return path

    def test_cut_between_stanzas(self):
        path = self.rewrite(self.index, lambda data: data[:data.index(b"\n\n") + 2])
        self.expect(f"{path.name}: it has")

    def test_cut_within_a_line(self):
        path = self.rewrite(self.index, lambda data: data[:-20])
        self.expect(f"{path.name}: the file ends within a line")

    def test_empty(self):
        path = self.rewrite(self.index, lambda data: b"")
        self.expect(f"{path.name}: it has 0 bytes")

    def test_cut_compressed(self):
        data = self.index.read_bytes()
        self.index.unlink()
        self.index.with_name(self.index.name + ".gz").write_bytes(gzip.compress(data)[:-12])
        self.expect("Packages.gz: ")

    def test_missing(self):
        self.index.unlink()
        self.expect("main/binary-amd64/Packages of copy:")

    def test_no_regular_file(self):
        self.index.unlink()
        os.mkfifo(self.index)
        self.expect(f"{self.index.name}: Invalid argument")

    def test_unreadable_lists(self):
        prefix = self.as_nobody()
        self.index.chmod(0o600)
        self.expect(f"{self.index.name}: Permission denied", prefix=prefix)
        self.index.parent.chmod(0o700)
        self.expect("_InRelease: Permission denied", "_Packages: Permission denied", prefix=prefix)

    def test_never_refreshed(self):
        self.index.unlink()
        self.release.unlink()
        self.expect("was never refreshed")
        self.assertIsNone(collect(self.apt.root)["refreshed_at"])

    def test_release_is_gone(self):
        self.release.unlink()
        self.apt.write("etc/apt/sources.list", self.apt.sources[0].replace("[trusted=yes] ", "") + "\n")
        self.expect("no signed Release file")

    def test_release_is_empty(self):
        self.release.write_bytes(b"")
        self.expect("_Release: it is empty, cut or no Release file")

    def test_unreadable_files(self):
        prefix = self.as_nobody()
        for name in ("etc/apt/preferences.d/pin", "etc/apt/sources.list.d/more.list", "etc/apt/apt.conf.d/99secret"):
            with self.subTest(name):
                path = self.apt.write(name, "")
                path.chmod(0o600)
                self.expect(f"/{name}: Permission denied", prefix=prefix)
                path.unlink()
        os.chmod(self.apt.root / "etc/apt/preferences.d", 0o700)
        self.expect("/etc/apt/preferences.d: Permission denied", prefix=prefix)

    def test_refused_by_apt(self):
        for name, text, says in (("preferences.d/pin", "Package: a\nPin: release *\n", "without priority"),
                                 ("sources.list.d/x.list", "deb nonsense\n", "/etc/apt/sources.list.d/x.list:1"),
                                 ("apt.conf.d/x", "A {\n B \"c;\n", "/etc/apt/apt.conf.d/x: line 2")):
            with self.subTest(name):
                path = self.apt.write(f"etc/apt/{name}", text)
                self.expect(says)
                path.unlink()

    def test_moved_places(self):
        self.apt.write("etc/apt/apt.conf.d/x", 'Dir::State::lists "/elsewhere";\n')
        self.expect("Dir::State::lists to '/elsewhere'")

    def test_unknown_component(self):
        self.apt.write("etc/apt/sources.list", self.apt.sources[0] + " misspelt\n")
        self.expect("has no component 'misspelt'")

    def test_no_database(self):
        (self.apt.root / "var/lib/dpkg/status").unlink()
        done = subprocess.run([str(DUMP), str(self.apt.root)], capture_output=True, text=True, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("no package database", done.stderr)

    def test_cut_status(self):
        status = self.apt.root / "var/lib/dpkg/status"
        status.write_bytes(status.read_bytes()[:-15])
        done = subprocess.run([str(DUMP), str(self.apt.root)], capture_output=True, text=True, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("/var/lib/dpkg/status: the file ends within a line", done.stderr)


class RealDebian(unittest.TestCase):
    maxDiff = None

    def test_upgrades(self):
        with roots.copy_of(roots.indexed_root("12", "system")) as root:
            plan = roots.run_in(root, "apt-get", "-q", "-s", "-o", "APT::Install-Recommends=false", "dist-upgrade").stdout
            expected = upgrades_in(plan, "amd64")
            inventory = collect(root)
            self.assertEqual([], inventory["problems"])
            self.assertEqual(expected, upgrades(inventory))
            self.assertGreater(len(expected), 3)
            new = {line.split()[1] for line in plan.splitlines() if line.startswith("Inst ") and line.split()[2][0] != "["}
            self.assertEqual(new, {p["name"] for p in inventory["packages"] if not p["version"]})
            self.assertTrue(any(index["is_security"] for index in inventory["indexes"]))


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--rounds":
        ROUNDS = int(sys.argv[2])
        del sys.argv[1:3]
    unittest.main()
