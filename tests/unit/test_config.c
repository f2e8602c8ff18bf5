/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "folder.h"
#include "host/config.h"

#include <string.h>
#include <unistd.h>

#define ETC "etc/patchd.conf"

static int load(void *state, struct config **ret, struct diag *diag)
{
        CLEANUP(freep) char *etc = folder_path(state, "etc");
        CLEANUP(freep) char *usr = folder_path(state, "usr");
        const struct paths paths = {.etc = etc, .usr = usr};

        return config_load(&paths, ret, diag);
}

static void test_defaults(void **state)
{
        CLEANUP(config_freep) struct config *config = NULL;

        assert_int_equal(load(*state, &config, NULL), 0);
        assert_null(config->policy_url);
        assert_int_equal(config->poll_interval_minutes, 60);
        assert_int_equal(config->max_index_age_hours, 48);
        assert_int_equal(config->threshold, 1);
        assert_int_equal(config->log_level, LOG_LEVEL_INFO);
        assert_false(config->force_scan);
        assert_int_equal(config->n_tags, 0);
        assert_int_equal(config->exclude.n_items, 0);
}

static void test_all_keys(void **state)
{
        CLEANUP(config_freep) struct config *config = NULL;
        struct diag diag = {0};

        folder_write(*state, ETC,
                     "# a comment\n"
                     "[control]\n"
                     "policy_url = https://patch.example/p/{policy_id}.json?x=y\n"
                     "policy_id=acme\n"
                     "report_url = \"https://patch.example/r/{node_id}\"  # quoted\n"
                     "poll_interval_minutes = 5\n"
                     "ca_file=/etc/ca.pem\nclient_cert=/etc/c.pem\nclient_key=/etc/k.pem\n"
                     "proxy = http://proxy:3128\n"
                     "\n[node]\n"
                     "node_id = i-0abc.x\n"
                     "tags = Environment=Production, Team=a=b Environment=Test\n"
                     "[apply]\n"
                     "mode = scan\n"
                     "exclude = docker-ce*,linux-image-*\n"
                     "   firefox\n"
                     "max_index_age_hours = 24\n"
                     "[trust]\nthreshold = 2\n"
                     "[log]\nlevel = debug\n");
        if (load(*state, &config, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_string_equal(config->policy_url, "https://patch.example/p/{policy_id}.json?x=y");
        assert_string_equal(config->report_url, "https://patch.example/r/{node_id}");
        assert_string_equal(config->policy_id, "acme");
        assert_int_equal(config->poll_interval_minutes, 5);
        assert_string_equal(config->ca_file, "/etc/ca.pem");
        assert_string_equal(config->client_cert, "/etc/c.pem");
        assert_string_equal(config->client_key, "/etc/k.pem");
        assert_string_equal(config->proxy, "http://proxy:3128");
        assert_string_equal(config->node_id, "i-0abc.x");
        assert_int_equal(config->n_tags, 2);
        assert_string_equal(config->tags[0].key, "Environment");
        assert_string_equal(config->tags[0].value, "Test");
        assert_string_equal(config->tags[1].value, "a=b");
        assert_true(config->force_scan);
        assert_int_equal(config->exclude.n_items, 3);
        assert_string_equal(config->exclude.items[2], "firefox");
        assert_non_null(strstr(config->exclude_file, "patchd.conf"));
        assert_int_equal(config->max_index_age_hours, 24);
        assert_int_equal(config->threshold, 2);
        assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
}

static void test_order(void **state)
{
        CLEANUP(config_freep) struct config *config = NULL;
        CLEANUP(freep) char *mask = folder_path(*state, "etc/patchd.conf.d/30-mask.conf");
        struct diag diag = {0};

        folder_write(*state, "usr/patchd.conf", "[trust]\nthreshold=9\n[log]\nlevel=error\n");
        folder_write(*state, ETC, "[apply]\nmax_index_age_hours=1\nmode=scan\n");
        folder_write(*state, "usr/patchd.conf.d/10-a.conf", "[apply]\nmax_index_age_hours=2\n");
        folder_write(*state, "etc/patchd.conf.d/10-a.conf", "[control]\npoll_interval_minutes=7\n");
        folder_write(*state, "usr/patchd.conf.d/20-b.conf",
                     "[control]\npoll_interval_minutes=8\n[apply]\nmode=\n");
        folder_write(*state, "usr/patchd.conf.d/30-mask.conf", "[trust]\nthreshold=5\n");
        folder_write(*state, "etc/patchd.conf.d/40.disabled", "[trust]\nthreshold=6\n");
        assert_int_equal(symlink("/dev/null", mask), 0);

        if (load(*state, &config, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_int_equal(config->threshold, 1);              /* /etc's main file replaces /usr's */
        assert_int_equal(config->log_level, LOG_LEVEL_INFO); /* ... */
        assert_int_equal(config->max_index_age_hours, 1);    /* usr's 10-a is masked */
        assert_int_equal(config->poll_interval_minutes, 8);  /* by name, wherever it lies */
        assert_false(config->force_scan);                    /* empty: the default again */
}

static const struct {
        const char *label, *text, *want;
} bad_cases[] = {
    {"unknown section", "[contrl]\npolicy_id=a\n", "patchd.conf: there is no section [contrl]"},
    {"unknown key", "[control]\npolicyurl=a\n", "patchd.conf: [control] has no key 'policyurl'"},
    {"key of another section", "[log]\nmode=scan\n", "[log] has no key 'mode'"},
    {"outside of a section", "mode=scan\n", "'mode' stands before the first [section]"},
    {"bracket", "[log\nlevel=info\n", "patchd.conf:1: "},
    {"no equals sign", "[apply]\nexclude=a\nmode scan\n", "patchd.conf:3: has no '='"},
    {"equals sign in a comment", "[apply]\nmode # = scan\n", "patchd.conf:2: has no '='"},
    {"hash in a value", "[control]\npolicy_url=https://h/p#f\n", "patchd.conf:2: '#' would begin"},
    {"twice", "[log]\nlevel=info\n level =debug\n", "patchd.conf:3: 'level' stands twice"},
    {"twice, sections apart", "[log]\nlevel=info\n[apply]\nmode=scan\n [log] # x\nlevel=error\n",
     "patchd.conf:6: 'level' stands twice"},
    {"byte order mark", "\xef\xbb\xbf[log]\nlevel=info\n", "has no '='"},
    {"not a number", "[trust]\nthreshold=two\n", "trust.threshold: 'two' is not a number from 1"},
    {"number and more", "[trust]\nthreshold=2 keys\n", "'2 keys' is not a number"},
    {"negative", "[trust]\nthreshold=-1\n", "'-1' is not a number"},
    {"too small", "[control]\npoll_interval_minutes=0\n", "from 1 to 1440"},
    {"too large", "[control]\npoll_interval_minutes=1441\n", "from 1 to 1440"},
    {"far too large", "[apply]\nmax_index_age_hours=99999999999999999999\n", "from 1 to 8760"},
    {"mode widens", "[apply]\nmode=apply\n", "apply.mode: 'apply' is not one of policy, scan"},
    {"level", "[log]\nlevel=loud\n", "is not one of error, warning, notice, info, debug"},
    {"tag without value", "[node]\ntags=Production\n", "node.tags: 'Production' is not KEY=VALUE"},
    {"tag without key", "[node]\ntags==x\n", "'=x' is not KEY=VALUE"},
    {"relative path", "[control]\nca_file=ca.pem\n", "'ca.pem' is not an absolute path"},
    {"node id", "[node]\nnode_id=a/b\n", "node.node_id: 'a/b' has something else"},
    {"node id of dots", "[node]\nnode_id=..\n", "begins with a dot"},
    {"blank in a word", "[control]\npolicy_id=a b\n", "has a blank"},
    {"two lines", "[control]\npolicy_id=a\n  b\n", "has a blank or a line break"},
    {"http elsewhere", "[control]\npolicy_id=a\npolicy_url=http://h/p\n", "control.policy_url: "},
    {"ftp", "[control]\npolicy_id=a\npolicy_url=ftp://h/p\n", "control.policy_url: "},
    {"relative file", "[control]\npolicy_url=file://p\n", "control.policy_url: "},
    {"placeholder", "[control]\npolicy_id=a\npolicy_url=https://h/{node}\n",
     "'{node}' is neither {node_id} nor {policy_id}"},
    {"report to a file", "[control]\nreport_url=file:///tmp/r\n", "no place to send reports"},
    {"no policy id", "[control]\npolicy_url=https://h/p\n", "control.policy_id: is missing"},
    {"half a certificate", "[control]\nclient_cert=/c\n", "control.client_key: is missing"},
    {"other half", "[control]\nclient_key=/c\n", "control.client_cert: is missing"},
};

static void test_bad(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(bad_cases); i++) {
                CLEANUP(config_freep) struct config *config = NULL;
                struct diag diag = {0};
                int r;

                folder_write(*state, ETC, bad_cases[i].text);
                r = load(*state, &config, &diag);
                if (r != -EINVAL || !strstr(diag.text, bad_cases[i].want))
                        fail_msg("%s: %d '%s'", bad_cases[i].label, r, diag.text);
        }
}

static void test_good(void **state)
{
        static const struct {
                const char *label, *text;
        } cases[] = {
            {"empty", ""},
            {"no line break at the end", "[log]\nlevel=info"},
            {"carriage returns", "[log]\r\nlevel=info\r\n"},
            {"comments", "# a=b\n  # c\n[log] # d\nlevel=info # e\n\t# f\n"},
            {"blanks around", "[log]\n  level   =   info   \n"},
            {"loopback", "[control]\npolicy_id=a\npolicy_url=http://127.0.0.1:8080/p\n"
                         "report_url=http://localhost/r\n"},
            {"a file needs no id", "[control]\npolicy_url=file:///etc/patchd/policy.json\n"},
            {"empty values", "[control]\npolicy_url=\npoll_interval_minutes=\n[node]\ntags=\n"},
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(config_freep) struct config *config = NULL;
                struct diag diag = {0};

                folder_write(*state, ETC, cases[i].text);
                if (load(*state, &config, &diag) < 0)
                        fail_msg("%s: %s", cases[i].label, diag.text);
        }
}

static void test_unreadable(void **state)
{
        CLEANUP(config_freep) struct config *config = NULL;
        struct diag diag = {0};
        char *long_line = calloc(1, 70000);

        memset(long_line, 'a', 9000);
        folder_write(*state, ETC, long_line);
        assert_int_equal(load(*state, &config, &diag), -EINVAL);
        assert_non_null(strstr(diag.text, "patchd.conf:1: longer than 8000 bytes"));

        diag_clear(&diag);
        memset(long_line, '\n', 69999);
        folder_write(*state, ETC, long_line);
        free(long_line);
        assert_int_equal(load(*state, &config, &diag), -EFBIG);
        assert_non_null(strstr(diag.text, "patchd.conf: is larger"));

        diag_clear(&diag);
        folder_write(*state, ETC, "");
        folder_write(*state, "etc/patchd.conf.d/x.conf/y", "");
        assert_int_equal(load(*state, &config, &diag), -EISDIR);
        assert_non_null(strstr(diag.text, "x.conf: is a directory"));
}

static void test_expand(void **state)
{
        static const struct {
                const char *label, *text, *policy_id, *want;
        } cases[] = {
            {"both", "https://h/{policy_id}/{node_id}.json", "p", "https://h/p/n%2F%201.json"},
            {"none", "https://h/", NULL, "https://h/"},
            {"encoded", "{policy_id}", "a/b?c%\xc3\xa4~-._", "a%2Fb%3Fc%25%C3%A4~-._"},
            {"unknown id", "https://h/{policy_id}", NULL, NULL},
            {"unknown name", "https://h/{host}", "p", NULL},
            {"open", "https://h/{node_id", "p", NULL},
            {"closed", "https://h/}", "p", NULL},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(freep) char *url = NULL;
                struct diag diag = {0};
                int r = config_expand_url(cases[i].text, "n/ 1", cases[i].policy_id, &url, &diag);

                if (cases[i].want ? r < 0 || strcmp(url, cases[i].want) != 0
                                  : r != -EINVAL || diag.text[0] == '\0')
                        fail_msg("%s: %d '%s' %s", cases[i].label, r, url ? url : "", diag.text);
        }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            IN_FOLDER(test_defaults),      IN_FOLDER(test_all_keys), IN_FOLDER(test_order),
            IN_FOLDER(test_bad),           IN_FOLDER(test_good),     IN_FOLDER(test_unreadable),
            cmocka_unit_test(test_expand),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
