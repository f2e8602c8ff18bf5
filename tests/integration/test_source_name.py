# SPDX-License-Identifier: Apache-2.0
"""What carries only signatures says in Built-Using whose they are: Debian's own word, for every such
package that this machine's apt knows."""
import email
import os
import re
import subprocess
import unittest

DUMP = os.path.join(os.environ['PATCHD_BUILD'], 'tests', 'source_name_dump')
SIGNED = re.compile(r'(^|-)signed(-|$)')


def stanzas():
    output = subprocess.run(['apt-cache', 'dumpavail'], stdout=subprocess.PIPE, encoding='utf-8', check=True).stdout
    return (email.message_from_string(text) for text in output.split('\n\n') if text.strip())


def source_of(stanza):
    match = re.fullmatch(r'(\S+)(?: \((.+)\))?', stanza.get('Source', stanza['Package']))
    return match.group(1), match.group(2) or stanza['Version']


class SourceName(unittest.TestCase):
    def test_built_using(self):
        questions, answers = [], []
        for stanza in stanzas():
            source, version = source_of(stanza)
            if SIGNED.search(source) and 'Built-Using' in stanza:
                questions.append(f'{source} {version} {stanza["Version"]}')
                answers.append(re.sub(r' \(= (.+)\)', r' \1', stanza['Built-Using'].split(',')[0]))
        if not questions:
            self.skipTest('apt knows no signed package; its lists are empty')
        output = subprocess.run([DUMP], input='\n'.join(questions) + '\n', stdout=subprocess.PIPE,
                                encoding='utf-8', check=True).stdout
        for question, answer, found in zip(questions, answers, output.splitlines(), strict=True):
            with self.subTest(question):
                self.assertEqual(found, answer)
        print(f'{len(questions)} signed packages')


if __name__ == '__main__':
    unittest.main()
