/* SPDX-License-Identifier: Apache-2.0 */
#include "host/backends/backend.h"

static const struct backend *const backends[] = {
#ifdef PATCHD_DEB
    &backend_apt,
#endif
    NULL,
};

const struct backend *backend_for(enum package_format format)
{
        for (size_t i = 0; backends[i]; i++)
                if (backends[i]->format == format)
                        return backends[i];
        return NULL;
}

void backend_changes_done(struct backend_changes *changes)
{
        for (size_t i = 0; i < changes->n_items; i++) {
                struct backend_change *change = &changes->items[i];

                free(change->name);
                free(change->arch);
                free(change->version_from);
                free(change->version_to);
                free(change->line);
        }
        free(changes->items);
        *changes = (struct backend_changes){0};
}

void backend_refresh_done(struct backend_refresh *refresh)
{
        for (size_t i = 0; i < refresh->n_items; i++) {
                free(refresh->items[i].repository);
                free(refresh->items[i].text);
        }
        free(refresh->items);
        free(refresh->text);
        *refresh = (struct backend_refresh){0};
}
