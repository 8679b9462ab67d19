/* The table of scored leads: made from pieces, on any number of threads, it is what one gets cell by cell. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failing_mem.h"
#include "base/time.h"
#include "cli/output.h"

static uint64_t seed;
static bool is_utf8; /* all texts are: what an earlier output must be */
static uint32_t draw(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

/* -- a session made by hand ------------------------------------------------------------------------------------------ */

enum { LEADS_MAX = 20000, N_SCORES = 4, N_GRADES = 3, N_DISQUALIFY = 2, N_ROUTES = 4, N_RECYCLE = 3, N_STAGES = 4, N_SEGMENTS = 2, N_TERMS = 8, N_OWNERS = 5, AS_OF_S = 1793491200 };

static struct asy_score scores[N_SCORES];
static struct asy_grade grades[N_GRADES];
static struct asy_disqualifier disqualify[N_DISQUALIFY];
static struct asy_route routes[N_ROUTES];
static struct asy_recycle recycles[N_RECYCLE];
static struct asy_life_stage stages[N_STAGES];
static struct asy_segment segments[N_SEGMENTS];
static struct asy_term terms[N_TERMS];
static struct asy_schema schema;
static char names_text[64][80];
/* What plugins leave: scores without a value, due times. */
static uint8_t is_empty[LEADS_MAX], *score_empty[N_SCORES];
static uint32_t due_s[LEADS_MAX];

/* Texts that need quotes, apostrophes or escapes in one format or the other, and long ones. */
static struct asy_str odd_name(uint32_t number)
{
    static const char *const odd[] = {"plain", "=sum", "+1", "-x", "@y", "a,b", "say \"hi\"", "two\nlines", "tab\there", "back\\slash", "'=x", "''",
                                      "\xc3\xa9\xe6\x97\xa5", "\xff!bad", "'", "\rcr", "\x01", "quite a long name, longer than what is copied at once: 32"};
    const uint32_t kind = draw(2 * (uint32_t)(sizeof(odd) / sizeof(odd[0])));
    if (kind < sizeof(odd) / sizeof(odd[0]) && !(is_utf8 && odd[kind][0] == '\xff')) snprintf(names_text[number], sizeof(names_text[0]), "%s%s", odd[kind], draw(2) ? "" : " more");
    else snprintf(names_text[number], sizeof(names_text[0]), "name %u", number);
    return asy_str_of(names_text[number]);
}

static void make_rules(struct assay *s)
{
    uint32_t n = 0;
    static const char *const score_names[] = {"fit", "a, \"quoted\" score", "total", "a score whose name fills more than a piece"};
    memset(routes, 0, sizeof(routes));
    memset(recycles, 0, sizeof(recycles));
    for (uint32_t i = 0; i < N_SCORES; i++) scores[i] = (struct asy_score){.name = asy_str_of(score_names[i]), .decimals = draw(4)};
    for (uint32_t i = 0; i < N_GRADES; i++) grades[i].name = odd_name(n++);
    for (uint32_t i = 0; i < N_DISQUALIFY; i++) disqualify[i].name = odd_name(n++);
    for (uint32_t i = 0; i < N_ROUTES; i++) {
        routes[i].name = odd_name(n++);
        routes[i].flag = draw(2) ? odd_name(n++) : ASY_STR("");
        routes[i].respond_within_s = draw(2) ? 3600 : 0;
    }
    const bool has_due = draw(2), has_plugin = draw(2);
    for (uint32_t i = 0; i < N_RECYCLE; i++) {
        recycles[i].name = odd_name(n++);
        recycles[i].to = draw(3) ? odd_name(n++) : ASY_STR("");
        recycles[i].in_s = has_due && draw(2) ? 86400 : 0;
        recycles[i].test.call = has_plugin && draw(2) ? 0 : ASY_NONE;
    }
    for (uint32_t i = 0; i < N_STAGES; i++) stages[i].name = odd_name(n++);
    for (uint32_t i = 0; i < N_SEGMENTS; i++) segments[i].name = odd_name(n++);
    for (uint32_t i = 0; i < N_TERMS; i++) terms[i] = (struct asy_term){.name = odd_name(n++)};
    s->rules = (struct asy_rules){.n_scores = N_SCORES, .scores = scores, .grade_by = 0, .n_grades = N_GRADES, .grades = grades, .n_disqualify = N_DISQUALIFY,
                                  .disqualify = disqualify, .n_routes = N_ROUTES, .routes = routes, .n_recycle = N_RECYCLE, .recycle = recycles,
                                  .n_stages = draw(2) ? N_STAGES : 0, .stages = stages, .n_segments = draw(2) ? N_SEGMENTS : 0, .segments = segments};
    s->program.n_terms = N_TERMS;
    s->program.terms = terms;
}

static int32_t draw_milli(uint32_t decimals)
{
    static const int32_t units[] = {1000, 100, 10, 1};
    const uint32_t kind = draw(8);
    const int32_t steps = kind == 0 ? 0 : kind == 1 ? (int32_t)draw(2000000) - 1000000 : kind == 2 ? -(int32_t)draw(2000) : (int32_t)draw(1100);
    return steps * units[decimals];
}

static void draw_row(struct assay *s, uint32_t row)
{
    struct asy_results *r = &s->results;
    for (uint32_t i = 0; i < N_SCORES; i++) r->score_milli[i][row] = draw_milli(scores[i].decimals);
    r->grade[row] = (uint8_t)draw(N_GRADES + 1);
    r->disqualified_by[row] = (uint16_t)(draw(3) ? 0 : draw(N_DISQUALIFY + 1));
    r->route[row] = (uint16_t)draw(N_ROUTES + 1);
    r->recycle[row] = (uint16_t)draw(N_RECYCLE + 1);
    if (r->stage != NULL) r->stage[row] = (uint16_t)draw(N_STAGES + 1);
    if (r->segment != NULL) r->segment[row] = (uint16_t)draw(N_SEGMENTS + 1);
    r->owner[row] = draw(r->owners.n);
    r->routed_at_s[row] = draw(4) ? AS_OF_S : AS_OF_S - draw(1000000);
    if (r->score_empty != NULL) is_empty[row] = draw(20) == 0;
    if (r->recycle_due_s != NULL) due_s[row] = r->recycle[row] && recycles[r->recycle[row] - 1].test.call != ASY_NONE && draw(3) ? AS_OF_S + draw(1000000) : 0;
    const uint32_t n_terms = draw(5);
    for (uint32_t j = 0; j < ASY_TOP_TERMS; j++) {
        r->top_term[j][row] = j < n_terms ? (uint16_t)draw(N_TERMS) : ASY_TERM_NONE;
        r->top_milli[j][row] = draw(3) ? ((int32_t)draw(2100) - 1050) * 1000 : draw_milli(3);
    }
}

/* Columns as a run with plugins has them, in memory of this file. */
static void lend_plugin_columns(struct asy_results *r)
{
    score_empty[1] = is_empty;
    if (draw(2)) r->score_empty = score_empty;
    for (uint32_t i = 0; i < N_RECYCLE; i++)
        if (recycles[i].test.call != ASY_NONE) r->recycle_due_s = due_s;
}
static void take_plugin_columns(struct asy_results *r)
{
    r->score_empty = NULL;
    r->recycle_due_s = NULL;
}

static void make_session(struct assay *s, uint32_t n_leads)
{
    struct assay_error e;
    *s = (struct assay){.as_of_s = AS_OF_S, .has_results = true};
    asy_mem_init(&s->mem, NULL);
    make_rules(s);
    cr_assert_eq(asy_store_init(&s->store, &s->mem, &schema, 1, &e), ASSAY_OK, "%s", e.text);
    for (uint32_t row = 0; row < n_leads; row++) {
        static const char *const odd[] = {"", "=", "-", "a,", "\"", "\n", "'=", "\xc3\xa9", "\\", " ", "\t", "\xff"};
        char id[1300];
        uint32_t added, n = (uint32_t)snprintf(id, sizeof(id), "%s%u", odd[draw(3) ? 0 : draw(is_utf8 ? 11 : 12)], row);
        if (draw(500) == 0) n += (uint32_t)snprintf(id + n, sizeof(id) - n, "%01000u", row);
        bool is_new;
        cr_assert_eq(asy_store_add(&s->store, (struct asy_str){id, n}, &added, &is_new, &e), ASSAY_OK, "%s", e.text);
        cr_assert(is_new);
    }
    cr_assert_eq(asy_results_init(&s->results, &s->mem, &s->rules, n_leads, N_TERMS, 1, &e), ASSAY_OK, "%s", e.text);
    for (uint32_t i = 0; i < N_OWNERS; i++) {
        uint32_t code;
        cr_assert_eq(asy_dict_intern(&s->results.owners, odd_name(40 + i), &code), ASSAY_OK);
    }
    cr_assert_leq(n_leads, LEADS_MAX);
    lend_plugin_columns(&s->results);
    for (uint32_t row = 0; row < n_leads; row++) draw_row(s, row);
}
static void drop_session(struct assay *s)
{
    take_plugin_columns(&s->results);
    asy_results_fini(&s->results, &s->rules, N_TERMS);
    asy_store_fini(&s->store);
    cr_assert_eq(s->mem.live_bytes, 0);
}

/* -- cell by cell ------------------------------------------------------------------------------------------------------ */

static void model_row(const struct assay *s, struct asy_writer *w, uint32_t row, bool has_due)
{
    const struct asy_results *r = &s->results;
    const struct asy_route *route = r->route[row] ? &routes[r->route[row] - 1] : NULL;
    const struct asy_recycle *recycle = r->recycle[row] ? &recycles[r->recycle[row] - 1] : NULL;
    char time[32], reasons[1000];
    uint32_t n = 0;
    asy_writer_text(w, asy_keys_text(&s->store.keys, row));
    for (uint32_t i = 0; i < N_SCORES; i++) {
        if (r->score_empty != NULL && r->score_empty[i] != NULL && r->score_empty[i][row]) asy_writer_empty(w);
        else asy_writer_milli(w, r->score_milli[i][row], scores[i].decimals);
    }
    asy_writer_text(w, r->disqualified_by[row] ? ASY_STR("disqualified") : r->grade[row] ? grades[r->grade[row] - 1].name : ASY_STR(""));
    asy_writer_text(w, r->disqualified_by[row] ? disqualify[r->disqualified_by[row] - 1].name : ASY_STR(""));
    asy_writer_text(w, route ? route->name : ASY_STR(""));
    asy_writer_text(w, asy_dict_text(&r->owners, r->owner[row]));
    asy_writer_text(w, route ? route->flag : ASY_STR(""));
    if (route && route->respond_within_s > 0)
        asy_writer_raw(w, (struct asy_str){time, asy_time_format_s(r->routed_at_s[row] + route->respond_within_s, time)});
    else
        asy_writer_empty(w);
    asy_writer_text(w, recycle ? recycle->name : ASY_STR(""));
    asy_writer_text(w, recycle ? recycle->to : ASY_STR(""));
    if (r->recycle_due_s != NULL && r->recycle_due_s[row] != 0)
        asy_writer_raw(w, (struct asy_str){time, asy_time_format_s(r->recycle_due_s[row], time)});
    else if (has_due && recycle && recycle->in_s > 0)
        asy_writer_raw(w, (struct asy_str){time, asy_time_format_s(s->as_of_s + recycle->in_s, time)});
    else if (has_due)
        asy_writer_empty(w);
    if (s->rules.n_stages > 0) asy_writer_text(w, r->stage[row] ? stages[r->stage[row] - 1].name : ASY_STR(""));
    if (s->rules.n_segments > 0) asy_writer_text(w, r->segment[row] ? segments[r->segment[row] - 1].name : ASY_STR(""));
    for (uint32_t j = 0; j < ASY_TOP_TERMS && r->top_term[j][row] != ASY_TERM_NONE; j++) {
        const struct asy_str name = terms[r->top_term[j][row]].name;
        n += (uint32_t)sprintf(reasons + n, "%s%.*s:%s", j ? ";" : "", ASY_ARG(name), r->top_milli[j][row] > 0 ? "+" : "");
        n += asy_format_milli(r->top_milli[j][row], reasons + n);
    }
    asy_writer_text(w, (struct asy_str){reasons, n});
    cr_assert_eq(asy_writer_row_end(w, NULL), ASSAY_OK);
}

/* The rows of which `wanted` (NULL: all) says so. */
static uint64_t write_model(struct assay *s, const char *path, enum asy_format format, const bool *wanted)
{
    struct asy_writer *w;
    struct assay_error e;
    struct asy_str names[N_SCORES + 13];
    static const char *const fixed[] = {"grade", "disqualified_by", "route", "owner", "flag", "respond_by", "recycle", "recycle_to"};
    uint32_t n = 0;
    uint64_t n_rows = 0;
    bool has_due = false;
    names[n++] = ASY_STR("lead_id");
    for (uint32_t i = 0; i < N_SCORES; i++) names[n++] = scores[i].name;
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) names[n++] = asy_str_of(fixed[i]);
    for (uint32_t i = 0; i < N_RECYCLE; i++) has_due |= recycles[i].in_s > 0 || recycles[i].test.call != ASY_NONE;
    if (has_due) names[n++] = ASY_STR("recycle_due");
    if (s->rules.n_stages > 0) names[n++] = ASY_STR("stage");
    if (s->rules.n_segments > 0) names[n++] = ASY_STR("nurture");
    names[n++] = ASY_STR("reasons");
    cr_assert_eq(asy_writer_open(&w, &s->mem, path, format, names, n, &e), ASSAY_OK, "%s", e.text);
    for (uint32_t row = 0; row < s->results.n_leads; row++) {
        if (wanted != NULL && !wanted[row]) continue;
        model_row(s, w, row, has_due);
        n_rows++;
    }
    cr_assert_eq(asy_writer_commit(w, &e), ASSAY_OK, "%s", e.text);
    return n_rows;
}

/* -- files ------------------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/assay-output-XXXXXX";
static int remove_entry(const char *path, const struct stat *there, int type, struct FTW *at)
{
    (void)there, (void)type, (void)at;
    return remove(path);
}
static void open_folder(void)
{
    cr_assert(mkdtemp(folder) && chdir(folder) == 0);
    seed = 20261122;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
}
static void drop_folder(void)
{
    cr_assert_eq(chdir("/"), 0);
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
TestSuite(cli_output, .init = open_folder, .fini = drop_folder);

static char *read_all(const char *path, size_t *n)
{
    struct stat there;
    const int fd = open(path, O_RDONLY);
    cr_assert(fd >= 0 && fstat(fd, &there) == 0, "%s", path);
    char *bytes = malloc((size_t)there.st_size + 1);
    *n = (size_t)there.st_size;
    cr_assert_eq(read(fd, bytes, *n), (ssize_t)*n);
    close(fd);
    return bytes;
}
static void assert_same(const char *a, const char *b, uint32_t n_threads, int format)
{
    size_t n_a, n_b, at = 0;
    char *text_a = read_all(a, &n_a), *text_b = read_all(b, &n_b);
    while (at < n_a && at < n_b && text_a[at] == text_b[at]) at++;
    cr_assert(at == n_a && at == n_b, "format %d, %u threads: expected `%.80s`, found `%.80s` at byte %zu", format, n_threads, text_a + at, text_b + at, at);
    free(text_a);
    free(text_b);
}

static const uint32_t thread_counts[] = {0, 1, 2, 7};

Test(cli_output, rows_made_of_pieces_are_those_made_cell_by_cell)
{
    static const uint32_t sizes[] = {0, 1, 3000, 9000};
    for (int round = 0; round < 12; round++) {
        struct assay s;
        make_session(&s, sizes[round % 4]);
        for (int format = ASY_FORMAT_CSV; format <= ASY_FORMAT_NDJSON; format++) {
            const uint64_t n_model = write_model(&s, "model", format, NULL);
            for (size_t t = 0; t < 4; t++) {
                struct assay_error e;
                uint64_t n_written;
                cr_assert_eq(asy_output_write(&s, "found", format, NULL, thread_counts[t], &n_written, &e), ASSAY_OK, "%s", e.text);
                cr_assert_eq(n_written, n_model);
                assert_same("model", "found", thread_counts[t], format);
            }
        }
        drop_session(&s);
    }
}

/* Each row that was drawn anew is written, and no other; rows drawn alike once more count as unchanged. */
Test(cli_output, changed_rows_are_those_that_differ)
{
    enum { N = 5000 };
    static bool wanted[N];
    for (int round = 0; round < 6; round++) {
        struct assay s;
        struct assay_error e;
        uint64_t n_written;
        static const char *const olds[] = {"old.csv", "old.tsv", "old.ndjson"};
        is_utf8 = true;
        make_session(&s, N);
        const char *old = olds[round % 3];
        cr_assert_eq(asy_output_write(&s, old, ASY_FORMAT_AUTO, NULL, 2, &n_written, &e), ASSAY_OK, "%s", e.text);
        for (uint32_t row = 0; row < N; row++) {
            wanted[row] = draw(4) == 0;
            if (!wanted[row]) continue;
            const uint32_t score = draw(N_SCORES);
            s.results.score_milli[score][row] += 1000;
            if (score == 1) is_empty[row] = false; /* a score that was empty has a value now */
        }
        for (int format = ASY_FORMAT_CSV; format <= ASY_FORMAT_NDJSON; format++)
            for (size_t t = 0; t < 4; t++) {
                const uint64_t n_model = write_model(&s, "model", format, wanted);
                cr_assert_eq(asy_output_write(&s, "found", format, old, thread_counts[t], &n_written, &e), ASSAY_OK, "%s", e.text);
                cr_assert_eq(n_written, n_model);
                assert_same("model", "found", thread_counts[t], format);
            }
        drop_session(&s);
    }
}

/* A number is the same however it was written, and another one if today's decimals would hide the difference. */
Test(cli_output, numbers_of_an_earlier_output_are_compared_as_numbers)
{
    static const struct { const char *cell; bool is_same; } cases[] = {{"12", true}, {"12.0", true}, {"1.2e1", true}, {"+12", true}, {"12.4", false},
                                                                     {"", false}, {"twelve", false}, {"13", false}, {"1e300", false}};
    struct assay s;
    make_session(&s, 1);
    for (uint32_t i = 0; i < N_SCORES; i++) scores[i].decimals = 0, s.results.score_milli[i][0] = 12000;
    s.results.grade[0] = 0, s.results.disqualified_by[0] = s.results.route[0] = s.results.recycle[0] = 0, s.results.owner[0] = 0;
    s.results.top_term[0][0] = ASY_TERM_NONE;
    is_empty[0] = false;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct assay_error e;
        uint64_t n_written;
        cr_assert_eq(asy_output_write(&s, "head.csv", ASY_FORMAT_AUTO, NULL, 1, &n_written, &e), ASSAY_OK, "%s", e.text);
        size_t n;
        char *text = read_all("head.csv", &n);
        char *found = strstr(text, ",12,12,12,12,");
        FILE *file = fopen("old.csv", "w");
        cr_assert(found != NULL && file != NULL, "%.*s", (int)n, text);
        fwrite(text, 1, (size_t)(found - text), file);
        fprintf(file, ",12,%s,", cases[c].cell);
        fwrite(found + 7, 1, n - (size_t)(found + 7 - text), file);
        fclose(file);
        free(text);
        cr_assert_eq(asy_output_write(&s, "found.csv", ASY_FORMAT_AUTO, "old.csv", 1, &n_written, &e), ASSAY_OK, "%s", e.text);
        cr_expect_eq(n_written, cases[c].is_same ? 0 : 1, "`%s`", cases[c].cell);
    }
    drop_session(&s);
}

Test(cli_output, a_full_disk_ends_it_on_any_number_of_threads)
{
    if (access("/dev/full", W_OK) != 0) {
        fprintf(stderr, "skipped: no /dev/full here\n");
        return;
    }
    struct assay s;
    make_session(&s, 20000);
    for (size_t t = 0; t < 4; t++) {
        struct assay_error e = {0};
        uint64_t n_written;
        cr_expect_eq(asy_output_write(&s, "/dev/full", ASY_FORMAT_CSV, NULL, thread_counts[t], &n_written, &e), ASSAY_E_IO);
        cr_expect_str_eq(e.text, "/dev/full: cannot write: No space left on device; free some space or write elsewhere");
    }
    drop_session(&s);
}

/* -- memory ------------------------------------------------------------------------------------------------------------- */

/* Long ids make blocks grow while other threads make theirs. */
Test(cli_output, an_allocation_that_fails_leaves_no_file)
{
    struct assay s;
    struct failing failing = {0};
    const struct assay_allocator table = failing_table(&failing);
    make_session(&s, 3000);
    struct assay_error e;
    uint64_t n_written;
    for (uint32_t row = 0; row < 2500; row++) {
        char id[600];
        uint32_t added;
        bool is_new;
        snprintf(id, sizeof(id), "%0500u", row);
        cr_assert_eq(asy_store_add(&s.store, asy_str_of(id), &added, &is_new, &e), ASSAY_OK);
    }
    take_plugin_columns(&s.results);
    asy_results_fini(&s.results, &s.rules, N_TERMS);
    cr_assert_eq(asy_results_init(&s.results, &s.mem, &s.rules, 5500, N_TERMS, 1, &e), ASSAY_OK);
    lend_plugin_columns(&s.results);
    for (uint32_t row = 0; row < 5500; row++) draw_row(&s, row);
    const struct assay_allocator before = s.mem.table;
    const uint64_t live_bytes = s.mem.live_bytes;
    s.mem.table = table;
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads += 2)
        for (int64_t k = 0, n_calls = 0; k <= n_calls; k++) {
            unlink("found.csv");
            failing = (struct failing){.n_left = k - 1, .once = true}; /* the k-th; 0: none */
            const assay_status status = asy_output_write(&s, "found.csv", ASY_FORMAT_CSV, NULL, n_threads, &n_written, &e);
            if (k == 0) n_calls = failing.n_calls;
            cr_assert(status == ASSAY_OK ? k == 0 || failing.n_calls < k : status == ASSAY_E_NOMEM && k > 0, "allocation %lld of %lld: %d",
                      (long long)k, (long long)failing.n_calls, status);
            cr_assert_eq(access("found.csv", F_OK) == 0, status == ASSAY_OK);
            cr_assert_eq(s.mem.live_bytes, live_bytes);
        }
    s.mem.table = before;
    drop_session(&s);
}
