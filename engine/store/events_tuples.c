/* The sets of properties of events: each writer's own while staging, one dictionary in the order of their bytes afterwards. */
#include "base/check.h"
#include "store/events_internal.h"

/* ---- one tuple ---- */

assay_status asy_events_tuple(struct asy_events *events, uint32_t writer_number, const struct asy_str *values, uint32_t *code)
{
    ASY_CHECK(events->is_open && writer_number < events->n_writers, writer_number, events->n_writers);
    struct asy_events_writer *writer = &events->writers[writer_number];
    *code = 0;
    uint64_t values_bytes = 0;
    for (uint32_t i = 0; i < events->n_properties; i++)
        values_bytes += values[i].len;
    if (values_bytes == 0)
        return ASSAY_OK;
    uint64_t bytes = values_bytes + events->n_properties * sizeof(uint32_t);
    if (bytes > UINT32_MAX)
        return ASSAY_E_LIMIT;
    if (!asy_mem_grow(events->mem, (void **)&writer->scratch, &writer->scratch_cap, bytes - 1, 1))
        return ASSAY_E_NOMEM;

    char *at = writer->scratch;
    for (uint32_t i = 0; i < events->n_properties; i++)
        if (values[i].len) {
            memcpy(at, values[i].p, values[i].len);
            at += values[i].len;
        }
    for (uint32_t i = 0; i < events->n_properties; i++, at += sizeof(uint32_t))
        memcpy(at, &values[i].len, sizeof(uint32_t));
    return asy_dict_intern(&writer->tuples, (struct asy_str){writer->scratch, (uint32_t)bytes}, code);
}

struct asy_str asy_tuple_value(struct asy_str tuple, uint32_t n_properties, uint32_t property)
{
    if (tuple.len == 0)
        return (struct asy_str){"", 0};
    const char *lengths = tuple.p + tuple.len - n_properties * sizeof(uint32_t);
    struct asy_str value = {tuple.p, 0};
    for (uint32_t i = 0; i <= property; i++) {
        value.p += value.len;
        memcpy(&value.len, lengths + i * sizeof(uint32_t), sizeof(uint32_t));
    }
    return value;
}

struct asy_str asy_events_staged_property(const struct asy_events *events, uint32_t writer, uint32_t code, uint32_t property)
{
    ASY_ASSERT(writer < events->n_writers && code < events->writers[writer].tuples.n && property < events->n_properties);
    return asy_tuple_value(asy_dict_text(&events->writers[writer].tuples, code), events->n_properties, property);
}

struct asy_str asy_events_property(const struct asy_events *events, uint32_t code, uint32_t property)
{
    ASY_ASSERT(code < events->tuples.n && property < events->n_properties);
    return asy_tuple_value(asy_dict_text(&events->tuples, code), events->n_properties, property);
}

/* ---- the tuples of all writers ---- */

struct item {
    uint64_t first_bytes; /* of the first property: most comparisons end here */
    struct asy_str tuple;
    uint64_t place;       /* in new_codes */
};

enum { RUN = 16 }; /* insertion sort below this many */

/* The first 8 bytes of a text as a number that compares like them (a shorter text is filled up with the least byte). */
static uint64_t first_bytes(struct asy_str s)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < 8; i++)
        value = value << 8 | (i < s.len ? (uint8_t)s.p[i] : 0);
    return value;
}

static bool is_less(const struct item *a, const struct item *b, uint32_t n_properties)
{
    if (a->first_bytes != b->first_bytes)
        return a->first_bytes < b->first_bytes;
    for (uint32_t i = 0; i < n_properties; i++) {
        int order = asy_str_cmp(asy_tuple_value(a->tuple, n_properties, i), asy_tuple_value(b->tuple, n_properties, i));
        if (order != 0)
            return order < 0;
    }
    return false;
}

/* Bottom-up merge sort with room for another n items behind the n. Where the sorted ones stand. */
static struct item *sort_items(struct item *items, uint64_t n, uint32_t n_properties)
{
    for (uint64_t start = 0; start < n; start += RUN) {
        uint64_t end = n - start < RUN ? n : start + RUN;
        for (uint64_t i = start + 1; i < end; i++) {
            struct item moving = items[i];
            uint64_t k = i;
            for (; k > start && is_less(&moving, &items[k - 1], n_properties); k--)
                items[k] = items[k - 1];
            items[k] = moving;
        }
    }
    struct item *from = items, *to = items + n;
    for (uint64_t width = RUN; width < n; width *= 2) {
        for (uint64_t start = 0; start < n; start += 2 * width) {
            uint64_t middle = n - start < width ? n : start + width;
            uint64_t end = n - start < 2 * width ? n : start + 2 * width;
            uint64_t left = start, right = middle;
            for (uint64_t k = start; k < end; k++)
                to[k] = left < middle && (right == end || !is_less(&from[right], &from[left], n_properties)) ? from[left++]
                                                                                                              : from[right++];
        }
        struct item *other = from;
        from = to;
        to = other;
    }
    return from;
}

static assay_status merge_tuples(struct asy_tuple_merge *merge, const struct asy_events *events, struct item *items)
{
    uint64_t n = 0;
    for (uint32_t w = 0; w < events->n_writers; w++) {
        const struct asy_dict *tuples = &events->writers[w].tuples;
        for (uint32_t code = 1; code < tuples->n; code++) {
            struct asy_str tuple = asy_dict_text(tuples, code);
            uint64_t first = first_bytes(asy_tuple_value(tuple, events->n_properties, 0));
            items[n++] = (struct item){first, tuple, merge->first[w] + code};
        }
    }
    const struct item *sorted = sort_items(items, n, events->n_properties);
    uint32_t code = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (i == 0 || !asy_str_eq(sorted[i].tuple, sorted[i - 1].tuple)) {
            assay_status status = asy_dict_intern(&merge->ordered, sorted[i].tuple, &code);
            if (status != ASSAY_OK)
                return status;
        }
        merge->new_codes[sorted[i].place] = code;
    }
    return ASSAY_OK;
}

assay_status asy_tuple_merge_init(struct asy_tuple_merge *merge, const struct asy_events *events, struct assay_error *error)
{
    *merge = (struct asy_tuple_merge){0};
    asy_dict_init(&merge->ordered, events->mem, events->hasher);
    merge->first = asy_mem_alloc_n(events->mem, events->n_writers, sizeof *merge->first);
    for (uint32_t w = 0; merge->first && w < events->n_writers; w++) {
        merge->first[w] = merge->n_codes;
        merge->n_codes += events->writers[w].tuples.n;
    }
    struct item *items = asy_mem_alloc_n(events->mem, 2 * merge->n_codes, sizeof *items);
    merge->new_codes = asy_mem_alloc_n(events->mem, merge->n_codes, sizeof *merge->new_codes);
    assay_status status = merge->first && items && merge->new_codes ? merge_tuples(merge, events, items) : ASSAY_E_NOMEM;
    asy_mem_free(events->mem, items, 2 * merge->n_codes * sizeof *items);
    if (status == ASSAY_OK)
        return ASSAY_OK;
    uint64_t n_tuples = merge->n_codes > events->n_writers ? merge->n_codes - events->n_writers : 0;
    asy_tuple_merge_fini(merge, events);
    return asy_fail(error, status,
                    "event log: sorting: expected memory for %" PRIu64 " different sets of properties, found none", n_tuples);
}

void asy_tuple_merge_fini(struct asy_tuple_merge *merge, const struct asy_events *events)
{
    asy_mem_free(events->mem, merge->first, events->n_writers * sizeof *merge->first);
    asy_mem_free(events->mem, merge->new_codes, merge->n_codes * sizeof *merge->new_codes);
    asy_dict_fini(&merge->ordered);
    *merge = (struct asy_tuple_merge){.ordered = merge->ordered};
}
