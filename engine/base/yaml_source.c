/* The source of a YAML file: what may be in it at all, and where its bytes are. */
#include "base/yaml_internal.h"

static struct asy_pos place_of(struct asy_str source, size_t offset)
{
    struct asy_pos pos = {1, 1};
    for (size_t i = 0; i < offset; i++) {
        if (source.p[i] == '\n')
            pos = (struct asy_pos){pos.line + 1, 1};
        else
            pos.col++;
    }
    return pos;
}

static bool is_utf16(struct asy_str s)
{
    if (s.len < 2)
        return false;
    const unsigned char a = (unsigned char)s.p[0], b = (unsigned char)s.p[1];
    return (a == 0xff && b == 0xfe) || (a == 0xfe && b == 0xff) || (a == 0 && b != 0) || (a != 0 && b == 0);
}

/* Bytes of the character at `s`, its code point in *out; 0 if it is not well-formed. */
static uint32_t read_character(const unsigned char *s, uint32_t left, uint32_t *out)
{
    if (s[0] < 0x80) {
        *out = s[0];
        return 1;
    }
    const uint32_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > left)
        return 0;
    uint32_t code = s[0] & (0x7fu >> n);
    for (uint32_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *out = code;
    return n;
}

/* Why a character cannot stand in the file, or NULL. */
static const char *character_problem(uint32_t code, uint32_t next)
{
    if (code == '\t' || code == '\n' || (code >= 0x20 && code < 0x7f))
        return NULL;
    if (code == '\r')
        return next == '\n' ? NULL : "a carriage return without a line feed; save the file with LF line ends";
    if (code == 0)
        return "a NUL byte; a rule or map file is text, expected UTF-8";
    if (code == 0x85 || code == 0x2028 || code == 0x2029)
        return "a Unicode line separator, which YAML takes for the end of the line; remove it";
    if (code < 0xa0)
        return "a control character; remove it";
    if (code == 0xfeff)
        return "a byte order mark in the middle of the file; remove it";
    if (code == 0xfffe || code == 0xffff)
        return "a code point that is not a character; remove it";
    return NULL;
}

/* libyaml compares every `%TAG` with all before it: a megabyte of them takes minutes. No directive is of use here. */
static bool has_directive(struct asy_str s, uint32_t *at)
{
    bool may_follow = true; /* at the start and after a document's end */
    for (uint32_t i = 0; i < s.len;) {
        uint32_t end = i;
        while (end < s.len && s.p[end] != '\n')
            end++;
        const struct asy_str line = {s.p + i, end - i};
        if (may_follow && line.len && line.p[0] == '%') {
            *at = i;
            return true;
        }
        uint32_t k = 0;
        while (k < line.len && (line.p[k] == ' ' || line.p[k] == '\t' || line.p[k] == '\r'))
            k++;
        const bool is_blank = k == line.len || line.p[k] == '#';
        may_follow = asy_str_starts(line, ASY_STR("...")) || (may_follow && is_blank);
        i = end + 1;
    }
    return false;
}

static bool check_bytes(struct asy_yaml_source *source, struct asy_diags *diags, uint32_t *n_lines, uint32_t *n_characters)
{
    const struct asy_str s = source->text;
    *n_lines = 1;
    *n_characters = 0;
    for (uint32_t i = 0; i < s.len;) {
        uint32_t code = 0;
        const uint32_t n = read_character((const unsigned char *)s.p + i, s.len - i, &code);
        if (n == 0) {
            asy_diag_add(diags, "E0109", "yaml-encoding", place_of(s, i), 1,
                         "byte 0x%02x is not UTF-8; save the file as UTF-8", (unsigned)(unsigned char)s.p[i]);
            return false;
        }
        const char *problem = character_problem(code, i + 1 < s.len ? (unsigned char)s.p[i + 1] : 0);
        if (problem) {
            asy_diag_add(diags, "E0109", "yaml-encoding", place_of(s, i), n, "here is %s", problem);
            return false;
        }
        *n_lines += code == '\n';
        *n_characters += 1;
        i += n;
    }
    return true;
}

bool asy_yaml_source_init(struct asy_yaml_source *source, struct asy_pool *scratch, struct asy_diags *diags)
{
    const struct asy_pos start = {1, 1};
    *source = (struct asy_yaml_source){.text = diags->source};
    if (source->text.len > ASY_YAML_BYTES_MAX) {
        asy_diag_add(diags, "E0110", "yaml-limit", start, 1, "the file has %u bytes, expected at most %u (1 MiB)",
                     source->text.len, ASY_YAML_BYTES_MAX);
        return false;
    }
    if (is_utf16(source->text)) {
        asy_diag_add(diags, "E0109", "yaml-encoding", start, 1,
                     "the file is UTF-16 or UTF-32 text, expected UTF-8; save it as UTF-8");
        return false;
    }
    if (asy_str_starts(source->text, ASY_STR("\xef\xbb\xbf"))) {
        source->skipped = 3;
        source->text.p += 3;
        source->text.len -= 3;
    }
    uint32_t n_lines, n_characters, at;
    if (!check_bytes(source, diags, &n_lines, &n_characters))
        return false;
    if (has_directive(source->text, &at)) {
        asy_diag_add(diags, "E0113", "yaml-directive", place_of(source->text, at), 1,
                     "a line starting with `%%` is a YAML directive; directives are not supported, remove it");
        return false;
    }

    source->lines = asy_pool_alloc_n(scratch, n_lines, sizeof(*source->lines));
    if (!source->lines)
        return false;
    if (n_characters != source->text.len) {
        source->marks = asy_pool_alloc_n(scratch, n_characters / 64 + 1, sizeof(*source->marks));
        if (!source->marks)
            return false;
    }
    source->n_lines = 1;
    if (source->marks) /* the end, where it falls on a mark */
        source->marks[n_characters / 64] = source->text.len;
    for (uint32_t i = 0, n = 0; i < source->text.len; i++) {
        const unsigned char c = (unsigned char)source->text.p[i];
        if ((c & 0xc0) != 0x80) {
            if (source->marks && n % 64 == 0)
                source->marks[n / 64] = i;
            n++;
        }
        if (c == '\n')
            source->lines[source->n_lines++] = i + 1;
    }
    return true;
}

struct asy_pos asy_yaml_source_pos(const struct asy_yaml_source *source, uint32_t offset)
{
    uint32_t lo = 0, hi = source->n_lines;
    while (hi - lo > 1) {
        const uint32_t mid = lo + (hi - lo) / 2;
        if (source->lines[mid] <= offset)
            lo = mid;
        else
            hi = mid;
    }
    return (struct asy_pos){lo + 1, offset - source->lines[lo] + 1 + (lo == 0 ? source->skipped : 0)};
}

uint32_t asy_yaml_source_offset(const struct asy_yaml_source *source, size_t n_characters)
{
    if (!source->marks)
        return n_characters < source->text.len ? (uint32_t)n_characters : source->text.len;
    uint32_t at = source->marks[n_characters / 64];
    for (uint32_t left = (uint32_t)(n_characters % 64); left > 0 && at < source->text.len; left--) {
        at++;
        while (at < source->text.len && ((unsigned char)source->text.p[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

/* -- from a place in a scalar's text back to the file ---------------------------------------------------------- */

struct walk {
    struct asy_str s;
    uint32_t at;   /* in the source */
    uint32_t text; /* in the scalar's text */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool at_break(const struct walk *w, uint32_t at)
{
    return at < w->s.len && (w->s.p[at] == '\n' || (w->s.p[at] == '\r' && at + 1 < w->s.len && w->s.p[at + 1] == '\n'));
}

static uint32_t after_break(const struct walk *w, uint32_t at)
{
    return at + (w->s.p[at] == '\r' ? 2 : 1);
}

/* A run of line breaks with the blanks around it, in a plain or quoted scalar: one break is a blank, k are k - 1. */
static void walk_fold(struct walk *w)
{
    uint32_t n_breaks = 0;
    while (is_blank(w->at < w->s.len ? w->s.p[w->at] : 'x') || at_break(w, w->at)) {
        if (at_break(w, w->at)) {
            n_breaks++;
            w->at = after_break(w, w->at);
        } else {
            w->at++;
        }
    }
    w->text += n_breaks <= 1 ? 1 : n_breaks - 1;
}

/* Do only blanks stand between here and the end of the line? */
static bool fold_begins(const struct walk *w)
{
    uint32_t at = w->at;
    while (at < w->s.len && is_blank(w->s.p[at]))
        at++;
    return at_break(w, at);
}

static uint32_t utf8_bytes(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

static void walk_escape(struct walk *w)
{
    const char c = w->at + 1 < w->s.len ? w->s.p[w->at + 1] : ' ';
    const uint32_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (at_break(w, w->at + 1)) { /* a joined line: nothing stays */
        w->at = after_break(w, w->at + 1);
        while (w->at < w->s.len && is_blank(w->s.p[w->at]))
            w->at++;
        return;
    }
    uint32_t code = c == 'N' || c == '_' ? 0x85 : c == 'L' || c == 'P' ? 0x2028 : 'x';
    if (digits)
        code = 0;
    for (uint32_t i = 0; i < digits && w->at + 2 + i < w->s.len; i++) {
        const char d = w->s.p[w->at + 2 + i];
        code = code * 16 + (uint32_t)(d <= '9' ? d - '0' : (d | 32) - 'a' + 10);
    }
    w->at += 2 + digits;
    w->text += utf8_bytes(code);
}

static void walk_quoted(struct walk *w, uint32_t offset, uint8_t style)
{
    w->at++; /* the quote */
    while (w->at < w->s.len) {
        const struct walk before = *w;
        if (w->text == offset && !(style == ASY_YAML_DOUBLE_QUOTED && w->s.p[w->at] == '\\' && at_break(w, w->at + 1)))
            return;
        if (fold_begins(w)) {
            walk_fold(w);
        } else if (style == ASY_YAML_DOUBLE_QUOTED && w->s.p[w->at] == '\\') {
            walk_escape(w);
        } else {
            w->at += style == ASY_YAML_SINGLE_QUOTED && w->s.p[w->at] == '\'' ? 2 : 1;
            w->text++;
        }
        if (w->text > offset) { /* inside an escape or a run of breaks */
            w->at = before.at;
            return;
        }
    }
}

static void walk_plain(struct walk *w, uint32_t offset)
{
    while (w->at < w->s.len && w->text < offset) {
        const struct walk before = *w;
        if (fold_begins(w)) {
            walk_fold(w);
        } else {
            w->at++;
            w->text++;
        }
        if (w->text > offset) {
            w->at = before.at;
            return;
        }
    }
}

/* A block scalar (`|` or `>`): its lines less their common indentation. */
static void walk_block(struct walk *w, uint32_t offset, struct asy_str text)
{
    uint32_t indent = 0, lead = 0;
    while (w->at < w->s.len && !at_break(w, w->at))
        w->at++;
    while (lead < text.len && text.p[lead] == '\n')
        lead++;
    const uint32_t first = lead;
    while (lead < text.len && text.p[lead] == ' ')
        lead++;

    /* The header's break and the empty lines after it; the latter are all kept. */
    uint32_t line = w->at, n_breaks = 0;
    while (at_break(w, w->at) || (w->at < w->s.len && w->s.p[w->at] == ' ')) {
        if (at_break(w, w->at)) {
            w->at = line = after_break(w, w->at);
            n_breaks++;
        } else {
            w->at++;
        }
    }
    indent = w->at - line;
    indent -= lead - first < indent ? lead - first : indent;
    w->at = line + indent;
    w->text = n_breaks > 0 ? n_breaks - 1 : 0;

    while (w->at < w->s.len && w->text < offset) {
        if (!at_break(w, w->at)) {
            w->at++;
            w->text++;
            continue;
        }
        const uint32_t here = w->at;
        n_breaks = 0;
        while (at_break(w, w->at)) { /* this break and the empty lines after it */
            n_breaks++;
            w->at = after_break(w, w->at);
            for (uint32_t i = 0; i < indent && w->at < w->s.len && w->s.p[w->at] == ' '; i++)
                w->at++;
        }
        uint32_t kept = 0; /* a folded block keeps one less, unless lines beside it are indented more */
        while (kept < n_breaks && w->text + kept < text.len && text.p[w->text + kept] == '\n')
            kept++;
        w->text += kept ? kept : 1;
        if (w->text > offset) {
            w->at = here;
            return;
        }
    }
}

struct asy_pos asy_yaml_place(const struct asy_yaml *scalar, struct asy_str source, uint32_t offset)
{
    if (scalar->kind != ASY_YAML_SCALAR || scalar->offset > source.len)
        return scalar->pos;
    if (offset > scalar->text.len)
        offset = scalar->text.len;
    struct walk w = {source, scalar->offset, 0};
    if (scalar->style == ASY_YAML_PLAIN)
        walk_plain(&w, offset);
    else if (scalar->style == ASY_YAML_BLOCK)
        walk_block(&w, offset, scalar->text);
    else
        walk_quoted(&w, offset, scalar->style);

    struct asy_pos pos = scalar->pos;
    for (uint32_t i = scalar->offset; i < w.at && i < source.len; i++) {
        if (source.p[i] == '\n')
            pos = (struct asy_pos){pos.line + 1, 1};
        else
            pos.col++;
    }
    return pos;
}

bool asy_yaml_comment_after(const struct asy_yaml *scalar, struct asy_str source, struct asy_pos *place)
{
    if (scalar->kind != ASY_YAML_SCALAR || scalar->style != ASY_YAML_PLAIN || scalar->text.len == 0)
        return false;
    *place = asy_yaml_place(scalar, source, scalar->text.len);
    struct walk w = {source, scalar->offset, 0};
    walk_plain(&w, scalar->text.len);
    uint32_t at = w.at;
    while (at < source.len && is_blank(source.p[at]))
        at++;
    if (at == w.at || at >= source.len || source.p[at] != '#')
        return false;
    place->col += at - w.at;
    return true;
}
