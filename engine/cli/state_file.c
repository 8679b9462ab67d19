#include "cli/state_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/time.h"
#include "io/rows.h"

static const char *const names[] = {"kind", "key", "territory", "owner", "place", "routed_at"};
enum { KIND, KEY, TERRITORY, OWNER, PLACE, ROUTED_AT, N_COLUMNS };

static assay_status take_row(struct asy_state *state, const char *path, const struct asy_row *row, struct assay_error *error)
{
    const struct asy_str *cells = row->cells;
    assay_status status = ASSAY_OK;
    if (row->problem != NULL)
        return asy_fail(error, ASSAY_E_DATA, "%s:%llu: %s", path, (unsigned long long)row->line, row->problem);
    if (asy_str_is(cells[KIND], "cursor")) {
        int64_t place;
        if (!asy_parse_i64(cells[PLACE], &place) || place < 0 || place > UINT32_MAX || cells[KEY].len == 0)
            return asy_fail(error, ASSAY_E_DATA, "%s:%llu: cursor: expected a team and a place from 0, found \"%.*s\"", path,
                            (unsigned long long)row->line, ASY_ARG(cells[PLACE]));
        status = asy_state_set_cursor(state, cells[KEY], cells[TERRITORY], cells[OWNER], (uint32_t)place);
    } else if (asy_str_is(cells[KIND], "lead")) {
        int64_t us;
        if (asy_time_read(cells[ROUTED_AT], &us) != ASY_TIME_OK || us < 0 || us / 1000000 > UINT32_MAX || cells[KEY].len == 0)
            return asy_fail(error, ASSAY_E_DATA, "%s:%llu: routed_at: expected a time from 1970 to 2106, found \"%.*s\"", path,
                            (unsigned long long)row->line, ASY_ARG(cells[ROUTED_AT]));
        status = asy_state_set_lead(state, cells[KEY], (uint32_t)(us / 1000000), cells[OWNER]);
    } else {
        return asy_fail(error, ASSAY_E_DATA, "%s:%llu: kind: expected cursor or lead, found \"%.*s\"", path,
                        (unsigned long long)row->line, ASY_ARG(cells[KIND]));
    }
    return status == ASSAY_OK ? ASSAY_OK : asy_fail(error, status, "%s: out of memory", path);
}

static assay_status check_header(const struct asy_rows *rows, const char *path, struct assay_error *error)
{
    const struct asy_str *header;
    const uint32_t n = asy_rows_header(rows, &header);
    bool fits = n == N_COLUMNS;
    for (uint32_t i = 0; fits && i < N_COLUMNS; i++) fits = asy_str_is(header[i], names[i]);
    if (fits) return ASSAY_OK;
    return asy_fail(error, ASSAY_E_DATA,
                    "%s: expected a state file (its first line is kind,key,territory,owner,place,routed_at); name another "
                    "file, or remove it to begin anew", path);
}

assay_status asy_state_read(struct asy_state *state, struct asy_mem *mem, const char *path, struct assay_error *error)
{
    struct stat there;
    const bool is_there = stat(path, &there) == 0;
    if (!is_there && errno == ENOENT) return ASSAY_OK;
    if (is_there && S_ISREG(there.st_mode) && there.st_size == 0)
        return asy_fail(error, ASSAY_E_DATA, "%s: expected a state file, found an empty one; remove it to begin anew", path);
    struct asy_rows *rows = NULL;
    const struct asy_rows_options options = {.delimiter = ','};
    assay_status status = asy_rows_open(&rows, mem, path, &options, error);
    if (status != ASSAY_OK) return status;
    status = check_header(rows, path, error);
    for (bool more = true; status == ASSAY_OK;) {
        struct asy_row row;
        status = asy_rows_next(rows, &row, &more, error);
        if (status != ASSAY_OK || !more) break;
        status = take_row(state, path, &row, error);
    }
    asy_rows_close(rows);
    return status;
}

static int compare_codes(const void *a, const void *b, void *ids)
{
    return asy_str_cmp(asy_dict_text(ids, *(const uint32_t *)a), asy_dict_text(ids, *(const uint32_t *)b));
}

static assay_status write_rows(const struct asy_state *state, const uint32_t *order, struct asy_writer *writer,
                               struct assay_error *error)
{
    assay_status status = ASSAY_OK;
    char text[32];
    for (uint32_t i = 0; i < state->n_cursors && status == ASSAY_OK; i++) {
        const struct asy_cursor *cursor = &state->cursors[i];
        asy_writer_raw(writer, ASY_STR("cursor"));
        asy_writer_raw(writer, cursor->team);
        asy_writer_raw(writer, cursor->territory);
        asy_writer_raw(writer, cursor->last);
        asy_writer_raw(writer, (struct asy_str){text, (uint32_t)snprintf(text, sizeof(text), "%u", cursor->place)});
        asy_writer_empty(writer);
        status = asy_writer_row_end(writer, error);
    }
    for (uint32_t i = 0; i + 1 < state->ids.n && status == ASSAY_OK; i++) {
        const struct asy_routed *routed = &state->routed[order[i] - 1];
        asy_writer_raw(writer, ASY_STR("lead"));
        asy_writer_raw(writer, asy_dict_text(&state->ids, order[i]));
        asy_writer_empty(writer);
        asy_writer_raw(writer, asy_dict_text(&state->owners, routed->owner));
        asy_writer_empty(writer);
        asy_writer_raw(writer, (struct asy_str){text, asy_time_format_s(routed->routed_at_s, text)});
        status = asy_writer_row_end(writer, error);
    }
    return status;
}

assay_status asy_state_prepare(const struct asy_state *state, struct asy_mem *mem, const char *path, struct asy_writer **out,
                               struct assay_error *error)
{
    struct asy_str header[N_COLUMNS];
    for (uint32_t i = 0; i < N_COLUMNS; i++) header[i] = asy_str_of(names[i]);
    const size_t n_ids = state->ids.n;
    uint32_t *order = asy_mem_alloc_n(mem, n_ids + 1, sizeof(*order));
    if (order == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    for (uint32_t code = 1; code < n_ids; code++) order[code - 1] = code;
    if (n_ids > 2) qsort_r(order, n_ids - 1, sizeof(*order), compare_codes, (void *)&state->ids);
    struct asy_writer *writer = NULL;
    assay_status status = asy_writer_open(&writer, mem, path, ASY_FORMAT_CSV, header, N_COLUMNS, error);
    if (status == ASSAY_OK) {
        status = write_rows(state, order, writer, error);
        if (status == ASSAY_OK) *out = writer;
        else asy_writer_abort(writer);
    }
    asy_mem_free(mem, order, (n_ids + 1) * sizeof(*order));
    return status;
}
