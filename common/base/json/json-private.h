/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside of base/json: the files of this folder are the only users of json-c. */

#include "base/json.h"

#include <json-c/json.h>

static inline struct json_object *json_object_of(const struct json *json)
{
        return (struct json_object *)json;
}

static inline const struct json *json_of(struct json_object *object)
{
        return (const struct json *)object;
}

/* What json-c tolerates and RFC 8259 or we do not: a name twice in one object, single quotes, NaN,
 * TRUE. text has passed json-c, so its brackets match. Returns -EINVAL with a sentence. */
int json_scan(const char *text, struct diag *diag) MUST_CHECK;
