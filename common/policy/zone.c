/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/zone.h"

#include "policy/posix_zone.h"

#include <stdbool.h>
#include <string.h>

enum {
        HEADER_SIZE = 44,
        COUNTS_AT = 20, /* after magic, version and reserved bytes */
        TYPE_SIZE = 6,
        FOOTER_SIZE_MAX = 256,
};

/* Years 1..9999: beyond them a date is not a date of ours. */
#define TIME_MIN ((time_t)-62135596800)
#define TIME_MAX ((time_t)253402300799)

struct zone_type {
        int32_t offset_sec;
        uint8_t abbreviation_at;
};

struct zone {
        size_t n_transitions;
        time_t *transitions;       /* ascending */
        uint8_t *transition_types; /* the type from that time on */
        struct zone_type types[ZONE_TYPES_MAX];
        char abbreviations[ZONE_ABBREVIATIONS_MAX + 1];
        bool has_rule; /* what holds from the last transition on, or always when there is none */
        struct posix_zone rule;
};

/* The part of a file that is not read yet. */
struct input {
        const uint8_t *at;
        size_t size;
};

/* The counts of one header, in the order of the file. */
struct block {
        uint8_t version;
        uint32_t n_ut, n_standard, n_leaps, n_times, n_types, n_chars;
        size_t time_size; /* 4 or 8 bytes */
};

static int64_t big_endian(const uint8_t *at, size_t size)
{
        uint64_t value = at[0] & 0x80 ? UINT64_MAX : 0;

        for (size_t i = 0; i < size; i++)
                value = value << 8 | at[i];
        return (int64_t)value;
}

/* Gives n bytes and moves behind them; NULL when they are not there. */
static const uint8_t *take(struct input *input, size_t n)
{
        const uint8_t *at = input->at;

        if (n > input->size)
                return NULL;
        input->at += n;
        input->size -= n;
        return at;
}

static int fail_damaged(struct diag *diag, const char *what)
{
        return diag_fail(diag, -EINVAL, "damaged time zone file: %s; reinstall tzdata", what);
}

static int take_header(struct input *input, size_t time_size, struct block *ret, struct diag *diag)
{
        const uint8_t *header = take(input, HEADER_SIZE);
        uint32_t *const counts[] = {&ret->n_ut,    &ret->n_standard, &ret->n_leaps,
                                    &ret->n_times, &ret->n_types,    &ret->n_chars};

        if (!header || memcmp(header, "TZif", 4) != 0)
                return diag_fail(diag, -EINVAL, "not a time zone file: it has no TZif header");
        ret->version = header[4];
        ret->time_size = time_size;
        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                int64_t count = big_endian(header + COUNTS_AT + i * 4, 4);

                if (count < 0 || count > ZONE_SIZE_MAX)
                        return fail_damaged(diag, "a count is larger than the file");
                *counts[i] = (uint32_t)count;
        }
        return 0;
}

/* No overflow: every count is at most ZONE_SIZE_MAX. */
static size_t block_size(const struct block *block)
{
        return (size_t)block->n_times * (block->time_size + 1) +
               (size_t)block->n_types * TYPE_SIZE + block->n_chars +
               (size_t)block->n_leaps * (block->time_size + 4) + block->n_standard + block->n_ut;
}

static int check_counts(const struct block *block, struct diag *diag)
{
        if (block->n_leaps > 0)
                return diag_fail(
                    diag, -EINVAL,
                    "this zone counts leap seconds, system time does not; use the zone "
                    "of the same name outside of 'right/'");
        if (block->n_times > ZONE_TRANSITIONS_MAX)
                return fail_damaged(diag, "too many transitions");
        if (block->n_types == 0 || block->n_types > ZONE_TYPES_MAX)
                return fail_damaged(diag, "the number of local time types is not in 1..256");
        if (block->n_chars == 0 || block->n_chars > ZONE_ABBREVIATIONS_MAX)
                return fail_damaged(diag, "the size of abbreviations is not in 1..256");
        return 0;
}

static int read_types(const struct block *block, const uint8_t *at, struct zone *zone,
                      struct diag *diag)
{
        for (uint32_t i = 0; i < block->n_types; i++, at += TYPE_SIZE) {
                int64_t offset = big_endian(at, 4);

                if (offset < -ZONE_OFFSET_SEC_MAX || offset > ZONE_OFFSET_SEC_MAX)
                        return fail_damaged(diag, "an offset is larger than 26 hours");
                if (at[5] >= block->n_chars)
                        return fail_damaged(diag, "an abbreviation is outside of its table");
                zone->types[i] = (struct zone_type){(int32_t)offset, at[5]};
        }
        return 0;
}

static int read_transitions(const struct block *block, const uint8_t *times, const uint8_t *types,
                            struct zone *zone, struct diag *diag)
{
        for (uint32_t i = 0; i < block->n_times; i++) {
                time_t time = big_endian(times + i * block->time_size, block->time_size);

                if (i > 0 && time <= zone->transitions[i - 1])
                        return fail_damaged(diag, "transitions are not in ascending order");
                if (types[i] >= block->n_types)
                        return fail_damaged(diag, "a transition has no local time type");
                zone->transitions[i] = time;
                zone->transition_types[i] = types[i];
        }
        zone->n_transitions = block->n_times;
        return 0;
}

static int read_block(const struct block *block, struct input *input, struct zone *zone,
                      struct diag *diag)
{
        const uint8_t *times, *types, *chars;
        int r;

        r = check_counts(block, diag);
        if (r < 0)
                return r;
        if (block_size(block) > input->size)
                return fail_damaged(diag, "it ends too early");
        times = take(input, (size_t)block->n_times * block->time_size);
        types = take(input, block->n_times);
        /* One more, as calloc(0) may give NULL. */
        zone->transitions = calloc(block->n_times + 1, sizeof(*zone->transitions));
        zone->transition_types = calloc(block->n_times + 1, sizeof(*zone->transition_types));
        if (!zone->transitions || !zone->transition_types)
                return -ENOMEM;
        r = read_types(block, take(input, (size_t)block->n_types * TYPE_SIZE), zone, diag);
        if (r < 0)
                return r;
        chars = take(input, block->n_chars);
        memcpy(zone->abbreviations, chars, block->n_chars);
        (void)take(input, (size_t)block->n_standard + block->n_ut);
        return read_transitions(block, times, types, zone, diag);
}

/* A POSIX TZ string between two newlines; nothing between them means that none is known. */
static int read_footer(struct input *input, struct zone *zone, struct diag *diag)
{
        char text[FOOTER_SIZE_MAX];
        const uint8_t *end;
        size_t length;
        int r;

        if (input->size < 2 || *take(input, 1) != '\n')
                return fail_damaged(diag, "its last line is missing");
        end = memchr(input->at, '\n', input->size);
        if (!end)
                return fail_damaged(diag, "its last line has no end");
        length = (size_t)(end - input->at);
        if (length >= sizeof(text) || memchr(input->at, '\0', length))
                return fail_damaged(diag, "its last line is not a short text");
        if (length == 0)
                return 0;
        memcpy(text, input->at, length);
        text[length] = '\0';
        r = posix_zone_parse(text, &zone->rule, diag);
        zone->has_rule = r == 0;
        return r;
}

/* Version 1 has one block with times of 32 bits; every later one has a second with 64. */
static int read_file(struct input *input, struct zone *zone, struct diag *diag)
{
        struct block block = {0};
        int r;

        r = take_header(input, 4, &block, diag);
        if (r < 0)
                return r;
        if (block.version == 0)
                return read_block(&block, input, zone, diag);
        if (block.version < '2')
                return fail_damaged(diag, "unknown version");
        if (!take(input, block_size(&block)))
                return fail_damaged(diag, "it ends too early");
        r = take_header(input, 8, &block, diag);
        if (r < 0)
                return r;
        r = read_block(&block, input, zone, diag);
        if (r < 0)
                return r;
        return read_footer(input, zone, diag);
}

int zone_parse(const char *bytes, size_t size, struct zone **ret, struct diag *diag)
{
        CLEANUP(zone_freep) struct zone *zone = NULL;
        struct input input = {(const uint8_t *)bytes, size};
        int r;

        if (size > ZONE_SIZE_MAX)
                return diag_fail(diag, -EFBIG,
                                 "a time zone file has at most %d bytes, this has %zu",
                                 ZONE_SIZE_MAX, size);
        zone = calloc(1, sizeof(*zone));
        if (!zone)
                return -ENOMEM;
        r = read_file(&input, zone, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(zone);
        return 0;
}

void zone_free(struct zone *zone)
{
        if (!zone)
                return;
        free(zone->transitions);
        free(zone->transition_types);
        free(zone);
}

/* How many transitions are at or before time. */
static size_t count_transitions(const struct zone *zone, time_t time)
{
        size_t low = 0, high = zone->n_transitions;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (zone->transitions[middle] <= time)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static struct zone_phase phase_at(const struct zone *zone, time_t time)
{
        size_t n = count_transitions(zone, time);
        time_t start = n > 0 ? zone->transitions[n - 1] : INT64_MIN;
        const struct zone_type *type = &zone->types[n > 0 ? zone->transition_types[n - 1] : 0];
        struct zone_phase phase;

        if (n == zone->n_transitions && zone->has_rule) {
                phase = posix_zone_phase_at(&zone->rule, time);
                phase.start = phase.start > start ? phase.start : start;
                return phase;
        }
        return (struct zone_phase){
            .start = start,
            .end = n < zone->n_transitions ? zone->transitions[n] : INT64_MAX,
            .offset_sec = type->offset_sec,
            .abbreviation = zone->abbreviations + type->abbreviation_at,
        };
}

static time_t clamp(int64_t time)
{
        if (time < TIME_MIN)
                return TIME_MIN;
        return time > TIME_MAX ? TIME_MAX : time;
}

int32_t zone_offset_at(const struct zone *zone, time_t time)
{
        return phase_at(zone, clamp(time)).offset_sec;
}

const char *zone_abbreviation_at(const struct zone *zone, time_t time)
{
        return phase_at(zone, clamp(time)).abbreviation;
}

/* Walks the phases from before every possible answer. The first that holds the time has it; when
 * none does, the phase before the first gap has the offset. */
time_t zone_local_to_time(const struct zone *zone, int64_t local_seconds)
{
        int64_t local = clamp(local_seconds);
        struct zone_phase phase = phase_at(zone, clamp(local - ZONE_OFFSET_SEC_MAX));
        time_t time = local - phase.offset_sec, answer = time;
        bool skipped = false;

        while (time < phase.start || time >= phase.end) {
                skipped = skipped || time < phase.start;
                if (!skipped)
                        answer = time;
                if (phase.end > local + ZONE_OFFSET_SEC_MAX)
                        return answer;
                phase = phase_at(zone, phase.end);
                time = local - phase.offset_sec;
        }
        return time;
}
