/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/apt_lists.h"

#include "base/str.h"
#include "packages/apt_uri.h"

#include <string.h>

const char *const apt_list_extensions[] = {"", ".xz", ".bz2", ".lzma", ".gz", ".lz4", ".zst", NULL};

/* URI, suite and the file below it; everything but the URI is encoded for one. */
static int file_name(const struct apt_source *source, const char *file, char **ret)
{
        CLEANUP(freep) char *suite = NULL, *below = NULL, *uri = NULL;
        bool flat = str_has_suffix(source->suite, "/");
        int r;

        r = apt_uri_encode(strcmp(source->suite, "/") == 0 ? "" : source->suite, &suite);
        if (r >= 0)
                r = apt_uri_encode(file, &below);
        if (r < 0)
                return r;
        uri = str_format(flat ? "%s%s%s" : "%sdists/%s/%s", source->uri, suite, below);
        return uri ? apt_uri_to_file_name(uri, ret) : -ENOMEM;
}

int apt_lists_release_name(const struct apt_source *source, const char *what, char **ret)
{
        return file_name(source, what, ret);
}

int apt_lists_index_key(const struct apt_source *source, const char *arch, char **ret)
{
        if (str_has_suffix(source->suite, "/"))
                *ret = strdup("Packages");
        else
                *ret = str_format("%s/binary-%s/Packages", source->component, arch);
        return *ret ? 0 : -ENOMEM;
}

int apt_lists_index_name(const struct apt_source *source, const char *key, char **ret)
{
        return file_name(source, key, ret);
}
