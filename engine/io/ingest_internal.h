/* What the files of ingest share. Not for anyone else.
 *
 *   ingest.c         the whole: new, finish, report, files, rejects
 *   ingest_match.c   which column is which field
 *   ingest_values.c  text of a cell -> value of a field; counting of what cannot be read
 *   ingest_leads.c   rows of a leads file
 *   ingest_events.c  rows of an events file
 *   ingest_distinct.c  earliest event for each value
 *
 * Threads: one owner. */
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
    ASY_INGEST_BATCH = 256,           /* events looked up together */
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
};

/* A field, as ingest sees it. */
struct asy_ingest_field {
    const struct asy_map_field *map; /* or NULL */
    struct asy_str date_format;      /* or {NULL,0} */
    bool is_strict_format;           /* the map gives it for this field: nothing else is tried */
    bool is_wanted;                  /* has to be read */
    bool has_column;                 /* in some leads file */
    struct asy_str fold, last_fold;
    char *derived;                   /* room for a derived domain */
    size_t derived_cap;
    /* texts that could not be read; the dictionary is there once n_bad > 0 */
    uint64_t n_bad;
    struct asy_dict bad;
    uint64_t *bad_counts;            /* by code, ASY_INGEST_BAD_DISTINCT + 1 of them */
};

/* Text -> number, for event names. Open addressing, at most a quarter full. */
struct asy_name_slot {
    struct asy_str text;
    uint32_t number; /* + 1; 0: free */
};

struct asy_distinct_entry {
    uint32_t row, time_s, values, tuple;
    uint8_t name;
};
struct asy_distinct {
    struct asy_mem *mem;
    const struct asy_hasher *hasher;
    struct asy_events *events; /* for the bytes of property tuples */
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

/* An event between reading and looking up its lead. Offsets into `scratch`. */
struct asy_pending {
    uint32_t key_at, key_len;
    uint32_t rest_at; /* property values, then distinct values, each a length and bytes */
    uint32_t time_s;
    uint8_t name;
    bool has_distinct; /* one of the distinct values is filled */
};

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
    struct asy_str *texts;           /* by field: the text of this row; {NULL,0} empty */
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
    struct asy_name_slot *names;
    uint32_t n_name_slots;
    uint32_t const_name; /* + 1; 0: read from the column */
    struct asy_dict unknown;
    uint64_t unknown_counts[ASY_INGEST_UNKNOWN_NAMES + 1];
    bool *property_found;
    struct asy_distinct distinct;
    struct asy_pending pending[ASY_INGEST_BATCH];
    uint32_t n_pending;
    char *scratch; /* bytes of the pending events */
    size_t scratch_cap, scratch_used;
    char *raw; /* a rejected row put together again */
    size_t raw_cap;
    char date_text[10]; /* the last date read, and its day: exports come sorted by time */
    int64_t date_days;
    bool is_finished;
};

/* ingest.c */
assay_status asy_ingest_open(struct asy_ingest *ingest, struct asy_ingest_file *file, const char *path, bool is_events,
                             struct assay_error *error);
/* Next row; counts it, reports progress. */
assay_status asy_ingest_next(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_row *row, bool *more,
                             struct assay_error *error);
assay_status asy_ingest_reject(struct asy_ingest *ingest, struct asy_ingest_file *file, const struct asy_row *row,
                               struct asy_str column, const char *reason, struct assay_error *error);
/* Was a row taken before the one at hand? Columns of NDJSON that come now are rivals of those that it was read by. */
bool asy_ingest_is_frozen(struct asy_ingest *ingest, const struct asy_ingest_file *file);
/* Checks the share of rejected rows, names unused columns. */
assay_status asy_ingest_end(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error);
void asy_ingest_close(struct asy_ingest_file *file);
struct asy_file_counts *asy_ingest_counts(struct asy_ingest *ingest, const struct asy_ingest_file *file);
/* The name of a column of the file, {"",0} for ASY_NO_COLUMN. */
struct asy_str asy_ingest_column_name(const struct asy_ingest_file *file, uint32_t column);
/* Would the target read a name that the header has twice? */
bool asy_ingest_is_repeated(const struct asy_ingest_file *file, const struct asy_target *target);

/* A cell without blanks at its ends; {"",0} where it is absent, empty or one of the side's nulls. */
static inline struct asy_str asy_ingest_cell(const struct asy_ingest_file *file, const struct asy_row *row, uint32_t column)
{
    if (column >= row->n_cells || row->cells[column].len == 0)
        return (struct asy_str){"", 0};
    struct asy_str text = row->cells[column];
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
assay_status asy_value_put(struct asy_column *column, uint32_t row, struct asy_str text, const struct asy_value *value,
                           struct assay_error *error);
assay_status asy_value_bad(struct asy_ingest *ingest, uint32_t field, struct asy_str text);
void asy_value_examples(const struct asy_ingest *ingest, uint32_t field, struct asy_bad_values *out);
/* The error that stops the run at a date that reads two ways. */
assay_status asy_value_ambiguous(const struct asy_ingest_file *file, const struct asy_row *row, uint32_t column,
                                 struct asy_str text, struct assay_error *error);
/* At most `cap` bytes of `text`, cut between characters. */
struct asy_str asy_value_cut(struct asy_str text, uint32_t cap);

/* ingest_leads.c, ingest_events.c: an open file to its end */
assay_status asy_ingest_read_leads(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error);
assay_status asy_ingest_read_events(struct asy_ingest *ingest, struct asy_ingest_file *file, struct assay_error *error);
/* The table of event names, and the report's room for what events lack. */
assay_status asy_ingest_names_init(struct asy_ingest *ingest);

#endif
