/* Leads of a batch as columns of a stage. Loops over arrays; those over all leads of a batch are the ones over some of them with the
 * rows taken as they are, which compilers make vectors of. */
#include "exec/pass_internal.h"

#include <math.h>

#define ASY_ALIKE static inline __attribute__((always_inline))

/* rows NULL: each is itself. */
ASY_ALIKE uint32_t at(const uint32_t *rows, uint32_t i) { return rows == NULL ? i : rows[i]; }

ASY_ALIKE void widen_codes(struct asy_view view, const uint32_t *rows, uint32_t n, uint32_t *out)
{
    const uint8_t *in8 = view.data;
    const uint16_t *in16 = view.data;
    const uint32_t *in32 = view.data;
    if (view.width == 1)
        for (uint32_t i = 0; i < n; i++) out[i] = in8[at(rows, i)];
    else if (view.width == 2)
        for (uint32_t i = 0; i < n; i++) out[i] = in16[at(rows, i)];
    else
        for (uint32_t i = 0; i < n; i++) out[i] = in32[at(rows, i)];
}

/* INT64_MIN where empty. */
ASY_ALIKE void widen_ints(struct asy_view view, const uint32_t *rows, uint32_t n, int64_t *out)
{
    const int8_t *in8 = view.data;
    const int16_t *in16 = view.data;
    const int32_t *in32 = view.data;
    const int64_t *in64 = view.data;
    const uint32_t *counts = view.data;
    const uint16_t *days = view.data;
    switch (view.ints) {
    case ASY_INTS_8:
        for (uint32_t i = 0; i < n; i++) out[i] = in8[at(rows, i)] == INT8_MIN ? INT64_MIN : in8[at(rows, i)];
        break;
    case ASY_INTS_16:
        for (uint32_t i = 0; i < n; i++) out[i] = in16[at(rows, i)] == INT16_MIN ? INT64_MIN : in16[at(rows, i)];
        break;
    case ASY_INTS_32:
        for (uint32_t i = 0; i < n; i++) out[i] = in32[at(rows, i)] == INT32_MIN ? INT64_MIN : in32[at(rows, i)];
        break;
    case ASY_INTS_COUNT:
        for (uint32_t i = 0; i < n; i++) out[i] = counts[at(rows, i)];
        break;
    case ASY_INTS_DAYS:
        for (uint32_t i = 0; i < n; i++) out[i] = days[at(rows, i)] == ASY_NO_DAYS ? INT64_MIN : days[at(rows, i)];
        break;
    case ASY_INTS_MILLI:
        for (uint32_t i = 0; i < n; i++) out[i] = in32[at(rows, i)] / 1000;
        break;
    default:
        for (uint32_t i = 0; i < n; i++) out[i] = in64[at(rows, i)];
        break;
    }
}
ASY_ALIKE void widen_numbers(struct asy_view view, const uint32_t *rows, uint32_t n, double *out, uint8_t *null)
{
    const double *in = view.data;
    for (uint32_t i = 0; i < n; i++) {
        const double value = in[at(rows, i)];
        null[i] = isnan(value) ? 0xFF : 0;
        out[i] = isnan(value) ? 0 : value;
    }
}
ASY_ALIKE void take_points(const int32_t *total, const uint32_t *rows, uint32_t n, int32_t *out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = total[at(rows, i)];
}

static void codes_of(struct asy_view view, const uint32_t *rows, uint32_t n, uint32_t *out)
{
    if (rows == NULL) widen_codes(view, NULL, n, out);
    else widen_codes(view, rows, n, out);
}
static void ints_of(struct asy_view view, const uint32_t *rows, uint32_t n, int64_t *out)
{
    if (rows == NULL) widen_ints(view, NULL, n, out);
    else widen_ints(view, rows, n, out);
}
static void numbers_of(struct asy_view view, const uint32_t *rows, uint32_t n, double *out, uint8_t *null)
{
    if (rows == NULL) widen_numbers(view, NULL, n, out, null);
    else widen_numbers(view, rows, n, out, null);
}

static void stage_texts(struct asy_view view, const uint32_t *rows, uint32_t n, uint32_t *data, uint8_t *null)
{
    codes_of(view, rows, n, data);
    for (uint32_t i = 0; i < n; i++) null[i] = data[i] == 0 ? 0xFF : 0;
}
/* Codes: 1 false, 2 true. */
static void stage_bools(struct asy_view view, const uint32_t *rows, uint32_t n, uint32_t *codes, uint8_t *data, uint8_t *null)
{
    codes_of(view, rows, n, codes);
    for (uint32_t i = 0; i < n; i++) {
        data[i] = codes[i] == 2;
        null[i] = codes[i] == 0 ? 0xFF : 0;
    }
}
static void stage_ints(struct asy_view view, const uint32_t *rows, uint32_t n, int64_t *data, uint8_t *null)
{
    ints_of(view, rows, n, data);
    for (uint32_t i = 0; i < n; i++) {
        null[i] = data[i] == INT64_MIN ? 0xFF : 0;
        data[i] = data[i] == INT64_MIN ? 0 : data[i];
    }
}
static void stage_whole_numbers(struct asy_view view, const uint32_t *rows, uint32_t n, int64_t *ints, double *data, uint8_t *null)
{
    stage_ints(view, rows, n, ints, null);
    for (uint32_t i = 0; i < n; i++) data[i] = (double)ints[i];
}
/* Microseconds to seconds, downwards. */
static void stage_times(struct asy_view view, const uint32_t *rows, uint32_t n, int64_t *data, uint8_t *null)
{
    view.ints = ASY_INTS_64;
    stage_ints(view, rows, n, data, null);
    for (uint32_t i = 0; i < n; i++) data[i] = data[i] / 1000000 - (data[i] % 1000000 < 0);
}

static void stage_column(struct asy_batch *b, const struct asy_source *source, uint32_t type, const uint32_t *rows, uint32_t n, void *data,
                         uint8_t *null)
{
    struct asy_worker *w = b->w;
    if (source->score != ASY_NONE) { /* whoever reads an empty score is not asked */
        const int32_t *total = w->total + (size_t)source->score * b->pass->stride;
        if (rows == NULL) take_points(total, NULL, n, data);
        else take_points(total, rows, n, data);
        memset(null, 0, n);
        return;
    }
    const struct asy_view view = w->views[source->slot];
    switch (type) {
    case ASSAY_TEXT_COLUMN: stage_texts(view, rows, n, data, null); break;
    case ASSAY_BOOL_COLUMN: stage_bools(view, rows, n, (uint32_t *)w->wide_ints, data, null); break;
    case ASSAY_TIME_COLUMN: stage_times(view, rows, n, data, null); break;
    case ASSAY_NUMBER_COLUMN:
        if (b->program->slots.items[source->slot].repr == ASY_SLOT_NUMBERS) numbers_of(view, rows, n, data, null);
        else stage_whole_numbers(view, rows, n, w->wide_ints, data, null);
        break;
    default: stage_ints(view, rows, n, data, null); break;
    }
}

/* What a plugin may read behind its last lead is zero, not somebody else. */
static void blank(void *column, uint32_t n, uint32_t width) { memset((uint8_t *)column + (size_t)n * width, 0, (size_t)((64 - n % 64) % 64) * width); }

void asy_pass_stage(struct asy_batch *b, uint32_t number, const uint32_t *rows, uint32_t n, struct asy_stage *stage)
{
    const struct asy_call *call = &b->program->calls[number];
    const struct asy_keys *keys = &b->program->store->keys;
    for (uint32_t c = 0; c < call->decl->n_wants; c++) {
        const struct asy_source *source = &call->sources[c];
        if (source->slot == ASY_NONE && source->score == ASY_NONE) continue; /* null, once and for all */
        stage_column(b, source, call->decl->wants[c].type, rows, n, stage->data[c], stage->null[c]);
        blank(stage->data[c], n, stage->widths[c]);
        blank(stage->null[c], n, 1);
    }
    if (stage->keys == NULL) return;
    for (uint32_t i = 0; i < n; i++) stage->keys[i] = asy_checksum(asy_keys_text(keys, b->row0 + at(rows, i)));
    blank(stage->keys, n, sizeof(*stage->keys));
}
