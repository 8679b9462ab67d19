/* assay/plugin.h - the whole plugin ABI in one header, to be read over coffee. plugins/README.md is the guide.
 *
 * A plugin is a shared object that judges leads. It never walks the store: the engine hands it batches of at most
 * ASSAY_BATCH_ROWS leads as typed columns, and it fills verdict arrays. Four kinds:
 *
 *   disqualify  a reason to drop the lead
 *   route       a reason to send the lead this way and, if it likes, to whom (a target)
 *   recycle     a reason to bring the lead back and, if it likes, when
 *   score       a reason to give points, and how many
 *
 * Threads.  [control]  called from one thread at a time, never while run() is active on the state.
 *           [worker]   called from any thread; one at a time per state unless ASSAY_CAP_SHARED_STATE.
 * Purity.   The verdict about a lead is a function of its declared columns, the parameters, the dictionaries and, if the
 *           capability says so, lead_key and now_s. It does not depend on the lead's position, its neighbours, the
 *           size of the batch, the thread, earlier calls or the numbers of dictionary codes. The engine splits, merges,
 *           reorders and repeats batches; `assay plugin check` proves that nothing changes.
 * Memory.   Pointers passed in are borrowed until the call returns. Static tables reached from assay_entry_v1 live as long
 *           as the process: a plugin is never unloaded. Each side frees only what it allocated. run() does not allocate,
 *           lock, log, ask for the time or do I/O; create() may allocate, and opens no files (ASSAY_FILE_PARAM hands
 *           it their content).
 * Layout.   LP64, little-endian; fixed-width integers and pointers; padding is spelled out as reserved fields, which are 0.
 *           Structs that start with struct_size grow at their end, in a minor version; the others never change. */
#ifndef ASSAY_PLUGIN_H
#define ASSAY_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASSAY_ABI_MAJOR 1 /* a break: the entry symbol gets a new name */
#define ASSAY_ABI_MINOR 0 /* an addition: appended fields, new enum values, new services */

#if defined(__GNUC__)
#define ASSAY_EXPORT __attribute__((visibility("default")))
#else
#define ASSAY_EXPORT
#endif

/* Does `field` lie within the bytes that the maker of *p says it wrote? Ask before reading fields of a later minor version. */
#define ASSAY_HAS(p, field) ((size_t)((const char *)(&(p)->field + 1) - (const char *)(p)) <= (p)->struct_size)

enum {
    ASSAY_BATCH_ROWS = 2048,
    ASSAY_WANTS_MAX = 64,
    ASSAY_PARAMS_MAX = 64,
    ASSAY_REASONS_MAX = 1024,
    ASSAY_COUNTERS_MAX = 32,
    ASSAY_TARGETS_MAX = 65535,
};

/* UTF-8, `n_bytes` long, and followed by a NUL. */
struct assay_text {
    const char *p;
    uint64_t n_bytes;
};

/* Why create() or run() failed: one line, NUL-terminated, that says what was expected and what was found. */
struct assay_plugin_error {
    uint32_t struct_size; /* set by the caller */
    uint32_t reserved0;
    char text[248];
};

/* -- what a plugin reads -------------------------------------------------------------------------------------------------- */

enum assay_column_type {
    ASSAY_BOOL_COLUMN = 1, /* uint8_t: 0 or 1 */
    ASSAY_INT_COLUMN,      /* int64_t: whole-number fields; events.<e>.count, .days_ago, .first_days_ago */
    ASSAY_NUMBER_COLUMN,   /* double, never NaN */
    ASSAY_TEXT_COLUMN,     /* uint32_t: code in the column's dictionary; text, enums, countries (alpha-2), grade */
    ASSAY_TIME_COLUMN,     /* int64_t: seconds since 1970-01-01T00:00:00Z */
    ASSAY_POINTS_COLUMN,   /* int32_t: a score, in 1/1000 points */
};
enum { ASSAY_WANT_OPTIONAL = 1 }; /* where the rule file gives it nothing, every row is null */

struct assay_want { /* a column the plugin reads; it sees no other. The rule file says which field it is */
    const char *name; /* [a-z][a-z0-9_]* */
    uint32_t type;
    uint32_t flags;
    const char *help;
};

struct assay_column {  /* data: aligned to 64 bytes, readable to the next multiple of 64 rows; 0 where the row is null */
    const void *data;
    const uint8_t *null; /* one byte a row: 0 present, 0xFF null; likewise readable */
};

struct assay_batch {
    uint32_t struct_size;
    uint32_t n_rows;                    /* 1 .. ASSAY_BATCH_ROWS */
    uint32_t n_columns;                 /* as many as the plugin wants, in that order */
    uint32_t n_selected;
    const uint16_t *selected;           /* ascending row numbers, or NULL: every row */
    const struct assay_column *columns;
    const uint64_t *lead_key;           /* stable hash of the lead's id, the same in every run and database; NULL without
                                           ASSAY_CAP_READS_KEY */
    int64_t now_s;                      /* the time the run scores for; 0 without ASSAY_CAP_READS_TIME */
    void *scratch;                      /* what create() reserved (service assay.scratch/1); content unspecified */
};

/* -- what a plugin answers ------------------------------------------------------------------------------------------------ */

enum { ASSAY_NO_REASON = 0, ASSAY_NO_TARGET = -1, ASSAY_NO_DUE = 0 };

/* Arrays of exactly n_rows. For every selected row run() writes reason[row]; where that is not ASSAY_NO_REASON it also writes what
 * its kind adds. Unselected rows may be read and written: they hold any values of their types (a code is one of the dictionary's), and
 * what is written there is ignored, so a dense loop over n_rows is as right as one over `selected`. */
struct assay_verdict {
    uint32_t struct_size;
    uint32_t reserved0;
    uint16_t *reason;       /* a code of the plugin's table, or ASSAY_NO_REASON: the rule does not match */
    int32_t *points_milli;  /* score: 1/1000 points, within the plugin's limits; NULL for other kinds, as what follows */
    int32_t *target;        /* route: what service assay.targets/1 gave, or ASSAY_NO_TARGET */
    int64_t *due_s;         /* recycle: seconds since 1970, at most UINT32_MAX; ASSAY_NO_DUE: the rule file's `in:`, if any */
    uint64_t *counters;     /* add to counters[i] what service assay.counters/1 gave; NULL without any */
};

/* -- what a plugin says about itself -------------------------------------------------------------------------------------- */

enum assay_plugin_kind { ASSAY_DISQUALIFY = 1, ASSAY_ROUTE, ASSAY_RECYCLE, ASSAY_SCORE };

enum assay_plugin_cap {
    ASSAY_CAP_READS_TIME = 1,    /* the verdict depends on now_s */
    ASSAY_CAP_READS_KEY = 2,     /* the verdict depends on lead_key: sticky choices */
    ASSAY_CAP_SHARED_STATE = 4,  /* run() may be active on one state in several threads */
};

struct assay_reason {
    uint32_t code;       /* 1 .. 65534, unique, never renumbered, never used again */
    uint32_t reserved0;
    const char *id;      /* "disposable_email": stable, for machines; [a-z][a-z0-9_]* */
    const char *text;    /* "The e-mail domain is a known disposable provider": for people */
};

enum assay_param_type {
    ASSAY_TEXT_PARAM = 1, /* value.text */
    ASSAY_INT_PARAM,      /* value.i */
    ASSAY_NUMBER_PARAM,   /* value.d */
    ASSAY_BOOL_PARAM,     /* value.i: 0 or 1 */
    ASSAY_DURATION_PARAM, /* 30d, 12h: value.i in seconds */
    ASSAY_TEXTS_PARAM,    /* a list, or one text: value.texts[0 .. n_texts - 1] */
    ASSAY_FILE_PARAM,     /* a file beside the rule file, at most 64 MiB: value.text is its content */
};
enum { ASSAY_PARAM_REQUIRED = 1 };

struct assay_param { /* a key of `with:` in the rule file */
    const char *name;     /* [a-z][a-z0-9_]* */
    uint32_t type;
    uint32_t flags;
    const char *fallback; /* as it would be written in the rule file; NULL: 0, empty text, no texts, no content */
    const char *help;
    int64_t lo, hi;       /* INT, DURATION, NUMBER: limits, both included; both 0: none */
};

struct assay_value { /* of one parameter; `text` and `texts` live until destroy() */
    uint32_t type;
    uint32_t n_texts;
    int64_t i;
    double d;
    struct assay_text text;
    const struct assay_text *texts;
};

/* What the engine offers to create(). Services are tables of functions, asked for by name; a name never changes its meaning. */
struct assay_host {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor;
    void *ctx; /* the engine's */
    /* NULL: this engine has no such service. [control] */
    const void *(*service)(const struct assay_host *host, const char *name);
};

/* "assay.dictionary/1": the distinct values of wanted column `column` (of type ASSAY_TEXT_COLUMN). Code 0 is the empty text; a
 * rule that looks at each distinct value once, here, costs next to nothing per lead. Also usable in run(). */
struct assay_dictionary {
    uint32_t struct_size;
    uint32_t reserved0;
    uint32_t (*n_codes)(const struct assay_host *host, uint32_t column); /* valid codes are 0 .. n_codes - 1 */
    struct assay_text (*text)(const struct assay_host *host, uint32_t column, uint32_t code);
    uint32_t (*find)(const struct assay_host *host, uint32_t column, const char *text, uint64_t n_bytes); /* 0: not there */
};
/* "assay.counters/1": numbers for the run's summary. The index for verdict.counters, or -1: too many. */
struct assay_counters {
    uint32_t struct_size;
    uint32_t reserved0;
    int32_t (*add)(const struct assay_host *host, const char *name);
};
/* "assay.targets/1", route only: names of owners. The number for verdict.target (the same for the same name), or -1: too many. */
struct assay_targets {
    uint32_t struct_size;
    uint32_t reserved0;
    int32_t (*add)(const struct assay_host *host, const char *name, uint64_t n_bytes);
};
/* "assay.scratch/1": memory for run(), aligned to 64 bytes, as batch.scratch. 0, or -1: more than 16 MiB. */
struct assay_scratch {
    uint32_t struct_size;
    uint32_t reserved0;
    int32_t (*reserve)(const struct assay_host *host, uint64_t n_bytes);
};
/* "assay.log/1": a line for the person who runs it; the first 32 are shown. No personal data. */
struct assay_log {
    uint32_t struct_size;
    uint32_t reserved0;
    void (*line)(const struct assay_host *host, const char *text);
};

struct assay_plugin {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor;
    uint32_t kind, caps;
    const char *id;      /* "com.example.disposable" */
    const char *version; /* the plugin's own, free form */
    const char *help;    /* one line */
    uint32_t n_wants, n_params, n_reasons;
    uint32_t reserved0;
    const struct assay_want *wants;
    const struct assay_param *params;
    const struct assay_reason *reasons;
    int32_t points_min_milli, points_max_milli; /* score: limits of what it gives, at most 1,000,000 points; else 0 */
    /* Look at the parameters and dictionaries, allocate. `values`: n_params, in their order. 0, or anything else after filling
     * *error; *state is then not used. `host` lives until destroy(). [control] */
    int32_t (*create)(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error);
    /* Judge every selected row. 0, or anything else after filling *error: the batch has no verdicts. [worker] */
    int32_t (*run)(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error);
    void (*destroy)(void *state);              /* [control] */
    const void *(*get_extension)(const char *name); /* optional abilities of a plugin, by name; may be NULL. [control] */
};

/* The one symbol that a plugin exports. It is data: the engine reads it before it calls into the plugin. */
ASSAY_EXPORT extern const struct assay_plugin assay_entry_v1;

/* Its first three fields. */
#define ASSAY_ABI_HEADER (uint32_t)sizeof(struct assay_plugin), ASSAY_ABI_MAJOR, ASSAY_ABI_MINOR

/* Where the compiler has put the fields above: another number, another layout (packing, field order, 32 bits). */
#define ASSAY_AT(type, field, weight) ((uint64_t)offsetof(struct type, field) * (weight))
#define ASSAY_LAYOUT_HASH                                                                                                          \
    (sizeof(void *) * 3u + sizeof(struct assay_want) * 5u + sizeof(struct assay_param) * 7u + sizeof(struct assay_reason) * 11u +   \
     sizeof(struct assay_value) * 13u + sizeof(struct assay_column) * 17u + ASSAY_AT(assay_text, n_bytes, 19u) +                    \
     ASSAY_AT(assay_want, type, 23u) + ASSAY_AT(assay_want, help, 29u) + ASSAY_AT(assay_param, type, 31u) +                         \
     ASSAY_AT(assay_param, fallback, 37u) + ASSAY_AT(assay_param, help, 41u) + ASSAY_AT(assay_param, hi, 43u) +                     \
     ASSAY_AT(assay_reason, id, 47u) + ASSAY_AT(assay_reason, text, 53u) + ASSAY_AT(assay_value, i, 59u) +                          \
     ASSAY_AT(assay_value, d, 61u) + ASSAY_AT(assay_value, text, 67u) + ASSAY_AT(assay_value, texts, 71u) +                         \
     ASSAY_AT(assay_column, null, 73u) + ASSAY_AT(assay_batch, n_columns, 79u) + ASSAY_AT(assay_batch, selected, 83u) +             \
     ASSAY_AT(assay_batch, columns, 89u) + ASSAY_AT(assay_batch, lead_key, 97u) + ASSAY_AT(assay_batch, now_s, 101u) +              \
     ASSAY_AT(assay_batch, scratch, 103u) + ASSAY_AT(assay_verdict, reason, 107u) + ASSAY_AT(assay_verdict, points_milli, 109u) +   \
     ASSAY_AT(assay_verdict, target, 113u) + ASSAY_AT(assay_verdict, due_s, 127u) + ASSAY_AT(assay_verdict, counters, 131u) +       \
     ASSAY_AT(assay_host, ctx, 137u) + ASSAY_AT(assay_host, service, 139u) + ASSAY_AT(assay_plugin, kind, 149u) +                   \
     ASSAY_AT(assay_plugin, caps, 151u) + ASSAY_AT(assay_plugin, id, 157u) + ASSAY_AT(assay_plugin, help, 163u) +                   \
     ASSAY_AT(assay_plugin, n_wants, 167u) + ASSAY_AT(assay_plugin, n_reasons, 173u) + ASSAY_AT(assay_plugin, wants, 179u) +        \
     ASSAY_AT(assay_plugin, params, 181u) + ASSAY_AT(assay_plugin, reasons, 191u) +                                                 \
     ASSAY_AT(assay_plugin, points_max_milli, 193u) + ASSAY_AT(assay_plugin, create, 197u) + ASSAY_AT(assay_plugin, run, 199u) +    \
     ASSAY_AT(assay_plugin, destroy, 211u) + ASSAY_AT(assay_plugin, get_extension, 223u))

/* The ELF note that the engine reads before it loads a plugin, since loading already runs the plugin's code. */
struct assay_note {
    uint32_t n_name_bytes, n_desc_bytes, type; /* 6, 16, 1 */
    char name[8];                              /* "assay" */
    uint32_t abi_major, abi_minor;
    uint32_t layout_lo, layout_hi;             /* ASSAY_LAYOUT_HASH */
};
/* Once in every plugin, at file scope: `ASSAY_PLUGIN_NOTE;` */
#define ASSAY_PLUGIN_NOTE                                                                                        \
    __attribute__((section(".note.assay"), used, aligned(4))) static const struct assay_note assay_plugin_note = {       \
        6, 16, 1, "assay", ASSAY_ABI_MAJOR, ASSAY_ABI_MINOR, (uint32_t)(ASSAY_LAYOUT_HASH),                                 \
        (uint32_t)((uint64_t)(ASSAY_LAYOUT_HASH) >> 32)}

#ifdef __cplusplus
}
#endif
#endif
