// Small pictures as PNG (ISO/IEC 15948): 8-bit grey or RGB, for reports.
#ifndef BELAY_FORMAT_PNG_H
#define BELAY_FORMAT_PNG_H

#include <stdint.h>

#include "base/str.h"

// Appends the PNG of `channels` (1 or 3) interleaved bytes a pixel as base64.
belay_status belay_png_base64(struct belay_log *log, const uint8_t *pixels, uint32_t width,
                              uint32_t height, int channels, struct belay_str *out);
void belay_base64(const uint8_t *bytes, size_t size, struct belay_str *out);

#endif
