#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

// What a checkpoint every 50 steps costs: three trainings take turns, one without checkpoints, one with
// those written beside the training, one that waits for each.

#define EVERY 50
#define ROUNDS 21
#define STEPS 200 // of a turn, which begins and ends in the middle between two saves

enum { OFF, ASYNC, SYNC, NUM_MODES };
static const char *const names[NUM_MODES] = { "off", "async", "sync" };

struct saves {
    struct bench *b;
    char folder[1024];
    belay_recipe *recipe[NUM_MODES];
    belay_trainer *trainer[NUM_MODES];
    double ms[NUM_MODES][ROUNDS]; // of a step
    double share[NUM_MODES][ROUNDS]; // of a step's time, lost against OFF in the same round
};

static void remove_folder(const char *path)
{
    char inner[4096];
    DIR *dir = opendir(path);
    for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
            !join_path(inner, sizeof(inner), path, d->d_name))
            continue;
        if (is_folder(inner))
            remove_folder(inner);
        else
            unlink(inner);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static belay_status steps(struct saves *s, int mode, int count)
{
    belay_status status = BELAY_OK;
    belay_progress p;
    for (int i = 0; i < count && status == BELAY_OK; i++)
        status = belay_trainer_step(s->trainer[mode], &p);
    return status == BELAY_OK ? belay_ctx_wait(s->b->ctx) : status;
}

static belay_status open_mode(struct saves *s, const char *recipe, int mode)
{
    char dir[2048], every[64], async[64];
    const char *overrides[] = { dir, every, async, "checkpoint.on_improvement=false",
                                "check.every=1000000 steps" };
    snprintf(dir, sizeof(dir), "run.dir=%s/%s", s->folder, names[mode]);
    snprintf(every, sizeof(every), "checkpoint.every=%d steps", mode == OFF ? 1000000 : EVERY);
    snprintf(async, sizeof(async), "checkpoint.async=%s", mode == SYNC ? "false" : "true");
    belay_status status = belay_recipe_parse(s->b->ctx, recipe, "bench", overrides,
                                             sizeof(overrides) / sizeof(overrides[0]),
                                             &s->recipe[mode]);
    const belay_trainer_params params = { .recipe = s->recipe[mode] };
    if (status == BELAY_OK)
        status = belay_trainer_create(s->b->ctx, &params, &s->trainer[mode]);
    return status == BELAY_OK ? steps(s, mode, EVERY + EVERY / 2) : status;
}

static belay_status turn(struct saves *s, int mode, int round)
{
    double from = clock_seconds();
    belay_status status = steps(s, mode, STEPS);
    s->ms[mode][round] = (clock_seconds() - from) * 1e3 / STEPS;
    s->share[mode][round] = 1 - s->ms[OFF][round] / s->ms[mode][round];
    return status;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(values[0]), compare);
    return values[ROUNDS / 2];
}

static void print(struct saves *s)
{
    printf("{\"workload\": ");
    json_text(stdout, s->b->workload);
    printf(", \"device\": ");
    json_text(stdout, belay_ctx_device(s->b->ctx));
    printf(", \"every\": %d", EVERY);
    for (int i = 0; i < NUM_MODES; i++)
        printf(", \"%s_ms\": %.5g", names[i], median(s->ms[i]));
    for (int i = ASYNC; i < NUM_MODES; i++)
        printf(", \"%s_lost\": %.4f", names[i], median(s->share[i]));
    printf("}\n");
    fflush(stdout);
}

belay_status bench_saves(struct bench *b, const struct workload *w)
{
    struct saves s = { .b = b };
    const char *tmp = getenv("TMPDIR");
    belay_status status = BELAY_OK;
    snprintf(s.folder, sizeof(s.folder), "%s/belay-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(s.folder))
        return BELAY_ERR_IO;
    for (int i = 0; i < NUM_MODES && status == BELAY_OK; i++)
        status = open_mode(&s, w->recipe, i);
    for (int round = 0; round < ROUNDS && status == BELAY_OK; round++)
        for (int i = 0; i < NUM_MODES && status == BELAY_OK; i++)
            status = turn(&s, i, round);
    if (status == BELAY_OK)
        print(&s);
    for (int i = 0; i < NUM_MODES; i++) {
        belay_trainer_destroy(&s.trainer[i]);
        belay_recipe_destroy(&s.recipe[i]);
    }
    remove_folder(s.folder);
    return status;
}
