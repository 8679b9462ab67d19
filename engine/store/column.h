/* A column: one field's values of all leads, as narrow as the data so far allows. It lives in a range of the lead
 * arena that is reserved at 8 bytes a lead, so it is widened in place and never moves.
 *
 *   repr      width    row value                                    empty is
 *   NOTHING   0        (no rule reads the field)
 *   PRESENCE  1 bit    filled?                                      0
 *   CODE      1,2,4    text: dictionary code; enum: value number + 1;   0
 *                      bool: 1 false, 2 true; country: asy_country_code
 *   INT       1,2,4,8  the number                                   the least value of that width
 *   NUMBER    8        double                                       NaN
 *   TIME      8        microseconds UTC                             INT64_MIN
 *
 * Threads: one writer while loading, then many readers. */
#ifndef ASY_COLUMN_H
#define ASY_COLUMN_H

#include "store/dict.h"
#include "store/schema.h"

enum asy_repr { ASY_REPR_NOTHING = 0, ASY_REPR_PRESENCE, ASY_REPR_CODE, ASY_REPR_INT, ASY_REPR_NUMBER, ASY_REPR_TIME };

#define ASY_LEADS_MAX (1u << 28) /* leads in one store */

#define ASY_TIME_EMPTY INT64_MIN
#define ASY_INT_EMPTY INT64_MIN

struct asy_column {
    const struct asy_field *field;
    uint8_t repr;
    uint8_t width; /* bytes a row; 0 for PRESENCE (bits) and NOTHING */
    struct asy_range range;
    struct asy_dict dict; /* TEXT with CODE only */
    uint32_t n_rows;
    uint32_t n_filled;
};

/* A column for `field` (borrowed), its representation chosen by type and need. On failure there is nothing to finish. */
assay_status asy_column_init(struct asy_column *column, const struct asy_field *field, struct asy_mem *mem,
                             struct asy_arena *arena, const struct asy_hasher *hasher, struct assay_error *error);
void asy_column_fini(struct asy_column *column);
/* Address space that asy_column_init takes from the arena. */
uint64_t asy_column_reserve_bytes(const struct asy_field *field);

/* Room for `n_rows` rows without adding them: extending to them cannot fail then, unless the column is widened between. */
assay_status asy_column_reserve(struct asy_column *column, uint32_t n_rows, struct assay_error *error);

/* Every setter takes a row below n_rows (asy_column_extend first; new rows are empty) and fails only for memory or
 * limits; the column is then as it was. Setting a row twice replaces the value. Code 0, empty text, NaN and
 * ASY_TIME_EMPTY make the row empty; ASY_INT_EMPTY is no value that asy_column_set_int may be given: asy_column_clear is
 * for that. On a PRESENCE column every setter keeps only whether there is a value, on a NOTHING column none does a thing. */
assay_status asy_column_extend(struct asy_column *column, uint32_t n_rows, struct assay_error *error);
assay_status asy_column_set_code(struct asy_column *column, uint32_t row, uint32_t code, struct assay_error *error);
assay_status asy_column_set_text(struct asy_column *column, uint32_t row, struct asy_str text, struct assay_error *error);
assay_status asy_column_set_int(struct asy_column *column, uint32_t row, int64_t value, struct assay_error *error);
void asy_column_set_number(struct asy_column *column, uint32_t row, double value);
void asy_column_set_time(struct asy_column *column, uint32_t row, int64_t utc_us);
void asy_column_set_present(struct asy_column *column, uint32_t row, bool present); /* PRESENCE (and NOTHING) only */
void asy_column_clear(struct asy_column *column, uint32_t row);

/* The same for rows row0 .. row0 + n - 1, which are empty so far: code 0, empty text, ASY_INT_EMPTY, NaN, ASY_TIME_EMPTY and
 * present 0 leave a row empty. On failure none of the rows is set. */
assay_status asy_column_set_codes(struct asy_column *column, uint32_t row0, uint32_t n, const uint32_t *codes,
                                  struct assay_error *error);
assay_status asy_column_set_texts(struct asy_column *column, uint32_t row0, uint32_t n, const struct asy_str *texts,
                                  struct assay_error *error);
assay_status asy_column_set_ints(struct asy_column *column, uint32_t row0, uint32_t n, const int64_t *values,
                                 struct assay_error *error);
void asy_column_set_numbers(struct asy_column *column, uint32_t row0, uint32_t n, const double *values);
void asy_column_set_times(struct asy_column *column, uint32_t row0, uint32_t n, const int64_t *utc_us);
/* PRESENCE (and NOTHING) only; bytes 0 or 1. */
void asy_column_set_presents(struct asy_column *column, uint32_t row0, uint32_t n, const uint8_t *present);

/* Give back what was taken beyond the rows and texts there are. More may follow. */
void asy_column_trim(struct asy_column *column, struct asy_arena *arena);

/* Readers. */
bool asy_column_filled(const struct asy_column *column, uint32_t row);
uint32_t asy_column_code(const struct asy_column *column, uint32_t row);
int64_t asy_column_int(const struct asy_column *column, uint32_t row); /* ASY_INT_EMPTY if empty; INT and TIME */
double asy_column_number(const struct asy_column *column, uint32_t row);
/* CODE columns: how many codes there are (0 counted), and the text of one ("false"/"true" for bool). */
uint32_t asy_column_n_codes(const struct asy_column *column);
struct asy_str asy_column_code_text(const struct asy_column *column, uint32_t code);
/* The code whose text is exactly `text`, 0 if there is none. */
uint32_t asy_column_find_code(const struct asy_column *column, struct asy_str text);

/* Bytes of the rows (dictionary not counted). */
uint64_t asy_column_bytes(const struct asy_column *column);
bool asy_column_valid(const struct asy_column *column, const char **reason);

#endif
