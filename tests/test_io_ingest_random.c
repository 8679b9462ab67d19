/* Random exports, as untidy as real ones: what comes of them does not depend on the number of threads nor on how the rows fall
 * into blocks. Replay one: `ASSAY_SEED=n ctest -R test_io_ingest_random`. */
#include "io_fixture.h"

#include "base/check.h"

struct dice {
    uint64_t state;
};

static uint32_t below(struct dice *dice, uint32_t n)
{
    dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(((dice->state >> 33) * n) >> 31);
}

static const char *pick(struct dice *dice, const char *const *words, uint32_t n)
{
    return words[below(dice, n)];
}

/* ---- cells ---- */

#define PICK(dice, ...) pick(dice, (const char *const[]){__VA_ARGS__}, ASY_COUNT_OF(((const char *const[]){__VA_ARGS__})))

static void number_cell(struct dice *dice, FILE *out)
{
    switch (below(dice, 8)) {
    case 0:
        fprintf(out, "%s", PICK(dice, "12.50", "-3", "+7", "1e3", "1e400", "$5", "12a", "1-2", "0007", "999999999999999", "1234567890123456",
                                "99999999999999999999", " 8 ", "123456789", "12345678", "1234567:", "/234567", ".5", "5.", "-0"));
        break;
    case 1:
        fprintf(out, "%u%07u", below(dice, 1000000), below(dice, 10000000));
        break;
    default:
        fprintf(out, "%u", below(dice, below(dice, 2) ? 300 : 100000000));
        break;
    }
}

static void time_cell(struct dice *dice, FILE *out, bool is_ambiguous)
{
    if (is_ambiguous && below(dice, 300) == 0) {
        fprintf(out, "%s", PICK(dice, "01/02/2018", "3-4-2019 10:30", "11.12.18"));
    } else if (below(dice, 6) == 0) {
        fprintf(out, "%s", PICK(dice, "soon", "2026-02-30", "2026-13-01", "2026-01-02T03:04:60Z", "2026-01-02T24:00:00", "1600000000",
                                "1600000000123", "2026/01/02", "2026-01-02 03:04", "2026-01-02T03:04:05.25+01:00", "0000-01-01", "9999-12-31",
                                "2026-01-02T03:04:05z", "2026-01-02x03:04:05", "2026-01-02T03:04:0a", "2024-02-29", "2023-02-29",
                                "25/12/2018 x"));
    } else {
        fprintf(out, "20%02u-%02u-%02u", below(dice, 30), 1 + below(dice, 12), 1 + below(dice, 28));
        if (below(dice, 2))
            fprintf(out, "%s%02u:%02u:%02u%s", PICK(dice, "T", " "), below(dice, 24), below(dice, 60), below(dice, 60), PICK(dice, "Z", ""));
    }
}

static void lead_cell(struct dice *dice, FILE *out, uint32_t field, bool is_ambiguous)
{
    if (below(dice, 3) == 0) {
        fprintf(out, "%s", PICK(dice, "", "", "", "", " ", "Select", "\"\""));
        return;
    }
    switch (field) {
    case INDUSTRY:
        fprintf(out, "%s", PICK(dice, "b2b_saas", "tech", "other", "tech", "Software", "None", "Technology", " tech ", "\"tech\"",
                                "Professional Services and a very long name of an industry indeed", "professional services", "tech2"));
        break;
    case EMPLOYEES:
    case REVENUE:
        number_cell(dice, out);
        break;
    case COUNTRY:
        fprintf(out, "%s", PICK(dice, "DE", "de", "Germany", "DEU", "England", "Narnia", "United States of America", "US", "U.S.A.", "FR",
                                "\"Korea, Republic of\"", "Select"));
        break;
    case EMAIL:
        fprintf(out, "%s%u%s", PICK(dice, "ann", "Bob", "\"a b\"\"c\"", "x"), below(dice, 1000),
                PICK(dice, "@Example.COM", "@x.org.", "", "@", "@mail.example"));
        break;
    case DOMAIN:
        fprintf(out, "%s", PICK(dice, "example.com", "x.org", "a", "b.example"));
        break;
    case TITLE:
        fprintf(out, "%s", PICK(dice, "VP Sales", "Vice  President of Marketing", "Account Manager", "Clerk", "\"Manager, Inside Sales\"",
                                "Senior Manager of a very long title that no one will ever remember, vp"));
        break;
    case SENIORITY:
        fprintf(out, "%s", PICK(dice, "vp", "manager", "ic", "boss"));
        break;
    case OPTED_OUT:
        fprintf(out, "%s", PICK(dice, "true", "FALSE", "1", "0", "yes", "maybe", "no", "t"));
        break;
    case CREATED:
        time_cell(dice, out, is_ambiguous);
        break;
    default:
        fprintf(out, "%s", PICK(dice, "Acme", "\"Acme, Inc.\"", "\"two\nlines\"", "Zo\xc3\xab", "\"say \"\"hi\"\"\"", " padded "));
        break;
    }
}

static void key_cell(struct dice *dice, FILE *out, uint32_t row, uint32_t n_rows)
{
    if (below(dice, 12) == 0)
        fprintf(out, "%s", PICK(dice, "", " ", "\"\"", "L1", "L2", "Select"));
    else
        fprintf(out, "%sL%u%s", PICK(dice, "", "", "", " "), below(dice, 10) ? row : below(dice, n_rows), PICK(dice, "", "", " "));
}

/* ---- files ---- */

static char *random_leads(struct dice *dice, bool is_ambiguous)
{
    static const char *const names[] = {[NAME] = "company.name", [INDUSTRY] = "Industry", [EMPLOYEES] = "Employees", [REVENUE] = "revenue",
                                        [COUNTRY] = "Country", [EMAIL] = "E-Mail", [DOMAIN] = "email domain", [TITLE] = "title",
                                        [SENIORITY] = "seniority", [OPTED_OUT] = "opted_out", [CREATED] = "created",
                                        [UNREAD] = "note", [CONTACT_NAME] = "contact.name"};
    uint32_t columns[CONTACT_NAME + 1], n_columns = 0, n_rows = below(dice, 3) ? below(dice, 60) + 1 : below(dice, 900) + 1;
    for (uint32_t f = 0; f <= CONTACT_NAME; f++)
        if (below(dice, 5) > 0)
            columns[n_columns++] = f;
    for (uint32_t i = n_columns; i > 1; i--) {
        uint32_t k = below(dice, i), swapped = columns[k];
        columns[k] = columns[i - 1];
        columns[i - 1] = swapped;
    }
    const char *line_end = PICK(dice, "\n", "\n", "\r\n");
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "id");
    for (uint32_t i = 0; i < n_columns; i++)
        fprintf(out, ",%s", names[columns[i]]);
    fprintf(out, "%s", line_end);
    for (uint32_t row = 0; row < n_rows; row++) {
        key_cell(dice, out, row, n_rows);
        uint32_t n_cells = below(dice, 60) ? n_columns : below(dice, n_columns + 1);
        for (uint32_t i = 0; i < n_cells; i++) {
            fprintf(out, ",");
            lead_cell(dice, out, columns[i], is_ambiguous);
        }
        if (below(dice, 150) == 0)
            fprintf(out, "\xff");
        fprintf(out, "%s%s", line_end, below(dice, 50) ? "" : line_end);
    }
    fclose(out);
    return text;
}

/* NDJSON: columns that come late and are missing often, broken lines. */
static char *random_json_leads(struct dice *dice)
{
    uint32_t n_rows = below(dice, 200) + 1;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (uint32_t row = 0; row < n_rows; row++) {
        fprintf(out, "{\"id\":\"L%u\"", below(dice, 10) ? row : below(dice, n_rows));
        if (row > below(dice, 50) && below(dice, 2))
            fprintf(out, ",\"company\":{\"industry\":\"%s\",\"employees\":%s}", PICK(dice, "tech", "Software", "", "t\\u00e9ch"),
                    PICK(dice, "1", "12.0", "null", "\"many\"", "1e2"));
        if (below(dice, 3))
            fprintf(out, ",\"email\":\"x%u@Example.com\"", below(dice, 100));
        if (row > below(dice, 150) && below(dice, 2))
            fprintf(out, ",\"created\":\"%s\"", PICK(dice, "2026-01-02", "soon", "2026-01-02T03:04:05Z", "\\n"));
        if (below(dice, 40) == 0)
            fprintf(out, ",\"extra%u\":[1, {}]", below(dice, 5));
        fprintf(out, "%s\n", below(dice, 30) ? "}" : "");
    }
    fclose(out);
    return text;
}

/* Keys are ids or, with `is_joined`, mail addresses. */
static char *random_events(struct dice *dice, bool is_joined)
{
    uint32_t n_rows = below(dice, 800);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "time,page,event,who,lead_id\n");
    for (uint32_t row = 0; row < n_rows; row++) {
        time_cell(dice, out, false);
        fprintf(out, ",%s,%s,", PICK(dice, "/pricing", "/", "", "\"/a,b\""),
                PICK(dice, "page_view", "purchase", "buy", "login", "", " purchase "));
        if (is_joined)
            fprintf(out, "%s%u%s,", PICK(dice, "ann", "Bob", "x"), below(dice, 1000), PICK(dice, "@Example.COM", "@mail.example"));
        else
            fprintf(out, ",");
        key_cell(dice, out, row, 300);
        fprintf(out, "%s\n", below(dice, 100) ? "" : ",surplus");
    }
    fclose(out);
    return text;
}

/* ---- the same in every way ---- */

static const char *const maps[] = {
    NULL,
    "leads: {nulls: [Select], values: {company.industry: {Software: tech, None: \"\"}, company.country: {England: GB}}}\n"
    "events: {names: {buy: purchase}}\n",
    "leads: {key: row_number, dates: \"%d/%m/%Y\", nulls: [Select, x.org]}\nevents: {key: lead_id, skip_when_key_empty: true}\n",
    "events: {key: {field: contact.email, column: who}, distinct: [page], skip_when_key_empty: true, names: {buy: purchase}}\n",
    "leads: {values: {company.employees: {12a: \"12\"}, contact.title: {Clerk: VP}}}\nevents: {distinct: [page, lead_id]}\n",
    "events: {key: {field: company.employees, column: who}}\n",
};

static void check_seed(uint64_t seed)
{
    static struct asy_str properties[] = {{"page", 4}};
    static const struct { uint32_t n_threads; size_t buffer_bytes; } ways[] = {
        {1, 64}, {2, 0}, {3, 300}, {7, 1000}, {2, 4096}, {7, 64},
    };
    struct dice dice = {seed * UINT64_C(0x9e3779b97f4a7c15)};
    below(&dice, 2);
    const char *map = maps[below(&dice, ASY_COUNT_OF(maps))];
    bool is_joined = map && strstr(map, "contact.email");
    struct asy_schema *schema = io_schema();
    schema->n_properties = below(&dice, 2);
    schema->properties = properties;
    char *leads = below(&dice, 6) ? random_leads(&dice, below(&dice, 3) == 0) : random_json_leads(&dice);
    char *events = random_events(&dice, is_joined);
    double max_rejects = below(&dice, 8) ? 1 : 0.05;
    struct io_run run;
    io_run(&run, schema, map, leads, events, max_rejects);
    if (run.status == ASSAY_OK)
        expect_ok(&run);
    char *expected = io_dump(&run);
    io_done(&run);
    for (size_t i = 0; i < ASY_COUNT_OF(ways); i++) {
        io_run_with(&run, schema, map, leads, events, max_rejects, ways[i].n_threads, ways[i].buffer_bytes);
        char *found = io_dump(&run);
        io_done(&run);
        cr_assert(strcmp(found, expected) == 0, "ASSAY_SEED=%llu, %u threads, buffers of %zu bytes:\n%s\n---- expected\n%s",
                  (unsigned long long)seed, ways[i].n_threads, ways[i].buffer_bytes, found, expected);
        free(found);
    }
    free(expected);
    free(leads);
    free(events);
}

Test(io_ingest_random, threads_and_blocks_change_nothing, .init = io_folder, .fini = io_folder_gone)
{
    const char *only = getenv("ASSAY_SEED");
    if (only) {
        check_seed(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= 60; seed++)
        check_seed(seed);
}
