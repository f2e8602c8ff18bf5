/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "apply/request.h"
#include "base/str.h"
#include "policy/envelope.h"

#include <string.h>

#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
        const char *label;
        const struct request_fields *fields;
        const char *parameters;
        const char *says; /* a part of the sentence; NULL: taken */
} cases[] = {
    {"nothing", &request_fields_none, "{}", NULL},
    {"null is absent", &request_fields_run,
     "{\"run_id\":\"a\",\"envelope\":null,\"packages\":null}", NULL},
    {"unknown member", &request_fields_none, "{\"path\":\"/etc\"}", "path"},
    {"run id", &request_fields_run, "{\"run_id\":\"20261122T010000Z-1a2b\"}", NULL},
    {"run id of 64", &request_fields_run, "{\"run_id\":\"" LONG_64 "\"}", NULL},
    {"run id of 65", &request_fields_run, "{\"run_id\":\"" LONG_64 "x\"}", "run_id"},
    {"no run id", &request_fields_run, "{}", "run_id"},
    {"empty run id", &request_fields_run, "{\"run_id\":\"\"}", "run_id"},
    {"run id with a path", &request_fields_run, "{\"run_id\":\"../../etc/passwd\"}", "run_id"},
    {"run id with a dot", &request_fields_run, "{\"run_id\":\"a.b\"}", "run_id"},
    {"run id with a NUL", &request_fields_run, "{\"run_id\":\"a\\u0000b\"}", "run_id"},
    {"run id as option", &request_fields_run, "{\"run_id\":\"-a\"}", "run_id"},
    {"run id as number", &request_fields_run, "{\"run_id\":1}", "run_id"},
    {"packages", &request_fields_run,
     "{\"run_id\":\"a\",\"packages\":[{\"name\":\"libc6\",\"arch\":\"amd64\",\"version\":\"1:2~x+"
     "b1-"
     "3\"},{\"name\":\"x\"}]}",
     NULL},
    {"package as option", &request_fields_run,
     "{\"run_id\":\"a\",\"packages\":[{\"name\":\"x\"},{\"name\":\"-o\"}]}", "packages[1].name"},
    {"package with blanks", &request_fields_run,
     "{\"run_id\":\"a\",\"packages\":[{\"name\":\"a b\"}]}", "packages[0].name"},
    {"package as glob", &request_fields_run, "{\"run_id\":\"a\",\"packages\":[{\"name\":\"a*\"}]}",
     "packages[0].name"},
    {"package without name", &request_fields_run, "{\"run_id\":\"a\",\"packages\":[{}]}",
     "packages[0]"},
    {"package with another member", &request_fields_run,
     "{\"run_id\":\"a\",\"packages\":[{\"name\":\"a\",\"url\":\"x\"}]}", "packages[0].url"},
    {"package as text", &request_fields_run, "{\"run_id\":\"a\",\"packages\":[\"a\"]}",
     "packages[0]"},
    {"packages as object", &request_fields_run, "{\"run_id\":\"a\",\"packages\":{}}", "packages"},
    {"version with an option", &request_fields_run,
     "{\"run_id\":\"a\",\"packages\":[{\"name\":\"a\",\"version\":\"1 -o\"}]}",
     "packages[0].version"},
    {"operation", &request_fields_run,
     "{\"run_id\":\"a\",\"operation\":\"2026-11-22-openssl:a_b+c~d@e\"}", NULL},
    {"operation with a path", &request_fields_run, "{\"run_id\":\"a\",\"operation\":\"../x\"}",
     "operation"},
    {"operation as option", &request_fields_run, "{\"run_id\":\"a\",\"operation\":\"-o\"}",
     "operation"},
    {"operation of 129", &request_fields_run,
     "{\"run_id\":\"a\",\"operation\":\"" LONG_64 LONG_64 "x\"}", "operation"},
    {"operation as object", &request_fields_run, "{\"run_id\":\"a\",\"operation\":{\"id\":\"a\"}}",
     "operation"},
    {"no operation for a download", &request_fields_download,
     "{\"run_id\":\"a\",\"operation\":\"a\"}", "operation"},
    {"no packages for a download", &request_fields_download, "{\"run_id\":\"a\",\"packages\":[]}",
     "packages"},
    {"now", &request_fields_apply_now, "{\"now\":true,\"download_only\":false}", NULL},
    {"now as text", &request_fields_apply_now, "{\"now\":\"yes\"}", "now"},
    {"until", &request_fields_pause, "{\"until\":\"2026-12-01T00:00:00Z\"}", NULL},
    {"until without time", &request_fields_pause, "{\"until\":\"tomorrow\"}", "until"},
    {"rollback of the last run", &request_fields_rollback, "{}", NULL},
    {"rollback", &request_fields_rollback, "{\"run_id\":\"a\",\"plan_only\":true}", NULL},
    {"rollback with a path", &request_fields_rollback, "{\"run_id\":\"../a\"}", "run_id"},
    {"rollback by a digest", &request_fields_rollback, "{\"digest\":\"0a\"}", NULL},
    {"rollback by no digest", &request_fields_rollback, "{\"digest\":\"-o\"}", "digest"},
    {"veto of an option", &request_fields_clear_veto, "{\"package\":\"-o\"}", "package"},
    {"veto", &request_fields_clear_veto, "{\"package\":\"openssl\"}", NULL},
};

static void test_read(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(request_done) struct request request = {0};
                CLEANUP(json_freep) struct json *json = NULL;
                struct diag diag = {0};
                int r;

                assert_int_equal(
                    json_parse(cases[i].parameters, strlen(cases[i].parameters), &json, NULL), 0);
                r = request_read(json, cases[i].fields, &request, &diag);
                if (cases[i].says ? r != -EINVAL || !strstr(diag.text, cases[i].says) : r != 0)
                        fail_msg("%s: %d '%s'", cases[i].label, r, diag.text);
        }
}

static void test_values(void **state)
{
        static const char text[] = "{\"run_id\":\"a\",\"envelope\":\"{}\",\"packages\":[{\"name\":"
                                   "\"x\",\"version\":\"1\"}]}";
        CLEANUP(request_done) struct request request = {0};
        CLEANUP(json_freep) struct json *json = NULL;

        (void)state;
        assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
        assert_int_equal(request_read(json, &request_fields_run, &request, NULL), 0);
        assert_string_equal(request.run_id, "a");
        assert_int_equal(request.envelope.size, 2);
        assert_true(request.has_packages);
        assert_int_equal(request.n_packages, 1);
        assert_string_equal(request.packages[0].name, "x");
        assert_string_equal(request.packages[0].version, "1");
        assert_null(request.packages[0].arch);
}

/* {"run_id":"a","packages":[{"name":"p"}, ...]} */
static int read_many(size_t n, struct diag *diag)
{
        CLEANUP(request_done) struct request request = {0};
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(str_done) struct str text = {0};

        str_append(&text, "{\"run_id\":\"a\",\"packages\":[");
        for (size_t i = 0; i < n; i++)
                str_append(&text, i ? ",{\"name\":\"p\"}" : "{\"name\":\"p\"}");
        str_append(&text, "]}");
        assert_int_equal(json_parse(text.data, text.length, &json, NULL), 0);
        return request_read(json, &request_fields_run, &request, diag);
}

static int read_envelope(size_t size, struct diag *diag)
{
        static const char chunk[] = LONG_64 LONG_64 LONG_64 LONG_64;
        CLEANUP(request_done) struct request request = {0};
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(str_done) struct str text = {0};

        str_append(&text, "{\"run_id\":\"a\",\"envelope\":\"");
        for (; size >= sizeof(chunk) - 1; size -= sizeof(chunk) - 1)
                str_append(&text, chunk);
        for (; size > 0; size--)
                str_append_char(&text, 'x');
        str_append(&text, "\"}");
        assert_int_equal(json_parse(text.data, text.length, &json, NULL), 0);
        return request_read(json, &request_fields_run, &request, diag);
}

static void test_limits(void **state)
{
        struct diag diag = {0};

        (void)state;
        assert_int_equal(read_many(REQUEST_PACKAGES_MAX, NULL), 0);
        assert_int_equal(read_many(REQUEST_PACKAGES_MAX + 1, &diag), -EINVAL);
        assert_non_null(strstr(diag.text, "2000"));
        assert_int_equal(read_envelope(ENVELOPE_SIZE_MAX_BYTES, NULL), 0);
        assert_int_equal(read_envelope(ENVELOPE_SIZE_MAX_BYTES + 1, NULL), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_read),
            cmocka_unit_test(test_values),
            cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
