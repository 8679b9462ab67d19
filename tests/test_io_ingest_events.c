/* Event files into the store: what each row counts as, joining, properties, distinct. */
#include "io_fixture.h"

#include "failing_mem.h"
#include "io/ingest_events.h"

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

/* ---- the quick loops ---- */

static uint32_t draw(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*seed >> 33) % n);
}

/* Every time that the loops read is what the general reader says, and nothing of the usual form is left to it; both loops agree. */
static void compare_times(const struct asy_event_times *times, const char *text, uint32_t end, const struct asy_span *cells, uint32_t n)
{
    enum { MOST = 4096 };
    static uint32_t plain_s[MOST], wide_s[MOST];
    static uint8_t plain_odd[MOST], wide_odd[MOST];
    struct asy_event_times plain = *times;
    plain.is_wide = false;
    memset(plain_odd, 0, n);
    memset(wide_odd, 0, n);
    bool is_any_plain = asy_event_times_read(&plain, text, end, cells, n, plain_s, plain_odd);
    bool is_any_wide = asy_event_times_read(times, text, end, cells, n, wide_s, wide_odd), is_any = false;
    for (uint32_t i = 0; i < n; i++) {
        struct asy_str cell = {text + cells[i].at, cells[i].len};
        int64_t at_us = 0;
        enum asy_time_parse parse = asy_time_read(cell, &at_us);
        int64_t at_s = at_us / 1000000;
        bool is_in = parse == ASY_TIME_OK && at_s > 0 && at_s <= (int64_t)times->latest_s;
        cr_assert_eq(plain_odd[i], wide_odd[i], "`%.*s`: plain %d, wide %d", ASY_ARG(cell), plain_odd[i], wide_odd[i]);
        is_any |= plain_odd[i];
        if (!plain_odd[i]) {
            cr_assert(is_in, "`%.*s` was read", ASY_ARG(cell));
            cr_assert_eq(plain_s[i], at_s, "`%.*s`: plain: found %u, expected %lld", ASY_ARG(cell), plain_s[i], (long long)at_s);
            cr_assert_eq(wide_s[i], at_s, "`%.*s`: wide: found %u, expected %lld", ASY_ARG(cell), wide_s[i], (long long)at_s);
        } else if (is_in && cells[i].at + ASY_EVENT_LOOK_BYTES <= end && at_s < INT64_C(4291747200)) { /* 2106 */
            bool is_usual = (cell.len == 19 || (cell.len == 20 && cell.p[19] == 'Z')) && cell.p[4] == '-' && cell.p[16] == ':' &&
                            (cell.p[10] == 'T' || cell.p[10] == ' ') && cell.p[17] != '6';
            cr_assert(!is_usual, "`%.*s` was not read", ASY_ARG(cell));
        }
    }
    cr_expect_eq(is_any_plain, is_any);
    cr_expect_eq(is_any_wide, is_any);
}

Test(io_ingest_events, usual_times_are_what_the_general_reader_says)
{
    enum { N = 2048 };
    static char text[N * 32];
    static struct asy_span cells[N];
    struct asy_mem mem;
    struct asy_pool pool;
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    uint64_t seed = 11;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    static const int64_t as_of_s[] = {0, -5, 1, 1700000000, 1793491200, UINT32_MAX, INT64_MAX};
    for (uint32_t round = 0; round < 210; round++) {
        struct asy_event_times times;
        cr_assert_eq(asy_event_times_init(&times, &pool, as_of_s[round % 7], 1, true), ASSAY_OK);
        uint32_t used = 0;
        for (uint32_t i = 0; i < N; i++) {
            static const char *usual[] = {"%04u-%02u-%02uT%02u:%02u:%02uZ", "%04u-%02u-%02u %02u:%02u:%02u",
                                          "%04u-%02u-%02uT%02u:%02u:%02u", "%04u-%02u-%02u %02u:%02u:%02uZ"};
            bool is_near = draw(&seed, 4) > 0;
            uint32_t year = is_near ? 1968 + draw(&seed, 140) : draw(&seed, 10000), month = draw(&seed, 14), day = draw(&seed, 33);
            int len = sprintf(text + used, usual[draw(&seed, 4)], year, month, day, draw(&seed, 8) ? draw(&seed, 24) : draw(&seed, 100),
                              draw(&seed, 62), draw(&seed, 62));
            /* One byte of another kind, at any place and often at that between date and clock; a bit more or less at the end. */
            if (draw(&seed, 3) == 0)
                text[used + (draw(&seed, 3) ? draw(&seed, (uint32_t)len) : 10)] = (char)draw(&seed, 256);
            if (draw(&seed, 16) == 0)
                len -= (int)draw(&seed, (uint32_t)len + 1);
            if (draw(&seed, 16) == 0)
                text[used + (uint32_t)len++] = "0Zz9 "[draw(&seed, 5)];
            cells[i] = (struct asy_span){used, (uint32_t)len};
            used += (uint32_t)len + (draw(&seed, 2) ? 1 : 0);
        }
        compare_times(&times, text, used, cells, N);
        compare_times(&times, text, used, cells, 1);
        compare_times(&times, text, 7, cells, 0);
    }
    asy_pool_fini(&pool);
}

Test(io_ingest_events, less_usual_times_are_what_the_general_reader_says)
{
    static const char *dates[] = {"2026-10-31", "1970-01-01", "2024-02-29", "2023-02-29", "2026/10/31", "2026-1-01", "1969-12-31"};
    static const char *clocks[] = {"", "T10:20:30", " 00:00:00", "T23:59:59", "T24:00:00", "T10:20", "t10:20:30", "T00:00:60", "x"};
    static const char *fractions[] = {"", ".0", ".5", ",000001", ".0000009", ".123456789", ".", ".x", "."};
    static const char *zones[] = {"", "Z", "+00:00", "+0000", "+01:00", "-00:00", " UTC", "z", "+00", "Z "};
    struct asy_mem mem;
    struct asy_pool pool;
    struct asy_event_times times;
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    cr_assert_eq(asy_event_times_init(&times, &pool, us("2026-10-31T10:20:30Z") / 1000000, 1, true), ASSAY_OK);
    uint32_t n_quick = 0;
    for (uint32_t i = 0; i < 7 * 9 * 9 * 10; i++) {
        char text[60];
        sprintf(text, "%s%s%s%s", dates[i % 7], clocks[i / 7 % 9], fractions[i / 63 % 9], zones[i / 567]);
        int64_t at_s = 0, at_us = 0;
        char *exact = strdup(text); /* so that a sanitizer sees what is read behind it */
        bool is_quick = asy_event_time_quick(&times, asy_str_of(exact), &at_s);
        free(exact);
        n_quick += is_quick;
        if (!is_quick)
            continue;
        cr_assert_eq(asy_time_read(asy_str_of(text), &at_us), ASY_TIME_OK, "`%s`", text);
        cr_assert_eq(at_s, (at_us + 999999) / 1000000, "`%s`: found %lld", text, (long long)at_s);
        cr_assert(at_s > 0 && at_s <= (int64_t)times.latest_s, "`%s`", text);
    }
    cr_expect_gt(n_quick, 100);
    times.least_len = UINT32_MAX;
    int64_t at_s;
    cr_expect_not(asy_event_time_quick(&times, ASY_STR("2026-10-31"), &at_s));
    asy_pool_fini(&pool);
}

/* What may be read is what stands before `end`; what is not asked for is left alone. */
Test(io_ingest_events, usual_times_near_the_end_and_of_other_lengths)
{
    struct asy_mem mem;
    struct asy_pool pool;
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
    char *text = malloc(40); /* so that a sanitizer sees what is read behind it */
    memcpy(text, "2026-10-31T10:20:30Z2026-10-31 10:20:31?", 40);
    const struct asy_span cells[] = {{0, 20}, {20, 19}, {21, 19}, {40, 0}, {0, 0}, {0, 84}};
    struct { uint64_t empty_lengths; bool is_plain; uint8_t odd[6]; } cases[] = {
        {1, true, {0, 0, 1, 1, 1, 1}},
        {1 | 1 << 19, true, {0, 1, 1, 1, 1, 1}},
        {1 | 1 << 20, true, {1, 0, 1, 1, 1, 1}},
        {1, false, {1, 1, 1, 1, 1, 1}},
        {1 | 3 << 19, true, {1, 1, 1, 1, 1, 1}},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
        for (int wide = 0; wide < 2; wide++) {
            struct asy_event_times times;
            uint32_t time_s[6];
            uint8_t odd[6] = {0};
            cr_assert_eq(asy_event_times_init(&times, &pool, INT64_MAX, cases[c].empty_lengths, cases[c].is_plain), ASSAY_OK);
            times.is_wide &= wide;
            cr_expect(asy_event_times_read(&times, text, 40, cells, 6, time_s, odd));
            for (int i = 0; i < 6; i++)
                cr_expect_eq(odd[i], cases[c].odd[i] ? ASY_EVENT_ODD_TIME : 0, "case %zu, cell %d", c, i);
            cr_expect(odd[0] || time_s[0] == us("2026-10-31T10:20:30Z") / 1000000);
            cr_expect(odd[1] || time_s[1] == us("2026-10-31T10:20:31Z") / 1000000);
            memset(odd, 0, 6);
            cr_expect(asy_event_times_read(&times, text, 19, cells, 2, time_s, odd));
            cr_expect(odd[0] && odd[1]);
        }
    free(text);
    asy_pool_fini(&pool);
}

Test(io_ingest_events, names_are_found_byte_for_byte, .init = io_folder, .fini = io_folder_gone)
{
    static const char *froms[] = {"a",
                                  "ab",
                                  "1234567",
                                  "12345678",
                                  "123456781234567",
                                  "1234567812345678",
                                  "123456781234567812345678",
                                  "1234567812345678x12345678",
                                  "12345678-the-middle-differs-12345678",
                                  "12345678-the-middle-DIFFERS-12345678",
                                  "none",
                                  "two words",
                                  "b\xc3\xa9"};
    enum { N = sizeof(froms) / sizeof(froms[0]) };
    char map[1500] = "events: {nulls: [none], names: {";
    for (int i = 0; i < N; i++)
        sprintf(map + strlen(map), "%s\"%s\": %s", i ? ", " : "", froms[i], i % 2 ? "purchase" : "page_view");
    strcat(map, "}}");
    struct io_run run;
    io_run(&run, io_schema(), map, "id,email\na,x\n", NULL, 0.01);
    expect_ok(&run);
    const struct asy_event_words *words = run.ingest->words;
    uint64_t seed = 5;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    enum { CELLS = 3000 };
    static char text[CELLS * 40 + ASY_EVENT_LOOK_BYTES];
    static struct asy_span cells[CELLS];
    static uint8_t names[CELLS], odd[CELLS];
    static int32_t expected[CELLS];
    uint32_t used = 0;
    for (uint32_t c = 0; c < CELLS; c++) {
        uint32_t pick = draw(&seed, N + 2);
        const char *from = pick < N ? froms[pick] : pick == N ? "page_view" : "purchase";
        uint32_t len = (uint32_t)strlen(from);
        memcpy(text + used, from, len);
        if (draw(&seed, 3) == 0)
            text[used + draw(&seed, len)] ^= (char)(1 << draw(&seed, 8));
        if (draw(&seed, 8) == 0)
            len = draw(&seed, len + 1);
        struct asy_str cell = {text + used, len};
        expected[c] = -1;
        for (int i = 0; i < N; i++)
            if (asy_str_is(cell, froms[i]) && !asy_str_is(cell, "none"))
                expected[c] = i % 2;
        if (asy_str_is(cell, "page_view") || asy_str_is(cell, "purchase"))
            expected[c] = asy_str_is(cell, "purchase");
        cr_assert_eq(asy_event_find(words, cell), expected[c], "`%.*s`", ASY_ARG(cell));
        cells[c] = (struct asy_span){used, len};
        used += len;
    }
    cr_expect(asy_event_names_read(words, text, used + ASY_EVENT_LOOK_BYTES, cells, CELLS, names, odd));
    for (uint32_t c = 0; c < CELLS; c++) {
        cr_assert_eq(odd[c], expected[c] < 0 ? ASY_EVENT_ODD_NAME : 0, "cell %u: `%.*s`", c, (int)cells[c].len, text + cells[c].at);
        cr_assert(odd[c] || names[c] == expected[c]);
    }
    memset(odd, 0, sizeof(odd));
    cr_expect(asy_event_names_read(words, text, ASY_EVENT_LOOK_BYTES - 1, cells, CELLS, names, odd));
    cr_expect(odd[0] && odd[CELLS - 1]);
    io_done(&run);
}

/* ---- blocks and threads ---- */

/* What is known of a file that was made up. */
struct made {
    char *text;
    size_t used;
    uint64_t n_rows, n_rejected, n_key_empty, n_unknown_event, n_future, n_unknown_lead, n_taken;
};

static void put(struct made *made, const char *text)
{
    size_t len = strlen(text);
    memcpy(made->text + made->used, text, len);
    made->used += len;
}

/* Key, event, time, page, invoice: each usual mostly, and else of any kind. */
static void make_row(struct made *made, uint64_t *seed)
{
    static const char *good_times[] = {"2026-10-31T10:20:30Z", "2026-10-31 10:20:30", "2026-10-31",       "1767225600",
                                       "1767225600123",        "2026/01/02 03:04",    " 2026-01-02T03:04:05+01:00 ",
                                       "\"2026-01-02T03:04:05.5Z\""};
    static const char *bad_times[] = {"", "none", "yesterday", "2026-02-30T00:00:00Z", "1969-12-31T23:59:59Z", " ", "1970-01-01 00:00:00"};
    static const char *pages[] = {"", "", "/a", "/b", "\"/a \"\"b\"\", c\"", "none", " /a "};
    char cell[200];
    made->n_rows++;
    if (draw(seed, 200) == 0) {
        made->n_rejected++;
        put(made, draw(seed, 2) ? "a,b\n" : "1,purchase,2026-01-01,/a,1,more\n");
        return;
    }
    uint32_t key = draw(seed, 60);
    bool is_quoted = draw(seed, 10) == 0, is_blank = draw(seed, 10) == 0;
    put(made, is_quoted ? "\"" : "");
    put(made, is_blank ? " " : "");
    snprintf(cell, sizeof(cell), key < 40 ? "key-%u" : "other-%u", key);
    put(made, key < 58 ? cell : key == 58 ? "" : "none");
    put(made, is_blank ? " " : "");
    put(made, is_quoted ? "\"" : "");
    uint32_t name = draw(seed, 20);
    static const char *names[] = {"page_view", "purchase", " purchase", "\"page_view\"", "Page View"};
    snprintf(cell, sizeof(cell), ",unknown-%u,", draw(seed, 400));
    if (draw(seed, 30) == 0)
        snprintf(cell, sizeof(cell), ",\"a name of which only the beginning is kept since it goes on and on and on and on and on: %u\",",
                 draw(seed, 9));
    if (name < 18) {
        snprintf(cell, sizeof(cell), ",%s,", names[name % 5]);
        put(made, cell);
    } else {
        put(made, name == 18 ? cell : ",none,");
    }
    uint32_t time = draw(seed, 40);
    if (time < 20)
        snprintf(cell, sizeof(cell), "2026-%02u-%02uT%02u:20:30Z", 1 + draw(seed, 10), 1 + draw(seed, 28), draw(seed, 24));
    else if (time < 36)
        snprintf(cell, sizeof(cell), "%s", good_times[draw(seed, 8)]);
    else if (time < 38)
        snprintf(cell, sizeof(cell), "%s", bad_times[draw(seed, 7)]);
    else
        snprintf(cell, sizeof(cell), "%s", time == 38 ? "2026-11-01T00:00:01Z" : "2027-01-01");
    put(made, cell);
    snprintf(cell, sizeof(cell), ",%s,", pages[draw(seed, 7)]);
    put(made, cell);
    snprintf(cell, sizeof(cell), "%u", draw(seed, 30));
    put(made, draw(seed, 3) ? "" : cell);
    put(made, draw(seed, 20) ? "\n" : "\r\n");
    if (key >= 58)
        made->n_key_empty++;
    else if (name == 19)
        made->n_rejected++;
    else if (name == 18)
        made->n_unknown_event++;
    else if (time >= 36 && time < 38)
        made->n_rejected++;
    else if (time >= 38)
        made->n_future++;
    else if (key >= 40)
        made->n_unknown_lead++;
    else
        made->n_taken++;
}

/* The grouped logs are the same, byte for byte. */
static void compare_logs(const struct io_run *a, const struct io_run *b)
{
    const struct asy_events *x = &a->store.events, *y = &b->store.events;
    cr_assert_eq(a->store.n_leads, b->store.n_leads);
    cr_assert_eq(x->n, y->n);
    cr_assert_eq(x->tuples.n, y->tuples.n);
    cr_assert_eq(memcmp(asy_events_first(x), asy_events_first(y), (a->store.n_leads + 1) * sizeof(uint32_t)), 0);
    for (uint64_t i = 0; i < x->n; i++) {
        cr_assert_eq(asy_events_time(x)[i], asy_events_time(y)[i]);
        cr_assert_eq(asy_events_name(x)[i], asy_events_name(y)[i]);
        cr_assert_eq(asy_events_prop(x, i), asy_events_prop(y, i));
    }
    for (uint32_t code = 0; code < x->tuples.n; code++)
        for (uint32_t p = 0; p < x->n_properties; p++)
            cr_assert(asy_str_eq(asy_events_property(x, code, p), asy_events_property(y, code, p)));
}

static void compare_counts(const struct io_run *run, const struct made *made)
{
    const struct asy_ingest_report *report = report_of(run);
    expect_ok(run);
    cr_expect_eq(report->files[1].n_rows, made->n_rows);
    cr_expect_eq(report->files[1].n_rejected, made->n_rejected);
    cr_expect_eq(report->n_key_empty, made->n_key_empty);
    cr_expect_eq(report->n_unknown_event, made->n_unknown_event);
    cr_expect_eq(report->n_future, made->n_future);
    cr_expect_eq(report->n_unknown_lead, made->n_unknown_lead);
    cr_expect_eq(report->n_events_kept + report->n_not_distinct, made->n_taken);
    cr_expect_eq(report->n_events_kept, run->store.events.n);
    cr_expect_eq(report->files[1].n_kept, run->store.events.n);
}

/* The same with any number of threads and blocks of any size; returns what it is, which the caller frees. */
static char *compare_ways(struct asy_schema *schema, const char *map, const char *leads, const char *events, double max_rejects,
                          const struct made *made)
{
    static const struct { uint32_t n_threads; size_t buffer_bytes; } ways[] = {{1, 0},   {2, 0},  {1, 64},  {1, 3000},
                                                                               {2, 500}, {3, 64}, {7, 1000}};
    struct io_run first;
    io_run_with(&first, schema, map, leads, events, max_rejects, 1, 0);
    char *expected = io_dump(&first);
    if (made)
        compare_counts(&first, made);
    for (size_t way = 1; way < sizeof(ways) / sizeof(ways[0]); way++) {
        struct io_run run;
        io_run_with(&run, schema, map, leads, events, max_rejects, ways[way].n_threads, ways[way].buffer_bytes);
        char *found = io_dump(&run);
        cr_assert_str_eq(found, expected, "%u threads, buffer of %zu:\n%.300s", ways[way].n_threads, ways[way].buffer_bytes, found);
        if (run.status == ASSAY_OK)
            compare_logs(&run, &first);
        free(found);
        io_done(&run);
    }
    io_done(&first);
    return expected;
}

Test(io_ingest_events, threads_and_blocks_change_nothing, .init = io_folder, .fini = io_folder_gone, .timeout = 120)
{
    static struct asy_str names[] = {{"page", 4}};
    static const char *maps[] = {
        "events: {skip_when_key_empty: true, nulls: [none], names: {Page View: page_view}}",
        "events: {skip_when_key_empty: true, nulls: [none], names: {Page View: page_view}, distinct: [invoice]}",
        ("events: {skip_when_key_empty: true, nulls: [none], names: {Page View: page_view}, "
         "key: {field: contact.email, column: lead_id}}"),
    };
    enum { N = 3000 };
    static char text[N * 200], leads[4000];
    size_t used = (size_t)sprintf(leads, "id,email\n");
    for (int i = 0; i < 40; i++)
        used += (size_t)sprintf(leads + used, "key-%d,key-%d\n", i, i);
    uint64_t seed = 2026;
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    for (uint32_t round = 0; round < 6; round++) {
        struct asy_schema *schema = io_schema();
        schema->n_properties = round % 2;
        schema->properties = names;
        struct made made = {.text = text};
        put(&made, "lead_id,event,time,page,invoice\n");
        for (uint32_t i = 0; i < N; i++)
            make_row(&made, &seed);
        text[made.used] = '\0';
        free(compare_ways(schema, maps[round / 2], leads, text, 1.0, &made));
        schema->n_properties = 0;
    }
}

/* What ends a file is the same row and the same text, whoever came upon it. */
Test(io_ingest_events, the_first_mistake_ends_the_file_in_any_block, .init = io_folder, .fini = io_folder_gone, .timeout = 120)
{
    enum { N = 12000 };
    static char text[N * 60];
    for (int what = 0; what < 3; what++) {
        size_t used = (size_t)sprintf(text, "lead_id,event,time\n");
        for (int i = 0; i < N; i++) {
            bool is_bad = what == 2 ? i > 900 : i == 7000 || i == 7001 || i == 11000;
            const char *time = !is_bad ? "2026-01-02T00:00:00Z" : what == 0 ? "3/4/26" : what == 1 ? "2026-01-02T00:00:00Z" : "soon";
            used += (size_t)sprintf(text + used, what == 1 && is_bad ? "a,purchase,%s,%c\n" : "a,purchase,%s\n", time, 'x');
        }
        static const char *parts[] = {
            "events.csv:7002: column `time`: expected a date that reads one way, found `3/4/26`",
            "file events.csv: 12000 rows, 11997 kept, 3 rejected\n",
            ("events.csv: 10001 of 10902 rows so far were rejected (91.7 %), more than the 5 % that --max-rejects allows; first: "
            "events.csv:903: `soon` is not a time; events.csv:904: `soon` is not a time; events.csv:905: `soon` is not a time\n"),
        };
        char *found = compare_ways(io_schema(), NULL, "id,email\na,x\n", text, what == 1 ? 1.0 : 0.05, NULL);
        cr_expect_neq(strstr(found, parts[what]), NULL, "found %.600s", found);
        free(found);
    }
}

/* ---- faults ---- */

Test(io_ingest_events, memory_may_fail_anywhere, .init = io_folder, .fini = io_folder_gone, .timeout = 120)
{
    static struct asy_str names[] = {{"page", 4}};
    struct asy_schema *schema = io_schema();
    schema->n_properties = 1;
    schema->properties = names;
    io_file("leads.csv", "id,email\na,x\nb,y\n");
    io_file("events.csv", "lead_id,event,time,invoice,page\n"
                          "a,purchase,2026-01-02T00:00:00Z,1,/a\n"
                          "a,login,2026-01-02T00:00:00Z,1,/b\n"
                          "b,purchase,soon,2,\n"
                          "b,purchase,2026-01-03,2,/c\n"
                          "b,page_view,2026-01-03,,/d\n");
    static const char map_text[] = "events: {distinct: [invoice]}";
    bool is_done = false;
    int64_t n = 0;
    for (; !is_done; n++) {
        struct failing failing;
        struct asy_mem mem;
        struct asy_diags diags;
        struct asy_map map;
        struct asy_store store;
        struct asy_ingest *ingest = NULL;
        struct assay_error error = {0};
        failing_init(&mem, &failing, -1);
        asy_diags_init(&diags, &mem);
        diags.path = ASY_STR("map.yaml");
        diags.source = asy_str_of(map_text);
        cr_assert_eq(asy_map_load(&map, &mem, schema, &diags, &error), ASSAY_OK);
        cr_assert_eq(asy_store_init(&store, &mem, schema, 1, &error), ASSAY_OK);
        const struct asy_ingest_options options = {.map = &map, .max_rejects = 1.0, .as_of_s = 1793491200};
        cr_assert_eq(asy_ingest_new(&ingest, &mem, &store, &options, &error), ASSAY_OK);
        cr_assert_eq(asy_ingest_leads(ingest, "leads.csv", &error), ASSAY_OK, "%s", error.text);
        failing.n_left = n;
        assay_status status = asy_ingest_events(ingest, "events.csv", &error);
        if (status == ASSAY_OK)
            status = asy_ingest_finish(ingest, 1, &error);
        is_done = status == ASSAY_OK;
        cr_assert(is_done || status == ASSAY_E_NOMEM, "allocation %lld: status %d: %s", (long long)n, (int)status, error.text);
        cr_assert(is_done || strstr(error.text, "memory"), "allocation %lld: %s", (long long)n, error.text);
        if (is_done)
            cr_expect_eq(store.events.n, 3);
        failing.n_left = -1;
        asy_ingest_free(ingest);
        asy_store_fini(&store);
        asy_map_fini(&map);
        asy_diags_fini(&diags);
        cr_assert_eq(failing.n_blocks, 0, "allocation %lld", (long long)n);
        cr_assert(n < 5000);
    }
    cr_expect_gt(n, 10);
    schema->n_properties = 0;
}
