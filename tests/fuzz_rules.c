/* libFuzzer body for rule files: any bytes are loaded or refused with findings; what is accepted can be linted and run, and
 * the batched pass says what the row-at-a-time reading says, on leads made from the numbers and words of the file itself.
 *
 * An input that starts with "#!" is not a rule file, but the decisions from which rule_maker.h makes one.
 *
 *     fuzz_rules -dict=tests/corpus/rules.dict FOLDER tests/corpus/rules rules */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "exec/assign.h"
#include "exec/lead.h"
#include "exec/pass.h"
#include "rule/lint.h"
#include "rule/load.h"
#include "rule_maker.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { FUZZ_WORDS_MAX = 256, FUZZ_LEADS_MAX = 70, FUZZ_EVENTS_MAX = 150 };
#define FUZZ_AS_OF_S 1793491200

/* The first thing that went wrong, said before dying: a crash report should not need a debugger. */
#define FUZZ_MUST(cond, ...) ((cond) ? (void)0 : (fprintf(stderr, "fuzz_rules: %s: ", #cond), fprintf(stderr, __VA_ARGS__), \
                                                  fputc('\n', stderr), abort()))

struct fuzz_file {
    const uint8_t *bytes;
    size_t n;
};

/* The rule file is the input; every list file it names has two rows. */
static assay_status fuzz_file_read(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes,
                                   struct asy_str *out, struct assay_error *error)
{
    (void)path;
    const struct fuzz_file *file = ctx;
    struct asy_str text = ASY_STR("domain,owner\nbigbank.example,nora\nacme.example,\n");
    if (folder == NULL) text = (struct asy_str){(const char *)file->bytes, (uint32_t)file->n};
    if (text.len > max_bytes) return asy_fail(error, ASSAY_E_LIMIT, "fuzz: too long");
    *out = asy_pool_copy(pool, text);
    return out->p != NULL ? ASSAY_OK : ASSAY_E_NOMEM;
}

/* What leads are made from. */
struct fuzz_world {
    struct asy_mem *mem;
    struct asy_rules rules;
    struct asy_store store;
    uint64_t rng;
    uint32_t n_words;
    struct asy_str words[FUZZ_WORDS_MAX];
    uint32_t n_numbers;
    int64_t numbers[FUZZ_WORDS_MAX];
};

static uint32_t fuzz_draw(struct fuzz_world *world, uint32_t below)
{
    world->rng = world->rng * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((world->rng >> 33) % below);
}

static bool fuzz_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || (uint8_t)c >= 0x80;
}

/* The words of the file, and its numbers: values near the bounds that its tables and conditions have. */
static void fuzz_read_words(struct fuzz_world *world)
{
    const struct asy_str source = world->rules.source;
    for (uint32_t i = 0; i < source.len;) {
        uint32_t end = i;
        while (end < source.len && fuzz_is_word(source.p[end])) end++;
        const struct asy_str word = {source.p + i, end - i};
        int64_t number = 0;
        uint32_t n_digits = 0;
        while (n_digits < word.len && n_digits < 18 && word.p[n_digits] >= '0' && word.p[n_digits] <= '9')
            number = number * 10 + (word.p[n_digits++] - '0');
        if (n_digits > 0 && world->n_numbers < FUZZ_WORDS_MAX) world->numbers[world->n_numbers++] = number;
        if (word.len > 0 && world->n_words < FUZZ_WORDS_MAX && asy_utf8_valid(word)) world->words[world->n_words++] = word;
        i = end + 1;
    }
}

static int64_t fuzz_number(struct fuzz_world *world)
{
    static const int64_t odd[] = {0, 1, -1, 127, 128, -32768, 65536, INT32_MAX, INT64_MAX, INT64_MIN + 1};
    if (world->n_numbers == 0 || fuzz_draw(world, 8) == 0) return odd[fuzz_draw(world, ASY_COUNT_OF(odd))];
    const int64_t number = world->numbers[fuzz_draw(world, world->n_numbers)] + (int64_t)fuzz_draw(world, 3) - 1;
    return fuzz_draw(world, 8) == 0 ? -number : number;
}

static struct asy_str fuzz_word(struct fuzz_world *world)
{
    return world->n_words == 0 || fuzz_draw(world, 8) == 0 ? ASY_STR("CEO of Sales") : world->words[fuzz_draw(world, world->n_words)];
}

/* Seconds since 1970, not after as-of. */
static uint32_t fuzz_time_s(struct fuzz_world *world)
{
    static const int64_t units_s[] = {3600, 86400, 86400, 7 * 86400};
    if (fuzz_draw(world, 16) == 0) return fuzz_draw(world, 2) ? FUZZ_AS_OF_S : fuzz_draw(world, 2);
    int64_t units = fuzz_draw(world, 3) ? fuzz_number(world) : fuzz_draw(world, 400);
    if (units < 0 || units > 20000) units = fuzz_draw(world, 2000);
    const int64_t age_s = units * units_s[fuzz_draw(world, 4)] + (int64_t)fuzz_draw(world, 3) - 1;
    return age_s < 0 ? FUZZ_AS_OF_S : age_s > FUZZ_AS_OF_S ? 0 : (uint32_t)(FUZZ_AS_OF_S - age_s);
}

static void fuzz_set_field(struct fuzz_world *world, uint32_t field, uint32_t row)
{
    struct asy_column *column = &world->store.columns[field];
    assay_status status = ASSAY_OK;
    struct assay_error error = {0};
    switch (column->field->type) {
    case ASY_TEXT: status = asy_column_set_text(column, row, fuzz_word(world), &error); break;
    case ASY_INT: status = asy_column_set_int(column, row, fuzz_number(world), &error); break;
    case ASY_NUMBER: asy_column_set_number(column, row, (double)fuzz_number(world) / (fuzz_draw(world, 3) == 0 ? 8 : 1)); break;
    case ASY_BOOL: status = asy_column_set_code(column, row, 1 + fuzz_draw(world, 2), &error); break;
    case ASY_TIME: asy_column_set_time(column, row, (int64_t)fuzz_time_s(world) * 1000000 + fuzz_draw(world, 2)); break;
    case ASY_COUNTRY: {
        const uint32_t code = asy_country_code(fuzz_word(world));
        status = asy_column_set_code(column, row, code != 0 ? code : 1 + fuzz_draw(world, asy_country_count()), &error);
        break;
    }
    default: status = asy_column_set_code(column, row, 1 + fuzz_draw(world, column->field->n_values), &error); break;
    }
    FUZZ_MUST(status == ASSAY_OK, "%s", error.text);
}

static void fuzz_fill_store(struct fuzz_world *world)
{
    const struct asy_schema *schema = &world->rules.schema;
    struct asy_store *store = &world->store;
    struct assay_error error = {0};
    const uint32_t n_leads = 1 + fuzz_draw(world, FUZZ_LEADS_MAX);
    for (uint32_t i = 0; i < n_leads; i++) {
        char id[16];
        uint32_t row;
        bool is_new;
        const int len = snprintf(id, sizeof(id), "L%u", i * 7919 % 1000);
        const assay_status status = asy_store_add(store, (struct asy_str){id, (uint32_t)len}, &row, &is_new, &error);
        FUZZ_MUST(status == ASSAY_OK && is_new && row == i, "%s", error.text);
        for (uint32_t f = 0; f < schema->n_fields; f++)
            if (fuzz_draw(world, 4)) fuzz_set_field(world, f, row);
    }
    const uint32_t n_events = schema->n_events == 0 ? 0 : fuzz_draw(world, FUZZ_EVENTS_MAX);
    FUZZ_MUST(asy_events_open(&store->events, n_leads, 1, &error) == ASSAY_OK, "%s", error.text);
    for (uint32_t i = 0; i < n_events; i++) {
        struct asy_str values[ASY_PROPERTIES_MAX];
        uint32_t tuple = 0;
        for (uint32_t p = 0; p < schema->n_properties; p++) values[p] = fuzz_draw(world, 3) ? fuzz_word(world) : ASY_STR("");
        if (schema->n_properties > 0) FUZZ_MUST(asy_events_tuple(&store->events, 0, values, &tuple) == ASSAY_OK, "tuple");
        const uint32_t row = fuzz_draw(world, n_leads), time_s = fuzz_time_s(world);
        const uint8_t name = (uint8_t)fuzz_draw(world, schema->n_events);
        const assay_status status = asy_events_stage(&store->events, 0, 1, &row, &time_s, &name, &tuple, &error);
        FUZZ_MUST(status == ASSAY_OK, "%s", error.text);
    }
    FUZZ_MUST(asy_events_group(&store->events, n_leads, 1, &error) == ASSAY_OK, "%s", error.text);
    const char *reason = "";
    FUZZ_MUST(asy_store_valid(store, &reason), "%s", reason);
}

/* How many leads no rule could decide on. */
struct fuzz_unknown {
    uint64_t *terms, *disqualify, *stages, *routes, *recycle, *segments;
};

static void fuzz_count_unknown(const struct asy_cel_value *values, const struct asy_decision *decisions, uint32_t n, uint32_t n_asked,
                               uint64_t *unknown)
{
    for (uint32_t i = 0; i < n && i < n_asked; i++)
        unknown[i] += decisions[i].test->when != NULL && values[i].type != ASY_CEL_BOOL;
}

/* The largest terms by absolute points, ties in file order. */
static uint32_t fuzz_next_term(const struct asy_lead_story *story, uint32_t n_terms, const uint32_t *taken, uint32_t n_taken)
{
    uint32_t best = ASY_TERM_NONE;
    for (uint32_t t = 0; t < n_terms; t++) {
        bool is_taken = story->terms[t].points_milli == 0;
        for (uint32_t k = 0; k < n_taken; k++) is_taken |= taken[k] == t;
        if (is_taken) continue;
        if (best == ASY_TERM_NONE || llabs(story->terms[t].points_milli) > llabs(story->terms[best].points_milli)) best = t;
    }
    return best;
}

static void fuzz_check_lead(const struct asy_program *program, const struct asy_results *results, uint32_t row,
                            struct fuzz_unknown *unknown, struct asy_pool *pool)
{
    const struct asy_rules *rules = program->rules;
    struct asy_lead_story story;
    FUZZ_MUST(asy_lead_tell(&story, program, row, pool), "row %u", row);
    for (uint32_t s = 0; s < rules->n_scores; s++)
        FUZZ_MUST(results->score_milli[s][row] == story.scores[s].final_milli, "row %u, score %.*s: pass %d, reference %lld", row,
                  ASY_ARG(rules->scores[s].name), results->score_milli[s][row], (long long)story.scores[s].final_milli);
    FUZZ_MUST(results->grade[row] == story.grade, "row %u: pass %u, reference %u", row, results->grade[row], story.grade);
    FUZZ_MUST(results->disqualified_by[row] == story.disqualified_by, "row %u: pass %u, reference %u", row,
              results->disqualified_by[row], story.disqualified_by);
    FUZZ_MUST(results->route[row] == story.route, "row %u: pass %u, reference %u", row, results->route[row], story.route);
    FUZZ_MUST(results->recycle[row] == story.recycled, "row %u: pass %u, reference %u", row, results->recycle[row], story.recycled);
    const uint32_t stage = results->stage == NULL ? 0 : results->stage[row], segment = results->segment == NULL ? 0 : results->segment[row];
    FUZZ_MUST(stage == story.stage, "row %u: pass %u, reference %u", row, stage, story.stage);
    FUZZ_MUST(segment == story.segment, "row %u: pass %u, reference %u", row, segment, story.segment);
    uint32_t taken[ASY_TOP_TERMS];
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        taken[j] = fuzz_next_term(&story, program->n_terms, taken, j);
        FUZZ_MUST(results->top_term[j][row] == (uint16_t)taken[j], "row %u, reason %u: pass %u, reference %u", row, j,
                  results->top_term[j][row], taken[j]);
        if (taken[j] != ASY_TERM_NONE)
            FUZZ_MUST(results->top_milli[j][row] == story.terms[taken[j]].points_milli, "row %u, reason %u", row, j);
    }
    for (uint32_t t = 0; t < program->n_terms; t++)
        unknown->terms[t] += program->terms[t].rule != NULL && program->terms[t].rule->kind == ASY_RULE_WHEN &&
                             story.terms[t].when.type != ASY_CEL_BOOL;
    fuzz_count_unknown(story.disqualify, program->disqualify, rules->n_disqualify, UINT32_MAX, unknown->disqualify);
    fuzz_count_unknown(story.routes, program->routes, rules->n_routes, story.route == 0 ? UINT32_MAX : story.route, unknown->routes);
    fuzz_count_unknown(story.recycle, program->recycle, rules->n_recycle, story.recycled == 0 ? UINT32_MAX : story.recycled,
                       unknown->recycle);
    for (uint32_t s = story.stage == 0 ? 0 : story.stage - 1; s < rules->n_stages; s++)
        unknown->stages[s] += program->stages[s].test->when != NULL && story.stages[s].type != ASY_CEL_BOOL;
    fuzz_count_unknown(story.segments, program->segments, rules->n_segments, story.segment == 0 ? UINT32_MAX : story.segment,
                       unknown->segments);
}

static void fuzz_same_counts(const char *what, const uint64_t *pass, const uint64_t *reference, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        FUZZ_MUST(pass[i] == reference[i], "unknown %s %u: pass %llu, reference %llu", what, i, (unsigned long long)pass[i],
                  (unsigned long long)reference[i]);
}

static void fuzz_check_results(const struct asy_program *program, const struct asy_results *results)
{
    const struct asy_rules *rules = program->rules;
    struct asy_pool pool;
    asy_pool_init(&pool, results->mem);
    struct fuzz_unknown unknown = {.terms = asy_pool_alloc_n(&pool, program->n_terms, sizeof(uint64_t)),
                                   .disqualify = asy_pool_alloc_n(&pool, rules->n_disqualify, sizeof(uint64_t)),
                                   .stages = asy_pool_alloc_n(&pool, rules->n_stages, sizeof(uint64_t)),
                                   .segments = asy_pool_alloc_n(&pool, rules->n_segments, sizeof(uint64_t)),
                                   .routes = asy_pool_alloc_n(&pool, rules->n_routes, sizeof(uint64_t)),
                                   .recycle = asy_pool_alloc_n(&pool, rules->n_recycle, sizeof(uint64_t))};
    for (uint32_t row = 0; row < results->n_leads; row++) fuzz_check_lead(program, results, row, &unknown, &pool);
    fuzz_same_counts("term", results->unknown_terms, unknown.terms, program->n_terms);
    fuzz_same_counts("disqualifier", results->unknown_disqualify, unknown.disqualify, rules->n_disqualify);
    fuzz_same_counts("stage", results->unknown_stages, unknown.stages, rules->n_stages);
    fuzz_same_counts("segment", results->unknown_segments, unknown.segments, rules->n_segments);
    fuzz_same_counts("route", results->unknown_routes, unknown.routes, rules->n_routes);
    fuzz_same_counts("recycling", results->unknown_recycle, unknown.recycle, rules->n_recycle);
    asy_pool_fini(&pool);
}

static void fuzz_run_pass(struct fuzz_world *world, const char *isa, uint32_t batch_rows, struct asy_summaries *summaries)
{
    struct asy_program program;
    struct asy_results results;
    struct asy_state state;
    struct assay_error error = {0};
    const char *problem = NULL;
    if (asy_kern_select(isa, &problem) == NULL) return;
    const struct asy_pass_options options = {.kern = asy_kern_select(isa, &problem), .n_threads = 1, .batch_rows = batch_rows,
                                             .summaries = summaries};
    assay_status status = asy_program_init(&program, world->mem, &world->rules, &world->store, FUZZ_AS_OF_S, NULL, &error);
    FUZZ_MUST(status == ASSAY_OK || status == ASSAY_E_LIMIT, "%s", error.text);
    if (status != ASSAY_OK) return;
    status = asy_results_init(&results, world->mem, &world->rules, world->store.n_leads, program.n_terms, 1, &error);
    FUZZ_MUST(status == ASSAY_OK, "%s", error.text);
    asy_state_init(&state, world->mem, 1);
    FUZZ_MUST(asy_pass_run(&program, &options, &results, &error) == ASSAY_OK, "%s", error.text);
    fuzz_check_results(&program, &results);
    FUZZ_MUST(asy_assign(&program, &results, &state, 1, &error) == ASSAY_OK, "%s", error.text);
    asy_state_fini(&state);
    asy_results_fini(&results, &world->rules, program.n_terms);
    asy_program_fini(&program);
}

static void fuzz_use_rules(struct fuzz_world *world)
{
    struct assay_error error = {0};
    if (world->rules.schema.n_fields > 200) return;
    fuzz_read_words(world);
    FUZZ_MUST(asy_store_init(&world->store, world->mem, &world->rules.schema, world->rng, &error) == ASSAY_OK, "%s", error.text);
    fuzz_fill_store(world);
    struct asy_summaries summaries;
    asy_summaries_init(&summaries, world->mem);
    fuzz_run_pass(world, "ref", 7, NULL);
    fuzz_run_pass(world, "v3", 0, NULL);
    fuzz_run_pass(world, NULL, 0, &summaries); /* makes them */
    fuzz_run_pass(world, NULL, 9, &summaries); /* uses them */
    asy_summaries_clear(&summaries);
    asy_store_fini(&world->store);
}

/* Was the file accepted? */
static bool fuzz_rules_text(const uint8_t *bytes, size_t n)
{
    struct fuzz_file file = {bytes, n};
    const struct asy_file_reader reader = {.ctx = &file, .read = fuzz_file_read};
    struct asy_mem mem;
    struct asy_diags diags;
    struct assay_error error = {0};
    static struct fuzz_world world;
    asy_mem_init(&mem, NULL);
    asy_diags_init(&diags, &mem);
    world = (struct fuzz_world){.mem = &mem, .rng = asy_checksum((struct asy_str){(const char *)bytes, (uint32_t)n})};
    const assay_status status = asy_rules_load(&world.rules, &mem, "fuzz.yaml", &reader, &diags, &error);
    if (status == ASSAY_OK) {
        FUZZ_MUST(diags.n_errors == 0, "%u errors", diags.n_errors);
        FUZZ_MUST(asy_rules_lint(&world.rules, &diags, &error) == ASSAY_OK, "%s", error.text);
        fuzz_use_rules(&world);
    } else {
        FUZZ_MUST(status != ASSAY_E_RULES || diags.n_errors > 0, "%s", error.text);
        FUZZ_MUST(status == ASSAY_E_RULES || error.text[0] != '\0', "%d", status);
    }
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    asy_diags_sort(&diags);
    FUZZ_MUST(asy_diags_text(&pool, &diags, false).p != NULL, "%u findings", diags.n);
    asy_pool_fini(&pool);
    if (status == ASSAY_OK) asy_rules_fini(&world.rules);
    asy_diags_fini(&diags);
    FUZZ_MUST(mem.live_bytes == 0, "%llu bytes", (unsigned long long)mem.live_bytes);
    return status == ASSAY_OK;
}

static bool fuzz_made_rules(const uint8_t *bytes, size_t n)
{
    static char text[MAKER_TEXT_MAX];
    struct maker maker = {.bytes = bytes, .n = n, .text = text};
    maker_make(&maker);
    if (getenv("ASSAY_FUZZ_SHOW") != NULL) fprintf(stderr, "%s", text);
    return fuzz_rules_text((const uint8_t *)text, maker.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n > 1 << 16) return 0;
    if (n > 2 && bytes[0] == '#' && bytes[1] == '!') fuzz_made_rules(bytes + 2, n - 2);
    else fuzz_rules_text(bytes, n);
    return 0;
}
