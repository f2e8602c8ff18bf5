/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "folder.h"
#include "host/feed_store.h"
#include "host/files.h"

#define RECORD                                                                                     \
        "{\"id\":\"DSA-1-1\",\"published\":\"2026-01-02T00:00:00Z\",\"affected\":[{\"package\":{"  \
        "\"ecosystem\":\"Debian:12\",\"name\":\"openssl\"},\"ranges\":[{\"type\":\"ECOSYSTEM\","   \
        "\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"3\"}]}]}]}"

static const struct node debian = {.os_id = (char *)"debian", .os_version = (char *)"12"};
static const struct node newer_debian = {.os_id = (char *)"debian", .os_version = (char *)"13"};

struct lab {
        char *folder;
        struct feed_place place;
        char sha256[SHA256_TEXT_SIZE];
        struct manifest manifest;
};

/* A manifest over text, as if it had been opened. */
static void lab_init(struct lab *lab, void *state, const char *text)
{
        lab->folder = folder_path(state, "feeds");
        lab->place = (struct feed_place){.folder = lab->folder};
        assert_int_equal(digest_of(text, strlen(text), lab->sha256), 0);
        lab->manifest = (struct manifest){.id = (char *)"debian-12",
                                          .version = 7,
                                          .url = (char *)"https://h/f",
                                          .sha256 = lab->sha256,
                                          .size_bytes = (int64_t)strlen(text)};
        (void)snprintf(lab->manifest.digest, sizeof(lab->manifest.digest), "%s", lab->sha256);
}

static void lab_done(struct lab *lab)
{
        free(lab->folder);
}

/* Takes text in, in two pieces. */
static int take_in(struct lab *lab, const char *text, struct diag *diag)
{
        CLEANUP(feed_incoming_done) struct feed_incoming incoming = {.fd = -EBADF};
        size_t half = strlen(text) / 2;
        int r = feed_incoming_begin(&lab->place, &lab->manifest, &debian, &incoming, diag);

        if (r >= 0)
                r = feed_incoming_write(text, half, &incoming, diag);
        if (r >= 0)
                r = feed_incoming_write(text + half, strlen(text) - half, &incoming, diag);
        return r < 0 ? r : feed_incoming_finish(&incoming, diag);
}

static void expect_entries(const struct lab *lab, const char *suffix, size_t want)
{
        CLEANUP(strv_done) struct strv names = {0};

        assert_int_equal(files_list(lab->folder, suffix, 100, &names, NULL), 0);
        assert_int_equal(names.n_items, want);
}

static void expect_loaded(struct lab *lab, const struct node *node, bool keep, size_t want_fixes)
{
        CLEANUP(advisories_freep) struct advisories *advisories = NULL;
        struct diag diag = {0};

        if (feed_store_load(&lab->place, &lab->manifest, node, keep, &advisories, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_int_equal(advisories->n_fixes, want_fixes);
}

static void test_take_in_and_load(void **state)
{
        struct lab lab CLEANUP(lab_done) = {0};
        struct diag diag = {0};

        lab_init(&lab, *state, RECORD);
        assert_false(feed_store_has_file(&lab.place, &lab.manifest));
        assert_int_equal(take_in(&lab, RECORD, &diag), 0);
        assert_true(feed_store_has_file(&lab.place, &lab.manifest));
        expect_entries(&lab, ".part", 0);
        expect_loaded(&lab, &debian, false, 1);
        /* The cache is for one system: for another the copy is read. */
        expect_loaded(&lab, &newer_debian, true, 0);
        expect_loaded(&lab, &debian, false, 1);
}

static const struct {
        const char *label, *text, *want;
        int error;
        int64_t size_delta; /* of what was announced */
} refusals[] = {
    {"too long", RECORD "\n", "is larger than the", -EFBIG, -1},
    {"too short", RECORD, "were announced", -EBADMSG, 1},
    {"another", "{" RECORD, "is another file than announced", -EBADMSG, 0},
    {"no feed", "hello, world", "https://h/f: ", -EINVAL, 0},
    {"empty list", "[]", "no OSV record", -ENODATA, 0},
};

static void test_refused(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                struct lab lab CLEANUP(lab_done) = {0};
                struct diag diag = {0};
                int r;

                lab_init(&lab, *state, refusals[i].text);
                lab.manifest.size_bytes += refusals[i].size_delta;
                if (strcmp(refusals[i].label, "another") == 0)
                        lab.sha256[0] = lab.sha256[0] == 'a' ? 'b' : 'a';
                r = take_in(&lab, refusals[i].text, &diag);
                if (r != refusals[i].error || !strstr(diag.text, refusals[i].want))
                        fail_msg("%s: %d '%s'", refusals[i].label, r, diag.text);
                expect_entries(&lab, ".part", 0);
                expect_entries(&lab, ".feed", 0);
                expect_entries(&lab, ".cache", 0);
        }
}

/* What is no feed is not taken in a second time, until it is another file. */
static void test_bad_is_remembered(void **state)
{
        CLEANUP(feed_incoming_done) struct feed_incoming incoming = {.fd = -EBADF};
        struct lab lab CLEANUP(lab_done) = {0}, good CLEANUP(lab_done) = {0};
        struct diag diag = {0}, again = {0};

        lab_init(&lab, *state, "hello");
        assert_int_equal(take_in(&lab, "hello", &diag), -EINVAL);
        assert_int_equal(feed_incoming_begin(&lab.place, &lab.manifest, &debian, &incoming, &again),
                         -EBADMSG);
        assert_string_equal(again.text, diag.text);
        lab_init(&good, *state, RECORD);
        assert_int_equal(take_in(&good, RECORD, NULL), 0);
}

static void test_spoilt_copy(void **state)
{
        struct lab lab CLEANUP(lab_done) = {0};
        CLEANUP(advisories_freep) struct advisories *advisories = NULL;
        CLEANUP(strv_done) struct strv names = {0};
        CLEANUP(freep) char *path = NULL;
        struct diag diag = {0};

        lab_init(&lab, *state, RECORD);
        assert_int_equal(take_in(&lab, RECORD, NULL), 0);
        assert_int_equal(files_list(lab.folder, ".feed", 10, &names, NULL), 0);
        path = str_format("%s/%s", lab.folder, names.items[0]);
        assert_int_equal(files_write_atomic(path, "{}", 2, 0600, NULL), 0);
        expect_loaded(&lab, &debian, true, 1); /* of the cache */
        assert_int_equal(
            feed_store_load(&lab.place, &lab.manifest, &newer_debian, true, &advisories, &diag),
            -EBADMSG);
        expect_entries(&lab, ".feed", 0);
}

static void test_versions(void **state)
{
        struct lab lab CLEANUP(lab_done) = {0};
        struct feed feed = {.id = (char *)"debian-12"};
        struct blob envelope = {.data = (char *)"{}", .size = 2};
        CLEANUP(blob_done) struct blob bytes = {0};
        CLEANUP(strv_done) struct strv names = {0};
        CLEANUP(freep) char *path = NULL;
        struct manifest *manifest = NULL;
        enum refusal refusal = REFUSAL_NONE;
        struct diag diag = {0};

        lab_init(&lab, *state, RECORD);
        assert_int_equal(feed_store_read_manifest(&lab.place, feed.id, &bytes, NULL), -ENOENT);
        assert_int_equal(feed_store_use_manifest(&lab.place, &lab.manifest, &envelope, NULL), 0);
        assert_int_equal(feed_store_read_manifest(&lab.place, feed.id, &bytes, NULL), 0);
        assert_string_equal(bytes.data, "{}");
        assert_int_equal(files_list(lab.folder, ".json", 10, &names, NULL), 0);
        assert_int_equal(names.n_items, 1);
        path = str_format("%s/%s", lab.folder, names.items[0]);
        assert_int_equal(files_write_atomic(path, "{\"id\":", 6, 0644, NULL), 0);
        assert_int_equal(feed_store_open_manifest(&lab.place, &feed, &envelope, 1, false, &manifest,
                                                  &refusal, &diag),
                         -EINVAL);
        assert_non_null(strstr(diag.text, "is damaged"));
        assert_non_null(strstr(diag.text, "feed 'debian-12' is not used"));
}

static void test_sweep(void **state)
{
        struct lab lab CLEANUP(lab_done) = {0}, newer CLEANUP(lab_done) = {0};
        struct blob envelope = {.data = (char *)"{}", .size = 2};
        struct feed_needed needed;

        lab_init(&lab, *state, RECORD);
        lab_init(&newer, *state, RECORD "\n");
        assert_int_equal(take_in(&lab, RECORD, NULL), 0);
        assert_int_equal(take_in(&newer, RECORD "\n", NULL), 0);
        assert_int_equal(feed_store_use_manifest(&lab.place, &newer.manifest, &envelope, NULL), 0);
        needed = (struct feed_needed){.id = newer.manifest.id};
        assert_int_equal(feed_store_sweep(&lab.place, &needed, 1, NULL), 0);
        expect_entries(&lab, ".feed", 2);
        needed.sha256 = newer.manifest.sha256;
        assert_int_equal(feed_store_sweep(&lab.place, &needed, 1, NULL), 0);
        expect_entries(&lab, ".feed", 1);
        expect_entries(&lab, ".cache", 1);
        assert_true(feed_store_has_file(&newer.place, &newer.manifest));
        expect_entries(&lab, ".manifest", 1);
        assert_int_equal(feed_store_sweep(&lab.place, NULL, 0, NULL), 0);
        expect_entries(&lab, ".json", 1);
        expect_entries(&lab, NULL, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
        static const struct CMUnitTest tests[] = {
            TEST(test_take_in_and_load), TEST(test_refused),  TEST(test_bad_is_remembered),
            TEST(test_spoilt_copy),      TEST(test_versions), TEST(test_sweep),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
