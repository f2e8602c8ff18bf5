# SPDX-License-Identifier: Apache-2.0
"""A root that looks like Debian to whoever only reads: dpkg's status and apt's lists, no programs."""

import email.utils
import hashlib
import os
import time


def stanza(**fields):
    """One deb822 stanza; underscores in names become hyphens."""
    return "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items()) + "\n"


class DebRoot:
    """Collects packages and repositories, then writes them below a folder."""

    def __init__(self, path, arch="amd64"):
        self.path = path
        self.arch = arch
        self.status = ""
        self.sources = ""
        self.write("etc/os-release", 'ID=debian\nVERSION_ID="12"\n')
        self.write("etc/hostname", "synthetic\n")

    def write(self, name, text):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def install(self, name, version, status="install ok installed", **fields):
        self.status += stanza(Package=name, Status=status, Architecture=self.arch,
                              Version=version, Description="x", **fields)
        self.write("var/lib/dpkg/status", self.status)

    def repository(self, host, suite, packages, date, security=False, **release):
        """packages: a list of (name, version, more fields). Gives the path of its index."""
        text = "".join(stanza(Package=name, Version=version, Architecture=self.arch,
                              Filename=f"pool/{name}_{version}.deb", Size=1000,
                              SHA256=hashlib.sha256(f"{name} {version}".encode()).hexdigest(),
                              **more)
                       for name, version, more in packages)
        index = f"main/binary-{self.arch}/Packages"
        head = {"Origin": "Debian", "Label": "Debian-Security" if security else "Debian",
                "Suite": suite, "Codename": suite,
                "Date": email.utils.formatdate(date, usegmt=True).replace("GMT", "UTC")}
        head.update(release)
        checksum = hashlib.sha256(text.encode()).hexdigest()
        inrelease = "".join(f"{key}: {value}\n" for key, value in head.items())
        inrelease += f"SHA256:\n {checksum} {len(text)} {index}\n"
        stem = f"var/lib/apt/lists/{host}_debian_dists_{suite}"
        self.write(f"{stem}_InRelease", inrelease)
        self.sources += f"deb http://{host}/debian {suite} main\n"
        self.write("etc/apt/sources.list", self.sources)
        return self.write(f"{stem}_{index.replace('/', '_')}", text)


def days_ago(days):
    return int(time.time()) - days * 86400
