/* Dictionaries, see dict.h. The hash is keyed by a secret, so paths in the table stay short. */
#include "store/dict.h"

#include "base/check.h"
#include "store/bytes.h"

#define DICT_TEXTS_MAX ((1u << 31) - 1)

void asy_dict_init(struct asy_dict *dict, struct asy_mem *mem, const struct asy_hasher *hasher)
{
    *dict = (struct asy_dict){.mem = mem, .hasher = hasher, .n = 1, .narrow_max = UINT32_MAX};
}

static size_t offset_width(const struct asy_dict *dict)
{
    return dict->is_wide ? sizeof(uint64_t) : sizeof(uint32_t);
}

void asy_dict_fini(struct asy_dict *dict)
{
    asy_mem_free(dict->mem, dict->text, dict->text_cap);
    asy_mem_free(dict->mem, dict->offsets, dict->offsets_cap * offset_width(dict));
    asy_table_fini(&dict->table, dict->mem);
    asy_dict_init(dict, dict->mem, dict->hasher);
}

/* ---- what the table asks ---- */

static inline bool is_text(const void *owner, uint32_t code, struct asy_str s)
{
    const struct asy_str there = asy_dict_text(owner, code);
    return there.len == s.len && asy_bytes_eq(there.p, s.p, s.len);
}

static inline uint64_t hash_of_code(const void *owner, uint32_t code)
{
    const struct asy_dict *dict = owner;
    return asy_hash(dict->hasher, asy_dict_text(dict, code));
}

/* The code of `s`, 0 if it is not there, and where the search ended. The table is not empty. */
static inline uint32_t find_hashed(const struct asy_dict *dict, struct asy_str s, uint64_t hash, struct asy_probe *probe)
{
    const uint32_t code = asy_table_find(&dict->table, hash, s, dict, is_text, probe);
    return code == ASY_NUMBER_NONE ? 0 : code;
}

uint32_t asy_dict_find(const struct asy_dict *dict, struct asy_str s)
{
    struct asy_probe probe;
    if (s.len == 0 || dict->n <= 1)
        return 0;
    return find_hashed(dict, s, asy_hash(dict->hasher, s), &probe);
}

/* ---- growing ---- */

static bool grow_table(struct asy_dict *dict)
{
    struct asy_table table;
    if (!asy_table_init(&table, dict->mem, asy_table_more(&dict->table)))
        return false;
    asy_table_fill(&table, 1, dict->n, dict, hash_of_code, UINT64_MAX);
    asy_table_fini(&dict->table, dict->mem);
    dict->table = table;
    return true;
}

static bool widen_offsets(struct asy_dict *dict)
{
    uint64_t *wide = asy_mem_alloc_n(dict->mem, dict->offsets_cap, sizeof *wide);
    if (!wide)
        return false;
    for (uint32_t code = 0; code <= dict->n; code++)
        wide[code] = asy_dict_offset(dict, code);
    asy_mem_free(dict->mem, dict->offsets, dict->offsets_cap * offset_width(dict));
    dict->offsets = wide;
    dict->is_wide = true;
    return true;
}

static inline uint64_t text_bytes(const struct asy_dict *dict)
{
    return dict->n > 1 ? asy_dict_offset(dict, dict->n) : 0;
}

static bool has_room(const struct asy_dict *dict, uint32_t len)
{
    return text_bytes(dict) + len <= dict->text_cap && (size_t)dict->n + 1 < dict->offsets_cap &&
           (dict->is_wide || text_bytes(dict) + len <= dict->narrow_max) && asy_table_has_room(&dict->table, dict->n - 1);
}

/* Room for one more text of `len` bytes everywhere, so that adding it cannot fail half-way. */
static bool make_room(struct asy_dict *dict, uint32_t len)
{
    return asy_mem_grow(dict->mem, (void **)&dict->text, &dict->text_cap, text_bytes(dict) + len - 1, 1) &&
           asy_mem_grow(dict->mem, &dict->offsets, &dict->offsets_cap, (size_t)dict->n + 1, offset_width(dict)) &&
           (dict->is_wide || text_bytes(dict) + len <= dict->narrow_max || widen_offsets(dict)) &&
           (asy_table_has_room(&dict->table, dict->n - 1) || grow_table(dict));
}

/* ---- adding ---- */

static inline void set_end(struct asy_dict *dict, uint32_t code, uint64_t end)
{
    if (dict->is_wide)
        ((uint64_t *)dict->offsets)[code + 1] = end;
    else
        ((uint32_t *)dict->offsets)[code + 1] = (uint32_t)end;
}

/* Not empty, and not there: the search has ended at `probe`, if there is a table. */
static assay_status add(struct asy_dict *dict, struct asy_str s, uint64_t hash, struct asy_probe probe, uint32_t *code)
{
    if (dict->n > DICT_TEXTS_MAX)
        return ASSAY_E_LIMIT;
    if (!has_room(dict, s.len)) {
        if (!make_room(dict, s.len))
            return ASSAY_E_NOMEM;
        probe = asy_probe_start(&dict->table, hash);
    }
    const uint64_t start = text_bytes(dict);
    asy_bytes_copy(dict->text + start, s.p, s.len);
    set_end(dict, dict->n, start + s.len);
    asy_table_place(&dict->table, hash, dict->n, probe, UINT64_MAX);
    *code = dict->n++;
    return ASSAY_OK;
}

static inline assay_status intern_hashed(struct asy_dict *dict, struct asy_str s, uint64_t hash, uint32_t *code)
{
    struct asy_probe probe = {0, 0};
    *code = dict->n > 1 ? find_hashed(dict, s, hash, &probe) : 0;
    return *code ? ASSAY_OK : add(dict, s, hash, probe, code);
}

assay_status asy_dict_intern(struct asy_dict *dict, struct asy_str s, uint32_t *code)
{
    *code = 0;
    return s.len == 0 ? ASSAY_OK : intern_hashed(dict, s, asy_hash(dict->hasher, s), code);
}

/* Small dictionaries stay in the cache: asking for what is there already only takes time. */
enum { ASK_FROM_BUCKETS = 1024 };

/* Hashes of the texts; with `is_asking` their buckets are asked for. */
static inline void hash_texts(const struct asy_dict *dict, const struct asy_str *texts, uint32_t n, bool is_asking,
                              uint64_t *hashes)
{
    for (uint32_t i = 0; i < n; i++) {
        hashes[i] = asy_hash(dict->hasher, texts[i]);
        if (is_asking)
            __builtin_prefetch(asy_table_first(&dict->table, hashes[i]));
    }
}

/* Two rounds, each asking for what the next one reads: places of texts, texts. */
static inline void ask_texts(const struct asy_dict *dict, const struct asy_str *texts, uint32_t n, const uint64_t *hashes)
{
    uint32_t likely[ASY_TABLE_BATCH];
    for (uint32_t i = 0; i < n; i++) {
        likely[i] = asy_table_likely(&dict->table, hashes[i]);
        if (likely[i] != ASY_NUMBER_NONE)
            __builtin_prefetch((const char *)dict->offsets + likely[i] * offset_width(dict));
    }
    for (uint32_t i = 0; i < n; i++)
        if (likely[i] != ASY_NUMBER_NONE) {
            const char *text = dict->text + asy_dict_offset(dict, likely[i]);
            __builtin_prefetch(text);
            __builtin_prefetch(text + texts[i].len);
        }
}

assay_status asy_dict_intern_batch(struct asy_dict *dict, const struct asy_str *texts, uint32_t n, uint32_t *codes)
{
    uint64_t hashes[ASY_TABLE_BATCH];
    for (uint32_t start = 0; start < n; start += ASY_TABLE_BATCH) {
        const uint32_t n_here = n - start < ASY_TABLE_BATCH ? n - start : ASY_TABLE_BATCH;
        const bool is_asking = dict->table.n_buckets >= ASK_FROM_BUCKETS;
        hash_texts(dict, texts + start, n_here, is_asking, hashes);
        if (is_asking)
            ask_texts(dict, texts + start, n_here, hashes);
        for (uint32_t i = 0; i < n_here; i++) {
            codes[start + i] = 0;
            assay_status status = texts[start + i].len ? intern_hashed(dict, texts[start + i], hashes[i], &codes[start + i])
                                                       : ASSAY_OK;
            if (status != ASSAY_OK)
                return status;
        }
    }
    return ASSAY_OK;
}

/* ---- trimming and checks ---- */

/* A smaller block, or the same one where there is none. */
static void shrink(struct asy_mem *mem, void **items, size_t *cap, size_t n, size_t item_bytes)
{
    void *moved = n && n < *cap ? asy_mem_resize(mem, *items, *cap * item_bytes, n * item_bytes) : NULL;
    if (!moved)
        return;
    *items = moved;
    *cap = n;
}

void asy_dict_trim(struct asy_dict *dict)
{
    if (dict->n <= 1)
        return;
    shrink(dict->mem, (void **)&dict->text, &dict->text_cap, text_bytes(dict), 1);
    shrink(dict->mem, &dict->offsets, &dict->offsets_cap, (size_t)dict->n + 1, offset_width(dict));
}

uint64_t asy_dict_bytes(const struct asy_dict *dict)
{
    return dict->text_cap + dict->offsets_cap * offset_width(dict) + asy_table_bytes(&dict->table);
}

bool asy_dict_valid(const struct asy_dict *dict, const char **reason)
{
    if (dict->n == 0)
        return *reason = "dictionary: code 0 is missing", false;
    if (dict->n == 1)
        return true; /* growth may have failed anywhere before the first text */
    if (dict->offsets_cap <= dict->n || asy_dict_offset(dict, 1) != 0 || text_bytes(dict) > dict->text_cap)
        return *reason = "dictionary: arrays do not reach the last code", false;
    if (dict->table.n_buckets & (dict->table.n_buckets - 1) || !asy_table_has_room(&dict->table, dict->n - 2))
        return *reason = "dictionary: more than 7/8 full", false;
    uint64_t n_held;
    if (!asy_table_holds(&dict->table, 1, dict->n, &n_held))
        return *reason = "dictionary: a slot holds a code that does not exist", false;
    if (n_held != dict->n - 1)
        return *reason = "dictionary: slots in use differ from codes", false;
    for (uint32_t code = 1; code < dict->n; code++) {
        if (asy_dict_offset(dict, code) >= asy_dict_offset(dict, code + 1))
            return *reason = "dictionary: a text is empty or out of order", false;
        if (asy_dict_find(dict, asy_dict_text(dict, code)) != code)
            return *reason = "dictionary: a text is not found under its code", false;
    }
    return true;
}
