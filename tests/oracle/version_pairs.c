/* SPDX-License-Identifier: Apache-2.0 */
#include "version_pairs.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 128, NEIGHBOURS = 8, DIFFERENCES_MAX = 20 };

static uint64_t state = 88172645463325252ULL;
static unsigned long n_pairs, n_counted, n_differences;

/* xorshift64 */
unsigned version_pairs_below(unsigned limit)
{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (unsigned)((state >> 11) % limit);
}

int version_pairs_sign(int value)
{
        return (value > 0) - (value < 0);
}

void version_pairs_differ(const char *what, const char *a, const char *b)
{
        if (++n_differences <= DIFFERENCES_MAX)
                printf("%s: '%s' '%s'\n", what, a, b);
}

void version_pairs_count(void)
{
        n_counted++;
}

static char any_char(const struct version_oracle *oracle)
{
        return oracle->alphabet[version_pairs_below((unsigned)strlen(oracle->alphabet))];
}

static void make(const struct version_oracle *oracle, char *text)
{
        size_t length = version_pairs_below(14);

        for (size_t i = 0; i < length; i++)
                text[i] = any_char(oracle);
        text[length] = '\0';
        if (oracle->mend)
                oracle->mend(text);
}

/* A copy with up to three characters changed, put in or taken out. */
static void damage(const struct version_oracle *oracle, const char *from, char *to)
{
        strcpy(to, from);
        for (unsigned i = version_pairs_below(3) + 1; i > 0; i--) {
                size_t length = strlen(to), at = version_pairs_below((unsigned)length + 1);

                if (version_pairs_below(3) == 0 && length < TEXT_MAX - 1) {
                        memmove(to + at + 1, to + at, length - at + 1);
                        to[at] = any_char(oracle);
                } else if (at < length && version_pairs_below(2) == 0) {
                        memmove(to + at, to + at + 1, length - at);
                } else if (at < length) {
                        to[at] = any_char(oracle);
                }
        }
}

static void check(const struct version_oracle *oracle, const char *a, const char *b)
{
        n_pairs++;
        oracle->check(a, b);
}

static void check_made_up(const struct version_oracle *oracle, unsigned long n)
{
        for (unsigned long i = 0; i < n; i++) {
                char a[TEXT_MAX], b[TEXT_MAX];

                make(oracle, a);
                if (version_pairs_below(2) == 0)
                        make(oracle, b);
                else
                        damage(oracle, a, b);
                check(oracle, a, b);
        }
}

static void check_real(const struct version_oracle *oracle)
{
        static char ring[NEIGHBOURS][TEXT_MAX];
        char text[TEXT_MAX], damaged[TEXT_MAX + 4];

        for (size_t n = 0; fgets(text, sizeof(text), stdin); n++) {
                text[strcspn(text, "\n")] = '\0';
                for (size_t i = 0; i < NEIGHBOURS && i < n; i++)
                        check(oracle, text, ring[i]);
                damage(oracle, text, damaged);
                check(oracle, text, damaged);
                strcpy(ring[n % NEIGHBOURS], text);
        }
}

int version_pairs_run(const struct version_oracle *oracle, int argc, char **argv)
{
        check_made_up(oracle, argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
        check_real(oracle);
        printf("%lu pairs, %lu of them %s, %lu differences\n", n_pairs, n_counted, oracle->counted,
               n_differences);
        return n_differences > 0 || n_counted < n_pairs / 4;
}
