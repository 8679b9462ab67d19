/* The block is laid out once without writing, to know its size, and once more to write it: both are one walk. */
#include "plugin/facts.h"

#include "plugin/share.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct header {
    uint32_t n_columns, n_settings;
    uint64_t columns_at, settings_at;
};
/* A text is from its start to one byte (the NUL) before the next one's. */
struct column {
    uint64_t n_codes;
    uint64_t starts_at; /* n_codes + 1 positions */
};
struct setting {
    uint32_t type, n_texts;
    int64_t i;
    double d;
    uint64_t text_at, text_bytes;
    uint64_t starts_at; /* of the texts: n_texts + 1 positions */
};

/* -- writing ------------------------------------------------------------------------------------------------------ */

struct writer {
    uint8_t *base; /* NULL: nothing is written, only the size is wanted */
    uint64_t next;
};

static uint64_t take(struct writer *writer, uint64_t n_bytes)
{
    const uint64_t at = (writer->next + 7) & ~7ull;
    writer->next = at + n_bytes;
    return at;
}
/* Texts come one after the other, without gaps. */
static uint64_t put_text(struct writer *writer, struct asy_str text)
{
    const uint64_t at = writer->next;
    if (writer->base != NULL && text.len > 0) memcpy(writer->base + at, text.p, text.len);
    if (writer->base != NULL) writer->base[at + text.len] = '\0';
    writer->next = at + text.len + 1;
    return at;
}
static void put_start(struct writer *writer, uint64_t starts_at, uint64_t i, uint64_t start)
{
    if (writer->base != NULL) memcpy(writer->base + starts_at + i * sizeof(start), &start, sizeof(start));
}

static void put_column(struct writer *writer, uint64_t at, const struct asy_facts_column *column, bool is_text)
{
    const uint64_t n_codes = !is_text ? 0 : column->n_codes == 0 ? 1 : column->n_codes;
    const uint64_t starts_at = take(writer, (n_codes + 1) * sizeof(uint64_t));
    for (uint64_t code = 0; code < n_codes; code++)
        put_start(writer, starts_at, code, put_text(writer, code == 0 ? ASY_STR("") : column->text(column->ctx, (uint32_t)code)));
    put_start(writer, starts_at, n_codes, writer->next);
    if (writer->base != NULL) *(struct column *)(void *)(writer->base + at) = (struct column){n_codes, starts_at};
}
static void put_setting(struct writer *writer, uint64_t at, const struct asy_plugin_setting *setting)
{
    const uint64_t text_at = put_text(writer, setting->text);
    const uint64_t starts_at = take(writer, ((uint64_t)setting->n_texts + 1) * sizeof(uint64_t));
    for (uint64_t i = 0; i < setting->n_texts; i++) put_start(writer, starts_at, i, put_text(writer, setting->texts[i]));
    put_start(writer, starts_at, setting->n_texts, writer->next);
    if (writer->base != NULL)
        *(struct setting *)(void *)(writer->base + at) = (struct setting){.type = setting->type, .n_texts = setting->n_texts, .i = setting->i,
            .d = setting->d, .text_at = text_at, .text_bytes = setting->text.len, .starts_at = starts_at};
}

/* Write everything to `base`, or nothing if it is NULL. Returns the size. */
static uint64_t put_all(uint8_t *base, const struct asy_plugin_decl *decl, const struct asy_facts_column *columns,
                        const struct asy_plugin_setting *settings)
{
    struct writer writer = {.base = base};
    struct header header = {.n_columns = decl->n_wants, .n_settings = decl->n_params};
    take(&writer, sizeof(header));
    header.columns_at = take(&writer, decl->n_wants * sizeof(struct column));
    header.settings_at = take(&writer, decl->n_params * sizeof(struct setting));
    if (base != NULL) memcpy(base, &header, sizeof(header));
    for (uint32_t i = 0; i < decl->n_wants; i++)
        put_column(&writer, header.columns_at + i * sizeof(struct column), &columns[i], decl->wants[i].type == ASSAY_TEXT_COLUMN);
    for (uint32_t i = 0; i < decl->n_params; i++)
        put_setting(&writer, header.settings_at + i * sizeof(struct setting), &settings[i]);
    return writer.next;
}

/* From writable to sealed: nobody can write to it any more, this process included. */
static bool seal(struct asy_facts *facts)
{
    munmap((void *)(uintptr_t)facts->base, facts->size_bytes);
    facts->base = NULL;
    if (fcntl(facts->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return false;
    uint8_t *map = mmap(NULL, facts->size_bytes, PROT_READ, MAP_SHARED, facts->fd, 0);
    if (map == MAP_FAILED) return false;
    madvise(map, facts->size_bytes, MADV_DONTDUMP);
    facts->base = map;
    return true;
}

assay_status asy_facts_make(struct asy_facts *facts, const struct asy_plugin_decl *decl, const struct asy_facts_column *columns,
                            const struct asy_plugin_setting *settings, bool is_shared, struct assay_error *error)
{
    static const char what[] = "dictionaries and parameters for a plugin";
    *facts = (struct asy_facts){.size_bytes = put_all(NULL, decl, columns, settings), .fd = -1};
    uint8_t *base = is_shared ? asy_map_shared(facts->size_bytes, &facts->fd) : asy_map_private(facts->size_bytes);
    facts->base = base;
    if (base != NULL) put_all(base, decl, columns, settings);
    if (base != NULL && (!is_shared || seal(facts))) return ASSAY_OK;
    const assay_status status = asy_map_failed(what, facts->size_bytes, error);
    asy_facts_fini(facts);
    return status;
}
void asy_facts_fini(struct asy_facts *facts)
{
    if (!facts->is_borrowed && facts->base != NULL) munmap((void *)(uintptr_t)facts->base, facts->size_bytes);
    if (!facts->is_borrowed && facts->size_bytes > 0 && facts->fd >= 0) close(facts->fd);
    *facts = (struct asy_facts){.fd = -1};
}

/* -- reading ------------------------------------------------------------------------------------------------------ */

static const struct header *header_of(const struct asy_facts *facts)
{
    return (const struct header *)(const void *)facts->base;
}
static const struct column *column_of(const struct asy_facts *facts, uint32_t column)
{
    const struct header *header = header_of(facts);
    if (column >= header->n_columns) return NULL;
    return (const struct column *)(const void *)(facts->base + header->columns_at) + column;
}
static struct assay_text text_of(const struct asy_facts *facts, uint64_t starts_at, uint64_t i)
{
    const uint64_t *starts = (const uint64_t *)(const void *)(facts->base + starts_at);
    return (struct assay_text){(const char *)facts->base + starts[i], starts[i + 1] - starts[i] - 1};
}

uint32_t asy_facts_n_codes(const struct asy_facts *facts, uint32_t column)
{
    const struct column *found = column_of(facts, column);
    return found == NULL ? 0 : (uint32_t)found->n_codes;
}
struct assay_text asy_facts_text(const struct asy_facts *facts, uint32_t column, uint32_t code)
{
    const struct column *found = column_of(facts, column);
    if (found == NULL || code >= found->n_codes) return (struct assay_text){"", 0};
    return text_of(facts, found->starts_at, code);
}

bool asy_facts_values(const struct asy_facts *facts, struct asy_pool *pool, struct assay_value **values)
{
    const struct header *header = header_of(facts);
    const struct setting *settings = (const struct setting *)(const void *)(facts->base + header->settings_at);
    struct assay_value *out = asy_pool_alloc_n(pool, header->n_settings, sizeof(*out));
    if (out == NULL) return false;
    for (uint32_t i = 0; i < header->n_settings; i++) {
        struct assay_text *texts = asy_pool_alloc_n(pool, settings[i].n_texts, sizeof(*texts));
        if (texts == NULL) return false;
        for (uint32_t k = 0; k < settings[i].n_texts; k++) texts[k] = text_of(facts, settings[i].starts_at, k);
        out[i] = (struct assay_value){.type = settings[i].type, .n_texts = settings[i].n_texts, .i = settings[i].i, .d = settings[i].d,
                                      .text = {(const char *)facts->base + settings[i].text_at, settings[i].text_bytes},
                                      .texts = settings[i].n_texts > 0 ? texts : NULL};
    }
    *values = out;
    return true;
}
