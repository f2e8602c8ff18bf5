/* SPDX-License-Identifier: Apache-2.0 */
/* version_rpm.h against rpm's own library: version_rpm N_PAIRS [<VERSIONS], see version_pairs.h. */
#include "packages/version_rpm.h"
#include "version_pairs.h"

#include <rpm/rpmver.h>

#include <stddef.h>

static int compare_by_rpm(const char *a, const char *b)
{
        rpmver left = rpmverParse(a), right = rpmverParse(b);
        int result = 0;

        if (left && right)
                result = rpmverCmp(left, right);
        else if (a[0] != '\0' && b[0] != '\0')
                version_pairs_differ("rpm refuses", a, b);
        rpmverFree(left);
        rpmverFree(right);
        return result;
}

static void check(const char *a, const char *b)
{
        int ours = version_pairs_sign(version_rpm_compare(a, b)), theirs;

        if (ours != -version_pairs_sign(version_rpm_compare(b, a)))
                version_pairs_differ("not antisymmetric", a, b);
        if (a[0] == '\0' || b[0] == '\0')
                return;
        theirs = version_pairs_sign(compare_by_rpm(a, b));
        if (theirs != 0)
                version_pairs_count();
        if (ours != theirs)
                version_pairs_differ("order", a, b);
}

int main(int argc, char **argv)
{
        static const struct version_oracle oracle = {
            .alphabet = "001123459abyzAZ...__++~~^^--::% \xc3",
            .check = check,
            .counted = "unequal to rpm",
        };

        return version_pairs_run(&oracle, argc, argv);
}
