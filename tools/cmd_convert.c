#include <stdlib.h>
#include <string.h>

#include "cli.h"

// A number with K, M, G or T (of 1000) or Ki, … (of 1024), and perhaps B: "5GB", "512MiB".
static bool parse_size(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    char *end;
    double value = strtod(text, &end), factor = 1;
    const char *unit = *end ? strchr(units, *end >= 'a' ? *end - 32 : *end) : NULL;
    if (unit) {
        bool binary = end[1] == 'i';
        for (const char *u = units; u <= unit; u++)
            factor *= binary ? 1024 : 1000;
        end += binary ? 2 : 1;
    }
    end += *end == 'B';
    if (end == text || *end || !(value * factor >= 1) || value * factor > 1e18)
        return false;
    *out = (uint64_t) (value * factor);
    return true;
}

struct source {
    belay_file *file;
    belay_file_entry *entries;
    belay_tensor_info *infos; // whose dimensions the entries borrow
    size_t count;
};

static bool list_entries(struct source *s)
{
    belay_tensor_info info;
    const char *key, *value;
    size_t tensors = 0, metas = 0;
    while (belay_file_tensor(s->file, tensors, &info))
        tensors++;
    while (belay_file_meta(s->file, metas, &key, &value))
        metas++;
    s->entries = calloc(tensors + metas + 1, sizeof(*s->entries));
    s->infos = calloc(tensors + 1, sizeof(*s->infos));
    if (!s->entries || !s->infos)
        return false;
    for (size_t i = 0; i < tensors; i++) {
        belay_tensor_info *t = &s->infos[i];
        belay_file_tensor(s->file, i, t);
        s->entries[s->count++] = (belay_file_entry){ .name = t->name, .dtype = t->dtype,
                                                     .rank = t->rank, .dim = t->dim,
                                                     .data = belay_file_bytes(s->file, i) };
    }
    for (size_t i = 0; i < metas; i++) {
        belay_file_meta(s->file, i, &key, &value);
        s->entries[s->count++] = (belay_file_entry){ .name = key, .text = value };
    }
    return true;
}

static int convert(struct cli *cli, belay_ctx *ctx, struct source *s,
                   const belay_file_params *params)
{
    const char *to = cli->rest[1];
    char from[4096];
    if (!model_path(from, sizeof(from), cli->rest[0]))
        return cli_error(cli, EXIT_USAGE, "the path is too long");
    belay_status status = belay_file_open(ctx, from, &s->file);
    if (status != BELAY_OK)
        return cli_fail(cli, status);
    if (!list_entries(s))
        return cli_error(cli, EXIT_OTHER, "out of memory");
    const belay_file_state state = { NULL, s->entries, s->count };
    status = belay_file_save(ctx, to, &state, 1, params);
    if (status != BELAY_OK)
        return cli_fail(cli, status);
    if (cli->json) {
        printf("{\"from\": ");
        json_text(stdout, from);
        printf(", \"to\": ");
        json_text(stdout, to);
        printf("}\n");
    } else if (!cli->quiet) {
        printf("wrote ");
        print_safe(stdout, to);
        printf("\n");
    }
    return EXIT_DONE;
}

static int run(struct cli *cli)
{
    struct source s = { 0 };
    belay_ctx *ctx = NULL;
    belay_file_params params = { .format = cli->to, .dtype = cli->dtype,
                                 .weights_only = cli->weights_only, .plain = cli->plain,
                                 .rename = cli->data, .num_rename = cli->num_data };
    if (cli->shard_size && !parse_size(cli->shard_size, &params.shard_size))
        return cli_error(cli, EXIT_USAGE, "--shard-size %s: want bytes, or a number with MB, GB, MiB "
                         "or GiB", cli->shard_size);
    belay_status status = cli_open(cli, &ctx);
    if (status != BELAY_OK)
        return cli_fail(cli, status);
    int code = convert(cli, ctx, &s, &params);
    free(s.entries);
    free(s.infos);
    belay_file_close(&s.file);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    { "to", 0, "FORMAT", "safetensors, shards, pth or npz; else the suffix of B tells", TEXT(to) },
    { "rename", 0, "OLD=NEW", "tensors that fit OLD get the name NEW; '*' stands for any run of "
      "characters ('module.*=*'); may be given more than once", OPTION_DATA, 0 },
    { "dtype", 0, "TYPE", "f16, bf16 or f32: floating tensors become that", TEXT(dtype) },
    { "weights-only", 0, NULL, "of a training checkpoint only the model's weights",
      FLAG(weights_only) },
    { "shard-size", 0, "SIZE", "bytes of tensors in one file of shards (5GB)", TEXT(shard_size) },
    { "plain", 0, NULL, "tensors alone: no metadata, no digest", FLAG(plain) },
    OPTION_HELP,
    OPTION_JSON,
    OPTION_QUIET,
    { 0 },
};

const struct command command_convert = {
    .name = "convert",
    .args = "A B",
    .summary = "Writes the tensors of one file into another, of another format, type or names",
    .detail = "Formats: .safetensors, .safetensors.index.json (shards), .pth (also .pt, .bin, .ckpt), .npz.\n"
              "A is told by its content and may be a run: its best.safetensors. Of a .pth nothing is\n"
              "executed; its numbers and texts become metadata, and a dict again in a .pth.\n",
    .options = options,
    .min_rest = 2,
    .max_rest = 2,
    .run = run,
};
