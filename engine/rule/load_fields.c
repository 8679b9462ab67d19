/* `fields:`, `derive:` and `events:`: what a lead looks like and what it can do. */
#include <stdio.h>

#include "base/time.h"
#include "rule/load_internal.h"

/* -- fields: name -> "int, default 0" --------------------------------------------------------------------------- */

enum { ENUM_VALUES_MAX = 4096 };

struct field_reader {
    struct asy_loader *l;
    const struct asy_yaml *node;
    struct asy_field *field;
    struct asy_str default_text;
    uint32_t default_offset;
    uint32_t values_cap;
    bool is_bad;
};

static void tell_at(struct field_reader *r, const char *code, const char *slug, uint32_t offset, uint32_t len, const char *text)
{
    asy_diag_add(r->l->diags, code, slug, asy_yaml_place(r->node, r->l->rules->source, offset), len, "%s", text);
    r->is_bad = true;
}

static void tell_printed(struct field_reader *r, const char *code, const char *slug, uint32_t offset, uint32_t len, struct asy_str s)
{
    if (!s.p)
        r->l->no_memory = true;
    else
        tell_at(r, code, slug, offset, len, s.p);
}

static void add_value(struct field_reader *r, struct asy_str value, uint32_t offset)
{
    struct asy_field *field = r->field;
    if (value.len == 0) {
        tell_at(r, "E0230", "field-type", offset, 1, "expected a value, as in `one of a, b, c`, found nothing");
        return;
    }
    if (field->n_values == ENUM_VALUES_MAX) {
        if (!r->is_bad)
            tell_at(r, "E0231", "enum-values", offset, value.len, "expected at most 4096 values; a field with more is better a text");
        return;
    }
    for (uint32_t i = 0; i < field->n_values; i++) {
        if (!asy_str_eq_fold(field->values[i], value))
            continue;
        tell_printed(r, "E0231", "enum-values", offset, value.len,
                     asy_pool_printf(&r->l->diags->pool, asy_str_eq(field->values[i], value)
                                         ? "`%.*s` is in the list twice"
                                         : "`%.*s` and `%.*s` differ in capitals only, which input files may not keep apart",
                                     ASY_ARG(value), ASY_ARG(field->values[i])));
        return;
    }
    if (!asy_pool_grow(r->l->pool, (void **)&field->values, &r->values_cap, field->n_values, sizeof(*field->values))) {
        r->l->no_memory = true;
        return;
    }
    field->values[field->n_values++] = value;
}

static void read_base_type(struct field_reader *r, struct asy_str part, uint32_t offset)
{
    static const struct {
        const char *name;
        uint8_t type;
    } types[] = {{"text", ASY_TEXT}, {"int", ASY_INT},   {"number", ASY_NUMBER},   {"bool", ASY_BOOL},
                 {"time", ASY_TIME}, {"country", ASY_COUNTRY}, {"one of", ASY_ENUM}};
    struct asy_str names[7];
    for (uint32_t i = 0; i < 7; i++) {
        names[i] = asy_str_of(types[i].name);
        if (asy_str_eq(part, names[i]))
            r->field->type = types[i].type;
    }
    if (asy_str_starts(part, ASY_STR("one of "))) {
        const struct asy_str first = asy_str_trim((struct asy_str){part.p + 7, part.len - 7});
        r->field->type = ASY_ENUM;
        add_value(r, first, offset + (uint32_t)(first.p - part.p));
    } else if (r->field->type == ASY_ENUM) {
        add_value(r, ASY_STR(""), offset + part.len);
    } else if (r->field->type == 0) {
        const char *hint = asy_load_hint(r->l, part, names, 7);
        tell_printed(r, "E0230", "field-type", offset, part.len,
                     asy_pool_printf(&r->l->diags->pool, "`%.*s` is not a type%s", ASY_ARG(part),
                                     hint[0] ? hint : "; there are: text, int, number, bool, time, country, one of a, b, c"));
        r->field->type = ASY_TEXT;
    }
}

static void read_modifier(struct field_reader *r, struct asy_str part, uint32_t offset)
{
    if (asy_str_is(part, "required")) {
        r->field->required = true;
    } else if (asy_str_starts(part, ASY_STR("default ")) || asy_str_is(part, "default")) {
        r->default_text = asy_str_trim((struct asy_str){part.p + 7, part.len - 7});
        r->default_offset = offset + part.len - r->default_text.len;
        if (r->field->has_default)
            tell_at(r, "E0230", "field-type", offset, part.len, "`default` is given twice");
        r->field->has_default = true;
    } else if (r->field->type == ASY_ENUM) {
        add_value(r, part, offset);
    } else if (!r->is_bad) {
        static const struct asy_str known[] = {{"required", 8}, {"default", 7}};
        const char *hint = asy_load_hint(r->l, part, known, 2);
        tell_printed(r, "E0230", "field-type", offset, part.len,
                     asy_pool_printf(&r->l->diags->pool, "`%.*s` cannot follow a type%s", ASY_ARG(part),
                                     hint[0] ? hint : "; expected `required` or `default VALUE`"));
    }
}

static bool read_default_value(struct asy_field *field, struct asy_str text)
{
    bool is_true;
    switch (field->type) {
    case ASY_INT:
        return asy_parse_i64(text, &field->default_value.i) && field->default_value.i != INT64_MIN;
    case ASY_NUMBER:
        return asy_parse_f64(text, &field->default_value.d);
    case ASY_BOOL:
        if (!asy_parse_bool(text, &is_true))
            return false;
        field->default_value.i = is_true ? 2 : 1;
        return true;
    case ASY_TIME:
        return asy_time_read(text, &field->default_value.i) == ASY_TIME_OK;
    case ASY_COUNTRY:
        field->default_value.i = asy_country_code(text);
        return field->default_value.i != 0;
    case ASY_ENUM:
        field->default_value.i = asy_enum_code(field, text);
        return field->default_value.i != 0;
    default:
        return true;
    }
}

static void read_default(struct field_reader *r)
{
    static const char *const expected[] = {[ASY_TEXT] = "text",         [ASY_INT] = "a whole number",
                                           [ASY_NUMBER] = "a number",   [ASY_BOOL] = "true or false",
                                           [ASY_TIME] = "a time such as 2026-01-31T00:00:00Z",
                                           [ASY_COUNTRY] = "a country", [ASY_ENUM] = "one of the values listed"};
    struct asy_field *field = r->field;
    if (!field->has_default || r->is_bad)
        return;
    field->default_text = r->default_text;
    if (r->default_text.len && read_default_value(field, r->default_text))
        return;
    tell_printed(r, "E0232", "field-default", r->default_offset, r->default_text.len,
                 asy_pool_printf(&r->l->diags->pool, "`default`: expected %s, found %s%.*s%s", expected[field->type],
                                 r->default_text.len ? "`" : "nothing", ASY_ARG(r->default_text), r->default_text.len ? "`" : ""));
}

static bool is_field_name(struct asy_loader *l, const struct asy_yaml *key)
{
    static const char *const taken[] = {"score", "events", "segment", "stage", "grade", "disqualified", "now", "routed"};
    uint32_t from = 0;
    struct asy_str first = {0};
    for (uint32_t i = 0; i <= key->text.len; i++) {
        if (i < key->text.len && key->text.p[i] != '.')
            continue;
        const struct asy_str part = {key->text.p + from, i - from};
        if (from == 0)
            first = part;
        if (!asy_load_is_identifier(part)) {
            asy_load_tell(l, "E0233", "bad-name", key, "`%.*s` cannot name a field: expected letters, digits and `_`, with `.` "
                          "between parts, and no reserved word", ASY_ARG(key->text));
            return false;
        }
        from = i + 1;
    }
    for (uint32_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (asy_str_is(first, taken[i])) {
            asy_load_tell(l, "E0233", "bad-name", key, "a field cannot start with `%s`, which conditions use for something else",
                          taken[i]);
            return false;
        }
    }
    return true;
}

static void read_field(struct asy_loader *l, const struct asy_yaml *key, const struct asy_yaml *node, uint32_t number)
{
    struct asy_field *field = &l->rules->schema.fields[number];
    struct field_reader r = {.l = l, .node = node, .field = field};
    field->name = key->text;
    field->pos = key->pos;
    field->default_text = ASY_STR("");
    r.is_bad = !is_field_name(l, key);
    if (asy_load_is_text(l, node, "type of a field")) {
        struct asy_str part;
        uint32_t at = 0, offset, n = 0;
        while (asy_load_next_part(node->text, &at, &part, &offset)) {
            if (n++ == 0)
                read_base_type(&r, part, offset);
            else
                read_modifier(&r, part, offset);
        }
        read_default(&r);
    } else {
        r.is_bad = true;
    }
    if (field->type == 0)
        field->type = ASY_TEXT;
    l->is_field_bad[number] = r.is_bad;
}

static void load_countries(struct asy_loader *l)
{
    const uint32_t n = asy_country_count();
    l->countries = asy_load_alloc(l, n, sizeof(*l->countries));
    for (uint32_t i = 0; l->countries && i < n; i++)
        l->countries[i] = asy_country_alpha2(i + 1);
    l->n_countries = l->countries ? n : 0;
}

void asy_load_fields(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "fields");
    struct asy_schema *schema = &l->rules->schema;
    load_countries(l);
    l->are_fields_unknown = true;
    if (!section) {
        asy_load_tell(l, "E0122", "missing-key", l->root, "a rule file: `fields:` is missing");
        return;
    }
    if (!asy_load_is_map(l, section, "`fields`"))
        return;
    if (section->n > ASY_FIELDS_MAX) {
        asy_load_tell(l, "E0124", "bad-value", section->keys[ASY_FIELDS_MAX], "`fields`: expected at most %d fields, found %u",
                      ASY_FIELDS_MAX, section->n);
        return;
    }
    l->are_fields_unknown = false;
    schema->fields = asy_load_alloc(l, section->n, sizeof(*schema->fields));
    l->is_field_bad = asy_load_alloc(l, section->n, sizeof(*l->is_field_bad));
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++) {
        read_field(l, section->keys[i], section->items[i], i);
        schema->n_fields = i + 1;
    }
}

/* -- derive ------------------------------------------------------------------------------------------------------ */

/* The code of a value that words give, where the target has codes. */
static bool derived_code(struct asy_loader *l, const struct asy_field *target, const struct asy_yaml *at, uint32_t *code)
{
    *code = 0;
    if (target->type == ASY_COUNTRY)
        *code = asy_country_code(at->text);
    if (target->type == ASY_ENUM)
        for (uint32_t i = 0; i < target->n_values; i++)
            if (asy_str_eq(target->values[i], at->text))
                *code = i + 1;
    if (target->type == ASY_TEXT || *code)
        return true;
    const bool is_enum = target->type == ASY_ENUM;
    const char *hint = is_enum ? asy_load_hint(l, at->text, target->values, target->n_values) : "";
    asy_load_tell(l, "E0205", "impossible-value", at, "`%.*s` is never `%.*s`%s%s%s", ASY_ARG(target->name), ASY_ARG(at->text), hint,
                  is_enum && !hint[0] ? "; it is one of: " : "",
                  is_enum && !hint[0] ? asy_load_join(l, target->values, target->n_values, 12) : "");
    return false;
}

static bool has_word_character(struct asy_str s)
{
    for (uint32_t i = 0; i < s.len; i++) {
        const char c = s.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')
            return true;
    }
    return false;
}

static bool is_word_byte(char c)
{
    return has_word_character((struct asy_str){&c, 1});
}

/* Signs that only join words, with blanks or without: "co-founder", "sales & marketing", "r&d". */
static bool joins_words(struct asy_str gap)
{
    uint32_t n_signs = 0;
    for (uint32_t i = 0; i < gap.len; i++) {
        const bool is_letter = (uint8_t)gap.p[i] >= 0x80; /* of "directeur général": the words around it still stand in order */
        if (!is_letter && gap.p[i] != ' ' && (strchr("-/&.,'", gap.p[i]) == NULL || ++n_signs > 1))
            return false;
    }
    return true;
}

/* An entry is read as its words; who writes `c++` hardly means the word `c`. */
static void check_word(struct asy_loader *l, const struct asy_yaml *at)
{
    const struct asy_str text = asy_str_trim(at->text);
    char *read = asy_load_alloc(l, text.len, 1);
    uint32_t n = 0;
    bool is_changed = false;
    for (uint32_t i = 0; read && i < text.len;) {
        const uint32_t from = i;
        const bool is_word = is_word_byte(text.p[i]);
        while (i < text.len && is_word_byte(text.p[i]) == is_word)
            i++;
        const bool is_inside = from > 0 && i < text.len;
        if (is_word)
            memcpy(read + n, text.p + from, i - from);
        else if (is_inside)
            read[n] = ' ';
        n += is_word ? i - from : is_inside;
        is_changed |= !is_word && !(is_inside && joins_words((struct asy_str){text.p + from, i - from}));
    }
    if (is_changed)
        asy_load_tell(l, "W0239", "word-signs", at, "`%.*s` is read as `%.*s`: a word is made of letters a-z, digits and `_`, and "
                      "all other signs are left out", ASY_ARG(text), (int)n, read);
}

static void add_words(struct asy_loader *l, const struct asy_yaml *node, struct asy_derive_line *line)
{
    if (!node || node->is_bad)
        return;
    const bool is_one = node->kind == ASY_YAML_SCALAR;
    if (!is_one && !asy_load_is_seq(l, node, "words"))
        return;
    if (is_one && !asy_load_is_text(l, node, "words"))
        return;
    const uint32_t n = is_one ? 1 : node->n;
    if (n == 0)
        asy_load_tell(l, "E0236", "derive", node, "expected at least one word, found an empty list");
    line->words = asy_load_alloc(l, n, sizeof(*line->words));
    for (uint32_t i = 0; line->words && i < n; i++) {
        const struct asy_yaml *word = is_one ? node : node->items[i];
        if (!asy_load_is_text(l, word, "a word"))
            continue;
        if (!has_word_character(word->text))
            asy_load_tell(l, "E0236", "derive", word, "a word needs a letter, a digit or `_`, found `%.*s`", ASY_ARG(word->text));
        else
            check_word(l, word);
        line->words[line->n_words++] = word->text;
    }
}

static void read_words(struct asy_loader *l, const struct asy_yaml *map, struct asy_field *target)
{
    struct asy_derive *derive = &target->derive;
    derive->kind = ASY_DERIVE_WORDS;
    derive->lines = asy_load_alloc(l, map->n, sizeof(*derive->lines));
    for (uint32_t i = 0; !l->no_memory && i < map->n; i++) {
        const struct asy_yaml *key = map->keys[i], *value = map->items[i];
        if (asy_str_is(key->text, "words_in"))
            continue;
        if (asy_str_is(key->text, "otherwise")) {
            derive->has_otherwise = asy_load_is_text(l, value, "`otherwise`") && derived_code(l, target, value, &derive->otherwise_code);
            derive->otherwise = derive->has_otherwise ? value->text : ASY_STR("");
            continue;
        }
        struct asy_derive_line *line = &derive->lines[derive->n_lines];
        line->value = key->text;
        if (derived_code(l, target, key, &line->code))
            derive->n_lines++;
        add_words(l, value, line);
    }
    if (map->n == 1)
        asy_load_tell(l, "E0236", "derive", map, "expected lines of `value: [words]` after `words_in:`, found none");
}

/* The field that `key` is made from; it must hold text, and be complete before. */
static bool read_source(struct asy_loader *l, const struct asy_yaml *at, uint32_t target, const struct asy_yaml *section, uint32_t number,
                        uint32_t *source)
{
    if (!asy_load_is_text(l, at, "the field to derive from"))
        return false;
    const int64_t field = asy_load_field(l, at, 0, at->text);
    if (field < 0)
        return false;
    *source = (uint32_t)field;
    if (*source == target) {
        asy_load_tell(l, "E0236", "derive", at, "a field cannot be derived from itself");
        return false;
    }
    if (l->rules->schema.fields[field].type != ASY_TEXT) {
        asy_load_tell(l, "E0236", "derive", at, "expected a text field to derive from; `%.*s` is not one", ASY_ARG(at->text));
        return false;
    }
    for (uint32_t i = number; i < section->n; i++) {
        if (asy_str_eq(section->keys[i]->text, at->text)) {
            asy_load_tell(l, "E0236", "derive", at, "`%.*s` is itself derived later, on line %u; put that line above this one",
                          ASY_ARG(at->text), section->keys[i]->pos.line);
            return false;
        }
    }
    return true;
}

static void read_derive(struct asy_loader *l, const struct asy_yaml *section, uint32_t number)
{
    const struct asy_yaml *key = section->keys[number], *map = section->items[number];
    const int64_t target = asy_load_field(l, key, 0, key->text);
    if (target < 0 || !asy_load_is_map(l, map, "`derive`"))
        return;
    struct asy_field *field = &l->rules->schema.fields[target];
    if (field->type != ASY_TEXT && field->type != ASY_ENUM && field->type != ASY_COUNTRY) {
        asy_load_tell(l, "E0236", "derive", key, "only text, country and `one of` fields can be derived; `%.*s` is none of them",
                      ASY_ARG(key->text));
        return;
    }
    const struct asy_yaml *domain = asy_yaml_get(map, "domain_of"), *words = asy_yaml_get(map, "words_in");
    if (!domain == !words) {
        asy_load_tell(l, domain ? "E0123" : "E0122", domain ? "conflicting-keys" : "missing-key", map,
                      "`derive`: expected either `domain_of: FIELD` or `words_in: FIELD`");
        return;
    }
    if (domain) {
        static const char *const known[] = {"domain_of"};
        asy_load_keys(l, map, "`domain_of`", known, 1);
    }
    struct asy_derive *derive = &field->derive;
    const bool has_source = read_source(l, domain ? domain : words, (uint32_t)target, section, number, &derive->source);
    if (domain)
        derive->kind = ASY_DERIVE_DOMAIN;
    else
        read_words(l, map, field);
    if (!has_source)
        *derive = (struct asy_derive){0};
}

void asy_load_derive(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "derive");
    if (!asy_load_is_map(l, section, "`derive`"))
        return;
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++)
        read_derive(l, section, i);
}

/* -- events: group -> [names] ------------------------------------------------------------------------------------ */

static void add_event(struct asy_loader *l, const struct asy_yaml *node, struct asy_str group, uint32_t *cap)
{
    struct asy_schema *schema = &l->rules->schema;
    if (!asy_load_is_text(l, node, "an event's name"))
        return;
    if (!asy_load_is_identifier(node->text) || asy_str_is(node->text, "any")) {
        asy_load_tell(l, "E0233", "bad-name", node, "`%.*s` cannot name an event: expected letters, digits and `_`, and neither `any` "
                      "nor a reserved word; `--map` can rename what an export calls otherwise", ASY_ARG(node->text));
        return;
    }
    const int64_t first = asy_schema_event(schema, node->text);
    if (first >= 0) {
        asy_load_tell(l, "E0237", "name-twice", node, "event `%.*s` is there already, on line %u", ASY_ARG(node->text),
                      schema->events[first].pos.line);
        return;
    }
    if (schema->n_events == ASY_EVENT_NAMES_MAX) {
        asy_load_tell(l, "E0124", "bad-value", node, "expected at most %d events; this is one more", ASY_EVENT_NAMES_MAX);
        return;
    }
    if (!asy_pool_grow(l->pool, (void **)&schema->events, cap, schema->n_events, sizeof(*schema->events))) {
        l->no_memory = true;
        return;
    }
    schema->events[schema->n_events++] = (struct asy_event_name){.name = node->text, .group = group, .pos = node->pos};
}

void asy_load_events(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "events");
    uint32_t cap = 0;
    if (!section)
        return;
    l->are_events_unknown = true;
    if (!asy_load_is_map(l, section, "`events`"))
        return;
    l->are_events_unknown = false;
    for (uint32_t i = 0; i < section->n; i++) {
        const struct asy_yaml *names = section->items[i];
        if (!asy_load_is_seq(l, names, "a group of events")) {
            l->are_events_unknown = true;
            continue;
        }
        for (uint32_t k = 0; !l->no_memory && k < names->n; k++)
            add_event(l, names->items[k], section->keys[i]->text, &cap);
    }
}
