/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "packages/cvss.h"

#include <stdio.h>
#include <string.h>

/* Vectors and scores that FIRST publishes in its guide to 2.0 and its examples for 3.x and 4.0. */
static const struct {
        const char *label, *vector;
        int tenths;
        enum severity severity;
} examples[] = {
    {"2.0 CVE-2002-0392", "AV:N/AC:L/Au:N/C:N/I:N/A:C", 78, SEVERITY_HIGH},
    {"2.0 CVE-2002-0392 with temporal metrics", "AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C", 78,
     SEVERITY_HIGH},
    {"2.0 CVE-2003-0818", "AV:N/AC:L/Au:N/C:C/I:C/A:C/E:F/RL:OF/RC:C", 100, SEVERITY_CRITICAL},
    {"2.0 CVE-2003-0062", "AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:M",
     62, SEVERITY_MEDIUM},
    {"2.0 no impact", "AV:N/AC:L/Au:N/C:N/I:N/A:N", 0, SEVERITY_UNSPECIFIED},
    {"3.0 CVE-2013-1937", "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61, SEVERITY_MEDIUM},
    {"3.0 CVE-2013-0375", "CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64, SEVERITY_MEDIUM},
    {"3.1 CVE-2013-1937", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61, SEVERITY_MEDIUM},
    {"3.1 CVE-2013-0375", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64, SEVERITY_MEDIUM},
    {"3.1 CVE-2014-3566", "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31, SEVERITY_LOW},
    {"3.1 CVE-2012-1516", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 99, SEVERITY_CRITICAL},
    {"3.1 CVE-2009-0783", "CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 42, SEVERITY_MEDIUM},
    {"3.1 CVE-2012-0384", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 88, SEVERITY_HIGH},
    {"3.1 CVE-2015-1098", "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 78, SEVERITY_HIGH},
    {"3.1 CVE-2014-0160", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 75, SEVERITY_HIGH},
    {"3.1 CVE-2014-6271", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98, SEVERITY_CRITICAL},
    {"3.1 CVE-2008-1447", "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:N", 68, SEVERITY_MEDIUM},
    {"3.1 CVE-2014-2005", "CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 68, SEVERITY_MEDIUM},
    {"3.1 CVE-2010-0467", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:L/I:N/A:N", 58, SEVERITY_MEDIUM},
    {"3.1 CVE-2013-6014", "CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:H", 93, SEVERITY_CRITICAL},
    {"3.1 CVE-2014-9253", "CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N", 54, SEVERITY_MEDIUM},
    {"3.1 CVE-2014-2019", "CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N", 46, SEVERITY_MEDIUM},
    {"3.1 CVE-2014-0224", "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:N", 74, SEVERITY_HIGH},
    {"3.1 CVE-2012-5376", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H", 96, SEVERITY_CRITICAL},
    {"3.1 in another order, with temporal metrics",
     "CVSS:3.1/A:N/I:L/C:L/S:C/UI:R/PR:N/AC:L/AV:N/E:U/RL:O/MAV:P", 61, SEVERITY_MEDIUM},
    {"3.1 no impact", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:N/I:N/A:N", 0, SEVERITY_UNSPECIFIED},
    {"4.0 CVE-2022-41741", "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 73,
     SEVERITY_HIGH},
    {"4.0 CVE-2020-3549", "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 77,
     SEVERITY_HIGH},
    {"4.0 CVE-2020-3549, unreported exploits",
     "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U", 52, SEVERITY_MEDIUM},
    {"4.0 CVE-2023-3089", "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N", 83,
     SEVERITY_HIGH},
    {"4.0 CVE-2023-3089 in its environment",
     "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N/CR:H/IR:L/AR:L/MAV:N/MAC:H/"
     "MVC:H/MVI:L/MVA:L",
     81, SEVERITY_HIGH},
    {"4.0 CVE-2021-44714", "CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N", 46,
     SEVERITY_MEDIUM},
    {"4.0 CVE-2022-22186", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:L/VA:N/SC:N/SI:N/SA:N", 69,
     SEVERITY_MEDIUM},
    {"4.0 CVE-2023-21989", "CVSS:4.0/AV:L/AC:L/AT:N/PR:H/UI:N/VC:N/VI:N/VA:N/SC:H/SI:N/SA:N", 59,
     SEVERITY_MEDIUM},
    {"4.0 CVE-2014-0160", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:A", 87,
     SEVERITY_HIGH},
    {"4.0 CVE-2021-44228", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/E:A",
     100, SEVERITY_CRITICAL},
    {"4.0 CVE-2014-6271", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:A", 93,
     SEVERITY_CRITICAL},
    {"4.0 a tie is rounded up", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:P/VC:H/VI:L/VA:N/SC:H/SI:H/SA:H",
     86, SEVERITY_HIGH},
    {"4.0 no impact", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N/U:Amber", 0,
     SEVERITY_UNSPECIFIED},
};

static void test_examples(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(examples); i++) {
                struct diag diag = {0};
                int tenths = -1;

                if (cvss_score(examples[i].vector, &tenths, &diag) < 0)
                        fail_msg("%s: %s", examples[i].label, diag.text);
                if (tenths != examples[i].tenths)
                        fail_msg("%s: %d, wanted %d", examples[i].label, tenths,
                                 examples[i].tenths);
                if (cvss_severity(tenths) != examples[i].severity)
                        fail_msg("%s: severity", examples[i].label);
        }
}

static const struct {
        const char *label, *vector, *says;
} refused[] = {
    {"empty", "", "'' is no metric"},
    {"another version", "CVSS:5.0/AV:N", "'CVSS:5.0' is no metric"},
    {"a prefix alone", "CVSS:3.1/", "'' is no metric"},
    {"a slash at the end", "AV:N/AC:L/Au:N/C:N/I:N/A:C/", "'' is no metric"},
    {"a metric of another version", "CVSS:3.1/AV:N/AC:L/Au:N", "'Au:N' is no metric"},
    {"an unknown value", "CVSS:3.1/AV:Q/AC:L", "the value is not one of"},
    {"no value", "CVSS:3.1/AV:/AC:L", "the value is not one of"},
    {"two values", "CVSS:3.1/AV:N A", "the value is not one of"},
    {"a name cut short", "CVSS:3.1/A/AC:L", "'A' is no metric"},
    {"lower case", "CVSS:3.1/av:n", "'av:n' is no metric"},
    {"twice", "CVSS:3.1/AV:N/AV:N", "'AV' stands twice"},
    {"a base metric missing", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", "'A' is missing"},
    {"4.0 a base metric missing", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/E:A",
     "'SA' is missing"},
    {"4.0 safety is a modified value only",
     "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:S/SA:N", "'SI:S'"},
    {"in brackets", "(AV:N/AC:L/Au:N/C:N/I:N/A:C)", "'(AV:N' is no metric"},
    {"a number", "7.5", "'7.5' is no metric"},
};

static void test_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                struct diag diag = {0};
                int tenths = -1;

                if (cvss_score(refused[i].vector, &tenths, &diag) != -EINVAL || tenths != -1)
                        fail_msg("%s: was taken", refused[i].label);
                if (!strstr(diag.text, refused[i].says))
                        fail_msg("%s: '%s'", refused[i].label, diag.text);
        }
}

static void test_length(void **state)
{
        char vector[CVSS_VECTOR_MAX_BYTES + 2];
        struct diag diag = {0};
        int tenths = 0;

        (void)state;
        memset(vector, 'A', sizeof(vector) - 1);
        vector[sizeof(vector) - 1] = '\0';
        assert_int_equal(cvss_score(vector, &tenths, &diag), -EINVAL);
        assert_non_null(strstr(diag.text, "more than 512 bytes"));
}

static void check_score(const char *vector, int wanted)
{
        int tenths = -1;

        assert_int_equal(cvss_score(vector, &tenths, NULL), 0);
        if (tenths != wanted)
                fail_msg("%s: %d, wanted %d", vector, tenths, wanted);
}

/* 3.0 and 3.1 have the same base scores. */
static void check_line(const char *vector, int wanted)
{
        static const char prefix[] = "CVSS:3.1/";
        char older[512];

        check_score(vector, wanted);
        if (!str_has_prefix(vector, prefix))
                return;
        (void)snprintf(older, sizeof(older), "CVSS:3.0/%s", vector + strlen(prefix));
        check_score(older, wanted);
}

static size_t check_file(const char *name)
{
        CLEANUP(freep)
        char *path = str_format("%s/cvss/%s", getenv("PATCHD_TEST_DATA") ?: "data", name);
        FILE *file = fopen(path, "re");
        char line[512];
        size_t n = 0;

        assert_non_null(file);
        while (fgets(line, sizeof(line), file)) {
                char *tab = strchr(line, '\t');

                if (line[0] == '#' || !tab)
                        continue;
                *tab = '\0';
                check_line(line, (int)(strtod(tab + 1, NULL) * 10 + 0.5));
                n++;
        }
        (void)fclose(file);
        return n;
}

/* All of 2.0 and 3.x; of 4.0, whose arithmetic has the most branches, twelve hundred. */
static void test_scored_elsewhere(void **state)
{
        (void)state;
        assert_int_equal(check_file("cvss2.tsv"), 729);
        assert_int_equal(check_file("cvss3.tsv"), 2592);
        assert_int_equal(check_file("cvss4.tsv"), 1200);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_examples),
            cmocka_unit_test(test_refused),
            cmocka_unit_test(test_length),
            cmocka_unit_test(test_scored_elsewhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
