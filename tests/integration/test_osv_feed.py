# SPDX-License-Identifier: Apache-2.0
"""Feeds as files: every kind of archive says the same, and what is broken or a trap is one sentence."""
import gzip
import io
import json
import os
import subprocess
import tarfile
import tempfile
import unittest
import zipfile
import zlib

BENCH = os.path.join(os.environ['PATCHD_BUILD'], 'tests', 'feed_bench')
MIB = 1024 * 1024
PEAK_KIB = 600 * 1024  # with the sanitizers of the dev build


def record(number, **more):
    entry = {'id': f'DSA-{number}-1', 'published': '2026-01-01T00:00:00Z',
             'affected': [{'package': {'ecosystem': 'Debian:12', 'name': f'p{number}'},
                           'ranges': [{'type': 'ECOSYSTEM', 'events': [{'introduced': '0'}, {'fixed': f'{number}-1'}]}]}]}
    entry.update(more)
    return json.dumps(entry).encode()


RECORDS = [record(number) for number in range(1, 51)]


def make_zip(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def make_tar(files, mode='w'):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def named(records):
    return [(f'all/DSA-{index}-1.json', content) for index, content in enumerate(records)]


def zstd(content):
    return subprocess.run(['zstd', '-qc'], input=content, stdout=subprocess.PIPE, check=True).stdout


class Feed(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_bench(self, content, *arguments):
        path = os.path.join(self.folder.name, 'feed')
        with open(path, 'wb') as file:
            file.write(content)
        return subprocess.run([BENCH, 'debian', '12', path, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, encoding='utf-8', check=False, timeout=120)

    def read(self, content, *arguments):
        result = self.run_bench(content, *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return {line.split()[0]: line.split()[1] for line in result.stdout.splitlines()}

    def refuse(self, content, says):
        result = self.run_bench(content)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn(says, result.stderr)

    def test_kinds(self):
        tar = make_tar(named(RECORDS))
        kinds = {
            'zip': make_zip(named(RECORDS)),
            'zip, stored': make_zip(named(RECORDS), zipfile.ZIP_STORED),
            'tar': tar,
            'tar.gz': gzip.compress(tar),
            'tar.xz': make_tar(named(RECORDS), 'w:xz'),
            'tar.bz2': make_tar(named(RECORDS), 'w:bz2'),
            'tar.zst': zstd(tar),
            'lines': b'\n'.join(RECORDS) + b'\n',
            'lines.zst': zstd(b'\n'.join(RECORDS)),
            'list': b'[' + b','.join(RECORDS) + b']',
            'list.gz': gzip.compress(b'[' + b',\n'.join(RECORDS) + b']'),
            'lists in a zip': make_zip([('a.json', b'[' + b','.join(RECORDS[:20]) + b']'),
                                        ('b.jsonl', b'\n'.join(RECORDS[20:]))]),
            'other files beside them': make_zip([('README.md', b'# no record')] + named(RECORDS)),
            'the same file twice': make_zip(named(RECORDS + RECORDS[:1])),
        }
        for kind, content in kinds.items():
            with self.subTest(kind):
                found = self.read(content)
                self.assertEqual((found['advisories'], found['fixes']), ('50', '50'))

    def test_one_record(self):
        self.assertEqual(self.read(RECORDS[0])['advisories'], '1')

    def test_links_are_not_followed(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode='w') as archive:
            for name, kind in (('loop.json', tarfile.SYMTYPE), ('hard.json', tarfile.LNKTYPE),
                               ('pipe.json', tarfile.FIFOTYPE), ('folder.json', tarfile.DIRTYPE)):
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, '/etc/hostname'
                archive.addfile(info)
            info = tarfile.TarInfo('../../../../../../tmp/DSA-1-1.json')
            info.size = len(RECORDS[0])
            archive.addfile(info, io.BytesIO(RECORDS[0]))
        self.assertEqual(self.read(out.getvalue())['advisories'], '1')
        self.assertFalse(os.path.exists('/tmp/DSA-1-1.json'))

    def test_broken(self):
        good = make_zip(named(RECORDS))
        self.refuse(b'', 'cannot be decompressed')
        self.refuse(b'<html>404</html>', 'no record begins at byte 0')
        self.refuse(good[:len(good) // 4], 'DSA-')
        self.refuse(gzip.compress(make_tar(named(RECORDS)))[:400], 'cannot be decompressed')
        self.refuse(make_zip([('README', b'nothing')]), 'no OSV record')
        self.refuse(make_zip([('empty.json', b'')]), 'empty.json: there is no record in it')
        self.refuse(make_zip([('x/cut.json', RECORDS[0][:-1])]), 'x/cut.json: the JSON text ends too early')
        self.refuse(make_zip([('a.json', b'{"id": "DSA-\xff-1"}')]), 'a.json: ')
        self.refuse(make_zip([('a.json', b'{"id": 7}')]), 'a.json: a record has no id')
        self.refuse(make_zip([('a\x1b[31m.json', b'7')]), 'a\\x1b[31m.json: no record begins')

    def test_doubles_and_dates(self):
        double = record(1, summary='Important: another')
        self.refuse(make_zip(named(RECORDS) + [('z.json', double)]), "z.json: DSA-1-1: the id 'DSA-1-1' stands twice")
        self.refuse(make_zip([('a.json', record(1, published='-0044-03-15T00:00:00Z'))]),
                    "a.json: DSA-1-1: published: '-0044-03-15T00:00:00Z'")

    def test_cycles_are_nothing(self):
        cycle = [record(1, related=['DSA-2-1', 'DSA-1-1']), record(2, related=['DSA-1-1'], aliases=['DSA-2-1'])]
        self.assertEqual(self.read(make_zip(named(cycle)))['advisories'], '2')
        deep = b'{"id":"DSA-1-1","x":' + b'[' * 100000 + b']' * 100000 + b'}'
        self.refuse(make_zip([('deep.json', deep)]), 'deep.json: ')

    def test_big_record(self):
        big = record(1, details='x' * (50 * MIB))
        for content in (big, gzip.compress(big, 1), make_zip([('big.json', big)])):
            self.refuse(content, 'a record has more than 8388608 bytes')
        self.assertEqual(self.read(record(1, details='x' * (7 * MIB)))['advisories'], '1')

    def test_bombs(self):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = b''.join(packer.compress(b' ' * (64 * MIB)) for _ in range(17)) + packer.flush()
        self.refuse(bomb, 'more than 1073741824 bytes')

    def test_many_files(self):
        header = tarfile.TarInfo('x/a').tobuf()
        self.refuse(gzip.compress(header * 200001 + b'\0' * 1024, 1), 'more than 200000 files')

    def test_memory(self):
        lines = b'\n'.join(record(number) for number in range(20000))
        self.assertLess(int(self.read(zstd(lines))['peak_kib']), PEAK_KIB)

    def test_cache(self):
        content = make_zip(named(RECORDS))
        cache = os.path.join(self.folder.name, 'cache')
        first = self.read(content, cache)
        self.assertIn('compile_cpu_msec', first)
        second = self.read(content, cache)
        self.assertIn('load_cpu_msec', second)
        self.assertEqual((second['advisories'], second['fixes']), (first['advisories'], first['fixes']))
        with open(cache, 'r+b') as file:
            file.seek(200)
            byte = file.read(1)
            file.seek(200)
            file.write(bytes([byte[0] ^ 1]))
        result = self.run_bench(content, cache)
        self.assertIn('the advisory cache is damaged (its checksum is wrong)', result.stderr)
        os.truncate(cache, 100)
        self.assertIn('is damaged', self.run_bench(content, cache).stderr)
        os.truncate(cache, 0)
        self.assertIn('is no advisory cache', self.run_bench(content, cache).stderr)


if __name__ == '__main__':
    unittest.main(verbosity=1)
