#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of policies and the parser agree on one corpus: the schema accepts valid/ and the
default policy, refuses invalid-shape/, and accepts invalid-meaning/, which only the parser can judge
(test_policy holds the parser to the same folders)."""

import json
import pathlib
import re
import sys
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests/data/policy"
SCHEMA = json.loads((ROOT / "packaging/schema/patchd.policy.v1.schema.json").read_text("utf-8"))



def errors(path):
    """The places of the schema's errors, written as the parser writes them."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    document = json.loads(path.read_text("utf-8"))
    return [error.json_path.removeprefix("$").removeprefix(".")
            for error in validator.iter_errors(document)]


def parser_places():
    """File name to the place that the parser names; "" is the root."""
    places = {}
    for line in (CORPUS / "expected.tsv").read_text("utf-8").splitlines():
        name, sentence = line.split("\t")
        path = re.match(r"([A-Za-z_][\w.\[\]-]*): ", sentence)
        places[pathlib.Path(name).name] = path[1] if path else ""
    return places


def parent(place):
    return re.sub(r"(\[\d+\]|\.?[^.\[\]]*)$", "", place, count=1)


def files(folder):
    found = sorted((CORPUS / folder).glob("*.json"))
    assert len(found) > 20, folder
    return found


class PolicySchema(unittest.TestCase):
    def test_schema_itself(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_accepts_what_the_parser_accepts(self):
        for path in files("valid") + [ROOT / "packaging/default-policy.json"]:
            with self.subTest(path.name):
                self.assertEqual(errors(path), [])

    def test_refuses_wrong_shapes(self):
        """At the same place as the parser, beside it, or in the object around it."""
        places = parser_places()
        for path in files("invalid-shape"):
            with self.subTest(path.name):
                place = places[path.name]
                near = [error for error in errors(path)
                        if error in (place, parent(place)) or parent(error) == parent(place)]
                self.assertNotEqual(near, [], f"{place} in {errors(path)}")

    def test_leaves_meaning_to_the_parser(self):
        for path in files("invalid-meaning"):
            with self.subTest(path.name):
                self.assertEqual(errors(path), [])

    def test_describes_every_key(self):
        """An editor shows these texts."""
        for name, definition in SCHEMA["$defs"].items():
            if definition.get("type") == "object":
                self.assertIn("description", definition, name)


if __name__ == "__main__":
    sys.exit(unittest.main())
