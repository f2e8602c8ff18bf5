#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Units, manual pages and the package itself, as their own checkers see them.
set -u
cd "$PATCHD_SOURCE" || exit 1
failed=0
fail() { echo "error: $*" >&2; failed=1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Manual pages: no warning, no error. Whether the pages they refer to are installed here is no matter.
for page in packaging/man/*.[158]; do
        found=$(mandoc -Tlint -Wwarning "$page" 2>&1 | grep '^mandoc: packaging' || true)
        [[ -z $found ]] || fail "$found"
done

# The package: lintian has no error, and no file is missing.
deb=$(packaging/build-deb) || fail "packaging/build-deb"
found=$(lintian --fail-on error "$deb" 2>/dev/null) || fail "lintian: $found"
dpkg-deb -x "$deb" "$work/root"
for file in usr/bin/patchctl usr/libexec/patchd/patchd usr/libexec/patchd/patchd-cycle \
        usr/libexec/patchd/patchd-apply usr/share/patchd/default-policy.json etc/patchd/patchd.conf \
        usr/share/patchd/schema/patchd.policy.v1.schema.json usr/share/patchd/schema/patchd.report.v1.schema.json \
        usr/share/patchd/hand-over usr/share/patchd/hand-over.conf \
        etc/needrestart/conf.d/patchd.conf usr/lib/systemd/catalog/patchd.catalog; do
        [[ -e $work/root/$file ]] || fail "the package lacks $file"
done

# Units, with the programs where they will be.
found=$(systemd-analyze verify --root="$work/root" --man=no --recursive-errors=no \
        patchd.service patchd-cycle.socket patchd-apply.socket patchd-admin.socket 2>&1 |
        grep -E 'patchd' | grep -vE 'not found|No such file' || true)
[[ -z $found ]] || fail "systemd-analyze verify: $found"
for unit in patchd.service:10 patchd-cycle@.service:20; do
        systemd-analyze security --offline=yes --threshold="${unit#*:}" "systemd/${unit%:*}" >"$work/out" 2>&1 ||
                fail "${unit%:*} is more exposed than ${unit#*:}/100: $(tail -n 1 "$work/out")"
done

# The shipped documents say what the programs take.
"$PATCHD_BUILD/agent/ctl/patchctl" policy check packaging/default-policy.json || fail "the default policy"
example=$work/example.json
mandoc -Tutf8 -O width=200 packaging/man/patchd-policy.5 | col -b | sed -n '/^ *{ "type"/,/} } }$/p' >"$example"
"$PATCHD_BUILD/agent/ctl/patchctl" policy check "$example" || fail "the example of patchd-policy(5)"
perl -c packaging/needrestart.conf 2>/dev/null || perl -e 'our %nrconf; do $ARGV[0]; die $@ if $@' \
        packaging/needrestart.conf || fail "needrestart.conf"
exit $failed
