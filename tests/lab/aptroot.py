# SPDX-License-Identifier: Apache-2.0
"""A root whose repositories lie beside it and whose lists are fetched by this machine's real apt, so
that apt itself can be asked what it would do there."""

import os
import pathlib
import re
import subprocess

from lab.debroot import stanza
from lab.roots import CLEAN_ENVIRONMENT


class AptRoot:
    """path: an empty folder. Packages are (name, version, more fields)."""

    def __init__(self, path, arch="amd64", foreign=()):
        self.path = pathlib.Path(path)
        self.root = self.path / "root"
        self.arch = arch
        self.conf = self.path / "apt.conf"
        self.sources = []
        self.states = []
        for folder in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "var/lib/apt/lists/partial",
                       "var/cache/apt/archives/partial", "var/lib/dpkg/updates"):
            (self.root / folder).mkdir(parents=True)
        self.write("etc/apt/apt.conf.d/10arch", f'APT::Architecture "{arch}";\n'
                   f'APT::Architectures {{ {" ".join(f"{chr(34)}{a}{chr(34)};" for a in (arch, *foreign))} }};\n')
        self.conf.write_text(f'Dir "{self.root}";\nDir::State::status "{self.root}/var/lib/dpkg/status";\n'
                             'APT::Sandbox::User "root";\nDebug::NoLocking "1";\nDir::Bin::ischroot "/bin/false";\n'
                             'Acquire::Languages "none";\nAPT::Install-Recommends "0";\n', encoding="utf-8")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def install(self, name, version, status="install ok installed", **fields):
        fields = {"Architecture": self.arch, **fields}
        self.states.append(stanza(Package=name, Status=status, Maintainer="x <x@example.org>", Version=version,
                                  Description="x", **fields))
        self.write("var/lib/dpkg/status", "".join(self.states))

    def index_text(self, packages):
        return "".join(stanza(**{"Package": name, "Architecture": self.arch, "Version": version,
                                 "Maintainer": "x <x@example.org>", "Filename": f"pool/{name}_{version}.deb",
                                 "Size": 1000, "SHA256": "0" * 64, "Description": "x", **more})
                       for name, version, more in packages)

    def repository(self, name, suite, packages, arches=None, component="main", listed=True, **release):
        """Makes a repository; with `listed` adds a line to sources.list. Gives its folder."""
        folder = self.path / name
        top = folder / suite.strip("/") if suite.endswith("/") else folder / "dists" / suite
        for arch in arches or [self.arch]:
            index = top / ("Packages" if suite.endswith("/") else f"{component}/binary-{arch}/Packages")
            index.parent.mkdir(parents=True, exist_ok=True)
            index.write_text(self.index_text([p for p in packages if p[2].get("Architecture", self.arch) in (arch, "all")]
                                             if arches else packages), encoding="utf-8")
        self.sign(top, **{"Suite": suite.strip("/") or "flat", "Codename": suite.strip("/") or "flat", "Origin": name,
                          "Label": name, "Components": component, "Architectures": " ".join(arches or [self.arch]), **release})
        if listed:
            self.sources.append(f"deb [trusted=yes] copy:{folder} {suite}" + ("" if suite.endswith("/") else f" {component}"))
            self.write("etc/apt/sources.list", "\n".join(self.sources) + "\n")
        return folder

    def sign(self, top, **fields):
        """Writes the Release file of a suite's folder; nothing is really signed (trusted=yes)."""
        options = [word for key, value in fields.items() if key not in ("NotAutomatic", "ButAutomaticUpgrades")
                   for word in ("-o", f"APT::FTPArchive::Release::{key}={value}")]
        (top / "Release").unlink(missing_ok=True)
        text = subprocess.run(["apt-ftparchive", *options, "release", str(top)], env=CLEAN_ENVIRONMENT, check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        extra = "".join(f"{key}: {fields[key]}\n" for key in ("NotAutomatic", "ButAutomaticUpgrades") if key in fields)
        (top / "Release").write_text(extra + text, encoding="utf-8")

    def apt(self, *words):
        """Output of an apt program on this root."""
        done = subprocess.run(words, env={**CLEAN_ENVIRONMENT, "APT_CONFIG": str(self.conf)}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def update(self):
        self.apt("apt-get", "-q", "update")

    def lists(self, pattern="*Packages*"):
        return sorted((self.root / "var/lib/apt/lists").glob(pattern))

    def upgrades(self):
        """{"name:arch": new version} of what apt would upgrade."""
        return upgrades_in(self.apt("apt-get", "-q", "-s", "dist-upgrade"), self.arch)

    def candidates(self, names):
        """{name: candidate} of apt-cache policy; None for "(none)"."""
        result = {}
        for block in re.split(r"^(?=\S)", self.apt("apt-cache", "policy", *names), flags=re.M):
            found = re.match(r"(\S+):\n.*?^  Candidate: (\S+)", block, flags=re.S | re.M)
            if found:
                result[found[1]] = None if found[2] == "(none)" else found[2]
        return result


def upgrades_in(text, native):
    """What `apt-get -s` says it would upgrade; new packages are left out."""
    result = {}
    for name, version, arch in re.findall(r"^Inst (\S+) \[\S+\] \((\S+) .*\[(\S+)\]\)", text, flags=re.M):
        name, _, qualifier = name.partition(":")
        arch = native if arch == "all" else qualifier or arch
        result[f"{name}:{arch}"] = version
    return result


def build_folder():
    return pathlib.Path(os.environ.get("PATCHD_BUILD", "build/dev"))
