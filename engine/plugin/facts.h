/* What create() is told, as one block of bytes that can stand in this process or in memory shared with another one: the parameters'
 * values and, for every column of texts, the dictionary. Positions are offsets. The reader trusts the block: it is made here.
 *
 *   [ header | columns | settings | texts by code ... | file contents ... ]      every text is followed by a NUL */
#ifndef ASY_PLUGIN_FACTS_H
#define ASY_PLUGIN_FACTS_H

#include "plugin/decl.h"

/* The texts of a column by code; code 0 is "". */
struct asy_facts_column {
    uint32_t n_codes; /* 0: not a column of texts */
    void *ctx;
    struct asy_str (*text)(void *ctx, uint32_t code);
};
struct asy_facts {
    const uint8_t *base;
    uint64_t size_bytes;
    int fd;           /* >= 0: sealed memory that can be given to another process; -1: private */
    bool is_borrowed; /* a view of a block that somebody else owns */
};

/* A block for `decl` (n_wants columns, n_params settings). Unmap with asy_facts_fini. ASSAY_E_NOMEM, ASSAY_E_IO. */
assay_status asy_facts_make(struct asy_facts *facts, const struct asy_plugin_decl *decl, const struct asy_facts_column *columns,
                            const struct asy_plugin_setting *settings, bool is_shared, struct assay_error *error);
void asy_facts_fini(struct asy_facts *facts);

uint32_t asy_facts_n_codes(const struct asy_facts *facts, uint32_t column);
struct assay_text asy_facts_text(const struct asy_facts *facts, uint32_t column, uint32_t code);
/* The values for create(), in `pool`. False: no memory. */
bool asy_facts_values(const struct asy_facts *facts, struct asy_pool *pool, struct assay_value **values);

#endif
