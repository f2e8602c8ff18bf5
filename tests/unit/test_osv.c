/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/json.h"
#include "base/str.h"
#include "base/timetext.h"
#include "packages/osv.h"
#include "packages/osv_severity.h"
#include "scenario.h"

#include <stdio.h>
#include <string.h>

/* "debian 12", "ubuntu 22.04 pro" */
static struct osv_release release_of(const char *os)
{
        char id[32] = "", version[32] = "", pro[8] = "";
        struct osv_release release;
        struct diag diag = {0};

        assert_true(sscanf(os, "%31s %31s %7s", id, version, pro) >= 2);
        if (osv_release_for(id, version, pro[0] != '\0', &release, &diag) < 0)
                fail_msg("%s", diag.text);
        return release;
}

/* "openssh >= 1.0 < 2.0" */
static int add_fix_text(const char *package, const struct advisory_fix *fix, struct strv *list)
{
        return strv_addf(list, "%s%s%s %s %s", package, fix->introduced ? " >= " : "",
                         fix->introduced ?: "", fix->is_after ? "<=" : "<", fix->fixed);
}

/* The fixes of the packages that the case names. */
static void list_fixes(const struct advisories *advisories, const struct json *want,
                       struct strv *ret)
{
        CLEANUP(strv_done) struct strv asked = {0};

        for (size_t i = 0; i < json_length(want); i++) {
                const char *text = json_string(json_at(want, i));
                CLEANUP(freep) char *package = strndup(text, strcspn(text, " "));
                size_t first, n = advisories_find(advisories, package, &first);

                if (strv_contains(&asked, package))
                        continue;
                assert_int_equal(strv_add(&asked, package), 0);
                for (size_t j = 0; j < n; j++) {
                        struct advisory_fix fix;

                        assert_true(advisories_get_fix(advisories, first + j, &fix));
                        assert_int_equal(fix.advisory, 0);
                        assert_int_equal(add_fix_text(package, &fix, ret), 0);
                }
        }
}

static void check_fixes(const char *label, const struct advisories *advisories,
                        const struct json *want)
{
        CLEANUP(strv_done) struct strv found = {0};

        list_fixes(advisories, want, &found);
        strv_sort(&found);
        if (found.n_items != json_length(want) || found.n_items != advisories->n_fixes)
                fail_msg("%s: %zu fixes", label, advisories->n_fixes);
        for (size_t i = 0; i < found.n_items; i++)
                if (!str_equal(found.items[i], json_string(json_at(want, i))))
                        fail_msg("%s: '%s'", label, found.items[i]);
}

static bool is_wanted_name(const struct json *want, const char *key, const char *found)
{
        const char *name = json_get_string(want, key);

        return !name || strcmp(name, found) == 0;
}

static bool has_cve(const struct advisories *advisories, const struct advisory *advisory,
                    const char *cve)
{
        for (size_t i = 0; i < advisory->n_cves; i++)
                if (str_equal(advisories_get_cve(advisories, advisory->first_cve + i), cve))
                        return true;
        return false;
}

struct advisory_check {
        const char *label;
        const struct advisories *advisories;
        const struct advisory *advisory;
};

static int check_member(const char *key, const struct json *value, void *arg)
{
        const struct advisory_check *check = arg;
        const struct advisory *advisory = check->advisory;
        time_t published = 0;

        if (strcmp(key, "published") == 0) {
                if (value)
                        assert_int_equal(time_from_rfc3339(json_string(value), &published), 0);
                if (advisory->published != published)
                        fail_msg("%s: published %lld", check->label,
                                 (long long)advisory->published);
        }
        if (strcmp(key, "cves") == 0) {
                if (advisory->n_cves != json_length(value))
                        fail_msg("%s: %zu CVEs", check->label, advisory->n_cves);
                for (size_t i = 0; i < json_length(value); i++)
                        if (!has_cve(check->advisories, advisory, json_string(json_at(value, i))))
                                fail_msg("%s: no %s", check->label, json_string(json_at(value, i)));
        }
        return 0;
}

static void check_advisory(const char *label, const struct advisories *advisories,
                           const struct json *record, const struct json *want)
{
        struct advisory found, *advisory = &found;
        struct advisory_check check = {
            .label = label, .advisories = advisories, .advisory = advisory};

        assert_true(advisories_get(advisories, 0, advisory));
        assert_string_equal(advisory->id, json_get_string(record, "id"));
        if (!is_wanted_name(want, "classification",
                            enum_name(&classification_names, (int)advisory->classification)))
                fail_msg("%s: classification", label);
        if (!is_wanted_name(want, "severity", enum_name(&severity_names, (int)advisory->severity)))
                fail_msg("%s: severity %s", label,
                         enum_name(&severity_names, (int)advisory->severity));
        if (advisory->is_cve != json_get_bool(want, "is_cve", false))
                fail_msg("%s: is_cve", label);
        if (json_get(want, "whole_days") &&
            advisory->is_whole_days != json_get_bool(want, "whole_days", false))
                fail_msg("%s: whole days", label);
        (void)json_for_each_member(want, check_member, &check);
}

static void check_stats(const char *label, const struct osv_stats *stats, const struct json *want)
{
        assert_int_equal(stats->n_records, 1);
        if ((int64_t)stats->n_withdrawn != json_get_int(want, "withdrawn", 0) ||
            (int64_t)stats->n_elsewhere != json_get_int(want, "elsewhere", 0) ||
            (int64_t)stats->n_bad_vectors != json_get_int(want, "bad_vectors", 0))
                fail_msg("%s: %zu withdrawn, %zu elsewhere, %zu bad vectors (%s)", label,
                         stats->n_withdrawn, stats->n_elsewhere, stats->n_bad_vectors,
                         stats->bad_vector.text);
        assert_int_equal(stats->n_bad_vectors > 0, stats->bad_vector.text[0] != '\0');
}

static void run_case(const struct json *one)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        CLEANUP(advisories_freep) struct advisories *advisories = NULL;
        CLEANUP(freep) char *text = NULL;
        const char *label = json_get_string(one, "label");
        const struct json *want = json_get(one, "want");
        const char *error = json_get_string(want, "error");
        struct osv_release release = release_of(json_get_string(one, "os"));
        struct osv_stats stats = {0};
        struct diag diag = {0};
        int r;

        assert_int_equal(json_to_text(json_get(one, "record"), &text), 0);
        r = osv_read_record(text, strlen(text), &release, builder, &stats, &diag);
        if (error ? r >= 0 || !strstr(diag.text, error) : r < 0)
                fail_msg("%s: %d, '%s'", label, r, diag.text);
        if (r < 0)
                return;
        check_stats(label, &stats, want);
        assert_int_equal(advisory_builder_finish(builder, &advisories), 0);
        check_fixes(label, advisories, json_get(want, "fixes"));
        assert_int_equal(advisories->n_items, advisories->n_fixes > 0);
        if (advisories->n_items > 0)
                check_advisory(label, advisories, json_get(one, "record"), want);
}

static void test_records(void **state)
{
        CLEANUP(json_freep) struct json *cases = scenario_load_file("osv/records.json");

        (void)state;
        assert_true(json_length(cases) >= 50);
        for (size_t i = 0; i < json_length(cases); i++)
                run_case(json_at(cases, i));
}

/* The records that distributions really published, shortened: nobody may drop one of them, or what
 * is expected of its severity, its date and the packages it is for. */
static const char *const real_records[] = {
    "ALBA-2019:0973",  "ALSA-2024:0001",        "ALSA-2024:0310", "ALSA-2025:0210",
    "ALSA-2026:5581",  "DEBIAN-CVE-2024-58382", "DSA-3029-1",     "RHSA-2025:9978",
    "RLSA-2026:66203", "UBUNTU-CVE-2025-38094", "USN-6565-1",
};

static int is_published(const char *name, const struct json *value, void *arg)
{
        (void)value;
        (void)arg;
        return strcmp(name, "published") == 0 ? -EEXIST : 0;
}

static bool pins_everything(const struct json *one, const char *id)
{
        const struct json *want = json_get(one, "want");

        return str_equal(json_get_string(json_get(one, "record"), "id"), id) &&
               json_get_string(want, "severity") && json_length(json_get(want, "fixes")) > 0 &&
               json_get_string(want, "classification") &&
               json_for_each_member(want, is_published, NULL) < 0;
}

static void test_real_records(void **state)
{
        CLEANUP(json_freep) struct json *cases = scenario_load_file("osv/records.json");

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(real_records); i++) {
                bool found = false;

                for (size_t j = 0; j < json_length(cases) && !found; j++)
                        found = pins_everything(json_at(cases, j), real_records[i]);
                if (!found)
                        fail_msg("%s: not pinned", real_records[i]);
        }
}

/* ---- what is no record ---- */

static const struct {
        const char *label, *text, *says;
} broken[] = {
    {"empty", "", "ends too early"},
    {"cut", "{\"id\": \"DSA-1-1\"", "ends too early"},
    {"a list", "[]", "no id"},
    {"a text", "\"DSA-1-1\"", "no id"},
    {"an id that is none", "{\"id\": 7}", "no id"},
    {"invalid UTF-8", "{\"id\": \"DSA-1-\xff\"}", "not JSON at byte"},
    {"a name twice", "{\"id\": \"DSA-1-1\", \"id\": \"DSA-2-1\"}", "'id' stands twice"},
    {"too deep",
     "{\"id\":\"a\",\"affected\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
     "]]]]}",
     "deep"},
};

static void test_broken(void **state)
{
        struct osv_release release = release_of("debian 12");

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
                CLEANUP(advisory_builder_freep)
                struct advisory_builder *builder = advisory_builder_new();
                struct osv_stats stats = {0};
                struct diag diag = {0};

                if (osv_read_record(broken[i].text, strlen(broken[i].text), &release, builder,
                                    &stats, &diag) >= 0 ||
                    !strstr(diag.text, broken[i].says))
                        fail_msg("%s: '%s'", broken[i].label, diag.text);
        }
}

static void test_size(void **state)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        struct osv_release release = release_of("debian 12");
        size_t size = OSV_RECORD_MAX_BYTES + 1;
        CLEANUP(freep) char *text = malloc(size);
        struct osv_stats stats = {0};
        struct diag diag = {0};

        (void)state;
        memset(text, ' ', size);
        assert_int_equal(osv_read_record(text, size, &release, builder, &stats, &diag), -E2BIG);
        assert_non_null(strstr(diag.text, "a record of 8388609 bytes"));
}

/* ---- two records ---- */

static const char first[] =
    "{\"id\":\"DSA-1-1\",\"published\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":"
    "{\"ecosystem\":\"Debian:12\",\"name\":\"a\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":"
    "[{\"fixed\":\"2-1\"}]}]}]}";

static const struct {
        const char *label, *from, *to;
        bool is_same;
} doubles[] = {
    {"the same bytes", "", "", true},
    {"the same in other words", "\"published\"", "\"details\":\"new\",\"published\"", true},
    {"another version", "2-1", "2-2", false},
    {"another package", "\"a\"", "\"b\"", false},
    {"another date", "2026-01-01", "2026-01-02", false},
    {"a CVE more", "\"published\"", "\"aliases\":[\"CVE-2026-1\"],\"published\"", false},
    {"a severity more", "\"published\"", "\"summary\":\"Low: x\",\"published\"", false},
    {"about another release", "Debian:12", "Debian:11", true},
};

static char *replace(const char *text, const char *from, const char *to)
{
        const char *at = strstr(text, from);

        return str_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void test_doubles(void **state)
{
        struct osv_release release = release_of("debian 12");

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(doubles); i++) {
                CLEANUP(advisory_builder_freep)
                struct advisory_builder *builder = advisory_builder_new();
                CLEANUP(advisories_freep) struct advisories *advisories = NULL;
                CLEANUP(freep) char *second = replace(first, doubles[i].from, doubles[i].to);
                struct osv_stats stats = {0};
                struct diag diag = {0};
                int r;

                assert_int_equal(
                    osv_read_record(first, strlen(first), &release, builder, &stats, &diag), 0);
                r = osv_read_record(second, strlen(second), &release, builder, &stats, &diag);
                if (doubles[i].is_same ? r < 0 : r != -EEXIST)
                        fail_msg("%s: %d %s", doubles[i].label, r, diag.text);
                if (r < 0) {
                        assert_non_null(strstr(diag.text, "'DSA-1-1' stands twice"));
                        continue;
                }
                assert_int_equal(advisory_builder_finish(builder, &advisories), 0);
                assert_int_equal(advisories->n_items, 1);
                assert_int_equal(advisories->n_fixes, 1);
        }
}

/* ---- releases ---- */

static const struct {
        const char *label, *id, *version, *says;
} no_release[] = {
    {"a distribution without records", "opensuse-leap", "15.6", "no advisories in OSV format"},
    {"no version", "debian", "", "is no version of debian"},
    {"a word", "debian", "sid", "is no version of debian"},
    {"a dot first", "debian", ".1", "is no version of debian"},
    {"too long", "ubuntu", "11111111111111111111111111111111", "is no version of ubuntu"},
};

static void test_releases(void **state)
{
        struct osv_release release = release_of("rhel 9.4");

        (void)state;
        assert_string_equal(release.version, "9");
        assert_string_equal(release_of("ubuntu 22.04").version, "22.04");
        for (size_t i = 0; i < ELEMENTSOF(no_release); i++) {
                struct diag diag = {0};

                if (osv_release_for(no_release[i].id, no_release[i].version, false, &release,
                                    &diag) >= 0 ||
                    !strstr(diag.text, no_release[i].says))
                        fail_msg("%s: '%s'", no_release[i].label, diag.text);
        }
}

static void test_words(void **state)
{
        (void)state;
        assert_int_equal(osv_severity_of_word("Important"), SEVERITY_HIGH);
        assert_int_equal(osv_severity_of_word("negligible"), SEVERITY_LOW);
        assert_int_equal(osv_severity_of_word("not yet assigned"), SEVERITY_UNSPECIFIED);
        assert_int_equal(osv_severity_of_word(""), SEVERITY_UNSPECIFIED);
        assert_int_equal(osv_severity_of_word(NULL), SEVERITY_UNSPECIFIED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_records), cmocka_unit_test(test_real_records),
            cmocka_unit_test(test_broken),  cmocka_unit_test(test_size),
            cmocka_unit_test(test_doubles), cmocka_unit_test(test_releases),
            cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
