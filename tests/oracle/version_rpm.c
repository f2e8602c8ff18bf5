/* SPDX-License-Identifier: Apache-2.0 */

/*
 * version_rpm.h against rpm's own library: version_rpm N_PAIRS [<VERSIONS]. Made-up pairs, and the
 * versions on standard input (one a line) against their neighbours and against damaged copies of
 * themselves. Prints what differs and the number of pairs; exit 1 when something differs.
 */

#include "packages/version_rpm.h"

#include <rpm/rpmver.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 128, NEIGHBOURS = 8, DIFFERENCES_MAX = 20 };

static uint64_t state = 88172645463325252ULL;
static unsigned long n_pairs, n_unequal, n_differences;

/* xorshift64: the same pairs in every run. */
static unsigned below(unsigned limit)
{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (unsigned)((state >> 11) % limit);
}

static char any_char(void)
{
        static const char alphabet[] = "001123459abyzAZ...__++~~^^--::% \xc3";

        return alphabet[below(sizeof(alphabet) - 1)];
}

static void make(char *text)
{
        size_t length = below(14);

        for (size_t i = 0; i < length; i++)
                text[i] = any_char();
        text[length] = '\0';
}

/* A copy with up to three characters changed, put in or taken out. */
static void damage(const char *from, char *to)
{
        strcpy(to, from);
        for (unsigned i = below(3) + 1; i > 0; i--) {
                size_t length = strlen(to), at = below((unsigned)length + 1);

                if (below(3) == 0 && length < TEXT_MAX - 1) {
                        memmove(to + at + 1, to + at, length - at + 1);
                        to[at] = any_char();
                } else if (at < length && below(2) == 0) {
                        memmove(to + at, to + at + 1, length - at);
                } else if (at < length) {
                        to[at] = any_char();
                }
        }
}

static int sign(int value)
{
        return (value > 0) - (value < 0);
}

static void differ(const char *what, const char *a, const char *b)
{
        if (++n_differences <= DIFFERENCES_MAX)
                printf("%s: '%s' '%s'\n", what, a, b);
}

static int compare_by_rpm(const char *a, const char *b)
{
        rpmver left = rpmverParse(a), right = rpmverParse(b);
        int result = 0;

        if (left && right)
                result = rpmverCmp(left, right);
        else if (a[0] != '\0' && b[0] != '\0')
                differ("rpm refuses", a, b);
        rpmverFree(left);
        rpmverFree(right);
        return result;
}

static void check(const char *a, const char *b)
{
        int ours = sign(version_rpm_compare(a, b)), theirs;

        n_pairs++;
        if (ours != -sign(version_rpm_compare(b, a)))
                differ("not antisymmetric", a, b);
        if (a[0] == '\0' || b[0] == '\0')
                return;
        theirs = sign(compare_by_rpm(a, b));
        n_unequal += theirs != 0;
        if (ours != theirs)
                differ("order", a, b);
}

static void check_made_up(unsigned long n)
{
        for (unsigned long i = 0; i < n; i++) {
                char a[TEXT_MAX], b[TEXT_MAX];

                make(a);
                if (below(2) == 0)
                        make(b);
                else
                        damage(a, b);
                check(a, b);
        }
}

static void check_real(void)
{
        static char ring[NEIGHBOURS][TEXT_MAX];
        char text[TEXT_MAX], damaged[TEXT_MAX + 4];

        for (size_t n = 0; fgets(text, sizeof(text), stdin); n++) {
                text[strcspn(text, "\n")] = '\0';
                for (size_t i = 0; i < NEIGHBOURS && i < n; i++)
                        check(text, ring[i]);
                damage(text, damaged);
                check(text, damaged);
                strcpy(ring[n % NEIGHBOURS], text);
        }
}

int main(int argc, char **argv)
{
        check_made_up(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
        check_real();
        printf("%lu pairs, %lu of them unequal to rpm, %lu differences\n", n_pairs, n_unequal,
               n_differences);
        return n_differences > 0 || n_unequal < n_pairs / 4;
}
