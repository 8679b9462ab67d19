/* Reading and scoring by several threads under ThreadSanitizer, which ends the program at the first race. Criterion forks
 * and does not start under it, so this is a program by itself: 0 when every run said the same.
 *
 *     cmake --preset tsan && cmake --build --preset tsan && ctest --preset tsan */
#include <pthread.h>

#include "tiny_db.h"

enum { N_LEADS = 20000, N_EVENTS = 60000 };

struct job {
    pthread_t thread;
    const char *isa;
    uint32_t n_threads, batch_rows, flags;
    struct tiny_text text;
};

static void must(assay_status status, const struct assay_error *error)
{
    if (status == ASSAY_OK) return;
    fprintf(stderr, "%s\n", error->text);
    abort();
}

static void *do_job(void *arg)
{
    struct job *job = arg;
    struct assay_error error;
    struct assay *assay = NULL;
    struct assay_data data = tiny_data();
    const struct assay_options options = {.struct_size = sizeof(options), .isa = job->isa};
    const struct assay_run_options run = {.struct_size = sizeof(run), .n_threads = job->n_threads, .batch_rows = job->batch_rows, .flags = job->flags};
    data.n_threads = job->n_threads;
    must(assay_open(&assay, &options, &error), &error);
    must(assay_load_rules(assay, "rules.yaml", &error), &error);
    must(assay_load_data(assay, &data, &error), &error);
    must(assay_run(assay, &run, &error), &error);
    if (run.flags != 0) must(assay_run(assay, &run, &error), &error); /* and again, from summaries */
    tiny_tell(assay, &job->text);
    assay_close(assay);
    return NULL;
}

int main(void)
{
    tiny_open_folder();
    tiny_leads("leads.csv", N_LEADS);
    tiny_events("events1.csv", N_LEADS, N_EVENTS, 1);
    struct job jobs[] = {{.n_threads = 1}, {.n_threads = 4, .batch_rows = 64}, {.n_threads = 4, .batch_rows = 61, .flags = ASSAY_RUN_KEEP_SUMMARIES}, {.isa = "ref", .n_threads = 3, .batch_rows = 1000}};
    const size_t n_jobs = sizeof(jobs) / sizeof(jobs[0]);
    int n_different = 0;
    do_job(&jobs[0]);
    for (size_t j = 1; j < n_jobs; j++) tiny_must(pthread_create(&jobs[j].thread, NULL, do_job, &jobs[j]) == 0, "pthread_create");
    for (size_t j = 1; j < n_jobs; j++) {
        pthread_join(jobs[j].thread, NULL);
        n_different += strcmp(jobs[j].text.p, jobs[0].text.p) != 0;
    }
    for (size_t j = 0; j < n_jobs; j++) free(jobs[j].text.p);
    tiny_close_folder();
    printf("%d of %zu runs differ from the first\n", n_different, n_jobs - 1);
    return n_different;
}
