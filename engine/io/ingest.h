/* Files -> store: header matching, value aliases, typed reading, derived fields, joining of events, rejects and counts.
 *
 * Nothing is lost silently: a row that cannot be taken goes to the reject sink with file, line, column and reason; a value
 * that its field's type cannot read leaves the field empty and is counted with examples. Above `max_rejects` of a file's
 * rows ingest fails with ASSAY_E_DATA naming count, limit and the first reasons. That is checked at the file's end, and
 * early only where it is clear that the file is not what it should be: more than 10,000 rows rejected, and more than ten
 * times the allowed share of the rows so far.
 *
 * Headers: a column named by the map is found exactly, else ignoring case, blanks, `_`, `-` and `.`. Without the map a column
 * goes to the field with exactly its name, else to the field whose whole name is the same ignoring those, else to the one
 * whose last part is. Two columns for one field, or one column for two, is an error where a rule reads the field; so is a name that
 * a header has twice where a rule, the map or the key reads it, and else both columns are not used.
 * Cells are read without blanks at both ends; empty and `nulls` are empty; then aliases; then the type.
 *
 * Events are looked at in this order: malformed row, empty key, unknown name, unreadable time, after as_of, unknown lead: a
 * row is counted under the first that holds. `distinct` keeps, of the events with the same lead and values, whatever their
 * names, the earliest (of equally early ones the first by name, in the schema's order, then property bytes); events without any
 * of the values are all kept. Only events that are otherwise kept take part.
 *
 * Events joined by a field find a lead by the field's value, not by its spelling: `7.0` is `7` where the field is an int, `DEU` is
 * `Germany` where it is a country, an alias of the map is what it stands for; text has to be the same bytes. An event
 * whose key is no value of the field is one of an unknown lead. Times are read as the map's `dates` of either side say.
 *
 * Files are read in blocks by options.n_threads threads (ingest_blocks.c); what depends on the order of rows happens in order.
 *
 * Threads: one owner, who has no part in that. */
#ifndef ASY_INGEST_H
#define ASY_INGEST_H

#include "io/map.h"
#include "io/rows.h"
#include "store/store.h"

/* Values of one field that could not be read. */
struct asy_bad_values {
    uint64_t n;
    struct asy_bad_example { struct asy_str text; uint64_t n; } examples[3]; /* most frequent first (among the first 1,000
                                                                                distinct texts); empty `text`: none */
};

struct asy_file_counts {
    struct asy_str path;
    uint64_t n_rows, n_kept, n_rejected;
};

/* What happened, for the summary. */
struct asy_ingest_report {
    uint32_t n_files;
    struct asy_file_counts *files;
    struct asy_bad_values *bad_values;      /* by field */
    uint64_t n_events_kept;
    uint64_t n_unknown_lead;                /* events of leads that are not in the leads file */
    uint64_t n_future;                      /* events after as_of */
    uint64_t n_key_empty;                   /* skipped by skip_when_key_empty */
    uint64_t n_not_distinct;                /* dropped by `distinct` */
    uint64_t n_unknown_event;               /* names that the rules do not know */
    uint32_t n_unknown_names;               /* different ones, of the first 100 */
    struct asy_unknown_name { struct asy_str name; uint64_t n; } *unknown_names; /* by count, then name */
    uint32_t n_unused_columns;              /* no field has them, or no rule reads the field */
    struct asy_str *unused_columns;         /* "leads.csv: Lead Quality": named once */
    uint64_t *n_required_empty;             /* by field: leads whose required field is empty (they are kept) */
    uint64_t n_key_field_repeated;          /* events joined by a field: leads whose value an earlier lead has already, which
                                               gets the events */
    uint32_t n_unmatched_properties;
    struct asy_str *unmatched_properties;   /* event properties that rules read and no events file has */
    uint32_t n_unmatched_fields;
    uint32_t *unmatched_fields;             /* fields that rules read and no column or derive gives */
};

/* Where a rejected row goes (a CSV with file,line,column,reason,row). NULL write: only counted. */
struct asy_reject_sink {
    void *ctx;
    assay_status (*write)(void *ctx, struct asy_str file, uint64_t line, struct asy_str column, const char *reason,
                          struct asy_str raw, struct assay_error *error);
};

struct asy_ingest_options {
    const struct asy_map *map;
    struct asy_reject_sink rejects;
    double max_rejects;        /* share of a file's rows, 0.01 */
    size_t max_cell_bytes;     /* 0: 1 MiB */
    size_t buffer_bytes;       /* of the row reader, 0: as it likes; tests take small ones */
    int64_t as_of_s;           /* events after it are counted and dropped; 0 .. UINT32_MAX */
    uint32_t n_threads;        /* 0: 1. Results, counts, rejects and errors do not depend on it */
    /* Called now and then, also while a pipe keeps us waiting, by one thread at a time, not always the same; return false to
     * stop (ASSAY_E_CANCELLED). NULL: never. */
    bool (*progress)(void *ctx, struct asy_str file, uint64_t n_rows, uint64_t done_bytes, uint64_t total_bytes);
    void *progress_ctx;
};

struct asy_ingest;
assay_status asy_ingest_new(struct asy_ingest **out, struct asy_mem *mem, struct asy_store *store,
                            const struct asy_ingest_options *options, struct assay_error *error);
/* Leads first (may be called for several files), then events (any number of files), then finish, which groups the events. */
assay_status asy_ingest_leads(struct asy_ingest *ingest, const char *path, struct assay_error *error);
assay_status asy_ingest_events(struct asy_ingest *ingest, const char *path, struct assay_error *error);
assay_status asy_ingest_finish(struct asy_ingest *ingest, uint32_t n_threads, struct assay_error *error);
/* Borrowed from `ingest`. */
const struct asy_ingest_report *asy_ingest_report(const struct asy_ingest *ingest);
void asy_ingest_free(struct asy_ingest *ingest);

#endif
