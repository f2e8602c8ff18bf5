/* SPDX-License-Identifier: Apache-2.0 */
/* One request of agent/cycle/transport.c, for test_transport.py: prints what came of it as JSON.
 *     transport_probe get|download|put URL [NAME=VALUE]...      (names: see the table) */
#include "base/json.h"
#include "base/str.h"
#include "cycle/transport.h"

#include <stdio.h>
#include <string.h>

struct arguments {
        const char *ca_file, *client_cert, *client_key, *proxy, *token, *endpoint, *etag, *body;
        const char *max_bytes, *timeout, *repeat;
};

static const struct {
        const char *name;
        size_t offset;
} names[] = {
    {"ca_file=", offsetof(struct arguments, ca_file)},
    {"client_cert=", offsetof(struct arguments, client_cert)},
    {"client_key=", offsetof(struct arguments, client_key)},
    {"proxy=", offsetof(struct arguments, proxy)},
    {"token=", offsetof(struct arguments, token)},
    {"endpoint=", offsetof(struct arguments, endpoint)},
    {"etag=", offsetof(struct arguments, etag)},
    {"body=", offsetof(struct arguments, body)},
    {"max_bytes=", offsetof(struct arguments, max_bytes)},
    {"timeout=", offsetof(struct arguments, timeout)},
    {"repeat=", offsetof(struct arguments, repeat)},
};

static unsigned long long number(const char *text, unsigned long long fallback)
{
        unsigned long long value = 0;

        return text && str_to_uint64(text, 1ULL << 40, &value) >= 0 ? value : fallback;
}

struct download {
        size_t n_bytes, max_bytes;
};

static int take(const char *bytes, size_t size, void *arg, struct diag *diag)
{
        struct download *got = arg;

        (void)bytes;
        got->n_bytes += size;
        return got->n_bytes > got->max_bytes ? diag_fail(diag, -EFBIG, "the sink is full") : 0;
}

static int request(struct transport *transport, const char *verb, const char *url,
                   const struct arguments *arguments)
{
        static const char *const headers[] = {"Content-Type: text/plain", "X-Probe: 1"};
        CLEANUP(transport_response_done) struct transport_response response = {0};
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        struct download got = {.max_bytes = number(arguments->max_bytes, 1 << 20)};
        struct diag diag = {0};
        int r;

        if (strcmp(verb, "put") == 0) {
                CLEANUP(blob_done) struct blob body = {0};

                if (blob_copy(&body, arguments->body, strlen(arguments->body)) < 0)
                        return 2;
                r = transport_put(transport, url, &body, headers, ELEMENTSOF(headers), &response,
                                  &diag);
        } else if (strcmp(verb, "download") == 0)
                r = transport_download(transport, url, take, &got, &response, &diag);
        else
                r = transport_get(transport, url, arguments->etag,
                                  number(arguments->max_bytes, 1 << 20), &response, &diag);
        json_begin_object(writer, NULL);
        json_add_int(writer, "error", -r);
        json_add_string(writer, "text", r < 0 ? diag_text(&diag, r) : NULL);
        json_add_int(writer, "status", response.status);
        json_add_string(writer, "etag", response.etag);
        json_add_int(writer, "retry_after", response.retry_after_seconds);
        json_add_int(writer, "size", (int64_t)response.body.size);
        json_add_string(writer, "body", response.body.data);
        json_add_int(writer, "downloaded", (int64_t)got.n_bytes);
        json_end(writer);
        if (json_writer_finish(writer, false, &text) < 0)
                return 2;
        return puts(text) < 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
        CLEANUP(transport_freep) struct transport *transport = NULL;
        struct arguments arguments = {0};
        struct transport_limits limits = transport_default_limits;
        struct diag diag = {0};
        int r = 0;

        if (argc < 3)
                return 2;
        for (int i = 3; i < argc; i++)
                for (size_t n = 0; n < ELEMENTSOF(names); n++)
                        if (str_has_prefix(argv[i], names[n].name))
                                *(const char **)((char *)&arguments + names[n].offset) =
                                    argv[i] + strlen(names[n].name);
        limits.connect_timeout_seconds = (long)number(arguments.timeout, 5);
        limits.stall_timeout_seconds = limits.connect_timeout_seconds;
        limits.total_timeout_seconds = 4 * limits.connect_timeout_seconds;
        limits.download_timeout_seconds = limits.total_timeout_seconds;
        struct transport_options options = {
            .ca_file = arguments.ca_file,
            .client_cert = arguments.client_cert,
            .client_key = arguments.client_key,
            .proxy = arguments.proxy,
            .token = arguments.token,
            .token_origins = {arguments.endpoint},
            .limits = &limits,
        };
        if (transport_new(&options, &transport, &diag) < 0) {
                fprintf(stderr, "%s\n", diag.text);
                return 2;
        }
        for (unsigned long long n = number(arguments.repeat, 1); n > 0 && r == 0; n--)
                r = request(transport, argv[1], argv[2], &arguments);
        return r;
}
