# SPDX-License-Identifier: Apache-2.0
"""Debian roots: base roots are made once by mmdebstrap from the machine's own mirror and kept in
the cache; a test works on a copy, an overlay that is gone afterwards."""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import uuid

CACHE_DIR = pathlib.Path(os.environ.get("PATCHD_TEST_CACHE", "/var/cache/patchd-tests"))
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
INDEX_MAX_AGE_SECONDS = 12 * 3600
BUILD_TIMEOUT_SECONDS = 900
COMMAND_TIMEOUT_SECONDS = 600

RELEASES = {"12": "bookworm", "13": "trixie"}

# What a flavour installs besides apt and dpkg. `system` boots and has a kernel to update.
LIBRARIES = {
    "12": ["libarchive13", "libcurl4", "libeconf0", "libjson-c5", "libsqlite3-0", "libssl3", "libsystemd0"],
    "13": ["libarchive13t64", "libcurl4t64", "libeconf0", "libjson-c5", "libsqlite3-0", "libssl3t64", "libsystemd0"],
}
FLAVOURS = {
    "small": lambda version: ["ca-certificates", "tzdata"],
    "system": lambda version: ["systemd", "systemd-sysv", "dbus", "ca-certificates", "tzdata", "passwd", "openssl", "curl",
                               "linux-image-amd64", *LIBRARIES[version], "python3-minimal"],
}

CLEAN_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


class LabError(Exception):
    """The lab itself could not be set up; the sentence says what is missing."""


def run_host(*command, timeout=COMMAND_TIMEOUT_SECONDS, check=True, **options):
    """Runs a program of this machine with a clean environment; gives the CompletedProcess."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout, env=CLEAN_ENVIRONMENT, check=False, **options)
    if check and done.returncode != 0:
        raise LabError(f"{command[0]} failed ({done.returncode}): {' '.join(map(str, command))}\n"
                       f"{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done


def mirrors():
    """The archive and the security archive that this machine's apt uses: (archive, security)."""
    listed = run_host("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)",
                      "Identifier: Packages").stdout.split("\n")
    by_release = dict(reversed(line.split()) for line in listed if len(line.split()) == 2)
    own = os_release()["VERSION_CODENAME"]
    try:
        return by_release[own].rstrip("/"), by_release[f"{own}-security"].rstrip("/")
    except KeyError as missing:
        raise LabError(f"apt's sources on this machine name no suite {missing}; run apt-get update, "
                       "or add it to the sources") from missing


def os_release(root="/"):
    """The fields of os-release as a dictionary."""
    text = pathlib.Path(root, "etc/os-release").read_text(encoding="utf-8")
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in text.splitlines()) if key}


def sources_text(version, with_updates=True):
    """A sources.list of the release, with or without its updates and security suites."""
    archive, security = mirrors()
    name = RELEASES[version]
    lines = [f"deb [signed-by={KEYRING}] {archive} {name} main"]
    if with_updates:
        lines += [f"deb [signed-by={KEYRING}] {archive} {name}-updates main",
                  f"deb [signed-by={KEYRING}] {security} {name}-security main"]
    return "\n".join(lines) + "\n"


def adopt_network(root):
    """Lets apt in the root reach the mirror as this machine does: resolver, hosts and proxy. Nothing
    else of the machine's configuration gets in."""
    etc = pathlib.Path(root, "etc")
    for name in ("resolv.conf", "hosts"):
        target = etc / name
        target.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"/etc/{name}", target)
    dump = run_host("apt-config", "dump").stdout.splitlines()
    wanted = [line for line in dump if line.lower().startswith(("acquire::http", "acquire::https"))
              and "proxy" in line.lower() and not line.endswith('"";')]
    (etc / "apt/apt.conf.d/90lab").write_text("\n".join(wanted) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _locked(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build_base(version, packages, target):
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    remove_tree(partial)
    # Only the release pocket, so that what came out since then is a pending update.
    done = run_host("mmdebstrap", "--mode=root", "--variant=apt", f"--keyring={KEYRING}",
                    "--aptopt=Acquire::Languages \"none\"", "--dpkgopt=path-exclude=/usr/share/man/*",
                    "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=force-unsafe-io",
                    f"--include={','.join(packages)}", RELEASES[version], partial,
                    sources_text(version, with_updates=False).strip(), timeout=BUILD_TIMEOUT_SECONDS, check=False)
    if done.returncode != 0:
        remove_tree(partial)
        raise LabError(f"mmdebstrap could not make a Debian {version} root:\n{done.stderr[-4000:]}")
    (partial / "etc/apt/sources.list").write_text(sources_text(version), encoding="utf-8")
    adopt_network(partial)
    partial.rename(target)


def base_root(version, flavour="small", extra=()):
    """A kept, read-only root: the release as published, with security updates pending in its sources
    and no index fetched for them yet. Never write into it; see copy_of()."""
    packages = FLAVOURS[flavour](version) + sorted(extra)
    recipe = f"v5 {' '.join(packages)} {sources_text(version)}"
    target = CACHE_DIR / f"{RELEASES[version]}-{flavour}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with _locked(target.with_name(target.name + ".lock")):
        if not target.is_dir():
            _build_base(version, packages, target)
    return target


def indexed_root(version, flavour="small", extra=()):
    """As base_root(), with `apt-get update` done in the last twelve hours."""
    base = base_root(version, flavour, extra)
    target = base.with_name(base.name + "-indexed")
    with _locked(target.with_name(target.name + ".lock")):
        if target.is_dir() and time.time() - target.stat().st_mtime < INDEX_MAX_AGE_SECONDS:
            return target
        remove_tree(target)
        partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        remove_tree(partial)
        run_host("cp", "-a", "--reflink=auto", base, partial)
        adopt_network(partial)
        run_in(partial, "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update")
        os.utime(partial)
        partial.rename(target)
    return target


def run_in(root, *command, **options):
    """Runs a program inside a root by chroot, with /proc and /dev there meanwhile."""
    with contextlib.ExitStack() as stack:
        for kind, name in (("proc", "proc"), ("devtmpfs", "dev")):
            run_host("mount", "-t", kind, kind, f"{root}/{name}")
            stack.callback(run_host, "umount", "-l", f"{root}/{name}")
        return run_host("chroot", root, *command, **options)


def remove_tree(path):
    """Deletes a root; refuses while something is mounted below it."""
    path = pathlib.Path(path)
    if not path.exists():
        return
    mounts = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").split("\n")
    below = [line.split()[1] for line in mounts if line and line.split()[1].startswith(f"{path}/")]
    if below:
        raise LabError(f"not deleting {path}: {below[0]} is mounted")
    shutil.rmtree(path)


def snapshot(root, paths):
    """{path: everything that can be seen of files and links but their times}."""
    result = {}
    for path in paths:
        target = pathlib.Path(root, path.lstrip("/"))
        info = target.lstat()
        content = os.readlink(target) if stat.S_ISLNK(info.st_mode) else None if stat.S_ISDIR(info.st_mode) else target.read_bytes()
        result[path] = (info.st_mode, info.st_uid, info.st_gid, content)
    return result


def sweep(prefix="patchd-lab-"):
    """Removes what tests that were killed have left behind. Others may be at it too, and what can't be
    removed is no reason to fail."""
    for work in pathlib.Path(tempfile.gettempdir()).glob(prefix + "*"):
        with contextlib.suppress(OSError, LabError):
            if not pathlib.Path("/proc", (work / "pid").read_text("ascii")).exists():
                unmount(work / "root")
                remove_tree(work)


def unmount(root):
    """Also what somebody still has open there."""
    run_host("umount", "-R", root, check=False)
    if os.path.ismount(root):
        run_host("umount", "-R", "-l", root)


def die_with_parent():
    """For preexec_fn: the child is killed when this process is gone, however it went."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


@contextlib.contextmanager
def copy_of(base, directory=None, hostname="node"):
    """A writable copy of a root with a machine id and a name of its own; gone when the block ends."""
    sweep()
    work = pathlib.Path(tempfile.mkdtemp(prefix="patchd-lab-", dir=directory))
    (work / "pid").write_text(str(os.getpid()), encoding="ascii")
    root = work / "root"
    for name in ("root", "upper", "work"):
        (work / name).mkdir()
    layers = f"lowerdir={base},upperdir={work}/upper,workdir={work}/work"
    is_mounted = any(run_host("mount", "-t", "overlay", "overlay", "-o", layers + extra, root,
                              check=False).returncode == 0 for extra in (",volatile", ""))
    try:
        if not is_mounted:
            root.rmdir()
            run_host("cp", "-a", "--reflink=auto", base, root)
        (root / "etc/machine-id").write_text(uuid.uuid4().hex + "\n", encoding="utf-8")
        (root / "etc/hostname").write_text(f"{hostname}\n", encoding="utf-8")
        adopt_network(root)
        yield root
    finally:
        if is_mounted:
            unmount(root)
        remove_tree(work)


def main(wanted):
    """Makes base roots beforehand: each argument is VERSION:FLAVOUR, such as 12:system."""
    for item in wanted:
        version, _, flavour = item.partition(":")
        started = time.monotonic()
        print(f"{item}: {base_root(version, flavour)} ({time.monotonic() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
