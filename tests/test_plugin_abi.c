/* The plugin ABI, byte by byte: sizes and offsets of everything in assay/plugin.h, the layout hash, and what the engine makes of plugins
 * built for a minor version before or after its own. A change here breaks every plugin that was ever built: it needs a new major. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "assay/plugin.h"
#include "plugin/find.h"
#include "plugin/library.h"

#define STRUCT(name, wanted) {#name, NULL, sizeof(struct name), wanted}
#define FIELD(name, field, wanted) {#name, #field, offsetof(struct name, field), wanted}

static const struct {
    const char *name, *field; /* NULL: its size */
    size_t found, wanted;
} pins[] = {
    STRUCT(assay_text, 16),
    FIELD(assay_text, p, 0),
    FIELD(assay_text, n_bytes, 8),
    STRUCT(assay_plugin_error, 256),
    FIELD(assay_plugin_error, struct_size, 0),
    FIELD(assay_plugin_error, reserved0, 4),
    FIELD(assay_plugin_error, text, 8),
    STRUCT(assay_want, 24),
    FIELD(assay_want, name, 0),
    FIELD(assay_want, type, 8),
    FIELD(assay_want, flags, 12),
    FIELD(assay_want, help, 16),
    STRUCT(assay_column, 16),
    FIELD(assay_column, data, 0),
    FIELD(assay_column, null, 8),
    STRUCT(assay_batch, 56),
    FIELD(assay_batch, struct_size, 0),
    FIELD(assay_batch, n_rows, 4),
    FIELD(assay_batch, n_columns, 8),
    FIELD(assay_batch, n_selected, 12),
    FIELD(assay_batch, selected, 16),
    FIELD(assay_batch, columns, 24),
    FIELD(assay_batch, lead_key, 32),
    FIELD(assay_batch, now_s, 40),
    FIELD(assay_batch, scratch, 48),
    STRUCT(assay_verdict, 48),
    FIELD(assay_verdict, struct_size, 0),
    FIELD(assay_verdict, reserved0, 4),
    FIELD(assay_verdict, reason, 8),
    FIELD(assay_verdict, points_milli, 16),
    FIELD(assay_verdict, target, 24),
    FIELD(assay_verdict, due_s, 32),
    FIELD(assay_verdict, counters, 40),
    STRUCT(assay_reason, 24),
    FIELD(assay_reason, code, 0),
    FIELD(assay_reason, reserved0, 4),
    FIELD(assay_reason, id, 8),
    FIELD(assay_reason, text, 16),
    STRUCT(assay_param, 48),
    FIELD(assay_param, name, 0),
    FIELD(assay_param, type, 8),
    FIELD(assay_param, flags, 12),
    FIELD(assay_param, fallback, 16),
    FIELD(assay_param, help, 24),
    FIELD(assay_param, lo, 32),
    FIELD(assay_param, hi, 40),
    STRUCT(assay_value, 48),
    FIELD(assay_value, type, 0),
    FIELD(assay_value, n_texts, 4),
    FIELD(assay_value, i, 8),
    FIELD(assay_value, d, 16),
    FIELD(assay_value, text, 24),
    FIELD(assay_value, texts, 40),
    STRUCT(assay_host, 24),
    FIELD(assay_host, struct_size, 0),
    FIELD(assay_host, abi_major, 4),
    FIELD(assay_host, abi_minor, 6),
    FIELD(assay_host, ctx, 8),
    FIELD(assay_host, service, 16),
    STRUCT(assay_dictionary, 32),
    FIELD(assay_dictionary, struct_size, 0),
    FIELD(assay_dictionary, reserved0, 4),
    FIELD(assay_dictionary, n_codes, 8),
    FIELD(assay_dictionary, text, 16),
    FIELD(assay_dictionary, find, 24),
    STRUCT(assay_counters, 16),
    FIELD(assay_counters, struct_size, 0),
    FIELD(assay_counters, reserved0, 4),
    FIELD(assay_counters, add, 8),
    STRUCT(assay_targets, 16),
    FIELD(assay_targets, struct_size, 0),
    FIELD(assay_targets, reserved0, 4),
    FIELD(assay_targets, add, 8),
    STRUCT(assay_scratch, 16),
    FIELD(assay_scratch, struct_size, 0),
    FIELD(assay_scratch, reserved0, 4),
    FIELD(assay_scratch, reserve, 8),
    STRUCT(assay_log, 16),
    FIELD(assay_log, struct_size, 0),
    FIELD(assay_log, reserved0, 4),
    FIELD(assay_log, line, 8),
    STRUCT(assay_plugin, 120),
    FIELD(assay_plugin, struct_size, 0),
    FIELD(assay_plugin, abi_major, 4),
    FIELD(assay_plugin, abi_minor, 6),
    FIELD(assay_plugin, kind, 8),
    FIELD(assay_plugin, caps, 12),
    FIELD(assay_plugin, id, 16),
    FIELD(assay_plugin, version, 24),
    FIELD(assay_plugin, help, 32),
    FIELD(assay_plugin, n_wants, 40),
    FIELD(assay_plugin, n_params, 44),
    FIELD(assay_plugin, n_reasons, 48),
    FIELD(assay_plugin, reserved0, 52),
    FIELD(assay_plugin, wants, 56),
    FIELD(assay_plugin, params, 64),
    FIELD(assay_plugin, reasons, 72),
    FIELD(assay_plugin, points_min_milli, 80),
    FIELD(assay_plugin, points_max_milli, 84),
    FIELD(assay_plugin, create, 88),
    FIELD(assay_plugin, run, 96),
    FIELD(assay_plugin, destroy, 104),
    FIELD(assay_plugin, get_extension, 112),
    STRUCT(assay_note, 36),
    FIELD(assay_note, n_name_bytes, 0),
    FIELD(assay_note, n_desc_bytes, 4),
    FIELD(assay_note, type, 8),
    FIELD(assay_note, name, 12),
    FIELD(assay_note, abi_major, 20),
    FIELD(assay_note, abi_minor, 24),
    FIELD(assay_note, layout_lo, 28),
    FIELD(assay_note, layout_hi, 32),
};

Test(plugin_abi, sizes_and_offsets)
{
    for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
        cr_expect_eq(pins[i].found, pins[i].wanted, "%s%s%s: expected %zu, found %zu", pins[i].name, pins[i].field ? "." : " size",
                     pins[i].field ? pins[i].field : "", pins[i].wanted, pins[i].found);
}

Test(plugin_abi, numbers)
{
    cr_expect_eq(ASSAY_ABI_MAJOR, 1);
    cr_expect_eq(ASSAY_ABI_MINOR, 0);
    cr_expect_eq(ASSAY_BATCH_ROWS, 2048);
    cr_expect_eq(ASSAY_BOOL_COLUMN, 1);
    cr_expect_eq(ASSAY_POINTS_COLUMN, 6);
    cr_expect_eq(ASSAY_DISQUALIFY, 1);
    cr_expect_eq(ASSAY_SCORE, 4);
    cr_expect_eq(ASSAY_CAP_SHARED_STATE, 4);
    cr_expect_eq(ASSAY_TEXT_PARAM, 1);
    cr_expect_eq(ASSAY_FILE_PARAM, 7);
}

/* -- the layout hash ---------------------------------------------------------------------------------------------------------- */

/* Copies with neighbours swapped, or packed. ASSAY_LAYOUT_HASH names structs: while a name stands for such a copy, it is the copy's. */
struct swapped_text { uint64_t n_bytes; const char *p; };
struct swapped_want { const char *name; uint32_t flags, type; const char *help; };
struct swapped_column { const uint8_t *null; const void *data; };
struct swapped_batch { uint32_t struct_size, n_rows, n_columns, n_selected; const struct assay_column *columns; const uint16_t *selected; const uint64_t *lead_key; int64_t now_s; void *scratch; };
struct swapped_verdict { uint32_t struct_size, reserved0; uint16_t *reason; int32_t *target, *points_milli; int64_t *due_s; uint64_t *counters; };
struct swapped_reason { const char *id; uint32_t code, reserved0; const char *text; };
struct swapped_param { const char *name; uint32_t flags, type; const char *fallback, *help; int64_t lo, hi; };
struct swapped_value { uint32_t type, n_texts; double d; int64_t i; struct assay_text text; const struct assay_text *texts; };
struct swapped_host { uint32_t struct_size; uint16_t abi_major, abi_minor; const void *(*service)(const struct assay_host *host, const char *name); void *ctx; };
struct packed_reason { const char *id, *text; uint32_t code; } __attribute__((packed));

#define assay_text swapped_text
static uint64_t hash_of_text(void) { return ASSAY_LAYOUT_HASH; }
#undef assay_text
#define assay_want swapped_want
static uint64_t hash_of_want(void) { return ASSAY_LAYOUT_HASH; }
#undef assay_want
#define assay_column swapped_column
static uint64_t hash_of_column(void) { return ASSAY_LAYOUT_HASH; }
#undef assay_column
#define assay_batch swapped_batch
static uint64_t hash_of_batch(void) { return ASSAY_LAYOUT_HASH; }
#undef assay_batch
#define assay_verdict swapped_verdict
static uint64_t hash_of_verdict(void) { return ASSAY_LAYOUT_HASH; }
#undef assay_verdict
#define assay_reason swapped_reason
static uint64_t hash_of_reason(void) { return ASSAY_LAYOUT_HASH; }
#undef assay_reason
#define assay_param swapped_param
static uint64_t hash_of_param(void) { return ASSAY_LAYOUT_HASH; }
#undef assay_param
#define assay_value swapped_value
static uint64_t hash_of_value(void) { return ASSAY_LAYOUT_HASH; }
#undef assay_value
#define assay_host swapped_host
static uint64_t hash_of_host(void) { return ASSAY_LAYOUT_HASH; }
#undef assay_host
#define assay_reason packed_reason
static uint64_t hash_of_packed(void) { return ASSAY_LAYOUT_HASH; }
#undef assay_reason

Test(plugin_abi, layout_hash)
{
    static const struct {
        const char *name;
        uint64_t (*hash)(void);
    } changed[] = {
        {"text", hash_of_text}, {"want", hash_of_want}, {"column", hash_of_column}, {"batch", hash_of_batch}, {"verdict", hash_of_verdict},
        {"reason", hash_of_reason}, {"param", hash_of_param}, {"value", hash_of_value}, {"host", hash_of_host}, {"packed reason", hash_of_packed},
    };
    const uint64_t hash = ASSAY_LAYOUT_HASH;
    cr_expect_eq(hash, UINT64_C(208456), "expected the layout hash 208456, found %llu", (unsigned long long)hash);
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++)
        cr_expect_neq(changed[i].hash(), hash, "%s: expected another hash than the header's", changed[i].name);
}

/* -- other minor versions ------------------------------------------------------------------------------------------------------ */

/* Loading cannot be undone: in a process of its own. What came of it as text: "ok", or the status and the message behind the path. */
static void open_library(const char *library, char out[1100])
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    fflush(NULL);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        const char *dirs[] = {ASSAY_TEST_PLUGINS "/good"};
        struct asy_mem mem;
        struct asy_pool pool;
        struct asy_plugin_file file;
        struct assay_plugin plugin;
        struct assay_error error = {0};
        asy_mem_init(&mem, NULL);
        asy_pool_init(&pool, &mem);
        assay_status status = asy_plugin_find(&file, &pool, &(struct asy_plugin_dirs){dirs, 1}, asy_str_of(library), &error);
        if (status == ASSAY_OK) status = asy_library_open(&plugin, file.fd, "x.so", &error);
        if (status == ASSAY_OK)
            dprintf(ends[1], "ok %s %s%s", plugin.id, plugin.run ? "run" : "no run", plugin.get_extension ? " extension" : "");
        else
            dprintf(ends[1], "%d %s", status, error.text);
        _exit(0);
    }
    close(ends[1]);
    size_t n = 0;
    for (ssize_t got; n < 1099 && (got = read(ends[0], out + n, 1099 - n)) > 0;) n += (size_t)got;
    out[n] = '\0';
    close(ends[0]);
    int how = 0;
    cr_assert_eq(waitpid(child, &how, 0), child);
    cr_expect(WIFEXITED(how) && WEXITSTATUS(how) == 0, "%s: expected loading to end well, found %d", library, how);
}

Test(plugin_abi, other_minor_versions)
{
    static const struct {
        const char *library, *starts, *has;
    } cases[] = {
        {"libminimal.so", "ok com.example.minimal run", ""},
        {"libsame_size.so", "ok com.example.sized run", ""},
        {"liblater_unused.so", "ok com.example.sized run", ""},
        {"liblater_used.so", "-5 x.so: ", "uses byte 120 of the descriptor"},
        {"libearlier_than_any.so", "-5 x.so: ", "expected"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1100];
        open_library(cases[i].library, text);
        cr_expect(strncmp(text, cases[i].starts, strlen(cases[i].starts)) == 0 && strstr(text, cases[i].has), "%s: expected `%s ... %s`, found `%s`",
                  cases[i].library, cases[i].starts, cases[i].has, text);
    }
}
