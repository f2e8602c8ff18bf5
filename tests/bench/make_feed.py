#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: make_feed.py FILE.zip [N_RECORDS] [--packages FILE]: a feed of OSV records for debian 12,
the same for the same arguments. One in ten records is an advisory, the others are CVEs, as in real
exports; sizes follow those of a feed that was cut to one release."""
import argparse
import json
import random
import zipfile

VECTORS = [
    'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
    'CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:N/I:N/A:H',
    'CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N',
    'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:H/SC:N/SI:N/SA:N',
]


def version(rng):
    epoch = f'{rng.randrange(1, 4)}:' if rng.random() < 0.2 else ''
    return f'{epoch}{rng.randrange(1, 9)}.{rng.randrange(30)}.{rng.randrange(200)}-{rng.randrange(1, 9)}+deb12u{rng.randrange(1, 20)}'


def affected(rng, name):
    return {'package': {'name': name, 'ecosystem': 'Debian:12',
                        'purl': f'pkg:deb/debian/{name}?arch=source&distro=bookworm'},
            'ranges': [{'type': 'ECOSYSTEM', 'events': [{'introduced': '0'}, {'fixed': version(rng)}]}],
            'ecosystem_specific': {'urgency': rng.choice(['low', 'medium', 'not yet assigned'])}}


def record(rng, number, packages):
    year, month, day = rng.randrange(2010, 2027), rng.randrange(1, 13), rng.randrange(1, 29)
    entry = {'schema_version': '1.7.0', 'published': f'{year}-{month:02}-{day:02}T00:00:00Z',
             'modified': '2026-11-01T10:00:00.123456Z'}
    name = rng.choice(packages)
    cve = f'CVE-{year}-{number:05}'
    if number % 10 == 0:
        entry.update(id=f'DSA-{number}-1', summary=f'{name} - security update',
                     upstream=[f'CVE-{year}-{rng.randrange(60000):05}' for _ in range(rng.randrange(1, 12))])
    else:
        entry.update(id=f'DEBIAN-{cve}', upstream=[cve],
                     severity=[{'type': 'CVSS_V3', 'score': rng.choice(VECTORS)}])
    entry['affected'] = [affected(rng, name) for _ in range(1 if rng.random() < 0.9 else 3)]
    return entry


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('file')
    parser.add_argument('n_records', type=int, nargs='?', default=60000)
    parser.add_argument('--packages', help='names of source packages, one a line')
    args = parser.parse_args()
    rng = random.Random(60000)
    if args.packages:
        with open(args.packages, encoding='ascii') as lines:
            packages = sorted({line.strip() for line in lines if line.strip()})
    else:
        packages = [f'source-{number}' for number in range(4000)]
    with zipfile.ZipFile(args.file, 'w', zipfile.ZIP_DEFLATED) as feed:
        for number in range(args.n_records):
            entry = record(rng, number, packages)
            info = zipfile.ZipInfo(entry['id'] + '.json', (2026, 11, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            feed.writestr(info, json.dumps(entry, separators=(',', ':')))


if __name__ == '__main__':
    main()
