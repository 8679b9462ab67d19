/* The summary for people. */
#include "cli/summary.h"

#include "base/time.h"
#include "cli/tally.h"
#include "cli/term.h"

/* Of the column of names: wide enough for the longest, within reason. */
static int name_width(const struct asy_tally_section *section)
{
    uint32_t width = 36;
    for (uint32_t i = 0; i < section->n; i++)
        if (section->items[i].name.len > width) width = section->items[i].name.len;
    return width > 48 ? 48 : (int)width;
}

static void print_section(FILE *err, const struct asy_tally_section *section, uint64_t n_leads)
{
    static const char bar[] = "########################################";
    char count[32];
    uint64_t all = 0;
    for (uint32_t i = 0; i < section->n; i++) all += section->items[i].n;
    if (all == 0 || (section->n > 0 && section->items[0].is_special && section->items[section->n - 1].n == all)) return;
    fprintf(err, "\n%s\n", section->title);
    const int width = name_width(section);
    for (uint32_t i = 0; i < section->n; i++) {
        const struct asy_tally *item = &section->items[i];
        if (item->n == 0 && item->is_special) continue;
        const double share = n_leads == 0 ? 0 : (double)item->n / (double)n_leads;
        fprintf(err, "  %-*.*s %12s %6.1f%%  %.*s\n", width, ASY_ARG(item->name), asy_term_count(item->n, count), share * 100,
                (int)(share * 40 + (item->n > 0 ? 1 : 0)), bar);
    }
}

static void print_undecided(FILE *err, const struct assay *session, struct asy_pool *pool)
{
    uint32_t n;
    const struct asy_undecided *all = asy_tally_undecided(session, pool, &n);
    if (n > 0) fputs("\nCould not decide: a field is empty, or there is no such event (counts as no match)\n", err);
    for (uint32_t i = 0; i < n; i++) {
        char count[32];
        const struct asy_str reads = asy_tally_reads(&session->rules, all[i].when, pool);
        fprintf(err, "  %-36.*s %12s lead%s   in %.*s, %s%.*s\n", ASY_ARG(all[i].name), asy_term_count(all[i].n, count),
                all[i].n == 1 ? " " : "s", ASY_ARG(all[i].place), all[i].when == NULL ? "no verdict from its plugin" : "reads ", ASY_ARG(reads));
    }
}

static void print_lacking(FILE *err, const struct assay *session, struct asy_pool *pool)
{
    uint32_t n;
    const struct asy_lacking *all = asy_tally_lacking(session, pool, &n);
    if (n > 0) fputs("\nRequired in their stage, and empty\n", err);
    for (uint32_t i = 0; i < n; i++) {
        char count[32];
        fprintf(err, "  %.*s: %s lead%s %.*s\n", ASY_ARG(session->rules.stages[all[i].stage].name), asy_term_count(all[i].n, count),
                all[i].n == 1 ? " lacks" : "s lack", ASY_ARG(session->rules.schema.fields[all[i].field].name));
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
/* Names in lines of at most some 110 characters; the first ones of many. */
static void print_names(FILE *err, const char *title, const struct asy_str *names, uint32_t n)
{
    enum { SHOWN_MAX = 40 };
    uint32_t column = (uint32_t)fprintf(err, "  %s:", title);
    for (uint32_t i = 0; i < n && i < SHOWN_MAX; i++) {
        if (column + names[i].len > 110) {
            fputs("\n     ", err);
            column = 5;
        }
        column += (uint32_t)fprintf(err, " %.*s%s", ASY_ARG(names[i]), i + 1 < n ? "," : "");
    }
    if (n > SHOWN_MAX) fprintf(err, " and %u more", n - SHOWN_MAX);
    fputc('\n', err);
}

/* "leads.csv: Lead Quality"; the file is named where it changes. */
static struct asy_str unused_column(const struct asy_ingest_report *report, uint32_t i)
{
    const struct asy_str name = report->unused_columns[i];
    for (uint32_t f = 0; f < report->n_files && i > 0; f++) {
        const struct asy_str path = report->files[f].path, start = {name.p, path.len + 2};
        if (name.len > start.len && asy_str_starts(name, path) && name.p[path.len] == ':' && asy_str_starts(report->unused_columns[i - 1], start))
            return (struct asy_str){name.p + start.len, name.len - start.len};
    }
    return name;
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
    for (uint32_t i = 0; i < report->n_unknown_names && i < 10; i++) {
        const struct asy_str name = asy_term_clean(pool, report->unknown_names[i].name);
        fprintf(err, "    \"%.*s\": %s\n", ASY_ARG(name), asy_term_count(report->unknown_names[i].n, rows));
    }
    if (report->n_unknown_names > 10)
        fprintf(err, "    and %u more names; --summary-json lists them\n", report->n_unknown_names - 10);
    print_left_out(err, report->n_key_empty, "no lead is named (skip_when_key_empty)");
    print_left_out(err, report->n_not_distinct, "repeated (distinct)");
    print_bad_values(err, session, report, pool);
    const uint32_t n_without = report->n_unmatched_fields;
    struct asy_str *without = asy_pool_alloc_n(pool, (size_t)n_without + 1, sizeof(*without));
    for (uint32_t i = 0; without != NULL && i < n_without; i++)
        without[i] = session->rules.schema.fields[report->unmatched_fields[i]].name;
    if (without != NULL && n_without > 0)
        print_names(err, "rules read these fields, and no column gives them (they count as empty)", without, n_without);
    if (report->n_unmatched_properties > 0)
        print_names(err, "`where:` reads these event properties, and no column gives them", report->unmatched_properties,
                    report->n_unmatched_properties);
    if (report->n_key_field_repeated > 0)
        fprintf(err, "  %s lead%s repeat another lead's value of the field that events are joined by; the first one gets them\n",
                asy_term_count(report->n_key_field_repeated, rows), report->n_key_field_repeated == 1 ? "" : "s");
    const uint32_t n_unused = report->n_unused_columns;
    struct asy_str *unused = asy_pool_alloc_n(pool, (size_t)n_unused + 1, sizeof(*unused));
    for (uint32_t i = 0; unused != NULL && i < n_unused; i++) unused[i] = asy_term_clean(pool, unused_column(report, i));
    if (unused != NULL && n_unused > 0) print_names(err, "columns that are not used", unused, n_unused);
}

void asy_summary_print(struct asy_cli *cli, const struct asy_summary *summary)
{
    const struct assay *session = summary->session;
    const struct asy_results *results = &session->results;
    FILE *err = cli->io.err;
    char count[32], when[32], a[32], b[32], c[32], rate[32];
    struct asy_tally_section sections[ASY_TALLY_SECTIONS];
    const uint64_t n_leads = results->n_leads;
    const uint32_t when_len = asy_time_format_s(session->as_of_s, when);
    fprintf(err, "%s lead%s scored by %.*s, as of %.*s\n", asy_term_count(n_leads, count), n_leads == 1 ? "" : "s", ASY_ARG(session->rules.name),
            (int)when_len, when);
    if (session->rules.not_evaluated.len > 0)
        fprintf(err, "checked but not evaluated yet: %.*s\n", ASY_ARG(session->rules.not_evaluated));
    if (!asy_tally_leads(session, cli->pool, sections)) return;
    for (uint32_t s = 0; s < ASY_TALLY_SECTIONS; s++) print_section(err, &sections[s], n_leads);
    asy_plugins_print(err, session);
    print_undecided(err, session, cli->pool);
    print_lacking(err, session, cli->pool);
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
