/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/apt_preferences.h"

#include "base/enums.h"
#include "base/str.h"
#include "packages/deb822.h"

#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <regex.h>
#include <string.h>
#include <strings.h>

static const char default_release_file[] = "APT::Default-Release";

/* ---- reading ---- */

struct pin_reader {
        struct apt_preferences *preferences;
        const char *file;
};

static int add_pin(struct apt_preferences *preferences, const struct apt_pin *from)
{
        struct apt_pin pin = *from, *pins;

        if (preferences->n_pins >= APT_PINS_MAX)
                return -E2BIG;
        pins = reallocarray(preferences->pins, preferences->n_pins + 1, sizeof(*pins));
        if (!pins)
                return -ENOMEM;
        preferences->pins = pins;
        pin.package = from->package ? strdup(from->package) : NULL;
        pin.data = strdup(from->data);
        pin.file = strdup(from->file);
        pins[preferences->n_pins++] = pin;
        return (pin.package || !from->package) && pin.data && pin.file ? 0 : -ENOMEM;
}

/* "release a=stable" is a type and its data. False for a type that is unknown. */
static bool split_pin(const struct deb822_stanza *stanza, enum pin_type *ret_type,
                      struct deb822_value *ret_data)
{
        static const char *const names[] = {
            [PIN_VERSION] = "version", [PIN_RELEASE] = "release", [PIN_ORIGIN] = "origin"};
        struct deb822_value rest = deb822_find(stanza, "Pin"), word;

        if (!rest.at || !deb822_next_word(&rest, &word))
                return false;
        while (rest.length > 0 && isspace((unsigned char)*rest.at)) {
                rest.at++;
                rest.length--;
        }
        *ret_data = rest;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                *ret_type = (enum pin_type)i;
                if (word.length == strlen(names[i]) &&
                    strncasecmp(word.at, names[i], word.length) == 0)
                        return true;
        }
        return false;
}

static int read_priority(const struct deb822_stanza *stanza, bool general, int *ret,
                         struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        char *end;
        long value;
        int r;

        r = deb822_get(stanza, "Pin-Priority", &text);
        if (r < 0)
                return r;
        if (text && strcmp(text, "never") == 0) {
                if (!general)
                        return diag_fail(diag, -EINVAL,
                                         "'Pin-Priority: never' is for 'Package: *' only");
                *ret = APT_PRIORITY_NEVER;
                return 0;
        }
        errno = 0;
        value = text ? strtol(text, &end, 10) : 0;
        if (value == 0)
                return diag_fail(diag, -EINVAL, "a pin without priority (or with 0)");
        if (errno != 0 || *end || value < SHRT_MIN || value > SHRT_MAX)
                return diag_fail(diag, -EINVAL, "'Pin-Priority: %s' is not from %d to %d", text,
                                 SHRT_MIN, SHRT_MAX);
        *ret = value == APT_PRIORITY_NEVER ? APT_PRIORITY_NEVER + 1 : (int)value;
        return 0;
}

static int add_pins(struct pin_reader *reader, struct deb822_value packages, struct apt_pin *pin,
                    struct diag *diag)
{
        struct deb822_value word;
        int r = 0;

        if (deb822_value_equals(packages, "*"))
                return add_pin(reader->preferences, pin);
        while (r >= 0 && deb822_next_word(&packages, &word)) {
                CLEANUP(freep) char *name = strndup(word.at, word.length);

                if (!name)
                        return -ENOMEM;
                if (word.length > APT_PIN_PATTERN_MAX)
                        return diag_fail(diag, -EINVAL, "a package pattern over %d bytes",
                                         APT_PIN_PATTERN_MAX);
                pin->package = name;
                r = add_pin(reader->preferences, pin);
        }
        return r;
}

static int take_stanza(const struct deb822_stanza *stanza, void *arg, struct diag *diag)
{
        struct pin_reader *reader = arg;
        struct deb822_value packages = deb822_find(stanza, "Package"), data;
        struct apt_pin pin = {.file = (char *)reader->file};
        CLEANUP(freep) char *text = NULL;
        bool general = deb822_value_equals(packages, "*");
        int r;

        if (!packages.at || packages.length == 0)
                return diag_fail(diag, -EINVAL, "a record without Package");
        /* As apt does: what it doesn't understand is no pin. */
        if (!split_pin(stanza, &pin.type, &data) || (general && pin.type == PIN_VERSION))
                return 0;
        r = read_priority(stanza, general, &pin.priority, diag);
        if (r < 0)
                return r;
        text = strndup(data.at, data.length);
        if (!text)
                return -ENOMEM;
        pin.data = text;
        return add_pins(reader, packages, &pin, diag);
}

int apt_preferences_parse(struct apt_preferences *preferences, const char *text, size_t size,
                          const char *file, struct diag *diag)
{
        struct pin_reader reader = {.preferences = preferences, .file = file};
        const struct deb822_handler handler = {.take = take_stanza, .arg = &reader};
        int r;

        r = deb822_read_text(text, size, &handler, diag);
        if (r < 0)
                diag_prefix(diag, "%s", file);
        return r;
}

int apt_preferences_add_default_release(struct apt_preferences *preferences, const char *release)
{
        const struct apt_pin pin = {.type = PIN_RELEASE,
                                    .data = (char *)release,
                                    .priority = 990,
                                    .file = (char *)default_release_file};

        return add_pin(preferences, &pin);
}

/* ---- matching ---- */

/* A glob or /regex/, without case. Texts that are "" stand for absent ones: nothing matches. */
static bool expression_matches(const char *pattern, const char *text)
{
        CLEANUP(freep) char *inside = NULL;
        size_t length = strlen(pattern);
        regex_t regex;
        bool matches;

        if (length > APT_PIN_PATTERN_MAX || !*text)
                return false;
        if (length < 2 || pattern[0] != '/' || pattern[length - 1] != '/')
                return fnmatch(pattern, text, FNM_CASEFOLD) == 0;
        inside = strndup(pattern + 1, length - 2);
        if (!inside || regcomp(&regex, inside, REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
                return false;
        matches = regexec(&regex, text, 0, NULL, 0) == 0;
        regfree(&regex);
        return matches;
}

static bool version_matches(const char *pattern, const char *version)
{
        size_t length = strlen(pattern);

        if (length > 0 && pattern[length - 1] == '*' &&
            strncasecmp(pattern, version, length - 1) == 0)
                return true;
        return expression_matches(pattern, version);
}

/* One "k=value" of a release pin. */
static bool fragment_matches(const char *fragment, const struct pin_target *target)
{
        const struct {
                char key;
                const char *value;
        } keys[] = {
            {'v', target->version},  {'o', target->origin}, {'a', target->archive},
            {'n', target->codename}, {'l', target->label},  {'c', target->component},
            {'b', target->arch},
        };
        char key = (char)tolower((unsigned char)fragment[0]);

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                if (key != keys[i].key)
                        continue;
                return key == 'v' ? version_matches(fragment + 2, keys[i].value)
                                  : expression_matches(fragment + 2, keys[i].value);
        }
        return true;
}

static bool fragment_is_known(const char *fragment)
{
        return strlen(fragment) >= 3 && fragment[1] == '=' &&
               strchr("voanlcb", tolower((unsigned char)fragment[0]));
}

static char *trim(char *text)
{
        size_t length;

        text += strspn(text, " \t\n\r");
        for (length = strlen(text); length > 0 && strchr(" \t\n\r", text[length - 1]);)
                text[--length] = '\0';
        return text;
}

static bool release_matches(const char *data, const struct pin_target *target)
{
        CLEANUP(freep) char *copy = strdup(data);
        char *rest = NULL;
        bool any = false;

        if (strcmp(data, "*") == 0)
                return true;
        if (!copy)
                return false;
        if (!strchr(data, '=')) {
                if (isdigit((unsigned char)data[0]))
                        return version_matches(data, target->version);
                return expression_matches(data, target->archive) ||
                       expression_matches(data, target->codename);
        }
        for (char *part = strtok_r(copy, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
                part = trim(part);
                if (!fragment_is_known(part))
                        continue;
                if (!fragment_matches(part, target))
                        return false;
                any = true;
        }
        return any;
}

/* A host name, which may stand in quotes; "" is for local repositories. */
static bool origin_matches(const char *data, const struct pin_target *target)
{
        CLEANUP(freep) char *host = NULL;
        size_t length = strlen(data);
        bool quoted = length >= 2 && data[0] == '"' && data[length - 1] == '"';

        host = strndup(data + quoted, length - (quoted ? 2 : 0));
        if (!host || target->is_status)
                return false;
        return *host ? expression_matches(host, target->site) : !*target->site;
}

static bool pin_matches_target(const struct apt_pin *pin, const struct pin_target *target)
{
        return pin->type == PIN_RELEASE ? release_matches(pin->data, target)
                                        : origin_matches(pin->data, target);
}

void apt_preferences_judge_index(const struct apt_preferences *preferences,
                                 struct pin_target *target)
{
        bool fixed = false;

        target->priority = 500;
        if (target->is_status || target->but_automatic_upgrades)
                target->priority = 100;
        else if (target->not_automatic)
                target->priority = 1;
        target->pin = NULL;
        for (size_t i = 0; i < preferences->n_pins; i++) {
                const struct apt_pin *pin = &preferences->pins[i];

                if (pin->package || (fixed && pin->priority != APT_PRIORITY_NEVER) ||
                    !pin_matches_target(pin, target))
                        continue;
                target->priority = pin->priority;
                target->pin = pin;
                fixed = true;
        }
}

/* "src:name:arch" without prefix; the architecture is cut off and given, NULL when there is none.
 */
static bool arch_matches(const char *wanted, const struct pin_version *version)
{
        const char *arch = strcmp(version->arch, "all") == 0 ? version->native_arch : version->arch;

        if (!wanted || strcmp(wanted, "native") == 0)
                wanted = version->native_arch;
        return strcmp(wanted, "any") == 0 || fnmatch(wanted, arch, 0) == 0;
}

static bool pin_matches_package(const struct apt_pin *pin, const struct pin_version *version)
{
        bool is_source = str_has_prefix(pin->package, "src:");
        const char *actual = is_source ? version->source : version->name;
        CLEANUP(freep) char *name = strdup(pin->package + (is_source ? 4 : 0));
        char *colon;

        if (!name || !actual)
                return false;
        colon = strrchr(name, ':');
        if (colon)
                *colon++ = '\0';
        if (!arch_matches(colon, version))
                return false;
        if (strpbrk(name, "*[?") || name[0] == '/')
                return expression_matches(name, actual);
        return strcmp(name, actual) == 0;
}

static bool pin_matches_version(const struct apt_pin *pin, const struct pin_version *version)
{
        if (!pin->package || !pin_matches_package(pin, version))
                return false;
        if (pin->type == PIN_VERSION)
                return version_matches(pin->data, version->version);
        for (size_t i = 0; i < version->n_targets; i++)
                if (pin_matches_target(pin, version->targets[i]))
                        return true;
        return false;
}

int apt_preferences_judge_version(const struct apt_preferences *preferences,
                                  const struct pin_version *version, const struct apt_pin **ret_pin)
{
        int best = INT_MIN;

        *ret_pin = NULL;
        for (size_t i = 0; i < version->n_targets; i++) {
                const struct pin_target *target = version->targets[i];

                if (target->priority > best) {
                        best = target->priority;
                        *ret_pin = target->pin;
                }
        }
        if (best == INT_MIN)
                return 0;
        for (size_t i = 0; best != APT_PRIORITY_NEVER && i < preferences->n_pins; i++) {
                if (!pin_matches_version(&preferences->pins[i], version))
                        continue;
                *ret_pin = &preferences->pins[i];
                return preferences->pins[i].priority;
        }
        return best;
}

void apt_preferences_done(struct apt_preferences *preferences)
{
        for (size_t i = 0; i < preferences->n_pins; i++) {
                free(preferences->pins[i].package);
                free(preferences->pins[i].data);
                free(preferences->pins[i].file);
        }
        free(preferences->pins);
        *preferences = (struct apt_preferences){0};
}
