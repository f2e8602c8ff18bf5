/* SPDX-License-Identifier: Apache-2.0 */
#include "base/enums.h"

#include "base/str.h"

#include <string.h>

int enum_from_name(const struct enum_table *table, const char *name)
{
        for (size_t i = 0; i < table->n_names; i++)
                if (table->names[i] && strcmp(table->names[i], name) == 0)
                        return (int)i;
        return -EINVAL;
}

const char *enum_name(const struct enum_table *table, int value)
{
        if (value < 0 || (size_t)value >= table->n_names || !table->names[value])
                return "?";
        return table->names[value];
}

char *enum_list(const struct enum_table *table)
{
        CLEANUP(str_done) struct str list = {0};
        char *text = NULL;

        for (size_t i = 0; i < table->n_names; i++)
                str_appendf(&list, "%s%s", i > 0 ? ", " : "", table->names[i]);
        return str_take(&list, &text) < 0 ? NULL : text;
}
