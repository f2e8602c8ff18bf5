/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/version_deb.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A piece of a version; not terminated. */
struct part {
        const char *at, *end;
};

struct version {
        struct part epoch, upstream, revision;
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *skip_digits(const char *at, const char *end)
{
        while (at < end && is_digit(*at))
                at++;
        return at;
}

static void version_split(const char *text, struct version *ret)
{
        const char *end = text + strlen(text);
        const char *digits = skip_digits(text, end);
        const char *hyphen;

        ret->epoch = (struct part){text, text};
        if (digits > text && *digits == ':') {
                ret->epoch.end = digits;
                text = digits + 1;
        }
        hyphen = memrchr(text, '-', (size_t)(end - text));
        ret->upstream = (struct part){text, hyphen ? hyphen : end};
        ret->revision = (struct part){hyphen ? hyphen + 1 : end, end};
}

/* Weight of what is not a digit: '~' before the end, letters before everything else. */
static int weight_of(const struct part *part)
{
        if (part->at == part->end || is_digit(*part->at))
                return 0;
        if (*part->at == '~')
                return -1;
        if (is_alpha(*part->at))
                return (unsigned char)*part->at;
        return (unsigned char)*part->at + UCHAR_MAX + 1;
}

static int compare_texts(struct part *a, struct part *b)
{
        while ((a->at < a->end && !is_digit(*a->at)) || (b->at < b->end && !is_digit(*b->at))) {
                int difference = weight_of(a) - weight_of(b);

                if (difference != 0)
                        return difference;
                a->at++;
                b->at++;
        }
        return 0;
}

/* Numbers of any length: without leading zeros the longer one is greater. */
static int compare_numbers(struct part *a, struct part *b)
{
        const char *a_end = skip_digits(a->at, a->end), *b_end = skip_digits(b->at, b->end);
        size_t a_length, b_length;
        int result = 0;

        while (a->at < a_end && *a->at == '0')
                a->at++;
        while (b->at < b_end && *b->at == '0')
                b->at++;
        a_length = (size_t)(a_end - a->at);
        b_length = (size_t)(b_end - b->at);
        if (a_length != b_length)
                result = a_length < b_length ? -1 : 1;
        else if (a_length > 0)
                result = memcmp(a->at, b->at, a_length);
        a->at = a_end;
        b->at = b_end;
        return result;
}

static int compare_parts(struct part a, struct part b)
{
        int result = 0;

        while (result == 0 && (a.at < a.end || b.at < b.end)) {
                result = compare_texts(&a, &b);
                if (result == 0)
                        result = compare_numbers(&a, &b);
        }
        return result;
}

int version_deb_compare(const char *a, const char *b)
{
        struct version left, right;
        int result;

        version_split(a, &left);
        version_split(b, &right);
        result = compare_numbers(&left.epoch, &right.epoch);
        if (result == 0)
                result = compare_parts(left.upstream, right.upstream);
        if (result == 0)
                result = compare_parts(left.revision, right.revision);
        return result;
}

static bool part_has_only(const struct part *part, const char *punctuation)
{
        for (const char *at = part->at; at < part->end; at++)
                if (!is_digit(*at) && !is_alpha(*at) && !strchr(punctuation, *at))
                        return false;
        return true;
}

/* dpkg keeps epochs in an int. */
static bool epoch_fits(const struct part *epoch)
{
        char digits[11] = "";
        const char *at = epoch->at;

        while (at < epoch->end && *at == '0')
                at++;
        if ((size_t)(epoch->end - at) >= sizeof(digits))
                return false;
        memcpy(digits, at, (size_t)(epoch->end - at));
        return strtoll(digits, NULL, 10) <= INT_MAX;
}

bool version_deb_is_valid(const char *text)
{
        struct version version;

        version_split(text, &version);
        /* A colon belongs to an epoch; one that isn't a number leaves it in front. */
        if (version.epoch.end == version.epoch.at && strchr(text, ':'))
                return false;
        if (version.upstream.at == version.upstream.end || !is_digit(*version.upstream.at))
                return false;
        if (version.revision.at == version.revision.end && *version.upstream.end == '-')
                return false;
        return epoch_fits(&version.epoch) && part_has_only(&version.upstream, ".-+~:") &&
               part_has_only(&version.revision, ".+~");
}
