/* `lists:`: sets of text given inline, as the union of others, or as a column of a file beside the rule file. */
#include <stdlib.h>

#include "rule/load_internal.h"

enum { LIST_FILE_BYTES_MAX = 64 << 20, UNION_ITEMS_MAX = 4000000 };
enum list_state { LIST_UNREAD = 0, LIST_READING, LIST_READ };

struct entry {
    struct asy_str text, owner;
};

static int compare_entries(const void *a, const void *b)
{
    return asy_str_cmp(((const struct entry *)a)->text, ((const struct entry *)b)->text);
}

/* Sort, drop repeated texts, and put the result into the list. */
static void finish(struct asy_loader *l, struct asy_list *list, struct entry *entries, uint32_t n, bool has_owners)
{
    if (n)
        qsort(entries, n, sizeof(*entries), compare_entries);
    list->set.items = asy_load_alloc(l, n, sizeof(*list->set.items));
    list->owners = has_owners ? asy_load_alloc(l, n + 1, sizeof(*list->owners)) : NULL;
    for (uint32_t i = 0; !l->no_memory && i < n; i++) {
        if (i > 0 && asy_str_eq(entries[i].text, entries[i - 1].text))
            continue;
        list->set.items[list->set.n] = entries[i].text;
        if (has_owners)
            list->owners[list->set.n] = entries[i].owner;
        list->set.n++;
    }
}

static struct entry *new_entries(struct asy_loader *l, struct asy_pool *scratch, uint32_t n)
{
    struct entry *entries = asy_pool_alloc_n(scratch, n + 1, sizeof(*entries));
    if (!entries)
        l->no_memory = true;
    return entries;
}

static void read_inline(struct asy_loader *l, struct asy_pool *scratch, const struct asy_yaml *seq, struct asy_list *list)
{
    struct entry *entries = new_entries(l, scratch, seq->n);
    uint32_t n = 0;
    for (uint32_t i = 0; entries && i < seq->n; i++) {
        const struct asy_yaml *item = seq->items[i];
        if (!item->is_bad && item->kind == ASY_YAML_SCALAR && item->text.len == 0)
            asy_load_tell(l, "E0402", "list", item, "an empty value cannot be in a list; `has(x)` asks whether a field is filled");
        else if (asy_load_is_text(l, item, "an item of a list"))
            entries[n++].text = item->text;
    }
    if (entries)
        finish(l, list, entries, n, false);
}

static void read_list(struct asy_loader *l, const struct asy_yaml *section, uint32_t number);

static void read_union(struct asy_loader *l, struct asy_pool *scratch, const struct asy_yaml *section, uint32_t number,
                       const struct asy_yaml *names)
{
    struct asy_list *lists = l->rules->lists;
    uint64_t total = 0;
    if (!asy_load_is_seq(l, names, "`union`"))
        return;
    for (uint32_t pass = 0; pass < 2; pass++) { /* count, then copy */
        struct entry *entries = pass ? new_entries(l, scratch, (uint32_t)total) : NULL;
        uint32_t n = 0;
        for (uint32_t i = 0; !l->no_memory && i < names->n; i++) {
            if (names->items[i]->is_bad || names->items[i]->kind != ASY_YAML_SCALAR) {
                if (!pass)
                    asy_load_is_text(l, names->items[i], "the name of a list");
                continue;
            }
            const struct asy_str name = names->items[i]->text;
            int64_t part = -1;
            for (uint32_t k = 0; k < l->rules->n_lists; k++)
                if (asy_str_eq(lists[k].set.name, name))
                    part = k;
            if (!pass && part < 0) {
                asy_load_list(l, names->items[i], 0, name);
                l->is_list_bad[number] = true;
            }
            if (!pass && part >= 0 && l->list_state[part] == LIST_READING) {
                asy_load_tell(l, "E0402", "list", names->items[i], "list `%.*s` is made from itself", ASY_ARG(name));
                l->is_list_bad[number] = true;
            }
            if (part < 0 || l->list_state[part] == LIST_READING)
                continue;
            if (!pass)
                read_list(l, section, (uint32_t)part);
            l->is_list_bad[number] |= l->is_list_bad[part];
            if (!pass)
                total += lists[part].set.n;
            for (uint32_t k = 0; pass && k < lists[part].set.n; k++)
                entries[n++].text = lists[part].set.items[k];
        }
        if (!pass && (l->n_union_items += total) > UNION_ITEMS_MAX) {
            asy_load_tell(l, "E0402", "list", names, "the lists that unions join have more than 4,000,000 items together");
            return;
        }
        if (pass && !l->no_memory)
            finish(l, &lists[number], entries, n, false);
    }
}

static bool is_inside(struct asy_loader *l, const struct asy_yaml *at)
{
    if (asy_rules_path_is_inside(at->text))
        return true;
    asy_load_tell(l, "E0403", "list-file", at, "a list file must be in the rule file's folder or below it: expected a relative path "
                  "without `..`, found `%.*s`", ASY_ARG(at->text));
    return false;
}

static void read_file(struct asy_loader *l, struct asy_pool *scratch, const struct asy_yaml *map, struct asy_list *list, bool *is_bad)
{
    static const char *const known[] = {"file", "key"};
    asy_load_keys(l, map, "a list file", known, 2);
    const struct asy_yaml *file = asy_yaml_get(map, "file"), *key = asy_load_need(l, map, "key", "a list file");
    *is_bad = true;
    const bool has_file = asy_load_is_text(l, file, "`file`"), has_key = asy_load_is_text(l, key, "`key`");
    if (!has_file || !has_key || !is_inside(l, file))
        return;
    struct asy_str bytes;
    struct assay_error error = {0};
    const assay_status status = asy_rules_read_file(l->rules, l->reader, file->text, LIST_FILE_BYTES_MAX, &bytes, &error);
    if (status == ASSAY_E_NOMEM)
        l->no_memory = true;
    else if (status != ASSAY_OK)
        asy_load_tell(l, "E0403", "list-file", file, "%s", error.text);
    if (status != ASSAY_OK)
        return;
    list->file = file->text;
    struct asy_list_file content = {0};
    if (!asy_load_list_csv(l, file, bytes, file->text, key->text, &content))
        return;
    struct entry *entries = new_entries(l, scratch, content.n);
    for (uint32_t i = 0; entries && i < content.n; i++)
        entries[i] = (struct entry){content.keys[i], content.owners ? content.owners[i] : ASY_STR("")};
    if (entries)
        finish(l, list, entries, content.n, content.owners != NULL);
    *is_bad = false;
}

static void read_list(struct asy_loader *l, const struct asy_yaml *section, uint32_t number)
{
    const struct asy_yaml *node = section->items[number];
    struct asy_list *list = &l->rules->lists[number];
    if (l->list_state[number] != LIST_UNREAD)
        return;
    l->list_state[number] = LIST_READING;
    const uint32_t n_errors = l->diags->n_errors;
    struct asy_pool scratch;
    asy_pool_init(&scratch, l->pool->mem);
    bool is_bad = node->is_bad;
    if (node->kind == ASY_YAML_SEQ) {
        read_inline(l, &scratch, node, list);
    } else if (node->kind == ASY_YAML_MAP && asy_yaml_get(node, "union")) {
        static const char *const known[] = {"union"};
        asy_load_keys(l, node, "a union of lists", known, 1);
        read_union(l, &scratch, section, number, asy_yaml_get(node, "union"));
    } else if (node->kind == ASY_YAML_MAP && asy_yaml_get(node, "file")) {
        read_file(l, &scratch, node, list, &is_bad);
    } else if (!node->is_bad) {
        asy_load_tell(l, "E0402", "list", node, "a list: expected `[a, b]`, `{union: [list, list]}` or `{file: NAME.csv, key: COLUMN}`, "
                      "found %s", asy_load_found(l, node));
    }
    l->is_list_bad[number] |= is_bad || l->diags->n_errors != n_errors;
    l->list_state[number] = LIST_READ;
    asy_pool_fini(&scratch);
}

void asy_load_lists(struct asy_loader *l)
{
    const struct asy_yaml *section = asy_yaml_get(l->root, "lists");
    struct asy_rules *rules = l->rules;
    if (!asy_load_is_map(l, section, "`lists`"))
        return;
    rules->lists = asy_load_alloc(l, section->n, sizeof(*rules->lists));
    l->list_state = asy_load_alloc(l, section->n, sizeof(*l->list_state));
    l->is_list_bad = asy_load_alloc(l, section->n, sizeof(*l->is_list_bad));
    if (l->no_memory)
        return;
    rules->n_lists = section->n;
    for (uint32_t i = 0; i < section->n; i++) {
        const struct asy_yaml *key = section->keys[i];
        rules->lists[i].set.name = key->text;
        rules->lists[i].pos = key->pos;
        if (!asy_load_is_identifier(key->text) || asy_str_is(key->text, "existing_record"))
            asy_load_tell(l, "E0233", "bad-name", key, "`%.*s` cannot name a list: expected letters, digits and `_`, and neither "
                          "`existing_record` nor a reserved word", ASY_ARG(key->text));
    }
    for (uint32_t i = 0; !l->no_memory && i < section->n; i++)
        read_list(l, section, i);
}
