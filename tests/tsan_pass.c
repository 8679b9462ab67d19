/* Reading and scoring by several threads, plugins among them, under ThreadSanitizer, which ends the program at the first race.
 * Criterion forks and does not start under it, so this is a program by itself: 0 when every run said the same.
 *
 *     cmake --preset tsan && cmake --build --preset tsan && ctest --preset tsan */
#include <pthread.h>

#include "tiny_db.h"

enum { N_LEADS = 20000, N_EVENTS = 60000 };

/* Plugins of every kind that score or decide. The scorers share one state among the threads. Some leads are bad. */
static const char plugin_rules[] =
    "assay: 1\nfields: {company.domain: text, company.employees: int, contact.email: text}\n"
    "plugins:\n"
    "  model: {library: libprobe_points.so, kind: scorer, reads: {text: company.domain, whole: company.employees}, isolation: %s}\n"
    "  no: {library: libprobe_no.so, kind: disqualifier, reads: {text: contact.email, points: score.fit}, isolation: %s}\n"
    "  way: {library: libprobe_way.so, kind: router, reads: {text: company.domain, out: disqualified}, isolation: %s}\n"
    "scores: {fit: {rules: [{name: Model, plugin: model, with: {salt: 1}}, {name: More, plugin: model, with: {salt: 2}}]}}\n"
    "disqualify: [{name: No, plugin: no, with: {yes_of_8: 1%s}}]\n"
    "routes: [{name: Way, plugin: way, with: {salt: 3}, assign: plugin}, {name: Rest, otherwise: true, assign: nobody}]\n";
static const char *const plugin_folders[] = {ASSAY_TEST_PLUGINS "/exec"};

struct job {
    pthread_t thread;
    const char *isa, *rules;
    struct assay *assay; /* its rules are loaded: processes are started before threads */
    uint32_t n_threads, batch_rows, flags;
    struct tiny_text text;
};

static void must(assay_status status, const struct assay_error *error)
{
    if (status == ASSAY_OK) return;
    fprintf(stderr, "%s\n", error->text);
    abort();
}

static void open_job(struct job *job)
{
    struct assay_error error;
    const struct assay_options options = {.struct_size = sizeof(options), .isa = job->isa, .plugin_dirs = plugin_folders, .n_plugin_dirs = 1};
    must(assay_open(&job->assay, &options, &error), &error);
    if (assay_load_rules(job->assay, job->rules, &error) == ASSAY_OK) return;
    fprintf(stderr, "%s\n%s\n", error.text, assay_findings(job->assay));
    abort();
}

static void *do_job(void *arg)
{
    struct job *job = arg;
    struct assay_error error;
    const struct assay_run_options run = {.struct_size = sizeof(run), .n_threads = job->n_threads, .batch_rows = job->batch_rows, .flags = job->flags};
    struct assay_data data = tiny_data();
    data.n_threads = job->n_threads;
    if (strcmp(job->rules, "rules.yaml") != 0) data.map = NULL, data.leads = "plain.csv", data.n_events = 0;
    must(assay_load_data(job->assay, &data, &error), &error);
    must(assay_run(job->assay, &run, &error), &error);
    if (run.flags != 0) must(assay_run(job->assay, &run, &error), &error); /* and again, from summaries */
    tiny_tell(job->assay, &job->text);
    tiny_say(&job->text, "%s", assay_plugin_notes(job->assay));
    assay_close(job->assay);
    return NULL;
}

/* How many of the jobs say something else than the first, which runs alone. */
static int compare_jobs(struct job *jobs, size_t n_jobs)
{
    int n_different = 0;
    for (size_t j = 0; j < n_jobs; j++) open_job(&jobs[j]);
    do_job(&jobs[0]);
    for (size_t j = 1; j < n_jobs; j++) tiny_must(pthread_create(&jobs[j].thread, NULL, do_job, &jobs[j]) == 0, "pthread_create");
    for (size_t j = 1; j < n_jobs; j++) {
        pthread_join(jobs[j].thread, NULL);
        n_different += strcmp(jobs[j].text.p, jobs[0].text.p) != 0;
    }
    for (size_t j = 0; j < n_jobs; j++) free(jobs[j].text.p);
    printf("%s: %d of %zu runs differ from the first\n", jobs[0].rules, n_different, n_jobs - 1);
    return n_different;
}

static void make_plugin_files(void)
{
    static const char bad[] = ", bad: [m77.example, m19000.example]";
    char text[sizeof(plugin_rules) + 200];
    snprintf(text, sizeof(text), plugin_rules, "worker", "worker", "worker", bad);
    tiny_file("workers.yaml", text);
    snprintf(text, sizeof(text), plugin_rules, "none", "none", "none", bad);
    tiny_file("none.yaml", text);
    FILE *file = fopen("plain.csv", "wb");
    tiny_must(file != NULL, "plain.csv");
    fputs("id,domain,employees,email\n", file);
    for (uint32_t i = 0; i < N_LEADS; i++) fprintf(file, "L-%u,d%u.example,%u,m%u.example\n", i, i % 300, i % 7, i);
    tiny_must(fclose(file) == 0, "plain.csv");
}

int main(void)
{
    tiny_open_folder();
    tiny_leads("leads.csv", N_LEADS);
    tiny_events("events1.csv", N_LEADS, N_EVENTS, 1);
    make_plugin_files();
    struct job plain[] = {{.rules = "rules.yaml", .n_threads = 1},
                          {.rules = "rules.yaml", .n_threads = 4, .batch_rows = 64},
                          {.rules = "rules.yaml", .n_threads = 4, .batch_rows = 61, .flags = ASSAY_RUN_KEEP_SUMMARIES},
                          {.rules = "rules.yaml", .isa = "ref", .n_threads = 3, .batch_rows = 1000}};
    struct job plugins[] = {{.rules = "none.yaml", .n_threads = 1},
                            {.rules = "none.yaml", .n_threads = 4, .batch_rows = 64},
                            {.rules = "workers.yaml", .n_threads = 4, .batch_rows = 1000, .flags = ASSAY_RUN_KEEP_SUMMARIES},
                            {.rules = "workers.yaml", .n_threads = 2}};
    const int n_different = compare_jobs(plain, sizeof(plain) / sizeof(plain[0])) + compare_jobs(plugins, sizeof(plugins) / sizeof(plugins[0]));
    tiny_close_folder();
    return n_different;
}
