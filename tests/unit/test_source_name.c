/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "packages/source_name.h"
#include "packages/version_deb.h"

#include <string.h>

static const struct {
        const char *label, *source, *source_version, *binary_version, *name, *version;
} cases[] = {
    {"what is no signature stays", "openssl", "3.0.1-1", "3.0.1-1", "openssl", "3.0.1-1"},
    {"a binNMU's source stays", "glib2.0", "2.74-1", "2.74-1+b2", "glib2.0", "2.74-1"},
    {"Debian's kernel", "linux-signed-amd64", "6.1.192+2", "6.1.192-2", "linux", "6.1.192-2"},
    {"on arm64", "linux-signed-arm64", "6.1.192+2", "6.1.192-2", "linux", "6.1.192-2"},
    {"a backport of it", "linux-signed-amd64", "6.12.9+1~bpo12+1", "6.12.9-1~bpo12+1", "linux",
     "6.12.9-1~bpo12+1"},
    {"a newer kernel beside it", "linux-signed-6.12-amd64", "6.12.117+1~deb12u1", NULL,
     "linux-6.12", "6.12.117-1~deb12u1"},
    {"the kernel itself", "linux", "6.1.192-2", "6.1.192-2", "linux", "6.1.192-2"},
    {"grub", "grub-efi-amd64-signed", "1+2.06+13+deb12u2", "1+2.06+13+deb12u2", "grub2",
     "2.06-13+deb12u2"},
    {"grub with a dash", "grub-efi-amd64-signed", "1+2.06-13+deb12u1", NULL, "grub2",
     "2.06-13+deb12u1"},
    {"grub on ia32", "grub-efi-ia32-signed", "1+2.12+9", NULL, "grub2", "2.12-9"},
    {"grub without its counter stays", "grub-efi-amd64-signed", "2.06", NULL,
     "grub-efi-amd64-signed", "2.06"},
    {"shim: only the binary tells", "shim-signed", "1.51~1+deb12u1",
     "1.51~1+deb12u1+16.1-2~deb12u1", "shim", "16.1-2~deb12u1"},
    {"shim without the binary stays", "shim-signed", "1.51~1+deb12u1", NULL, "shim-signed",
     "1.51~1+deb12u1"},
    {"shim with another binary stays", "shim-signed", "1.51", "1.51.2", "shim-signed", "1.51"},
    {"its helpers", "shim-helpers-amd64-signed", "1+16.1+2~deb12u1", NULL, "shim",
     "16.1-2~deb12u1"},
    {"fwupd", "fwupd-amd64-signed", "1:1.4+1", "1:1.4+1", "fwupd-efi", "1:1.4-1"},
    {"Ubuntu's kernel", "linux-signed", "5.15.0-100.110", NULL, "linux", "5.15.0-100.110"},
    {"a flavour of it", "linux-signed-hwe-6.8", "6.8.0-40.40~22.04.3", NULL, "linux-hwe-6.8",
     "6.8.0-40.40~22.04.3"},
    {"its meta package", "linux-meta", "5.15.0.100.97", NULL, "linux", "5.15.0-100.999999"},
    {"of a flavour", "linux-meta-azure", "5.15.0.1056.63", NULL, "linux-azure",
     "5.15.0-1056.999999"},
    {"as they are written today", "linux-meta-hwe-6.8", "6.8.0-49.49~22.04.1", NULL,
     "linux-hwe-6.8", "6.8.0-49.49~22.04.1"},
    {"a meta package of few numbers stays", "linux-meta", "5.15", NULL, "linux-meta", "5.15"},
    {"Ubuntu's grub", "grub2-signed", "1.187.6", "1.187.6+2.06-2ubuntu14.4", "grub2-unsigned",
     "2.06-2ubuntu14.4"},
    {"no version", "linux-signed-amd64", NULL, NULL, "linux-signed-amd64", NULL},
    {"nothing", NULL, NULL, NULL, NULL, NULL},
};

static bool is_same(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(source_name_done) struct source_name found = {0};

                assert_int_equal(source_name_resolve(cases[i].source, cases[i].source_version,
                                                     cases[i].binary_version, &found),
                                 0);
                if (!is_same(found.name, cases[i].name) ||
                    !is_same(found.version, cases[i].version))
                        fail_msg("%s: %s %s", cases[i].label, found.name, found.version);
        }
}

/* A meta package of an ABI has what the kernel of that ABI fixed, and not what the next one did. */
static void test_meta_order(void **state)
{
        CLEANUP(source_name_done) struct source_name meta = {0};

        (void)state;
        assert_int_equal(source_name_resolve("linux-meta", "5.15.0.100.97", NULL, &meta), 0);
        assert_true(version_deb_compare(meta.version, "5.15.0-100.110") > 0);
        assert_true(version_deb_compare(meta.version, "5.15.0-101.111") < 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_cases),
            cmocka_unit_test(test_meta_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
