/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config.h"

#include "base/str.h"
#include "host/config_values.h"
#include "host/files.h"

#include <libeconf.h>
#include <stdio.h>
#include <string.h>

enum {
        CONFIG_FILE_MAX_BYTES = 64 * 1024,
        CONFIG_LINE_MAX = 8000, /* libeconf reads lines into a buffer of BUFSIZ */
        CONFIG_FILES_MAX = 100,
};

const struct paths default_paths = {
    .etc = "/etc/patchd",
    .usr = "/usr/lib/patchd",
    .share = "/usr/share/patchd",
    .state = "/var/lib/patchd",
    .apply_state = "/var/lib/patchd-apply",
    .libexec = "/usr/libexec/patchd",
    .zoneinfo = "/usr/share/zoneinfo",
    .agent_socket = "/run/patchd/agent.sock",
    .cycle_socket = "/run/patchd-cycle/cycle.sock",
    .apply_socket = "/run/patchd-apply/apply.sock",
    .admin_socket = "/run/patchd-admin/admin.sock",
};

/* ---- the keys ---- */

static const struct config_range minutes_range = {.min = 1, .max = 1440};
static const struct config_range megabytes_range = {.min = 0, .max = 1024 * 1024};
static const struct config_range seconds_range = {.min = 1, .max = 3600};
static const struct config_range script_seconds_range = {.min = 1, .max = 86400};
static const struct config_range hours_range = {.min = 1, .max = 8760};
static const struct config_range threshold_range = {.min = 1, .max = 16};

#define FIELD(name) offsetof(struct config, name)
static const struct config_key config_keys[] = {
    {"control", "policy_url", config_read_policy_url, FIELD(policy_url), NULL, ""},
    {"control", "policy_id", config_read_word, FIELD(policy_id), NULL, ""},
    {"control", "report_url", config_read_report_url, FIELD(report_url), NULL, ""},
    {"control", "poll_interval_minutes", config_read_int, FIELD(poll_interval_minutes),
     &minutes_range, "60"},
    {"control", "ca_file", config_read_path, FIELD(ca_file), NULL, ""},
    {"control", "client_cert", config_read_path, FIELD(client_cert), NULL, ""},
    {"control", "client_key", config_read_path, FIELD(client_key), NULL, ""},
    {"control", "proxy", config_read_word, FIELD(proxy), NULL, ""},
    {"control", "aws_region", config_read_scope, FIELD(aws_region), NULL, ""},
    {"control", "aws_service", config_read_scope, FIELD(aws_service), NULL, "s3"},
    {"control", "fleet_lock_url", config_read_lock_url, FIELD(fleet_lock_url), NULL, ""},
    {"control", "fleet_lock_group", config_read_node_id, FIELD(fleet_lock_group), NULL, "default"},
    {"node", "node_id", config_read_node_id, FIELD(node_id), NULL, ""},
    {"node", "tags", config_read_tags, 0, NULL, ""},
    {"apply", "mode", config_read_mode, FIELD(force_scan), NULL, "policy"},
    {"apply", "exclude", config_read_words, FIELD(exclude), NULL, ""},
    {"apply", "max_index_age_hours", config_read_int, FIELD(max_index_age_hours), &hours_range,
     "48"},
    {"apply", "keep_max_mb", config_read_int, FIELD(keep_max_mb), &megabytes_range, "2048"},
    {"apply", "hook_timeout_seconds", config_read_int, FIELD(hook_timeout_seconds), &seconds_range,
     "300"},
    {"apply", "check_timeout_seconds", config_read_int, FIELD(check_timeout_seconds),
     &seconds_range, "60"},
    {"apply", "script_timeout_seconds", config_read_int, FIELD(script_timeout_seconds),
     &script_seconds_range, "1800"},
    {"trust", "threshold", config_read_int, FIELD(threshold), &threshold_range, "1"},
    {"log", "level", config_read_level, FIELD(log_level), NULL, "info"},
};
#undef FIELD

static const struct config_key *find_key(const char *section, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(config_keys); i++)
                if (strcmp(config_keys[i].section, section) == 0 &&
                    strcmp(config_keys[i].name, name) == 0)
                        return &config_keys[i];
        return NULL;
}

static bool is_section(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(config_keys); i++)
                if (strcmp(config_keys[i].section, name) == 0)
                        return true;
        return false;
}

/* ---- one file ---- */

/*
 * What libeconf would read as something else than was meant: it cuts a value at any '#', appends a
 * line without '=' to the value above, and silently ends a line at a NUL or at its buffer's size.
 */
static int check_line(const char *line, const char *path, size_t number, struct diag *diag)
{
        const char *text = line + strspn(line, " \t\r"), *comment = strchr(text, '#');
        const char *equals = strchr(text, '=');

        if (strlen(line) > CONFIG_LINE_MAX)
                return diag_fail(diag, -EINVAL, "%s:%zu: longer than %d bytes", path, number,
                                 CONFIG_LINE_MAX);
        if (comment > text && comment[-1] != ' ' && comment[-1] != '\t')
                return diag_fail(diag, -EINVAL,
                                 "%s:%zu: '#' would begin a comment; put a blank before it, or "
                                 "write %%23 in a URL",
                                 path, number);
        if (*text == '\0' || *text == '#' || *text == '[')
                return 0;
        if (text == line && (!equals || (comment && comment < equals)))
                return diag_fail(diag, -EINVAL, "%s:%zu: has no '='", path, number);
        return 0;
}

/* Remembers the key of a line as "section key". The same key twice in one file is never meant:
 * libeconf takes the first, other readers the last. */
static int check_twice(struct strv *keys, const char *section, const char *line, const char *path,
                       size_t number, struct diag *diag)
{
        const char *name = line + strspn(line, " \t");
        size_t length = strcspn(name, " \t=#");
        CLEANUP(freep)
        char *key = str_format("%.*s %.*s", (int)strcspn(section, "]"), section, (int)length, name);

        if (!key)
                return -ENOMEM;
        if (length == 0 || !strchr(name, '='))
                return 0;
        if (strv_contains(keys, key))
                return diag_fail(diag, -EINVAL, "%s:%zu: '%.*s' stands twice", path, number,
                                 (int)length, name);
        return strv_add(keys, key);
}

static int check_file(const char *path, struct diag *diag)
{
        CLEANUP(blob_done) struct blob blob = {0};
        CLEANUP(strv_done) struct strv keys = {0};
        const char *section = "";
        size_t number = 0;
        char *line, *next;
        int r;

        r = files_read(path, CONFIG_FILE_MAX_BYTES, false, &blob, diag);
        if (r < 0)
                return r;
        if (memchr(blob.data, '\0', blob.size))
                return diag_fail(diag, -EINVAL, "%s: has a NUL byte", path);
        for (line = blob.data; line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                r = check_line(line, path, ++number, diag);
                if (r >= 0 && line[strspn(line, " \t")] == '[')
                        section = line + strspn(line, " \t");
                else if (r >= 0)
                        r = check_twice(&keys, section, line, path, number, diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Takes off the blanks at both ends: an indented comment below a value becomes part of it. */
static char *trim(char *value)
{
        size_t length;

        value += strspn(value, " \t\r\n");
        for (length = strlen(value); length > 0 && strchr(" \t\r\n", value[length - 1]);)
                length--;
        value[length] = '\0';
        return value;
}

/* econf_free() is a _Generic macro; cleanups need functions. */
static void econf_filep(econf_file **file)
{
        if (*file)
                econf_freeFile(*file);
}

static void econf_arrayp(char ***array)
{
        if (*array)
                econf_freeArray(*array);
}

/* So that a package which is held can name the file that holds it. */
static int note_file(struct config *config, const struct config_key *key, const char *path)
{
        if (key->offset != offsetof(struct config, exclude))
                return 0;
        free(config->exclude_file);
        config->exclude_file = config->exclude.n_items > 0 ? strdup(path) : NULL;
        return config->exclude.n_items > 0 && !config->exclude_file ? -ENOMEM : 0;
}

static int read_key(struct config *config, econf_file *file, const char *path, const char *section,
                    const char *name, struct diag *diag)
{
        const struct config_key *key = find_key(section, name);
        CLEANUP(freep) char *value = NULL;
        struct diag why = {0};
        const char *trimmed;
        int r;

        if (!key)
                return diag_fail(diag, -EINVAL, "%s: [%s] has no key '%s'", path, section, name);
        if (econf_getStringValue(file, section, name, &value) == ECONF_NOMEM)
                return -ENOMEM;
        /* An empty value puts the default back, over what an earlier file said. */
        trimmed = value ? trim(value) : "";
        r = key->read(config, key, *trimmed ? trimmed : key->default_value, &why);
        if (r < 0 && r != -ENOMEM)
                return diag_fail(diag, r, "%s: %s.%s: %s", path, section, name, diag_text(&why, r));
        return r < 0 ? r : note_file(config, key, path);
}

static bool stands_before(char *const *names, size_t end, const char *name)
{
        for (size_t i = 0; i < end; i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

static int read_section(struct config *config, econf_file *file, const char *path,
                        const char *section, struct diag *diag)
{
        CLEANUP(econf_arrayp) char **keys = NULL;
        size_t n_keys = 0;
        int r;

        if (!is_section(section))
                return diag_fail(diag, -EINVAL, "%s: there is no section [%s]", path, section);
        if (econf_getKeys(file, section, &n_keys, &keys) != ECONF_SUCCESS)
                return 0;
        for (size_t i = 0; i < n_keys; i++) {
                r = read_key(config, file, path, section, keys[i], diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int fail_parse(econf_err error, const char *path, struct diag *diag)
{
        CLEANUP(freep) char *file = NULL;
        uint64_t line = 0;

        if (error == ECONF_NOMEM)
                return -ENOMEM;
        econf_errLocation(&file, &line);
        return diag_fail(diag, -EINVAL, "%s:%llu: %s", path, (unsigned long long)line,
                         econf_errString(error));
}

static int read_file(struct config *config, const char *path, struct diag *diag)
{
        CLEANUP(econf_filep) econf_file *file = NULL;
        CLEANUP(econf_arrayp) char **sections = NULL, **keys = NULL;
        size_t n_sections = 0, n_keys = 0;
        econf_err error;
        int r;

        r = check_file(path, diag);
        if (r < 0)
                return r;
        error = econf_readFile(&file, path, "=", "#");
        if (error != ECONF_SUCCESS)
                return fail_parse(error, path, diag);
        if (econf_getKeys(file, NULL, &n_keys, &keys) == ECONF_SUCCESS && n_keys > 0)
                return diag_fail(diag, -EINVAL, "%s: '%s' stands before the first [section]", path,
                                 keys[0]);
        if (econf_getGroups(file, &n_sections, &sections) != ECONF_SUCCESS)
                return 0; /* it has none */
        for (size_t i = 0; i < n_sections; i++) {
                if (stands_before(sections, i, sections[i]))
                        continue; /* libeconf has given all its keys already */
                r = read_section(config, file, path, sections[i], diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- all files ---- */

static int add_if_there(struct strv *files, const char *folder, const char *name, bool *ret_added,
                        struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("%s/%s", folder, name);

        if (!path)
                return -ENOMEM;
        *ret_added = access(path, F_OK) >= 0;
        if (*ret_added)
                return strv_add(files, path);
        if (errno == ENOENT || errno == ENOTDIR)
                return 0;
        return diag_fail(diag, -errno, "%s: cannot read: %s", path, strerrordesc_np(errno));
}

static int list_drop_ins(const char *folder, struct strv *ret, struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("%s/patchd.conf.d", folder);

        if (!path)
                return -ENOMEM;
        return files_list(path, ".conf", CONFIG_FILES_MAX, ret, diag);
}

/*
 * The files in the order to read them, the order of every UAPI configuration: the main file, /etc's
 * in place of /usr's, then the drop-ins of both by name, /etc's in place of /usr's of that name.
 * econf_readDirs() is not used: it skips a file that it may not read, and its order and masking
 * differ between versions.
 */
static int list_files(const struct paths *paths, struct strv *ret, struct diag *diag)
{
        CLEANUP(strv_done) struct strv names = {0}, of_etc = {0};
        bool added;
        int r;

        r = add_if_there(ret, paths->etc, "patchd.conf", &added, diag);
        if (r >= 0 && !added)
                r = add_if_there(ret, paths->usr, "patchd.conf", &added, diag);
        if (r >= 0)
                r = list_drop_ins(paths->usr, &names, diag);
        if (r >= 0)
                r = list_drop_ins(paths->etc, &of_etc, diag);
        for (size_t i = 0; r >= 0 && i < of_etc.n_items; i++)
                if (!strv_contains(&names, of_etc.items[i]))
                        r = strv_add(&names, of_etc.items[i]);
        strv_sort(&names);
        for (size_t i = 0; r >= 0 && i < names.n_items; i++)
                r = strv_addf(ret, "%s/patchd.conf.d/%s",
                              strv_contains(&of_etc, names.items[i]) ? paths->etc : paths->usr,
                              names.items[i]);
        return r;
}

/* What one key asks of another. */
static int check_whole(const struct config *config, struct diag *diag)
{
        if (config->policy_url && !config->policy_id &&
            !str_has_prefix(config->policy_url, "file:"))
                return diag_fail(diag, -EINVAL,
                                 "control.policy_id: is missing; a policy from the network has to "
                                 "be pinned to its id");
        if (!config->client_cert != !config->client_key)
                return diag_fail(diag, -EINVAL,
                                 "control.%s: is missing; a client certificate "
                                 "needs its key and a key its certificate",
                                 config->client_cert ? "client_key" : "client_cert");
        return 0;
}

int config_load(const struct paths *paths, struct config **ret, struct diag *diag)
{
        CLEANUP(config_freep) struct config *config = calloc(1, sizeof(*config));
        CLEANUP(strv_done) struct strv files = {0};
        int r;

        if (!config)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(config_keys); i++) {
                r = config_keys[i].read(config, &config_keys[i], config_keys[i].default_value,
                                        diag);
                if (r < 0)
                        return r;
        }
        r = list_files(paths, &files, diag);
        for (size_t i = 0; r >= 0 && i < files.n_items; i++)
                r = read_file(config, files.items[i], diag);
        if (r >= 0)
                r = check_whole(config, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(config);
        return 0;
}

void config_free(struct config *config)
{
        if (!config)
                return;
        config_clear_tags(config);
        strv_done(&config->exclude);
        free(config->exclude_file);
        free(config->policy_url);
        free(config->policy_id);
        free(config->report_url);
        free(config->ca_file);
        free(config->client_cert);
        free(config->client_key);
        free(config->proxy);
        free(config->aws_region);
        free(config->aws_service);
        free(config->fleet_lock_url);
        free(config->fleet_lock_group);
        free(config->node_id);
        free(config);
}
