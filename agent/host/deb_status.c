/* SPDX-License-Identifier: Apache-2.0 */
#include "host/deb.h"

#include "base/str.h"
#include "host/archive.h"
#include "packages/dependency.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

static const char status_path[] = "/var/lib/dpkg/status";

int deb_read_source(const struct deb822_stanza *stanza, const char *name, const char *version,
                    char **ret_source, char **ret_version)
{
        struct deb822_value source = deb822_find(stanza, "Source"), word;
        CLEANUP(freep) char *source_name = NULL;
        char *source_version = NULL;

        if (!source.at || !deb822_next_word(&source, &word))
                word = (struct deb822_value){name, strlen(name)};
        source_name = strndup(word.at, word.length);
        if (source.at && deb822_next_word(&source, &word) && word.length > 2 && *word.at == '(' &&
            word.at[word.length - 1] == ')')
                source_version = strndup(word.at + 1, word.length - 2);
        else
                source_version = strdup(version);
        if (!source_name || !source_version) {
                free(source_version);
                return -ENOMEM;
        }
        *ret_source = TAKE_PTR(source_name);
        *ret_version = source_version;
        return 0;
}

static int join_fields(const struct deb822_stanza *stanza, const char *const fields[2], char **ret)
{
        struct str text = {0};

        for (size_t i = 0; i < 2 && fields[i]; i++) {
                struct deb822_value value = deb822_find(stanza, fields[i]);

                if (!value.at || value.length == 0)
                        continue;
                if (text.length > 0)
                        str_append(&text, ", ");
                str_append_n(&text, value.at, value.length);
        }
        return str_take(&text, ret);
}

int deb_read_relations(const struct deb822_stanza *stanza, char **ret_depends, char **ret_breaks,
                       char **ret_provides)
{
        static const char *const fields[][2] = {
            {"Pre-Depends", "Depends"}, {"Breaks", "Conflicts"}, {"Provides", NULL}};
        char **const targets[] = {ret_depends, ret_breaks, ret_provides};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(fields); i++)
                r = join_fields(stanza, fields[i], targets[i]);
        return r;
}

enum multi_arch deb_read_multi_arch(const struct deb822_stanza *stanza)
{
        static const char *const words[] = {[MULTI_ARCH_SAME] = "same",
                                            [MULTI_ARCH_FOREIGN] = "foreign",
                                            [MULTI_ARCH_ALLOWED] = "allowed"};
        struct deb822_value value = deb822_find(stanza, "Multi-Arch");

        for (int i = MULTI_ARCH_SAME; value.at && i < (int)ELEMENTSOF(words); i++)
                if (deb822_value_equals(value, words[i]))
                        return (enum multi_arch)i;
        return MULTI_ARCH_NO;
}

/* "want flag status" of a Status field. */
struct state {
        struct deb822_value want, flag, status, whole;
};

static bool read_state(const struct deb822_stanza *stanza, struct state *ret)
{
        struct deb822_value rest = deb822_find(stanza, "Status");

        ret->whole = rest;
        return rest.at && deb822_next_word(&rest, &ret->want) &&
               deb822_next_word(&rest, &ret->flag) && deb822_next_word(&rest, &ret->status);
}

static bool is_absent(const struct state *state)
{
        return deb822_value_equals(state->status, "not-installed") ||
               deb822_value_equals(state->status, "config-files");
}

static int note_broken(struct deb_collector *collector, struct package *package,
                       const struct state *state)
{
        if (deb822_value_equals(state->flag, "ok") &&
            deb822_value_equals(state->status, "installed"))
                return 0;
        package->status = strndup(state->whole.at, state->whole.length);
        if (!package->status)
                return -ENOMEM;
        return strv_addf(&collector->inventory->broken, "%s: %s", package->name, package->status);
}

/* "linux-image-6.1.0-37-amd64" and signed or unsigned kin; meta packages have no number there. */
static int note_kernel(struct deb_collector *collector, const struct package *package)
{
        static const char *const prefixes[] = {"linux-image-unsigned-", "linux-image-"};

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                const char *release = package->name + strlen(prefixes[i]);

                if (!str_has_prefix(package->name, prefixes[i]) ||
                    !isdigit((unsigned char)*release) || str_has_suffix(release, "-dbg") ||
                    str_has_suffix(release, "-dbgsym") ||
                    strv_contains(&collector->inventory->kernels, release))
                        continue;
                return strv_add(&collector->inventory->kernels, release);
        }
        return 0;
}

static int add_provided(const struct dependency *dependency, void *arg)
{
        struct strv *provided = arg;

        return strv_add(provided, dependency->name);
}

static int fill_package(struct package *package, const struct deb822_stanza *stanza,
                        const struct state *state)
{
        int r;

        r = deb822_get(stanza, "Package", &package->name);
        if (r >= 0)
                r = deb822_get(stanza, "Version", &package->version);
        if (r >= 0)
                r = deb822_get(stanza, "Architecture", &package->arch);
        if (r < 0)
                return r;
        if (!package->name || !package->version || !package->arch)
                return -EBADMSG;
        if (deb822_value_equals(state->want, "hold")) {
                package->hold = strdup("apt-mark hold, in /var/lib/dpkg/status");
                if (!package->hold)
                        return -ENOMEM;
        }
        package->multi_arch = deb_read_multi_arch(stanza);
        r = deb_read_relations(stanza, &package->depends, &package->breaks, &package->provides);
        return r < 0 ? r
                     : deb_read_source(stanza, package->name, package->version, &package->source,
                                       &package->source_version);
}

static int take_installed(struct deb_collector *collector, struct package *package,
                          const struct deb822_stanza *stanza, const struct state *state,
                          struct diag *diag)
{
        int r;

        r = fill_package(package, stanza, state);
        if (r == -EBADMSG)
                return diag_fail(diag, r,
                                 "an installed package without name, version or "
                                 "architecture (%s)",
                                 package->name ? package->name : "no name");
        if (r >= 0)
                r = note_broken(collector, package, state);
        if (r >= 0)
                r = note_kernel(collector, package);
        if (r >= 0)
                r = dependency_for_each(package->provides, add_provided, &collector->provided);
        if (r < 0)
                return r;
        if (strcmp(package->name, "dpkg") == 0 && !collector->inventory->arch) {
                collector->inventory->arch = strdup(package->arch);
                if (!collector->inventory->arch)
                        return -ENOMEM;
        }
        return deb_table_add(&collector->table, package, DEB_INSTALLED);
}

static int take_status(const struct deb822_stanza *stanza, void *arg, struct diag *diag)
{
        struct deb_collector *collector = arg;
        struct package package = {0};
        struct state state;
        int r;

        if (!read_state(stanza, &state))
                return diag_fail(diag, -EBADMSG, "a package without Status");
        if (is_absent(&state))
                return 0;
        /* A first unpacking that was cut has left no version: nothing is installed, but broken. */
        if (!deb822_find(stanza, "Version").at) {
                struct deb822_value name = deb822_find(stanza, "Package");

                return strv_addf(&collector->inventory->broken, "%.*s: %.*s", (int)name.length,
                                 name.at ? name.at : "", (int)state.whole.length, state.whole.at);
        }
        r = take_installed(collector, &package, stanza, &state, diag);
        inventory_clear_package(&package);
        return r;
}

static int feed(const char *bytes, size_t size, void *arg, struct diag *diag)
{
        return deb822_feed(arg, bytes, size, diag);
}

static int read_deb822(const struct root *root, const char *path,
                       const struct deb822_handler *handler, struct diag *diag)
{
        CLEANUP(deb822_reader_freep) struct deb822_reader *reader = deb822_reader_new(handler);
        CLEANUP(closep) int fd = root_openat(root, path, O_RDONLY | O_NONBLOCK);
        int r;

        if (!reader)
                return -ENOMEM;
        if (fd < 0)
                return diag_fail(diag, fd, "%s: %s", path, strerrordesc_np(-fd));
        r = archive_read_stream(fd, false, DEB_INDEX_SIZE_MAX, feed, reader, diag);
        if (r >= 0)
                r = deb822_finish(reader, diag);
        if (r < 0)
                diag_prefix(diag, "%s", path);
        return r;
}

/* Without dpkg itself (a minimal image) the first real architecture tells. */
static int guess_arch(struct deb_collector *collector)
{
        const char *arch = "all";

        for (size_t i = 0; strcmp(arch, "all") == 0 && i < collector->table.n_items; i++)
                arch = collector->table.items[i].package.arch;
        collector->inventory->arch = strdup(arch);
        return collector->inventory->arch ? 0 : -ENOMEM;
}

/* dpkg's list of architectures exists only when a foreign one was added. */
static int read_archs(struct deb_collector *collector)
{
        CLEANUP(blob_done) struct blob blob = {0};
        struct deb822_value rest, word;
        struct diag diag = {0};
        int r;

        if (!collector->inventory->arch) {
                r = guess_arch(collector);
                if (r < 0)
                        return r;
        }
        r = strv_add(&collector->archs, collector->inventory->arch);
        if (r < 0)
                return r;
        r = root_read(collector->root, "/var/lib/dpkg/arch", DEB_FILE_SIZE_MAX, &blob, &diag);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return deb_problem_from(collector, r, &diag);
        rest = (struct deb822_value){blob.data, blob.size};
        while (r >= 0 && deb822_next_word(&rest, &word)) {
                CLEANUP(freep) char *arch = strndup(word.at, word.length);

                if (!arch)
                        return -ENOMEM;
                if (!strv_contains(&collector->archs, arch))
                        r = strv_add(&collector->archs, arch);
        }
        return r;
}

int deb_read_status(struct deb_collector *collector, struct diag *diag)
{
        const struct deb822_handler handler = {.take = take_status, .arg = collector};
        int r;

        r = read_deb822(collector->root, status_path, &handler, diag);
        if (r < 0)
                return r;
        if (collector->table.n_items == 0)
                return diag_fail(diag, -ENODATA, "%s: no package is installed", status_path);
        strv_sort(&collector->provided);
        return read_archs(collector);
}

static int take_extended_state(const struct deb822_stanza *stanza, void *arg, struct diag *diag)
{
        struct deb_collector *collector = arg;
        const char *native = collector->inventory->arch;
        struct deb822_value name = deb822_find(stanza, "Package");
        CLEANUP(freep) char *arch = NULL;
        struct deb_package *found;
        int r;

        (void)diag;
        if (!name.at || !deb822_value_equals(deb822_find(stanza, "Auto-Installed"), "1"))
                return 0;
        r = deb822_get(stanza, "Architecture", &arch);
        if (r < 0)
                return r;
        found = deb_table_find_arch(&collector->table, name.at, name.length, arch ? arch : native,
                                    native);
        if (found)
                found->package.is_auto = true;
        return 0;
}

int deb_read_extended_states(struct deb_collector *collector)
{
        const struct deb822_handler handler = {.take = take_extended_state, .arg = collector};
        struct diag diag = {0};
        int r;

        r = read_deb822(collector->root, "/var/lib/apt/extended_states", &handler, &diag);
        return r == -ENOENT ? 0 : deb_problem_from(collector, r, &diag);
}

int deb_read_journal(struct deb_collector *collector)
{
        CLEANUP(strv_done) struct strv names = {0};
        struct diag diag = {0};
        int r;

        r = root_list(collector->root, "/var/lib/dpkg/updates", DEB_FOLDER_MAX, &names, &diag);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return deb_problem_from(collector, r, &diag);
        for (size_t i = 0; i < names.n_items; i++)
                if (strspn(names.items[i], "0123456789") == strlen(names.items[i]))
                        collector->inventory->interrupted = true;
        return 0;
}
