/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How each kind of value in patchd.conf is read: strictly, or not at all. Used by config.c's table
 * of keys; tags also come from the command line.
 */

#include "base/diag.h"
#include "host/config.h"

#include <stddef.h>
#include <stdint.h>

enum {
        CONFIG_TEXT_MAX_BYTES = 4096,
        CONFIG_NODE_ID_MAX_BYTES = 128,
        CONFIG_TAGS_MAX = 100,
        CONFIG_WORDS_MAX = 1000,
};

struct config_range {
        int64_t min, max;
};

struct config_key {
        const char *section, *name;
        /* Sets the member at offset from value ("": none). Returns -EINVAL with a sentence that
         * does not repeat the key, or -ENOMEM. */
        int (*read)(struct config *config, const struct config_key *key, const char *value,
                    struct diag *diag);
        size_t offset; /* of the member in struct config */
        const struct config_range *range;
        const char *default_value;
};

#define CONFIG_READER(name)                                                                        \
        int name(struct config *config, const struct config_key *key, const char *value,           \
                 struct diag *diag) MUST_CHECK

CONFIG_READER(config_read_word);       /* char *: one line without blanks */
CONFIG_READER(config_read_path);       /* char *: an absolute path */
CONFIG_READER(config_read_policy_url); /* char *: https, file, or http on this host */
CONFIG_READER(config_read_report_url); /* char *: https, or http on this host */
CONFIG_READER(config_read_scope);      /* char *: lower-case letters, digits and - */
CONFIG_READER(config_read_lock_url);   /* char *: the same, without {...} */
CONFIG_READER(config_read_node_id);    /* char *: letters, digits and ._:@- */
CONFIG_READER(config_read_int);        /* int64_t within range */
CONFIG_READER(config_read_words);      /* struct strv: words between blanks, commas, lines */
CONFIG_READER(config_read_tags);       /* config->tags: such words, each KEY=VALUE */
CONFIG_READER(config_read_mode);       /* bool: "scan" is true, "policy" false */
CONFIG_READER(config_read_level);      /* enum log_level */

/* Adds KEY=VALUE, or replaces the value of a key that is there. The first '=' separates. */
int config_set_tag(struct node_tag **tags, size_t *n_tags, const char *text,
                   struct diag *diag) MUST_CHECK;

void config_clear_tags(struct config *config);
