#include "cli/output.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/time.h"
#include "io/rows.h"

enum cell_kind { CELL_TEXT, CELL_RAW, CELL_MILLI };
struct cell {
    uint8_t kind;
    uint32_t decimals;
    struct asy_str text;
    int64_t milli;
};

/* The table of one run, and room for one row of it. */
struct table {
    struct assay *session;
    bool has_due;
    uint32_t n_columns;
    struct asy_str *names;
    struct cell *cells;
    char respond_by[32], due[32];
    char *reasons;
    size_t reasons_cap;
};

/* Rows of an earlier output: lead id -> its other cells, joined. */
struct earlier {
    struct asy_hasher hasher;
    struct asy_dict ids, rows;
    uint32_t *row_of_id;
    size_t cap;
};

/* -- one row ------------------------------------------------------------------------------------------------------ */

static struct cell *put(struct cell *at, uint8_t kind, struct asy_str text)
{
    *at = (struct cell){.kind = kind, .text = text};
    return at + 1;
}

/* "Company size:+25;demo_request:+50" */
static struct asy_str reasons_of(struct table *table, uint32_t row)
{
    const struct asy_results *results = &table->session->results;
    size_t n = 0;
    for (uint32_t j = 0; j < ASY_TOP_TERMS && results->top_term[j][row] != ASY_TERM_NONE; j++) {
        const struct asy_term *term = &table->session->program.terms[results->top_term[j][row]];
        const int32_t milli = results->top_milli[j][row];
        if (n > 0) table->reasons[n++] = ';';
        memcpy(table->reasons + n, term->name.p, term->name.len);
        n += term->name.len;
        table->reasons[n++] = ':';
        if (milli > 0) table->reasons[n++] = '+';
        n += asy_format_milli(milli, table->reasons + n);
    }
    return (struct asy_str){table->reasons, (uint32_t)n};
}

static void fill_row(struct table *table, uint32_t row)
{
    struct assay *session = table->session;
    const struct asy_rules *rules = &session->rules;
    const struct asy_results *results = &session->results;
    const struct asy_route *route = results->route[row] == 0 ? NULL : &rules->routes[results->route[row] - 1];
    const struct asy_recycle *recycle = results->recycle[row] == 0 ? NULL : &rules->recycle[results->recycle[row] - 1];
    const struct asy_str none = ASY_STR("");
    struct cell *at = put(table->cells, CELL_TEXT, asy_keys_text(&session->store.keys, row));
    for (uint32_t s = 0; s < rules->n_scores; s++)
        *at++ = (struct cell){.kind = CELL_MILLI, .milli = results->score_milli[s][row], .decimals = rules->scores[s].decimals};
    at = put(at, CELL_TEXT, asy_str_of(assay_grade(session, row)));
    at = put(at, CELL_TEXT, asy_str_of(assay_disqualified_by(session, row)));
    at = put(at, CELL_TEXT, route == NULL ? none : route->name);
    at = put(at, CELL_TEXT, asy_dict_text(&results->owners, results->owner[row]));
    at = put(at, CELL_TEXT, route == NULL ? none : route->flag);
    struct asy_str respond_by = none;
    if (route != NULL && route->respond_within_s > 0)
        respond_by = (struct asy_str){table->respond_by, asy_time_format_s(results->routed_at_s[row] + route->respond_within_s,
                                                                           table->respond_by)};
    at = put(at, CELL_RAW, respond_by);
    at = put(at, CELL_TEXT, recycle == NULL ? none : recycle->name);
    at = put(at, CELL_TEXT, recycle == NULL ? none : recycle->to);
    struct asy_str due = none;
    if (recycle != NULL && recycle->in_s > 0)
        due = (struct asy_str){table->due, asy_time_format_s(session->as_of_s + recycle->in_s, table->due)};
    if (table->has_due) at = put(at, CELL_RAW, due);
    put(at, CELL_TEXT, reasons_of(table, row));
}

static assay_status write_row(const struct table *table, struct asy_writer *writer, struct assay_error *error)
{
    for (uint32_t c = 0; c < table->n_columns; c++) {
        const struct cell *cell = &table->cells[c];
        if (cell->kind == CELL_MILLI) asy_writer_milli(writer, cell->milli, cell->decimals);
        else if (cell->kind == CELL_RAW) asy_writer_raw(writer, cell->text);
        else asy_writer_text(writer, cell->text);
    }
    return asy_writer_row_end(writer, error);
}

static bool make_table(struct table *table, struct asy_pool *pool)
{
    const struct asy_rules *rules = &table->session->rules;
    static const char *const fixed[] = {"grade", "disqualified_by", "route", "owner", "flag", "respond_by", "recycle", "recycle_to"};
    size_t longest = 0;
    for (uint32_t t = 0; t < table->session->program.n_terms; t++)
        if (table->session->program.terms[t].name.len > longest) longest = table->session->program.terms[t].name.len;
    table->reasons_cap = ASY_TOP_TERMS * (longest + 32);
    table->reasons = asy_pool_alloc(pool, table->reasons_cap);
    table->names = asy_pool_alloc_n(pool, rules->n_scores + 11, sizeof(*table->names));
    table->cells = asy_pool_alloc_n(pool, rules->n_scores + 11, sizeof(*table->cells));
    if (table->reasons == NULL || table->names == NULL || table->cells == NULL) return false;
    for (uint32_t r = 0; r < rules->n_recycle; r++) table->has_due |= rules->recycle[r].in_s > 0;
    uint32_t n = 0;
    table->names[n++] = ASY_STR("lead_id");
    for (uint32_t s = 0; s < rules->n_scores; s++) table->names[n++] = rules->scores[s].name;
    for (size_t f = 0; f < sizeof(fixed) / sizeof(fixed[0]); f++) table->names[n++] = asy_str_of(fixed[f]);
    if (table->has_due) table->names[n++] = ASY_STR("recycle_due");
    table->names[n++] = ASY_STR("reasons");
    table->n_columns = n;
    return true;
}

/* -- comparing with an earlier output ------------------------------------------------------------------------------ */

/* A cell of an earlier output as it is compared: as it was before it was written; numbers in 1/1000. */
static struct asy_str comparable(struct asy_str text, bool is_json, bool is_number, char out[32])
{
    double value;
    if (is_number && asy_parse_f64(text, &value) && fabs(value) < 1e12)
        return (struct asy_str){out, asy_format_milli(llround(value * 1000), out)};
    return is_json ? text : asy_writer_unescaped(text);
}

/* The cells after the id, joined, into `buffer` (grown). */
struct joined {
    char *p;
    size_t n, cap;
};
static bool join(struct joined *to, struct asy_mem *mem, struct asy_str text)
{
    const size_t need = to->n + text.len + 1;
    if (need > to->cap) {
        char *grown = asy_mem_resize(mem, to->p, to->cap, need * 2);
        if (grown == NULL) return false;
        to->p = grown;
        to->cap = need * 2;
    }
    if (text.len > 0) memcpy(to->p + to->n, text.p, text.len);
    to->n += text.len;
    to->p[to->n++] = '\x1f';
    return true;
}
static bool join_new(struct joined *to, struct asy_mem *mem, const struct table *table)
{
    char number[32];
    to->n = 0;
    for (uint32_t c = 1; c < table->n_columns; c++) {
        const struct cell *cell = &table->cells[c];
        const struct asy_str text =
            cell->kind == CELL_MILLI ? (struct asy_str){number, asy_format_milli(cell->milli, number)} : cell->text;
        if (!join(to, mem, text)) return false;
    }
    return true;
}
static bool join_old(struct joined *to, struct asy_mem *mem, const struct table *table, const struct asy_row *row,
                     const int32_t *source, bool is_json)
{
    char number[32];
    to->n = 0;
    for (uint32_t c = 1; c < table->n_columns; c++) {
        const bool is_number = c <= table->session->rules.n_scores;
        const bool is_there = source[c] >= 0 && (uint32_t)source[c] < row->n_cells;
        if (!join(to, mem, is_there ? comparable(row->cells[source[c]], is_json, is_number, number) : ASY_STR("\x1e"))) return false;
    }
    return true;
}

/* Where the table's columns stand in the old file (-1: not there), and how many that has so far. */
static uint32_t find_columns(const struct table *table, const struct asy_rows *rows, int32_t *source)
{
    const struct asy_str *names;
    const uint32_t n = asy_rows_header(rows, &names);
    for (uint32_t c = 0; c < table->n_columns; c++) {
        source[c] = -1;
        for (uint32_t i = 0; i < n; i++)
            if (asy_str_eq(names[i], table->names[c])) source[c] = (int32_t)i;
    }
    return n;
}

/* The first column of the table that the earlier file lacks; n_columns if it has all. NDJSON has a key only where some row had a value. */
static uint32_t missing_column(const struct table *table, const int32_t *source, bool is_json)
{
    const uint32_t n_needed = is_json ? 1 : table->n_columns;
    uint32_t c = 0;
    while (c < n_needed && source[c] >= 0) c++;
    return c < n_needed ? c : table->n_columns;
}

static assay_status read_earlier(struct earlier *earlier, const struct table *table, struct asy_pool *pool, const char *path,
                                 struct assay_error *error)
{
    struct asy_mem *mem = &table->session->mem;
    struct asy_rows *rows = NULL;
    struct joined joined = {0};
    int32_t *source = asy_pool_alloc_n(pool, table->n_columns, sizeof(*source));
    if (source == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    struct stat there;
    if (stat(path, &there) == 0 && S_ISREG(there.st_mode) && there.st_size == 0) return ASSAY_OK; /* NDJSON without a row */
    const struct asy_rows_options options = {0};
    assay_status status = asy_rows_open(&rows, mem, path, &options, error);
    if (status != ASSAY_OK) return status;
    const bool is_json = asy_rows_is_json(rows);
    uint32_t n_known = 0, missing = 0;
    for (bool more = true; status == ASSAY_OK;) {
        struct asy_row row;
        status = asy_rows_next(rows, &row, &more, error);
        if (status != ASSAY_OK || !more) break;
        const struct asy_str *unused_names;
        if (asy_rows_header(rows, &unused_names) != n_known) {
            n_known = find_columns(table, rows, source);
            missing = missing_column(table, source, is_json);
        }
        char unused[32];
        uint32_t id, text;
        if (missing < table->n_columns)
            status = asy_fail(error, ASSAY_E_DATA,
                              "%s: expected an earlier output of these rules, found no column %.*s; without --changed-from all "
                              "leads are written", path, ASY_ARG(table->names[missing]));
        else if (row.problem != NULL)
            status = asy_fail(error, ASSAY_E_DATA, "%s:%llu: %s", path, (unsigned long long)row.line, row.problem);
        else if (!join_old(&joined, mem, table, &row, source, is_json) ||
                 asy_dict_intern(&earlier->ids, comparable(row.cells[source[0]], is_json, false, unused), &id) != ASSAY_OK ||
                 asy_dict_intern(&earlier->rows, (struct asy_str){joined.p, (uint32_t)joined.n}, &text) != ASSAY_OK ||
                 !asy_mem_grow(mem, (void **)&earlier->row_of_id, &earlier->cap, id, sizeof(uint32_t)))
            status = asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
        else
            earlier->row_of_id[id] = text;
    }
    asy_mem_free(mem, joined.p, joined.cap);
    asy_rows_close(rows);
    return status;
}

static bool is_as_before(const struct earlier *earlier, struct asy_str id, const struct joined *row)
{
    const uint32_t code = asy_dict_find(&earlier->ids, id);
    if (code == 0) return false;
    const struct asy_str before = asy_dict_text(&earlier->rows, earlier->row_of_id[code]);
    return asy_str_eq(before, (struct asy_str){row->p, (uint32_t)row->n});
}

/* -- the table ------------------------------------------------------------------------------------------------------ */

static assay_status write_rows(struct table *table, const struct earlier *earlier, struct asy_writer *writer,
                               uint64_t *n_written, struct assay_error *error)
{
    struct asy_mem *mem = &table->session->mem;
    struct joined joined = {0};
    assay_status status = ASSAY_OK;
    for (uint32_t row = 0; row < table->session->results.n_leads && status == ASSAY_OK; row++) {
        fill_row(table, row);
        if (earlier != NULL) {
            if (!join_new(&joined, mem, table)) status = asy_fail(error, ASSAY_E_NOMEM, "output: out of memory");
            else if (is_as_before(earlier, table->cells[0].text, &joined)) continue;
        }
        if (status == ASSAY_OK) status = write_row(table, writer, error);
        ++*n_written;
    }
    asy_mem_free(mem, joined.p, joined.cap);
    return status;
}

assay_status asy_output_write(struct assay *session, const char *path, enum asy_format format, const char *changed_from,
                              uint64_t *n_written, struct assay_error *error)
{
    struct asy_mem *mem = &session->mem;
    struct table table = {.session = session};
    struct earlier earlier = {0};
    struct asy_pool pool;
    struct asy_writer *writer = NULL;
    asy_pool_init(&pool, mem);
    asy_hasher_init(&earlier.hasher, session->seed);
    asy_dict_init(&earlier.ids, mem, &earlier.hasher);
    asy_dict_init(&earlier.rows, mem, &earlier.hasher);
    *n_written = 0;
    assay_status status = make_table(&table, &pool) ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    if (status == ASSAY_OK && changed_from != NULL) status = read_earlier(&earlier, &table, &pool, changed_from, error);
    if (status == ASSAY_OK) status = asy_writer_open(&writer, mem, path, format, table.names, table.n_columns, error);
    if (status == ASSAY_OK) {
        status = write_rows(&table, changed_from == NULL ? NULL : &earlier, writer, n_written, error);
        if (status == ASSAY_OK) status = asy_writer_commit(writer, error);
        else asy_writer_abort(writer);
    }
    asy_mem_free(mem, earlier.row_of_id, earlier.cap * sizeof(uint32_t));
    asy_dict_fini(&earlier.rows);
    asy_dict_fini(&earlier.ids);
    asy_pool_fini(&pool);
    return status;
}
