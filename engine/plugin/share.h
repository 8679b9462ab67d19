/* Mapped memory for plugins: shared with their processes, private, or between pages that nobody may touch. It stays out of core dumps:
 * leads are personal data. Functions that give NULL or false leave the cause in errno. */
#ifndef ASY_PLUGIN_SHARE_H
#define ASY_PLUGIN_SHARE_H

#include "base/mem.h"

/* `n_bytes` rounded up to whole pages. */
uint64_t asy_whole_pages(uint64_t n_bytes);
/* Zeros that only this process has. */
uint8_t *asy_map_private(uint64_t n_bytes);
/* Zeros in a file of memory that can be sealed and given to other processes; *fd is close-on-exec and above 9. Children of this process
 * do not inherit the mapping, which would be writable there. */
uint8_t *asy_map_shared(uint64_t n_bytes, int *fd);
/* ASSAY_E_NOMEM or ASSAY_E_IO, by errno. */
assay_status asy_map_failed(const char *what, uint64_t n_bytes, struct assay_error *error);

/* Memory for an array that ends where a page begins that nobody may touch; there is another such page in front. What is between that
 * one and the array is filled and looked over.
 *
 *   [ untouchable | filler | array ][ untouchable ] */
struct asy_guarded {
    uint8_t *map;
    uint64_t body_bytes;   /* of filler and array */
    uint64_t filler_bytes;
};
/* Room for up to `n_bytes_max`; 0: no array. Finish it even after false. */
bool asy_guarded_init(struct asy_guarded *guarded, uint64_t n_bytes_max);
void asy_guarded_fini(struct asy_guarded *guarded);
/* The place of an array of so many bytes, content unspecified; NULL if there is to be no array. */
void *asy_guarded_lay(struct asy_guarded *guarded, uint64_t n_bytes);
/* Was the filler as it was laid? If not, the next array gets a new one. */
bool asy_guarded_is_intact(struct asy_guarded *guarded);

#endif
