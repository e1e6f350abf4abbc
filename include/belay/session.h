// Running graphs of your own: any number of inputs and outputs, gradients as values.
#ifndef BELAY_SESSION_H
#define BELAY_SESSION_H

#include <belay/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belay_session belay_session;

// Appends the gradients of the scalar `loss` by `num` values to the graph: grads[i] has the shape
// of of[i], or is NULL where the loss does not depend on it.
BELAY_API BELAY_MUST_CHECK belay_status belay_gradients(belay_graph *graph, belay_value *loss,
                                                        size_t num, belay_value *const *of,
                                                        belay_value **grads);
// Plans the graph for these outputs and binds it to the context's device. Nothing may be appended
// to the graph afterwards, and one graph serves one session. The graph is kept. *out is owned.
BELAY_API BELAY_MUST_CHECK belay_status belay_session_create(belay_ctx *ctx, belay_graph *graph,
                                                             size_t num,
                                                             belay_value *const *outputs,
                                                             belay_session **out);
// Copies data into an input or a parameter: row-major, float for BELAY_F32, int32_t for BELAY_I32.
// An input with rows takes `rows` of them; others ignore it. A value that no output needs is
// ignored. Parameters are zero until they are set.
BELAY_API BELAY_MUST_CHECK belay_status belay_session_set(belay_session *session,
                                                          belay_value *value, const void *data,
                                                          size_t rows);
// Computes the outputs for a batch of `rows` rows (ignored when no input has rows).
BELAY_API BELAY_MUST_CHECK belay_status belay_session_run(belay_session *session, size_t rows);
// Copies an output of the last run out, whole at its shape for that run; waits. *count, when not
// NULL, is how many elements were written; `room` how many `data` takes.
BELAY_API BELAY_MUST_CHECK belay_status belay_session_get(belay_session *session,
                                                          const belay_value *output, void *data,
                                                          size_t room, size_t *count);
// Kernels, memory and flops as text; until the session is destroyed.
BELAY_API const char *belay_session_plan(belay_session *session);
BELAY_API void belay_session_destroy(belay_session **session);

#ifdef __cplusplus
}
#endif
#endif
