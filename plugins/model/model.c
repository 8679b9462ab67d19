/* Points from a model that was trained elsewhere: logistic regression or a decision tree, in a text file that README.md describes.
 * The points are the probability that the model gives, times `points`.
 *
 * The same everywhere: every term is made a fixed-point number first and those are added, so no compiler can fuse or reorder anything;
 * the logistic function is a table made by integer arithmetic with straight lines between its entries. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/plugin.h"

enum { N_NUMBERS = 8, N_TEXTS = 4, N_COLUMNS = N_NUMBERS + N_TEXTS };
enum { MODEL_PARAM, POINTS_PARAM, THRESHOLD_PARAM, N_PARAMS };
enum { SCORED = 1 };
enum { NODES_MAX = 4096, POINTS_MAX = 1000000 };

/* The table of the logistic function: from 0 to 16, 64 entries a unit. Straight lines between them are off by 3e-6 at most, and
 * beyond 16 it is 1 but for 1.2e-7. Probabilities are parts of 2^30, the sums of terms Q32. */
enum { STEPS_PER_ONE_LOG2 = 6, STEPS = 16 << STEPS_PER_ONE_LOG2, STEP_LOG2 = 32 - STEPS_PER_ONE_LOG2, ONE_LOG2 = 30 };
#define SUM_ONE 4294967296.0
#define SUM_MAX 4294967296000000.0 /* a million: one term may not drown all others by overflow */

static const struct assay_want wants[N_COLUMNS] = {
    {"n1", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, "a number, called n1 in the model file"},
    {"n2", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"n3", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"n4", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"n5", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"n6", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"n7", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"n8", ASSAY_NUMBER_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"t1", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, "a text, called t1 in the model file"},
    {"t2", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"t3", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, ""},
    {"t4", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, ""},
};
static const struct assay_param params[] = {
    {"model", ASSAY_FILE_PARAM, ASSAY_PARAM_REQUIRED, NULL, "the model; its README says how it is written", 0, 0},
    {"points", ASSAY_NUMBER_PARAM, 0, "100", "points for a probability of 1", 0, POINTS_MAX},
    {"threshold", ASSAY_NUMBER_PARAM, 0, "0", "no points below this probability", 0, 1},
};
static const struct assay_reason reasons[] = {
    {SCORED, 0, "scored", "The model gives it this probability"},
};

struct node {
    bool is_there, is_leaf;
    uint32_t column;            /* < N_NUMBERS: a number */
    double below;               /* number: yes if less than this */
    uint32_t code;              /* text: yes if it is this one; 0: one that no lead has */
    uint32_t yes, no, missing;  /* nodes, all after this one: no way goes in circles */
    uint32_t probability;       /* leaf */
};

struct state {
    bool is_tree;
    int64_t points_milli;
    uint32_t threshold;
    uint32_t *sigmoid; /* STEPS + 1 */
    /* logistic: Q32 */
    int64_t intercept;
    bool has_number[N_NUMBERS];
    double factor[N_NUMBERS], mean[N_NUMBERS];
    int64_t when_missing[N_COLUMNS];
    int64_t *by_code[N_TEXTS]; /* NULL: the model does not look at it */
    uint32_t n_codes[N_TEXTS];
    uint32_t n_used, used[N_COLUMNS]; /* columns that the model looks at */
    /* tree */
    uint32_t n_nodes;
    struct node *nodes;
};

__attribute__((format(printf, 2, 3))) static int32_t fail(struct assay_plugin_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return -1;
}

/* -- fixed point ------------------------------------------------------------------------------------------------- */

/* Nearest Q32, kept within a million; halves away from 0. Asked the other way round, so that what is not a number (infinite times a
 * coefficient of 0) has an answer, too. */
static int64_t to_sum(double term)
{
    const double scaled = term * SUM_ONE;
    if (!(scaled < SUM_MAX)) return (int64_t)SUM_MAX;
    if (!(scaled > -SUM_MAX)) return -(int64_t)SUM_MAX;
    return (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

static uint32_t to_probability(double p)
{
    return (uint32_t)(p * (double)(1u << ONE_LOG2) + 0.5);
}

/* 1 / (1 + e^-x) for x = 0, 1/64, ...: e^-x by multiplying with e^(-1/64) again and again, in Q31. */
static uint32_t *make_sigmoid(void)
{
    uint32_t *table = malloc((STEPS + 1) * sizeof(*table));
    if (table == NULL) return NULL;
    const uint64_t one = 1ull << 31, e_to_minus_step = 2114190000; /* e^(-1/64) * 2^31 */
    uint64_t e = one;
    for (uint32_t i = 0; i <= STEPS; i++) {
        table[i] = (uint32_t)((one << ONE_LOG2) / (one + e));
        e = (e * e_to_minus_step + (one >> 1)) >> 31;
    }
    return table;
}

static uint32_t sigmoid_of(const uint32_t *table, int64_t sum)
{
    const uint64_t x = (uint64_t)(sum < 0 ? -sum : sum);
    const uint64_t step = x >> STEP_LOG2;
    uint32_t p = 1u << ONE_LOG2;
    if (step < STEPS) {
        const uint64_t part = x & ((1ull << STEP_LOG2) - 1);
        p = table[step] + (uint32_t)((table[step + 1] - table[step]) * part >> STEP_LOG2);
    }
    return sum < 0 ? (1u << ONE_LOG2) - p : p;
}

/* -- reading: words ---------------------------------------------------------------------------------------------- */

/* A line of the file; `word` is taken off its front. */
struct line {
    const char *p, *end;
    uint32_t number;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(struct line *line)
{
    while (line->p < line->end && is_blank(*line->p)) line->p++;
    while (line->end > line->p && is_blank(line->end[-1])) line->end--;
}

static struct assay_text take_word(struct line *line)
{
    trim(line);
    const char *start = line->p;
    while (line->p < line->end && !is_blank(*line->p)) line->p++;
    const struct assay_text word = {start, (uint64_t)(line->p - start)};
    trim(line);
    return word;
}

static bool text_is(struct assay_text text, const char *word)
{
    return text.n_bytes == strlen(word) && memcmp(text.p, word, text.n_bytes) == 0;
}

static bool read_number(struct assay_text text, double *out)
{
    char copy[64];
    if (text.n_bytes == 0 || text.n_bytes >= sizeof(copy)) return false;
    memcpy(copy, text.p, text.n_bytes);
    copy[text.n_bytes] = '\0';
    if (strspn(copy, "+-.0123456789eE") != text.n_bytes) return false; /* strtod reads inf, nan and hexadecimal, too */
    char *end;
    *out = strtod(copy, &end);
    return *end == '\0' && *out > -1e300 && *out < 1e300;
}

static bool read_id(struct assay_text text, uint32_t *out)
{
    *out = 0;
    for (uint64_t i = 0; i < text.n_bytes; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || i > 4) return false;
        *out = *out * 10 + (uint32_t)(text.p[i] - '0');
    }
    return text.n_bytes > 0 && *out < NODES_MAX;
}

/* n1 .. n8, t1 .. t4 */
static bool read_column(struct assay_text text, uint32_t *out)
{
    if (text.n_bytes != 2 || text.p[1] < '1') return false;
    const uint32_t n = (uint32_t)(text.p[1] - '1');
    *out = text.p[0] == 'n' ? n : N_NUMBERS + n;
    return (text.p[0] == 'n' && n < N_NUMBERS) || (text.p[0] == 't' && n < N_TEXTS);
}

static int32_t bad_line(struct assay_plugin_error *error, const struct line *line, const char *expected, struct line found)
{
    return fail(error, "model: line %u: expected %s, found `%.*s`", line->number, expected,
                found.end - found.p > 60 ? 60 : (int)(found.end - found.p), found.p);
}

/* -- reading: logistic ------------------------------------------------------------------------------------------- */

/* The table of a text column, 0 for every code. */
static bool need_codes(struct state *state, const struct assay_host *host, const struct assay_dictionary *dictionary, uint32_t text)
{
    if (state->by_code[text] != NULL) return true;
    state->n_codes[text] = dictionary->n_codes(host, N_NUMBERS + text);
    state->by_code[text] = calloc((size_t)state->n_codes[text] + 1, sizeof(int64_t));
    return state->by_code[text] != NULL;
}

/* n1 COEFFICIENT [mean M] [scale S] */
static int32_t read_number_term(struct state *state, uint32_t column, struct line *line, struct assay_plugin_error *error)
{
    const struct line whole = *line;
    double coefficient, scale = 1;
    bool is_good = read_number(take_word(line), &coefficient) && !state->has_number[column];
    while (is_good && line->p < line->end) {
        const struct assay_text key = take_word(line);
        is_good = (text_is(key, "mean") && read_number(take_word(line), &state->mean[column])) ||
                  (text_is(key, "scale") && read_number(take_word(line), &scale) && scale > 0);
    }
    if (!is_good) return bad_line(error, line, "one `COEFFICIENT [mean M] [scale S]` for each column, S above 0", whole);
    state->has_number[column] = true;
    state->factor[column] = coefficient / scale;
    return 0;
}

/* t1=VALUE COEFFICIENT, t1 other COEFFICIENT: the last word is the coefficient, a value may have blanks in it. */
static int32_t read_text_term(struct state *state, const struct assay_host *host, const struct assay_dictionary *dictionary,
                              uint32_t text, struct line *line, struct assay_plugin_error *error)
{
    const struct line whole = *line;
    const char *last = line->end;
    while (last > line->p && !is_blank(last[-1])) last--;
    struct line value = {line->p, last, line->number};
    trim(&value);
    double coefficient;
    if (value.p == value.end || !read_number((struct assay_text){last, (uint64_t)(line->end - last)}, &coefficient))
        return bad_line(error, line, "`t1=VALUE COEFFICIENT` or `t1 other COEFFICIENT`", whole);
    if (!need_codes(state, host, dictionary, text)) return fail(error, "out of memory");
    int64_t *by_code = state->by_code[text];
    if (*value.p != '=') { /* `other`, which stands before the values that are named */
        if (!text_is((struct assay_text){value.p, (uint64_t)(value.end - value.p)}, "other"))
            return bad_line(error, line, "`t1=VALUE COEFFICIENT`, `t1 other COEFFICIENT` or `t1 missing COEFFICIENT`", whole);
        for (uint32_t code = 1; code < state->n_codes[text]; code++) by_code[code] = to_sum(coefficient);
        return 0;
    }
    value.p++;
    trim(&value);
    const uint32_t code = dictionary->find(host, N_NUMBERS + text, value.p, (uint64_t)(value.end - value.p));
    if (code != 0) by_code[code] = to_sum(coefficient); /* else no lead has that value */
    return 0;
}

static int32_t read_term(struct state *state, const struct assay_host *host, const struct assay_dictionary *dictionary, struct line line,
                         struct assay_plugin_error *error)
{
    const struct line whole = line;
    double value;
    uint32_t column;
    struct line rest = line;
    if (text_is(take_word(&rest), "intercept")) {
        if (!read_number(take_word(&rest), &value) || rest.p != rest.end) return bad_line(error, &line, "`intercept NUMBER`", whole);
        state->intercept = to_sum(value);
        return 0;
    }
    const bool is_column = line.end - line.p > 2 && read_column((struct assay_text){line.p, 2}, &column) && (is_blank(line.p[2]) || line.p[2] == '=');
    if (!is_column) return bad_line(error, &line, "`intercept`, a column (n1 to n8, t1 to t4) or a comment (#)", whole);
    line.p += 2;
    trim(&line);
    rest = line;
    if (text_is(take_word(&rest), "missing")) {
        if (!read_number(take_word(&rest), &value) || rest.p != rest.end) return bad_line(error, &line, "`missing COEFFICIENT`", line);
        state->when_missing[column] = to_sum(value);
        return 0;
    }
    return column < N_NUMBERS ? read_number_term(state, column, &line, error)
                              : read_text_term(state, host, dictionary, column - N_NUMBERS, &line, error);
}

/* -- reading: tree ----------------------------------------------------------------------------------------------- */

/* n1 < 50 ? 2 : 3 [missing 4], t1 = VALUE ? 2 : 3 [missing 4]; what is missing goes the second way unless said otherwise. */
static bool read_question(struct node *node, const struct assay_host *host, const struct assay_dictionary *dictionary, struct line *line)
{
    if (!read_column(take_word(line), &node->column)) return false;
    const bool is_number = node->column < N_NUMBERS;
    if (!text_is(take_word(line), is_number ? "<" : "=")) return false;
    const char *mark = memchr(line->p, '?', (size_t)(line->end - line->p));
    if (mark == NULL) return false;
    struct line value = {line->p, mark, line->number};
    trim(&value);
    const struct assay_text text = {value.p, (uint64_t)(value.end - value.p)};
    if (is_number ? !read_number(text, &node->below) : text.n_bytes == 0) return false;
    if (!is_number) node->code = dictionary->find(host, node->column, text.p, text.n_bytes);
    line->p = mark + 1;
    if (!read_id(take_word(line), &node->yes) || !text_is(take_word(line), ":") || !read_id(take_word(line), &node->no)) return false;
    node->missing = node->no;
    if (line->p == line->end) return true;
    return text_is(take_word(line), "missing") && read_id(take_word(line), &node->missing) && line->p == line->end;
}

/* ID: PROBABILITY, or ID: question */
static int32_t read_node(struct state *state, const struct assay_host *host, const struct assay_dictionary *dictionary, struct line line,
                         struct assay_plugin_error *error)
{
    static const char expected[] = "`ID: PROBABILITY`, `ID: n1 < NUMBER ? ID : ID` or `ID: t1 = VALUE ? ID : ID`";
    const struct line whole = line;
    struct assay_text name = take_word(&line);
    uint32_t id;
    if (name.n_bytes < 2 || name.p[name.n_bytes - 1] != ':') return bad_line(error, &line, expected, whole);
    name.n_bytes--;
    if (!read_id(name, &id)) return bad_line(error, &line, "a node from 0 to 4095", whole);
    struct node *node = &state->nodes[id];
    if (node->is_there) return bad_line(error, &line, "each node once", whole);
    node->is_there = true;
    struct line rest = line;
    double p;
    if (read_number(take_word(&rest), &p) && rest.p == rest.end) {
        if (p < 0 || p > 1) return bad_line(error, &line, "a probability from 0 to 1", whole);
        node->is_leaf = true;
        node->probability = to_probability(p);
    } else {
        if (!read_question(node, host, dictionary, &line)) return bad_line(error, &whole, expected, whole);
        if (node->yes <= id || node->no <= id || node->missing <= id)
            return bad_line(error, &line, "ways to nodes with greater numbers (no circles)", whole);
    }
    if (id + 1 > state->n_nodes) state->n_nodes = id + 1;
    return 0;
}

/* Every way leads to a node that is there. The first node is the one with the smallest number: it is moved to 0. */
static int32_t finish_tree(struct state *state, struct assay_plugin_error *error)
{
    uint32_t first = 0;
    while (first < state->n_nodes && !state->nodes[first].is_there) first++;
    if (first == state->n_nodes) return fail(error, "model: expected nodes below the line `tree`, found none");
    for (uint32_t id = first; id < state->n_nodes; id++) {
        const struct node *node = &state->nodes[id];
        if (!node->is_there || node->is_leaf) continue;
        const uint32_t ways[3] = {node->yes, node->no, node->missing};
        for (uint32_t i = 0; i < 3; i++)
            if (!state->nodes[ways[i]].is_there) return fail(error, "model: node %u: expected a way to a node that is there, found %u", id, ways[i]);
    }
    state->nodes[0] = state->nodes[first];
    return 0;
}

/* -- reading: the file ------------------------------------------------------------------------------------------- */

/* The next line with something on it. False: no more. */
static bool next_line(struct line *at, const char *end, struct line *line)
{
    while (at->p < end) {
        const char *stop = memchr(at->p, '\n', (size_t)(end - at->p));
        *line = (struct line){at->p, stop != NULL ? stop : end, ++at->number};
        at->p = stop != NULL ? stop + 1 : end;
        const char *comment = memchr(line->p, '#', (size_t)(line->end - line->p));
        if (comment != NULL) line->end = comment;
        trim(line);
        if (line->p < line->end) return true;
    }
    return false;
}

static void list_columns(struct state *state)
{
    for (uint32_t column = 0; column < N_COLUMNS; column++) {
        const bool is_used = column < N_NUMBERS ? state->has_number[column] : state->by_code[column - N_NUMBERS] != NULL;
        if (is_used || state->when_missing[column] != 0) state->used[state->n_used++] = column;
    }
}

static int32_t read_model(struct state *state, const struct assay_host *host, struct assay_text file, struct assay_plugin_error *error)
{
    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    if (dictionary == NULL) return fail(error, "expected an engine with assay.dictionary/1, found one without");
    const char *end = file.p + file.n_bytes;
    struct line at = {file.p, end, 0}, line;
    if (!next_line(&at, end, &line)) return fail(error, "model: expected `logistic` or `tree` in the first line, found an empty file");
    const struct assay_text kind = {line.p, (uint64_t)(line.end - line.p)};
    state->is_tree = text_is(kind, "tree");
    if (!state->is_tree && !text_is(kind, "logistic")) return bad_line(error, &line, "`logistic` or `tree`", line);
    if (state->is_tree) {
        state->nodes = calloc(NODES_MAX, sizeof(*state->nodes));
        if (state->nodes == NULL) return fail(error, "out of memory");
    }
    while (next_line(&at, end, &line)) {
        const int32_t status = state->is_tree ? read_node(state, host, dictionary, line, error)
                                              : read_term(state, host, dictionary, line, error);
        if (status != 0) return status;
    }
    if (state->is_tree) return finish_tree(state, error);
    list_columns(state);
    return 0;
}

/* -- the plugin -------------------------------------------------------------------------------------------------- */

static void destroy(void *p)
{
    struct state *state = p;
    if (state == NULL) return;
    for (uint32_t i = 0; i < N_TEXTS; i++) free(state->by_code[i]);
    free(state->nodes);
    free(state->sigmoid);
    free(state);
}

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) return fail(error, "out of memory");
    state->points_milli = (int64_t)(values[POINTS_PARAM].d * 1000 + 0.5);
    state->threshold = to_probability(values[THRESHOLD_PARAM].d);
    state->sigmoid = make_sigmoid();
    int32_t status = state->sigmoid == NULL ? fail(error, "out of memory") : read_model(state, host, values[MODEL_PARAM].text, error);
    if (status != 0) destroy(state);
    else *out = state;
    return status;
}

static double number_at(const struct assay_batch *batch, uint32_t column, uint32_t row)
{
    return ((const double *)batch->columns[column].data)[row];
}

static uint32_t code_at(const struct assay_batch *batch, uint32_t column, uint32_t row)
{
    return ((const uint32_t *)batch->columns[column].data)[row];
}

static uint32_t logistic(const struct state *state, const struct assay_batch *batch, uint32_t row)
{
    int64_t sum = state->intercept;
    for (uint32_t i = 0; i < state->n_used; i++) {
        const uint32_t column = state->used[i];
        if (batch->columns[column].null[row] != 0) {
            sum += state->when_missing[column];
        } else if (column < N_NUMBERS) {
            if (state->has_number[column]) sum += to_sum((number_at(batch, column, row) - state->mean[column]) * state->factor[column]);
        } else if (state->by_code[column - N_NUMBERS] != NULL) {
            sum += state->by_code[column - N_NUMBERS][code_at(batch, column, row)];
        }
    }
    return sigmoid_of(state->sigmoid, sum);
}

static uint32_t walk(const struct state *state, const struct assay_batch *batch, uint32_t row)
{
    const struct node *node = &state->nodes[0];
    while (!node->is_leaf) {
        const bool is_number = node->column < N_NUMBERS;
        uint32_t next;
        if (batch->columns[node->column].null[row] != 0) next = node->missing;
        else if (is_number) next = number_at(batch, node->column, row) < node->below ? node->yes : node->no;
        else next = node->code != 0 && code_at(batch, node->column, row) == node->code ? node->yes : node->no;
        node = &state->nodes[next];
    }
    return node->probability;
}

static int32_t run(void *p, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)error;
    const struct state *state = p;
    const uint32_t n = batch->selected != NULL ? batch->n_selected : batch->n_rows;
    /* Only the rows that are asked about: codes of others are anything, and each costs more here than a look into a table. */
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t row = batch->selected != NULL ? batch->selected[i] : i;
        const uint64_t probability = state->is_tree ? walk(state, batch, row) : logistic(state, batch, row);
        const bool is_scored = probability >= state->threshold;
        verdict->reason[row] = is_scored ? SCORED : ASSAY_NO_REASON;
        verdict->points_milli[row] = is_scored ? (int32_t)((probability * (uint64_t)state->points_milli + (1u << (ONE_LOG2 - 1))) >> ONE_LOG2) : 0;
    }
    return 0;
}

ASSAY_PLUGIN_NOTE;
const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = ASSAY_SCORE,
    .caps = ASSAY_CAP_SHARED_STATE,
    .id = "assay.model",
    .version = "1.0",
    .help = "points from a logistic or tree model in a text file",
    .n_wants = N_COLUMNS,
    .n_params = N_PARAMS,
    .n_reasons = 1,
    .wants = wants,
    .params = params,
    .reasons = reasons,
    .points_min_milli = 0,
    .points_max_milli = POINTS_MAX * 1000,
    .create = create,
    .run = run,
    .destroy = destroy,
};
