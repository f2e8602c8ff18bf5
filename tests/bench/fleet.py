# SPDX-License-Identifier: Apache-2.0
"""What a fleet asks of its control endpoint: when 10,000 nodes' polls arrive, by the daemon's own
schedule, and what one nginx with packaging/control's site spends on them over TLS. `tests/bench/run
--fleet` runs it, as root, in a network namespace of its own (so that the loopback's counters are
ours), and writes tests/bench/fleet.md."""

import gzip
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests"))

from lab import policies, roots, webserver  # noqa: E402  (the path comes first)

REPORT = SOURCE / "tests/bench/fleet.md"
BUILD = SOURCE / "build/release/tests"
NODES, HOURS, REPORTS = 10_000, 24, 2_000
INTERVAL_SECONDS = 3600
PACKAGES_IN_REPORT = 40
SCENARIOS = {"steady": "nodes started at any time of the day before",
             "outage": "the endpoint comes back after two hours away",
             "blackout": "every node boots within one minute"}


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def arrivals():
    """{scenario: (mean a minute, highest minute)}"""
    found = {}
    for name in SCENARIOS:
        minutes = [int(line) for line in run(BUILD / "fleet_arrivals", name, NODES, HOURS).split()]
        found[name] = statistics.mean(minutes), max(minutes)
    return found


def cpu_seconds(pid):
    """User and system time of a process and its children that live."""
    pids = [pid] + [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    ticks = 0
    for one in pids:
        fields = pathlib.Path(f"/proc/{one}/stat").read_text("ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def wire_bytes():
    """Everything that went over the loopback: both ways, with TCP, IP and TLS."""
    lines = pathlib.Path("/proc/self/net/dev").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.split()[0] == "lo:")


def make_report():
    """A report of the usual size: forty packages with something to say."""
    package = ('{{"name":"package-{0}","arch":"amd64","installed":"1.2.{0}-1+deb12u1","candidate":"1.2.{0}-1+deb12u2",'
               '"target":"1.2.{0}-1+deb12u2","state":"missing","classification":"security","severity":"high",'
               '"advisories":["DSA-{0}-1"],"cves":["CVE-2026-{0}"],"released_at":"2026-11-01T00:00:00Z",'
               '"date_source":"advisory","rule":"security","approve_at":"2026-11-08T00:00:00Z","reason":"approved"}}')
    body = ",".join(package.format(1000 + i) for i in range(PACKAGES_IN_REPORT))
    return gzip.compress(f'{{"type":"patchd.report.v1","packages":[{body}]}}'.encode())


def load(server, verb, count, *more):
    """(statuses, nginx's processor seconds, bytes on the wire), each for all of count calls."""
    before = cpu_seconds(server.process.pid), wire_bytes()
    said = run(BUILD / "fleet_polls", verb, server.url, server.ca, "lab-token", 0, count, *more)
    after = cpu_seconds(server.process.pid), wire_bytes()
    return dict(line.split() for line in said.splitlines()), after[0] - before[0], after[1] - before[1]


def http_bytes(server):
    """(bytes of an average request, of an average answer) in the access log, without TLS."""
    sizes = [tuple(map(int, line.split())) for line in server.access_log()]
    return tuple(statistics.mean(column) for column in zip(*sizes))


def count_bytes(server):
    """Lets the access log say nothing but the two sizes of each request."""
    path = server.work / "nginx.conf"
    text = path.read_text("utf-8").replace("access_log ", "log_format sizes '$request_length $bytes_sent'; access_log ")
    path.write_text(text.replace("/access.log;", "/access.log sizes;"), "utf-8")
    server.stop()
    server.start()


def measure():
    with tempfile.TemporaryDirectory() as folder, webserver.WebServer() as server:
        key = policies.Key(folder)
        policy = policies.make_policy()
        server.publish(key.sign_policy(policy, os.path.join(folder, "policy.dsse")), "lab.dsse.json")
        count_bytes(server)
        polls = load(server, "poll", NODES)
        requests = http_bytes(server)
        report = pathlib.Path(folder, "report.json.gz")
        report.write_bytes(make_report())
        reports = load(server, "report", REPORTS, report)
        return {"polls": polls, "requests": requests, "reports": reports, "report_bytes": report.stat().st_size}


def table_of_arrivals(found):
    lines = ["| polls of 10,000 nodes, hourly | mean a minute | highest minute | ratio |", "|---|---|---|---|"]
    for name, (mean, highest) in found.items():
        lines.append(f"| {SCENARIOS[name]} | {mean:.0f} | {highest} | {highest / mean:.2f} |")
    return lines


def table_of_costs(found):
    lines = ["| call, each over a TLS connection of its own | answers | nginx, ms of one core | on the wire, bytes |",
             "|---|---|---|---|"]
    for name, count in (("polls", NODES), ("reports", REPORTS)):
        statuses, seconds, wire = found[name]
        said = ", ".join(f"{number} × {status}" for status, number in statuses.items())
        lines.append(f"| {name} | {said} | {1000 * seconds / count:.2f} | {wire / count:.0f} |")
    return lines


def on_paper(found, fleet):
    """What a fleet of that size needs, from the costs of one."""
    polls_per_second = fleet / INTERVAL_SECONDS
    cost, wire = found["polls"][1] / NODES, found["polls"][2] / NODES
    report_cost, report_wire = found["reports"][1] / REPORTS, found["reports"][2] / REPORTS
    reports_per_second = fleet / 86400
    core = 100 * (polls_per_second * cost + reports_per_second * report_cost)
    gigabytes = (polls_per_second * wire + reports_per_second * report_wire) * 86400 / 1e9
    return (f"| {fleet:,} | {polls_per_second:.1f} | {core:.1f} % | {gigabytes:.1f} | "
            f"{fleet * found['report_bytes'] / 1e6:.0f} |")


def text_of(spread, found):
    request, answer = found["requests"]
    served = NODES / found["polls"][1]
    return "\n".join([
        "# What a fleet asks of its control endpoint", "",
        "Made by `tests/bench/run --fleet`; do not edit. One nginx (one worker) with the site of `packaging/control`,",
        "TLS, on loopback; clients are the cycle's own transport, arrival times the daemon's own schedule.", "",
        *table_of_arrivals(spread), "",
        *table_of_costs(found), "",
        f"A poll that finds nothing new (304) is {request:.0f} bytes of HTTP up and {answer:.0f} down; the rest on the",
        f"wire is TCP and the TLS handshake. One core of this machine would serve {served:.0f} polls a second, "
        f"{served * INTERVAL_SECONDS / 1e6:.1f} million nodes", "at one poll an hour.", "",
        "## On paper", "",
        "| nodes | polls a second | of one core | GB a day | MB of reports stored |", "|---|---|---|---|---|",
        on_paper(found, 10_000), on_paper(found, 100_000), on_paper(found, 1_000_000), "",
        "Polls once an hour, one report a day and node. Behind a CDN the policy and the feeds are static files with an",
        "ETag: let it cache them for a minute (`Cache-Control: max-age=60`), and the origin sees one request a minute and",
        "edge, whatever the number of nodes; only reports reach the origin, or go straight to an object store with PUT.",
        "After an outage nodes come back within one interval, spread by full jitter; after a blackout they poll within",
        "half a minute of their boot, which is the highest rate that an endpoint has to stand.", ""])


def build():
    for step in (["--preset", "release", "-DPATCHD_TESTS=ON"],
                 ["--build", "--preset", "release", "--target", "fleet_arrivals", "fleet_polls"]):
        subprocess.run(["cmake", *step], cwd=SOURCE, check=True, stdout=subprocess.DEVNULL)


def main():
    if os.geteuid() != 0:
        sys.exit("error: --fleet needs root, for a network namespace of its own")
    if sys.argv[1:] != ["--inside"]:
        build()
        os.execvp("unshare", ["unshare", "--net", sys.executable, "-B", __file__, "--inside"])
    roots.run_host("ip", "link", "set", "lo", "up")
    REPORT.write_text(text_of(arrivals(), measure()), encoding="utf-8")
    print(REPORT.read_text("utf-8"), end="")


if __name__ == "__main__":
    main()
