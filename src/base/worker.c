#include "base/worker.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"

struct belay_worker {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void (*fn)(void *job); // of the job that waits or runs; NULL: idle
    void *job;
    bool end;
};

static void *work(void *user)
{
    struct belay_worker *w = user;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        while (!w->fn && !w->end)
            pthread_cond_wait(&w->changed, &w->mutex);
        if (!w->fn)
            break;
        pthread_mutex_unlock(&w->mutex);
        w->fn(w->job);
        pthread_mutex_lock(&w->mutex);
        w->fn = NULL;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

// Signals are for the program's own threads.
static int start_thread(struct belay_worker *w)
{
    sigset_t all, before;
    sigfillset(&all);
    int masked = pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&w->thread, NULL, work, w);
    if (masked == 0)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

belay_status belay_worker_create(struct belay_log *log, struct belay_worker **out)
{
    struct belay_worker *w = belay_alloc(sizeof(*w));
    *out = NULL;
    if (!w)
        return belay_fail_nomem(log, sizeof(*w));
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    int error = start_thread(w);
    if (error) {
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->mutex);
        belay_free(w);
        return belay_fail(log, BELAY_ERR_NOMEM, "cannot start a thread: %s", strerror(error));
    }
    *out = w;
    return BELAY_OK;
}

void belay_worker_destroy(struct belay_worker **worker)
{
    struct belay_worker *w = *worker;
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->end = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    belay_free(w);
    *worker = NULL;
}

void belay_worker_start(struct belay_worker *w, void (*fn)(void *job), void *job)
{
    pthread_mutex_lock(&w->mutex);
    w->fn = fn;
    w->job = job;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

bool belay_worker_idle(struct belay_worker *w)
{
    pthread_mutex_lock(&w->mutex);
    bool idle = !w->fn;
    pthread_mutex_unlock(&w->mutex);
    return idle;
}

void belay_worker_wait(struct belay_worker *w)
{
    pthread_mutex_lock(&w->mutex);
    while (w->fn)
        pthread_cond_wait(&w->changed, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}
