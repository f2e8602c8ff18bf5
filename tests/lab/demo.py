# SPDX-License-Identifier: Apache-2.0
"""The whole job in a throw-away Debian 12: packaging/quickstart --demo."""

import contextlib
import os
import pathlib
import tempfile
import time

from . import container, policies, roots, webserver

SOURCE = pathlib.Path(os.environ["PATCHD_SOURCE"])
RUN_TIMEOUT_SECONDS = 1200
STARTED = time.monotonic()


def say(text):
    print(f"\n== {text} ({time.monotonic() - STARTED:.0f} s)", flush=True)


def show(booted, *command):
    print(f"# {' '.join(command)}", flush=True)
    done = booted.run(*command, check=False)
    print("".join(f"  {line}\n" for line in (done.stdout + done.stderr).splitlines()), end="", flush=True)


def configure(booted, web, key):
    booted.put(sorted((SOURCE / "build/deb").glob("patchd_*.deb"))[-1], "/root/patchd.deb")
    booted.run("apt-get", "-q", "-y", "--no-install-recommends", "install", "/root/patchd.deb")
    booted.write("/etc/patchd/trusted-keys.d/demo.pem", key.public.read_text("ascii"))
    booted.write("/etc/patchd/token", "lab-token\n", 0o600)
    booted.put(web.ca, "/etc/patchd/ca.pem")
    booted.write("/etc/patchd/patchd.conf.d/demo.conf",
                 f"[control]\npolicy_url = {web.url}/policy/demo.dsse.json\npolicy_id = lab\n"
                 f"report_url = {web.url}/reports/{{node_id}}.json\nca_file = /etc/patchd/ca.pem\n")
    show(booted, "cat", "/etc/patchd/patchd.conf.d/demo.conf")


def is_done(report):
    return report["policy"]["version"] == 2 and (report.get("last_run") or {}).get("finished_at")


def finished(web):
    return [report for report in web.reports().values() if is_done(report)]


def main():
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patchd-demo-")))
        say("making a Debian 12 as it was released (kept in " + str(roots.CACHE_DIR) + ")")
        root = stack.enter_context(roots.copy_of(roots.base_root("12", "system"), hostname="demo"))
        say("a web server with TLS: nginx with packaging/control/nginx-token.conf")
        web = stack.enter_context(webserver.WebServer("token"))
        say("booting it with systemd")
        booted = stack.enter_context(container.Container(root))
        booted.run("apt-get", "-q", "update")
        key = policies.Key(folder)

        say("installing patchd: the package, one drop-in, one key")
        web.publish(key.sign_policy(policies.make_policy(1, policies.closed_window()), folder / "1.dsse.json"), "demo.dsse.json")
        configure(booted, web, key)
        booted.run("systemctl", "restart", "patchd.service")
        container.wait_until(web.reports, 240, "the first report")
        say("outside the window: judged and reported, nothing changed")
        show(booted, "patchctl", "status")

        say("a new policy whose window is open now: everything from the security suite")
        web.publish(key.sign_policy(policies.make_policy(2, policies.open_window()), folder / "2.dsse.json"), "demo.dsse.json")
        booted.run("systemctl", "restart", "patchd.service")
        container.wait_until(lambda: finished(web), RUN_TIMEOUT_SECONDS, "the report of the run")
        say("done: what the node says, its journal, and the report that the server got")
        show(booted, "patchctl", "status")
        show(booted, "journalctl", "--no-pager", "-o", "cat", "PATCHD_EVENT=package-updated")
        report = finished(web)[0]
        print(f"  {report['node']['hostname']}: {report['compliance']['status']}, run {report['last_run']['run_id']} "
              f"{report['last_run']['result']}, {len(report['last_run']['packages'])} packages")
        say("throwing it all away")


if __name__ == "__main__":
    main()
