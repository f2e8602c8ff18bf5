#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What each program is linked with: the resident one and the root one have no network library.
set -u
failed=0
# forbid PROGRAM LIBRARY...
forbid() {
        local program=$PATCHD_BUILD/agent/$1
        [[ -e $PATCHD_SOURCE/agent/${1%/*}/CMakeLists.txt ]] || return
        [[ -e $program ]] || { echo "error: $program is not built" >&2; failed=1; return; }
        local library
        for library in "${@:2}"; do
                if readelf -d "$program" | grep -q "NEEDED.*\[$library"; then
                        echo "error: ${program##*/} is linked with $library" >&2
                        failed=1
                fi
        done
}
forbid daemon/patchd libcurl libarchive
forbid apply/patchd-apply libcurl
forbid ctl/patchctl libcurl
exit $failed
