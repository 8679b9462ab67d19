/* What an instance is made of: instance.c runs it, instance_host.c serves it. */
#ifndef ASY_PLUGIN_INSTANCE_INTERNAL_H
#define ASY_PLUGIN_INSTANCE_INTERNAL_H

#include "plugin/instance.h"
#include "plugin/lookup.h"
#include "plugin/share.h"

/* Texts of a column by content, made when they are asked for the first time. */
struct asy_dictionary {
    const struct asy_facts *facts;
    uint32_t column;
    bool is_made;
    struct asy_lookup lookup;
};

struct asy_instance {
    struct asy_mem *mem;
    struct asy_pool pool;
    const struct assay_plugin *plugin;
    const struct asy_plugin_decl *decl;
    const struct asy_facts *facts;
    struct assay_host host;
    void *state;
    bool is_creating, is_created;
    struct asy_plugin_names names;
    uint32_t cap_counters, cap_targets, cap_lines;
    struct asy_lookup target_numbers;
    struct asy_dictionary *dictionaries; /* by column */
    struct asy_guarded scratch;
    void *scratch_p;                     /* NULL: none */
    uint64_t scratch_bytes;
    struct asy_guarded reason, points, target, due, counters;
    struct assay_column *columns, *copies; /* by column; copies: an ABI batch of our own, columns without const */
    uint8_t *copies_map;                   /* read-only while the plugin looks at it */
    uint64_t copies_bytes;
};

/* The services of assay/plugin.h, on an instance as `ctx`. */
void asy_instance_host_init(struct asy_instance *instance);
void asy_instance_host_fini(struct asy_instance *instance);
/* Make everything that services would make when they are first asked: from then on they only read. False: no memory. */
bool asy_instance_host_settle(struct asy_instance *instance);

#endif
