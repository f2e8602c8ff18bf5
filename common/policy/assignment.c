/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/assignment.h"

#include "base/str.h"

#include <string.h>

/* One architecture under the names of dpkg, rpm and the kernel. */
enum { ARCH_NAMES_MAX = 4 };
static const char *const arch_aliases[][ARCH_NAMES_MAX] = {
    {"amd64", "x86_64"},
    {"arm64", "aarch64"},
    {"i386", "i686", "i586", "i486"},
    {"armhf", "armv7hl", "armv7l"},
    {"armel", "armv5tel", "armv5tl"},
    {"ppc64el", "ppc64le"},
    {"loong64", "loongarch64"},
};

void node_done(struct node *node)
{
        for (size_t i = 0; i < node->n_tags; i++) {
                free(node->tags[i].key);
                free(node->tags[i].value);
        }
        free(node->tags);
        free(node->id);
        free(node->hostname);
        free(node->os_id);
        free(node->os_version);
        free(node->arch);
        free(node->kernel);
        free(node->boot_id);
        *node = (struct node){0};
}

/* A node may carry one key with several values. */
static bool tag_covers(const struct match_tag *tag, const struct node *node)
{
        for (size_t i = 0; i < node->n_tags; i++)
                if (strcmp(node->tags[i].key, tag->key) == 0 &&
                    strv_matches(&tag->values, node->tags[i].value))
                        return true;
        return false;
}

static bool tags_cover(const struct match *match, const struct node *node)
{
        for (size_t i = 0; i < match->n_tags; i++)
                if (!tag_covers(&match->tags[i], node))
                        return false;
        return true;
}

/* Whether a glob fits "id:version", with the version cut after length bytes. */
static bool release_matches(const struct strv *globs, const struct node *node, size_t length)
{
        CLEANUP(freep)
        char *text = str_format("%s:%.*s", node->os_id, (int)length, node->os_version);

        return text && strv_matches(globs, text);
}

bool match_covers_os(const struct strv *os, const struct node *node)
{
        if (os->n_items == 0)
                return true;
        if (!node->os_id)
                return false;
        if (strv_matches(os, node->os_id))
                return true;
        return node->os_version && (release_matches(os, node, strlen(node->os_version)) ||
                                    release_matches(os, node, strcspn(node->os_version, ".")));
}

/* The row of names that arch is one of; NULL when it has one name only. */
static const char *const *find_aliases(const char *arch)
{
        for (size_t i = 0; i < ELEMENTSOF(arch_aliases); i++)
                for (size_t j = 0; j < ARCH_NAMES_MAX && arch_aliases[i][j]; j++)
                        if (strcmp(arch_aliases[i][j], arch) == 0)
                                return arch_aliases[i];
        return NULL;
}

static bool arch_covers(const struct strv *globs, const char *arch)
{
        const char *const *aliases = arch ? find_aliases(arch) : NULL;

        if (globs->n_items == 0)
                return true;
        if (arch && strv_matches(globs, arch))
                return true;
        for (size_t i = 0; aliases && i < ARCH_NAMES_MAX && aliases[i]; i++)
                if (strv_matches(globs, aliases[i]))
                        return true;
        return false;
}

static bool hostname_covers(const struct strv *globs, const char *hostname)
{
        return globs->n_items == 0 || (hostname && strv_matches(globs, hostname));
}

bool match_covers(const struct match *match, const struct node *node)
{
        return tags_cover(match, node) && match_covers_os(&match->os, node) &&
               hostname_covers(&match->hostname, node->hostname) &&
               arch_covers(&match->arch, node->arch);
}

const struct assignment *assignment_for(const struct policy *policy, const struct node *node)
{
        for (size_t i = 0; i < policy->n_assignments; i++)
                if (match_covers(&policy->assignments[i].match, node))
                        return &policy->assignments[i];
        return NULL;
}
