/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "decide/estimate.h"

#include <stdio.h>
#include <string.h>

#define NOW ((time_t)1795000000) /* 2026-11-18T11:06:40Z */
#define MB  1000000

enum { ITEMS_MAX = 3 };

struct piece {
        const char *name;
        int64_t mb;
};

struct made {
        struct available targets[ITEMS_MAX];
        struct plan_item items[ITEMS_MAX];
        struct plan_step step;
};

static void make_step(struct made *made, const struct piece pieces[ITEMS_MAX])
{
        *made = (struct made){.step = {.items = made->items}};
        for (size_t i = 0; i < ITEMS_MAX && pieces[i].name; i++) {
                made->targets[i].installed_size_bytes = pieces[i].mb * MB;
                made->items[i].name = (char *)(uintptr_t)pieces[i].name;
                made->items[i].target = &made->targets[i];
                made->step.n_items++;
        }
}

static void learn(struct estimates *estimates, const char *name, int64_t mb, int64_t msec)
{
        struct made made;

        make_step(&made, (struct piece[ITEMS_MAX]){{name, mb}});
        assert_int_equal(estimates_learn(estimates, &made.step, msec, NOW), 0);
}

static int64_t guess(const struct estimates *estimates, const char *name, int64_t mb)
{
        struct made made;

        make_step(&made, (struct piece[ITEMS_MAX]){{name, mb}});
        return estimate_msec(estimates, &made.step);
}

/* ---- nothing learned ---- */

static const struct {
        const char *label;
        struct piece pieces[ITEMS_MAX];
        int64_t want_msec;
} defaults[] = {
    {"one small package", {{"a", 0}}, 7000},
    {"by size", {{"a", 100}}, 27000},
    {"two", {{"a", 0}, {"b", 10}}, 11000},
    {"a kernel", {{"linux-image-6.1.0-9-amd64", 100}}, 72000},
    {"kernel and meta package", {{"linux-image-6.1.0-9-amd64", 0}, {"linux-meta", 0}}, 54000},
};

static void test_defaults(void **state)
{
        struct estimates estimates;

        (void)state;
        estimates_init(&estimates);
        for (size_t i = 0; i < ELEMENTSOF(defaults); i++) {
                struct made made;
                int64_t found;

                make_step(&made, defaults[i].pieces);
                found = estimate_msec(&estimates, &made.step);
                if (found != defaults[i].want_msec)
                        fail_msg("%s: %lld ms", defaults[i].label, (long long)found);
        }
        estimates_done(&estimates);
}

/* ---- learning ---- */

static void test_longest_of_the_last_runs(void **state)
{
        struct estimates estimates;
        int64_t step;

        (void)state;
        estimates_init(&estimates);
        learn(&estimates, "a", 0, 60000);
        step = estimates.speed_percent * 50; /* what a step takes by itself */
        assert_int_equal(guess(&estimates, "a", 0), 60000 + step);
        for (int i = 0; i < ESTIMATE_RUNS_MAX - 1; i++)
                learn(&estimates, "a", 0, 1000);
        assert_int_equal(guess(&estimates, "a", 0), 60000 + estimates.speed_percent * 50);
        learn(&estimates, "a", 0, 1000);
        assert_int_equal(guess(&estimates, "a", 0), 1000 + estimates.speed_percent * 50);
        estimates_done(&estimates);
}

static void test_speed(void **state)
{
        struct estimates slow, fast;

        (void)state;
        estimates_init(&slow);
        estimates_init(&fast);
        for (int i = 0; i < 20; i++) {
                learn(&slow, "a", 0, 70000);
                learn(&fast, "a", 0, 700);
        }
        /* a package that was never seen */
        assert_true(guess(&slow, "b", 10) > 80000 && guess(&slow, "b", 10) < 95000);
        assert_true(guess(&fast, "b", 10) < 3000);
        /* one that hung for a day does not make a node that never does anything again */
        learn(&fast, "c", 0, INT64_MAX);
        assert_true(guess(&fast, "b", 10) < 2000000);
        assert_true(guess(&fast, "c", 0) <= ESTIMATE_MSEC_MAX);
        estimates_done(&slow);
        estimates_done(&fast);
}

static void test_shares(void **state)
{
        struct estimates estimates;
        struct made made;
        int64_t step;

        (void)state;
        estimates_init(&estimates);
        make_step(&made, (struct piece[ITEMS_MAX]){{"small", 0}, {"big", 90}});
        assert_int_equal(estimates_learn(&estimates, &made.step, 22000, NOW), 0);
        step = estimates.speed_percent * 50;
        assert_int_equal(guess(&estimates, "small", 0), 2000 + step);
        assert_int_equal(guess(&estimates, "big", 90), 20000 + step);
        estimates_done(&estimates);
}

static void test_next_kernel(void **state)
{
        struct estimates estimates;

        (void)state;
        estimates_init(&estimates);
        learn(&estimates, "linux-image-6.1.0-9-amd64", 100, 300000);
        assert_true(guess(&estimates, "linux-image-6.12.0-110-amd64", 100) >= 300000);
        assert_true(guess(&estimates, "linux-image-6.12.0-110-cloud-amd64", 100) >= 72000);
        estimates_done(&estimates);
}

static void test_forgets(void **state)
{
        struct estimates estimates;

        (void)state;
        estimates_init(&estimates);
        for (int i = 0; i <= ESTIMATE_PACKAGES_MAX; i++) {
                char name[16] = "";
                struct made made;

                for (int n = i, at = 0; at < 4; n /= 26)
                        name[at++] = (char)('a' + n % 26);
                make_step(&made, (struct piece[ITEMS_MAX]){{name, 0}});
                assert_int_equal(estimates_learn(&estimates, &made.step, 90000, NOW + i), 0);
        }
        assert_int_equal(estimates.n_packages, ESTIMATE_PACKAGES_MAX);
        for (size_t i = 0; i < estimates.n_packages; i++)
                assert_string_not_equal(estimates.packages[i].key, "aaaa");
        estimates_done(&estimates);
}

/* ---- the file ---- */

static void test_round_trip(void **state)
{
        struct estimates estimates, again;
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(freep) char *text = NULL, *second = NULL;

        (void)state;
        estimates_init(&estimates);
        learn(&estimates, "linux-image-6.1.0-9-amd64", 100, 300000);
        learn(&estimates, "b", 1, 3000);
        learn(&estimates, "b", 1, 4000);
        assert_int_equal(estimates_to_text(&estimates, &text), 0);
        assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
        assert_int_equal(estimates_read(json, &again), 0);
        assert_int_equal(estimates_to_text(&again, &second), 0);
        assert_string_equal(text, second);
        assert_non_null(strstr(text, "\"msec\":4000,\"msec_before\":3000"));
        assert_int_equal(guess(&again, "b", 1), guess(&estimates, "b", 1));
        estimates_done(&estimates);
        estimates_done(&again);
}

static const struct {
        const char *label, *text;
        int64_t want_msec; /* of a package a of 0 MB */
} files[] = {
    {"empty", "{}", 7000},
    {"not an object", "[1]", 7000},
    {"wrong types", "{\"speed_percent\":\"x\",\"packages\":{\"a\":5,\"b\":{\"msec\":[]}}}", 7000},
    {"out of range", "{\"speed_percent\":-5,\"packages\":{\"a\":{\"msec\":-1}}}", 1400},
    {"too long", "{\"packages\":{\"a\":{\"msec\":9000000000000000000}}}", ESTIMATE_MSEC_MAX},
};

static void test_files(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                CLEANUP(json_freep) struct json *json = NULL;
                struct estimates estimates;

                assert_int_equal(json_parse(files[i].text, strlen(files[i].text), &json, NULL), 0);
                assert_int_equal(estimates_read(json, &estimates), 0);
                if (guess(&estimates, "a", 0) != files[i].want_msec)
                        fail_msg("%s: %lld ms", files[i].label,
                                 (long long)guess(&estimates, "a", 0));
                estimates_done(&estimates);
        }
}

/* ---- windows ---- */

static const struct {
        const char *label;
        time_t closes_in; /* 0: there is no window */
        int64_t msec, reserve_seconds;
        const char *want; /* NULL: it fits */
} windows[] = {
    {"no window", 0, 3600000, 300, NULL},
    {"fits to the second", 90, 90000, 0, NULL},
    {"a started second counts", 90, 90001, 0,
     "not started: it takes about 91 s and would end at 2026-11-18T11:08:11Z, but the window "
     "closes "
     "at 2026-11-18T11:08:10Z"},
    {"with a reboot", 390, 90000, 300, NULL},
    {"no room for a reboot", 389, 90000, 300,
     "not started: it takes about 90 s and would end at 2026-11-18T11:13:10Z with 300 s kept for a "
     "reboot, but the window closes at 2026-11-18T11:13:09Z"},
    {"the window is over", -5, 1, 0,
     "not started: it takes about 1 s and would end at 2026-11-18T11:06:41Z, but the window closes "
     "at 2026-11-18T11:06:35Z"},
};

static void test_windows(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(windows); i++) {
                CLEANUP(freep) char *found = NULL;
                struct opening opening = {
                    .closes_at = windows[i].closes_in ? NOW + windows[i].closes_in : 0};

                assert_int_equal(estimate_refusal(&opening, NOW, windows[i].msec,
                                                  windows[i].reserve_seconds, &found),
                                 0);
                if (!str_equal(found, windows[i].want))
                        fail_msg("%s: '%s'", windows[i].label, found ?: "fits");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_defaults),    cmocka_unit_test(test_longest_of_the_last_runs),
            cmocka_unit_test(test_speed),       cmocka_unit_test(test_shares),
            cmocka_unit_test(test_next_kernel), cmocka_unit_test(test_forgets),
            cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_files),
            cmocka_unit_test(test_windows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
