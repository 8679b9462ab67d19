/* Everything of assay/plugin.h that a compiled plugin relies on, reachable from exported symbols: what abidw writes down and abidiff
 * compares. With ABI_CHANGED a field has come between others, as a check that this is seen. */
#include <stddef.h>

#ifdef ABI_CHANGED
#define n_selected n_chosen, n_selected
#endif
#include "assay/plugin.h"

const struct assay_plugin assay_entry_v1 = {ASSAY_ABI_HEADER, .kind = ASSAY_DISQUALIFY};

/* What is reached by name only: services, the note, and the numbers. */
struct abi_by_name {
    const struct assay_dictionary *dictionary;
    const struct assay_counters *counters;
    const struct assay_targets *targets;
    const struct assay_scratch *scratch;
    const struct assay_log *log;
    const struct assay_note *note;
    enum assay_column_type column_type;
    enum assay_plugin_kind kind;
    enum assay_plugin_cap cap;
    enum assay_param_type param_type;
};
ASSAY_EXPORT extern const struct abi_by_name abi_by_name;
const struct abi_by_name abi_by_name = {.kind = ASSAY_DISQUALIFY, .column_type = ASSAY_BOOL_COLUMN, .param_type = ASSAY_TEXT_PARAM};
