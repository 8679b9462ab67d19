/* YAML as a tree with places: the only door to libyaml (its event API). Strict: at most 1 MiB, 64 levels, 200,000
 * nodes, one document; no anchors, aliases, tags or directives; keys are plain text; a key given twice is an error. Every
 * scalar stays the text it was. Traps are explained by name: a value starting with `!` (a tag), ` #` inside an expression
 * (a comment: the reader of the expression asks asy_yaml_comment_after), ` : ` of a ternary, a leading quote or bracket
 * with more text after it, commas in a flow mapping.
 *
 * A mistake is found, told, and stepped over: the value in question is marked `is_bad`, so that the rest of the file can
 * still be read for more mistakes. Only where the structure itself is unclear there is no tree.
 *
 * Threads: a tree is read-only. */
#ifndef ASY_YAML_H
#define ASY_YAML_H

#include "base/diag.h"

#define ASY_YAML_BYTES_MAX (1u << 20)
enum { ASY_YAML_DEPTH_MAX = 64, ASY_YAML_NODES_MAX = 200000 };

enum asy_yaml_kind { ASY_YAML_SCALAR, ASY_YAML_MAP, ASY_YAML_SEQ };
enum asy_yaml_style { ASY_YAML_PLAIN, ASY_YAML_SINGLE_QUOTED, ASY_YAML_DOUBLE_QUOTED, ASY_YAML_BLOCK };

struct asy_yaml {
    uint8_t kind;
    uint8_t style;           /* of a scalar */
    bool is_flow;            /* of a map or sequence: {..} or [..] */
    bool is_bad;             /* a finding about this value was added: what stands here means nothing */
    struct asy_pos pos, end; /* first byte; first byte after it */
    uint32_t offset;         /* of the first byte in the source */
    struct asy_str text;     /* scalar only; {"",0} for an empty (null) value; NUL-terminated beyond its length */
    uint32_t n;              /* children */
    struct asy_yaml **items; /* values of a map, items of a sequence */
    struct asy_yaml **keys;  /* scalars; map only */
};

/* Parse `diags->source`. Findings go to `diags`; NULL when there is an error in it or no memory. The tree lives in
 * `pool` and borrows nothing. An empty document gives an empty map at 1:1. */
struct asy_yaml *asy_yaml_parse(struct asy_pool *pool, struct asy_diags *diags);

/* The same, but what could be read is returned in spite of errors (bad values are marked), for callers that go on to
 * look for more. NULL when nothing could be read or there is no memory. */
struct asy_yaml *asy_yaml_parse_all(struct asy_pool *pool, struct asy_diags *diags);

/* The value of `key`, or NULL. */
struct asy_yaml *asy_yaml_get(const struct asy_yaml *map, const char *key);

/* The place of byte `offset` of the scalar's text in the file: exact for plain and quoted one-line scalars, and for
 * folded, quoted multi-line and block scalars found by walking the source again. */
struct asy_pos asy_yaml_place(const struct asy_yaml *scalar, struct asy_str source, uint32_t offset);

/* Does a comment follow the plain scalar on its last line (`a == 'x #1'` ends at `'x` for YAML)? Then *place is its `#`. */
bool asy_yaml_comment_after(const struct asy_yaml *scalar, struct asy_str source, struct asy_pos *place);

#endif
