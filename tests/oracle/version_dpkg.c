/* SPDX-License-Identifier: Apache-2.0 */

/*
 * version_deb.h against dpkg's own library: version_dpkg N_PAIRS [<VERSIONS]. Made-up pairs, and
 * the versions on standard input (one a line) against their neighbours and against damaged copies
 * of themselves. Prints what differs and the number of pairs; exit 1 when something differs.
 */

#include "packages/version_deb.h"

#include <dpkg/dpkg-db.h>
#include <dpkg/dpkg.h>
#include <dpkg/version.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 128, NEIGHBOURS = 8, DIFFERENCES_MAX = 20 };

static uint64_t state = 88172645463325252ULL;
static unsigned long n_pairs, n_ordered, n_differences;

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
        static const char alphabet[] = "00112345678999abyzAZ..++~~--::_ ";

        return alphabet[below(sizeof(alphabet) - 1)];
}

static void make(char *text)
{
        size_t length = below(14);

        for (size_t i = 0; i < length; i++)
                text[i] = any_char();
        text[length] = '\0';
        /* Most of them valid, or nothing would be compared. */
        if (length > 0 && below(4) > 0) {
                text[0] = (char)('0' + below(10));
                for (size_t i = 1; i < length; i++)
                        if (strchr(":_ ", text[i]))
                                text[i] = "0.~-"[below(4)];
        }
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

/* dpkg trims blanks around a version and takes a sign before an epoch; no index has such. */
static bool is_odd(const char *text)
{
        return strchr(text, ' ') || text[0] == '+' || text[0] == '-';
}

static bool parse(const char *text, struct dpkg_version *ret)
{
        struct dpkg_error error = DPKG_ERROR_INIT;
        bool valid = parseversion(ret, text, &error) == 0;

        dpkg_error_destroy(&error);
        if (!is_odd(text) && valid != version_deb_is_valid(text))
                differ("validity", text, valid ? "valid" : "refused");
        return valid;
}

static void check(const char *a, const char *b)
{
        struct dpkg_version left, right;
        bool valid = parse(a, &left) & parse(b, &right);

        n_pairs++;
        if (sign(version_deb_compare(a, b)) != -sign(version_deb_compare(b, a)))
                differ("not antisymmetric", a, b);
        if (!valid || is_odd(a) || is_odd(b))
                return;
        n_ordered++;
        if (sign(version_deb_compare(a, b)) != sign(dpkg_version_compare(&left, &right)))
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
        nffreeall();
        printf("%lu pairs, %lu of them ordered by dpkg, %lu differences\n", n_pairs, n_ordered,
               n_differences);
        return n_differences > 0 || n_ordered < n_pairs / 4;
}
