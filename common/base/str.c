/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool str_reserve(struct str *str, size_t more)
{
        size_t capacity = str->capacity ? str->capacity : 64;
        char *data;

        if (str->failed)
                return false;
        if (more >= SIZE_MAX / 4 || str->length >= SIZE_MAX / 4) {
                str->failed = true;
                return false;
        }
        while (capacity < str->length + more + 1)
                capacity *= 2;
        if (capacity == str->capacity)
                return true;
        data = realloc(str->data, capacity);
        if (!data) {
                str->failed = true;
                return false;
        }
        str->data = data;
        str->capacity = capacity;
        return true;
}

void str_append_n(struct str *str, const char *bytes, size_t length)
{
        if (!str_reserve(str, length))
                return;
        if (length > 0)
                memcpy(str->data + str->length, bytes, length);
        str->length += length;
        str->data[str->length] = '\0';
}

void str_append(struct str *str, const char *text)
{
        str_append_n(str, text, strlen(text));
}

void str_append_char(struct str *str, char c)
{
        str_append_n(str, &c, 1);
}

void str_vappendf(struct str *str, const char *format, va_list args)
{
        CLEANUP(freep) char *text = NULL;
        int length = vasprintf(&text, format, args);

        if (length < 0) {
                text = NULL;
                str->failed = true;
                return;
        }
        str_append_n(str, text, (size_t)length);
}

void str_appendf(struct str *str, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        str_vappendf(str, format, args);
        va_end(args);
}

/* Length of the well-formed UTF-8 sequence at s (RFC 3629: no overlong forms, no surrogates),
 * or 0. Reads no byte beyond the terminator, because a terminator ends every sequence. */
static size_t utf8_sequence(const unsigned char *s)
{
        unsigned long code;
        size_t length;

        if (s[0] < 0x80)
                return 1;
        if (s[0] >= 0xc2 && s[0] <= 0xdf)
                length = 2;
        else if (s[0] >= 0xe0 && s[0] <= 0xef)
                length = 3;
        else if (s[0] >= 0xf0 && s[0] <= 0xf4)
                length = 4;
        else
                return 0;
        code = s[0] & (0x7fU >> length);
        for (size_t i = 1; i < length; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (s[i] & 0x3f);
        }
        if ((length == 3 && code < 0x800) || (length == 4 && code < 0x10000) || code > 0x10ffff ||
            (code >= 0xd800 && code <= 0xdfff))
                return 0;
        return length;
}

static void append_clean(struct str *str, const char *text, bool escape_controls)
{
        const unsigned char *s = (const unsigned char *)text;

        str_append_n(str, "", 0);
        while (*s) {
                size_t length = utf8_sequence(s);
                bool control = *s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0);

                if (length == 0)
                        str_append(str, "\xef\xbf\xbd");
                else if (escape_controls && control)
                        str_appendf(str, "\\x%02x", length == 2 ? s[1] : s[0]);
                else
                        str_append_n(str, (const char *)s, length);
                s += length ? length : 1;
        }
}

void str_append_printable(struct str *str, const char *text)
{
        append_clean(str, text, true);
}

void str_append_utf8(struct str *str, const char *text)
{
        append_clean(str, text, false);
}

int str_take(struct str *str, char **ret)
{
        str_append_n(str, "", 0);
        if (str->failed) {
                str_done(str);
                return -ENOMEM;
        }
        *ret = str->data;
        *str = (struct str){0};
        return 0;
}

void str_done(struct str *str)
{
        free(str->data);
        *str = (struct str){0};
}

char *str_format(const char *format, ...)
{
        char *text = NULL;
        va_list args;
        int length;

        va_start(args, format);
        length = vasprintf(&text, format, args);
        va_end(args);
        return length < 0 ? NULL : text;
}

bool str_has_prefix(const char *text, const char *prefix)
{
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *text, const char *suffix)
{
        size_t text_length = strlen(text), suffix_length = strlen(suffix);

        return text_length >= suffix_length &&
               strcmp(text + text_length - suffix_length, suffix) == 0;
}

bool str_equal(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

int str_to_uint64(const char *text, unsigned long long max, unsigned long long *ret)
{
        unsigned long long value;
        char *end = NULL;

        if (!isdigit((unsigned char)text[0]))
                return -EINVAL;
        errno = 0;
        value = strtoull(text, &end, 10);
        if (*end != '\0')
                return -EINVAL;
        if (errno == ERANGE || value > max)
                return -ERANGE;
        *ret = value;
        return 0;
}

int str_replace(char **text, char *new_text)
{
        if (!new_text)
                return -ENOMEM;
        free(*text);
        *text = new_text;
        return 0;
}
