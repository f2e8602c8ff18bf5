/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The settings of apt.conf(5) files as a flat list of "A::B::c" and its value; later ones win. Keys
 * are compared without case, as apt does. Reading order and includes are the caller's.
 */

#include "base/diag.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>

enum { APT_CONF_ITEMS_MAX = 20000, APT_CONF_DEPTH_MAX = 32 };

struct apt_conf_item {
        char *key, *value; /* a member of a list has a key that ends in "::" */
};

struct apt_conf {
        struct apt_conf_item *items;
        size_t n_items;
        struct strv includes; /* of #include directives, which are not followed here */
};

/* Adds what one file says. Returns -EINVAL with the line of a syntax error, -E2BIG, -ENOMEM. */
int apt_conf_parse(struct apt_conf *conf, const char *text, size_t size,
                   struct diag *diag) MUST_CHECK;

/* The value; NULL when there is none. */
const char *apt_conf_get(const struct apt_conf *conf, const char *key);
bool apt_conf_get_bool(const struct apt_conf *conf, const char *key, bool fallback);

/* Adds the members of a list to ret; a plain value counts as one. Returns -ENOMEM. */
int apt_conf_get_list(const struct apt_conf *conf, const char *key, struct strv *ret) MUST_CHECK;

void apt_conf_done(struct apt_conf *conf);
