/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "packages/needrestart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VER "NEEDRESTART-VER: 3.6\n"

static const struct {
        const char *label, *text;
        int want;
        const char *services; /* joined by a blank */
} cases[] = {
    {"nothing at all", "", -EBADMSG, ""},
    {"another program", "usage: foo\n", -EBADMSG, ""},
    {"services without a head", "NEEDRESTART-SVC: ssh.service\n", -EBADMSG, ""},
    {"nothing to restart", VER "NEEDRESTART-KCUR: 6.1.0-43-amd64\nNEEDRESTART-KSTA: 1\n", 0, ""},
    {"services in their order", VER "NEEDRESTART-SVC: ssh.service\nNEEDRESTART-SVC: cron.service\n",
     0, "ssh.service cron.service"},
    {"each once", VER "NEEDRESTART-SVC: a.service\nNEEDRESTART-SVC: a.service\n", 0, "a.service"},
    {"containers and sessions are none",
     VER "NEEDRESTART-CONT: LXC web1\nNEEDRESTART-SESS: root @ session #2\n", 0, ""},
    {"own runs end on their own",
     VER "NEEDRESTART-SVC: patchd-apply@3-1-0.service\nNEEDRESTART-SVC: patchd.service\n"
         "NEEDRESTART-SVC: patchd-cycle@4.service\nNEEDRESTART-SVC: patchd-admin@1.service\n",
     0, "patchd.service"},
    {"no newline at the end", VER "NEEDRESTART-SVC: ssh", 0, "ssh"},
    {"carriage returns and blanks", VER "NEEDRESTART-SVC:\t ssh.service \r\n", 0, "ssh.service"},
    {"an empty name", VER "NEEDRESTART-SVC: \n", 0, ""},
    {"a name with an escape", VER "NEEDRESTART-SVC: a\033[1m\n", 0, ""},
    {"a name with a blank", VER "NEEDRESTART-SVC: a b\n", 0, ""},
    {"a warning between", VER "Use of uninitialized value\nNEEDRESTART-SVC: a\n", 0, "a"},
};

static void test_parse(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(strv_done) struct strv services = {0};
                CLEANUP(freep) char *joined = NULL;
                int r = needrestart_parse(cases[i].text, strlen(cases[i].text), &services, NULL);

                assert_int_equal(strv_join(&services, " ", &joined), 0);
                if (r != cases[i].want || strcmp(joined, cases[i].services) != 0)
                        fail_msg("%s: %d '%s'", cases[i].label, r, joined);
        }
}

static void test_bounds(void **state)
{
        CLEANUP(strv_done) struct strv services = {0};
        CLEANUP(freep) char *text = malloc(NEEDRESTART_SERVICES_MAX * 64 + 1024);
        size_t length;

        (void)state;
        length = (size_t)snprintf(text, 64, VER "NEEDRESTART-SVC: ");
        memset(text + length, 'x', NEEDRESTART_NAME_MAX_BYTES + 1);
        length += NEEDRESTART_NAME_MAX_BYTES + 1;
        text[length++] = '\n';
        for (int i = 0; i < NEEDRESTART_SERVICES_MAX + 10; i++)
                length += (size_t)snprintf(text + length, 64, "NEEDRESTART-SVC: s%d\n", i);
        assert_int_equal(needrestart_parse(text, length, &services, NULL), 0);
        assert_int_equal(services.n_items, NEEDRESTART_SERVICES_MAX);
        assert_string_equal(services.items[0], "s0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),
                                           cmocka_unit_test(test_bounds)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
