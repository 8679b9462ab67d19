/* Map files: what they mean, and every mistake with its place. */
#include "io_fixture.h"

struct loaded {
    struct asy_mem mem;
    struct asy_map map;
    struct asy_diags diags;
    struct assay_error error;
    assay_status status;
};

static void load(struct loaded *l, const char *text)
{
    static struct asy_str properties[] = {{"page", 4}};
    struct asy_schema *schema = io_schema();
    schema->n_properties = 1;
    schema->properties = properties;
    asy_mem_init(&l->mem, NULL);
    asy_diags_init(&l->diags, &l->mem);
    l->diags.path = ASY_STR("map.yaml");
    l->diags.source = asy_str_of(text);
    l->status = asy_map_load(&l->map, &l->mem, schema, &l->diags, &l->error);
}

static void unload(struct loaded *l)
{
    asy_map_fini(&l->map);
    asy_diags_fini(&l->diags);
    cr_expect_eq(l->mem.live_bytes, 0);
}

#define EXPECT_TEXT(str, literal) cr_expect(asy_str_is(str, literal), "found `%.*s`, expected `%s`", ASY_ARG(str), literal)

Test(io_map, example_of_the_manual)
{
    struct loaded l;
    load(&l, "leads:\n"
             "  key: id\n"
             "  delimiter: auto\n"
             "  dates: \"%d/%m/%Y\"\n"
             "  nulls: [\"\", Select, \"null\"]\n"
             "  fields: {company.employees: \"Number of Employees\", contact.email: email}\n"
             "  values: {company.industry: {B2B SaaS: b2b_saas, Technology: tech}}\n"
             "events:\n"
             "  key: {field: contact.email, column: recipient}\n"
             "  event: {const: purchase}\n"
             "  time: ts\n"
             "  names: {Page View: page_view}\n"
             "  properties: {page: url}\n"
             "  skip_when_key_empty: true\n"
             "  distinct: [InvoiceNo]\n");
    cr_assert_eq(l.status, ASSAY_OK, "%s", l.diags.n ? l.diags.items[0].text.p : l.error.text);
    const struct asy_map *m = &l.map;
    EXPECT_TEXT(m->leads.key, "id");
    cr_expect(!m->leads.key_is_row_number);
    cr_expect_eq(m->leads.delimiter, 0);
    EXPECT_TEXT(m->leads.date_format, "%d/%m/%Y");
    cr_expect_eq(m->leads.n_nulls, 2);
    EXPECT_TEXT(m->leads.nulls[0], "Select");
    EXPECT_TEXT(m->leads.nulls[1], "null");
    cr_assert_eq(m->n_fields, 3);
    cr_expect_eq(m->fields[0].field, EMPLOYEES);
    EXPECT_TEXT(m->fields[0].column, "Number of Employees");
    cr_expect_eq(m->fields[2].field, INDUSTRY);
    cr_expect_null(m->fields[2].column.p);
    cr_expect_eq(m->fields[2].n_values, 2);
    EXPECT_TEXT(asy_map_alias(m->fields[2].values, 2, ASY_STR("B2B SaaS"))->to, "b2b_saas");
    EXPECT_TEXT(asy_map_alias(m->fields[2].values, 2, ASY_STR("Technology"))->to, "tech");
    cr_expect_null(asy_map_alias(m->fields[2].values, 2, ASY_STR("technology")));
    cr_expect_eq(m->key_field, EMAIL);
    EXPECT_TEXT(m->events.key, "recipient");
    EXPECT_TEXT(m->event_const, "purchase");
    EXPECT_TEXT(m->time_column, "ts");
    cr_expect_eq(m->n_names, 1);
    EXPECT_TEXT(m->properties[0].to, "url");
    cr_expect(m->skip_when_key_empty);
    EXPECT_TEXT(m->distinct[0], "InvoiceNo");
    unload(&l);
}

Test(io_map, nothing_given_is_the_default)
{
    struct loaded l;
    load(&l, "");
    cr_assert_eq(l.status, ASSAY_OK);
    cr_expect_null(l.map.leads.key.p);
    cr_expect(!l.map.leads.is_given);
    cr_expect_eq(l.map.key_field, UINT32_MAX);
    EXPECT_TEXT(l.map.event_column, "event");
    EXPECT_TEXT(l.map.time_column, "time");
    unload(&l);
}

Test(io_map, short_forms)
{
    struct loaded l;
    load(&l, "leads: {key: row_number, delimiter: tab, dates: {lead.created: \"%m-%d-%Y\"}, nulls: Select,"
             " fields: {contact.name: \"\"}}\n"
             "events: {key: who, event: type, delimiter: \";\", distinct: a}\n");
    cr_assert_eq(l.status, ASSAY_OK, "%s", l.diags.n ? l.diags.items[0].text.p : l.error.text);
    cr_expect(l.map.leads.key_is_row_number);
    cr_expect_eq(l.map.leads.delimiter, '\t');
    cr_expect_null(l.map.leads.date_format.p);
    EXPECT_TEXT(l.map.fields[0].date_format, "%m-%d-%Y");
    cr_expect_eq(l.map.leads.n_nulls, 1);
    cr_expect_not_null(l.map.fields[1].column.p, "a field without a column");
    cr_expect_eq(l.map.fields[1].column.len, 0);
    EXPECT_TEXT(l.map.events.key, "who");
    EXPECT_TEXT(l.map.event_column, "type");
    cr_expect_eq(l.map.events.delimiter, ';');
    cr_expect_eq(l.map.n_distinct, 1);
    unload(&l);
}

/* Few values cannot tell leads apart. */
Test(io_map, key_fields_that_make_no_sense)
{
    static const struct { const char *field, *type; } cases[] = {
        {"contact.opted_out", "a bool"}, {"company.industry", "one of a few values"}, {"company.country", "a country"},
        {"contact.email", NULL},         {"company.employees", NULL},                 {"lead.created", NULL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct loaded l;
        char text[200], message[300];
        snprintf(text, sizeof(text), "events:\n  key: {field: %s, column: c}\n", cases[i].field);
        load(&l, text);
        cr_assert_eq(l.status, ASSAY_OK);
        cr_assert_eq(l.diags.n, cases[i].type ? 1 : 0, "%s", cases[i].field);
        if (cases[i].type) {
            snprintf(message, sizeof(message), "key: expected a field that tells leads apart, found `%s`, which is %s: of the leads with "
                     "one value only the first gets the events", cases[i].field, cases[i].type);
            cr_expect_str_eq(l.diags.items[0].code, "W0912");
            EXPECT_TEXT(l.diags.items[0].text, message);
            cr_expect_eq(l.diags.items[0].pos.line, 2);
            cr_expect_eq(l.diags.items[0].pos.col, 16);
        }
        unload(&l);
    }
}

Test(io_map, mistakes)
{
    static const struct { const char *text, *code; uint32_t line, col; const char *message; } cases[] = {
        {"lead: {}\n", "E0902", 1, 1, "`lead` is not a key of a map file; did you mean `leads`?"},
        {"leads:\n  keys: id\n", "E0902", 2, 3, "`keys` is not a key of `leads`; did you mean `key`?"},
        {"events:\n  tme: x\n", "E0902", 2, 3, "`tme` is not a key of `events`; did you mean `time`?"},
        {"leads: 5\n", "E0901", 1, 8, "leads: expected a mapping, found a value"},
        {"leads:\n  key:\n", "E0901", 2, 0, "key: expected the name of a column, or row_number, found nothing"},
        {"leads:\n  key: [a]\n", "E0901", 2, 8, "key: expected the name of a column, or row_number, found a list"},
        {"leads:\n  delimiter: colon\n", "E0905", 2, 14,
         "delimiter: expected auto, comma, semicolon, tab or pipe, found `colon`"},
        {"leads:\n  fields: {company.employes: Staff}\n", "E0903", 2, 12,
         "`company.employes` is not a field of the rule file; did you mean `company.employees`?"},
        {"leads:\n  values: {company.industry: {Tech: teck}}\n", "E0908", 2, 37,
         "values: company.industry: expected a value of the field, found `teck`; did you mean `tech`?"},
        {"leads:\n  values: {company.employees: {many: lots}}\n", "E0908", 2, 38,
         "values: company.employees: expected a whole number, found `lots`"},
        {"leads:\n  values: {company.country: {Blefuscu: Lilliput}}\n", "E0908", 2, 0,
         "values: company.country: expected a country, found `Lilliput`"},
        {"leads:\n  values: {company.industry: {\"\": other}}\n", "E0909", 2, 31,
         "values: expected a text, found nothing; what an empty field stands for is its `default` in the rule file"},
        {"leads:\n  values: {company.industry: {Tech: tech, \"Tech \": other}}\n", "E0911", 2, 43,
         "values: expected every text once, found `Tech` again (blanks at its ends do not count)"},
        {"events:\n  names: {\" Buy\": purchase, Buy: page_view}\n", "E0911", 2, 29,
         "names: expected every text once, found `Buy` again (blanks at its ends do not count)"},
        {"leads:\n  dates: {company.name: \"%Y-%m-%d\"}\n", "E0907", 2, 11,
         "dates: expected a field of type time, found `company.name`, which is not one"},
        {"events:\n  names: {Buy: purchas}\n", "E0904", 2, 16,
         "`purchas` is not an event of the rule file; did you mean `purchase`?"},
        {"events:\n  event: {const: visit}\n", "E0904", 2, 18, "`visit` is not an event of the rule file"},
        {"events:\n  event: {cosnt: purchase}\n", "E0902", 2, 0, "`cosnt` is not a key of `event`; did you mean `const`?"},
        {"events:\n  key: {column: a}\n", "E0901", 2, 8,
         "key: expected `field`, the field of the lead that events are joined by, found none"},
        {"events:\n  skip_when_key_empty: maybe\n", "E0901", 2, 24, "skip_when_key_empty: expected true or false, found `maybe`"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct loaded l;
        load(&l, cases[i].text);
        cr_expect_eq(l.status, ASSAY_E_RULES, "case %zu", i);
        asy_diags_sort(&l.diags);
        cr_assert_geq(l.diags.n, 1, "case %zu", i);
        const struct asy_diag *d = &l.diags.items[0];
        cr_expect_str_eq(d->code, cases[i].code, "case %zu: %s", i, d->code);
        cr_expect(asy_str_is(d->text, cases[i].message), "case %zu:\n  found    %.*s\n  expected %s", i, ASY_ARG(d->text),
                  cases[i].message);
        cr_expect_eq(d->pos.line, cases[i].line, "case %zu: line %u", i, d->pos.line);
        if (cases[i].col)
            cr_expect_eq(d->pos.col, cases[i].col, "case %zu: column %u", i, d->pos.col);
        unload(&l);
    }
}

Test(io_map, bad_date_format_and_several_mistakes_at_once)
{
    struct loaded l;
    load(&l, "leads:\n  dates: \"%Q\"\n  keys: a\nevents:\n  times: b\n");
    cr_expect_eq(l.status, ASSAY_E_RULES);
    cr_expect_eq(l.diags.n_errors, 3);
    cr_expect_str_eq(l.error.text, "map.yaml: the map file has 3 errors");
    unload(&l);
}

Test(io_map, property_that_no_rule_reads_is_a_warning)
{
    struct loaded l;
    load(&l, "events: {properties: {pag: url}}\n");
    cr_expect_eq(l.status, ASSAY_OK);
    cr_assert_eq(l.diags.n, 1);
    cr_expect_str_eq(l.diags.items[0].code, "W0910");
    EXPECT_TEXT(l.diags.items[0].text, "no rule reads the property `pag`; did you mean `page`?");
    unload(&l);
}
