/* A dictionary: text <-> code. Codes count up from 1 in order of first appearance; 0 is "empty". Codes are never
 * reused. Since they depend on the order of the input, no result may depend on their order. Heap memory through asy_mem.
 * Threads: one writer, or many readers. */
#ifndef ASY_DICT_H
#define ASY_DICT_H

#include "base/hash.h"
#include "base/mem.h"

struct asy_dict {
    struct asy_mem *mem;
    const struct asy_hasher *hasher; /* borrowed from the store */
    uint32_t n;                      /* codes in use, 0 counted: valid codes are 0 .. n - 1 */
    size_t text_cap, offsets_cap;
    char *text;
    uint64_t *offsets; /* n + 1: text of code c is text[offsets[c] .. offsets[c + 1]) */
    uint32_t *slots;   /* open addressing: code, 0 = free */
    uint32_t *hashes;  /* low 32 bits of the hash, by code */
    size_t hashes_cap;
    uint64_t n_slots;  /* power of two, at most half full */
};

void asy_dict_init(struct asy_dict *dict, struct asy_mem *mem, const struct asy_hasher *hasher);
void asy_dict_fini(struct asy_dict *dict);
/* Code of `s`, added if new. `s` empty gives 0. ASSAY_E_NOMEM; ASSAY_E_LIMIT beyond 2^31 - 1 texts. On failure the
 * dictionary is as it was. */
assay_status asy_dict_intern(struct asy_dict *dict, struct asy_str s, uint32_t *code);
/* Code of `s`, 0 if it is not there. */
uint32_t asy_dict_find(const struct asy_dict *dict, struct asy_str s);
static inline struct asy_str asy_dict_text(const struct asy_dict *dict, uint32_t code)
{
    return code == 0 ? (struct asy_str){"", 0}
                     : (struct asy_str){dict->text + dict->offsets[code], (uint32_t)(dict->offsets[code + 1] - dict->offsets[code])};
}
/* Heap bytes held. */
uint64_t asy_dict_bytes(const struct asy_dict *dict);
bool asy_dict_valid(const struct asy_dict *dict, const char **reason);

#endif
