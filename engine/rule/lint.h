/* Checks of meaning on a loaded rule file: what the file says and its author can hardly have meant. Needs no leads.
 * (The loader refuses what needs no thought: names given twice, routes after `otherwise`, decay days that do not increase.)
 *
 *   E0302 band-overlap              two bands of a points table have a number in common
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
 *   W0344 duplicate-name            two rules of one score and one name
 *   W0345 unused-list, W0346 unused-team
 *   W0347 line-overlap              two lines of a table have one value, with different points
 *   W0348 line-unreachable          earlier lines have all values of this one
 *   N0349 line-idle                 `otherwise` or `missing` that nothing can hit
 *   W0350 route-hole                leads that no route takes, with an example
 *   W0351 route-unreachable         a route that earlier ones leave nothing for
 *   W0352 route-partly-shadowed     a route that earlier ones on other fields take leads from, with an example; the exact
 *                                   meaning is in lint_route.c
 *   W0353 otherwise-missing         no `otherwise`, and the search for holes had to stop
 *   W0354 condition-duplicate       a disqualify or recycle rule asks the same as an earlier one
 *   N0355 disqualify-idle           a disqualify rule that is never the reason given
 *   W0356 recycle-unreachable       a recycle rule that earlier ones leave nothing for
 *   N0360 analysis-cut              a bound was hit: findings about conditions may be incomplete */
#ifndef ASY_RULE_LINT_H
#define ASY_RULE_LINT_H

#include "rule/rules.h"

/* Add findings to `diags`, whose path and source are those of the rules; the caller sorts them. Bounded in time and memory;
 * where an analysis had to stop at its bound it says so in a note, and claims nothing it has not proven. ASSAY_E_NOMEM. */
assay_status asy_rules_lint(const struct asy_rules *rules, struct asy_diags *diags, struct assay_error *error);

#endif
