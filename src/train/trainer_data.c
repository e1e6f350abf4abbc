// The data come while the device is opened: both take a good part of a second, and neither needs the
// other.
#include "base/worker.h"
#include "train/trainer_internal.h"

static const struct belay_memory_data *as_memory(const belay_data *d, struct belay_memory_data *m)
{
    if (!d)
        return NULL;
    *m = (struct belay_memory_data){ d->x, d->y, d->labels, d->rows, d->features,
                                     d->labels ? 1 : d->targets, d->classes, d->weights };
    return m;
}

static belay_status load_data(struct belay_log *log, struct belay_trainer *t,
                              const belay_trainer_params *p)
{
    struct belay_memory_data train, validation, test;
    struct belay_dataset_params data = t->recipe->data;
    if (t->overfit)
        data.validation = 0;
    if (!p->train && !t->recipe->has_data)
        return belay_fail(log, BELAY_ERR_RECIPE, "%s: there is no data: section", t->recipe->name);
    if (!p->train)
        return belay_datasets_load(log, &data, &t->data);
    return belay_datasets_from_memory(log, &data, as_memory(p->train, &train),
                                      as_memory(p->validation, &validation),
                                      as_memory(p->test, &test), &t->data);
}

// The job has a log of its own, since a log belongs to one thread: it keeps the last message.
static void run(void *user)
{
    struct belay_data_job *job = user;
    job->status = load_data(&job->log, job->trainer, job->params);
}

void belay_data_job_start(struct belay_data_job *job, struct belay_trainer *t,
                          const belay_trainer_params *p)
{
    struct belay_log quiet = { 0 };
    *job = (struct belay_data_job){ .trainer = t, .params = p };
    // Rows in memory are only copied. Without a thread the data come when they are asked for.
    if (!p->train && belay_worker_create(&quiet, &job->worker) == BELAY_OK)
        belay_worker_start(job->worker, run, job);
}

belay_status belay_data_job_end(struct belay_data_job *job, belay_status status)
{
    bool started = job->worker != NULL;
    belay_worker_destroy(&job->worker);
    if (status != BELAY_OK) // the other half failed, and has said so
        return status;
    if (!started)
        return load_data(job->trainer->log, job->trainer, job->params);
    if (job->status != BELAY_OK)
        return belay_fail(job->trainer->log, job->status, "%s", job->log.last);
    return BELAY_OK;
}
