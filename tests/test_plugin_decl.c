/* What plugins declare: descriptors held to their rules, declarations over a wire, values of parameters. */
#include "failing_mem.h"
#include "plugin/clean.h"
#include "plugin/decl_internal.h"

#include <criterion/criterion.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* -- a descriptor to spoil ---------------------------------------------------------------------------------------- */

struct descriptor {
    struct assay_want wants[3];
    struct assay_param params[7];
    struct assay_reason reasons[3];
    struct assay_plugin plugin;
};

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **state, struct assay_plugin_error *error)
{
    (void)host;
    (void)values;
    (void)state;
    (void)error;
    return 0;
}
static int32_t run(void *state, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)state;
    (void)batch;
    (void)verdict;
    (void)error;
    return 0;
}
static void destroy(void *state)
{
    (void)state;
}

static void make_good(struct descriptor *d)
{
    *d = (struct descriptor){
        .wants = {{"country", ASSAY_TEXT_COLUMN, 0, "Where the company is"},
                  {"employees", ASSAY_INT_COLUMN, ASSAY_WANT_OPTIONAL, "How many work there"},
                  {"engagement", ASSAY_POINTS_COLUMN, 0, NULL}},
        .params = {{"list", ASSAY_FILE_PARAM, ASSAY_PARAM_REQUIRED, NULL, "Domains, one a line", 0, 0},
                   {"limit", ASSAY_INT_PARAM, 0, "30", "Most", 1, 365},
                   {"share", ASSAY_NUMBER_PARAM, 0, "0.5", "Part", 0, 1},
                   {"strict", ASSAY_BOOL_PARAM, 0, "no", "Whether", 0, 0},
                   {"grace", ASSAY_DURATION_PARAM, 0, "2w", "How long", 0, 90 * 86400},
                   {"owners", ASSAY_TEXTS_PARAM, 0, "[anna, ben]", "Who", 0, 0},
                   {"title", ASSAY_TEXT_PARAM, 0, "M\xC3\xBCller", "What", 0, 0}},
        .reasons = {{300, 0, "third", "The third one"}, {1, 0, "first", "The first one"}, {20, 0, "second", "The second one"}},
        .plugin = {ASSAY_ABI_HEADER, ASSAY_SCORE, ASSAY_CAP_READS_TIME | ASSAY_CAP_READS_KEY, "com.example.good", "1.2.3", "A good one", 3, 7, 3, 0,
                   NULL, NULL, NULL, -50000, 50000, create, run, destroy, NULL},
    };
    d->plugin.wants = d->wants;
    d->plugin.params = d->params;
    d->plugin.reasons = d->reasons;
}

struct world {
    struct failing failing;
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_plugin_decl decl;
    struct assay_error error;
};
static void open_world(struct world *w)
{
    *w = (struct world){0};
    failing_init(&w->mem, &w->failing, -1);
    asy_pool_init(&w->pool, &w->mem);
}
static void close_world(struct world *w)
{
    asy_pool_fini(&w->pool);
    cr_assert_eq(w->failing.n_blocks, 0);
}

/* -- reading ------------------------------------------------------------------------------------------------------ */

static void expect_good(const struct asy_plugin_decl *decl)
{
    static const uint32_t codes[] = {1, 20, 300};
    cr_assert_eq(decl->kind, ASSAY_SCORE);
    cr_assert_eq(decl->caps, ASSAY_CAP_READS_TIME | ASSAY_CAP_READS_KEY);
    cr_assert(asy_str_is(decl->id, "com.example.good") && asy_str_is(decl->version, "1.2.3") && asy_str_is(decl->help, "A good one"));
    cr_assert_eq(decl->n_wants, 3);
    cr_assert(asy_str_is(decl->wants[1].name, "employees") && decl->wants[1].is_optional && !decl->wants[0].is_optional);
    cr_assert_eq(decl->wants[2].type, ASSAY_POINTS_COLUMN);
    cr_assert_eq(decl->wants[2].help.len, 0);
    cr_assert_eq(decl->n_params, 7);
    cr_assert(decl->params[0].is_required && !decl->params[0].has_fallback && !decl->params[1].is_required);
    cr_assert(asy_str_is(decl->params[1].fallback, "30") && decl->params[1].lo == 1 && decl->params[1].hi == 365);
    cr_assert_eq(decl->n_reasons, 3);
    for (uint32_t i = 0; i < 3; i++) cr_assert_eq(decl->reasons[i].code, codes[i], "by code");
    cr_assert(asy_str_is(asy_decl_reason(decl, 300)->id, "third"));
    cr_assert_null(asy_decl_reason(decl, 0));
    cr_assert_null(asy_decl_reason(decl, 21));
    cr_assert_null(asy_decl_reason(decl, 65535));
    cr_assert_eq(decl->points_min_milli, -50000);
    cr_assert_eq(decl->points_max_milli, 50000);
}

Test(decl, reads_a_descriptor_and_owns_what_it_says)
{
    struct world w;
    struct descriptor d;
    open_world(&w);
    make_good(&d);
    cr_assert_eq(asy_decl_read(&w.decl, &w.pool, &d.plugin, "x.so", &w.error), ASSAY_OK, "%s", w.error.text);
    memset(&d, 0, sizeof(d));
    expect_good(&w.decl);
    close_world(&w);
}

Test(decl, kinds_are_named_as_in_rule_files)
{
    static const char *const names[] = {"unknown", "disqualifier", "router", "recycler", "scorer", "unknown"};
    for (uint32_t kind = 0; kind < COUNT_OF(names); kind++) cr_assert_str_eq(asy_plugin_kind_name(kind), names[kind]);
}

static char long_name[66], long_help[302];

static void kind_0(struct descriptor *d) { d->plugin.kind = 0; }
static void kind_5(struct descriptor *d) { d->plugin.kind = 5; }
static void unknown_cap(struct descriptor *d) { d->plugin.caps |= 8; }
static void no_id(struct descriptor *d) { d->plugin.id = NULL; }
static void no_version(struct descriptor *d) { d->plugin.version = ""; }
static void control_in_help(struct descriptor *d) { d->plugin.help = "a\033[2Jb"; }
static void no_utf8_in_help(struct descriptor *d) { d->plugin.help = "a\xFF"; }
static void help_is_long(struct descriptor *d) { d->plugin.help = long_help; }
static void no_create(struct descriptor *d) { d->plugin.create = NULL; }
static void no_run(struct descriptor *d) { d->plugin.run = NULL; }
static void no_destroy(struct descriptor *d) { d->plugin.destroy = NULL; }
static void no_wants(struct descriptor *d) { d->plugin.wants = NULL; }
static void many_wants(struct descriptor *d) { d->plugin.n_wants = 65; }
static void many_params(struct descriptor *d) { d->plugin.n_params = UINT32_MAX; }
static void no_reasons(struct descriptor *d) { d->plugin.n_reasons = 0; }
static void many_reasons(struct descriptor *d) { d->plugin.n_reasons = 1025; }
static void reserved(struct descriptor *d) { d->plugin.reserved0 = 7; }
static void want_without_name(struct descriptor *d) { d->wants[1].name = NULL; }
static void want_in_capitals(struct descriptor *d) { d->wants[1].name = "Employees"; }
static void want_with_escape(struct descriptor *d) { d->wants[1].name = "a\033\xFFz"; }
static void want_with_digit(struct descriptor *d) { d->wants[1].name = "1st"; }
static void want_long(struct descriptor *d) { d->wants[1].name = long_name; }
static void want_twice(struct descriptor *d) { d->wants[2].name = "country"; }
static void want_type(struct descriptor *d) { d->wants[2].type = 7; }
static void want_flags(struct descriptor *d) { d->wants[2].flags = 6; }
static void param_twice(struct descriptor *d) { d->params[3].name = "limit"; }
static void param_type(struct descriptor *d) { d->params[3].type = 0; }
static void param_flags(struct descriptor *d) { d->params[3].flags = 2; }
static void param_limits_of_text(struct descriptor *d) { d->params[6].hi = 3; }
static void param_limits_turned(struct descriptor *d) { d->params[1].lo = 400; }
static void param_int(struct descriptor *d) { d->params[1].fallback = "many"; }
static void param_beyond(struct descriptor *d) { d->params[1].fallback = "366"; }
static void param_number(struct descriptor *d) { d->params[2].fallback = "nan"; }
static void param_bool(struct descriptor *d) { d->params[3].fallback = "1"; }
static void param_duration(struct descriptor *d) { d->params[4].fallback = "91d"; }
static void param_texts(struct descriptor *d) { d->params[5].fallback = "[a,,b]"; }
static void param_file(struct descriptor *d) { d->params[0].fallback = ""; }
static void param_control(struct descriptor *d) { d->params[6].fallback = "a\nb"; }
static void code_0(struct descriptor *d) { d->reasons[0].code = 0; }
static void code_large(struct descriptor *d) { d->reasons[0].code = 65535; }
static void code_twice(struct descriptor *d) { d->reasons[0].code = 20; }
static void reason_id(struct descriptor *d) { d->reasons[0].id = "no-dash"; }
static void reason_id_twice(struct descriptor *d) { d->reasons[0].id = "first"; }
static void reason_text(struct descriptor *d) { d->reasons[2].text = NULL; }
static void reason_reserved(struct descriptor *d) { d->reasons[2].reserved0 = 1; }
static void points_turned(struct descriptor *d) { d->plugin.points_min_milli = 50001; }
static void points_low(struct descriptor *d) { d->plugin.points_min_milli = -1000000001; }
static void points_of_a_router(struct descriptor *d) { d->plugin.kind = ASSAY_ROUTE; }

Test(decl, says_what_is_wrong_with_a_descriptor)
{
    static const struct {
        void (*spoil)(struct descriptor *d);
        const char *text;
    } cases[] = {
        {kind_0, "x.so: kind: expected 1 (disqualify), 2 (route), 3 (recycle) or 4 (score), found 0"},
        {kind_5, "x.so: kind: expected 1 (disqualify), 2 (route), 3 (recycle) or 4 (score), found 5"},
        {unknown_cap, "x.so: caps: expected capabilities of ABI 1.0 (bits 0x7), found 0x8 as well"},
        {no_id, "x.so: id: expected one line of text of at most 100 bytes, found none"},
        {no_version, "x.so: version: expected one line of text of at most 40 bytes, found none"},
        {control_in_help, "x.so: help: expected one line of text of at most 300 bytes, found a control character"},
        {no_utf8_in_help, "x.so: help: expected one line of text of at most 300 bytes, found bytes that are not UTF-8"},
        {help_is_long, "x.so: help: expected one line of text of at most 300 bytes, found a longer one"},
        {no_create, "x.so: create: expected an address, found NULL"},
        {no_run, "x.so: run: expected an address, found NULL"},
        {no_destroy, "x.so: destroy: expected an address, found NULL"},
        {no_wants, "x.so: wants: expected an address, found NULL"},
        {many_wants, "x.so: n_wants: expected 0 to 64, found 65"},
        {many_params, "x.so: n_params: expected 0 to 64, found 4294967295"},
        {no_reasons, "x.so: n_reasons: expected 1 to 1024, found 0"},
        {many_reasons, "x.so: n_reasons: expected 1 to 1024, found 1025"},
        {reserved, "x.so: reserved0: expected 0, found 7"},
        {want_without_name, "x.so: column 2: expected a name, found none"},
        {want_in_capitals, "x.so: column 2: expected a name of a-z, 0-9 and _ that begins with a letter, found `Employees`"},
        {want_with_escape, "x.so: column 2: expected a name of a-z, 0-9 and _ that begins with a letter, found `a??z`"},
        {want_with_digit, "x.so: column 2: expected a name of a-z, 0-9 and _ that begins with a letter, found `1st`"},
        {want_long, "x.so: column 2: expected a name of at most 64 bytes, found a longer one"},
        {want_twice, "x.so: column `country`: expected every name once, found this one twice"},
        {want_type, "x.so: column `engagement`: type: expected 1 to 6, found 7"},
        {want_flags, "x.so: column 3: expected 0 in what ABI 1.0 does not know of flags and reserved fields, found 0x6"},
        {param_twice, "x.so: parameter `limit`: expected every name once, found this one twice"},
        {param_type, "x.so: parameter `strict`: type: expected 1 to 7, found 0"},
        {param_flags, "x.so: parameter 4: expected 0 in what ABI 1.0 does not know of flags and reserved fields, found 0x2"},
        {param_limits_of_text, "x.so: parameter `title`: expected lo and hi 0, which are for numbers and lengths of time, found 0 and 3"},
        {param_limits_turned, "x.so: parameter `limit`: expected lo no higher than hi, found 400 and 365"},
        {param_int, "x.so: parameter `limit`: fallback: expected a whole number from 1 to 365, found `many`"},
        {param_beyond, "x.so: parameter `limit`: fallback: expected a whole number from 1 to 365, found `366`"},
        {param_number, "x.so: parameter `share`: fallback: expected a number from 0 to 1, found `nan`"},
        {param_bool, "x.so: parameter `strict`: fallback: expected yes, no, true or false, found `1`"},
        {param_duration, "x.so: parameter `grace`: fallback: expected a length of time (such as 30d, 12h, 90m, 45s or 2w) from 0s to 90d, found `91d`"},
        {param_texts, "x.so: parameter `owners`: fallback: expected a text or a list of texts, in UTF-8, found `[a,,b]`"},
        {param_file, "x.so: parameter `list`: fallback: expected NULL, since files have none, found a text"},
        {param_control, "x.so: parameter `title`: fallback: expected one line of text of at most 300 bytes, found a control character"},
        {code_0, "x.so: code of a reason: expected 1 to 65534, found 0"},
        {code_large, "x.so: code of a reason: expected 1 to 65534, found 65535"},
        {code_twice, "x.so: reason 20: expected every code once, in ascending order, found 20 before it"},
        {reason_id, "x.so: reason 300: expected a name of a-z, 0-9 and _ that begins with a letter, found `no-dash`"},
        {reason_id_twice, "x.so: reason `first`: expected every name once, found this one twice"},
        {reason_text, "x.so: reason `second`: text: expected one line of text of at most 300 bytes, found none"},
        {reason_reserved, "x.so: reason 3: expected 0 in what ABI 1.0 does not know of flags and reserved fields, found 0x1"},
        {points_turned, "x.so: limits of points: expected the lower first, from -1000000000 to 1000000000 (1/1000 points), found 50001 and 50000"},
        {points_low, "x.so: limits of points: expected the lower first, from -1000000000 to 1000000000 (1/1000 points), found -1000000001 and 50000"},
        {points_of_a_router, "x.so: limits of points: expected 0, since a router gives none, found -50000 and 50000"},
    };
    memset(long_name, 'a', sizeof(long_name) - 1);
    memset(long_help, 'a', sizeof(long_help) - 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        struct descriptor d;
        open_world(&w);
        make_good(&d);
        cases[i].spoil(&d);
        cr_expect_eq(asy_decl_read(&w.decl, &w.pool, &d.plugin, "x.so", &w.error), ASSAY_E_DATA, "case %zu", i);
        cr_expect_str_eq(w.error.text, cases[i].text);
        close_world(&w);
    }
}

Test(decl, texts_of_the_greatest_length_are_fine)
{
    struct world w;
    struct descriptor d;
    open_world(&w);
    make_good(&d);
    memset(long_name, 'a', 64);
    memset(long_help, 'a', 300);
    d.wants[0].name = long_name;
    d.plugin.help = d.params[1].help = d.reasons[0].text = long_help;
    cr_assert_eq(asy_decl_read(&w.decl, &w.pool, &d.plugin, "x.so", &w.error), ASSAY_OK, "%s", w.error.text);
    cr_assert_eq(w.decl.wants[0].name.len, 64);
    cr_assert_eq(w.decl.help.len, 300);
    close_world(&w);
}

/* -- the wire ----------------------------------------------------------------------------------------------------- */

static void pack_good(struct world *w, struct asy_str *bytes)
{
    struct descriptor d;
    make_good(&d);
    cr_assert_eq(asy_decl_read(&w->decl, &w->pool, &d.plugin, "x.so", &w->error), ASSAY_OK, "%s", w->error.text);
    cr_assert_eq(asy_decl_pack(&w->decl, &w->pool, bytes, &w->error), ASSAY_OK);
}

Test(decl, comes_over_the_wire_as_it_was)
{
    struct world w;
    struct asy_str bytes, again;
    open_world(&w);
    pack_good(&w, &bytes);
    cr_assert_eq(asy_decl_unpack(&w.decl, &w.pool, bytes, "x.so", &w.error), ASSAY_OK, "%s", w.error.text);
    expect_good(&w.decl);
    cr_assert_eq(asy_decl_pack(&w.decl, &w.pool, &again, &w.error), ASSAY_OK);
    cr_assert(asy_str_eq(bytes, again));
    close_world(&w);
}

Test(decl, half_a_declaration_is_none)
{
    struct world w;
    struct asy_str bytes;
    open_world(&w);
    pack_good(&w, &bytes);
    for (uint32_t len = 0; len <= bytes.len + 1; len++) {
        struct asy_plugin_decl decl;
        struct asy_pool pool;
        asy_pool_init(&pool, &w.mem);
        char *exact = malloc(len + 1);
        exact[len] = '\0';
        memcpy(exact, bytes.p, len <= bytes.len ? len : bytes.len);
        const assay_status status = asy_decl_unpack(&decl, &pool, (struct asy_str){exact, len}, "x.so", &w.error);
        cr_assert_eq(status, len == bytes.len ? ASSAY_OK : ASSAY_E_DATA, "%u bytes", len);
        if (status != ASSAY_OK)
            cr_assert(asy_str_starts(asy_str_of(w.error.text), ASY_STR("x.so: what its process says it declares: expected a whole declaration, found ")),
                      "%s", w.error.text);
        free(exact);
        asy_pool_fini(&pool);
    }
    close_world(&w);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

Test(decl, what_is_accepted_off_the_wire_keeps_the_rules)
{
    struct world w;
    struct asy_str bytes;
    uint64_t random = 0x4E65766572u; /* another number, another run */
    uint32_t n_accepted = 0, n_refused = 0;
    open_world(&w);
    pack_good(&w, &bytes);
    char *spoilt = malloc(bytes.len);
    for (uint32_t round = 0; round < 20000; round++) {
        struct asy_plugin_decl decl;
        struct asy_pool pool;
        struct asy_str again;
        asy_pool_init(&pool, &w.mem);
        memcpy(spoilt, bytes.p, bytes.len);
        for (uint64_t n = next_random(&random) % 3 + 1; n > 0; n--) {
            const uint64_t at = next_random(&random) % bytes.len;
            spoilt[at] = next_random(&random) % 2 == 0 ? (char)next_random(&random) : (char)(spoilt[at] ^ (1 << next_random(&random) % 8));
        }
        const assay_status status = asy_decl_unpack(&decl, &pool, (struct asy_str){spoilt, bytes.len}, "x.so", &w.error);
        if (status == ASSAY_OK) {
            n_accepted++;
            cr_assert_eq(asy_decl_check(&decl, &pool, "x.so", &w.error), ASSAY_OK, "round %u: %s", round, w.error.text);
            cr_assert_eq(asy_decl_pack(&decl, &pool, &again, &w.error), ASSAY_OK);
            cr_assert(asy_str_eq(again, (struct asy_str){spoilt, bytes.len}), "round %u", round);
        } else {
            n_refused++;
            cr_assert_eq(status, ASSAY_E_DATA);
            cr_assert(asy_text_is_clean(asy_str_of(w.error.text)), "round %u", round);
        }
        asy_pool_fini(&pool);
    }
    cr_assert(n_accepted > 100 && n_refused > 100, "%u and %u", n_accepted, n_refused);
    free(spoilt);
    close_world(&w);
}

Test(decl, no_memory_is_said_and_nothing_leaks)
{
    struct descriptor d;
    struct world good;
    struct asy_str bytes;
    bool is_done = false;
    make_good(&d);
    open_world(&good);
    pack_good(&good, &bytes);
    for (int64_t k = 0; !is_done && k < 100; k++) {
        struct world w;
        struct asy_str packed;
        open_world(&w);
        w.failing.n_left = k;
        assay_status status = asy_decl_read(&w.decl, &w.pool, &d.plugin, "x.so", &w.error);
        if (status == ASSAY_OK) status = asy_decl_pack(&w.decl, &w.pool, &packed, &w.error);
        if (status == ASSAY_OK) status = asy_decl_unpack(&w.decl, &w.pool, bytes, "x.so", &w.error);
        cr_assert(status == ASSAY_OK || status == ASSAY_E_NOMEM, "%s", w.error.text);
        is_done = status == ASSAY_OK;
        cr_assert(is_done || k < 99);
        close_world(&w);
    }
    close_world(&good);
}

/* -- values of parameters ----------------------------------------------------------------------------------------- */

#define DURATION "a length of time (such as 30d, 12h, 90m, 45s or 2w)"

Test(decl, reads_values)
{
    static const struct {
        uint32_t type;
        int64_t lo, hi;
        const char *text;
        int64_t i;
        double d;
        const char *expected; /* NULL: it is one */
    } cases[] = {
        {ASSAY_INT_PARAM, 0, 0, "-12", -12, 0, NULL},
        {ASSAY_INT_PARAM, 0, 0, "9223372036854775807", INT64_MAX, 0, NULL},
        {ASSAY_INT_PARAM, 0, 0, "9223372036854775808", 0, 0, "a whole number"},
        {ASSAY_INT_PARAM, 0, 0, "1.5", 0, 0, "a whole number"},
        {ASSAY_INT_PARAM, 0, 0, "", 0, 0, "a whole number"},
        {ASSAY_INT_PARAM, 1, 365, "1", 1, 0, NULL},
        {ASSAY_INT_PARAM, 1, 365, "365", 365, 0, NULL},
        {ASSAY_INT_PARAM, 1, 365, "0", 0, 0, "a whole number from 1 to 365"},
        {ASSAY_INT_PARAM, 1, INT64_MAX, "0", 0, 0, "a whole number of at least 1"},
        {ASSAY_INT_PARAM, INT64_MIN, -1, "0", 0, 0, "a whole number of at most -1"},
        {ASSAY_NUMBER_PARAM, 0, 0, "2.5e3", 0, 2500, NULL},
        {ASSAY_NUMBER_PARAM, 0, 0, "1e999", 0, 0, "a number"},
        {ASSAY_NUMBER_PARAM, 0, 0, "inf", 0, 0, "a number"},
        {ASSAY_NUMBER_PARAM, 0, 0, "nan", 0, 0, "a number"},
        {ASSAY_NUMBER_PARAM, 0, 1, "1", 0, 1, NULL},
        {ASSAY_NUMBER_PARAM, 0, 1, "1.0000001", 0, 0, "a number from 0 to 1"},
        {ASSAY_NUMBER_PARAM, -1, 1, "-1.1", 0, 0, "a number from -1 to 1"},
        {ASSAY_BOOL_PARAM, 0, 0, "yes", 1, 0, NULL},
        {ASSAY_BOOL_PARAM, 0, 0, "True", 1, 0, NULL},
        {ASSAY_BOOL_PARAM, 0, 0, "no", 0, 0, NULL},
        {ASSAY_BOOL_PARAM, 0, 0, "false", 0, 0, NULL},
        {ASSAY_BOOL_PARAM, 0, 0, "maybe", 0, 0, "yes, no, true or false"},
        {ASSAY_DURATION_PARAM, 0, 0, "2w", 2 * 7 * 86400, 0, NULL},
        {ASSAY_DURATION_PARAM, 0, 0, "30d", 30 * 86400, 0, NULL},
        {ASSAY_DURATION_PARAM, 0, 0, "12h", 12 * 3600, 0, NULL},
        {ASSAY_DURATION_PARAM, 0, 0, "45m", 45 * 60, 0, NULL},
        {ASSAY_DURATION_PARAM, 0, 0, "10s", 10, 0, NULL},
        {ASSAY_DURATION_PARAM, 0, 0, "0d", 0, 0, NULL},
        {ASSAY_DURATION_PARAM, 0, 0, "36525d", 36525ll * 86400, 0, NULL},
        {ASSAY_DURATION_PARAM, 0, 0, "36526d", 0, 0, DURATION},
        {ASSAY_DURATION_PARAM, 0, 0, "99999999999w", 0, 0, DURATION},
        {ASSAY_DURATION_PARAM, 0, 0, "d", 0, 0, DURATION},
        {ASSAY_DURATION_PARAM, 0, 0, "30", 0, 0, DURATION},
        {ASSAY_DURATION_PARAM, 0, 0, "-3d", 0, 0, DURATION},
        {ASSAY_DURATION_PARAM, 0, 0, "3 d", 0, 0, DURATION},
        {ASSAY_DURATION_PARAM, 90, 5400, "1m", 0, 0, DURATION " from 90s to 90m"},
        {ASSAY_DURATION_PARAM, 7200, 172800, "1m", 0, 0, DURATION " from 2h to 2d"},
        {ASSAY_TEXT_PARAM, 0, 0, "", 0, 0, NULL},
        {ASSAY_TEXT_PARAM, 0, 0, "\xC3", 0, 0, "one text, in UTF-8"},
        {ASSAY_TEXTS_PARAM, 0, 0, "\xC3", 0, 0, "a text or a list of texts, in UTF-8"},
        {ASSAY_FILE_PARAM, 0, 0, "\xC3", 0, 0, NULL},
    };
    struct world w;
    open_world(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct asy_decl_param param = {.type = cases[i].type, .lo = cases[i].lo, .hi = cases[i].hi};
        const struct asy_str text = asy_str_of(cases[i].text);
        struct asy_plugin_setting setting;
        struct asy_str expected;
        const bool is_read = asy_decl_value(&param, &w.pool, &text, 1, &setting, &expected);
        cr_expect_eq(is_read, cases[i].expected == NULL, "case %zu", i);
        if (!is_read && cases[i].expected != NULL) cr_expect_str_eq(expected.p, cases[i].expected);
        if (!is_read) continue;
        cr_expect_eq(setting.type, cases[i].type);
        cr_expect(setting.i == cases[i].i && setting.d == cases[i].d, "case %zu: %lld %g", i, (long long)setting.i, setting.d);
        if (cases[i].type == ASSAY_TEXT_PARAM || cases[i].type == ASSAY_FILE_PARAM) cr_expect(asy_str_eq(setting.text, text));
        else cr_expect(setting.text.p != NULL && setting.text.len == 0);
    }
    close_world(&w);
}

Test(decl, a_list_is_only_for_texts)
{
    const struct asy_str texts[] = {ASY_STR("a"), ASY_STR(""), ASY_STR("c d")};
    const struct asy_str with_nul = ASY_STR("a\0b");
    struct asy_plugin_setting setting;
    struct asy_str expected;
    struct world w;
    open_world(&w);
    for (uint32_t type = ASSAY_TEXT_PARAM; type <= ASSAY_FILE_PARAM; type++) {
        const struct asy_decl_param param = {.type = type};
        for (uint32_t n = 0; n <= 3; n += 3) {
            cr_expect_eq(asy_decl_value(&param, &w.pool, texts, n, &setting, &expected), type == ASSAY_TEXTS_PARAM, "type %u", type);
            if (type != ASSAY_TEXTS_PARAM) continue;
            cr_expect_eq(setting.n_texts, n);
            for (uint32_t i = 0; i < n; i++) cr_expect(asy_str_eq(setting.texts[i], texts[i]));
        }
    }
    const struct asy_decl_param text = {.type = ASSAY_TEXT_PARAM}, file = {.type = ASSAY_FILE_PARAM}, list = {.type = ASSAY_TEXTS_PARAM};
    cr_expect(!asy_decl_value(&text, &w.pool, &with_nul, 1, &setting, &expected));
    cr_expect(!asy_decl_value(&list, &w.pool, &with_nul, 1, &setting, &expected));
    cr_expect(asy_decl_value(&file, &w.pool, &with_nul, 1, &setting, &expected) && setting.text.len == 3);
    const struct asy_str large = {"", (64u << 20) + 1};
    cr_expect(!asy_decl_value(&file, &w.pool, &large, 1, &setting, &expected));
    cr_expect_str_eq(expected.p, "a file of at most 64 MiB");
    close_world(&w);
}

Test(decl, falls_back)
{
    static const struct {
        const char *fallback;
        int64_t n_texts; /* -1: it is none */
        const char *first, *last;
    } lists[] = {
        {NULL, 0, NULL, NULL},     {"anna", 1, "anna", "anna"}, {"[]", 0, NULL, NULL}, {"[ ]", 0, NULL, NULL}, {"[anna]", 1, "anna", "anna"},
        {"[ a , b,c ]", 3, "a", "c"}, {"[a,", 1, "[a,", "[a,"},  {"[a,]", -1, NULL, NULL}, {"['a']", -1, NULL, NULL}, {"[[a]]", -1, NULL, NULL},
    };
    struct asy_plugin_setting setting;
    struct world w;
    open_world(&w);
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        const struct asy_decl_param param = {.type = ASSAY_TEXTS_PARAM, .has_fallback = lists[i].fallback != NULL,
                                             .fallback = asy_str_of(lists[i].fallback == NULL ? "" : lists[i].fallback)};
        const bool is_read = asy_decl_fallback(&param, &w.pool, &setting);
        cr_expect_eq(is_read, lists[i].n_texts >= 0, "case %zu", i);
        if (!is_read) continue;
        cr_expect_eq(setting.n_texts, lists[i].n_texts, "case %zu", i);
        if (setting.n_texts == 0) continue;
        cr_expect(asy_str_is(setting.texts[0], lists[i].first) && asy_str_is(setting.texts[setting.n_texts - 1], lists[i].last), "case %zu", i);
    }
    const struct asy_decl_param none = {.type = ASSAY_INT_PARAM, .lo = 5, .hi = 9};
    cr_expect(asy_decl_fallback(&none, &w.pool, &setting) && setting.i == 0 && setting.type == ASSAY_INT_PARAM && setting.text.p != NULL);
    const struct asy_decl_param some = {.type = ASSAY_INT_PARAM, .has_fallback = true, .fallback = ASY_STR("7")};
    cr_expect(asy_decl_fallback(&some, &w.pool, &setting) && setting.i == 7);
    close_world(&w);
}

/* -- texts in messages -------------------------------------------------------------------------------------------- */

Test(decl, lines_are_cleaned_and_cut_between_characters)
{
    static const struct {
        const char *text;
        size_t n_out_bytes, n_max;
        const char *clean;
    } cases[] = {
        {NULL, 20, 20, ""},
        {"plain", 20, 20, "plain"},
        {"a\nb\tc\033d\x7F", 20, 20, "a?b?c?d?"},
        {"\xC3\xBC\xE2\x82\xAC\xF0\x9F\x8D\xBA", 20, 20, "\xC3\xBC\xE2\x82\xAC\xF0\x9F\x8D\xBA"},
        {"\xC2\x9B" "31m", 20, 20, "??31m"},
        {"\xC3", 20, 20, "?"},
        {"\xED\xA0\x80", 20, 20, "???"},
        {"abcdef", 4, 20, "abc"},
        {"abcdef", 20, 2, "ab"},
        {"ab\xC3\xBC", 4, 20, "ab"},
        {"ab\xC3\xBC", 20, 3, "ab?"},
    };
    char out[20];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const uint32_t len = asy_clean_line(out, cases[i].n_out_bytes, cases[i].text, cases[i].n_max);
        cr_expect_str_eq(out, cases[i].clean);
        cr_expect_eq(len, strlen(out));
        cr_expect(asy_text_is_clean((struct asy_str){out, len}));
    }
}
