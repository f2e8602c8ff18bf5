/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host.h"
#include "host/clock.h"

#include "base/str.h"
#include "host/config_values.h"
#include "host/files.h"
#include "host/machine_id.h"
#include "host/os_release.h"
#include "policy/zone.h"

#include <ctype.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <systemd/sd-id128.h>

enum {
        SMALL_FILE_MAX_BYTES = 64 * 1024,
        KEY_FILE_MAX_BYTES = 16 * 1024,
        KEY_FILES_MAX = 64,
        ZONE_NAME_MAX = 128,
        HOSTNAME_MAX = 253, /* RFC 1035: a domain name as text */
};

/* ---- the node ---- */

static int set_copy(char **member, const char *text)
{
        *member = strdup(text);
        return *member ? 0 : -ENOMEM;
}

/* Reads a small text file that may be missing: then *ret stays empty. */
static int read_optional(const struct root *root, const char *path, struct blob *ret,
                         struct diag *diag)
{
        int r = root_read(root, path, SMALL_FILE_MAX_BYTES, ret, NULL);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return diag_fail(diag, r, "/%s: cannot read: %s", path, strerrordesc_np(-r));
        return 0;
}

/* os-release(5): /etc's, else /usr/lib's; a system without one is "linux". */
static int read_os(const struct root *root, struct node *node, struct diag *diag)
{
        CLEANUP(blob_done) struct blob text = {0};
        int r;

        r = read_optional(root, "etc/os-release", &text, diag);
        if (r >= 0 && !text.data)
                r = read_optional(root, "usr/lib/os-release", &text, diag);
        if (r >= 0)
                r = os_release_get(text.data ?: "", "ID", "linux", &node->os_id);
        if (r >= 0)
                r = os_release_get(text.data ?: "", "VERSION_ID", "", &node->os_version);
        return r;
}

static bool is_hostname(const char *text)
{
        size_t length = strlen(text);

        for (size_t i = 0; i < length; i++)
                if (!isalnum((unsigned char)text[i]) && !strchr("-._", text[i]))
                        return false;
        return length > 0 && length <= HOSTNAME_MAX;
}

/* hostname(5): the first line that is no comment. One that is no host name counts as unset, as it
 * does for systemd; what the network calls us never counts, because policies match by this name. */
static int read_hostname(const struct root *root, struct node *node, struct diag *diag)
{
        CLEANUP(blob_done) struct blob text = {0};
        char *line, *rest;
        int r;

        r = read_optional(root, "etc/hostname", &text, diag);
        if (r < 0)
                return r;
        for (rest = text.data; rest && (line = strsep(&rest, "\n"));) {
                line += strspn(line, " \t\r");
                line[strcspn(line, " \t\r")] = '\0';
                if (*line != '#' && *line != '\0')
                        return set_copy(&node->hostname, is_hostname(line) ? line : "localhost");
        }
        return set_copy(&node->hostname, "localhost");
}

static int read_id(const struct root *root, const struct config *config, struct node *node,
                   struct diag *diag)
{
        CLEANUP(blob_done) struct blob text = {0};
        char id[MACHINE_ID_TEXT_SIZE];
        int r;

        if (config && config->node_id)
                return set_copy(&node->id, config->node_id);
        r = read_optional(root, "etc/machine-id", &text, diag);
        if (r < 0)
                return r;
        r = machine_id_derive(text.data ?: "", id);
        if (r == -ENOMEM)
                return r;
        if (r < 0 && root->is_host && !host_is_container())
                return diag_fail(diag, -ENOMEDIUM,
                                 "/etc/machine-id: holds no machine id; set one with "
                                 "systemd-machine-id-setup, or node_id in patchd.conf");
        /* An image has none of its own before its first boot. */
        return set_copy(&node->id, r < 0 ? MACHINE_ID_NONE : id);
}

static int add_tags(const struct config *config, const struct strv *extra_tags, struct node *node,
                    struct diag *diag)
{
        int r = 0;

        for (size_t i = 0; config && r >= 0 && i < config->n_tags; i++) {
                CLEANUP(freep)
                char *text = str_format("%s=%s", config->tags[i].key, config->tags[i].value);

                r = text ? config_set_tag(&node->tags, &node->n_tags, text, diag) : -ENOMEM;
        }
        for (size_t i = 0; extra_tags && r >= 0 && i < extra_tags->n_items; i++)
                r = config_set_tag(&node->tags, &node->n_tags, extra_tags->items[i], diag);
        return r;
}

char *host_boot_id(void)
{
        char boot_id[SD_ID128_STRING_MAX];
        sd_id128_t id;

        return strdup(sd_id128_get_boot(&id) >= 0 ? sd_id128_to_string(id, boot_id) : "");
}

/* What only the running host has. */
static int read_running(struct node *node)
{
        char boot_id[SD_ID128_STRING_MAX];
        struct utsname name;
        sd_id128_t id;
        int r = 0;

        if (uname(&name) >= 0)
                r = set_copy(&node->kernel, name.release);
        node->clock = clock_state();
        if (r >= 0 && sd_id128_get_boot(&id) >= 0)
                r = set_copy(&node->boot_id, sd_id128_to_string(id, boot_id));
        return r;
}

int host_node(const struct root *root, const struct config *config, const struct strv *extra_tags,
              const char *package_arch, struct node *ret, struct diag *diag)
{
        CLEANUP(node_done) struct node node = {0};
        int r;

        r = set_copy(&node.arch, package_arch);
        if (r >= 0)
                r = read_os(root, &node, diag);
        if (r >= 0)
                r = read_hostname(root, &node, diag);
        if (r >= 0)
                r = read_id(root, config, &node, diag);
        if (r >= 0)
                r = add_tags(config, extra_tags, &node, diag);
        if (r >= 0 && root->is_host)
                r = read_running(&node);
        if (r < 0)
                return r;
        *ret = node;
        node = (struct node){0};
        return 0;
}

/* ---- time zones ---- */

/* Names of the IANA database: components of letters, digits and _+-, none of them hidden. */
static bool is_zone_name(const char *name)
{
        const char *p = name;

        if (strlen(name) > ZONE_NAME_MAX)
                return false;
        for (;; p++) {
                size_t length = 0;

                while (isalnum((unsigned char)p[length]) || (p[length] && strchr("_+-", p[length])))
                        length++;
                p += length;
                if (length == 0 || (*p != '/' && *p != '\0'))
                        return false;
                if (*p == '\0')
                        return true;
        }
}

static int load_zone(void *context, const char *name, struct blob *ret, struct diag *diag)
{
        const struct paths *paths = context;
        CLEANUP(freep) char *path = str_format("%s/%s", paths->zoneinfo, name);
        int r;

        if (!path)
                return -ENOMEM;
        if (!is_zone_name(name))
                return diag_fail(diag, -EINVAL, "'%s' is no name of a time zone", name);
        r = files_read(path, ZONE_SIZE_MAX, false, ret, NULL);
        if (r == -ENOENT || r == -EISDIR || r == -ENOTDIR)
                return diag_fail(diag, -ENOENT,
                                 "'%s' is no time zone in %s; correct it, or install tzdata", name,
                                 paths->zoneinfo);
        if (r < 0)
                return diag_fail(diag, r, "%s: cannot read: %s", path, strerrordesc_np(-r));
        return 0;
}

struct zone_loader host_zone_loader(const struct paths *paths)
{
        return (struct zone_loader){.load = load_zone, .context = (void *)paths};
}

/* ---- keys ---- */

static int add_key_file(struct keyring *keyring, const char *folder, const char *name,
                        struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("%s/%s", folder, name);
        CLEANUP(blob_done) struct blob pem = {0};
        struct diag why = {0};
        int r;

        if (!path)
                return -ENOMEM;
        r = files_read(path, KEY_FILE_MAX_BYTES, false, &pem, diag);
        if (r < 0)
                return r;
        r = keyring_add_pem(keyring, pem.data, pem.size, &why);
        if (r == -ENOMEM)
                return r;
        return r < 0 ? diag_fail(diag, r, "%s: %s", path, diag_text(&why, r)) : 0;
}

int host_keyring(const struct paths *paths, struct keyring **ret, struct diag *diag)
{
        CLEANUP(freep) char *folder = str_format("%s/trusted-keys.d", paths->etc);
        CLEANUP(keyring_freep) struct keyring *keyring = keyring_new();
        CLEANUP(strv_done) struct strv names = {0};
        int r;

        if (!folder || !keyring)
                return -ENOMEM;
        r = files_list(folder, ".pem", KEY_FILES_MAX, &names, diag);
        for (size_t i = 0; r >= 0 && i < names.n_items; i++)
                r = add_key_file(keyring, folder, names.items[i], diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(keyring);
        return 0;
}

/* ---- runs ---- */

char *host_new_run_id(time_t now)
{
        char time_text[sizeof("20261122T010000Z")];
        unsigned random;
        struct tm tm;

        if (!gmtime_r(&now, &tm) ||
            strftime(time_text, sizeof(time_text), "%Y%m%dT%H%M%SZ", &tm) == 0)
                return NULL;
        if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
                return NULL;
        return str_format("%s-%08x", time_text, random);
}
