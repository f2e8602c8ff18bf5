#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each header compiles alone, in its module's own include folder.
set -u
cd "$PATCHD_SOURCE" || exit 1
failed=0
flags=$(pkg-config --cflags json-c libsystemd libcurl libarchive sqlite3)
for header in $(find common agent -name '*.h' | sort); do
        include="${header#*/}"
        # shellcheck disable=SC2086
        if ! echo "#include \"$include\"" | cc -x c -std=gnu11 -D_GNU_SOURCE -DPATCHD_DEB \
                -fsyntax-only -Icommon -Iagent $flags - ; then
                echo "error: $header does not compile alone" >&2
                failed=1
        fi
done
exit $failed
