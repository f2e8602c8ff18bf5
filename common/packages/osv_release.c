/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/osv_release.h"

#include "base/str.h"

#include <string.h>

/* After prefix and version an ecosystem ends, or a colon begins what does not matter here
 * (":LTS", "::appstream"). */
static const struct ecosystem {
        const char *os_id;
        const char *prefix;
        bool is_major_only;      /* "9" for every 9.x */
        bool allows_minor;       /* the ecosystem may say "10.1" for 10 */
        bool needs_subscription; /* can't be installed without one */
} ecosystems[] = {
    {.os_id = "debian", .prefix = "Debian:", .is_major_only = true},
    {.os_id = "ubuntu", .prefix = "Ubuntu:"},
    {.os_id = "ubuntu", .prefix = "Ubuntu:Pro:", .needs_subscription = true},
    {.os_id = "ubuntu", .prefix = "Ubuntu:Pro:FIPS:", .needs_subscription = true},
    {.os_id = "ubuntu", .prefix = "Ubuntu:Pro:FIPS-updates:", .needs_subscription = true},
    {.os_id = "ubuntu", .prefix = "Ubuntu:Pro:Realtime:", .needs_subscription = true},
    {.os_id = "almalinux", .prefix = "AlmaLinux:", .is_major_only = true},
    {.os_id = "rocky", .prefix = "Rocky Linux:", .is_major_only = true},
    {.os_id = "rhel",
     .prefix = "Red Hat:enterprise_linux:",
     .is_major_only = true,
     .allows_minor = true},
};

static const struct ecosystem *find_ecosystem(const char *os_id)
{
        for (size_t i = 0; i < ELEMENTSOF(ecosystems); i++)
                if (strcmp(ecosystems[i].os_id, os_id) == 0)
                        return &ecosystems[i];
        return NULL;
}

int osv_release_for(const char *os_id, const char *os_version, bool with_subscription,
                    struct osv_release *ret, struct diag *diag)
{
        const struct ecosystem *ecosystem = find_ecosystem(os_id);
        size_t length = strspn(os_version, "0123456789.");

        if (!ecosystem)
                return diag_fail(diag, -EOPNOTSUPP,
                                 "no advisories in OSV format are known for '%s'; debian, ubuntu, "
                                 "almalinux, rocky and rhel have some",
                                 os_id);
        if (length == 0 || os_version[length] != '\0' || os_version[0] == '.')
                return diag_fail(diag, -EINVAL, "'%s' is no version of %s", os_version, os_id);
        if (ecosystem->is_major_only)
                length = strcspn(os_version, ".");
        if (length >= sizeof(ret->version))
                return diag_fail(diag, -EINVAL, "'%s' is no version of %s", os_version, os_id);
        *ret =
            (struct osv_release){.os_id = ecosystem->os_id, .with_subscription = with_subscription};
        memcpy(ret->version, os_version, length);
        return 0;
}

static bool is_about(const struct ecosystem *ecosystem, const char *version, const char *text)
{
        if (!str_has_prefix(text, ecosystem->prefix))
                return false;
        text += strlen(ecosystem->prefix);
        if (!str_has_prefix(text, version))
                return false;
        text += strlen(version);
        if (ecosystem->allows_minor && *text == '.')
                text += 1 + strspn(text + 1, "0123456789");
        return *text == '\0' || *text == ':';
}

bool osv_release_covers(const struct osv_release *release, const char *ecosystem)
{
        for (size_t i = 0; i < ELEMENTSOF(ecosystems); i++)
                if (strcmp(ecosystems[i].os_id, release->os_id) == 0 &&
                    (release->with_subscription || !ecosystems[i].needs_subscription) &&
                    is_about(&ecosystems[i], release->version, ecosystem))
                        return true;
        return false;
}
