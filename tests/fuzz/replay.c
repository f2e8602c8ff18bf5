/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Feeds every file of a folder to a fuzz target: first whole, then cut after every byte of its
 * first few hundred, so that a few seeds already are many inputs. An empty folder is a failure.
 */

#include "base/cleanup.h"
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { FILE_SIZE_MAX = 4 * 1024 * 1024, CUTS_MAX = 512 };

/* An exact copy, so that ASan sees a read behind the end. */
static void feed(const uint8_t *bytes, size_t size)
{
        uint8_t *copy = malloc(size > 0 ? size : 1);

        if (!copy)
                abort();
        memcpy(copy, bytes, size);
        (void)LLVMFuzzerTestOneInput(copy, size);
        free(copy);
}

static int feed_file(int folder, const char *name)
{
        CLEANUP(freep) uint8_t *bytes = malloc(FILE_SIZE_MAX);
        int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
        ssize_t size = 0, n = 1;

        if (fd < 0 || !bytes)
                return -errno;
        while (n > 0 && size < FILE_SIZE_MAX) {
                n = read(fd, bytes + size, (size_t)(FILE_SIZE_MAX - size));
                size += n > 0 ? n : 0;
        }
        (void)close(fd);
        if (n < 0)
                return -EIO;
        feed(bytes, (size_t)size);
        for (ssize_t cut = 0; cut < size && cut < CUTS_MAX; cut++)
                feed(bytes, (size_t)cut);
        return 0;
}

int main(int argc, char **argv)
{
        size_t n_files = 0;
        struct dirent *entry;
        DIR *folder;

        if (argc != 2) {
                (void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
                return EXIT_FAILURE;
        }
        folder = opendir(argv[1]);
        if (!folder) {
                perror(argv[1]);
                return EXIT_FAILURE;
        }
        for (; (entry = readdir(folder)); n_files += entry->d_name[0] != '.')
                if (entry->d_name[0] != '.' && feed_file(dirfd(folder), entry->d_name) < 0) {
                        perror(entry->d_name);
                        return EXIT_FAILURE;
                }
        (void)closedir(folder);
        printf("%zu files\n", n_files);
        return n_files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
