// Rows of a table as they stood in the file.
#include "report/report.h"

#define MAX_COLUMNS 12

void belay_report_columns(struct belay_str *s, const struct belay_preprocess *p)
{
    for (size_t i = 0; i < p->num_columns && i < MAX_COLUMNS; i++) {
        belay_str_add(s, "<th scope=\"col\">");
        belay_html_text(s, p->columns[i].name);
        belay_str_add(s, "</th>");
    }
}

static void word(struct belay_str *s, const struct belay_column *c, const float *x)
{
    for (size_t v = 0; v < c->num_values; v++) {
        if (x[v] > 0.5F) {
            belay_html_text(s, c->values[v]);
            return;
        }
    }
    belay_str_add(s, "-");
}

void belay_report_row(struct belay_str *s, const struct belay_preprocess *p, const float *x)
{
    for (size_t i = 0; i < p->num_columns && i < MAX_COLUMNS; i++) {
        const struct belay_column *c = &p->columns[i];
        bool number = c->kind == BELAY_COLUMN_NUMBER;
        belay_str_add(s, "<td>");
        if (number)
            belay_report_number(s, (float) (*x * c->std + c->mean));
        else
            word(s, c, x);
        belay_str_add(s, "</td>");
        x += number ? 1 : c->num_values;
    }
}
