/* What the engine offers to create(). Everything that registers is open during create() only. */
#include "plugin/clean.h"
#include "plugin/instance_internal.h"

static struct asy_instance *instance_of(const struct assay_host *host)
{
    return host->ctx;
}

/* -- dictionary --------------------------------------------------------------------------------------------------- */

static struct asy_str code_text(const void *ctx, uint32_t code)
{
    const struct asy_dictionary *dictionary = ctx;
    const struct assay_text text = asy_facts_text(dictionary->facts, dictionary->column, code);
    return (struct asy_str){text.p, (uint32_t)text.n_bytes};
}

static uint32_t n_codes(const struct assay_host *host, uint32_t column)
{
    return asy_facts_n_codes(instance_of(host)->facts, column);
}
static struct assay_text text(const struct assay_host *host, uint32_t column, uint32_t code)
{
    return asy_facts_text(instance_of(host)->facts, column, code);
}

static bool make_dictionary(struct asy_dictionary *dictionary, uint32_t n)
{
    if (!asy_lookup_reserve(&dictionary->lookup, n)) return false;
    for (uint32_t code = 1; code < n; code++) asy_lookup_add(&dictionary->lookup, code);
    dictionary->is_made = true;
    return true;
}
/* Without memory for a table the answer is the same, only later. */
static uint32_t search(const struct asy_dictionary *dictionary, uint32_t n, struct asy_str wanted)
{
    for (uint32_t code = 1; code < n; code++)
        if (asy_str_eq(code_text(dictionary, code), wanted)) return code;
    return 0;
}
bool asy_instance_host_settle(struct asy_instance *instance)
{
    for (uint32_t c = 0; c < instance->decl->n_wants; c++) {
        struct asy_dictionary *dictionary = &instance->dictionaries[c];
        const uint32_t n = asy_facts_n_codes(instance->facts, c);
        if (n > 1 && !dictionary->is_made && !make_dictionary(dictionary, n)) return false;
    }
    return true;
}
static uint32_t find(const struct assay_host *host, uint32_t column, const char *p, uint64_t n_bytes)
{
    struct asy_instance *instance = instance_of(host);
    const uint32_t n = asy_facts_n_codes(instance->facts, column);
    if (n <= 1 || p == NULL || n_bytes == 0 || n_bytes > UINT32_MAX) return 0;
    const struct asy_str wanted = {p, (uint32_t)n_bytes};
    struct asy_dictionary *dictionary = &instance->dictionaries[column];
    if (!dictionary->is_made && !make_dictionary(dictionary, n)) return search(dictionary, n, wanted);
    const uint32_t code = asy_lookup_find(&dictionary->lookup, wanted);
    return code == ASY_LOOKUP_NONE ? 0 : code;
}

/* -- names -------------------------------------------------------------------------------------------------------- */

/* One more text in an array of the pool. */
static bool append(struct asy_instance *instance, struct asy_str **items, uint32_t *cap, uint32_t *n, struct asy_str item)
{
    void *array = *items;
    const struct asy_str copy = asy_pool_copy(&instance->pool, item);
    if (copy.p == NULL || !asy_pool_grow(&instance->pool, &array, cap, *n, sizeof(item))) return false;
    *items = array;
    (*items)[(*n)++] = copy;
    return true;
}

static int32_t add_counter(const struct assay_host *host, const char *name)
{
    struct asy_instance *instance = instance_of(host);
    struct asy_plugin_names *names = &instance->names;
    char line[ASY_NAME_BYTES_MAX + 1];
    const struct asy_str clean = {line, asy_clean_line(line, sizeof(line), name, ASY_NAME_BYTES_MAX)};
    if (!instance->is_creating || clean.len == 0) return -1;
    for (uint32_t i = 0; i < names->n_counters; i++)
        if (asy_str_eq(names->counters[i], clean)) return (int32_t)i;
    if (names->n_counters == ASSAY_COUNTERS_MAX) return -1;
    if (!append(instance, &names->counters, &instance->cap_counters, &names->n_counters, clean)) return -1;
    return (int32_t)names->n_counters - 1;
}

static struct asy_str target_text(const void *ctx, uint32_t number)
{
    const struct asy_instance *instance = ctx;
    return instance->names.targets[number];
}
/* Names of owners are compared with others: one that would have to be changed to be shown is none. */
static int32_t add_target(const struct assay_host *host, const char *name, uint64_t n_bytes)
{
    struct asy_instance *instance = instance_of(host);
    struct asy_plugin_names *names = &instance->names;
    if (!instance->is_creating || name == NULL || n_bytes == 0 || n_bytes > ASY_NAME_BYTES_MAX) return -1;
    const struct asy_str wanted = {name, (uint32_t)n_bytes};
    if (!asy_text_is_clean(wanted)) return -1;
    const uint32_t known = asy_lookup_find(&instance->target_numbers, wanted);
    if (known != ASY_LOOKUP_NONE) return (int32_t)known;
    if (names->n_targets == ASSAY_TARGETS_MAX || !asy_lookup_reserve(&instance->target_numbers, names->n_targets + 1)) return -1;
    if (!append(instance, &names->targets, &instance->cap_targets, &names->n_targets, wanted)) return -1;
    asy_lookup_add(&instance->target_numbers, names->n_targets - 1);
    return (int32_t)names->n_targets - 1;
}

static void add_line(const struct assay_host *host, const char *line)
{
    struct asy_instance *instance = instance_of(host);
    struct asy_plugin_names *names = &instance->names;
    char clean[ASY_LOG_LINE_BYTES + 1];
    if (!instance->is_creating || names->n_lines == ASY_LOG_LINES_MAX) return;
    const uint32_t len = asy_clean_line(clean, sizeof(clean), line, ASY_LOG_LINE_BYTES);
    append(instance, &names->lines, &instance->cap_lines, &names->n_lines, (struct asy_str){clean, len});
}

/* -- scratch ------------------------------------------------------------------------------------------------------ */

/* The largest of several wishes is granted. */
static int32_t reserve(const struct assay_host *host, uint64_t n_bytes)
{
    struct asy_instance *instance = instance_of(host);
    if (!instance->is_creating || n_bytes > ASY_SCRATCH_BYTES_MAX) return -1;
    if (n_bytes <= instance->scratch_bytes) return 0;
    struct asy_guarded larger;
    if (!asy_guarded_init(&larger, n_bytes)) {
        asy_guarded_fini(&larger);
        return -1;
    }
    asy_guarded_fini(&instance->scratch);
    instance->scratch = larger;
    instance->scratch_bytes = n_bytes;
    instance->scratch_p = asy_guarded_lay(&instance->scratch, (n_bytes + 63) & ~63ull);
    return 0;
}

/* -- by name ------------------------------------------------------------------------------------------------------ */

static const struct assay_dictionary dictionary_service = {sizeof(struct assay_dictionary), 0, n_codes, text, find};
static const struct assay_counters counters_service = {sizeof(struct assay_counters), 0, add_counter};
static const struct assay_targets targets_service = {sizeof(struct assay_targets), 0, add_target};
static const struct assay_scratch scratch_service = {sizeof(struct assay_scratch), 0, reserve};
static const struct assay_log log_service = {sizeof(struct assay_log), 0, add_line};

static const void *service(const struct assay_host *host, const char *name)
{
    const struct {
        const char *name;
        const void *table;
    } services[] = {
        {"assay.dictionary/1", &dictionary_service},
        {"assay.counters/1", &counters_service},
        {"assay.targets/1", instance_of(host)->decl->kind == ASSAY_ROUTE ? &targets_service : NULL},
        {"assay.scratch/1", &scratch_service},
        {"assay.log/1", &log_service},
    };
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]) && name != NULL; i++)
        if (strcmp(services[i].name, name) == 0) return services[i].table;
    return NULL;
}

void asy_instance_host_init(struct asy_instance *instance)
{
    instance->host = (struct assay_host){.struct_size = sizeof(instance->host), .abi_major = ASSAY_ABI_MAJOR, .abi_minor = ASSAY_ABI_MINOR,
                                         .ctx = instance, .service = service};
    asy_lookup_init(&instance->target_numbers, instance->mem, target_text, instance);
    for (uint32_t c = 0; c < instance->decl->n_wants; c++) {
        struct asy_dictionary *dictionary = &instance->dictionaries[c];
        dictionary->facts = instance->facts;
        dictionary->column = c;
        asy_lookup_init(&dictionary->lookup, instance->mem, code_text, dictionary);
    }
}
void asy_instance_host_fini(struct asy_instance *instance)
{
    for (uint32_t c = 0; c < instance->decl->n_wants; c++) asy_lookup_fini(&instance->dictionaries[c].lookup);
    asy_lookup_fini(&instance->target_numbers);
    asy_guarded_fini(&instance->scratch);
}
