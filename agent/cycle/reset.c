/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/reset.h"

#include "base/str.h"
#include "cycle/memory.h"
#include "host/apply_state.h"
#include "host/files.h"

enum { NOTE_MAX_BYTES = 4096 };

void reset_follow(const struct paths *paths, struct store *store)
{
        CLEANUP(freep) char *path = str_format("%s/" APPLY_STATE_RESET_FILE, paths->apply_state);
        CLEANUP(freep) char *seen = memory_get(store, MEMORY_POLICY_RESET);
        CLEANUP(blob_done) struct blob note = {0};

        if (!path || files_read(path, NOTE_MAX_BYTES, true, &note, NULL) < 0 ||
            str_equal(seen, note.data))
                return;
        /* Noted last: when it is cut, all of it is done again. */
        if (memory_set(store, MEMORY_POLICY_ID, NULL) >= 0 && store_forget_policy(store, NULL) >= 0)
                (void)memory_set(store, MEMORY_POLICY_RESET, note.data);
}
