/* The keys of a points table and the values of a territory: values, ranges, lists, `otherwise`, `missing`, typed by the field
 * they are about. */
#include <stdlib.h>

#include "rule/load_internal.h"

#include "base/hash.h"

struct part {
    const struct asy_yaml *at; /* the scalar it stands in */
    uint32_t offset;
    struct asy_str text;
};

static void tell_part(struct asy_loader *l, const struct part *part, const char *code, const char *slug, const char *text)
{
    asy_diag_add(l->diags, code, slug, asy_yaml_place(part->at, l->rules->source, part->offset), part->text.len, "%s", text);
}

static const char *printed(struct asy_loader *l, struct asy_str s)
{
    if (!s.p)
        l->no_memory = true;
    return s.p ? s.p : "";
}

static bool tell_never(struct asy_loader *l, const struct part *part, const struct asy_field *field, struct asy_str value,
                       const struct asy_str *known, uint32_t n)
{
    const char *hint = asy_load_hint(l, value, known, n);
    const char *list = hint[0] || n > 40 ? "" : asy_load_join(l, known, n, 12);
    tell_part(l, part, "E0205", "impossible-value",
              printed(l, asy_pool_printf(&l->diags->pool, "`%.*s` is never `%.*s`%s%s%s", ASY_ARG(field->name), ASY_ARG(value), hint,
                                         list[0] ? "; it is one of: " : "", list)));
    return false;
}

static bool read_int_line(struct asy_loader *l, const struct part *part, struct asy_line *line)
{
    struct asy_str lo, hi;
    bool is_open;
    if (!asy_load_split_range(part->text, &lo, &hi, &is_open) || !asy_parse_i64(lo, &line->lo_i) || !asy_parse_i64(hi, &line->hi_i)) {
        tell_part(l, part, "E0304", "table-key",
                  printed(l, asy_pool_printf(&l->diags->pool, "expected a whole number, a range such as 51-200 or 501+, `otherwise` "
                                             "or `missing`, found `%.*s`", ASY_ARG(part->text))));
        return false;
    }
    line->kind = is_open || lo.p != hi.p ? ASY_LINE_RANGE : ASY_LINE_VALUE;
    if (is_open)
        line->hi_i = INT64_MAX;
    if (line->lo_i > line->hi_i)
        tell_part(l, part, "E0304", "table-key", "no number is in this range; put the lower end first");
    return line->lo_i <= line->hi_i;
}

static bool read_number_line(struct asy_loader *l, const struct part *part, struct asy_line *line)
{
    struct asy_str lo, hi;
    bool is_open;
    if (asy_parse_f64(part->text, &line->lo_d)) {
        line->hi_d = line->lo_d;
        line->kind = ASY_LINE_VALUE;
        return true;
    }
    if (!asy_load_split_range(part->text, &lo, &hi, &is_open) || !asy_parse_f64(lo, &line->lo_d) || !asy_parse_f64(hi, &line->hi_d)) {
        tell_part(l, part, "E0304", "table-key",
                  printed(l, asy_pool_printf(&l->diags->pool, "expected a number, a range such as 0.5-1.5 or 100+, `otherwise` or "
                                             "`missing`, found `%.*s`", ASY_ARG(part->text))));
        return false;
    }
    line->kind = ASY_LINE_RANGE;
    if (is_open)
        line->hi_d = __builtin_inf();
    if (line->lo_d > line->hi_d)
        tell_part(l, part, "E0304", "table-key", "no number is in this range; put the lower end first");
    return line->lo_d <= line->hi_d;
}

/* A country as its alpha-2 code. */
static bool read_country(struct asy_loader *l, const struct part *part, const struct asy_field *field, struct asy_line *line)
{
    const uint32_t code = asy_country_code(part->text);
    if (code) {
        line->value = asy_country_alpha2(code);
        return true;
    }
    return tell_never(l, part, field, part->text, l->countries, l->n_countries);
}

static bool read_value(struct asy_loader *l, const struct part *part, const struct asy_field *field, struct asy_line *line)
{
    bool is_true;
    line->kind = ASY_LINE_VALUE;
    line->value = part->text;
    switch (field->type) {
    case ASY_INT:
        return read_int_line(l, part, line);
    case ASY_NUMBER:
        return read_number_line(l, part, line);
    case ASY_COUNTRY:
        return read_country(l, part, field, line);
    case ASY_BOOL:
        if (!asy_parse_bool(part->text, &is_true)) {
            tell_part(l, part, "E0304", "table-key", "expected true, false, `otherwise` or `missing`");
            return false;
        }
        line->value = is_true ? ASY_STR("true") : ASY_STR("false");
        return true;
    case ASY_ENUM:
        for (uint32_t i = 0; i < field->n_values; i++)
            if (asy_str_eq(field->values[i], part->text))
                return true;
        return tell_never(l, part, field, part->text, field->values, field->n_values);
    default:
        return true;
    }
}

/* Items that the field can never have: a list of countries with a slip in it would silently match nothing. */
static bool check_list_items(struct asy_loader *l, const struct part *part, const struct asy_field *field, uint32_t number)
{
    const struct asy_list *list = &l->rules->lists[number];
    const bool is_country = field->type == ASY_COUNTRY;
    if ((!is_country && field->type != ASY_ENUM) || l->is_list_bad[number])
        return true;
    for (uint32_t i = 0; i < list->set.n; i++) {
        const struct asy_str item = list->set.items[i];
        const uint32_t code = is_country ? asy_country_code(item) : asy_enum_code(field, item);
        const struct asy_str meant = code == 0 ? ASY_STR("") : is_country ? asy_country_alpha2(code) : field->values[code - 1];
        if (asy_str_eq(meant, item))
            continue;
        tell_part(l, part, "E0205", "impossible-value",
                  printed(l, code ? asy_pool_printf(&l->diags->pool, "list `%.*s` has `%.*s`, which `%.*s` never is; write `%.*s`",
                                                    ASY_ARG(list->set.name), ASY_ARG(item), ASY_ARG(field->name), ASY_ARG(meant))
                                  : asy_pool_printf(&l->diags->pool, "list `%.*s` has `%.*s`, which `%.*s` never is",
                                                    ASY_ARG(list->set.name), ASY_ARG(item), ASY_ARG(field->name))));
        return false;
    }
    return true;
}

static bool read_list(struct asy_loader *l, const struct part *part, const struct asy_field *field, struct asy_line *line)
{
    const struct asy_str name = asy_str_trim((struct asy_str){part->text.p + 3, part->text.len - 3});
    line->kind = ASY_LINE_LIST;
    if (field->type == ASY_INT || field->type == ASY_NUMBER || field->type == ASY_BOOL) {
        tell_part(l, part, "E0304", "table-key", "a list holds text, and this field does not");
        return false;
    }
    const int64_t list = asy_load_list(l, part->at, part->offset + (uint32_t)(name.p - part->text.p), name);
    if (list < 0)
        return false;
    line->list = (uint32_t)list;
    return check_list_items(l, part, field, line->list);
}

static bool read_part(struct asy_loader *l, const struct asy_table *table, const struct part *part, struct asy_line *line)
{
    const struct asy_field *field = &l->rules->schema.fields[table->field];
    const bool is_plain = part->at->style == ASY_YAML_PLAIN;
    const bool is_otherwise = is_plain && asy_str_is(part->text, "otherwise"), is_missing = is_plain && asy_str_is(part->text, "missing");
    if (part->text.len == 0) {
        tell_part(l, part, "E0304", "table-key", "expected a value between the commas, found nothing");
        return false;
    }
    if (table->has_points && (is_otherwise || is_missing)) {
        line->kind = is_otherwise ? ASY_LINE_OTHERWISE : ASY_LINE_MISSING;
        return true;
    }
    if (is_plain && asy_str_starts(part->text, ASY_STR("in ")))
        return read_list(l, part, field, line);
    return read_value(l, part, field, line);
}

void asy_load_line(struct asy_loader *l, struct asy_table *table, const struct asy_yaml *key, int64_t points_milli)
{
    if (!asy_load_is_text(l, key, table->what))
        return;
    struct part part = {key, 0, key->text};
    uint32_t at = 0;
    const bool is_one = key->style != ASY_YAML_PLAIN; /* a key in quotes is one value, commas and all */
    while (!l->no_memory && (is_one ? at++ == 0 : asy_load_next_part(key->text, &at, &part.text, &part.offset))) {
        struct asy_line line = {.points_milli = points_milli, .key = part.text, .pos = key->pos, .value = ASY_STR("")};
        if (!read_part(l, table, &part, &line))
            continue;
        if (!asy_pool_grow(l->pool, (void **)&table->lines, &table->cap, table->n, sizeof(*table->lines))) {
            l->no_memory = true;
            return;
        }
        table->lines[table->n++] = line;
    }
}

/* What makes two lines the same, as text. */
static struct asy_str identity(struct asy_loader *l, struct asy_pool *scratch, const struct asy_table *table,
                               const struct asy_line *line)
{
    const uint8_t type = l->rules->schema.fields[table->field].type;
    char lo[32], hi[32];
    const bool is_span = line->kind == ASY_LINE_VALUE || line->kind == ASY_LINE_RANGE;
    if (is_span && type == ASY_INT)
        return asy_pool_printf(scratch, "%lld-%lld", (long long)line->lo_i, (long long)line->hi_i);
    if (is_span && type == ASY_NUMBER) {
        const int n_lo = (int)asy_format_f64(line->lo_d, lo), n_hi = (int)asy_format_f64(line->hi_d, hi);
        return asy_pool_printf(scratch, "%.*s-%.*s", n_lo, lo, n_hi, hi);
    }
    return asy_pool_printf(scratch, "%u %u %.*s", line->kind, line->kind == ASY_LINE_LIST ? line->list : 0, ASY_ARG(line->value));
}

void asy_load_table_twice(struct asy_loader *l, const struct asy_table *table)
{
    struct asy_pool scratch;
    asy_pool_init(&scratch, l->pool->mem);
    uint32_t n_slots = 4;
    while (n_slots < 2 * table->n)
        n_slots *= 2;
    uint32_t *slots = asy_pool_alloc_n(&scratch, n_slots, sizeof(*slots));
    struct asy_str *identities = asy_pool_alloc_n(&scratch, table->n + 1, sizeof(*identities));
    if (!slots || !identities)
        l->no_memory = true;
    for (uint32_t i = 0; slots && identities && i < table->n; i++) {
        const struct asy_line *line = &table->lines[i], *first = NULL;
        identities[i] = identity(l, &scratch, table, line);
        uint32_t slot = (uint32_t)asy_checksum(identities[i]) & (n_slots - 1);
        for (; slots[slot] && !first; slot = (slot + 1) & (n_slots - 1))
            if (asy_str_eq(identities[slots[slot] - 1], identities[i]))
                first = &table->lines[slots[slot] - 1];
        if (first)
            asy_diag_add(l->diags, "E0305", "value-twice", line->pos, line->key.len, "`%.*s` is in the %s twice (first on line %u)",
                         ASY_ARG(line->key), table->what, first->pos.line);
        else
            slots[slot] = i + 1;
    }
    asy_pool_fini(&scratch);
}

/* -- overlaps ---------------------------------------------------------------------------------------------------- */

static int compare_spans(const struct asy_line *x, const struct asy_line *y)
{
    /* INT lines have their ends in lo_i and hi_i, NUMBER lines in lo_d and hi_d; the others are 0. */
    if (x->lo_i != y->lo_i)
        return x->lo_i < y->lo_i ? -1 : 1;
    if (x->lo_d < y->lo_d || x->lo_d > y->lo_d)
        return x->lo_d < y->lo_d ? -1 : 1;
    if (x->hi_i != y->hi_i)
        return x->hi_i < y->hi_i ? -1 : 1;
    return (x->hi_d > y->hi_d) - (x->hi_d < y->hi_d);
}

static int compare_bands(const void *a, const void *b)
{
    const struct asy_line *x = *(const struct asy_line *const *)a, *y = *(const struct asy_line *const *)b;
    const int order = compare_spans(x, y);
    return order != 0 ? order : x < y ? -1 : 1;
}

void asy_load_table_overlaps(struct asy_loader *l, const struct asy_table *table)
{
    const uint8_t type = l->rules->schema.fields[table->field].type;
    if (type != ASY_INT && type != ASY_NUMBER)
        return;
    struct asy_pool scratch;
    asy_pool_init(&scratch, l->pool->mem);
    const struct asy_line **bands = asy_pool_alloc_n(&scratch, table->n + 1, sizeof(*bands));
    uint32_t n = 0;
    l->no_memory |= bands == NULL;
    for (uint32_t i = 0; bands && i < table->n; i++)
        if (table->lines[i].kind == ASY_LINE_RANGE || table->lines[i].kind == ASY_LINE_VALUE)
            bands[n++] = &table->lines[i];
    if (n > 1)
        qsort(bands, n, sizeof(*bands), compare_bands);
    for (uint32_t i = 1, highest = 0; i < n; i++) {
        const struct asy_line *band = bands[i], *below = bands[highest];
        const bool overlaps = type == ASY_INT ? band->lo_i <= below->hi_i : band->lo_d <= below->hi_d;
        /* The same band again is a value that stands there twice, which is told already. */
        if (overlaps && compare_spans(band, bands[i - 1]) != 0) {
            const struct asy_line *later = band > below ? band : below, *earlier = band > below ? below : band;
            asy_diag_add(l->diags, "E0302", "band-overlap", later->pos, later->key.len, "`%.*s` overlaps `%.*s`", ASY_ARG(later->key),
                         ASY_ARG(earlier->key));
        }
        if (type == ASY_INT ? band->hi_i > below->hi_i : band->hi_d > below->hi_d)
            highest = i;
    }
    asy_pool_fini(&scratch);
}
