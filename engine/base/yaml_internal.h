/* What the files of the YAML reader share: the source with its lines, and the diagnosis of a syntax error. No libyaml. */
#ifndef ASY_YAML_INTERNAL_H
#define ASY_YAML_INTERNAL_H

#include "base/yaml.h"

/* A checked source: well-formed UTF-8 without NUL, control characters or line breaks other than LF and CR LF, so that lines
 * and characters are counted by libyaml as they are here. */
struct asy_yaml_source {
    struct asy_str text;   /* without byte order mark */
    uint32_t skipped;      /* bytes of it */
    uint32_t n_lines;
    uint32_t *lines;       /* offset of the first byte of each line in `text` */
    uint32_t *marks;       /* offset of every 64th character; NULL if all are one byte */
};

/* Check `diags->source` and index it in `scratch`. False after adding a finding, or without memory. */
bool asy_yaml_source_init(struct asy_yaml_source *source, struct asy_pool *scratch, struct asy_diags *diags);
struct asy_pos asy_yaml_source_pos(const struct asy_yaml_source *source, uint32_t offset);
uint32_t asy_yaml_source_offset(const struct asy_yaml_source *source, size_t n_characters);

/* What libyaml said when it gave up. Offsets are in the source's text. */
struct asy_yaml_failure {
    const char *problem, *context; /* "" if none */
    uint32_t problem_at, context_at;
};

/* What it means to the author, and which bytes (of one line) can be taken out to read on: none if from == to. */
struct asy_yaml_trap {
    const char *code, *slug;
    uint32_t offset, len;
    struct asy_str text;
    uint32_t from, to;
};
void asy_yaml_trap_find(const struct asy_yaml_source *source, struct asy_pool *scratch,
                        const struct asy_yaml_failure *failure, struct asy_yaml_trap *trap);

/* Is a bracket or quote of `s` left open (or closed without having been opened)? For finding values cut by a comma. */
bool asy_yaml_unbalanced(struct asy_str s);

#endif
