/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What apt-get's output means; the parsers behind backend_apt. See backend.h for the contracts. */

#include "host/backends/backend.h"

int apt_parse_simulation(const char *output, struct backend_changes *ret) MUST_CHECK;
int apt_parse_why(const char *output, char **ret) MUST_CHECK;
char *apt_parse_cause(const char *error_output);
char *apt_parse_lock(const char *output, const char *error_output);
bool apt_parse_status(char *line, struct backend_status *ret);
char *apt_script_name(const char *argument);
int apt_parse_verify(const char *output, struct strv *ret_conffiles,
                     struct strv *ret_others) MUST_CHECK;
int apt_parse_refresh(const char *output, const char *error_output, bool is_success,
                      const struct strv *repositories, struct backend_refresh *ret) MUST_CHECK;

/* Calls visit for each line of text, without its end; stops at the first negative result. */
int apt_for_each_line(const char *text, int (*visit)(char *line, void *arg), void *arg) MUST_CHECK;
