#include "cli/cli.h"

#include "base/check.h"

static void print_overview(struct asy_cli *cli)
{
    FILE *out = cli->io.out;
    fputs("assay scores leads by a rule file, and says why.\n\n", out);
    for (uint32_t i = 0; i < asy_n_verbs; i++) fprintf(out, "  assay %-9s %s\n", asy_verbs[i].name, asy_verbs[i].line);
    fputs("\n`assay VERB --help` shows examples first. To try it without data of your own:\n\n"
          "  assay synth --leads 100k --out demo\n"
          "  assay score RULES.yaml --leads demo/leads.csv --events demo/events.csv --out scored.csv\n",
          out);
}

static const struct asy_verb *find_verb(const char *name)
{
    for (uint32_t i = 0; i < asy_n_verbs; i++)
        if (strcmp(asy_verbs[i].name, name) == 0) return &asy_verbs[i];
    return NULL;
}

static int unknown_verb(struct asy_cli *cli, const char *name)
{
    struct asy_str known[32];
    uint32_t n = 0;
    for (uint32_t i = 0; i < asy_n_verbs && i < ASY_COUNT_OF(known); i++) known[n++] = asy_str_of(asy_verbs[i].name);
    const int64_t near = asy_str_nearest(asy_str_of(name), known, n);
    const char *what = name[0] == '-' ? "flag" : "verb";
    if (near >= 0 && name[0] != '-')
        fprintf(cli->io.err, "assay: unknown %s `%s`; did you mean `%.*s`?\n", what, name, ASY_ARG(known[near]));
    else
        fprintf(cli->io.err, "assay: unknown %s `%s`; `assay` alone lists the verbs\n", what, name);
    return ASY_EXIT_USAGE;
}

static int print_help(struct asy_cli *cli, const struct asy_verb *verb)
{
    const struct asy_str text = asy_args_help(cli->pool, verb);
    if (text.p == NULL) {
        fputs("assay: out of memory\n", cli->io.err);
        return ASY_EXIT_FAILED;
    }
    fwrite(text.p, 1, text.len, cli->io.out);
    return ASY_EXIT_OK;
}

int asy_cli_run(struct asy_cli *cli, int argc, char *const *argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        fprintf(cli->io.out, "assay %s\n", ASSAY_VERSION);
        return ASY_EXIT_OK;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        if (argc < 3) {
            print_overview(cli);
            return ASY_EXIT_OK;
        }
        const struct asy_verb *verb = find_verb(argv[2]);
        return verb != NULL ? print_help(cli, verb) : unknown_verb(cli, argv[2]);
    }
    const struct asy_verb *verb = find_verb(name);
    if (verb == NULL) return unknown_verb(cli, name);

    struct assay_error error = {0};
    if (asy_args_parse(&cli->args, cli->pool, verb, argc - 2, argv + 2, &error) != ASSAY_OK) return asy_cli_fail(cli, &error);
    if (cli->args.wants_help) return print_help(cli, verb);
    return verb->run(cli);
}

int asy_cli_fail(struct asy_cli *cli, const struct assay_error *error)
{
    /* Messages about usage name the verb themselves; the others start with a place. */
    const bool is_named = strncmp(error->text, "assay", 5) == 0;
    fprintf(cli->io.err, "%s%s\n", is_named ? "" : "assay: ", error->text[0] != '\0' ? error->text : asy_status_text(error->code));
    switch (error->code) {
    case ASSAY_E_PARAM:
    case ASSAY_E_RULES:
        return ASY_EXIT_USAGE;
    case ASSAY_E_CANCELLED:
        return ASY_EXIT_INTERRUPTED;
    default:
        return ASY_EXIT_FAILED;
    }
}
