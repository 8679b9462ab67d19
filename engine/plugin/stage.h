/* Where leads are laid out for a plugin and its verdicts come back: two mappings, which a worker process maps too.
 *
 *   leads    : [ data of column 0 | null of column 0 | data of column 1 | ... | keys ]   read-only over there, and sealed
 *   verdicts : [ reason | points or target or due | counters ]
 *
 * Arrays have room for `n_rows_max` leads, a multiple of ASSAY_BATCH_ROWS, and begin at pages. Threads: one owner. */
#ifndef ASY_PLUGIN_STAGE_H
#define ASY_PLUGIN_STAGE_H

#include "plugin/decl.h"

#define ASY_REASON_UNWRITTEN 65535u      /* what the arrays are filled with before a plugin runs */
#define ASY_POINTS_UNWRITTEN INT32_MIN
#define ASY_TARGET_UNWRITTEN INT32_MIN
#define ASY_DUE_UNWRITTEN INT64_MIN

struct asy_stage {
    uint32_t n_rows_max, n_columns, kind;
    void **data;      /* by column */
    uint8_t **null;
    uint32_t *widths; /* bytes a row */
    uint64_t *keys;   /* NULL without ASSAY_CAP_READS_KEY */
    uint16_t *reason;
    int32_t *points;  /* by kind; the others NULL */
    int32_t *target;
    int64_t *due;
    uint64_t *counters; /* ASSAY_COUNTERS_MAX */
    uint8_t *leads, *verdicts; /* the mappings */
    uint64_t leads_bytes, verdicts_bytes;
    int leads_fd, verdicts_fd; /* -1: private */
};

/* Bytes of one value of a column type. */
uint32_t asy_stage_width(uint32_t column_type);
/* A stage, its arrays' places taken from `pool`. is_shared: memory that another process can map, the leads' sealed against any
 * writer but this mapping. ASSAY_E_NOMEM, ASSAY_E_IO. */
assay_status asy_stage_init(struct asy_stage *stage, struct asy_pool *pool, const struct asy_plugin_decl *decl, uint32_t n_rows_max,
                            bool is_shared, struct assay_error *error);
/* The other side of a shared stage, from its descriptors: leads read-only. False: it cannot be mapped. */
bool asy_stage_map(struct asy_stage *stage, struct asy_pool *pool, const struct asy_plugin_decl *decl, uint32_t n_rows_max, int leads_fd,
                   int verdicts_fd);
void asy_stage_fini(struct asy_stage *stage);

#endif
