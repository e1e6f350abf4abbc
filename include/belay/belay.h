// Belay: training neural networks on any OpenCL device. This header includes all the others.
#ifndef BELAY_BELAY_H
#define BELAY_BELAY_H

#include <belay/context.h>
#include <belay/file.h>
#include <belay/graph.h>
#include <belay/measure.h>
#include <belay/model.h>
#include <belay/own.h>
#include <belay/recipe.h>
#include <belay/replay.h>
#include <belay/report.h>
#include <belay/session.h>
#include <belay/status.h>
#include <belay/sweep.h>
#include <belay/trainer.h>

#endif
