# SPDX-License-Identifier: Apache-2.0
"""What advisories cost: on a Debian root with real security updates pending and a feed of 60,000 generated
records for its packages, the first compile, a load of the cache and a whole scan, each beside something
that does no more than it must. `tests/bench/run --feeds` runs it, as root.

The programs take turns within each round; ratios are taken within a round, and their median is printed.
Beside the time that passed stands the processor's: the one grows with what else the machine does."""

import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests"))

from lab import feeds, policies, roots  # noqa: E402  (the path comes first)

RELEASE = SOURCE / "build/release"
PATCHCTL, FEED_BENCH = RELEASE / "agent/ctl/patchctl", RELEASE / "tests/feed_bench"
VERSION, RECORDS = "12", 60000
OTHER_SOURCES = 4000  # of the archive, beside those that are installed
PARSE = "import json,sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nfor n in z.namelist(): json.loads(z.read(n))"
LIMITS = {"first compile": (1.5, 40), "load of the cache": (None, 40), "scan": (None, 15)}
LOAD_MAX_SECONDS = 0.02


def source_names(root):
    """The sources of what is installed, and some of the archive's other packages."""
    status = (root / "var/lib/dpkg/status").read_text(encoding="utf-8")
    installed = {stanza_name(stanza) for stanza in status.split("\n\n") if stanza.strip()}
    index = next((root / "var/lib/apt/lists").glob("*_main_binary-*_Packages"))
    others = sorted(set(re.findall(r"^Package: (\S+)", index.read_text(encoding="utf-8"), flags=re.M)))
    return installed | set(others[::max(1, len(others) // OTHER_SOURCES)])


def stanza_name(stanza):
    return (re.search(r"^Source: (\S+)", stanza, flags=re.M) or re.search(r"^Package: (\S+)", stanza, flags=re.M))[1]


def write_policy(path, feed=None):
    """Everything, one week after its advisory; with the feed pinned."""
    policy = policies.make_policy(mode="scan", rules=[{"name": "all", "approve_after_days": 7}])
    if feed:
        policy["feeds"] = [{"id": "bench", "format": "osv", "os": [f"debian:{VERSION}"], "url": f"file://{feed}",
                            "sha256": feeds.sha256(feed.read_bytes()), "size_bytes": feed.stat().st_size}]
    path.write_text(json.dumps(policy), encoding="utf-8")
    return path


def table(measure, rounds, ours, programs):
    """Runs the programs in turns; ours is one of them."""
    for command in programs.values():
        measure(command)
    rows = {name: [] for name in programs}
    for _ in range(rounds):
        for name, command in programs.items():
            rows[name].append(measure(command))
    print(f"\n{'':28}{'passed':>10}{'processor':>12}{'memory':>12}   ratios to {ours}, medians of {rounds} rounds")
    for name, runs in rows.items():
        seconds, kib, busy = (statistics.median(column) for column in zip(*runs))
        ratios = [statistics.median(run[i] / max(own[i], 1e-4) for run, own in zip(runs, rows[ours])) for i in (0, 2, 1)]
        print(f"{name:28}{seconds:8.3f} s{busy:10.3f} s{kib / 1024:8.1f} MiB   "
              + "".join(f"{ratio:8.1f} x" for ratio in ratios))
    return {name: [statistics.median(column) for column in zip(*runs)] for name, runs in rows.items()}


def check(found):
    for name, (most_seconds, most_mib) in LIMITS.items():
        _, kib, busy = found[name]
        wrong = (most_seconds and busy > most_seconds) or kib / 1024 > most_mib
        limit = f"{most_seconds} s of the processor, " if most_seconds else ""
        print(f"{name}: {'NOT ' if wrong else ''}within {limit}{most_mib} MiB")


def check_load(command, rounds):
    """Without the program's own start, as feed_bench says it."""
    outputs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(rounds)]
    seconds = statistics.median(float(re.search(r"load_cpu_msec (\S+)", text)[1]) for text in outputs) / 1000
    print(f"load of the cache: {'' if seconds <= LOAD_MAX_SECONDS else 'NOT '}within {LOAD_MAX_SECONDS} s of the "
          f"processor beside the program's start: {seconds:.4f} s")


def run(folder, root, measure, rounds):
    feed, cache = folder / "feed.zip", folder / "cache"
    names = folder / "names"
    names.write_text("\n".join(sorted(source_names(root))) + "\n", encoding="ascii")
    subprocess.run([sys.executable, "-B", SOURCE / "tests/bench/make_feed.py", feed, str(RECORDS), "--packages", names],
                   check=True)
    apt = ["apt-get", "-o", f"Dir={root}", "-o", f"Dir::State::status={root}/var/lib/dpkg/status", "-s", "dist-upgrade"]
    pending = subprocess.run(apt, check=True, capture_output=True, text=True).stdout.count("\nInst ")
    print(f"Debian {VERSION} with {pending} pending updates; a feed of {RECORDS} records, "
          f"{feed.stat().st_size / 1e6:.0f} MB as a zip of one file each")
    subprocess.run([FEED_BENCH, "debian", VERSION, feed, cache], check=True, stdout=subprocess.DEVNULL)
    found = table(measure, rounds, "first compile",
                  {"first compile": [FEED_BENCH, "debian", VERSION, feed],
                   "unzip -p, to nowhere": ["unzip", "-p", feed],
                   "Python: zipfile, json.loads": [sys.executable, "-c", PARSE, feed]})
    load = [FEED_BENCH, "debian", VERSION, feed, cache]
    found.update(table(measure, rounds, "load of the cache", {"load of the cache": load, "cat of the cache": ["cat", cache]}))
    scan = [PATCHCTL, "scan", "--json", "--root", root, "--policy"]
    found.update(table(measure, rounds, "scan",
                       {"scan": [*scan, write_policy(folder / "plain.json")],
                        "scan, compiling the feed": [*scan, write_policy(folder / "fed.json", feed)],
                        "apt-get -s dist-upgrade": apt}))
    check(found)
    check_load(load, rounds)


def main(measure, rounds):
    root = pathlib.Path(roots.indexed_root(VERSION, "system"))
    with tempfile.TemporaryDirectory(prefix="feeds.") as folder:
        run(pathlib.Path(folder), root, measure, rounds)
