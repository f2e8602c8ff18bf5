/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/deb822.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct deb822_value value_trim(const char *at, const char *end)
{
        while (at < end && is_blank(*at))
                at++;
        while (end > at && is_blank(end[-1]))
                end--;
        return (struct deb822_value){at, (size_t)(end - at)};
}

static const char *line_end(const char *at, const char *end)
{
        const char *found = memchr(at, '\n', (size_t)(end - at));

        return found ? found : end;
}

/* Beyond the value that starts on this line: the start of the next field. */
static const char *field_end(const char *at, const char *end)
{
        do {
                at = line_end(at, end);
                if (at < end)
                        at++;
        } while (at < end && (*at == ' ' || *at == '\t'));
        return at;
}

struct deb822_value deb822_find(const struct deb822_stanza *stanza, const char *name)
{
        const char *end = stanza->text + stanza->size;
        size_t length = strlen(name);

        for (const char *at = stanza->text; at < end; at = field_end(at, end)) {
                if ((size_t)(end - at) > length && at[length] == ':' &&
                    strncasecmp(at, name, length) == 0)
                        return value_trim(at + length + 1, field_end(at, end));
        }
        return (struct deb822_value){NULL, 0};
}

int deb822_get(const struct deb822_stanza *stanza, const char *name, char **ret)
{
        struct deb822_value value = deb822_find(stanza, name);
        char *copy = NULL;

        if (value.at) {
                copy = strndup(value.at, value.length);
                if (!copy)
                        return -ENOMEM;
        }
        *ret = copy;
        return 0;
}

bool deb822_value_to_bool(struct deb822_value value, bool fallback)
{
        static const struct {
                const char *word;
                bool value;
        } words[] = {
            {"yes", true},    {"true", true}, {"with", true},     {"on", true},
            {"enable", true}, {"1", true},    {"no", false},      {"false", false},
            {"off", false},   {"0", false},   {"without", false}, {"disable", false},
        };

        for (size_t i = 0; value.at && i < ELEMENTSOF(words); i++)
                if (value.length == strlen(words[i].word) &&
                    strncasecmp(value.at, words[i].word, value.length) == 0)
                        return words[i].value;
        return fallback;
}

bool deb822_get_bool(const struct deb822_stanza *stanza, const char *name, bool fallback)
{
        return deb822_value_to_bool(deb822_find(stanza, name), fallback);
}

bool deb822_value_equals(struct deb822_value value, const char *text)
{
        return value.at && value.length == strlen(text) &&
               memcmp(value.at, text, value.length) == 0;
}

bool deb822_next_line(struct deb822_value *value, struct deb822_value *ret)
{
        const char *end = value->at + value->length, *stop;

        if (value->length == 0)
                return false;
        stop = line_end(value->at, end);
        *ret = (struct deb822_value){value->at, (size_t)(stop - value->at)};
        if (stop < end)
                stop++;
        *value = (struct deb822_value){stop, (size_t)(end - stop)};
        return true;
}

bool deb822_next_word(struct deb822_value *value, struct deb822_value *ret)
{
        const char *at = value->at, *end = value->at + value->length, *stop;

        while (at < end && is_blank(*at))
                at++;
        if (at == end)
                return false;
        for (stop = at; stop < end && !is_blank(*stop); stop++)
                ;
        *ret = (struct deb822_value){at, (size_t)(stop - at)};
        *value = (struct deb822_value){stop, (size_t)(end - stop)};
        return true;
}

struct deb822_reader {
        struct deb822_handler handler;
        struct str carry; /* the begun stanza, when it started in an earlier block */
        size_t n_bytes;
};

struct deb822_reader *deb822_reader_new(const struct deb822_handler *handler)
{
        struct deb822_reader *reader = calloc(1, sizeof(*reader));

        if (reader)
                reader->handler = *handler;
        return reader;
}

void deb822_reader_free(struct deb822_reader *reader)
{
        if (!reader)
                return;
        str_done(&reader->carry);
        free(reader);
}

/* Indexes say Package first; then nothing else of an unwanted stanza is looked at. */
static struct deb822_value package_name(const struct deb822_stanza *stanza)
{
        static const char first[] = "Package: ";
        size_t length = sizeof(first) - 1;

        if (stanza->size > length && memcmp(stanza->text, first, length) == 0)
                return value_trim(stanza->text + length,
                                  line_end(stanza->text, stanza->text + stanza->size));
        return deb822_find(stanza, "Package");
}

static int hand_out(struct deb822_reader *reader, const char *text, size_t size, struct diag *diag)
{
        const struct deb822_handler *handler = &reader->handler;
        struct deb822_stanza stanza = {text, size};
        struct deb822_value name;

        if (size == 0)
                return 0;
        if (size > DEB822_STANZA_MAX)
                return diag_fail(diag, -E2BIG, "a stanza is longer than %d bytes",
                                 DEB822_STANZA_MAX);
        if (handler->wants) {
                name = package_name(&stanza);
                if (!name.at || !handler->wants(name.at, name.length, handler->arg))
                        return 0;
        }
        return handler->take(&stanza, handler->arg, diag);
}

/*
 * Finds two line ends in a row; NULL when there are none. The inner loop has no branch, so that the
 * compiler turns it into vector code: this is where the time of a scan goes.
 */
static const char *find_blank_line(const char *at, const char *end)
{
        enum { STRIDE = 64 };

        while (end - at > STRIDE) {
                unsigned char hit = 0;

                for (size_t i = 0; i < STRIDE; i++)
                        hit |= (unsigned char)((at[i] == '\n') & (at[i + 1] == '\n'));
                if (hit)
                        break;
                at += STRIDE;
        }
        for (; at + 1 < end; at++)
                if (at[0] == '\n' && at[1] == '\n')
                        return at;
        return NULL;
}

/* The bytes up to the end of the stanza that began in an earlier block join it. */
static int feed_carry(struct deb822_reader *reader, const char **at, const char *end,
                      struct diag *diag)
{
        struct str *carry = &reader->carry;
        const char *stop;
        int r;

        if (carry->data[carry->length - 1] == '\n' && **at == '\n') {
                stop = *at;
        } else {
                stop = find_blank_line(*at, end);
                stop = stop ? stop + 1 : end;
        }
        if (carry->length + (size_t)(stop - *at) > DEB822_STANZA_MAX)
                return diag_fail(diag, -E2BIG, "a stanza is longer than %d bytes",
                                 DEB822_STANZA_MAX);
        str_append_n(carry, *at, (size_t)(stop - *at));
        if (carry->failed)
                return -ENOMEM;
        *at = stop;
        if (stop == end)
                return 0;
        r = hand_out(reader, carry->data, carry->length, diag);
        carry->length = 0;
        return r;
}

int deb822_feed(struct deb822_reader *reader, const char *bytes, size_t size, struct diag *diag)
{
        const char *at = bytes, *end = bytes + size;
        int r;

        reader->n_bytes += size;
        if (size > 0 && reader->carry.length > 0) {
                r = feed_carry(reader, &at, end, diag);
                if (r < 0)
                        return r;
        }
        while (at < end) {
                const char *stop;

                if (*at == '\n') {
                        at++;
                        continue;
                }
                stop = find_blank_line(at, end);
                if (!stop)
                        break;
                r = hand_out(reader, at, (size_t)(stop + 1 - at), diag);
                if (r < 0)
                        return r;
                at = stop + 2;
        }
        str_append_n(&reader->carry, at, (size_t)(end - at));
        return reader->carry.failed ? -ENOMEM : 0;
}

int deb822_finish(struct deb822_reader *reader, struct diag *diag)
{
        struct str *carry = &reader->carry;
        int r;

        if (carry->length == 0)
                return 0;
        if (carry->data[carry->length - 1] != '\n')
                return diag_fail(diag, -EBADMSG, "the file ends within a line: it was cut");
        r = hand_out(reader, carry->data, carry->length, diag);
        carry->length = 0;
        return r;
}

size_t deb822_size(const struct deb822_reader *reader)
{
        return reader->n_bytes;
}

/* Only what the strict form of indexes knows is left: no comments, no '\r', empty blank lines. */
static int normalise(const char *text, size_t size, char **ret, size_t *ret_size)
{
        struct deb822_value rest = {text, size}, line;
        struct str clean = {0};
        int r;

        while (deb822_next_line(&rest, &line)) {
                struct deb822_value trimmed = value_trim(line.at, line.at + line.length);

                if (line.length > 0 && line.at[0] == '#')
                        continue;
                if (trimmed.length > 0)
                        str_append_n(&clean, line.at,
                                     (size_t)(trimmed.at + trimmed.length - line.at));
                str_append_char(&clean, '\n');
        }
        *ret_size = clean.length;
        r = str_take(&clean, ret);
        if (r < 0)
                str_done(&clean);
        return r;
}

int deb822_read_text(const char *text, size_t size, const struct deb822_handler *handler,
                     struct diag *diag)
{
        CLEANUP(deb822_reader_freep) struct deb822_reader *reader = deb822_reader_new(handler);
        CLEANUP(freep) char *clean = NULL;
        size_t clean_size = 0;
        int r;

        if (!reader)
                return -ENOMEM;
        if (memchr(text, '\0', size))
                return diag_fail(diag, -EINVAL, "a NUL byte: this is no text");
        r = normalise(text, size, &clean, &clean_size);
        if (r >= 0)
                r = deb822_feed(reader, clean, clean_size, diag);
        if (r >= 0)
                r = deb822_finish(reader, diag);
        return r < 0 ? r : 0;
}
