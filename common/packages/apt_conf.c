/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/apt_conf.h"

#include "base/str.h"
#include "packages/deb822.h"

#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 8 };

/* A reader of one file: words are collected until ';', '{' or '}' says what they are. */
struct conf_reader {
        const char *at, *end;
        unsigned line;
        char *words[WORDS_MAX];
        bool quoted[WORDS_MAX];
        size_t n_words;
        char *scopes[APT_CONF_DEPTH_MAX]; /* full key of each open block */
        size_t n_scopes;
        struct apt_conf *conf;
};

static void reader_done(struct conf_reader *reader)
{
        for (size_t i = 0; i < reader->n_words; i++)
                free(reader->words[i]);
        for (size_t i = 0; i < reader->n_scopes; i++)
                free(reader->scopes[i]);
}

static void forget_words(struct conf_reader *reader)
{
        for (size_t i = 0; i < reader->n_words; i++)
                free(reader->words[i]);
        reader->n_words = 0;
}

static int conf_add(struct apt_conf *conf, const char *key, const char *value)
{
        struct apt_conf_item item, *items;

        if (conf->n_items >= APT_CONF_ITEMS_MAX)
                return -E2BIG;
        items = reallocarray(conf->items, conf->n_items + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        conf->items = items;
        item = (struct apt_conf_item){strdup(key), strdup(value)};
        if (!item.key || !item.value) {
                free(item.key);
                free(item.value);
                return -ENOMEM;
        }
        items[conf->n_items++] = item;
        return 0;
}

static bool key_is_below(const char *key, const char *parent)
{
        size_t length = strlen(parent);

        return strncasecmp(key, parent, length) == 0 && str_has_prefix(key + length, "::");
}

static void conf_clear(struct apt_conf *conf, const char *key)
{
        size_t kept = 0;

        for (size_t i = 0; i < conf->n_items; i++) {
                struct apt_conf_item *item = &conf->items[i];

                if (strcasecmp(item->key, key) == 0 || key_is_below(item->key, key)) {
                        free(item->key);
                        free(item->value);
                        continue;
                }
                conf->items[kept++] = *item;
        }
        conf->n_items = kept;
}

static int take_directive(struct conf_reader *reader, struct diag *diag)
{
        const char *argument = reader->n_words > 1 ? reader->words[1] : "";

        if (strcmp(reader->words[0], "#clear") == 0)
                conf_clear(reader->conf, argument);
        else if (strcmp(reader->words[0], "#include") == 0)
                return strv_add(&reader->conf->includes, argument);
        else if (strcmp(reader->words[0], "#x-apt-configure-index") != 0)
                return diag_fail(diag, -EINVAL, "line %u: unknown directive '%s'", reader->line,
                                 reader->words[0]);
        return 0;
}

/* Values are one word, or texts in quotes side by side. */
static int join_value(const struct conf_reader *reader, char **ret, struct diag *diag)
{
        struct str value = {0};

        for (size_t i = 1; i < reader->n_words; i++) {
                if (i > 1 && (!reader->quoted[i] || !reader->quoted[i - 1])) {
                        str_done(&value);
                        return diag_fail(diag, -EINVAL, "line %u: something follows the value",
                                         reader->line);
                }
                str_append(&value, reader->words[i]);
        }
        return str_take(&value, ret);
}

static int full_key(const struct conf_reader *reader, const char *tag, char **ret)
{
        if (reader->n_scopes == 0)
                *ret = strdup(tag);
        else
                *ret = str_format("%s::%s", reader->scopes[reader->n_scopes - 1], tag);
        return *ret ? 0 : -ENOMEM;
}

/* The words before ';' or '}': a key and its value, or a member of the list that is open. */
static int take_item(struct conf_reader *reader, struct diag *diag)
{
        CLEANUP(freep) char *key = NULL, *value = NULL;
        bool is_member = reader->n_words == 1;
        int r;

        if (reader->n_words == 0)
                return 0;
        if (reader->words[0][0] == '#')
                return take_directive(reader, diag);
        r = full_key(reader, is_member ? "" : reader->words[0], &key);
        if (r < 0)
                return r;
        if (is_member)
                return conf_add(reader->conf, key, reader->words[0]);
        r = join_value(reader, &value, diag);
        return r < 0 ? r : conf_add(reader->conf, key, value);
}

static int open_scope(struct conf_reader *reader, struct diag *diag)
{
        char *scope = NULL;
        int r;

        if (reader->n_words == 0)
                return diag_fail(diag, -EINVAL, "line %u: a block without a name", reader->line);
        if (reader->n_scopes == APT_CONF_DEPTH_MAX)
                return diag_fail(diag, -E2BIG, "line %u: blocks are nested too deep", reader->line);
        if (reader->n_words > 1) {
                r = take_item(reader, diag);
                if (r < 0)
                        return r;
        }
        r = full_key(reader, reader->words[0], &scope);
        if (r < 0)
                return r;
        reader->scopes[reader->n_scopes++] = scope;
        return 0;
}

static int take_mark(struct conf_reader *reader, char mark, struct diag *diag)
{
        int r = mark == '{' ? open_scope(reader, diag) : take_item(reader, diag);

        forget_words(reader);
        if (mark == '}' && reader->n_scopes > 0)
                free(reader->scopes[--reader->n_scopes]);
        return r;
}

static bool starts_with(const struct conf_reader *reader, const char *text)
{
        size_t length = strlen(text);

        return (size_t)(reader->end - reader->at) >= length &&
               memcmp(reader->at, text, length) == 0;
}

static bool at_comment(const struct conf_reader *reader)
{
        return starts_with(reader, "//") ||
               (*reader->at == '#' && !starts_with(reader, "#clear") &&
                !starts_with(reader, "#include") && !starts_with(reader, "#x-apt-configure-index"));
}

/* Skips blanks and comments; counts lines. */
static void skip_noise(struct conf_reader *reader)
{
        while (reader->at < reader->end) {
                if (at_comment(reader)) {
                        while (reader->at < reader->end && *reader->at != '\n')
                                reader->at++;
                } else if (starts_with(reader, "/*")) {
                        while (reader->at < reader->end && !starts_with(reader, "*/"))
                                reader->line += *reader->at++ == '\n';
                        reader->at += reader->at < reader->end ? 2 : 0;
                } else if (strchr(" \t\r\n\v\f", *reader->at) && *reader->at) {
                        reader->line += *reader->at++ == '\n';
                } else {
                        return;
                }
        }
}

static int take_word(struct conf_reader *reader, struct diag *diag)
{
        bool quoted = *reader->at == '"';
        const char *start = reader->at + quoted, *stop = start;
        const char *marks = quoted ? "\"\n" : " \t\r\n\v\f;{}\"";

        while (stop < reader->end && *stop && !strchr(marks, *stop))
                stop++;
        if (stop == reader->end || !*stop || (quoted && *stop != '"'))
                return diag_fail(diag, -EINVAL, "line %u: a value that does not end", reader->line);
        if (reader->n_words == WORDS_MAX)
                return diag_fail(diag, -EINVAL, "line %u: too many words before ';'", reader->line);
        reader->words[reader->n_words] = strndup(start, (size_t)(stop - start));
        if (!reader->words[reader->n_words])
                return -ENOMEM;
        reader->quoted[reader->n_words++] = quoted;
        reader->at = stop + quoted;
        return 0;
}

int apt_conf_parse(struct apt_conf *conf, const char *text, size_t size, struct diag *diag)
{
        CLEANUP(reader_done)
        struct conf_reader reader = {.at = text, .end = text + size, .line = 1, .conf = conf};
        int r;

        for (;;) {
                skip_noise(&reader);
                if (reader.at >= reader.end)
                        return 0;
                if (strchr(";{}", *reader.at) && *reader.at)
                        r = take_mark(&reader, *reader.at++, diag);
                else
                        r = take_word(&reader, diag);
                if (r < 0)
                        return r;
        }
}

const char *apt_conf_get(const struct apt_conf *conf, const char *key)
{
        for (size_t i = conf->n_items; i-- > 0;)
                if (strcasecmp(conf->items[i].key, key) == 0)
                        return conf->items[i].value;
        return NULL;
}

bool apt_conf_get_bool(const struct apt_conf *conf, const char *key, bool fallback)
{
        const char *text = apt_conf_get(conf, key);

        if (!text)
                return fallback;
        return deb822_value_to_bool((struct deb822_value){text, strlen(text)}, fallback);
}

int apt_conf_get_list(const struct apt_conf *conf, const char *key, struct strv *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < conf->n_items; i++) {
                const struct apt_conf_item *item = &conf->items[i];

                if (strcasecmp(item->key, key) == 0 || key_is_below(item->key, key))
                        r = strv_add(ret, item->value);
        }
        return r;
}

void apt_conf_done(struct apt_conf *conf)
{
        for (size_t i = 0; i < conf->n_items; i++) {
                free(conf->items[i].key);
                free(conf->items[i].value);
        }
        free(conf->items);
        strv_done(&conf->includes);
        *conf = (struct apt_conf){0};
}
