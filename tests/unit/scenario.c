/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "scenario.h"

#include "base/json.h"
#include "base/str.h"
#include "base/timetext.h"
#include "packages/advisory_builder.h"
#include "policy/envelope.h"

#include <stdio.h>
#include <string.h>

enum { FILE_MAX_BYTES = 1 << 20 };

static char *copy(const char *text)
{
        return text ? strdup(text) : NULL;
}

static char *read_text(const char *path, size_t *ret_size)
{
        FILE *file = fopen(path, "re");
        char *text = calloc(1, FILE_MAX_BYTES);

        if (!file)
                fail_msg("no file %s", path);
        *ret_size = fread(text, 1, FILE_MAX_BYTES - 1, file);
        (void)fclose(file);
        return text;
}

struct json *scenario_load_file(const char *file)
{
        CLEANUP(freep) char *path = str_format("%s/%s", getenv("PATCHD_TEST_DATA") ?: "data", file);
        CLEANUP(freep) char *text = NULL;
        struct json *json = NULL;
        struct diag diag = {0};
        size_t size = 0;

        text = read_text(path, &size);
        if (json_parse(text, size, &json, &diag) < 0)
                fail_msg("%s: %s", path, diag.text);
        return json;
}

static const struct json *member(const struct json *base, const struct json *one, const char *name)
{
        return json_get(one, name) ?: json_get(base, name);
}

static int load_zone(void *context, const char *name, struct blob *ret, struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("/usr/share/zoneinfo/%s", name);
        CLEANUP(freep) char *text = NULL;
        size_t size = 0;

        (void)context, (void)diag;
        text = read_text(path, &size);
        return blob_copy(ret, text, size);
}

static int copy_unless_baselines(const char *name, const struct json *value, void *writer)
{
        if (strcmp(name, "baselines") != 0)
                json_add_value(writer, name, value);
        return 0;
}

/* The policy with another baseline in the place of its only one. */
static struct json *with_baseline(const struct json *policy, const struct json *baseline)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        struct json *changed = NULL;

        json_begin_object(writer, NULL);
        (void)json_for_each_member(policy, copy_unless_baselines, writer);
        json_begin_object(writer, "baselines");
        json_add_value(writer, "prod", baseline);
        json_end(writer);
        json_end(writer);
        assert_int_equal(json_writer_finish(writer, false, &text), 0);
        assert_int_equal(json_parse(text, strlen(text), &changed, NULL), 0);
        return changed;
}

static void read_policy(struct scenario *scenario, const struct json *policy)
{
        struct zone_loader zones = {.load = load_zone};
        struct blob blob = {0};
        struct diag diag = {0};
        char *text = NULL;

        assert_int_equal(json_to_text(policy, &text), 0);
        blob = (struct blob){.data = text, .size = strlen(text)};
        if (envelope_open_plain(&blob, &zones, &scenario->policy, &diag) < 0)
                fail_msg("policy: %s", diag.text);
        blob_done(&blob);
}

/* ---- inventory ---- */

struct index_list {
        struct inventory *inventory;
        size_t n;
};

static int read_index(const char *name, const struct json *value, void *arg)
{
        struct index_list *list = arg;
        struct package_index *index = calloc(1, sizeof(*index));

        index->repository = strdup(name);
        index->uri = strdup("file:///");
        index->suite = strdup(name);
        index->component = strdup("main");
        index->arch = strdup("amd64");
        index->origin = strdup("Test");
        index->label = strdup("Test");
        index->codename = strdup("");
        index->release_suite = strdup("");
        index->path = strdup("");
        index->date = json_get_time(value, "date");
        index->valid_until = json_get_time(value, "valid_until");
        index->refreshed_at = json_get_time(value, "refreshed_at");
        index->is_security = json_get_bool(value, "security", false);
        list->inventory->indexes =
            reallocarray(list->inventory->indexes, list->n + 1, sizeof(*list->inventory->indexes));
        list->inventory->indexes[list->n++] = index;
        list->inventory->n_indexes = list->n;
        return 0;
}

static const struct package_index *find_index(const struct inventory *inventory, const char *name)
{
        for (size_t i = 0; i < inventory->n_indexes; i++)
                if (strcmp(inventory->indexes[i]->repository, name) == 0)
                        return inventory->indexes[i];
        fail_msg("no index '%s'", name);
        return NULL;
}

static enum multi_arch read_multi_arch(const struct json *json)
{
        static const char *const words[] = {"no", "same", "foreign", "allowed"};
        const char *text = json_get_string(json, "multi_arch") ?: "no";

        for (int i = 0; i < (int)ELEMENTSOF(words); i++)
                if (strcmp(words[i], text) == 0)
                        return (enum multi_arch)i;
        fail_msg("no such Multi-Arch: %s", text);
        return MULTI_ARCH_NO;
}

static void read_available(const struct inventory *inventory, const struct package *package,
                           const struct json *json, struct available *available)
{
        const struct json *in = json_get(json, "in");
        const char *held = json_get_string(json, "held_by");

        available->version = copy(json_get_string(json, "version"));
        available->source = copy(json_get_string(json, "source") ?: package->name);
        available->source_version =
            copy(json_get_string(json, "source_version") ?: available->version);
        available->depends = copy(json_get_string(json, "depends") ?: "");
        available->breaks = copy(json_get_string(json, "breaks"));
        available->provides = copy(json_get_string(json, "provides"));
        available->multi_arch = read_multi_arch(json);
        available->priority = (int)json_get_int(json, "priority", 500);
        available->held_by = held ? strdup(held) : NULL;
        available->built_at = json_get_time(json, "built_at");
        available->build_note = copy(json_get_string(json, "build_note"));
        available->phased_percent = 100;
        available->indexes = calloc(json_length(in) + 1, sizeof(const struct package_index *));
        for (size_t i = 0; i < json_length(in); i++)
                available->indexes[available->n_indexes++] =
                    find_index(inventory, json_string(json_at(in, i)));
}

static void read_package(const struct inventory *inventory, const struct json *json,
                         struct package *package)
{
        const struct json *available = json_get(json, "available");
        const char *candidate = json_get_string(json, "candidate");

        package->name = copy(json_get_string(json, "name"));
        package->arch = copy(json_get_string(json, "arch") ?: "amd64");
        package->version = copy(json_get_string(json, "version"));
        package->source = copy(json_get_string(json, "source") ?: package->name);
        package->source_version = copy(json_get_string(json, "source_version") ?: package->version);
        package->depends = copy(json_get_string(json, "depends"));
        package->breaks = copy(json_get_string(json, "breaks"));
        package->provides = copy(json_get_string(json, "provides"));
        package->multi_arch = read_multi_arch(json);
        package->hold = copy(json_get_string(json, "hold"));
        package->status = copy(json_get_string(json, "broken"));
        package->available = calloc(json_length(available) + 1, sizeof(*package->available));
        for (size_t i = 0; i < json_length(available); i++)
                read_available(inventory, package, json_at(available, i),
                               &package->available[package->n_available++]);
        if (json_get(json, "current")) {
                package->current = calloc(1, sizeof(*package->current));
                read_available(inventory, package, json_get(json, "current"), package->current);
        }
        for (size_t i = 0; i < package->n_available && !package->candidate; i++)
                if (candidate ? strcmp(candidate, package->available[i].version) == 0
                              : !package->available[i].held_by)
                        package->candidate = &package->available[i];
}

static int compare_packages(const void *a, const void *b)
{
        const struct package *left = a, *right = b;
        int result = strcmp(left->name, right->name);

        return result != 0 ? result : strcmp(left->arch, right->arch);
}

static void read_inventory(struct scenario *scenario, const struct json *indexes,
                           const struct json *packages)
{
        struct inventory *inventory = calloc(1, sizeof(*inventory));
        struct index_list list = {.inventory = inventory};

        inventory->arch = strdup("amd64");
        (void)json_for_each_member(indexes, read_index, &list);
        inventory->packages = calloc(json_length(packages) + 1, sizeof(*inventory->packages));
        for (size_t i = 0; i < json_length(packages); i++)
                read_package(inventory, json_at(packages, i),
                             &inventory->packages[inventory->n_packages++]);
        for (size_t i = 0; i < inventory->n_packages; i++)
                if (inventory->packages[i].status)
                        assert_int_equal(strv_addf(&inventory->broken, "%s: %s",
                                                   inventory->packages[i].name,
                                                   inventory->packages[i].status),
                                         0);
        qsort(inventory->packages, inventory->n_packages, sizeof(*inventory->packages),
              compare_packages);
        scenario->inventory = inventory;
}

/* ---- what the node adds ---- */

static void read_notes(struct scenario *scenario, size_t slot, const struct json *json,
                       const struct package_note **ret, size_t *ret_n)
{
        struct package_note *notes = calloc(json_length(json) + 1, sizeof(*notes));

        for (size_t i = 0; i < json_length(json); i++) {
                notes[i].name = copy(json_get_string(json_at(json, i), "name"));
                notes[i].version = copy(json_get_string(json_at(json, i), "version"));
                notes[i].text = copy(json_get_string(json_at(json, i), "text"));
        }
        scenario->notes[slot] = notes;
        scenario->n_notes[slot] = *ret_n = json_length(json);
        *ret = notes;
}

static void read_node_limits(struct scenario *scenario, const struct json *base,
                             const struct json *one)
{
        const struct json *exclude = member(base, one, "exclude");

        for (size_t i = 0; i < json_length(exclude); i++)
                assert_int_equal(
                    strv_add(&scenario->limits.exclude, json_string(json_at(exclude, i))), 0);
        scenario->limits.max_index_age_hours = 48;
        scenario->limits.force_scan = json_get(one, "force_scan") != NULL;
        scenario->limits.is_paused = json_get(one, "paused") != NULL;
        read_notes(scenario, 0, member(base, one, "vetoes"), &scenario->limits.vetoes,
                   &scenario->limits.n_vetoes);
        read_notes(scenario, 1, member(base, one, "failed"), &scenario->runs.failed,
                   &scenario->runs.n_failed);
        read_notes(scenario, 2, member(base, one, "updated_this_boot"),
                   &scenario->runs.updated_this_boot, &scenario->runs.n_updated_this_boot);
        read_notes(scenario, 4, member(base, one, "kept_back"), &scenario->runs.kept_back,
                   &scenario->runs.n_kept_back);
        read_notes(scenario, 3, member(base, one, "installed_by_baseline"),
                   &scenario->runs.installed_by_baseline, &scenario->runs.n_installed_by_baseline);
}

static void read_ledger(struct scenario *scenario, const struct json *lines)
{
        CLEANUP(str_done) struct str text = {0};
        char *damaged = NULL;

        str_append(&text, "");
        for (size_t i = 0; i < json_length(lines); i++) {
                CLEANUP(freep) char *line = NULL;

                assert_int_equal(json_to_text(json_at(lines, i), &line), 0);
                str_appendf(&text, "%s\n", line);
        }
        assert_int_equal(ledger_parse(text.data, text.length, &scenario->ledger, &damaged, NULL),
                         0);
        assert_null(damaged);
}

/* ---- advisories ---- */

static void read_advisory(struct advisory_builder *builder, const struct json *json)
{
        const struct json *cves = json_get(json, "cves");
        const char *classification = json_get_string(json, "classification") ?: "security";
        const char *severity = json_get_string(json, "severity") ?: "unspecified";
        struct advisory_fix fix = {.introduced = json_get_string(json, "introduced"),
                                   .fixed = json_get_string(json, "fixed")};
        struct advisory advisory = {
            .id = json_get_string(json, "id"),
            .classification =
                (enum classification)enum_from_name(&classification_names, classification),
            .severity = (enum severity)enum_from_name(&severity_names, severity),
            .is_cve = json_get_bool(json, "is_cve", false),
            .published = json_get_time(json, "published"),
        };

        if (json_get(json, "last_affected")) {
                fix.fixed = json_get_string(json, "last_affected");
                fix.is_after = true;
        }
        advisory.is_whole_days = advisory.published % SECONDS_PER_DAY == 0;
        for (size_t i = 0; i < json_length(cves); i++)
                assert_int_equal(
                    advisory_builder_add_cve(builder, json_string(json_at(cves, i)), NULL), 0);
        assert_int_equal(
            advisory_builder_add_fix(builder, json_get_string(json, "package"), &fix, NULL), 0);
        assert_int_equal(advisory_builder_end(builder, &advisory, NULL), 0);
}

static struct advisories *read_advisories(const struct json *list)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        struct advisories *advisories = NULL;

        if (!list)
                return NULL;
        for (size_t i = 0; i < json_length(list); i++)
                read_advisory(builder, json_at(list, i));
        assert_int_equal(advisory_builder_finish(builder, &advisories), 0);
        return advisories;
}

void scenario_init(struct scenario *scenario, const struct json *base, const struct json *one)
{
        const char *now = json_string(member(base, one, "now"));
        CLEANUP(json_freep) struct json *changed = NULL;

        *scenario = (struct scenario){0};
        if (json_get(one, "baseline"))
                changed = with_baseline(member(base, one, "policy"), json_get(one, "baseline"));
        read_policy(scenario, changed ?: member(base, one, "policy"));
        read_inventory(scenario, member(base, one, "indexes"), member(base, one, "packages"));
        if (str_equal(json_string(member(base, one, "format")), "rpm"))
                scenario->inventory->format = FORMAT_RPM;
        read_ledger(scenario, member(base, one, "ledger"));
        read_node_limits(scenario, base, one);
        scenario->advisories = read_advisories(member(base, one, "advisories"));
        scenario->node = (struct node){.id = strdup("0123456789abcdef"),
                                       .hostname = strdup("web-1"),
                                       .os_id = strdup("debian"),
                                       .os_version = strdup("12"),
                                       .arch = strdup("amd64")};
        scenario->input = (struct evaluate_input){
            .policy = scenario->policy,
            .node = &scenario->node,
            .inventory = scenario->inventory,
            .ledger = scenario->ledger,
            .advisories = scenario->advisories,
            .limits = &scenario->limits,
            .runs = &scenario->runs,
            .reboot_required = json_get(one, "reboot_required") != NULL,
            .is_what_if = json_get(one, "what_if") != NULL,
        };
        assert_int_equal(time_from_rfc3339(now, &scenario->input.now), 0);
}

void scenario_done(struct scenario *scenario)
{
        for (size_t slot = 0; slot < ELEMENTSOF(scenario->notes); slot++) {
                for (size_t i = 0; i < scenario->n_notes[slot]; i++) {
                        free(scenario->notes[slot][i].name);
                        free(scenario->notes[slot][i].version);
                        free(scenario->notes[slot][i].text);
                }
                free(scenario->notes[slot]);
        }
        strv_done(&scenario->limits.exclude);
        policy_free(scenario->policy);
        inventory_free(scenario->inventory);
        ledger_free(scenario->ledger);
        advisories_free(scenario->advisories);
        node_done(&scenario->node);
}
