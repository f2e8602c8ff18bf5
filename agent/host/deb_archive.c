/* SPDX-License-Identifier: Apache-2.0 */
#include "host/deb_archive.h"

#include "base/str.h"
#include "host/archive.h"
#include "packages/deb_changelog.h"

#include <string.h>

/* Debian's own changelog; that of the program itself has the plain name, but in native packages the
 * plain name is Debian's (Debian Policy 12.7). Binary rebuilds have one per architecture. */
enum { CHANGELOG_ENTRY_MAX_BYTES = 64 * 1024 * 1024 };

enum rank { RANK_NONE, RANK_PLAIN, RANK_DEBIAN };

struct search {
        char *folder; /* usr/share/doc/<package> */
        struct deb_changelog changelog;
        enum rank rank; /* of the file at hand */
        size_t n_bytes; /* read of it */
        enum rank found_rank;
        time_t found; /* the newest date of that rank */
        char *link;   /* where the folder or a changelog points */
        bool has_foreign;
};

static void search_done(struct search *search)
{
        deb_changelog_done(&search->changelog);
        free(search->folder);
        free(search->link);
}

static enum rank rank_of(const struct search *search, const char *path)
{
        size_t length = strlen(search->folder);
        const char *name = path + length + 1;

        if (strncmp(path, search->folder, length) != 0 || path[length] != '/')
                return RANK_NONE;
        if (strcmp(name, "changelog.gz") == 0 || strcmp(name, "changelog") == 0)
                return RANK_PLAIN;
        return strcmp(name, "changelog.Debian") == 0 ||
                       (str_has_prefix(name, "changelog.Debian.") && str_has_suffix(name, ".gz"))
                   ? RANK_DEBIAN
                   : RANK_NONE;
}

static int begin(const char *path, void *arg, struct diag *diag)
{
        struct search *search = arg;

        (void)diag;
        search->rank = rank_of(search, path);
        search->n_bytes = 0;
        return search->rank != RANK_NONE;
}

static int add_bytes(const char *bytes, size_t size, void *arg, struct diag *diag)
{
        struct search *search = arg;
        int r = deb_changelog_add(&search->changelog, bytes, size);

        (void)diag;
        if (r < 0)
                return r;
        search->n_bytes += size;
        return search->changelog.state > DEB_CHANGELOG_ENTRY ||
                       search->n_bytes > CHANGELOG_ENTRY_MAX_BYTES
                   ? -ECANCELED
                   : 0;
}

static int end(void *arg, struct diag *diag)
{
        struct search *search = arg;
        int r = deb_changelog_add(&search->changelog, "\n", 1);

        (void)diag;
        if (r < 0)
                return r;
        if (search->changelog.state != DEB_CHANGELOG_DATED) {
                search->has_foreign = true;
        } else if (search->rank > search->found_rank ||
                   (search->rank == search->found_rank && search->changelog.date > search->found)) {
                search->found_rank = search->rank;
                search->found = search->changelog.date;
        }
        deb_changelog_done(&search->changelog);
        return 0;
}

static int link_found(const char *path, const char *target, void *arg, struct diag *diag)
{
        struct search *search = arg;

        (void)diag;
        if (search->link ||
            (strcmp(path, search->folder) != 0 && rank_of(search, path) == RANK_NONE))
                return 0;
        search->link = str_format("%s, which points to %s", path, target);
        return search->link ? 0 : -ENOMEM;
}

static char *describe(const struct search *search, const char *failure)
{
        if (failure)
                return str_format("its archive can't be read: %s", failure);
        if (search->link)
                return str_format("its changelog is in another package: /%s", search->link);
        return strdup(search->has_foreign ? "the changelog in its archive has no date"
                                          : "there is no changelog in its archive");
}

int deb_archive_date(int fd, const char *package, time_t *ret_date, char **ret_note,
                     struct diag *diag)
{
        static const struct archive_limits limits = {.max_files = 1000 * 1000,
                                                     .max_bytes = 16ULL * 1024 * 1024 * 1024};
        struct search search CLEANUP(search_done) = {.folder =
                                                         str_format("usr/share/doc/%s", package)};
        const struct archive_visitor visitor = {
            .begin = begin, .bytes = add_bytes, .end = end, .arg = &search};
        struct diag why = {0};
        char *note;
        int r = search.folder ? archive_read_deb(fd, &limits, &visitor, link_found, &why) : -ENOMEM;

        if (r == -ENOMEM)
                return diag_fail(diag, r, "out of memory");
        if (r >= 0 && search.found != 0) {
                *ret_date = search.found;
                *ret_note = NULL;
                return 0;
        }
        note = describe(&search, r < 0 ? diag_text(&why, r) : NULL);
        if (!note)
                return -ENOMEM;
        *ret_date = 0;
        *ret_note = note;
        return 0;
}
