/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "packages/advisory_builder.h"
#include "packages/advisory_cache.h"
#include "packages/advisory_merge.h"

#include <string.h>

enum { N_ADVISORIES = 40 };

static struct advisories *make(void)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        struct advisories *advisories = NULL;

        for (int i = 0; i < N_ADVISORIES; i++) {
                CLEANUP(freep) char *id = str_format("DSA-%d-1", i);
                CLEANUP(freep) char *cve = str_format("CVE-2026-%04d", i / 2);
                CLEANUP(freep) char *package = str_format("package-%d", 97 - i % 7);
                CLEANUP(freep) char *fixed = str_format("1.%d-1", i);
                struct advisory_fix fix = {
                    .introduced = i % 3 ? NULL : "1.0-1", .fixed = fixed, .is_after = i % 5 == 0};
                struct advisory advisory = {.id = id,
                                            .classification = (enum classification)(i % 4),
                                            .severity = (enum severity)(i % 5),
                                            .is_cve = i % 2,
                                            .is_whole_days = i % 3 == 0,
                                            .published = (time_t)1000 * i * 1000 * 1000};

                for (int j = 0; j < i % 3; j++)
                        assert_int_equal(advisory_builder_add_cve(builder, cve, NULL), 0);
                assert_int_equal(advisory_builder_add_fix(builder, package, &fix, NULL), 0);
                assert_int_equal(advisory_builder_add_fix(builder, package, &fix, NULL), 0);
                assert_int_equal(advisory_builder_end(builder, &advisory, NULL), 0);
        }
        assert_int_equal(advisory_builder_finish(builder, &advisories), 0);
        return advisories;
}

static void check_advisory(const struct advisories *advisories, const struct advisory_fix *fix,
                           int i)
{
        CLEANUP(freep) char *id = str_format("DSA-%d-1", i);
        CLEANUP(freep) char *cve = str_format("CVE-2026-%04d", i / 2);
        CLEANUP(freep) char *fixed = str_format("1.%d-1", i);
        struct advisory advisory;

        assert_true(advisories_get(advisories, fix->advisory, &advisory));
        assert_string_equal(advisory.id, id);
        assert_int_equal(advisory.classification, i % 4);
        assert_int_equal(advisory.severity, i % 5);
        assert_int_equal(advisory.is_cve, i % 2);
        assert_int_equal(advisory.is_whole_days, i % 3 == 0);
        assert_int_equal(advisory.published, (time_t)1000 * i * 1000 * 1000);
        assert_int_equal(advisory.n_cves, i % 3 > 0);
        if (advisory.n_cves > 0)
                assert_string_equal(advisories_get_cve(advisories, advisory.first_cve), cve);
        assert_string_equal(fix->fixed, fixed);
        assert_int_equal(fix->introduced != NULL, i % 3 == 0);
        assert_int_equal(fix->is_after, i % 5 == 0);
}

/* The packages are found by name, each with its fixes in the order they came, none twice. */
static void check_all(const struct advisories *advisories)
{
        assert_int_equal(advisories->n_items, N_ADVISORIES);
        assert_int_equal(advisories->n_fixes, N_ADVISORIES);
        for (int p = 0; p < 7; p++) {
                CLEANUP(freep) char *package = str_format("package-%d", 97 - p);
                size_t first, n = advisories_find(advisories, package, &first);

                assert_int_equal(n, (N_ADVISORIES - p + 6) / 7);
                for (size_t i = 0; i < n; i++) {
                        struct advisory_fix fix;

                        assert_true(advisories_get_fix(advisories, first + i, &fix));
                        check_advisory(advisories, &fix, p + 7 * (int)i);
                }
        }
}

static void test_round_trip(void **state)
{
        CLEANUP(advisories_freep) struct advisories *made = make();
        CLEANUP(advisories_freep) struct advisories *opened = NULL;
        CLEANUP(freep) char *copy = malloc(made->size);
        size_t first;

        (void)state;
        memcpy(copy, made->bytes, made->size);
        check_all(made);
        assert_int_equal(advisories_open(copy, made->size, &opened, NULL), 0);
        check_all(opened);
        assert_int_equal(advisories_find(opened, "package", &first), 0);
        assert_int_equal(advisories_find(opened, "package-98", &first), 0);
        assert_int_equal(advisories_find(NULL, "package-97", &first), 0);
}

static void test_beyond(void **state)
{
        CLEANUP(advisories_freep) struct advisories *made = make();
        struct advisory_fix fix;
        struct advisory advisory;

        (void)state;
        assert_false(advisories_get_fix(made, made->n_fixes, &fix));
        assert_false(advisories_get(made, made->n_items, &advisory));
        assert_null(advisories_get_cve(made, made->n_cves));
}

static void test_empty(void **state)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        CLEANUP(advisories_freep) struct advisories *made = NULL;
        CLEANUP(advisories_freep) struct advisories *opened = NULL;
        size_t first;

        (void)state;
        assert_int_equal(advisory_builder_finish(builder, &made), 0);
        assert_int_equal(made->n_items + made->n_fixes + made->n_packages, 0);
        assert_int_equal(advisories_open(made->bytes, made->size, &opened, NULL), 0);
        assert_int_equal(advisories_find(opened, "a", &first), 0);
}

/* Whatever the bytes say, nothing outside of them is read; ASan watches. */
static void use_all(const struct advisories *advisories)
{
        size_t first, n = advisories_find(advisories, "package-94", &first);

        for (size_t i = 0; i < n && i < 100; i++) {
                struct advisory_fix fix;
                struct advisory advisory;

                if (!advisories_get_fix(advisories, first + i, &fix) ||
                    !advisories_get(advisories, fix.advisory, &advisory))
                        continue;
                assert_true(strlen(fix.fixed) + strlen(advisory.id) < advisories->size);
                for (size_t j = 0; j < advisory.n_cves && j < 100; j++)
                        (void)advisories_get_cve(advisories, advisory.first_cve + j);
        }
}

static void test_hostile(void **state)
{
        CLEANUP(advisories_freep) struct advisories *made = make();

        (void)state;
        for (size_t i = 0; i < made->size; i++) {
                CLEANUP(advisories_freep) struct advisories *opened = NULL;
                CLEANUP(advisories_freep) struct advisories *cut = NULL;
                CLEANUP(freep) char *copy = malloc(made->size);
                struct diag diag = {0};

                memcpy(copy, made->bytes, made->size);
                copy[i] ^= 0x85;
                if (advisories_open(copy, made->size, &opened, &diag) >= 0)
                        use_all(opened);
                else
                        assert_true(diag.text[0] != '\0');
                assert_int_equal(advisories_open(made->bytes, i, &cut, NULL), -EBADMSG);
        }
}

static void test_same(void **state)
{
        CLEANUP(advisories_freep) struct advisories *one = make();
        CLEANUP(advisories_freep) struct advisories *two = make();

        (void)state;
        assert_true(advisories_are_same(one, two));
        ((char *)two->bytes)[two->size - 2] ^= 1;
        assert_false(advisories_are_same(one, two));
}

/* ---- the cache ---- */

static const char key[] = "debian 12 0123abcd";

static void test_cache(void **state)
{
        CLEANUP(advisories_freep) struct advisories *made = make();
        CLEANUP(advisories_freep) struct advisories *read = NULL;
        CLEANUP(blob_done) struct blob blob = {0};

        (void)state;
        assert_int_equal(advisory_cache_write(made, key, &blob, NULL), 0);
        assert_int_equal(advisory_cache_read(blob.data, blob.size, key, &read, NULL), 0);
        blob_done(&blob);
        check_all(read);
        assert_true(advisories_are_same(made, read));
}

/* Whatever byte changes and wherever it is cut: it is noticed. */
static void test_cache_damage(void **state)
{
        CLEANUP(advisories_freep) struct advisories *made = make();
        CLEANUP(blob_done) struct blob blob = {0};

        (void)state;
        assert_int_equal(advisory_cache_write(made, key, &blob, NULL), 0);
        for (size_t i = 0; i < blob.size; i++) {
                struct advisories *read = NULL;
                struct diag diag = {0};

                blob.data[i] ^= 0x20;
                assert_true(advisory_cache_read(blob.data, blob.size, key, &read, &diag) < 0);
                blob.data[i] ^= 0x20;
                assert_true(diag.text[0] != '\0');
                assert_int_equal(advisory_cache_read(blob.data, i, key, &read, NULL), -EBADMSG);
        }
}

static void test_cache_of_others(void **state)
{
        CLEANUP(advisories_freep) struct advisories *made = make();
        CLEANUP(blob_done) struct blob blob = {0};
        struct advisories *read = NULL;
        struct diag diag = {0};

        (void)state;
        assert_int_equal(advisory_cache_write(made, key, &blob, NULL), 0);
        assert_int_equal(advisory_cache_read(blob.data, blob.size, "debian 13", &read, &diag),
                         -ESTALE);
        assert_non_null(strstr(diag.text, "other feeds"));
        diag_clear(&diag);
        blob.data[8] = 9;
        assert_int_equal(advisory_cache_read(blob.data, blob.size, key, &read, &diag), -ESTALE);
        assert_non_null(strstr(diag.text, "has format 9"));
}

static void test_merge(void **state)
{
        CLEANUP(advisories_freep) struct advisories *one = make();
        CLEANUP(advisories_freep) struct advisories *two = make();
        CLEANUP(advisories_freep) struct advisories *both = NULL;
        size_t first;

        (void)state;
        assert_int_equal(advisories_merge(one, two, &both), 0);
        assert_int_equal(both->n_items, 2 * N_ADVISORIES);
        assert_int_equal(both->n_fixes, 2 * N_ADVISORIES);
        assert_int_equal(both->n_cves, 2 * one->n_cves);
        assert_int_equal(advisories_find(both, "package-97", &first), 12);
        for (size_t i = 0; i < 6; i++) {
                struct advisory_fix fix;

                assert_true(advisories_get_fix(both, first + i, &fix));
                check_advisory(both, &fix, (int)i * 7);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_beyond),
            cmocka_unit_test(test_empty),        cmocka_unit_test(test_hostile),
            cmocka_unit_test(test_same),         cmocka_unit_test(test_cache),
            cmocka_unit_test(test_cache_damage), cmocka_unit_test(test_cache_of_others),
            cmocka_unit_test(test_merge),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
