/* libFuzzer body for what is read of a plugin before it is trusted: its ELF file, and the declaration that a plugin's process sends.
 * Never crashes, says the same twice, and every refusal has one clean line.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... tests/fuzz_plugin.c; an input is a library or a packed declaration. */
#include "plugin/decl.h"
#include "plugin/elf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_error(assay_status status, const struct assay_error *error)
{
    if (status == ASSAY_OK) return;
    if (status != ASSAY_E_DATA || error->code != status) abort();
    if (strncmp(error->text, "x.so: ", 6) != 0 || !asy_utf8_valid(asy_str_of(error->text))) abort();
    for (const char *p = error->text; *p; p++)
        if ((unsigned char)*p < ' ') abort();
}

static void vet(const uint8_t *data, size_t n)
{
    struct assay_error error = {0}, again = {0};
    const assay_status status = asy_elf_vet(data, n, "x.so", &error);
    check_error(status, &error);
    if (asy_elf_vet(data, n, "x.so", &again) != status || strcmp(error.text, again.text) != 0) abort();
}

/* What is accepted says the same when it is packed and unpacked again. */
static void unpack(const uint8_t *data, size_t n)
{
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_plugin_decl decl, again;
    struct asy_str bytes, more;
    struct assay_error error = {0};
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    const assay_status status = asy_decl_unpack(&decl, &pool, (struct asy_str){(const char *)data, (uint32_t)n}, "x.so", &error);
    check_error(status, &error);
    if (status == ASSAY_OK) {
        if (asy_decl_pack(&decl, &pool, &bytes, &error) != ASSAY_OK || asy_decl_unpack(&again, &pool, bytes, "x.so", &error) != ASSAY_OK ||
            asy_decl_pack(&again, &pool, &more, &error) != ASSAY_OK || !asy_str_eq(bytes, more))
            abort();
    }
    asy_pool_fini(&pool);
    if (mem.live_bytes != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n > 1 << 20) return 0;
    vet(data, n);
    unpack(data, n);
    return 0;
}
