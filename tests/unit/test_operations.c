/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "cycle/operations.h"
#include "folder.h"
#include "host/files.h"

#include <string.h>

static const time_t now = 1000;

static void test_due(void **state)
{
        static const struct {
                const char *label;
                enum operation_action action;
                const char *done; /* the record; NULL: no file */
                bool ignore_window;
                time_t expires;
                const char *hostname; /* to match */
                bool is_due, at_once;
        } cases[] = {
            {"waits for the window", OPERATION_APPLY, NULL, false, 2000, NULL, true, false},
            {"at once", OPERATION_APPLY, NULL, true, 2000, NULL, true, true},
            {"a reboot", OPERATION_REBOOT, "", true, 2000, NULL, true, true},
            {"a scan waits for no window", OPERATION_SCAN, NULL, false, 2000, NULL, true, true},
            {"expired", OPERATION_APPLY, NULL, true, 1000, NULL, false, false},
            {"for this node", OPERATION_APPLY, NULL, true, 2000, "node*", true, true},
            {"for another node", OPERATION_APPLY, NULL, true, 2000, "web*", false, false},
            {"done", OPERATION_APPLY, "{\"id\":\"x\"}\n{\"id\":\"op\"}\n", true, 2000, NULL, false,
             false},
            {"another one done", OPERATION_APPLY, "{\"id\":\"x\"}\n", true, 2000, NULL, true, true},
            {"done, before a cut line", OPERATION_APPLY, "{\"id\":\"op\"}\n{\"id\":\"o", true, 2000,
             NULL, false, false},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *patterns[] = {(char *)cases[i].hostname, NULL};
                struct operation operation = {.id = (char *)"op",
                                              .action = cases[i].action,
                                              .ignore_window = cases[i].ignore_window,
                                              .expires = cases[i].expires};
                struct policy policy = {.operations = &operation, .n_operations = 1};
                struct node node = {.hostname = (char *)"node1",
                                    .os_id = (char *)"debian",
                                    .os_version = (char *)"12",
                                    .arch = (char *)"amd64"};
                struct paths paths = {.apply_state = *state};
                CLEANUP(freep) char *path = str_format("%s/done-operations.jsonl", (char *)*state);
                CLEANUP(operations_due_done) struct operations_due due = {0};
                CLEANUP(freep) char *at_once = NULL;
                struct diag diag = {0};

                if (cases[i].hostname)
                        operation.match.hostname = (struct strv){.items = patterns, .n_items = 1};
                assert_int_equal(files_remove(path, NULL), 0);
                if (cases[i].done)
                        assert_int_equal(
                            files_create(path, cases[i].done, strlen(cases[i].done), 0644, NULL),
                            0);
                assert_int_equal(operations_find(&paths, &policy, &node, now, &due, &diag), 0);
                assert_int_equal(operations_at_once(&due, &at_once), 0);
                if (due.n_items != cases[i].is_due || str_equal(at_once, "op") != cases[i].at_once)
                        fail_msg("%s", cases[i].label);
        }
}

static void test_unreadable_record(void **state)
{
        struct operation operation = {.id = (char *)"op", .expires = 2000, .ignore_window = true};
        struct policy policy = {.operations = &operation, .n_operations = 1};
        CLEANUP(freep) char *path = str_format("%s/done-operations.jsonl", (char *)*state);
        struct paths paths = {.apply_state = *state};
        struct node node = {0};
        CLEANUP(operations_due_done) struct operations_due due = {0};
        struct diag diag = {0};

        assert_int_equal(mkdir(path, 0755), 0);
        assert_true(operations_find(&paths, &policy, &node, now, &due, &diag) < 0);
        assert_int_equal(due.n_items, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_due, folder_setup, folder_teardown),
            cmocka_unit_test_setup_teardown(test_unreadable_record, folder_setup, folder_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
