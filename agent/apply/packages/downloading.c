/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/packages/downloading.h"

#include "apply/packages/archives.h"
#include "base/str.h"

#include <string.h>
#include <sys/stat.h>

void downloading_done(struct downloading *downloading)
{
        for (size_t i = 0; i < downloading->n_files; i++) {
                free(downloading->files[i].path);
                free(downloading->files[i].partial);
        }
        free(downloading->files);
        *downloading = (struct downloading){0};
}

static int64_t size_of(const char *path, int64_t max)
{
        struct stat st;

        if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        return st.st_size < max ? (int64_t)st.st_size : max;
}

static int add(const struct installer *installer, const struct plan_item *item,
               struct downloading *downloading)
{
        struct downloading_file *file = &downloading->files[downloading->n_files];

        *file = (struct downloading_file){.name = item->name,
                                          .path = archives_expected(installer, item),
                                          .size_bytes = item->target->file.size_bytes};
        if (!file->path)
                return -ENOMEM;
        if (size_of(file->path, file->size_bytes) == file->size_bytes) {
                free(file->path);
                return 0;
        }
        downloading->n_files++;
        downloading->bytes_total += file->size_bytes;
        file->partial =
            str_format("%spartial/%s", installer->archives, strrchr(file->path, '/') + 1);
        return file->partial ? 0 : -ENOMEM;
}

int downloading_init(const struct installer *installer, const struct plan_step *step,
                     struct downloading *ret)
{
        CLEANUP(downloading_done)
        struct downloading downloading = {.files = calloc(step->n_items + 1, sizeof(*ret->files))};
        int r = downloading.files ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < step->n_items; i++)
                r = add(installer, &step->items[i], &downloading);
        if (r < 0)
                return r;
        *ret = downloading;
        downloading = (struct downloading){0};
        return 0;
}

int64_t downloading_look(const struct downloading *downloading, const char **ret_package)
{
        int64_t bytes = 0;

        *ret_package = NULL;
        for (size_t i = 0; i < downloading->n_files; i++) {
                const struct downloading_file *file = &downloading->files[i];
                int64_t partial = size_of(file->partial, file->size_bytes);
                int64_t whole = size_of(file->path, file->size_bytes);

                if (partial > 0 && !*ret_package)
                        *ret_package = file->name;
                bytes += partial > whole ? partial : whole;
        }
        return bytes;
}
