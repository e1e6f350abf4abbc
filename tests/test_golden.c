// Numbers of other programs: see golden/golden.h. Cases count in the last line, not groups.
#include "golden/count.h"
#include "golden/golden.h"

#include <stdio.h>
#include <stdlib.h>

static void run_on(const char *device)
{
    golden_group("ops", golden_op, device);
    golden_dropout(device);
    golden_group("losses", golden_loss, device);
    golden_group("optimizers", golden_optimizer, device);
    golden_group("metrics", golden_metric, device);
    golden_group("training", golden_training, device);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    golden_group_no_device("schedules", golden_schedule);
    run_on("host");
    if (!golden_default_is_host())
        run_on(NULL);
    printf("%d passed, %d failed, %d skipped\n", golden_counts.passed, golden_counts.failed,
           golden_counts.skipped);
    return golden_counts.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
