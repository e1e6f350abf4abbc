// Numbers and texts of reports.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

void belay_report_number(struct belay_str *s, double value)
{
    char text[40];
    if (!isfinite(value)) {
        belay_str_add(s, "-");
        return;
    }
    bool whole = value == floor(value) && fabs(value) < 1e9;
    snprintf(text, sizeof(text), whole ? "%.0f" : "%.4g", value);
    char *comma = strchr(text, ','); // a locale's
    if (comma)
        *comma = '.';
    belay_str_add(s, text);
}

void belay_report_seconds(struct belay_str *s, double seconds)
{
    if (!isfinite(seconds)) {
        belay_str_add(s, "-");
    } else if (seconds < 60) {
        belay_report_number(s, seconds);
        belay_str_add(s, " s");
    } else {
        unsigned long long all = (unsigned long long) seconds;
        belay_str_addf(s, "%llu:%02llu:%02llu", all / 3600, all / 60 % 60, all % 60);
    }
}

static const char *entity(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

void belay_html_text(struct belay_str *s, const char *text)
{
    size_t size = strlen(text);
    while (size > 0) {
        size_t step = belay_utf8_next(text, size, NULL);
        const char *instead = step == 1 ? entity(*text) : NULL;
        bool control = step == 1 && (unsigned char) *text < 0x20 && *text != '\n' && *text != '\t';
        if (instead)
            belay_str_add(s, instead);
        else if (step == 0 || control)
            belay_str_add(s, "\xEF\xBF\xBD");
        else
            belay_str_add_bytes(s, text, step);
        step = step ? step : 1;
        text += step;
        size -= step;
    }
}

const char *belay_report_name(const struct belay_run *run)
{
    const char *slash = strrchr(run->dir, '/');
    return slash && slash[1] ? slash + 1 : run->dir;
}

const char *belay_report_result(const struct belay_run *run, const char *key)
{
    return run->result.root ? belay_json_string_or(run->result.root, key, NULL) : NULL;
}

double belay_report_test(const struct belay_run *run, const char *metric)
{
    const struct belay_json *test =
        run->result.root ? belay_json_get(run->result.root, "test") : NULL;
    return test && test->kind == BELAY_JSON_OBJECT ? belay_json_number_or(test, metric, NAN) : NAN;
}

size_t belay_report_test_names(const struct belay_run *runs, size_t num, const char **names,
                               size_t room)
{
    size_t count = 0;
    for (size_t r = 0; r < num; r++) {
        const struct belay_json *test =
            runs[r].result.root ? belay_json_get(runs[r].result.root, "test") : NULL;
        const struct belay_json *m = test ? test->first : NULL;
        for (; m && count < room; m = m->next) {
            bool known = false;
            for (size_t i = 0; i < count; i++)
                known |= m->key && strcmp(names[i], m->key) == 0;
            if (!known && m->key)
                names[count++] = m->key;
        }
    }
    return count;
}
