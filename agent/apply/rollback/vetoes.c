/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rollback/vetoes.h"

#include "apply/state.h"
#include "base/str.h"

#include <string.h>

#define VETOES_FILE "vetoes.json"

/* Whether a veto goes. */
typedef bool (*goes_fn)(const struct json *veto, const void *arg);

static bool is_about(const struct json *veto, const struct outcome_package *package)
{
        const char *arch = json_get_string(veto, "arch");

        return str_equal(json_get_string(veto, "name"), package->name) &&
               (!arch || str_equal(arch, package->arch));
}

static void write_veto(const struct outcome_package *package, const char *run_id,
                       struct json_writer *writer)
{
        json_begin_object(writer, NULL);
        json_add_string(writer, "name", package->name);
        json_add_string(writer, "arch", package->arch);
        json_add_string(writer, "version", package->version_to);
        json_add_string(writer, "reason", package->message);
        json_add_string(writer, "run_id", run_id);
        json_add_time(writer, "vetoed_at", time(NULL));
        json_end(writer);
}

/* Writes the file anew without those that go, with one more. Not at all when nothing changes. */
static int rewrite(const struct paths *paths, goes_fn goes, const void *arg,
                   const struct outcome_package *added, const char *run_id, size_t *ret_n,
                   struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(json_freep) struct json *vetoes = NULL;
        CLEANUP(freep) char *text = NULL;
        size_t n = 0;
        int r = state_read_json(paths, VETOES_FILE, &vetoes);

        if (r < 0)
                return r;
        json_begin_array(writer, NULL);
        for (size_t i = 0; i < json_length(vetoes); i++) {
                if (goes(json_at(vetoes, i), arg))
                        n++;
                else
                        json_add_value(writer, NULL, json_at(vetoes, i));
        }
        if (added)
                write_veto(added, run_id, writer);
        json_end(writer);
        *ret_n = n;
        if (n == 0 && !added)
                return 0;
        r = json_writer_finish(writer, true, &text);
        return r < 0 ? r : state_write_text(paths, VETOES_FILE, text, diag);
}

static bool goes_for_newer(const struct json *veto, const void *arg)
{
        return is_about(veto, arg);
}

int vetoes_add(const struct paths *paths, const struct outcome_package *package, const char *run_id,
               struct diag *diag)
{
        size_t n;

        return rewrite(paths, goes_for_newer, package, package, run_id, &n, diag);
}

static bool goes_by_name(const struct json *veto, const void *arg)
{
        return !arg || str_equal(json_get_string(veto, "name"), arg);
}

int vetoes_clear(const struct paths *paths, const char *name, size_t *ret_n, struct diag *diag)
{
        return rewrite(paths, goes_by_name, name, NULL, NULL, ret_n, diag);
}

static bool goes_after_update(const struct json *veto, const void *arg)
{
        const struct outcome *outcome = arg;

        for (size_t i = 0; i < outcome->n_packages; i++)
                if (outcome->packages[i].result == PACKAGE_UPDATED &&
                    is_about(veto, &outcome->packages[i]))
                        return true;
        return false;
}

int vetoes_settle(const struct paths *paths, const struct outcome *outcome, struct diag *diag)
{
        size_t n;

        return rewrite(paths, goes_after_update, outcome, NULL, NULL, &n, diag);
}
