/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "base/str.h"
#include "packages/apt_release.h"
#include "packages/deb822.h"
#include "packages/dependency.h"

#include <string.h>

static bool wants(const char *name, size_t length, void *arg)
{
        (void)arg;
        return length > 0 && name[0] != 'x';
}

static int take(const struct deb822_stanza *stanza, void *arg, struct diag *diag)
{
        struct deb822_value value = deb822_find(stanza, "Package"), word;

        (void)diag;
        fuzz_check(value.at && value.at >= stanza->text &&
                   value.at + value.length <= stanza->text + stanza->size);
        while (deb822_next_word(&value, &word))
                str_append_n(arg, word.at, word.length);
        str_append_char(arg, ';');
        return 0;
}

/* Reads the file in blocks of that size; gives what was seen, or NULL when it is refused. */
static char *read_in_blocks(const char *data, size_t size, size_t block)
{
        struct str seen = {0};
        const struct deb822_handler handler = {.wants = wants, .take = take, .arg = &seen};
        struct deb822_reader *reader = deb822_reader_new(&handler);
        char *text = NULL;
        int r = reader ? 0 : -ENOMEM;

        for (size_t at = 0; r >= 0 && at < size; at += block)
                r = deb822_feed(reader, data + at, size - at < block ? size - at : block, NULL);
        if (r >= 0)
                r = deb822_finish(reader, NULL);
        deb822_reader_free(reader);
        if (r < 0)
                str_done(&seen);
        else
                fuzz_check(str_take(&seen, &text) == 0);
        return text;
}

static int ignore(const struct dependency *dependency, void *arg)
{
        (void)dependency;
        (void)arg;
        return 0;
}

/* Where blocks end must not matter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const size_t blocks[] = {1, 2, 7, 65};
        char *whole = read_in_blocks((const char *)data, size, size + 1);
        char *text = strndup((const char *)data, size);
        struct apt_release release = {0};

        for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
                char *pieces = read_in_blocks((const char *)data, size, blocks[i]);

                fuzz_check(whole ? pieces && strcmp(whole, pieces) == 0 : !pieces);
                free(pieces);
        }
        if (apt_release_parse((const char *)data, size, &release, NULL) == 0) {
                (void)apt_release_file_size(&release, "main/binary-amd64/Packages");
                (void)apt_release_is_security(&release);
                apt_release_done(&release);
        }
        if (text)
                (void)dependency_for_each(text, ignore, NULL);
        free(text);
        free(whole);
        return 0;
}
