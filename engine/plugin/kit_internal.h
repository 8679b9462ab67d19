/* Inside of the conformance kit: made-up leads (kit_data.c), how a plugin is asked about them (kit_judge.c), the checks (kit_checks.c,
 * kit_settings.c), and the trap for calls that run() must not make (kit_trap.c). kit.c runs every check in a process of its own.
 *
 *   kit.c: fork -> check(kit) -> asy_kit_judge ...      returns: passed; asy_kit_fail and asy_kit_skip end the process
 *
 * What a check has to say goes through a page that both processes share (struct asy_kit_news), so that it is there after a crash too.
 * Functions below that take a struct asy_kit belong into such a process: they end it instead of returning an error. */
#ifndef ASY_PLUGIN_KIT_INTERNAL_H
#define ASY_PLUGIN_KIT_INTERNAL_H

#include "plugin/instance_internal.h"
#include "plugin/kit.h"

enum {
    ASY_KIT_LEADS = 3 * ASSAY_BATCH_ROWS,
    ASY_KIT_CODES_MAX = 1500,
    ASY_KIT_WHY_BYTES = 600,
};

/* -- made-up leads ------------------------------------------------------------------------------------------------ */

struct asy_kit_random {
    uint64_t state;
};
uint64_t asy_kit_draw(struct asy_kit_random *random);
/* 0 .. n - 1; n >= 1. */
uint32_t asy_kit_below(struct asy_kit_random *random, uint32_t n);

struct asy_kit_leads {
    uint32_t n_columns;
    struct asy_kit_column {
        uint32_t type, width;
        uint8_t *data;         /* ASY_KIT_LEADS values, 0 where null */
        uint8_t *null;         /* 0 or 0xFF */
        uint32_t n_codes;      /* of a column of texts, else 0 */
        struct asy_str *texts; /* by code */
    } *columns;
    uint64_t *keys;
    int64_t now_s;
};
/* Leads with values that settings, files, declaration and code of the plugin speak of, ordinary ones and extreme ones. Everything in
 * `pool`; false: no memory. `settings`: one for each parameter. `program`: the bytes of the shared object. */
bool asy_kit_leads_make(struct asy_kit_leads *leads, struct asy_pool *pool, const struct asy_plugin_decl *decl,
                        const struct asy_plugin_setting *settings, struct asy_str program, uint64_t seed);
/* The dictionaries as asy_facts_make wants them; NULL: no memory. */
struct asy_facts_column *asy_kit_facts_columns(const struct asy_kit_leads *leads, struct asy_pool *pool);
/* "email=\"a@b\", seats=3, plan=null", shortened. */
void asy_kit_lead_text(const struct asy_kit_leads *leads, const struct asy_plugin_decl *decl, uint32_t lead, char *out, size_t n_bytes);

/* -- one check in its process ------------------------------------------------------------------------------------- */

struct asy_kit_verdict { /* as it is compared */
    uint16_t reason;
    int64_t value;       /* points, due time, hash of the target's name; 0 without a reason */
};

enum asy_kit_outcome { ASY_KIT_NO_OUTCOME, ASY_KIT_PASSED, ASY_KIT_FAILED, ASY_KIT_SKIPPED };
struct asy_kit_news { /* shared with the process that waits; a plugin may have scribbled on it */
    uint32_t outcome;
    char why[ASY_KIT_WHY_BYTES];
    char doing[200];             /* "in create() with ..."; "" for run() */
    char hint[200];              /* what a crash may mean in this check */
    uint32_t n_rows, first_lead; /* of the batch in hand; n_rows 0: none */
    double ns_per_lead;
    uint8_t is_reason_seen[ASSAY_REASONS_MAX]; /* by number in decl->reasons */
    struct asy_kit_verdict verdicts[ASY_KIT_LEADS];
};

struct asy_kit_array { /* memory between two pages that nobody may touch */
    uint8_t *usable;
    size_t n_bytes;
};
struct asy_kit_frame { /* the arrays of one batch */
    struct asy_kit_array *data, *null; /* by column */
    struct asy_kit_array keys, reason, value;
    struct assay_column *columns;
    struct asy_kit_random random;
};

struct asy_kit {
    struct asy_mem mem;
    struct asy_pool pool;
    struct assay_plugin plugin;
    const struct asy_plugin_decl *decl;
    const struct asy_plugin_setting *settings;
    const struct asy_facts *facts;
    const struct asy_kit_leads *leads;
    const struct asy_plugin_file *file;
    int64_t (*now_ns)(void);
    uint64_t (*bytes_in_use)(void);
    struct asy_kit_news *news;
    struct asy_kit_frame frame;
    struct asy_kit_random random; /* of the checks; arrays are filled from the frame's */
    struct asy_kit_trap *trap; /* set while run() must not call anything */
    struct asy_kit_verdict *expected; /* by lead: what asy_kit_expect found */
};

_Noreturn void asy_kit_fail(struct asy_kit *kit, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void asy_kit_skip(struct asy_kit *kit, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* In the kit's pool; ends the process where there is no memory. */
void *asy_kit_alloc(struct asy_kit *kit, size_t n, size_t size_bytes);

/* Call create(); when it fails the check has failed. */
struct asy_instance *asy_kit_create(struct asy_kit *kit, const struct asy_facts *facts);
void asy_kit_destroy(struct asy_kit *kit, struct asy_instance *instance);
/* Room for one batch of any length. A kit has one already; a second thread needs its own. */
void asy_kit_frame_make(struct asy_kit *kit, struct asy_kit_frame *frame);
/* The time that create(), and whatever else is not run(), may take; `is_on` false lifts it. SIGPROF or SIGALRM end the process. */
void asy_kit_limit_create(bool is_on);

/* Rows that are no lead of the table. */
#define ASY_KIT_MIXED UINT32_MAX          /* every value from some lead, or null */
#define ASY_KIT_ONES (UINT32_MAX - 1)     /* nobody's: the last value of the type */
#define ASY_KIT_NOISE (UINT32_MAX - 2)    /* nobody's: any value of the type */
struct asy_kit_call {
    const uint32_t *rows;     /* n_rows numbers of leads, or from the list above */
    uint32_t n_rows;
    uint32_t n_selected;
    const uint16_t *selected; /* NULL: all */
    bool is_tight;            /* arrays end where the contract ends */
    bool is_read_only;        /* inputs cannot be written */
    bool is_compared;         /* inputs are compared with what they were */
    bool is_timed;            /* news->ns_per_lead becomes what run() took */
    bool has_strange_time, has_strange_keys; /* what a plugin that has not asked for them is not to look at */
    const struct asy_kit_leads *leads; /* NULL: the kit's */
    struct asy_kit_frame *frame;       /* NULL: the kit's */
    void *scratch;            /* NULL: the instance's */
    uint64_t *counters;       /* NULL: nobody wants to know */
};
/* Ask the plugin. out[row] for every selected row; others are left alone. */
void asy_kit_judge(struct asy_kit *kit, struct asy_instance *instance, const struct asy_kit_call *call, struct asy_kit_verdict *out);
/* What a fresh instance says about all leads, in full batches: kit->expected. */
struct asy_instance *asy_kit_expect(struct asy_kit *kit);
/* Judge and compare with kit->expected; `how` completes "lead 3 gets another verdict ...". */
void asy_kit_same(struct asy_kit *kit, struct asy_instance *instance, const struct asy_kit_call *call, const char *how);
/* Fail over one lead whose verdicts differ. */
_Noreturn void asy_kit_differ(struct asy_kit *kit, uint32_t lead, const struct asy_kit_verdict *expected,
                              const struct asy_kit_verdict *found, const char *how);

/* -- the trap ----------------------------------------------------------------------------------------------------- */

/* Calls out of a loaded library, found by its relocations. While the trap is set each call of a function that has no place there ends
 * in `caught` with its name; `caught` does not return. */
enum asy_kit_place { ASY_KIT_IN_RUN, ASY_KIT_IN_CREATE };
struct asy_kit_trap;
/* NULL and *why: cannot be done here. `inside`: some address in the library. */
struct asy_kit_trap *asy_kit_trap_make(struct asy_pool *pool, enum asy_kit_place place, const void *inside,
                                       void (*caught)(void *ctx, const char *name), void *ctx, const char **why);
void asy_kit_trap_set(struct asy_kit_trap *trap);
void asy_kit_trap_lift(struct asy_kit_trap *trap);

/* -- the checks --------------------------------------------------------------------------------------------------- */

struct asy_kit_check {
    const char *name, *meaning;
    void (*run)(struct asy_kit *kit); /* returns: passed */
    enum {
        ASY_KIT_ONCE,
        ASY_KIT_TWICE,                /* in two processes, whose news->verdicts must be the same */
        ASY_KIT_BASIS,                /* where it crashes, others need not be tried */
    } way;
};
void asy_kit_check_errors(struct asy_kit *kit); /* kit_settings.c */
void asy_kit_find_guilty(struct asy_kit *kit); /* not a check: each lead alone; it ends when a crash does */
extern const struct asy_kit_check asy_kit_checks[];
extern const uint32_t asy_kit_n_checks;

#endif
