/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "packages/apt_lists.h"
#include "packages/apt_sources.h"

#include <string.h>

static const char *native_archs[] = {"amd64", "i386", NULL};
static const struct strv archs = {(char **)native_archs, 2};
static const struct apt_sources_context context = {"file", "amd64", &archs};

/* "uri suite component [archs] key;" of every entry. */
static char *describe(const struct apt_sources *sources)
{
        struct str text = {0};
        char *result = NULL;

        for (size_t i = 0; i < sources->n_items; i++) {
                const struct apt_source *source = &sources->items[i];
                char *joined = NULL;

                assert_int_equal(strv_join(&source->archs, ",", &joined), 0);
                str_appendf(&text, "%s %s %s [%s]%s%s%s;", source->uri, source->suite,
                            source->component[0] ? source->component : "-", joined,
                            source->trusted ? " trusted" : "",
                            source->without_all ? " without-all" : "",
                            source->signed_by ? " signed" : "");
                free(joined);
        }
        assert_int_equal(str_take(&text, &result), 0);
        return result;
}

static const struct sources_case {
        const char *label, *text;
        const char *expected; /* NULL: refused */
        const char *says;     /* in the error */
} list_cases[] = {
    {"empty", "", "", NULL},
    {"plain", "deb http://h/debian s main\n", "http://h/debian/ s main [amd64,i386];", NULL},
    {"no end of line", "deb http://h/debian/ s main", "http://h/debian/ s main [amd64,i386];",
     NULL},
    {"components", "deb http://h/ s a b\n",
     "http://h/ s a [amd64,i386];http://h/ s b [amd64,i386];", NULL},
    {"comments and blanks",
     "# deb http://x/ s a\n\n  \t\n  deb\thttp://h/  s\tmain # c\n#deb http://y/ s a\n",
     "http://h/ s main [amd64,i386];", NULL},
    {"source packages", "deb-src http://h/ s main\n", "", NULL},
    {"flat", "deb http://h/repo ./\n", "http://h/repo/ ./ - [amd64,i386];", NULL},
    {"flat at the top", "deb file:/srv/repo /\n", "file:/srv/repo/ / - [amd64,i386];", NULL},
    {"flat with $(ARCH)", "deb http://h/ $(ARCH)/\n", "http://h/ amd64/ - [amd64,i386];", NULL},
    {"options", "deb [arch=amd64 signed-by=/k.gpg] http://h/ s main\n",
     "http://h/ s main [amd64] signed;", NULL},
    {"options with blanks", "deb [ arch=amd64,arm64  trusted=yes ] http://h/ s main\n",
     "http://h/ s main [amd64,arm64] trusted;", NULL},
    {"# in an option", "deb [signed-by=/k#1] http://h/ s main # c\n",
     "http://h/ s main [amd64,i386] signed;", NULL},
    {"arch plus and minus", "deb [arch+=arm64 arch-=i386,all] http://h/ s main\n",
     "http://h/ s main [amd64,arm64] without-all;", NULL},
    {"unknown option", "deb [lang=none] http://h/ s main\n", "http://h/ s main [amd64,i386];",
     NULL},
    {"password is dropped", "deb http://user:pw@h:8080/x s main\n",
     "http://h:8080/x/ s main [amd64,i386];", NULL},
    {"escaped blank", "deb file:/a%20b s main\n", "file:/a b/ s main [amd64,i386];", NULL},
    {"cdrom", "deb cdrom:[Debian 12 - amd64]/ s main\n",
     "cdrom://Debian 12 - amd64/ s main [amd64,i386];", NULL},
    {"cdrom with a slash", "deb cdrom:[A/B]/ s main\n", "cdrom://[A/B]/ s main [amd64,i386];",
     NULL},
    {"a carriage return within", "deb http://h/ s\r main \v\fx\n",
     "http://h/ s main [amd64,i386];http://h/ s x [amd64,i386];", NULL},
    {"carriage returns", "deb http://h/ s main\r\n", "http://h/ s main [amd64,i386];", NULL},
    {"type", "rpm http://h/ s main\n", NULL, "file:1"},
    {"no suite", "# c\ndeb http://h/\n", NULL, "file:2: malformed source: the suite"},
    {"no component", "deb http://h/ s\n", NULL, "component"},
    {"flat with a component", "deb http://h/ s/ main\n", NULL, "no components"},
    {"no scheme", "deb /srv/repo s main\n", NULL, "scheme"},
    {"empty suite", "deb http://h/ \"\" main\n", NULL, "an empty word"},
    {"open options", "deb [arch=amd64 http://h/ s main\n", NULL, "without ]"},
    {"option without value", "deb [arch] http://h/ s main\n", NULL, "name=value"},
};

static const struct sources_case deb822_cases[] = {
    {"plain", "Types: deb\nURIs: http://h/debian\nSuites: s\nComponents: main\n",
     "http://h/debian/ s main [amd64,i386];", NULL},
    {"products",
     "Types: deb deb-src\nURIs: http://h/ http://i/\nSuites: s t\nComponents: a b\n"
     "Architectures: amd64\n",
     "http://h/ s a [amd64];http://h/ s b [amd64];http://h/ t a [amd64];http://h/ t b [amd64];"
     "http://i/ s a [amd64];http://i/ s b [amd64];http://i/ t a [amd64];http://i/ t b [amd64];",
     NULL},
    {"several stanzas and comments",
     "# c\nTypes: deb\n# http://x\nURIs: http://h/\nSuites: s\nComponents: a\n\n\n"
     "Types: deb\nURIs: http://i/\nSuites: ./\n",
     "http://h/ s a [amd64,i386];http://i/ ./ - [amd64,i386];", NULL},
    {"disabled", "Types: deb\nURIs: http://h/\nSuites: s\nComponents: a\nEnabled: no\n", "", NULL},
    {"enabled", "Types: deb\nURIs: http://h/\nSuites: s\nComponents: a\nEnabled: yes\n",
     "http://h/ s a [amd64,i386];", NULL},
    {"sources only", "Types: deb-src\nURIs: http://h/\nSuites: s\nComponents: a\n", "", NULL},
    {"inline key",
     "Types: deb\nURIs: http://h/\nSuites: s\nComponents: a\nSigned-By:\n"
     " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n",
     "http://h/ s a [amd64,i386] signed;", NULL},
    {"continued lists", "Types: deb\nURIs: http://h/\nSuites: s\n t\nComponents:\n a\n",
     "http://h/ s a [amd64,i386];http://h/ t a [amd64,i386];", NULL},
    {"trusted, minus",
     "Types: deb\nURIs: http://h/\nSuites: s\nComponents: a\nTrusted: yes\n"
     "Architectures-Remove: i386\n",
     "http://h/ s a [amd64] trusted;", NULL},
    {"no uri", "Types: deb\nSuites: s\nComponents: a\n", NULL, "file: stanza 1: malformed source"},
    {"no types", "URIs: http://h/\nSuites: s\nComponents: a\n", NULL, "Types"},
    {"no component", "Types: deb\nURIs: http://h/\nSuites: s\n", NULL, "component"},
};

static void check_case(const struct sources_case *c, bool deb822)
{
        struct apt_sources sources = {0};
        struct diag diag = {0};
        char *seen;
        int r = deb822
                    ? apt_sources_parse_deb822(&sources, c->text, strlen(c->text), &context, &diag)
                    : apt_sources_parse_list(&sources, c->text, strlen(c->text), &context, &diag);

        if (!c->expected) {
                if (r != -EINVAL || !strstr(diag.text, c->says))
                        fail_msg("%s: %d '%s'", c->label, r, diag.text);
        } else {
                seen = describe(&sources);
                if (r != 0 || strcmp(seen, c->expected) != 0)
                        fail_msg("%s: %d '%s' '%s'", c->label, r, diag.text, seen);
                free(seen);
        }
        apt_sources_done(&sources);
}

static void test_list(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(list_cases); i++)
                check_case(&list_cases[i], false);
}

static void test_deb822(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(deb822_cases); i++)
                check_case(&deb822_cases[i], true);
}

static const struct name_case {
        const char *line, *release, *index;
} name_cases[] = {
    {"deb http://h.example/debian s main", "h.example_debian_dists_s_InRelease",
     "h.example_debian_dists_s_main_binary-amd64_Packages"},
    {"deb https://user:secret@h:8443/a_b s/updates main", "h:8443_a%5fb_dists_s_updates_InRelease",
     "h:8443_a%5fb_dists_s_updates_main_binary-amd64_Packages"},
    {"deb http://h/ ./", "h_._InRelease", "h_._Packages"},
    {"deb http://h/repo /", "h_repo_InRelease", "h_repo_Packages"},
    {"deb file:/srv/my_repo s main", "_srv_my%5frepo_dists_s_InRelease",
     "_srv_my%5frepo_dists_s_main_binary-amd64_Packages"},
    {"deb file:///srv/repo ./", "_srv_repo_._InRelease", "_srv_repo_._Packages"},
    {"deb http://h/ a+b~c main", "h_dists_a%252bb%257ec_InRelease",
     "h_dists_a%252bb%257ec_main_binary-amd64_Packages"},
    {"deb http://[::1]:80/x s main", "::1:80_x_dists_s_InRelease",
     "::1:80_x_dists_s_main_binary-amd64_Packages"},
    {"deb cdrom:[Debian GNU/Linux 12 _X_]/ s main",
     "Debian%20GNU_Linux%2012%20%5fX%5f_dists_s_InRelease",
     "Debian%20GNU_Linux%2012%20%5fX%5f_dists_s_main_binary-amd64_Packages"},
    {"deb http://h/ s non-free/extra", "h_dists_s_InRelease",
     "h_dists_s_non-free_extra_binary-amd64_Packages"},
};

static void test_names(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(name_cases); i++) {
                const struct name_case *c = &name_cases[i];
                struct apt_sources sources = {0};
                char *release = NULL, *key = NULL, *index = NULL;

                assert_int_equal(
                    apt_sources_parse_list(&sources, c->line, strlen(c->line), &context, NULL), 0);
                assert_int_equal(sources.n_items, 1);
                assert_int_equal(apt_lists_release_name(sources.items, "InRelease", &release), 0);
                assert_int_equal(apt_lists_index_key(sources.items, "amd64", &key), 0);
                assert_int_equal(apt_lists_index_name(sources.items, key, &index), 0);
                assert_string_equal(release, c->release);
                assert_string_equal(index, c->index);
                free(release);
                free(key);
                free(index);
                apt_sources_done(&sources);
        }
}

static void test_parts_names(void **state)
{
        static const char *const list[] = {"list", "sources", NULL};
        static const char *const preferences[] = {"", "pref", NULL};

        (void)state;
        assert_true(apt_parts_name_is_valid("debian.sources", list));
        assert_true(apt_parts_name_is_valid("a.b.list", list));
        assert_false(apt_parts_name_is_valid("debian", list));
        assert_false(apt_parts_name_is_valid("debian.list.save", list));
        assert_false(apt_parts_name_is_valid(".list", list));
        assert_false(apt_parts_name_is_valid("a b.list", list));
        assert_false(apt_parts_name_is_valid("a.list~", list));
        assert_false(apt_parts_name_is_valid("", list));
        assert_true(apt_parts_name_is_valid("99pin", preferences));
        assert_true(apt_parts_name_is_valid("99pin.pref", preferences));
        assert_false(apt_parts_name_is_valid("99pin.bak", preferences));
        assert_false(apt_parts_name_is_valid("99pin.", preferences));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_list),
            cmocka_unit_test(test_deb822),
            cmocka_unit_test(test_names),
            cmocka_unit_test(test_parts_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
