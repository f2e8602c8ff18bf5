/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The node's default name: an id made from the machine id, so that the real one is never sent
 * (machine-id(5) asks for that). The same as sd_id128_get_machine_app_specific(3) gives on the
 * running host, but for any root's machine id.
 */

#include "base/cleanup.h"

enum { MACHINE_ID_TEXT_SIZE = 33 };

#define MACHINE_ID_NONE "00000000000000000000000000000000"

/* text is the content of /etc/machine-id. Returns -ENOMEDIUM when it holds no id (empty or
 * "uninitialized"), -ENOMEM. */
int machine_id_derive(const char *text, char ret[static MACHINE_ID_TEXT_SIZE]) MUST_CHECK;
