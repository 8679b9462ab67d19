/* Files into the store: matching, values, derived fields, joining, rejects, counts. */
#include "io_fixture.h"

#include "failing_mem.h"
#include "store/events.h"

/* ---- headers ---- */

Test(io_ingest, headers_match_by_name_then_by_last_part, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), NULL,
           "Lead ID,company.industry,Employees,COMPANY REVENUE,Email-Domain,E_Mail,Title,Lead Quality,Note\n"
           "a,tech,12,1.5,x.com,,VP Sales,hot,n\n",
           NULL, 0.01);
    expect_ok(&run);
    cr_expect_eq(run.store.n_leads, 1);
    expect_text(asy_keys_text(&run.store.keys, 0), "a", "key");
    expect_text(text_at(&run, INDUSTRY, 0), "tech", "industry");
    cr_expect_eq(asy_column_int(&run.store.columns[EMPLOYEES], 0), 12);
    cr_expect_eq(asy_column_number(&run.store.columns[REVENUE], 0), 1.5);
    expect_text(text_at(&run, DOMAIN, 0), "x.com", "domain");
    expect_text(text_at(&run, SENIORITY, 0), "vp", "seniority");
    const struct asy_ingest_report *report = report_of(&run);
    cr_assert_eq(report->n_unused_columns, 2);
    expect_text(report->unused_columns[0], "leads.csv: Lead Quality", "unused");
    expect_text(report->unused_columns[1], "leads.csv: Note", "a field that no rule reads");
    cr_assert_eq(report->n_unmatched_fields, 4);
    cr_expect_eq(report->unmatched_fields[0], NAME);
    cr_expect_eq(report->unmatched_fields[1], COUNTRY);
    cr_expect_eq(report->unmatched_fields[2], OPTED_OUT);
    cr_expect_eq(report->unmatched_fields[3], CREATED);
    io_done(&run);
}

Test(io_ingest, header_mistakes, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { const char *map, *leads, *message; } cases[] = {
        {NULL, "name,Email\nx,y\n",
         "leads.csv: expected a column `lead_id` or `id`, found `name`, `Email`; name the key column in a map file (--map): "
         "`leads: {key: COLUMN}`, or number the rows: `leads: {key: row_number}`"},
        {"leads: {key: Prospect IDs}", "Prospect ID,Email\nx,y\n",
         "leads.csv: expected the key column `Prospect IDs` that the map names, found `Prospect ID`, `Email`; did you mean "
         "`Prospect ID`?"},
        {NULL, "ID,Id,x\n1,2,3\n", "leads.csv: key: expected one column, found `ID` and `Id`; choose one in the map file (--map): "
                                   "`leads: {key: \"ID\"}`"},
        {NULL, "id,Industry,industry\n1,tech,tech\n",
         "leads.csv: company.industry: expected one column, found `Industry` and `industry`; choose one in the map file (--map): "
         "`leads: {fields: {company.industry: \"Industry\"}}`"},
        {NULL, "id,Name\n1,n\n",
         "leads.csv: column `Name`: expected to fit one field, found that it fits company.name and contact.name; say which in the "
         "map file (--map): `leads: {fields: {company.name: \"Name\"}}`"},
        {"leads: {fields: {company.employees: Number of Employes}}", "id,Number of Employees\n1,2\n",
         "leads.csv: expected the column `Number of Employes` (the map gives it to company.employees), found `id`, `Number of "
         "Employees`; did you mean `Number of Employees`?"},
        {NULL, "id,email\n", "leads.csv: expected leads, found a file that has a header but no data rows"},
        /* a name twice, where it is read: by a rule, by the map (though no rule reads the field), as the key */
        {NULL, "id,note,industry,industry\n1,n,tech,tech\n",
         "leads.csv:1: header: expected different names, found `industry` in column 3 and in column 4; rename one of them"},
        {NULL, "\nid,employees,Employees,Employees\n1,2,3,4\n",
         "leads.csv: company.employees: expected one column, found `employees` and `Employees`; choose one in the map file (--map): "
         "`leads: {fields: {company.employees: \"employees\"}}`"},
        {"leads: {fields: {lead.note: Memo}}", "\nid,Memo,x,Memo\n1,a,b,c\n",
         "leads.csv:2: header: expected different names, found `Memo` in column 2 and in column 4; rename one of them"},
        {NULL, "id,id\n1,2\n", "leads.csv:1: header: expected different names, found `id` in column 1 and in column 2; rename one of them"},
        {"leads: {key: Record}", "Record,email,Record\n1,2,3\n",
         "leads.csv:1: header: expected different names, found `Record` in column 1 and in column 3; rename one of them"},
        {NULL, "id,Name,Name\n1,a,b\n",
         "leads.csv:1: header: expected different names, found `Name` in column 2 and in column 3; rename one of them"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct io_run run;
        io_run(&run, io_schema(), cases[i].map, cases[i].leads, NULL, 0.01);
        cr_expect_eq(run.status, ASSAY_E_DATA, "case %zu", i);
        cr_expect_str_eq(run.error.text, cases[i].message, "case %zu:\n  found    %s\n  expected %s", i, run.error.text,
                         cases[i].message);
        io_done(&run);
    }
}

Test(io_ingest, header_choices_that_hold, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { const char *map, *leads; uint32_t field; const char *value; } cases[] = {
        /* the map settles what is ambiguous */
        {"leads: {fields: {contact.name: Name}}", "id,Name,Industry\n1,n,tech\n", INDUSTRY, "tech"},
        {"leads: {fields: {company.industry: industry}}", "id,Industry,industry\n1,other,tech\n", INDUSTRY, "tech"},
        /* a better match wins over a worse one */
        {NULL, "id,Industry,company.industry\n1,other,tech\n", INDUSTRY, "tech"},
        {NULL, "id,Industry,Company Industry\n1,other,tech\n", INDUSTRY, "tech"},
        {NULL, "Id,lead_id,industry\n1,2,tech\n", INDUSTRY, "tech"},
        /* a map's column may differ in case and separators */
        {"leads: {fields: {company.industry: what_they_do}}", "id,What They Do\n1,tech\n", INDUSTRY, "tech"},
        /* a column that the map gives away does not find another field; a field may be given none */
        {"leads: {fields: {contact.email_domain: Industry}}", "id,Industry\n1,tech\n", INDUSTRY, ""},
        {"leads: {fields: {company.industry: \"\"}}", "id,Industry\n1,tech\n", INDUSTRY, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct io_run run;
        io_run(&run, io_schema(), cases[i].map, cases[i].leads, NULL, 0.01);
        cr_assert_eq(run.status, ASSAY_OK, "case %zu: %s", i, run.error.text);
        struct asy_str found = text_at(&run, cases[i].field, 0);
        cr_expect(asy_str_is(found, cases[i].value), "case %zu: `%.*s`", i, ASY_ARG(found));
        io_done(&run);
    }
}

/* A name twice, where nobody reads it: named once as not used, and the other columns are read as ever. */
Test(io_ingest, repeated_names_that_nobody_reads, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), NULL, "id,Tag,industry,Tag,note,note,Tag\n1,a,tech,b,c,d,e\n",
           "lead_id,x,event,x,time\n1,p,purchase,q,2026-01-01\n", 0.01);
    expect_ok(&run);
    expect_text(text_at(&run, INDUSTRY, 0), "tech", "industry");
    const struct asy_ingest_report *report = report_of(&run);
    cr_expect_eq(report->n_events_kept, 1);
    cr_assert_eq(report->n_unused_columns, 3);
    expect_text(report->unused_columns[0], "leads.csv: Tag", "unused");
    expect_text(report->unused_columns[1], "leads.csv: note", "a field that no rule reads");
    expect_text(report->unused_columns[2], "events.csv: x", "unused");
    io_done(&run);
    /* a better match makes the repeated one idle */
    io_run(&run, io_schema(), NULL, "id,industry,company.industry,industry\n1,other,tech,other\n", NULL, 0.01);
    expect_ok(&run);
    expect_text(text_at(&run, INDUSTRY, 0), "tech", "industry");
    cr_assert_eq(report_of(&run)->n_unused_columns, 1);
    expect_text(report_of(&run)->unused_columns[0], "leads.csv: industry", "unused");
    io_done(&run);
}

/* ---- values ---- */

Test(io_ingest, values_by_type, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { uint32_t field; const char *column, *cell, *value; } cases[] = {
        {EMPLOYEES, "employees", "12", "12"},
        {EMPLOYEES, "employees", " 12 ", "12"},
        {EMPLOYEES, "employees", "-5", "-5"},
        {EMPLOYEES, "employees", "17850.0", "17850"},
        {EMPLOYEES, "employees", "250.00", "250"},
        {EMPLOYEES, "employees", "250.5", NULL},
        {EMPLOYEES, "employees", "\"1,000\"", NULL},
        {EMPLOYEES, "employees", ".0", "0"},
        {EMPLOYEES, "employees", "7.", "7"},
        {EMPLOYEES, "employees", "-.0", "0"},
        {EMPLOYEES, "employees", "1e1", "10"},
        {EMPLOYEES, "employees", "1.5E+3", "1500"},
        {EMPLOYEES, "employees", "-120e-1", "-12"},
        {EMPLOYEES, "employees", "0e99", "0"},
        {EMPLOYEES, "employees", "125e-1", NULL},
        {EMPLOYEES, "employees", "1e-400", NULL},
        {EMPLOYEES, "employees", "1e19", NULL},
        {EMPLOYEES, "employees", "1e", NULL},
        {EMPLOYEES, "employees", "90071992547409930e-1", "9007199254740993"},
        {EMPLOYEES, "employees", "9223372036854775807.0", "9223372036854775807"},
        {EMPLOYEES, "employees", "9223372036854775808.0", NULL},
        {EMPLOYEES, "employees", "-9223372036854775807e0", "-9223372036854775807"},
        {EMPLOYEES, "employees", "-9223372036854775808.0", NULL},
        {EMPLOYEES, "employees", "51-200", NULL},
        {EMPLOYEES, "employees", "-9223372036854775808", NULL},
        {REVENUE, "revenue", "1e6", "1000000"},
        {REVENUE, "revenue", "$5", NULL},
        {REVENUE, "revenue", "nan", NULL},
        {COUNTRY, "country", "de", "DE"},
        {COUNTRY, "country", "DEU", "DE"},
        {COUNTRY, "country", "Germany", "DE"},
        {COUNTRY, "country", "Narnia", NULL},
        {REVENUE, "revenue", ".5e1", "5"},
        {REVENUE, "revenue", "5.", "5"},
        {INDUSTRY, "industry", "tech", "tech"},
        {INDUSTRY, "industry", "Tech", NULL},
        {INDUSTRY, "industry", "Technology", NULL},
        {OPTED_OUT, "opted_out", "YES", "true"},
        {OPTED_OUT, "opted_out", "0", "false"},
        {CREATED, "created", "2026-01-02", "2026-01-02T00:00:00Z"},
        {CREATED, "created", "2026-01-02 03:04:05.5+01:00", "2026-01-02T02:04:05.500000Z"},
        {CREATED, "created", "soon", NULL},
        {CREATED, "created", "2026-02-30", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct io_run run;
        char leads[200], found[64] = "";
        snprintf(leads, sizeof(leads), "id,%s\n1,%s\n", cases[i].column, cases[i].cell);
        io_run(&run, io_schema(), NULL, leads, NULL, 0.01);
        expect_ok(&run);
        const struct asy_column *column = &run.store.columns[cases[i].field];
        const struct asy_bad_values *bad = &report_of(&run)->bad_values[cases[i].field];
        if (!cases[i].value) {
            cr_expect(!asy_column_filled(column, 0), "case %zu is filled", i);
            cr_expect_eq(bad->n, 1, "case %zu: %llu bad", i, (unsigned long long)bad->n);
            cr_expect_eq(bad->examples[0].n, 1, "case %zu", i);
        } else {
            cr_expect_eq(bad->n, 0, "case %zu", i);
            if (column->repr == ASY_REPR_TIME) {
                cr_expect_eq(asy_column_int(column, 0), us(cases[i].value), "case %zu", i);
                snprintf(found, sizeof(found), "%s", cases[i].value);
            } else if (column->repr == ASY_REPR_INT) {
                snprintf(found, sizeof(found), "%lld", (long long)asy_column_int(column, 0));
            } else if (column->repr == ASY_REPR_NUMBER) {
                snprintf(found, sizeof(found), "%.0f", asy_column_number(column, 0));
            } else {
                struct asy_str text = text_at(&run, cases[i].field, 0);
                snprintf(found, sizeof(found), "%.*s", ASY_ARG(text));
            }
            cr_expect_str_eq(found, cases[i].value, "case %zu: %s", i, found);
        }
        io_done(&run);
    }
}

Test(io_ingest, nulls_then_aliases_then_types, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(),
           "leads: {nulls: [Select], values: {company.industry: {Software: tech, None: \"\"}, company.country: {England: GB}}}",
           "id,industry,country,name\n"
           "1,Software,England,Select\n"
           "2,Select,Select,Acme\n"
           "3,None,,  \n"
           "4,software,narnia,x\n"
           "5,Farming,narnia,x\n"
           "6,Farming,,x\n",
           NULL, 0.01);
    cr_assert_eq(run.status, ASSAY_E_DATA, "company.name and contact.name both fit `name`");
    io_done(&run);
    io_run(&run, io_schema(),
           "leads: {nulls: [Select], values: {company.industry: {Software: tech, None: \"\"}, company.country: {England: GB}},"
           " fields: {company.name: name}}",
           "id,industry,country,name\n"
           "1,Software,England,Select\n"
           "2,Select,Select,Acme\n"
           "3,None,,  \n"
           "4,software,narnia,x\n"
           "5,Farming,narnia,x\n"
           "6,Farming,,x\n",
           NULL, 0.01);
    expect_ok(&run);
    expect_text(text_at(&run, INDUSTRY, 0), "tech", "alias");
    expect_text(text_at(&run, COUNTRY, 0), "GB", "alias");
    cr_expect(!asy_column_filled(&run.store.columns[INDUSTRY], 1));
    cr_expect(!asy_column_filled(&run.store.columns[INDUSTRY], 2));
    cr_expect(!asy_column_filled(&run.store.columns[NAME], 0));
    cr_expect(asy_column_filled(&run.store.columns[NAME], 1));
    cr_expect(!asy_column_filled(&run.store.columns[NAME], 2));
    const struct asy_bad_values *bad = report_of(&run)->bad_values;
    cr_expect_eq(bad[INDUSTRY].n, 3);
    expect_text(bad[INDUSTRY].examples[0].text, "Farming", "most frequent");
    cr_expect_eq(bad[INDUSTRY].examples[0].n, 2);
    expect_text(bad[INDUSTRY].examples[1].text, "software", "aliases are exact");
    cr_expect_eq(bad[INDUSTRY].examples[2].n, 0);
    cr_expect_eq(bad[COUNTRY].n, 2);
    cr_expect_eq(report_of(&run)->n_required_empty[EMAIL], 6);
    io_done(&run);
}

Test(io_ingest, dates, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { const char *map, *cell, *value, *message; } cases[] = {
        {NULL, "01-02-2018", NULL,
         "leads.csv:2: column `Created`: expected a date that reads one way, found `01-02-2018` (day or month first?); say which in "
         "the map file (--map): `leads: {dates: \"%d-%m-%Y\"}` or `leads: {dates: \"%m-%d-%Y\"}`"},
        {NULL, "01/02/2018 10:30", NULL,
         "leads.csv:2: column `Created`: expected a date that reads one way, found `01/02/2018 10:30` (day or month first?); say "
         "which in the map file (--map): `leads: {dates: \"%d/%m/%Y %H:%M\"}` or `leads: {dates: \"%m/%d/%Y %H:%M\"}`"},
        {"leads: {dates: \"%d-%m-%Y\"}", "01-02-2018", "2018-02-01", NULL},
        {"leads: {dates: {lead.created: \"%m-%d-%Y\"}}", "01-02-2018", "2018-01-02", NULL},
        /* a file's format is for the dates that need one */
        {"leads: {dates: \"%d-%m-%Y\"}", "2018-02-01", "2018-02-01", NULL},
        {"leads: {dates: {lead.created: \"%m-%d-%Y\"}}", "2018-02-01", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct io_run run;
        char leads[200];
        snprintf(leads, sizeof(leads), "id,Created\n1,%s\n", cases[i].cell);
        io_run(&run, io_schema(), cases[i].map, leads, NULL, 0.01);
        if (cases[i].message) {
            cr_expect_eq(run.status, ASSAY_E_DATA, "case %zu", i);
            cr_expect_str_eq(run.error.text, cases[i].message, "case %zu:\n  %s\n  %s", i, run.error.text, cases[i].message);
        } else {
            expect_ok(&run);
            int64_t at = asy_column_int(&run.store.columns[CREATED], 0);
            cr_expect_eq(at, cases[i].value ? us(cases[i].value) : ASY_TIME_EMPTY, "case %zu", i);
        }
        io_done(&run);
    }
}

Test(io_ingest, derived_fields_and_defaults, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), NULL,
           "id,email,title,seniority,opted_out\n"
           "1,Ann@Example.COM,Vice President Sales,,\n"
           "2,bob@x.org,Account Manager,ic,yes\n"
           "3,nobody,Clerk,,maybe\n"
           "4,,,,\n",
           NULL, 0.01);
    expect_ok(&run);
    static const char *const domains[] = {"example.com", "x.org", "", ""}, *const levels[] = {"vp", "ic", "ic", ""},
                            *const flags[] = {"false", "true", "false", "false"};
    for (uint32_t row = 0; row < 4; row++) {
        expect_text(text_at(&run, DOMAIN, row), domains[row], "domain");
        expect_text(text_at(&run, SENIORITY, row), levels[row], "seniority");
        expect_text(text_at(&run, OPTED_OUT, row), flags[row], "opted_out");
    }
    cr_expect_eq(report_of(&run)->bad_values[OPTED_OUT].n, 1);
    cr_expect_eq(report_of(&run)->n_required_empty[EMAIL], 1);
    io_done(&run);
}

/* ---- lead rows ---- */

#define DUPLICATE_CURE "drop one of them, or name another key with --map (leads: {key: COLUMN})"

Test(io_ingest, rejected_leads, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), NULL, "id,email\n 1 ,a\n2\n,c\n1,\"d,\"\"e\"\n3,f\n", NULL, 0.6);
    expect_ok(&run);
    const struct asy_ingest_report *report = report_of(&run);
    cr_expect_eq(report->files[0].n_rows, 5);
    cr_expect_eq(report->files[0].n_kept, 2);
    cr_expect_eq(report->files[0].n_rejected, 3);
    expect_text(asy_keys_text(&run.store.keys, 0), "1", "keys are trimmed");
    cr_expect_str_eq(io_text("rejects.csv"), "file,line,column,reason,row\n"
                                             "leads.csv,3,,\"expected 2 cells, found 1\",2\n"
                                             "leads.csv,4,id,the lead id is empty,\",c\"\n"
                                             "leads.csv,5,id,\"duplicate lead id (first on line 2); " DUPLICATE_CURE "\",\"1,\"\"d,\"\"\"\"e\"\"\"\n",
                     "%s", io_text("rejects.csv"));
    io_done(&run);
}

Test(io_ingest, duplicate_names_its_first_row, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    struct assay_error error;
    io_run(&run, io_schema(), NULL, NULL, NULL, 0.9);
    io_done(&run);
    io_file("a.csv", "id,email\n1,x\nbroken\n2,y\n2,z\n");
    io_file("b.csv", "id,email\n2,y\n3,\"y\n\n\"\n\n3,y\n"); /* lines of the file, not rows */
    struct asy_schema *schema = io_schema();
    asy_mem_init(&run.mem, NULL);
    asy_map_init(&run.map, &run.mem);
    asy_diags_init(&run.diags, &run.mem);
    cr_assert_eq(asy_store_init(&run.store, &run.mem, schema, 1, &error), ASSAY_OK);
    cr_assert_eq(asy_rejects_open(&run.rejects, &run.mem, "r.csv", &error), ASSAY_OK);
    run.options = (struct asy_ingest_options){.map = &run.map, .max_rejects = 1, .rejects = asy_rejects_sink(run.rejects)};
    cr_assert_eq(asy_ingest_new(&run.ingest, &run.mem, &run.store, &run.options, &error), ASSAY_OK);
    cr_assert_eq(asy_ingest_leads(run.ingest, "a.csv", &error), ASSAY_OK);
    cr_assert_eq(asy_ingest_leads(run.ingest, "b.csv", &error), ASSAY_OK);
    cr_expect_eq(asy_rejects_count(run.rejects), 4);
    cr_assert_eq(asy_rejects_commit(run.rejects, &error), ASSAY_OK);
    cr_expect_not_null(strstr(io_text("r.csv"), "a.csv,5,id,\"duplicate lead id (first on line 4); " DUPLICATE_CURE "\","), "%s", io_text("r.csv"));
    cr_expect_not_null(strstr(io_text("r.csv"), "b.csv,2,id,\"duplicate lead id (first on line 4 of a.csv); " DUPLICATE_CURE "\","));
    cr_expect_not_null(strstr(io_text("r.csv"), "b.csv,7,id,\"duplicate lead id (first on line 3); " DUPLICATE_CURE "\","));
    io_done(&run);
}

Test(io_ingest, share_of_rejects, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { int n_rows, n_bad; double share; bool is_ok; } cases[] = {
        {100, 1, 0.01, true}, {100, 2, 0.01, false}, {99, 1, 0.01, false}, {2900, 29, 0.01, true},
        {50, 1, 0.01, false}, {3, 3, 1.0, true},     {3, 0, 0.0, true},    {3, 1, 0.0, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static char leads[1 << 16];
        struct io_run run;
        size_t used = (size_t)sprintf(leads, "id,email\n");
        for (int row = 0; row < cases[i].n_rows; row++)
            used += (size_t)sprintf(leads + used, row < cases[i].n_bad ? ",x\n" : "%d,x\n", row);
        io_run(&run, io_schema(), NULL, leads, NULL, cases[i].share);
        cr_expect_eq(run.status, cases[i].is_ok ? ASSAY_OK : ASSAY_E_DATA, "case %zu: %s", i, run.error.text);
        if (i == 1)
            cr_expect_str_eq(run.error.text,
                             "leads.csv: 2 of 100 rows were rejected (2.0 %), more than the 1 % that --max-rejects allows; first: "
                             "leads.csv:2: the lead id is empty; leads.csv:3: the lead id is empty",
                             "%s", run.error.text);
        io_done(&run);
    }
}

Test(io_ingest, row_number_as_key, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), "leads: {key: row_number}", "industry,email\ntech,a\nbroken\nother,b\n",
           "lead_id,event,time\n3,purchase,2026-01-01\n2,purchase,2026-01-01\n", 0.5);
    expect_ok(&run);
    cr_assert_eq(run.store.n_leads, 2);
    expect_text(asy_keys_text(&run.store.keys, 0), "1", "first");
    expect_text(asy_keys_text(&run.store.keys, 1), "3", "the rejected row keeps its number");
    cr_expect_eq(report_of(&run)->n_unknown_lead, 1);
    cr_expect_eq(report_of(&run)->n_events_kept, 1);
    io_done(&run);
}

/* ---- NDJSON ---- */

Test(io_ingest, ndjson_keys_may_come_later, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), NULL,
           "{\"id\":1,\"email\":\"a@x.com\"}\n"
           "{\"id\":2,\"company\":{\"industry\":\"tech\",\"employees\":7},\"colour\":\"red\"}\n"
           "{\"company\":{\"industry\":\"other\"},\"id\":3,\"opted_out\":true}\n",
           "{\"time\":\"2026-01-01\",\"event\":\"purchase\",\"lead_id\":2}\n", 0.01);
    expect_ok(&run);
    cr_assert_eq(run.store.n_leads, 3);
    expect_text(text_at(&run, DOMAIN, 0), "x.com", "domain");
    expect_text(text_at(&run, INDUSTRY, 0), "", "industry");
    expect_text(text_at(&run, INDUSTRY, 1), "tech", "industry");
    cr_expect_eq(asy_column_int(&run.store.columns[EMPLOYEES], 1), 7);
    expect_text(text_at(&run, INDUSTRY, 2), "other", "industry");
    expect_text(text_at(&run, OPTED_OUT, 2), "true", "opted_out");
    cr_expect_eq(report_of(&run)->n_events_kept, 1);
    cr_assert_eq(report_of(&run)->n_unused_columns, 1);
    expect_text(report_of(&run)->unused_columns[0], "leads.csv: colour", "unused");
    io_done(&run);
}

Test(io_ingest, ndjson_mistakes, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { const char *map, *leads, *message; } cases[] = {
        {NULL, "{\"key\":1}\n{\"key\":2}\n",
         "leads.csv: expected a column `lead_id` or `id`, found `key`; name the key column in a map file (--map): `leads: {key: "
         "COLUMN}`, or number the rows: `leads: {key: row_number}`"},
        {NULL, "{\"id\":1,\"industry\":\"tech\"}\n{\"id\":2,\"Industry\":\"tech\"}\n",
         "leads.csv: company.industry: expected one column, found `industry` and `Industry`; choose one in the map file (--map): "
         "`leads: {fields: {company.industry: \"industry\"}}`"},
        {NULL, "{\"id\":1,\"industry\":\"tech\"}\n{\"id\":2,\"company.industry\":\"tech\"}\n",
         "leads.csv: company.industry: expected one column, found `industry` and `company.industry`; choose one in the map file "
         "(--map): `leads: {fields: {company.industry: \"industry\"}}`"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct io_run run;
        io_run(&run, io_schema(), cases[i].map, cases[i].leads, NULL, 0.01);
        cr_expect_eq(run.status, ASSAY_E_DATA, "case %zu", i);
        cr_expect_str_eq(run.error.text, cases[i].message, "case %zu:\n  found    %s\n  expected %s", i, run.error.text,
                         cases[i].message);
        io_done(&run);
    }
}

/* A broken first line is one rejected row: what comes behind it is read as if it were the first. */
Test(io_ingest, ndjson_whose_first_line_is_broken, .init = io_folder, .fini = io_folder_gone)
{
    static const char *const first[] = {"{\"id\":9,\"em", "{\"id\":9,", "{\"id\":}", "{", "[{\"id\":9}]", "{\"id\":9} x"};
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        struct io_run run;
        char leads[300];
        snprintf(leads, sizeof(leads),
                 "%s\n{\"id\":1,\"industry\":\"other\",\"company.industry\":\"tech\"}\n{\"id\":2,\"employees\":1e1}\n", first[i]);
        io_run(&run, io_schema(), NULL, leads, NULL, 0.5);
        cr_assert_eq(run.status, ASSAY_OK, "case %zu: %s", i, run.error.text);
        cr_expect_eq(report_of(&run)->files[0].n_rows, 3, "case %zu", i);
        cr_expect_eq(report_of(&run)->files[0].n_rejected, 1, "case %zu", i);
        expect_text(text_at(&run, INDUSTRY, 0), "tech", "columns of the first good row are weighed together");
        cr_expect_eq(asy_column_int(&run.store.columns[EMPLOYEES], 1), 10);
        cr_expect_not_null(strstr(io_text("rejects.csv"), "leads.csv,1,,"), "case %zu: %s", i, io_text("rejects.csv"));
        io_done(&run);
    }
    struct io_run run;
    io_run(&run, io_schema(), NULL, "{\"id\":1,\"email\"", NULL, 0.5);
    cr_expect_eq(run.status, ASSAY_E_DATA);
    cr_expect_str_eq(run.error.text, "leads.csv: 1 of 1 rows were rejected (100.0 %), more than the 50 % that --max-rejects allows; first: "
                                     "leads.csv:1: JSON, byte 16: expected `:` behind a name, found the end of the line");
    io_done(&run);
}

/* An export of no events is an empty file; of leads, or of CSV, it is a mistake. */
Test(io_ingest, empty_files, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { const char *name, *text; bool is_leads; const char *message; } cases[] = {
        {"e.ndjson", "", false, NULL},
        {"e.jsonl", "", false, NULL},
        {"e.jsonl", "\n \r\n\t", false, NULL},
        {"e.jsonl", "\xef\xbb\xbf", false, NULL},
        {"e.jsonl.gz", "", false, NULL},
        {"e.ndjson.zst", "", false, NULL},
        {"e.csv", "", false, "e.csv: has no header: expected a first line with the names of the columns, found an empty file"},
        {"ndjson", "", false, "ndjson: has no header: expected a first line with the names of the columns, found an empty file"},
        {"e.csv", "lead_id,event,time\n", false, NULL},
        {"l.ndjson", "", true, "l.ndjson: expected leads, found an empty file"},
        {"l.csv", "", true, "l.csv: has no header: expected a first line with the names of the columns, found an empty file"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct io_run run;
        struct assay_error error = {0};
        io_run(&run, io_schema(), NULL, "id,email\n1,x\n", NULL, 0.01);
        asy_ingest_free(run.ingest);
        run.options.rejects = (struct asy_reject_sink){0};
        cr_assert_eq(asy_ingest_new(&run.ingest, &run.mem, &run.store, &run.options, &error), ASSAY_OK);
        io_file(cases[i].name, cases[i].text);
        assay_status status = cases[i].is_leads ? asy_ingest_leads(run.ingest, cases[i].name, &error)
                                                : asy_ingest_events(run.ingest, cases[i].name, &error);
        cr_expect_eq(status, cases[i].message ? ASSAY_E_DATA : ASSAY_OK, "case %zu: %s", i, error.text);
        if (cases[i].message)
            cr_expect_str_eq(error.text, cases[i].message, "case %zu: %s", i, error.text);
        cr_expect_eq(asy_ingest_report(run.ingest)->files[0].n_rows, 0);
        io_done(&run);
    }
}

/* ---- progress, memory ---- */

static bool stop(void *ctx, struct asy_str file, uint64_t n_rows, uint64_t done_bytes, uint64_t total_bytes)
{
    (void)file;
    (void)total_bytes;
    *(uint64_t *)ctx = n_rows + (done_bytes == 0);
    return false;
}

Test(io_ingest, stops_when_told_to, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    struct assay_error error;
    uint64_t seen = 0;
    io_run(&run, io_schema(), NULL, "id,email\n1,x\n", NULL, 0.01);
    asy_ingest_free(run.ingest);
    run.options.progress = stop;
    run.options.progress_ctx = &seen;
    run.options.rejects = (struct asy_reject_sink){0};
    cr_assert_eq(asy_ingest_new(&run.ingest, &run.mem, &run.store, &run.options, &error), ASSAY_OK);
    io_file("more.csv", "id,email\n2,x\n");
    cr_expect_eq(asy_ingest_leads(run.ingest, "more.csv", &error), ASSAY_E_CANCELLED);
    cr_expect_str_eq(error.text, "more.csv: interrupted after 1 rows");
    cr_expect_eq(seen, 1);
    io_done(&run);
}

/* Every allocation fails once: no crash, no leak, and the message says why. With small buffers rows come in many blocks. */
static void check_without_memory(size_t buffer_bytes)
{
    static struct asy_str names[] = {{"page", 4}};
    static const char map_text[] = "leads: {values: {company.industry: {Software: tech}}}\n"
                                   "events: {key: {field: contact.email, column: mail}, distinct: [page], names: {buy: purchase}}\n";
    struct asy_schema *schema = io_schema();
    schema->n_properties = 1;
    schema->properties = names;
    io_file("leads.csv", "id,email,title,industry,employees,other\n1,a@x.com,VP,Software,x,1\n1,b@y.com,,,2,\n2,c@y.com,ic,z,3,\n");
    io_file("events.csv", "mail,event,time,page\na@x.com,buy,2026-01-01,/p\na@x.com,login,2026-01-01,/p\nq,buy,2026-01-01,\n"
                          "c@y.com,buy,,\nc@y.com,buy,2026-01-02,\n");
    bool is_done = false;
    int64_t k = 0;
    for (; !is_done && k < 2000; k++) {
        struct failing failing;
        struct asy_mem mem;
        struct asy_map map;
        struct asy_diags diags;
        struct asy_store store;
        struct asy_ingest *ingest = NULL;
        struct asy_rejects *rejects = NULL;
        struct assay_error error = {0};
        failing_init(&mem, &failing, k);
        asy_diags_init(&diags, &mem);
        diags.path = ASY_STR("map.yaml");
        diags.source = asy_str_of(map_text);
        assay_status status = asy_map_load(&map, &mem, schema, &diags, &error);
        assay_status store_status = status == ASSAY_OK ? asy_store_init(&store, &mem, schema, 1, &error) : status;
        if ((status = store_status) == ASSAY_OK)
            status = asy_rejects_open(&rejects, &mem, "rejects.csv", &error);
        if (status == ASSAY_OK) {
            struct asy_ingest_options options = {.map = &map, .rejects = asy_rejects_sink(rejects), .max_rejects = 1,
                                                 .as_of_s = 2000000000, .buffer_bytes = buffer_bytes};
            status = asy_ingest_new(&ingest, &mem, &store, &options, &error);
        }
        if (status == ASSAY_OK)
            status = asy_ingest_leads(ingest, "leads.csv", &error);
        if (status == ASSAY_OK)
            status = asy_ingest_events(ingest, "events.csv", &error);
        if (status == ASSAY_OK)
            status = asy_ingest_finish(ingest, 1, &error);
        if (status == ASSAY_OK) {
            cr_expect_eq(asy_ingest_report(ingest)->n_events_kept, 2);
            cr_expect_eq(asy_rejects_count(rejects), 2);
        } else {
            cr_expect_eq(status, ASSAY_E_NOMEM, "allocation %lld: %d %s", (long long)k, status, error.text);
            cr_expect_not_null(strstr(error.text, "memory"), "allocation %lld: %s", (long long)k, error.text);
        }
        is_done = status == ASSAY_OK && failing.n_left > 0;
        asy_ingest_free(ingest);
        asy_rejects_abort(rejects);
        if (store_status == ASSAY_OK)
            asy_store_fini(&store);
        asy_map_fini(&map);
        asy_diags_fini(&diags);
        cr_expect_eq(failing.n_bytes, 0, "allocation %lld: %lld bytes stayed", (long long)k, (long long)failing.n_bytes);
    }
    cr_expect(is_done);
    cr_expect_gt(k, 50);
}

Test(io_ingest, without_memory, .init = io_folder, .fini = io_folder_gone)
{
    check_without_memory(0);
    check_without_memory(64);
}

/* ---- order ---- */

/* What a row that is not taken holds does not count: no bad value, no empty required field, no date that reads two ways. */
Test(io_ingest, rows_that_are_not_taken_leave_no_trace, .init = io_folder, .fini = io_folder_gone)
{
    static const char leads[] = "id,industry,created,email\n"
                                "1,tech,2026-01-02,a@x\n"
                                "1,bad1,01/02/2018,\n"
                                ",bad2,01/02/2018,\n"
                                "2,bad3,soon,\n"
                                "3,tech\n"
                                "2,bad4,01/02/2018,\n";
    for (size_t buffer_bytes = 0; buffer_bytes <= 64; buffer_bytes += 64) {
        struct io_run run;
        io_run_with(&run, io_schema(), NULL, leads, NULL, 1, 2, buffer_bytes);
        expect_ok(&run);
        const struct asy_ingest_report *report = report_of(&run);
        cr_expect_eq(report->files[0].n_kept, 2);
        cr_expect_eq(report->files[0].n_rejected, 4);
        cr_expect_eq(report->bad_values[INDUSTRY].n, 1);
        expect_text(report->bad_values[INDUSTRY].examples[0].text, "bad3", "of a row that is taken");
        cr_expect_eq(report->bad_values[CREATED].n, 1);
        cr_expect_eq(report->n_required_empty[EMAIL], 1);
        cr_expect(asy_column_filled(&run.store.columns[INDUSTRY], 0));
        cr_expect(!asy_column_filled(&run.store.columns[INDUSTRY], 1));
        io_done(&run);
    }
}

/* A date that reads two ways stops the run at its row: what is wrong before it is told, what comes behind it is not. */
Test(io_ingest, date_that_reads_two_ways_stops_at_its_row, .init = io_folder, .fini = io_folder_gone)
{
    for (size_t buffer_bytes = 0; buffer_bytes <= 64; buffer_bytes += 64) {
        struct io_run run;
        io_run_with(&run, io_schema(), NULL, "id,created\n1,2026-01-02\n,x\n1,01/02/2018\n2,03/04/2018\n3,05/06/2018\n1,x\n4\n", NULL, 1, 3,
                    buffer_bytes);
        cr_expect_eq(run.status, ASSAY_E_DATA);
        cr_expect_not_null(strstr(run.error.text, "leads.csv:5: column `created`: expected a date that reads one way, found `03/04/2018`"), "%s",
                           run.error.text);
        cr_expect_eq(report_of(&run)->files[0].n_rows, 4);
        cr_expect_eq(report_of(&run)->files[0].n_rejected, 2);
        cr_expect_not_null(strstr(io_text("rejects.csv"), "leads.csv,4,id,\"duplicate lead id (first on line 2);"), "%s", io_text("rejects.csv"));
        io_done(&run);
    }
}

/* A text is a bad one of its own cell first, then of what was derived for the row, row after row: the first 1,000 are told apart. */
Test(io_ingest, bad_values_are_counted_in_the_order_of_rows, .init = io_folder, .fini = io_folder_gone)
{
    static char leads[1 << 17];
    size_t used = (size_t)sprintf(leads, "id,industry\n");
    for (int row = 0; row < 3000; row++)
        used += (size_t)sprintf(leads + used, "%d,b%d\n", row, row < 999 ? row : row < 2000 ? 5000 : 6000);
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads++) {
        struct io_run run;
        io_run_with(&run, io_schema(), NULL, leads, NULL, 1, n_threads, 2000);
        expect_ok(&run);
        const struct asy_bad_values *bad = &report_of(&run)->bad_values[INDUSTRY];
        cr_expect_eq(bad->n, 3000);
        expect_text(bad->examples[0].text, "b5000", "the thousandth");
        cr_expect_eq(bad->examples[0].n, 1001);
        expect_text(bad->examples[1].text, "b0", "one more is not told apart");
        io_done(&run);
    }
}

/* One thread waits for more of a pipe when another finds what stops the run: that is not waited for. */
Test(io_ingest, an_error_is_told_though_a_pipe_stays_open, .init = io_folder, .fini = io_folder_gone, .timeout = 60)
{
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads++) {
        struct io_run run;
        struct asy_ingest *ingest;
        int ends[2];
        char path[64], text[400] = "id,created\n1,03/04/2018\n";
        io_run_with(&run, io_schema(), NULL, NULL, NULL, 1, 1, 0);
        run.options.n_threads = n_threads;
        run.options.buffer_bytes = 64;
        run.options.rejects = (struct asy_reject_sink){0};
        cr_assert_eq(asy_ingest_new(&ingest, &run.mem, &run.store, &run.options, &run.error), ASSAY_OK);
        for (int row = 2; row < 30; row++)
            sprintf(text + strlen(text), "%d,\n", row);
        cr_assert_eq(pipe(ends), 0);
        cr_assert_eq(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
        snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
        cr_expect_eq(asy_ingest_leads(ingest, path, &run.error), ASSAY_E_DATA);
        cr_expect_not_null(strstr(run.error.text, ":2: column `created`: expected a date that reads one way"), "%s", run.error.text);
        close(ends[0]);
        close(ends[1]);
        asy_ingest_free(ingest);
        io_done(&run);
    }
}
