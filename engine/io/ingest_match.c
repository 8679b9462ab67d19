/* Which column of a header is which field. Levels: 3 the very name, 2 the same name but for case and separators, 1 the
 * same last part. A column speaks only at its best level, a target takes the best column; a tie is an error where it
 * matters, never a guess. Columns come in one go from delimited files, bit by bit from NDJSON. */
#include "io/ingest_internal.h"

static bool is_dropped(char c)
{
    return c == ' ' || c == '_' || c == '-' || c == '.' || c == '\t';
}

struct asy_str asy_match_fold(struct asy_str name, char *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        if (is_dropped(c))
            continue;
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return (struct asy_str){out, n};
}

assay_status asy_match_init(struct asy_match *match, struct asy_pool *pool, uint32_t n_targets)
{
    *match = (struct asy_match){.pool = pool, .n_targets = n_targets};
    match->targets = asy_pool_alloc_n(pool, n_targets, sizeof(*match->targets));
    if (!match->targets && n_targets > 0)
        return ASSAY_E_NOMEM;
    for (uint32_t i = 0; i < n_targets; i++)
        match->targets[i].column = match->targets[i].rival = match->targets[i].shared_with = ASY_NO_COLUMN;
    return ASSAY_OK;
}

assay_status asy_match_want(struct asy_match *match, uint32_t target, struct asy_str name, struct asy_str alt)
{
    struct asy_target *t = &match->targets[target];
    char *fold = asy_pool_alloc(match->pool, (size_t)name.len + 1);
    if (!fold)
        return ASSAY_E_NOMEM;
    t->exact = name;
    t->fold = asy_match_fold(name, fold);
    t->alt = alt;
    return ASSAY_OK;
}

static uint8_t level_of(const struct asy_target *t, struct asy_str name, struct asy_str fold)
{
    if (t->exact.len == 0)
        return 0;
    if (asy_str_eq(t->exact, name))
        return 3;
    if (fold.len == 0)
        return 0;
    if (asy_str_eq(t->fold, fold))
        return 2;
    return t->alt.len > 0 && asy_str_eq(t->alt, fold) ? 1 : 0;
}

static void offer(const struct asy_match *match, struct asy_target *t, uint32_t column, uint8_t level, uint32_t shared_with)
{
    if (level < t->level)
        return;
    if (level == t->level || (match->is_frozen && t->level > 0)) {
        if (t->rival == ASY_NO_COLUMN)
            t->rival = column;
        return;
    }
    t->level = level;
    t->column = column;
    t->rival = ASY_NO_COLUMN;
    t->shared_with = shared_with;
}

static void match_column(struct asy_match *match, uint32_t column, struct asy_str name)
{
    struct asy_str fold = asy_match_fold(name, match->fold);
    /* A lead's id is not some field's `id`. */
    bool is_id = asy_str_is(fold, "id") || asy_str_is(fold, "leadid");
    bool is_claimed = false;
    uint8_t best = 0;
    uint32_t first = ASY_NO_COLUMN, second = ASY_NO_COLUMN;
    for (uint32_t i = 0; i < match->n_targets; i++) {
        struct asy_target *t = &match->targets[i];
        uint8_t level = level_of(t, name, fold);
        if (level == 0)
            continue;
        if (!t->is_field) {
            offer(match, t, column, level, ASY_NO_COLUMN);
            is_claimed |= t->is_claiming;
        } else if (level == 1 && is_id) {
            continue;
        } else if (level > best) {
            best = level;
            first = i;
            second = ASY_NO_COLUMN;
        } else if (level == best && second == ASY_NO_COLUMN) {
            second = i;
        }
    }
    if (is_claimed || best == 0)
        return;
    for (uint32_t i = first; i < match->n_targets; i++) {
        struct asy_target *t = &match->targets[i];
        if (!t->is_field || level_of(t, name, fold) != best)
            continue;
        offer(match, t, column, best, i == first ? second : first);
        if (second == ASY_NO_COLUMN)
            break;
    }
}

assay_status asy_match_columns(struct asy_match *match, const struct asy_str *names, uint32_t n)
{
    for (; match->n_columns < n; match->n_columns++) {
        struct asy_str name = asy_str_trim(names[match->n_columns]);
        if (name.len > match->fold_cap) {
            uint32_t cap = name.len < 256 ? 256 : name.len;
            match->fold = asy_pool_alloc(match->pool, cap);
            if (!match->fold)
                return ASSAY_E_NOMEM;
            match->fold_cap = cap;
        }
        if (name.len > 0)
            match_column(match, match->n_columns, name);
    }
    return ASSAY_OK;
}

struct asy_str asy_match_list(struct asy_pool *pool, const struct asy_str *names, uint32_t n)
{
    struct asy_str list = {"", 0};
    uint32_t shown = 0;
    for (; shown < n && shown < 12 && list.len < 240; shown++) {
        struct asy_str name = asy_value_cut(names[shown], 40);
        list = asy_pool_printf(pool, "%.*s%s`%.*s`", ASY_ARG(list), shown > 0 ? ", " : "", ASY_ARG(name));
    }
    if (shown < n)
        list = asy_pool_printf(pool, "%.*s and %u more", ASY_ARG(list), n - shown);
    return list;
}

struct asy_str asy_match_quoted(struct asy_pool *pool, struct asy_str text)
{
    char *out = asy_pool_alloc(pool, 2 * (size_t)text.len + 3);
    if (!out)
        return (struct asy_str){"", 0};
    uint32_t n = 0;
    out[n++] = '"';
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            out[n++] = '\\';
        out[n++] = text.p[i];
    }
    out[n++] = '"';
    return (struct asy_str){out, n};
}

struct asy_str asy_match_hint(struct asy_pool *pool, struct asy_str word, const struct asy_str *names, uint32_t n)
{
    int64_t near = asy_str_nearest(word, names, n);
    if (near < 0)
        return (struct asy_str){"", 0};
    return asy_pool_printf(pool, "; did you mean `%.*s`?", ASY_ARG(names[near]));
}
