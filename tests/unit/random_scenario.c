/* SPDX-License-Identifier: Apache-2.0 */
#include "random_scenario.h"

#include "base/str.h"
#include "base/timetext.h"

#include <stdio.h>

struct chance {
        uint64_t state;
        bool is_simple; /* packages need others at a version or later, and break none */
        struct str text;
};

/* splitmix64 */
static uint64_t next(struct chance *chance)
{
        uint64_t z = chance->state += 0x9e3779b97f4a7c15U;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
        z = (z ^ z >> 27) * 0x94d049bb133111ebU;
        return z ^ z >> 31;
}

static int below(struct chance *chance, int n)
{
        return (int)(next(chance) % (uint64_t)n);
}

static bool one_in(struct chance *chance, int n)
{
        return below(chance, n) == 0;
}

static void say(struct chance *chance, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct chance *chance, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        str_vappendf(&chance->text, format, args);
        va_end(args);
}

#define PICK(chance, list) ((list)[below(chance, (int)ELEMENTSOF(list))])

/* Mostly of the last weeks; now and then old, to come, or no date at all. */
static void say_date(struct chance *chance, const char *name)
{
        static const int days[] = {-1, -3, -6, -8, -13, -15, -30, -60, -400, 2, 9, 60};
        time_t date = RANDOM_SCENARIO_NOW + (time_t)PICK(chance, days) * SECONDS_PER_DAY +
                      below(chance, SECONDS_PER_DAY);
        char text[TIME_TEXT_SIZE];

        if (one_in(chance, 8))
                return;
        if (one_in(chance, 10))
                date = one_in(chance, 2) ? 3600 : 400 * SECONDS_PER_DAY;
        if (one_in(chance, 3))
                date -= date % SECONDS_PER_DAY;
        say(chance, ",\"%s\":\"%s\"", name, time_to_rfc3339(date, text));
}

/* ---- policy ---- */

static void say_filter(struct chance *chance)
{
        static const char *const classifications[] = {"security", "bugfix", "other"};
        static const char *const severities[] = {"critical", "high", "medium", "unspecified"};
        static const char *const packages[] = {"a", "[a-c]", "*", "linux*"};

        if (one_in(chance, 2))
                say(chance, ",\"classification\":[\"%s\"]", PICK(chance, classifications));
        if (one_in(chance, 3))
                say(chance, ",\"severity\":[\"%s\"]", PICK(chance, severities));
        if (one_in(chance, 3))
                say(chance, ",\"package\":[\"%s\"]", PICK(chance, packages));
}

static void say_rule(struct chance *chance, int number)
{
        static const int delays[] = {0, 0, 1, 7, 14, 45};
        static const char *const untils[] = {"2026-11-01", "2026-11-15", "2026-12-01"};
        int delay = PICK(chance, delays);

        say(chance, "%s{\"name\":\"rule%d\"", number > 0 ? "," : "", number);
        say_filter(chance);
        if (one_in(chance, 4))
                say(chance, ",\"approve_until\":\"%s\"", PICK(chance, untils));
        else
                say(chance, ",\"approve_after_days\":%d", delay);
        if (one_in(chance, 3))
                say(chance, ",\"approve_latest_days\":%d",
                    below(chance, 2) * (45 + below(chance, 30)));
        if (one_in(chance, 4))
                say(chance, ",\"rollout_hours\":%d", 1 + below(chance, 96));
        say(chance, "}");
}

static void say_selector(struct chance *chance, bool first)
{
        static const char *const globs[] = {"a", "b*", "?", "linux-image", "new"};

        say(chance, "%s{", first ? "" : ",");
        if (one_in(chance, 3))
                say(chance, "\"cve\":\"CVE-2026-000%d\"", below(chance, 5));
        else if (one_in(chance, 2))
                say(chance, "\"advisory\":\"DSA-%d-1\"", below(chance, 8));
        else if (one_in(chance, 2))
                say(chance, "\"package\":\"%s\"", PICK(chance, globs));
        else
                say(chance, "\"package\":\"%s\",\"version\":\"%d\"", PICK(chance, globs),
                    2 + below(chance, 5));
        say(chance, "}");
}

static void say_selectors(struct chance *chance, const char *name, bool one_more)
{
        int n = one_in(chance, 2) ? below(chance, 3) : 0;
        bool first = true;
        struct chance more = {.state = chance->state ^ 0x5bd1e995U};

        say(chance, ",\"%s\":[", name);
        for (; n > 0; n--, first = false)
                say_selector(chance, first);
        if (one_more) {
                more.text = chance->text;
                say_selector(&more, first);
                chance->text = more.text;
        }
        say(chance, "]");
}

static void say_policy(struct chance *chance, bool more_rejected)
{
        static const char *const sources[] = {"\"advisory\",\"observed\"", "\"observed\"",
                                              "\"advisory\"",
                                              "\"observed\",\"advisory\",\"build\""};
        int n_rules = 1 + below(chance, 3);

        say(chance,
            "\"policy\":{\"type\":\"patchd.policy.v1\",\"policy_id\":\"acme\",\"version\":1,"
            "\"issued\":\"2026-01-01T00:00:00Z\",\"expires\":\"2027-06-01T00:00:00Z\","
            "\"assignments\":[{\"name\":\"all\",\"match\":{},\"baseline\":\"b\","
            "\"mode\":\"scan\"}],");
        if (one_in(chance, 2))
                say(chance,
                    "\"feeds\":[{\"id\":\"f\",\"format\":\"osv\",\"os\":[\"debian\"],"
                    "\"url\":\"file:///f\",\"size_bytes\":1,\"sha256\":\""
                    "0000000000000000000000000000000000000000000000000000000000000000\"}],");
        say(chance, "\"baselines\":{\"b\":{\"rules\":[");
        for (int i = 0; i < n_rules; i++)
                say_rule(chance, i);
        say(chance, "],\"date_sources\":[%s],\"unknown_date\":\"%s\"", PICK(chance, sources),
            one_in(chance, 2) ? "hold" : "approve");
        say_selectors(chance, "approved", false);
        say_selectors(chance, "rejected", more_rejected);
        say(chance, "}}}");
}

/* ---- what the node has ---- */

static const char *const index_names[] = {"main", "sec", "extra"};
static const char *const package_names[] = {"a", "b", "bb", "c", "linux-image"};

static void say_indexes(struct chance *chance)
{
        say(chance, ",\"indexes\":{");
        for (size_t i = 0; i < ELEMENTSOF(index_names); i++) {
                say(chance, "%s\"%s\":{\"security\":%s", i > 0 ? "," : "", index_names[i],
                    i == 1 ? "true" : "false");
                say_date(chance, "date");
                say(chance, "}");
        }
        say(chance, "}");
}

/* Of versions on offer and of installed ones. */
static void say_relations(struct chance *chance)
{
        static const char *const others[] = {"a", "b", "bb", "c", "new", "new", "linux-image"};
        static const char *const relations[] = {">=", ">=", "=", "<<"};
        static const char *const simple[] = {">="};
        const char *other = PICK(chance, others);
        const char *relation = chance->is_simple ? PICK(chance, simple) : PICK(chance, relations);

        if (one_in(chance, 6))
                say(chance, ",\"depends\":\"new\"");
        else if (one_in(chance, 3))
                say(chance, ",\"depends\":\"%s (%s %d)%s\"", other, relation, 1 + below(chance, 5),
                    one_in(chance, 3) ? " | virtual" : "");
        if (!chance->is_simple && one_in(chance, 6))
                say(chance, ",\"breaks\":\"%s (%s %d)\"", PICK(chance, others),
                    PICK(chance, relations), 1 + below(chance, 5));
        if (!chance->is_simple && one_in(chance, 8))
                say(chance, ",\"provides\":\"virtual\"");
}

static void say_version(struct chance *chance, int version, bool first)
{
        say(chance, "%s{\"version\":\"%d\",\"in\":[\"%s\"]", first ? "" : ",", version,
            PICK(chance, index_names));
        if (one_in(chance, 10))
                say(chance, ",\"held_by\":\"a pin\"");
        if (one_in(chance, 10))
                say(chance, ",\"priority\":%d", below(chance, 2) * 990 - 10);
        say_relations(chance);
        if (one_in(chance, 4))
                say(chance, ",\"source\":\"linux-signed-amd64\",\"source_version\":\"%d+1\"",
                    version);
        say(chance, "}");
}

/* Newest first, now and then down to what is installed and below. */
static void say_package(struct chance *chance, const char *name, bool is_new, bool first)
{
        int installed = 1 + below(chance, 3), newest = installed + below(chance, 5);
        int oldest = one_in(chance, 5) ? 1 : installed + 1;
        bool is_first = true;

        say(chance, "%s{\"name\":\"%s\"", first ? "" : ",", name);
        if (!is_new) {
                say(chance, ",\"version\":\"%d\"", installed);
                say_relations(chance);
        }
        if (one_in(chance, 12))
                say(chance, ",\"hold\":\"apt-mark hold\"");
        say(chance, ",\"available\":[");
        for (int version = newest; version >= oldest; version--) {
                if (one_in(chance, 4))
                        continue;
                say_version(chance, version, is_first);
                is_first = false;
        }
        say(chance, "]}");
}

static void say_advisories(struct chance *chance)
{
        static const char *const sources[] = {"a", "b", "bb", "c", "linux", "linux-image"};
        static const char *const severities[] = {"critical", "high", "medium", "low",
                                                 "unspecified"};
        int n = below(chance, 9);

        if (one_in(chance, 3))
                return; /* none at hand */
        say(chance, ",\"advisories\":[");
        for (int i = 0; i < n; i++) {
                const char *source = PICK(chance, sources);
                int version = 2 + below(chance, 5);

                say(chance, "%s{\"id\":\"DSA-%d-1\",\"package\":\"%s\",\"fixed\":\"%d%s\"",
                    i > 0 ? "," : "", i, source, version, str_equal(source, "linux") ? "-1" : "");
                say(chance, ",\"severity\":\"%s\",\"is_cve\":%s,\"cves\":[\"CVE-2026-000%d\"]",
                    PICK(chance, severities), one_in(chance, 3) ? "true" : "false",
                    below(chance, 5));
                if (one_in(chance, 6))
                        say(chance, ",\"classification\":\"bugfix\"");
                if (one_in(chance, 5))
                        say(chance, ",\"introduced\":\"2\"");
                say_date(chance, "published");
                say(chance, "}");
        }
        say(chance, "]");
}

static void say_ledger(struct chance *chance)
{
        int n = below(chance, 5);

        say(chance, ",\"ledger\":[");
        for (int i = 0; i < n; i++) {
                say(chance, "%s{\"name\":\"%s\",\"arch\":\"amd64\",\"version\":\"%d\"",
                    i > 0 ? "," : "", PICK(chance, package_names), 2 + i);
                /* a sighting always has a time */
                say(chance, ",\"first_seen\":\"2026-%02d-%02dT0%d:00:00Z\"}", 9 + below(chance, 4),
                    1 + below(chance, 28), below(chance, 10));
        }
        say(chance, "]");
}

char *random_scenario(uint64_t seed, bool more_rejected)
{
        struct chance chance = {.state = seed, .is_simple = RANDOM_SCENARIO_IS_SIMPLE(seed)};
        char now[TIME_TEXT_SIZE];
        char *text = NULL;

        say(&chance, "{");
        say_policy(&chance, more_rejected);
        say_indexes(&chance);
        say(&chance, ",\"packages\":[");
        for (size_t i = 0; i < ELEMENTSOF(package_names); i++)
                say_package(&chance, package_names[i], false, i == 0);
        say_package(&chance, "new", true, false);
        say(&chance, "]");
        say_advisories(&chance);
        say_ledger(&chance);
        say(&chance, ",\"what_if\":true,\"now\":\"%s\"}",
            time_to_rfc3339(RANDOM_SCENARIO_NOW, now));
        return str_take(&chance.text, &text) < 0 ? NULL : text;
}
