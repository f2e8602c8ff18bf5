/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Polls and reports of many nodes, one after the other, over the cycle's own transport; every node
 * makes a connection of its own, as a cycle does.
 *     fleet_polls poll|report BASE_URL CA_FILE TOKEN FIRST_NODE N_NODES [REPORT_FILE]
 * poll: GET BASE_URL/policy/lab.dsse.json with the entity tag of the first answer. report: PUT of
 * the (compressed) file at BASE_URL/reports/NODE.json. Prints how many answers had which status.
 */
#include "base/str.h"
#include "cycle/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        STATUS_MAX = 600,
        POLICY_MAX_BYTES = 1 << 20,
        NODES_MAX = 1000000,
        REPORT_MAX_BYTES = 1 << 24
};

struct fleet {
        struct transport_options options;
        const char *base_url;
        char *etag;
        struct blob report;
        unsigned long long statuses[STATUS_MAX];
};

static int poll_policy(struct fleet *fleet, struct transport *transport,
                       struct transport_response *response, unsigned long long node,
                       struct diag *diag)
{
        CLEANUP(freep) char *url = str_format("%s/policy/lab.dsse.json", fleet->base_url);

        (void)node;
        return url ? transport_get(transport, url, fleet->etag, POLICY_MAX_BYTES, response, diag)
                   : -ENOMEM;
}

static int put_report(struct fleet *fleet, struct transport *transport,
                      struct transport_response *response, unsigned long long node,
                      struct diag *diag)
{
        static const char *const headers[] = {"Content-Type: application/json",
                                              "Content-Encoding: gzip"};
        CLEANUP(freep) char *url = str_format("%s/reports/node-%06llu.json", fleet->base_url, node);

        return url ? transport_put(transport, url, &fleet->report, headers, ELEMENTSOF(headers),
                                   response, diag)
                   : -ENOMEM;
}

static const struct verb {
        const char *name;
        int (*call)(struct fleet *fleet, struct transport *transport,
                    struct transport_response *response, unsigned long long node,
                    struct diag *diag);
} verbs[] = {{"poll", poll_policy}, {"report", put_report}};

static int run_node(struct fleet *fleet, const struct verb *verb, unsigned long long node,
                    struct diag *diag)
{
        CLEANUP(transport_response_done) struct transport_response response = {0};
        CLEANUP(transport_freep) struct transport *transport = NULL;
        int r = transport_new(&fleet->options, &transport, diag);

        if (r >= 0)
                r = verb->call(fleet, transport, &response, node, diag);
        if (r < 0)
                return r;
        if (!fleet->etag)
                fleet->etag = TAKE_PTR(response.etag);
        fleet->statuses[response.status < STATUS_MAX ? response.status : 0]++;
        return 0;
}

static int read_file(const char *path, struct blob *ret)
{
        FILE *file = fopen(path, "re");
        char *data = malloc(REPORT_MAX_BYTES);
        size_t size = file && data ? fread(data, 1, REPORT_MAX_BYTES, file) : 0;
        int r = size > 0 ? blob_copy(ret, data, size) : -EIO;

        free(data);
        if (file)
                (void)fclose(file);
        return r;
}

int main(int argc, char **argv)
{
        unsigned long long first = 0, n_nodes = 0;
        const struct verb *verb = NULL;
        struct fleet fleet = {0};
        struct diag diag = {0};
        int r = 0;

        for (size_t i = 0; argc > 1 && i < ELEMENTSOF(verbs); i++)
                if (strcmp(argv[1], verbs[i].name) == 0)
                        verb = &verbs[i];
        if (!verb || argc < 7 || str_to_uint64(argv[5], NODES_MAX, &first) < 0 ||
            str_to_uint64(argv[6], NODES_MAX, &n_nodes) < 0)
                return 2;
        if (argc > 7 && read_file(argv[7], &fleet.report) < 0)
                return 2;
        fleet.base_url = argv[2];
        fleet.options = (struct transport_options){
            .ca_file = argv[3], .token = argv[4], .token_origins = {argv[2]}};
        for (unsigned long long i = 0; i < n_nodes && r >= 0; i++)
                r = run_node(&fleet, verb, first + i, &diag);
        for (size_t status = 0; status < STATUS_MAX; status++)
                if (fleet.statuses[status] > 0)
                        printf("%zu %llu\n", status, fleet.statuses[status]);
        if (r < 0)
                fprintf(stderr, "%s\n", diag_text(&diag, r));
        free(fleet.etag);
        blob_done(&fleet.report);
        return r < 0;
}
