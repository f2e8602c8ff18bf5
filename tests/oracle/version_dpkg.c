/* SPDX-License-Identifier: Apache-2.0 */
/* version_deb.h against dpkg's own library: version_dpkg N_PAIRS [<VERSIONS], see version_pairs.h.
 */
#include "packages/version_deb.h"
#include "version_pairs.h"

#include <dpkg/dpkg-db.h>
#include <dpkg/dpkg.h>
#include <dpkg/version.h>

#include <string.h>

/* Most of them valid, or nothing would be compared. */
static void mend(char *text)
{
        if (text[0] == '\0' || version_pairs_below(4) == 0)
                return;
        text[0] = (char)('0' + version_pairs_below(10));
        for (char *p = text + 1; *p; p++)
                if (strchr(":_ ", *p))
                        *p = "0.~-"[version_pairs_below(4)];
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
                version_pairs_differ("validity", text, valid ? "valid" : "refused");
        return valid;
}

static void check(const char *a, const char *b)
{
        int ours = version_pairs_sign(version_deb_compare(a, b));
        struct dpkg_version left, right;
        bool valid = parse(a, &left) & parse(b, &right);

        if (ours != -version_pairs_sign(version_deb_compare(b, a)))
                version_pairs_differ("not antisymmetric", a, b);
        if (!valid || is_odd(a) || is_odd(b))
                return;
        version_pairs_count();
        if (ours != version_pairs_sign(dpkg_version_compare(&left, &right)))
                version_pairs_differ("order", a, b);
}

int main(int argc, char **argv)
{
        static const struct version_oracle oracle = {
            .alphabet = "00112345678999abyzAZ..++~~--::_ ",
            .mend = mend,
            .check = check,
            .counted = "ordered by dpkg",
        };
        int r = version_pairs_run(&oracle, argc, argv);

        nffreeall();
        return r;
}
