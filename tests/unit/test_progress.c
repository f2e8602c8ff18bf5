/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "report/progress.h"

#include <stdlib.h>
#include <string.h>

static const struct {
        const char *label;
        struct progress progress;
        const char *text;
} cases[] = {
    {"nothing known",
     {.state = "checking", .text = "", .percent = -1, .bytes_done = -1, .bytes_total = -1},
     "{\"state\":\"checking\",\"text\":\"\"}"},
    {"the beginning",
     {.state = "downloading", .text = "x", .percent = 0, .bytes_done = 0, .bytes_total = 7},
     "{\"state\":\"downloading\",\"text\":\"x\",\"percent\":0,\"bytes_done\":0,\"bytes_total\":7}"},
    {"all",
     {.state = "installing",
      .text = "Unpacking \"a\"",
      .package = "a",
      .percent = 100,
      .step = 3,
      .n_steps = 3,
      .bytes_done = 5000000000,
      .bytes_total = 5000000000},
     "{\"state\":\"installing\",\"text\":\"Unpacking \\\"a\\\"\",\"package\":\"a\",\"percent\":100,"
     "\"step\":3,\"n_steps\":3,\"bytes_done\":5000000000,\"bytes_total\":5000000000}"},
};

static void assert_same(const char *label, const struct progress *a, const struct progress *b)
{
        if (strcmp(a->state, b->state) != 0 || strcmp(a->text, b->text) != 0 ||
            strcmp(a->package ?: "-", b->package ?: "-") != 0 || a->percent != b->percent ||
            a->step != b->step || a->n_steps != b->n_steps || a->bytes_done != b->bytes_done ||
            a->bytes_total != b->bytes_total)
                fail_msg("%s: differs: %s", label, b->state);
}

static void test_there_and_back(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(freep) char *text = progress_to_text(&cases[i].progress);
                CLEANUP(json_freep) struct json *json = NULL;
                struct progress back;

                assert_string_equal(text, cases[i].text);
                assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
                back = progress_read(json);
                assert_same(cases[i].label, &cases[i].progress, &back);
        }
}

static void test_nonsense_is_not_known(void **state)
{
        static const char *const texts[] = {
            "{}",
            "{\"state\":1,\"text\":[],\"package\":{},\"percent\":\"5\",\"step\":true}",
            "{\"percent\":101,\"step\":-1,\"n_steps\":0,\"bytes_done\":-7,\"bytes_total\":-1}",
            "{\"percent\":-1,\"step\":4,\"n_steps\":3,\"bytes_done\":8,\"bytes_total\":7}",
            "{\"step\":1,\"bytes_done\":1,\"percent\":null}",
        };
        const struct progress unknown = progress_of("", "");

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                CLEANUP(json_freep) struct json *json = NULL;
                struct progress progress;

                assert_int_equal(json_parse(texts[i], strlen(texts[i]), &json, NULL), 0);
                progress = progress_read(json);
                assert_same(texts[i], &unknown, &progress);
        }
}

/* A run of many calls, each of which counts anew, sometimes twice, and lies now and then. */
static void test_percent_never_goes_back(void **state)
{
        struct progress_meter meter = {0};
        int64_t last = 0;

        (void)state;
        assert_int_equal(progress_meter_reach(&meter, 5, 10), 0);
        for (int64_t step = 0; step < 250; step++) {
                progress_meter_enter(&meter, step * PROGRESS_WHOLE / 250,
                                     (step + 1) * PROGRESS_WHOLE / 250);
                for (int64_t done = -20; done <= 240; done++) {
                        int64_t percent = progress_meter_reach(&meter, done % 121, 100);

                        if (percent < last || percent > (step + 1) * 100 / 250)
                                fail_msg("step %d at %d: %d after %d", (int)step, (int)done,
                                         (int)percent, (int)last);
                        last = percent;
                }
        }
        assert_int_equal(last, 100);
        progress_meter_enter(&meter, 10, 20); /* as a part that comes again */
        assert_int_equal(progress_meter_reach(&meter, 0, 0), 100);
}

static void test_parts_out_of_bounds(void **state)
{
        struct progress_meter meter = {0};

        (void)state;
        progress_meter_enter(&meter, 5000, 3000);
        assert_int_equal(progress_meter_reach(&meter, 1, 1), 50);
        progress_meter_enter(&meter, -5, INT64_MAX);
        assert_int_equal(progress_meter_reach(&meter, INT64_MAX, INT64_MAX), 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_there_and_back),
            cmocka_unit_test(test_nonsense_is_not_known),
            cmocka_unit_test(test_percent_never_goes_back),
            cmocka_unit_test(test_parts_out_of_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
