#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each library and each effect stays in the one file or folder that owns it.
set -u
cd "$PATCHD_SOURCE" || exit 1
failed=0

# only PATTERN OWNERS...: no C file matches the pattern, but those below the owners.
only() {
        local pattern=$1 owners
        shift
        owners=$(IFS='|'; echo "$*")
        local others
        others=$(grep -rlE --include='*.[ch]' -- "$pattern" common agent | grep -vE "^($owners)" || true)
        if [[ -n $others ]]; then
                echo "error: '$pattern' belongs to $* alone, but is in:" $others >&2
                failed=1
        fi
}
nothing='no file at all'

only '#include <curl/' agent/cycle/transport
only '#include <archive' agent/host/archive
only '#include <sqlite3' agent/host/store
only '#include <libeconf' agent/host/config.c
only '#include <json-c|#include <json\.h' common/base/json
only '#include <openssl/' common/base/digest.c common/policy/
only '\b(fork|vfork|posix_spawnp?|execv[pe]*|execl[pe]*|system|popen|clone)\(' agent/host/spawn.c
only '#include <systemd/' agent/
only '\b(time|clock_gettime|gettimeofday|localtime|localtime_r)\(' agent/
only '\b(open|openat|openat2|fopen|socket|connect)\(' agent/
only '\bgoto\b' "$nothing"
only '\b(gets|strcat|sprintf|strtok|atoi|atol|alloca)\(' "$nothing"

# A stage includes earlier stages only.
for stage in base:'policy|packages|decide|report|wire' policy:'packages|decide|report|wire' \
        packages:'decide|report|wire' decide:'report|wire' report:wire; do
        later=$(grep -rnE "#include \"(${stage#*:})/" "common/${stage%%:*}" || true)
        if [[ -n $later ]]; then
                echo "error: common/${stage%%:*} includes a later stage: $later" >&2
                failed=1
        fi
done
outer=$(grep -rnE '#include "(host|daemon|cycle|apply|ctl)/' common || true)
[[ -z $outer ]] || { echo "error: common includes an effect: $outer" >&2; failed=1; }
for program in daemon cycle apply ctl; do
        others=$(grep -rnE '#include "(daemon|cycle|apply|ctl)/' agent/host agent/$program 2>/dev/null |
                grep -vE "agent/$program/.*#include \"$program/" || true)
        [[ -z $others ]] || { echo "error: a program includes another one: $others" >&2; failed=1; }
done
exit $failed
