/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Varlink messages (varlink.org): one JSON object and a NUL byte each. Framing and checking of bytes
 * only; sockets are agent/host/connection.h (blocking) and the daemon's own (sd-event).
 */

#include "base/diag.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

enum { VARLINK_MESSAGE_MAX_BYTES = 16 * 1024 * 1024, VARLINK_REQUEST_MAX_BYTES = 12 * 1024 * 1024 };

/* Collects bytes until whole messages are there. */
struct varlink_buffer {
        char *data;
        size_t size, capacity, max_bytes;
};
void varlink_buffer_done(struct varlink_buffer *buffer);
/* Adds received bytes. -EMSGSIZE when a message grows beyond max_bytes; -ENOMEM. */
int varlink_buffer_add(struct varlink_buffer *buffer, const char *bytes, size_t size,
                       struct diag *diag) MUST_CHECK;
/* Gives the next whole message. 0: none yet. 1: one (*ret is owned). -EBADMSG: not a JSON object. */
int varlink_buffer_next(struct varlink_buffer *buffer, struct json **ret, struct diag *diag) MUST_CHECK;

struct varlink_call {
        const char *method; /* borrowed from the message: "org.patchd.agent.GetStatus" */
        const struct json *parameters; /* an object, or NULL */
        bool more, oneway;
};
/* Reads a call. -EBADMSG with a sentence when method is missing or a member has a wrong type. */
int varlink_read_call(const struct json *message, struct varlink_call *ret, struct diag *diag) MUST_CHECK;

/* Texts to send, without the NUL; the caller frees; NULL when out of memory. parameters is the JSON
 * text of an object, NULL: {}. */
char *varlink_call_text(const char *method, const char *parameters, bool more);
char *varlink_reply_text(const char *parameters, bool continues);
/* An error reply: the standard errors of org.varlink.service or our own; `text` becomes the parameter
 * "message" (or "method", "interface", "parameter" for the standard ones that have those). */
char *varlink_error_text(const char *error, const char *parameter_name, const char *text);

/* ---- interfaces ---- */

struct varlink_method {
        const char *name; /* without the interface */
        /* Checks parameters strictly in the implementation; see the interface text for types. */
};

/* The interface definitions (IDL), as org.varlink.service.GetInterfaceDescription gives them. */
extern const char *const varlink_interface_agent; /* org.patchd.agent: on agent.sock */
extern const char *const varlink_interface_cycle; /* org.patchd.cycle: on cycle.sock */
extern const char *const varlink_interface_apply; /* org.patchd.apply: on apply.sock and admin.sock */

/* Answers org.varlink.service.GetInfo and GetInterfaceDescription for a server that offers
 * interfaces (names and texts, both n long). Gives the reply text (the caller frees) or NULL when the
 * call is another one. */
char *varlink_answer_service(const struct varlink_call *call, const char *const *names,
                             const char *const *texts, size_t n);
