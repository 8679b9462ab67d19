/* The summary for machines. */
#include "base/time.h"
#include "cli/json.h"
#include "cli/summary.h"
#include "cli/tally.h"
#include "io/write.h"

static void json_names(struct asy_json *json, const char *key, const struct asy_str *names, uint32_t n)
{
    asy_json_open(json, key, '[');
    for (uint32_t i = 0; i < n; i++) asy_json_text(json, NULL, names[i]);
    asy_json_close(json, ']');
}

static void json_bad_values(struct asy_json *json, struct asy_str field, const struct asy_bad_values *bad)
{
    asy_json_open(json, NULL, '{');
    asy_json_text(json, "field", field);
    asy_json_int(json, "leads", (int64_t)bad->n);
    asy_json_open(json, "examples", '[');
    for (uint32_t e = 0; e < 3 && bad->examples[e].n > 0; e++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "value", bad->examples[e].text);
        asy_json_int(json, "leads", (int64_t)bad->examples[e].n);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
    asy_json_close(json, '}');
}

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
    asy_json_open(json, "unknown_event_names", '[');
    for (uint32_t i = 0; i < report->n_unknown_names; i++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "name", report->unknown_names[i].name);
        asy_json_int(json, "events", (int64_t)report->unknown_names[i].n);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
    asy_json_int(json, "leads_repeating_the_join_field", (int64_t)report->n_key_field_repeated);
    asy_json_open(json, "unreadable_values", '[');
    for (uint32_t f = 0; f < session->rules.schema.n_fields; f++)
        if (report->bad_values[f].n > 0) json_bad_values(json, session->rules.schema.fields[f].name, &report->bad_values[f]);
    asy_json_close(json, ']');
    asy_json_open(json, "required_and_empty", '{');
    for (uint32_t f = 0; f < session->rules.schema.n_fields; f++)
        if (report->n_required_empty[f] > 0)
            asy_json_int(json, session->rules.schema.fields[f].name.p, (int64_t)report->n_required_empty[f]);
    asy_json_close(json, '}');
    asy_json_open(json, "fields_without_column", '[');
    for (uint32_t i = 0; i < report->n_unmatched_fields; i++)
        asy_json_text(json, NULL, session->rules.schema.fields[report->unmatched_fields[i]].name);
    asy_json_close(json, ']');
    json_names(json, "properties_without_column", report->unmatched_properties, report->n_unmatched_properties);
    json_names(json, "unused_columns", report->unused_columns, report->n_unused_columns);
    asy_json_close(json, '}');
}

static void json_undecided(struct asy_json *json, const struct assay *session, struct asy_pool *pool)
{
    uint32_t n;
    const struct asy_undecided *all = asy_tally_undecided(session, pool, &n);
    asy_json_open(json, "unknown", '[');
    for (uint32_t i = 0; i < n; i++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "place", all[i].place);
        asy_json_text(json, "rule", all[i].name);
        asy_json_text(json, "reads", asy_tally_reads(&session->rules, all[i].when, pool));
        asy_json_int(json, "leads", (int64_t)all[i].n);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
}

static void json_lacking(struct asy_json *json, const struct assay *session, struct asy_pool *pool)
{
    uint32_t n;
    const struct asy_lacking *all = asy_tally_lacking(session, pool, &n);
    asy_json_open(json, "required_in_stage_and_empty", '[');
    for (uint32_t i = 0; i < n; i++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "stage", session->rules.stages[all[i].stage].name);
        asy_json_text(json, "field", session->rules.schema.fields[all[i].field].name);
        asy_json_int(json, "leads", (int64_t)all[i].n);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
}

assay_status asy_summary_write_json(struct asy_cli *cli, const struct asy_summary *summary, const char *path,
                                    struct assay_error *error)
{
    const struct assay *session = summary->session;
    struct asy_tally_section sections[ASY_TALLY_SECTIONS];
    struct asy_json json;
    char when[32], checksum[20];
    if (!asy_tally_leads(session, cli->pool, sections)) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
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
    for (uint32_t s = 0; s < ASY_TALLY_SECTIONS; s++) {
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
    json_lacking(&json, session, cli->pool);
    asy_plugins_json(&json, session);
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
