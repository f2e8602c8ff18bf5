/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/phasing.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <stdint.h>
#include <string.h>

/*
 * The draw is std::uniform_int_distribution(0, 100) over std::minstd_rand seeded by a std::seed_seq
 * of the text "source-version-machineid". seed_seq and minstd_rand are fixed by ISO C++
 * [rand.util.seedseq], [rand.eng.lcong]; the distribution is libstdc++'s, which apt is built with.
 */
enum { N_WORDS = 4 };

static uint32_t mix(uint32_t x)
{
        return x ^ (x >> 27);
}

/* seed_seq::generate for N_WORDS results: with so few, its offsets p and q are 1 and 2. */
static void seed_words(const char *text, size_t length, uint32_t words[static N_WORDS])
{
        enum { T = (N_WORDS - 1) / 2, P = (N_WORDS - T) / 2, Q = P + T };
        size_t rounds = length + 1 > N_WORDS ? length + 1 : N_WORDS;

        memset(words, 0x8b, N_WORDS * sizeof(*words));
        for (size_t k = 0; k < rounds; k++) {
                uint32_t *at = &words[k % N_WORDS], *p = &words[(k + P) % N_WORDS];
                uint32_t *q = &words[(k + Q) % N_WORDS],
                         *last = &words[(k + N_WORDS - 1) % N_WORDS];
                uint32_t r1 = 1664525U * mix(*at ^ *p ^ *last), r2 = r1;

                if (k == 0)
                        r2 += (uint32_t)length;
                else
                        r2 += (uint32_t)(k % N_WORDS) +
                              (k <= length ? (uint32_t)(signed char)text[k - 1] : 0);
                *p += r1;
                *q += r2;
                *at = r2;
        }
        for (size_t k = rounds; k < rounds + N_WORDS; k++) {
                uint32_t *at = &words[k % N_WORDS], *p = &words[(k + P) % N_WORDS];
                uint32_t *q = &words[(k + Q) % N_WORDS],
                         *last = &words[(k + N_WORDS - 1) % N_WORDS];
                uint32_t r3 = 1566083941U * mix(*at + *p + *last);
                uint32_t r4 = r3 - (uint32_t)(k % N_WORDS);

                *p ^= r3;
                *q ^= r4;
                *at = r4;
        }
}

/* 0..100, evenly. */
static int draw(const char *text)
{
        enum { MODULUS = 2147483647, MULTIPLIER = 48271, MIN = 1, SIDES = 101 };
        const uint64_t scale = (MODULUS - 1 - MIN) / SIDES;
        uint32_t words[N_WORDS];
        uint64_t state, value;

        seed_words(text, strlen(text), words);
        state = words[3] % MODULUS;
        if (state == 0)
                state = 1;
        do {
                state = state * MULTIPLIER % MODULUS;
                value = state - MIN;
        } while (value >= scale * SIDES);
        return (int)(value / scale);
}

bool phasing_takes(const char *source, const char *source_version, const char *machine_id,
                   int percent)
{
        CLEANUP(freep) char *text = str_format("%s-%s-%s", source, source_version, machine_id);

        /* Without memory nobody is left out: a hold has to be certain. */
        return !text || draw(text) <= percent;
}
