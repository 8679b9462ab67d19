/* Rows of the output as bytes. Nearly every cell is one of a few texts: names of grades, routes, owners, rules. Those are made
 * ready once, with quotes, escapes and what stands between cells, neighbouring ones as one piece; a row is then copies of them and a
 * few numbers.
 *
 *   lead_id | scores ... | grade, disqualified_by | route | owner | flag, respond_by | recycle, recycle_to, recycle_due | stage | nurture | reasons
 *             by value     by number                 by number  by code  by route       by number                         by number         by term
 *
 * Threads: many readers. */
#ifndef ASY_CLI_OUTPUT_ROW_H
#define ASY_CLI_OUTPUT_ROW_H

#include "io/cell.h"
#include "session.h"

enum asy_output_kind { ASY_OUTPUT_TEXT, ASY_OUTPUT_RAW, ASY_OUTPUT_NUMBER };
struct asy_output_columns {
    uint32_t n, n_scores; /* the id first, then the scores */
    struct asy_str *names;
    uint8_t *kinds;
    uint32_t grade, disqualified_by, route, owner, flag, respond_by, recycle, recycle_to, reasons;
    uint32_t recycle_due; /* 0: no rule gives `in:` or has a plugin that may name a time */
    uint32_t stage, nurture; /* 0: no `lifecycle:`, no segment that a lead enters by its `enter_when:` */
};
/* The columns of a run's output; in `pool`. False without memory. */
bool asy_output_columns_init(struct asy_output_columns *columns, struct asy_pool *pool, const struct asy_rules *rules);

struct asy_number_cell;
struct asy_score_cells;
struct asy_route_cells;
struct asy_recycle_cells;
struct asy_row_maker {
    const struct assay *session;
    const struct asy_output_columns *columns;
    const struct asy_layout *layout;
    struct asy_score_cells *scores;
    struct asy_str *decisions;  /* by grade; then by disqualifier */
    struct asy_route_cells *routes;
    struct asy_str *owners;
    struct asy_recycle_cells *recycles;
    struct asy_str *stages, *segments; /* by number; NULL without the column */
    struct asy_str *terms;      /* ";Company size:", without what cells begin and end with */
    uint8_t *term_marks;
    const struct asy_number_cell *points; /* ":+25" without the colon, by points */
    struct asy_str no_reasons, opens[ASY_CELL_MARKS], closes[ASY_CELL_MARKS]; /* closes: with the end of the row */
    size_t rest_room;           /* of a row without its id */
};
/* For the run of `session` (which has results). Borrows all but the pool's memory. False without memory. */
bool asy_row_maker_init(struct asy_row_maker *maker, struct asy_pool *pool, const struct assay *session,
                        const struct asy_output_columns *columns, const struct asy_layout *layout);
/* The cell of the id. Room: asy_cell_room. */
char *asy_row_make_id(const struct asy_row_maker *maker, uint32_t row, char *out);
/* Everything after it, with the end of the row. Room: rest_room. */
char *asy_row_make_rest(const struct asy_row_maker *maker, uint32_t row, char *out);

#endif
