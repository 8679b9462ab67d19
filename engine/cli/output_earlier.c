#include "cli/output_earlier.h"

#include <math.h>
#include <sys/stat.h>

#include "io/rows.h"

void asy_earlier_init(struct asy_earlier *earlier, struct asy_mem *mem, uint64_t seed)
{
    *earlier = (struct asy_earlier){.mem = mem};
    asy_hasher_init(&earlier->hasher, seed);
    asy_dict_init(&earlier->ids, mem, &earlier->hasher);
    asy_dict_init(&earlier->rows, mem, &earlier->hasher);
}
void asy_earlier_fini(struct asy_earlier *earlier)
{
    asy_mem_free(earlier->mem, earlier->row_of_id, earlier->cap * sizeof(*earlier->row_of_id));
    asy_dict_fini(&earlier->rows);
    asy_dict_fini(&earlier->ids);
}

bool asy_earlier_has(const struct asy_earlier *earlier, struct asy_str id, struct asy_str rest)
{
    const uint32_t code = asy_dict_find(&earlier->ids, id);
    return code != 0 && asy_str_eq(asy_dict_text(&earlier->rows, earlier->row_of_id[code]), rest);
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

struct reading {
    struct asy_earlier *earlier;
    const struct asy_output_columns *columns;
    const struct asy_rules *rules;
    const struct asy_layout *layout;
    const char *path;
    bool is_json;
    int32_t *source;       /* where the columns stand in the file; -1: not there */
    uint32_t n_known;      /* columns of the file so far */
    uint32_t missing;      /* the first column that the file lacks; columns->n: none */
    char *row;
    size_t row_cap;
};

/* Columns that outputs did not have before the rules got their section: rows without them differ from today's. */
static bool may_lack(const struct asy_output_columns *columns, uint32_t column)
{
    return column != 0 && (column == columns->stage || column == columns->nurture);
}

/* Where the columns stand in the file. NDJSON has a key only where some row had a value. */
static void find_columns(struct reading *reading, const struct asy_rows *rows)
{
    const struct asy_output_columns *columns = reading->columns;
    const struct asy_str *names;
    const uint32_t n = asy_rows_header(rows, &names), n_needed = reading->is_json ? 1 : columns->n;
    if (n == reading->n_known) return;
    reading->n_known = n;
    for (uint32_t c = 0; c < columns->n; c++) {
        reading->source[c] = -1;
        for (uint32_t i = 0; i < n; i++)
            if (asy_str_eq(names[i], columns->names[c])) reading->source[c] = (int32_t)i;
    }
    reading->missing = 0;
    while (reading->missing < n_needed && (reading->source[reading->missing] >= 0 || may_lack(columns, reading->missing))) reading->missing++;
    if (reading->missing == n_needed) reading->missing = columns->n;
}

/* The text that was written into a cell. */
static struct asy_str text_of(const struct reading *reading, struct asy_str cell)
{
    return reading->is_json ? cell : asy_cell_unescaped(cell);
}

/* A number as it would be written today; with all its decimals if it has more than are written today. */
static char *put_number(const struct reading *reading, uint32_t column, struct asy_str cell, char *out)
{
    const struct asy_score *score = &reading->rules->scores[column - 1];
    double value;
    if (!asy_parse_f64(cell, &value) || fabs(value) >= 1e12) return asy_cell_text(reading->layout, column, text_of(reading, cell), out);
    const int64_t milli = llround(value * 1000);
    return asy_cell_milli(reading->layout, column, milli, milli % asy_score_unit_milli(score) == 0 ? score->decimals : 3, out);
}

/* The row as it would be written today, into reading->row; what is not there is something that is never written. */
static bool write_anew(struct reading *reading, const struct asy_row *row, struct asy_str *rest)
{
    size_t room = ASY_ROW_END_BYTES;
    for (uint32_t c = 1; c < reading->columns->n; c++) {
        const bool is_there = reading->source[c] >= 0 && (uint32_t)reading->source[c] < row->n_cells;
        room += asy_cell_room(reading->layout, c, (is_there ? row->cells[reading->source[c]].len : 0) + ASY_NUMBER_BYTES);
    }
    if (!asy_mem_grow(reading->earlier->mem, (void **)&reading->row, &reading->row_cap, room, 1)) return false;
    char *at = reading->row;
    for (uint32_t c = 1; c < reading->columns->n; c++) {
        const bool is_there = reading->source[c] >= 0 && (uint32_t)reading->source[c] < row->n_cells;
        const struct asy_str cell = is_there ? row->cells[reading->source[c]] : ASY_STR("");
        if (!is_there) *at++ = '\n';
        else if (reading->columns->kinds[c] == ASY_OUTPUT_NUMBER) at = put_number(reading, c, cell, at);
        else if (reading->columns->kinds[c] == ASY_OUTPUT_RAW) at = asy_cell_raw(reading->layout, c, text_of(reading, cell), at);
        else at = asy_cell_text(reading->layout, c, text_of(reading, cell), at);
    }
    at = asy_row_end(reading->layout, at);
    *rest = (struct asy_str){reading->row, (uint32_t)(at - reading->row)};
    return true;
}

static bool keep(struct reading *reading, const struct asy_row *row)
{
    struct asy_earlier *earlier = reading->earlier;
    struct asy_str rest;
    uint32_t id, text;
    if (!write_anew(reading, row, &rest) ||
        asy_dict_intern(&earlier->ids, text_of(reading, row->cells[reading->source[0]]), &id) != ASSAY_OK ||
        asy_dict_intern(&earlier->rows, rest, &text) != ASSAY_OK ||
        !asy_mem_grow(earlier->mem, (void **)&earlier->row_of_id, &earlier->cap, id, sizeof(*earlier->row_of_id)))
        return false;
    earlier->row_of_id[id] = text;
    return true;
}

static assay_status take_row(struct reading *reading, const struct asy_row *row, struct assay_error *error)
{
    if (reading->missing < reading->columns->n)
        return asy_fail(error, ASSAY_E_DATA,
                        "%s: expected an earlier output of these rules, found no column %.*s; without --changed-from all leads are written",
                        reading->path, ASY_ARG(reading->columns->names[reading->missing]));
    if (row->problem != NULL)
        return asy_fail(error, ASSAY_E_DATA, "%s:%llu: %s", reading->path, (unsigned long long)row->line, row->problem);
    return keep(reading, row) ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", reading->path);
}

assay_status asy_earlier_read(struct asy_earlier *earlier, const struct asy_output_columns *columns, const struct asy_rules *rules,
                              const struct asy_layout *layout, const char *path, struct assay_error *error)
{
    struct stat there;
    if (stat(path, &there) == 0 && S_ISREG(there.st_mode) && there.st_size == 0) return ASSAY_OK; /* NDJSON without a row */
    struct reading reading = {.earlier = earlier, .columns = columns, .rules = rules, .layout = layout, .path = path};
    struct asy_rows *rows = NULL;
    const struct asy_rows_options options = {0};
    assay_status status = asy_rows_open(&rows, earlier->mem, path, &options, error);
    if (status != ASSAY_OK) return status;
    reading.is_json = asy_rows_is_json(rows);
    reading.source = asy_mem_alloc_n(earlier->mem, columns->n, sizeof(*reading.source));
    if (reading.source == NULL) status = asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    for (bool more = true; status == ASSAY_OK;) {
        struct asy_row row;
        status = asy_rows_next(rows, &row, &more, error);
        if (status != ASSAY_OK || !more) break;
        find_columns(&reading, rows);
        status = take_row(&reading, &row, error);
    }
    asy_mem_free(earlier->mem, reading.source, columns->n * sizeof(*reading.source));
    asy_mem_free(earlier->mem, reading.row, reading.row_cap);
    asy_rows_close(rows);
    return status;
}
