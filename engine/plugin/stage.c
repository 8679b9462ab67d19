#include "plugin/stage.h"

#include "plugin/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

uint32_t asy_stage_width(uint32_t column_type)
{
    switch (column_type) {
    case ASSAY_BOOL_COLUMN: return 1;
    case ASSAY_TEXT_COLUMN:
    case ASSAY_POINTS_COLUMN: return 4;
    case ASSAY_INT_COLUMN:
    case ASSAY_NUMBER_COLUMN:
    case ASSAY_TIME_COLUMN: return 8;
    default: return 0;
    }
}

/* The place of the next array of a mapping. While the size is not known yet `base` is NULL, and so are the places. */
static void *next_array(uint8_t *base, uint64_t *at, uint64_t n_bytes)
{
    const uint64_t from = *at;
    *at = from + asy_whole_pages(n_bytes);
    return base == NULL ? NULL : base + from;
}
static void lay_out(struct asy_stage *stage, const struct asy_plugin_decl *decl)
{
    const uint64_t n = stage->n_rows_max;
    stage->leads_bytes = stage->verdicts_bytes = 0;
    for (uint32_t c = 0; c < stage->n_columns; c++) {
        stage->data[c] = next_array(stage->leads, &stage->leads_bytes, n * stage->widths[c]);
        stage->null[c] = next_array(stage->leads, &stage->leads_bytes, n);
    }
    if ((decl->caps & ASSAY_CAP_READS_KEY) != 0) stage->keys = next_array(stage->leads, &stage->leads_bytes, n * sizeof(*stage->keys));
    /* a plugin that reads nothing has a mapping all the same */
    if (stage->leads_bytes == 0) next_array(stage->leads, &stage->leads_bytes, 1);
    stage->reason = next_array(stage->verdicts, &stage->verdicts_bytes, n * sizeof(*stage->reason));
    if (stage->kind == ASSAY_SCORE) stage->points = next_array(stage->verdicts, &stage->verdicts_bytes, n * sizeof(*stage->points));
    if (stage->kind == ASSAY_ROUTE) stage->target = next_array(stage->verdicts, &stage->verdicts_bytes, n * sizeof(*stage->target));
    if (stage->kind == ASSAY_RECYCLE) stage->due = next_array(stage->verdicts, &stage->verdicts_bytes, n * sizeof(*stage->due));
    stage->counters = next_array(stage->verdicts, &stage->verdicts_bytes, ASSAY_COUNTERS_MAX * sizeof(*stage->counters));
}

/* Everything but the mappings. False: no memory. */
static bool plan(struct asy_stage *stage, struct asy_pool *pool, const struct asy_plugin_decl *decl, uint32_t n_rows_max)
{
    const uint32_t n_batches = n_rows_max == 0 ? 1 : (n_rows_max - 1) / ASSAY_BATCH_ROWS + 1;
    *stage = (struct asy_stage){.n_rows_max = n_batches * ASSAY_BATCH_ROWS, .n_columns = decl->n_wants, .kind = decl->kind, .leads_fd = -1,
                                .verdicts_fd = -1};
    stage->data = asy_pool_alloc_n(pool, decl->n_wants, sizeof(*stage->data));
    stage->null = asy_pool_alloc_n(pool, decl->n_wants, sizeof(*stage->null));
    stage->widths = asy_pool_alloc_n(pool, decl->n_wants, sizeof(*stage->widths));
    if (stage->data == NULL || stage->null == NULL || stage->widths == NULL) return false;
    for (uint32_t c = 0; c < decl->n_wants; c++) stage->widths[c] = asy_stage_width(decl->wants[c].type);
    lay_out(stage, decl);
    return true;
}

/* After this nobody can get a writable mapping from the leads' descriptor. Kernels before 5.1 do not have that seal; there the
 * descriptor is exchanged for one that was opened for reading only. */
static bool close_to_writers(struct asy_stage *stage)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    if (fcntl(stage->leads_fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | seals) == 0) return true;
    char path[48];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", stage->leads_fd);
    const int reader = open(path, O_RDONLY | O_CLOEXEC);
    if (reader < 0 || fcntl(stage->leads_fd, F_ADD_SEALS, seals) != 0) {
        const int saved_errno = errno;
        if (reader >= 0) close(reader);
        errno = saved_errno;
        return false;
    }
    close(stage->leads_fd);
    stage->leads_fd = reader;
    return true;
}
static bool map_new(struct asy_stage *stage, bool is_shared)
{
    stage->leads = is_shared ? asy_map_shared(stage->leads_bytes, &stage->leads_fd) : asy_map_private(stage->leads_bytes);
    if (stage->leads == NULL) return false;
    stage->verdicts = is_shared ? asy_map_shared(stage->verdicts_bytes, &stage->verdicts_fd) : asy_map_private(stage->verdicts_bytes);
    if (stage->verdicts == NULL) return false;
    if (!is_shared) return true;
    return close_to_writers(stage) && fcntl(stage->verdicts_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

assay_status asy_stage_init(struct asy_stage *stage, struct asy_pool *pool, const struct asy_plugin_decl *decl, uint32_t n_rows_max,
                            bool is_shared, struct assay_error *error)
{
    if (!plan(stage, pool, decl, n_rows_max)) return asy_fail(error, ASSAY_E_NOMEM, "leads for a plugin: out of memory");
    if (map_new(stage, is_shared)) {
        lay_out(stage, decl);
        return ASSAY_OK;
    }
    const assay_status status = asy_map_failed("leads for a plugin", stage->leads_bytes + stage->verdicts_bytes, error);
    asy_stage_fini(stage);
    return status;
}

/* A mapping of all of a file that is at least so long: beyond its end lurks SIGBUS. */
static uint8_t *map_old(int fd, uint64_t n_bytes, int protection)
{
    struct stat file;
    if (fstat(fd, &file) != 0 || (uint64_t)file.st_size < n_bytes) return NULL;
    uint8_t *map = mmap(NULL, n_bytes, protection, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}
bool asy_stage_map(struct asy_stage *stage, struct asy_pool *pool, const struct asy_plugin_decl *decl, uint32_t n_rows_max, int leads_fd,
                   int verdicts_fd)
{
    if (!plan(stage, pool, decl, n_rows_max)) return false;
    stage->leads = map_old(leads_fd, stage->leads_bytes, PROT_READ);
    stage->verdicts = map_old(verdicts_fd, stage->verdicts_bytes, PROT_READ | PROT_WRITE);
    if (stage->leads != NULL && stage->verdicts != NULL) {
        lay_out(stage, decl);
        return true;
    }
    asy_stage_fini(stage);
    return false;
}

/* The descriptors of a mapped stage are the caller's: in there they are -1. */
void asy_stage_fini(struct asy_stage *stage)
{
    if (stage->leads != NULL) munmap(stage->leads, stage->leads_bytes);
    if (stage->verdicts != NULL) munmap(stage->verdicts, stage->verdicts_bytes);
    if (stage->leads_bytes > 0 && stage->leads_fd >= 0) close(stage->leads_fd);
    if (stage->leads_bytes > 0 && stage->verdicts_fd >= 0) close(stage->verdicts_fd);
    *stage = (struct asy_stage){.leads_fd = -1, .verdicts_fd = -1};
}
