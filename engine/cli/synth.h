/* Made-up leads and events with the shapes of real ones. Nobody in them exists: company domains end in .example, names are
 * common ones put together by chance, and free-mail addresses carry the lead's number.
 *
 * Same options, same bytes, on every machine: integer arithmetic and an own generator only (splitmix64: Steele, Lea and
 * Flood, "Fast Splittable Pseudorandom Number Generators", 2014). Every lead and every company draws from a stream of its own, so lead
 * 17 is who it is whatever is drawn for lead 16.
 *
 * Events per lead follow a power law: weight u^(-2/3) - 1 of a uniform u (Lomax with exponent 1.5), 15 % have none, and the total is
 * exactly n_leads * events_per_lead. The events file is ordered by time over all leads, as exports are; memory is bounded, for it is made
 * slice of time by slice of time.
 * Threads: one caller a run. */
#ifndef ASY_CLI_SYNTH_H
#define ASY_CLI_SYNTH_H

#include "base/diag.h"

#define ASY_SYNTH_LEADS_MAX (1u << 28)
#define ASY_SYNTH_EVENTS_PER_LEAD_MAX 1000
#define ASY_SYNTH_EVENTS_MAX 10000000000ULL
#define ASY_SYNTH_AS_OF_MIN_S 94694400LL   /* 1973-01-01 */
#define ASY_SYNTH_AS_OF_MAX_S 4260211200LL /* 2105-01-01: event times stay within 32 bits */

struct asy_synth {
    uint64_t n_leads;         /* 1 .. ASY_SYNTH_LEADS_MAX */
    uint64_t events_per_lead; /* 0 .. ASY_SYNTH_EVENTS_PER_LEAD_MAX; times n_leads at most ASY_SYNTH_EVENTS_MAX */
    uint64_t seed;
    int64_t as_of_s;
    bool is_json;             /* NDJSON, else CSV */
    uint64_t slice_events;    /* events sorted at a time, 16 bytes of memory each; 0: 16 million. The bytes do not depend on it */
};

/* Where the bytes go, in pieces of about 1 MiB. `progress` is called now and then; false stops the run (ASSAY_E_CANCELLED). */
struct asy_synth_sink {
    void *ctx;
    assay_status (*write)(void *ctx, struct asy_str bytes, struct assay_error *error);
    bool (*progress)(void *ctx, uint64_t n_rows, uint64_t done, uint64_t total); /* may be NULL */
};

assay_status asy_synth_leads(const struct asy_synth *synth, struct asy_mem *mem, const struct asy_synth_sink *sink,
                             struct assay_error *error);
/* *n_events: how many were made. */
assay_status asy_synth_events(const struct asy_synth *synth, struct asy_mem *mem, const struct asy_synth_sink *sink,
                              uint64_t *n_events, struct assay_error *error);

#endif
