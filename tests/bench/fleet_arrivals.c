/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the polls of a fleet arrive, by the daemon's own schedule: prints the number in each minute.
 *     fleet_arrivals steady|blackout|outage NODES HOURS
 * steady: nodes that were started at any time of the day before. blackout: all start within one
 * minute. outage: steady, but the endpoint is away for the first two hours; counted from its
 * return.
 */
#include "base/str.h"
#include "daemon/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        INTERVAL_SEC = 3600,
        OUTAGE_SEC = 2 * 3600,
        CYCLE_SEC = 2,
        EPOCH = 1800000000,
        NODES_MAX = 1000000,
        HOURS_MAX = 24 * 7,
};

struct scenario {
        const char *name;
        int64_t first_start_sec; /* the nodes start in the start_spread_sec from then on */
        uint32_t start_spread_sec;
        int64_t outage_sec;
        int64_t skip_sec; /* not counted at the begin */
};

static const struct scenario scenarios[] = {
    {.name = "steady", .first_start_sec = -86400, .start_spread_sec = 86400},
    {.name = "blackout", .start_spread_sec = 60},
    {.name = "outage",
     .first_start_sec = -86400,
     .start_spread_sec = 86400,
     .outage_sec = OUTAGE_SEC,
     .skip_sec = OUTAGE_SEC},
};

static const struct scenario *find_scenario(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(scenarios); i++)
                if (strcmp(scenarios[i].name, name) == 0)
                        return &scenarios[i];
        return NULL;
}

/* splitmix64: the same fleet every time */
static uint32_t draw(uint64_t *state)
{
        uint64_t z = (*state += 0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return (uint32_t)(z >> 32);
}

/* Polls of one node, as the daemon would ask for them, until the end. */
static void run_node(const struct scenario *scenario, unsigned node, int64_t end_sec,
                     uint64_t *random, unsigned *minutes)
{
        char id[40];
        struct schedule_facts facts = {.interval_sec = INTERVAL_SEC, .has_report = true};
        time_t at;

        (void)snprintf(id, sizeof(id), "node-%06u", node);
        facts.node_hash = schedule_hash(id);
        facts.started_at =
            EPOCH + scenario->first_start_sec + (time_t)(draw(random) % scenario->start_spread_sec);
        facts.random = draw(random);
        at = schedule_next_poll(&facts, facts.started_at);
        while (at < EPOCH + end_sec) {
                int64_t since = at - EPOCH;

                if (since >= scenario->skip_sec)
                        minutes[since / 60]++;
                facts.n_failures =
                    since >= 0 && since < scenario->outage_sec ? facts.n_failures + 1 : 0;
                facts.cycle_began_at = at;
                facts.cycle_ended_at = at + CYCLE_SEC;
                facts.random = draw(random);
                at = schedule_next_poll(&facts, facts.cycle_ended_at);
        }
}

int main(int argc, char **argv)
{
        const struct scenario *scenario = argc == 4 ? find_scenario(argv[1]) : NULL;
        unsigned long long n_nodes = 0, n_hours = 0;
        CLEANUP(freep) unsigned *minutes = NULL;
        uint64_t random = 1;
        int64_t end_sec;

        if (!scenario || str_to_uint64(argv[2], NODES_MAX, &n_nodes) < 0 ||
            str_to_uint64(argv[3], HOURS_MAX, &n_hours) < 0)
                return 2;
        end_sec = (int64_t)n_hours * 3600 + scenario->skip_sec;
        minutes = calloc((size_t)end_sec / 60 + 1, sizeof(*minutes));
        if (!minutes)
                return 1;
        for (unsigned node = 0; node < n_nodes; node++)
                run_node(scenario, node, end_sec, &random, minutes);
        for (int64_t i = scenario->skip_sec / 60; i < end_sec / 60; i++)
                printf("%u\n", minutes[i]);
        return 0;
}
