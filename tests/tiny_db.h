/* A small lead database as files in a fresh folder, under a rule file that uses every section that is evaluated; and all that
 * assay.h says about it after a run, as text. */
#ifndef TINY_DB_H
#define TINY_DB_H

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assay/assay.h"

#define TINY_AS_OF_S 1793491200 /* 2026-11-01T00:00:00Z */

static const char tiny_rules[] =
    "assay: 1\n"
    "ruleset: tiny\n"
    "fields:\n"
    "  company.employees: int\n"
    "  company.revenue: number\n"
    "  company.country: country\n"
    "  company.industry: one of tech, finance, other\n"
    "  company.domain: text\n"
    "  contact.email: text, required\n"
    "  contact.email_domain: text\n"
    "  contact.title: text\n"
    "  contact.seniority: one of vp, manager, ic\n"
    "  contact.opted_out: bool, default false\n"
    "  lead.owner: text\n"
    "  deal.lost_on: time\n"
    "derive:\n"
    "  contact.email_domain: {domain_of: contact.email}\n"
    "  contact.seniority: {words_in: contact.title, vp: [vp, vice president], manager: [manager], otherwise: ic}\n"
    "events:\n"
    "  web: [visit, pricing, form]\n"
    "  mail: [open, bounce]\n"
    "  sales: [call]\n"
    "lists:\n"
    "  europe: [DE, FR, NL, NO]\n"
    "  freemail: [gmail.example, mail.example]\n"
    "  junk: {union: [freemail, spam]}\n"
    "  spam: [spam.example]\n"
    "  targets: {file: targets.csv, key: domain}\n"
    "scores:\n"
    "  fit:\n"
    "    decimals: 1\n"
    "    keep_within: -20..60\n"
    "    rules:\n"
    "      - {name: Size, by: company.employees, points: {1-10: -10, 11-50: 10.25, 51-200: 25, 501+: 12, missing: -1.5}}\n"
    "      - {name: Revenue, by: company.revenue, points: {0-0.5: -3, 1-10: 2.125, 10.5+: 7, missing: 1}}\n"
    "      - {name: Country, by: company.country, points: {in europe: 10, US: 8.5, otherwise: -20, missing: 0}}\n"
    "      - {name: Industry, by: company.industry, points: {tech: 20, finance: 5, otherwise: 0, missing: 0}}\n"
    "      - {name: Seniority, by: contact.seniority, points: {vp: 9, manager: 4, otherwise: 0}}\n"
    "      - {name: Seller, when: \"contact.title.matches('(?i)sales|growth')\", points: 9}\n"
    "      - {name: Sum, when: \"contact.title + company.domain != 'x' && company.employees % 3 == 1\", points: -4.5}\n"
    "  activity:\n"
    "    decimals: 3\n"
    "    events:\n"
    "      visit: {each: 5, half_life: 30d}\n"
    "      pricing: {each: 7.5, linear: 90d, max: 20}\n"
    "      form: {once: 50, within: 200d}\n"
    "      open: {each: 1, at_most: 2 per day, within: 60d}\n"
    "      call:\n"
    "        - {name: Inbound calls, each: 10, where: \"page == 'inbound'\", at_most: 1 per week}\n"
    "        - {name: Other calls, each: -3, max: -8, where: \"!(page in ['inbound', 'hold']) && size(page) > 0\"}\n"
    "    rules:\n"
    "      - {name: Keeps coming, when: events.visit.count(14d) >= 2, points: 15}\n"
    "    decay: {30d: 25%, 90d: 100%}\n"
    "  aside:\n"
    "    rules: [{name: Never idle, when: contact.opted_out, points: 1}]\n"
    "    decay: {30d: 25%}\n" /* W0313: a finding that must survive */
    "  total: {sum: [fit, activity], keep_within: 0..100}\n"
    "  complete: {filled: [contact.title, company.domain, events.any, events.form], decimals: 2}\n"
    "grades: {by: score.total, hot: {from: 60}, warm: {from: 25.5}, cold: {from: 0}}\n"
    "disqualify:\n"
    "  - {name: Small, when: company.employees < 3}\n"
    "  - {name: Mailbox, when: contact.email_domain in junk && contact.opted_out}\n"
    "teams:\n"
    "  territories: {by: company.country, eu: in europe, us: US}\n"
    "  a: {eu: [ana, abe], us: [ann]}\n"
    "  b: {eu: [bo], anywhere: [bea, ben, bob]}\n"
    "routes:\n"
    "  - {name: Out, when: disqualified, assign: nobody}\n"
    "  - {name: Target, when: company.domain in targets, assign: {owner_of: targets}}\n"
    "  - {name: Known, when: has(lead.owner) && score.fit > 30.5, assign: {owner_of: existing_record}}\n"
    "  - {name: Hot, when: \"grade == 'hot'\", assign: {round_robin: a}, respond_within: 4h}\n"
    "  - {name: Warm, when: {all: [score.total >= 20, {any: [has(contact.title), events.any.days_ago < 30]}]}, assign: {round_robin: b}}\n"
    "  - {name: Rest, otherwise: true, assign: nobody}\n"
    "lifecycle:\n"
    "  - {stage: raw}\n"
    "  - {stage: mql, enter_when: score.total >= 25 && !disqualified, require: [company.domain]}\n"
    "  - {stage: lost, enter_when: has(deal.lost_on)}\n"
    "nurture: {later: {enter_when: \"stage == 'raw' && score.total > 5\", send: 1 email per month}}\n"
    "recycle:\n"
    "  - {name: Lost, when: days_since(deal.lost_on) >= 180, to: sales, in: 14d}\n"
    "  - {name: Quiet, when: events.any.days_ago > 120, to: marketing}\n";

static const char tiny_map[] =
    "leads:\n"
    "  key: Id\n"
    "  nulls: [\"\", n/a]\n"
    "  dates: {deal.lost_on: \"%d/%m/%Y\"}\n"
    "  fields: {company.employees: \"Number of Employees\", contact.email: Mail}\n"
    "  values: {company.industry: {Technology: tech, Banking: finance}}\n"
    "events:\n"
    "  key: who\n"
    "  event: what\n"
    "  time: at\n"
    "  names: {Page View: visit}\n"
    "  properties: {page: url}\n"
    "  skip_when_key_empty: true\n"
    "  distinct: [invoice]\n";

static char tiny_folder[] = "/tmp/assay-tiny-XXXXXX";

static inline void tiny_must(int is_true, const char *what)
{
    if (is_true) return;
    perror(what);
    abort();
}

static inline void tiny_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "wb");
    tiny_must(file != NULL, name);
    tiny_must(fwrite(text, 1, strlen(text), file) == strlen(text), name);
    tiny_must(fclose(file) == 0, name);
}

static inline uint32_t tiny_draw(uint64_t *rng, uint32_t below)
{
    *rng = *rng * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*rng >> 33) % below);
}

static inline void tiny_leads(const char *name, uint32_t n_leads)
{
    static const char *const sizes[] = {"", "n/a", "2", "7", "40", "120", "900", "many"};
    static const char *const revenues[] = {"", "0.25", "5", "12e3"};
    static const char *const countries[] = {"", "Germany", "US", "FR", "Brazil", "Blefuscu"};
    static const char *const industries[] = {"", "Technology", "Banking", "other", "farming"};
    static const char *const domains[] = {"", "acme.example", "zeta.example", "other.example"};
    static const char *const mails[] = {"x@gmail.example", "y@acme.example", "\"z@\"\"q\"\"@spam.example\"", ""};
    static const char *const titles[] = {"", "Vice President, Sales", "Growth manager", "Engineer", "CEO"};
    static const char *const flags[] = {"", "true", "no"};
    static const char *const owners[] = {"", "", "ana", "bob", "gone"};
    static const char *const lost[] = {"", "", "01/02/2026", "15/10/2026", "31/31/2026"};
    uint64_t rng = 7;
    FILE *file = fopen(name, "wb");
    tiny_must(file != NULL, name);
    fputs("Id,Number of Employees,revenue,country,Industry,domain,Mail,title,opted_out,owner,lost_on,Unused\n", file);
    for (uint32_t i = 0; i < n_leads; i++)
        fprintf(file, "L-%03u,%s,%s,%s,%s,%s,%s,\"%s\",%s,%s,%s,-\n", i * 37 % n_leads, sizes[tiny_draw(&rng, 8)],
                revenues[tiny_draw(&rng, 4)], countries[tiny_draw(&rng, 6)], industries[tiny_draw(&rng, 5)],
                domains[tiny_draw(&rng, 4)], mails[tiny_draw(&rng, 4)], titles[tiny_draw(&rng, 5)], flags[tiny_draw(&rng, 3)],
                owners[tiny_draw(&rng, 5)], lost[tiny_draw(&rng, 5)]);
    fputs("L-000,,,,,,,,,,,a lead that is there already\nL-short,1\n", file);
    tiny_must(fclose(file) == 0, name);
}

static inline void tiny_events(const char *name, uint32_t n_leads, uint32_t n_events, uint64_t seed)
{
    static const char *const names[] = {"Page View", "pricing", "form", "open", "bounce", "call", "call", "visit", "webinar"};
    static const char *const pages[] = {"", "inbound", "outbound", "hold"};
    uint64_t rng = seed;
    FILE *file = fopen(name, "wb");
    tiny_must(file != NULL, name);
    fputs("who,what,at,url,invoice\n", file);
    for (uint32_t i = 0; i < n_events; i++) {
        const uint32_t lead = tiny_draw(&rng, n_leads + 2), what = tiny_draw(&rng, 9), month = 6 + tiny_draw(&rng, 6);
        fprintf(file, "L-%03u,%s,2026-%02u-%02uT%02u:00:00Z,%s,", lead, names[what], month, 1 + tiny_draw(&rng, 28),
                tiny_draw(&rng, 24), pages[tiny_draw(&rng, 4)]);
        if (tiny_draw(&rng, 4) == 0) fprintf(file, "I%u", tiny_draw(&rng, 20));
        fputc('\n', file);
    }
    fputs(",open,2026-06-01,,\nL-001,open,yesterday,,\n", file);
    tiny_must(fclose(file) == 0, name);
}

enum { TINY_LEADS = 90, TINY_EVENTS = 300 };

/* Go to a fresh folder with all of it. */
static inline void tiny_open_folder(void)
{
    tiny_must(mkdtemp(tiny_folder) != NULL, tiny_folder);
    tiny_must(chdir(tiny_folder) == 0, tiny_folder);
    tiny_file("rules.yaml", tiny_rules);
    tiny_file("targets.csv", "domain,owner\nacme.example,nora\nzeta.example,\n");
    tiny_file("map.yaml", tiny_map);
    tiny_leads("leads.csv", TINY_LEADS);
    tiny_events("events1.csv", TINY_LEADS, TINY_EVENTS, 1);
    tiny_events("events2.csv", TINY_LEADS, TINY_EVENTS / 3, 2);
}

static inline int tiny_remove(const char *path, const struct stat *there, int type, struct FTW *at)
{
    (void)there, (void)type, (void)at;
    return remove(path);
}

static inline void tiny_close_folder(void)
{
    tiny_must(chdir("/") == 0, "/");
    nftw(tiny_folder, tiny_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *const tiny_event_files[] = {"events1.csv", "events2.csv"};

static inline struct assay_data tiny_data(void)
{
    return (struct assay_data){.struct_size = sizeof(struct assay_data), .n_events = 2, .leads = "leads.csv",
                               .events = tiny_event_files, .map = "map.yaml", .as_of_s = TINY_AS_OF_S, .max_rejects = 0.2};
}

struct tiny_text {
    char *p;
    size_t n, cap;
};

static inline void tiny_say(struct tiny_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void tiny_say(struct tiny_text *text, const char *format, ...)
{
    va_list args;
    if (text->cap - text->n < 4096) {
        text->cap = text->cap * 2 + 8192;
        text->p = realloc(text->p, text->cap);
        tiny_must(text->p != NULL, "memory of the test");
    }
    va_start(args, format);
    const int n = vsnprintf(text->p + text->n, text->cap - text->n, format, args);
    va_end(args);
    tiny_must(n >= 0 && (size_t)n < text->cap - text->n, "room for the text");
    text->n += (size_t)n;
}

/* Everything that the accessors say, a line a lead in the order of the file. */
static inline void tiny_tell(const struct assay *assay, struct tiny_text *text)
{
    tiny_say(text, "%u leads:", assay_n_leads(assay));
    for (uint32_t s = 0; s < assay_n_scores(assay); s++) tiny_say(text, " %s", assay_score_name(assay, s));
    tiny_say(text, "\n");
    for (uint32_t row = 0; row < assay_n_leads(assay); row++) {
        uint32_t n_id, n_owner;
        const char *id = assay_lead_id(assay, row, &n_id), *owner = assay_owner(assay, row, &n_owner);
        tiny_say(text, "%.*s", (int)n_id, id);
        for (uint32_t s = 0; s < assay_n_scores(assay); s++) tiny_say(text, " %lld", (long long)assay_score_milli(assay, s, row));
        tiny_say(text, " %s|%s|%s|%.*s|%s|%s|%s\n", assay_grade(assay, row), assay_disqualified_by(assay, row), assay_route(assay, row),
                 (int)n_owner, owner, assay_recycle(assay, row), assay_stage(assay, row), assay_nurture(assay, row));
    }
}

#endif
