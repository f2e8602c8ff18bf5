/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy-private.h"

#include <string.h>

void *policy_add_item(void *array, size_t *n_items, size_t item_size)
{
        void **items = array;
        char *grown = reallocarray(*items, *n_items + 1, item_size);

        if (!grown)
                return NULL;
        *items = grown;
        return memset(grown + item_size * (*n_items)++, 0, item_size);
}

static const char *name_at(const void *items, size_t index, size_t item_size)
{
        return *(char *const *)((const char *)items + index * item_size);
}

int policy_check_unique(const struct json_node *item, const char *key, const void *items,
                        size_t n_items, size_t item_size, struct diag *diag)
{
        const char *last = name_at(items, n_items - 1, item_size);

        for (size_t i = 0; i + 1 < n_items; i++)
                if (strcmp(name_at(items, i, item_size), last) == 0)
                        return policy_fail_at(diag, item, key,
                                              "'%s' is taken by [%zu] of the same list", last, i);
        return 0;
}

static int read_short(const struct json_node *node, size_t max_bytes, char **target,
                      struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        int r;

        r = json_read_string(node, NULL, &text, diag);
        if (r < 0)
                return r;
        if (strlen(text) > max_bytes)
                return json_fail(diag, node, "is longer than %zu bytes", max_bytes);
        free(*target);
        *target = TAKE_PTR(text);
        return 0;
}

int policy_read_name(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag)
{
        (void)field;
        return read_short(node, POLICY_NAME_MAX_BYTES, target, diag);
}

int policy_read_text(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag)
{
        (void)field;
        return read_short(node, POLICY_REASON_MAX_BYTES, target, diag);
}

/* Ids become parts of file names and URLs, so a slash, a blank or a leading dot is out. */
static bool is_id(const char *text)
{
        static const char allowed[] =
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._:+~@-";

        return !strchr("._:+~@-", text[0]) && text[strspn(text, allowed)] == '\0';
}

int policy_read_id(const struct json_node *node, const struct json_field *field, void *target,
                   struct diag *diag)
{
        CLEANUP(freep) char *id = NULL;
        int r;

        (void)field;
        r = read_short(node, POLICY_NAME_MAX_BYTES, &id, diag);
        if (r < 0)
                return r;
        if (!is_id(id))
                return json_fail(diag, node,
                                 "'%s' is not an id: a letter or digit, then letters, digits and "
                                 "any of . _ : + ~ @ -",
                                 id);
        free(*(char **)target);
        *(char **)target = TAKE_PTR(id);
        return 0;
}

int policy_read_globs(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag)
{
        size_t n_items = json_length(node->value);

        if (n_items > POLICY_GLOBS_MAX)
                return json_fail(diag, node, "has %zu items, more than %d", n_items,
                                 POLICY_GLOBS_MAX);
        return json_read_strings(node, field, target, diag);
}

int policy_read_later(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag)
{
        (void)field;
        (void)target;
        if (!node->value)
                return json_fail(diag, node, "is null; leave the key out instead");
        return 0;
}

int policy_check_member_name(const struct json_node *member, struct diag *diag)
{
        size_t length = strlen(member->name);

        if (length == 0)
                return json_fail(diag, member->parent, "a name in it is empty");
        if (length > POLICY_NAME_MAX_BYTES)
                return json_fail(diag, member->parent, "a name in it is longer than %d bytes",
                                 POLICY_NAME_MAX_BYTES);
        for (const char *c = member->name; *c; c++)
                if ((unsigned char)*c < 0x20 || *c == 0x7f)
                        return json_fail(diag, member->parent,
                                         "a name in it has a control character");
        return 0;
}

/* ---- match ---- */

static int read_tag(const struct json_node *member, void *arg, struct diag *diag)
{
        struct match *match = arg;
        struct match_tag *tag;
        int r;

        r = policy_check_member_name(member, diag);
        if (r < 0)
                return r;
        tag = policy_add_item(&match->tags, &match->n_tags, sizeof(*tag));
        if (!tag)
                return -ENOMEM;
        tag->key = strdup(member->name);
        if (!tag->key)
                return -ENOMEM;
        return policy_read_globs(member, NULL, &tag->values, diag);
}

static int read_tags(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag)
{
        (void)field;
        return json_read_members(node, POLICY_TAGS_MAX, read_tag, target, diag);
}

int policy_read_match(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag)
{
        static const struct json_field fields[] = {
            {"tags", read_tags, 0, false, NULL},
            {"os", policy_read_globs, offsetof(struct match, os), false, NULL},
            {"hostname", policy_read_globs, offsetof(struct match, hostname), false, NULL},
            {"arch", policy_read_globs, offsetof(struct match, arch), false, NULL},
        };

        (void)field;
        return json_read_object(node, fields, ELEMENTSOF(fields), target, diag);
}
