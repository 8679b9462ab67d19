#include "cli/summary.h"

#include "base/time.h"
#include "cli/json.h"
#include "cli/term.h"
#include "io/write.h"

/* One line of a section: a name and how many leads. */
struct tally {
    struct asy_str name;
    uint64_t n;
    bool is_special; /* not named in the rule file: shown only where there are some */
};
struct section {
    const char *title, *key; /* for people, for machines */
    struct tally *items;
    uint32_t n;
};
enum { GRADES, DISQUALIFIED, ROUTES, RECYCLED, N_SECTIONS };

/* -- counting ------------------------------------------------------------------------------------------------------ */

static bool make_section(struct section *section, struct asy_pool *pool, const char *title, const char *key, uint32_t n)
{
    *section = (struct section){.title = title, .key = key, .n = n};
    section->items = asy_pool_alloc_n(pool, (size_t)n + 1, sizeof(*section->items));
    return section->items != NULL;
}

static bool count_leads(const struct assay *session, struct asy_pool *pool, struct section *sections)
{
    const struct asy_rules *rules = &session->rules;
    const struct asy_results *results = &session->results;
    if (!make_section(&sections[GRADES], pool, "Grade", "grades", rules->n_grades + 2) ||
        !make_section(&sections[DISQUALIFIED], pool, "Disqualified by (first reason)", "disqualified_by", rules->n_disqualify) ||
        !make_section(&sections[ROUTES], pool, "Route", "routes", rules->n_routes + 1) ||
        !make_section(&sections[RECYCLED], pool, "Recycled by", "recycled_by", rules->n_recycle))
        return false;
    for (uint32_t i = 0; i < rules->n_grades; i++) sections[GRADES].items[i].name = rules->grades[i].name;
    sections[GRADES].items[rules->n_grades] = (struct tally){.name = ASY_STR("disqualified"), .is_special = true};
    sections[GRADES].items[rules->n_grades + 1] = (struct tally){.name = ASY_STR("(no grade)"), .is_special = true};
    for (uint32_t i = 0; i < rules->n_disqualify; i++) sections[DISQUALIFIED].items[i].name = rules->disqualify[i].name;
    for (uint32_t i = 0; i < rules->n_routes; i++) sections[ROUTES].items[i].name = rules->routes[i].name;
    sections[ROUTES].items[rules->n_routes] = (struct tally){.name = ASY_STR("(no route)"), .is_special = true};
    for (uint32_t i = 0; i < rules->n_recycle; i++) sections[RECYCLED].items[i].name = rules->recycle[i].name;
    for (uint32_t row = 0; row < results->n_leads; row++) {
        const uint32_t disqualified = results->disqualified_by[row], grade = results->grade[row], route = results->route[row];
        const uint32_t shown = disqualified ? rules->n_grades : grade ? grade - 1 : rules->n_grades + 1;
        sections[GRADES].items[shown].n++;
        if (disqualified) sections[DISQUALIFIED].items[disqualified - 1].n++;
        sections[ROUTES].items[route ? route - 1 : rules->n_routes].n++;
        if (results->recycle[row]) sections[RECYCLED].items[results->recycle[row] - 1].n++;
    }
    return true;
}

/* A rule that could not decide on some leads, and the fields that it reads. */
struct undecided {
    struct asy_str name;
    const struct asy_cel_node *when;
    uint64_t n;
};
static uint32_t list_undecided(const struct assay *session, struct undecided *out)
{
    const struct asy_rules *rules = &session->rules;
    const struct asy_results *results = &session->results;
    uint32_t n = 0;
    for (uint32_t t = 0; t < session->program.n_terms; t++)
        if (results->unknown_terms[t] > 0)
            out[n++] = (struct undecided){session->program.terms[t].name, session->program.terms[t].rule->when,
                                          results->unknown_terms[t]};
    for (uint32_t i = 0; i < rules->n_disqualify; i++)
        if (results->unknown_disqualify[i] > 0)
            out[n++] = (struct undecided){rules->disqualify[i].name, rules->disqualify[i].test.when, results->unknown_disqualify[i]};
    for (uint32_t i = 0; i < rules->n_routes; i++)
        if (results->unknown_routes[i] > 0)
            out[n++] = (struct undecided){rules->routes[i].name, rules->routes[i].test.when, results->unknown_routes[i]};
    for (uint32_t i = 0; i < rules->n_recycle; i++)
        if (results->unknown_recycle[i] > 0)
            out[n++] = (struct undecided){rules->recycle[i].name, rules->recycle[i].test.when, results->unknown_recycle[i]};
    return n;
}
static uint32_t n_undecided_at_most(const struct assay *session)
{
    return session->program.n_terms + session->rules.n_disqualify + session->rules.n_routes + session->rules.n_recycle + 1;
}

/* Names of the nullable inputs of a condition: "company.employees, events.job_change". */
struct reads {
    const struct asy_rules *rules;
    char text[200];
    size_t n;
};
static void add_read(void *ctx, const struct asy_cel_node *node)
{
    struct reads *reads = ctx;
    struct asy_str name = {NULL, 0};
    const char *before = "";
    if (node->op != ASY_CEL_INPUT) return;
    if (node->input.kind == ASY_IN_FIELD) name = reads->rules->schema.fields[node->input.index].name;
    if (node->input.kind == ASY_IN_EVENT_LAST || node->input.kind == ASY_IN_EVENT_FIRST) {
        before = "events.";
        name = node->input.index == ASY_ANY_EVENT ? ASY_STR("any") : reads->rules->schema.events[node->input.index].name;
    }
    if (name.p == NULL) return;
    char one[120];
    const int len = snprintf(one, sizeof(one), "%s%.*s", before, ASY_ARG(name));
    if (len <= 0 || (size_t)len >= sizeof(one) || reads->n + (size_t)len + 3 > sizeof(reads->text)) return;
    if (strstr(reads->text, one) != NULL) return;
    reads->n += (size_t)snprintf(reads->text + reads->n, sizeof(reads->text) - reads->n, "%s%s", reads->n > 0 ? ", " : "", one);
}
static void list_reads(const struct asy_rules *rules, const struct asy_cel_node *when, struct reads *reads)
{
    *reads = (struct reads){.rules = rules};
    if (when != NULL) asy_cel_walk(when, add_read, reads);
}

/* -- for people ------------------------------------------------------------------------------------------------------ */

static void print_section(FILE *err, const struct section *section, uint64_t n_leads)
{
    static const char bar[] = "########################################";
    char count[32];
    uint64_t all = 0;
    for (uint32_t i = 0; i < section->n; i++) all += section->items[i].n;
    if (all == 0 || (section->n > 0 && section->items[0].is_special && section->items[section->n - 1].n == all)) return;
    fprintf(err, "\n%s\n", section->title);
    for (uint32_t i = 0; i < section->n; i++) {
        const struct tally *item = &section->items[i];
        if (item->n == 0 && item->is_special) continue;
        const double share = n_leads == 0 ? 0 : (double)item->n / (double)n_leads;
        fprintf(err, "  %-36.*s %12s %6.1f%%  %.*s\n", ASY_ARG(item->name), asy_term_count(item->n, count), share * 100,
                (int)(share * 40 + (item->n > 0 ? 1 : 0)), bar);
    }
}

static void print_undecided(FILE *err, const struct assay *session, struct asy_pool *pool)
{
    struct undecided *all = asy_pool_alloc_n(pool, n_undecided_at_most(session), sizeof(*all));
    if (all == NULL) return;
    const uint32_t n = list_undecided(session, all);
    if (n > 0) fputs("\nCould not decide: a field is empty, or there is no such event (counts as no match)\n", err);
    for (uint32_t i = 0; i < n; i++) {
        char count[32];
        struct reads reads;
        list_reads(&session->rules, all[i].when, &reads);
        fprintf(err, "  %-36.*s %12s lead%s   reads %s\n", ASY_ARG(all[i].name), asy_term_count(all[i].n, count),
                all[i].n == 1 ? " " : "s", reads.text);
    }
}

static void print_bad_values(FILE *err, const struct assay *session, const struct asy_ingest_report *report, struct asy_pool *pool)
{
    char count[32];
    for (uint32_t f = 0; f < session->rules.schema.n_fields; f++) {
        const struct asy_field *field = &session->rules.schema.fields[f];
        const struct asy_bad_values *bad = &report->bad_values[f];
        if (bad->n > 0) {
            fprintf(err, "  %.*s: %s value(s) cannot be read and count as empty:", ASY_ARG(field->name), asy_term_count(bad->n, count));
            for (uint32_t e = 0; e < 3 && bad->examples[e].n > 0; e++) {
                const struct asy_str example = asy_term_clean(pool, bad->examples[e].text);
                fprintf(err, "%s \"%.*s\" (%s)", e > 0 ? "," : "", ASY_ARG(example), asy_term_count(bad->examples[e].n, count));
            }
            fputc('\n', err);
        }
        if (report->n_required_empty[f] > 0)
            fprintf(err, "  %.*s is required and empty for %s lead(s)\n", ASY_ARG(field->name),
                    asy_term_count(report->n_required_empty[f], count));
    }
}

/* "12,345 events left out: why", only where there are some. */
static void print_left_out(FILE *err, uint64_t n, const char *why)
{
    char count[32];
    if (n > 0) fprintf(err, "  %s event%s left out: %s\n", asy_term_count(n, count), n == 1 ? "" : "s", why);
}
static void print_no_owner(FILE *err, uint64_t n, const char *why)
{
    char count[32];
    if (n > 0) fprintf(err, "  %s lead%s without owner: %s\n", asy_term_count(n, count), n == 1 ? "" : "s", why);
}
/* Names in lines of at most some 110 characters. */
static void print_names(FILE *err, const char *title, const struct asy_str *names, uint32_t n)
{
    uint32_t column = (uint32_t)fprintf(err, "  %s:", title);
    for (uint32_t i = 0; i < n; i++) {
        if (column + names[i].len > 110) {
            fputs("\n     ", err);
            column = 5;
        }
        column += (uint32_t)fprintf(err, " %.*s%s", ASY_ARG(names[i]), i + 1 < n ? "," : "");
    }
    fputc('\n', err);
}

static void print_input(FILE *err, const struct assay *session, struct asy_pool *pool)
{
    const struct asy_ingest_report *report = asy_ingest_report(session->ingest);
    char rows[32], kept[32], rejected[32];
    fputs("\nInput\n", err);
    for (uint32_t i = 0; i < report->n_files; i++) {
        const struct asy_file_counts *file = &report->files[i];
        if (i == 5 && report->n_files > 8) {
            uint64_t n_rows = 0, n_kept = 0, n_rejected = 0;
            for (; i < report->n_files; i++) {
                n_rows += report->files[i].n_rows;
                n_kept += report->files[i].n_kept;
                n_rejected += report->files[i].n_rejected;
            }
            fprintf(err, "  and %u more files: %s rows, %s kept, %s rejected\n", report->n_files - 5, asy_term_count(n_rows, rows),
                    asy_term_count(n_kept, kept), asy_term_count(n_rejected, rejected));
            break;
        }
        fprintf(err, "  %.*s: %s rows, %s kept, %s rejected\n", ASY_ARG(file->path), asy_term_count(file->n_rows, rows),
                asy_term_count(file->n_kept, kept), asy_term_count(file->n_rejected, rejected));
    }
    print_left_out(err, report->n_unknown_lead, "their lead is not in the leads file");
    print_left_out(err, report->n_future, "later than as-of");
    print_left_out(err, report->n_unknown_event, "the rules do not name them");
    for (uint32_t i = 0; i < report->n_unknown_names && i < 5; i++) {
        const struct asy_str name = asy_term_clean(pool, report->unknown_names[i].name);
        fprintf(err, "    \"%.*s\": %s\n", ASY_ARG(name), asy_term_count(report->unknown_names[i].n, rows));
    }
    print_left_out(err, report->n_key_empty, "no lead is named (skip_when_key_empty)");
    print_left_out(err, report->n_not_distinct, "repeated (distinct)");
    print_bad_values(err, session, report, pool);
    const uint32_t n_without = report->n_unmatched_fields;
    struct asy_str *without = asy_pool_alloc_n(pool, (size_t)n_without + 1, sizeof(*without));
    for (uint32_t i = 0; without != NULL && i < n_without; i++)
        without[i] = session->rules.schema.fields[report->unmatched_fields[i]].name;
    if (without != NULL && n_without > 0)
        print_names(err, "rules read these fields, and no column gives them (they count as empty)", without, n_without);
    const uint32_t n_unused = report->n_unused_columns;
    struct asy_str *unused = asy_pool_alloc_n(pool, (size_t)n_unused + 1, sizeof(*unused));
    for (uint32_t i = 0; unused != NULL && i < n_unused; i++) unused[i] = asy_term_clean(pool, report->unused_columns[i]);
    if (unused != NULL && n_unused > 0) print_names(err, "columns that are not used", unused, n_unused);
}

void asy_summary_print(struct asy_cli *cli, const struct asy_summary *summary)
{
    const struct assay *session = summary->session;
    const struct asy_results *results = &session->results;
    FILE *err = cli->io.err;
    char count[32], when[32], a[32], b[32], c[32], rate[32];
    struct section sections[N_SECTIONS];
    const uint64_t n_leads = results->n_leads;
    const uint32_t when_len = asy_time_format_s(session->as_of_s, when);
    fprintf(err, "%s lead%s scored by %.*s, as of %.*s\n", asy_term_count(n_leads, count), n_leads == 1 ? "" : "s", ASY_ARG(session->rules.name),
            (int)when_len, when);
    if (session->rules.not_evaluated.len > 0)
        fprintf(err, "checked but not evaluated yet: %.*s\n", ASY_ARG(session->rules.not_evaluated));
    if (!count_leads(session, cli->pool, sections)) return;
    for (uint32_t s = 0; s < N_SECTIONS; s++) print_section(err, &sections[s], n_leads);
    print_undecided(err, session, cli->pool);
    print_input(err, session, cli->pool);
    print_no_owner(err, results->n_no_member, "their team has no member for their territory and nobody `anywhere`");
    print_no_owner(err, results->n_no_owner, "the list or record that names the owner is empty");
    fprintf(err, "\nread %s, scored %s (%s leads/s, %u thread%s, %s), wrote %s\n", asy_term_duration(summary->times.read_ns, a),
            asy_term_duration(summary->times.score_ns, b), asy_term_rate(n_leads, summary->times.score_ns, rate),
            summary->n_threads, summary->n_threads == 1 ? "" : "s", session->kern->isa,
            asy_term_duration(summary->times.write_ns, c));
    fprintf(err, "%s: %s %slead%s\n", strcmp(summary->out_path, "-") == 0 ? "standard output" : summary->out_path,
            asy_term_count(summary->n_written, count), summary->is_changed_only ? "changed " : "", summary->n_written == 1 ? "" : "s");
}

/* -- for machines ---------------------------------------------------------------------------------------------------- */

static void json_input(struct asy_json *json, const struct assay *session)
{
    const struct asy_ingest_report *report = asy_ingest_report(session->ingest);
    asy_json_open(json, "input", '{');
    asy_json_open(json, "files", '[');
    for (uint32_t i = 0; i < report->n_files; i++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "path", report->files[i].path);
        asy_json_int(json, "rows", (int64_t)report->files[i].n_rows);
        asy_json_int(json, "kept", (int64_t)report->files[i].n_kept);
        asy_json_int(json, "rejected", (int64_t)report->files[i].n_rejected);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
    asy_json_int(json, "events_kept", (int64_t)report->n_events_kept);
    asy_json_int(json, "events_of_unknown_leads", (int64_t)report->n_unknown_lead);
    asy_json_int(json, "events_after_as_of", (int64_t)report->n_future);
    asy_json_int(json, "events_of_unknown_name", (int64_t)report->n_unknown_event);
    asy_json_int(json, "events_without_key", (int64_t)report->n_key_empty);
    asy_json_int(json, "events_not_distinct", (int64_t)report->n_not_distinct);
    asy_json_open(json, "unreadable_values", '{');
    for (uint32_t f = 0; f < session->rules.schema.n_fields; f++)
        if (report->bad_values[f].n > 0) asy_json_int(json, session->rules.schema.fields[f].name.p, (int64_t)report->bad_values[f].n);
    asy_json_close(json, '}');
    asy_json_open(json, "fields_without_column", '[');
    for (uint32_t i = 0; i < report->n_unmatched_fields; i++)
        asy_json_text(json, NULL, session->rules.schema.fields[report->unmatched_fields[i]].name);
    asy_json_close(json, ']');
    asy_json_close(json, '}');
}

static void json_undecided(struct asy_json *json, const struct assay *session, struct asy_pool *pool)
{
    struct undecided *all = asy_pool_alloc_n(pool, n_undecided_at_most(session), sizeof(*all));
    const uint32_t n = all == NULL ? 0 : list_undecided(session, all);
    asy_json_open(json, "unknown", '[');
    for (uint32_t i = 0; i < n; i++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "rule", all[i].name);
        asy_json_int(json, "leads", (int64_t)all[i].n);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
}

assay_status asy_summary_write_json(struct asy_cli *cli, const struct asy_summary *summary, const char *path,
                                    struct assay_error *error)
{
    const struct assay *session = summary->session;
    struct section sections[N_SECTIONS];
    struct asy_json json;
    char when[32], checksum[20];
    if (!count_leads(session, cli->pool, sections)) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    asy_json_init(&json, cli->mem);
    asy_json_open(&json, NULL, '{');
    asy_json_int(&json, "schema_version", 1);
    asy_json_text(&json, "ruleset", session->rules.name);
    snprintf(checksum, sizeof(checksum), "%016llx", (unsigned long long)session->rules.checksum);
    asy_json_text(&json, "rules_checksum", asy_str_of(checksum));
    asy_json_text(&json, "as_of", (struct asy_str){when, asy_time_format_s(session->as_of_s, when)});
    asy_json_int(&json, "leads", session->results.n_leads);
    asy_json_int(&json, "written", (int64_t)summary->n_written);
    asy_json_text(&json, "not_evaluated", session->rules.not_evaluated);
    for (uint32_t s = 0; s < N_SECTIONS; s++) {
        asy_json_open(&json, sections[s].key, '[');
        for (uint32_t i = 0; i < sections[s].n; i++) {
            asy_json_open(&json, NULL, '{');
            asy_json_text(&json, "name", sections[s].items[i].name);
            asy_json_int(&json, "leads", (int64_t)sections[s].items[i].n);
            asy_json_close(&json, '}');
        }
        asy_json_close(&json, ']');
    }
    json_undecided(&json, session, cli->pool);
    asy_json_int(&json, "routed_without_member", (int64_t)session->results.n_no_member);
    asy_json_int(&json, "routed_without_owner", (int64_t)session->results.n_no_owner);
    json_input(&json, session);
    asy_json_close(&json, '}');
    const struct asy_str text = asy_json_finish(&json);
    const assay_status status = text.p == NULL ? asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path)
                                               : asy_write_file(cli->mem, path, text, error);
    asy_json_fini(&json);
    return status;
}
