/* The rejects file. */
#include "io/rejects.h"

#include "base/check.h"

struct asy_rejects {
    struct asy_mem *mem;
    struct asy_writer *writer;
    uint64_t n;
};

assay_status asy_rejects_open(struct asy_rejects **out, struct asy_mem *mem, const char *path, struct assay_error *error)
{
    const struct asy_str names[] = {ASY_STR("file"), ASY_STR("line"), ASY_STR("column"), ASY_STR("reason"), ASY_STR("row")};
    struct asy_rejects *rejects = asy_mem_alloc(mem, sizeof(*rejects));
    if (!rejects)
        return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    rejects->mem = mem;
    assay_status status =
        asy_writer_open(&rejects->writer, mem, path, ASY_FORMAT_CSV, names, ASY_COUNT_OF(names), error);
    if (status != ASSAY_OK) {
        asy_mem_free(mem, rejects, sizeof(*rejects));
        return status;
    }
    *out = rejects;
    return ASSAY_OK;
}

static assay_status write_row(void *ctx, struct asy_str file, uint64_t line, struct asy_str column, const char *reason,
                              struct asy_str raw, struct assay_error *error)
{
    struct asy_rejects *rejects = ctx;
    struct asy_writer *writer = rejects->writer;
    rejects->n++;
    asy_writer_text(writer, file);
    if (line > (uint64_t)INT64_MAX / 1000)
        asy_writer_empty(writer);
    else
        asy_writer_milli(writer, (int64_t)line * 1000, 0);
    asy_writer_text(writer, column);
    asy_writer_text(writer, asy_str_of(reason));
    asy_writer_text(writer, raw);
    return asy_writer_row_end(writer, error);
}

struct asy_reject_sink asy_rejects_sink(struct asy_rejects *rejects)
{
    return (struct asy_reject_sink){rejects, write_row};
}

uint64_t asy_rejects_count(const struct asy_rejects *rejects)
{
    return rejects->n;
}

assay_status asy_rejects_commit(struct asy_rejects *rejects, struct assay_error *error)
{
    assay_status status = asy_writer_commit(rejects->writer, error);
    asy_mem_free(rejects->mem, rejects, sizeof(*rejects));
    return status;
}

void asy_rejects_abort(struct asy_rejects *rejects)
{
    if (!rejects)
        return;
    asy_writer_abort(rejects->writer);
    asy_mem_free(rejects->mem, rejects, sizeof(*rejects));
}
