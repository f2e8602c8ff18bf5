/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "packages/apt_conf.h"
#include "packages/apt_lists.h"
#include "packages/apt_sources.h"

#include <string.h>

/* A name in the lists folder never leaves it. */
static void check_names(const struct apt_source *source)
{
        char *key = NULL, *name = NULL;

        fuzz_check(source->uri[0] && source->suite[0]);
        if (apt_lists_index_key(source, "amd64", &key) == 0 &&
            apt_lists_index_name(source, key, &name) == 0)
                fuzz_check(!strchr(name, '/'));
        free(key);
        free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char *items[] = {(char *)"amd64", NULL};
        static const struct strv archs = {items, 1};
        const struct apt_sources_context context = {"file", "amd64", &archs};
        struct apt_sources sources = {0};
        struct apt_conf conf = {0};
        struct diag diag = {0};
        int r = apt_sources_parse_list(&sources, (const char *)data, size, &context, &diag);

        fuzz_check((r < 0) == (diag.text[0] != '\0'));
        diag_clear(&diag);
        r = apt_sources_parse_deb822(&sources, (const char *)data, size, &context, &diag);
        fuzz_check((r < 0) == (diag.text[0] != '\0'));
        for (size_t i = 0; i < sources.n_items; i++)
                check_names(&sources.items[i]);
        apt_sources_done(&sources);
        fuzz_check(apt_conf_parse(&conf, (const char *)data, size, NULL) <= 0);
        (void)apt_conf_get(&conf, "APT::Architecture");
        apt_conf_done(&conf);
        return 0;
}
