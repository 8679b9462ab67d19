/* A small world for tests of the condition language: fields of every type, filled and empty, an enum, a country, an event,
 * a list; what was found is kept. */
#ifndef CEL_WORLD_H
#define CEL_WORLD_H

#include <criterion/criterion.h>

#include "cel_cases.h"

struct finding {
    char code[8];
    uint32_t offset, len;
    char message[600];
};

struct world {
    struct cel_table table; /* first: its functions take the world as their ctx */
    struct asy_cel_set freemail;
    int64_t window_s;       /* of the last name resolved */
    uint32_t n_findings, n_errors;
    struct finding first;
};

static const struct asy_str role_values[] = {{"intern", 6}, {"manager", 7}, {"vp", 2}};
static struct asy_str freemail_items[] = {{"aol.com", 7}, {"gmail.com", 9}, {"gmx.de", 6}};
static struct asy_str many_values[40];
static char many_text[40][4];

static inline bool world_resolve(void *ctx, struct asy_str name, int64_t window_s, struct asy_cel_input *out)
{
    struct world *world = ctx;
    world->window_s = window_s;
    if (asy_str_is(name, "events.visit.count")) {
        *out = (struct asy_cel_input){.kind = ASY_IN_EVENT_COUNT, .type = ASY_CEL_INT, .window_s = window_s};
        return true;
    }
    if (window_s != ASY_NO_WINDOW)
        return false;
    bool is_role = asy_str_is(name, "role") || asy_str_is(name, "no_role");
    if (is_role || asy_str_is(name, "country")) {
        *out = (struct asy_cel_input){.kind = ASY_IN_FIELD, .type = ASY_CEL_STRING, .nullable = true,
                                      .index = asy_str_is(name, "role"), .window_s = ASY_NO_WINDOW};
        out->n_values = is_role ? 3 : 40;
        out->values = is_role ? role_values : many_values;
        return true;
    }
    if (!cel_table_resolve(ctx, name, window_s, out))
        return false;
    if (asy_str_starts(name, ASY_STR("no_"))) { /* empty, but of a known type */
        static const struct {
            const char *name;
            uint8_t type;
        } types[] = {{"no_i", ASY_CEL_INT},    {"no_d", ASY_CEL_DOUBLE}, {"no_s", ASY_CEL_STRING},
                     {"no_b", ASY_CEL_BOOL},   {"no_t", ASY_CEL_TIME}};
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            if (asy_str_is(name, types[i].name))
                out->type = types[i].type;
    }
    return true;
}

static inline const struct asy_cel_set *world_list(void *ctx, struct asy_str name)
{
    struct world *world = ctx;
    return asy_str_is(name, "freemail") ? &world->freemail : NULL;
}

static inline const char *world_hint(void *ctx, struct asy_str name)
{
    (void)ctx;
    return asy_str_is(name, "rol") ? "; did you mean `role`?" : asy_str_is(name, "freemial") ? "; did you mean `freemail`?" : "";
}

static inline void world_report(void *ctx, const char *code, const char *slug, uint32_t offset, uint32_t len, const char *message)
{
    struct world *world = ctx;
    cr_assert(slug != NULL && slug[0] != '\0');
    world->n_errors += code[0] == 'E';
    if (world->n_findings++ != 0)
        return;
    snprintf(world->first.code, sizeof world->first.code, "%s", code);
    snprintf(world->first.message, sizeof world->first.message, "%s", message);
    world->first.offset = offset;
    world->first.len = len;
}

static inline struct asy_cel_value world_read(void *ctx, const struct asy_cel_input *input)
{
    switch (input->kind) {
    case ASY_IN_NOW: /* 2026-11-01T00:00:00Z */
        return (struct asy_cel_value){.type = ASY_CEL_TIME, .i = 1793491200};
    case ASY_IN_EVENT_COUNT: /* the window in days shows that it arrived */
        return (struct asy_cel_value){.type = ASY_CEL_INT, .i = input->window_s == ASY_NO_WINDOW ? 7 : input->window_s / 86400};
    case ASY_IN_FIELD: /* role: vp; no_role: empty */
        return input->index != 0 ? (struct asy_cel_value){.type = ASY_CEL_STRING, .s = ASY_STR("vp")}
                                 : (struct asy_cel_value){.type = ASY_CEL_NULL};
    default:
        return cel_table_read(ctx, input);
    }
}

static inline void world_init(struct world *world, struct asy_pool *pool)
{
    *world = (struct world){.table.pool = pool, .freemail = {ASY_STR("freemail"), 3, freemail_items}};
    for (uint32_t i = 0; i < 40; i++) {
        snprintf(many_text[i], sizeof many_text[i], "%c%c", 'A' + (int)i / 8, 'Q' + (int)i % 8);
        many_values[i] = (struct asy_str){many_text[i], 2};
    }
    const struct asy_cel_value empty = {.type = ASY_CEL_NULL};
    cel_table_add(&world->table, ASY_STR("i"), (struct asy_cel_value){.type = ASY_CEL_INT, .i = 5});
    cel_table_add(&world->table, ASY_STR("d"), (struct asy_cel_value){.type = ASY_CEL_DOUBLE, .d = 2.5});
    cel_table_add(&world->table, ASY_STR("s"), (struct asy_cel_value){.type = ASY_CEL_STRING, .s = ASY_STR("gmail.com")});
    cel_table_add(&world->table, ASY_STR("b"), (struct asy_cel_value){.type = ASY_CEL_BOOL, .b = true});
    cel_table_add(&world->table, ASY_STR("t"), (struct asy_cel_value){.type = ASY_CEL_TIME, .i = 1793491200 - 86400 * 3 - 1});
    cel_table_add(&world->table, ASY_STR("company.size"), (struct asy_cel_value){.type = ASY_CEL_INT, .i = 200});
    cel_table_add(&world->table, ASY_STR("no_i"), empty);
    cel_table_add(&world->table, ASY_STR("no_d"), empty);
    cel_table_add(&world->table, ASY_STR("no_s"), empty);
    cel_table_add(&world->table, ASY_STR("no_b"), empty);
    cel_table_add(&world->table, ASY_STR("no_t"), empty);
}

static inline struct asy_cel_node *world_compile(struct world *world, struct asy_str text, uint8_t want, bool fold)
{
    struct asy_cel_env env = {.ctx = world, .resolve = world_resolve, .resolve_list = world_list, .hint = world_hint,
                              .report = world_report, .fold = fold};
    bool no_memory = false;
    world->n_findings = world->n_errors = 0;
    world->first = (struct finding){0};
    struct asy_cel_node *node = asy_cel_compile(world->table.pool, text, &env, want, &no_memory);
    cr_assert(!no_memory);
    cr_assert_eq(node == NULL, world->n_errors != 0, "`%.*s`: %u errors", ASY_ARG(text), world->n_errors);
    return node;
}

enum way { FOLDED, UNFOLDED, LIFTED, N_WAYS };
static inline const char *way_name(enum way way)
{
    return way == FOLDED ? "folded" : way == UNFOLDED ? "not folded" : "lifted";
}

/* Compile and evaluate; false if it does not compile. */
static inline bool world_evaluate(struct world *world, struct asy_str text, enum way way, struct asy_cel_value *out)
{
    struct asy_cel_node *node = world_compile(world, text, ASY_CEL_DYN, way == FOLDED);
    if (node == NULL)
        return false;
    const struct asy_cel_node *run = way == LIFTED ? cel_lift(node, &world->table) : node;
    struct asy_cel_row row = {.ctx = world, .read = world_read, .scratch = world->table.pool};
    *out = asy_cel_eval(run, &row);
    asy_cel_release(node);
    return true;
}

/* before + n times piece + after */
static inline struct asy_str repeated(struct asy_pool *pool, const char *before, const char *piece, uint32_t n, const char *after)
{
    size_t size = strlen(before) + n * strlen(piece) + strlen(after);
    char *text = asy_pool_alloc(pool, size + 1);
    cr_assert_not_null(text);
    char *at = stpcpy(text, before);
    for (uint32_t i = 0; i < n; i++)
        at = stpcpy(at, piece);
    stpcpy(at, after);
    return (struct asy_str){text, (uint32_t)size};
}

#endif
