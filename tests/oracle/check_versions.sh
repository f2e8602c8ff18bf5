#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: check_versions.sh VERSION_DPKG N_PAIRS STEP: made-up pairs, and every STEPth version that
# this machine's apt knows.
set -euo pipefail
versions=$(mktemp)
trap 'rm -f "$versions"' EXIT
apt-cache dumpavail | sed -n 's/^Version: //p' | awk -v step="$3" 'NR % step == 0' >"$versions"
wc -l <"$versions"
"$1" "$2" <"$versions"
