/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "apply/reboot/reboot_book.h"
#include "apply/state.h"
#include "folder.h"

#include <string.h>

static struct strv two(const char *a, const char *b)
{
        struct strv strv = {0};

        assert_int_equal(strv_add(&strv, a), 0);
        if (b)
                assert_int_equal(strv_add(&strv, b), 0);
        return strv;
}

static void reread(const struct paths *paths, struct reboot_book *book)
{
        assert_int_equal(reboot_book_write(paths, book, NULL), 0);
        reboot_book_done(book);
        assert_int_equal(reboot_book_read(paths, book), 0);
}

static void test_life(void **state)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        CLEANUP(strv_done) struct strv both = two("kernel", "mark"), kernel = two("kernel", NULL);
        const struct paths paths = {.apply_state = *state};

        assert_int_equal(reboot_book_read(&paths, &book), 0);
        assert_false(book.is_pending);
        assert_int_equal(reboot_book_request(&book, "run1", "boot1", &both, 1000), 0);
        reread(&paths, &book);
        assert_true(book.is_pending);
        assert_string_equal(book.pending_run_id, "run1");
        assert_int_equal(book.pending_at, 1000);
        assert_int_equal(reboot_book_tried(&book, "boot1")->n_items, 2);
        assert_null(reboot_book_tried(&book, "boot2"));
        assert_int_equal(reboot_book_count_run(&book, "run1"), 1);
        assert_int_equal(reboot_book_count_since(&book, 1000), 1);
        assert_int_equal(reboot_book_count_since(&book, 1001), 0);

        /* it came, took 40 s, and the kernel is still the old one */
        assert_int_equal(reboot_book_settle(&book, 40, &kernel), 0);
        reread(&paths, &book);
        assert_false(book.is_pending);
        assert_int_equal(book.unhelped.n_items, 1);
        assert_string_equal(book.unhelped.items[0], "kernel");
        assert_int_equal(book.n_durations, 1);
        assert_int_equal(book.durations_seconds[0], 40);
}

static void test_it_did_not_come(void **state)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        CLEANUP(strv_done) struct strv kernel = two("kernel", NULL), other = two("other", NULL);
        const struct paths paths = {.apply_state = *state};

        assert_int_equal(reboot_book_request(&book, NULL, "boot1", &kernel, 1000), 0);
        assert_int_equal(reboot_book_settle(&book, 0, &kernel), 0);
        reread(&paths, &book);
        assert_false(book.is_pending);
        assert_int_equal(book.n_durations, 0);
        assert_int_equal(book.unhelped.n_items, 0);
        assert_int_equal(reboot_book_tried(&book, "boot1")->n_items, 1);
        assert_int_equal(reboot_book_request(&book, NULL, "boot1", &other, 2000), 0);
        assert_int_equal(reboot_book_tried(&book, "boot1")->n_items, 2);
        assert_int_equal(reboot_book_request(&book, NULL, "boot2", &other, 3000), 0);
        assert_int_equal(reboot_book_tried(&book, "boot2")->n_items, 1);
}

static void test_withdrawn(void **state)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        CLEANUP(strv_done) struct strv kernel = two("kernel", NULL);
        const struct paths paths = {.apply_state = *state};

        assert_int_equal(reboot_book_request(&book, "run1", "boot1", &kernel, 1000), 0);
        reboot_book_withdraw(&book);
        reread(&paths, &book);
        assert_false(book.is_pending);
        assert_int_equal(book.n_recent, 0);
        assert_int_equal(reboot_book_tried(&book, "boot1")->n_items, 0);
}

static void test_bounds(void **state)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        CLEANUP(strv_done) struct strv reasons = two("r", NULL);
        const struct paths paths = {.apply_state = *state};

        for (int i = 0; i < 50; i++) {
                assert_int_equal(reboot_book_request(&book, "run", "boot", &reasons, 1000 + i), 0);
                assert_int_equal(reboot_book_settle(&book, 100 + i, &reasons), 0);
        }
        reread(&paths, &book);
        assert_int_equal(book.n_recent, REBOOT_BOOK_RECENT_MAX);
        assert_int_equal(book.recent[REBOOT_BOOK_RECENT_MAX - 1], 1049);
        assert_int_equal(book.n_durations, REBOOT_DURATIONS_MAX);
        assert_int_equal(book.durations_seconds[REBOOT_DURATIONS_MAX - 1], 149);
}

static void test_damaged(void **state)
{
        static const char *const texts[] = {"", "{", "[]", "{\"pending\":7,\"recent\":{}}",
                                            "{\"tried\":[1,null],\"durations\":[\"x\"]}"};
        const struct paths paths = {.apply_state = *state};

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                CLEANUP(reboot_book_done) struct reboot_book book = {0};

                folder_write(*state, "reboot.json", texts[i]);
                assert_int_equal(reboot_book_read(&paths, &book), 0);
                assert_false(book.is_pending);
                assert_int_equal(book.tried.n_items, 0);
        }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {IN_FOLDER(test_life), IN_FOLDER(test_it_did_not_come),
                                           IN_FOLDER(test_withdrawn), IN_FOLDER(test_bounds),
                                           IN_FOLDER(test_damaged)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
