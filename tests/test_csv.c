#include "harness.h"

#include <string.h>

#include "format/csv.h"

static struct belay_log sink;
static struct belay_csv csv;

static belay_status parse_with(const char *text, size_t size, enum belay_csv_header header,
                               char delimiter)
{
    char *copy = belay_alloc(size);
    memcpy(copy, text, size);
    return belay_csv_parse(&sink, "f.csv", copy, size, header, delimiter, &csv);
}

static void parse(const char *text, enum belay_csv_header header)
{
    ck_log_ok(&sink, parse_with(text, strlen(text), header, ','));
}

static const char *cell(size_t row, size_t column)
{
    return csv.cells[row * csv.columns + column];
}

START_TEST(rows_and_cells_are_read_with_their_lines)
{
    parse("\xEF\xBB\xBF" "a,b\r\n1,\"x,\"\"y\"\"\nz\"\n\n3,", BELAY_CSV_HEADER_YES);
    ck_assert(csv.header && csv.rows == 2 && csv.columns == 2);
    ck_assert_str_eq(csv.names[0], "a");
    ck_assert_str_eq(csv.names[1], "b");
    ck_assert_str_eq(cell(0, 0), "1");
    ck_assert_str_eq(cell(0, 1), "x,\"y\"\nz");
    ck_assert_str_eq(cell(1, 0), "3");
    ck_assert_str_eq(cell(1, 1), "");
    ck_assert_uint_eq(csv.lines[0], 2);
    ck_assert_uint_eq(csv.lines[1], 5);
    belay_csv_finish(&csv);
    belay_csv_finish(&csv);
}
END_TEST

START_TEST(a_header_is_recognised_by_its_words)
{
    parse("x,y\n1,2\n", BELAY_CSV_HEADER_AUTO);
    ck_assert(csv.header && csv.rows == 1);
    belay_csv_finish(&csv);
    parse("1,2\n3,4\n", BELAY_CSV_HEADER_AUTO);
    ck_assert(!csv.header && csv.rows == 2);
    ck_assert_str_eq(csv.names[1], "1");
    belay_csv_finish(&csv);
    parse("a,b\nc,d\n", BELAY_CSV_HEADER_AUTO);
    ck_assert(!csv.header && csv.rows == 2);
    belay_csv_finish(&csv);
    parse("name,1\nx,2\n", BELAY_CSV_HEADER_AUTO);
    ck_assert(!csv.header);
    belay_csv_finish(&csv);
    parse("x,y\n1,2\n", BELAY_CSV_HEADER_NO);
    ck_assert(!csv.header && csv.rows == 2);
    belay_csv_finish(&csv);
}
END_TEST

START_TEST(other_delimiters_are_taken)
{
    ck_log_ok(&sink, parse_with("1;2,5\n", 6, BELAY_CSV_HEADER_NO, ';'));
    ck_assert_str_eq(cell(0, 1), "2,5");
    belay_csv_finish(&csv);
    ck_log_ok(&sink, parse_with("1\t\t2", 4, BELAY_CSV_HEADER_NO, '\t'));
    ck_assert_uint_eq(csv.columns, 3);
    belay_csv_finish(&csv);
    ck_assert_int_eq(parse_with("1", 1, BELAY_CSV_HEADER_NO, '"'), BELAY_ERR_ARG);
    ck_assert_int_eq(parse_with("1", 1, BELAY_CSV_HEADER_NO, '\n'), BELAY_ERR_ARG);
}
END_TEST

static void check_refused(const char *text, size_t size, const char *place)
{
    ck_assert_msg(parse_with(text, size, BELAY_CSV_HEADER_NO, ',') == BELAY_ERR_DATA,
                  "accepted: %s", text);
    ck_assert_msg(strstr(sink.last, place), "message is '%s'", sink.last);
    ck_assert_ptr_null(csv.text);
}

START_TEST(wrong_rows_are_refused_with_their_line)
{
    check_refused("1,2\n3\n", 6, "f.csv:2: ");
    check_refused("1,2\n\n3,4,5\n", 11, "f.csv:3: ");
    check_refused("1,2\n\"a\nb\",c\"d\n", 14, "f.csv:3: ");
    check_refused("1,\"2\n3", 6, "f.csv:1: ");
    check_refused("\"1\"x,2\n", 7, "f.csv:1: ");
    check_refused("", 0, "f.csv: ");
    check_refused("\n\r\n", 3, "f.csv: ");
    check_refused("1,\0\n", 4, "f.csv: ");
}
END_TEST

START_TEST(every_failed_allocation_is_told_and_freed)
{
    belay_status status = BELAY_ERR_NOMEM;
    for (int64_t n = 0; status != BELAY_OK && n < 100; n++) {
        char *copy = belay_strdup("1,2\n3,4\n");
        belay_alloc_fail_at(n, false);
        status = belay_csv_parse(&sink, "f", copy, 8, BELAY_CSV_HEADER_NO, ',', &csv);
        belay_alloc_fail_at(-1, false);
        ck_assert(status == BELAY_OK || status == BELAY_ERR_NOMEM);
    }
    belay_csv_finish(&csv);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        rows_and_cells_are_read_with_their_lines, a_header_is_recognised_by_its_words,
        other_delimiters_are_taken, wrong_rows_are_refused_with_their_line,
        every_failed_allocation_is_told_and_freed,
    };
    return harness_suite("csv", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    return harness_main(suite, NULL);
}
