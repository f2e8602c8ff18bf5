#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""usage: check_needs.py PLAN_DUMP [--worlds N] [--subsets N] [--seed N]: our verdict on dependencies
against apt's resolver under the allow-list, on made-up repositories (versioned dependencies,
alternatives, provided names, breaks, new packages, several architectures) and random approvals.

Whatever is planned, apt has to install, exactly: one miss fails. What apt would install of all that is
approved and we do not plan is counted, and bounded. So are plans that apt's resolver takes whole and its
ordering then gives up on: made-up packages pre-depend on and break each other in circles."""

import argparse
import itertools
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import policies  # noqa: E402
from lab.aptroot import AptRoot  # noqa: E402
from lab.roots import CLEAN_ENVIRONMENT  # noqa: E402

INSTALLED = [f"p{i}" for i in range(10)]
NEW = [f"n{i}" for i in range(4)]
LIBRARIES = ["m0", "m1"]  # Multi-Arch: same, for two architectures
VIRTUAL = ["v0", "v1"]
MAX_CAREFUL = 0.15  # of what apt would install, left out by us
MAX_DISORDERED = 0.15  # of plans
ORDERING = "MaxLoopCount reached|ould ?n.t configure|ould not configure|conflicts violated"


class World:
    """One root: what is installed, what is on offer. Everything installed is at version 1."""

    def __init__(self, seed, folder):
        self.random = random.Random(seed)
        self.provides = {}  # of what is installed: {virtual: version or ""}
        self.versions = []  # (name, version) on offer
        self.root = AptRoot(folder, foreign=["i386"])
        self.root.write("etc/os-release", 'ID=debian\nVERSION_ID="12"\n')
        self.make()

    def chance(self, n):
        return self.random.randrange(n) == 0

    def relation(self, name, installed):
        """A dependency; of an installed package one that holds now."""
        numbers = [1] if installed else [1, 2, 2, 3]
        kind = self.random.choice(["", "", ">=", ">=", "=", "<<"])
        number = self.random.choice(numbers)
        if kind == "<<":
            number += 1
        if kind and name in VIRTUAL and self.chance(2):
            kind = ""
        return f"{name} ({kind} {number})" if kind else name

    def holds(self, text):
        """Whether a relation holds with everything at version 1."""
        name, _, rest = text.partition(" (")
        here = ["1"] if name.split(":")[0] in INSTALLED + LIBRARIES else self.provides.get(name, [])
        if not rest:
            return bool(here)
        kind, number = rest.rstrip(")").split()
        return any(v and {">=": int(v) >= int(number), "=": v == number, "<<": int(v) < int(number),
                          ">>": int(v) > int(number)}[kind] for v in here)

    def depends(self, name, installed):
        groups = []
        for _ in range(self.random.choice([0, 1, 1, 2, 3])):
            others = [n for n in INSTALLED + LIBRARIES + VIRTUAL + ([] if installed else NEW) if n != name]
            group = [self.relation(self.random.choice(others), installed)
                     for _ in range(self.random.choice([1, 1, 1, 2, 3]))]
            if installed and not any(self.holds(a) for a in group):
                continue
            groups.append(" | ".join(group))
        if self.chance(6):
            groups.append("tool")
        if self.chance(8):
            groups.append("anyone:any")
        return ", ".join(groups)

    def breaks(self, name, installed):
        found = []
        if self.chance(3):
            other = self.random.choice([n for n in INSTALLED + NEW + VIRTUAL if n != name])
            kind, number = self.random.choice([("<<", 2), ("<<", 2), ("<<", 3), (">=", 2), ("=", 2), (">>", 2), ("", 0)])
            text = f"{other} ({kind} {number})" if kind else other
            if not (installed and self.holds(text)) and (kind or self.chance(3)):
                found.append(text)
        return ", ".join(found)

    def fields(self, name, version, installed, provides):
        result = {}
        depends, breaks = self.depends(name, installed), self.breaks(name, installed)
        if depends:
            result[self.random.choice(["Depends", "Depends", "Pre_Depends"] if not installed else ["Depends"])] = depends
        if breaks:
            result[self.random.choice(["Breaks", "Conflicts"])] = breaks
        if provides:
            result["Provides"] = provides
        if name not in LIBRARIES and self.chance(4):
            result["Source"] = f"joint ({version})"
        return result

    def provided(self):
        name = self.random.choice(VIRTUAL)
        version = self.random.choice(["", "", "1", "2"])
        return (f"{name} (= {version})" if version else name), name, version

    def make(self):
        offers = []
        provided = {name: self.provided() for name in INSTALLED if self.chance(4)}
        for text, virtual, version in provided.values():
            self.provides.setdefault(virtual, []).append(version)
        for name in INSTALLED:
            text = provided[name][0] if name in provided else ""
            self.root.install(name, "1", **self.hyphens(self.fields(name, "1", True, text)))
            for version in ("2", "3"):
                if self.chance(4):
                    continue
                if self.chance(3):
                    text = self.random.choice(["", self.provided()[0]])
                offers.append((name, version, self.fields(name, version, False, text)))
        self.root.install("tool", "1", Architecture="i386", Multi_Arch="foreign")
        self.root.install("anyone", "1", Architecture="i386", Multi_Arch="allowed")
        if self.chance(2):
            offers.append(("tool", "2", {"Architecture": "i386", "Multi_Arch": self.random.choice(["foreign", "no"])}))
        if self.chance(2):
            offers.append(("anyone", "2", {"Architecture": "i386", "Multi_Arch": self.random.choice(["allowed", "foreign", "no"])}))
        for name, arch in itertools.product(LIBRARIES, ("amd64", "i386")):
            self.root.install(name, "1", Architecture=arch, Multi_Arch="same")
            for version in ("2", "3"):
                if not self.chance(4):
                    offers.append((name, version, {"Architecture": arch, "Multi_Arch": "same",
                                                   "Depends": self.relation("p0", True)} if self.chance(3) else
                                   {"Architecture": arch, "Multi_Arch": "same"}))
        for name in NEW:
            for version in self.random.choice([["1"], ["2"], ["1", "2"], []]):
                offers.append((name, version, self.fields(name, version, False,
                                                          self.provided()[0] if self.chance(3) else "")))
        self.versions = sorted({(name, version) for name, version, _ in offers})
        self.root.repository("repo", "stable", [(n, v, self.hyphens(f)) for n, v, f in offers], arches=["amd64", "i386"])
        self.root.update()

    @staticmethod
    def hyphens(fields):
        return {key.replace("_", "-"): value for key, value in fields.items()}

    def is_sound(self):
        done = subprocess.run(["apt-get", "-q", "check"], env={**CLEAN_ENVIRONMENT, "APT_CONFIG": str(self.root.conf)},
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return done.returncode == 0

    def policy(self):
        share = self.random.choice([0.3, 0.5, 0.7, 0.9, 1])
        approved = [{"package": n, "version": v} for n, v in self.versions if self.random.random() < share]
        rejected = [{"package": self.random.choice(INSTALLED + NEW)}] if self.chance(5) else []
        return policies.make_policy(mode="scan", rules=[{"name": "none", "package": ["no-such-package"], "approve_after_days": 0}],
                                    approved=approved, rejected=rejected)

    def ask(self, question):
        """{(name, arch): version} that apt would install; of what it can't put in order the versions are not
        known; None when it refuses."""
        done = subprocess.run(question["argv"], env={**CLEAN_ENVIRONMENT, "APT_CONFIG": str(self.root.conf)},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, pass_fds=())
        if done.returncode != 0 and re.search(ORDERING, done.stderr):
            return {name_and_arch(name): None for name in summary(done.stdout)}, done.stdout
        if done.returncode != 0:
            return None, done.stdout + done.stderr
        found = {}
        for line in done.stdout.splitlines():
            words = line.split()
            if line.startswith(("Remv ", "Purg ")):
                found[(words[1], "removed")] = ""
            elif line.startswith("Inst "):
                name, _, arch = words[1].partition(":")
                version = line.partition("(")[2].split()[0]
                shown = line.partition(")")[0].rpartition("[")[2].rstrip("]")
                found[(name, arch or ("amd64" if shown == "all" else shown))] = version
        return found, done.stdout


def name_and_arch(text):
    name, _, arch = text.partition(":")
    return name, arch or "amd64"


def summary(text):
    """The names in apt's lists of what would be upgraded, installed or removed."""
    names, listed = [], False
    for line in text.splitlines():
        if not line.startswith(" "):
            listed = re.match(r"The following (NEW )?packages will be ", line, re.IGNORECASE) is not None
        elif listed:
            names += line.split()
    return names


def wanted(question):
    return {(item["name"], item["arch"]): item["version"] for item in question["items"]}


def check_world(tool, seed, n_subsets, counts):
    with tempfile.TemporaryDirectory(prefix="patchd-needs.") as folder:
        world = World(seed, folder)
        if not world.is_sound():
            return False
        files = []
        for number in range(n_subsets):
            files.append(pathlib.Path(folder, f"policy{number}.json"))
            files[-1].write_text(json.dumps(world.policy()), encoding="utf-8")
        questions = pathlib.Path(folder, "questions")
        questions.mkdir()
        output = subprocess.run([tool, world.root.root, questions, *files], check=True, stdout=subprocess.PIPE, text=True).stdout
        for number, line in enumerate(output.splitlines()):
            compare(world, seed, number, json.loads(line), files[number], counts)
    return True


def compare(world, seed, number, answer, policy, counts):
    planned = wanted(answer["planned"])
    counts["subsets"] += 1
    counts["planned"] += len(planned)
    if planned:
        found, text = world.ask(answer["planned"])
        if found and None in found.values():
            counts["disordered"] += 1
            found = {key: planned.get(key) if version is None else version for key, version in found.items()}
        if found != planned:
            counts["refused"] += 1
            print(f"world {seed}, subset {number}: planned {planned}\napt: {text}\n{policy.read_text()}\n"
                  f"{json.dumps(answer['reasons'], indent=1)}")
            if os.environ.get("CHECK_NEEDS_SHOW"):
                print(*(f.read_text() for f in world.root.path.rglob("Packages")))
                print((world.root.root / "var/lib/dpkg/status").read_text())
    found, text = world.ask(answer["approved"])
    if found is None:
        return
    counts["apt"] += len(found)
    careful = {key: version for key, version in found.items() if key not in planned}
    counts["careful"] += len(careful)
    counts["more"] += len([key for key in planned if key not in found])
    if careful and os.environ.get("CHECK_NEEDS_CAREFUL"):
        print(f"world {seed}, subset {number}: apt also {careful}; {json.dumps(answer['reasons'])}\n"
              f"{policy.read_text()}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--worlds", type=int, default=5)
    parser.add_argument("--subsets", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    counts = dict.fromkeys(("worlds", "subsets", "planned", "refused", "disordered", "apt", "careful", "more"), 0)
    seed = arguments.seed
    while counts["worlds"] < arguments.worlds:
        counts["worlds"] += check_world(arguments.tool, seed, arguments.subsets, counts)
        seed += 1
    print("{worlds} worlds, {subsets} random approvals: {planned} packages planned, {refused} plans that apt would not "
          "follow, {disordered} that it could not put in order; of {apt} that apt would install {careful} are left out, "
          "{more} come that it would keep back".format(**counts))
    if (counts["refused"] or not counts["planned"] or counts["disordered"] > MAX_DISORDERED * counts["subsets"]
            or counts["careful"] > MAX_CAREFUL * counts["apt"]):
        sys.exit("error: the verdicts differ from apt's resolver")


if __name__ == "__main__":
    main()
