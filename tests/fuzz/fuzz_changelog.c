/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "base/timetext.h"
#include "packages/deb_changelog.h"

/* Reads the changelog in pieces of that size, and the newline that ends its last line. */
static struct deb_changelog read_in_pieces(const char *data, size_t size, size_t piece)
{
        struct deb_changelog changelog = {0};

        for (size_t at = 0; at < size; at += piece)
                fuzz_check(deb_changelog_add(&changelog, data + at,
                                             size - at < piece ? size - at : piece) == 0);
        fuzz_check(deb_changelog_add(&changelog, "\n", 1) == 0);
        fuzz_check(changelog.line.capacity < 16 * DEB_CHANGELOG_LINE_MAX_BYTES);
        return changelog;
}

/* Where pieces end must not matter, and a date is one that can be written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const size_t pieces[] = {1, 7, 65};
        struct deb_changelog whole = read_in_pieces((const char *)data, size, size + 1);
        char text[TIME_TEXT_SIZE];

        if (whole.state == DEB_CHANGELOG_DATED)
                (void)time_to_rfc3339(whole.date, text);
        for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
                struct deb_changelog again = read_in_pieces((const char *)data, size, pieces[i]);

                fuzz_check(again.state == whole.state);
                fuzz_check(whole.state != DEB_CHANGELOG_DATED || again.date == whole.date);
                deb_changelog_done(&again);
        }
        deb_changelog_done(&whole);
        return 0;
}
