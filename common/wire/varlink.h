/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Varlink messages (varlink.org): one JSON object and a NUL byte each. Framing and checking of
 * bytes only; sockets are agent/host/connection.h (blocking) and the daemon's own (sd-event).
 */

#include "base/diag.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

enum {
        VARLINK_MESSAGE_MAX_BYTES = 16 * 1024 * 1024,
        VARLINK_REQUEST_MAX_BYTES = 12 * 1024 * 1024, /* an envelope, escaped */
        VARLINK_REQUEST_VALUES_MAX = 20000,           /* 2000 packages */
};

/* Collects bytes until whole messages are there. Start with all zero but max_bytes, the longest
 * message taken (0: VARLINK_MESSAGE_MAX_BYTES). */
struct varlink_buffer {
        char *data;
        size_t size, capacity, max_bytes;
        size_t max_values; /* in one message; 0: any number */
        size_t start;      /* of the first message not yet given */
        size_t tail;       /* bytes of the last, unfinished message */
};
void varlink_buffer_done(struct varlink_buffer *buffer);
/* Adds received bytes. -EMSGSIZE when a message is longer than max_bytes (nothing is added);
 * -ENOMEM. */
int varlink_buffer_add(struct varlink_buffer *buffer, const char *bytes, size_t size,
                       struct diag *diag) MUST_CHECK;
/* Gives the next whole message. 0: none yet. 1: one (*ret is owned). -EBADMSG: not a JSON object.
 */
int varlink_buffer_next(struct varlink_buffer *buffer, struct json **ret,
                        struct diag *diag) MUST_CHECK;
/* Whether an unfinished message is in the buffer: the peer may not just stop now. */
bool varlink_buffer_is_partial(const struct varlink_buffer *buffer);

struct varlink_call {
        const char *method;            /* borrowed from the message: "org.patchd.agent.GetStatus" */
        const struct json *parameters; /* an object, or NULL */
        bool more, oneway;
};
/* Reads a call. -EBADMSG with a sentence when method is missing or a member has a wrong type;
 * members it does not know are ignored. */
int varlink_read_call(const struct json *message, struct varlink_call *ret,
                      struct diag *diag) MUST_CHECK;

struct varlink_reply {
        const char *error;             /* "org.patchd.apply.AlreadyRunning"; NULL: none */
        const struct json *parameters; /* an object, or NULL; borrowed, as error */
        bool continues;                /* more replies follow */
};
/* Reads a reply; -EBADMSG as above. */
int varlink_read_reply(const struct json *message, struct varlink_reply *ret,
                       struct diag *diag) MUST_CHECK;

/* Texts to send, without the NUL; the caller frees; NULL when out of memory. parameters is the JSON
 * text of an object, NULL: {}. */
char *varlink_call_text(const char *method, const char *parameters, bool more);
char *varlink_reply_text(const char *parameters, bool continues);
/* An error reply: the standard errors of org.varlink.service or our own; `text` becomes the
 * parameter "message" (or "method", "interface", "parameter" for the standard ones that have
 * those). */
char *varlink_error_text(const char *error, const char *parameter_name, const char *text);

/* ---- interfaces ---- */

/* The interface definitions (IDL), as org.varlink.service.GetInterfaceDescription gives them. */
extern const char *const varlink_interface_service; /* org.varlink.service: on every socket */
extern const char *const varlink_interface_agent;   /* org.patchd.agent: on agent.sock */
extern const char *const varlink_interface_cycle;   /* org.patchd.cycle: on cycle.sock */
extern const char *const varlink_interface_apply; /* org.patchd.apply: apply.sock and admin.sock */

/*
 * Answers org.varlink.service for a server that offers interfaces (names and texts, both n long;
 * org.varlink.service itself is added). Gives the reply text (the caller frees) or NULL when the
 * call is of another interface.
 */
char *varlink_answer_service(const struct varlink_call *call, const char *const *names,
                             const char *const *texts, size_t n);

/* The error reply to a call that nobody answers: MethodNotFound for one of the n interfaces in
 * names, else InterfaceNotFound. The caller frees; NULL when out of memory. */
char *varlink_unknown_text(const struct varlink_call *call, const char *const *names, size_t n);

/* The error reply InvalidParameter that names parameter. As above. */
char *varlink_invalid_text(const char *parameter);
