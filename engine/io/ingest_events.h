/* What the files share that read events. Not for anyone else.
 *
 *   ingest_events.c         blocks of rows -> staged events
 *   ingest_events_header.c  which columns are read
 *   ingest_events_cells.c   cells -> keys and names: quick loops over a column for what nearly all rows are, and one exact
 *                           look for the others
 *   ingest_events_times.c   the quick loop over times, plain and AVX2
 *
 * The columns that are read of each row: key, event, time, properties, distinct. */
#ifndef ASY_INGEST_EVENTS_H
#define ASY_INGEST_EVENTS_H

#include "io/ingest_internal.h"
#include "io/ingest_memo.h"

/* ---- columns ---- */

enum { ASY_EVENT_KEY, ASY_EVENT_NAME, ASY_EVENT_TIME, ASY_EVENT_REST };

struct asy_events_plan {
    struct asy_target *targets; /* of the file's match, in the order of the columns */
    uint32_t n_properties, n_distinct;
};

/* Say in file->match what is wanted. ASSAY_E_NOMEM. */
assay_status asy_events_want(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_events_plan *plan);
/* As asy_ingest_reader.match. */
assay_status asy_events_match(struct asy_ingest *ingest, struct asy_ingest_file *file, void *plan, bool is_whole, uint32_t *columns,
                              struct assay_error *error);

/* ---- cells ---- */

/* A name as written, of any length: it is told apart by 8 bytes from its beginning, its middle and its end, which is all of it up
 * to 24 bytes; longer ones are compared as well. */
struct asy_event_word {
    uint64_t head, middle, tail;
    uint32_t len;
    uint32_t number; /* of the event, + 1; 0: free */
};

struct asy_event_times {
    uint16_t *days;         /* by year since 1970, month and day: days since 1970, + 1; 0: no such day */
    uint64_t latest_s;      /* what is later is after as_of */
    uint32_t least_len, more_len; /* 19 and 1: of 19 or 20 bytes; less where such a text may be a null, or the map gives a format */
    bool is_wide;           /* AVX2 */
};

struct asy_event_words {
    /* open addressing, at most 1/16 full: nearly every name is where it is looked for first. Nulls of the map and texts with blanks at
     * their ends are not in it: no cell is that */
    struct asy_event_word *slots;
    struct asy_str *texts;        /* by slot */
    uint32_t shift;               /* 64 - log2 of the number of slots */
    uint32_t const_name;          /* + 1, of all rows; 0: read from the column */
    bool are_keys_plain;          /* a key is looked up as it is written */
    uint64_t empty_lengths;       /* bit n: an empty cell or null is n bytes long; bit 63: 63 or more */
    struct asy_event_times times;
};

/* Number of the event that `text` names, or -1. */
int32_t asy_event_find(const struct asy_event_words *words, struct asy_str text);

enum { ASY_EVENT_LOOK_BYTES = 20 }; /* as far as the loops look from the beginning of a cell on, however short it is */

/* What is odd of a row. */
enum { ASY_EVENT_ODD_KEY = 1, ASY_EVENT_ODD_NAME = 2, ASY_EVENT_ODD_TIME = 4 };

/* One column of a block, all rows of it: what is usual is read; where it is not, its bit comes into `odd` (set by keys, added to by names
 * and times), and what is read means nothing. `end`: so many bytes from `text` on may be read. Returns whether any row is odd. */
bool asy_event_keys_read(const struct asy_event_words *words, const char *text, const struct asy_span *cells, uint32_t n,
                         struct asy_str *keys, uint8_t *odd);
bool asy_event_names_read(const struct asy_event_words *words, const char *text, uint32_t end, const struct asy_span *cells,
                          uint32_t n, uint8_t *names, uint8_t *odd);
bool asy_event_times_read(const struct asy_event_times *times, const char *text, uint32_t end, const struct asy_span *cells,
                          uint32_t n, uint32_t *time_s, uint8_t *odd);

/* `is_plain`: no format of the map is tried before the usual one. The widest loop of the machine is chosen. ASSAY_E_NOMEM. */
assay_status asy_event_times_init(struct asy_event_times *times, struct asy_pool *pool, int64_t as_of_s, uint64_t empty_lengths,
                                  bool is_plain);

/* One time: a date, or date and clock with fraction or the zone of UTC written out. False: look again with asy_event_time. */
bool asy_event_time_quick(const struct asy_event_times *times, struct asy_str text, int64_t *out_s);

/* Any time, as the map's `dates` say, in whole seconds, up: no event counts before it happened. */
enum asy_time_parse asy_event_time(const struct asy_ingest *ingest, struct asy_str text, int64_t *out_s);
/* The key of a row as leads are found by it (maybe in `room`), empty if there is none. *is_value false: no lead can have it. */
enum asy_time_parse asy_event_key(const struct asy_ingest *ingest, struct asy_str text, char room[32], struct asy_str *key,
                                  bool *is_value);

#endif
