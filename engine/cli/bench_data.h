/* Made-up leads and events for any rule file, straight into a store: what `assay bench` scores when it is given no files.
 * Values are those that the rules name and their neighbours, so that every rule matches some leads. The same numbers give the
 * same data. */
#ifndef ASY_CLI_BENCH_DATA_H
#define ASY_CLI_BENCH_DATA_H

#include "rule/rules.h"
#include "store/store.h"

/* Fill `store`, which was made for the rules' schema and is empty, and group its events. ASSAY_E_NOMEM, ASSAY_E_LIMIT. */
assay_status asy_bench_data(struct asy_store *store, const struct asy_rules *rules, uint32_t n_leads, uint32_t events_per_lead,
                            int64_t as_of_s, uint32_t n_threads, struct assay_error *error);

#endif
