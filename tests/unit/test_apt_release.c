/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/cleanup.h"
#include "packages/apt_release.h"

#include <string.h>

#define FIELDS                                                                                     \
        "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\n"                      \
        "Codename: bookworm-security\nVersion: 12\nDate: Sat, 21 Nov 2026 00:53:02 UTC\n"          \
        "Valid-Until: Sat, 28 Nov 2026 00:53:02 UTC\nNotAutomatic: yes\n"                          \
        "ButAutomaticUpgrades: yes\nArchitectures: all amd64\nComponents: updates/main contrib\n"  \
        "MD5Sum:\n 0 7 main/binary-amd64/Packages\n"                                               \
        "SHA256:\n 00 12345 main/binary-amd64/Packages\n 00 9 main/binary-amd64/Packages.xz\n"     \
        " 00 0 contrib/binary-amd64/Packages\n"

static void check_fields(const struct apt_release *release)
{
        assert_string_equal(release->origin, "Debian");
        assert_string_equal(release->version, "12");
        assert_int_equal(release->date, 1795222382);
        assert_int_equal(release->valid_until, 1795222382 + 7 * 86400);
        assert_true(release->not_automatic && release->but_automatic_upgrades);
        assert_true(release->all_is_separate);
        assert_int_equal(release->components.n_items, 2);
        assert_int_equal(apt_release_file_size(release, "main/binary-amd64/Packages"), 12345);
        assert_int_equal(apt_release_file_size(release, "main/binary-amd64/Packages.xz"), 9);
        assert_int_equal(apt_release_file_size(release, "contrib/binary-amd64/Packages"), 0);
        assert_int_equal(apt_release_file_size(release, "binary-amd64/Packages"), -1);
        assert_true(apt_release_is_security(release));
}

static void test_forms(void **state)
{
        static const char *const texts[] = {
            FIELDS,
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" FIELDS
            "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                struct apt_release release = {0};

                assert_int_equal(apt_release_parse(texts[i], strlen(texts[i]), &release, NULL), 0);
                check_fields(&release);
                apt_release_done(&release);
        }
}

static void test_broken(void **state)
{
        static const char *const texts[] = {
            "",
            "garbage",
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n",
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" FIELDS,
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                struct apt_release release = {0};
                struct diag diag = {0};

                if (apt_release_parse(texts[i], strlen(texts[i]), &release, &diag) != -EBADMSG ||
                    !diag.text[0])
                        fail_msg("%zu", i);
        }
}

static const struct security_case {
        const char *text;
        bool expected;
} security_cases[] = {
    {"Date: Sat, 21 Nov 2026 00:53:02 UTC\nOrigin: Ubuntu\nSuite: jammy-security\n"
     "Codename: jammy\n",
     true},
    {"Date: Sat, 21 Nov 2026 00:53:02 UTC\nLabel: Debian-Security\nSuite: x\n", true},
    {"Date: Sat, 21 Nov 2026 00:53:02 UTC\nLabel: My Security Tools\nSuite: stable\n", false},
    {"Date: Sat, 21 Nov 2026 00:53:02 UTC\nSuite: security-tools\nOrigin: security\n", false},
};

static void test_security(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(security_cases); i++) {
                struct apt_release release = {0};
                const char *text = security_cases[i].text;

                assert_int_equal(apt_release_parse(text, strlen(text), &release, NULL), 0);
                if (apt_release_is_security(&release) != security_cases[i].expected)
                        fail_msg("%s", text);
                apt_release_done(&release);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_forms),
            cmocka_unit_test(test_broken),
            cmocka_unit_test(test_security),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
