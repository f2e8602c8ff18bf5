/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/source_name.h"

#include "base/str.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <string.h>

/* ---- versions: each gives the real one; NULL: not written as expected, or out of memory ---- */

/* 6.1.192+2 -> 6.1.192-2: what is signed is a native package, so it has no "-". */
static char *plus_to_dash(const char *version)
{
        char *real = strdup(version);
        char *plus = real ? strchr(real, '+') : NULL;

        if (plus && !strchr(real, '-'))
                *plus = '-';
        return real;
}

/* 1+2.06+13+deb12u1 -> 2.06-13+deb12u1: a counter of its own stands first. */
static char *after_counter(const char *version)
{
        size_t n_digits = strspn(version, "0123456789");

        return n_digits > 0 && version[n_digits] == '+' ? plus_to_dash(version + n_digits + 1)
                                                        : NULL;
}

static char *same(const char *version)
{
        return strdup(version);
}

/* 5.15.0.100.97 -> 5.15.0-100.<more than any upload>: a meta package counts its own uploads, but
 * the fourth number is the kernel's ABI. Later ones are written as the kernel's own version. */
static char *after_abi(const char *version)
{
        const char *at = version;

        if (strchr(version, '-'))
                return strdup(version);
        for (int n_dots = 0; n_dots < 3; n_dots++) {
                at = strchr(at, '.');
                if (!at)
                        return NULL;
                at++;
        }
        return str_format("%.*s-%.*s.999999", (int)(at - 1 - version), version,
                          (int)strcspn(at, "."), at);
}

/* ---- sources ---- */

/* What "*" of from stands for (a flavour of the kernel, an architecture) is put in place of that of
 * `to`, if it has one. The first that matches counts. */
static const struct mapping {
        const char *from;
        const char *to;
        char *(*version)(const char *version);
        bool of_binary; /* the real version stands behind the source's own in the binary's */
} mappings[] = {
    {"linux-signed*-amd64", "linux*", plus_to_dash, false}, /* Debian */
    {"linux-signed*-arm64", "linux*", plus_to_dash, false},
    {"linux-signed*-armhf", "linux*", plus_to_dash, false},
    {"linux-signed*-i386", "linux*", plus_to_dash, false},
    {"linux-signed*-riscv64", "linux*", plus_to_dash, false},
    {"linux-signed*", "linux*", same, false}, /* Ubuntu */
    {"linux-meta*", "linux*", after_abi, false},
    {"grub-efi-*-signed", "grub2", after_counter, false},
    {"grub2-signed", "grub2-unsigned", same, true},
    {"shim-helpers-*-signed", "shim", after_counter, false},
    {"shim-signed", "shim", same, true},
    {"fwupd-*-signed", "fwupd-efi", plus_to_dash, false},
    {"fwupd-signed", "fwupd-efi", same, true},
};

void source_name_done(struct source_name *name)
{
        free(name->owned_name);
        free(name->owned_version);
        *name = (struct source_name){0};
}

/* 1.51~1+deb12u1+16.1-2~deb12u1 behind the source's 1.51~1+deb12u1; NULL: nothing is there. */
static const char *behind(const char *source_version, const char *binary_version)
{
        size_t length = strlen(source_version);

        if (!str_has_prefix(binary_version, source_version) || binary_version[length] != '+')
                return NULL;
        return binary_version + length + 1;
}

static char *real_name(const struct mapping *mapping, const char *source)
{
        size_t n_before = strcspn(mapping->from, "*"), n_kept = strcspn(mapping->to, "*");
        size_t n_star = 0;

        if (mapping->from[n_before] == '*' && mapping->to[n_kept] == '*')
                n_star = strlen(source) + 1 - strlen(mapping->from);
        return str_format("%.*s%.*s", (int)n_kept, mapping->to, (int)n_star, source + n_before);
}

static int apply(const struct mapping *mapping, const char *source, const char *version,
                 struct source_name *name)
{
        name->owned_version = mapping->version(version);
        if (!name->owned_version)
                return 0; /* not as expected: it stays what it is */
        name->owned_name = real_name(mapping, source);
        if (!name->owned_name) {
                source_name_done(name);
                return -ENOMEM;
        }
        name->name = name->owned_name;
        name->version = name->owned_version;
        return 0;
}

int source_name_resolve(const char *source, const char *source_version, const char *binary_version,
                        struct source_name *ret)
{
        struct source_name name = {.name = source, .version = source_version};
        int r = 0;

        for (size_t i = 0; source && source_version && i < ELEMENTSOF(mappings); i++) {
                const char *version = source_version;

                if (fnmatch(mappings[i].from, source, 0) != 0)
                        continue;
                if (mappings[i].of_binary)
                        version = binary_version ? behind(source_version, binary_version) : NULL;
                r = version ? apply(&mappings[i], source, version, &name) : 0;
                break;
        }
        if (r < 0)
                return r;
        *ret = name;
        return 0;
}
