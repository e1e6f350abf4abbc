#include "format/tfevents.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

// ---- protobuf's wire format ----

enum wire { WIRE_VARINT = 0, WIRE_DOUBLE = 1, WIRE_BYTES = 2, WIRE_FLOAT = 5 };

static void put_varint(struct belay_str *s, uint64_t v)
{
    uint8_t bytes[10];
    size_t size = 0;
    do {
        bytes[size] = (uint8_t) ((v & 0x7F) | (v > 0x7F ? 0x80 : 0));
        size++;
        v >>= 7;
    } while (v);
    belay_str_add_bytes(s, bytes, size);
}

static void put_tag(struct belay_str *s, unsigned field, enum wire wire)
{
    put_varint(s, (uint64_t) field << 3 | (unsigned) wire);
}

static void put_u32(struct belay_str *s, uint32_t v)
{
    uint8_t bytes[4] = { (uint8_t) v, (uint8_t) (v >> 8), (uint8_t) (v >> 16),
                         (uint8_t) (v >> 24) };
    belay_str_add_bytes(s, bytes, 4);
}

static void put_u64(struct belay_str *s, uint64_t v)
{
    put_u32(s, (uint32_t) v);
    put_u32(s, (uint32_t) (v >> 32));
}

static void put_double_bits(struct belay_str *s, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_u64(s, bits);
}

static void put_int(struct belay_str *s, unsigned field, int64_t value)
{
    put_tag(s, field, WIRE_VARINT);
    put_varint(s, (uint64_t) value);
}

static void put_double(struct belay_str *s, unsigned field, double value)
{
    put_tag(s, field, WIRE_DOUBLE);
    put_double_bits(s, value);
}

static void put_float(struct belay_str *s, unsigned field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_tag(s, field, WIRE_FLOAT);
    put_u32(s, bits);
}

static void put_bytes(struct belay_str *s, unsigned field, const void *bytes, size_t size)
{
    put_tag(s, field, WIRE_BYTES);
    put_varint(s, size);
    belay_str_add_bytes(s, bytes, size);
}

static void put_text(struct belay_str *s, unsigned field, const char *text)
{
    put_bytes(s, field, text, strlen(text));
}

// A message inside another; the inner one is freed.
static void put_message(struct belay_str *s, unsigned field, struct belay_str *inner)
{
    put_bytes(s, field, inner->text ? inner->text : "", inner->length);
    s->failed |= inner->failed;
    belay_str_free(inner);
}

// ---- records ----

uint32_t belay_crc32c(const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < size; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
    }
    return ~crc;
}

static uint32_t masked(const void *bytes, size_t size)
{
    uint32_t crc = belay_crc32c(bytes, size);
    return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

static belay_status write_record(struct belay_tfevents *e, struct belay_str *event)
{
    struct belay_str record = { 0 };
    put_u64(&record, event->length);
    put_u32(&record, record.failed ? 0 : masked(record.text, 8));
    belay_str_add_bytes(&record, event->text, event->length);
    put_u32(&record, masked(event->text, event->length));
    belay_status status;
    if (event->failed || record.failed)
        status = belay_fail_nomem(e->file.log, event->length);
    else
        status = belay_append_write(&e->file, record.text, record.length);
    belay_str_free(&record);
    belay_str_free(event);
    return status;
}

// ---- events ----

static struct belay_str event_at(double wall, int64_t step)
{
    struct belay_str event = { 0 };
    put_double(&event, 1, wall);
    put_int(&event, 2, step);
    return event;
}

static belay_status write_start(struct belay_tfevents *e, double wall, int64_t restart_step)
{
    struct belay_str session = { 0 }, event = event_at(wall, 0);
    put_text(&event, 3, "brain.Event:2");
    BELAY_TRY(write_record(e, &event));
    if (restart_step < 0)
        return BELAY_OK;
    event = event_at(wall, restart_step);
    put_int(&session, 1, 1); // START
    put_message(&event, 7, &session);
    return write_record(e, &event);
}

belay_status belay_tfevents_open(struct belay_tfevents *e, struct belay_log *log, const char *path,
                                 double wall, int64_t restart_step)
{
    *e = (struct belay_tfevents){ 0 };
    BELAY_TRY(belay_append_open(&e->file, log, path));
    return write_start(e, wall, restart_step);
}

void belay_tfevents_close(struct belay_tfevents *e)
{
    belay_append_close(&e->file);
    belay_str_free(&e->summary);
}

belay_status belay_tfevents_flush(struct belay_tfevents *e, double wall, int64_t step)
{
    struct belay_str event = event_at(wall, step);
    put_message(&event, 5, &e->summary);
    return write_record(e, &event);
}

// ---- values of a summary ----

static void put_value(struct belay_tfevents *e, struct belay_str *value)
{
    put_message(&e->summary, 1, value);
}

// Which plugin shows it, with the plugin's own data.
static void put_metadata(struct belay_str *value, const char *plugin, struct belay_str *content)
{
    struct belay_str data = { 0 }, metadata = { 0 };
    put_text(&data, 1, plugin);
    put_message(&data, 2, content);
    put_message(&metadata, 1, &data);
    put_message(value, 9, &metadata);
}

void belay_tfevents_scalar(struct belay_tfevents *e, const char *tag, double v)
{
    struct belay_str value = { 0 };
    put_text(&value, 1, tag);
    put_float(&value, 2, (float) v);
    put_value(e, &value);
}

void belay_tfevents_text(struct belay_tfevents *e, const char *tag, const char *text)
{
    struct belay_str value = { 0 }, tensor = { 0 }, shape = { 0 }, dim = { 0 }, content = { 0 };
    put_text(&value, 1, tag);
    put_metadata(&value, "text", &content);
    put_int(&dim, 1, 1);
    put_message(&shape, 2, &dim);
    put_int(&tensor, 1, 7); // DT_STRING
    put_message(&tensor, 2, &shape);
    put_text(&tensor, 8, text);
    put_message(&value, 8, &tensor);
    put_value(e, &value);
}

// google.protobuf.Value
static void put_hparam(struct belay_str *info, const struct belay_tfevents_hparam *p)
{
    struct belay_str entry = { 0 }, value = { 0 };
    double number;
    if (belay_parse_double(p->text, &number)) {
        put_double(&value, 2, number);
    } else if (strcmp(p->text, "true") == 0 || strcmp(p->text, "false") == 0) {
        put_int(&value, 4, p->text[0] == 't');
    } else {
        put_text(&value, 3, p->text);
    }
    put_text(&entry, 1, p->name);
    put_message(&entry, 2, &value);
    put_message(info, 1, &entry);
}

void belay_tfevents_hparams(struct belay_tfevents *e, double wall,
                            const struct belay_tfevents_hparam *params, size_t count)
{
    struct belay_str value = { 0 }, info = { 0 }, data = { 0 };
    for (size_t i = 0; i < count; i++)
        put_hparam(&info, &params[i]);
    put_double(&info, 5, wall);
    put_message(&data, 3, &info);
    put_text(&value, 1, "_hparams_/session_start_info");
    put_metadata(&value, "hparams", &data);
    put_value(e, &value);
}

// ---- histograms ----

// Limits 1e-12 · 1.1^i up to 1e20, mirrored round 0, with ±max at the ends.
#define POSITIVE 775

struct buckets {
    double limit[2 * POSITIVE + 3];
    double count[2 * POSITIVE + 3];
    size_t num;
};

static void make_limits(struct buckets *b)
{
    double v = 1e-12;
    b->num = 2 * POSITIVE + 3;
    b->limit[POSITIVE + 1] = 0;
    for (size_t i = 0; i < POSITIVE; i++, v *= 1.1) {
        b->limit[POSITIVE + 2 + i] = v;
        b->limit[POSITIVE - i] = -v;
    }
    b->limit[0] = -1.7976931348623157e308;
    b->limit[b->num - 1] = 1.7976931348623157e308;
}

// The first bucket whose limit is above x.
static size_t bucket_of(const struct buckets *b, double x)
{
    size_t low = 0, high = b->num - 1;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (b->limit[mid] > x)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

struct moments {
    double min, max, num, sum, squares;
};

static void fill(struct buckets *b, const float *x, size_t count, struct moments *m)
{
    for (size_t i = 0; i < count; i++) {
        double v = x[i];
        if (!isfinite(v))
            continue;
        m->min = m->num == 0 || v < m->min ? v : m->min;
        m->max = m->num == 0 || v > m->max ? v : m->max;
        m->num++;
        m->sum += v;
        m->squares += v * v;
        b->count[bucket_of(b, v)]++;
    }
}

static void put_packed(struct belay_str *s, unsigned field, const double *x, size_t count)
{
    struct belay_str packed = { 0 };
    for (size_t i = 0; i < count; i++)
        put_double_bits(&packed, x[i]);
    put_message(s, field, &packed);
}

// From the bucket before the first that holds something to the last one.
static void put_buckets(struct belay_str *histogram, const struct buckets *b)
{
    size_t first = 0, end = b->num;
    while (first < end && b->count[first] == 0)
        first++;
    while (end > first && b->count[end - 1] == 0)
        end--;
    if (first == end) // nothing: one empty bucket, since readers want one
        end = first < b->num ? first + 1 : first--;
    else if (first > 0)
        first--;
    put_packed(histogram, 6, b->limit + first, end - first);
    put_packed(histogram, 7, b->count + first, end - first);
}

void belay_tfevents_histogram(struct belay_tfevents *e, const char *tag, const float *x,
                              size_t count)
{
    struct belay_str value = { 0 }, histogram = { 0 };
    struct moments m = { 0 };
    struct buckets *b = belay_alloc(sizeof(*b));
    if (!b) {
        e->summary.failed = true;
        return;
    }
    make_limits(b);
    fill(b, x, count, &m);
    put_double(&histogram, 1, m.min);
    put_double(&histogram, 2, m.max);
    put_double(&histogram, 3, m.num);
    put_double(&histogram, 4, m.sum);
    put_double(&histogram, 5, m.squares);
    put_buckets(&histogram, b);
    put_text(&value, 1, tag);
    put_message(&value, 5, &histogram);
    put_value(e, &value);
    belay_free(b);
}
