/* Dictionaries, see dict.h. Open addressing with linear probing: the hash is keyed by a secret, so runs stay short. */
#include "base/check.h"
#include "store/dict.h"

enum { DICT_SLOTS_MIN = 16 };
#define DICT_TEXTS_MAX ((1u << 31) - 1)

void asy_dict_init(struct asy_dict *dict, struct asy_mem *mem, const struct asy_hasher *hasher)
{
    *dict = (struct asy_dict){.mem = mem, .hasher = hasher, .n = 1};
}

void asy_dict_fini(struct asy_dict *dict)
{
    asy_mem_free(dict->mem, dict->text, dict->text_cap);
    asy_mem_free(dict->mem, dict->offsets, dict->offsets_cap * sizeof *dict->offsets);
    asy_mem_free(dict->mem, dict->hashes, dict->hashes_cap * sizeof *dict->hashes);
    asy_mem_free(dict->mem, dict->slots, dict->n_slots * sizeof *dict->slots);
    asy_dict_init(dict, dict->mem, dict->hasher);
}

/* The slot of `s` or, if it is not there, the free slot where it belongs. */
static uint64_t find_slot(const struct asy_dict *dict, struct asy_str s, uint32_t hash)
{
    uint64_t mask = dict->n_slots - 1;
    uint64_t slot = hash & mask;
    for (;; slot = (slot + 1) & mask) {
        uint32_t code = dict->slots[slot];
        if (code == 0 || (dict->hashes[code] == hash && asy_str_eq(asy_dict_text(dict, code), s)))
            return slot;
    }
}

uint32_t asy_dict_find(const struct asy_dict *dict, struct asy_str s)
{
    if (s.len == 0 || dict->n_slots == 0)
        return 0;
    return dict->slots[find_slot(dict, s, (uint32_t)asy_hash(dict->hasher, s))];
}

/* Twice the slots, each code put where its kept hash says. */
static bool grow_slots(struct asy_dict *dict)
{
    uint64_t n_slots = dict->n_slots ? dict->n_slots * 2 : DICT_SLOTS_MIN;
    uint32_t *slots = asy_mem_alloc_n(dict->mem, n_slots, sizeof *slots);
    if (!slots)
        return false;
    asy_mem_wish_huge(slots, n_slots * sizeof *slots);
    for (uint32_t code = 1; code < dict->n; code++) {
        uint64_t slot = dict->hashes[code] & (n_slots - 1);
        while (slots[slot] != 0)
            slot = (slot + 1) & (n_slots - 1);
        slots[slot] = code;
    }
    asy_mem_free(dict->mem, dict->slots, dict->n_slots * sizeof *dict->slots);
    dict->slots = slots;
    dict->n_slots = n_slots;
    return true;
}

/* Room for one more text of `len` bytes everywhere, so that adding it cannot fail half-way. */
static bool make_room(struct asy_dict *dict, uint32_t len)
{
    uint64_t text_bytes = dict->offsets ? dict->offsets[dict->n] : 0;
    return asy_mem_grow(dict->mem, (void **)&dict->text, &dict->text_cap, text_bytes + len - 1, 1) &&
           asy_mem_grow(dict->mem, (void **)&dict->offsets, &dict->offsets_cap, (size_t)dict->n + 1,
                        sizeof *dict->offsets) &&
           asy_mem_grow(dict->mem, (void **)&dict->hashes, &dict->hashes_cap, dict->n, sizeof *dict->hashes) &&
           (2 * ((uint64_t)dict->n + 1) <= dict->n_slots || grow_slots(dict));
}

assay_status asy_dict_intern(struct asy_dict *dict, struct asy_str s, uint32_t *code)
{
    *code = 0;
    if (s.len == 0)
        return ASSAY_OK;
    uint32_t hash = (uint32_t)asy_hash(dict->hasher, s);
    if (dict->n_slots) {
        *code = dict->slots[find_slot(dict, s, hash)];
        if (*code)
            return ASSAY_OK;
    }
    if (dict->n > DICT_TEXTS_MAX)
        return ASSAY_E_LIMIT;
    if (!make_room(dict, s.len))
        return ASSAY_E_NOMEM;

    uint64_t start = dict->offsets[dict->n];
    memcpy(dict->text + start, s.p, s.len);
    dict->offsets[dict->n + 1] = start + s.len;
    dict->hashes[dict->n] = hash;
    dict->slots[find_slot(dict, s, hash)] = dict->n;
    *code = dict->n++;
    return ASSAY_OK;
}

uint64_t asy_dict_bytes(const struct asy_dict *dict)
{
    return dict->text_cap + dict->offsets_cap * sizeof *dict->offsets + dict->hashes_cap * sizeof *dict->hashes +
           dict->n_slots * sizeof *dict->slots;
}

bool asy_dict_valid(const struct asy_dict *dict, const char **reason)
{
    if (dict->n == 0)
        return *reason = "dictionary: code 0 is missing", false;
    if (dict->n == 1)
        return true; /* growth may have failed anywhere before the first text */
    if (dict->offsets_cap <= dict->n || dict->hashes_cap < dict->n || dict->offsets[1] != 0 ||
        dict->offsets[dict->n] > dict->text_cap)
        return *reason = "dictionary: arrays do not reach the last code", false;
    if (dict->n_slots & (dict->n_slots - 1) || dict->n_slots < 2 * (uint64_t)dict->n)
        return *reason = "dictionary: more than half full", false;
    uint64_t n_used = 0;
    for (uint64_t slot = 0; slot < dict->n_slots; slot++) {
        if (dict->slots[slot] >= dict->n)
            return *reason = "dictionary: a slot holds a code that does not exist", false;
        n_used += dict->slots[slot] != 0;
    }
    if (n_used != dict->n - 1)
        return *reason = "dictionary: slots in use differ from codes", false;
    for (uint32_t code = 1; code < dict->n; code++) {
        if (dict->offsets[code] >= dict->offsets[code + 1])
            return *reason = "dictionary: a text is empty or out of order", false;
        if (dict->hashes[code] != (uint32_t)asy_hash(dict->hasher, asy_dict_text(dict, code)))
            return *reason = "dictionary: a kept hash is wrong", false;
        if (asy_dict_find(dict, asy_dict_text(dict, code)) != code)
            return *reason = "dictionary: a text is not found under its code", false;
    }
    return true;
}
