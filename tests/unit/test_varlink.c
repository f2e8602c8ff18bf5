/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "wire/varlink.h"

#include <string.h>

/* ---- framing ---- */

/* Bytes with a NUL at the end of every message; a literal's own NUL is one. */
#define BYTES(text) (text), sizeof(text)
#define CUT(text)   (text), sizeof(text) - 1

static const struct {
        const char *label;
        const char *bytes;
        size_t size, step; /* given in pieces of step bytes */
        size_t want_messages;
        int want; /* the failure at the end; 0: none */
        bool want_partial;
} frame_cases[] = {
    {"one message", BYTES("{\"a\":1}"), 100, 1, 0, false},
    {"byte by byte", BYTES("{\"a\":1}\0{\"b\":2}"), 1, 2, 0, false},
    {"several in one read", BYTES("{}\0{}\0{}\0{}"), 100, 4, 0, false},
    {"one and a half", CUT("{}\0{\"half\":"), 100, 1, 0, true},
    {"half", CUT("{\"half\""), 3, 0, 0, true},
    {"nothing", "", 0, 1, 0, 0, false},
    {"exactly the limit", BYTES("{\"0123456789abcdef0123456789\":1}"), 100, 1, 0, false},
    {"one byte too long", BYTES("{\"0123456789abcdef01234567890\":1}"), 100, 0, -EMSGSIZE, false},
    {"too long, in pieces", CUT("{\"0123456789abcdef0123456789012345"), 5, 0, -EMSGSIZE, true},
    {"too long after a good one", BYTES("{}\0{\"0123456789abcdef0123456789012345\":1}"), 3, 1,
     -EMSGSIZE, true},
    {"a flood of NULs", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0"), 100, 0, -EBADMSG, false},
    {"an array", BYTES("[]"), 100, 0, -EBADMSG, false},
    {"a string", BYTES("\"{}\""), 100, 0, -EBADMSG, false},
    {"null", BYTES("null"), 100, 0, -EBADMSG, false},
    {"not JSON", BYTES("GET / HTTP/1.1\r\n\r\n"), 100, 0, -EBADMSG, false},
    {"two objects in one message", BYTES("{}{}"), 100, 0, -EBADMSG, false},
    {"as many values as may be", BYTES("{\"a\":[1,2,3,4,5,6]}"), 100, 1, 0, false},
    {"one value too many", BYTES("{\"a\":[1,2,3,4,5,6,7]}"), 100, 0, -EBADMSG, false},
    {"one too many after a good one", BYTES("{}\0{\"a\":[1,2,3,4,5,6,7]}"), 3, 1, -EBADMSG, false},
    {"not UTF-8", BYTES("{\"a\":\"\xff\"}"), 100, 0, -EBADMSG, false},
};

static int take_all(struct varlink_buffer *buffer, size_t *n_messages, struct diag *diag)
{
        for (;;) {
                CLEANUP(json_freep) struct json *json = NULL;
                int r = varlink_buffer_next(buffer, &json, diag);

                if (r <= 0)
                        return r;
                if (!json_is_object(json))
                        fail_msg("a message that is no object");
                (*n_messages)++;
        }
}

static void check_frames(size_t i)
{
        struct varlink_buffer buffer = {.max_bytes = 32, .max_values = 8};
        struct diag diag = {0};
        size_t n_messages = 0;
        int r = 0;

        for (size_t at = 0; r == 0 && at < frame_cases[i].size; at += frame_cases[i].step) {
                size_t rest = frame_cases[i].size - at;

                r = varlink_buffer_add(&buffer, frame_cases[i].bytes + at,
                                       rest < frame_cases[i].step ? rest : frame_cases[i].step,
                                       &diag);
                if (r == 0)
                        r = take_all(&buffer, &n_messages, &diag);
        }
        if (r != frame_cases[i].want || n_messages != frame_cases[i].want_messages)
                fail_msg("%s: %d, %zu messages, '%s'", frame_cases[i].label, r, n_messages,
                         diag.text);
        if (r < 0 && diag.text[0] == '\0')
                fail_msg("%s: no sentence", frame_cases[i].label);
        if (varlink_buffer_is_partial(&buffer) != frame_cases[i].want_partial)
                fail_msg("%s: partial", frame_cases[i].label);
        varlink_buffer_done(&buffer);
}

static void test_frames(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(frame_cases); i++)
                check_frames(i);
}

/* A refused piece leaves what was there. */
static void test_refused_piece(void **state)
{
        struct varlink_buffer buffer = {.max_bytes = 8};
        CLEANUP(json_freep) struct json *json = NULL;

        (void)state;
        assert_int_equal(varlink_buffer_add(&buffer, "{\"a\"", 4, NULL), 0);
        assert_int_equal(varlink_buffer_add(&buffer, "123456789", 9, NULL), -EMSGSIZE);
        assert_int_equal(varlink_buffer_add(&buffer, ":1}", 4, NULL), 0);
        assert_int_equal(varlink_buffer_next(&buffer, &json, NULL), 1);
        assert_int_equal(json_get_int(json, "a", 0), 1);
        varlink_buffer_done(&buffer);
}

/* Many messages in one big buffer have to cost their bytes once, not once per message. */
static void test_many_messages(void **state)
{
        enum { N = 50000 };
        struct varlink_buffer buffer = {0};
        char *bytes = calloc(N, 3);
        size_t n_messages = 0;

        (void)state;
        assert_non_null(bytes);
        for (size_t i = 0; i < N; i++)
                memcpy(bytes + 3 * i, "{}", 2);
        assert_int_equal(varlink_buffer_add(&buffer, bytes, (size_t)N * 3, NULL), 0);
        assert_int_equal(take_all(&buffer, &n_messages, NULL), 0);
        assert_int_equal(n_messages, N);
        varlink_buffer_done(&buffer);
        free(bytes);
}

/* ---- calls and replies ---- */

static const struct {
        const char *label, *text, *want; /* part of the error; NULL: a good call */
        bool more, oneway, parameters;
} call_cases[] = {
    {"bare", "{\"method\":\"a.b.C\"}", NULL, false, false, false},
    {"whole", "{\"method\":\"a.b.C\",\"parameters\":{},\"more\":true}", NULL, true, false, true},
    {"oneway", "{\"method\":\"a.b.C\",\"oneway\":true}", NULL, false, true, false},
    {"null members", "{\"method\":\"a.b.C\",\"parameters\":null,\"more\":null}", NULL, false, false,
     false},
    {"unknown members", "{\"method\":\"a.b.C\",\"x\":[1],\"y\":{}}", NULL, false, false, false},
    {"no method", "{\"parameters\":{}}", "method: is missing", 0, 0, 0},
    {"null method", "{\"method\":null}", "method: is missing", 0, 0, 0},
    {"method of a wrong type", "{\"method\":1}", "method: expected a value of type string", 0, 0,
     0},
    {"empty method", "{\"method\":\"\"}", "method: is empty", 0, 0, 0},
    {"no interface", "{\"method\":\"GetInfo\"}", "'GetInfo' is not an interface", 0, 0, 0},
    {"only an interface", "{\"method\":\"a.b.\"}", "is not an interface", 0, 0, 0},
    {"only a name", "{\"method\":\".Get\"}", "is not an interface", 0, 0, 0},
    {"NUL in the method", "{\"method\":\"a.b.C\\u0000x\"}", "control character", 0, 0, 0},
    {"parameters of a wrong type", "{\"method\":\"a.b.C\",\"parameters\":[]}",
     "parameters: is not an object", 0, 0, 0},
    {"more of a wrong type", "{\"method\":\"a.b.C\",\"more\":1}", "more: expected", 0, 0, 0},
    {"oneway of a wrong type", "{\"method\":\"a.b.C\",\"oneway\":\"true\"}", "oneway: expected", 0,
     0, 0},
    {"both", "{\"method\":\"a.b.C\",\"more\":true,\"oneway\":true}", "exclude each other", 0, 0, 0},
    {"upgrade", "{\"method\":\"a.b.C\",\"upgrade\":true}", "upgrade:", 0, 0, 0},
};

static struct json *parse(const char *text)
{
        struct json *json = NULL;

        assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
        return json;
}

static void test_read_call(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(call_cases); i++) {
                CLEANUP(json_freep) struct json *json = parse(call_cases[i].text);
                struct varlink_call call = {0};
                struct diag diag = {0};
                int r = varlink_read_call(json, &call, &diag);

                if (call_cases[i].want ? r != -EBADMSG || !strstr(diag.text, call_cases[i].want)
                                       : r != 0)
                        fail_msg("%s: %d '%s'", call_cases[i].label, r, diag.text);
                if (r == 0 &&
                    (strcmp(call.method, "a.b.C") != 0 || call.more != call_cases[i].more ||
                     call.oneway != call_cases[i].oneway ||
                     (call.parameters != NULL) != call_cases[i].parameters))
                        fail_msg("%s: read wrongly", call_cases[i].label);
        }
}

static const struct {
        const char *label, *text, *want;
} reply_cases[] = {
    {"empty", "{}", NULL},
    {"parameters", "{\"parameters\":{\"a\":1}}", NULL},
    {"continued", "{\"parameters\":{},\"continues\":true}", NULL},
    {"error", "{\"error\":\"a.b.Failed\",\"parameters\":{\"message\":\"x\"}}", NULL},
    {"error of a wrong type", "{\"error\":{}}", "error: expected"},
    {"error without interface", "{\"error\":\"Failed\"}", "is not an interface"},
    {"parameters of a wrong type", "{\"parameters\":\"x\"}", "is not an object"},
    {"continues of a wrong type", "{\"continues\":1}", "continues: expected"},
    {"continued error", "{\"error\":\"a.b.Failed\",\"continues\":true}", "can not be continued"},
};

static void test_read_reply(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(reply_cases); i++) {
                CLEANUP(json_freep) struct json *json = parse(reply_cases[i].text);
                struct varlink_reply reply = {0};
                struct diag diag = {0};
                int r = varlink_read_reply(json, &reply, &diag);

                if (reply_cases[i].want ? r != -EBADMSG || !strstr(diag.text, reply_cases[i].want)
                                        : r != 0)
                        fail_msg("%s: %d '%s'", reply_cases[i].label, r, diag.text);
        }
}

static void test_texts(void **state)
{
        char *const texts[] = {
            varlink_call_text("a.b.C", NULL, false), varlink_call_text("a.b.C", "{\"x\":1}", true),
            varlink_reply_text(NULL, false),         varlink_reply_text("{\"x\":1}", true),
            varlink_error_text("a.b.E", NULL, NULL), varlink_error_text("a.b.E", "message", "\"\n"),
        };
        const char *const want[] = {
            "{\"method\":\"a.b.C\",\"parameters\":{}}",
            "{\"method\":\"a.b.C\",\"parameters\":{\"x\":1},\"more\":true}",
            "{\"parameters\":{}}",
            "{\"parameters\":{\"x\":1},\"continues\":true}",
            "{\"error\":\"a.b.E\",\"parameters\":{}}",
            "{\"error\":\"a.b.E\",\"parameters\":{\"message\":\"\\\"\\n\"}}",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_string_equal(texts[i], want[i]);
                free(texts[i]);
        }
}

/* ---- org.varlink.service ---- */

static const struct {
        const char *label, *call, *want; /* want: part of the reply; NULL: not answered */
} service_cases[] = {
    {"info", "{\"method\":\"org.varlink.service.GetInfo\"}",
     "\"interfaces\":[\"org.varlink.service\",\"a.b\"]"},
    {"description",
     "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
     "\"parameters\":{\"interface\":\"a.b\"}}",
     "{\"parameters\":{\"description\":\"interface a.b\"}}"},
    {"its own description",
     "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
     "\"parameters\":{\"interface\":\"org.varlink.service\"}}",
     "method GetInterfaceDescription"},
    {"unknown interface",
     "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
     "\"parameters\":{\"interface\":\"a.c\"}}",
     "{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":{\"interface\":\"a.c\"}"
     "}"},
    {"interface missing", "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}",
     "{\"error\":\"org.varlink.service.InvalidParameter\","
     "\"parameters\":{\"parameter\":\"interface\"}}"},
    {"unknown method", "{\"method\":\"org.varlink.service.Nope\"}",
     "{\"error\":\"org.varlink.service.MethodNotFound\","
     "\"parameters\":{\"method\":\"org.varlink.service.Nope\"}}"},
    {"another interface", "{\"method\":\"a.b.C\"}", NULL},
    {"one that begins the same", "{\"method\":\"org.varlink.service2.GetInfo\"}", NULL},
};

static void test_service(void **state)
{
        static const char *const names[] = {"a.b"};
        static const char *const described[] = {"interface a.b"};

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(service_cases); i++) {
                CLEANUP(json_freep) struct json *json = parse(service_cases[i].call);
                CLEANUP(freep) char *reply = NULL;
                struct varlink_call call;

                assert_int_equal(varlink_read_call(json, &call, NULL), 0);
                reply = varlink_answer_service(&call, names, described, 1);
                if (service_cases[i].want ? !reply || !strstr(reply, service_cases[i].want)
                                          : reply != NULL)
                        fail_msg("%s: %s", service_cases[i].label, reply ?: "(not answered)");
        }
}

static void test_unknown(void **state)
{
        static const char *const names[] = {"a.b"};
        const struct varlink_call known = {.method = "a.b.Nope"}, other = {.method = "a.bc.Get"};
        CLEANUP(freep) char *method = varlink_unknown_text(&known, names, 1);
        CLEANUP(freep) char *interface = varlink_unknown_text(&other, names, 1);

        (void)state;
        assert_non_null(
            strstr(method, "MethodNotFound\",\"parameters\":{\"method\":\"a.b.Nope\"}"));
        assert_non_null(
            strstr(interface, "InterfaceNotFound\",\"parameters\":{\"interface\":\"a.bc\"}"));
}

/* What a shell could check too: the texts begin right, close their brackets and say nothing twice.
 */
static void test_interface_texts(void **state)
{
        const struct {
                const char *name, *text;
        } cases[] = {
            {"interface org.varlink.service\n", varlink_interface_service},
            {"interface org.patchd.agent\n", varlink_interface_agent},
            {"interface org.patchd.cycle\n", varlink_interface_cycle},
            {"interface org.patchd.apply\n", varlink_interface_apply},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int depth = 0;

                assert_non_null(strstr(cases[i].text, cases[i].name));
                for (const char *at = cases[i].text; *at; at++) {
                        if (*at == '#')
                                at = strchr(at, '\n');
                        depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
                        assert_in_range(depth, 0, 1);
                }
                assert_int_equal(depth, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_frames),          cmocka_unit_test(test_refused_piece),
            cmocka_unit_test(test_many_messages),   cmocka_unit_test(test_read_call),
            cmocka_unit_test(test_read_reply),      cmocka_unit_test(test_texts),
            cmocka_unit_test(test_service),         cmocka_unit_test(test_unknown),
            cmocka_unit_test(test_interface_texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
