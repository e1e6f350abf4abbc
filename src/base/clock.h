// Clocks. Nothing that is compared between runs may depend on them.
#ifndef BELAY_BASE_CLOCK_H
#define BELAY_BASE_CLOCK_H

double belay_clock_now(void); // seconds, monotonic
double belay_clock_unix(void); // seconds since 1970, UTC
// "2026-11-24T16:21:57Z"
void belay_clock_utc(char out[32]);

#endif
