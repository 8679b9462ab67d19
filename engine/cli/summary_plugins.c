/* What plugins did in a run: for people, for machines, and what has to be said even to those who want to hear nothing. */
#include "cli/json.h"
#include "cli/summary.h"
#include "cli/term.h"
#include "exec/plugins_bind.h"

static struct asy_str plugin_of(const struct asy_rules *rules, uint32_t call)
{
    return rules->plugins[rules->calls[call].plugin].name;
}

/* -- after the run ------------------------------------------------------------------------------------------------------ */

static void tell_log(FILE *err, const struct assay *session, uint32_t call, struct asy_pool *pool)
{
    const struct asy_plugin_names *names = asy_call_names(&session->program, call);
    for (uint32_t i = 0; names != NULL && i < names->n_lines; i++)
        fprintf(err, "plugin %.*s (rule \"%.*s\"): %.*s\n", ASY_ARG(plugin_of(&session->rules, call)), ASY_ARG(session->rules.calls[call].rule),
                ASY_ARG(asy_term_clean(pool, names->lines[i])));
}

/* Once, however many plugins there are: it is the kernel that lacks it. */
static void tell_missing(FILE *err, const struct assay *session)
{
    for (uint32_t p = 0; p < session->rules.n_plugins; p++) {
        const struct asy_plugin *plugin = session->plugins.opened[p];
        const char *missing = plugin != NULL ? asy_plugin_missing(plugin) : "";
        if (missing[0] == '\0') continue;
        fprintf(err, "plugins: isolation: this kernel has no %s; what it would add is left out\n", missing);
        return;
    }
}

void asy_plugins_tell(struct asy_cli *cli, struct assay *session, bool is_quiet)
{
    for (uint32_t c = 0; c < session->program.n_calls && !is_quiet; c++) tell_log(cli->io.err, session, c, cli->pool);
    if (session->program.n_calls > 0 && !is_quiet) tell_missing(cli->io.err, session);
    fputs(assay_plugin_notes(session), cli->io.err);
}

/* -- the summary for people --------------------------------------------------------------------------------------------- */

static void print_call(FILE *err, const struct assay *session, uint32_t call)
{
    const struct asy_call_tally *tally = &session->results.calls[call];
    const struct asy_plugin_decl *decl = session->program.calls[call].decl;
    const struct asy_plugin_names *names = asy_call_names(&session->program, call);
    char count[32], given[32];
    uint64_t n_given = 0;
    for (uint32_t r = 0; r < decl->n_reasons; r++) n_given += tally->by_reason[r];
    fprintf(err, "  %.*s (%.*s): asked about %s lead%s", ASY_ARG(session->rules.calls[call].rule), ASY_ARG(plugin_of(&session->rules, call)),
            asy_term_count(tally->n_asked, count), tally->n_asked == 1 ? "" : "s");
    if (tally->n_empty > 0) fprintf(err, ", no verdict about %s", asy_term_count(tally->n_empty, count));
    fprintf(err, ", %s got a reason\n", asy_term_count(n_given, given));
    for (uint32_t r = 0; r < decl->n_reasons; r++)
        if (tally->by_reason[r] > 0)
            fprintf(err, "    %-34.*s %12s   %.*s\n", ASY_ARG(decl->reasons[r].id), asy_term_count(tally->by_reason[r], count),
                    ASY_ARG(decl->reasons[r].text));
    for (uint32_t i = 0; names != NULL && i < names->n_counters; i++)
        fprintf(err, "    %-34.*s %12s   (its own count)\n", ASY_ARG(names->counters[i]), asy_term_count(tally->counters[i], count));
}

void asy_plugins_print(FILE *err, const struct assay *session)
{
    if (session->results.n_calls > 0) fputs("\nPlugins\n", err);
    for (uint32_t c = 0; c < session->results.n_calls; c++) print_call(err, session, c);
}

/* -- and for machines --------------------------------------------------------------------------------------------------- */

static void json_call(struct asy_json *json, const struct assay *session, uint32_t call)
{
    const struct asy_call_tally *tally = &session->results.calls[call];
    const struct asy_plugin_decl *decl = session->program.calls[call].decl;
    const struct asy_plugin_names *names = asy_call_names(&session->program, call);
    asy_json_open(json, NULL, '{');
    asy_json_text(json, "plugin", plugin_of(&session->rules, call));
    asy_json_text(json, "rule", session->rules.calls[call].rule);
    asy_json_text(json, "id", decl->id);
    asy_json_text(json, "version", decl->version);
    asy_json_int(json, "asked", (int64_t)tally->n_asked);
    asy_json_int(json, "without_verdict", (int64_t)tally->n_empty);
    asy_json_open(json, "reasons", '[');
    for (uint32_t r = 0; r < decl->n_reasons; r++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "id", decl->reasons[r].id);
        asy_json_int(json, "leads", (int64_t)tally->by_reason[r]);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
    asy_json_open(json, "counters", '[');
    for (uint32_t i = 0; names != NULL && i < names->n_counters; i++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "name", names->counters[i]);
        asy_json_int(json, "count", (int64_t)tally->counters[i]);
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
    asy_json_close(json, '}');
}

static void json_note(struct asy_json *json, const struct assay *session, const struct asy_plugin_note *note)
{
    char why[400];
    asy_fault_text(&note->fault, why, sizeof(why));
    asy_json_open(json, NULL, '{');
    asy_json_text(json, "plugin", session->rules.plugins[note->plugin].name);
    if (note->call < session->rules.n_calls) asy_json_text(json, "rule", session->rules.calls[note->call].rule);
    asy_json_text(json, "kind", note->is_stop ? ASY_STR("stopped") : note->is_fluke ? ASY_STR("fluke") : ASY_STR("quarantined"));
    if (note->row != ASY_NONE) asy_json_text(json, "lead_id", asy_keys_text(&session->store.keys, note->row));
    asy_json_text(json, "why", asy_str_of(why));
    asy_json_close(json, '}');
}

void asy_plugins_json(struct asy_json *json, const struct assay *session)
{
    asy_json_open(json, "plugins", '[');
    for (uint32_t c = 0; c < session->results.n_calls; c++) json_call(json, session, c);
    asy_json_close(json, ']');
    asy_json_open(json, "plugin_notes", '[');
    for (uint32_t i = 0; i < session->results.n_notes; i++) json_note(json, session, &session->results.notes[i]);
    asy_json_close(json, ']');
}
