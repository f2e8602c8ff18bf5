/* SPDX-License-Identifier: Apache-2.0 */
#include "host/deb_repack.h"

#include "base/str.h"
#include "host/archive_tar.h"
#include "host/files.h"
#include "packages/deb822.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DPKG_FOLDER "/var/lib/dpkg/"
#define INFO_FOLDER DPKG_FOLDER "info/"

enum {
        STATUS_MAX_BYTES = 256 * 1024 * 1024,
        LIST_MAX_BYTES = 256 * 1024 * 1024,
        CONTROL_FILE_MAX_BYTES = 64 * 1024 * 1024,
        INFO_NAMES_MAX = 1000 * 1000,
        NAMED_MAX = 5, /* files named in a note; the others are counted */
};

struct repack {
        const struct deb_repack_request *request;
        char *control;          /* the text of the control file */
        char *info;             /* "name" or "name:arch", as the info files are called */
        struct strv paths;      /* of its files, as the package names them */
        struct strv diversions; /* triples: path, where it went, package (":": local) */
        struct strv missing;    /* not on disk */
        size_t n_diverted;
        struct strv *notes;
};

static void repack_done(struct repack *repack)
{
        free(repack->control);
        free(repack->info);
        strv_done(&repack->paths);
        strv_done(&repack->diversions);
        strv_done(&repack->missing);
}

/* ---- control ---- */

/* What dpkg adds to the control file of an installed package. */
static const char *const status_fields[] = {"Status", "Conffiles", "Config-Version"};

static bool is_status_field(const struct deb822_value *line)
{
        for (size_t i = 0; i < ELEMENTSOF(status_fields); i++) {
                size_t length = strlen(status_fields[i]);

                if (line->length > length && line->at[length] == ':' &&
                    strncasecmp(line->at, status_fields[i], length) == 0)
                        return true;
        }
        return false;
}

static int copy_control(const struct deb822_stanza *stanza, char **ret)
{
        struct deb822_value rest = {stanza->text, stanza->size}, line;
        CLEANUP(str_done) struct str text = {0};
        bool skips = false;

        while (deb822_next_line(&rest, &line)) {
                bool continues = line.length > 0 && (line.at[0] == ' ' || line.at[0] == '\t');

                if (!continues)
                        skips = is_status_field(&line);
                if (skips || line.length == 0)
                        continue;
                str_append_n(&text, line.at, line.length);
                str_append_char(&text, '\n');
        }
        return str_take(&text, ret);
}

static bool wants_package(const char *name, size_t length, void *arg)
{
        const struct repack *repack = arg;

        return strlen(repack->request->name) == length &&
               strncmp(name, repack->request->name, length) == 0;
}

static int take_stanza(const struct deb822_stanza *stanza, void *arg, struct diag *diag)
{
        struct repack *repack = arg;
        const struct deb_repack_request *request = repack->request;

        (void)diag;
        if (!deb822_value_equals(deb822_find(stanza, "Architecture"), request->arch) ||
            !deb822_value_equals(deb822_find(stanza, "Version"), request->version) ||
            repack->control)
                return 0;
        return copy_control(stanza, &repack->control);
}

static int read_control(struct repack *repack, struct diag *diag)
{
        const struct deb822_handler handler = {
            .wants = wants_package, .take = take_stanza, .arg = repack};
        const struct deb_repack_request *request = repack->request;
        CLEANUP(blob_done) struct blob status = {0};
        int r = files_read(DPKG_FOLDER "status", STATUS_MAX_BYTES, false, &status, diag);

        if (r >= 0)
                r = deb822_read_text(status.data, status.size, &handler, diag);
        if (r >= 0 && !repack->control)
                return diag_fail(diag, -ENOENT, "dpkg has no %s %s %s", request->name,
                                 request->version, request->arch);
        return r;
}

/* ---- lists ---- */

static int read_lines(const char *path, struct strv *ret, struct diag *diag)
{
        CLEANUP(blob_done) struct blob text = {0};
        char *rest, *line;
        int r = files_read(path, LIST_MAX_BYTES, false, &text, diag);

        rest = text.data;
        while (r >= 0 && (line = strsep(&rest, "\n")))
                if (*line)
                        r = strv_add(ret, line);
        return r;
}

/* Info files of packages that may be there for several architectures carry theirs. */
static int find_info(struct repack *repack, struct diag *diag)
{
        const struct deb_repack_request *request = repack->request;
        CLEANUP(freep) char *both = str_format("%s:%s", request->name, request->arch);
        CLEANUP(freep) char *path = both ? str_format(INFO_FOLDER "%s.list", both) : NULL;
        CLEANUP(freep) char *diversions = strdup(DPKG_FOLDER "diversions");
        int r;

        if (!path || !diversions)
                return -ENOMEM;
        repack->info = access(path, F_OK) == 0 ? TAKE_PTR(both) : strdup(request->name);
        free(TAKE_PTR(path));
        path = repack->info ? str_format(INFO_FOLDER "%s.list", repack->info) : NULL;
        if (!path)
                return -ENOMEM;
        r = read_lines(path, &repack->paths, diag);
        if (r >= 0 && access(diversions, F_OK) == 0)
                r = read_lines(diversions, &repack->diversions, diag);
        return r;
}

/* Where the file of this package really lies: another package may have moved it out of its way. */
static const char *real_path(struct repack *repack, const char *path)
{
        const struct strv *all = &repack->diversions;

        for (size_t i = 0; i + 2 < all->n_items; i += 3)
                if (strcmp(all->items[i], path) == 0 &&
                    strcmp(all->items[i + 2], repack->request->name) != 0) {
                        repack->n_diverted++;
                        return all->items[i + 1];
                }
        return path;
}

/* ---- control.tar ---- */

static bool is_edited(const struct repack *repack, const char *path)
{
        return strv_contains(repack->request->edited, path);
}

static int add_conffiles(struct archive_tar *tar, const struct repack *repack, const char *path,
                         struct diag *diag)
{
        CLEANUP(strv_done) struct strv names = {0};
        CLEANUP(str_done) struct str text = {0};
        CLEANUP(freep) char *bytes = NULL;
        int r = read_lines(path, &names, diag);

        for (size_t i = 0; r >= 0 && i < names.n_items; i++)
                if (!is_edited(repack, names.items[i]))
                        str_appendf(&text, "%s\n", names.items[i]);
        if (r >= 0)
                r = str_take(&text, &bytes);
        return r < 0 || !bytes[0]
                   ? r
                   : archive_tar_add_bytes(tar, "./conffiles", 0644, bytes, strlen(bytes), diag);
}

static int add_info_file(struct archive_tar *tar, const struct repack *repack, const char *kind,
                         struct diag *diag)
{
        static const char *const programs[] = {"preinst", "postinst", "prerm", "postrm", "config"};
        CLEANUP(freep) char *path = str_format(INFO_FOLDER "%s.%s", repack->info, kind);
        CLEANUP(freep) char *name = str_format("./%s", kind);
        CLEANUP(blob_done) struct blob bytes = {0};
        mode_t mode = 0644;
        int r;

        if (!path || !name)
                return -ENOMEM;
        if (strcmp(kind, "conffiles") == 0)
                return add_conffiles(tar, repack, path, diag);
        for (size_t i = 0; i < ELEMENTSOF(programs); i++)
                if (strcmp(kind, programs[i]) == 0)
                        mode = 0755;
        r = files_read(path, CONTROL_FILE_MAX_BYTES, false, &bytes, diag);
        return r < 0 ? r : archive_tar_add_bytes(tar, name, mode, bytes.data, bytes.size, diag);
}

static int add_info(struct archive_tar *tar, const struct repack *repack, struct diag *diag)
{
        CLEANUP(freep) char *prefix = str_format("%s.", repack->info);
        CLEANUP(strv_done) struct strv names = {0};
        int r = prefix ? files_list(INFO_FOLDER, NULL, INFO_NAMES_MAX, &names, diag) : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < names.n_items; i++) {
                const char *kind = names.items[i] + strlen(prefix);

                /* "python3.11.list" is none of python3's. */
                if (str_has_prefix(names.items[i], prefix) && !strchr(kind, '.') &&
                    strcmp(kind, "list") != 0)
                        r = add_info_file(tar, repack, kind, diag);
        }
        return r;
}

static int write_control(const struct repack *repack, int fd, struct diag *diag)
{
        CLEANUP(archive_tar_freep) struct archive_tar *tar = NULL;
        int r = archive_tar_new(fd, &tar, diag);

        if (r >= 0)
                r = archive_tar_add_bytes(tar, "./control", 0644, repack->control,
                                          strlen(repack->control), diag);
        if (r >= 0)
                r = add_info(tar, repack, diag);
        return r < 0 ? r : archive_tar_finish(tar, diag);
}

/* ---- data.tar ---- */

/* Something of the package lies below it, so the package has a folder there, whatever the disk has
 * (a link of a merged /usr). dpkg keeps the order of the package: what is below follows. */
static bool is_folder_of(const struct repack *repack, size_t index)
{
        const char *path = repack->paths.items[index];
        size_t length = strlen(path);

        for (size_t i = index + 1; i < repack->paths.n_items; i++)
                if (strncmp(repack->paths.items[i], path, length) == 0 &&
                    repack->paths.items[i][length] == '/')
                        return true;
        return false;
}

static int add_path(struct archive_tar *tar, struct repack *repack, size_t index, struct diag *diag)
{
        const char *path = repack->paths.items[index], *real = real_path(repack, path);
        bool is_root = strcmp(path, "/.") == 0;
        CLEANUP(freep) char *name = str_format(".%s", is_root ? "/" : path);
        struct diag why = {0};
        struct stat st;
        bool is_folder;
        int r;

        if (!name)
                return -ENOMEM;
        if (is_edited(repack, path))
                return 0;
        is_folder = is_root ||
                    (lstat(real, &st) == 0 && S_ISLNK(st.st_mode) && is_folder_of(repack, index));
        r = archive_tar_add_file(tar, is_root ? "/" : real, name, is_folder, &why);
        if (r == -ENOENT || r == -ENOTDIR)
                return strv_add(&repack->missing, path);
        return r < 0 ? diag_fail(diag, r, "%s", diag_text(&why, r)) : 0;
}

static int write_data(struct repack *repack, int fd, struct diag *diag)
{
        CLEANUP(archive_tar_freep) struct archive_tar *tar = NULL;
        int r = archive_tar_new(fd, &tar, diag);

        for (size_t i = 0; r >= 0 && i < repack->paths.n_items; i++)
                r = add_path(tar, repack, i, diag);
        return r < 0 ? r : archive_tar_finish(tar, diag);
}

/* ---- notes ---- */

static int note_files(struct strv *notes, const struct strv *paths, const char *what)
{
        CLEANUP(str_done) struct str text = {0};
        CLEANUP(freep) char *note = NULL;
        int r;

        if (paths->n_items == 0)
                return 0;
        str_appendf(&text, "%s: ", what);
        for (size_t i = 0; i < paths->n_items && i < NAMED_MAX; i++)
                str_appendf(&text, "%s%s", i > 0 ? ", " : "", paths->items[i]);
        if (paths->n_items > NAMED_MAX)
                str_appendf(&text, " and %zu more", paths->n_items - NAMED_MAX);
        r = str_take(&text, &note);
        return r < 0 ? r : strv_add(notes, note);
}

static int note_all(const struct repack *repack)
{
        struct strv *notes = repack->notes;
        int r = strv_add(notes, "made from the installed files, not what the archive once served");

        if (r >= 0)
                r = note_files(notes, repack->request->edited,
                               "configuration files that were changed or removed here, which stay "
                               "as they are");
        if (r >= 0)
                r = note_files(notes, &repack->missing,
                               "files that are not on the disk (removed, or left out by dpkg's "
                               "path-exclude), which are not in it");
        if (r >= 0 && repack->n_diverted > 0)
                r = strv_addf(notes,
                              "%zu files are diverted by another package and were taken "
                              "from where they lie",
                              repack->n_diverted);
        return r;
}

/* ---- all ---- */

static int check_size(struct repack *repack, struct diag *diag)
{
        uint64_t bytes = 0;
        struct stat st;

        for (size_t i = 0; i < repack->paths.n_items; i++)
                if (lstat(repack->paths.items[i], &st) == 0 && S_ISREG(st.st_mode))
                        bytes += (uint64_t)st.st_size;
        if (bytes <= repack->request->max_bytes)
                return repack->request->make_room
                           ? repack->request->make_room(bytes, repack->request->arg, diag)
                           : 0;
        return diag_fail(diag, -ENOSPC, "its files have %llu MB, and there is room for %llu MB",
                         (unsigned long long)(bytes / 1000000 + 1),
                         (unsigned long long)(repack->request->max_bytes / 1000000));
}

/* A file beside path that has lost its name. */
static int open_part(const char *path, int *ret_fd, struct diag *diag)
{
        CLEANUP(freep) char *name = str_format("%s.part.XXXXXX", path);

        if (!name)
                return -ENOMEM;
        *ret_fd = mkostemp(name, O_CLOEXEC);
        if (*ret_fd < 0 || unlink(name) < 0)
                return diag_fail(diag, -errno, "%s: cannot write: %s", name,
                                 strerrordesc_np(errno));
        return 0;
}

static int write_package(struct repack *repack, const char *path, struct diag *diag)
{
        CLEANUP(closep) int control_fd = -EBADF, data_fd = -EBADF, fd = -EBADF;
        int r = open_part(path, &control_fd, diag);

        if (r >= 0)
                r = open_part(path, &data_fd, diag);
        if (r >= 0)
                r = write_control(repack, control_fd, diag);
        if (r >= 0)
                r = write_data(repack, data_fd, diag);
        if (r < 0)
                return r;
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return diag_fail(diag, -errno, "%s: cannot write: %s", path,
                                 strerrordesc_np(errno));
        r = archive_deb_join(fd, control_fd, data_fd, diag);
        if (r >= 0 && fsync(fd) < 0)
                r = diag_fail(diag, -errno, "%s: cannot write: %s", path, strerrordesc_np(errno));
        if (r < 0)
                (void)unlink(path);
        return r;
}

int deb_repack(const struct deb_repack_request *request, const char *path, struct strv *ret_notes,
               struct diag *diag)
{
        CLEANUP(strv_done) struct strv notes = {0};
        CLEANUP(repack_done) struct repack repack = {.request = request, .notes = &notes};
        int r = read_control(&repack, diag);

        if (r >= 0)
                r = find_info(&repack, diag);
        if (r >= 0)
                r = check_size(&repack, diag);
        if (r >= 0)
                r = write_package(&repack, path, diag);
        if (r >= 0)
                r = note_all(&repack);
        if (r < 0)
                return r;
        *ret_notes = notes;
        notes = (struct strv){0};
        return 0;
}
