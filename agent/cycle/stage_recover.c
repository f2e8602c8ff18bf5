/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cycle/cycle-private.h"
#include "cycle/helper.h"
#include "host/files.h"
#include "host/log.h"

#include <string.h>

enum { BOOK_MAX_BYTES = 256 * 1024, INTENTS_MAX = 1000 };

static bool has_open_runs(const struct paths *paths)
{
        CLEANUP(freep) char *folder = str_format("%s/intents", paths->apply_state);
        CLEANUP(strv_done) struct strv names = {0};

        return folder && files_list(folder, ".json", INTENTS_MAX, &names, NULL) >= 0 &&
               names.n_items > 0;
}

/* A reboot on its way, or a lock of FleetLock that is to be given back. */
static bool has_open_reboot(const struct paths *paths)
{
        CLEANUP(freep) char *path = str_format("%s/reboot.json", paths->apply_state);
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(blob_done) struct blob text = {0};

        return path && files_read(path, BOOK_MAX_BYTES, true, &text, NULL) >= 0 &&
               json_parse(text.data, text.size, &json, NULL) >= 0 &&
               (json_is_object(json_get(json, "pending")) ||
                json_is_object(json_get(json, "fleet_lock")));
}

/* Without the helper it stays open, and the next cycle asks again. */
int cycle_recover(struct cycle *cycle, struct diag *diag)
{
        const struct paths *paths = cycle->options->paths;
        struct diag trouble = {0};
        int r;

        (void)diag;
        if (!has_open_runs(paths) && !has_open_reboot(paths))
                return 0;
        r = helper_recover(paths, &trouble);
        if (r < 0 && r != -ENOMEM)
                log_line(LOG_LEVEL_DEBUG, "The helper did not end what is open: %s",
                         diag_text(&trouble, r));
        return r == -ENOMEM ? r : 0;
}
