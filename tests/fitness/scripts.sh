#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Scripts pass shellcheck; Python parses; every file says its licence; no file is too long.
set -u
cd "$PATCHD_SOURCE" || exit 1
failed=0
fail() { echo "error: $*" >&2; failed=1; }

scripts=() pythons=()
mapfile -t files < <(git ls-files --cached --others --exclude-standard 2>/dev/null || find . -type f -printf '%P\n')
for file in "${files[@]}"; do
        [[ -f $file ]] || continue
        case ${file##*/} in
        *.c | *.h | *.py | *.sh) ;;
        *.* | LICENSE) continue ;;
        esac
        mapfile -n 3 -t top <"$file" 2>/dev/null
        case $file in
        *.py) pythons+=("$file") ;;
        *.c | *.h) ;;
        *)
                [[ ${top[0]:-} == '#!'* ]] || continue
                [[ ${top[0]} =~ ^'#!'.*sh$ ]] && scripts+=("$file")
                ;;
        esac
        [[ ${top[*]} == *SPDX-License-Identifier* || $file == packaging/debian/* ]] || fail "$file has no SPDX line"
done
shellcheck -S warning "${scripts[@]}" || fail shellcheck
/usr/bin/python3 -B -c '
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)' "${pythons[@]}" || fail "Python does not parse"
long=$(find agent common \( -name '*.c' -o -name '*.h' \) -exec wc -l {} + | awk '$1 > 600 && $2 != "total"')
[[ -z $long ]] || fail "more than 600 lines: $long"
exit $failed
