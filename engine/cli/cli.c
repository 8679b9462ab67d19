#include "cli/cli.h"

#include "base/check.h"

/* The last word of its name: how it is called where it stands. */
static const char *word_of(const struct asy_verb *verb)
{
    const char *blank = strrchr(verb->name, ' ');
    return blank != NULL ? blank + 1 : verb->name;
}

static void print_verbs(FILE *out, const struct asy_verb *group)
{
    for (uint32_t i = 0; i < group->n_verbs; i++)
        fprintf(out, "  assay %-*s %s\n", group->name[0] == '\0' ? 9 : 13, group->verbs[i].name, group->verbs[i].line);
}

static void print_overview(FILE *out, const struct asy_verb *all)
{
    fputs("assay scores leads by a rule file, and says why.\n\n", out);
    print_verbs(out, all);
    fputs("\n`assay VERB --help` shows examples first. To try it without data of your own:\n\n"
          "  assay synth --leads 100k --out demo\n"
          "  assay score RULES.yaml --leads demo/leads.csv --events demo/events.csv --out scored.csv\n",
          out);
}

static int print_help(struct asy_cli *cli, const struct asy_verb *verb)
{
    if (verb->n_verbs > 0 && verb->name[0] == '\0') {
        print_overview(cli->io.out, verb);
        return ASY_EXIT_OK;
    }
    if (verb->n_verbs > 0) {
        fprintf(cli->io.out, "assay %s: %s\n\n", verb->name, verb->line);
        print_verbs(cli->io.out, verb);
        fprintf(cli->io.out, "\n`assay %s VERB --help` shows examples first.\n", verb->name);
        return ASY_EXIT_OK;
    }
    const struct asy_str text = asy_args_help(cli->pool, verb);
    if (text.p == NULL) {
        fputs("assay: out of memory\n", cli->io.err);
        return ASY_EXIT_FAILED;
    }
    fwrite(text.p, 1, text.len, cli->io.out);
    return ASY_EXIT_OK;
}

static const struct asy_verb *find_verb(const struct asy_verb *group, const char *word)
{
    for (uint32_t i = 0; i < group->n_verbs; i++)
        if (strcmp(word_of(&group->verbs[i]), word) == 0) return &group->verbs[i];
    return NULL;
}

static int unknown_verb(struct asy_cli *cli, const struct asy_verb *group, const char *word)
{
    struct asy_str known[32];
    uint32_t n = 0;
    for (uint32_t i = 0; i < group->n_verbs && i < ASY_COUNT_OF(known); i++) known[n++] = asy_str_of(word_of(&group->verbs[i]));
    const int64_t near = asy_str_nearest(asy_str_of(word), known, n);
    const char *what = word[0] == '-' ? "flag" : "verb", *blank = group->name[0] != '\0' ? " " : "";
    if (near >= 0 && word[0] != '-')
        fprintf(cli->io.err, "assay%s%s: unknown %s `%s`; did you mean `%.*s`?\n", blank, group->name, what, word, ASY_ARG(known[near]));
    else
        fprintf(cli->io.err, "assay%s%s: unknown %s `%s`; `assay%s%s` alone lists the verbs\n", blank, group->name, what, word, blank,
                group->name);
    return ASY_EXIT_USAGE;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `assay help plugin new`: about the verb that the words name. */
static int run_help(struct asy_cli *cli, const struct asy_verb *verb, int n_words, char *const *words)
{
    for (int i = 0; i < n_words && verb->n_verbs > 0; i++) {
        const struct asy_verb *next = find_verb(verb, words[i]);
        if (next == NULL) return unknown_verb(cli, verb, words[i]);
        verb = next;
    }
    return print_help(cli, verb);
}

int asy_cli_run(struct asy_cli *cli, int argc, char *const *argv)
{
    const struct asy_verb all = {.name = "", .verbs = asy_verbs, .n_verbs = asy_n_verbs};
    const struct asy_verb *verb = &all;
    int at = 1;
    if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)) {
        fprintf(cli->io.out, "assay %s\n", ASSAY_VERSION);
        return ASY_EXIT_OK;
    }
    while (verb->n_verbs > 0) {
        if (at >= argc) return print_help(cli, verb);
        const char *word = argv[at++];
        if (asks_for_help(word)) return run_help(cli, verb, argc - at, argv + at);
        const struct asy_verb *next = find_verb(verb, word);
        if (next == NULL) return unknown_verb(cli, verb, word);
        verb = next;
    }
    struct assay_error error = {0};
    if (asy_args_parse(&cli->args, cli->pool, verb, argc - at, argv + at, &error) != ASSAY_OK) return asy_cli_fail(cli, &error);
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
