#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Scripts pass shellcheck; Python compiles; every file says its licence; no file is too long.
set -u
cd "$PATCHD_SOURCE" || exit 1
failed=0
fail() { echo "error: $*" >&2; failed=1; }

mapfile -t files < <(git ls-files --cached --others --exclude-standard 2>/dev/null || find . -type f -printf '%P\n')
for file in "${files[@]}"; do
        [[ -f $file ]] || continue
        case $file in
        *.c | *.h | *.py | *.sh) ;;
        *) [[ $(head -c 2 "$file") == '#!' ]] || continue ;;
        esac
        head -n 3 "$file" | grep -q SPDX-License-Identifier || [[ $file == packaging/debian/* ]] ||
                fail "$file has no SPDX line"
        if head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh$'; then
                shellcheck -S warning "$file" || fail "shellcheck: $file"
        fi
        case $file in
        *.py) python3 -c 'import ast, sys; ast.parse(open(sys.argv[1], encoding="utf-8").read())' "$file" ||
                fail "$file does not parse" ;;
        *.c | *.h) [[ $(wc -l <"$file") -le 600 ]] || fail "$file has more than 600 lines" ;;
        esac
done
exit $failed
