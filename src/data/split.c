#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/data.h"

// Rows of one class (or all rows), in file order.
struct stratum {
    size_t start, count, take; // place in the list of rows, how many are held out
    double rest;               // what rounding down took away
};

// Largest remainder: the parts add up to `total`, each within one row of its exact share.
static void share_out(struct stratum *s, size_t num, size_t rows, size_t total)
{
    size_t given = 0;
    for (size_t i = 0; i < num; i++) {
        double exact = (double) s[i].count * (double) total / (double) rows;
        s[i].take = (size_t) floor(exact);
        s[i].rest = exact - (double) s[i].take;
        given += s[i].take;
    }
    for (; given < total; given++) {
        struct stratum *best = NULL;
        for (size_t i = 0; i < num; i++)
            if (s[i].take < s[i].count && (!best || s[i].rest > best->rest))
                best = &s[i];
        if (!best)
            return;
        best->take++;
        best->rest -= 1;
    }
}

static void sort_by_class(const int32_t *labels, size_t rows, struct stratum *s, size_t num,
                          int32_t *list)
{
    size_t start = 0;
    for (size_t i = 0; i < rows; i++)
        s[labels ? (size_t) labels[i] : 0].count++;
    for (size_t c = 0; c < num; c++) {
        s[c].start = start;
        start += s[c].count;
        s[c].count = 0;
    }
    for (size_t i = 0; i < rows; i++) {
        struct stratum *own = &s[labels ? (size_t) labels[i] : 0];
        list[own->start + own->count++] = (int32_t) i;
    }
}

static void hold_out(const struct stratum *s, size_t num, uint64_t seed, int32_t *list, bool *held)
{
    for (size_t c = 0; c < num; c++) {
        struct belay_rng rng;
        // A stream of its own, so that one class's rows do not depend on the others' counts.
        belay_rng_init(&rng, seed, belay_hash_text("split") + c);
        belay_rng_shuffle(&rng, list + s[c].start, (uint32_t) s[c].count);
        for (size_t i = 0; i < s[c].take; i++)
            held[list[s[c].start + i]] = true;
    }
}

// Every class is dealt out over the folds, each class where the one before it ended.
static void hold_fold(const struct stratum *s, size_t num, const struct belay_dataset_params *p,
                      int32_t *list, bool *held)
{
    size_t dealt = 0;
    for (size_t c = 0; c < num; c++) {
        struct belay_rng rng;
        belay_rng_init(&rng, p->test_seed, belay_hash_text("fold") + c);
        belay_rng_shuffle(&rng, list + s[c].start, (uint32_t) s[c].count);
        for (size_t i = 0; i < s[c].count; i++, dealt++)
            if (dealt % p->folds == p->fold)
                held[list[s[c].start + i]] = true;
    }
}

static size_t write_order(const bool *held, size_t rows, int32_t *order)
{
    size_t at = 0, num_train;
    for (size_t i = 0; i < rows; i++)
        if (!held[i])
            order[at++] = (int32_t) i;
    num_train = at;
    for (size_t i = 0; i < rows; i++)
        if (held[i])
            order[at++] = (int32_t) i;
    return num_train;
}

static belay_status check_split(struct belay_log *log, size_t rows, double validation,
                                size_t total)
{
    if (!(validation >= 0 && validation < 1))
        return belay_fail(log, BELAY_ERR_ARG, "split: validation %g is not in [0, 1)", validation);
    if (rows > INT32_MAX)
        return belay_fail(log, BELAY_ERR_UNSUPPORTED, "split: %zu rows are too many", rows);
    if (validation > 0 && (total == 0 || total == rows))
        return belay_fail(log, BELAY_ERR_DATA,
                          "split: validation %g of %zu rows leaves %zu for validation and %zu for "
                          "training", validation, rows, total, rows - total);
    return BELAY_OK;
}

belay_status belay_split(struct belay_log *log, size_t rows, const int32_t *labels, size_t classes,
                         double validation, uint64_t seed, bool stratify, int32_t *order,
                         size_t *num_train)
{
    size_t total = (size_t) floor((double) rows * validation + 0.5);
    size_t num = stratify && labels && classes ? classes : 1;
    belay_status status = check_split(log, rows, validation, total);
    if (status != BELAY_OK)
        return status;
    struct stratum *s = belay_alloc_array(num, sizeof(*s));
    int32_t *list = belay_alloc_array(rows, sizeof(*list));
    bool *held = belay_alloc_array(rows, sizeof(*held));
    if (!s || !list || !held) {
        status = belay_fail_nomem(log, rows * sizeof(*list));
        goto done;
    }
    sort_by_class(num > 1 ? labels : NULL, rows, s, num, list);
    share_out(s, num, rows, total);
    hold_out(s, num, seed, list, held);
    *num_train = write_order(held, rows, order);
done:
    belay_free(s);
    belay_free(list);
    belay_free(held);
    return status;
}

bool belay_split_has_test(const struct belay_dataset_params *params)
{
    return params->folds > 0 || params->hold_out > 0;
}

static belay_status check_folds(struct belay_log *log, size_t rows,
                                const struct belay_dataset_params *p)
{
    if (p->folds == 1 || p->folds > rows || (p->folds && p->fold >= p->folds))
        return belay_fail(
            log, BELAY_ERR_DATA,
            "split: fold %zu of %zu folds of %zu rows: want at least 2 folds, a row for "
            "each, and folds counted from 0",
            p->fold, p->folds, rows);
    return p->folds ? BELAY_OK : check_split(log, rows, p->hold_out,
                                             (size_t) floor((double) rows * p->hold_out + 0.5));
}

// Fills order with what is left, then the test part.
static belay_status hold_test(struct belay_log *log, size_t rows, const int32_t *labels,
                              size_t classes, const struct belay_dataset_params *p, int32_t *order,
                              size_t *num_left)
{
    size_t num = p->stratify && labels && classes ? classes : 1;
    BELAY_TRY(check_folds(log, rows, p));
    if (!p->folds)
        return belay_split(log, rows, labels, classes, p->hold_out,
                           p->test_seed + belay_hash_text("test"), p->stratify, order, num_left);
    struct stratum *s = belay_alloc_array(num, sizeof(*s));
    int32_t *list = belay_alloc_array(rows, sizeof(*list));
    bool *held = belay_alloc_array(rows, sizeof(*held));
    belay_status status =
        s && list && held ? BELAY_OK : belay_fail_nomem(log, rows * sizeof(*list));
    if (status == BELAY_OK) {
        sort_by_class(num > 1 ? labels : NULL, rows, s, num, list);
        hold_fold(s, num, p, list, held);
        *num_left = write_order(held, rows, order);
    }
    belay_free(s);
    belay_free(list);
    belay_free(held);
    return status;
}

// The rows order[0..left) divided once more.
static belay_status split_rest(struct belay_log *log, const int32_t *labels, size_t classes,
                               const struct belay_dataset_params *p, int32_t *order, size_t left,
                               size_t *num_train)
{
    int32_t *rows = belay_alloc_array(left, sizeof(*rows));
    int32_t *inner = belay_alloc_array(left, sizeof(*inner));
    int32_t *of = labels ? belay_alloc_array(left, sizeof(*of)) : NULL;
    belay_status status = rows && inner && (of || !labels)
                              ? BELAY_OK : belay_fail_nomem(log, left * sizeof(*rows));
    for (size_t i = 0; i < left && status == BELAY_OK; i++) {
        rows[i] = order[i];
        if (of)
            of[i] = labels[order[i]];
    }
    if (status == BELAY_OK)
        status = belay_split(log, left, of, classes, p->validation, p->split_seed, p->stratify,
                             inner, num_train);
    for (size_t i = 0; i < left && status == BELAY_OK; i++)
        order[i] = rows[inner[i]];
    belay_free(rows);
    belay_free(inner);
    belay_free(of);
    return status;
}

belay_status belay_split_all(struct belay_log *log, size_t rows, const int32_t *labels,
                             size_t classes, const struct belay_dataset_params *params,
                             int32_t *order, size_t *num_train, size_t *num_validation)
{
    size_t left = rows;
    if (belay_split_has_test(params)) {
        BELAY_TRY(hold_test(log, rows, labels, classes, params, order, &left));
        BELAY_TRY(split_rest(log, labels, classes, params, order, left, num_train));
    } else {
        BELAY_TRY(belay_split(log, rows, labels, classes, params->validation, params->split_seed,
                              params->stratify, order, num_train));
    }
    *num_validation = left - *num_train;
    return BELAY_OK;
}
