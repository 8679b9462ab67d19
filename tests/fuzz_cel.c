/* Fuzzing the condition language (libFuzzer): any bytes compile or are refused with a finding; what compiles evaluates, and
 * to the same value with folding and without.
 *
 *   clang -fsanitize=fuzzer,address,undefined ... fuzz_cel.c */
#include "cel_cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
    struct cel_table table; /* first: its functions take this as their ctx */
    struct asy_cel_set list;
    struct asy_str text;
    uint32_t n_errors;
};

static bool fuzz_resolve(void *ctx, struct asy_str name, int64_t window_s, struct asy_cel_input *out)
{
    static const struct asy_str values[] = {{"intern", 6}, {"vp", 2}};
    if (asy_str_is(name, "e.v.count")) {
        *out = (struct asy_cel_input){.kind = ASY_IN_EVENT_COUNT, .type = ASY_CEL_INT, .window_s = window_s};
        return true;
    }
    if (!cel_table_resolve(ctx, name, window_s, out))
        return false;
    if (out->type == ASY_CEL_NULL)
        out->type = asy_str_is(name, "n") ? ASY_CEL_INT : ASY_CEL_BOOL;
    if (asy_str_is(name, "role")) {
        out->n_values = 2;
        out->values = values;
    }
    return true;
}

static const struct asy_cel_set *fuzz_list(void *ctx, struct asy_str name)
{
    struct fuzz *fuzz = ctx;
    return asy_str_is(name, "list") ? &fuzz->list : NULL;
}

static void fuzz_report(void *ctx, const char *code, const char *slug, uint32_t offset, uint32_t len, const char *message)
{
    struct fuzz *fuzz = ctx;
    if (code == NULL || slug == NULL || message[0] == '\0' || len == 0 || offset > fuzz->text.len ||
        (fuzz->text.len != 0 && offset + (uint64_t)len > (uint64_t)fuzz->text.len + 1))
        abort();
    fuzz->n_errors += code[0] == 'E';
}

static struct asy_cel_value fuzz_read(void *ctx, const struct asy_cel_input *input)
{
    if (input->kind == ASY_IN_NOW)
        return (struct asy_cel_value){.type = ASY_CEL_TIME, .i = 1793491200};
    if (input->kind == ASY_IN_EVENT_COUNT)
        return (struct asy_cel_value){.type = ASY_CEL_INT, .i = 3};
    return cel_table_read(ctx, input);
}

static bool fuzz_run(struct asy_str text, bool fold, struct asy_cel_value *out, struct asy_pool *pool)
{
    static struct asy_str items[] = {{"a", 1}, {"b", 1}};
    struct fuzz fuzz = {.table.pool = pool, .list = {ASY_STR("list"), 2, items}, .text = text};
    cel_table_add(&fuzz.table, ASY_STR("i"), (struct asy_cel_value){.type = ASY_CEL_INT, .i = 5});
    cel_table_add(&fuzz.table, ASY_STR("d"), (struct asy_cel_value){.type = ASY_CEL_DOUBLE, .d = 2.5});
    cel_table_add(&fuzz.table, ASY_STR("s"), (struct asy_cel_value){.type = ASY_CEL_STRING, .s = ASY_STR("abc")});
    cel_table_add(&fuzz.table, ASY_STR("role"), (struct asy_cel_value){.type = ASY_CEL_STRING, .s = ASY_STR("vp")});
    cel_table_add(&fuzz.table, ASY_STR("b"), (struct asy_cel_value){.type = ASY_CEL_BOOL, .b = true});
    cel_table_add(&fuzz.table, ASY_STR("t"), (struct asy_cel_value){.type = ASY_CEL_TIME, .i = 1700000000});
    cel_table_add(&fuzz.table, ASY_STR("n"), (struct asy_cel_value){.type = ASY_CEL_NULL});
    cel_table_add(&fuzz.table, ASY_STR("x.y"), (struct asy_cel_value){.type = ASY_CEL_NULL});
    struct asy_cel_env env = {.ctx = &fuzz, .resolve = fuzz_resolve, .resolve_list = fuzz_list, .report = fuzz_report,
                              .fold = fold};
    bool no_memory;
    struct asy_cel_node *node = asy_cel_compile(pool, text, &env, ASY_CEL_DYN, &no_memory);
    if (node == NULL) {
        if (fuzz.n_errors == 0)
            abort();
        return false;
    }
    if (fuzz.n_errors != 0)
        abort();
    struct asy_cel_row row = {.ctx = &fuzz, .read = fuzz_read, .scratch = pool};
    *out = asy_cel_eval(node, &row);
    if (!fold && !cel_value_same(*out, asy_cel_eval(cel_lift(node, &fuzz.table), &row)))
        abort();
    asy_cel_value_text(pool, *out);
    asy_cel_release(node);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    struct asy_str text = {(const char *)data, (uint32_t)size};
    struct asy_cel_value folded, plain;
    bool a = fuzz_run(text, true, &folded, &pool);
    bool b = fuzz_run(text, false, &plain, &pool);
    if (a != b || (a && !cel_value_same(folded, plain)))
        abort();
    asy_pool_fini(&pool);
    if (mem.live_bytes != 0)
        abort();
    return 0;
}
