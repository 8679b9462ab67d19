/* The map file (`--map`): how the columns of an export become fields and events, so that no one has to edit an export.
 * Every mistake is a finding with its place, as in rule files. */
#ifndef ASY_MAP_H
#define ASY_MAP_H

#include "base/yaml.h"
#include "store/schema.h"

struct asy_map_value { struct asy_str from, to; };
struct asy_map_field {
    uint32_t field;
    struct asy_str column;       /* header of the file; {NULL,0} if only values: or dates: name the field; {"",0}: the field
                                    has no column, whatever the header looks like */
    uint32_t n_values;
    struct asy_map_value *values; /* aliases, applied before the type is read; sorted for asy_map_alias */
    struct asy_str date_format;  /* per field: `dates: {deal.lost_on: "%d/%m/%Y"}`; {NULL,0}: the file's */
};
struct asy_map_side {            /* what leads and events share */
    bool is_given;
    struct asy_str key;          /* header of the key column; {NULL,0}: the default */
    bool key_is_row_number;      /* leads only */
    char delimiter;              /* 0 auto */
    struct asy_str date_format;
    uint32_t n_nulls;
    struct asy_str *nulls;       /* texts that mean empty, besides "" */
};
struct asy_map {
    struct asy_pool pool;
    struct asy_map_side leads, events;
    uint32_t n_fields;
    struct asy_map_field *fields;
    /* events */
    uint32_t key_field;          /* events are joined by this field of the lead; UINT32_MAX: by lead id */
    struct asy_str event_column; /* default "event" */
    struct asy_str event_const;  /* `event: {const: purchase}` */
    struct asy_str time_column;  /* default "time" */
    uint32_t n_names;
    struct asy_map_value *names; /* Page View -> pricing_page_view; sorted for asy_map_alias */
    uint32_t n_properties;
    struct asy_map_value *properties; /* from: property, to: column */
    bool skip_when_key_empty;
    uint32_t n_distinct;
    struct asy_str *distinct;    /* columns */
};

/* The map of no file: defaults. */
void asy_map_init(struct asy_map *map, struct asy_mem *mem);
/* Read `diags->source`. ASSAY_E_RULES with findings in `diags`. */
assay_status asy_map_load(struct asy_map *map, struct asy_mem *mem, const struct asy_schema *schema, struct asy_diags *diags,
                          struct assay_error *error);
void asy_map_fini(struct asy_map *map);
/* The entry whose `from` is exactly `text`, or NULL. `values` are sorted (as in the map). */
const struct asy_map_value *asy_map_alias(const struct asy_map_value *values, uint32_t n, struct asy_str text);

#endif
