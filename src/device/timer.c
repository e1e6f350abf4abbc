#include "device/timer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define SAMPLES 64 // the last ones count

struct row {
    belay_op_time time;
    bool tail;           // element-wise work that the product before may have done
    double result_bytes; // of its first output
    double sample[SAMPLES];
};

struct timed_plan {
    const struct belay_plan *plan; // to know it again, never read later
    size_t first;                  // row
    int num;
};

struct belay_timer {
    bool on;
    struct belay_arena texts;
    struct timed_plan *plans;
    size_t num_plans, cap_plans;
    struct row *rows;
    belay_op_time *out;
    size_t num_rows;
};

static void clear(struct belay_timer *timer)
{
    belay_arena_free(&timer->texts);
    belay_free(timer->plans);
    belay_free(timer->rows);
    belay_free(timer->out);
    memset(timer, 0, sizeof(*timer));
}

void belay_timer_destroy(struct belay_device *dev)
{
    if (!dev->timer)
        return;
    clear(dev->timer);
    belay_free(dev->timer);
    dev->timer = NULL;
}

bool belay_timer_on(const struct belay_device *dev)
{
    return dev->timer && dev->timer->on;
}

belay_status belay_timer_start(struct belay_device *dev)
{
    if (!dev->timer && !(dev->timer = belay_alloc(sizeof(*dev->timer))))
        return belay_fail_nomem(dev->log, sizeof(*dev->timer));
    clear(dev->timer);
    if (dev->ops->timing)
        BELAY_TRY(dev->ops->timing(dev, true));
    dev->timer->on = true;
    return BELAY_OK;
}

// ---- rows ----

static belay_status describe(struct belay_device *dev, const struct belay_plan *plan, int group,
                             int program, belay_op_time *out)
{
    struct belay_arena *texts = &dev->timer->texts;
    struct belay_str name = { 0 };
    struct belay_cost cost;
    char shape[BELAY_SHAPE_TEXT];
    belay_plan_cost(plan, group, &cost);
    belay_plan_group_name(plan, group, &name);
    belay_shape_text(&plan->groups[group].y[0]->shape, shape);
    *out = (belay_op_time){
        .name = belay_arena_strdup(texts, name.text ? name.text : ""),
        .shape = belay_arena_strdup(texts, shape),
        .program = program,
        .index = group,
        .flops = cost.flops,
        .bytes = cost.bytes,
    };
    bool failed = name.failed || !out->name || !out->shape;
    belay_str_free(&name);
    return failed ? belay_fail_nomem(dev->log, 64) : BELAY_OK;
}

static belay_status add_plan(struct belay_device *dev, const struct belay_plan *plan,
                             struct timed_plan **out)
{
    struct belay_timer *timer = dev->timer;
    const size_t num = (size_t) plan->num_groups;
    struct row *rows = belay_realloc_array(timer->rows, timer->num_rows + num + 1, sizeof(*rows));
    if (!rows || !belay_grow((void **) &timer->plans, timer->num_plans, &timer->cap_plans,
                             sizeof(*timer->plans))) {
        timer->rows = rows ? rows : timer->rows;
        return belay_fail_nomem(dev->log, num * sizeof(*rows));
    }
    timer->rows = rows;
    for (size_t i = 0; i < num; i++) {
        struct row *row = &rows[timer->num_rows + i];
        BELAY_TRY(describe(dev, plan, (int) i, (int) timer->num_plans, &row->time));
        row->tail = plan->groups[i].tail;
        row->result_bytes = (double) belay_plan_value_size(plan, plan->groups[i].y[0]);
    }
    *out = &timer->plans[timer->num_plans++];
    **out = (struct timed_plan){ plan, timer->num_rows, (int) num };
    timer->num_rows += num;
    return BELAY_OK;
}

static belay_status find_plan(struct belay_device *dev, const struct belay_plan *plan,
                              struct timed_plan **out)
{
    struct belay_timer *timer = dev->timer;
    for (size_t i = 0; i < timer->num_plans; i++) {
        if (timer->plans[i].plan == plan && timer->plans[i].num == plan->num_groups) {
            *out = &timer->plans[i];
            return BELAY_OK;
        }
    }
    return add_plan(dev, plan, out);
}

// ---- running ----

static belay_status run_steps(struct belay_device *dev, int num, struct belay_step *const *steps,
                              double *seconds)
{
    const bool clock = !dev->ops->times;
    if (clock)
        BELAY_TRY(belay_device_finish(dev));
    for (int i = 0; i < num; i++) {
        double from = clock ? belay_clock_now() : 0;
        dev->timing_tag = i;
        BELAY_TRY(belay_device_run_step(dev, steps[i]));
        if (clock) {
            BELAY_TRY(belay_device_finish(dev));
            seconds[i] = belay_clock_now() - from;
        }
    }
    return clock ? BELAY_OK : dev->ops->times(dev, seconds, num);
}

belay_status belay_timer_run(struct belay_device *dev, const struct belay_plan *plan,
                             struct belay_step *const *steps)
{
    struct timed_plan *p = NULL;
    BELAY_TRY(find_plan(dev, plan, &p));
    double *seconds = belay_alloc_array((size_t) p->num + 1, sizeof(*seconds));
    if (!seconds)
        return belay_fail_nomem(dev->log, (size_t) p->num * sizeof(*seconds));
    belay_status status = run_steps(dev, p->num, steps, seconds);
    for (int i = 0; i < p->num && status == BELAY_OK; i++) {
        struct row *row = &dev->timer->rows[p->first + (size_t) i];
        row->sample[row->time.runs++ % SAMPLES] = seconds[i];
    }
    belay_free(seconds);
    return status;
}

// ---- the result ----

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static double median(double *sample, uint64_t num)
{
    if (num == 0)
        return 0;
    size_t count = num < SAMPLES ? (size_t) num : SAMPLES;
    qsort(sample, count, sizeof(*sample), compare);
    return sample[count / 2];
}

// A product that took no time of its own was made by the kernel of its tail: one line for both.
// What lies between them never went through memory.
static belay_status join(struct belay_device *dev, const struct row *product,
                         const struct row *tail, belay_op_time *out)
{
    struct belay_str name = { 0 };
    belay_str_addf(&name, "%s+%s", product->time.name, tail->time.name);
    *out = tail->time;
    out->index = product->time.index;
    out->flops += product->time.flops;
    out->bytes += product->time.bytes - 2 * product->result_bytes;
    out->name = name.failed ? NULL : belay_arena_strdup(&dev->timer->texts, name.text);
    belay_str_free(&name);
    return out->name ? BELAY_OK : belay_fail_nomem(dev->log, 64);
}

static belay_status make_result(struct belay_device *dev, struct belay_timer *timer, size_t *count)
{
    for (size_t i = 0; i < timer->num_rows; i++) {
        struct row *row = &timer->rows[i];
        row->time.seconds = median(row->sample, row->time.runs);
    }
    for (size_t i = 0; i < timer->num_rows; i++) {
        const struct row *row = &timer->rows[i];
        bool joined = i + 1 < timer->num_rows && row[1].tail && row->time.seconds == 0;
        if (joined)
            BELAY_TRY(join(dev, row, row + 1, &timer->out[*count]));
        else
            timer->out[*count] = row->time;
        i += joined;
        ++*count;
    }
    return BELAY_OK;
}

belay_status belay_timer_stop(struct belay_device *dev, const belay_op_time **ops, size_t *count)
{
    struct belay_timer *timer = dev->timer;
    *ops = NULL;
    *count = 0;
    if (!belay_timer_on(dev))
        return BELAY_OK;
    timer->on = false;
    if (dev->ops->timing)
        BELAY_TRY(dev->ops->timing(dev, false));
    timer->out = belay_alloc_array(timer->num_rows + 1, sizeof(*timer->out));
    if (!timer->out)
        return belay_fail_nomem(dev->log, timer->num_rows * sizeof(*timer->out));
    BELAY_TRY(make_result(dev, timer, count));
    *ops = timer->out;
    return BELAY_OK;
}
