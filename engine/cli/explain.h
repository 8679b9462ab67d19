/* Why one lead has its score, grade and route: what the page and the JSON of `assay explain` both say. Made from the
 * row-at-a-time reading of the rules (exec/lead.h), which tests hold to the batched pass; so what is told is what was scored.
 * Texts are made in the command's pool. */
#ifndef ASY_CLI_EXPLAIN_H
#define ASY_CLI_EXPLAIN_H

#include "cli/run.h"
#include "exec/lead.h"

struct asy_explained {
    struct asy_cli *cli;
    struct assay *session;
    const struct asy_rules *rules;
    struct asy_lead_story story;
    FILE *out;
    int name_width; /* of the page's column of rule names */
};

/* "12.5", "+12.5", "-3", "0" */
const char *asy_explain_points(int64_t milli, bool with_sign, char out[32]);
/* "true", "false", "unknown" */
const char *asy_explain_truth(struct asy_cel_value value);
struct asy_cel_value asy_explain_evaluate(const struct asy_explained *page, const struct asy_cel_node *node);

/* What an expression reads, by name, and the lead's values. */
enum { ASY_EXPLAIN_INPUTS_MAX = 64 };
struct asy_explain_list {
    const struct asy_explained *page;
    struct asy_str names[ASY_EXPLAIN_INPUTS_MAX], values[ASY_EXPLAIN_INPUTS_MAX];
    uint32_t n;
};
void asy_explain_inputs(const struct asy_explained *page, const struct asy_cel_node *node, struct asy_explain_list *list);
/* What a plugin was shown. */
void asy_explain_reads(const struct asy_explained *page, uint32_t call, struct asy_explain_list *list);

/* Joined conditions, by asy_cel_node.clause; their items (those of `none` stand below its negation). */
enum { ASY_CLAUSE_ALL = 2, ASY_CLAUSE_ANY, ASY_CLAUSE_NONE };
const char *asy_explain_join_word(uint8_t clause);
const struct asy_cel_node *asy_explain_items(const struct asy_cel_node *node);

/* Why a term has its points: "company.employees = 85, line 51-200"; "3 events, latest 2026-10-30T08:11:00Z". */
struct asy_str asy_explain_term(const struct asy_explained *page, uint32_t number);
/* "yes", "no", "unknown" */
const char *asy_explain_verdict(struct asy_cel_value value);
/* What a plugin said: "plugin rivals: competitor (The company is a competitor)". */
struct asy_str asy_explain_plugin(const struct asy_explained *page, uint32_t call, const struct asy_verdict_story *verdict);
/* When a recycled lead is due, or 0. */
int64_t asy_explain_due_s(const struct asy_explained *page);
/* Who got the lead, and why he. */
struct asy_str asy_explain_owner(const struct asy_explained *page);
/* Is a field empty for the lead? */
bool asy_explain_lacks(const struct asy_explained *page, uint32_t field);
/* Is an item of `filled:` there? */
bool asy_explain_has_item(const struct asy_explained *page, const struct asy_filled_item *item);

/* Print the story as JSON; the exit code. */
int asy_explain_json(const struct asy_explained *page);

#endif
