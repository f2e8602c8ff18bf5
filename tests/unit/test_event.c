/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "host/event.h"

#include <string.h>

/* Every member set, so that every field appears. */
static const struct event_fields all_fields = {
    .run_id = "20261122T010000Z-1a2b3c4d",
    .policy_id = "acme",
    .policy_version = 42,
    .package = "openssl",
    .version_from = "3.0.17-1",
    .version_to = "3.0.18-1",
    .state = "installed",
    .result = "compliant",
    .advisories = "DSA-1 DSA-2",
    .reason = "it says \"no\"",
};

static const char *field(const struct strv *entry, const char *name)
{
        for (size_t i = 0; i < entry->n_items; i++)
                if (str_has_prefix(entry->items[i], name) && entry->items[i][strlen(name)] == '=')
                        return entry->items[i] + strlen(name) + 1;
        return NULL;
}

static void test_entry(void **state)
{
        static const struct {
                const char *name, *value;
        } wants[] = {
            {"MESSAGE", "A package was updated: event=package-updated policy_version=42 "
                        "run_id=20261122T010000Z-1a2b3c4d policy_id=acme package=openssl "
                        "version_from=3.0.17-1 version_to=3.0.18-1 state=installed "
                        "result=compliant advisories=\"DSA-1 DSA-2\" "
                        "reason=\"it says \\\"no\\\"\""},
            {"MESSAGE_ID", "197b7dbb266641029e7b413ad09b33c0"},
            {"PRIORITY", "5"},
            {"SYSLOG_IDENTIFIER", "patchd-apply"},
            {"PATCHD_SCHEMA", "1"},
            {"PATCHD_EVENT", "package-updated"},
            {"PATCHD_RUN_ID", "20261122T010000Z-1a2b3c4d"},
            {"PATCHD_POLICY_ID", "acme"},
            {"PATCHD_POLICY_VERSION", "42"},
            {"PATCHD_PACKAGE", "openssl"},
            {"PATCHD_VERSION_FROM", "3.0.17-1"},
            {"PATCHD_VERSION_TO", "3.0.18-1"},
            {"PATCHD_STATE", "installed"},
            {"PATCHD_RESULT", "compliant"},
            {"PATCHD_ADVISORIES", "DSA-1 DSA-2"},
            {"PATCHD_REASON", "it says \"no\""},
        };
        CLEANUP(strv_done) struct strv entry = {0};

        (void)state;
        assert_int_equal(event_format(EVENT_PACKAGE_UPDATED, &all_fields, "patchd-apply", &entry),
                         0);
        for (size_t i = 0; i < ELEMENTSOF(wants); i++) {
                const char *value = field(&entry, wants[i].name);

                if (!value || strcmp(value, wants[i].value) != 0)
                        fail_msg("%s: '%s'", wants[i].name, value ? value : "(none)");
        }
        assert_int_equal(entry.n_items, ELEMENTSOF(wants));
}

static void test_nothing_known(void **state)
{
        CLEANUP(strv_done) struct strv entry = {0};
        const struct event_fields none = {0};

        (void)state;
        assert_int_equal(event_format(EVENT_PAUSED, &none, "patchd", &entry), 0);
        assert_string_equal(entry.items[0], "MESSAGE=Applying is paused: event=paused");
        assert_int_equal(entry.n_items, 6);
}

static void test_hostile_text(void **state)
{
        CLEANUP(strv_done) struct strv entry = {0};
        CLEANUP(freep) char *text = calloc(1, 10001);
        struct event_fields fields = {.package = "a\nPATCHD_STATE=x\033[2J\xff", .reason = text};

        (void)state;
        for (size_t i = 0; i < 10000; i += 2)
                memcpy(text + i, "\xc3\xa4", 2);
        assert_int_equal(event_format(EVENT_PACKAGE_FAILED, &fields, "patchd", &entry), 0);
        assert_string_equal(field(&entry, "PATCHD_PACKAGE"),
                            "a\\x0aPATCHD_STATE=x\\x1b[2J\xef\xbf\xbd");
        for (size_t i = 0; i < entry.n_items; i++) {
                assert_null(strchr(entry.items[i], '\n'));
                assert_null(strchr(entry.items[i], '\033'));
                assert_true(strlen(entry.items[i]) <= 4096);
        }
        /* Cut between two characters. */
        assert_true(str_has_suffix(field(&entry, "PATCHD_REASON"), "\xc3\xa4..."));
}

static void test_line(void **state)
{
        CLEANUP(strv_done) struct strv entry = {0};

        (void)state;
        assert_int_equal(event_format_line(LOG_LEVEL_WARNING, "50%\r\n", "patchctl", &entry), 0);
        assert_int_equal(entry.n_items, 3);
        assert_string_equal(entry.items[0], "MESSAGE=50%\\x0d\\x0a");
        assert_string_equal(entry.items[1], "PRIORITY=4");
        assert_string_equal(entry.items[2], "SYSLOG_IDENTIFIER=patchctl");
}

static void test_ids_are_distinct(void **state)
{
        (void)state;
        for (int i = 0; i < N_EVENTS; i++) {
                const char *id = event_message_id((enum event)i);

                assert_int_equal(strlen(id), 32);
                assert_int_equal(strspn(id, "0123456789abcdef"), 32);
                for (int j = 0; j < i; j++) {
                        assert_string_not_equal(id, event_message_id((enum event)j));
                        assert_string_not_equal(event_name((enum event)i),
                                                event_name((enum event)j));
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_entry),
            cmocka_unit_test(test_nothing_known),
            cmocka_unit_test(test_hostile_text),
            cmocka_unit_test(test_line),
            cmocka_unit_test(test_ids_are_distinct),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
