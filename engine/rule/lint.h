/* Checks of meaning on a loaded rule file: what the file says and its author can hardly have meant. Needs no leads.
 * (The loader refuses what needs no thought: names given twice, bands that overlap, routes after `otherwise`, decay days that do
 * not increase.)
 *
 *   W0303 band-gap                  no band has these numbers, though bands below and above do (N0303: below all or above all)
 *   W0331 points-otherwise          a value has no line, and the table no `otherwise`
 *   W0332 points-missing            the field may be empty, and the table has no `missing`
 *   W0333 enum-value-never          a list is compared with a field that can never have some of its items
 *   W0334 decay-order               a decay step takes off no more than the one before
 *   W0336 threshold-unreachable     a score compared with a number that decides nothing, as the score cannot pass it
 *   N0337 keep-within-unreachable   a bound of keep_within that the score cannot reach
 *   W0338 grade-unreachable         no lead can have this grade
 *   W0339 grade-hole                leads below the lowest grade
 *   W0340 clauses-conflict          clauses that cannot be true together
 *   W0341 condition-never           never true
 *   W0342 condition-always          always true
 *   W0343 negation-empty            `!=` or `!(x in ..)` that also catches leads whose x is empty
 *   W0343 equality-empty            `a == b` that also catches leads of which both are empty
 *   W0344 duplicate-name            two rules of one score and one name
 *   W0345 unused-list, W0346 unused-team, W0513 unused-plugin
 *   W0347 line-overlap              two lines of a table have one value, with different points
 *   W0348 line-unreachable          earlier lines have all values of this one
 *   N0349 line-idle                 `otherwise` or `missing` that nothing can hit
 *   W0350 route-hole                leads that no route takes, with an example
 *   W0351 route-unreachable         a route that earlier ones leave nothing for
 *   W0352 route-partly-shadowed     a route that earlier ones on other fields take leads from, with an example; the exact
 *                                   meaning is in rules/README.md
 *   W0353 otherwise-missing         no `otherwise`, and the search for holes had to stop
 *   W0354 condition-duplicate       a disqualify or recycle rule asks the same as an earlier one
 *   N0355 disqualify-idle           a disqualify rule that is never the reason given
 *   W0356 recycle-unreachable       a recycle rule that earlier ones leave nothing for
 *   N0360 analysis-cut              a bound was hit: findings about conditions may be incomplete
 *
 * What is proven, and what an example takes for granted. A finding that something cannot be ("never", "unreachable") is proven. A
 * finding that there are such leads (a hole, a shadowed route) has an example whose scores follow from its fields: points tables
 * and `when` rules of scores that conditions read count exactly, with `keep_within`, `sum:` and rounding. These are free, each by
 * itself any number from its least to its most, and may make a finding of a lead that cannot be:
 *   - event rules, but for one that gives 0 as the lead has no such event, and a plain one that counts once as it has it;
 *   - what idle decay takes off; the share of `filled:`, but for fields known to be empty or filled; plugins of scores;
 *   - tables of more than 256 lines, or on text by lists of more than 4,096 items together;
 *   - one event rule in two scores, a derived field and its source, two fields compared with each other and the values of each,
 *     conditions that compute (`size(x) > 3`, `x.startsWith('a')`): each is free of the other. */
#ifndef ASY_RULE_LINT_H
#define ASY_RULE_LINT_H

#include "rule/rules.h"

/* Add findings to `diags`, whose path and source are those of the rules; the caller sorts them. Bounded in time and memory;
 * where an analysis had to stop at its bound it says so in a note, and claims nothing it has not proven. ASSAY_E_NOMEM. */
assay_status asy_rules_lint(const struct asy_rules *rules, struct asy_diags *diags, struct assay_error *error);

#endif
