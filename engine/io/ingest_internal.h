/* What the files of ingest share. Not for anyone else.
 *
 *   ingest.c         the whole: new, finish, report, files, rejects
 *   ingest_match.c   which column is which field
 *   ingest_values.c  text of a cell -> value of a field; counting of what cannot be read
 *   ingest_blocks.c  an open file through the pipeline: blocks taken in order, worked on by threads, given in order
 *   ingest_leads.c   rows of a leads file
 *   ingest_leads_cells.c   their cells -> arrays of values, a field at a time
 *   ingest_events.c  rows of an events file; its columns: ingest_events_header.c, its cells: ingest_events_cells.c and _times.c
 *   ingest_distinct.c  earliest event for each value
 *
 * Threads: what is in struct asy_ingest, its file and its report is read by all threads and written only where one thread
 * at a time comes by, in order (take and give); a slot belongs to the thread that has its block. */
#ifndef ASY_INGEST_INTERNAL_H
#define ASY_INGEST_INTERNAL_H

#include "base/time.h"
#include "io/ingest.h"

enum {
    ASY_INGEST_EXAMPLE_BYTES = 80,    /* of a bad value or unknown name that are kept to be shown */
    ASY_INGEST_BAD_DISTINCT = 1000,   /* different bad texts of a field that are told apart */
    ASY_INGEST_UNKNOWN_NAMES = 100,
    ASY_INGEST_FIRST_REASONS = 3,
    ASY_INGEST_PROGRESS_ROWS = 16384,
    ASY_INGEST_EARLY_REJECTS = 10000,
};

/* One thing to be found in a header. */
struct asy_target {
    struct asy_str exact;  /* level 3: this very text */
    struct asy_str fold;   /* level 2: the same after asy_match_fold */
    struct asy_str alt;    /* level 1: this after asy_match_fold; empty: none */
    bool is_claiming;      /* the map gives this column to a field: no other field finds it by name */
    bool is_field;         /* a field looked for by its own name: shares columns with nobody */
    uint8_t level;         /* of `column`, 0: not found */
    uint32_t column;
    uint32_t rival;        /* another column of the same level, or ASY_NO_COLUMN */
    uint32_t shared_with;  /* another field that `column` fits as well, or ASY_NO_COLUMN */
};
#define ASY_NO_COLUMN UINT32_MAX

struct asy_match {
    struct asy_pool *pool;     /* of the file */
    struct asy_target *targets;
    uint32_t n_targets;
    uint32_t n_columns;        /* columns seen so far */
    bool is_frozen;            /* rows were read with what was found so far (NDJSON only gains columns) */
    uint32_t fold_cap;
    char *fold;
};

/* Lower case without blanks, `_`, `-` and `.`; `out` has room for name.len. */
struct asy_str asy_match_fold(struct asy_str name, char *out);
assay_status asy_match_init(struct asy_match *match, struct asy_pool *pool, uint32_t n_targets);
/* Look for `name`: `alt` empty or an already folded text. */
assay_status asy_match_want(struct asy_match *match, uint32_t target, struct asy_str name, struct asy_str alt);
/* Take in the columns from match->n_columns on. */
assay_status asy_match_columns(struct asy_match *match, const struct asy_str *names, uint32_t n);
/* Text for errors: "`a`, `b` and 7 more". `text` as a double-quoted YAML scalar. Both in the pool. */
struct asy_str asy_match_list(struct asy_pool *pool, const struct asy_str *names, uint32_t n);
struct asy_str asy_match_quoted(struct asy_pool *pool, struct asy_str text);
/* "; did you mean `x`?" or "". */
struct asy_str asy_match_hint(struct asy_pool *pool, struct asy_str word, const struct asy_str *names, uint32_t n);

/* The file that is being read. */
struct asy_ingest_file {
    struct asy_str path;
    uint32_t number;           /* in report.files */
    bool is_events;
    struct asy_rows *rows;
    struct asy_pool pool;      /* lives as long as the file is read */
    struct asy_match match;
    const struct asy_map_side *side;
    uint32_t n_reasons;
    struct asy_str reasons[ASY_INGEST_FIRST_REASONS];
    uint64_t progress_rows;    /* rows at the last report of progress */
};

/* A row that read well but cannot be taken, or whose date stops the run. */
struct asy_refusal {
    uint32_t row;              /* of the block's good rows */
    uint32_t column;           /* of the header, or ASY_NO_COLUMN */
    const char *reason;        /* in the slot's pool, or static; NULL: `text` is a date that reads two ways */
    struct asy_str text;
};

/* A block of rows on its way: taken, worked on, given. */
struct asy_ingest_slot {
    struct asy_block *block;
    uint32_t *columns;         /* [reader.n_columns] what is read of the rows, as the header was when the block was taken */
    struct asy_cells cells;
    struct asy_pool pool;      /* emptied when the block is given */
    struct asy_refusal *refusals; /* by row */
    size_t refusals_cap;
    uint32_t n_refusals;
    void *batch;               /* what leads or events make of the rows: their own, one a slot */
    uint64_t done_bytes, total_bytes;
    uint64_t first_row;        /* rows of the file before this block; known in give */
    uint32_t next_bad, next_refusal; /* told so far */
};

/* What leads and events do differently. */
struct asy_ingest_reader {
    void *plan;
    uint32_t n_columns;        /* columns to be read of each row */
    /* In order: the header as it is now -> columns[n_columns]. Called before the first block with is_whole for delimited files;
     * for NDJSON whenever there are new columns, and at the end with is_whole. */
    assay_status (*match)(struct asy_ingest *ingest, struct asy_ingest_file *file, void *plan, bool is_whole, uint32_t *columns,
                          struct assay_error *error);
    /* One a slot. NULL: out of memory. */
    void *(*new_batch)(struct asy_ingest *ingest, void *plan);
    void (*free_batch)(struct asy_ingest *ingest, void *plan, void *batch);
    /* Any thread: slot->cells -> slot->batch, refusals by asy_ingest_refuse. A row behind an ambiguous date need not be looked at. */
    assay_status (*work)(struct asy_ingest *ingest, struct asy_ingest_file *file, void *plan, uint32_t worker,
                         struct asy_ingest_slot *slot, struct assay_error *error);
    /* In order: slot->batch -> store and counts. Whatever is left of bad rows and refusals is told afterwards. */
    assay_status (*give)(struct asy_ingest *ingest, struct asy_ingest_file *file, void *plan, struct asy_ingest_slot *slot,
                         struct assay_error *error);
};

/* ingest_blocks.c: the file to its end, then asy_ingest_end. */
assay_status asy_ingest_run(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct asy_ingest_reader *reader,
                            struct assay_error *error);
/* In work, rows ascending. `reason` lives as long as the slot's pool. ASSAY_E_NOMEM. */
assay_status asy_ingest_refuse(struct asy_ingest *ingest, struct asy_ingest_slot *slot, const struct asy_refusal *refusal);
/* In give: reject (or stop at) all bad rows and refusals that stand before good row `row` and were not told yet, so that what
 * give itself rejects comes in order. Sets the file's n_rows to the rows before `row`. */
assay_status asy_ingest_tell(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_ingest_slot *slot, uint32_t row,
                             struct assay_error *error);
/* In give: reject good row `row` of the block, after asy_ingest_tell. */
assay_status asy_ingest_reject_row(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_ingest_slot *slot, uint32_t row,
                                   uint32_t column, const char *reason, struct assay_error *error);

/* A field, as ingest sees it. */
struct asy_ingest_field {
    const struct asy_map_field *map; /* or NULL */
    struct asy_str date_format;      /* or {NULL,0} */
    bool is_strict_format;           /* the map gives it for this field: nothing else is tried */
    bool is_wanted;                  /* has to be read */
    bool has_column;                 /* in some leads file */
    struct asy_str fold, last_fold;
    /* texts that could not be read; the dictionary is there once n_bad > 0 */
    uint64_t n_bad;
    struct asy_dict bad;
    uint64_t *bad_counts;            /* by code, ASY_INGEST_BAD_DISTINCT + 1 of them */
};

struct asy_distinct_entry {
    uint32_t row, time_s, values, tuple;
    uint8_t name;
};
struct asy_distinct {
    struct asy_mem *mem;
    const struct asy_hasher *hasher;
    struct asy_events *events;
    uint32_t writer; /* of the event log: whose tuples the entries have, and who stages them */
    struct asy_dict values;
    struct asy_distinct_entry *entries;
    size_t cap;
    uint32_t n;
    uint32_t *slots; /* entry + 1; 0: free */
    uint32_t n_slots; /* power of two, at most half full */
};
void asy_distinct_init(struct asy_distinct *distinct, struct asy_store *store);
void asy_distinct_fini(struct asy_distinct *distinct);
/* Take an event. *is_new false: there was one with the same lead and values; the earlier stays. */
assay_status asy_distinct_take(struct asy_distinct *distinct, const struct asy_distinct_entry *entry, bool *is_new);
/* Stage what was taken, once, when all events are read. */
assay_status asy_distinct_stage(struct asy_distinct *distinct, struct assay_error *error);

struct asy_ingest {
    struct asy_mem *mem;
    struct asy_store *store;
    const struct asy_schema *schema;
    const struct asy_map *map;
    struct asy_ingest_options options;
    struct asy_pool pool; /* as long as the ingest */
    struct asy_ingest_report report;
    size_t files_cap, unused_cap;
    struct asy_dict unused_names[2]; /* column names already named: leads, events */
    /* leads */
    struct asy_ingest_field *fields; /* by field */
    uint32_t n_wanted;
    uint32_t *wanted;                /* field numbers */
    uint32_t n_derived;
    uint32_t *derived;               /* wanted derived fields, sources first */
    uint64_t n_lead_rows;            /* of all leads files, rejected ones too */
    uint32_t *lead_lines;            /* by lead: line of its file; 0 beyond 32 bits. Given back when the leads are read */
    size_t lead_lines_cap;
    struct asy_lead_file { struct asy_str path; uint32_t first_lead; } *lead_files;
    size_t lead_files_cap;
    uint32_t n_lead_files;
    /* events joined by a field */
    bool has_join;
    struct asy_arena join_arena;
    struct asy_keys join_keys;
    struct asy_index join_index;
    uint32_t *join_rows; /* lead by key number */
    size_t join_rows_cap;
    /* events */
    struct asy_event_words *words;   /* how names and times are read; ingest_events.h */
    struct asy_dict unknown;
    uint64_t unknown_counts[ASY_INGEST_UNKNOWN_NAMES + 1];
    bool *property_found;
    struct asy_distinct distinct;
    bool has_all_leads, is_finished;
    bool has_failed;                 /* atomic: a block could not be worked on or given; more need not be waited for */
    bool is_reporting;               /* atomic: progress is being reported */
    uint64_t n_rows_shown;           /* atomic: of this file, when it was last */
};

/* ingest.c */
assay_status asy_ingest_open(struct asy_ingest *ingest, struct asy_ingest_file *file, const char *path, bool is_events,
                             struct assay_error *error);
/* Count a rejected row and send it to the sink; too many of them are an error. The file's n_rows counts it already. */
assay_status asy_ingest_reject(struct asy_ingest *ingest, struct asy_ingest_file *file, uint64_t line, struct asy_str column,
                               const char *reason, struct asy_str raw, struct assay_error *error);
/* When a block was given: reports about every ASY_INGEST_PROGRESS_ROWS rows. */
assay_status asy_ingest_progress(struct asy_ingest *ingest, struct asy_ingest_file *file, uint64_t done_bytes, uint64_t total_bytes,
                                 struct assay_error *error);
/* Checks the share of rejected rows, names unused columns. */
assay_status asy_ingest_end(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error);
void asy_ingest_close(struct asy_ingest_file *file);
struct asy_file_counts *asy_ingest_counts(struct asy_ingest *ingest, const struct asy_ingest_file *file);
/* The name of a column of the file, {"",0} for ASY_NO_COLUMN. */
struct asy_str asy_ingest_column_name(const struct asy_ingest_file *file, uint32_t column);
/* Would the target read a name that the header has twice? */
bool asy_ingest_is_repeated(const struct asy_ingest_file *file, const struct asy_target *target);

/* A cell without blanks at its ends; {"",0} where it is absent, empty or one of the side's nulls. */
static inline struct asy_str asy_ingest_cell(const struct asy_ingest_file *file, const struct asy_cells *cells, struct asy_span span)
{
    if (span.len == 0)
        return (struct asy_str){"", 0};
    struct asy_str text = {cells->text + span.at, span.len};
    uint8_t first = (uint8_t)text.p[0], last = (uint8_t)text.p[text.len - 1];
    if (first <= ' ' || last <= ' ')
        text = asy_str_trim(text);
    for (uint32_t i = 0; i < file->side->n_nulls; i++)
        if (asy_str_eq(text, file->side->nulls[i]))
            return (struct asy_str){"", 0};
    return text;
}

/* ingest_values.c */
struct asy_value {
    int64_t i; /* INT, TIME; code of BOOL, ENUM, COUNTRY */
    double d;
};
/* How a text reads as a value of `field`. ASY_TIME_AMBIGUOUS only for times. */
enum asy_time_parse asy_value_read(const struct asy_field *field, const struct asy_ingest_field *plan, struct asy_str text,
                                   struct asy_value *value);
/* The text that stands for a value when events are joined by the field: one text for all spellings of a value (`7` and
 * `7.0`). Text stands for itself. `out` holds it where needed. */
struct asy_str asy_value_text(const struct asy_field *field, struct asy_str text, const struct asy_value *value, char out[32]);
/* A time as the map's format says, else in the unambiguous ways. */
enum asy_time_parse asy_value_time(struct asy_str text, struct asy_str format, bool is_strict, int64_t *out_us);
assay_status asy_value_bad(struct asy_ingest *ingest, uint32_t field, struct asy_str text);
void asy_value_examples(const struct asy_ingest *ingest, uint32_t field, struct asy_bad_values *out);
/* The error that stops the run at a date that reads two ways. */
assay_status asy_value_ambiguous(const struct asy_ingest_file *file, uint64_t line, uint32_t column, struct asy_str text,
                                 struct assay_error *error);
/* At most `cap` bytes of `text`, cut between characters. */
struct asy_str asy_value_cut(struct asy_str text, uint32_t cap);

/* ingest_leads.c, ingest_events.c: an open file to its end */
assay_status asy_ingest_read_leads(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error);
assay_status asy_ingest_read_events(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error);
/* The tables that names and times are read by, and the report's room for what events lack. */
assay_status asy_ingest_names_init(struct asy_ingest *ingest);
/* Open the event log unless it is open: a writer for each thread, and behind them distinct.writer where the map has `distinct`. */
assay_status asy_ingest_open_log(struct asy_ingest *ingest, struct assay_error *error);

#endif
