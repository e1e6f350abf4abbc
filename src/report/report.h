// Kinds of reports and what they share.
#ifndef BELAY_REPORT_REPORT_H
#define BELAY_REPORT_REPORT_H

#include <belay/report.h>

#include "base/str.h"
#include "data/data.h"
#include "report/run.h"

#define BELAY_REPORT_RUNS 32

// A kind of report: one file, one line in report.c's list.
struct belay_report {
    const char *name;
    belay_status (*write)(struct belay_ctx *ctx, const belay_report_params *params,
                          const struct belay_run *runs, size_t num, struct belay_str *out);
};
extern const struct belay_report belay_report_html, belay_report_table, belay_report_json;

// ---- numbers and texts ----

// "0.2841": four digits, whatever the locale; "-" for what is not finite.
void belay_report_number(struct belay_str *s, double value);
// "1:02:03", "4.2 s"
void belay_report_seconds(struct belay_str *s, double seconds);
// Escaped for HTML text and attributes; bytes that are no UTF-8 become U+FFFD.
void belay_html_text(struct belay_str *s, const char *text);
// The folder's last part.
const char *belay_report_name(const struct belay_run *run);
// What the result file says under "reason" or "sentence"; NULL: the run has not ended.
const char *belay_report_result(const struct belay_run *run, const char *key);
double belay_report_test(const struct belay_run *run, const char *metric); // NaN: none
// Names of the test metrics of all runs, at most `room`.
size_t belay_report_test_names(const struct belay_run *runs, size_t num, const char **names,
                               size_t room);

// ---- parts of the page ----

extern const char belay_report_style[];
// One chart of the series whose name ends with `base`: train.BASE dashed, val.BASE solid, or BASE.
void belay_report_chart(struct belay_str *s, const struct belay_run *runs, size_t num,
                        const char *base);
// Cells of a table's columns: their names, and one row out of its inputs. At most twelve.
void belay_report_columns(struct belay_str *s, const struct belay_preprocess *p);
void belay_report_row(struct belay_str *s, const struct belay_preprocess *p, const float *x);
// Confusion matrix, per-class table, worst examples of a run's best model. A failure is a sentence
// on the page; only lack of memory is returned.
belay_status belay_report_evaluation(struct belay_ctx *ctx, const struct belay_run *run,
                                     struct belay_str *s);

#endif
