/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Facts of the node itself: who it is, its zones, its keys, its clock's limits, its reboot state.
 */

#include "base/diag.h"
#include "base/strv.h"
#include "host/config.h"
#include "host/root.h"
#include "policy/assignment.h"
#include "policy/envelope.h"

struct inventory;

/* Fills node from os-release, the static host name, the machine id (app-specific, so that the real
 * one is never sent) and the configuration. In a foreign root nothing of the running host is used.
 * extra_tags ("K=V", from --tag) override configured ones. config may be NULL. */
int host_node(const struct root *root, const struct config *config, const struct strv *extra_tags,
              const char *package_arch, struct node *ret, struct diag *diag) MUST_CHECK;

/* A zone loader over a zoneinfo folder; refuses names that leave it. */
struct zone_loader host_zone_loader(const struct paths *paths);

/* All PEM files of <etc>/trusted-keys.d. A file that is no public key is an error naming it. */
int host_keyring(const struct paths *paths, struct keyring **ret, struct diag *diag) MUST_CHECK;

enum reboot_required { REBOOT_REQUIRED_UNKNOWN, REBOOT_REQUIRED_NO, REBOOT_REQUIRED_YES };
extern const struct enum_table reboot_required_names;

struct reboot_state {
        enum reboot_required required;
        struct strv reasons; /* one sentence each, with the file or versions behind it */
};
void reboot_state_done(struct reboot_state *state);

/* /run/reboot-required(.pkgs), and the running kernel against the installed ones by version order;
 * in a container the kernel is never a reason. A foreign root is `no` unless the file is there. */
int host_reboot_state(const struct root *root, const struct node *node,
                      const struct inventory *inventory, struct reboot_state *ret,
                      struct diag *diag) MUST_CHECK;

bool host_is_container(void);

/* The id of this boot as 32 hex digits, "" when it is not known. The caller frees; NULL: no memory.
 */
char *host_boot_id(void);

/* A new run id: "20261122T010000Z-1a2b3c4d", sortable, unique. The caller frees; NULL: no memory.
 */
char *host_new_run_id(time_t now);
