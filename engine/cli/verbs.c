/* The argument tables of all verbs. Order of flags: what the job needs, what shapes it, what is said about it. */
#include "cli/cli.h"

#include "base/check.h"

#define FLAG_JSON {.name = "json", .help = "print the result as JSON (it has a schema_version)"}
#define FLAG_QUIET {.name = "quiet", .help = "no summary and no progress; errors are still said"}
#define FLAG_AS_OF \
    {.name = "as-of", .kind = ASY_FLAG_TIME, .value = "TIME", .help = "score as things stood then; now if not given, and printed"}
#define FLAG_LEADS \
    {.name = "leads", .kind = ASY_FLAG_TEXT, .value = "FILE", .is_required = true, \
     .help = "CSV or NDJSON, also gzip or zstd; needs a lead_id (or id, or what the map says); - is standard input"}
#define FLAG_EVENTS \
    {.name = "events", .kind = ASY_FLAG_TEXT, .value = "FILE", .is_repeatable = true, \
     .help = "what the leads did: the lead's key, event, time; may be given many times"}
#define FLAG_MAP \
    {.name = "map", .kind = ASY_FLAG_TEXT, .value = "MAP.yaml", .help = "which column is which field, where the names differ"}
#define FLAG_THREADS \
    {.name = "threads", .kind = ASY_FLAG_COUNT, .value = "N", .min = 1, .max = 256, \
     .help = "all processors unless said; the result does not depend on it"}
#define FLAG_MAX_REJECTS \
    {.name = "max-rejects", .kind = ASY_FLAG_SHARE, .value = "SHARE", .fallback = "1%", \
     .help = "fail, and write nothing, when more of a file's rows are malformed"}
#define FLAG_MAX_CELL \
    {.name = "max-cell", .kind = ASY_FLAG_COUNT, .value = "BYTES", .min = 1024, .max = 1000000000, \
     .help = "largest cell taken from a file; 1 MiB unless said"}

#define FLAG_PLUGIN_DIR \
    {.name = "plugin-dir", .kind = ASY_FLAG_TEXT, .value = "DIR", .is_repeatable = true, \
     .help = "a folder with plugins, looked at before those of ASSAY_PLUGIN_PATH, `plugins` beside the command, and the installed ones"}
#define FLAG_ALLOW_FAILURES \
    {.name = "allow-plugin-failures", \
     .help = "go on when a plugin fails on three leads: it is stopped, and all its verdicts of this run are empty"}

#define EXIT_CODES "Exit codes: 0 done, 1 failed, 2 wrong usage or a rule file with errors, 130 interrupted.\n"

static const char *const score_examples[] = {
    "assay score rules/b2b-saas.yaml --leads leads.csv --events events.csv --out scored.csv",
    "assay score rules/b2b-saas.yaml --leads crm.csv.gz --map crm.map.yaml --out scored.ndjson",
    "assay score rules.yaml --leads leads.csv --events mon.csv --events tue.csv --as-of 2026-11-01 --out - | head",
    NULL,
};
static const struct asy_flag score_flags[] = {
    FLAG_LEADS,
    FLAG_EVENTS,
    {.name = "out", .kind = ASY_FLAG_TEXT, .value = "FILE", .fallback = "scored.csv",
     .help = "where the scored leads go, in the order of the leads file: .csv, .tsv, .ndjson, or - for standard output"},
    {.name = "format", .kind = ASY_FLAG_CHOICE, .value = "auto|csv|tsv|ndjson", .fallback = "auto",
     .help = "of --out; auto goes by the file's name, csv on standard output"},
    FLAG_MAP,
    FLAG_AS_OF,
    {.name = "state", .kind = ASY_FLAG_TEXT, .value = "FILE",
     .help = "where the next run goes on: round robin and time of first routing; read if it is there, then written"},
    {.name = "changed-from", .kind = ASY_FLAG_TEXT, .value = "OLD.csv",
     .help = "write only the leads whose row differs from the one in this earlier output"},
    {.name = "rejects", .kind = ASY_FLAG_TEXT, .value = "FILE", .help = "malformed rows go here with file, line, column and reason"},
    FLAG_MAX_REJECTS,
    FLAG_MAX_CELL,
    {.name = "summary-json", .kind = ASY_FLAG_TEXT, .value = "FILE", .help = "the summary for machines (it has a schema_version)"},
    FLAG_THREADS,
    {.name = "batch", .kind = ASY_FLAG_COUNT, .value = "N", .min = 1, .max = 65536,
     .help = "leads worked on at a time; the result does not depend on it"},
    FLAG_PLUGIN_DIR,
    FLAG_ALLOW_FAILURES,
    FLAG_QUIET,
};

static const char *const explain_examples[] = {
    "assay explain rules/b2b-saas.yaml 00Q5e00000AbCdEFGH --leads leads.csv --events events.csv",
    "assay explain rules.yaml L-17 --leads leads.csv --as-of 2026-11-01 --json",
    NULL,
};
static const struct asy_flag explain_flags[] = {
    FLAG_LEADS, FLAG_EVENTS, FLAG_MAP, FLAG_AS_OF,
    {.name = "state", .kind = ASY_FLAG_TEXT, .value = "FILE", .help = "the state that the score run used; only read"},
    FLAG_MAX_REJECTS, FLAG_MAX_CELL, FLAG_PLUGIN_DIR, FLAG_ALLOW_FAILURES, FLAG_JSON,
};

static const char *const check_examples[] = {
    "assay check rules/b2b-saas.yaml",
    "assay check rules.yaml --strict                      # for CI: exit code 3 on warnings",
    "assay check rules.yaml --format github --ignore route-hole",
    "assay check rules.yaml --format sarif > findings.sarif",
    NULL,
};
static const struct asy_flag check_flags[] = {
    {.name = "strict", .help = "exit with 3 when there are warnings"},
    {.name = "format", .kind = ASY_FLAG_CHOICE, .value = "text|json|github|sarif", .fallback = "text",
     .help = "text with source lines; json; github prints workflow commands; sarif is SARIF 2.1.0"},
    {.name = "json", .help = "the same as --format json"},
    {.name = "ignore", .kind = ASY_FLAG_TEXT, .value = "NAME", .is_repeatable = true,
     .help = "leave out the warnings and notes of this name, such as route-hole; errors stay"},
    FLAG_PLUGIN_DIR,
    {.name = "no-plugins", .help = "do not load the plugins that the file names, on a machine that has none: what only they know is not checked"},
};

static const char *const bench_examples[] = {
    "assay bench rules/b2b-saas.yaml                      # made-up leads and events that fit the rules",
    "assay bench rules.yaml --leads leads.csv --events events.csv --runs 21",
    "assay bench rules.yaml --rows 100k --events-per-lead 50 --threads 1 --json",
    NULL,
};
static const struct asy_flag bench_flags[] = {
    {.name = "leads", .kind = ASY_FLAG_TEXT, .value = "FILE", .help = "leads to score, as for `assay score`; made up if not given"},
    FLAG_EVENTS,
    FLAG_MAP,
    FLAG_AS_OF,
    FLAG_MAX_REJECTS,
    FLAG_MAX_CELL,
    {.name = "rows", .kind = ASY_FLAG_COUNT, .value = "N", .fallback = "1M", .min = 1, .max = 1u << 28, .help = "how many leads are made up"},
    {.name = "events-per-lead", .kind = ASY_FLAG_COUNT, .value = "N", .fallback = "20", .max = 1000,
     .help = "events made up, on average, the leads without events counted"},
    {.name = "runs", .kind = ASY_FLAG_COUNT, .value = "N", .fallback = "11", .min = 1, .max = 1000,
     .help = "how often everything is scored with one thread, and with all"},
    FLAG_THREADS,
    FLAG_PLUGIN_DIR,
    FLAG_ALLOW_FAILURES,
    FLAG_JSON,
    FLAG_QUIET,
};

static const char *const synth_examples[] = {
    "assay synth --leads 100k --events-per-lead 20 --out demo",
    "assay synth --leads 1M --seed 7 --format ndjson --out big",
    NULL,
};
static const struct asy_flag synth_flags[] = {
    {.name = "out", .kind = ASY_FLAG_TEXT, .value = "DIR", .is_required = true,
     .help = "folder for leads.csv and events.csv; made if missing, older files of these names are replaced"},
    {.name = "leads", .kind = ASY_FLAG_COUNT, .value = "N", .fallback = "100k", .min = 1, .max = 1u << 28, .help = "how many leads"},
    {.name = "events-per-lead", .kind = ASY_FLAG_COUNT, .value = "N", .fallback = "20", .max = 1000,
     .help = "on average, the leads without events counted"},
    {.name = "seed", .kind = ASY_FLAG_COUNT, .value = "N", .fallback = "1", .help = "another number, other data; the same number, the same bytes"},
    {.name = "as-of", .kind = ASY_FLAG_TIME, .value = "TIME", .fallback = "2026-11-01T00:00:00Z",
     .help = "the moment the data is exported: events reach back 18 months from it"},
    {.name = "format", .kind = ASY_FLAG_CHOICE, .value = "csv|ndjson", .fallback = "csv", .help = "of both files"},
    FLAG_QUIET,
};

static const char *const plugin_new_examples[] = {
    "assay plugin new old_titles                          # a folder with a disqualifier, its test and rules that use it",
    "assay plugin new territory --kind router --dir src",
    NULL,
};
static const struct asy_flag plugin_new_flags[] = {
    {.name = "kind", .kind = ASY_FLAG_CHOICE, .value = "disqualifier|router|recycler|scorer", .fallback = "disqualifier",
     .help = "what it says about a lead: drop it, send it this way, bring it back, give it points"},
    {.name = "dir", .kind = ASY_FLAG_TEXT, .value = "DIR", .fallback = ".", .help = "where the folder is made"},
};

static const char *const plugin_check_examples[] = {
    "assay plugin check ./libold_titles.so",
    "assay plugin check ./libterritory.so --with reps=reps.csv --with sticky=yes",
    "assay plugin check ./libterritory.so --rules rules.yaml --json",
    NULL,
};
static const struct asy_flag plugin_check_flags[] = {
    {.name = "with", .kind = ASY_FLAG_TEXT, .value = "NAME=VALUE", .is_repeatable = true,
     .help = "a parameter, as in `with:` of a rule; of a file its path; of a list one text, so that it may be given again"},
    {.name = "rules", .kind = ASY_FLAG_TEXT, .value = "RULES.yaml", .help = "check it with the parameters of every rule of this file that uses it"},
    {.name = "seed", .kind = ASY_FLAG_COUNT, .value = "N", .fallback = "1", .help = "another number, other made-up leads"},
    FLAG_JSON,
};

static const char *const plugin_list_examples[] = {
    "assay plugin list",
    "assay plugin list --plugin-dir ./build --json",
    NULL,
};
static const struct asy_flag plugin_list_flags[] = {FLAG_PLUGIN_DIR, FLAG_JSON};

static const struct asy_verb plugin_verbs[] = {
    {.name = "plugin new", .line = "a folder with a plugin to begin with", .operands = "NAME", .min_operands = 1, .max_operands = 1,
     .examples = plugin_new_examples, .flags = plugin_new_flags, .n_flags = ASY_COUNT_OF(plugin_new_flags),
     .notes = "NAME is of small letters, digits and _, begins with a letter, and has at most 40. Nothing is overwritten.\n" EXIT_CODES,
     .run = asy_verb_plugin_new},
    {.name = "plugin check", .line = "does a plugin keep its promises, proved on made-up leads", .operands = "FILE.so", .min_operands = 1,
     .max_operands = 1, .examples = plugin_check_examples, .flags = plugin_check_flags, .n_flags = ASY_COUNT_OF(plugin_check_flags),
     .notes = "Each check runs in a process of its own: a plugin that crashes is told.\n"
              "Exit codes: 0 all passed, 1 a check failed or it is no plugin, 2 wrong usage.\n",
     .run = asy_verb_plugin_check},
    {.name = "plugin list", .line = "which plugins there are, and what they read and take", .operands = "", .min_operands = 0,
     .max_operands = 0, .examples = plugin_list_examples, .flags = plugin_list_flags, .n_flags = ASY_COUNT_OF(plugin_list_flags),
     .notes = "What is refused is listed with the reason.\n" EXIT_CODES, .run = asy_verb_plugin_list},
};

const struct asy_verb asy_verbs[] = {
    {.name = "score", .line = "score, disqualify, stage, route and recycle every lead", .operands = "RULES.yaml", .min_operands = 1,
     .max_operands = 1, .examples = score_examples, .flags = score_flags, .n_flags = ASY_COUNT_OF(score_flags),
     .notes = "A run with --as-of is repeatable to the byte. The output appears whole or not at all.\n" EXIT_CODES,
     .run = asy_verb_score},
    {.name = "explain", .line = "why one lead has its score, grade and route", .operands = "RULES.yaml LEAD_ID", .min_operands = 2,
     .max_operands = 2, .examples = explain_examples, .flags = explain_flags, .n_flags = ASY_COUNT_OF(explain_flags),
     .notes = EXIT_CODES, .run = asy_verb_explain},
    {.name = "check", .line = "every problem of a rule file, with its place", .operands = "RULES.yaml", .min_operands = 1,
     .max_operands = 1, .examples = check_examples, .flags = check_flags, .n_flags = ASY_COUNT_OF(check_flags),
     .notes = "Exit codes: 0 no errors, 1 failed, 2 errors found or wrong usage, 3 warnings with --strict.\n",
     .run = asy_verb_check},
    {.name = "bench", .line = "what a rule file costs: leads a second, ns a rule, bytes", .operands = "RULES.yaml", .min_operands = 1,
     .max_operands = 1, .examples = bench_examples, .flags = bench_flags, .n_flags = ASY_COUNT_OF(bench_flags),
     .notes = "A run binds the rules to the data, scores every lead and deals out owners; reading and writing files is not in it.\n" EXIT_CODES,
     .run = asy_verb_bench},
    {.name = "plugin", .line = "for those who write plugins: begin one, prove one, list them", .verbs = plugin_verbs,
     .n_verbs = ASY_COUNT_OF(plugin_verbs)},
    {.name = "synth", .line = "made-up leads and events with realistic shapes", .operands = "", .min_operands = 0,
     .max_operands = 0, .examples = synth_examples, .flags = synth_flags, .n_flags = ASY_COUNT_OF(synth_flags),
     .notes = "The fields are those of rules/b2b-saas.yaml. Nobody in the data exists.\n" EXIT_CODES, .run = asy_verb_synth},
};
const uint32_t asy_n_verbs = ASY_COUNT_OF(asy_verbs);
