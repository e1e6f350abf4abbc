// Line charts as inline SVG. Coordinates are whole tenths of a pixel, so that no locale can put a
// comma into them.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

#define WIDTH 7200.0
#define HEIGHT 3000.0
#define LEFT 1000.0
#define RIGHT 150.0
#define TOP 140.0
#define BOTTOM 420.0
#define MAX_POINTS 1500 // more cannot be told apart

struct axes {
    double x0, x1, y0, y1; // of the data; y as log10 when `log`
    bool log;
};

struct range {
    double low, high, least_positive;
    size_t count;
};

static void take(struct range *r, double v)
{
    if (!isfinite(v))
        return;
    r->low = r->count && r->low < v ? r->low : v;
    r->high = r->count && r->high > v ? r->high : v;
    r->count++;
}

static double map_x(const struct axes *a, double x)
{
    return LEFT + (x - a->x0) / (a->x1 - a->x0) * (WIDTH - LEFT - RIGHT);
}

static double map_y(const struct axes *a, double y)
{
    double v = a->log ? log10(y) : y;
    return HEIGHT - BOTTOM - (v - a->y0) / (a->y1 - a->y0) * (HEIGHT - TOP - BOTTOM);
}

// Which series of a run are on the chart: 0 train.BASE, 1 val.BASE, 2 BASE itself.
static const struct belay_series *series_of(const struct belay_run *run, const char *base, int kind)
{
    static const char *const prefix[] = { "train.", "val.", "" };
    char name[160];
    snprintf(name, sizeof(name), "%s%s", prefix[kind], base);
    return belay_run_series(run, name);
}

static void measure(const struct belay_run *runs, size_t num, const char *base, struct range *x,
                    struct range *y)
{
    for (size_t r = 0; r < num; r++) {
        for (int kind = 0; kind < 3; kind++) {
            const struct belay_series *s = series_of(&runs[r], base, kind);
            for (size_t i = 0; s && i < s->count; i++) {
                take(x, s->step[i]);
                take(y, s->value[i]);
            }
        }
    }
}

// Values over a wide range of positive numbers (a loss falling, a rate decaying) go on a log axis.
static struct axes axes_of(const struct range *x, const struct range *y)
{
    struct axes a = { .x0 = x->low, .x1 = x->high };
    a.log = y->low > 0 && y->high / y->low > 30;
    a.y0 = a.log ? log10(y->low) : y->low;
    a.y1 = a.log ? log10(y->high) : y->high;
    if (!(a.x1 > a.x0))
        a.x1 = a.x0 + 1;
    double span = a.y1 - a.y0;
    double margin = span > 0 ? span * 0.04 : fabs(a.y1) * 0.1 + 1e-12;
    a.y0 -= margin;
    a.y1 += margin;
    return a;
}

// 1, 2 or 5 times a power of ten, so that about `most` steps fit.
static double nice_step(double span, int most)
{
    double rough = span / most, power = pow(10, floor(log10(rough))), part = rough / power;
    return (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10) * power;
}

static void text_at(struct belay_str *s, double x, double y, const char *anchor, double value)
{
    belay_str_addf(s, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", (int) x, (int) y, anchor);
    belay_report_number(s, value);
    belay_str_add(s, "</text>");
}

static void y_line(struct belay_str *s, const struct axes *a, double value)
{
    double y = map_y(a, value);
    belay_str_addf(s, "<path class=\"grid\" d=\"M%d %dH%d\"/>", (int) LEFT, (int) y,
                   (int) (WIDTH - RIGHT));
    text_at(s, LEFT - 70, y + 40, "end", value);
}

static void y_grid(struct belay_str *s, const struct axes *a)
{
    if (a->log) {
        static const double parts[] = { 1, 2, 5 };
        bool few = a->y1 - a->y0 < 2;
        for (int e = (int) floor(a->y0); e <= (int) ceil(a->y1); e++)
            for (int i = 0; i < (few ? 3 : 1); i++) {
                double v = parts[i] * pow(10, e), l = log10(v);
                if (l >= a->y0 && l <= a->y1)
                    y_line(s, a, v);
            }
        return;
    }
    double step = nice_step(a->y1 - a->y0, 5);
    for (double v = ceil(a->y0 / step) * step; v <= a->y1 + step * 1e-9; v += step)
        y_line(s, a, fabs(v) < step * 1e-6 ? 0 : v);
}

static void x_grid(struct belay_str *s, const struct axes *a)
{
    double step = nice_step(a->x1 - a->x0, 6);
    step = step < 1 ? 1 : step;
    for (double v = ceil(a->x0 / step) * step; v <= a->x1 + step * 1e-9; v += step) {
        double x = map_x(a, v);
        belay_str_addf(s, "<path class=\"grid\" d=\"M%d %dV%d\"/>", (int) x, (int) TOP,
                       (int) (HEIGHT - BOTTOM));
        // A number at the right end must not be cut off.
        bool last = x > WIDTH - RIGHT - 150;
        text_at(s, last ? WIDTH - 20 : x, HEIGHT - BOTTOM + 170, last ? "end" : "middle", v);
    }
    belay_str_addf(s, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">step</text>",
                   (int) (WIDTH - 20), (int) HEIGHT - 40);
}

static void point(struct belay_str *s, const struct axes *a, double x, double y, bool *open)
{
    bool shown = isfinite(y) && (!a->log || y > 0);
    if (shown)
        belay_str_addf(s, "%c%d %d", *open ? 'L' : 'M', (int) map_x(a, x), (int) map_y(a, y));
    *open = shown;
}

// A line that breaks where a value is not finite. The last point is always drawn.
static void draw(struct belay_str *s, const struct axes *a, const struct belay_series *series,
                 size_t color, bool dashed)
{
    size_t stride = series->count / MAX_POINTS + 1, last = series->count - 1;
    bool open = false;
    belay_str_addf(s, "<path class=\"line c%zu%s\" d=\"", color % 8, dashed ? " dash" : "");
    for (size_t i = 0; i < last; i += stride)
        point(s, a, series->step[i], series->value[i], &open);
    point(s, a, series->step[last], series->value[last], &open);
    belay_str_add(s, "\"/>");
}

static bool monitored(const struct belay_run *run, const char *base)
{
    const char *dot = strrchr(run->monitor, '.');
    return strcmp(dot ? dot + 1 : run->monitor, base) == 0 && isfinite(run->best);
}

static void mark(struct belay_str *s, const struct axes *a, const struct belay_run *run,
                 size_t color)
{
    int x = (int) map_x(a, run->best_step), y = (int) map_y(a, run->best);
    int stop = (int) map_x(a, run->step);
    const char *reason = belay_report_result(run, "reason");
    belay_str_addf(s, "<circle class=\"dot c%zu\" cx=\"%d\" cy=\"%d\" r=\"55\"><title>", color % 8,
                   x, y);
    belay_html_text(s, belay_report_name(run));
    belay_str_add(s, ": best ");
    belay_report_number(s, run->best);
    belay_str_add(s, " at step ");
    belay_report_number(s, run->best_step);
    belay_str_add(s, "</title></circle>");
    if (!reason)
        return;
    belay_str_addf(s, "<path class=\"stop c%zu\" d=\"M%d %dV%d\"><title>", color % 8, stop,
                   (int) TOP, (int) (HEIGHT - BOTTOM));
    belay_html_text(s, belay_report_name(run));
    belay_str_add(s, ": stopped (");
    belay_html_text(s, reason);
    belay_str_add(s, ")</title></path>");
}

static void caption(struct belay_str *s, const struct belay_run *runs, size_t num, const char *base,
                    const struct axes *a)
{
    bool train = false, val = false, marked = false;
    for (size_t r = 0; r < num; r++) {
        train |= series_of(&runs[r], base, 0) != NULL;
        val |= series_of(&runs[r], base, 1) != NULL;
        marked |= monitored(&runs[r], base);
    }
    belay_str_add(s, "<figcaption><b>");
    belay_html_text(s, base);
    belay_str_add(s, "</b>");
    if (train || val)
        belay_str_addf(s, " %s%s%s", val ? "validation solid" : "", train && val ? ", " : "",
                       train ? "training dashed" : "");
    if (marked)
        belay_str_add(s, "; dot: best, upright line: stop");
    if (a->log)
        belay_str_add(s, "; log scale");
    belay_str_add(s, "</figcaption>");
}

void belay_report_chart(struct belay_str *s, const struct belay_run *runs, size_t num,
                        const char *base)
{
    struct range x = { 0 }, y = { 0 };
    measure(runs, num, base, &x, &y);
    if (x.count == 0 || y.count == 0)
        return;
    struct axes a = axes_of(&x, &y);
    belay_str_add(s, "<figure class=\"chart\">");
    caption(s, runs, num, base, &a);
    belay_str_addf(s, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", (int) WIDTH,
                   (int) HEIGHT);
    belay_html_text(s, base);
    belay_str_add(s, " by step\">");
    y_grid(s, &a);
    x_grid(s, &a);
    for (size_t r = 0; r < num; r++) {
        for (int kind = 0; kind < 3; kind++) {
            const struct belay_series *series = series_of(&runs[r], base, kind);
            if (series)
                draw(s, &a, series, r, kind == 0);
        }
        if (monitored(&runs[r], base))
            mark(s, &a, &runs[r], r);
    }
    belay_str_add(s, "</svg></figure>\n");
}
