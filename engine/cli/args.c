#include "cli/args.h"

#include "base/check.h"
#include "base/time.h"

enum { FLAGS_MAX = 64, HELP_COLUMN = 28, HELP_WIDTH = 96 };

/* -- values ----------------------------------------------------------------------------------------------------- */

bool asy_args_read_count(struct asy_str text, uint64_t *out)
{
    uint64_t scale = 1;
    if (text.len > 0) {
        switch (text.p[text.len - 1]) {
        case 'k': case 'K': scale = 1000; break;
        case 'm': case 'M': scale = 1000000; break;
        case 'g': case 'G': scale = 1000000000; break;
        default: break;
        }
    }
    if (scale != 1) text.len--;
    uint64_t value = 0;
    uint32_t n_digits = 0;
    bool in_fraction = false;
    for (uint32_t i = 0; i < text.len; i++) {
        const char c = text.p[i];
        if (c == '.' && !in_fraction && n_digits > 0) {
            in_fraction = true;
            n_digits = 0;
            continue;
        }
        if (c < '0' || c > '9') return false;
        n_digits++;
        if (in_fraction) {
            /* Every digit after the point uses up a factor of ten of the suffix; beyond that only zeros are whole. */
            if (scale == 1) {
                if (c != '0') return false;
                continue;
            }
            scale /= 10;
        }
        if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    if (n_digits == 0 || __builtin_mul_overflow(value, scale, &value)) return false;
    *out = value;
    return true;
}

bool asy_args_read_share(struct asy_str text, double *out)
{
    const bool is_percent = text.len > 0 && text.p[text.len - 1] == '%';
    if (is_percent) text.len--;
    double value;
    if (!asy_parse_f64(text, &value)) return false;
    if (is_percent) value /= 100;
    if (!(value >= 0 && value <= 1)) return false;
    *out = value;
    return true;
}

/* Which word of "a|b|c" is `text`, or -1. */
static int64_t choice_number(const char *words, struct asy_str text)
{
    for (int64_t i = 0;; i++) {
        const char *end = strchr(words, '|');
        const struct asy_str word = {words, end != NULL ? (uint32_t)(end - words) : (uint32_t)strlen(words)};
        if (asy_str_eq(word, text)) return i;
        if (end == NULL) return -1;
        words = end + 1;
    }
}

static assay_status read_value(const struct asy_verb *verb, const struct asy_flag *flag, struct asy_arg *arg,
                               struct assay_error *error)
{
    const struct asy_str text = asy_str_of(arg->text);
    switch (flag->kind) {
    case ASY_FLAG_COUNT:
        if (!asy_args_read_count(text, &arg->count))
            return asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: expected a whole number such as 500, 100k or 2.5M, found `%s`",
                            verb->name, flag->name, arg->text);
        if (arg->count < flag->min || (flag->max != 0 && arg->count > flag->max))
            return flag->max != 0
                       ? asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: expected %" PRIu64 " to %" PRIu64 ", found %s",
                                  verb->name, flag->name, flag->min, flag->max, arg->text)
                       : asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: expected at least %" PRIu64 ", found %s", verb->name,
                                  flag->name, flag->min, arg->text);
        return ASSAY_OK;
    case ASY_FLAG_SHARE:
        if (!asy_args_read_share(text, &arg->share))
            return asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: expected a share such as 1%% or 0.01, at most 100%%, found `%s`",
                            verb->name, flag->name, arg->text);
        return ASSAY_OK;
    case ASY_FLAG_TIME:
        switch (asy_time_read(text, &arg->time_us)) {
        case ASY_TIME_OK:
            return ASSAY_OK;
        case ASY_TIME_AMBIGUOUS:
            return asy_fail(error, ASSAY_E_PARAM,
                            "assay %s: --%s: `%s` can be read day first or month first; write it as 2026-11-01", verb->name,
                            flag->name, arg->text);
        case ASY_TIME_RANGE:
            return asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: there is no such date as `%s` (years 0001 to 9999)",
                            verb->name, flag->name, arg->text);
        case ASY_TIME_BAD:
            break;
        }
        return asy_fail(error, ASSAY_E_PARAM,
                        "assay %s: --%s: expected a time such as 2026-11-01 or 2026-11-01T08:00:00Z, found `%s`", verb->name,
                        flag->name, arg->text);
    case ASY_FLAG_CHOICE: {
        const int64_t number = choice_number(flag->value, text);
        if (number < 0)
            return asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: expected %s, found `%s`", verb->name, flag->name, flag->value,
                            arg->text);
        arg->count = (uint64_t)number;
        return ASSAY_OK;
    }
    default:
        if (text.len == 0)
            return asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: expected %s, found an empty text", verb->name, flag->name,
                            flag->value);
        return ASSAY_OK;
    }
}

/* -- parsing ---------------------------------------------------------------------------------------------------- */

static int64_t find_flag(const struct asy_verb *verb, struct asy_str name)
{
    for (uint32_t i = 0; i < verb->n_flags; i++)
        if (asy_str_is(name, verb->flags[i].name)) return i;
    return -1;
}

static assay_status unknown_flag(const struct asy_verb *verb, const char *given, struct asy_str name,
                                 struct assay_error *error)
{
    struct asy_str known[FLAGS_MAX + 1];
    uint32_t n = 0;
    for (uint32_t i = 0; i < verb->n_flags && i < FLAGS_MAX; i++) known[n++] = asy_str_of(verb->flags[i].name);
    known[n++] = ASY_STR("help");
    int64_t near = asy_str_nearest(name, known, n);
    for (uint32_t i = 0; near < 0 && name.len >= 2 && i < n; i++)
        if (asy_str_starts(known[i], name)) near = i;
    if (near >= 0)
        return asy_fail(error, ASSAY_E_PARAM, "assay %s: unknown flag `%s`; did you mean `--%.*s`?", verb->name, given,
                        ASY_ARG(known[near]));
    return asy_fail(error, ASSAY_E_PARAM, "assay %s: unknown flag `%s`; `assay %s --help` lists the flags", verb->name, given,
                    verb->name);
}

static bool is_given(const struct asy_args *args, uint32_t flag)
{
    for (uint32_t i = 0; i < args->n; i++)
        if (args->items[i].flag == flag) return true;
    return false;
}

/* Take the flag at argv[*at] with its value; *at ends on the last word used. */
static assay_status take_flag(struct asy_args *args, int argc, char *const *argv, int *at, struct assay_error *error)
{
    const struct asy_verb *verb = args->verb;
    const char *given = argv[*at];
    if (given[1] != '-') /* -x: there are no short flags but -h */
        return unknown_flag(verb, given, asy_str_of(given + 1), error);
    const char *equals = strchr(given, '=');
    const struct asy_str name = {given + 2, equals != NULL ? (uint32_t)(equals - given - 2) : (uint32_t)strlen(given + 2)};
    const int64_t number = find_flag(verb, name);
    if (number < 0) return unknown_flag(verb, given, name, error);
    const struct asy_flag *flag = &verb->flags[number];
    if (!flag->is_repeatable && is_given(args, (uint32_t)number))
        return asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: expected once, found twice", verb->name, flag->name);

    struct asy_arg *arg = &args->items[args->n];
    *arg = (struct asy_arg){.flag = (uint32_t)number, .text = ""};
    if (flag->kind == ASY_FLAG_SWITCH) {
        if (equals != NULL)
            return asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: expected no value, found `%s`", verb->name, flag->name,
                            equals + 1);
    } else {
        if (equals != NULL) {
            arg->text = equals + 1;
        } else if (*at + 1 >= argc) {
            return asy_fail(error, ASSAY_E_PARAM, "assay %s: --%s: expected %s after it, found the end of the command line",
                            verb->name, flag->name, flag->value);
        } else if (strncmp(argv[*at + 1], "--", 2) == 0) {
            return asy_fail(error, ASSAY_E_PARAM,
                            "assay %s: --%s: expected %s after it, found `%s` (a value that starts with -- is written --%s=VALUE)",
                            verb->name, flag->name, flag->value, argv[*at + 1], flag->name);
        } else {
            arg->text = argv[++*at];
        }
        const assay_status status = read_value(verb, flag, arg, error);
        if (status != ASSAY_OK) return status;
    }
    args->n++;
    return ASSAY_OK;
}

/* What must be there and is not; what holds where nothing was said. */
static assay_status complete(struct asy_args *args, struct assay_error *error)
{
    const struct asy_verb *verb = args->verb;
    if (args->n_operands < verb->min_operands)
        return asy_fail(error, ASSAY_E_PARAM, "assay %s: expected %s, found %s; `assay %s --help` shows examples", verb->name,
                        verb->operands, args->n_operands == 0 ? "nothing" : "too little", verb->name);
    for (uint32_t i = 0; i < verb->n_flags; i++) {
        const struct asy_flag *flag = &verb->flags[i];
        if (is_given(args, i)) continue;
        if (flag->is_required)
            return asy_fail(error, ASSAY_E_PARAM, "assay %s: expected --%s %s, found no such flag; `assay %s --help` shows examples",
                            verb->name, flag->name, flag->value, verb->name);
        if (flag->fallback == NULL) continue;
        struct asy_arg *arg = &args->items[args->n];
        *arg = (struct asy_arg){.flag = i, .is_fallback = true, .text = flag->fallback};
        const assay_status status = read_value(verb, flag, arg, error);
        if (status != ASSAY_OK) return status;
        args->n++;
    }
    return ASSAY_OK;
}

assay_status asy_args_parse(struct asy_args *args, struct asy_pool *pool, const struct asy_verb *verb, int argc,
                            char *const *argv, struct assay_error *error)
{
    ASY_CHECK(verb->n_flags <= FLAGS_MAX, verb->n_flags, FLAGS_MAX);
    *args = (struct asy_args){.verb = verb};
    args->items = asy_pool_alloc_n(pool, (size_t)argc + verb->n_flags + 1, sizeof(*args->items));
    args->operands = asy_pool_alloc_n(pool, (size_t)argc + 1, sizeof(*args->operands));
    if (args->items == NULL || args->operands == NULL) return asy_fail(error, ASSAY_E_NOMEM, "assay %s: out of memory", verb->name);

    /* Someone who asks for help gets it, whatever else stands there. */
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            args->wants_help = true;
            return ASSAY_OK;
        }

    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0') {
            const assay_status status = take_flag(args, argc, argv, &i, error);
            if (status != ASSAY_OK) return status;
        } else if (args->n_operands == verb->max_operands) {
            return verb->max_operands == 0
                       ? asy_fail(error, ASSAY_E_PARAM, "assay %s: expected flags only, found `%s`", verb->name, argv[i])
                       : asy_fail(error, ASSAY_E_PARAM, "assay %s: expected only %s, found `%s` as well", verb->name,
                                  verb->operands, argv[i]);
        } else if (argv[i][0] == '\0') {
            return asy_fail(error, ASSAY_E_PARAM, "assay %s: expected %s, found an empty text", verb->name, verb->operands);
        } else {
            args->operands[args->n_operands++] = argv[i];
        }
    }
    return complete(args, error);
}

/* -- reading ---------------------------------------------------------------------------------------------------- */

static uint32_t flag_number(const struct asy_args *args, const char *name, int kind)
{
    const int64_t number = find_flag(args->verb, asy_str_of(name));
    ASY_CHECK(number >= 0, number, 0);
    ASY_CHECK(kind < 0 || args->verb->flags[number].kind == kind, args->verb->flags[number].kind, kind);
    return (uint32_t)number;
}

/* The last one wins; a fallback stands only where nothing was given. */
static const struct asy_arg *last_of(const struct asy_args *args, const char *name, int kind)
{
    const uint32_t flag = flag_number(args, name, kind);
    for (uint32_t i = args->n; i > 0; i--)
        if (args->items[i - 1].flag == flag) return &args->items[i - 1];
    return NULL;
}

bool asy_args_has(const struct asy_args *args, const char *flag)
{
    const struct asy_arg *arg = last_of(args, flag, -1);
    return arg != NULL && !arg->is_fallback;
}

uint32_t asy_args_times(const struct asy_args *args, const char *flag)
{
    const uint32_t number = flag_number(args, flag, -1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < args->n; i++) n += args->items[i].flag == number;
    return n;
}

const char *asy_args_nth(const struct asy_args *args, const char *flag, uint32_t i)
{
    const uint32_t number = flag_number(args, flag, -1);
    for (uint32_t k = 0; k < args->n; k++)
        if (args->items[k].flag == number && i-- == 0) return args->items[k].text;
    return NULL;
}

const char *asy_args_text(const struct asy_args *args, const char *flag)
{
    const struct asy_arg *arg = last_of(args, flag, -1);
    return arg != NULL ? arg->text : NULL;
}

uint64_t asy_args_count(const struct asy_args *args, const char *flag)
{
    const struct asy_arg *arg = last_of(args, flag, ASY_FLAG_COUNT);
    return arg != NULL ? arg->count : 0;
}

uint32_t asy_args_choice(const struct asy_args *args, const char *flag)
{
    const struct asy_arg *arg = last_of(args, flag, ASY_FLAG_CHOICE);
    return arg != NULL ? (uint32_t)arg->count : 0;
}

double asy_args_share(const struct asy_args *args, const char *flag)
{
    const struct asy_arg *arg = last_of(args, flag, ASY_FLAG_SHARE);
    return arg != NULL ? arg->share : 0;
}

bool asy_args_time(const struct asy_args *args, const char *flag, int64_t *out_us)
{
    const struct asy_arg *arg = last_of(args, flag, ASY_FLAG_TIME);
    if (arg == NULL) return false;
    *out_us = arg->time_us;
    return true;
}

/* -- help ------------------------------------------------------------------------------------------------------- */

/* Text that grows in a pool; `ok` false once memory ran out. */
struct page {
    struct asy_pool *pool;
    struct asy_str text;
    bool ok;
};

static void page_add(struct page *page, struct asy_str more)
{
    if (!page->ok) return;
    const struct asy_str both = asy_pool_printf(page->pool, "%.*s%.*s", ASY_ARG(page->text), ASY_ARG(more));
    page->ok = both.p != NULL;
    if (page->ok) page->text = both;
}

static void page_add_of(struct page *page, const char *more)
{
    page_add(page, asy_str_of(more));
}

static void page_spaces(struct page *page, uint32_t n)
{
    while (n-- > 0) page_add_of(page, " ");
}

/* Words of `text` from column `at` on, broken before HELP_WIDTH, further lines indented to HELP_COLUMN. */
static void page_wrap(struct page *page, uint32_t at, const char *text)
{
    bool is_first = true;
    while (*text != '\0') {
        const uint32_t len = (uint32_t)strcspn(text, " ");
        if (!is_first && at + 1 + len > HELP_WIDTH) {
            page_add_of(page, "\n");
            page_spaces(page, HELP_COLUMN);
            at = HELP_COLUMN;
        } else if (!is_first) {
            page_add_of(page, " ");
            at++;
        }
        page_add(page, (struct asy_str){text, len});
        at += len;
        text += len;
        text += strspn(text, " ");
        is_first = false;
    }
    page_add_of(page, "\n");
}

static void page_flag(struct page *page, const struct asy_flag *flag)
{
    const struct asy_str head = flag->kind == ASY_FLAG_SWITCH
                                    ? asy_pool_printf(page->pool, "  --%s", flag->name)
                                    : asy_pool_printf(page->pool, "  --%s %s%s", flag->name, flag->value,
                                                      flag->is_repeatable ? " ..." : "");
    const struct asy_str help =
        asy_pool_printf(page->pool, "%s%s%s%s%s", flag->help, flag->is_required ? " (required)" : "",
                        flag->fallback != NULL ? " (" : "", flag->fallback != NULL ? flag->fallback : "",
                        flag->fallback != NULL ? " unless said)" : "");
    if (head.p == NULL || help.p == NULL) {
        page->ok = false;
        return;
    }
    page_add(page, head);
    if (head.len + 2 > HELP_COLUMN) {
        page_add_of(page, "\n");
        page_spaces(page, HELP_COLUMN);
    } else {
        page_spaces(page, HELP_COLUMN - head.len);
    }
    page_wrap(page, HELP_COLUMN, help.p);
}

struct asy_str asy_args_help(struct asy_pool *pool, const struct asy_verb *verb)
{
    struct page page = {.pool = pool, .text = {"", 0}, .ok = true};
    page_add(&page, asy_pool_printf(pool, "assay %s: %s\n\nExamples:\n", verb->name, verb->line));
    for (const char *const *example = verb->examples; *example != NULL; example++) {
        page_add_of(&page, "  ");
        page_add_of(&page, *example);
        page_add_of(&page, "\n");
    }
    page_add(&page, asy_pool_printf(pool, "\nUsage: assay %s%s%s [flags]\n\nFlags:\n", verb->name,
                                    verb->operands[0] != '\0' ? " " : "", verb->operands));
    for (uint32_t i = 0; i < verb->n_flags; i++) page_flag(&page, &verb->flags[i]);
    page_flag(&page, &(struct asy_flag){.name = "help", .help = "this text"});
    if (verb->notes != NULL) {
        page_add_of(&page, "\n");
        page_add_of(&page, verb->notes);
    }
    return page.ok ? page.text : (struct asy_str){NULL, 0};
}
