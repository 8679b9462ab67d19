/* What kind of text is this? Refusals with a cure for what is not UTF-8 rows, NDJSON or CSV, and the CSV delimiter. Looks at
 * the start of the buffer only. */
#include "io/rows_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* As much as is looked at to tell the delimiter. */
#define SAMPLE_BYTES ((size_t)64 << 10)
#define SAMPLE_ROWS 100u

static const char candidates[] = {',', ';', '\t', '|'};
#define N_CANDIDATES (sizeof(candidates))

const char *asy_rows_delimiter_text(char delimiter, char out[16])
{
    if (delimiter == '\t')
        snprintf(out, 16, "a tab");
    else if (delimiter > ' ' && delimiter < 127)
        snprintf(out, 16, "`%c`", delimiter);
    else
        snprintf(out, 16, "byte 0x%02x", (unsigned)(unsigned char)delimiter);
    return out;
}

static bool begins(const struct asy_rows *rows, size_t at, const char *magic, size_t n)
{
    return rows->own.filled >= at + n && memcmp(rows->own.buf + at, magic, n) == 0;
}

static const char *utf16_kind(const struct asy_rows *rows)
{
    if (begins(rows, 0, "\xff\xfe\0\0", 4)) return "UTF-32LE";
    if (begins(rows, 0, "\0\0\xfe\xff", 4)) return "UTF-32BE";
    if (begins(rows, 0, "\xff\xfe", 2)) return "UTF-16LE";
    if (begins(rows, 0, "\xfe\xff", 2)) return "UTF-16BE";
    /* Without a mark: every second byte of ASCII text is NUL. */
    const size_t n = rows->own.filled < 64 ? rows->own.filled & ~(size_t)1 : 64;
    uint32_t n_even = 0, n_odd = 0;
    for (size_t i = 0; i < n; i += 2) {
        n_even += rows->own.buf[i] == 0;
        n_odd += rows->own.buf[i + 1] == 0;
    }
    if (n < 4) return NULL;
    if (n_even == 0 && n_odd >= n / 2 * 3 / 4) return "UTF-16LE";
    if (n_odd == 0 && n_even >= n / 2 * 3 / 4) return "UTF-16BE";
    return NULL;
}

/* An archive where text should be: the input unpacks one layer, so a file that still is one was packed twice. */
static assay_status refuse_packed(const struct asy_rows *rows, struct assay_error *error)
{
    static const struct {
        const char *magic;
        size_t n;
        const char *name;
    } packed[] = {{"\x1f\x8b\x08", 3, "gzip"}, {"\x28\xb5\x2f\xfd", 4, "zstd"}, {"\xfd" "7zXZ", 5, "xz"}, {"BZh91AY&", 8, "bzip2"}};
    for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++) {
        if (!begins(rows, 0, packed[i].magic, packed[i].n)) continue;
        return asy_rows_fail(rows, error, ASSAY_E_DATA, 0, "expected CSV or NDJSON, found %s data%s", packed[i].name,
                             rows->input ? " after unpacking: the file is packed twice; unpack it once" : "; unpack it");
    }
    return ASSAY_OK;
}

assay_status asy_rows_check_encoding(struct asy_rows *rows, struct assay_error *error)
{
    static const struct {
        const char *magic;
        size_t at, n;
        const char *what;
    } foreign[] = {
        {"PK\3\4", 0, 4, "a zip archive or an Excel workbook; unpack it, or save the sheet as `CSV UTF-8`"},
        {"\xd0\xcf\x11\xe0", 0, 4, "an Excel workbook; save the sheet as `CSV UTF-8`"},
        {"PAR1", 0, 4, "a Parquet file; export it as CSV or NDJSON"},
        {"SQLite format 3\0", 0, 16, "an SQLite database; export the table as CSV"},
        {"%PDF-", 0, 5, "a PDF document"},
        {"ustar", 257, 5, "a tar archive; unpack it and name the files in it"},
        {"<!DOCTYPE", 0, 9, "a web page; was a login page saved instead of the export?"},
        {"<!doctype", 0, 9, "a web page; was a login page saved instead of the export?"},
        {"<html", 0, 5, "a web page; was a login page saved instead of the export?"},
        {"<?xml", 0, 5, "an XML document; export it as CSV or NDJSON"},
    };
    const assay_status status = refuse_packed(rows, error);
    if (status != ASSAY_OK) return status;
    const char *utf16 = utf16_kind(rows);
    if (utf16)
        return asy_rows_fail(rows, error, ASSAY_E_DATA, 0,
                             "expected UTF-8, found %s; convert it with `iconv -f %s -t UTF-8`, or save it as `CSV UTF-8`", utf16, utf16);
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        if (begins(rows, foreign[i].at, foreign[i].magic, foreign[i].n))
            return asy_rows_fail(rows, error, ASSAY_E_DATA, 0, "expected CSV or NDJSON, found %s", foreign[i].what);
    if (begins(rows, 0, "\xef\xbb\xbf", 3)) rows->own.start = 3;
    return ASSAY_OK;
}

/* Step over blank lines, of which there may be more than fit into the buffer, so that what is looked at is text. */
static void skip_blank_lines(struct asy_rows *rows)
{
    struct asy_block *own = &rows->own;
    bool is_all_blank;
    do {
        for (; own->start < own->filled; own->start++) {
            const char c = own->buf[own->start];
            if (c != '\n' && c != '\r') break;
            rows->line += c == '\r' || !rows->after_cr;
            rows->after_cr = c == '\r';
        }
        is_all_blank = own->start > 0 && own->start == own->filled;
        asy_block_drop_start(rows, own);
    } while (is_all_blank);
}

static size_t skip_blank(const struct asy_rows *rows, size_t at)
{
    while (at < rows->own.filled && memchr(" \t\r\n", rows->own.buf[at], 4)) at++;
    return at;
}

static bool is_named_json(const struct asy_rows *rows)
{
    struct asy_str name = asy_str_of(rows->path);
    if (asy_str_ends(name, ASY_STR(".gz"))) name.len -= 3;
    if (asy_str_ends(name, ASY_STR(".zst"))) name.len -= 4;
    return asy_str_ends(name, ASY_STR(".ndjson")) || asy_str_ends(name, ASY_STR(".jsonl"));
}

assay_status asy_rows_check_json(struct asy_rows *rows, struct assay_error *error)
{
    skip_blank_lines(rows);
    const size_t at = skip_blank(rows, 0);
    if (at == rows->own.filled) {
        rows->is_json = is_named_json(rows);
        return ASSAY_OK;
    }
    const char first = rows->own.buf[at];
    size_t end = at; /* of the first line */
    while (end < rows->own.filled && rows->own.buf[end] != '\n' && rows->own.buf[end] != '\r') end++;
    const size_t second = skip_blank(rows, end);
    const bool is_before_object = second < rows->own.filled && rows->own.buf[second] == '{';
    while (rows->own.buf[end - 1] == ' ' || rows->own.buf[end - 1] == '\t') end--;
    /* A line that is no object before one that may be: the one line is wrong, not the file. */
    rows->is_json = first == '{' || (is_before_object && first != '[' && is_named_json(rows)) ||
                    (is_before_object && first == '[' && end - at > 1 && rows->own.buf[end - 1] == ']');
    if (first != '[' || rows->is_json) return ASSAY_OK;
    const size_t next = skip_blank(rows, at + 1);
    if (next < rows->own.filled && rows->own.buf[next] == '{')
        return asy_rows_fail(rows, error, ASSAY_E_DATA, 0,
                             "expected one JSON object a line, found a JSON array; convert it with `jq -c '.[]'`");
    return ASSAY_OK;
}

/* Excel's `sep=;` line: gives the delimiter; stepped over. */
static char take_sep_line(struct asy_rows *rows)
{
    const char *p = rows->own.buf;
    const size_t n = rows->own.filled;
    const size_t q = n > 0 && p[0] == '"';
    if (n < q + 6 || !asy_str_eq_fold((struct asy_str){p + q, 4}, ASY_STR("sep="))) return 0;
    size_t end = q + 5;
    if (q) {
        if (p[end] != '"' || end + 1 >= n) return 0;
        end++;
    }
    if (p[end] != '\n' && p[end] != '\r') return 0;
    const char delimiter = p[q + 4];
    if (delimiter == '"' || delimiter == '\n' || delimiter == '\r' || delimiter <= 0) return 0;
    rows->after_cr = p[end] == '\r';
    rows->own.start = end + 1;
    rows->line++;
    return delimiter;
}

/* How the sample looks with one delimiter. */
struct tally {
    uint32_t header;  /* cells of the first row */
    uint32_t n_rows;  /* behind it */
    uint32_t n_like_header;
    uint32_t second;  /* cells of the second row */
    uint32_t n_like_second;
    uint32_t n_odd_cells; /* with a quote at one end only: the delimiter inside quoted text? */
};

static void tally_row(struct tally *tally, uint32_t n_cells)
{
    if (tally->header == 0) {
        tally->header = n_cells;
        return;
    }
    if (tally->n_rows == 0) tally->second = n_cells;
    tally->n_rows++;
    tally->n_like_header += n_cells == tally->header;
    tally->n_like_second += n_cells == tally->second;
}

static struct tally tally_delimiter(struct asy_rows *rows, char delimiter, uint8_t level)
{
    struct tally tally = {0};
    struct asy_scan scan;
    asy_scan_init(&scan, delimiter, (enum asy_scan_level)level);
    asy_scan_restart(&scan, rows->after_cr);
    const size_t end = rows->own.filled < SAMPLE_BYTES ? rows->own.filled : SAMPLE_BYTES;
    size_t at = 0, row_start = 0, cell = 0;
    uint32_t n_cells = 0;
    while (at < end && tally.n_rows < SAMPLE_ROWS) {
        const size_t len = end - at < ASY_SCAN_WINDOW ? end - at : ASY_SCAN_WINDOW;
        const size_t n = asy_scan_run(&scan, rows->own.buf + at, len, (uint32_t)at, rows->own.pos);
        for (size_t i = 0; i < n && tally.n_rows < SAMPLE_ROWS; i++) {
            const size_t pos = rows->own.pos[i];
            if (n_cells == 0 && row_start < pos && rows->own.buf[row_start] == '\n') cell = ++row_start; /* the LF of a CRLF */
            n_cells++;
            tally.n_odd_cells += pos > cell && (rows->own.buf[cell] == '"') != (rows->own.buf[pos - 1] == '"');
            cell = pos + 1;
            if (rows->own.buf[pos] == delimiter) continue;
            if (n_cells > 1 || pos > row_start) tally_row(&tally, n_cells);
            n_cells = 0;
            row_start = pos + 1;
        }
        at += len;
    }
    if (tally.header == 0) tally.header = n_cells + 1;
    return tally;
}

/* Do nearly all rows have as many cells as the header? A file without rows agrees with everything. */
static bool is_consistent(const struct tally *tally)
{
    return tally->n_like_header >= tally->n_rows - tally->n_rows / 5;
}

/* A consistent one before others, then more agreement, then fewer odd cells, more columns, the order of `candidates`. */
static bool is_better(const struct tally *a, const struct tally *b)
{
    if (is_consistent(a) != is_consistent(b)) return is_consistent(a);
    if (!is_consistent(a) && a->n_like_header != b->n_like_header) return a->n_like_header > b->n_like_header;
    if (a->n_odd_cells != b->n_odd_cells) return a->n_odd_cells < b->n_odd_cells;
    return a->header > b->header;
}

static assay_status fail_title(const struct asy_rows *rows, char delimiter, const struct tally *tally, struct assay_error *error)
{
    char text[16];
    return asy_rows_fail(rows, error, ASSAY_E_DATA, rows->line,
                         "header: expected the names of the columns, found one, and %" PRIu32 " cells separated by %s in the lines "
                         "after it; delete lines above the header, or name the delimiter",
                         tally->second, asy_rows_delimiter_text(delimiter, text));
}

static assay_status fail_given(const struct asy_rows *rows, char wanted, char likely, uint32_t n_columns, struct assay_error *error)
{
    char a[16], b[16];
    return asy_rows_fail(rows, error, ASSAY_E_DATA, rows->line,
                         "header: expected columns separated by %s as the delimiter is given, found one column, or %" PRIu32
                         " separated by %s; give that delimiter, or leave it out",
                         asy_rows_delimiter_text(wanted, a), n_columns, asy_rows_delimiter_text(likely, b));
}

/* A header of one column that holds a separator that is not looked for. */
static char rare_separator(const struct asy_rows *rows)
{
    static const char rare[] = {'\x01', '\x1f', '\x1e', '^', '~'};
    size_t end = 0;
    while (end < rows->own.filled && rows->own.buf[end] != '\n' && rows->own.buf[end] != '\r') end++;
    for (size_t i = 0; i < sizeof(rare); i++)
        if (memchr(rows->own.buf, rare[i], end)) return rare[i];
    return 0;
}

assay_status asy_rows_find_delimiter(struct asy_rows *rows, char wanted, uint8_t scan_level, struct assay_error *error)
{
    if (!asy_block_need_positions(&rows->own)) return asy_rows_fail_memory(rows, error);
    const char said = take_sep_line(rows);
    skip_blank_lines(rows);
    struct tally tallies[N_CANDIDATES];
    size_t best = 0, titled = N_CANDIDATES;
    for (size_t i = 0; i < N_CANDIDATES; i++) {
        tallies[i] = tally_delimiter(rows, candidates[i], scan_level);
        const bool is_viable = tallies[i].header > 1;
        const bool best_is_viable = tallies[best].header > 1;
        if (is_viable && (!best_is_viable || is_better(&tallies[i], &tallies[best]))) best = i;
        if (titled == N_CANDIDATES && tallies[i].second > 1 && tallies[i].n_rows > 1 &&
            tallies[i].n_like_second > tallies[i].n_rows / 3 * 2)
            titled = i;
    }
    const bool is_found = tallies[best].header > 1;
    if (wanted) {
        if (tally_delimiter(rows, wanted, scan_level).header == 1 && is_found && is_consistent(&tallies[best]))
            return fail_given(rows, wanted, candidates[best], tallies[best].header, error);
        rows->delimiter = wanted;
    } else if (said) {
        rows->delimiter = said;
    } else {
        if (!is_found && titled < N_CANDIDATES) return fail_title(rows, candidates[titled], &tallies[titled], error);
        const char rare = is_found ? 0 : rare_separator(rows);
        char text[16];
        if (rare)
            return asy_rows_fail(rows, error, ASSAY_E_DATA, rows->line,
                                 "header: expected columns separated by , ; tab or |, found one column that holds %s; name the "
                                 "delimiter",
                                 asy_rows_delimiter_text(rare, text));
        rows->delimiter = candidates[best];
    }
    asy_scan_init(&rows->scan, rows->delimiter, (enum asy_scan_level)scan_level);
    return ASSAY_OK;
}
