/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

static void diag_set(struct diag *diag, const char *text)
{
        CLEANUP(str_done) struct str clean = {0};

        str_append_printable(&clean, text);
        if (clean.failed)
                return;
        if (snprintf(diag->text, sizeof(diag->text), "%s", clean.data) >= (int)sizeof(diag->text))
                memcpy(diag->text + sizeof(diag->text) - 4, "...", 4);
}

int diag_fail(struct diag *diag, int error, const char *format, ...)
{
        CLEANUP(str_done) struct str text = {0};
        va_list args;

        if (!diag || diag->text[0] != '\0')
                return error;

        va_start(args, format);
        str_vappendf(&text, format, args);
        va_end(args);
        if (!text.failed)
                diag_set(diag, text.data);
        return error;
}

void diag_prefix(struct diag *diag, const char *format, ...)
{
        CLEANUP(str_done) struct str text = {0};
        va_list args;

        if (!diag || diag->text[0] == '\0')
                return;

        va_start(args, format);
        str_vappendf(&text, format, args);
        va_end(args);
        str_appendf(&text, ": %s", diag->text);
        if (!text.failed)
                diag_set(diag, text.data);
}

const char *diag_text(const struct diag *diag, int error)
{
        if (diag && diag->text[0] != '\0')
                return diag->text;
        return strerrordesc_np(error < 0 ? -error : error) ?: "unknown error";
}

void diag_clear(struct diag *diag)
{
        diag->text[0] = '\0';
}
