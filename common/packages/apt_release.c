/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/apt_release.h"

#include "base/str.h"
#include "base/timetext.h"
#include "packages/deb822.h"

#include <string.h>

static const char signed_mark[] = "-----BEGIN PGP SIGNED MESSAGE-----";
static const char signature_mark[] = "\n-----BEGIN PGP SIGNATURE-----";

/* The message within a clear-signed file; the whole text when it isn't one. */
static struct deb822_value find_message(const char *text, size_t size)
{
        struct deb822_value message = {text, size};
        const char *start, *end;

        if (size < sizeof(signed_mark) || memcmp(text, signed_mark, sizeof(signed_mark) - 1) != 0)
                return message;
        start = memmem(text, size, "\n\n", 2);
        if (!start)
                return (struct deb822_value){text, 0};
        start += 2;
        message = (struct deb822_value){start, (size_t)(text + size - start)};
        end = memmem(message.at, message.length, signature_mark, sizeof(signature_mark) - 1);
        /* Without its signature the file was cut. */
        message.length = end ? (size_t)(end + 1 - message.at) : 0;
        return message;
}

static int get_text(const struct deb822_stanza *stanza, const char *name, char **ret)
{
        int r = deb822_get(stanza, name, ret);

        if (r >= 0 && !*ret)
                *ret = strdup("");
        return *ret ? r : -ENOMEM;
}

static time_t get_time(const struct deb822_stanza *stanza, const char *name)
{
        CLEANUP(freep) char *text = NULL;
        time_t time = 0;

        if (deb822_get(stanza, name, &text) < 0 || !text || time_from_rfc5322(text, &time) < 0)
                return 0;
        return time;
}

static int get_words(const struct deb822_stanza *stanza, const char *name, struct strv *ret)
{
        struct deb822_value value = deb822_find(stanza, name), word;
        int r = 0;

        while (r >= 0 && value.at && deb822_next_word(&value, &word))
                r = strv_addf(ret, "%.*s", (int)word.length, word.at);
        return r;
}

static bool says_all_is_separate(const struct deb822_stanza *stanza, const struct strv *archs)
{
        struct deb822_value targets = deb822_find(stanza, "No-Support-for-Architecture-all"), word;

        while (targets.at && deb822_next_word(&targets, &word))
                if (deb822_value_equals(word, "Packages"))
                        return false;
        return strv_contains(archs, "all");
}

static int get_sums(const struct deb822_stanza *stanza, char **ret)
{
        static const char *const fields[] = {"SHA256", "SHA512", "SHA1", "MD5Sum"};

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (deb822_find(stanza, fields[i]).at)
                        return deb822_get(stanza, fields[i], ret);
        *ret = strdup("");
        return *ret ? 0 : -ENOMEM;
}

static int read_fields(const struct deb822_stanza *stanza, struct apt_release *release)
{
        const struct {
                const char *name;
                char **target;
        } texts[] = {{"Origin", &release->origin},
                     {"Label", &release->label},
                     {"Suite", &release->suite},
                     {"Codename", &release->codename},
                     {"Version", &release->version}};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                r = get_text(stanza, texts[i].name, texts[i].target);
        if (r >= 0)
                r = get_words(stanza, "Architectures", &release->archs);
        if (r >= 0)
                r = get_words(stanza, "Components", &release->components);
        if (r < 0)
                return r;
        release->date = get_time(stanza, "Date");
        release->valid_until = get_time(stanza, "Valid-Until");
        release->not_automatic = deb822_get_bool(stanza, "NotAutomatic", false);
        release->but_automatic_upgrades =
            release->not_automatic && deb822_get_bool(stanza, "ButAutomaticUpgrades", false);
        release->all_is_separate = says_all_is_separate(stanza, &release->archs);
        return get_sums(stanza, &release->sums);
}

int apt_release_parse(const char *text, size_t size, struct apt_release *ret, struct diag *diag)
{
        CLEANUP(apt_release_done) struct apt_release release = {0};
        struct deb822_value message = find_message(text, size);
        int r;

        /* A Release file is one stanza, and that of a big archive is longer than a package's. */
        r = read_fields(&(struct deb822_stanza){message.at, message.length}, &release);
        if (r < 0)
                return r;
        if (release.date == 0 && !release.sums[0])
                return diag_fail(diag, -EBADMSG, "it is empty, cut or no Release file");
        *ret = release;
        release = (struct apt_release){0};
        return 0;
}

int64_t apt_release_file_size(const struct apt_release *release, const char *name)
{
        struct deb822_value rest = {release->sums, strlen(release->sums)}, line, words[3];

        while (deb822_next_line(&rest, &line)) {
                unsigned long long size;
                char digits[20];

                if (!deb822_next_word(&line, &words[0]) || !deb822_next_word(&line, &words[1]) ||
                    !deb822_next_word(&line, &words[2]) || !deb822_value_equals(words[2], name) ||
                    words[1].length >= sizeof(digits))
                        continue;
                memcpy(digits, words[1].at, words[1].length);
                digits[words[1].length] = '\0';
                if (str_to_uint64(digits, INT64_MAX, &size) == 0)
                        return (int64_t)size;
        }
        return -1;
}

bool apt_release_is_security(const struct apt_release *release)
{
        return strcmp(release->label, "Debian-Security") == 0 ||
               str_has_suffix(release->suite, "-security") ||
               str_has_suffix(release->codename, "-security");
}

void apt_release_done(struct apt_release *release)
{
        free(release->origin);
        free(release->label);
        free(release->suite);
        free(release->codename);
        free(release->version);
        strv_done(&release->archs);
        strv_done(&release->components);
        free(release->sums);
        *release = (struct apt_release){0};
}
