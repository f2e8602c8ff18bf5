/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "report/operation_record.h"

#include <string.h>

static void test_parse(void **state)
{
        static const struct {
                const char *label, *text, *id;
                size_t n_items;
                bool is_found;
                time_t finished_at;
                enum run_result result;
        } cases[] = {
            {"nothing", "", "a", 0, false, 0, RUN_INTERRUPTED},
            {"begun", "{\"id\":\"a\",\"run_id\":\"r\"}\n", "a", 1, true, 0, RUN_INTERRUPTED},
            {"without a line end", "{\"id\":\"a\"}", "a", 1, true, 0, RUN_INTERRUPTED},
            {"another id", "{\"id\":\"ab\"}\n", "a", 1, false, 0, RUN_INTERRUPTED},
            {"begun and ended",
             "{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"a\",\"finished_at\":"
             "\"1970-01-01T00:16:40Z\",\"result\":\"partial\"}\n",
             "a", 2, true, 1000, RUN_PARTIAL},
            {"a result of later versions", "{\"id\":\"a\",\"result\":\"splendid\"}\n", "a", 1, true,
             0, RUN_INTERRUPTED},
            {"cut lines", "{\"id\":\"a\n{\"id\":\"b\"}\n\n[]\n{\"id\":1}\n{\"id\":\"a\"", "a", 1,
             false, 0, RUN_INTERRUPTED},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(operation_records_done) struct operation_records records = {0};
                const struct operation_record *record;

                assert_int_equal(
                    operation_records_parse(cases[i].text, strlen(cases[i].text), &records), 0);
                record = operation_records_find(&records, cases[i].id);
                if (records.n_items != cases[i].n_items || !record != !cases[i].is_found)
                        fail_msg("%s: %zu records", cases[i].label, records.n_items);
                if (record && (record->finished_at != cases[i].finished_at ||
                               record->result != cases[i].result))
                        fail_msg("%s: result %d", cases[i].label, record->result);
        }
}

static void test_line(void **state)
{
        const struct operation_record record = {.id = (char *)"2026-11-22-openssl",
                                                .run_id = (char *)"r\n1",
                                                .began_at = 1000,
                                                .finished_at = 1100,
                                                .result = RUN_FAILED,
                                                .message = (char *)"no \"luck\"\n"};
        CLEANUP(operation_records_done) struct operation_records records = {0};
        CLEANUP(freep) char *line = NULL;

        (void)state;
        assert_int_equal(operation_record_to_line(&record, &line), 0);
        assert_null(strchr(line, '\n'));
        assert_int_equal(operation_records_parse(line, strlen(line), &records), 0);
        assert_int_equal(records.n_items, 1);
        assert_string_equal(records.items[0].run_id, record.run_id);
        assert_string_equal(records.items[0].message, record.message);
        assert_int_equal(records.items[0].began_at, 1000);
        assert_int_equal(records.items[0].result, RUN_FAILED);
}

static void test_write(void **state)
{
        char *patterns[] = {(char *)"web*", NULL};
        struct operation operations[] = {
            {.id = (char *)"new", .action = OPERATION_APPLY, .expires = 2000},
            {.id = (char *)"old", .action = OPERATION_SCAN, .expires = 500},
            {.id = (char *)"done", .action = OPERATION_REBOOT, .expires = 500},
            {.id = (char *)"theirs",
             .expires = 2000,
             .match = {.hostname = {.items = patterns, .n_items = 1}}},
        };
        const struct policy policy = {.operations = operations, .n_operations = 4};
        const struct node node = {.hostname = (char *)"db1",
                                  .os_id = (char *)"debian",
                                  .os_version = (char *)"12",
                                  .arch = (char *)"amd64"};
        static const char text[] = "{\"id\":\"done\",\"run_id\":\"r\",\"result\":\"succeeded\"}";
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(operation_records_done) struct operation_records records = {0};
        CLEANUP(freep) char *written = NULL;

        (void)state;
        assert_int_equal(operation_records_parse(text, strlen(text), &records), 0);
        operation_records_write(&records, &policy, &node, 1000, NULL, writer);
        assert_int_equal(json_writer_finish(writer, false, &written), 0);
        assert_string_equal(
            written, "[{\"id\":\"new\",\"action\":\"apply\",\"state\":\"waiting\","
                     "\"expires\":\"1970-01-01T00:33:20Z\",\"run_id\":null,\"began_at\":null,"
                     "\"finished_at\":null,\"result\":null,\"message\":null},"
                     "{\"id\":\"old\",\"action\":\"scan\",\"state\":\"expired\","
                     "\"expires\":\"1970-01-01T00:08:20Z\",\"run_id\":null,\"began_at\":null,"
                     "\"finished_at\":null,\"result\":null,\"message\":null},"
                     "{\"id\":\"done\",\"action\":\"reboot\",\"state\":\"done\","
                     "\"expires\":\"1970-01-01T00:08:20Z\",\"run_id\":\"r\",\"began_at\":null,"
                     "\"finished_at\":null,\"result\":\"succeeded\",\"message\":null}]");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_parse),
            cmocka_unit_test(test_line),
            cmocka_unit_test(test_write),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
