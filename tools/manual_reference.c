// The recipe reference in Markdown (docs/reference.md), from the tables that `belay config` reads.
#include <string.h>

#include "cli.h"
#include "manual.h"

struct chapter {
    const char *kind, *title, *text;
    bool values; // has types, defaults and ranges; else names and help alone
};

static const struct chapter chapters[] = {
    { "key", "Keys", "A length is a number with a unit: `500 steps`, `2 epochs`, `90 seconds`, "
      "`10 minutes`. `off` switches a key off where its\nrange says so.", true },
    { "format", "Data formats", "Values of `data.format`.", false },
    { "layer", "Layers", "Items of `model.layers`. The type of a layer is the option that "
      "`- layer: value` sets. Every layer also takes `name`,\n`as` and `from`.", true },
    { "loss", "Losses", "Values of `loss`: a name, or `{name: ..., option: ...}`.", true },
    { "metric", "Metrics", "Items of `metrics`.", false },
    { "optimizer", "Optimizers", "Values of `optimizer`. `clip_norm` and `groups` are keys of any.",
      true },
    { "schedule", "Schedules", "Values of `schedule`. `warmup` is a key of any.", true },
    { "rule", "Stop rules", "Values of `stop.rule`; [stopping.md](stopping.md) has their formulas.",
      false },
    { "preset", "Stop rules of other programs", "For `belay replay LOG --rule NAME:OPTION=VALUE`; a "
      "value alone is that of the first option.", true },
    { "operator", "Operators", "What the graphs of C programs are made of; their builders are in "
      "[graph.h](../include/belay/graph.h). Each with its shape rule,\ngradient and reference is "
      "one file of `src/op/`.", false },
    { "environment", "Environment", "Variables that the library reads.", false },
};

static void cell(const char *text)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '<' || *text == '*' || *text == '_')
            putchar('\\');
        putchar(*text);
    }
}

static void code_cell(const char *text)
{
    printf(" | %s", *text ? "`" : "");
    for (; *text; text++)
        printf(*text == '|' ? "\\|" : "%c", *text); // GitHub wants it so inside a code span, too
}

static void value_row(const belay_config_item *item)
{
    bool option = strcmp(item->kind, "option") == 0;
    printf("| %s`%s`", option ? "· " : "", item->name);
    code_cell(item->type);
    printf("%s", item->type[0] ? "`" : "");
    code_cell(item->fallback);
    printf("%s | ", item->fallback[0] ? "`" : "");
    cell(item->range);
    printf(" | ");
    cell(item->help);
    printf(" |\n");
}

static void name_row(const belay_config_item *item)
{
    printf("| `%s` | ", item->name);
    cell(item->help);
    printf(" |\n");
}

static void table_head(bool values)
{
    printf("%s", values ? "\n| name | type | default | range | |\n| --- | --- | --- | --- | --- |\n"
                        : "\n| name | |\n| --- | --- |\n");
}

// Keys have a table for each section: "train" of "train.batch".
static void section_head(const char *name, char section[64])
{
    size_t length = strcspn(name, ".");
    if (strncmp(section, name, length) == 0 && section[length] == '\0')
        return;
    snprintf(section, 64, "%.*s", (int) (length < 63 ? length : 63), name);
    printf("\n### %s\n", section);
    table_head(true);
}

static void print_chapter(const struct chapter *chapter)
{
    char section[64] = "";
    bool inside = false, keys = strcmp(chapter->kind, "key") == 0;
    belay_config_item item;
    printf("\n## %s\n\n%s\n", chapter->title, chapter->text);
    if (!keys)
        table_head(chapter->values);
    for (size_t i = 0; belay_config_item_at(i, &item); i++) {
        if (strcmp(item.kind, "option") != 0)
            inside = strcmp(item.kind, chapter->kind) == 0;
        if (!inside)
            continue;
        if (keys)
            section_head(item.name, section);
        if (chapter->values)
            value_row(&item);
        else
            name_row(&item);
    }
}

static void print_anchor(const char *title)
{
    for (; *title; title++)
        putchar(*title == ' ' ? '-' : *title >= 'A' && *title <= 'Z' ? *title - 'A' + 'a' : *title);
}

int manual_reference(void)
{
    size_t count = sizeof(chapters) / sizeof(chapters[0]);
    printf("# Recipe reference\n\nAll that a recipe can say, made by `belay manual reference` from the "
           "tables that the parser, `belay config` and\n`man belay-recipe` read. How it fits together "
           "is in [recipe.md](recipe.md). Options stand below what they belong to.\n\n");
    for (size_t i = 0; i < count; i++) {
        printf("%s[%s](#", i ? " · " : "", chapters[i].title);
        print_anchor(chapters[i].title);
        printf(")");
    }
    printf("\n");
    for (size_t i = 0; i < count; i++)
        print_chapter(&chapters[i]);
    return EXIT_DONE;
}
