/* What a test sets and expects: fields, answers of plugins, events, expectations. */
#include "base/time.h"
#include "rule/test_file_internal.h"

enum { EVENT_COUNT_MAX = 10000 };

bool asy_tests_grow(struct asy_tests_reader *r, void **items, uint32_t *cap, uint32_t n, size_t item_bytes)
{
    if (asy_pool_grow(&r->tests->pool, items, cap, n, item_bytes))
        return true;
    r->l.no_memory = true;
    return false;
}

int64_t asy_tests_find(const struct asy_tests_names *names, struct asy_str word)
{
    for (uint32_t i = 0; i < names->n; i++)
        if (asy_str_eq(names->items[i], word))
            return i;
    return -1;
}

/* A name or -1 after a finding. */
static int64_t need_name(struct asy_tests_reader *r, const struct asy_yaml *at, const char *what,
                         const struct asy_tests_names *names, struct asy_str word)
{
    const int64_t found = asy_tests_find(names, word);
    if (found < 0)
        asy_load_tell(&r->l, "E0601", "test-name", at, "the rules have no %s `%.*s`%s", what, ASY_ARG(word),
                      asy_load_hint(&r->l, word, names->items, asy_load_hints(&r->l, names->n)));
    return found;
}

static bool is_plain(const struct asy_yaml *node, const char *word)
{
    return node->style == ASY_YAML_PLAIN && asy_str_is(node->text, word);
}

/* -- words and times ---------------------------------------------------------------------------------------------- */

uint32_t asy_tests_split_words(struct asy_str s, struct asy_str words[ASY_TEST_WORDS_MAX])
{
    uint32_t n = 0;
    for (uint32_t at = 0; at < s.len && n < ASY_TEST_WORDS_MAX;) {
        while (at < s.len && s.p[at] == ' ')
            at++;
        const uint32_t from = at;
        while (at < s.len && s.p[at] != ' ')
            at++;
        if (at > from)
            words[n++] = (struct asy_str){s.p + from, at - from};
    }
    return n;
}

/* `now`, `2d ago` or a time in one or two words from words[*at] on, which is moved behind it. */
static bool read_time(const struct asy_tests_reader *r, const struct asy_str *words, uint32_t n, uint32_t *at, int64_t *out_us)
{
    int64_t ago_s;
    const uint32_t i = *at;
    if (i >= n)
        return false;
    if (asy_str_is(words[i], "now")) {
        *out_us = r->tests->now_us;
        *at = i + 1;
        return true;
    }
    if (i + 1 < n && asy_str_is(words[i + 1], "ago")) {
        *at = i + 2;
        if (!asy_load_read_duration(words[i], &ago_s) || ago_s > ASY_TEST_SPAN_MAX_S)
            return false;
        *out_us = r->tests->now_us - ago_s * 1000000;
        return *out_us >= ASY_TIME_MIN_S * 1000000;
    }
    /* A date and the time of its day are two words of one text. */
    if (i + 1 < n && words[i + 1].p[0] >= '0' && words[i + 1].p[0] <= '9') {
        const struct asy_str both = {words[i].p, (uint32_t)(words[i + 1].p - words[i].p) + words[i + 1].len};
        *at = i + 2;
        return asy_time_read(both, out_us) == ASY_TIME_OK;
    }
    *at = i + 1;
    return asy_time_read(words[i], out_us) == ASY_TIME_OK;
}

bool asy_tests_time(const struct asy_tests_reader *r, struct asy_str text, int64_t *out_us)
{
    struct asy_str words[ASY_TEST_WORDS_MAX];
    uint32_t at = 0;
    const uint32_t n = asy_tests_split_words(text, words);
    return read_time(r, words, n, &at, out_us) && at == n;
}

/* -- changes: fields and plugins ----------------------------------------------------------------------------------- */

static bool read_typed(const struct asy_tests_reader *r, const struct asy_field *field, struct asy_str text, union asy_default *out)
{
    bool is_true;
    switch (field->type) {
    case ASY_INT:
        return asy_parse_i64(text, &out->i) && out->i != INT64_MIN;
    case ASY_NUMBER:
        return asy_parse_f64(text, &out->d);
    case ASY_BOOL:
        if (!asy_parse_bool(text, &is_true))
            return false;
        out->i = is_true ? 2 : 1;
        return true;
    case ASY_TIME:
        return asy_tests_time(r, text, &out->i);
    case ASY_COUNTRY:
        return (out->i = asy_country_code(text)) != 0;
    case ASY_ENUM:
        return (out->i = asy_enum_code(field, text)) != 0;
    default:
        return true;
    }
}

static const char *expected_of(struct asy_tests_reader *r, const struct asy_field *field)
{
    static const char *const expected[] = {[ASY_INT] = "a whole number", [ASY_NUMBER] = "a number", [ASY_BOOL] = "true or false",
                                           [ASY_TIME] = "a time such as 2026-01-31 12:00, or 30d ago",
                                           [ASY_COUNTRY] = "a country such as US or France"};
    if (field->type == ASY_ENUM)
        return asy_load_join(&r->l, field->values, field->n_values, 20);
    return expected[field->type];
}

static void read_field(struct asy_tests_reader *r, const struct asy_yaml *key, struct asy_str name, const struct asy_yaml *at,
                       struct asy_str text, bool is_empty, struct asy_test_change *out)
{
    const int64_t number = need_name(r, key, "field", &r->fields, name);
    if (number < 0)
        return;
    const struct asy_field *field = &r->rules->schema.fields[number];
    char iso[32];
    *out = (struct asy_test_change){.field = (uint32_t)number, .plugin = ASY_NONE, .is_empty = is_empty, .text = text, .pos = at->pos};
    if (is_empty)
        return;
    if (!read_typed(r, field, text, &out->value)) {
        const char *hint = field->type == ASY_ENUM ? asy_load_hint(&r->l, text, field->values, asy_load_hints(&r->l,
                                                                                                              field->n_values)) : "";
        asy_load_tell(&r->l, "E0602", "test-value", at, "`%.*s`: expected %s%s, or `empty`; found `%.*s`%s", ASY_ARG(name),
                      field->type == ASY_ENUM ? "one of " : "", expected_of(r, field), ASY_ARG(text), hint);
    } else if (field->type == ASY_TIME) {
        const uint32_t len = asy_time_format_us(out->value.i, iso);
        out->text = asy_pool_copy(&r->tests->pool, (struct asy_str){iso, len});
    }
}

static void read_answer(struct asy_tests_reader *r, const struct asy_yaml *key, struct asy_str name, const struct asy_yaml *at,
                        struct asy_str text, struct asy_test_change *out)
{
    const int64_t number = need_name(r, key, "plugin", &r->plugins, name);
    if (number < 0)
        return;
    const struct asy_str kind = r->rules->plugins[number].kind;
    const bool is_yes = asy_str_is(text, "true"), is_no = asy_str_is(text, "false"), is_router = asy_str_is(kind, "router");
    struct asy_test_answer answer = {.is_yes = !is_no, .target = ASY_STR("")};
    const char *expected = NULL;
    if (asy_str_is(kind, "scorer")) {
        if (asy_load_read_milli(text, &answer.points_milli) != ASY_READ_OK)
            expected = "points such as 12.5, as it is a scorer";
    } else if (is_router && !is_yes && !is_no) {
        answer.target = text;
    } else if (!is_yes && !is_no) {
        expected = "true or false";
    }
    if (expected)
        asy_load_tell(&r->l, "E0603", "test-plugin", at, "answer of plugin `%.*s`: expected %s, found `%.*s`", ASY_ARG(name),
                      expected,
                      ASY_ARG(text));
    *out = (struct asy_test_change){.field = ASY_NONE, .plugin = (uint32_t)number, .answer = answer, .pos = at->pos};
}

static struct asy_test_change *add_change(struct asy_tests_reader *r, struct asy_tests_draft *d)
{
    if (!ASY_TESTS_GROW(r, d->changes, d->changes_cap, d->n_changes))
        return NULL;
    struct asy_test_change *change = &d->changes[d->n_changes++];
    *change = (struct asy_test_change){.field = ASY_NONE, .plugin = ASY_NONE};
    return change;
}

void asy_tests_add_field(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *key,
                         const struct asy_yaml *value)
{
    struct asy_test_change *change;
    if (asy_load_is_text(&r->l, value, "value of a field") && (change = add_change(r, d)))
        read_field(r, key, key->text, value, value->text, is_plain(value, "empty"), change);
}

/* `company.employees = 9`, `plugin competitors = true` */
void asy_tests_add_written_change(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *cell)
{
    static const struct asy_str plugin = {"plugin ", 7};
    if (!asy_load_is_text(&r->l, cell, "a change"))
        return;
    const int64_t sign = asy_str_find(cell->text, ASY_STR("="));
    const struct asy_str name = asy_str_trim((struct asy_str){cell->text.p, sign < 0 ? 0 : (uint32_t)sign});
    const struct asy_str text = asy_str_trim((struct asy_str){cell->text.p + sign + 1, cell->text.len - (uint32_t)(sign + 1)});
    if (name.len == 0 || text.len == 0) {
        asy_load_tell(&r->l, "E0604", "test-change", cell, "expected FIELD = VALUE or plugin NAME = ANSWER, found `%.*s`",
                      ASY_ARG(cell->text));
        return;
    }
    struct asy_test_change *change = add_change(r, d);
    if (!change)
        return;
    if (asy_str_starts(name, plugin))
        read_answer(r, cell, asy_str_trim((struct asy_str){name.p + plugin.len, name.len - plugin.len}), cell, text, change);
    else
        read_field(r, cell, name, cell, text, asy_str_is(text, "empty"), change);
}

void asy_tests_lead(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *lead)
{
    if (asy_load_is_map(&r->l, lead, "`lead`"))
        for (uint32_t i = 0; i < lead->n; i++)
            asy_tests_add_field(r, d, lead->keys[i], lead->items[i]);
}

void asy_tests_plugins(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *plugins)
{
    struct asy_test_change *change;
    if (!asy_load_is_map(&r->l, plugins, "`plugins`"))
        return;
    for (uint32_t i = 0; i < plugins->n; i++)
        if (asy_load_is_text(&r->l, plugins->items[i], "answer of a plugin") && (change = add_change(r, d)))
            read_answer(r, plugins->keys[i], plugins->keys[i]->text, plugins->items[i], plugins->items[i]->text, change);
}

/* -- events -------------------------------------------------------------------------------------------------------- */

static bool read_count(struct asy_str word, uint32_t *out)
{
    int64_t n;
    if (word.len < 2 || word.p[0] != 'x' || !asy_parse_i64((struct asy_str){word.p + 1, word.len - 1},
                                                           &n) || n < 1 || n > EVENT_COUNT_MAX)
        return false;
    *out = (uint32_t)n;
    return true;
}

static void read_property(struct asy_tests_reader *r, const struct asy_yaml *at, struct asy_str word, uint32_t sign,
                          struct asy_test_event *event)
{
    const struct asy_tests_names known = {r->rules->schema.n_properties, r->rules->schema.properties};
    const int64_t property = need_name(r, at, "event property", &known, (struct asy_str){word.p, sign});
    for (uint32_t i = 0; i < event->n_properties; i++)
        if (property == event->properties[i].property)
            asy_load_tell(&r->l, "E0605", "test-event", at, "event property `%.*s` is given twice", (int)sign, word.p);
    if (property >= 0)
        event->properties[event->n_properties++] =
            (struct asy_test_property){(uint32_t)property, {word.p + sign + 1, word.len - sign - 1}};
}

/* `demo_request 2d ago x3 page=/pricing` */
static void add_event(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *node)
{
    struct asy_str words[ASY_TEST_WORDS_MAX];
    uint32_t at = 1;
    if (!asy_load_is_text(&r->l, node, "an event") || !ASY_TESTS_GROW(r, d->events, d->events_cap, d->n_events))
        return;
    const uint32_t n = asy_tests_split_words(node->text, words);
    const int64_t number = n ? need_name(r, node, "event", &r->events, words[0]) : -1;
    struct asy_test_event *event = &d->events[d->n_events];
    *event = (struct asy_test_event){.event = (uint32_t)number, .count = 1, .pos = node->pos};
    event->properties = asy_load_alloc(&r->l, ASY_TEST_WORDS_MAX, sizeof(*event->properties));
    if (number < 0 || !event->properties)
        return;
    if (!read_time(r, words, n, &at, &event->time_us)) {
        asy_load_tell(&r->l, "E0605", "test-event", node, "expected EVENT and when it happened, as in `%.*s 2d ago`, `.. now` or "
                      "`.. 2026-01-31 12:00`; found `%.*s`", ASY_ARG(words[0]), ASY_ARG(node->text));
        return;
    }
    if (n == ASY_TEST_WORDS_MAX)
        asy_load_tell(&r->l, "E0605", "test-event", node, "expected an event of fewer than %d words", ASY_TEST_WORDS_MAX);
    for (; at < n; at++) {
        const int64_t sign = asy_str_find(words[at], ASY_STR("="));
        if (sign > 0)
            read_property(r, node, words[at], (uint32_t)sign, event);
        else if (!read_count(words[at], &event->count))
            asy_load_tell(&r->l, "E0605", "test-event", node,
                          "behind the time of an event: expected x1 to x%d or property=value, found "
                          "`%.*s`", EVENT_COUNT_MAX, ASY_ARG(words[at]));
    }
    d->n_events++;
}

void asy_tests_events(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *events)
{
    if (events && events->kind == ASY_YAML_SCALAR)
        add_event(r, d, events);
    else if (asy_load_is_seq(&r->l, events, "`events`"))
        for (uint32_t i = 0; i < events->n; i++)
            add_event(r, d, events->items[i]);
}

/* -- what is expected ------------------------------------------------------------------------------------------------ */

static void tell_expected(struct asy_tests_reader *r, const struct asy_yaml *key, const struct asy_yaml *node, const char *expected)
{
    asy_load_tell(&r->l, "E0606", "test-expected", node, "`%.*s`: expected %s, found %s", ASY_ARG(key->text), expected,
                  asy_load_found(&r->l, node));
}

static void expect_points(struct asy_tests_reader *r, const struct asy_yaml *key, const struct asy_yaml *node,
                          struct asy_expect *out)
{
    const struct asy_score *score = &r->rules->scores[out->score];
    out->is_none = out->kind == ASY_EXPECT_SCORE && is_plain(node, "empty");
    if (out->is_none)
        return;
    if (asy_load_read_milli(node->text, &out->value) != ASY_READ_OK)
        tell_expected(r, key, node, "points such as 25, -10 or 2.5");
    else if (out->kind == ASY_EXPECT_SCORE && out->value % asy_score_unit_milli(score) != 0)
        asy_load_tell(&r->l, "E0606", "test-expected", node, "`%.*s` is rounded to %u decimals and cannot be %.*s",
                      ASY_ARG(key->text),
                      score->decimals, ASY_ARG(node->text));
}

static void expect_name(struct asy_tests_reader *r, const struct asy_yaml *key, const struct asy_yaml *node,
                        const struct asy_tests_names *names,
                        struct asy_expect *out)
{
    out->is_none = is_plain(node, "none");
    out->is_disqualified = out->kind == ASY_EXPECT_GRADE && is_plain(node, "disqualified");
    out->n_texts = 1;
    out->texts = asy_load_alloc(&r->l, 1, sizeof(*out->texts));
    if (out->is_none || out->is_disqualified || !out->texts)
        return;
    out->texts[0] = node->text;
    out->value = asy_tests_find(names, node->text);
    if (out->value < 0)
        asy_load_tell(&r->l, "E0601", "test-name", node, "`%.*s`: the rules have none that is called `%.*s`%s", ASY_ARG(key->text),
                      ASY_ARG(node->text), asy_load_hint(&r->l, node->text, names->items, asy_load_hints(&r->l, names->n)));
}

/* Any name: an owner may come from the lead itself. */
static void expect_owner(struct asy_tests_reader *r, const struct asy_yaml *node, struct asy_expect *out)
{
    const bool is_list = node->kind == ASY_YAML_SEQ;
    out->n_texts = is_list ? node->n : 1;
    out->is_none = !is_list && is_plain(node, "nobody");
    out->texts = asy_load_alloc(&r->l, out->n_texts, sizeof(*out->texts));
    if (is_list && node->n == 0)
        asy_load_tell(&r->l, "E0606", "test-expected", node,
                      "`assigned_to`: expected a name, names, or `nobody`, found an empty list");
    for (uint32_t i = 0; out->texts && i < out->n_texts; i++) {
        const struct asy_yaml *name = is_list ? node->items[i] : node;
        if (asy_load_is_text(&r->l, name, "`assigned_to`"))
            out->texts[i] = name->text;
    }
}

static void expect_value(struct asy_tests_reader *r, const struct asy_yaml *key, const struct asy_yaml *node,
                         const struct asy_tests_target *target,
                         struct asy_expect *out)
{
    bool is_true = false;
    if (out->kind == ASY_EXPECT_ASSIGNED_TO && node->kind != ASY_YAML_MAP) {
        expect_owner(r, node, out);
    } else if (!asy_load_is_text(&r->l, node, "what is expected")) {
        return;
    } else if (out->kind <= ASY_EXPECT_EVENT_RULE) {
        expect_points(r, key, node, out);
    } else if (target->names) {
        expect_name(r, key, node, target->names, out);
    } else if (out->kind == ASY_EXPECT_DISQUALIFIED) {
        if (!asy_parse_bool(node->text, &is_true))
            tell_expected(r, key, node, "true or false");
        out->value = is_true;
    } else if (is_plain(node, "none")) {
        out->is_none = true;
    } else if (!asy_load_read_duration(node->text, &out->value)) {
        tell_expected(r, key, node, "a length of time such as 4h, or none");
    }
}

void asy_tests_add_expect(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *key,
                          const struct asy_yaml *node)
{
    const int64_t number = asy_tests_find(&r->keys, key->text);
    if (number < 0) {
        asy_load_tell(&r->l, "E0601", "test-name", key, "`%.*s` is nothing that can be expected%s", ASY_ARG(key->text),
                      asy_load_hint(&r->l, key->text, r->keys.items, asy_load_hints(&r->l, r->keys.n)));
        return;
    }
    if (node->is_bad || !ASY_TESTS_GROW(r, d->expects, d->expects_cap, d->n_expects))
        return;
    const struct asy_tests_target *target = &r->targets[number];
    struct asy_expect *expect = &d->expects[d->n_expects++];
    *expect = (struct asy_expect){.kind = target->kind, .score = target->score, .rule = target->rule, .pos = node->pos};
    expect_value(r, key, node, target, expect);
}

void asy_tests_expects(struct asy_tests_reader *r, struct asy_tests_draft *d, const struct asy_yaml *expect)
{
    if (asy_load_is_map(&r->l, expect, "`expect`"))
        for (uint32_t i = 0; i < expect->n; i++)
            asy_tests_add_expect(r, d, expect->keys[i], expect->items[i]);
}
