/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/version_rpm.h"

#include <stdbool.h>
#include <string.h>

/* A piece of a version; not terminated. at NULL: there is none. */
struct part {
        const char *at, *end;
};

struct version {
        struct part epoch, version, release;
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_end(const struct part *part)
{
        return part->at == part->end;
}

static bool starts_with(const struct part *part, char c)
{
        return !is_end(part) && *part->at == c;
}

static const char *skip(const struct part *part, bool (*belongs)(char c))
{
        const char *at = part->at;

        while (at < part->end && belongs(*at))
                at++;
        return at;
}

static bool is_separator(char c)
{
        return !is_digit(c) && !is_alpha(c) && c != '~' && c != '^';
}

/* What stands before a colon is an epoch only when it is digits, and none at all is 0. */
static void version_split(const char *text, struct version *ret)
{
        struct part rest = {text, text + strlen(text)};
        const char *digits = skip(&rest, is_digit);
        const char *hyphen = memrchr(digits, '-', (size_t)(rest.end - digits));

        *ret = (struct version){.epoch = {text, text}};
        if (*digits == ':') {
                ret->epoch.end = digits;
                rest.at = digits + 1;
        }
        ret->version = (struct part){rest.at, hyphen ? hyphen : rest.end};
        if (hyphen)
                ret->release = (struct part){hyphen + 1, rest.end};
}

/* Numbers of any length: without leading zeros the longer one is greater. */
static int compare_segments(struct part a, struct part b, bool is_number)
{
        size_t a_length, b_length, shorter;
        int result;

        while (is_number && starts_with(&a, '0'))
                a.at++;
        while (is_number && starts_with(&b, '0'))
                b.at++;
        a_length = (size_t)(a.end - a.at);
        b_length = (size_t)(b.end - b.at);
        shorter = a_length < b_length ? a_length : b_length;
        result = memcmp(a.at, b.at, shorter);
        if (a_length == b_length || (!is_number && result != 0))
                return result;
        return a_length < b_length ? -1 : 1;
}

/* Takes the next segment of each: digits or letters, whichever a begins with. */
static int take_segments(struct part *a, struct part *b)
{
        bool is_number = is_digit(*a->at);
        struct part left = {a->at, skip(a, is_number ? is_digit : is_alpha)};
        struct part right = {b->at, skip(b, is_number ? is_digit : is_alpha)};

        if (is_end(&right))
                return is_number ? 1 : -1;
        a->at = left.end;
        b->at = right.end;
        return compare_segments(left, right, is_number);
}

/* '~' comes before the end; '^' after the end, but before anything else. */
static int take_mark(struct part *a, struct part *b, bool *ret_is_mark)
{
        const char mark = starts_with(a, '~') || starts_with(b, '~') ? '~' : '^';
        bool left = starts_with(a, mark), right = starts_with(b, mark);

        *ret_is_mark = left || right;
        a->at += left;
        b->at += right;
        if (left == right)
                return 0;
        if (mark == '^' && is_end(left ? b : a))
                return left ? 1 : -1;
        return left ? -1 : 1;
}

static int compare_parts(struct part a, struct part b)
{
        int result = 0;

        while (result == 0) {
                bool is_mark;

                a.at = skip(&a, is_separator);
                b.at = skip(&b, is_separator);
                result = take_mark(&a, &b, &is_mark);
                if (is_mark)
                        continue;
                if (is_end(&a) || is_end(&b))
                        return is_end(&b) - is_end(&a);
                result = take_segments(&a, &b);
        }
        return result;
}

/* rpm leaves a comparison to what both have, except that something is newer than nothing. */
static int compare_optional(const struct part *a, const struct part *b)
{
        if (!a->at || !b->at)
                return (a->at != NULL) - (b->at != NULL);
        return compare_parts(*a, *b);
}

int version_rpm_compare(const char *a, const char *b)
{
        struct version left, right;
        int result;

        version_split(a, &left);
        version_split(b, &right);
        result = compare_segments(left.epoch, right.epoch, true);
        if (result == 0)
                result = compare_parts(left.version, right.version);
        if (result == 0)
                result = compare_optional(&left.release, &right.release);
        return result;
}
