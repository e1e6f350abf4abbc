#include "fuzz.h"

#include "format/csv.h"

static void check(const struct belay_csv *csv)
{
    for (size_t i = 0; i < csv->rows * csv->columns; i++)
        fuzz_touch(csv->cells[i], strlen(csv->cells[i]));
    for (size_t i = 0; i < csv->columns; i++)
        fuzz_touch(csv->names[i], strlen(csv->names[i]));
    for (size_t i = 1; i < csv->rows; i++)
        FUZZ_CHECK(csv->lines[i] > csv->lines[i - 1]);
}

// The first byte chooses delimiter and header.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char delimiters[] = ",;\t ";
    struct belay_csv csv;
    struct belay_log log = { 0 };
    char *text;

    if (size == 0)
        return 0;
    text = malloc(size);
    FUZZ_CHECK(text);
    memcpy(text, data + 1, size - 1);
    belay_status status = belay_csv_parse(&log, "fuzz", text, size - 1,
                                          (enum belay_csv_header) (data[0] / 4 % 3),
                                          delimiters[data[0] % 4], &csv);
    FUZZ_CHECK(status == BELAY_OK || status == BELAY_ERR_DATA);
    if (status == BELAY_OK)
        check(&csv);
    belay_csv_finish(&csv);
    return 0;
}
