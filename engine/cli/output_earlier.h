/* An earlier output, to compare with: every row of it, written anew as today's CSV would be. A row is the same if its bytes are.
 * Threads: many readers. */
#ifndef ASY_CLI_OUTPUT_EARLIER_H
#define ASY_CLI_OUTPUT_EARLIER_H

#include "cli/output_row.h"

struct asy_earlier {
    struct asy_mem *mem;
    struct asy_hasher hasher;
    struct asy_dict ids, rows; /* rows: without the id */
    uint32_t *row_of_id;
    size_t cap;
};

/* `seed` makes the hash secret. */
void asy_earlier_init(struct asy_earlier *earlier, struct asy_mem *mem, uint64_t seed);
void asy_earlier_fini(struct asy_earlier *earlier);
/* Read the file, CSV or NDJSON. `layout` is a CSV of `columns`. ASSAY_E_DATA if it is no earlier output of the rules. */
assay_status asy_earlier_read(struct asy_earlier *earlier, const struct asy_output_columns *columns, const struct asy_rules *rules,
                              const struct asy_layout *layout, const char *path, struct assay_error *error);
/* Is that row of that lead the one of the file? */
bool asy_earlier_has(const struct asy_earlier *earlier, struct asy_str id, struct asy_str rest);

#endif
