/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of org.patchd.apply: which socket may call each, what it takes and who does it. A
 * handler gives the whole reply; a negative result becomes the error Failed with diag's sentence,
 * unless a reply was given too.
 */

#include "apply/request.h"
#include "apply/service.h"

#define METHOD_HANDLER(name)                                                                       \
        int name(struct service *service, const struct request *request, char **ret_answer,        \
                 struct diag *diag) MUST_CHECK

/* Who may use a socket at all: -EPERM with a sentence that says who. */
int dispatch_check_peer(struct service *service, struct diag *diag) MUST_CHECK;

/* Answers one call. Errors are answers too; negative only when nothing can be answered. */
int dispatch_answer(struct service *service, const struct json *message) MUST_CHECK;
