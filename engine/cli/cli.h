/* The command: what every verb is given, how it fails, and the table of verbs. main.c alone reads clock, argv and
 * environment, installs signal handlers and owns the allocator; it hands the results down in struct asy_cli, so that
 * a verb can be run by a test with streams in memory and a fixed clock.
 *
 * Results go to io.out, talk to io.err. A verb returns one of the exit codes below. */
#ifndef ASY_CLI_H
#define ASY_CLI_H

#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "cli/args.h"

enum asy_exit {
    ASY_EXIT_OK = 0,
    ASY_EXIT_FAILED = 1,
    ASY_EXIT_USAGE = 2,        /* wrong usage or configuration, a rule file with errors */
    ASY_EXIT_FINDINGS = 3,     /* check --strict */
    ASY_EXIT_TESTS = 4,        /* rule tests failed */
    ASY_EXIT_GATE = 5,         /* --fail-if */
    ASY_EXIT_INTERRUPTED = 130,
};

struct asy_cli_io {
    FILE *out, *err;
    bool out_color, err_color; /* a terminal, and neither NO_COLOR nor TERM=dumb */
    bool err_animates;         /* a terminal that can redraw a line: progress is shown */
};

struct asy_cli_clock {
    int64_t (*utc_us)(void);
    int64_t (*monotonic_ns)(void);
};

/* Where plugins may come from besides --plugin-dir, in this order: see cli/plugin_dirs.h. All paths are absolute. */
struct asy_cli_places {
    const char *plugin_path;    /* ASSAY_PLUGIN_PATH, or NULL */
    bool is_path_ignored;       /* it is set, and the process runs with another user's rights than the one who set it */
    const char *plugins_beside; /* `plugins` in the folder of the command, or NULL */
    const char *installed[2];   /* as configured; as seen from the command, wherever the prefix was moved to; each may be NULL */
    const char *headers;        /* folder to compile plugins against: of the installation that the command is part of, or NULL */
};

struct asy_cli {
    struct asy_cli_io io;
    struct asy_cli_clock clock;
    struct asy_mem *mem;
    struct asy_pool *pool;                     /* lives as long as the verb runs */
    const volatile sig_atomic_t *interrupted;  /* not 0 after Ctrl-C: stop, leave nothing half done */
    const char *isa;                           /* ASSAY_ISA, or NULL */
    uint32_t n_cpus;                           /* this process may use, at least 1 */
    uint64_t seed;                             /* random, for hash secrets: never for results */
    uint64_t (*bytes_in_use)(void);            /* that malloc has handed out here, for the kit; NULL: libc's own is used */
    struct asy_cli_places places;
    struct asy_args args;
};

/* Run the verb that argv[1] names. The exit code. */
int asy_cli_run(struct asy_cli *cli, int argc, char *const *argv);

/* Say `error` on io.err, with how to go on after wrong usage; the exit code that fits its status. */
int asy_cli_fail(struct asy_cli *cli, const struct assay_error *error);
static inline bool asy_cli_interrupted(const struct asy_cli *cli)
{
    return cli->interrupted != NULL && *cli->interrupted != 0;
}

/* The verbs that exist, in the order in which one needs them. */
extern const struct asy_verb asy_verbs[];
extern const uint32_t asy_n_verbs;

int asy_verb_score(struct asy_cli *cli);
int asy_verb_explain(struct asy_cli *cli);
int asy_verb_check(struct asy_cli *cli);
int asy_verb_bench(struct asy_cli *cli);
int asy_verb_synth(struct asy_cli *cli);
int asy_verb_plugin_new(struct asy_cli *cli);
int asy_verb_plugin_check(struct asy_cli *cli);
int asy_verb_plugin_list(struct asy_cli *cli);

#endif
