/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/json.h"
#include "base/str.h"
#include "packages/osv.h"
#include "packages/osv_compact.h"
#include "scenario.h"

#include <stdio.h>
#include <string.h>

static struct osv_release release_of(const char *os)
{
        char id[32] = "", version[32] = "", pro[8] = "";
        struct osv_release release;

        assert_true(sscanf(os, "%31s %31s %7s", id, version, pro) >= 2);
        assert_int_equal(osv_release_for(id, version, pro[0] != '\0', &release, NULL), 0);
        return release;
}

static struct advisories *read_record(const char *text, const struct osv_release *release)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        struct advisories *advisories = NULL;
        struct osv_stats stats = {0};

        assert_non_null(builder);
        if (osv_read_record(text, strlen(text), release, builder, &stats, NULL) < 0)
                return NULL;
        assert_int_equal(advisory_builder_finish(builder, &advisories), 0);
        return advisories;
}

/* Gives whether the record stays. */
static bool run_case(const struct json *one)
{
        const char *label = json_get_string(one, "label");
        struct osv_release release = release_of(json_get_string(one, "os"));
        CLEANUP(advisories_freep) struct advisories *whole = NULL;
        CLEANUP(advisories_freep) struct advisories *cut = NULL;
        CLEANUP(freep) char *text = NULL;
        CLEANUP(freep) char *compact = NULL;
        CLEANUP(freep) char *again = NULL;

        assert_int_equal(json_to_text(json_get(one, "record"), &text), 0);
        whole = read_record(text, &release);
        if (!whole || osv_compact(text, strlen(text), &release, &compact, NULL) < 0)
                return false; /* what is no record is the other test's */
        if (!compact) {
                if (whole->n_items > 0)
                        fail_msg("%s: is lost", label);
                return false;
        }
        cut = read_record(compact, &release);
        if (!cut)
                fail_msg("%s: %s", label, compact);
        if (!advisories_are_same(whole, cut))
                fail_msg("%s: %s", label, compact);
        assert_true(strlen(compact) <= strlen(text));
        assert_null(strstr(compact, "\"details\""));
        assert_int_equal(osv_compact(compact, strlen(compact), &release, &again, NULL), 0);
        assert_string_equal(compact, again);
        return true;
}

/* The same records that osv.c is tested with, of every distribution. */
static void test_says_the_same(void **state)
{
        CLEANUP(json_freep) struct json *cases = scenario_load_file("osv/records.json");
        size_t n_kept = 0;

        (void)state;
        for (size_t i = 0; i < json_length(cases); i++)
                n_kept += run_case(json_at(cases, i));
        assert_true(n_kept >= 10);
        assert_true(n_kept < json_length(cases));
}

static void test_no_records(void **state)
{
        static const char *const texts[] = {"", "[]", "{\"id\":7}", "{\"id\":\"a\"", "\"DSA-1-1\""};
        struct osv_release release = release_of("debian 12");

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                char *compact = NULL;
                struct diag diag = {0};

                assert_int_equal(osv_compact(texts[i], strlen(texts[i]), &release, &compact, &diag),
                                 -EINVAL);
                assert_null(compact);
                assert_true(diag.text[0] != '\0');
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_says_the_same),
            cmocka_unit_test(test_no_records),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
