/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "host/connection.h"

#include <string.h>
#include <sys/socket.h>

#define ONE_SECOND_USEC 1000000

/* Both ends of a connection: ours, and the bare socket of a peer that may do anything. */
struct pair {
        struct connection *ours;
        int theirs_fd;
};

static struct pair make_pair(void)
{
        struct pair pair;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(connection_adopt(fds[0], &pair.ours, NULL), 0);
        pair.theirs_fd = fds[1];
        return pair;
}

static void pair_done(struct pair *pair)
{
        connection_free(pair->ours);
        closep(&pair->theirs_fd);
}

/* What the peer says is in the socket before we ask: no second thread is needed. */
static const struct {
        const char *label, *bytes;
        size_t size;
        bool closes, with_progress;
        int want;
        size_t want_progress;
        const char *want_error, *want_sentence;
} call_cases[] = {
#define SAID(text) (text), sizeof(text)
    {"an answer", SAID("{\"parameters\":{\"n\":1}}"), false, false, 0, 0, NULL, NULL},
    {"no parameters", SAID("{}"), false, false, 0, 0, NULL, NULL},
    {"progress", SAID("{\"parameters\":{\"n\":1},\"continues\":true}\0{\"parameters\":{\"n\":1}}"),
     false, true, 0, 1, NULL, NULL},
    {"progress not asked for", SAID("{\"parameters\":{},\"continues\":true}"), false, false,
     -EBADMSG, 0, NULL, "more replies"},
    {"progress that fails", SAID("{\"parameters\":{\"n\":9},\"continues\":true}"), false, true,
     -ECANCELED, 1, NULL, NULL},
    {"an error", SAID("{\"error\":\"a.b.Failed\",\"parameters\":{\"message\":\"no luck\"}}"), false,
     false, -EREMOTEIO, 0, "a.b.Failed", "no luck"},
    {"a standard error",
     SAID("{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"x.Y\"}}"),
     false, false, -EREMOTEIO, 0, "org.varlink.service.MethodNotFound", "MethodNotFound: x.Y"},
    {"an error alone", SAID("{\"error\":\"a.b.PolicyExpired\"}"), false, false, -EREMOTEIO, 0,
     "a.b.PolicyExpired", "a.b.PolicyExpired"},
    {"closed", "", 0, true, false, -ECONNRESET, 0, NULL, "closed the connection"},
    {"closed in a message", "{\"para", 6, true, false, -EBADMSG, 0, NULL, "broke off"},
    {"garbage", SAID("hello"), false, false, -EBADMSG, 0, NULL, "not JSON"},
    {"silence", "", 0, false, false, -ETIMEDOUT, 0, NULL, "in time"},
};

static int on_progress(const struct json *parameters, void *context)
{
        ++*(size_t *)context;
        return json_get_int(parameters, "n", 0) == 9 ? -ECANCELED : 0;
}

static void check_call(size_t i)
{
        CLEANUP(pair_done) struct pair pair = make_pair();
        CLEANUP(json_freep) struct json *reply = NULL;
        CLEANUP(freep) char *error = NULL;
        struct diag diag = {0};
        size_t n_progress = 0;
        int r;

        assert_int_equal(write(pair.theirs_fd, call_cases[i].bytes, call_cases[i].size),
                         call_cases[i].size);
        if (call_cases[i].closes)
                assert_int_equal(shutdown(pair.theirs_fd, SHUT_WR), 0);
        r = connection_call(
            pair.ours, "a.b.C", NULL, call_cases[i].want == -ETIMEDOUT ? 1 : ONE_SECOND_USEC,
            call_cases[i].with_progress ? on_progress : NULL, &n_progress, &reply, &error, &diag);
        if (r != call_cases[i].want || n_progress != call_cases[i].want_progress)
                fail_msg("%s: %d, %zu '%s'", call_cases[i].label, r, n_progress, diag.text);
        if (call_cases[i].want_error && strcmp(error ?: "", call_cases[i].want_error) != 0)
                fail_msg("%s: error %s", call_cases[i].label, error ?: "(none)");
        if (call_cases[i].want_sentence && !strstr(diag.text, call_cases[i].want_sentence))
                fail_msg("%s: '%s'", call_cases[i].label, diag.text);
        if (r == -EREMOTEIO && strstr(call_cases[i].bytes, "parameters") && !json_is_object(reply))
                fail_msg("%s: no parameters of the error", call_cases[i].label);
        if (r == 0 && reply && json_get_int(reply, "n", 0) != 1)
                fail_msg("%s: wrong parameters", call_cases[i].label);
}

static void test_call(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(call_cases); i++)
                check_call(i);
}

static void test_send(void **state)
{
        CLEANUP(pair_done) struct pair pair = make_pair();
        char bytes[16] = {0};

        (void)state;
        assert_int_equal(connection_send(pair.ours, "{\"a\":1}", ONE_SECOND_USEC, NULL), 0);
        assert_int_equal(read(pair.theirs_fd, bytes, sizeof(bytes)), 8);
        assert_memory_equal(bytes, "{\"a\":1}", 8);
}

/* A peer that does not read stops us for the timeout, not for ever; a gone one at once. */
static void test_send_to_a_bad_peer(void **state)
{
        enum { SIZE = 8 * 1024 * 1024 };
        CLEANUP(pair_done) struct pair pair = make_pair();
        CLEANUP(freep) char *text = malloc(SIZE + 1);

        (void)state;
        assert_non_null(text);
        memset(text, ' ', SIZE);
        text[SIZE] = '\0';
        assert_int_equal(connection_send(pair.ours, text, 1000, NULL), -ETIMEDOUT);
        closep(&pair.theirs_fd);
        pair.theirs_fd = -EBADF;
        assert_int_equal(connection_send(pair.ours, text, ONE_SECOND_USEC, NULL), -EPIPE);
}

static void test_peer(void **state)
{
        CLEANUP(pair_done) struct pair pair = make_pair();
        uid_t uid = (uid_t)-1;
        pid_t pid = 0;

        (void)state;
        assert_int_equal(connection_peer(pair.ours, &uid, &pid, NULL), 0);
        assert_int_equal(uid, getuid());
        assert_int_equal(pid, getpid());
        assert_true(connection_peer_in_group(pair.ours, getgid()));
        assert_false(connection_peer_in_group(pair.ours, 4242424));
}

static void test_open_nothing(void **state)
{
        struct connection *connection = NULL;
        struct diag diag = {0};

        (void)state;
        assert_int_equal(connection_open("/nonexistent/socket", &connection, &diag), -ENOENT);
        assert_non_null(strstr(diag.text, "/nonexistent/socket: nobody listens"));
        assert_null(connection);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_call),
            cmocka_unit_test(test_send),
            cmocka_unit_test(test_send_to_a_bad_peer),
            cmocka_unit_test(test_peer),
            cmocka_unit_test(test_open_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
