#include "exec/plugin_notes.h"

#include <stdio.h>

enum { FAULT_BYTES = 400 };

static struct asy_str plugin_name(const struct asy_program *program, const struct asy_plugin_note *note)
{
    return program->rules->plugins[note->plugin].name;
}
static struct asy_str rule_name(const struct asy_program *program, const struct asy_plugin_note *note)
{
    return program->rules->calls[note->call].rule;
}

/* "00Q1, 00Q7 and 00Q9", of the bad leads of a plugin. */
static void list_leads(const struct asy_program *program, const struct asy_results *results, uint32_t plugin, char *out, size_t n_bytes)
{
    enum { ID_BYTES_MAX = 100 };
    uint32_t n = 0, n_told = 0;
    size_t at = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < results->n_notes; i++) n += results->notes[i].plugin == plugin && results->notes[i].row != ASY_NONE;
    for (uint32_t i = 0; i < results->n_notes && at < n_bytes; i++) {
        const struct asy_plugin_note *note = &results->notes[i];
        if (note->plugin != plugin || note->row == ASY_NONE) continue;
        struct asy_str id = asy_keys_text(&program->store->keys, note->row);
        if (id.len > ID_BYTES_MAX) id.len = ID_BYTES_MAX;
        const char *before = n_told == 0 ? "" : n_told + 1 == n ? " and " : ", ";
        at += (size_t)snprintf(out + at, n_bytes - at, "%s%.*s", before, ASY_ARG(id));
        n_told++;
    }
}

struct asy_str asy_plugin_note_text(struct asy_pool *pool, const struct asy_program *program, const struct asy_plugin_note *note)
{
    const struct asy_str plugin = plugin_name(program, note), rule = rule_name(program, note);
    char fault[FAULT_BYTES];
    asy_fault_text(&note->fault, fault, sizeof(fault));
    if (note->is_stop)
        return asy_pool_printf(pool, "plugin %.*s (rule \"%.*s\"): stopped, since it failed on too many leads (it %s); all its verdicts of this "
                               "run are empty", ASY_ARG(plugin), ASY_ARG(rule), fault);
    if (note->is_fluke)
        return asy_pool_printf(pool, "plugin %.*s (rule \"%.*s\"): it %s, and did not when it was asked again; no verdict is missing",
                               ASY_ARG(plugin), ASY_ARG(rule), fault);
    return asy_pool_printf(pool, "plugin %.*s (rule \"%.*s\"): lead %.*s: the plugin %s; its verdict is empty", ASY_ARG(plugin), ASY_ARG(rule),
                           ASY_ARG(asy_keys_text(&program->store->keys, note->row)), fault);
}

struct asy_str asy_plugin_notes_text(struct asy_pool *pool, const struct asy_program *program, const struct asy_results *results)
{
    struct asy_str *lines = asy_pool_alloc_n(pool, results->n_notes, sizeof(*lines));
    size_t n_bytes = 1;
    if (lines == NULL) return (struct asy_str){NULL, 0};
    for (uint32_t i = 0; i < results->n_notes; i++) {
        lines[i] = asy_plugin_note_text(pool, program, &results->notes[i]);
        if (lines[i].p == NULL) return (struct asy_str){NULL, 0};
        n_bytes += lines[i].len + 1;
    }
    char *text = asy_pool_alloc(pool, n_bytes), *at = text;
    if (text == NULL) return (struct asy_str){NULL, 0};
    for (uint32_t i = 0; i < results->n_notes; i++) {
        memcpy(at, lines[i].p, lines[i].len);
        at += lines[i].len;
        *at++ = '\n';
    }
    return (struct asy_str){text, (uint32_t)(at - text)};
}

assay_status asy_plugin_notes_fail(const struct asy_program *program, const struct asy_results *results, struct assay_error *error)
{
    for (uint32_t i = 0; i < results->n_notes; i++) {
        const struct asy_plugin_note *note = &results->notes[i];
        char fault[FAULT_BYTES], leads[FAULT_BYTES];
        if (!note->is_stop) continue;
        asy_fault_text(&note->fault, fault, sizeof(fault));
        list_leads(program, results, note->plugin, leads, sizeof(leads));
        return asy_fail(error, ASSAY_E_PLUGIN, "plugin %.*s (rule \"%.*s\"): stopped: it %s%s%s. Nothing is written; repair the plugin, or "
                        "let the run go on without its verdicts (--allow-plugin-failures)", ASY_ARG(plugin_name(program, note)),
                        ASY_ARG(rule_name(program, note)), fault, leads[0] == 0 ? " again and again" : "; bad leads: ", leads);
    }
    return ASSAY_OK;
}
