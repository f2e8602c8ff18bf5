#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Which libraries a program may be linked with: the resident daemon stays small, and neither it nor
# the root helper has network code. A program that was not built is skipped.
set -eu

# program, extended regex of the names before ".so"
allowed=(
        "agent/daemon/patchd      libsystemd|libjson-c|libsqlite3|libeconf"
        "agent/apply/patchd-apply lib(systemd|json-c|crypto|expat|rpm|rpmio|archive|econf|sqlite3)"
        "agent/ctl/patchctl       lib(systemd|json-c|crypto|archive|econf|sqlite3|m)"
)
everywhere="libc|libm|libgcc_s|libasan|libubsan|ld-linux[^.]*|linux-vdso"
failures=0

for row in "${allowed[@]}"; do
        read -r program names <<<"$row"
        [ -e "$PATCHD_BUILD/$program" ] || continue
        needed=$(readelf -d "$PATCHD_BUILD/$program" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
        [ -n "$needed" ] || { echo "$program: readelf found nothing"; failures=1; }
        while read -r library; do
                if ! [[ ${library%%.so*} =~ ^($names|$everywhere)$ ]]; then
                        echo "$program: is linked with $library"
                        failures=1
                fi
        done <<<"$needed"
done
exit $failures
