#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: check_rpm_versions.sh VERSION_RPM N_PAIRS STEP RECORDS: made-up pairs, every real version in
# the OSV records, and every STEPth version that this machine's apt knows, as rpm would read it.
set -euo pipefail
versions=$(mktemp)
trap 'rm -f "$versions"' EXIT
grep -oE '"(fixed|introduced)": *"[^"]+"' "$4" | sed 's/.*: *"//; s/"$//' | sort -u >"$versions"
wc -l <"$versions"
apt-cache dumpavail | sed -n 's/^Version: //p' | awk -v step="$3" 'NR % step == 0' >>"$versions"
wc -l <"$versions"
"$1" "$2" <"$versions"
