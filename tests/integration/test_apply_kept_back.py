# SPDX-License-Identifier: Apache-2.0
"""What the package manager keeps back, though nothing known is against it, is a fact: missing with apt's
words, in no plan and not failed, until policy or indexes change."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import test_apply

# An apt-get whose resolver has something against other 2.0 that no package says.
STUBBORN = r"""
case "$*" in
*"--simulate install other"*)
        printf 'The following packages have unmet dependencies:\n other : Depends: odd (>= 2) but it is not installable\n'
        exit 100;;
*--simulate*)
        /usr/bin/apt-get.real "$@" >/tmp/simulated || exit
        grep -v ' other .1.0. (2.0' /tmp/simulated; exit 0;;
esac"""
WORDS = "the package manager keeps it back: other : Depends: odd (>= 2) but it is not installable"


class KeptBack(test_apply.ApplyCase):
    def setUp(self):
        super().setUp()
        self.main.add("other", "2.0")
        self.main.add("third", "2.0")
        self.main.add("app", "2.0", depends="other (>= 2.0)")
        self.publish()

    def stubborn(self):
        apt_get = self.root / "usr/bin/apt-get"
        apt_get.rename(self.root / "usr/bin/apt-get.real")
        apt_get.write_text(f"#!/bin/sh\n{STUBBORN}\nexec /usr/bin/apt-get.real \"$@\"\n")
        apt_get.chmod(0o755)

    def release(self):
        (self.root / "usr/bin/apt-get.real").rename(self.root / "usr/bin/apt-get")

    def download(self, run_id):
        with self.helper() as helper:
            return helper.call("Download", envelope=self.default, run_id=run_id)["outcome"]

    def check_kept_back(self, packages):
        self.assertEqual((packages["other"]["state"], packages["other"]["reason"]), ("missing", WORDS))
        self.assertEqual(packages["app"]["state"], "missing")
        self.assertEqual(packages["app"]["reason"], f"needs other 2.0 ({WORDS})")

    def test_kept_back_is_missing_and_not_failed(self):
        self.stubborn()
        outcome = self.apply()
        self.assertEqual([(p["name"], p["result"]) for p in outcome["packages"]], [("third", "updated")])
        self.assertEqual(self.version_of("app", "other", "third"), {"app": "1.0", "other": "1.0", "third": "2.0"})
        fact, = self.state("kept-back.json")["packages"]
        self.assertEqual((fact["name"], fact["version"]), ("other", "2.0"))
        self.check_kept_back(self.scan())
        self.assertEqual(self.apply()["packages"], [])
        self.check_kept_back(self.scan())

    def test_known_before_the_window(self):
        self.stubborn()
        self.download("early")
        self.check_kept_back(self.scan())
        self.assertEqual([name.split("_")[0] for name in self.archives()], ["third"])

    def test_asked_again(self):
        self.stubborn()
        self.apply()
        self.release()
        outcome = self.apply()
        self.assertEqual({p["name"]: p["result"] for p in outcome["packages"]}, {"app": "updated", "other": "updated"})
        self.assertFalse((self.root / test_apply.STATE / "kept-back.json").exists())

    def test_true_for_one_policy_and_one_index(self):
        self.stubborn()
        self.download("early")
        other_policy = self.envelope(version=2)
        self.assertNotIn("keeps it back", self.scan(other_policy)["other"]["reason"])
        self.check_kept_back(self.scan())
        self.main.add("unrelated", "1.0")
        self.publish()
        self.assertNotIn("keeps it back", self.scan()["other"]["reason"])

    def test_found_by_our_own_check(self):
        approved = [("app", "2.0"), ("third", "2.0")]
        outcome = self.apply(self.envelope(approved))
        self.assertEqual([(p["name"], p["result"]) for p in outcome["packages"]], [("third", "updated")])
        found = self.scan(self.envelope(approved))["app"]
        self.assertEqual(found["state"], "missing")
        self.assertIn("needs other 2.0 (not approved", found["reason"])
        self.assertFalse((self.root / test_apply.STATE / "kept-back.json").exists())


if __name__ == "__main__":
    unittest.main()
