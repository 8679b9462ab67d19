/* Shared by the tests of engine/io: a small schema made by hand, a folder of files, and an ingest over them. */
#ifndef ASY_IO_FIXTURE_H
#define ASY_IO_FIXTURE_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "io/ingest.h"
#include "io/rejects.h"

enum io_field { NAME, INDUSTRY, EMPLOYEES, REVENUE, COUNTRY, EMAIL, DOMAIN, TITLE, SENIORITY, OPTED_OUT, CREATED, UNREAD, CONTACT_NAME };

/* company.name .. contact.name: as wide as the tests need. */
static inline struct asy_schema *io_schema(void)
{
    static struct asy_str industries[] = {{"b2b_saas", 8}, {"tech", 4}, {"other", 5}};
    static struct asy_str levels[] = {{"vp", 2}, {"manager", 7}, {"ic", 2}};
    static struct asy_str vp_words[] = {{"vp", 2}, {"vice president", 14}}, manager_words[] = {{"manager", 7}};
    static struct asy_derive_line lines[] = {{{"vp", 2}, 1, 2, vp_words}, {{"manager", 7}, 2, 1, manager_words}};
    static struct asy_event_name events[] = {{{"page_view", 9}, {"low", 3}, {0, 0}}, {{"purchase", 8}, {"high", 4}, {0, 0}}};
    static struct asy_field fields[] = {
        [NAME] = {.name = {"company.name", 12}, .type = ASY_TEXT, .need = ASY_NEED_PRESENCE},
        [INDUSTRY] = {.name = {"company.industry", 16}, .type = ASY_ENUM, .need = ASY_NEED_VALUE, .n_values = 3, .values = industries},
        [EMPLOYEES] = {.name = {"company.employees", 17}, .type = ASY_INT, .need = ASY_NEED_VALUE},
        [REVENUE] = {.name = {"company.revenue", 15}, .type = ASY_NUMBER, .need = ASY_NEED_VALUE},
        [COUNTRY] = {.name = {"company.country", 15}, .type = ASY_COUNTRY, .need = ASY_NEED_VALUE},
        [EMAIL] = {.name = {"contact.email", 13}, .type = ASY_TEXT, .need = ASY_NEED_NOTHING, .required = true},
        [DOMAIN] = {.name = {"contact.email_domain", 20}, .type = ASY_TEXT, .need = ASY_NEED_VALUE,
                    .derive = {.kind = ASY_DERIVE_DOMAIN, .source = EMAIL}},
        [TITLE] = {.name = {"contact.title", 13}, .type = ASY_TEXT, .need = ASY_NEED_NOTHING},
        [SENIORITY] = {.name = {"contact.seniority", 17}, .type = ASY_ENUM, .need = ASY_NEED_VALUE, .n_values = 3, .values = levels,
                       .derive = {.kind = ASY_DERIVE_WORDS, .source = TITLE, .n_lines = 2, .lines = lines, .has_otherwise = true,
                                  .otherwise = {"ic", 2}, .otherwise_code = 3}},
        [OPTED_OUT] = {.name = {"contact.opted_out", 17}, .type = ASY_BOOL, .need = ASY_NEED_VALUE, .has_default = true,
                       .default_text = {"false", 5}, .default_value = {.i = 1}},
        [CREATED] = {.name = {"lead.created", 12}, .type = ASY_TIME, .need = ASY_NEED_VALUE},
        [UNREAD] = {.name = {"lead.note", 9}, .type = ASY_TEXT, .need = ASY_NEED_NOTHING},
        [CONTACT_NAME] = {.name = {"contact.name", 12}, .type = ASY_TEXT, .need = ASY_NEED_NOTHING},
    };
    static struct asy_schema schema = {.n_fields = CONTACT_NAME + 1, .fields = fields, .n_events = 2, .events = events};
    return &schema;
}

static char io_folder_name[] = "/tmp/assay-io-XXXXXX";

/* Go to a fresh folder, so that messages name files as given here. */
static inline void io_folder(void)
{
    cr_assert(mkdtemp(io_folder_name));
    cr_assert_eq(chdir(io_folder_name), 0);
}

static inline int io_remove(const char *path, const struct stat *there, int type, struct FTW *at)
{
    (void)there;
    (void)type;
    (void)at;
    return remove(path);
}

static inline void io_folder_gone(void)
{
    cr_assert_eq(chdir("/"), 0);
    nftw(io_folder_name, io_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void io_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "wb");
    cr_assert(file);
    cr_assert_eq(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
}

/* What stands in the file; static memory. */
static inline const char *io_text(const char *name)
{
    static char text[1 << 20];
    FILE *file = fopen(name, "rb");
    if (!file)
        return "(no file)";
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

struct io_run {
    struct asy_mem mem;
    struct asy_map map;
    struct asy_diags diags;
    struct asy_store store;
    struct asy_ingest *ingest;
    struct asy_ingest_options options;
    struct asy_rejects *rejects;
    struct assay_error error;
    assay_status status;
};

/* Ingest `leads` and `events` (texts; NULL: none) with `map` (NULL: none). Rejects go to rejects.csv. Buffers of 0 bytes: as the
 * reader likes. */
static inline void io_run_with(struct io_run *run, struct asy_schema *schema, const char *map, const char *leads, const char *events,
                               double max_rejects, uint32_t n_threads, size_t buffer_bytes)
{
    *run = (struct io_run){.status = ASSAY_OK};
    asy_mem_init(&run->mem, NULL);
    asy_diags_init(&run->diags, &run->mem);
    run->diags.path = ASY_STR("map.yaml");
    if (map) {
        run->diags.source = asy_str_of(map);
        run->status = asy_map_load(&run->map, &run->mem, schema, &run->diags, &run->error);
        cr_assert_eq(run->status, ASSAY_OK, "%s: %.*s", run->error.text, run->diags.n ? (int)run->diags.items[0].text.len : 0, run->diags.n ? run->diags.items[0].text.p : "");
    } else {
        asy_map_init(&run->map, &run->mem);
    }
    cr_assert_eq(asy_store_init(&run->store, &run->mem, schema, 1, &run->error), ASSAY_OK, "%s", run->error.text);
    cr_assert_eq(asy_rejects_open(&run->rejects, &run->mem, "rejects.csv", &run->error), ASSAY_OK, "%s", run->error.text);
    int64_t as_of_us;
    asy_time_read(ASY_STR("2026-11-01T00:00:00Z"), &as_of_us);
    run->options = (struct asy_ingest_options){.map = &run->map, .rejects = asy_rejects_sink(run->rejects),
                                               .max_rejects = max_rejects, .as_of_s = as_of_us / 1000000,
                                               .n_threads = n_threads, .buffer_bytes = buffer_bytes};
    cr_assert_eq(asy_ingest_new(&run->ingest, &run->mem, &run->store, &run->options, &run->error), ASSAY_OK);
    if (leads) {
        io_file("leads.csv", leads);
        run->status = asy_ingest_leads(run->ingest, "leads.csv", &run->error);
    }
    if (events && run->status == ASSAY_OK) {
        io_file("events.csv", events);
        run->status = asy_ingest_events(run->ingest, "events.csv", &run->error);
    }
    if (run->status == ASSAY_OK)
        run->status = asy_ingest_finish(run->ingest, n_threads, &run->error);
    cr_assert_eq(asy_rejects_commit(run->rejects, NULL), ASSAY_OK);
}

static inline void io_run(struct io_run *run, struct asy_schema *schema, const char *map, const char *leads, const char *events,
                          double max_rejects)
{
    io_run_with(run, schema, map, leads, events, max_rejects, 1, 0);
}

static inline void io_done(struct io_run *run)
{
    asy_ingest_free(run->ingest);
    asy_store_fini(&run->store);
    asy_map_fini(&run->map);
    asy_diags_fini(&run->diags);
    cr_expect_eq(run->mem.live_bytes, 0, "%llu bytes were not given back", (unsigned long long)run->mem.live_bytes);
}

/* ---- what came of it ---- */

static inline const struct asy_ingest_report *report_of(const struct io_run *run)
{
    return asy_ingest_report(run->ingest);
}

static inline void expect_ok(const struct io_run *run)
{
    const char *reason = "";
    cr_assert_eq(run->status, ASSAY_OK, "%s", run->error.text);
    cr_expect(asy_store_valid(&run->store, &reason), "%s", reason);
}

static inline void expect_text(struct asy_str found, const char *expected, const char *what)
{
    cr_expect(asy_str_is(found, expected), "%s: found `%.*s`, expected `%s`", what, ASY_ARG(found), expected);
}

static inline struct asy_str text_at(const struct io_run *run, uint32_t field, uint32_t row)
{
    const struct asy_column *column = &run->store.columns[field];
    return asy_column_code_text(column, asy_column_code(column, row));
}

/* Everything that came of a run, as text: status, report, rejects, leads with all their values, the event log. The caller frees
 * it. */
static inline char *io_dump(const struct io_run *run)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const struct asy_ingest_report *r = report_of(run);
    const struct asy_schema *schema = run->store.schema;
    fprintf(out, "status %d %s\n", run->status, run->status == ASSAY_OK ? "" : run->error.text);
    for (uint32_t i = 0; i < r->n_files; i++)
        fprintf(out, "file %.*s: %llu rows, %llu kept, %llu rejected\n", ASY_ARG(r->files[i].path), (unsigned long long)r->files[i].n_rows,
                run->status == ASSAY_OK ? (unsigned long long)r->files[i].n_kept : 0, (unsigned long long)r->files[i].n_rejected);
    fprintf(out, "rejects\n%s", io_text("rejects.csv"));
    if (run->status == ASSAY_OK) {
        fprintf(out, "events: kept %llu, unknown lead %llu, future %llu, key empty %llu, not distinct %llu, unknown %llu\n",
                (unsigned long long)r->n_events_kept, (unsigned long long)r->n_unknown_lead, (unsigned long long)r->n_future,
                (unsigned long long)r->n_key_empty, (unsigned long long)r->n_not_distinct, (unsigned long long)r->n_unknown_event);
        fprintf(out, "keys repeated %llu\n", (unsigned long long)r->n_key_field_repeated);
        for (uint32_t i = 0; i < r->n_unknown_names; i++)
            fprintf(out, "unknown name %.*s %llu\n", ASY_ARG(r->unknown_names[i].name), (unsigned long long)r->unknown_names[i].n);
        for (uint32_t i = 0; i < r->n_unused_columns; i++)
            fprintf(out, "unused %.*s\n", ASY_ARG(r->unused_columns[i]));
        for (uint32_t f = 0; f < schema->n_fields; f++) {
            const struct asy_bad_values *bad = &r->bad_values[f];
            fprintf(out, "%.*s: required empty %llu, bad %llu", ASY_ARG(schema->fields[f].name), (unsigned long long)r->n_required_empty[f],
                    (unsigned long long)bad->n);
            for (int k = 0; k < 3 && bad->examples[k].n > 0; k++)
                fprintf(out, ", `%.*s` %llu", ASY_ARG(bad->examples[k].text), (unsigned long long)bad->examples[k].n);
            fprintf(out, "\n");
        }
        const uint32_t *first = asy_events_first(&run->store.events);
        for (uint32_t lead = 0; lead < run->store.n_leads; lead++) {
            fprintf(out, "lead %.*s", ASY_ARG(asy_keys_text(&run->store.keys, lead)));
            for (uint32_t f = 0; f < schema->n_fields; f++) {
                const struct asy_column *column = &run->store.columns[f];
                if (column->repr == ASY_REPR_NOTHING || !asy_column_filled(column, lead))
                    fprintf(out, "|");
                else if (column->repr == ASY_REPR_CODE)
                    fprintf(out, "|%u %.*s", asy_column_code(column, lead), ASY_ARG(text_at(run, f, lead)));
                else if (column->repr == ASY_REPR_NUMBER)
                    fprintf(out, "|%a", asy_column_number(column, lead));
                else if (column->repr == ASY_REPR_PRESENCE)
                    fprintf(out, "|+");
                else
                    fprintf(out, "|%lld", (long long)asy_column_int(column, lead));
            }
            for (uint32_t i = first[lead]; i < first[lead + 1]; i++)
                fprintf(out, " %u:%u", asy_events_time(&run->store.events)[i], asy_events_name(&run->store.events)[i]);
            fprintf(out, "\n");
        }
    }
    fclose(out);
    return text;
}

static inline int64_t us(const char *time)
{
    int64_t at = 0;
    cr_assert_eq(asy_time_read(asy_str_of(time), &at), ASY_TIME_OK);
    return at;
}

#endif
