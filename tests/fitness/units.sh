#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How open each unit is, as systemd-analyze counts it (0 shut, 10 open): never more than here.
set -eu
cd "$PATCHD_SOURCE/systemd"
failed=0

# unit, ten times the most that it may have. The helper's is what scripts of packages need.
while read -r unit most; do
        if ! said=$(systemd-analyze security --no-pager --offline=yes --threshold="$most" "$unit" 2>&1); then
                echo "error: $unit is more open than 0.1 x $most: $(tail -n1 <<<"$said")" >&2
                failed=1
        fi
done <<'UNITS'
patchd.service 10
patchd-cycle@.service 18
patchd-apply@.service 75
patchd-admin@.service 75
UNITS

# What runs the same program is shut the same way.
if ! diff <(grep -vE '^(Description|ExecStart)=' patchd-apply@.service) \
        <(grep -vE '^(Description|ExecStart)=' patchd-admin@.service) >&2; then
        echo "error: the helper's two units differ" >&2
        failed=1
fi
exit $failed
