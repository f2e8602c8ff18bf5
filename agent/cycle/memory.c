/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/memory.h"

#include "base/str.h"

#include <inttypes.h>

char *memory_get(struct store *store, const char *key)
{
        char *value = NULL;

        return store_get(store, key, &value, NULL) < 0 ? NULL : value;
}

int64_t memory_get_int(struct store *store, const char *key)
{
        CLEANUP(freep) char *text = memory_get(store, key);
        unsigned long long value = 0;

        return text && str_to_uint64(text, INT64_MAX, &value) >= 0 ? (int64_t)value : 0;
}

int memory_set(struct store *store, const char *key, const char *value)
{
        struct diag diag = {0};
        int r = store_set(store, key, value, &diag);

        if (r < 0)
                log_event(EVENT_STATE_PROBLEM,
                          &(struct event_fields){.reason = diag_text(&diag, r)});
        return r;
}

int memory_set_int(struct store *store, const char *key, int64_t value)
{
        CLEANUP(freep) char *text = str_format("%" PRId64, value);

        return text ? memory_set(store, key, text) : -ENOMEM;
}

bool memory_changed(struct store *store, const char *key, const char *text)
{
        CLEANUP(freep) char *before = memory_get(store, key);

        if (str_equal(before, text))
                return false;
        (void)memory_set(store, key, text);
        return true;
}
