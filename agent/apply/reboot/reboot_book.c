/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot/reboot_book.h"

#include "apply/state.h"
#include "base/str.h"

#include <string.h>

#define BOOK_FILE "reboot.json"

enum { REASONS_MAX = 100 };

void reboot_book_done(struct reboot_book *book)
{
        free(book->pending_run_id);
        free(book->pending_boot_id);
        strv_done(&book->pending_reasons);
        free(book->tried_boot_id);
        strv_done(&book->tried);
        strv_done(&book->unhelped);
        for (size_t i = 0; i < book->n_recent; i++)
                free(book->recent_run_ids[i]);
        free(book->lock_boot_id);
        *book = (struct reboot_book){0};
}

/* ---- reading ---- */

static int copy_text(const struct json *json, const char *name, char **ret)
{
        const char *text = json_get_string(json, name);

        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

static int read_strings(const struct json *array, struct strv *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_length(array) && i < REASONS_MAX; i++) {
                const char *text = json_string(json_at(array, i));

                if (text)
                        r = strv_add(ret, text);
        }
        return r;
}

static int read_pending(const struct json *pending, struct reboot_book *book)
{
        int r;

        if (!json_is_object(pending))
                return 0;
        book->is_pending = true;
        book->pending_at = json_get_time(pending, "at");
        r = copy_text(pending, "run_id", &book->pending_run_id);
        if (r >= 0)
                r = copy_text(pending, "boot_id", &book->pending_boot_id);
        return r < 0 ? r : read_strings(json_get(pending, "reasons"), &book->pending_reasons);
}

static int read_recent(const struct json *recent, struct reboot_book *book)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_length(recent) && i < REBOOT_BOOK_RECENT_MAX; i++) {
                book->recent[i] = json_get_time(json_at(recent, i), "at");
                book->n_recent = i + 1;
                r = copy_text(json_at(recent, i), "run_id", &book->recent_run_ids[i]);
        }
        return r;
}

static int read_lock(const struct json *lock, struct reboot_book *book)
{
        if (!json_is_object(lock))
                return 0;
        book->locked_at = json_get_time(lock, "since");
        return copy_text(lock, "boot_id", &book->lock_boot_id);
}

static int read_durations(const struct json *durations, struct reboot_book *book)
{
        for (size_t i = 0; i < json_length(durations) && i < REBOOT_DURATIONS_MAX; i++)
                book->durations_seconds[book->n_durations++] =
                    json_get_int(json_at(durations, i), "seconds", 0);
        return 0;
}

static int read_book(const struct json *json, struct reboot_book *book)
{
        int r = read_pending(json_get(json, "pending"), book);

        if (r >= 0)
                r = copy_text(json, "tried_boot_id", &book->tried_boot_id);
        if (r >= 0)
                r = read_strings(json_get(json, "tried"), &book->tried);
        if (r >= 0)
                r = read_strings(json_get(json, "unhelped"), &book->unhelped);
        if (r >= 0)
                r = read_recent(json_get(json, "recent"), book);
        if (r >= 0)
                r = read_durations(json_get(json, "durations"), book);
        return r < 0 ? r : read_lock(json_get(json, "fleet_lock"), book);
}

int reboot_book_read(const struct paths *paths, struct reboot_book *ret)
{
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        int r = state_read_json(paths, BOOK_FILE, &json);

        if (r >= 0 && json)
                r = read_book(json, &book);
        if (r < 0)
                return r;
        *ret = book;
        book = (struct reboot_book){0};
        return 0;
}

/* ---- writing ---- */

static void write_pending(const struct reboot_book *book, struct json_writer *writer)
{
        if (!book->is_pending) {
                json_add_null(writer, "pending");
                return;
        }
        json_begin_object(writer, "pending");
        json_add_string(writer, "run_id", book->pending_run_id);
        json_add_string(writer, "boot_id", book->pending_boot_id);
        json_add_time(writer, "at", book->pending_at);
        json_add_strings(writer, "reasons", &book->pending_reasons);
        json_end(writer);
}

static void write_past(const struct reboot_book *book, struct json_writer *writer)
{
        json_begin_array(writer, "recent");
        for (size_t i = 0; i < book->n_recent; i++) {
                json_begin_object(writer, NULL);
                json_add_time(writer, "at", book->recent[i]);
                json_add_string(writer, "run_id", book->recent_run_ids[i]);
                json_end(writer);
        }
        json_end(writer);
        json_begin_array(writer, "durations");
        for (size_t i = 0; i < book->n_durations; i++) {
                json_begin_object(writer, NULL);
                json_add_int(writer, "seconds", book->durations_seconds[i]);
                json_end(writer);
        }
        json_end(writer);
}

static void write_lock(const struct reboot_book *book, struct json_writer *writer)
{
        if (!book->lock_boot_id) {
                json_add_null(writer, "fleet_lock");
                return;
        }
        json_begin_object(writer, "fleet_lock");
        json_add_string(writer, "boot_id", book->lock_boot_id);
        json_add_time(writer, "since", book->locked_at);
        json_end(writer);
}

int reboot_book_write(const struct paths *paths, const struct reboot_book *book, struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        int r;

        json_begin_object(writer, NULL);
        write_pending(book, writer);
        json_add_string(writer, "tried_boot_id", book->tried_boot_id);
        json_add_strings(writer, "tried", &book->tried);
        json_add_strings(writer, "unhelped", &book->unhelped);
        write_past(book, writer);
        write_lock(book, writer);
        json_end(writer);
        r = json_writer_finish(writer, true, &text);
        return r < 0 ? r : state_write_text(paths, BOOK_FILE, text, diag);
}

/* ---- changes ---- */

static int replace_text(char **text, const char *value)
{
        char *copy = value ? strdup(value) : NULL;

        if (value && !copy)
                return -ENOMEM;
        free(*text);
        *text = copy;
        return 0;
}

static int replace_strings(struct strv *strings, const struct strv *others)
{
        struct strv copy = {0};
        int r = strv_add_all(&copy, (const char *const *)others->items, others->n_items);

        if (r < 0) {
                strv_done(&copy);
                return r;
        }
        strv_done(strings);
        *strings = copy;
        return 0;
}

static int add_recent(struct reboot_book *book, const char *run_id, time_t now)
{
        size_t n = book->n_recent;

        if (n == REBOOT_BOOK_RECENT_MAX) {
                free(book->recent_run_ids[0]);
                memmove(book->recent, book->recent + 1, (n - 1) * sizeof(*book->recent));
                memmove(book->recent_run_ids, book->recent_run_ids + 1,
                        (n - 1) * sizeof(*book->recent_run_ids));
                n--;
        }
        book->recent[n] = now;
        book->recent_run_ids[n] = NULL;
        book->n_recent = n + 1;
        return replace_text(&book->recent_run_ids[n], run_id);
}

int reboot_book_request(struct reboot_book *book, const char *run_id, const char *boot_id,
                        const struct strv *reasons, time_t now)
{
        int r = replace_text(&book->pending_run_id, run_id);

        if (!str_equal(book->tried_boot_id, boot_id))
                strv_done(&book->tried);
        if (r >= 0)
                r = replace_text(&book->pending_boot_id, boot_id);
        if (r >= 0)
                r = replace_text(&book->tried_boot_id, boot_id);
        if (r >= 0)
                r = replace_strings(&book->pending_reasons, reasons);
        for (size_t i = 0; r >= 0 && i < reasons->n_items; i++)
                if (!strv_contains(&book->tried, reasons->items[i]))
                        r = strv_add(&book->tried, reasons->items[i]);
        book->is_pending = true;
        book->pending_at = now;
        return r < 0 ? r : add_recent(book, run_id, now);
}

void reboot_book_withdraw(struct reboot_book *book)
{
        book->is_pending = false;
        strv_done(&book->pending_reasons);
        strv_done(&book->tried);
        if (book->n_recent > 0)
                free(book->recent_run_ids[--book->n_recent]);
}

static void add_duration(struct reboot_book *book, int64_t seconds)
{
        if (book->n_durations == REBOOT_DURATIONS_MAX) {
                memmove(book->durations_seconds, book->durations_seconds + 1,
                        (REBOOT_DURATIONS_MAX - 1) * sizeof(*book->durations_seconds));
                book->n_durations--;
        }
        book->durations_seconds[book->n_durations++] = seconds;
}

int reboot_book_settle(struct reboot_book *book, int64_t duration_seconds,
                       const struct strv *reasons_left)
{
        CLEANUP(strv_done) struct strv unhelped = {0};
        int r = 0;

        for (size_t i = 0; r >= 0 && duration_seconds > 0 && i < book->pending_reasons.n_items; i++)
                if (strv_contains(reasons_left, book->pending_reasons.items[i]))
                        r = strv_add(&unhelped, book->pending_reasons.items[i]);
        if (r >= 0 && duration_seconds > 0)
                r = replace_strings(&book->unhelped, &unhelped);
        if (r < 0)
                return r;
        if (duration_seconds > 0)
                add_duration(book, duration_seconds);
        book->is_pending = false;
        strv_done(&book->pending_reasons);
        return 0;
}

const struct strv *reboot_book_tried(const struct reboot_book *book, const char *boot_id)
{
        return boot_id && str_equal(book->tried_boot_id, boot_id) ? &book->tried : NULL;
}

size_t reboot_book_count_run(const struct reboot_book *book, const char *run_id)
{
        size_t n = 0;

        for (size_t i = 0; i < book->n_recent; i++)
                n += book->recent_run_ids[i] && strcmp(book->recent_run_ids[i], run_id) == 0;
        return n;
}

size_t reboot_book_count_since(const struct reboot_book *book, time_t since)
{
        size_t n = 0;

        for (size_t i = 0; i < book->n_recent; i++)
                n += book->recent[i] >= since;
        return n;
}
