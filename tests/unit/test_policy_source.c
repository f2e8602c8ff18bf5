/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "folder.h"
#include "host/config.h"
#include "host/policy_source.h"

#include <string.h>

#define POLICY                                                                                     \
        "{\"type\":\"patchd.policy.v1\",\"policy_id\":\"acme\",\"version\":3,"                     \
        "\"issued\":\"2026-11-01T00:00:00Z\",\"expires\":\"2026-11-02T00:00:00Z\","                \
        "\"assignments\":[{\"name\":\"all\",\"match\":{},\"baseline\":\"b\",\"mode\":\"scan\"}],"  \
        "\"baselines\":{\"b\":{\"rules\":[]}}}"

enum { NOW = 1795309200 }; /* 2026-11-22: the policy has expired, which is the caller's business */

struct node_files {
        char *folder, *file, *url;
};

/* A folder with a key, and the policy as an envelope signed with it, or plain. */
static void make_files(void *state, bool is_signed, struct node_files *ret)
{
        const struct blob payload = {.data = (char *)POLICY, .size = strlen(POLICY)};
        CLEANUP(freep) char *private_pem = NULL, *public_pem = NULL, *envelope = NULL;
        struct diag diag = {0};

        assert_int_equal(signature_generate(&private_pem, &public_pem, &diag), 0);
        folder_write(state, "trusted-keys.d/acme.pem", public_pem);
        if (dsse_sign(&payload, POLICY_PAYLOAD_TYPE, NULL, private_pem, strlen(private_pem),
                      &envelope, &diag) < 0)
                fail_msg("%s", diag.text);
        folder_write(state, "my policy.json", is_signed ? envelope : POLICY);
        ret->folder = state;
        ret->file = folder_path(state, "my policy.json");
        ret->url = str_format("file://%s/my%%20policy.json", (char *)state);
}

static int load(const struct node_files *files, const char *url, const char *policy_id,
                struct policy **ret, struct diag *diag)
{
        const struct paths paths = {
            .etc = files->folder, .share = files->folder, .zoneinfo = files->folder};
        const struct config config = {
            .policy_url = (char *)url, .policy_id = (char *)policy_id, .threshold = 1};

        return policy_source_load(&paths, &config, NOW, ret, diag);
}

static void files_done(struct node_files *files)
{
        free(files->file);
        free(files->url);
}

static void test_envelope(void **state)
{
        CLEANUP(policy_freep) struct policy *policy = NULL, *again = NULL, *other = NULL;
        CLEANUP(files_done) struct node_files files = {0};
        struct diag diag = {0};

        make_files(*state, true, &files);
        if (load(&files, files.url, "acme", &policy, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_true(policy->is_signed);
        assert_int_equal(policy->version, 3);
        assert_int_equal(load(&files, files.file, NULL, &again, &diag), 0);

        assert_int_equal(load(&files, files.url, "other", &other, &diag), -EBADMSG);
        assert_non_null(strstr(diag.text, "my policy.json: policy_id: 'acme' is not"));
}

static void test_stranger(void **state)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(files_done) struct node_files files = {0}, new_keys = {0};
        CLEANUP(freep) char *kept = folder_path(*state, "kept");
        struct diag diag = {0};

        make_files(*state, true, &files);
        assert_int_equal(rename(files.file, kept), 0);
        make_files(*state, true, &new_keys);
        assert_int_equal(load(&files, kept, "acme", &policy, &diag), -EBADMSG);
        assert_non_null(strstr(diag.text, "/kept: "));
        assert_null(policy);
}

/* In a folder that all may write, anybody could have put it there. */
static void test_plain(void **state)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(files_done) struct node_files files = {0};
        struct diag diag = {0};

        make_files(*state, false, &files);
        assert_int_equal(chmod(*state, 0777), 0);
        assert_int_equal(load(&files, files.url, "acme", &policy, &diag), -EPERM);
        assert_non_null(strstr(diag.text, "my policy.json: "));
        assert_null(policy);
}

static void test_urls(void **state)
{
        static const struct {
                const char *label, *url;
                int want;
        } cases[] = {
            {"absent", "file:///nonexistent/policy.json", -ENOENT},
            {"network", "https://patch.example/policy.json", -EINVAL},
            {"a host", "file://host/policy.json", -EINVAL},
            {"relative", "policy.json", -EINVAL},
            {"wrong escape", "file:///a%2", -EINVAL},
            {"NUL", "file:///a%00b", -EINVAL},
        };
        const struct node_files files = {.folder = *state};

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(policy_freep) struct policy *policy = NULL;
                struct diag diag = {0};
                int r = load(&files, cases[i].url, "acme", &policy, &diag);

                if (r != cases[i].want || diag.text[0] == '\0')
                        fail_msg("%s: %d %s", cases[i].label, r, diag.text);
        }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            IN_FOLDER(test_envelope),
            IN_FOLDER(test_stranger),
            IN_FOLDER(test_plain),
            IN_FOLDER(test_urls),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
