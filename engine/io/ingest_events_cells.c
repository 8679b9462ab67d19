/* Cells of an events file -> keys and names; times are in ingest_events_times.c. The quick loops have next to no branches on what
 * stands in the cells. */
#include "io/ingest_events.h"

/* ---- tables ---- */

/* Reads 8 bytes at `p` however short the text is. */
static inline struct asy_event_word word_at(const char *p, uint32_t len)
{
    uint32_t tail = len > 8 ? len - 8 : 0, middle = tail > 8 ? 8 : tail;
    uint64_t mask = UINT64_MAX >> ((64 - 8 * (len > 8 ? 8 : len)) & 63); /* no text at all fits nothing in the table, whatever comes out */
    return (struct asy_event_word){asy_load_8(p) & mask, asy_load_8(p + middle) & mask, asy_load_8(p + tail) & mask,
                                   len, 0};
}

static inline uint32_t first_slot(const struct asy_event_words *words, struct asy_event_word word)
{
    /* The high bits of a product depend on all bits of its factors. */
    uint64_t hash = word.head * UINT64_C(0x9fb21c651e98df25) + (word.tail ^ word.len) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)(hash >> words->shift);
}

static inline bool is_word(const struct asy_event_words *words, uint32_t slot, struct asy_event_word word, const char *p)
{
    const struct asy_event_word *there = &words->slots[slot];
    bool is_same = !((there->head ^ word.head) | (there->middle ^ word.middle) | (there->tail ^ word.tail) | (there->len ^ word.len));
    return is_same && (word.len <= 24 || memcmp(words->texts[slot].p, p, word.len) == 0);
}

/* The slot of the text, or the free one where it would be; 8 bytes may be read at `p`. */
static uint32_t find_slot(const struct asy_event_words *words, const char *p, uint32_t len)
{
    struct asy_event_word word = word_at(p, len);
    uint32_t slot = first_slot(words, word), last_slot = UINT32_MAX >> (words->shift - 32);
    while (words->slots[slot].number != 0 && !is_word(words, slot, word, p))
        slot = (slot + 1) & last_slot;
    return slot;
}

static uint32_t slot_of(const struct asy_event_words *words, struct asy_str text)
{
    char room[8] = {0};
    if (text.len >= sizeof(room))
        return find_slot(words, text.p, text.len);
    memcpy(room, text.p, text.len);
    return find_slot(words, room, text.len);
}

int32_t asy_event_find(const struct asy_event_words *words, struct asy_str text)
{
    return (int32_t)words->slots[slot_of(words, text)].number - 1;
}

/* An earlier entry stays. */
static void put_name(const struct asy_ingest *ingest, struct asy_event_words *words, struct asy_str text, uint32_t number)
{
    const struct asy_map_side *side = &ingest->map->events;
    if (text.len == 0 || !asy_str_eq(asy_str_trim(text), text))
        return;
    for (uint32_t i = 0; i < side->n_nulls; i++)
        if (asy_str_eq(side->nulls[i], text))
            return;
    uint32_t slot = slot_of(words, text);
    if (words->slots[slot].number != 0)
        return;
    char room[8] = {0};
    memcpy(room, text.p, text.len < sizeof(room) ? text.len : sizeof(room));
    words->slots[slot] = word_at(text.len < sizeof(room) ? room : text.p, text.len);
    words->slots[slot].number = number + 1;
    words->texts[slot] = text;
}

static void put_names(const struct asy_ingest *ingest, struct asy_event_words *words)
{
    const struct asy_map *map = ingest->map;
    const struct asy_schema *schema = ingest->schema;
    /* What the map says of a name goes before the name's own meaning. */
    for (uint32_t i = 0; i < map->n_names; i++) {
        int64_t event = asy_schema_event(schema, map->names[i].to);
        if (event >= 0)
            put_name(ingest, words, map->names[i].from, (uint32_t)event);
    }
    for (uint32_t e = 0; e < schema->n_events; e++)
        put_name(ingest, words, schema->events[e].name, e);
    if (map->event_const.p)
        words->const_name = (uint32_t)(asy_schema_event(schema, map->event_const) + 1);
}

static void note_forms(const struct asy_ingest *ingest, struct asy_event_words *words)
{
    const struct asy_map *map = ingest->map;
    words->empty_lengths = 1;
    for (uint32_t i = 0; i < map->events.n_nulls; i++)
        words->empty_lengths |= UINT64_C(1) << (map->events.nulls[i].len < 63 ? map->events.nulls[i].len : 63);
    bool has_aliases = map->key_field != UINT32_MAX && ingest->fields[map->key_field].map &&
                       ingest->fields[map->key_field].map->n_values > 0;
    words->are_keys_plain =
        map->key_field == UINT32_MAX || (ingest->schema->fields[map->key_field].type == ASY_TEXT && !has_aliases);
}

assay_status asy_ingest_names_init(struct asy_ingest *ingest)
{
    const struct asy_schema *schema = ingest->schema;
    struct asy_pool *pool = &ingest->pool;
    struct asy_event_words *words = asy_pool_alloc(pool, sizeof(*words));
    ingest->report.unknown_names = asy_pool_alloc_n(pool, ASY_INGEST_UNKNOWN_NAMES, sizeof(*ingest->report.unknown_names));
    ingest->property_found = asy_pool_alloc_n(pool, (size_t)schema->n_properties + 1, sizeof(bool));
    ingest->report.unmatched_properties =
        asy_pool_alloc_n(pool, (size_t)schema->n_properties + 1, sizeof(*ingest->report.unmatched_properties));
    if (!words || !ingest->report.unknown_names || !ingest->property_found || !ingest->report.unmatched_properties)
        return ASSAY_E_NOMEM;
    uint32_t n_slots = 64;
    words->shift = 58;
    for (; n_slots < 16 * (schema->n_events + ingest->map->n_names); n_slots *= 2)
        words->shift--;
    words->slots = asy_pool_alloc_n(pool, n_slots, sizeof(*words->slots));
    words->texts = asy_pool_alloc_n(pool, n_slots, sizeof(*words->texts));
    if (!words->slots || !words->texts)
        return ASSAY_E_NOMEM;
    put_names(ingest, words);
    note_forms(ingest, words);
    ingest->words = words;
    return asy_event_times_init(&words->times, pool, ingest->options.as_of_s, words->empty_lengths,
                                ingest->map->events.date_format.len == 0);
}

/* ---- columns of usual cells ---- */

bool asy_event_keys_read(const struct asy_event_words *words, const char *text, const struct asy_span *restrict cells, uint32_t n,
                         struct asy_str *restrict keys, uint8_t *restrict odd)
{
    uint64_t empty_lengths = words->empty_lengths;
    uint32_t is_any = 0, is_plain = words->are_keys_plain;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = cells[i].len, at = len > 0 ? cells[i].at : 0;
        uint8_t first = (uint8_t)text[at], last = (uint8_t)text[at + len - (len > 0)];
        uint32_t is_odd = (uint32_t)(empty_lengths >> (len < 63 ? len : 63) & 1) | (first <= ' ') | (last <= ' ') | !is_plain;
        keys[i] = (struct asy_str){text + at, len};
        odd[i] = (uint8_t)is_odd;
        is_any |= is_odd;
    }
    return is_any;
}

bool asy_event_names_read(const struct asy_event_words *words, const char *text, uint32_t end, const struct asy_span *restrict cells,
                          uint32_t n, uint8_t *restrict names, uint8_t *restrict odd)
{
    if (end < ASY_EVENT_LOOK_BYTES) {
        for (uint32_t i = 0; i < n; i++)
            odd[i] |= ASY_EVENT_ODD_NAME;
        return n > 0;
    }
    uint32_t last_at = end - ASY_EVENT_LOOK_BYTES, is_any = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool is_inside = cells[i].at <= last_at;
        uint32_t at = is_inside ? cells[i].at : 0, len = is_inside ? cells[i].len : 0;
        struct asy_event_word word = word_at(text + at, len);
        uint32_t slot = first_slot(words, word);
        if (__builtin_expect(!is_word(words, slot, word, text + at), 0))
            slot = find_slot(words, text + at, len);
        uint32_t number = words->slots[slot].number;
        names[i] = (uint8_t)(number - 1);
        odd[i] |= number == 0 ? ASY_EVENT_ODD_NAME : 0;
        is_any |= number == 0;
    }
    return is_any;
}

/* ---- any cell ---- */

enum asy_time_parse asy_event_time(const struct asy_ingest *ingest, struct asy_str text, int64_t *out_s)
{
    int64_t us;
    if (asy_event_time_quick(&ingest->words->times, text, out_s))
        return ASY_TIME_OK;
    enum asy_time_parse parse = asy_value_time(text, ingest->map->events.date_format, false, &us);
    if (parse == ASY_TIME_OK)
        *out_s = us / 1000000 + (us % 1000000 > 0);
    return parse;
}

enum asy_time_parse asy_event_key(const struct asy_ingest *ingest, struct asy_str text, char room[32], struct asy_str *key,
                                  bool *is_value)
{
    *key = text;
    *is_value = true;
    if (!ingest->has_join || text.len == 0)
        return ASY_TIME_OK;
    const struct asy_field *field = &ingest->schema->fields[ingest->map->key_field];
    const struct asy_ingest_field *plan = &ingest->fields[ingest->map->key_field];
    const struct asy_map_value *alias = plan->map ? asy_map_alias(plan->map->values, plan->map->n_values, text) : NULL;
    if (alias)
        *key = text = alias->to;
    if (field->type == ASY_TEXT || text.len == 0)
        return ASY_TIME_OK;
    struct asy_value value;
    enum asy_time_parse parse = field->type == ASY_TIME && !alias
                                    ? asy_value_time(text, ingest->map->events.date_format, false, &value.i)
                                    : asy_value_read(field, plan, text, &value);
    *is_value = parse == ASY_TIME_OK;
    if (*is_value)
        *key = asy_value_text(field, text, &value, room);
    return parse;
}
