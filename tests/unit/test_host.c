/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "folder.h"
#include "host/host.h"
#include "host/machine_id.h"
#include "host/os_release.h"
#include "packages/inventory.h"

#include <string.h>
#include <sys/utsname.h>
#include <systemd/sd-id128.h>

#define MACHINE_ID "0123456789abcdef0123456789ABCDEF\n"

static void open_root(void *state, struct root *ret)
{
        struct diag diag = {0};

        if (root_open(state, ret, &diag) < 0)
                fail_msg("%s", diag.text);
}

/* ---- os-release ---- */

static void test_os_release(void **state)
{
        static const struct {
                const char *label, *text, *want;
        } cases[] = {
            {"plain", "NAME=x\nID=debian\n", "debian"},
            {"double quotes", "ID=\"rhel\"\n", "rhel"},
            {"single quotes", "ID='a\\b \"c\"'\n", "a\\b \"c\""},
            {"escapes", "ID=\"a\\\"b\\$c\"\n", "a\"b$c"},
            {"last wins", "ID=a\nID=b", "b"},
            {"blanks after", "ID=debian  \r\n", "debian"},
            {"other names", "VERSION_ID=1\nMYID=2\nIDX=3\n# ID=4\n", "none"},
            {"empty value", "ID=\n", ""},
            {"open quote", "ID=\"debian\n", "none"},
            {"two words", "ID=a b\n", "none"},
            {"backslash at the end", "ID=a\\", "a\\"},
            {"nothing", "", "none"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(freep) char *value = NULL;

                assert_int_equal(os_release_get(cases[i].text, "ID", "none", &value), 0);
                if (strcmp(value, cases[i].want) != 0)
                        fail_msg("%s: '%s'", cases[i].label, value);
        }
}

/* ---- machine id ---- */

static void test_machine_id(void **state)
{
        static const char *const none[] = {"",
                                           "\n",
                                           "uninitialized\n",
                                           "0123",
                                           MACHINE_ID_NONE,
                                           "g123456789abcdef0123456789abcdef",
                                           "0123456789abcdef0123456789abcdef0"};
        char id[MACHINE_ID_TEXT_SIZE] = "";

        (void)state;
        assert_int_equal(machine_id_derive(MACHINE_ID, id), 0);
        assert_string_equal(id, "8ca620112a214e99bef14bcb52ac0b11");
        for (size_t i = 0; i < ELEMENTSOF(none); i++)
                if (machine_id_derive(none[i], id) != -ENOMEDIUM)
                        fail_msg("'%s' gave %s", none[i], id);
}

/* systemd's own derivation, where this machine has an id. */
static void test_machine_id_as_systemd(void **state)
{
        const sd_id128_t app = {.bytes = {0x63, 0x81, 0xce, 0x54, 0x27, 0x90, 0x49, 0x0c, 0x9e,
                                          0x8a, 0x82, 0xff, 0x34, 0x7d, 0x4f, 0xe7}};
        char machine[SD_ID128_STRING_MAX], want[SD_ID128_STRING_MAX];
        char id[MACHINE_ID_TEXT_SIZE];
        sd_id128_t systemd;

        (void)state;
        if (sd_id128_get_machine(&systemd) < 0)
                skip();
        assert_int_equal(machine_id_derive(sd_id128_to_string(systemd, machine), id), 0);
        assert_int_equal(sd_id128_get_machine_app_specific(app, &systemd), 0);
        assert_string_equal(id, sd_id128_to_string(systemd, want));
}

/* ---- the node ---- */

static void test_foreign_node(void **state)
{
        CLEANUP(strv_done) struct strv tags = {0};
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        CLEANUP(node_done) struct node node = {0};
        struct node_tag configured[] = {{(char *)"Env", (char *)"prod"},
                                        {(char *)"Team", (char *)"a"}};
        const struct config config = {.tags = configured, .n_tags = 2};

        folder_write(*state, "usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        folder_write(*state, "etc/hostname", "# comment\n\n  web-1.example \n");
        folder_write(*state, "etc/machine-id", MACHINE_ID);
        open_root(*state, &root);
        assert_int_equal(strv_add(&tags, "Env=test it"), 0);
        assert_int_equal(strv_add(&tags, "Ring=1"), 0);

        assert_int_equal(host_node(&root, &config, &tags, "amd64", &node, NULL), 0);
        assert_string_equal(node.os_id, "debian");
        assert_string_equal(node.os_version, "12");
        assert_string_equal(node.hostname, "web-1.example");
        assert_string_equal(node.id, "8ca620112a214e99bef14bcb52ac0b11");
        assert_string_equal(node.arch, "amd64");
        assert_null(node.kernel);
        assert_null(node.boot_id);
        assert_int_equal(node.n_tags, 3);
        assert_string_equal(node.tags[0].value, "test it");
        assert_string_equal(node.tags[1].value, "a");
        assert_string_equal(node.tags[2].key, "Ring");
}

static void test_empty_root(void **state)
{
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        CLEANUP(node_done) struct node node = {0};

        folder_write(*state, "etc/hostname", "evil/name\n");
        open_root(*state, &root);
        assert_int_equal(host_node(&root, NULL, NULL, "amd64", &node, NULL), 0);
        assert_string_equal(node.os_id, "linux");
        assert_string_equal(node.os_version, "");
        assert_string_equal(node.hostname, "localhost");
        assert_string_equal(node.id, MACHINE_ID_NONE);
}

static void test_configured_id_and_bad_tag(void **state)
{
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        CLEANUP(node_done) struct node node = {0};
        CLEANUP(strv_done) struct strv tags = {0};
        const struct config config = {.node_id = (char *)"i-0abc"};
        struct diag diag = {0};

        open_root(*state, &root);
        assert_int_equal(host_node(&root, &config, NULL, "amd64", &node, NULL), 0);
        assert_string_equal(node.id, "i-0abc");
        assert_int_equal(strv_add(&tags, "novalue"), 0);
        assert_int_equal(host_node(&root, &config, &tags, "amd64", &node, &diag), -EINVAL);
        assert_non_null(strstr(diag.text, "'novalue' is not KEY=VALUE"));
}

/* ---- zones and keys ---- */

static void test_zones(void **state)
{
        static const struct {
                const char *label, *name;
                int want;
        } cases[] = {
            {"a zone", "Area/City", 0},
            {"depth", "Area/Sub/City_x-1+2", 0},
            {"absent", "Area/Town", -ENOENT},
            {"a folder", "Area", -ENOENT},
            {"below a file", "Area/City/x", -ENOENT},
            {"absolute", "/Area/City", -EINVAL},
            {"leaves", "Area/../../secret", -EINVAL},
            {"dot", "./Area/City", -EINVAL},
            {"empty", "", -EINVAL},
            {"empty part", "Area//City", -EINVAL},
            {"ends with a slash", "Area/", -EINVAL},
            {"blank", "Area/City ", -EINVAL},
        };
        CLEANUP(freep) char *zoneinfo = folder_path(*state, "zoneinfo");
        const struct paths paths = {.zoneinfo = zoneinfo};
        struct zone_loader loader = host_zone_loader(&paths);

        folder_write(*state, "zoneinfo/Area/City", "TZif");
        folder_write(*state, "zoneinfo/Area/Sub/City_x-1+2", "TZif");
        folder_write(*state, "secret", "s");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(blob_done) struct blob blob = {0};
                struct diag diag = {0};
                int r = loader.load(loader.context, cases[i].name, &blob, &diag);

                if (r != cases[i].want || (r == 0) != (diag.text[0] == '\0'))
                        fail_msg("%s: %d %s", cases[i].label, r, diag.text);
        }
}

static void test_keyring(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keyring = NULL;
        CLEANUP(freep) char *private_pem = NULL, *public_pem = NULL;
        const struct paths paths = {.etc = *state};
        struct diag diag = {0};

        assert_int_equal(host_keyring(&paths, &keyring, &diag), 0);
        assert_int_equal(keyring_size(keyring), 0);
        assert_int_equal(signature_generate(&private_pem, &public_pem, &diag), 0);
        folder_write(*state, "trusted-keys.d/acme.pem", public_pem);
        folder_write(*state, "trusted-keys.d/README", "no key");
        keyring_free(TAKE_PTR(keyring));
        assert_int_equal(host_keyring(&paths, &keyring, &diag), 0);
        assert_int_equal(keyring_size(keyring), 1);

        folder_write(*state, "trusted-keys.d/wrong.pem", private_pem);
        keyring_free(TAKE_PTR(keyring));
        assert_int_equal(host_keyring(&paths, &keyring, &diag), -EINVAL);
        assert_non_null(strstr(diag.text, "trusted-keys.d/wrong.pem: "));
}

/* ---- reboot ---- */

static const struct {
        const char *label, *running;
        const char *kernels[3];
        enum package_format format;
        enum reboot_required want;
        const char *reason; /* part of the first; NULL: none */
} kernel_cases[] = {
    {"the newest runs",
     "6.1.0-43-amd64",
     {"6.1.0-9-amd64", "6.1.0-43-amd64"},
     FORMAT_DEB,
     REBOOT_REQUIRED_NO,
     NULL},
    {"a newer one waits",
     "6.1.0-9-amd64",
     {"6.1.0-43-amd64", "6.1.0-9-amd64"},
     FORMAT_DEB,
     REBOOT_REQUIRED_YES,
     "kernel 6.1.0-9-amd64 runs, the newer 6.1.0-43-amd64 is installed"},
    {"not split at dots and dashes",
     "6.12.90+deb13.1-amd64",
     {"6.12.90+deb13-amd64", "6.12.90+deb13.1-amd64"},
     FORMAT_DEB,
     REBOOT_REQUIRED_NO,
     NULL},
    {"the same the other way",
     "6.12.90+deb13-amd64",
     {"6.12.90+deb13-amd64", "6.12.90+deb13.1-amd64"},
     FORMAT_DEB,
     REBOOT_REQUIRED_YES,
     "deb13.1"},
    {"of many the newest",
     "6.1.0-9-amd64",
     {"6.1.0-10-amd64", "6.1.0-43-amd64", "6.1.0-9-amd64"},
     FORMAT_DEB,
     REBOOT_REQUIRED_YES,
     "the newer 6.1.0-43-amd64"},
    {"another flavour is newer",
     "6.1.0-9-cloud-amd64",
     {"6.1.0-43-amd64", "6.1.0-9-cloud-amd64"},
     FORMAT_DEB,
     REBOOT_REQUIRED_NO,
     NULL},
    {"backport",
     "6.1.0-0.deb11.13-amd64",
     {"6.1.0-0.deb11.22-amd64", "6.1.0-0.deb11.13-amd64"},
     FORMAT_DEB,
     REBOOT_REQUIRED_YES,
     "deb11.22"},
    {"Ubuntu",
     "5.15.0-105-generic",
     {"5.15.0-107-generic", "5.15.0-1023-aws"},
     FORMAT_DEB,
     REBOOT_REQUIRED_YES,
     "5.15.0-107-generic"},
    {"a removed kernel runs, an older is left",
     "6.1.0-43-amd64",
     {"6.1.0-9-amd64"},
     FORMAT_DEB,
     REBOOT_REQUIRED_UNKNOWN,
     "belongs to no installed package"},
    {"a kernel of its own",
     "6.18.44-fc",
     {"6.1.0-9-amd64"},
     FORMAT_DEB,
     REBOOT_REQUIRED_UNKNOWN,
     "kernel 6.18.44-fc runs and belongs to no installed package"},
    {"no kernels", "6.18.44-fc", {NULL}, FORMAT_DEB, REBOOT_REQUIRED_UNKNOWN, "6.18.44-fc"},
};

static void read_reboot(const struct root *root, const char *running,
                        const struct inventory *inventory, struct reboot_state *ret)
{
        const struct node node = {.kernel = (char *)running};
        struct diag diag = {0};

        if (host_reboot_state(root, &node, inventory, ret, &diag) < 0)
                fail_msg("%s", diag.text);
}

static void test_kernels(void **state)
{
        CLEANUP(root_done) struct root root = {.fd = -EBADF};

        open_root(*state, &root);
        root.is_host = true;
        for (size_t i = 0; i < ELEMENTSOF(kernel_cases); i++) {
                CLEANUP(reboot_state_done) struct reboot_state reboot = {0};
                struct inventory inventory = {.format = kernel_cases[i].format};
                const char *reason;

                for (size_t j = 0; j < 3 && kernel_cases[i].kernels[j]; j++)
                        assert_int_equal(strv_add(&inventory.kernels, kernel_cases[i].kernels[j]),
                                         0);
                read_reboot(&root, kernel_cases[i].running, &inventory, &reboot);
                strv_done(&inventory.kernels);
                reason = reboot.reasons.n_items > 0 ? reboot.reasons.items[0] : "";
                if (reboot.required != kernel_cases[i].want ||
                    (kernel_cases[i].reason ? !strstr(reason, kernel_cases[i].reason)
                                            : reboot.reasons.n_items > 0))
                        fail_msg("%s: %s '%s'", kernel_cases[i].label,
                                 enum_name(&reboot_required_names, (int)reboot.required), reason);
        }
}

static void test_reboot_mark(void **state)
{
        CLEANUP(reboot_state_done) struct reboot_state before = {0}, bare = {0}, named = {0};
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        const struct inventory inventory = {0};

        /* A foreign root: the mark is all that counts. */
        open_root(*state, &root);
        read_reboot(&root, NULL, &inventory, &before);
        assert_int_equal(before.required, REBOOT_REQUIRED_NO);

        folder_write(*state, "run/reboot-required", "*** System restart required ***\n");
        read_reboot(&root, NULL, &inventory, &bare);
        assert_int_equal(bare.required, REBOOT_REQUIRED_YES);
        assert_string_equal(bare.reasons.items[0], "/run/reboot-required is there");

        folder_write(*state, "run/reboot-required.pkgs", "dbus\nlibc6\n\ndbus\n");
        read_reboot(&root, NULL, &inventory, &named);
        assert_string_equal(named.reasons.items[0],
                            "/run/reboot-required: asked for by dbus, libc6");
        assert_int_equal(named.reasons.n_items, 1);
}

/* Leftover kernels of a container are never a reason; a mark is. */
static void test_container(void **state)
{
        static const char *const signs[] = {"run/systemd/container", ".dockerenv",
                                            "run/.containerenv"};

        for (size_t i = 0; i <= ELEMENTSOF(signs); i++) {
                CLEANUP(reboot_state_done) struct reboot_state reboot = {0};
                CLEANUP(root_done) struct root root = {.fd = -EBADF};
                CLEANUP(freep) char *sign = NULL;
                struct inventory inventory = {.format = FORMAT_DEB};

                sign = folder_path(*state, i < ELEMENTSOF(signs) ? signs[i] : "none");
                if (i < ELEMENTSOF(signs))
                        folder_write(*state, signs[i], "x");
                open_root(*state, &root);
                root.is_host = true;
                assert_int_equal(strv_add(&inventory.kernels, "6.1.0-43-amd64"), 0);
                read_reboot(&root, "6.1.0-9-amd64", &inventory, &reboot);
                strv_done(&inventory.kernels);
                assert_int_equal(reboot.required,
                                 i < ELEMENTSOF(signs) ? REBOOT_REQUIRED_NO : REBOOT_REQUIRED_YES);
                (void)unlink(sign);
        }
}

static void test_run_id(void **state)
{
        CLEANUP(freep) char *a = host_new_run_id(1795309200), *b = host_new_run_id(1795309200);

        (void)state;
        assert_memory_equal(a, "20261122T010000Z-", 17);
        assert_int_equal(strlen(a), 25);
        assert_int_equal(strspn(a + 17, "0123456789abcdef"), 8);
        assert_string_not_equal(a, b);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_os_release),
            cmocka_unit_test(test_machine_id),
            cmocka_unit_test(test_machine_id_as_systemd),
            IN_FOLDER(test_foreign_node),
            IN_FOLDER(test_empty_root),
            IN_FOLDER(test_configured_id_and_bad_tag),
            IN_FOLDER(test_zones),
            IN_FOLDER(test_keyring),
            IN_FOLDER(test_kernels),
            IN_FOLDER(test_reboot_mark),
            IN_FOLDER(test_container),
            cmocka_unit_test(test_run_id),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
