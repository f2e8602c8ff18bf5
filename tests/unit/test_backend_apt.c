/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "host/backends/backend.h"
#include "host/files.h"

#include <string.h>

/* ---- argument lists ---- */

static const struct backend_files files = {
    .archives = "/a/", .allow_list = "/w/list", .empty_folder = "/w/empty"};

/* " arg arg ... " of an action, so that a whole word can be looked for. */
static char *argv_text(enum backend_action action)
{
        CLEANUP(strv_done) struct strv argv = {0};
        CLEANUP(freep) char *joined = NULL;

        assert_int_equal(backend_apt.argv(action, &files, &argv), 0);
        assert_int_equal(strv_join(&argv, " ", &joined), 0);
        return str_format(" %s ", joined);
}

static const struct {
        const char *label;
        enum backend_action action;
        const char *starts, *has, *has_not;
} argv_cases[] = {
    {"going back may downgrade", BACKEND_INSTALL_BACK, " /usr/bin/apt-get ", " --allow-downgrades ",
     "upgrade "},
    {"going back has no network", BACKEND_INSTALL_BACK, " ", " --no-download install ",
     "--simulate"},
    {"going back removes nothing else", BACKEND_INSTALL_BACK, " ",
     " -o APT::Get::AutomaticRemove=false ", "--allow-remove"},
    {"going back, simulated", BACKEND_SIMULATE_BACK, " ", " --simulate install ", "--no-download"},
    {"only going back may downgrade", BACKEND_INSTALL, " ", " -y ", "downgrade"},
    {"verify", BACKEND_VERIFY, " /usr/bin/dpkg ", " --verify ", "apt"},
    {"mark", BACKEND_MARK_AUTO, " /usr/bin/apt-mark ", " auto ", "manual"},
    {"refresh fails aloud", BACKEND_REFRESH, " /usr/bin/apt-get ",
     " -o APT::Update::Error-Mode=any update ", "upgrade"},
    {"check waits for the lock", BACKEND_CHECK, " /usr/bin/apt-get ",
     " -o DPkg::Lock::Timeout=300 check ", "upgrade"},
    {"repair keeps local files", BACKEND_REPAIR, " /usr/bin/dpkg ",
     " --force-confdef --force-confold --configure -a ", "apt-get"},
    {"why", BACKEND_WHY, " /usr/bin/apt-get ", " --simulate install ", " upgrade "},
    {"simulate", BACKEND_SIMULATE, " /usr/bin/apt-get ", " --simulate --with-new-pkgs upgrade ",
     "download"},
    {"download", BACKEND_DOWNLOAD, " /usr/bin/apt-get ",
     " --download-only --with-new-pkgs upgrade ", "--no-download"},
    {"install has no network", BACKEND_INSTALL, " /usr/bin/apt-get ",
     " --no-download --with-new-pkgs upgrade ", "--simulate"},
    {"the allow-list", BACKEND_INSTALL, " ", " -o Dir::Etc::Preferences=/w/list ", "allow-"},
    {"an admin's pins", BACKEND_INSTALL, " ", " -o Dir::Etc::PreferencesParts=/w/empty ",
     "force-yes"},
    {"an admin's default release", BACKEND_INSTALL, " ", " -o APT::Default-Release= ", "install "},
    {"recommends", BACKEND_INSTALL, " ", " -o APT::Install-Recommends=false ", "dist-upgrade"},
    {"private archives", BACKEND_INSTALL, " ", " -o Dir::Cache::Archives=/a/ ", "remove"},
    {"progress", BACKEND_INSTALL, " ", " -o APT::Status-Fd=3 ", "purge"},
    {"conffiles", BACKEND_INSTALL, " ",
     " -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold ", "confnew"},
};

static void test_argv(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(argv_cases); i++) {
                CLEANUP(freep) char *text = argv_text(argv_cases[i].action);

                if (!str_has_prefix(text, argv_cases[i].starts) ||
                    !strstr(text, argv_cases[i].has) || strstr(text, argv_cases[i].has_not))
                        fail_msg("%s: %s", argv_cases[i].label, text);
        }
}

static const struct {
        const char *label;
        enum backend_word kind;
        const char *name, *arch, *want; /* want NULL: refused */
} word_cases[] = {
    {"a package", WORD_PACKAGE, "app", "all", "app:all"},
    {"a removal", WORD_REMOVAL, "g++", "amd64", "g++:amd64-"},
    {"an option", WORD_PACKAGE, "-oapp", "amd64", NULL},
    {"a pattern", WORD_PACKAGE, "app*", "amd64", NULL},
    {"a path", WORD_PACKAGE, "../app", "amd64", NULL},
    {"a version", WORD_PACKAGE, "app=1", "amd64", NULL},
    {"two words", WORD_REMOVAL, "app other", "amd64", NULL},
};

static void test_words(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(word_cases); i++) {
                CLEANUP(freep) char *word = NULL;
                int r = backend_apt.word(word_cases[i].kind, word_cases[i].name, word_cases[i].arch,
                                         &word, NULL);

                if (word_cases[i].want ? !str_equal(word, word_cases[i].want) : r != -EINVAL)
                        fail_msg("%s: %d %s", word_cases[i].label, r, word ?: "");
        }
}

static void test_words_end_the_call(void **state)
{
        CLEANUP(strv_done) struct strv words = {0}, argv = {0};
        struct backend_files with = files;

        (void)state;
        with.words = &words;
        assert_int_equal(strv_add(&words, "/kept/app_1_all.deb"), 0);
        assert_int_equal(strv_add(&words, "newdep:amd64-"), 0);
        assert_int_equal(backend_apt.argv(BACKEND_INSTALL_BACK, &with, &argv), 0);
        assert_string_equal(argv.items[argv.n_items - 3], "install");
        assert_string_equal(argv.items[argv.n_items - 1], "newdep:amd64-");
}

static void test_verify(void **state)
{
        CLEANUP(strv_done) struct strv conffiles = {0}, others = {0};

        (void)state;
        assert_int_equal(backend_apt.parse_verify("??5?????? c /etc/app.conf\n"
                                                  "missing     /usr/share/a b\n"
                                                  "missing   c /etc/gone\n"
                                                  "??5??????   /usr/bin/app\n"
                                                  "dpkg: warning: something\n",
                                                  &conffiles, &others),
                         0);
        assert_int_equal(conffiles.n_items, 2);
        assert_string_equal(conffiles.items[1], "/etc/gone");
        assert_int_equal(others.n_items, 2);
        assert_string_equal(others.items[0], "/usr/share/a b");
}

/* What is simulated is what is done: the calls differ by one word. */
static void test_same_call(void **state)
{
        static const enum backend_action actions[] = {BACKEND_DOWNLOAD, BACKEND_INSTALL};
        CLEANUP(strv_done) struct strv simulate = {0};

        (void)state;
        assert_int_equal(backend_apt.argv(BACKEND_SIMULATE, &files, &simulate), 0);
        for (size_t i = 0; i < ELEMENTSOF(actions); i++) {
                CLEANUP(strv_done) struct strv argv = {0};
                size_t n_different = 0;

                assert_int_equal(backend_apt.argv(actions[i], &files, &argv), 0);
                assert_int_equal(argv.n_items, simulate.n_items);
                for (size_t j = 0; j < argv.n_items; j++)
                        n_different += strcmp(argv.items[j], simulate.items[j]) != 0;
                assert_int_equal(n_different, 1);
        }
}

/* ---- allow-list ---- */

static const char allow_list_want[] = "Package: *\nPin: release a=now\nPin-Priority: 100\n\n"
                                      "Package: *\nPin: release *\nPin-Priority: -1\n\n"
                                      "Package: app:amd64\nPin: version 2.0\nPin-Priority: 990\n\n"
                                      "Package: libc6:i386\nPin: version 1:2.36-9+deb12u10~x\n"
                                      "Pin-Priority: 990\n";

static void test_allow_list(void **state)
{
        struct plan_item items[] = {
            {.name = (char *)"app", .arch = (char *)"all", .version_to = (char *)"2.0"},
            {.name = (char *)"libc6",
             .arch = (char *)"i386",
             .version_to = (char *)"1:2.36-9+deb12u10~x"},
        };
        const struct plan_step step = {.items = items, .n_items = ELEMENTSOF(items)};
        CLEANUP(freep) char *text = NULL;

        (void)state;
        assert_int_equal(backend_apt.allow_list(&step, "amd64", &text, NULL), 0);
        assert_string_equal(text, allow_list_want);
}

static const struct {
        const char *label, *name, *version, *arch;
} pattern_cases[] = {
    {"glob name", "lib*", "1", "amd64"},
    {"regular expression", "/lib/", "1", "amd64"},
    {"any version", "app", "*", "amd64"},
    {"version with an end", "app", "1*", "amd64"},
    {"second stanza", "app\n\nPackage: *", "1", "amd64"},
    {"option", "-app", "1", "amd64"},
    {"empty name", "", "1", "amd64"},
    {"empty version", "app", "", "amd64"},
    {"several names", "app other", "1", "amd64"},
    {"pattern in the architecture", "app", "1", "*"},
};

static void test_allow_list_patterns(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(pattern_cases); i++) {
                struct plan_item item = {.name = (char *)pattern_cases[i].name,
                                         .arch = (char *)pattern_cases[i].arch,
                                         .version_to = (char *)pattern_cases[i].version};
                const struct plan_step step = {.items = &item, .n_items = 1};
                CLEANUP(freep) char *text = NULL;

                if (backend_apt.allow_list(&step, "amd64", &text, NULL) != -EINVAL)
                        fail_msg("%s: taken", pattern_cases[i].label);
        }
}

static void test_archive_name(void **state)
{
        CLEANUP(freep) char *plain = backend_apt.archive_name("app", "2.0", "all");
        CLEANUP(freep) char *epoch = backend_apt.archive_name("liba", "1:1.1~rc1+b2", "amd64");
        CLEANUP(freep) char *odd = backend_apt.archive_name("a", "1_2%3", "amd64");

        (void)state;
        assert_string_equal(plain, "app_2.0_all.deb");
        assert_string_equal(epoch, "liba_1%3a1.1~rc1+b2_amd64.deb");
        assert_string_equal(odd, "a_1%5f2%253_amd64.deb");
}

/* ---- simulation ---- */

static const char *const kind_words[N_CHANGE_KINDS] = {
    [CHANGE_INSTALL] = "install", [CHANGE_CONFIGURE] = "configure", [CHANGE_REMOVE] = "remove"};

/* All lines but the last are as apt 2.6 and 3.0 print them. */
static const struct {
        const char *label, *output, *want; /* kind name arch from to; for each change */
} simulation_cases[] = {
    {"nothing", "Reading package lists...\nCalculating upgrade...\n", ""},
    {"an update, its origins, a new package",
     "Calculating upgrade...\n"
     "Inst liba [1:1.0] (1:1.1 Test:stable, Test-Security:stable-security [amd64])\n"
     "Inst newdep (2.0 Test:stable [all])\n"
     "Conf liba (1:1.1 Test:stable, Test-Security:stable-security [amd64])\n",
     "install liba amd64 1:1.0 1:1.1;install newdep all - 2.0;configure liba amd64 - 1:1.1;"},
    {"another architecture", "Inst libc6:i386 [2.36-9] (2.36-10 Debian:12.12/oldstable [i386])\n",
     "install libc6 i386 2.36-9 2.36-10;"},
    {"what it breaks stands behind",
     "Inst libc6 [2.36-9] (2.36-10 Debian:12.12/oldstable [amd64]) [libc6:i386 ]\n",
     "install libc6 amd64 2.36-9 2.36-10;"},
    {"removals", "Remv app [1.0]\nPurg other [1.0]\n", "remove app - 1.0 -;remove other - 1.0 -;"},
    {"what is not understood", "Inst app gibberish\nConf app broken\n",
     "install app - - -;configure app - - -;"},
    {"a line that only looks alike", "Installing:\n Inst x (1 [all])\n", ""},
};

static void test_simulation(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(simulation_cases); i++) {
                CLEANUP(backend_changes_done) struct backend_changes changes = {0};
                CLEANUP(str_done) struct str found = {0};

                str_append(&found, "");
                assert_int_equal(backend_apt.parse_simulation(simulation_cases[i].output, &changes),
                                 0);
                for (size_t j = 0; j < changes.n_items; j++) {
                        const struct backend_change *change = &changes.items[j];

                        str_appendf(&found, "%s %s %s %s %s;", kind_words[change->kind],
                                    change->name, change->arch ?: "-", change->version_from ?: "-",
                                    change->version_to ?: "-");
                }
                if (strcmp(found.data, simulation_cases[i].want) != 0)
                        fail_msg("%s: '%s'", simulation_cases[i].label, found.data);
        }
}

/* ---- progress ---- */

static const struct {
        const char *line;
        bool is_status;
        enum backend_status_kind kind;
        const char *name;
        int percent;
        const char *text;
} status_cases[] = {
    {"dlstatus:1:7.6923:Retrieving file 1 of 3", true, STATUS_DOWNLOAD, "1", 7,
     "Retrieving file 1 of 3"},
    {"pmstatus:liba:84.6154:Unpacking liba (amd64)", true, STATUS_WORK, "liba", 84,
     "Unpacking liba (amd64)"},
    {"pmerror:liba:40.0000:failed: exit 1: no", true, STATUS_ERROR, "liba", 40,
     "failed: exit 1: no"},
    {"pmerror:/var/cache/archives/liba_1%3a2_all.deb:40.0000:no: room", true, STATUS_ERROR, "liba",
     40, "no: room"},
    {"pmconffile:/etc/app.conf:40.0000:'/etc/app.conf' '/etc/app.conf.dpkg-new' 1 1 ", true,
     STATUS_CONFFILE, "/etc/app.conf", 40, "'/etc/app.conf' '/etc/app.conf.dpkg-new' 1 1 "},
    {"", false, 0, NULL, 0, NULL},
    {"pmstatus:liba:84", false, 0, NULL, 0, NULL},
    {"media-change:a:b:c", false, 0, NULL, 0, NULL},
};

static void test_status(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(status_cases); i++) {
                CLEANUP(freep) char *line = strdup(status_cases[i].line);
                struct backend_status status = {0};

                if (backend_apt.parse_status(line, &status) != status_cases[i].is_status)
                        fail_msg("'%s'", status_cases[i].line);
                if (!status_cases[i].is_status)
                        continue;
                assert_int_equal(status.kind, status_cases[i].kind);
                assert_string_equal(status.name, status_cases[i].name);
                assert_int_equal((int)status.percent, status_cases[i].percent);
                assert_string_equal(status.text, status_cases[i].text);
        }
}

/* ---- refresh ---- */

#define MAIN "http://mirror.example/main/ stable"
#define SEC  "http://mirror.example/sec/ stable-security"

/* tests/data/apt/<name>.out and .err were printed by apt 2.6 itself. */
static const struct {
        const char *name;
        bool is_success;
        const char *repositories[6];
        const char *want;    /* "ok" or "bad" for each, in order; those found only in it follow */
        const char *reasons; /* a word of each reason, in order */
} refresh_cases[] = {
    {"update-fresh", true, {MAIN, SEC}, "ok ok", ""},
    {"update-hit", true, {MAIN, SEC}, "ok ok", ""},
    {"update-mixed",
     false,
     {MAIN, SEC, "http://mirror.example/bad stable", "file:///srv/flat/ ./"},
     "ok ok bad ok bad",
     "NO_PUBKEY 404"},
    {"update-no-packages", false, {MAIN, SEC}, "ok bad", "500"},
    {"update-all-dead", false, {MAIN, SEC}, "bad bad", "500 500"},
    {"update-locked", false, {MAIN, SEC}, "bad bad", "lock lock"},
};

static char *read_data(const char *name, const char *suffix)
{
        CLEANUP(freep)
        char *path = str_format("%s/apt/%s%s", getenv("PATCHD_TEST_DATA"), name, suffix);
        struct blob bytes = {0};

        assert_int_equal(files_read(path, 1024 * 1024, false, &bytes, NULL), 0);
        return bytes.data;
}

static void check_refresh(size_t index, const struct backend_refresh *refresh)
{
        CLEANUP(freep) char *reasons = strdup(refresh_cases[index].reasons);
        CLEANUP(str_done) struct str found = {0};
        char *rest = reasons;

        for (size_t i = 0; i < refresh->n_items; i++) {
                const struct backend_refreshed *item = &refresh->items[i];

                str_appendf(&found, "%s%s", i ? " " : "", item->is_fresh ? "ok" : "bad");
                if (item->is_fresh != !item->text)
                        fail_msg("%s: %s: reason", refresh_cases[index].name, item->repository);
                if (!item->is_fresh && !strstr(item->text, strsep(&rest, " ") ?: "?"))
                        fail_msg("%s: %s: %s", refresh_cases[index].name, item->repository,
                                 item->text);
        }
        if (strcmp(found.data, refresh_cases[index].want) != 0)
                fail_msg("%s: %s", refresh_cases[index].name, found.data);
        assert_int_equal(refresh->is_ok, refresh_cases[index].is_success);
}

static void test_refresh(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(refresh_cases); i++) {
                CLEANUP(freep) char *output = read_data(refresh_cases[i].name, ".out");
                CLEANUP(freep) char *error_output = read_data(refresh_cases[i].name, ".err");
                CLEANUP(backend_refresh_done) struct backend_refresh refresh = {0};
                CLEANUP(strv_done) struct strv repositories = {0};

                for (size_t j = 0; refresh_cases[i].repositories[j]; j++)
                        assert_int_equal(strv_add(&repositories, refresh_cases[i].repositories[j]),
                                         0);
                assert_int_equal(backend_apt.parse_refresh(output, error_output,
                                                           refresh_cases[i].is_success,
                                                           &repositories, &refresh),
                                 0);
                check_refresh(i, &refresh);
        }
}

/* A warning about something else is no failure. */
static void test_refresh_warning(void **state)
{
        CLEANUP(backend_refresh_done) struct backend_refresh refresh = {0};
        CLEANUP(strv_done) struct strv repositories = {0};

        (void)state;
        assert_int_equal(strv_add(&repositories, MAIN), 0);
        assert_int_equal(strv_add(&repositories, SEC), 0);
        assert_int_equal(
            backend_apt.parse_refresh(
                "Hit:1 http://mirror.example/main stable InRelease\n"
                "Err:2 http://mirror.example/sec stable-security InRelease\n  gone\n",
                "W: http://mirror.example/main/dists/stable/InRelease: Key is stored in legacy "
                "trusted.gpg keyring\nE: other\n",
                false, &repositories, &refresh),
            0);
        assert_true(refresh.items[0].is_fresh);
        assert_false(refresh.items[1].is_fresh);
        assert_string_equal(refresh.items[1].text, "gone");
}

static const struct {
        const char *label, *output, *want;
} why_cases[] = {
    {"nothing", "Reading package lists...\n", NULL},
    {"unmet",
     "The following packages have unmet dependencies:\n"
     " app : Depends: liba (>= 2) but 1 is to be installed\n"
     "       Depends: odd but it is not installable\n"
     "E: Unable to correct problems\n",
     "app : Depends: liba (>= 2) but 1 is to be installed; Depends: odd but it is not "
     "installable"},
    {"removes", "Remv liba [1.0]\nInst app [1] (2 Test:stable [all])\n",
     "it would remove liba [1.0]"},
    {"other lists", "The following packages will be upgraded:\n  app\n", NULL},
    {"control characters", "The following packages have unmet dependencies:\n a\x1b[1m : b\n",
     "a\\x1b[1m : b"},
};

static void test_why(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(why_cases); i++) {
                CLEANUP(freep) char *text = NULL;

                assert_int_equal(backend_apt.parse_why(why_cases[i].output, &text), 0);
                if (!str_equal(text, why_cases[i].want))
                        fail_msg("%s: %s", why_cases[i].label, text ?: "NULL");
        }
}

#define WAITING "Waiting for cache lock: Could not get lock /x. It is held by process "
#define NO_LOCK "E: Unable to acquire the dpkg frontend lock (/x), is another process using it?\n"

static const char *const lock_cases[][3] = {
    {"",
     "W: x\nE: Could not get lock /x. It is held by process 47 (aptitude)\nN: Be aware\n" NO_LOCK,
     "process 47 (aptitude) holds /x"},
    {WAITING "1 (dpkg)...\n" WAITING "2 (apt get)...\n", NO_LOCK, "process 2 (apt get) holds /x"},
    {WAITING "1 (dpkg)...\n", "E: Unmet dependencies.\n", NULL},
    {"", NO_LOCK, "another process holds the lock"},
    {"", "E: Could not get lock /x - open (11: Try again)\nIt is held by me",
     "another process holds /x - open (11: Try again)"},
    {"", "E: Could not get lock ", "another process holds "},
    {"", "", NULL},
};

static void test_lock(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(lock_cases); i++) {
                CLEANUP(freep)
                char *text = backend_apt.parse_lock(lock_cases[i][0], lock_cases[i][1]);

                if (!str_equal(text, lock_cases[i][2]))
                        fail_msg("%zu: %s", i, text ?: "none");
        }
}

static void test_cause(void **state)
{
        CLEANUP(freep)
        char *cause = backend_apt.parse_cause(
            "dpkg: unrecoverable fatal error, aborting:\n unable to flush x: No space left on "
            "device\n"
            "y: Read-only file system\nE: Sub-process /usr/bin/dpkg returned an error code (2)\n");

        (void)state;
        assert_string_equal(cause, "unable to flush x: No space left on device");
        assert_null(
            backend_apt.parse_cause("E: Sub-process /usr/bin/dpkg returned an error code\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_lock),
            cmocka_unit_test(test_cause),
            cmocka_unit_test(test_argv),
            cmocka_unit_test(test_words),
            cmocka_unit_test(test_words_end_the_call),
            cmocka_unit_test(test_verify),
            cmocka_unit_test(test_same_call),
            cmocka_unit_test(test_allow_list),
            cmocka_unit_test(test_allow_list_patterns),
            cmocka_unit_test(test_archive_name),
            cmocka_unit_test(test_simulation),
            cmocka_unit_test(test_why),
            cmocka_unit_test(test_status),
            cmocka_unit_test(test_refresh),
            cmocka_unit_test(test_refresh_warning),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
