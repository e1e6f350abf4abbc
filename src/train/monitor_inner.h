// Between the files of the monitor.
#ifndef BELAY_TRAIN_MONITOR_INNER_H
#define BELAY_TRAIN_MONITOR_INNER_H

#include <belay/trainer.h>

// By its name; BELAY_STOP_COUNT: there is none.
belay_stop_reason belay_stop_reason_find(const char *name);

#endif
