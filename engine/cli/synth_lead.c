/* Leads of synth: a company with its facts, a person in it, and how far sales has come with them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/time.h"
#include "cli/synth_draw.h"

/* Columns in file order. `is_bare`: a number or bool, without quotes in NDJSON. */
struct column {
    const char *name;
    bool is_bare;
};
static const struct column columns[] = {
    {"lead_id", false},
    {"contact.name", false}, {"contact.email", false}, {"contact.email_domain", false}, {"contact.title", false},
    {"contact.seniority", false}, {"contact.department", false}, {"contact.unsubscribed", true},
    {"company.name", false}, {"company.domain", false}, {"company.employees", true}, {"company.revenue_usd", true},
    {"company.country", false}, {"company.industry", false}, {"company.crm", false}, {"company.funding", false},
    {"lead.source", false}, {"lead.owner", false}, {"crm.open_opportunity", true}, {"crm.synced", false},
    {"sales.decision", false}, {"sales.rejection_reason", false}, {"sales.attempts", true}, {"sales.last_attempt", false},
    {"sales.replied", true}, {"sales.outcome", false}, {"sales.call_back_on", false}, {"sales.next_meeting", false},
    {"bant.budget", true}, {"bant.authority", true}, {"bant.need", true}, {"bant.timeline_months", true},
    {"deal.amount_usd", true}, {"deal.lost_on", false}, {"deal.lost_reason", false},
};

/* -- cells ------------------------------------------------------------------------------------------------------ */

struct cells {
    struct asy_synth_rows *rows;
    bool is_json;
    uint32_t column; /* of the next cell */
    uint32_t n_given;
};

/* An empty cell is an empty CSV cell and an absent JSON key. */
static void cell(struct cells *cells, const char *text, uint32_t len)
{
    struct asy_synth_rows *rows = cells->rows;
    const struct column *column = &columns[cells->column++];
    if (cells->is_json) {
        if (len == 0) return;
        asy_synth_put(rows, cells->n_given++ == 0 ? "{\"" : ",\"", 2);
        asy_synth_put(rows, column->name, strlen(column->name));
        asy_synth_put(rows, "\":\"", column->is_bare ? 2 : 3);
        asy_synth_put(rows, text, len); /* no text of ours needs an escape */
        if (!column->is_bare) asy_synth_put(rows, "\"", 1);
        return;
    }
    if (cells->column > 1) asy_synth_put(rows, ",", 1);
    const bool is_quoted = len > 0 && memchr(text, ',', len) != NULL;
    if (is_quoted) asy_synth_put(rows, "\"", 1);
    asy_synth_put(rows, text, len);
    if (is_quoted) asy_synth_put(rows, "\"", 1);
}

static void cell_empty(struct cells *cells)
{
    cell(cells, "", 0);
}

/* `missing` percent of these cells are empty. */
static void cell_text(struct cells *cells, struct asy_draw *draw, uint32_t missing, const char *text)
{
    if (asy_draw_percent(draw, missing))
        cell_empty(cells);
    else
        cell(cells, text, (uint32_t)strlen(text));
}

static void cell_number(struct cells *cells, struct asy_draw *draw, uint32_t missing, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    cell_text(cells, draw, missing, text);
}

static void cell_bool(struct cells *cells, struct asy_draw *draw, uint32_t missing, bool value)
{
    cell_text(cells, draw, missing, value ? "true" : "false");
}

static void cell_time(struct cells *cells, int64_t time_s)
{
    char text[32];
    cell(cells, text, asy_time_format_s(time_s, text));
}

static void cell_date(struct cells *cells, int64_t time_s)
{
    char text[32];
    asy_time_format_s(time_s, text);
    cell(cells, text, 10);
}

/* -- choosing --------------------------------------------------------------------------------------------------- */

struct choice {
    const char *text;
    uint32_t weight;
};

static const char *pick_of(struct asy_draw *draw, const struct choice *choices, uint32_t n)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++) total += choices[i].weight;
    uint32_t at = asy_draw_below(draw, total), i = 0;
    while (at >= choices[i].weight) at -= choices[i++].weight;
    return choices[i].text;
}
#define PICK(draw, choices) pick_of(draw, choices, ASY_COUNT_OF(choices))
#define ONE_OF(draw, texts) (texts)[asy_draw_below(draw, ASY_COUNT_OF(texts))]

/* -- companies -------------------------------------------------------------------------------------------------- */

struct company {
    char name[64], domain[64];
    uint32_t employees;
    uint64_t revenue_usd;
    const char *country, *industry, *crm, *funding;
};

static const struct choice countries[] = {
    {"US", 420}, {"GB", 90}, {"DE", 70}, {"CA", 60}, {"FR", 45}, {"AU", 40}, {"IN", 40}, {"NL", 30}, {"MX", 22}, {"BR", 22},
    {"IE", 20}, {"ES", 20}, {"IT", 20}, {"SE", 18}, {"SG", 18}, {"JP", 15}, {"BE", 10}, {"CH", 10}, {"DK", 10}, {"NZ", 10},
    {"NO", 9},  {"FI", 9},  {"AT", 9},  {"PL", 12}, {"ZA", 8},  {"AE", 8},  {"HK", 7},  {"PT", 6},  {"LU", 2},  {"CN", 10},
};
static const struct choice industries[] = {
    {"b2b_saas", 22}, {"tech", 18}, {"professional_services", 15}, {"manufacturing", 13}, {"other", 12},
    {"healthcare", 10}, {"education", 5}, {"nonprofit", 3}, {"government", 2},
};
static const struct choice crms[] = {{"salesforce", 38}, {"hubspot", 30}, {"other", 20}, {"none", 12}};
static const struct choice fundings[] = {{"profitable", 40}, {"series_a_plus", 30}, {"seed", 20}, {"pre_seed", 10}};

/* Syllables are consonants and a vowel, so that different ones never run together into the same name. */
static const char *const syllables[48] = {
    "ba", "be", "bo", "bra", "bri", "ca", "co", "cre", "da", "de", "dro", "du", "fa", "fi", "fle", "ga", "go", "gra", "ha", "he", "ho",
    "ja", "ju", "ka", "ki", "kra", "la", "le", "lo", "lu", "ma", "me", "mi", "mo", "na", "ne", "no", "nu", "pa", "pe", "pro", "ra",
    "re", "ro", "sa", "se", "ta", "ve"};
static const struct { const char *name, *domain; } forms[8] = {
    {"", ""}, {" Labs", "-labs"}, {" Group", "-group"}, {" Systems", "-systems"}, {" Partners", "-partners"}, {" & Co", "-co"},
    {" Software", "-software"}, {", Inc.", "-inc"}};

enum { COMPANY_NAMES = 48 * 48 * 48 * 8 };

static void name_company(struct company *company, uint32_t number)
{
    if (number < 2) { /* the target accounts of rules/target-accounts.csv */
        strcpy(company->name, number == 0 ? "Big Bank" : "Mega Retail");
        strcpy(company->domain, number == 0 ? "bigbank.example" : "megaretail.example");
        return;
    }
    /* A stride without a common factor visits every name once, in no order that shows. */
    uint32_t at = (uint32_t)((uint64_t)number * 700001 % COMPANY_NAMES);
    const uint32_t form = at % 8;
    at /= 8;
    char word[16];
    snprintf(word, sizeof(word), "%s%s%s", syllables[at % 48], syllables[at / 48 % 48], syllables[at / 2304]);
    char again[16] = "";
    if (number >= COMPANY_NAMES) snprintf(again, sizeof(again), "%" PRIu32, number / COMPANY_NAMES + 1);
    snprintf(company->name, sizeof(company->name), "%c%s%s%s", word[0] - 'a' + 'A', word + 1, again, forms[form].name);
    snprintf(company->domain, sizeof(company->domain), "%s%s%s.example", word, again, forms[form].domain);
}

static struct company make_company(uint64_t seed, uint32_t number)
{
    static const struct { uint32_t share, from, to; } sizes[] = {{16, 1, 10}, {27, 11, 50}, {27, 51, 200}, {15, 201, 500}, {11, 501, 5000}, {4, 5001, 60000}};
    struct asy_draw draw = asy_draw_stream(seed, ASY_DRAW_COMPANY, number);
    struct company company = {0};
    name_company(&company, number);
    uint32_t at = asy_draw_below(&draw, 100), i = 0;
    while (at >= sizes[i].share) at -= sizes[i++].share;
    company.employees = sizes[i].from + asy_draw_below(&draw, sizes[i].to - sizes[i].from + 1);
    company.revenue_usd = (uint64_t)company.employees * (60 + asy_draw_below(&draw, 200)) * 1000;
    company.country = PICK(&draw, countries);
    company.industry = PICK(&draw, industries);
    company.crm = PICK(&draw, crms);
    company.funding = PICK(&draw, fundings);
    return company;
}

/* -- people ----------------------------------------------------------------------------------------------------- */

struct name {
    const char *shown, *mail;
};
static const struct name first_names[] = {
    {"Anna", "anna"}, {"Ben", "ben"}, {"Carla", "carla"}, {"David", "david"}, {"Elena", "elena"}, {"Frank", "frank"},
    {"Grace", "grace"}, {"Hugo", "hugo"}, {"Ines", "ines"}, {"Jonas", "jonas"}, {"Karin", "karin"}, {"Liam", "liam"},
    {"Maria", "maria"}, {"Nadia", "nadia"}, {"Oscar", "oscar"}, {"Paula", "paula"}, {"Quentin", "quentin"}, {"Rosa", "rosa"},
    {"Samuel", "samuel"}, {"Tara", "tara"}, {"Umar", "umar"}, {"Vera", "vera"}, {"William", "william"}, {"Yara", "yara"},
    {"Zo\xc3\xab", "zoe"}, {"S\xc3\xb8ren", "soren"}, {"Jos\xc3\xa9", "jose"}, {"Ren\xc3\xa9" "e", "renee"}, {"Aiko", "aiko"},
    {"Priya", "priya"}, {"Chen", "chen"}, {"Mohammed", "mohammed"}, {"Aisha", "aisha"}, {"Lars", "lars"}, {"Emma", "emma"},
    {"Noah", "noah"}, {"Olivia", "olivia"}, {"James", "james"}, {"Sofia", "sofia"}, {"Lucas", "lucas"}, {"Mia", "mia"},
    {"Ethan", "ethan"}, {"Hannah", "hannah"}, {"Daniel", "daniel"}, {"Laura", "laura"}, {"Peter", "peter"}, {"Ruth", "ruth"},
    {"Simon", "simon"}};
static const struct name last_names[] = {
    {"Adler", "adler"}, {"Bauer", "bauer"}, {"Castro", "castro"}, {"Dahl", "dahl"}, {"Ekstr\xc3\xb6m", "ekstrom"}, {"Fischer", "fischer"},
    {"Garcia", "garcia"}, {"Hansen", "hansen"}, {"Ito", "ito"}, {"Jensen", "jensen"}, {"Keller", "keller"}, {"Lopez", "lopez"},
    {"M\xc3\xbcller", "mueller"}, {"Novak", "novak"}, {"O'Neil", "oneil"}, {"Patel", "patel"}, {"Quinn", "quinn"}, {"Rossi", "rossi"},
    {"Singh", "singh"}, {"Tanaka", "tanaka"}, {"Ueda", "ueda"}, {"Vargas", "vargas"}, {"Weber", "weber"}, {"Xu", "xu"},
    {"Young", "young"}, {"Zimmer", "zimmer"}, {"Smith", "smith"}, {"Johnson", "johnson"}, {"Brown", "brown"}, {"Taylor", "taylor"},
    {"Wilson", "wilson"}, {"Clark", "clark"}, {"Lewis", "lewis"}, {"Walker", "walker"}, {"Hall", "hall"}, {"Allen", "allen"},
    {"Wright", "wright"}, {"Baker", "baker"}, {"Nelson", "nelson"}, {"Carter", "carter"}, {"Mitchell", "mitchell"}, {"Perez", "perez"},
    {"Roberts", "roberts"}, {"Turner", "turner"}, {"Phillips", "phillips"}, {"Campbell", "campbell"}, {"Parker", "parker"},
    {"de la Cruz", "delacruz"}};

static const struct rank {
    const char *seniority;
    uint32_t weight;
    uint32_t n_titles;
    const char *titles[6];
} ranks[] = {
    {"c_suite", 8, 6, {"CEO", "Chief Executive Officer", "CRO", "Chief Revenue Officer", "CMO", "Chief Marketing Officer"}},
    {"vp", 12, 5, {"VP Sales", "Vice President, Sales", "VP of Marketing", "VP Revenue Operations", "Vice President Growth"}},
    {"director", 18, 5, {"Director of Sales", "Marketing Director", "Director, Revenue Operations", "Sales Director", "Director of Demand Generation"}},
    {"manager", 24, 5, {"Sales Manager", "Marketing Manager", "RevOps Manager", "Marketing Operations Manager", "Manager, Inside Sales"}},
    {"ic", 28, 6, {"Account Executive", "SDR", "Marketing Specialist", "Sales Analyst", "Growth Marketer", "CRM Administrator"}},
    {"student", 3, 2, {"Student", "MBA Student"}},
    {"intern", 3, 2, {"Sales Intern", "Marketing Intern"}},
    {"agency", 4, 2, {"Agency Owner", "Agency Account Lead"}},
};
static const struct choice departments[] = {{"sales", 30}, {"revops", 15}, {"marketing_ops", 20}, {"other", 35}};
static const struct choice free_mail[] = {{"gmail.com", 60}, {"yahoo.com", 25}, {"hotmail.com", 15}};
static const struct choice sources[] = {{"website", 47}, {"list_import", 23}, {"trade_show", 13}, {"manual", 9}, {"referral", 8}};
static const char *const owners[] = {"ana", "bruno", "chloe", "dev", "erin", "farid", "grace", "henk",
                                     "ines", "jo", "kim", "lee", "maya", "nora", "omar", "quinn"};

static const struct rank *pick_rank(struct asy_draw *draw)
{
    uint32_t at = asy_draw_below(draw, 100), i = 0;
    while (at >= ranks[i].weight) at -= ranks[i++].weight;
    return &ranks[i];
}

/* The lead's number in base 36 makes every address a different one. */
static void base36(uint32_t number, char out[8])
{
    char turned[8];
    uint32_t n = 0;
    do {
        turned[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
        number /= 36;
    } while (number > 0);
    for (uint32_t i = 0; i < n; i++) out[i] = turned[n - 1 - i];
    out[n] = '\0';
}

static void put_person(struct cells *cells, struct asy_draw *draw, uint32_t lead, const struct company *company)
{
    const struct name *first = &ONE_OF(draw, first_names), *last = &ONE_OF(draw, last_names);
    const char *domain = asy_draw_percent(draw, 5) ? PICK(draw, free_mail) : company->domain;
    char text[160], number[8];
    base36(lead, number);
    snprintf(text, sizeof(text), "%s %s", first->shown, last->shown);
    cell_text(cells, draw, 4, text);
    snprintf(text, sizeof(text), "%s.%s%s@%s", first->mail, last->mail, number, domain);
    cell_text(cells, draw, 0, text);
    cell_text(cells, draw, 0, domain);
    const struct rank *rank = pick_rank(draw);
    cell_text(cells, draw, 8, rank->titles[asy_draw_below(draw, rank->n_titles)]);
    cell_text(cells, draw, 20, rank->seniority);
    cell_text(cells, draw, 25, PICK(draw, departments));
    cell_bool(cells, draw, 40, asy_draw_percent(draw, 8));
}

static void put_company(struct cells *cells, struct asy_draw *draw, const struct company *company)
{
    cell_text(cells, draw, 2, company->name);
    cell_text(cells, draw, 6, company->domain);
    cell_number(cells, draw, 12, company->employees);
    cell_number(cells, draw, 35, company->revenue_usd);
    cell_text(cells, draw, 5, company->country);
    cell_text(cells, draw, 9, company->industry);
    cell_text(cells, draw, 30, company->crm);
    cell_text(cells, draw, 40, company->funding);
}

/* -- how far sales has come ------------------------------------------------------------------------------------- */

static const struct choice decisions[] = {{"accepted", 50}, {"pending", 28}, {"rejected", 22}};
static const struct choice rejections[] = {{"not_icp", 35}, {"bad_data", 20}, {"duplicate", 15}, {"competitor_or_agency", 12},
                                           {"out_of_territory", 10}, {"other", 8}};
static const struct choice outcomes[] = {{"open", 38}, {"lost", 22}, {"not_now", 15}, {"no_need", 9}, {"no_budget", 8}, {"won", 8}};
static const struct choice meetings[] = {{"none", 50}, {"discovery", 30}, {"demo", 20}};
static const struct choice losses[] = {{"timing", 30}, {"budget", 25}, {"competitor", 20}, {"no_decision", 18}, {"product_gap", 7}};

struct progress {
    bool is_decided, is_accepted, is_rejected;
    const char *decision, *outcome;
    bool is_lost, has_opportunity, has_amount;
};

static struct progress draw_progress(struct asy_draw *draw, uint32_t intent)
{
    static const uint32_t decided_percent[] = {15, 40, 70};
    struct progress progress = {.decision = "", .outcome = ""};
    progress.is_decided = asy_draw_percent(draw, decided_percent[intent]);
    if (progress.is_decided) progress.decision = PICK(draw, decisions);
    progress.is_accepted = strcmp(progress.decision, "accepted") == 0;
    progress.is_rejected = strcmp(progress.decision, "rejected") == 0;
    if (progress.is_accepted) progress.outcome = PICK(draw, outcomes);
    /* Deals of an earlier year stay on the record. */
    progress.is_lost = strcmp(progress.outcome, "lost") == 0 || (!progress.is_accepted && asy_draw_percent(draw, 3));
    const bool is_open = strcmp(progress.outcome, "open") == 0, is_won = strcmp(progress.outcome, "won") == 0;
    progress.has_opportunity = is_open && asy_draw_percent(draw, 45);
    progress.has_amount = progress.has_opportunity || is_won || progress.is_lost;
    return progress;
}

static void put_sales(struct cells *cells, struct asy_draw *draw, const struct progress *progress, int64_t as_of_s)
{
    const uint32_t owned_percent = progress->has_opportunity ? 97 : progress->is_accepted ? 80 : 5;
    cell_text(cells, draw, 5, PICK(draw, sources));
    cell_text(cells, draw, 100 - owned_percent, ONE_OF(draw, owners));
    cell_bool(cells, draw, progress->has_opportunity ? 0 : 40, progress->has_opportunity);
    if (asy_draw_percent(draw, 80))
        cell_time(cells, as_of_s - (int64_t)asy_draw_below(draw, 30 * ASY_DAY_S));
    else
        cell_empty(cells);
    cell_text(cells, draw, 0, progress->decision);
    cell_text(cells, draw, progress->is_rejected ? 10 : 100, PICK(draw, rejections));
    cell_number(cells, draw, progress->is_accepted ? 0 : 100, 1 + asy_draw_below(draw, 6));
    if (progress->is_accepted && asy_draw_percent(draw, 95))
        cell_time(cells, as_of_s - (int64_t)asy_draw_below(draw, 120 * ASY_DAY_S));
    else
        cell_empty(cells);
    cell_bool(cells, draw, progress->is_accepted ? 10 : 100, asy_draw_percent(draw, 35));
    cell_text(cells, draw, 0, progress->outcome);
    if (strcmp(progress->outcome, "not_now") == 0 && asy_draw_percent(draw, 70))
        cell_date(cells, as_of_s + ((int64_t)asy_draw_below(draw, 240) - 60) * ASY_DAY_S);
    else
        cell_empty(cells);
    cell_text(cells, draw, progress->is_accepted ? 20 : 100, PICK(draw, meetings));
}

static void put_deal(struct cells *cells, struct asy_draw *draw, const struct progress *progress, const struct company *company,
                     int64_t as_of_s)
{
    const uint32_t unknown = progress->is_accepted ? 30 : 97;
    cell_bool(cells, draw, unknown, asy_draw_percent(draw, 45));
    cell_bool(cells, draw, unknown, asy_draw_percent(draw, 40));
    cell_bool(cells, draw, unknown, asy_draw_percent(draw, 60));
    cell_number(cells, draw, unknown + 2, asy_draw_below(draw, 18));
    cell_number(cells, draw, progress->has_amount ? 5 : 100, (uint64_t)(2 + asy_draw_below(draw, 40)) * 50 * (10 + company->employees / 20));
    if (!progress->is_lost) {
        cell_empty(cells);
        cell_empty(cells);
        return;
    }
    cell_date(cells, as_of_s - (int64_t)(5 + asy_draw_below(draw, 700)) * ASY_DAY_S);
    cell_text(cells, draw, 7, PICK(draw, losses));
}

/* -- the file --------------------------------------------------------------------------------------------------- */

static void put_lead(struct cells *cells, const struct asy_synth *synth, uint32_t lead)
{
    struct asy_draw draw = asy_draw_stream(synth->seed, ASY_DRAW_LEAD, lead);
    /* About four leads a company; the product of two uniforms gives few of them many. */
    const uint64_t n_companies = synth->n_leads / 4 + 8;
    const uint64_t skewed = (asy_draw_bits(&draw) >> 32) * (asy_draw_bits(&draw) >> 32) >> 32;
    const struct company company = make_company(synth->seed, (uint32_t)(skewed * n_companies >> 32));
    const struct progress progress = draw_progress(&draw, asy_synth_habit(synth->seed, lead).intent);

    char id[ASY_SYNTH_ID_BYTES];
    asy_synth_id(synth->seed, lead, id);
    cells->column = cells->n_given = 0;
    cell(cells, id, sizeof(id));
    put_person(cells, &draw, lead, &company);
    put_company(cells, &draw, &company);
    put_sales(cells, &draw, &progress, synth->as_of_s);
    put_deal(cells, &draw, &progress, &company, synth->as_of_s);
    ASY_ASSERT(cells->column == ASY_COUNT_OF(columns));
    if (cells->is_json) asy_synth_put(cells->rows, "}", 1);
    asy_synth_put(cells->rows, "\n", 1);
}

static void put_header(struct asy_synth_rows *rows)
{
    for (uint32_t i = 0; i < ASY_COUNT_OF(columns); i++) {
        if (i > 0) asy_synth_put(rows, ",", 1);
        asy_synth_put(rows, columns[i].name, strlen(columns[i].name));
    }
    asy_synth_put(rows, "\n", 1);
}

assay_status asy_synth_leads(const struct asy_synth *synth, struct asy_mem *mem, const struct asy_synth_sink *sink,
                             struct assay_error *error)
{
    struct asy_synth_rows rows;
    assay_status status = asy_synth_rows_init(&rows, mem, sink, error);
    struct cells cells = {.rows = &rows, .is_json = synth->is_json};
    if (status == ASSAY_OK && !synth->is_json) put_header(&rows);
    for (uint64_t lead = 0; status == ASSAY_OK && lead < synth->n_leads; lead++) {
        put_lead(&cells, synth, (uint32_t)lead);
        status = asy_synth_rows_next(&rows, error);
        if (status == ASSAY_OK && lead % 4096 == 0) status = asy_synth_progress(sink, lead, lead, synth->n_leads, error);
    }
    if (status == ASSAY_OK) status = asy_synth_rows_flush(&rows, error);
    asy_synth_rows_fini(&rows);
    return status;
}
