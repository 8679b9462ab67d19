/* Event files into the store: what each row counts as, joining, properties, distinct. */
#include "io_fixture.h"

#include "store/events.h"

Test(io_ingest_events, every_event_row_is_counted_once, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), "events: {skip_when_key_empty: true, names: {Page View: page_view, buy: purchase}}",
           "id,email\na,x\nb,y\n",
           "Lead ID,Event,Time,Agent\n"
           "a,page_view,2026-10-31T23:59:59Z,z\n"
           "a,Page View,2026-10-31 12:00:00,z\n"
           "b,buy,2023-11-14T22:13:19.000001Z,z\n"
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
    cr_expect_eq(report->n_events_kept, 3);
    cr_expect_eq(report->n_future, 3, "a fraction behind as_of is after it");
    cr_expect_eq(report->n_key_empty, 1);
    cr_expect_eq(report->n_unknown_lead, 1);
    cr_expect_eq(report->n_unknown_event, 3);
    cr_assert_eq(report->n_unknown_names, 2);
    expect_text(report->unknown_names[0].name, "login", "unknown name");
    cr_expect_eq(report->unknown_names[0].n, 2);
    expect_text(report->unknown_names[1].name, "logout", "unknown name");
    cr_expect_eq(report->files[1].n_rows, 11);
    cr_expect_eq(report->files[1].n_kept, 3);
    cr_expect_eq(report->files[1].n_rejected, 0);
    expect_text(report->unused_columns[0], "events.csv: Agent", "unused");
    const uint32_t *first = asy_events_first(&run.store.events), *time = asy_events_time(&run.store.events);
    cr_expect_eq(first[1], 2);
    cr_expect_eq(time[0], us("2026-10-31T12:00:00Z") / 1000000);
    cr_expect_eq(time[1], us("2026-10-31T23:59:59Z") / 1000000);
    cr_expect_eq(first[2], 3);
    cr_expect_eq(time[2], 1700000000, "fractions count as the next second: no event counts before it happened");
    io_done(&run);
}

Test(io_ingest_events, rejected_events, .init = io_folder, .fini = io_folder_gone)
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
           "a,purchase,1970-01-01T00:00:00Z\n"
           "a,purchase,1970-01-01T00:00:01Z\n",
           1.0);
    expect_ok(&run);
    cr_expect_eq(report_of(&run)->n_events_kept, 1);
    cr_expect_eq(report_of(&run)->n_future, 1, "a time far ahead is later than as_of, and not malformed");
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
        "events.csv,9,time,the time is not after 1970-01-01T00:00:00Z,\"a,purchase,1969-12-31T23:59:59Z\"\n"
        "events.csv,11,time,the time is not after 1970-01-01T00:00:00Z,\"a,purchase,1970-01-01T00:00:00Z\"\n",
        "%s", io_text("rejects.csv"));
    io_done(&run);
}

Test(io_ingest_events, event_header_mistakes, .init = io_folder, .fini = io_folder_gone)
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
        {NULL, "lead_id,event,event,time\n1,2,3,4\n",
         "events.csv:1: header: expected different names, found `event` in column 2 and in column 3; rename one of them"},
        {"events: {distinct: [invoice]}", "lead_id,event,invoice,time,invoice\n",
         "events.csv:1: header: expected different names, found `invoice` in column 3 and in column 5; rename one of them"},
        {"events: {key: {field: lead.created, column: at}, event: {const: purchase}}", "at,time\n1/2/26,2026-01-01\n",
         "events.csv:2: column `at`: expected a date that reads one way, found `1/2/26` (day or month first?); say which in the map "
         "file (--map): `events: {dates: \"%d/%m/%y\"}` or `events: {dates: \"%m/%d/%y\"}`"},
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

Test(io_ingest_events, events_joined_by_a_field, .init = io_folder, .fini = io_folder_gone)
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

/* Events find a lead by the value of the field, however either side writes it. */
Test(io_ingest_events, events_joined_by_a_typed_field, .init = io_folder, .fini = io_folder_gone)
{
    static const struct { const char *field, *of_leads, *of_events, *lead, *other, *event; bool is_found; } cases[] = {
        {"company.employees", "", "", "7", "8", "7.0", true},
        {"company.employees", "", "", "7.0", "8", "7", true},
        {"company.employees", "", "", "-70", "8", "-7e1", true},
        {"company.employees", "", "", "7", "8", "7.5", false},
        {"company.employees", "", "", "7", "8", "seven", false},
        {"company.employees", "values: {company.employees: {seven: 7}}", "", "7", "8", "seven", true},
        {"company.revenue", "", "", "1e3", "8", "1000.00", true},
        {"company.revenue", "", "", "-0", "8", "0", true},
        {"company.revenue", "", "", "0.1", "8", "0.10000000000000001", true},
        {"company.revenue", "", "", "0.1", "8", "0.2", false},
        {"company.country", "", "", "Germany", "FR", "DEU", true},
        {"company.country", "values: {company.country: {England: GB}}", "", "UK", "FR", "England", true},
        {"company.country", "", "", "Germany", "FR", "Narnia", false},
        {"contact.opted_out", "", "", "yes", "no", "TRUE", true},
        {"company.industry", "", "", "tech", "other", "tech", true},
        {"company.industry", "", "", "tech", "other", "Tech", false},
        {"company.industry", "values: {company.industry: {Software: tech}}", "", "Software", "other", "Software", true},
        {"lead.created", "", "", "2026-01-02", "2026-01-03", "2026-01-02T01:00:00+01:00", true},
        {"lead.created", "", "", "2026-01-02 00:00:00.5", "2026-01-02", "2026-01-02T00:00:00.500Z", true},
        {"lead.created", "dates: \"%d/%m/%Y\"", ", dates: \"%m-%d-%Y\"", "02/01/2026", "2026-01-03", "01-02-2026", true},
        {"contact.email", "", "", "a@x", "7", " a@x ", true},
        {"contact.email", "", "", "7", "8", "7.0", false},
        {"contact.email", "values: {contact.email: {old@x: new@x}}", "", "new@x", "8", "old@x", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct io_run run;
        char map[400], leads[200], events[200];
        snprintf(map, sizeof(map), "leads: {%s}\nevents: {key: {field: %s, column: k}%s}\n", cases[i].of_leads, cases[i].field,
                 cases[i].of_events);
        snprintf(leads, sizeof(leads), "id,%s\n1,%s\n2,%s\n", cases[i].field, cases[i].other, cases[i].lead);
        snprintf(events, sizeof(events), "k,event,time\n%s,purchase,2026-01-01\n", cases[i].event);
        io_run(&run, io_schema(), map, leads, events, 0.01);
        cr_assert_eq(run.status, ASSAY_OK, "case %zu: %s", i, run.error.text);
        const uint32_t *first = asy_events_first(&run.store.events);
        cr_expect_eq(first[1], 0, "case %zu: went to the other lead", i);
        cr_expect_eq(first[2], cases[i].is_found, "case %zu", i);
        cr_expect_eq(report_of(&run)->n_unknown_lead, !cases[i].is_found, "case %zu", i);
        io_done(&run);
    }
}

/* Two spellings of one value are one value: the second lead repeats it. */
Test(io_ingest_events, join_values_are_repeated_by_value, .init = io_folder, .fini = io_folder_gone)
{
    struct io_run run;
    io_run(&run, io_schema(), "events: {key: {field: company.employees, column: k}}", "id,employees\n1,7.0\n2,7\n3,\n4,x\n",
           "k,event,time\n7,purchase,2026-01-01\n x ,purchase,2026-01-01\n", 0.01);
    expect_ok(&run);
    cr_expect_eq(asy_events_first(&run.store.events)[1], 1);
    cr_expect_eq(run.store.events.n, 1);
    cr_expect_eq(report_of(&run)->n_key_field_repeated, 1);
    cr_expect_eq(report_of(&run)->n_unknown_lead, 1);
    cr_expect_eq(report_of(&run)->bad_values[EMPLOYEES].n, 1);
    io_done(&run);
}

Test(io_ingest_events, properties, .init = io_folder, .fini = io_folder_gone)
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

Test(io_ingest_events, distinct_does_not_depend_on_the_order_of_rows, .init = io_folder, .fini = io_folder_gone)
{
    static struct asy_str names[] = {{"page", 4}};
    static const char *rows[] = {
        "a,purchase,100000009,536365,/z\n", "a,purchase,100000005,536365,/y\n", "a,purchase,100000005,536365,/x\n",
        "b,purchase,100000001,536365,/b\n", "a,page_view,100000002,536365,/n\n", "a,purchase,100000005,536366,/y\n",
        "a,purchase,100000007,,/e\n", "a,purchase,100000007,,/e\n", "b,purchase,100000001,536365,/b\n", "c,purchase,100000001,1,/b\n",
        "b,purchase,100000003,7,/a\n", "b,page_view,100000003,7,/z\n", "b,page_view,100000003,7,/y\n", "b,login,100000001,7,/a\n",
    };
    enum { N = sizeof(rows) / sizeof(rows[0]) };
    /* One event for each value, whatever its name: of a's 536365 the page view, which came first; of b's 7 that whose name, then
     * page, is least. Names that the rules do not know take no part. */
    static const char expected[] = "0 100000002 0 /n\n0 100000005 1 /y\n0 100000007 1 /e\n0 100000007 1 /e\n"
                                   "1 100000001 1 /b\n1 100000003 0 /y\n";
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
        cr_expect_eq(report_of(&run)->n_not_distinct, 6);
        cr_expect_eq(report_of(&run)->n_unknown_lead, 1);
        cr_expect_eq(report_of(&run)->n_unknown_event, 1);
        io_done(&run);
    }
}

Test(io_ingest_events, distinct_against_a_naive_table, .init = io_folder, .fini = io_folder_gone)
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
        used += (size_t)sprintf(events + used, "%u,%s,%u,v%u\n", lead, seed >> 63 ? "purchase" : "page_view", time, value);
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
