/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

/* packaging/patchd.catalog explains exactly the events there are, with fields that they can have.
 */

#include "base/str.h"
#include "host/event.h"
#include "host/files.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_COLUMNS = 76, HEADERS = 3 };

static struct blob catalog;

static int read_catalog(void **state)
{
        CLEANUP(freep)
        char *path = str_format("%s/../../packaging/patchd.catalog", getenv("PATCHD_TEST_DATA"));
        struct diag diag = {0};

        (void)state;
        if (files_read(path, 1 << 20, false, &catalog, &diag) < 0)
                fail_msg("%s", diag.text);
        return 0;
}

static int free_catalog(void **state)
{
        (void)state;
        blob_done(&catalog);
        return 0;
}

static void test_one_entry_per_event(void **state)
{
        size_t n_entries = 0;

        (void)state;
        for (const char *p = catalog.data; (p = strstr(p, "\n-- ")); p++)
                n_entries++;
        assert_int_equal(n_entries, N_EVENTS);
        for (int i = 0; i < N_EVENTS; i++) {
                CLEANUP(freep)
                char *begin = str_format("\n-- %s\nSubject: ", event_message_id((enum event)i));
                const char *entry = strstr(catalog.data, begin);

                if (!entry)
                        fail_msg("%s has no entry", event_name((enum event)i));
                entry = strchr(entry + strlen(begin), '\n');
                if (!str_has_prefix(entry,
                                    "\nDefined-By: patchd\nDocumentation: man:patchd(8)\n\n"))
                        fail_msg("%s: other headers are wanted", event_name((enum event)i));
        }
}

static void test_columns(void **state)
{
        (void)state;
        for (const char *line = catalog.data; *line; line += strspn(line, "\n")) {
                size_t length = strcspn(line, "\n");

                if (length > LINE_MAX_COLUMNS || (length > 0 && line[length - 1] == ' '))
                        fail_msg("too long, or a blank at its end: %.*s", (int)length, line);
                line += length;
        }
}

/* The names of all fields an event can have, each followed by a blank. */
static char *known_fields(void)
{
        const struct event_fields all = {"r", "p", 1, "p", "1", "2", "s", "r", "a", "r"};
        CLEANUP(strv_done) struct strv entry = {0};
        struct str names = {0};
        char *taken = NULL;

        assert_int_equal(event_format(EVENT_PAUSED, &all, "patchd", &entry), 0);
        for (size_t i = 0; i < entry.n_items; i++)
                str_appendf(&names, "%.*s ", (int)strcspn(entry.items[i], "="), entry.items[i]);
        assert_int_equal(str_take(&names, &taken), 0);
        return taken;
}

static void test_fields_exist(void **state)
{
        CLEANUP(freep) char *known = known_fields();
        size_t n = 0;

        (void)state;
        for (const char *p = catalog.data; (p = strstr(p, "PATCHD_")); n++) {
                size_t length = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
                CLEANUP(freep) char *name = str_format("%.*s ", (int)length, p);

                if (!strstr(known, name) || (p[-1] == '@') != (p[length] == '@'))
                        fail_msg("%s is no field", name);
                p += length;
        }
        assert_true(n > 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_one_entry_per_event),
            cmocka_unit_test(test_columns),
            cmocka_unit_test(test_fields_exist),
        };
        return cmocka_run_group_tests(tests, read_catalog, free_catalog);
}
