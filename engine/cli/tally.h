/* What a run's results add up to, counted once for the summary that people read and the one for machines. */
#ifndef ASY_CLI_TALLY_H
#define ASY_CLI_TALLY_H

#include "session.h"

/* One line of a section: a name and how many leads. */
struct asy_tally {
    struct asy_str name;
    uint64_t n;
    bool is_special; /* not named in the rule file: shown only where there are some */
};
struct asy_tally_section {
    const char *title, *key; /* for people, for machines */
    struct asy_tally *items;
    uint32_t n;
};
enum {
    ASY_TALLY_GRADES, ASY_TALLY_DISQUALIFIED, ASY_TALLY_STAGES, ASY_TALLY_ROUTES, ASY_TALLY_RECYCLED, ASY_TALLY_SEGMENTS,
    ASY_TALLY_SECTIONS
};

/* Count all leads into ASY_TALLY_SECTIONS sections. False without memory. */
bool asy_tally_leads(const struct assay *session, struct asy_pool *pool, struct asy_tally_section *sections);

/* A rule that could not decide on some leads. */
struct asy_undecided {
    struct asy_str place; /* "score.fit", "disqualify", "lifecycle", "routes", "recycle", "nurture" */
    struct asy_str name;
    const struct asy_cel_node *when; /* NULL: a plugin */
    uint64_t n;
};
/* All of them, in the order of the file; NULL without memory. */
struct asy_undecided *asy_tally_undecided(const struct assay *session, struct asy_pool *pool, uint32_t *n);
/* A field that leads of a stage have to have, and how many of them lack it. */
struct asy_lacking {
    uint32_t stage, field;
    uint64_t n;
};
/* Those that some lead lacks, in the order of the file; NULL without memory. */
struct asy_lacking *asy_tally_lacking(const struct assay *session, struct asy_pool *pool, uint32_t *n);
/* The fields and events that may be empty and that a condition reads: "company.employees, events.job_change". */
struct asy_str asy_tally_reads(const struct asy_rules *rules, const struct asy_cel_node *when, struct asy_pool *pool);

#endif
