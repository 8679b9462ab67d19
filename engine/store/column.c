/* Columns, see column.h: one value at a time. Many at once are in column_batch.c. */
#include <math.h>

#include "base/check.h"
#include "store/column_internal.h"

static uint8_t repr_of(const struct asy_field *field)
{
    if (field->need == ASY_NEED_NOTHING)
        return ASY_REPR_NOTHING;
    if (field->need == ASY_NEED_PRESENCE)
        return ASY_REPR_PRESENCE;
    switch (field->type) {
    case ASY_INT:
        return ASY_REPR_INT;
    case ASY_NUMBER:
        return ASY_REPR_NUMBER;
    case ASY_TIME:
        return ASY_REPR_TIME;
    default:
        return ASY_REPR_CODE;
    }
}

static uint64_t bytes_for(const struct asy_column *column, uint32_t n_rows)
{
    return column->repr == ASY_REPR_PRESENCE ? ((uint64_t)n_rows + 7) / 8 : (uint64_t)n_rows * column->width;
}

uint64_t asy_column_reserve_bytes(const struct asy_field *field)
{
    switch (repr_of(field)) {
    case ASY_REPR_NOTHING:
        return 0;
    case ASY_REPR_PRESENCE:
        return ASY_LEADS_MAX / 8;
    default:
        return 8ull * ASY_LEADS_MAX;
    }
}

assay_status asy_column_init(struct asy_column *column, const struct asy_field *field, struct asy_mem *mem,
                             struct asy_arena *arena, const struct asy_hasher *hasher, struct assay_error *error)
{
    *column = (struct asy_column){.field = field, .repr = repr_of(field)};
    asy_dict_init(&column->dict, mem, hasher);
    if (column->repr == ASY_REPR_NUMBER || column->repr == ASY_REPR_TIME)
        column->width = 8;
    else if (column->repr == ASY_REPR_CODE || column->repr == ASY_REPR_INT)
        column->width = 1;
    uint64_t reserve_bytes = asy_column_reserve_bytes(field);
    return reserve_bytes ? asy_arena_range(arena, reserve_bytes, &column->range, error) : ASSAY_OK;
}

void asy_column_fini(struct asy_column *column)
{
    asy_dict_fini(&column->dict);
}

/* ---- one value at any width ---- */

static inline uint64_t load_code(const uint8_t *base, uint8_t width, uint32_t row)
{
    switch (width) {
    case 1:
        return base[row];
    case 2:
        return ((const uint16_t *)(const void *)base)[row];
    default:
        return ((const uint32_t *)(const void *)base)[row];
    }
}

static inline void store_code(uint8_t *base, uint8_t width, uint32_t row, uint32_t code)
{
    switch (width) {
    case 1:
        base[row] = (uint8_t)code;
        break;
    case 2:
        ((uint16_t *)(void *)base)[row] = (uint16_t)code;
        break;
    default:
        ((uint32_t *)(void *)base)[row] = code;
        break;
    }
}

/* Integers: the least value of a width is its "empty" and reads as ASY_INT_EMPTY. */
static inline int64_t load_int(const uint8_t *base, uint8_t width, uint32_t row)
{
    switch (width) {
    case 1: {
        int8_t v = ((const int8_t *)base)[row];
        return v == INT8_MIN ? ASY_INT_EMPTY : v;
    }
    case 2: {
        int16_t v = ((const int16_t *)(const void *)base)[row];
        return v == INT16_MIN ? ASY_INT_EMPTY : v;
    }
    case 4: {
        int32_t v = ((const int32_t *)(const void *)base)[row];
        return v == INT32_MIN ? ASY_INT_EMPTY : v;
    }
    default:
        return ((const int64_t *)(const void *)base)[row];
    }
}

static inline void store_int(uint8_t *base, uint8_t width, uint32_t row, int64_t value)
{
    bool empty = value == ASY_INT_EMPTY;
    switch (width) {
    case 1:
        ((int8_t *)base)[row] = empty ? INT8_MIN : (int8_t)value;
        break;
    case 2:
        ((int16_t *)(void *)base)[row] = empty ? INT16_MIN : (int16_t)value;
        break;
    case 4:
        ((int32_t *)(void *)base)[row] = empty ? INT32_MIN : (int32_t)value;
        break;
    default:
        ((int64_t *)(void *)base)[row] = value;
        break;
    }
}

/* Rewrite all rows at a larger width, from the last to the first: a row's new place is never before its old one. */
assay_status asy_column_widen(struct asy_column *column, uint8_t width, struct assay_error *error)
{
    assay_status status = asy_range_need(&column->range, (uint64_t)column->n_rows * width, error);
    if (status != ASSAY_OK)
        return status;
    uint8_t *base = column->range.base;
    if (column->repr == ASY_REPR_CODE)
        for (uint32_t row = column->n_rows; row-- > 0;)
            store_code(base, width, row, (uint32_t)load_code(base, column->width, row));
    else
        for (uint32_t row = column->n_rows; row-- > 0;)
            store_int(base, width, row, load_int(base, column->width, row));
    column->width = width;
    return ASSAY_OK;
}

/* ---- rows ---- */

assay_status asy_column_reserve(struct asy_column *column, uint32_t n_rows, struct assay_error *error)
{
    uint64_t bytes = bytes_for(column, n_rows);
    if (bytes <= column->range.used_bytes)
        return ASSAY_OK;
    return asy_range_need(&column->range, bytes, error);
}

/* Rows first .. end - 1, which no one has used yet. Codes and bits need nothing: a fresh range is zero. */
static void make_empty(const struct asy_column *column, uint32_t first, uint32_t end)
{
    uint8_t *base = column->range.base;
    if (column->repr == ASY_REPR_NUMBER) {
        double *numbers = (double *)(void *)base;
        for (uint32_t row = first; row < end; row++)
            numbers[row] = NAN;
    } else if (column->width == 8 && (column->repr == ASY_REPR_INT || column->repr == ASY_REPR_TIME)) {
        int64_t *values = (int64_t *)(void *)base;
        for (uint32_t row = first; row < end; row++)
            values[row] = ASY_INT_EMPTY;
    } else if (column->repr == ASY_REPR_INT && column->width == 1) {
        memset(base + first, INT8_MIN, end - first);
    } else if (column->repr == ASY_REPR_INT) {
        for (uint32_t row = first; row < end; row++)
            store_int(base, column->width, row, ASY_INT_EMPTY);
    }
}

assay_status asy_column_extend(struct asy_column *column, uint32_t n_rows, struct assay_error *error)
{
    if (n_rows <= column->n_rows)
        return ASSAY_OK;
    assay_status status = asy_column_reserve(column, n_rows, error);
    if (status != ASSAY_OK)
        return status;
    make_empty(column, column->n_rows, n_rows);
    column->n_rows = n_rows;
    return ASSAY_OK;
}

/* ---- setters ---- */

static inline void count_change(struct asy_column *column, bool was_filled, bool is_filled)
{
    column->n_filled += (uint32_t)is_filled - (uint32_t)was_filled;
}

/* For the representations that keep no value: true when there is nothing more to do. */
static inline bool is_presence_only(struct asy_column *column, uint32_t row, bool present)
{
    if (column->repr > ASY_REPR_PRESENCE)
        return false;
    asy_column_set_present(column, row, present);
    return true;
}

void asy_column_set_present(struct asy_column *column, uint32_t row, bool present)
{
    if (column->repr == ASY_REPR_NOTHING)
        return;
    ASY_ASSERT(column->repr == ASY_REPR_PRESENCE && row < column->n_rows);
    uint8_t *byte = column->range.base + row / 8;
    uint8_t bit = (uint8_t)(1u << (row % 8));
    count_change(column, *byte & bit, present);
    *byte = present ? *byte | bit : *byte & (uint8_t)~bit;
}

assay_status asy_column_set_code(struct asy_column *column, uint32_t row, uint32_t code, struct assay_error *error)
{
    if (is_presence_only(column, row, code != 0))
        return ASSAY_OK;
    ASY_ASSERT(column->repr == ASY_REPR_CODE && row < column->n_rows);
    ASY_ASSERT(code < asy_column_n_codes(column));
    if (asy_code_width(code) > column->width) {
        assay_status status = asy_column_widen(column, asy_code_width(code), error);
        if (status != ASSAY_OK)
            return status;
    }
    uint8_t *base = column->range.base;
    count_change(column, load_code(base, column->width, row) != 0, code != 0);
    store_code(base, column->width, row, code);
    return ASSAY_OK;
}

assay_status asy_column_fail_text(const struct asy_column *column, assay_status status, struct assay_error *error)
{
    if (status == ASSAY_E_NOMEM)
        return asy_fail(error, status, "field %.*s: different texts: expected memory for one more, found none after %u",
                        ASY_ARG(column->field->name), column->dict.n - 1);
    return asy_fail(error, status, "field %.*s: different texts: expected at most %u, found one more",
                    ASY_ARG(column->field->name), column->dict.n - 1);
}

assay_status asy_column_set_text(struct asy_column *column, uint32_t row, struct asy_str text, struct assay_error *error)
{
    if (is_presence_only(column, row, text.len != 0))
        return ASSAY_OK;
    ASY_ASSERT(column->field->type == ASY_TEXT);
    uint32_t code;
    assay_status status = asy_dict_intern(&column->dict, text, &code);
    if (status != ASSAY_OK)
        return asy_column_fail_text(column, status, error);
    return asy_column_set_code(column, row, code, error);
}

assay_status asy_column_set_int(struct asy_column *column, uint32_t row, int64_t value, struct assay_error *error)
{
    ASY_ASSERT(value != ASY_INT_EMPTY);
    if (is_presence_only(column, row, true))
        return ASSAY_OK;
    ASY_ASSERT(column->repr == ASY_REPR_INT && row < column->n_rows);
    if (asy_int_width(value) > column->width) {
        assay_status status = asy_column_widen(column, asy_int_width(value), error);
        if (status != ASSAY_OK)
            return status;
    }
    uint8_t *base = column->range.base;
    count_change(column, load_int(base, column->width, row) != ASY_INT_EMPTY, value != ASY_INT_EMPTY);
    store_int(base, column->width, row, value);
    return ASSAY_OK;
}

void asy_column_set_number(struct asy_column *column, uint32_t row, double value)
{
    if (is_presence_only(column, row, !isnan(value)))
        return;
    ASY_ASSERT(column->repr == ASY_REPR_NUMBER && row < column->n_rows);
    double *slot = (double *)(void *)column->range.base + row;
    count_change(column, !isnan(*slot), !isnan(value));
    *slot = isnan(value) ? NAN : value; /* one NaN only: columns are compared by bytes */
}

void asy_column_set_time(struct asy_column *column, uint32_t row, int64_t utc_us)
{
    if (is_presence_only(column, row, utc_us != ASY_TIME_EMPTY))
        return;
    ASY_ASSERT(column->repr == ASY_REPR_TIME && row < column->n_rows);
    int64_t *slot = (int64_t *)(void *)column->range.base + row;
    count_change(column, *slot != ASY_TIME_EMPTY, utc_us != ASY_TIME_EMPTY);
    *slot = utc_us;
}

void asy_column_clear(struct asy_column *column, uint32_t row)
{
    switch (column->repr) {
    case ASY_REPR_CODE:
        ASY_ASSERT(row < column->n_rows);
        count_change(column, asy_column_filled(column, row), false);
        store_code(column->range.base, column->width, row, 0);
        break;
    case ASY_REPR_INT:
        ASY_ASSERT(row < column->n_rows);
        count_change(column, asy_column_filled(column, row), false);
        store_int(column->range.base, column->width, row, ASY_INT_EMPTY);
        break;
    case ASY_REPR_NUMBER:
        asy_column_set_number(column, row, NAN);
        break;
    case ASY_REPR_TIME:
        asy_column_set_time(column, row, ASY_TIME_EMPTY);
        break;
    default:
        asy_column_set_present(column, row, false);
        break;
    }
}

/* ---- readers ---- */

bool asy_column_filled(const struct asy_column *column, uint32_t row)
{
    ASY_ASSERT(column->repr == ASY_REPR_NOTHING || row < column->n_rows);
    const uint8_t *base = column->range.base;
    switch (column->repr) {
    case ASY_REPR_PRESENCE:
        return base[row / 8] >> (row % 8) & 1;
    case ASY_REPR_CODE:
        return load_code(base, column->width, row) != 0;
    case ASY_REPR_INT:
    case ASY_REPR_TIME:
        return load_int(base, column->width, row) != ASY_INT_EMPTY;
    case ASY_REPR_NUMBER:
        return !isnan(((const double *)(const void *)base)[row]);
    default:
        return false;
    }
}

uint32_t asy_column_code(const struct asy_column *column, uint32_t row)
{
    ASY_ASSERT(column->repr == ASY_REPR_CODE && row < column->n_rows);
    return (uint32_t)load_code(column->range.base, column->width, row);
}

int64_t asy_column_int(const struct asy_column *column, uint32_t row)
{
    ASY_ASSERT((column->repr == ASY_REPR_INT || column->repr == ASY_REPR_TIME) && row < column->n_rows);
    return load_int(column->range.base, column->width, row);
}

double asy_column_number(const struct asy_column *column, uint32_t row)
{
    ASY_ASSERT(column->repr == ASY_REPR_NUMBER && row < column->n_rows);
    return ((const double *)(const void *)column->range.base)[row];
}

uint32_t asy_column_n_codes(const struct asy_column *column)
{
    switch (column->field->type) {
    case ASY_TEXT:
        return column->dict.n;
    case ASY_BOOL:
        return 3;
    case ASY_COUNTRY:
        return asy_country_count() + 1;
    case ASY_ENUM:
        return column->field->n_values + 1;
    default:
        return 0;
    }
}

struct asy_str asy_column_code_text(const struct asy_column *column, uint32_t code)
{
    ASY_ASSERT(code < asy_column_n_codes(column));
    if (code == 0)
        return (struct asy_str){"", 0};
    switch (column->field->type) {
    case ASY_TEXT:
        return asy_dict_text(&column->dict, code);
    case ASY_BOOL:
        return code == 1 ? ASY_STR("false") : ASY_STR("true");
    case ASY_COUNTRY:
        return asy_country_alpha2(code);
    default:
        return column->field->values[code - 1];
    }
}

uint32_t asy_column_find_code(const struct asy_column *column, struct asy_str text)
{
    uint32_t code = 0;
    switch (column->field->type) {
    case ASY_TEXT:
        return asy_dict_find(&column->dict, text);
    case ASY_BOOL:
        return asy_str_is(text, "false") ? 1 : asy_str_is(text, "true") ? 2 : 0;
    case ASY_COUNTRY:
        code = asy_country_code(text);
        break;
    case ASY_ENUM:
        code = asy_enum_code(column->field, text);
        break;
    default:
        return 0;
    }
    /* Those two read more than the exact text of a code. */
    return asy_str_eq(asy_column_code_text(column, code), text) ? code : 0;
}

void asy_column_trim(struct asy_column *column, struct asy_arena *arena)
{
    asy_range_trim(arena, &column->range, bytes_for(column, column->n_rows));
    asy_dict_trim(&column->dict);
}

uint64_t asy_column_bytes(const struct asy_column *column)
{
    return bytes_for(column, column->n_rows);
}

bool asy_column_valid(const struct asy_column *column, const char **reason)
{
    static const uint8_t widths[] = {[ASY_REPR_CODE] = 1 | 2 | 4, [ASY_REPR_INT] = 1 | 2 | 4 | 8,
                                     [ASY_REPR_NUMBER] = 8, [ASY_REPR_TIME] = 8};
    if (column->repr != repr_of(column->field))
        return *reason = "column: representation differs from what the field needs", false;
    bool has_width = column->repr > ASY_REPR_PRESENCE;
    if (has_width ? !(widths[column->repr] & column->width) || column->width & (column->width - 1) : column->width != 0)
        return *reason = "column: width is not one of its representation", false;
    if (bytes_for(column, column->n_rows) > column->range.used_bytes)
        return *reason = "column: rows reach beyond the usable range", false;
    if (!asy_dict_valid(&column->dict, reason))
        return false;
    if (column->dict.n > 1 && (column->repr != ASY_REPR_CODE || column->field->type != ASY_TEXT))
        return *reason = "column: a dictionary where there should be none", false;

    uint32_t n_filled = 0;
    for (uint32_t row = 0; row < column->n_rows; row++) {
        n_filled += asy_column_filled(column, row);
        if (column->repr == ASY_REPR_CODE && asy_column_code(column, row) >= asy_column_n_codes(column))
            return *reason = "column: a row has a code that does not exist", false;
    }
    if (n_filled != column->n_filled)
        return *reason = "column: count of filled rows is wrong", false;
    return true;
}
