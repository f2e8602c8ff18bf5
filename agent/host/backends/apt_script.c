/* SPDX-License-Identifier: Apache-2.0 */
#include "host/backends/apt_output.h"

#include "base/str.h"

#include <string.h>

/* Where dpkg runs scripts: those of what is installed, and those of the archive that it unpacks. */
static const char installed_folder[] = "/var/lib/dpkg/info/";
static const char unpacked_folder[] = "/var/lib/dpkg/tmp.ci/";

static const char *const kinds[] = {"preinst", "postinst", "prerm", "postrm"};

static bool is_kind(const char *text)
{
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (strcmp(text, kinds[i]) == 0)
                        return true;
        return false;
}

char *apt_script_name(const char *argument)
{
        const char *name, *dot, *colon;

        if (str_has_prefix(argument, unpacked_folder)) {
                name = argument + strlen(unpacked_folder);
                return is_kind(name) ? strdup(name) : NULL;
        }
        if (!str_has_prefix(argument, installed_folder))
                return NULL;
        name = argument + strlen(installed_folder);
        dot = strrchr(name, '.');
        if (!dot || strchr(name, '/') || !is_kind(dot + 1))
                return NULL;
        colon = strchr(name, ':'); /* NAME:ARCH.postinst, of libraries for several architectures */
        return str_format("%.*s%s", (int)((colon ?: dot) - name), name, dot);
}
