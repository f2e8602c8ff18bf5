/* SPDX-License-Identifier: Apache-2.0 */
#include "report/script_result.h"

#include "base/str.h"

#include <string.h>

enum { LAST_LINE_MAX_BYTES = 300 };

static const char *const phase_texts[] = {
    [SCRIPT_PRE_RUN] = "pre-run",       [SCRIPT_POST_RUN] = "post-run",
    [SCRIPT_BEFORE] = "before",         [SCRIPT_AFTER_STEP] = "after-step",
    [SCRIPT_AFTER_BOOT] = "after-boot",
};
const struct enum_table script_phase_names = ENUM_TABLE(phase_texts);

static void result_done(struct script_result *result)
{
        free(result->name);
        free(result->message);
        free(result->output);
        *result = (struct script_result){0};
}

void script_results_done(struct script_results *results)
{
        for (size_t i = 0; i < results->n_items; i++)
                result_done(&results->items[i]);
        free(results->items);
        *results = (struct script_results){0};
}

static struct script_result *find(const struct script_results *results, enum script_phase phase,
                                  const char *name)
{
        for (size_t i = results->n_items; i > 0; i--)
                if (results->items[i - 1].phase == phase &&
                    str_equal(results->items[i - 1].name, name))
                        return &results->items[i - 1];
        return NULL;
}

const struct script_result *script_results_find(const struct script_results *results,
                                                enum script_phase phase, const char *name)
{
        return find(results, phase, name);
}

static bool had_passed(const struct script_results *results, const char *name)
{
        const struct script_result *before = find(results, SCRIPT_BEFORE, name);
        const struct script_result *last = find(results, SCRIPT_AFTER_STEP, name);

        return before && before->passed && (!last || last->passed);
}

bool script_results_broke_at_boot(const struct script_results *results)
{
        for (size_t i = 0; i < results->n_items; i++) {
                const char *name = results->items[i].name;
                const struct script_result *now = find(results, SCRIPT_AFTER_BOOT, name);

                if (now && !now->passed && had_passed(results, name))
                        return true;
        }
        return false;
}

int script_results_add(struct script_results *results, struct script_result *result)
{
        struct script_result *same = find(results, result->phase, result->name), *items;

        if (same && same->passed && result->passed) {
                result_done(same);
                *same = *result;
                *result = (struct script_result){0};
                return 0;
        }
        items = reallocarray(results->items, results->n_items + 1, sizeof(*items));
        if (!items) {
                result_done(result);
                return -ENOMEM;
        }
        results->items = items;
        items[results->n_items++] = *result;
        *result = (struct script_result){0};
        return 0;
}

/* ---- output ---- */

int script_output_clean(const char *text, char **ret)
{
        CLEANUP(freep) char *copy = strdup(text);
        CLEANUP(freep) char *clean = NULL;
        CLEANUP(str_done) struct str str = {0};
        char *rest = copy, *line;
        const char *end;
        size_t length;
        int r;

        if (!copy)
                return -ENOMEM;
        while ((line = strsep(&rest, "\n"))) {
                str_append_printable(&str, line);
                if (rest && *rest)
                        str_append_char(&str, '\n');
        }
        r = str_take(&str, &clean);
        if (r < 0)
                return r;
        length = strlen(clean);
        end = length > SCRIPT_OUTPUT_MAX_BYTES ? clean + length - SCRIPT_OUTPUT_MAX_BYTES : clean;
        while (((unsigned char)*end & 0xc0) == 0x80)
                end++;
        *ret = strdup(end);
        return *ret ? 0 : -ENOMEM;
}

char *script_result_describe(const struct script_result *result)
{
        const char *message = result->message ?: "failed", *output = result->output ?: "";
        const char *line = strrchr(output, '\n');

        line = line ? line + 1 : output;
        /* The message of a program may end with that line already. */
        if (*line == '\0' || strstr(message, line))
                return strdup(message);
        return str_format("%s: %.*s", message, LAST_LINE_MAX_BYTES, line);
}

/* ---- JSON ---- */

static bool is_hook(enum script_phase phase)
{
        return phase == SCRIPT_PRE_RUN || phase == SCRIPT_POST_RUN;
}

static const struct {
        const char *name;
        bool hooks;
} lists[] = {{"hooks", true}, {"checks", false}};

static void write_result(const struct script_result *result, struct json_writer *writer)
{
        json_begin_object(writer, NULL);
        json_add_string(writer, "name", result->name);
        json_add_string(writer, "phase", enum_name(&script_phase_names, (int)result->phase));
        json_add_bool(writer, "passed", result->passed);
        if (result->exit_code >= 0)
                json_add_int(writer, "exit_code", result->exit_code);
        else
                json_add_null(writer, "exit_code");
        json_add_bool(writer, "timed_out", result->timed_out);
        json_add_string(writer, "message", result->message);
        json_add_string(writer, "output", result->output ?: "");
        json_end(writer);
}

void script_results_write(const struct script_results *results, struct json_writer *writer)
{
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                json_begin_array(writer, lists[i].name);
                for (size_t j = 0; j < results->n_items; j++)
                        if (is_hook(results->items[j].phase) == lists[i].hooks)
                                write_result(&results->items[j], writer);
                json_end(writer);
        }
}

static char *copy_text(const struct json *json, const char *name)
{
        const char *text = json_get_string(json, name);

        return text ? strdup(text) : NULL;
}

static int read_result(const struct json *json, struct script_results *results)
{
        const char *phase = json_get_string(json, "phase");
        int value = phase ? enum_from_name(&script_phase_names, phase) : -EINVAL;
        struct script_result result = {
            .phase = (enum script_phase)value,
            .passed = json_get_bool(json, "passed", false),
            .exit_code = (int)json_get_int(json, "exit_code", -1),
            .timed_out = json_get_bool(json, "timed_out", false),
            .name = copy_text(json, "name"),
            .message = copy_text(json, "message"),
            .output = copy_text(json, "output"),
        };

        if (value >= 0 && result.name)
                return script_results_add(results, &result);
        result_done(&result);
        return 0;
}

int script_results_read(const struct json *object, struct script_results *ret)
{
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                const struct json *array = json_get(object, lists[i].name);

                for (size_t j = 0; r >= 0 && j < json_length(array); j++)
                        r = read_result(json_at(array, j), ret);
        }
        return r;
}
