/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "report/script_result.h"

#include <string.h>

static void add(struct script_results *results, enum script_phase phase, const char *name,
                bool passed, const char *output)
{
        struct script_result result = {
            .phase = phase, .name = strdup(name), .passed = passed, .output = strdup(output)};

        assert_int_equal(script_results_add(results, &result), 0);
        assert_null(result.name);
}

static void test_passes_are_merged(void **state)
{
        CLEANUP(script_results_done) struct script_results results = {0};
        static const struct {
                enum script_phase phase;
                const char *name;
                bool passed;
                size_t n_after;
        } steps[] = {
            {SCRIPT_BEFORE, "web", true, 1},      {SCRIPT_AFTER_STEP, "web", true, 2},
            {SCRIPT_AFTER_STEP, "web", true, 2},  {SCRIPT_AFTER_STEP, "db", true, 3},
            {SCRIPT_AFTER_STEP, "web", false, 4}, {SCRIPT_AFTER_STEP, "web", false, 5},
            {SCRIPT_AFTER_STEP, "web", true, 6},  {SCRIPT_AFTER_STEP, "web", true, 6},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                char output[2] = {(char)('a' + i), '\0'};

                add(&results, steps[i].phase, steps[i].name, steps[i].passed, output);
                if (results.n_items != steps[i].n_after)
                        fail_msg("step %zu: %zu results", i, results.n_items);
        }
        assert_string_equal(script_results_find(&results, SCRIPT_AFTER_STEP, "web")->output, "h");
        assert_string_equal(script_results_find(&results, SCRIPT_BEFORE, "web")->output, "a");
        assert_null(script_results_find(&results, SCRIPT_AFTER_BOOT, "web"));
}

/* One letter per time it was asked: before (b), after steps (s), after the reboot (r); large: it
 * passed. */
static const struct {
        const char *label, *asked;
        bool want;
} boot_cases[] = {
    {"broken by the reboot", "BSr", true},
    {"no step was followed by checks", "Br", true},
    {"well", "BSR", false},
    {"failed before the run already", "bSr", false},
    {"new since the run began", "Sr", false},
    {"failed after the last step already", "BSsr", false},
    {"after one step, not after the next", "BsSr", true},
    {"well again when asked again", "BSrR", false},
    {"not asked after the reboot", "BSs", false},
};

static void test_broke_at_boot(void **state)
{
        static const char phases[] = "bsr";

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(boot_cases); i++) {
                CLEANUP(script_results_done) struct script_results results = {0};

                add(&results, SCRIPT_BEFORE, "other", true, "");
                add(&results, SCRIPT_AFTER_BOOT, "other", true, "");
                for (const char *p = boot_cases[i].asked; *p; p++) {
                        size_t phase = (size_t)(strchr(phases, *p | 0x20) - phases);

                        add(&results, (enum script_phase)(SCRIPT_BEFORE + phase), "web",
                            !(*p & 0x20), "");
                }
                if (script_results_broke_at_boot(&results) != boot_cases[i].want)
                        fail_msg("%s", boot_cases[i].label);
        }
}

static const struct {
        const char *label, *text, *want;
} output_cases[] = {
    {"nothing", "", ""},
    {"lines", "one\ntwo\n", "one\ntwo"},
    {"an empty line inside", "one\n\ntwo", "one\n\ntwo"},
    {"escapes", "\033[31mred", "\\x1b[31mred"},
    {"not UTF-8", "a\xff", "a\xef\xbf\xbd"},
};

static void test_output(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(output_cases); i++) {
                CLEANUP(freep) char *text = NULL;

                assert_int_equal(script_output_clean(output_cases[i].text, &text), 0);
                if (strcmp(text, output_cases[i].want) != 0)
                        fail_msg("%s: '%s'", output_cases[i].label, text);
        }
}

static void test_long_output_keeps_its_end(void **state)
{
        char text[3 * SCRIPT_OUTPUT_MAX_BYTES + 4];
        CLEANUP(freep) char *clean = NULL;

        (void)state;
        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = i % 2 ? '\xa4' : '\xc3'; /* two bytes make one letter */
        memcpy(text + sizeof(text) - 4, "end", 4);
        assert_int_equal(script_output_clean(text, &clean), 0);
        assert_in_range(strlen(clean), SCRIPT_OUTPUT_MAX_BYTES - 1, SCRIPT_OUTPUT_MAX_BYTES);
        assert_string_equal(clean + strlen(clean) - 3, "end");
        assert_int_equal((unsigned char)clean[0], 0xc3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_passes_are_merged),
            cmocka_unit_test(test_broke_at_boot),
            cmocka_unit_test(test_output),
            cmocka_unit_test(test_long_output_keeps_its_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
