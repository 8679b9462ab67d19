/* A dictionary: text <-> code. Codes count up from 1 in order of first appearance; 0 is "empty". Codes are never
 * reused. Since they depend on the order of the input, no result may depend on their order. Heap memory through asy_mem.
 *
 *   text    : [ text of code 1 | of code 2 | ... ]
 *   offsets : [ - | begin of 1 | begin of 2 | ... | end of the last ]      32 bits wide while the text is below 4 GiB
 *   table   : codes by hash (table.h)
 *
 * Threads: one writer, or many readers. */
#ifndef ASY_DICT_H
#define ASY_DICT_H

#include "base/hash.h"
#include "store/table.h"

struct asy_dict {
    struct asy_mem *mem;
    const struct asy_hasher *hasher; /* borrowed from the store */
    uint32_t n;                      /* codes in use, 0 counted: valid codes are 0 .. n - 1 */
    bool is_wide;                    /* offsets are uint64_t */
    size_t text_cap, offsets_cap;
    char *text;
    void *offsets;                   /* n + 1: text of code c is text[offsets[c] .. offsets[c + 1]) */
    uint64_t narrow_max;             /* text bytes up to which offsets are narrow: UINT32_MAX, less in tests */
    struct asy_table table;
};

void asy_dict_init(struct asy_dict *dict, struct asy_mem *mem, const struct asy_hasher *hasher);
void asy_dict_fini(struct asy_dict *dict);
/* Code of `s`, added if new. `s` empty gives 0. ASSAY_E_NOMEM; ASSAY_E_LIMIT beyond 2^31 - 1 texts. On failure the
 * dictionary is as it was. */
assay_status asy_dict_intern(struct asy_dict *dict, struct asy_str s, uint32_t *code);
/* Many at once, in order, as asy_dict_intern one after the other. On failure the texts before the failing one are in. */
assay_status asy_dict_intern_batch(struct asy_dict *dict, const struct asy_str *texts, uint32_t n, uint32_t *codes);
/* Code of `s`, 0 if it is not there. */
uint32_t asy_dict_find(const struct asy_dict *dict, struct asy_str s);
/* Give back what growing by doubling has taken too much, as far as the allocator goes along. More texts may follow. */
void asy_dict_trim(struct asy_dict *dict);

static inline uint64_t asy_dict_offset(const struct asy_dict *dict, uint32_t code)
{
    return dict->is_wide ? ((const uint64_t *)dict->offsets)[code] : ((const uint32_t *)dict->offsets)[code];
}
static inline struct asy_str asy_dict_text(const struct asy_dict *dict, uint32_t code)
{
    struct asy_str s = {"", 0};
    if (code == 0)
        return s;
    const uint64_t start = asy_dict_offset(dict, code);
    s.p = dict->text + start;
    s.len = (uint32_t)(asy_dict_offset(dict, code + 1) - start);
    return s;
}
/* Heap bytes held. */
uint64_t asy_dict_bytes(const struct asy_dict *dict);
bool asy_dict_valid(const struct asy_dict *dict, const char **reason);

#endif
