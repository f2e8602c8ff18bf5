/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/source.h"

#include "base/str.h"
#include "host/files.h"
#include "host/host.h"
#include "host/policy_source.h"
#include "host/store.h"

#include <string.h>

/* The daemon's copy; only root and user patchd may read it. */
static int read_from_store(const struct ctl *ctl, struct blob *ret, struct diag *diag)
{
        CLEANUP(store_closep) struct store *store = NULL;
        CLEANUP(freep) char *etag = NULL;
        int r = store_open(ctl->paths->state, true, &store, NULL, diag);

        return r < 0 ? r : store_get_policy(store, ret, &etag, diag);
}

/* The helper's copy, which everybody may read. */
static int read_from_helper(const struct ctl *ctl, struct blob *ret, struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("%s/policy.dsse", ctl->paths->apply_state);

        return path ? files_read(path, ENVELOPE_SIZE_MAX_BYTES, true, ret, diag) : -ENOMEM;
}

static int read_accepted(const struct ctl *ctl, const struct config *config, struct blob *ret,
                         struct diag *diag)
{
        struct diag ignored = {0};

        if (read_from_store(ctl, ret, &ignored) >= 0 || read_from_helper(ctl, ret, &ignored) >= 0)
                return 0;
        return diag_fail(diag, -ENOENT,
                         "no accepted policy from %s is readable here; ask as root or a member of "
                         "group patchd with 'patchctl status', or name one with --policy",
                         config->policy_url);
}

int source_policy(const struct ctl *ctl, const struct config *config, struct policy **ret,
                  struct diag *diag)
{
        CLEANUP(blob_done) struct blob bytes = {0};
        struct zone_loader zones = host_zone_loader(ctl->paths);
        const char *name = ctl->policy_file;
        int r;

        if (!name && config &&
            (!config->policy_url || str_has_prefix(config->policy_url, "file://")))
                return policy_source_load(ctl->paths, config, ctl_now(ctl), ret, diag);
        if (name)
                r = files_read(name, ENVELOPE_SIZE_MAX_BYTES, false, &bytes, diag);
        else if (config)
                r = read_accepted(ctl, config, &bytes, diag);
        else
                r = diag_fail(diag, -EINVAL, "--root needs --policy FILE");
        if (r < 0)
                return r;
        r = envelope_open_plain(&bytes, &zones, ret, diag);
        if (r < 0)
                diag_prefix(diag, "%s", name ?: "the accepted policy");
        return r;
}

void subject_done(struct subject *subject)
{
        judgement_free(subject->judgement);
        advisories_free(subject->advisories);
        feeds_found_done(&subject->feeds);
        root_done(&subject->root);
        policy_free(subject->policy);
        config_free(subject->config);
        *subject = (struct subject){.root.fd = -EBADF};
}

static int load_feeds(const struct ctl *ctl, struct subject *subject, struct strv *lacking,
                      struct diag *diag)
{
        const struct feeds_found *found = &subject->feeds;
        struct node node CLEANUP(node_done) = {0};
        int r;

        if (subject->policy->n_feeds == 0)
                return 0;
        r = host_node(&subject->root, subject->config, NULL, "", &node, diag);
        if (r >= 0)
                r = feed_view_load(ctl, subject->policy, &node, &subject->advisories,
                                   &subject->feeds);
        for (size_t i = 0; r >= 0 && i < found->n_items; i++)
                if (found->items[i].lacking)
                        r = strv_add(lacking, found->items[i].lacking);
        return r;
}

static int fill_subject(const struct ctl *ctl, const char *wanted, struct subject *subject,
                        struct diag *diag)
{
        CLEANUP(strv_done) struct strv lacking = {0};
        struct judge_options options = {.paths = ctl->paths,
                                        .extra_tags = &ctl->tags,
                                        .wanted = wanted,
                                        .now = ctl_now(ctl),
                                        .is_what_if = ctl->at != 0};
        int r = root_open(ctl->root, &subject->root, diag);

        if (r < 0)
                return r;
        if (subject->root.is_host) {
                r = config_load(ctl->paths, &subject->config, diag);
                if (r < 0)
                        return r;
        }
        r = source_policy(ctl, subject->config, &subject->policy, diag);
        if (r >= 0)
                r = load_feeds(ctl, subject, &lacking, diag);
        if (r < 0)
                return r;
        options.advisories = subject->advisories;
        options.problems = &lacking;
        options.config = subject->config;
        options.root = &subject->root;
        options.policy = subject->policy;
        options.use_apply_state = subject->root.is_host;
        return judge_host(&options, &subject->judgement, diag);
}

int subject_judge(const struct ctl *ctl, const char *wanted, struct subject *ret, struct diag *diag)
{
        CLEANUP(subject_done) struct subject subject = {.root.fd = -EBADF};
        int r = fill_subject(ctl, wanted, &subject, diag);

        if (r < 0)
                return r;
        *ret = subject;
        subject = (struct subject){.root.fd = -EBADF};
        return 0;
}
