/* What the two halves of a column share: one value at a time (column.c) and many at once (column_batch.c). */
#ifndef ASY_COLUMN_INTERNAL_H
#define ASY_COLUMN_INTERNAL_H

#include "store/column.h"

static inline uint8_t asy_code_width(uint32_t code)
{
    return code <= UINT8_MAX ? 1 : code <= UINT16_MAX ? 2 : 4;
}

/* The least value of a width is not available: it is the "empty" there. */
static inline uint8_t asy_int_width(int64_t value)
{
    if (value > INT8_MIN && value <= INT8_MAX)
        return 1;
    if (value > INT16_MIN && value <= INT16_MAX)
        return 2;
    return value > INT32_MIN && value <= INT32_MAX ? 4 : 8;
}

/* All rows at a larger width. On failure the column is as it was. */
assay_status asy_column_widen(struct asy_column *column, uint8_t width, struct assay_error *error);
/* asy_dict_intern has failed with `status` in this column. */
assay_status asy_column_fail_text(const struct asy_column *column, assay_status status, struct assay_error *error);

#endif
