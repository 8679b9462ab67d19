/* Rule file -> struct asy_rules. Strict: every mistake is a finding with its place, all in one go. */
#ifndef ASY_RULE_LOAD_H
#define ASY_RULE_LOAD_H

#include "rule/rules.h"

/* How the loader reads the rule file and the list files it names. `path` is NUL-terminated. The bytes go to `pool`. The rule
 * file may be any path; `folder` is NULL for it. A list file is given as the rule file's folder ("rules/", or ".") and a
 * relative path without ".." or a leading '/'; the callback opens it beneath the folder and follows no link out of it. More than
 * `max_bytes`: ASSAY_E_LIMIT. */
struct asy_file_reader {
    void *ctx;
    assay_status (*read)(void *ctx, struct asy_pool *pool, const char *folder, const char *path, size_t max_bytes,
                         struct asy_str *out, struct assay_error *error);
};
/* The reader for real files: openat2 with RESOLVE_BENEATH where the kernel has it, else openat and O_NOFOLLOW. */
extern const struct asy_file_reader asy_file_reader_os;

/* Load `path`. Findings in `diags` (initialised by the caller; its path and source are set here). ASSAY_E_RULES when there
 * is at least one error: *rules then holds nothing. ASSAY_E_IO, ASSAY_E_NOMEM with `error`. */
assay_status asy_rules_load(struct asy_rules *rules, struct asy_mem *mem, const char *path,
                            const struct asy_file_reader *reader, struct asy_diags *diags, struct assay_error *error);
void asy_rules_fini(struct asy_rules *rules);

/* Files beside the rule file. A path in it is relative to it and stays in its folder: no leading '/', no `..`, no `\`. */
bool asy_rules_path_is_inside(struct asy_str path);
/* Read the file at such a path (NUL-terminated) into the pool of the rules; their checksum covers it from then on. As the reader
 * fails; *rules is unchanged then. */
assay_status asy_rules_read_file(struct asy_rules *rules, const struct asy_file_reader *reader, struct asy_str path, size_t max_bytes,
                                 struct asy_str *out, struct assay_error *error);

#endif
