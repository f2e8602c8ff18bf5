/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config_values.h"

#include "base/enums.h"
#include "base/str.h"
#include "base/url.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define WORD_SEPARATORS " \t\r\n,"

static const char *const level_words[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};
static const struct enum_table levels = ENUM_TABLE(level_words);

static const char *const mode_words[] = {"policy", "scan"};
static const struct enum_table modes = ENUM_TABLE(mode_words);

static void *member_of(struct config *config, const struct config_key *key)
{
        return (char *)config + key->offset;
}

/* ---- texts ---- */

static int set_text(struct config *config, const struct config_key *key, const char *value)
{
        char **member = member_of(config, key), *copy = NULL;

        if (*value != '\0') {
                copy = strdup(value);
                if (!copy)
                        return -ENOMEM;
        }
        free(*member);
        *member = copy;
        return 0;
}

static int check_word(const char *value, struct diag *diag)
{
        if (strlen(value) > CONFIG_TEXT_MAX_BYTES)
                return diag_fail(diag, -EINVAL, "is longer than %d bytes", CONFIG_TEXT_MAX_BYTES);
        for (const char *p = value; *p; p++)
                if (!isgraph((unsigned char)*p) && (unsigned char)*p < 0x80)
                        return diag_fail(diag, -EINVAL,
                                         "'%s' has a blank or a line break; one word is wanted",
                                         value);
        return 0;
}

int config_read_word(struct config *config, const struct config_key *key, const char *value,
                     struct diag *diag)
{
        int r = check_word(value, diag);

        return r < 0 ? r : set_text(config, key, value);
}

int config_read_path(struct config *config, const struct config_key *key, const char *value,
                     struct diag *diag)
{
        if (*value != '\0' && *value != '/')
                return diag_fail(diag, -EINVAL, "'%s' is not an absolute path", value);
        return config_read_word(config, key, value, diag);
}

int config_read_scope(struct config *config, const struct config_key *key, const char *value,
                      struct diag *diag)
{
        if (value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
                return diag_fail(diag, -EINVAL,
                                 "'%s' has something else than lower-case letters, digits and -",
                                 value);
        return set_text(config, key, value);
}

int config_read_node_id(struct config *config, const struct config_key *key, const char *value,
                        struct diag *diag)
{
        if (strlen(value) > CONFIG_NODE_ID_MAX_BYTES)
                return diag_fail(diag, -EINVAL, "is longer than %d bytes",
                                 CONFIG_NODE_ID_MAX_BYTES);
        if (*value == '.')
                return diag_fail(diag, -EINVAL, "'%s' begins with a dot", value);
        for (const char *p = value; *p; p++)
                if (!isalnum((unsigned char)*p) && !strchr("._:@-", *p))
                        return diag_fail(diag, -EINVAL,
                                         "'%s' has something else than letters, digits and . _ : "
                                         "@ -",
                                         value);
        return set_text(config, key, value);
}

/* ---- urls ---- */

static int set_url(struct config *config, const struct config_key *key, const char *value,
                   struct diag *diag)
{
        CLEANUP(freep) char *expanded = NULL;
        int r;

        if (*value != '\0') {
                r = config_expand_url(value, "node", "policy", &expanded, diag);
                if (r >= 0)
                        r = url_check(expanded, diag);
                if (r < 0)
                        return r;
        }
        return set_text(config, key, value);
}

int config_read_policy_url(struct config *config, const struct config_key *key, const char *value,
                           struct diag *diag)
{
        return set_url(config, key, value, diag);
}

int config_read_report_url(struct config *config, const struct config_key *key, const char *value,
                           struct diag *diag)
{
        if (strncasecmp(value, "file:", 5) == 0)
                return diag_fail(diag, -EINVAL,
                                 "'%s' is no place to send reports to; https is wanted", value);
        return set_url(config, key, value, diag);
}

int config_read_lock_url(struct config *config, const struct config_key *key, const char *value,
                         struct diag *diag)
{
        int r = *value != '\0' ? url_check(value, diag) : 0;

        if (r >= 0 && strncasecmp(value, "file:", 5) == 0)
                r = diag_fail(diag, -EINVAL, "'%s' is no server; https is wanted", value);
        return r < 0 ? r : set_text(config, key, value);
}

/* A path segment of RFC 3986: everything but the unreserved characters is encoded. */
static void append_segment(struct str *str, const char *text)
{
        for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
                if (isalnum(*p) || strchr("-._~", *p))
                        str_append_char(str, (char)*p);
                else
                        str_appendf(str, "%%%02X", *p);
        }
}

int config_expand_url(const char *url_template, const char *node_id, const char *policy_id,
                      char **ret, struct diag *diag)
{
        const struct {
                const char *name, *value;
        } values[] = {{"{node_id}", node_id}, {"{policy_id}", policy_id}};
        CLEANUP(str_done) struct str url = {0};
        const char *p = url_template;

        while (*p) {
                size_t i, plain = strcspn(p, "{}");

                str_append_n(&url, p, plain);
                p += plain;
                if (*p == '\0')
                        break;
                for (i = 0; i < ELEMENTSOF(values); i++)
                        if (str_has_prefix(p, values[i].name))
                                break;
                if (i == ELEMENTSOF(values))
                        return diag_fail(diag, -EINVAL,
                                         "'%s': '%s' is neither {node_id} nor {policy_id}",
                                         url_template, p);
                if (!values[i].value)
                        return diag_fail(diag, -EINVAL, "'%s': %s is not known", url_template,
                                         values[i].name);
                append_segment(&url, values[i].value);
                p += strlen(values[i].name);
        }
        return str_take(&url, ret);
}

/* ---- numbers and words ---- */

int config_read_int(struct config *config, const struct config_key *key, const char *value,
                    struct diag *diag)
{
        unsigned long long number;

        if (str_to_uint64(value, (unsigned long long)key->range->max, &number) < 0 ||
            number < (unsigned long long)key->range->min)
                return diag_fail(diag, -EINVAL, "'%s' is not a number from %" PRId64 " to %" PRId64,
                                 value, key->range->min, key->range->max);
        *(int64_t *)member_of(config, key) = (int64_t)number;
        return 0;
}

static int split_words(const char *value, size_t max_words, struct strv *ret, struct diag *diag)
{
        const char *p = value + strspn(value, WORD_SEPARATORS);
        int r;

        while (*p) {
                size_t length = strcspn(p, WORD_SEPARATORS);
                CLEANUP(freep) char *word = strndup(p, length);

                if (!word)
                        return -ENOMEM;
                if (ret->n_items == max_words)
                        return diag_fail(diag, -EINVAL, "has more than %zu words", max_words);
                r = strv_add(ret, word);
                if (r < 0)
                        return r;
                p += length;
                p += strspn(p, WORD_SEPARATORS);
        }
        return 0;
}

int config_read_words(struct config *config, const struct config_key *key, const char *value,
                      struct diag *diag)
{
        CLEANUP(strv_done) struct strv words = {0};
        struct strv *member = member_of(config, key);
        int r;

        r = split_words(value, CONFIG_WORDS_MAX, &words, diag);
        if (r < 0)
                return r;
        strv_done(member);
        *member = words;
        words = (struct strv){0};
        return 0;
}

static int read_enum(const struct enum_table *table, const char *value, struct diag *diag)
{
        CLEANUP(freep) char *list = NULL;
        int r = enum_from_name(table, value);

        if (r >= 0)
                return r;
        list = enum_list(table);
        return list ? diag_fail(diag, -EINVAL, "'%s' is not one of %s", value, list) : -ENOMEM;
}

int config_read_mode(struct config *config, const struct config_key *key, const char *value,
                     struct diag *diag)
{
        int r = read_enum(&modes, value, diag);

        if (r < 0)
                return r;
        *(bool *)member_of(config, key) = r == 1;
        return 0;
}

int config_read_level(struct config *config, const struct config_key *key, const char *value,
                      struct diag *diag)
{
        int r = read_enum(&levels, value, diag);

        if (r < 0)
                return r;
        *(enum log_level *)member_of(config, key) = (enum log_level)r;
        return 0;
}

/* ---- tags ---- */

static void clear_tags(struct node_tag *tags, size_t n_tags)
{
        for (size_t i = 0; i < n_tags; i++) {
                free(tags[i].key);
                free(tags[i].value);
        }
        free(tags);
}

void config_clear_tags(struct config *config)
{
        clear_tags(config->tags, config->n_tags);
        config->tags = NULL;
        config->n_tags = 0;
}

static int add_tag(struct node_tag **tags, size_t *n_tags, const char *key, size_t key_length,
                   const char *value)
{
        struct node_tag *larger = reallocarray(*tags, *n_tags + 1, sizeof(*larger));
        struct node_tag tag;

        if (!larger)
                return -ENOMEM;
        *tags = larger;
        tag = (struct node_tag){.key = strndup(key, key_length), .value = strdup(value)};
        if (!tag.key || !tag.value) {
                free(tag.key);
                free(tag.value);
                return -ENOMEM;
        }
        larger[(*n_tags)++] = tag;
        return 0;
}

int config_set_tag(struct node_tag **tags, size_t *n_tags, const char *text, struct diag *diag)
{
        const char *equals = strchr(text, '=');
        size_t length = equals ? (size_t)(equals - text) : 0;

        if (length == 0)
                return diag_fail(diag, -EINVAL, "'%s' is not KEY=VALUE", text);
        for (size_t i = 0; i < *n_tags; i++) {
                char *value;

                if (strlen((*tags)[i].key) != length || memcmp((*tags)[i].key, text, length) != 0)
                        continue;
                value = strdup(equals + 1);
                if (!value)
                        return -ENOMEM;
                free((*tags)[i].value);
                (*tags)[i].value = value;
                return 0;
        }
        if (*n_tags >= CONFIG_TAGS_MAX)
                return diag_fail(diag, -EINVAL, "more than %d tags", CONFIG_TAGS_MAX);
        return add_tag(tags, n_tags, text, length, equals + 1);
}

int config_read_tags(struct config *config, const struct config_key *key, const char *value,
                     struct diag *diag)
{
        CLEANUP(strv_done) struct strv words = {0};
        struct node_tag *tags = NULL;
        size_t n_tags = 0;
        int r;

        (void)key;
        r = split_words(value, CONFIG_WORDS_MAX, &words, diag);
        for (size_t i = 0; r >= 0 && i < words.n_items; i++)
                r = config_set_tag(&tags, &n_tags, words.items[i], diag);
        if (r < 0) {
                clear_tags(tags, n_tags);
                return r;
        }
        config_clear_tags(config);
        config->tags = tags;
        config->n_tags = n_tags;
        return 0;
}
