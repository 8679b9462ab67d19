/* libyaml's events -> a tree with places. The limits are held here, event by event: libyaml 0.2.5 has none of its own
 * and takes time that grows with the square of the nesting (46 s for 100 kB of `[`).
 *
 *   source -> checked and indexed -> events -> tree
 *                                      |
 *                a syntax error: told, its value blanked out in a copy, and all is read again */
#include "base/yaml.h"

#include <yaml.h>

#include "base/hash.h"
#include "base/yaml_internal.h"

enum { REPAIRS_MAX = 32, FINDINGS_MAX = 200, ANCHOR_FINDINGS_MAX = 10 };

struct repair {
    uint32_t offset; /* where the blanked value starts */
    uint32_t line;
};

struct open_node {
    struct asy_yaml *node;
    struct asy_yaml *key; /* of a map: the key whose value is awaited */
    bool is_key_dropped;  /* the key was no plain text: its value goes too */
    uint32_t items_cap, keys_cap;
};

struct reader {
    struct asy_pool *pool, *scratch;
    struct asy_diags *diags;
    struct asy_yaml_source source;
    char *bytes; /* the copy that libyaml reads */
    struct repair repairs[REPAIRS_MAX];
    uint32_t n_repairs;
    /* of one reading */
    struct open_node open[ASY_YAML_DEPTH_MAX];
    uint32_t depth;
    struct asy_yaml *root;
    uint32_t n_nodes, n_anchors, n_documents;
    struct told {
        uint32_t n, n_errors;
    } told;                 /* findings before it */
    uint32_t n_nodes_total; /* of all readings before */
    bool is_fatal; /* told, and nothing more can be read */
    bool no_memory;
};

static uint32_t offset_of(const struct reader *r, yaml_mark_t mark)
{
    return asy_yaml_source_offset(&r->source, mark.index);
}

static struct asy_pos place(const struct reader *r, uint32_t offset)
{
    return asy_yaml_source_pos(&r->source, offset);
}

static void tell(struct reader *r, const char *code, const char *slug, struct asy_pos pos, uint32_t len, const char *text)
{
    asy_diag_add(r->diags, code, slug, pos, len ? len : 1, "%s", text);
    if (r->diags->n >= FINDINGS_MAX && !r->is_fatal) {
        asy_diag_add(r->diags, "E0110", "yaml-limit", pos, 1, "%d findings; the rest of the file was not read", FINDINGS_MAX);
        r->is_fatal = true;
    }
}

static struct asy_yaml *new_node(struct reader *r, uint8_t kind, yaml_mark_t start, yaml_mark_t end)
{
    if (++r->n_nodes > ASY_YAML_NODES_MAX) {
        tell(r, "E0110", "yaml-limit", place(r, offset_of(r, start)), 1, "the file has more than 200,000 values");
        r->is_fatal = true;
        return NULL;
    }
    struct asy_yaml *node = asy_pool_alloc(r->pool, sizeof(*node));
    if (!node) {
        r->no_memory = true;
        return NULL;
    }
    const uint32_t offset = offset_of(r, start);
    node->kind = kind;
    node->offset = offset + r->source.skipped;
    node->pos = place(r, offset);
    node->end = place(r, offset_of(r, end));
    node->text = ASY_STR("");
    return node;
}

static bool is_repaired(const struct reader *r, const struct asy_yaml *node)
{
    for (uint32_t i = 0; i < r->n_repairs; i++)
        if (r->repairs[i].offset + r->source.skipped == node->offset)
            return true;
    return false;
}

/* -- building the tree ---------------------------------------------------------------------------------------- */

static bool push_item(struct reader *r, struct open_node *into, struct asy_yaml *key, struct asy_yaml *item)
{
    struct asy_yaml *map = into->node;
    if (!asy_pool_grow(r->pool, (void **)&map->items, &into->items_cap, map->n, sizeof(*map->items)) ||
        (key && !asy_pool_grow(r->pool, (void **)&map->keys, &into->keys_cap, map->n, sizeof(*map->keys)))) {
        r->no_memory = true;
        return false;
    }
    map->items[map->n] = item;
    if (key)
        map->keys[map->n] = key;
    map->n++;
    return true;
}

static void add_node(struct reader *r, struct asy_yaml *node)
{
    if (r->depth == 0) {
        r->root = node;
        return;
    }
    struct open_node *into = &r->open[r->depth - 1];
    if (into->node->kind == ASY_YAML_SEQ) {
        push_item(r, into, NULL, node);
        return;
    }
    if (into->is_key_dropped) {
        into->is_key_dropped = false;
        return;
    }
    if (into->key) {
        push_item(r, into, into->key, node);
        into->key = NULL;
        return;
    }
    if (node->kind == ASY_YAML_SCALAR && !node->is_bad && (node->text.len || node->style != ASY_YAML_PLAIN)) {
        into->key = node;
        return;
    }
    if (!node->is_bad)
        tell(r, "E0112", "yaml-key", node->pos, 1,
             node->kind == ASY_YAML_SCALAR ? "a key is missing before `:`"
                                           : "a key must be plain text; found a list or a mapping where a key is expected");
    into->is_key_dropped = true;
}

/* A key given twice: the first one stays. */
static void drop_duplicates(struct reader *r, struct asy_yaml *map)
{
    uint32_t n_slots = 4;
    while (n_slots < 2 * map->n)
        n_slots *= 2;
    uint32_t *slots = asy_mem_alloc_n(r->pool->mem, n_slots, sizeof(*slots));
    if (!slots) {
        r->no_memory = true;
        return;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct asy_yaml *key = map->keys[i], *first = NULL;
        uint32_t slot = (uint32_t)asy_checksum(key->text) & (n_slots - 1);
        for (; slots[slot] && !first; slot = (slot + 1) & (n_slots - 1))
            if (asy_str_eq(map->keys[slots[slot] - 1]->text, key->text))
                first = map->keys[slots[slot] - 1];
        if (first) {
            asy_diag_add(r->diags, "E0103", "duplicate-key", key->pos, key->text.len ? key->text.len : 1,
                         "`%.*s` is given twice (first on line %u)", ASY_ARG(key->text), first->pos.line);
            if (r->diags->n >= FINDINGS_MAX)
                r->is_fatal = true;
            continue;
        }
        map->keys[kept] = map->keys[i];
        map->items[kept++] = map->items[i];
        slots[slot] = kept;
    }
    map->n = kept;
    asy_mem_free(r->pool->mem, slots, (size_t)n_slots * sizeof(*slots));
}

/* `{when: f(a, b), to: x}` is read as when: `f(a`, then a key `b)` without value. Such keys go, with one finding. */
static void join_split_values(struct reader *r, struct asy_yaml *map)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < map->n; i++) {
        const struct asy_yaml *value = map->items[i], *key = map->keys[i];
        const bool is_lone = value->kind == ASY_YAML_SCALAR && value->style == ASY_YAML_PLAIN && value->text.len == 0 &&
                             key->style == ASY_YAML_PLAIN;
        struct asy_yaml *before = kept ? map->items[kept - 1] : NULL;
        if (is_lone && before && before->kind == ASY_YAML_SCALAR && before->style == ASY_YAML_PLAIN &&
            (before->is_bad || asy_yaml_unbalanced(before->text)) && !is_repaired(r, before)) {
            if (!before->is_bad)
                tell(r, "E0107", "yaml-flow-comma", before->pos, before->text.len,
                     "inside { } a comma ends a value; put quotes around the whole expression, or write the mapping in block "
                     "style (one `key: value` a line)");
            before->is_bad = true;
            continue;
        }
        map->keys[kept] = map->keys[i];
        map->items[kept++] = map->items[i];
    }
    map->n = kept;
}

/* `[f(a, b), c]` is read as `f(a`, `b)`, `c`. */
static void join_split_items(struct reader *r, struct asy_yaml *seq)
{
    for (uint32_t i = 0; i + 1 < seq->n; i++) {
        struct asy_yaml *a = seq->items[i], *b = seq->items[i + 1];
        if (a->kind == ASY_YAML_SCALAR && b->kind == ASY_YAML_SCALAR && a->style == ASY_YAML_PLAIN &&
            b->style == ASY_YAML_PLAIN && !a->is_bad && asy_yaml_unbalanced(a->text) && asy_yaml_unbalanced(b->text)) {
            tell(r, "E0107", "yaml-flow-comma", a->pos, a->text.len,
                 "inside [ ] a comma ends an item; put quotes around the whole item, or write the list in block style");
            a->is_bad = b->is_bad = true;
        }
    }
}

static void open_container(struct reader *r, uint8_t kind, bool is_flow, const yaml_event_t *event)
{
    struct asy_yaml *node = new_node(r, kind, event->start_mark, event->end_mark);
    if (!node)
        return;
    node->is_flow = is_flow;
    if (r->depth == ASY_YAML_DEPTH_MAX) {
        tell(r, "E0110", "yaml-limit", node->pos, 1, "lists and mappings are nested deeper than 64 levels");
        r->is_fatal = true;
        return;
    }
    r->open[r->depth++] = (struct open_node){.node = node};
}

static void close_container(struct reader *r, const yaml_event_t *event)
{
    struct asy_yaml *node = r->open[--r->depth].node;
    node->end = place(r, offset_of(r, event->end_mark));
    if (node->kind == ASY_YAML_MAP) {
        if (node->is_flow)
            join_split_values(r, node);
        drop_duplicates(r, node);
    } else if (node->is_flow) {
        join_split_items(r, node);
    }
    add_node(r, node);
}

/* -- anchors, aliases and tags -------------------------------------------------------------------------------- */

static void tell_anchor(struct reader *r, const yaml_event_t *event, const char *text)
{
    const uint32_t from = offset_of(r, event->start_mark);
    if (++r->n_anchors <= ANCHOR_FINDINGS_MAX)
        tell(r, "E0102", "yaml-anchor", place(r, from), 1, text);
}

static bool awaits_value_of_merge_key(const struct reader *r)
{
    const struct asy_yaml *key = r->depth ? r->open[r->depth - 1].key : NULL;
    return key && asy_str_is(key->text, "<<");
}

/* True if the value is bad for what stands before it; one finding. */
static bool has_property(struct reader *r, const yaml_event_t *event, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    const struct asy_pos pos = place(r, offset_of(r, event->start_mark));
    if (tag) {
        const uint32_t from = offset_of(r, event->start_mark), to = offset_of(r, event->end_mark);
        uint32_t len = 0;
        while (from + len < to && r->source.text.p[from + len] != '\n')
            len++;
        tell(r, "E0101", "yaml-tag", pos, len,
             "a value cannot start with `!` here: YAML reads it as a tag; write `x == false`, or put quotes around the whole "
             "expression");
        return true;
    }
    if (anchor) {
        tell_anchor(r, event, "anchors (`&name`) are not supported; write the value out, or put quotes around it if it is text");
        return true;
    }
    return false;
}

static void read_scalar(struct reader *r, const yaml_event_t *event)
{
    static const uint8_t styles[] = {ASY_YAML_PLAIN,         ASY_YAML_PLAIN, ASY_YAML_SINGLE_QUOTED,
                                     ASY_YAML_DOUBLE_QUOTED, ASY_YAML_BLOCK, ASY_YAML_BLOCK};
    struct asy_yaml *node = new_node(r, ASY_YAML_SCALAR, event->start_mark, event->end_mark);
    if (!node)
        return;
    node->style = styles[event->data.scalar.style];
    node->text = asy_pool_copy(r->pool, (struct asy_str){(const char *)event->data.scalar.value,
                                                         (uint32_t)event->data.scalar.length});
    if (!node->text.p) {
        r->no_memory = true;
        return;
    }
    node->is_bad = has_property(r, event, event->data.scalar.anchor, event->data.scalar.tag) || is_repaired(r, node);
    if (memchr(node->text.p, 0, node->text.len)) { /* "\0" in double quotes */
        tell(r, "E0109", "yaml-encoding", node->pos, 1, "the text has a NUL character in it; remove the escape");
        node->is_bad = true;
    }
    if (awaits_value_of_merge_key(r) && !node->is_bad) {
        tell_anchor(r, event, "merge keys (`<<`) are not supported; write the keys out");
        node->is_bad = true;
    }
    add_node(r, node);
}

static void read_alias(struct reader *r, const yaml_event_t *event)
{
    struct asy_yaml *node = new_node(r, ASY_YAML_SCALAR, event->start_mark, event->end_mark);
    if (!node)
        return;
    node->is_bad = true;
    tell_anchor(r, event,
                awaits_value_of_merge_key(r)
                    ? "merge keys (`<<`) are not supported; write the keys out"
                    : "aliases (`*name`) are not supported; write the value out, or put quotes around it if it is text");
    add_node(r, node);
}

static void take_event(struct reader *r, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++r->n_documents > 1) {
            tell(r, "E0111", "yaml-documents", place(r, offset_of(r, event->start_mark)), 3,
                 "a second document starts here; expected one document in a file");
            r->is_fatal = true;
        }
        break;
    case YAML_ALIAS_EVENT:
        read_alias(r, event);
        break;
    case YAML_SCALAR_EVENT:
        read_scalar(r, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_container(r, ASY_YAML_SEQ, event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE, event);
        if (!r->is_fatal && !r->no_memory)
            r->open[r->depth - 1].node->is_bad =
                has_property(r, event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        break;
    case YAML_MAPPING_START_EVENT:
        open_container(r, ASY_YAML_MAP, event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE, event);
        if (!r->is_fatal && !r->no_memory)
            r->open[r->depth - 1].node->is_bad =
                has_property(r, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_container(r, event);
        break;
    default:
        break;
    }
}

/* -- one reading, and the next if a value had to be taken out ------------------------------------------------- */

/* Tell what libyaml gave up on. True if the value was blanked out and the file can be read again. */
static bool repair(struct reader *r, const yaml_parser_t *parser)
{
    const struct asy_yaml_failure failure = {
        .problem = parser->problem ? parser->problem : "",
        .context = parser->context ? parser->context : "",
        .problem_at = offset_of(r, parser->problem_mark),
        .context_at = offset_of(r, parser->context_mark),
    };
    struct asy_yaml_trap trap;
    asy_yaml_trap_find(&r->source, r->scratch, &failure, &trap);
    const struct asy_pos pos = place(r, trap.offset);
    for (uint32_t i = 0; i < r->n_repairs; i++)
        if (r->repairs[i].line == pos.line)
            return false; /* told already; taking the value out did not help */
    const bool can_repair = trap.from != trap.to && r->n_repairs < REPAIRS_MAX && r->n_nodes_total < ASY_YAML_NODES_MAX;
    if (can_repair) { /* what this reading found, the next one will find again */
        r->diags->n = r->told.n;
        r->diags->n_errors = r->told.n_errors;
    }
    asy_diag_add(r->diags, trap.code, trap.slug, pos, trap.len, "%.*s", ASY_ARG(trap.text));
    if (!can_repair)
        return false;
    for (uint32_t i = trap.from; i < trap.to; i++)
        if ((unsigned char)r->bytes[i] < 0x80) /* other characters stay: positions are counted in characters */
            r->bytes[i] = 'x';
    r->repairs[r->n_repairs++] = (struct repair){trap.from, pos.line};
    return true;
}

enum outcome { READ_DONE, READ_AGAIN, READ_FAILED };

static enum outcome read_once(struct reader *r)
{
    r->n_nodes_total += r->n_nodes;
    r->depth = r->n_nodes = r->n_anchors = r->n_documents = 0;
    r->told = (struct told){r->diags->n, r->diags->n_errors};
    r->root = NULL;
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        r->no_memory = true;
        return READ_FAILED;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)r->bytes, r->source.text.len);
    enum outcome outcome = READ_FAILED;
    for (bool is_done = false; !is_done && !r->is_fatal && !r->no_memory;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            if (parser.error == YAML_MEMORY_ERROR)
                r->no_memory = true;
            else if (repair(r, &parser))
                outcome = READ_AGAIN;
            break;
        }
        take_event(r, &event);
        is_done = event.type == YAML_STREAM_END_EVENT;
        if (is_done)
            outcome = READ_DONE;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return r->is_fatal || r->no_memory ? READ_FAILED : outcome;
}

struct asy_yaml *asy_yaml_parse_all(struct asy_pool *pool, struct asy_diags *diags)
{
    struct asy_pool scratch;
    asy_pool_init(&scratch, pool->mem);
    struct reader *r = asy_pool_alloc(&scratch, sizeof(*r));
    struct asy_yaml *root = NULL;
    if (r) {
        r->pool = pool;
        r->scratch = &scratch;
        r->diags = diags;
    }
    if (r && asy_yaml_source_init(&r->source, &scratch, diags)) {
        const struct asy_str copy = asy_pool_copy(&scratch, r->source.text);
        r->bytes = (char *)(uintptr_t)copy.p;
        enum outcome outcome = r->bytes ? READ_AGAIN : READ_FAILED;
        while (outcome == READ_AGAIN)
            outcome = read_once(r);
        if (outcome == READ_DONE)
            root = r->root ? r->root : new_node(r, ASY_YAML_MAP, (yaml_mark_t){0}, (yaml_mark_t){0});
    }
    /* Errors told before memory ran out are not all that there are. */
    if (scratch.has_failed || pool->has_failed || (r && r->no_memory))
        diags->out_of_memory = true;
    asy_pool_fini(&scratch);
    return root;
}

struct asy_yaml *asy_yaml_parse(struct asy_pool *pool, struct asy_diags *diags)
{
    const uint32_t n_errors = diags->n_errors;
    struct asy_yaml *root = asy_yaml_parse_all(pool, diags);
    return diags->n_errors == n_errors ? root : NULL;
}

struct asy_yaml *asy_yaml_get(const struct asy_yaml *map, const char *key)
{
    if (!map || map->kind != ASY_YAML_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->n; i++)
        if (asy_str_is(map->keys[i]->text, key))
            return map->items[i];
    return NULL;
}
