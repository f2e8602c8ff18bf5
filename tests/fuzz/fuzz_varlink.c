/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "wire/varlink.h"

#include <string.h>

enum { MESSAGE_MAX = 512 };

static const char *const names[] = {"org.patchd.agent"};

/* Whatever was asked, the answer is one JSON object without a NUL. */
static void check_reply(char *reply)
{
        CLEANUP(json_freep) struct json *json = NULL;
        struct varlink_reply read;

        fuzz_check(reply != NULL);
        fuzz_check(json_parse(reply, strlen(reply), &json, NULL) == 0);
        fuzz_check(varlink_read_reply(json, &read, NULL) == 0);
        free(reply);
}

static void take(const struct json *message)
{
        struct varlink_call call = {0};
        struct varlink_reply reply = {0};
        struct diag diag = {0};
        char *answer;
        int r;

        r = varlink_read_call(message, &call, &diag);
        fuzz_check((r < 0) == (diag.text[0] != '\0'));
        if (r == 0) {
                answer = varlink_answer_service(&call, names, &varlink_interface_agent, 1);
                check_reply(answer ? answer : varlink_unknown_text(&call, names, 1));
        }
        if (varlink_read_reply(message, &reply, NULL) == 0)
                fuzz_check(!reply.error || strchr(reply.error, '.'));
}

/* The first byte is the size of the pieces in which the rest arrives. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct varlink_buffer buffer = {.max_bytes = MESSAGE_MAX};
        size_t step = size > 0 && data[0] > 0 ? data[0] : 256;
        int r = 0;

        for (size_t at = 1; r >= 0 && at < size; at += step) {
                r = varlink_buffer_add(&buffer, (const char *)data + at,
                                       size - at < step ? size - at : step, NULL);
                while (r >= 0) {
                        CLEANUP(json_freep) struct json *message = NULL;

                        r = varlink_buffer_next(&buffer, &message, NULL);
                        if (r <= 0)
                                break;
                        take(message);
                }
                fuzz_check(buffer.tail <= MESSAGE_MAX);
        }
        varlink_buffer_done(&buffer);
        return 0;
}
