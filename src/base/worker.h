// One background thread that does one job at a time. The jobs are the caller's; whoever starts one
// leaves what it was given alone until belay_worker_idle says true.
#ifndef BELAY_BASE_WORKER_H
#define BELAY_BASE_WORKER_H

#include "base/log.h"

struct belay_worker;

belay_status belay_worker_create(struct belay_log *log, struct belay_worker **out);
// Waits for the job in progress. Safe on NULL.
void belay_worker_destroy(struct belay_worker **worker);
// Starts fn(job) on the thread; the worker must be idle.
void belay_worker_start(struct belay_worker *worker, void (*fn)(void *job), void *job);
// Is the last job done? What it wrote can then be read.
bool belay_worker_idle(struct belay_worker *worker);
void belay_worker_wait(struct belay_worker *worker);

#endif
