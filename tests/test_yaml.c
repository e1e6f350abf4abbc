#include "harness.h"

#include <string.h>

#include "base/str.h"
#include "format/yaml.h"

static struct belay_log sink;
static struct belay_yaml_doc doc;

static void parse(const char *text)
{
    ck_log_ok(&sink, belay_yaml_parse(&sink, "r.yaml", text, &doc));
}

static void check_refused(const char *text, const char *place)
{
    ck_assert_msg(belay_yaml_parse(&sink, "r.yaml", text, &doc) == BELAY_ERR_RECIPE,
                  "accepted: %s", text);
    ck_assert_msg(strstr(sink.last, place) == sink.last, "%s: message is '%s'", text, sink.last);
    ck_assert_ptr_null(doc.root);
}

// "a.b.0": a map's member or a list's item; NULL when there is none.
static const struct belay_yaml *at(const char *path)
{
    const struct belay_yaml *node = doc.root;
    char copy[100], *part;
    snprintf(copy, sizeof(copy), "%s", path);
    for (part = strtok(copy, "."); part && node; part = strtok(NULL, ".")) {
        if (node->kind == BELAY_YAML_LIST) {
            int index = atoi(part);
            for (node = node->first; node && index > 0; index--)
                node = node->next;
        } else {
            node = belay_yaml_get(node, part);
        }
    }
    return node;
}

static void check_text(const char *path, const char *want)
{
    ck_assert_msg(at(path) && at(path)->kind == BELAY_YAML_SCALAR, "%s is no text", path);
    ck_assert_str_eq(at(path)->text, want);
}

START_TEST(maps_lists_and_texts_come_with_their_lines)
{
    parse("model:\n  input: [1, 28]\n  layers:\n    - flatten\n    - {linear: 10, name: head}\n"
          "quoted: \"10\"\nempty:\n");
    check_text("model.input.1", "28");
    check_text("model.layers.0", "flatten");
    check_text("model.layers.1.name", "head");
    check_text("empty", "");
    ck_assert(at("quoted")->quoted && !at("model.input.0")->quoted);
    ck_assert_int_eq(at("model.layers.1")->line, 5);
    ck_assert_int_eq(at("quoted")->line, 6);
    ck_assert_str_eq(at("quoted")->from, "r.yaml");
    ck_assert_uint_eq(at("model.input")->count, 2);
    ck_assert_uint_eq(doc.root->count, 3);
    belay_yaml_finish(&doc);
    belay_yaml_finish(&doc);
}
END_TEST

START_TEST(what_recipes_do_not_need_is_refused_with_its_line)
{
    check_refused("a: 1\nb: 2\na: 3\n", "r.yaml:3: ");
    check_refused("a: &x 1\n", "r.yaml:1: ");
    check_refused("a: 1\nb: *x\n", "r.yaml:2: ");
    check_refused("a: !!int 1\n", "r.yaml:1: ");
    check_refused("a: !x {b: 1}\n", "r.yaml:1: ");
    check_refused("a: &x [1]\n", "r.yaml:1: ");
    check_refused("[1]: 2\n", "r.yaml:1: ");
    check_refused("- 1\n- 2\n", "r.yaml:1: ");
    check_refused("just text\n", "r.yaml:1: ");
    check_refused("", "r.yaml:");
    check_refused("# nothing\n", "r.yaml:");
    check_refused("a: 1\n---\nb: 2\n", "r.yaml:2: ");
    check_refused("a: [1, 2\nb: 3\n", "r.yaml:");
    check_refused("a: \"\\0\"\n", "r.yaml:1: ");
    check_refused("a: 1\n\tb: 2\n", "r.yaml:2: ");
    check_refused("a: \xff\n", "r.yaml:1: ");
}
END_TEST

START_TEST(nesting_is_limited)
{
    char text[1000] = "a: ";
    memset(text + 3, '[', 400);
    memset(text + 403, ']', 400);
    check_refused(text, "r.yaml:1: ");
}
END_TEST

START_TEST(overrides_set_make_and_replace)
{
    parse("train: {batch: 64, epochs: 10}\ndata:\nlayers: [a, b]\n");
    ck_log_ok(&sink, belay_yaml_override(&sink, &doc, "train.batch=128"));
    ck_log_ok(&sink, belay_yaml_override(&sink, &doc, "train.epochs=[1, 2]"));
    ck_log_ok(&sink, belay_yaml_override(&sink, &doc, "run.dir=runs/b=c"));
    ck_log_ok(&sink, belay_yaml_override(&sink, &doc, "data.root.deep=x"));
    ck_log_ok(&sink, belay_yaml_override(&sink, &doc, "layers.1={linear: 3}"));
    ck_log_ok(&sink, belay_yaml_override(&sink, &doc, "train.none="));
    check_text("train.batch", "128");
    check_text("train.epochs.1", "2");
    check_text("run.dir", "runs/b=c");
    check_text("data.root.deep", "x");
    check_text("layers.0", "a");
    check_text("layers.1.linear", "3");
    check_text("train.none", "");
    ck_assert_int_eq(at("train.batch")->line, 0);
    ck_assert_str_eq(at("train.batch")->from, "train.batch=128");
    ck_assert_int_eq(at("layers.0")->line, 3);
    ck_assert_uint_eq(doc.root->count, 4);
    belay_yaml_finish(&doc);
}
END_TEST

START_TEST(overrides_that_make_no_sense_are_refused)
{
    static const char *const bad[] = { "batch", "=3", "train..x=1", "train.batch.x=1",
                                       "layers.2=x", "layers.x=1", "train.batch=[1", ".a=1",
                                       "train.batch=&x 1" };
    parse("train: {batch: 64}\nlayers: [a, b]\n");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(belay_yaml_override(&sink, &doc, bad[i]) == BELAY_ERR_RECIPE,
                      "accepted: %s", bad[i]);
    check_text("train.batch", "64");
    belay_yaml_finish(&doc);
}
END_TEST

START_TEST(a_map_of_very_many_keys_is_refused)
{
    struct belay_str s = { 0 };
    for (int i = 0; i < 10001; i++)
        belay_str_addf(&s, "k%d: 1\n", i);
    check_refused(s.text, "r.yaml:10001: ");
    belay_str_free(&s);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        maps_lists_and_texts_come_with_their_lines,
        what_recipes_do_not_need_is_refused_with_its_line, nesting_is_limited,
        overrides_set_make_and_replace, overrides_that_make_no_sense_are_refused,
        a_map_of_very_many_keys_is_refused,
    };
    return harness_suite("yaml", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    return harness_main(suite, NULL);
}
