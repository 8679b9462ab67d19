/* Many values of a column at once, see column.h. The width is settled before anything is written, so a call widens at most
 * once and a failure leaves the rows empty; the loops are plain and without branches, for the compiler to vectorise. */
#include <math.h>

#include "base/check.h"
#include "store/column_internal.h"

enum { BATCH_BLOCK = 256 }; /* values that are turned into something else on the stack */

static inline uint32_t block_of(uint32_t n, uint32_t start)
{
    return n - start < BATCH_BLOCK ? n - start : BATCH_BLOCK;
}

static inline bool keeps_no_value(const struct asy_column *column)
{
    return column->repr <= ASY_REPR_PRESENCE;
}

/* ---- presence ---- */

void asy_column_set_presents(struct asy_column *column, uint32_t row0, uint32_t n, const uint8_t *present)
{
    if (column->repr == ASY_REPR_NOTHING)
        return;
    ASY_ASSERT(column->repr == ASY_REPR_PRESENCE && row0 + (uint64_t)n <= column->n_rows);
    uint8_t *base = column->range.base;
    uint32_t i = 0, n_filled = 0;
    for (; i < n && (row0 + i) % 8 != 0; i++) {
        base[(row0 + i) / 8] |= (uint8_t)(present[i] << (row0 + i) % 8);
        n_filled += present[i];
    }
    for (; i + 8 <= n; i += 8) {
        uint32_t bits = 0;
        for (uint32_t k = 0; k < 8; k++)
            bits |= (uint32_t)present[i + k] << k;
        base[(row0 + i) / 8] = (uint8_t)bits;
        n_filled += (uint32_t)present[i] + present[i + 1] + present[i + 2] + present[i + 3] + present[i + 4] +
                    present[i + 5] + present[i + 6] + present[i + 7];
    }
    for (; i < n; i++) {
        base[(row0 + i) / 8] |= (uint8_t)(present[i] << (row0 + i) % 8);
        n_filled += present[i];
    }
    column->n_filled += n_filled;
}

/* Of values of a kind that the column does not keep. */
static void presents_of(struct asy_column *column, uint32_t row0, uint32_t n, const void *values,
                        bool (*is_filled)(const void *values, uint32_t i))
{
    uint8_t present[BATCH_BLOCK];
    for (uint32_t start = 0; start < n; start += BATCH_BLOCK) {
        const uint32_t n_here = block_of(n, start);
        for (uint32_t i = 0; i < n_here; i++)
            present[i] = is_filled(values, start + i);
        asy_column_set_presents(column, row0 + start, n_here, present);
    }
}

static bool code_is_filled(const void *codes, uint32_t i)
{
    return ((const uint32_t *)codes)[i] != 0;
}

static bool text_is_filled(const void *texts, uint32_t i)
{
    return ((const struct asy_str *)texts)[i].len != 0;
}

static bool int_is_filled(const void *values, uint32_t i)
{
    return ((const int64_t *)values)[i] != ASY_INT_EMPTY;
}

static bool number_is_filled(const void *values, uint32_t i)
{
    return !isnan(((const double *)values)[i]);
}

/* ---- codes ---- */

static uint32_t largest_code(const uint32_t *codes, uint32_t n)
{
    uint32_t all = 0; /* the bits of all: not less than the largest, and of the same width */
    for (uint32_t i = 0; i < n; i++)
        all |= codes[i];
    return all;
}

/* Each gives the number of values that are filled. */
static uint32_t store_codes_8(uint8_t *out, const uint32_t *codes, uint32_t n)
{
    uint32_t n_filled = 0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (uint8_t)codes[i];
        n_filled += codes[i] != 0;
    }
    return n_filled;
}

static uint32_t store_codes_16(uint16_t *out, const uint32_t *codes, uint32_t n)
{
    uint32_t n_filled = 0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (uint16_t)codes[i];
        n_filled += codes[i] != 0;
    }
    return n_filled;
}

static uint32_t store_codes_32(uint32_t *out, const uint32_t *codes, uint32_t n)
{
    uint32_t n_filled = 0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = codes[i];
        n_filled += codes[i] != 0;
    }
    return n_filled;
}

/* The column is wide enough. */
static void store_codes(struct asy_column *column, uint32_t row0, uint32_t n, const uint32_t *codes)
{
    void *at = column->range.base + (uint64_t)row0 * column->width;
    column->n_filled += column->width == 1   ? store_codes_8(at, codes, n)
                        : column->width == 2 ? store_codes_16(at, codes, n)
                                             : store_codes_32(at, codes, n);
}

static assay_status widen_for_codes(struct asy_column *column, uint32_t n, const uint32_t *codes, struct assay_error *error)
{
    const uint8_t width = asy_code_width(largest_code(codes, n));
    return width > column->width ? asy_column_widen(column, width, error) : ASSAY_OK;
}

assay_status asy_column_set_codes(struct asy_column *column, uint32_t row0, uint32_t n, const uint32_t *codes,
                                  struct assay_error *error)
{
    if (keeps_no_value(column)) {
        presents_of(column, row0, n, codes, code_is_filled);
        return ASSAY_OK;
    }
    ASY_ASSERT(column->repr == ASY_REPR_CODE && row0 + (uint64_t)n <= column->n_rows);
    assay_status status = widen_for_codes(column, n, codes, error);
    if (status == ASSAY_OK)
        store_codes(column, row0, n, codes);
    return status;
}

/* ---- texts ---- */

/* Texts become codes block by block; where a block fails, those before it are taken back. */
assay_status asy_column_set_texts(struct asy_column *column, uint32_t row0, uint32_t n, const struct asy_str *texts,
                                  struct assay_error *error)
{
    if (keeps_no_value(column)) {
        presents_of(column, row0, n, texts, text_is_filled);
        return ASSAY_OK;
    }
    ASY_ASSERT(column->repr == ASY_REPR_CODE && column->field->type == ASY_TEXT && row0 + (uint64_t)n <= column->n_rows);
    const uint32_t n_filled = column->n_filled;
    uint32_t codes[BATCH_BLOCK];
    for (uint32_t start = 0; start < n; start += BATCH_BLOCK) {
        const uint32_t n_here = block_of(n, start);
        assay_status status = asy_dict_intern_batch(&column->dict, texts + start, n_here, codes);
        if (status != ASSAY_OK)
            status = asy_column_fail_text(column, status, error);
        else
            status = widen_for_codes(column, n_here, codes, error);
        if (status != ASSAY_OK) {
            memset(column->range.base + (uint64_t)row0 * column->width, 0, (uint64_t)start * column->width);
            column->n_filled = n_filled;
            return status;
        }
        store_codes(column, row0 + start, n_here, codes);
    }
    return ASSAY_OK;
}

/* ---- integers ---- */

/* Of the values that are not empty. */
static uint8_t widest_int(const int64_t *values, uint32_t n)
{
    int64_t least = 0, largest = 0;
    for (uint32_t i = 0; i < n; i++) {
        const int64_t value = values[i] == ASY_INT_EMPTY ? 0 : values[i];
        least = value < least ? value : least;
        largest = value > largest ? value : largest;
    }
    const uint8_t below = asy_int_width(least), above = asy_int_width(largest);
    return below > above ? below : above;
}

static uint32_t store_ints_8(int8_t *out, const int64_t *values, uint32_t n)
{
    uint32_t n_empty = 0;
    for (uint32_t i = 0; i < n; i++) {
        const bool is_empty = values[i] == ASY_INT_EMPTY;
        out[i] = is_empty ? INT8_MIN : (int8_t)values[i];
        n_empty += is_empty;
    }
    return n - n_empty;
}

static uint32_t store_ints_16(int16_t *out, const int64_t *values, uint32_t n)
{
    uint32_t n_empty = 0;
    for (uint32_t i = 0; i < n; i++) {
        const bool is_empty = values[i] == ASY_INT_EMPTY;
        out[i] = is_empty ? INT16_MIN : (int16_t)values[i];
        n_empty += is_empty;
    }
    return n - n_empty;
}

static uint32_t store_ints_32(int32_t *out, const int64_t *values, uint32_t n)
{
    uint32_t n_empty = 0;
    for (uint32_t i = 0; i < n; i++) {
        const bool is_empty = values[i] == ASY_INT_EMPTY;
        out[i] = is_empty ? INT32_MIN : (int32_t)values[i];
        n_empty += is_empty;
    }
    return n - n_empty;
}

static uint32_t store_ints_64(int64_t *out, const int64_t *values, uint32_t n)
{
    uint32_t n_empty = 0;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = values[i];
        n_empty += values[i] == ASY_INT_EMPTY;
    }
    return n - n_empty;
}

assay_status asy_column_set_ints(struct asy_column *column, uint32_t row0, uint32_t n, const int64_t *values,
                                 struct assay_error *error)
{
    if (keeps_no_value(column)) {
        presents_of(column, row0, n, values, int_is_filled);
        return ASSAY_OK;
    }
    ASY_ASSERT(column->repr == ASY_REPR_INT && row0 + (uint64_t)n <= column->n_rows);
    const uint8_t width = widest_int(values, n);
    assay_status status = width > column->width ? asy_column_widen(column, width, error) : ASSAY_OK;
    if (status != ASSAY_OK)
        return status;
    void *at = column->range.base + (uint64_t)row0 * column->width;
    column->n_filled += column->width == 1   ? store_ints_8(at, values, n)
                        : column->width == 2 ? store_ints_16(at, values, n)
                        : column->width == 4 ? store_ints_32(at, values, n)
                                             : store_ints_64(at, values, n);
    return ASSAY_OK;
}

/* ---- numbers and times ---- */

void asy_column_set_numbers(struct asy_column *column, uint32_t row0, uint32_t n, const double *values)
{
    if (keeps_no_value(column)) {
        presents_of(column, row0, n, values, number_is_filled);
        return;
    }
    ASY_ASSERT(column->repr == ASY_REPR_NUMBER && row0 + (uint64_t)n <= column->n_rows);
    double *out = (double *)(void *)column->range.base + row0;
    uint32_t n_empty = 0;
    for (uint32_t i = 0; i < n; i++) {
        const bool is_empty = isnan(values[i]);
        out[i] = is_empty ? NAN : values[i]; /* one NaN only: columns are compared by bytes */
        n_empty += is_empty;
    }
    column->n_filled += n - n_empty;
}

void asy_column_set_times(struct asy_column *column, uint32_t row0, uint32_t n, const int64_t *utc_us)
{
    if (keeps_no_value(column)) {
        presents_of(column, row0, n, utc_us, int_is_filled);
        return;
    }
    ASY_ASSERT(column->repr == ASY_REPR_TIME && row0 + (uint64_t)n <= column->n_rows);
    column->n_filled += store_ints_64((int64_t *)(void *)column->range.base + row0, utc_us, n);
}

_Static_assert(ASY_TIME_EMPTY == ASY_INT_EMPTY, "times and integers are stored alike");
