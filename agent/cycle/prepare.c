/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cycle/cycle-private.h"
#include "host/files.h"
#include "host/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

void cycle_done(struct cycle *cycle)
{
        judgement_free(cycle->judgement);
        advisories_free(cycle->advisories);
        strv_done(&cycle->lacking);
        fetched_done(&cycle->fetched);
        transport_free(cycle->transport);
        credentials_done(&cycle->credentials);
        node_done(&cycle->node);
        root_done(&cycle->root);
        store_close(cycle->store);
        keyring_free(cycle->keys);
        config_free(cycle->config);
        closep(&cycle->lock);
}

static int take_lock(struct cycle *cycle, struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("%s/cycle.lock", cycle->options->paths->state);

        if (!path)
                return -ENOMEM;
        cycle->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (cycle->lock < 0)
                return diag_fail(diag, -errno, "cannot write in %s: %s",
                                 cycle->options->paths->state, strerror(errno));
        if (flock(cycle->lock, LOCK_EX | LOCK_NB) < 0)
                return diag_fail(diag, -EBUSY, "another cycle is running");
        return 0;
}

static int open_store(struct cycle *cycle, struct diag *diag)
{
        bool damaged = false;
        int r = store_open(cycle->options->paths->state, false, &cycle->store, &damaged, diag);

        if (r >= 0 && damaged)
                log_event(EVENT_STATE_PROBLEM,
                          &(struct event_fields){.reason = "the database of patchd was damaged and "
                                                           "is moved aside; a new one begins"});
        return r;
}

static bool is_on_network(const char *url)
{
        return url && !str_has_prefix(url, "file://");
}

/* A standalone node needs none. */
static int open_transport(struct cycle *cycle, struct diag *diag)
{
        const struct config *config = cycle->config;
        int r;

        if (!is_on_network(config->policy_url) && !config->report_url)
                return 0;
        r = credentials_load(config, getenv("CREDENTIALS_DIRECTORY"), &cycle->credentials, diag);
        if (r < 0)
                return r;
        return transport_new(
            &(struct transport_options){
                .ca_file = config->ca_file,
                .client_cert = cycle->credentials.client_cert,
                .client_key = cycle->credentials.client_key,
                .proxy = config->proxy,
                .token = cycle->credentials.token,
                .sigv4 = cycle->credentials.has_sigv4 ? &cycle->credentials.sigv4 : NULL,
                .token_origins = {config->policy_url, config->report_url},
                .limits = cycle->options->limits,
            },
            &cycle->transport, diag);
}

int cycle_prepare(struct cycle *cycle, struct diag *diag)
{
        const struct paths *paths = cycle->options->paths;
        int r;

        r = config_load(paths, &cycle->config, diag);
        if (r < 0)
                return r;
        log_open("patchd-cycle", cycle->config->log_level);
        r = take_lock(cycle, diag);
        if (r >= 0)
                r = open_store(cycle, diag);
        if (r >= 0)
                r = root_open("/", &cycle->root, diag);
        if (r >= 0)
                r = host_node(&cycle->root, cycle->config, NULL, "", &cycle->node, diag);
        if (r >= 0)
                r = host_keyring(paths, &cycle->keys, diag);
        if (r >= 0)
                r = open_transport(cycle, diag);
        return r;
}
