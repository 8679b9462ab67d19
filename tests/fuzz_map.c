/* libFuzzer body for map files: any bytes are read or refused with findings; what is accepted names only what the rules have.
 *
 *     fuzz_map -dict=tests/corpus/rules.dict FOLDER tests/corpus/map */
#include <stdio.h>
#include <stdlib.h>

#include "io/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define FUZZ_MAP_MUST(cond) ((cond) ? (void)0 : (fprintf(stderr, "fuzz_map: %s\n", #cond), abort()))

/* One field of every type. */
static struct asy_schema fuzz_map_schema(void)
{
    static struct asy_str industries[] = {{"b2b_saas", 8}, {"tech", 4}, {"other", 5}};
    static struct asy_field fields[] = {
        {.name = {"company.name", 12}, .type = ASY_TEXT, .need = ASY_NEED_VALUE},
        {.name = {"company.employees", 17}, .type = ASY_INT, .need = ASY_NEED_VALUE},
        {.name = {"company.revenue", 15}, .type = ASY_NUMBER, .need = ASY_NEED_VALUE},
        {.name = {"company.industry", 16}, .type = ASY_ENUM, .need = ASY_NEED_VALUE, .n_values = 3, .values = industries},
        {.name = {"company.country", 15}, .type = ASY_COUNTRY, .need = ASY_NEED_VALUE},
        {.name = {"contact.email", 13}, .type = ASY_TEXT, .need = ASY_NEED_NOTHING},
        {.name = {"contact.opted_out", 17}, .type = ASY_BOOL, .need = ASY_NEED_PRESENCE},
        {.name = {"deal.lost_on", 12}, .type = ASY_TIME, .need = ASY_NEED_VALUE},
    };
    static struct asy_event_name events[] = {{{"page_view", 9}, {"low", 3}, {0, 0}}, {{"purchase", 8}, {"high", 4}, {0, 0}}};
    static struct asy_str properties[] = {{"page", 4}, {"campaign", 8}};
    return (struct asy_schema){.n_fields = sizeof(fields) / sizeof(fields[0]), .fields = fields,
                               .n_events = 2, .events = events, .n_properties = 2, .properties = properties};
}

static void fuzz_map_check_aliases(const struct asy_map_value *values, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct asy_map_value *found = asy_map_alias(values, n, values[i].from);
        FUZZ_MAP_MUST(found != NULL && asy_str_eq(found->from, values[i].from));
        FUZZ_MAP_MUST(i == 0 || !asy_str_eq(values[i - 1].from, values[i].from));
    }
}

static void fuzz_map_check(const struct asy_map *map, const struct asy_schema *schema)
{
    for (uint32_t f = 0; f < map->n_fields; f++) {
        const struct asy_map_field *field = &map->fields[f];
        FUZZ_MAP_MUST(field->field < schema->n_fields);
        for (uint32_t g = 0; g < f; g++) FUZZ_MAP_MUST(map->fields[g].field != field->field);
        fuzz_map_check_aliases(field->values, field->n_values);
        for (uint32_t v = 0; v < field->n_values && schema->fields[field->field].type == ASY_ENUM; v++)
            FUZZ_MAP_MUST(field->values[v].to.len == 0 || asy_enum_code(&schema->fields[field->field], field->values[v].to) != 0);
    }
    FUZZ_MAP_MUST(map->key_field == UINT32_MAX || map->key_field < schema->n_fields);
    FUZZ_MAP_MUST(map->event_const.len == 0 || asy_schema_event(schema, map->event_const) >= 0);
    fuzz_map_check_aliases(map->names, map->n_names);
    for (uint32_t i = 0; i < map->n_names; i++) FUZZ_MAP_MUST(asy_schema_event(schema, map->names[i].to) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n > 1 << 16) return 0;
    const struct asy_schema schema = fuzz_map_schema();
    struct asy_mem mem;
    struct asy_map map;
    struct asy_diags diags;
    struct asy_pool pool;
    struct assay_error error = {0};
    asy_mem_init(&mem, NULL);
    asy_diags_init(&diags, &mem);
    asy_pool_init(&pool, &mem);
    diags.path = ASY_STR("map.yaml");
    diags.source = asy_pool_copy(&pool, (struct asy_str){(const char *)bytes, (uint32_t)n});
    const assay_status status = asy_map_load(&map, &mem, &schema, &diags, &error);
    if (status == ASSAY_OK) {
        FUZZ_MAP_MUST(diags.n_errors == 0);
        fuzz_map_check(&map, &schema);
    } else {
        FUZZ_MAP_MUST(status != ASSAY_E_RULES || diags.n_errors > 0);
        FUZZ_MAP_MUST(status == ASSAY_E_RULES || error.text[0] != '\0');
    }
    asy_diags_sort(&diags);
    FUZZ_MAP_MUST(asy_diags_text(&pool, &diags, false).p != NULL);
    asy_map_fini(&map);
    asy_diags_fini(&diags);
    asy_pool_fini(&pool);
    FUZZ_MAP_MUST(mem.live_bytes == 0);
    return 0;
}
