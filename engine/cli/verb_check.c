/* assay check: load a rule file, look for what its author can hardly have meant, print all of it by place. */
#include <inttypes.h>

#include "base/check.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/plugin_dirs.h"
#include "exec/plugins.h"
#include "rule/lint.h"
#include "rule/load.h"

enum { SCHEMA_VERSION = 1 };
enum { SARIF_RESULTS_MAX = 5000 }; /* what GitHub shows of a run */
enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_GITHUB, FORMAT_SARIF }; /* the order of the flag's words */

static bool is_error(const struct asy_diag *diag)
{
    return diag->code[0] == 'E';
}

static const char *severity(const struct asy_diag *diag, const char *name_of_note)
{
    return is_error(diag) ? "error" : diag->code[0] == 'W' ? "warning" : name_of_note;
}

/* Leave out warnings and notes that --ignore names; errors stay, for the file cannot be used while it has them. */
static void drop_ignored(struct asy_cli *cli, struct asy_diags *diags)
{
    for (uint32_t k = 0; k < asy_args_times(&cli->args, "ignore"); k++) {
        const char *name = asy_args_nth(&cli->args, "ignore", k);
        uint32_t n_kept = 0, n_errors = 0;
        for (uint32_t i = 0; i < diags->n; i++) {
            const struct asy_diag *diag = &diags->items[i];
            const bool is_named = strcmp(diag->slug, name) == 0 || strcmp(diag->code, name) == 0;
            if (is_named && !is_error(diag)) {
                diags->n_warnings -= diag->code[0] == 'W';
                continue;
            }
            n_errors += is_named;
            diags->items[n_kept++] = *diag;
        }
        if (n_errors > 0)
            fprintf(cli->io.err, "assay check: --ignore %s: is an error here, and errors cannot be left out\n", name);
        else if (n_kept == diags->n)
            fprintf(cli->io.err, "assay check: --ignore %s: there is no such finding in this file\n", name);
        diags->n = n_kept;
    }
}

/* -- text ------------------------------------------------------------------------------------------------------- */

static void print_number(FILE *out, uint32_t n, const char *what)
{
    fprintf(out, "%" PRIu32 " %s%s", n, what, n == 1 ? "" : "s");
}

static assay_status print_text(struct asy_cli *cli, const struct asy_diags *diags, struct assay_error *error)
{
    const struct asy_str text = asy_diags_text(cli->pool, diags, cli->io.out_color);
    if (text.p == NULL) return asy_fail(error, ASSAY_E_NOMEM, "assay check: out of memory");
    FILE *out = cli->io.out;
    fwrite(text.p, 1, text.len, out);
    if (diags->n == 0) {
        fprintf(out, "%.*s: no findings\n", ASY_ARG(diags->path));
        return ASSAY_OK;
    }
    print_number(out, diags->n_errors, "error");
    fputs(", ", out);
    print_number(out, diags->n_warnings, "warning");
    const uint32_t n_notes = diags->n - diags->n_errors - diags->n_warnings;
    if (n_notes > 0) {
        fputs(", ", out);
        print_number(out, n_notes, "note");
    }
    fputs("\n", out);
    return ASSAY_OK;
}

/* -- JSON ------------------------------------------------------------------------------------------------------- */

static assay_status print_document(struct asy_cli *cli, struct asy_json *json, struct assay_error *error)
{
    const struct asy_str text = asy_json_finish(json);
    if (text.p != NULL) fwrite(text.p, 1, text.len, cli->io.out);
    asy_json_fini(json);
    return text.p != NULL ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "assay check: out of memory");
}

static assay_status print_json(struct asy_cli *cli, const struct asy_diags *diags, struct assay_error *error)
{
    struct asy_json json;
    asy_json_init(&json, cli->mem);
    asy_json_open(&json, NULL, '{');
    asy_json_int(&json, "schema_version", SCHEMA_VERSION);
    asy_json_text(&json, "path", diags->path);
    asy_json_int(&json, "errors", diags->n_errors);
    asy_json_int(&json, "warnings", diags->n_warnings);
    asy_json_int(&json, "notes", (int64_t)diags->n - diags->n_errors - diags->n_warnings);
    asy_json_open(&json, "findings", '[');
    for (uint32_t i = 0; i < diags->n; i++) {
        const struct asy_diag *diag = &diags->items[i];
        asy_json_open(&json, NULL, '{');
        asy_json_text(&json, "severity", asy_str_of(severity(diag, "note")));
        asy_json_text(&json, "code", asy_str_of(diag->code));
        asy_json_text(&json, "name", asy_str_of(diag->slug));
        if (diag->pos.line != 0) {
            asy_json_int(&json, "line", diag->pos.line);
            asy_json_int(&json, "column", diag->pos.col);
            asy_json_int(&json, "length", diag->len);
        }
        asy_json_text(&json, "message", diag->text);
        if (diag->detail.len > 0) asy_json_text(&json, "detail", diag->detail);
        asy_json_close(&json, '}');
    }
    asy_json_close(&json, ']');
    asy_json_close(&json, '}');
    return print_document(cli, &json, error);
}

/* -- GitHub workflow commands ----------------------------------------------------------------------------------- */

/* docs.github.com, "Workflow commands": % CR LF are escaped in messages, in properties `:` and `,` as well. */
static void print_escaped(FILE *out, struct asy_str text, bool is_property)
{
    for (uint32_t i = 0; i < text.len; i++) {
        const char c = text.p[i];
        if (c == '%' || c == '\r' || c == '\n' || (is_property && (c == ':' || c == ',')))
            fprintf(out, "%%%02X", (unsigned char)c);
        else
            fputc(c, out);
    }
}

static void print_github(struct asy_cli *cli, const struct asy_diags *diags)
{
    FILE *out = cli->io.out;
    for (uint32_t i = 0; i < diags->n; i++) {
        const struct asy_diag *diag = &diags->items[i];
        fprintf(out, "::%s file=", severity(diag, "notice"));
        print_escaped(out, diags->path, true);
        if (diag->pos.line != 0)
            fprintf(out, ",line=%" PRIu32 ",endLine=%" PRIu32 ",col=%" PRIu32 ",endColumn=%" PRIu32, diag->pos.line, diag->pos.line,
                    diag->pos.col, diag->pos.col + diag->len);
        fprintf(out, ",title=%s %s::", diag->code, diag->slug);
        print_escaped(out, diag->text, false);
        if (diag->detail.len > 0) {
            print_escaped(out, ASY_STR("\n"), false);
            print_escaped(out, diag->detail, false);
        }
        fputc('\n', out);
    }
}

/* -- SARIF 2.1.0 ------------------------------------------------------------------------------------------------ */

/* A file name as a relative or file: URI (RFC 3986). */
static struct asy_str uri_of(struct asy_pool *pool, struct asy_str path)
{
    const bool is_absolute = path.len > 0 && path.p[0] == '/';
    char *text = asy_pool_alloc(pool, (size_t)path.len * 3 + sizeof("file://"));
    if (text == NULL) return (struct asy_str){NULL, 0};
    uint32_t n = 0;
    if (is_absolute) {
        memcpy(text, "file://", 7);
        n = 7;
    }
    for (uint32_t i = 0; i < path.len; i++) {
        const unsigned char c = (unsigned char)path.p[i];
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                              (c != '\0' && strchr("-._~/", c) != NULL);
        if (is_plain) {
            text[n++] = (char)c;
        } else {
            static const char hex[] = "0123456789ABCDEF";
            text[n++] = '%';
            text[n++] = hex[c >> 4];
            text[n++] = hex[c & 15];
        }
    }
    return (struct asy_str){text, n};
}

/* Our columns count bytes, SARIF's code points. */
static uint32_t code_point_column(struct asy_str line, uint32_t byte_column)
{
    uint32_t column = 1;
    for (uint32_t i = 0; i + 1 < byte_column; i++) column += i >= line.len || ((unsigned char)line.p[i] & 0xc0) != 0x80;
    return column;
}

/* The different codes among the first `n` findings: SARIF lists each rule once. `rule_of[i]` is the number of finding i's. */
static uint32_t number_rules(const struct asy_diags *diags, uint32_t n, uint32_t *first_of, uint32_t *rule_of)
{
    uint32_t n_rules = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t rule = 0;
        while (rule < n_rules && strcmp(diags->items[first_of[rule]].code, diags->items[i].code) != 0) rule++;
        if (rule == n_rules) first_of[n_rules++] = i;
        rule_of[i] = rule;
    }
    return n_rules;
}

static void sarif_region(struct asy_json *json, const struct asy_diag *diag, struct asy_str line)
{
    const uint32_t col = diag->pos.col > 0 ? diag->pos.col : 1;
    asy_json_open(json, "region", '{');
    asy_json_int(json, "startLine", diag->pos.line);
    asy_json_int(json, "startColumn", code_point_column(line, col));
    asy_json_int(json, "endColumn", code_point_column(line, col + diag->len));
    asy_json_close(json, '}');
}

static void sarif_result(struct asy_json *json, struct asy_pool *pool, const struct asy_diags *diags, uint32_t i, uint32_t rule,
                         struct asy_str uri)
{
    const struct asy_diag *diag = &diags->items[i];
    const struct asy_str line = asy_diag_line(diags, diag->pos.line);
    const struct asy_str message =
        diag->detail.len > 0 ? asy_pool_printf(pool, "%.*s\n%.*s", ASY_ARG(diag->text), ASY_ARG(diag->detail)) : diag->text;
    /* Stays the same when lines are put in above. */
    const struct asy_str key = asy_pool_printf(pool, "%s|%.*s|%.*s", diag->code, ASY_ARG(asy_str_trim(line)), ASY_ARG(diag->text));
    const struct asy_str print = asy_pool_printf(pool, "%016" PRIx64, asy_checksum(key));
    json->failed |= message.p == NULL || key.p == NULL || print.p == NULL;

    asy_json_open(json, NULL, '{');
    asy_json_text(json, "ruleId", asy_str_of(diag->code));
    asy_json_int(json, "ruleIndex", rule);
    asy_json_text(json, "level", asy_str_of(severity(diag, "note")));
    asy_json_open(json, "message", '{');
    asy_json_text(json, "text", message);
    asy_json_close(json, '}');
    asy_json_open(json, "locations", '[');
    asy_json_open(json, NULL, '{');
    asy_json_open(json, "physicalLocation", '{');
    asy_json_open(json, "artifactLocation", '{');
    asy_json_text(json, "uri", uri);
    asy_json_close(json, '}');
    if (diag->pos.line != 0) sarif_region(json, diag, line);
    asy_json_close(json, '}');
    asy_json_close(json, '}');
    asy_json_close(json, ']');
    asy_json_open(json, "partialFingerprints", '{');
    asy_json_text(json, "assayFinding/v1", print);
    asy_json_close(json, '}');
    asy_json_close(json, '}');
}

static void sarif_tool(struct asy_json *json, const struct asy_diags *diags, const uint32_t *first_of, uint32_t n_rules)
{
    asy_json_open(json, "tool", '{');
    asy_json_open(json, "driver", '{');
    asy_json_text(json, "name", ASY_STR("assay check"));
    asy_json_text(json, "version", asy_str_of(ASSAY_VERSION));
    asy_json_open(json, "rules", '[');
    for (uint32_t rule = 0; rule < n_rules; rule++) {
        asy_json_open(json, NULL, '{');
        asy_json_text(json, "id", asy_str_of(diags->items[first_of[rule]].code));
        asy_json_text(json, "name", asy_str_of(diags->items[first_of[rule]].slug));
        asy_json_close(json, '}');
    }
    asy_json_close(json, ']');
    asy_json_close(json, '}');
    asy_json_close(json, '}');
}

static assay_status print_sarif(struct asy_cli *cli, const struct asy_diags *diags, struct assay_error *error)
{
    const uint32_t n = diags->n < SARIF_RESULTS_MAX ? diags->n : SARIF_RESULTS_MAX;
    if (n < diags->n)
        fprintf(cli->io.err, "assay check: %" PRIu32 " findings; the first %" PRIu32 " are in the SARIF output\n", diags->n, n);
    const struct asy_str uri = uri_of(cli->pool, diags->path);
    uint32_t *first_of = asy_pool_alloc_n(cli->pool, (size_t)n + 1, sizeof(*first_of));
    uint32_t *rule_of = asy_pool_alloc_n(cli->pool, (size_t)n + 1, sizeof(*rule_of));
    if (uri.p == NULL || first_of == NULL || rule_of == NULL) return asy_fail(error, ASSAY_E_NOMEM, "assay check: out of memory");

    struct asy_json json;
    asy_json_init(&json, cli->mem);
    asy_json_open(&json, NULL, '{');
    asy_json_text(&json, "$schema",
                  ASY_STR("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"));
    asy_json_text(&json, "version", ASY_STR("2.1.0"));
    asy_json_open(&json, "runs", '[');
    asy_json_open(&json, NULL, '{');
    sarif_tool(&json, diags, first_of, number_rules(diags, n, first_of, rule_of));
    asy_json_text(&json, "columnKind", ASY_STR("unicodeCodePoints"));
    asy_json_open(&json, "results", '[');
    for (uint32_t i = 0; i < n; i++) sarif_result(&json, cli->pool, diags, i, rule_of[i], uri);
    asy_json_close(&json, ']');
    asy_json_close(&json, '}');
    asy_json_close(&json, ']');
    asy_json_close(&json, '}');
    return print_document(cli, &json, error);
}

/* -- the verb --------------------------------------------------------------------------------------------------- */

static assay_status print_findings(struct asy_cli *cli, const struct asy_diags *diags, struct assay_error *error)
{
    const uint32_t format = asy_args_has(&cli->args, "json") ? FORMAT_JSON : asy_args_choice(&cli->args, "format");
    switch (format) {
    case FORMAT_JSON:
        return print_json(cli, diags, error);
    case FORMAT_SARIF:
        return print_sarif(cli, diags, error);
    case FORMAT_GITHUB:
        print_github(cli, diags);
        return ASSAY_OK;
    default:
        return print_text(cli, diags, error);
    }
}

/* Hold the file to what its plugins declare. */
static assay_status find_in_plugins(struct asy_cli *cli, struct asy_rules *rules, struct asy_diags *diags, struct assay_error *error)
{
    struct asy_plugin_dirs dirs;
    struct asy_plugins plugins = {0};
    if (asy_args_has(&cli->args, "no-plugins")) return ASSAY_OK;
    assay_status status = asy_cli_plugin_dirs(cli, &dirs, error);
    if (status == ASSAY_OK) status = asy_plugins_open(&plugins, cli->mem, rules, &dirs, &asy_file_reader_os, diags, error);
    if (status == ASSAY_OK) asy_plugins_close(&plugins);
    return status == ASSAY_E_RULES ? ASSAY_OK : status;
}

/* Load and lint. Errors in the file are findings, not a failure; `rules` is to be freed where *is_loaded. */
static assay_status find_all(struct asy_cli *cli, struct asy_rules *rules, bool *is_loaded, struct asy_diags *diags,
                             struct assay_error *error)
{
    assay_status status = asy_rules_load(rules, cli->mem, cli->args.operands[0], &asy_file_reader_os, diags, error);
    *is_loaded = status == ASSAY_OK;
    if (status == ASSAY_OK) status = find_in_plugins(cli, rules, diags, error);
    if (status == ASSAY_OK) status = asy_rules_lint(rules, diags, error);
    if (status == ASSAY_E_RULES && diags->n_errors > 0) status = ASSAY_OK;
    if (status == ASSAY_OK && diags->out_of_memory) status = asy_fail(error, ASSAY_E_NOMEM, "assay check: out of memory");
    return status;
}

int asy_verb_check(struct asy_cli *cli)
{
    struct asy_rules rules;
    struct asy_diags diags;
    struct assay_error error = {0};
    bool is_loaded;
    asy_diags_init(&diags, cli->mem);
    assay_status status = find_all(cli, &rules, &is_loaded, &diags, &error);
    if (status == ASSAY_OK) {
        asy_diags_sort(&diags);
        drop_ignored(cli, &diags);
        status = print_findings(cli, &diags, &error);
    }
    int code = ASY_EXIT_OK;
    if (status != ASSAY_OK)
        code = asy_cli_fail(cli, &error);
    else if (diags.n_errors > 0)
        code = ASY_EXIT_USAGE;
    else if (diags.n_warnings > 0 && asy_args_has(&cli->args, "strict"))
        code = ASY_EXIT_FINDINGS;
    if (is_loaded) asy_rules_fini(&rules);
    asy_diags_fini(&diags);
    return code;
}
