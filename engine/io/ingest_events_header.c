/* Which columns of an events file are read. */
#include "io/ingest_events.h"

#include <stdio.h>

static assay_status want_key(struct asy_ingest *ingest, struct asy_ingest_file *file)
{
    const struct asy_map *map = ingest->map;
    struct asy_str none = {"", 0};
    if (map->events.key.p)
        return asy_match_want(&file->match, ASY_EVENT_KEY, map->events.key, none);
    if (map->key_field == UINT32_MAX)
        return asy_match_want(&file->match, ASY_EVENT_KEY, ASY_STR("lead_id"), none);
    const struct asy_ingest_field *field = &ingest->fields[map->key_field];
    struct asy_target *target = &file->match.targets[ASY_EVENT_KEY];
    target->exact = ingest->schema->fields[map->key_field].name;
    target->fold = field->fold;
    target->alt = field->last_fold;
    return ASSAY_OK;
}

assay_status asy_events_want(struct asy_ingest *ingest, struct asy_ingest_file *file, struct asy_events_plan *plan)
{
    const struct asy_map *map = ingest->map;
    const struct asy_schema *schema = ingest->schema;
    struct asy_str none = {"", 0};
    plan->n_properties = schema->n_properties;
    plan->n_distinct = map->n_distinct;
    uint32_t first_distinct = ASY_EVENT_REST + plan->n_properties;
    assay_status status = asy_match_init(&file->match, &file->pool, first_distinct + plan->n_distinct);
    if (status != ASSAY_OK)
        return status;
    plan->targets = file->match.targets;
    status = want_key(ingest, file);
    if (status == ASSAY_OK && !map->event_const.p)
        status = asy_match_want(&file->match, ASY_EVENT_NAME, map->event_column, none);
    if (status == ASSAY_OK)
        status = asy_match_want(&file->match, ASY_EVENT_TIME, map->time_column, none);
    for (uint32_t p = 0; status == ASSAY_OK && p < plan->n_properties; p++) {
        struct asy_str column = schema->properties[p];
        for (uint32_t i = 0; i < map->n_properties; i++) {
            if (!asy_str_eq(map->properties[i].from, column))
                continue;
            column = map->properties[i].to;
            plan->targets[ASY_EVENT_REST + p].is_claiming = true;
            break;
        }
        status = asy_match_want(&file->match, ASY_EVENT_REST + p, column, none);
    }
    for (uint32_t d = 0; status == ASSAY_OK && d < plan->n_distinct; d++)
        status = asy_match_want(&file->match, first_distinct + d, map->distinct[d], none);
    return status;
}

/* `what` and `cure` are lines of the map. */
static assay_status check_column(struct asy_ingest_file *file, const struct asy_target *t, const char *what, const char *cure,
                                 bool is_whole, struct assay_error *error)
{
    const struct asy_str *header;
    uint32_t n = asy_rows_header(file->rows, &header);
    if (t->rival != ASY_NO_COLUMN) {
        struct asy_str a = asy_value_cut(asy_ingest_column_name(file, t->column), 80);
        struct asy_str b = asy_value_cut(asy_ingest_column_name(file, t->rival), 80);
        if (asy_ingest_is_repeated(file, t))
            return asy_rows_repeated(file->rows, t->column, t->rival, error);
        return asy_fail(error, ASSAY_E_DATA, "%.*s: %s: expected one column, found `%.*s` and `%.*s`; rename one, or choose in "
                        "the map file (--map): `%s`", ASY_ARG(file->path), what, ASY_ARG(a), ASY_ARG(b), cure);
    }
    if (t->level > 0 || !is_whole)
        return ASSAY_OK;
    struct asy_str list = asy_match_list(&file->pool, header, n), hint = asy_match_hint(&file->pool, t->exact, header, n);
    return asy_fail(error, ASSAY_E_DATA, "%.*s: %s: expected a column `%.*s`, found %.*s; name it in the map file (--map): `%s`%.*s",
                    ASY_ARG(file->path), what, ASY_ARG(t->exact), ASY_ARG(list), cure, ASY_ARG(hint));
}

assay_status asy_events_match(struct asy_ingest *ingest, struct asy_ingest_file *file, void *plan_of_file, bool is_whole,
                              uint32_t *columns, struct assay_error *error)
{
    const struct asy_events_plan *plan = plan_of_file;
    const struct asy_target *targets = plan->targets;
    const struct asy_str *names;
    uint32_t n = asy_rows_header(file->rows, &names);
    if (asy_match_columns(&file->match, names, n) != ASSAY_OK)
        return asy_fail(error, ASSAY_E_NOMEM, "%.*s: out of memory", ASY_ARG(file->path));
    bool is_joined = ingest->map->key_field != UINT32_MAX;
    char cure[200] = "events: {key: COLUMN}";
    if (is_joined)
        snprintf(cure, sizeof(cure), "events: {key: {field: %.*s, column: COLUMN}}",
                 ASY_ARG(asy_value_cut(ingest->schema->fields[ingest->map->key_field].name, 100)));
    assay_status status = check_column(file, &targets[ASY_EVENT_KEY], "key", cure, is_whole, error);
    if (status == ASSAY_OK && !ingest->map->event_const.p)
        status = check_column(file, &targets[ASY_EVENT_NAME], "event", "events: {event: COLUMN}", is_whole, error);
    if (status == ASSAY_OK)
        status = check_column(file, &targets[ASY_EVENT_TIME], "time", "events: {time: COLUMN}", is_whole, error);
    for (uint32_t p = 0; status == ASSAY_OK && p < plan->n_properties; p++) {
        const struct asy_target *t = &targets[ASY_EVENT_REST + p];
        char what[80];
        struct asy_str property = asy_value_cut(ingest->schema->properties[p], 60);
        snprintf(what, sizeof(what), "property %.*s", ASY_ARG(property));
        snprintf(cure, sizeof(cure), "events: {properties: {%.*s: COLUMN}}", ASY_ARG(property));
        ingest->property_found[p] |= t->level > 0;
        /* A property that the map does not name may be absent; the report says so. */
        status = check_column(file, t, what, cure, is_whole && t->is_claiming, error);
    }
    for (uint32_t d = 0; status == ASSAY_OK && d < plan->n_distinct; d++)
        status = check_column(file, &targets[ASY_EVENT_REST + plan->n_properties + d], "distinct", "events: {distinct: [COLUMN]}",
                              is_whole, error);
    for (uint32_t c = 0; c < file->match.n_targets; c++)
        columns[c] = targets[c].level > 0 ? targets[c].column : ASY_NO_COLUMN;
    return status;
}
