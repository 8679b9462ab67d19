/* A block of lead rows as arrays of values, one array a field: what ingest_leads_cells.c makes of the cells, by any thread, and
 * ingest_leads.c gives to the store, in order.
 *
 *   field                     kind      array      empty is
 *   enum, bool, country       CODE      codes      0
 *   text                      TEXT      texts      len 0
 *   int, time                 LONG      longs      ASY_INT_EMPTY (= ASY_TIME_EMPTY)
 *   number                    NUMBER    numbers    NaN
 *   any whose value nobody    PRESENT   presents   0
 *   reads
 *
 * `texts` is also there where a field's text is needed: as the source of a derived field, and to join events.
 * A field that is empty in all rows of a block costs nothing but the look at its cells: its arrays are then not even filled
 * with "empty" (has_values false).
 *
 * Threads: a plan is read by all while blocks are on their way; a batch belongs to the thread that has its slot. */
#ifndef ASY_INGEST_LEADS_H
#define ASY_INGEST_LEADS_H

#include "io/ingest_internal.h"
#include "io/ingest_memo.h"

enum asy_lead_kind { ASY_LEAD_PRESENT, ASY_LEAD_CODE, ASY_LEAD_TEXT, ASY_LEAD_LONG, ASY_LEAD_NUMBER };

/* A wanted field; what is read of each row is these fields' cells in this order, then the key. */
struct asy_lead_field {
    uint32_t field;
    uint8_t kind;    /* enum asy_lead_kind */
    bool keeps_texts;
    uint32_t source; /* of a derived field: its place among the wanted ones */
};

struct asy_lead_plan {
    struct asy_target *key; /* NULL: by row number */
    uint32_t n_fields;
    struct asy_lead_field *fields;
    uint32_t n_derived;
    uint32_t *derived;      /* places among the wanted ones, sources first */
    uint32_t join;          /* place of the field that events are joined by, UINT32_MAX: none */
};

struct asy_lead_bad {
    uint32_t row;
    struct asy_str text;
};

struct asy_lead_values {
    bool has_values;
    union { /* as the kind says */
        void *any;
        uint8_t *presents;
        uint32_t *codes;
        int64_t *longs;
        double *numbers;
    };
    struct asy_str *texts;
    uint32_t n_empty;      /* rows without a value, where that is counted: required fields without default */
    uint32_t n_bad, n_bad_cells; /* texts that cannot be read: those of cells by row, then derived ones by row */
    size_t bad_cap;
    struct asy_lead_bad *bad;
    char *domains;         /* the bytes of derived domains */
    size_t domains_cap;
    struct asy_memo *memo;       /* cells -> codes */
    struct asy_memo *words_memo; /* sources -> lines of `words_in` */
};

/* A date that reads two ways; it stops the run unless its row is not taken at all. */
struct asy_lead_ambiguous {
    uint32_t row, column;
    struct asy_str text;
};

struct asy_lead_batch {
    uint32_t cap;                /* rows that there is room for */
    char *room;                  /* of all arrays by row */
    size_t room_bytes;
    struct asy_lead_values *values; /* by wanted field */
    uint32_t n_keys;             /* rows that have one */
    struct asy_str *keys;
    uint32_t *key_rows;
    uint32_t *leads;             /* of the keys */
    bool *is_new;
    bool *is_dropped;            /* by row: refused, or a duplicate */
    uint32_t *list;              /* room for the rows at hand */
    struct asy_str *join_keys;   /* by row, len 0: none; with a join only */
    char (*join_room)[32];
    char (*numbers)[24];         /* with rows numbered only: the texts of keys */
    uint32_t n_ambiguous;
    size_t ambiguous_cap;
    struct asy_lead_ambiguous *ambiguous; /* field by field */
};

/* A batch without rows. NULL: out of memory. */
struct asy_lead_batch *asy_lead_batch_new(struct asy_ingest *ingest, const struct asy_lead_plan *plan);
void asy_lead_batch_free(struct asy_ingest *ingest, const struct asy_lead_plan *plan, struct asy_lead_batch *batch);
/* slot->cells -> the batch: keys (rows without one are refused), values, bad texts, join keys. Texts point into the block, the
 * map, the schema or the batch. ASSAY_E_NOMEM. */
assay_status asy_lead_cells(struct asy_ingest *ingest, const struct asy_ingest_file *file, const struct asy_lead_plan *plan,
                            struct asy_ingest_slot *slot);
/* Is there a value in the row? */
static inline bool asy_lead_has_value(const struct asy_lead_field *field, const struct asy_lead_values *values, uint32_t row)
{
    if (!values->has_values)
        return false;
    switch (field->kind) {
    case ASY_LEAD_PRESENT:
        return values->presents[row];
    case ASY_LEAD_CODE:
        return values->codes[row] != 0;
    case ASY_LEAD_TEXT:
        return values->texts[row].len > 0;
    case ASY_LEAD_NUMBER:
        return values->numbers[row] == values->numbers[row];
    default:
        return values->longs[row] != ASY_INT_EMPTY;
    }
}

#endif
