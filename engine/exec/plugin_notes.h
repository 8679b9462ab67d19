/* What went wrong with plugins in a pass, for people: which lead, and what the plugin did. Lead ids are given, nothing else of a lead. */
#ifndef ASY_PLUGIN_NOTES_H
#define ASY_PLUGIN_NOTES_H

#include "exec/results.h"

/* One note as one line without its end: `plugin competitors (rule "Works for a competitor"): lead 00Q1: the plugin was ended by SIGSEGV
 * (bad memory access); its verdict is empty`. In `pool`; {NULL, 0} without memory. */
struct asy_str asy_plugin_note_text(struct asy_pool *pool, const struct asy_program *program, const struct asy_plugin_note *note);
/* All notes, a line each; "" if there are none. */
struct asy_str asy_plugin_notes_text(struct asy_pool *pool, const struct asy_program *program, const struct asy_results *results);
/* ASSAY_E_PLUGIN: the first plugin that was stopped, why, and what can be done. */
assay_status asy_plugin_notes_fail(const struct asy_program *program, const struct asy_results *results, struct assay_error *error);

#endif
