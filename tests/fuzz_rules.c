/* Any bytes as a rule file: loaded or refused with findings, never a crash; what is accepted can be linted. */
#include <stdlib.h>

#include "rule/lint.h"
#include "rule/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct memory_file {
    const uint8_t *bytes;
    size_t n;
};

/* The rule file is the input; every list file it names has one row. */
static assay_status read_memory(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes,
                                struct asy_str *out, struct assay_error *error)
{
    (void)path;
    const struct memory_file *file = ctx;
    struct asy_str text = ASY_STR("domain,owner\nbigbank.example,nora\n");
    if (folder == NULL) text = (struct asy_str){(const char *)file->bytes, (uint32_t)file->n};
    if (text.len > max_bytes) return asy_fail(error, ASSAY_E_LIMIT, "fuzz: too long");
    *out = asy_pool_copy(pool, text);
    return out->p != NULL ? ASSAY_OK : ASSAY_E_NOMEM;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n > 1 << 16) return 0;
    struct memory_file file = {bytes, n};
    const struct asy_file_reader reader = {.ctx = &file, .read = read_memory};
    struct asy_mem mem;
    struct asy_diags diags;
    struct asy_rules rules;
    struct assay_error error = {0};
    asy_mem_init(&mem, NULL);
    asy_diags_init(&diags, &mem);
    const assay_status status = asy_rules_load(&rules, &mem, "fuzz.yaml", &reader, &diags, &error);
    if (status == ASSAY_OK) {
        if (diags.n_errors > 0) abort();
        asy_rules_lint(&rules, &diags, &error);
        asy_rules_fini(&rules);
    } else if (status == ASSAY_E_RULES && diags.n_errors == 0 && !diags.out_of_memory) {
        abort();
    }
    asy_diags_fini(&diags);
    if (mem.live_bytes != 0) abort();
    return 0;
}
