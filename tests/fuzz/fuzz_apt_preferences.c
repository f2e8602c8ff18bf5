/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "packages/apt_preferences.h"
#include "packages/version_deb.h"

#include <string.h>

static void judge(const struct apt_preferences *preferences)
{
        struct pin_target target = {.archive = "stable",
                                    .codename = "bookworm",
                                    .version = "12.1",
                                    .origin = "Debian",
                                    .label = "Debian",
                                    .component = "main",
                                    .arch = "amd64",
                                    .site = "deb.example.org"};
        const struct pin_target *list[] = {&target};
        const struct pin_version version = {.name = "openssl",
                                            .arch = "all",
                                            .native_arch = "amd64",
                                            .source = "openssl",
                                            .version = "3.0-1",
                                            .targets = list,
                                            .n_targets = 1};
        const struct apt_pin *pin;
        int priority;

        apt_preferences_judge_index(preferences, &target);
        priority = apt_preferences_judge_version(preferences, &version, &pin);
        fuzz_check(priority >= APT_PRIORITY_NEVER && priority <= 32767);
        fuzz_check(pin || priority == 500);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct apt_preferences preferences = {0};
        struct diag diag = {0};
        char *text = strndup((const char *)data, size);
        int r = apt_preferences_parse(&preferences, (const char *)data, size, "file", &diag);

        fuzz_check((r < 0) == (diag.text[0] != '\0'));
        judge(&preferences);
        apt_preferences_done(&preferences);
        if (text && strchr(text, '\n')) {
                char *half = strchr(text, '\n');
                int order;

                *half++ = '\0';
                order = version_deb_compare(text, half);
                fuzz_check((order > 0) == (version_deb_compare(half, text) < 0));
                fuzz_check(version_deb_compare(text, text) == 0);
        }
        free(text);
        return 0;
}
