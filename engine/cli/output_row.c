#include "cli/output_row.h"

#include "base/time.h"

enum {
    PIECE_BYTES = 32,    /* copied at once, whatever a piece's length */
    SCORE_CELLS = 1024,  /* 0 .. 1023 steps of a score */
    POINTS_CELLS = 1000, /* -999 .. 999 points */
    TIME_BYTES = 32,     /* asy_time_format_s */
};

struct asy_number_cell {
    char bytes[PIECE_BYTES - 1];
    uint8_t len; /* 0: too long to be kept */
};
/* Cells of a score by its value in steps of its decimals: milli * inverse / 2^32, which is exact for SCORE_CELLS steps. */
struct asy_score_cells {
    struct asy_number_cell *cells;
    uint32_t unit_milli;
    uint64_t inverse;
};
struct asy_route_cells {
    struct asy_str name, flag, promise; /* promise: flag and respond_by of a lead that is routed in this run */
    int64_t respond_within_s;
};
struct asy_recycle_cells {
    struct asy_str name, due; /* name: recycle and recycle_to; due: with recycle_due, if there is such a column */
};

bool asy_output_columns_init(struct asy_output_columns *columns, struct asy_pool *pool, const struct asy_rules *rules)
{
    const uint32_t n_scores = rules->n_scores;
    uint32_t n = n_scores + 1;
    *columns = (struct asy_output_columns){.n_scores = n_scores,
                                           .names = asy_pool_alloc_n(pool, n_scores + 13, sizeof(*columns->names)),
                                           .kinds = asy_pool_alloc_n(pool, n_scores + 13, sizeof(*columns->kinds))};
    if (columns->names == NULL || columns->kinds == NULL) return false;
    columns->names[0] = ASY_STR("lead_id");
    for (uint32_t s = 0; s < n_scores; s++) {
        columns->names[s + 1] = rules->scores[s].name;
        columns->kinds[s + 1] = ASY_OUTPUT_NUMBER;
    }
    bool has_due = false;
    for (uint32_t r = 0; r < rules->n_recycle; r++) has_due |= rules->recycle[r].in_s > 0 || rules->recycle[r].test.call != ASY_NONE;
    columns->names[columns->grade = n++] = ASY_STR("grade");
    columns->names[columns->disqualified_by = n++] = ASY_STR("disqualified_by");
    columns->names[columns->route = n++] = ASY_STR("route");
    columns->names[columns->owner = n++] = ASY_STR("owner");
    columns->names[columns->flag = n++] = ASY_STR("flag");
    columns->names[columns->respond_by = n++] = ASY_STR("respond_by");
    columns->names[columns->recycle = n++] = ASY_STR("recycle");
    columns->names[columns->recycle_to = n++] = ASY_STR("recycle_to");
    if (has_due) columns->names[columns->recycle_due = n++] = ASY_STR("recycle_due");
    if (rules->n_stages > 0) columns->names[columns->stage = n++] = ASY_STR("stage");
    if (rules->n_segments > 0) columns->names[columns->nurture = n++] = ASY_STR("nurture");
    columns->names[columns->reasons = n++] = ASY_STR("reasons");
    columns->kinds[columns->respond_by] = ASY_OUTPUT_RAW;
    if (has_due) columns->kinds[columns->recycle_due] = ASY_OUTPUT_RAW;
    columns->n = n;
    return true;
}

/* -- pieces ------------------------------------------------------------------------------------------------------ */

struct cell {
    uint32_t column;
    struct asy_str text;
};

/* Some cells as one piece. Pieces may be read for PIECE_BYTES from their first or second byte on. Without memory it is empty, and
 * the pool remembers. */
static struct asy_str make_piece(const struct asy_row_maker *maker, struct asy_pool *pool, const struct cell *cells, uint32_t n)
{
    size_t room = PIECE_BYTES + 1;
    for (uint32_t i = 0; i < n; i++) room += asy_cell_room(maker->layout, cells[i].column, cells[i].text.len);
    char *p = asy_pool_alloc(pool, room), *at = p;
    if (p == NULL) return ASY_STR("");
    for (uint32_t i = 0; i < n; i++)
        at = maker->columns->kinds[cells[i].column] == ASY_OUTPUT_RAW ? asy_cell_raw(maker->layout, cells[i].column, cells[i].text, at)
                                                                      : asy_cell_text(maker->layout, cells[i].column, cells[i].text, at);
    return (struct asy_str){p, (uint32_t)(at - p)};
}

static void make_decisions(struct asy_row_maker *maker, struct asy_pool *pool)
{
    const struct asy_rules *rules = &maker->session->rules;
    maker->decisions = asy_pool_alloc_n(pool, (size_t)rules->n_grades + rules->n_disqualify + 1, sizeof(*maker->decisions));
    for (uint32_t i = 0; i <= rules->n_grades + rules->n_disqualify && !pool->has_failed; i++) {
        const struct asy_str none = ASY_STR("");
        const struct cell cells[] = {
            {maker->columns->grade, i == 0 ? none : i <= rules->n_grades ? rules->grades[i - 1].name : ASY_STR("disqualified")},
            {maker->columns->disqualified_by, i <= rules->n_grades ? none : rules->disqualify[i - 1 - rules->n_grades].name}};
        maker->decisions[i] = make_piece(maker, pool, cells, 2);
    }
}

static void make_routes(struct asy_row_maker *maker, struct asy_pool *pool)
{
    const struct asy_rules *rules = &maker->session->rules;
    const struct asy_output_columns *columns = maker->columns;
    maker->routes = asy_pool_alloc_n(pool, (size_t)rules->n_routes + 1, sizeof(*maker->routes));
    for (uint32_t i = 0; i <= rules->n_routes && !pool->has_failed; i++) {
        struct asy_route_cells *route = &maker->routes[i];
        char time[TIME_BYTES];
        struct cell name = {columns->route, ASY_STR("")}, told[] = {{columns->flag, ASY_STR("")}, {columns->respond_by, ASY_STR("")}};
        if (i > 0) {
            name.text = rules->routes[i - 1].name;
            told[0].text = rules->routes[i - 1].flag;
            route->respond_within_s = rules->routes[i - 1].respond_within_s;
        }
        if (route->respond_within_s > 0)
            told[1].text = (struct asy_str){time, asy_time_format_s(maker->session->as_of_s + route->respond_within_s, time)};
        route->name = make_piece(maker, pool, &name, 1);
        route->flag = make_piece(maker, pool, told, 1);
        route->promise = make_piece(maker, pool, told, 2);
    }
}

static void make_owners(struct asy_row_maker *maker, struct asy_pool *pool)
{
    const struct asy_dict *owners = &maker->session->results.owners;
    maker->owners = asy_pool_alloc_n(pool, owners->n, sizeof(*maker->owners));
    for (uint32_t code = 0; code < owners->n && !pool->has_failed; code++) {
        const struct cell cell = {maker->columns->owner, asy_dict_text(owners, code)};
        maker->owners[code] = make_piece(maker, pool, &cell, 1);
    }
}

static void make_recycles(struct asy_row_maker *maker, struct asy_pool *pool)
{
    const struct asy_rules *rules = &maker->session->rules;
    const struct asy_output_columns *columns = maker->columns;
    maker->recycles = asy_pool_alloc_n(pool, (size_t)rules->n_recycle + 1, sizeof(*maker->recycles));
    for (uint32_t i = 0; i <= rules->n_recycle && !pool->has_failed; i++) {
        const struct asy_recycle none = {.name = ASY_STR(""), .to = ASY_STR("")}, *recycle = i == 0 ? &none : &rules->recycle[i - 1];
        char time[TIME_BYTES];
        const struct asy_str due = {time, recycle->in_s > 0 ? asy_time_format_s(maker->session->as_of_s + recycle->in_s, time) : 0};
        const struct cell cells[] = {{columns->recycle, recycle->name}, {columns->recycle_to, recycle->to}, {columns->recycle_due, due}};
        maker->recycles[i].name = make_piece(maker, pool, cells, 2);
        maker->recycles[i].due = make_piece(maker, pool, cells, columns->recycle_due != 0 ? 3 : 2);
    }
}

/* Cells of a column that has the name of a thing, or nothing. Names are `stride` bytes apart. */
static struct asy_str *make_names(const struct asy_row_maker *maker, struct asy_pool *pool, uint32_t column, const void *names, size_t stride,
                                  uint32_t n)
{
    struct asy_str *pieces = asy_pool_alloc_n(pool, (size_t)n + 1, sizeof(*pieces));
    for (uint32_t i = 0; i <= n && !pool->has_failed; i++) {
        const struct cell cell = {column, i == 0 ? ASY_STR("") : *(const struct asy_str *)(const void *)((const char *)names + (i - 1) * stride)};
        pieces[i] = make_piece(maker, pool, &cell, 1);
    }
    return pieces;
}

static void make_stages(struct asy_row_maker *maker, struct asy_pool *pool)
{
    const struct asy_rules *rules = &maker->session->rules;
    const struct asy_output_columns *columns = maker->columns;
    if (columns->stage != 0)
        maker->stages = make_names(maker, pool, columns->stage, &rules->stages[0].name, sizeof(*rules->stages), rules->n_stages);
    if (columns->nurture != 0)
        maker->segments = make_names(maker, pool, columns->nurture, &rules->segments[0].name, sizeof(*rules->segments), rules->n_segments);
}

/* -- numbers ------------------------------------------------------------------------------------------------------- */

static void make_scores(struct asy_row_maker *maker, struct asy_pool *pool)
{
    const struct asy_rules *rules = &maker->session->rules;
    maker->scores = asy_pool_alloc_n(pool, rules->n_scores, sizeof(*maker->scores));
    for (uint32_t s = 0; s < rules->n_scores && !pool->has_failed; s++) {
        struct asy_score_cells *score = &maker->scores[s];
        score->unit_milli = (uint32_t)asy_score_unit_milli(&rules->scores[s]);
        score->inverse = ((UINT64_C(1) << 32) + score->unit_milli - 1) / score->unit_milli;
        score->cells = asy_pool_alloc_n(pool, SCORE_CELLS, sizeof(*score->cells));
        char *draft = asy_pool_alloc(pool, asy_cell_room(maker->layout, s + 1, ASY_NUMBER_BYTES));
        for (uint32_t i = 0; i < SCORE_CELLS && !pool->has_failed; i++) {
            struct asy_number_cell *cell = &score->cells[i];
            const char *end = asy_cell_milli(maker->layout, s + 1, (int64_t)i * score->unit_milli, rules->scores[s].decimals, draft);
            const size_t len = (size_t)(end - draft);
            if (len > sizeof(cell->bytes)) break;
            memcpy(cell->bytes, draft, len);
            cell->len = (uint8_t)len;
        }
    }
}

/* "+25", "-0.5". */
static char *format_points(int64_t milli, char *out)
{
    if (milli > 0) *out++ = '+';
    return out + asy_format_milli(milli, out);
}

static void make_points(struct asy_row_maker *maker, struct asy_pool *pool)
{
    struct asy_number_cell *points = asy_pool_alloc_n(pool, 2 * POINTS_CELLS - 1, sizeof(*points));
    for (int32_t i = 1 - POINTS_CELLS; i < POINTS_CELLS && points != NULL; i++) {
        struct asy_number_cell *cell = &points[i + POINTS_CELLS - 1];
        cell->len = (uint8_t)(format_points(i * 1000, cell->bytes) - cell->bytes);
    }
    maker->points = points;
}

/* -- reasons ------------------------------------------------------------------------------------------------------- */

/* Names with the colon, and what cells of reasons begin and end with. */
static void make_terms(struct asy_row_maker *maker, struct asy_pool *pool)
{
    const struct asy_program *program = &maker->session->program;
    const uint32_t column = maker->columns->reasons;
    const struct cell none = {column, ASY_STR("")};
    maker->no_reasons = make_piece(maker, pool, &none, 1);
    for (uint32_t marks = 0; marks < ASY_CELL_MARKS; marks++) {
        char *open = asy_pool_alloc(pool, asy_cell_room(maker->layout, column, PIECE_BYTES)), *close = asy_pool_alloc(pool, PIECE_BYTES);
        if (pool->has_failed) return;
        maker->opens[marks] = (struct asy_str){open, (uint32_t)(asy_cell_open(maker->layout, column, marks, open) - open)};
        maker->closes[marks] = (struct asy_str){close, (uint32_t)(asy_row_end(maker->layout, asy_cell_close(marks, close)) - close)};
    }
    maker->terms = asy_pool_alloc_n(pool, program->n_terms, sizeof(*maker->terms));
    maker->term_marks = asy_pool_alloc_n(pool, program->n_terms, sizeof(*maker->term_marks));
    for (uint32_t t = 0; t < program->n_terms && !pool->has_failed; t++) {
        const struct asy_str name = asy_pool_printf(pool, ";%.*s:", ASY_ARG(program->terms[t].name));
        char *p = asy_pool_alloc(pool, asy_cell_room(maker->layout, column, name.len) + PIECE_BYTES + 1);
        if (pool->has_failed) return;
        maker->terms[t] = (struct asy_str){p, (uint32_t)(asy_cell_body(maker->layout, name, p) - p)};
        maker->term_marks[t] = (uint8_t)asy_cell_marks(maker->layout, (struct asy_str){name.p + 1, name.len - 1});
    }
}

static void longest(size_t *most, struct asy_str piece)
{
    if (piece.len > *most) *most = piece.len;
}
/* Every piece may write PIECE_BYTES, whatever its length. */
static size_t find_room(const struct asy_row_maker *maker)
{
    const struct asy_rules *rules = &maker->session->rules;
    size_t decision = 0, route = 0, promise = 0, owner = 0, recycle = 0, stage = 0, segment = 0, term = 0, room = PIECE_BYTES;
    for (uint32_t s = 0; s < rules->n_scores; s++) room += asy_cell_room(maker->layout, s + 1, ASY_NUMBER_BYTES);
    for (uint32_t i = 0; i <= rules->n_grades + rules->n_disqualify; i++) longest(&decision, maker->decisions[i]);
    for (uint32_t i = 0; i <= rules->n_routes; i++) {
        longest(&route, maker->routes[i].name);
        longest(&promise, maker->routes[i].promise);
    }
    for (uint32_t code = 0; code < maker->session->results.owners.n; code++) longest(&owner, maker->owners[code]);
    for (uint32_t i = 0; i <= rules->n_recycle; i++) longest(&recycle, maker->recycles[i].due);
    for (uint32_t i = 0; maker->stages != NULL && i <= rules->n_stages; i++) longest(&stage, maker->stages[i]);
    for (uint32_t i = 0; maker->segments != NULL && i <= rules->n_segments; i++) longest(&segment, maker->segments[i]);
    for (uint32_t t = 0; t < maker->session->program.n_terms; t++) longest(&term, maker->terms[t]);
    room += decision + route + promise + owner + recycle + stage + segment +
            asy_cell_room(maker->layout, maker->columns->respond_by, TIME_BYTES) +
            asy_cell_room(maker->layout, maker->columns->recycle_due, TIME_BYTES);
    return room + asy_cell_room(maker->layout, maker->columns->reasons, PIECE_BYTES) + ASY_TOP_TERMS * (term + PIECE_BYTES) + PIECE_BYTES;
}

bool asy_row_maker_init(struct asy_row_maker *maker, struct asy_pool *pool, const struct assay *session,
                        const struct asy_output_columns *columns, const struct asy_layout *layout)
{
    *maker = (struct asy_row_maker){.session = session, .columns = columns, .layout = layout};
    make_scores(maker, pool);
    make_decisions(maker, pool);
    make_routes(maker, pool);
    make_owners(maker, pool);
    make_recycles(maker, pool);
    make_stages(maker, pool);
    make_points(maker, pool);
    make_terms(maker, pool);
    if (pool->has_failed) return false;
    maker->rest_room = find_room(maker);
    return true;
}

/* -- a row ----------------------------------------------------------------------------------------------------------- */

static inline char *put(char *out, struct asy_str piece)
{
    memcpy(out, piece.p, PIECE_BYTES);
    if (piece.len > PIECE_BYTES) memcpy(out + PIECE_BYTES, piece.p + PIECE_BYTES, piece.len - PIECE_BYTES);
    return out + piece.len;
}
static inline char *put_number(char *out, const struct asy_number_cell *cell)
{
    memcpy(out, cell, PIECE_BYTES);
    return out + cell->len;
}

static inline char *put_score(const struct asy_row_maker *maker, uint32_t score, int32_t milli, char *out)
{
    const struct asy_score_cells *cells = &maker->scores[score];
    const uint32_t steps = (uint32_t)((uint32_t)milli * cells->inverse >> 32);
    if ((uint32_t)milli < SCORE_CELLS * cells->unit_milli && steps * cells->unit_milli == (uint32_t)milli && cells->cells[steps].len > 0)
        return put_number(out, &cells->cells[steps]);
    return asy_cell_milli(maker->layout, score + 1, milli, maker->session->rules.scores[score].decimals, out);
}

/* Time of first routing and what was promised then. */
static inline char *put_promise(const struct asy_row_maker *maker, const struct asy_route_cells *route, uint32_t row, char *out)
{
    const uint32_t routed_at_s = maker->session->results.routed_at_s[row];
    if (route->respond_within_s == 0 || routed_at_s == maker->session->as_of_s) return put(out, route->promise);
    char time[TIME_BYTES];
    const struct asy_str respond_by = {time, asy_time_format_s(routed_at_s + route->respond_within_s, time)};
    return asy_cell_raw(maker->layout, maker->columns->respond_by, respond_by, put(out, route->flag));
}

/* Where a plugin has named a time, it is that one. */
static inline char *put_recycle(const struct asy_row_maker *maker, uint32_t row, char *out)
{
    const struct asy_results *results = &maker->session->results;
    const struct asy_recycle_cells *recycle = &maker->recycles[results->recycle[row]];
    if (results->recycle_due_s == NULL || results->recycle_due_s[row] == 0) return put(out, recycle->due);
    char time[TIME_BYTES];
    const struct asy_str due = {time, asy_time_format_s(results->recycle_due_s[row], time)};
    return asy_cell_raw(maker->layout, maker->columns->recycle_due, due, put(out, recycle->name));
}

static inline bool is_empty(const struct asy_results *results, uint32_t score, uint32_t row)
{
    return results->score_empty != NULL && results->score_empty[score] != NULL && results->score_empty[score][row];
}

/* "Company size:+25;demo_request:+50" */
static inline char *put_reasons(const struct asy_row_maker *maker, uint32_t row, char *out)
{
    const struct asy_results *results = &maker->session->results;
    uint32_t term = results->top_term[0][row];
    if (term == ASY_TERM_NONE) return put(put(out, maker->no_reasons), maker->closes[0]);
    uint32_t marks = maker->term_marks[term];
    for (uint32_t j = 1; j < ASY_TOP_TERMS && results->top_term[j][row] != ASY_TERM_NONE; j++)
        marks |= maker->term_marks[results->top_term[j][row]] & ASY_CELL_QUOTED;
    out = put(out, maker->opens[marks]);
    for (uint32_t j = 0; j < ASY_TOP_TERMS && (term = results->top_term[j][row]) != ASY_TERM_NONE; j++) {
        const int32_t milli = results->top_milli[j][row], points = milli / 1000;
        const struct asy_str name = maker->terms[term];
        out = put(out, j == 0 ? (struct asy_str){name.p + 1, name.len - 1} : name);
        if (points * 1000 == milli && points > -POINTS_CELLS && points < POINTS_CELLS)
            out = put_number(out, &maker->points[points + POINTS_CELLS - 1]);
        else
            out = format_points(milli, out);
    }
    return put(out, maker->closes[marks]);
}

char *asy_row_make_id(const struct asy_row_maker *maker, uint32_t row, char *out)
{
    return asy_cell_text(maker->layout, 0, asy_keys_text(&maker->session->store.keys, row), out);
}

char *asy_row_make_rest(const struct asy_row_maker *maker, uint32_t row, char *out)
{
    const struct asy_results *results = &maker->session->results;
    const uint32_t disqualified_by = results->disqualified_by[row];
    const struct asy_route_cells *route = &maker->routes[results->route[row]];
    for (uint32_t s = 0; s < results->n_scores; s++)
        out = is_empty(results, s, row) ? asy_cell_raw(maker->layout, s + 1, ASY_STR(""), out)
                                        : put_score(maker, s, results->score_milli[s][row], out);
    out = put(out, maker->decisions[disqualified_by != 0 ? maker->session->rules.n_grades + disqualified_by : results->grade[row]]);
    out = put(out, route->name);
    out = put(out, maker->owners[results->owner[row]]);
    out = put_promise(maker, route, row, out);
    out = put_recycle(maker, row, out);
    if (maker->stages != NULL) out = put(out, maker->stages[results->stage[row]]);
    if (maker->segments != NULL) out = put(out, maker->segments[results->segment[row]]);
    return put_reasons(maker, row, out);
}
