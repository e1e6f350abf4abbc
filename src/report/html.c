// One self-contained page: no script, no network.
#include <math.h>
#include <string.h>

#include "report/report.h"

#define MAX_DIFFERENT 8
#define MAX_CHARTS 24

static void cell_number(struct belay_str *s, double value)
{
    belay_str_add(s, "<td>");
    belay_report_number(s, value);
    belay_str_add(s, "</td>");
}

static void cell_text(struct belay_str *s, const char *class, const char *text)
{
    belay_str_addf(s, "<td class=\"%s\">", class);
    belay_html_text(s, text);
    belay_str_add(s, "</td>");
}

static void head(struct belay_str *s, const struct belay_run *runs, size_t num)
{
    belay_str_add(s, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                     "<title>Belay: ");
    belay_html_text(s, num == 1 ? belay_report_name(&runs[0]) : "runs");
    belay_str_add(s, "</title>\n<style>\n");
    belay_str_add(s, belay_report_style);
    belay_str_add(s, "</style></head><body>\n<h1>");
    belay_html_text(s, num == 1 ? belay_report_name(&runs[0]) : "Runs side by side");
    belay_str_add(s, "</h1>\n");
}

// ---- the table of runs ----

static void run_name(struct belay_str *s, const struct belay_run *run, size_t index)
{
    belay_str_addf(s, "<th scope=\"row\" class=\"t\"><span class=\"key c%zu\"></span>", index % 8);
    belay_html_text(s, belay_report_name(run));
    belay_str_add(s, "</th>");
}

static void run_row(struct belay_str *s, const struct belay_run *run, size_t index,
                    const char *const *tests, size_t num_tests, const char *const *keys,
                    size_t num_keys)
{
    belay_str_add(s, "<tr>");
    run_name(s, run, index);
    cell_text(s, "t", run->monitor);
    cell_number(s, run->best);
    cell_number(s, run->best_step);
    cell_number(s, run->step);
    cell_number(s, run->epoch);
    belay_str_add(s, "<td>");
    belay_report_seconds(s, run->seconds);
    belay_str_add(s, "</td>");
    for (size_t i = 0; i < num_tests; i++)
        cell_number(s, belay_report_test(run, tests[i]));
    for (size_t i = 0; i < num_keys; i++) {
        const char *text = belay_run_setting(run, keys[i]);
        cell_text(s, "", text ? text : "-");
    }
    belay_str_add(s, "</tr>\n");
}

static void table(struct belay_str *s, const struct belay_run *runs, size_t num)
{
    const char *tests[16], *keys[MAX_DIFFERENT];
    size_t num_tests = belay_report_test_names(runs, num, tests, 16);
    size_t num_keys = num > 1 ? belay_runs_differ(runs, num, keys, MAX_DIFFERENT) : 0;
    belay_str_add(s, "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">run</th>"
                     "<th scope=\"col\" class=\"t\">monitor</th><th scope=\"col\">best</th>"
                     "<th scope=\"col\">at step</th><th scope=\"col\">steps</th>"
                     "<th scope=\"col\">epochs</th><th scope=\"col\">time</th>");
    for (size_t i = 0; i < num_tests; i++) {
        belay_str_add(s, "<th scope=\"col\">test ");
        belay_html_text(s, tests[i]);
        belay_str_add(s, "</th>");
    }
    for (size_t i = 0; i < num_keys; i++) {
        belay_str_add(s, "<th scope=\"col\">");
        belay_html_text(s, keys[i]);
        belay_str_add(s, "</th>");
    }
    belay_str_add(s, "</tr></thead><tbody>\n");
    for (size_t r = 0; r < num; r++)
        run_row(s, &runs[r], r, tests, num_tests, keys, num_keys);
    belay_str_add(s, "</tbody></table></div>\n");
}

static void reasons(struct belay_str *s, const struct belay_run *runs, size_t num)
{
    for (size_t r = 0; r < num; r++) {
        const char *sentence = belay_report_result(&runs[r], "sentence");
        belay_str_add(s, "<p>");
        if (num > 1) {
            belay_str_addf(s, "<span class=\"key c%zu\"></span><b>", r % 8);
            belay_html_text(s, belay_report_name(&runs[r]));
            belay_str_add(s, "</b>: ");
        }
        belay_html_text(s, sentence ? sentence : "Not ended: it is under way, or was cut off.");
        if (runs[r].has_nan)
            belay_str_add(s, " <b>Some logged values are not finite.</b>");
        belay_str_add(s, "</p>\n");
    }
}

// ---- charts ----

static const char *base_of(const char *name)
{
    if (strncmp(name, "train.", 6) == 0)
        return name + 6;
    return strncmp(name, "val.", 4) == 0 ? name + 4 : name;
}

static size_t chart_names(const struct belay_run *runs, size_t num, const char **names)
{
    size_t count = 0;
    // First what is measured on the data, then lr, gradient norm and others.
    for (int plain = 0; plain < 2; plain++) {
        for (size_t r = 0; r < num; r++) {
            for (size_t i = 0; i < runs[r].num_series && count < MAX_CHARTS; i++) {
                const char *name = runs[r].series[i].name, *base = base_of(name);
                bool known = false;
                for (size_t k = 0; k < count; k++)
                    known |= strcmp(names[k], base) == 0;
                if (!known && (base == name) == plain)
                    names[count++] = base;
            }
        }
    }
    return count;
}

static void charts(struct belay_str *s, const struct belay_run *runs, size_t num)
{
    const char *names[MAX_CHARTS];
    size_t count = chart_names(runs, num, names);
    belay_str_add(s, "<h2>Curves</h2>\n<div class=\"charts\">\n");
    for (size_t i = 0; i < count; i++)
        belay_report_chart(s, runs, num, names[i]);
    belay_str_add(s, "</div>\n");
}

// ---- device and time ----

static void time_row(struct belay_str *s, const struct belay_run *run, size_t index)
{
    const char *device = belay_report_result(run, "device");
    const char *batch = belay_run_setting(run, "train.batch");
    double rows = 0, span = run->seconds - run->first_seconds;
    double rate = span > 0 ? (run->step - run->first_step) / span : NAN;
    bool known = batch && belay_parse_double(batch, &rows);
    belay_str_add(s, "<tr>");
    run_name(s, run, index);
    belay_str_add(s, "<td>");
    belay_report_seconds(s, run->seconds);
    belay_str_add(s, "</td><td>");
    belay_report_seconds(s, run->first_seconds);
    belay_str_add(s, "</td>");
    cell_number(s, rate);
    cell_number(s, known ? floor(rate * rows + 0.5) : NAN);
    cell_text(s, "t why", device ? device : "-");
    belay_str_add(s, "</tr>\n");
}

static void times(struct belay_str *s, const struct belay_run *runs, size_t num)
{
    belay_str_add(s, "<h2>Device and time</h2>\n<div class=\"scroll\"><table><thead><tr>"
                     "<th scope=\"col\">run</th><th scope=\"col\">time</th>"
                     "<th scope=\"col\">to the first check</th><th scope=\"col\">then steps/s</th>"
                     "<th scope=\"col\">rows/s</th><th scope=\"col\" class=\"t\">device</th></tr>"
                     "</thead><tbody>\n");
    for (size_t r = 0; r < num; r++)
        time_row(s, &runs[r], r);
    belay_str_add(s, "</tbody></table></div>\n");
}

static void recipes(struct belay_str *s, const struct belay_run *runs, size_t num)
{
    belay_str_add(s, "<h2>Recipes</h2>\n");
    for (size_t r = 0; r < num; r++) {
        if (!runs[r].recipe)
            continue;
        belay_str_add(s, "<details><summary>");
        belay_html_text(s, belay_report_name(&runs[r]));
        belay_str_add(s, ", every default written out</summary><pre>");
        belay_html_text(s, runs[r].recipe);
        belay_str_add(s, "</pre></details>\n");
    }
}

static belay_status write(struct belay_ctx *ctx, const belay_report_params *params,
                          const struct belay_run *runs, size_t num, struct belay_str *s)
{
    head(s, runs, num);
    reasons(s, runs, num);
    table(s, runs, num);
    charts(s, runs, num);
    for (size_t r = 0; r < num && !params->no_eval; r++)
        BELAY_TRY(belay_report_evaluation(ctx, &runs[r], s));
    times(s, runs, num);
    recipes(s, runs, num);
    belay_str_add(s, "</body></html>\n");
    return BELAY_OK;
}

const struct belay_report belay_report_html = { "html", write };
