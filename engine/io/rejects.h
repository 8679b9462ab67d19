/* The rejects file: a CSV of file, line, column, reason and the row itself, for --rejects. Threads: one owner. */
#ifndef ASY_REJECTS_H
#define ASY_REJECTS_H

#include "io/ingest.h"
#include "io/write.h"

struct asy_rejects;
assay_status asy_rejects_open(struct asy_rejects **out, struct asy_mem *mem, const char *path, struct assay_error *error);
/* To be given to ingest. */
struct asy_reject_sink asy_rejects_sink(struct asy_rejects *rejects);
uint64_t asy_rejects_count(const struct asy_rejects *rejects);
/* Make the file appear; also of use when the run fails because of too many rejects. `rejects` is gone afterwards. */
assay_status asy_rejects_commit(struct asy_rejects *rejects, struct assay_error *error);
/* Drop it. NULL is fine. */
void asy_rejects_abort(struct asy_rejects *rejects);

#endif
