/* Look-ups in a schema, see schema.h. */
#include "store/schema.h"

int64_t asy_schema_field(const struct asy_schema *schema, struct asy_str name)
{
    for (uint32_t i = 0; i < schema->n_fields; i++)
        if (asy_str_eq(schema->fields[i].name, name))
            return i;
    return -1;
}

int64_t asy_schema_event(const struct asy_schema *schema, struct asy_str name)
{
    for (uint32_t i = 0; i < schema->n_events; i++)
        if (asy_str_eq(schema->events[i].name, name))
            return i;
    return -1;
}

uint32_t asy_enum_code(const struct asy_field *field, struct asy_str text)
{
    for (uint32_t i = 0; i < field->n_values; i++)
        if (asy_str_eq(field->values[i], text))
            return i + 1;
    return 0;
}
