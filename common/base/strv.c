/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strv.h"

#include "base/str.h"

#include <fnmatch.h>
#include <string.h>

static int strv_take(struct strv *strv, char *text)
{
        char **items;

        if (!text)
                return -ENOMEM;
        items = reallocarray(strv->items, strv->n_items + 2, sizeof(*items));
        if (!items) {
                free(text);
                return -ENOMEM;
        }
        items[strv->n_items++] = text;
        items[strv->n_items] = NULL;
        strv->items = items;
        return 0;
}

int strv_add(struct strv *strv, const char *text)
{
        return strv_take(strv, strdup(text));
}

int strv_addf(struct strv *strv, const char *format, ...)
{
        CLEANUP(str_done) struct str text = {0};
        char *taken = NULL;
        va_list args;
        int r;

        va_start(args, format);
        str_vappendf(&text, format, args);
        va_end(args);
        r = str_take(&text, &taken);
        if (r < 0)
                return r;
        return strv_take(strv, taken);
}

int strv_add_all(struct strv *strv, const char *const *texts, size_t n_texts)
{
        for (size_t i = 0; i < n_texts; i++) {
                int r = strv_add(strv, texts[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

bool strv_contains(const struct strv *strv, const char *text)
{
        for (size_t i = 0; i < strv->n_items; i++)
                if (strcmp(strv->items[i], text) == 0)
                        return true;
        return false;
}

bool strv_matches(const struct strv *globs, const char *text)
{
        for (size_t i = 0; i < globs->n_items; i++)
                if (fnmatch(globs->items[i], text, 0) == 0)
                        return true;
        return false;
}

int strv_join(const struct strv *strv, const char *separator, char **ret)
{
        CLEANUP(str_done) struct str text = {0};

        for (size_t i = 0; i < strv->n_items; i++) {
                if (i > 0)
                        str_append(&text, separator);
                str_append(&text, strv->items[i]);
        }
        return str_take(&text, ret);
}

static int compare_items(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *strv)
{
        if (strv->n_items > 1)
                qsort(strv->items, strv->n_items, sizeof(*strv->items), compare_items);
}

void strv_done(struct strv *strv)
{
        for (size_t i = 0; i < strv->n_items; i++)
                free(strv->items[i]);
        free(strv->items);
        *strv = (struct strv){0};
}
