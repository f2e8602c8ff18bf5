/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/json.h"

#include <string.h>

static const struct {
        const char *label, *text, *want; /* part of the error; NULL: it parses */
} parse_cases[] = {
    {"an object", "{\"a\":1}", NULL},
    {"blanks around it", " \n{\"a\":[1,{\"b\":null}]}\n", NULL},
    {"same name on two levels", "{\"a\":{\"a\":1}}", NULL},
    {"empty", "", "ends too early"},
    {"cut", "{\"a\":", "ends too early"},
    {"a name twice", "{\"a\":1,\"a\":2}", "'a' stands twice"},
    {"a name twice, escaped", "{\"a\":1,\"\\u0061\":2}", "'a' stands twice"},
    {"a name twice, deep", "{\"x\":[{\"a\":1,\"b\":\"}\",\"a\":2}]}", "'a' stands twice"},
    {"a NUL in a name", "{\"a\\u0000b\":1}", "a NUL stands in the name"},
    {"trailing comma", "{\"a\":1,}", "not JSON"},
    {"comment", "/* x */{}", "not JSON"},
    {"two objects", "{}{}", "not JSON"},
    {"single quotes", "{'a':1}", "without double quotes"},
    {"single quotes in a value", "['a']", "not JSON"},
    {"NaN", "[NaN]", "not"},
    {"a shouted word", "[TRUE]", "not"},
    {"bad UTF-8", "{\"a\":\"\xff\"}", "not JSON"},
    {"too deep",
     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
     "not JSON"},
};

static void test_parse(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(parse_cases); i++) {
                CLEANUP(json_freep) struct json *json = NULL;
                struct diag diag = {0};
                int r = json_parse(parse_cases[i].text, strlen(parse_cases[i].text), &json, &diag);

                if (!parse_cases[i].want && r != 0)
                        fail_msg("%s: %s", parse_cases[i].label, diag.text);
                if (parse_cases[i].want && (r == 0 || !strstr(diag.text, parse_cases[i].want)))
                        fail_msg("%s: %d '%s'", parse_cases[i].label, r, diag.text);
        }
}

static void test_parse_few(void **state)
{
        static const struct {
                const char *label, *text;
                int want;
        } cases[] = {
            {"as many as may be", "{\"a\":[1,2,3]}", 0},
            {"one more", "{\"a\":[1,2,3,4]}", -E2BIG},
            {"nested", "[[[[[[]]]]]]", -E2BIG},
            {"in strings they do not count", "[\"[,{,[,{\",\"\\\"[,{,\"]", 0},
            {"quotes that do not match", "[\"a,b,c,d,e,f", -EINVAL},
            {"nothing", "", -EINVAL},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(json_freep) struct json *json = NULL;
                int r = json_parse_few(cases[i].text, strlen(cases[i].text), 5, &json, NULL);

                if (r != cases[i].want)
                        fail_msg("%s: %d", cases[i].label, r);
        }
}

static const char *const color_names[] = {"red", "green"};
static const struct enum_table colors = ENUM_TABLE(color_names);

struct sample {
        char *name;
        int64_t count;
        uint32_t colors;
        struct strv tags;
};

static const struct json_range count_range = {1, 5};
static const struct json_field sample_fields[] = {
    {"name", json_read_string, offsetof(struct sample, name), true, NULL},
    {"count", json_read_int, offsetof(struct sample, count), false, &count_range},
    {"colors", json_read_enum_set, offsetof(struct sample, colors), false, &colors},
    {"tags", json_read_strings, offsetof(struct sample, tags), false, NULL},
};

static int read_sample(const struct json_node *item, void *arg, struct diag *diag)
{
        return json_read_object(item, sample_fields, ELEMENTSOF(sample_fields), arg, diag);
}

static const struct {
        const char *label, *text, *want;
} read_cases[] = {
    {"whole", "[{\"name\":\"x\",\"count\":5,\"colors\":[\"red\"],\"tags\":[\"a\"]}]", NULL},
    {"unknown key", "[{\"name\":\"x\",\"nmae\":1}]", "[0].nmae: is not a key known here"},
    {"missing", "[{\"count\":1}]", "[0]: the required key 'name' is missing"},
    {"range", "[{\"name\":\"x\",\"count\":6}]", "[0].count: 6 is not in 1..5"},
    {"type", "[{\"name\":1}]", "[0].name: expected a value of type string, found whole number"},
    {"null", "[{\"name\":null}]", "[0].name: expected a value of type string, found null"},
    {"enum", "[{\"name\":\"x\",\"colors\":[\"red\",\"blue\"]}]",
     "[0].colors[1]: 'blue' is not one of red, green"},
    {"double", "[{\"name\":\"x\",\"tags\":[\"a\",\"a\"]}]", "[0].tags[1]: 'a' stands twice"},
    {"control", "[{\"name\":\"x\\n\"}]", "[0].name: has a control character at byte 1"},
    {"NUL in an enum", "[{\"name\":\"x\",\"colors\":[\"red\\u0000y\"]}]",
     "[0].colors[0]: has a control character at byte 3"},
    {"NUL", "[{\"name\":\"x\\u0000y\"}]", "[0].name: has a control character at byte 1"},
};

static void test_read(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(read_cases); i++) {
                CLEANUP(json_freep) struct json *json = NULL;
                struct sample sample = {0};
                struct diag diag = {0};
                struct json_node root;
                int r;

                assert_int_equal(
                    json_parse(read_cases[i].text, strlen(read_cases[i].text), &json, &diag), 0);
                root = (struct json_node){.value = json};
                r = json_read_items(&root, 10, read_sample, &sample, &diag);
                if (read_cases[i].want ? r >= 0 || !strstr(diag.text, read_cases[i].want) : r < 0)
                        fail_msg("%s: %d '%s'", read_cases[i].label, r, diag.text);
                free(sample.name);
                strv_done(&sample.tags);
        }
}

static void test_write(void **state)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;

        (void)state;
        json_begin_object(writer, NULL);
        json_add_string(writer, "a", "x\xff\"");
        json_begin_array(writer, "b");
        json_add_int(writer, NULL, 1);
        json_add_null(writer, NULL);
        json_end(writer);
        json_add_time(writer, "t", 1);
        json_end(writer);
        assert_int_equal(json_writer_finish(writer, false, &text), 0);
        assert_string_equal(
            text, "{\"a\":\"x\xef\xbf\xbd\\\"\",\"b\":[1,null],\"t\":\"1970-01-01T00:00:01Z\"}");
}

static void test_write_unbalanced(void **state)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;

        (void)state;
        json_begin_object(writer, NULL);
        assert_int_equal(json_writer_finish(writer, false, &text), -ENOMEM);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_parse),
            cmocka_unit_test(test_parse_few),
            cmocka_unit_test(test_read),
            cmocka_unit_test(test_write),
            cmocka_unit_test(test_write_unbalanced),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
