/* Files into the store: matching, values, derived fields, joining, rejects, counts. */
#include "io_fixture.h"

#include "failing_mem.h"
#include "store/events.h"

static const struct asy_ingest_report *report_of(const struct io_run *run)
{
    return asy_ingest_report(run->ingest);
}

static void expect_ok(const struct io_run *run)
{
    const char *reason = "";
    cr_assert_eq(run->status, ASSAY_OK, "%s", run->error.text);
    cr_expect(asy_store_valid(&run->store, &reason), "%s", reason);
}

static void expect_text(struct asy_str found, const char *expected, const char *what)
{
    cr_expect(asy_str_is(found, expected), "%s: found `%.*s`, expected `%s`", what, ASY_ARG(found), expected);
}

static struct asy_str text_at(const struct io_run *run, uint32_t field, uint32_t row)
{
    const struct asy_column *column = &run->store.columns[field];
    return asy_column_code_text(column, asy_column_code(column, row));
}

static int64_t us(const char *time)
{
    int64_t at = 0;
    cr_assert_eq(asy_time_read(asy_str_of(time), &at), ASY_TIME_OK);
    return at;
}

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
        {EMPLOYEES, "employees", ".0", NULL},
        {EMPLOYEES, "employees", "51-200", NULL},
        {EMPLOYEES, "employees", "-9223372036854775808", NULL},
        {REVENUE, "revenue", "1e6", "1000000"},
        {REVENUE, "revenue", "$5", NULL},
        {REVENUE, "revenue", "nan", NULL},
        {COUNTRY, "country", "de", "DE"},
        {COUNTRY, "country", "DEU", "DE"},
        {COUNTRY, "country", "Germany", "DE"},
        {COUNTRY, "country", "Narnia", NULL},
        {INDUSTRY, "industry", "Tech", "tech"},
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
                                             "leads.csv,5,id,duplicate lead id (first on row 1),\"1,\"\"d,\"\"\"\"e\"\"\"\n",
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
    io_file("b.csv", "id,email\n2,y\n3,y\n3,y\n");
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
    cr_expect_not_null(strstr(io_text("r.csv"), "a.csv,5,id,duplicate lead id (first on row 3),"), "%s", io_text("r.csv"));
    cr_expect_not_null(strstr(io_text("r.csv"), "b.csv,2,id,duplicate lead id (first on row 3 of a.csv),"));
    cr_expect_not_null(strstr(io_text("r.csv"), "b.csv,4,id,duplicate lead id (first on row 2),"));
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

/* ---- events ---- */

Test(io_ingest, every_event_row_is_counted_once, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), "events: {skip_when_key_empty: true, names: {Page View: page_view, buy: purchase}}",
           "id,email\na,x\nb,y\n",
           "Lead ID,Event,Time,Agent\n"
           "a,page_view,2026-10-31T23:59:59Z,z\n"
           "a,Page View,2026-10-31 12:00:00,z\n"
           "b,buy,1700000000,z\n"
           "b,purchase,2026-11-01T00:00:00.999Z,z\n"
           "b,purchase,2026-11-01T00:00:01Z,z\n"
           ",purchase,2026-01-01,z\n"
           "c,purchase,2026-01-01,z\n"
           "c,login,2026-01-01,z\n"
           "a,login,x,z\n"
           "a,logout,x,z\n"
           "c,purchase,2027-01-01,z\n",
           0.01);
    expect_ok(&run);
    const struct asy_ingest_report *report = report_of(&run);
    cr_expect_eq(report->n_events_kept, 4);
    cr_expect_eq(report->n_future, 2);
    cr_expect_eq(report->n_key_empty, 1);
    cr_expect_eq(report->n_unknown_lead, 1);
    cr_expect_eq(report->n_unknown_event, 3);
    cr_assert_eq(report->n_unknown_names, 2);
    expect_text(report->unknown_names[0].name, "login", "unknown name");
    cr_expect_eq(report->unknown_names[0].n, 2);
    expect_text(report->unknown_names[1].name, "logout", "unknown name");
    cr_expect_eq(report->files[1].n_rows, 11);
    cr_expect_eq(report->files[1].n_kept, 4);
    cr_expect_eq(report->files[1].n_rejected, 0);
    expect_text(report->unused_columns[0], "events.csv: Agent", "unused");
    const uint32_t *first = asy_events_first(&run.store.events), *time = asy_events_time(&run.store.events);
    cr_expect_eq(first[1], 2);
    cr_expect_eq(time[0], us("2026-10-31T12:00:00Z") / 1000000);
    cr_expect_eq(time[1], us("2026-10-31T23:59:59Z") / 1000000);
    cr_expect_eq(time[2], 1700000000);
    cr_expect_eq(time[3], us("2026-11-01T00:00:00Z") / 1000000, "fractions are floored, so this is not after as_of");
    io_done(&run);
}

Test(io_ingest, rejected_events, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), NULL, "id,email\na,x\n",
           "lead_id,event,time\n"
           "a,purchase\n"
           ",purchase,2026-01-01\n"
           "a,,2026-01-01\n"
           "a,purchase,\n"
           "a,purchase,yesterday\n"
           "a,purchase,2026-02-30\n"
           "a,purchase,2026-02-30T00:00:00Z\n"
           "a,purchase,1969-12-31T23:59:59Z\n"
           "a,purchase,2106-02-07T06:28:16Z\n"
           "a,purchase,1970-01-01T00:00:00Z\n",
           1.0);
    expect_ok(&run);
    cr_expect_eq(report_of(&run)->n_events_kept, 1);
    cr_expect_str_eq(
        io_text("rejects.csv"),
        "file,line,column,reason,row\n"
        "events.csv,2,,\"expected 3 cells, found 2\",\"a,purchase\"\n"
        "events.csv,3,lead_id,the lead's key is empty (the map's `skip_when_key_empty: true` counts such rows "
        "instead),\",purchase,2026-01-01\"\n"
        "events.csv,4,event,the event's name is empty,\"a,,2026-01-01\"\n"
        "events.csv,5,time,the time is empty,\"a,purchase,\"\n"
        "events.csv,6,time,`yesterday` is not a time,\"a,purchase,yesterday\"\n"
        "events.csv,7,time,`2026-02-30` is not a possible date,\"a,purchase,2026-02-30\"\n"
        "events.csv,8,time,`2026-02-30T00:00:00Z` is not a possible date,\"a,purchase,2026-02-30T00:00:00Z\"\n"
        "events.csv,9,time,the time is outside 1970-01-01 to 2106-02-07,\"a,purchase,1969-12-31T23:59:59Z\"\n"
        "events.csv,10,time,the time is outside 1970-01-01 to 2106-02-07,\"a,purchase,2106-02-07T06:28:16Z\"\n",
        "%s", io_text("rejects.csv"));
    io_done(&run);
}

Test(io_ingest, event_header_mistakes, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { const char *map, *events, *message; } cases[] = {
        {NULL, "lead,event,time\n",
         "events.csv: key: expected a column `lead_id`, found `lead`, `event`, `time`; name it in the map file (--map): "
         "`events: {key: COLUMN}`"},
        {NULL, "lead_id,type,time\n",
         "events.csv: event: expected a column `event`, found `lead_id`, `type`, `time`; name it in the map file (--map): "
         "`events: {event: COLUMN}`"},
        {"events: {time: ts}", "lead_id,event,tz\n",
         "events.csv: time: expected a column `ts`, found `lead_id`, `event`, `tz`; name it in the map file (--map): "
         "`events: {time: COLUMN}`; did you mean `tz`?"},
        {"events: {key: {field: contact.email, column: recipient}}", "lead_id,event,time\n",
         "events.csv: key: expected a column `recipient`, found `lead_id`, `event`, `time`; name it in the map file (--map): "
         "`events: {key: {field: contact.email, column: COLUMN}}`"},
        {"events: {distinct: [invoice]}", "lead_id,event,time\n",
         "events.csv: distinct: expected a column `invoice`, found `lead_id`, `event`, `time`; name it in the map file (--map): "
         "`events: {distinct: [COLUMN]}`"},
        {NULL, "lead_id,event,time,Time \n1,2,3,4\n", NULL}, /* exact wins */
        {NULL, "lead_id,event,TIME,Time\n1,2,3,4\n",
         "events.csv: time: expected one column, found `TIME` and `Time`; rename one, or choose in the map file (--map): "
         "`events: {time: COLUMN}`"},
        {NULL, "lead_id,event,time\na,purchase,3/4/26\n",
         "events.csv:2: column `time`: expected a date that reads one way, found `3/4/26` (day or month first?); say which in the map "
         "file (--map): `events: {dates: \"%d/%m/%y\"}` or `events: {dates: \"%m/%d/%y\"}`"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct io_run run;
        io_run(&run, io_schema(), cases[i].map, "id,email\na,x\n", cases[i].events, 0.01);
        cr_expect_eq(run.status, cases[i].message ? ASSAY_E_DATA : ASSAY_OK, "case %zu: %s", i, run.error.text);
        if (cases[i].message)
            cr_expect_str_eq(run.error.text, cases[i].message, "case %zu:\n  found    %s\n  expected %s", i, run.error.text,
                             cases[i].message);
        io_done(&run);
    }
}

Test(io_ingest, events_joined_by_a_field, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), "events: {key: {field: contact.email, column: recipient}, event: {const: purchase}, time: ts}",
           "id,email\n1,a@x\n2,b@x\n3,a@x\n4,\n", "recipient,ts\nb@x,2026-01-01\na@x,2026-01-02\nc@x,2026-01-03\na@x,2026-01-04\n",
           0.01);
    expect_ok(&run);
    const uint32_t *first = asy_events_first(&run.store.events);
    cr_expect_eq(first[1], 2, "the first lead with the value gets them");
    cr_expect_eq(first[2], 3);
    cr_expect_eq(first[4], 3);
    cr_expect_eq(report_of(&run)->n_key_field_repeated, 1);
    cr_expect_eq(report_of(&run)->n_unknown_lead, 1);
    io_done(&run);
}

Test(io_ingest, properties, .init = io_folder, .fini = io_folder_gone)
{
    static struct asy_str names[] = {{"page", 4}, {"Campaign", 8}, {"asset", 5}};
    struct asy_schema *schema = io_schema();
    struct io_run run;
    schema->n_properties = 3;
    schema->properties = names;
    io_run(&run, schema, "events: {properties: {page: url}, nulls: [none]}", "id,email\na,x\n",
           "lead_id,event,time,url,campaign\na,purchase,2026-01-02,/p,none\na,purchase,2026-01-01, /q ,c1\n", 0.01);
    expect_ok(&run);
    const struct asy_events *events = &run.store.events;
    expect_text(asy_events_property(events, asy_events_prop(events, 0), 0), "/q", "page");
    expect_text(asy_events_property(events, asy_events_prop(events, 0), 1), "c1", "campaign");
    expect_text(asy_events_property(events, asy_events_prop(events, 1), 0), "/p", "page");
    expect_text(asy_events_property(events, asy_events_prop(events, 1), 1), "", "campaign");
    cr_assert_eq(report_of(&run)->n_unmatched_properties, 1);
    expect_text(report_of(&run)->unmatched_properties[0], "asset", "unmatched property");
    io_done(&run);
}

/* One line an event kept: row, time, name, property. */
static void print_events(const struct io_run *run, char *out, size_t cap)
{
    const struct asy_events *events = &run->store.events;
    const uint32_t *first = asy_events_first(events);
    size_t used = 0;
    for (uint32_t row = 0; row < run->store.n_leads; row++)
        for (uint32_t i = first[row]; i < first[row + 1]; i++) {
            struct asy_str page = asy_events_property(events, asy_events_prop(events, i), 0);
            used += (size_t)snprintf(out + used, cap - used, "%u %u %u %.*s\n", row, asy_events_time(events)[i],
                                     asy_events_name(events)[i], ASY_ARG(page));
        }
}

Test(io_ingest, distinct_does_not_depend_on_the_order_of_rows, .init = io_folder, .fini = io_folder_gone)
{
    static struct asy_str names[] = {{"page", 4}};
    static const char *rows[] = {
        "a,purchase,100000009,536365,/z\n", "a,purchase,100000005,536365,/y\n", "a,purchase,100000005,536365,/x\n",
        "b,purchase,100000001,536365,/b\n", "a,page_view,100000002,536365,/n\n", "a,purchase,100000005,536366,/y\n",
        "a,purchase,100000007,,/e\n", "a,purchase,100000007,,/e\n", "b,purchase,100000001,536365,/b\n", "c,purchase,100000001,1,/b\n",
    };
    enum { N = sizeof(rows) / sizeof(rows[0]) };
    static const char expected[] = "0 100000002 0 /n\n0 100000005 1 /x\n0 100000005 1 /y\n0 100000007 1 /e\n0 100000007 1 /e\n"
                                   "1 100000001 1 /b\n";
    struct asy_schema *schema = io_schema();
    schema->n_properties = 1;
    schema->properties = names;
    uint64_t seed = 7;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < 60; round++) {
        char events[1000] = "lead_id,event,time,InvoiceNo,page\n", found[1000] = "";
        for (int i = N - 1; i > 0; i--) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            int k = (int)((seed >> 33) % (uint64_t)(i + 1));
            const char *swap = rows[i];
            rows[i] = rows[k];
            rows[k] = swap;
        }
        for (int i = 0; i < N; i++)
            strcat(events, rows[i]);
        struct io_run run;
        io_run(&run, schema, "events: {distinct: [InvoiceNo]}", "id,email\na,x\nb,y\n", events, 0.01);
        expect_ok(&run);
        print_events(&run, found, sizeof(found));
        cr_assert_str_eq(found, expected, "round %d:\n%s", round, found);
        cr_expect_eq(report_of(&run)->n_events_kept, 6);
        cr_expect_eq(report_of(&run)->n_not_distinct, 3);
        cr_expect_eq(report_of(&run)->n_unknown_lead, 1);
        io_done(&run);
    }
}

Test(io_ingest, distinct_against_a_naive_table, .init = io_folder, .fini = io_folder_gone)
{
    enum { N = 6000, LEADS = 40, VALUES = 60 };
    static char events[N * 40];
    static uint32_t earliest[LEADS][VALUES];
    char leads[LEADS * 8 + 16];
    size_t used = (size_t)sprintf(leads, "id,email\n");
    for (int i = 0; i < LEADS; i++)
        used += (size_t)sprintf(leads + used, "%d,x\n", i);
    used = (size_t)sprintf(events, "lead_id,event,time,v\n");
    uint64_t seed = 99, n_expected = 0;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < N; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t lead = (uint32_t)(seed >> 20) % LEADS, value = (uint32_t)(seed >> 32) % VALUES;
        uint32_t time = 100000000 + (uint32_t)(seed >> 45) % 1000;
        used += (size_t)sprintf(events + used, "%u,purchase,%u,v%u\n", lead, time, value);
        n_expected += earliest[lead][value] == 0;
        if (earliest[lead][value] == 0 || time < earliest[lead][value])
            earliest[lead][value] = time;
    }
    struct io_run run;
    io_run(&run, io_schema(), "events: {distinct: v}", leads, events, 0.01);
    expect_ok(&run);
    cr_expect_eq(run.store.events.n, n_expected);
    uint64_t sum = 0, expected_sum = 0;
    for (uint64_t i = 0; i < run.store.events.n; i++)
        sum += asy_events_time(&run.store.events)[i];
    for (int l = 0; l < LEADS; l++)
        for (int v = 0; v < VALUES; v++)
            expected_sum += earliest[l][v];
    cr_expect_eq(sum, expected_sum);
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

/* Every allocation fails once: no crash, no leak, and the message says why. */
Test(io_ingest, without_memory, .init = io_folder, .fini = io_folder_gone)
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
                                                 .as_of_s = 2000000000};
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
