#include "fuzz.h"

#include "format/npy.h"

// Archives start with "PK", all else is taken for a single array.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct belay_tensor t = { 0 };
    struct belay_log log = { 0 };
    const char *bytes = (const char *) data;
    belay_status status;

    if (size > 1 && bytes[0] == 'P' && bytes[1] == 'K') {
        status = belay_npz_parse(&log, "fuzz", bytes, size, NULL, &t);
        if (status != BELAY_OK)
            status = belay_npz_parse(&log, "fuzz", bytes, size, "x", &t);
    } else {
        status = belay_npy_parse(&log, "fuzz", bytes, size, &t);
    }
    FUZZ_CHECK(status == BELAY_OK || status == BELAY_ERR_DATA || status == BELAY_ERR_UNSUPPORTED);
    FUZZ_CHECK((status == BELAY_OK) == (t.data != NULL));
    fuzz_touch(t.data, t.size);
    belay_tensor_finish(&t);
    return 0;
}
