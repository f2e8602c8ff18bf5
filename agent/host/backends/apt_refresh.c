/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "host/backends/apt_output.h"

#include <stdint.h>
#include <string.h>

#define NO_INDEX SIZE_MAX

enum { REPOSITORIES_MAX = 10000 };

struct refresh_reader {
        struct backend_refresh *refresh;
        bool *seen;        /* per repository: a Hit or Get line was there */
        size_t n_named;    /* failures that name a repository */
        size_t waits_for;  /* the repository of an Err line, whose reason comes next */
        char *first_error; /* the first E: line that names none */
};

/* Compares as apt prints addresses: "file:///x/" as "file:/x", no slash at the end. */
static const char *skip_scheme(const char *uri, size_t *ret_length)
{
        const char *colon = strchr(uri, ':');

        *ret_length = colon ? (size_t)(colon + 1 - uri) : 0;
        return uri + *ret_length;
}

/* Whether text starts with "URI SUITE" of the repository, and where that ends. */
static bool starts_with_repository(const char *text, const char *repository)
{
        size_t text_scheme, scheme, length;
        const char *suite = strrchr(repository, ' '), *a, *b;

        if (!suite)
                return false;
        a = skip_scheme(text, &text_scheme);
        b = skip_scheme(repository, &scheme);
        if (text_scheme != scheme || strncmp(text, repository, scheme) != 0)
                return false;
        if (strncmp(repository, "file:", 5) == 0 || strncmp(repository, "copy:", 5) == 0) {
                a += strspn(a, "/");
                b += strspn(b, "/");
        }
        length = (size_t)(suite - b);
        while (length > 0 && b[length - 1] == '/')
                length--;
        if (strncmp(a, b, length) != 0)
                return false;
        a += length + strspn(a + length, "/");
        if (*a++ != ' ')
                return false;
        suite++;
        length = strcmp(suite, "/") == 0 ? 0 : strlen(suite);
        return strncmp(a, suite, length) == 0 && (a[length] == ' ' || a[length] == '/');
}

static size_t find_repository(const struct refresh_reader *reader, const char *text)
{
        for (size_t i = 0; i < reader->refresh->n_items; i++)
                if (starts_with_repository(text, reader->refresh->items[i].repository))
                        return i;
        return NO_INDEX;
}

static int add_repository(struct refresh_reader *reader, const char *name, size_t length)
{
        struct backend_refresh *refresh = reader->refresh;
        struct backend_refreshed *items =
            reallocarray(refresh->items, refresh->n_items + 1, sizeof(*refresh->items));
        bool *seen;

        if (!items)
                return -ENOMEM;
        refresh->items = items;
        seen = reallocarray(reader->seen, refresh->n_items + 1, sizeof(*seen));
        if (!seen)
                return -ENOMEM;
        reader->seen = seen;
        seen[refresh->n_items] = false;
        items[refresh->n_items] =
            (struct backend_refreshed){.repository = strndup(name, length), .is_fresh = true};
        return items[refresh->n_items++].repository ? 0 : -ENOMEM;
}

/* The first reason stays. */
static int set_failed(struct refresh_reader *reader, size_t index, const char *text)
{
        struct backend_refreshed *item = &reader->refresh->items[index];

        item->is_fresh = false;
        reader->n_named++;
        if (item->text)
                return 0;
        item->text = strdup(text);
        return item->text ? 0 : -ENOMEM;
}

/* One that was never fetched isn't among the configured ones, but has to be named. */
static int expect_reason(struct refresh_reader *reader, const char *text, size_t index)
{
        size_t uri = strcspn(text, " "), suite = text[uri] ? strcspn(text + uri + 1, " /") : 0;
        int r = 0;

        if (index == NO_INDEX && reader->refresh->n_items < REPOSITORIES_MAX) {
                index = reader->refresh->n_items;
                r = add_repository(reader, text, uri + (suite ? suite + 1 : 0));
        }
        reader->waits_for = index;
        return r;
}

/* "Err:6 http://host/debian stable InRelease" */
static int visit_progress(struct refresh_reader *reader, const char *line)
{
        const char *at = strchr(line, ' ');
        bool is_error = str_has_prefix(line, "Err:");
        size_t index;

        if (!at || (!is_error && !str_has_prefix(line, "Hit:") && !str_has_prefix(line, "Get:")))
                return 0;
        index = find_repository(reader, at + 1);
        if (is_error)
                return expect_reason(reader, at + 1, index);
        if (index != NO_INDEX)
                reader->seen[index] = true;
        return 0;
}

static int visit_output(char *line, void *arg)
{
        struct refresh_reader *reader = arg;
        size_t waiting = reader->waits_for;
        int r;

        if (waiting != NO_INDEX) {
                reader->waits_for = NO_INDEX;
                if (line[0] == ' ')
                        return set_failed(reader, waiting, line + strspn(line, " "));
                r = set_failed(reader, waiting, "the repository can't be fetched");
                if (r < 0)
                        return r;
        }
        return visit_progress(reader, line);
}

/* Where in a message an address of a repository stands: "… 'URI SUITE Release' …" or
 * "… URI/dists/SUITE/…". */
static bool names_repository(const char *message, const char *repository)
{
        const char *suite = strrchr(repository, ' ');
        CLEANUP(freep) char *uri = suite ? strndup(repository, (size_t)(suite - repository)) : NULL;
        CLEANUP(freep) char *path = NULL;

        if (!uri)
                return false;
        for (const char *p = message; (p = strstr(p, "://")); p++) {
                const char *start = p;

                while (start > message && start[-1] != ' ' && start[-1] != '\'')
                        start--;
                if (starts_with_repository(start, repository))
                        return true;
        }
        while (str_has_suffix(uri, "/"))
                uri[strlen(uri) - 1] = '\0';
        path = str_format("%s/dists/%s/", uri, suite + 1);
        return path && strstr(message, path);
}

/* Other warnings are about something else, such as where a key is kept. */
static const char *const failure_words[] = {"E: ", "W: GPG error", "W: Failed to fetch",
                                            "W: An error occurred"};

static int visit_message(char *line, void *arg)
{
        struct refresh_reader *reader = arg;
        bool is_failure = false;

        for (size_t i = 0; i < ELEMENTSOF(failure_words); i++)
                is_failure |= str_has_prefix(line, failure_words[i]);
        if (!is_failure)
                return 0;
        for (size_t i = 0; i < reader->refresh->n_items; i++)
                if (names_repository(line, reader->refresh->items[i].repository))
                        return set_failed(reader, i, line + 3);
        if (line[0] == 'W' || reader->first_error)
                return 0;
        reader->first_error = strdup(line + 3);
        return reader->first_error ? 0 : -ENOMEM;
}

/* One that was neither seen nor named, in a call that failed, isn't known to be fresh. */
static int settle(struct refresh_reader *reader, bool is_success)
{
        struct backend_refresh *refresh = reader->refresh;
        bool is_general = !is_success && reader->n_named == 0;
        int r = 0;

        refresh->is_ok = is_success && reader->n_named == 0;
        for (size_t i = 0; r >= 0 && i < refresh->n_items; i++) {
                if (!refresh->items[i].is_fresh || is_success || (reader->seen[i] && !is_general))
                        continue;
                r = set_failed(reader, i,
                               reader->first_error ?: "the refresh ended before it was fetched");
        }
        if (is_general)
                refresh->text = TAKE_PTR(reader->first_error);
        free(reader->first_error);
        reader->first_error = NULL;
        return r;
}

int apt_parse_refresh(const char *output, const char *error_output, bool is_success,
                      const struct strv *repositories, struct backend_refresh *ret)
{
        CLEANUP(backend_refresh_done) struct backend_refresh refresh = {0};
        struct refresh_reader reader = {.refresh = &refresh, .waits_for = NO_INDEX};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < repositories->n_items; i++)
                r = add_repository(&reader, repositories->items[i], strlen(repositories->items[i]));
        if (r >= 0)
                r = apt_for_each_line(output, visit_output, &reader);
        if (r >= 0 && !is_success)
                r = apt_for_each_line(error_output, visit_message, &reader);
        if (r >= 0)
                r = settle(&reader, is_success);
        free(reader.first_error);
        free(reader.seen);
        if (r < 0)
                return r;
        *ret = refresh;
        refresh = (struct backend_refresh){0};
        return 0;
}
