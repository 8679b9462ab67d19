/* Leads that nobody has: what the plugin's settings, files and code speak of, so that its rules are reached, then ordinary values, then
 * extreme ones. Everything follows from the seed. */
#include "plugin/kit_internal.h"

#include <elf.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "base/check.h"
#include "base/hash.h"
#include "plugin/stage.h"

enum {
    NULL_STRETCH = 256,    /* leads that share how often a column is null */
    WORDS_MAX = 4096,      /* out of settings and files */
    WORD_BYTES_MAX = 120,
    NUMBERS_MAX = 512,
    DAY_S = 86400,
};
#define NOW_S 1793491200 /* 2026-11-01 */

uint64_t asy_kit_draw(struct asy_kit_random *random)
{
    /* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014) */
    uint64_t x = random->state += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}
uint32_t asy_kit_below(struct asy_kit_random *random, uint32_t n)
{
    return (uint32_t)(((asy_kit_draw(random) >> 32) * n) >> 32);
}

struct maker {
    struct asy_pool *pool;
    const struct asy_plugin_decl *decl;
    const struct asy_plugin_setting *settings;
    struct asy_kit_random random;
    struct asy_str *words; /* borrowed from settings and files */
    uint32_t n_words, words_cap;
    double numbers[NUMBERS_MAX];
    uint32_t n_numbers;
};

/* -- what the plugin's settings speak of -------------------------------------------------------------------------- */

static void note_number(struct maker *maker, double value)
{
    if (maker->n_numbers + 3 > NUMBERS_MAX || !isfinite(value)) return;
    maker->numbers[maker->n_numbers++] = value;
    maker->numbers[maker->n_numbers++] = value - 1;
    maker->numbers[maker->n_numbers++] = value + 1;
}

static void note_word(struct maker *maker, struct asy_str word)
{
    double value;
    word = asy_str_trim(word);
    if (word.len == 0 || word.len > WORD_BYTES_MAX || !asy_utf8_valid(word)) return;
    if (asy_parse_f64(word, &value)) note_number(maker, value);
    if (maker->n_words >= WORDS_MAX) { /* a long file: any of its words may stay */
        maker->words[asy_kit_below(&maker->random, WORDS_MAX)] = word;
        return;
    }
    if (asy_pool_grow(maker->pool, (void **)&maker->words, &maker->words_cap, maker->n_words, sizeof(*maker->words)))
        maker->words[maker->n_words++] = word;
}

static bool is_any_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* The pieces of `text` between characters of `separators`; the first ones of long texts. */
static void note_pieces(struct maker *maker, struct asy_str text, const char *separators)
{
    enum { PIECES_MAX = 200000 };
    uint32_t from = 0, n = 0;
    for (uint32_t i = 0; i <= text.len && n < PIECES_MAX; i++) {
        if (i < text.len && !is_any_of(text.p[i], separators)) continue;
        if (i > from) note_word(maker, (struct asy_str){text.p + from, i - from}), n++;
        from = i + 1;
    }
}

static void note_text(struct maker *maker, struct asy_str text)
{
    note_pieces(maker, text, "\n\r");
    note_pieces(maker, text, "\n\r,;\t|\"");
    note_pieces(maker, text, "\n\r,;\t|\" =:()<>[]{}#*");
}

static void note_settings(struct maker *maker)
{
    for (uint32_t p = 0; p < maker->decl->n_params; p++) {
        const struct asy_decl_param *param = &maker->decl->params[p];
        const struct asy_plugin_setting *setting = &maker->settings[p];
        if (param->has_fallback) note_text(maker, param->fallback);
        if (param->lo != 0 || param->hi != 0) note_number(maker, (double)param->lo), note_number(maker, (double)param->hi);
        switch (setting->type) {
        case ASSAY_NUMBER_PARAM: note_number(maker, setting->d); break;
        case ASSAY_DURATION_PARAM: note_number(maker, (double)(setting->i / DAY_S)); /* fall through */
        case ASSAY_INT_PARAM: note_number(maker, (double)setting->i); break;
        case ASSAY_TEXTS_PARAM:
            for (uint32_t i = 0; i < setting->n_texts; i++) note_text(maker, setting->texts[i]);
            break;
        case ASSAY_TEXT_PARAM:
        case ASSAY_FILE_PARAM: note_text(maker, setting->text); break;
        default: break;
        }
    }
}

/* Helpful texts name values: "timing, budget, ...". */
static void note_help(struct maker *maker)
{
    static const char separators[] = "\n\r,;\t|\" =:()<>[]{}#*.`";
    for (uint32_t i = 0; i < maker->decl->n_wants; i++) note_pieces(maker, maker->decl->wants[i].help, separators);
    for (uint32_t i = 0; i < maker->decl->n_params; i++) note_pieces(maker, maker->decl->params[i].help, separators);
}

/* Words that stand in the code: texts between NULs in what is loaded and is no code. */
static void note_texts(struct maker *maker, const char *p, uint64_t n_bytes)
{
    enum { BYTES_MIN = 3, BYTES_MAX = 40 };
    uint64_t from = 0;
    for (uint64_t i = 0; i < n_bytes; i++) {
        if ((uint8_t)p[i] >= 0x20 && p[i] != 0x7F) continue;
        if (p[i] == '\0' && i - from >= BYTES_MIN && i - from <= BYTES_MAX)
            note_word(maker, asy_pool_copy(maker->pool, (struct asy_str){p + from, (uint32_t)(i - from)}));
        from = i + 1;
    }
}
static void note_program(struct maker *maker, struct asy_str program)
{
    Elf64_Ehdr header;
    if (program.len < sizeof(header)) return;
    memcpy(&header, program.p, sizeof(header));
    for (uint32_t i = 0; i < header.e_phnum; i++) {
        const uint64_t at = header.e_phoff + (uint64_t)i * sizeof(Elf64_Phdr);
        Elf64_Phdr segment;
        if (at > program.len - sizeof(segment)) return;
        memcpy(&segment, program.p + at, sizeof(segment));
        const bool is_inside = segment.p_offset <= program.len && segment.p_filesz <= program.len - segment.p_offset;
        if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) == 0 && is_inside)
            note_texts(maker, program.p + segment.p_offset, segment.p_filesz);
    }
}

/* -- dictionaries ------------------------------------------------------------------------------------------------- */

static const char *const usual_texts[] = {
    "DE", "FR", "US", "GB", "BR", "A", "B", "C", "D", "F", "yes", "no", "true", "0", "1", "-1", "12.5", "unknown", "n/a", "null",
    "example.com", "example.org", "mail.example.com", "ann@example.com", "bob+tag@example.org", "ANN@EXAMPLE.COM", "@", "a@", "@b", "a@b@c",
    "Acme", "Acme Inc", "ACME GmbH & Co. KG", "Acme, Inc.", "acme  inc", "O'Neil \"and\" Sons", "closed_lost", "customer", "trial", "student",
    "Z\xC3\xBCrich", "\xD0\x9C\xD0\xBE\xD1\x81\xD0\xBA\xD0\xB2\xD0\xB0", "\xE6\x9D\xB1\xE4\xBA\xAC", "\xF0\x9F\x9A\x80", "e\xCC\x81",
    "\xEF\xBB\xBF" "bom", "\xE2\x80\xAE" "rtl", " ", "  leading", "trailing  ", "\t", "\n", "two\nlines", "\x01\x02\x1B[31m", "\x7F", "'", "\"",
    "\"quoted\"", ",", ";", "%s%n%d", "../../x", "$(x)", "\\", "<b>", "9223372036854775807", "-9223372036854775808", "1e308", "NaN", "2026-11-01",
};

static struct asy_str long_text(struct maker *maker, uint32_t n_bytes, const char *unit)
{
    char *p = asy_pool_alloc(maker->pool, (size_t)n_bytes + 1);
    if (p == NULL) return (struct asy_str){"", 0};
    const size_t len = strlen(unit);
    for (uint32_t i = 0; i < n_bytes; i++) p[i] = unit[i % len];
    return (struct asy_str){p, n_bytes / (uint32_t)len * (uint32_t)len};
}

static struct asy_str random_text(struct maker *maker)
{
    char text[24];
    const uint32_t n = 1 + asy_kit_below(&maker->random, 16);
    for (uint32_t i = 0; i < n; i++) text[i] = (char)('a' + asy_kit_below(&maker->random, 26));
    if (n > 6 && asy_kit_below(&maker->random, 2)) text[n / 2] = '.';
    return asy_pool_copy(maker->pool, (struct asy_str){text, n});
}

/* A word as it may turn up in data. */
static struct asy_str variant(struct maker *maker, struct asy_str word)
{
    char text[WORD_BYTES_MAX + 1];
    memcpy(text, word.p, word.len);
    const uint32_t at = asy_kit_below(&maker->random, word.len);
    switch (asy_kit_below(&maker->random, 8)) {
    case 0: return asy_pool_printf(maker->pool, "ann@%.*s", ASY_ARG(word));
    case 1: return asy_pool_printf(maker->pool, "bob.b@sub.%.*s", ASY_ARG(word));
    case 2: return asy_pool_printf(maker->pool, "%.*s GmbH", ASY_ARG(word));
    case 3: return asy_pool_printf(maker->pool, "x%.*s", ASY_ARG(word));
    case 4: return asy_pool_printf(maker->pool, "the %.*s, inc.", ASY_ARG(word));
    case 5: /* in capitals */
        for (uint32_t i = 0; i < word.len; i++)
            if (text[i] >= 'a' && text[i] <= 'z') text[i] = (char)(text[i] - 'a' + 'A');
        break;
    case 6: /* a letter changed */
        if ((uint8_t)text[at] < 0x80) text[at] = 'q';
        break;
    default: /* cut short, at the beginning of a character */
        for (uint32_t n = at; n > 0; n--)
            if ((word.p[n] & 0xC0) != 0x80) return asy_pool_copy(maker->pool, (struct asy_str){text, n});
        break;
    }
    return asy_pool_copy(maker->pool, (struct asy_str){text, word.len});
}

static void add_code(struct asy_kit_column *column, struct asy_str text)
{
    if (text.p == NULL || text.len == 0 || column->n_codes >= ASY_KIT_CODES_MAX) return;
    for (uint32_t code = 0; code < column->n_codes; code++)
        if (asy_str_eq(column->texts[code], text)) return;
    column->texts[column->n_codes++] = text;
}

static void make_dictionary(struct maker *maker, struct asy_kit_column *column)
{
    enum { VARIANTS = 300, RANDOM = 150 };
    column->texts = asy_pool_alloc_n(maker->pool, ASY_KIT_CODES_MAX, sizeof(*column->texts));
    if (column->texts == NULL) return;
    column->texts[column->n_codes++] = ASY_STR("");
    for (uint32_t i = 0; i < ASY_COUNT_OF(usual_texts); i++) add_code(column, asy_str_of(usual_texts[i]));
    add_code(column, long_text(maker, 4096, "long "));
    add_code(column, long_text(maker, 4096, "\xC3\xA4"));
    add_code(column, long_text(maker, 300, "a.b@"));
    for (uint32_t i = 0; i < RANDOM; i++) add_code(column, random_text(maker));
    for (uint32_t i = 0; i < VARIANTS && maker->n_words > 0; i++)
        add_code(column, variant(maker, maker->words[asy_kit_below(&maker->random, maker->n_words)]));
    /* all words if they fit, else some of all */
    const uint32_t room = ASY_KIT_CODES_MAX - column->n_codes;
    for (uint32_t i = 0; i < maker->n_words; i++)
        add_code(column, maker->words[maker->n_words <= room ? i : asy_kit_below(&maker->random, maker->n_words)]);
    /* Codes of real data are in the order of arrival: no plugin may count on another one. */
    for (uint32_t i = column->n_codes - 1; i > 1; i--) {
        const uint32_t k = 1 + asy_kit_below(&maker->random, i);
        const struct asy_str text = column->texts[i];
        column->texts[i] = column->texts[k];
        column->texts[k] = text;
    }
}

/* -- values ------------------------------------------------------------------------------------------------------- */

static int64_t whole_part(double value)
{
    return value >= 9.2e18 ? INT64_MAX : value <= -9.2e18 ? INT64_MIN : (int64_t)value;
}

static int64_t make_int(struct maker *maker)
{
    static const int64_t edges[] = {0, 1, -1, 2, 7, 10, 30, 90, 100, 365, 1000, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_MAX - 1,
                                    (int64_t)1 << 53, -((int64_t)1 << 53)};
    struct asy_kit_random *random = &maker->random;
    switch (asy_kit_below(random, 10)) {
    case 0: return edges[asy_kit_below(random, ASY_COUNT_OF(edges))];
    case 1: return (int64_t)asy_kit_below(random, 1000000);
    case 2:
    case 3:
    case 4:
        if (maker->n_numbers > 0) return whole_part(maker->numbers[asy_kit_below(random, maker->n_numbers)]);
        return asy_kit_below(random, 5000);
    case 5:
    case 6: return asy_kit_below(random, 12);
    default: return asy_kit_below(random, 400);
    }
}

static double make_number(struct maker *maker)
{
    static const double edges[] = {0.0, -0.0, 1, -1, 0.5, 0.1, 1e-9, DBL_MIN, 5e-324, -5e-324, DBL_MAX, -DBL_MAX, 1e15, -1e15, 1e300,
                                   9007199254740993.0, DBL_EPSILON, HUGE_VAL, -HUGE_VAL};
    struct asy_kit_random *random = &maker->random;
    switch (asy_kit_below(random, 8)) {
    case 0: return edges[asy_kit_below(random, ASY_COUNT_OF(edges))];
    case 1: return (double)make_int(maker);
    case 2:
    case 3:
        if (maker->n_numbers > 0) return maker->numbers[asy_kit_below(random, maker->n_numbers)];
        return (double)asy_kit_below(random, 100000) / 64 - 500;
    case 4:
    case 5: return (double)asy_kit_below(random, 1 << 20) / (1 << 20);
    default: return (double)asy_kit_below(random, 1000000) / 100;
    }
}

static int64_t make_time(struct maker *maker)
{
    /* the years 1 and 9999 */
    static const int64_t edges[] = {0, 1, -1, -62135596800, 253402300799, UINT32_MAX, INT32_MAX, NOW_S, NOW_S - 1, NOW_S + 1};
    struct asy_kit_random *random = &maker->random;
    const int64_t spread_s = (asy_kit_below(random, 3) == 0 ? 3000ll : asy_kit_below(random, 2) ? 400 : 20) * DAY_S;
    const int64_t from_now_s = (int64_t)(asy_kit_draw(random) % (uint64_t)spread_s);
    switch (asy_kit_below(random, 8)) {
    case 0: return edges[asy_kit_below(random, ASY_COUNT_OF(edges))];
    case 1:
        if (maker->n_numbers > 0) {
            const int64_t days = whole_part(maker->numbers[asy_kit_below(random, maker->n_numbers)]);
            if (days > -100000 && days < 100000) return NOW_S + days * DAY_S + (int64_t)asy_kit_below(random, 3) - 1;
        } /* fall through */
    case 2: return NOW_S + from_now_s;
    default: return NOW_S - from_now_s;
    }
}

static int32_t make_points(struct maker *maker)
{
    static const int32_t edges[] = {0, 1, -1, 1000, 100000, 1000000000, -1000000000, INT32_MAX, -INT32_MAX};
    struct asy_kit_random *random = &maker->random;
    if (asy_kit_below(random, 8) == 0) return edges[asy_kit_below(random, ASY_COUNT_OF(edges))];
    const int32_t points_milli = 1000 * (int32_t)asy_kit_below(random, 120);
    return asy_kit_below(random, 6) == 0 ? -points_milli : points_milli;
}

static void make_value(struct maker *maker, struct asy_kit_column *column, uint32_t lead)
{
    uint8_t *at = column->data + (size_t)lead * column->width;
    switch (column->type) {
    case ASSAY_BOOL_COLUMN: *at = (uint8_t)asy_kit_below(&maker->random, 2); break;
    case ASSAY_INT_COLUMN: *(int64_t *)(void *)at = make_int(maker); break;
    case ASSAY_NUMBER_COLUMN: *(double *)(void *)at = make_number(maker); break;
    case ASSAY_TEXT_COLUMN: *(uint32_t *)(void *)at = asy_kit_below(&maker->random, column->n_codes); break;
    case ASSAY_TIME_COLUMN: *(int64_t *)(void *)at = make_time(maker); break;
    default: *(int32_t *)(void *)at = make_points(maker); break;
    }
}

static void make_column(struct maker *maker, struct asy_kit_column *column)
{
    static const uint32_t percents[] = {0, 0, 0, 3, 3, 10, 30, 50, 95, 100};
    for (uint32_t lead = 0, percent = 0; lead < ASY_KIT_LEADS; lead++) {
        if (lead % NULL_STRETCH == 0) percent = percents[asy_kit_below(&maker->random, ASY_COUNT_OF(percents))];
        column->null[lead] = asy_kit_below(&maker->random, 100) < percent ? 0xFF : 0;
        if (column->null[lead] == 0) make_value(maker, column, lead);
    }
}

bool asy_kit_leads_make(struct asy_kit_leads *leads, struct asy_pool *pool, const struct asy_plugin_decl *decl,
                        const struct asy_plugin_setting *settings, struct asy_str program, uint64_t seed)
{
    struct maker maker = {.pool = pool, .decl = decl, .settings = settings, .random = {seed}};
    *leads = (struct asy_kit_leads){.n_columns = decl->n_wants, .now_s = NOW_S};
    leads->columns = asy_pool_alloc_n(pool, decl->n_wants, sizeof(*leads->columns));
    leads->keys = asy_pool_alloc_n(pool, ASY_KIT_LEADS, sizeof(*leads->keys));
    if (leads->columns == NULL || leads->keys == NULL) return false;
    note_settings(&maker);
    note_help(&maker);
    note_program(&maker, program);
    for (uint32_t c = 0; c < decl->n_wants; c++) {
        struct asy_kit_column *column = &leads->columns[c];
        column->type = decl->wants[c].type;
        column->width = asy_stage_width(column->type);
        column->data = asy_pool_alloc_n(pool, ASY_KIT_LEADS, column->width);
        column->null = asy_pool_alloc(pool, ASY_KIT_LEADS);
        if (column->type == ASSAY_TEXT_COLUMN) make_dictionary(&maker, column);
        if (pool->has_failed) return false;
        make_column(&maker, column);
    }
    for (uint32_t lead = 0; lead < ASY_KIT_LEADS; lead++) leads->keys[lead] = asy_kit_draw(&maker.random);
    leads->keys[1] = 0;
    leads->keys[2] = UINT64_MAX;
    return !pool->has_failed;
}

static struct asy_str text_of(void *ctx, uint32_t code)
{
    const struct asy_kit_column *column = ctx;
    return column->texts[code];
}

struct asy_facts_column *asy_kit_facts_columns(const struct asy_kit_leads *leads, struct asy_pool *pool)
{
    struct asy_facts_column *columns = asy_pool_alloc_n(pool, leads->n_columns, sizeof(*columns));
    if (columns == NULL) return NULL;
    for (uint32_t c = 0; c < leads->n_columns; c++)
        columns[c] = (struct asy_facts_column){.n_codes = leads->columns[c].n_codes, .ctx = &leads->columns[c], .text = text_of};
    return columns;
}

/* -- in words ----------------------------------------------------------------------------------------------------- */

static void value_text(const struct asy_kit_column *column, uint32_t lead, char *out, size_t n_bytes)
{
    const uint8_t *at = column->data + (size_t)lead * column->width;
    char number[32];
    if (column->null[lead] != 0) {
        snprintf(out, n_bytes, "null");
        return;
    }
    switch (column->type) {
    case ASSAY_BOOL_COLUMN: snprintf(out, n_bytes, "%s", *at ? "true" : "false"); break;
    case ASSAY_NUMBER_COLUMN:
        asy_format_f64(*(const double *)(const void *)at, number);
        snprintf(out, n_bytes, "%s", number);
        break;
    case ASSAY_TEXT_COLUMN: {
        const struct asy_str text = column->texts[*(const uint32_t *)(const void *)at];
        snprintf(out, n_bytes, "\"%.*s\"", (int)(text.len > 40 ? 40 : text.len), text.p);
        break;
    }
    case ASSAY_POINTS_COLUMN:
        number[asy_format_milli(*(const int32_t *)(const void *)at, number)] = '\0';
        snprintf(out, n_bytes, "%s", number);
        break;
    default: snprintf(out, n_bytes, "%" PRId64, *(const int64_t *)(const void *)at); break;
    }
}

void asy_kit_lead_text(const struct asy_kit_leads *leads, const struct asy_plugin_decl *decl, uint32_t lead, char *out, size_t n_bytes)
{
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t c = 0; c < leads->n_columns; c++) {
        char value[64], item[128];
        value_text(&leads->columns[c], lead, value, sizeof(value));
        const int n_item = snprintf(item, sizeof(item), "%s%.*s=%s", c > 0 ? ", " : "", ASY_ARG(decl->wants[c].name), value);
        if (n + (size_t)n_item + sizeof(", ...") > n_bytes) {
            snprintf(out + n, n_bytes - n, ", ...");
            return;
        }
        memcpy(out + n, item, strlen(item) + 1);
        n += strlen(item);
    }
}
