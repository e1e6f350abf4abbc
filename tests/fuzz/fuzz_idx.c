#include "fuzz.h"

#include "format/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct belay_tensor t = { 0 };
    struct belay_log log = { 0 };
    belay_status status = belay_idx_parse(&log, "fuzz", (const char *) data, size, &t);

    FUZZ_CHECK(status == BELAY_OK || status == BELAY_ERR_DATA);
    FUZZ_CHECK((status == BELAY_OK) == (t.data != NULL));
    FUZZ_CHECK(t.size / 1040 <= size); // no more memory than the file can fill
    fuzz_touch(t.data, t.size);
    belay_tensor_finish(&t);
    return 0;
}
