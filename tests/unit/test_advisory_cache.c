/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "packages/advisory_builder.h"
#include "packages/advisory_cache.h"

#include <string.h>

enum { N_ADVISORIES = 40 };

static const char key[] = "debian 12 0123abcd";

static struct advisories *make(void)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        struct advisories *advisories = NULL;

        for (int i = 0; i < N_ADVISORIES; i++) {
                CLEANUP(freep) char *id = str_format("DSA-%d-1", i);
                CLEANUP(freep) char *cve = str_format("CVE-2026-%04d", i / 2);
                CLEANUP(freep) char *package = str_format("package-%d", 97 - i % 7);
                CLEANUP(freep) char *fixed = str_format("1.%d-1", i);
                struct advisory_fix fix = {.package = package,
                                           .introduced = i % 3 ? NULL : "1.0-1",
                                           .fixed = fixed,
                                           .is_after = i % 5 == 0};
                struct advisory advisory = {.id = id,
                                            .classification = (enum classification)(i % 4),
                                            .severity = (enum severity)(i % 5),
                                            .is_cve = i % 2,
                                            .is_whole_days = i % 3 == 0,
                                            .published = (time_t)1000 * i * 1000 * 1000};

                for (int j = 0; j < i % 3; j++)
                        assert_int_equal(advisory_builder_add_cve(builder, cve, NULL), 0);
                assert_int_equal(advisory_builder_add_fix(builder, &fix, NULL), 0);
                assert_int_equal(advisory_builder_end(builder, &advisory, NULL), 0);
        }
        assert_int_equal(advisory_builder_finish(builder, &advisories), 0);
        return advisories;
}

static bool is_same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_same(const struct advisories *a, const struct advisories *b)
{
        assert_int_equal(a->n_items, b->n_items);
        assert_int_equal(a->n_fixes, b->n_fixes);
        for (size_t i = 0; i < a->n_items; i++) {
                const struct advisory *one = &a->items[i], *two = &b->items[i];

                assert_string_equal(one->id, two->id);
                assert_int_equal(one->classification, two->classification);
                assert_int_equal(one->severity, two->severity);
                assert_int_equal(one->published, two->published);
                assert_int_equal(one->is_cve, two->is_cve);
                assert_int_equal(one->is_whole_days, two->is_whole_days);
                assert_int_equal(one->n_cves, two->n_cves);
                for (size_t j = 0; j < one->n_cves; j++)
                        assert_string_equal(one->cves[j], two->cves[j]);
        }
        for (size_t i = 0; i < a->n_fixes; i++) {
                const struct advisory_fix *one = &a->fixes[i], *two = &b->fixes[i];

                assert_string_equal(one->package, two->package);
                assert_string_equal(one->fixed, two->fixed);
                assert_true(is_same_text(one->introduced, two->introduced));
                assert_int_equal(one->is_after, two->is_after);
                assert_int_equal(one->advisory - a->items, two->advisory - b->items);
        }
}

static void test_round_trip(void **state)
{
        CLEANUP(advisories_freep) struct advisories *made = make();
        CLEANUP(advisories_freep) struct advisories *read = NULL;
        CLEANUP(blob_done) struct blob blob = {0};
        size_t n = 0;

        (void)state;
        assert_int_equal(advisory_cache_write(made, key, &blob, NULL), 0);
        assert_int_equal(advisory_cache_read(blob.data, blob.size, key, &read, NULL), 0);
        check_same(made, read);
        assert_string_equal(advisories_find(read, "package-93", &n)->package, "package-93");
        assert_int_equal(n, 6);
        assert_null(advisories_find(read, "package", &n));
        assert_int_equal(n, 0);
}

static void test_empty(void **state)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        CLEANUP(advisories_freep) struct advisories *made = NULL;
        CLEANUP(advisories_freep) struct advisories *read = NULL;
        CLEANUP(blob_done) struct blob blob = {0};

        (void)state;
        assert_int_equal(advisory_builder_finish(builder, &made), 0);
        assert_int_equal(advisory_cache_write(made, "", &blob, NULL), 0);
        assert_int_equal(advisory_cache_read(blob.data, blob.size, "", &read, NULL), 0);
        assert_int_equal(read->n_items + read->n_fixes, 0);
}

/* Whatever byte changes and wherever it is cut: it is noticed. */
static void test_damage(void **state)
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
                assert_true(advisory_cache_read(blob.data, i, key, &read, NULL) == -EBADMSG);
        }
}

static void test_other_key(void **state)
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

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_round_trip),
            cmocka_unit_test(test_empty),
            cmocka_unit_test(test_damage),
            cmocka_unit_test(test_other_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
