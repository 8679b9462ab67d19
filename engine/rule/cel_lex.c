/* Condition language: text to tokens. Literals are resolved here; every refusal says what to write instead. */
#include "rule/cel_internal.h"

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool is_word(char ch)
{
    return is_digit(ch) || ch == '_' || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

static int hex_value(char ch)
{
    if (is_digit(ch))
        return ch - '0';
    if (ch >= 'a' && ch <= 'f')
        return ch - 'a' + 10;
    if (ch >= 'A' && ch <= 'F')
        return ch - 'A' + 10;
    return -1;
}

/* The byte at `at`, or NUL beyond the end. A NUL inside the text is refused as a character. */
static char byte_at(const struct asy_cel_compiler *c, uint32_t at)
{
    return at < c->text.len ? c->text.p[at] : '\0';
}

static bool starts_with(const struct asy_cel_compiler *c, uint32_t at, const char *word)
{
    uint32_t len = (uint32_t)strlen(word);
    return c->text.len - at >= len && memcmp(c->text.p + at, word, len) == 0;
}

const char *asy_cel_found(struct asy_cel_compiler *c, const struct asy_cel_token *token)
{
    if (token->kind == ASY_TOKEN_END)
        return "the end";
    uint32_t len = token->len;
    bool is_cut = len > 40;
    if (is_cut) {
        len = 40;
        while (len > 0 && ((unsigned char)c->text.p[token->offset + len] & 0xC0) == 0x80)
            len--;
    }
    struct asy_str out =
        asy_pool_printf(c->pool, "`%.*s%s`", (int)len, c->text.p + token->offset, is_cut ? "..." : "");
    return out.p != NULL ? out.p : "";
}

/* Blanks, line ends, and // comments. */
static void skip_blanks(struct asy_cel_compiler *c)
{
    for (;;) {
        char ch = byte_at(c, c->next);
        if (c->next >= c->text.len)
            return;
        if (ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\f') {
            c->next++;
        } else if (ch == '/' && byte_at(c, c->next + 1) == '/') {
            while (c->next < c->text.len && c->text.p[c->next] != '\n')
                c->next++;
        } else {
            return;
        }
    }
}

/* -- text literals */

static uint32_t put_utf8(char *out, uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

/* One escape at `at` (the backslash), before `end`: its length in bytes and code point, or 0 if there is no such escape. */
static uint32_t read_escape(const char *p, uint32_t at, uint32_t end, uint32_t *out)
{
    static const char plain[] = "abfnrtv\\?\"'`";
    static const char meaning[] = "\a\b\f\n\r\t\v\\?\"'`";
    if (at + 1 >= end)
        return 0;
    char ch = p[at + 1];
    const char *found = ch != '\0' ? strchr(plain, ch) : NULL;
    if (found != NULL) {
        *out = (unsigned char)meaning[found - plain];
        return 2;
    }
    uint32_t n_digits = ch == 'x' || ch == 'X' ? 2 : ch == 'u' ? 4 : ch == 'U' ? 8 : 0;
    uint32_t value = 0;
    if (n_digits != 0) {
        if (end - at < 2 + n_digits)
            return 0;
        for (uint32_t i = 0; i < n_digits; i++) {
            int digit = hex_value(p[at + 2 + i]);
            if (digit < 0)
                return 0;
            value = value << 4 | (uint32_t)digit;
        }
        if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
            return 0;
        *out = value;
        return 2 + n_digits;
    }
    if (ch < '0' || ch > '3' || end - at < 4)
        return 0;
    for (uint32_t i = 1; i < 4; i++) {
        if (p[at + i] < '0' || p[at + i] > '7')
            return 0;
        value = value << 3 | (uint32_t)(p[at + i] - '0');
    }
    *out = value;
    return 4;
}

static void resolve_escapes(struct asy_cel_compiler *c, uint32_t start, uint32_t end)
{
    /* What an escape stands for is never longer than the escape. */
    char *out = asy_pool_alloc(c->pool, (size_t)(end - start) + 1);
    if (out == NULL) {
        asy_cel_out_of_memory(c);
        return;
    }
    uint32_t n = 0;
    for (uint32_t at = start; at < end;) {
        if (c->text.p[at] != '\\') {
            out[n++] = c->text.p[at++];
            continue;
        }
        uint32_t cp = 0;
        uint32_t len = read_escape(c->text.p, at, end, &cp);
        if (len == 0) {
            ASY_CEL_STOP(c, "E0214", "bad-text", at, 2,
                         "this backslash starts no escape; write `\\\\` for a backslash, or r'...' for text without escapes");
            return;
        }
        n += put_utf8(out + n, cp);
        at += len;
    }
    c->token.text = (struct asy_str){out, n};
}

/* `c->next` is at the opening quote; the token starts at `start` (an r before the quote belongs to it). */
static void read_text(struct asy_cel_compiler *c, uint32_t start, bool is_raw)
{
    char quote = c->text.p[c->next];
    const char triple[4] = {quote, quote, quote, '\0'};
    bool is_triple = starts_with(c, c->next, triple);
    uint32_t n_quotes = is_triple ? 3 : 1;
    uint32_t from = c->next + n_quotes;
    bool has_escapes = false;
    uint32_t at = from;
    for (;;) {
        char ch = byte_at(c, at);
        if (at >= c->text.len || (!is_triple && (ch == '\n' || ch == '\r'))) {
            ASY_CEL_STOP(c, "E0214", "bad-text", start, (at > c->text.len ? c->text.len : at) - start,
                         "this text is not closed: a %s is missing%s", is_triple ? triple : quote == '"' ? "\"" : "'",
                         at < c->text.len ? " on its line" : "");
            return;
        }
        if (ch == quote && (!is_triple || starts_with(c, at, triple)))
            break;
        if (ch == '\\' && !is_raw) {
            has_escapes = true;
            if (byte_at(c, at + 1) != '\n' && at + 1 < c->text.len)
                at++;
        }
        at++;
    }
    c->token.kind = ASY_TOKEN_STRING;
    c->token.text = (struct asy_str){c->text.p + from, at - from};
    c->next = at + n_quotes;
    if (has_escapes)
        resolve_escapes(c, from, at);
}

/* -- numbers */

static int64_t window_unit_s(char ch)
{
    return ch == 's' ? 1 : ch == 'm' ? 60 : ch == 'h' ? 3600 : ch == 'd' ? 86400 : ch == 'w' ? 604800 : 0;
}

static void refuse_number(struct asy_cel_compiler *c, uint32_t start, uint32_t end, const char *why)
{
    while (is_word(byte_at(c, end)))
        end++;
    ASY_CEL_STOP(c, "E0215", "bad-number", start, end - start, "%s", why);
}

static const char too_large[] = "this number is too large: an int is at most 9223372036854775807";

static void read_double(struct asy_cel_compiler *c, uint32_t start)
{
    const struct asy_str text = {c->text.p + start, c->next - start};
    c->token.kind = ASY_TOKEN_DOUBLE;
    if (!asy_parse_f64(text, &c->token.number))
        refuse_number(c, start, c->next, "this number is too large for a double");
}

static void read_number(struct asy_cel_compiler *c)
{
    uint32_t start = c->next;
    uint64_t base = 10;
    if (byte_at(c, start) == '0' && (byte_at(c, start + 1) == 'x' || byte_at(c, start + 1) == 'X')) {
        base = 16;
        c->next += 2;
        if (hex_value(byte_at(c, c->next)) < 0) {
            refuse_number(c, start, c->next, "hexadecimal digits must follow 0x");
            return;
        }
    }
    uint64_t value = 0;
    bool is_large = false;
    for (;; c->next++) {
        int digit = base == 16 ? hex_value(byte_at(c, c->next)) : is_digit(byte_at(c, c->next)) ? byte_at(c, c->next) - '0' : -1;
        if (digit < 0)
            break;
        is_large |= __builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    bool is_double = false;
    if (base == 10) {
        if (byte_at(c, c->next) == '.') {
            if (!is_digit(byte_at(c, c->next + 1))) {
                refuse_number(c, start, c->next + 1, "a digit must follow the point of a number: write 1.0");
                return;
            }
            is_double = true;
            for (c->next++; is_digit(byte_at(c, c->next)); c->next++) {
            }
        }
        uint32_t e = c->next;
        if (byte_at(c, e) == 'e' || byte_at(c, e) == 'E') {
            e += byte_at(c, e + 1) == '+' || byte_at(c, e + 1) == '-' ? 2 : 1;
            if (is_digit(byte_at(c, e))) {
                is_double = true;
                for (c->next = e; is_digit(byte_at(c, c->next)); c->next++) {
                }
            }
        }
    }
    char after = byte_at(c, c->next);
    if (is_word(after)) {
        bool is_last = !is_word(byte_at(c, c->next + 1));
        int64_t unit_s = window_unit_s(after);
        if (unit_s != 0 && is_last && !is_double && base == 10) {
            c->next++;
            c->token.kind = ASY_TOKEN_WINDOW;
            /* 100 years and more are a slip, and keep all arithmetic on ages far from overflow */
            if (is_large || value > (uint64_t)(36525LL * 86400 / unit_s) || value == 0) {
                refuse_number(c, start, c->next, "a length of time must be at least 1s and at most 36525d");
                return;
            }
            c->token.window_s = (int64_t)value * unit_s;
        } else if (is_last && (after == 'u' || after == 'U')) {
            ASY_CEL_STOP(c, "E0217", "unsupported", start, c->next + 1 - start,
                         "unsigned numbers are not supported: write `%.*s`", (int)(c->next - start), c->text.p + start);
        } else {
            refuse_number(c, start, c->next,
                          after == '_' ? "digits cannot be grouped with `_`" : "this number runs into letters");
        }
        return;
    }
    if (is_double) {
        read_double(c, start);
        return;
    }
    if (is_large || value > (uint64_t)INT64_MAX + 1) {
        refuse_number(c, start, c->next, too_large);
        return;
    }
    c->token.kind = ASY_TOKEN_INT;
    c->token.magnitude = value;
}

/* -- names, signs */

static void read_word(struct asy_cel_compiler *c)
{
    uint32_t start = c->next;
    while (is_word(byte_at(c, c->next)))
        c->next++;
    struct asy_str word = {c->text.p + start, c->next - start};
    char after = byte_at(c, c->next);
    if (after == '\'' || after == '"') {
        if (asy_str_eq_fold(word, ASY_STR("r"))) {
            read_text(c, start, true);
            return;
        }
        if (asy_str_eq_fold(word, ASY_STR("b")) || asy_str_eq_fold(word, ASY_STR("br")) ||
            asy_str_eq_fold(word, ASY_STR("rb"))) {
            ASY_CEL_STOP(c, "E0217", "unsupported", start, word.len + 1, "bytes are not supported: write text without the `%.*s`",
                         ASY_ARG(word));
            return;
        }
    }
    c->token.text = word;
    c->token.kind = asy_str_is(word, "true")    ? ASY_TOKEN_TRUE
                    : asy_str_is(word, "false") ? ASY_TOKEN_FALSE
                    : asy_str_is(word, "null")  ? ASY_TOKEN_NULL
                    : asy_str_is(word, "in")    ? ASY_TOKEN_IN
                                                : ASY_TOKEN_NAME;
}

/* Characters that word processors and web pages put in the place of the ones meant. */
static void refuse_character(struct asy_cel_compiler *c)
{
    static const struct {
        const char *text, *meant;
    } slips[] = {
        {"\u2018", "this is a typographic quote: write '"},  {"\u2019", "this is a typographic quote: write '"},
        {"\u201A", "this is a typographic quote: write '"},  {"\u2032", "this is a typographic quote: write '"},
        {"\u201C", "this is a typographic quote: write \""}, {"\u201D", "this is a typographic quote: write \""},
        {"\u201E", "this is a typographic quote: write \""}, {"\u2033", "this is a typographic quote: write \""},
        {"\u00AB", "this is a typographic quote: write '"},  {"\u00BB", "this is a typographic quote: write '"},
        {"\u2212", "this is a typographic minus: write `-`"}, {"\u2013", "this is a dash: write `-`"},
        {"\u2014", "this is a dash: write `-`"},             {"\u2260", "write `!=`"},
        {"\u2264", "write `<=`"},                            {"\u2265", "write `>=`"},
        {"\u2227", "write `&&`"},                            {"\u2228", "write `||`"},
        {"\u00D7", "write `*`"},                             {"\u00A0", "this is a no-break space: write a plain blank"},
        {"\u202F", "this is a no-break space: write a plain blank"},
        {"\u200B", "this is an invisible character (U+200B): delete it"},
        {"\uFEFF", "this is an invisible character (U+FEFF): delete it"},
        {"`", "a backtick has no meaning here: quote text with '"},
        {";", "an expression cannot hold `;`: join conditions with `&&`"},
    };
    uint32_t at = c->next;
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        if (starts_with(c, at, slips[i].text)) {
            ASY_CEL_STOP(c, "E0216", "bad-character", at, (uint32_t)strlen(slips[i].text), "%s", slips[i].meant);
            return;
        }
    }
    unsigned char first = (unsigned char)c->text.p[at];
    uint32_t len = 1;
    while (at + len < c->text.len && ((unsigned char)c->text.p[at + len] & 0xC0) == 0x80)
        len++;
    if (first < 0x20 || first == 0x7F)
        ASY_CEL_STOP(c, "E0216", "bad-character", at, 1, "a control character (byte 0x%02x) cannot stand here", first);
    else
        ASY_CEL_STOP(c, "E0216", "bad-character", at, len, "`%.*s` cannot stand outside quotes", (int)len, c->text.p + at);
}

struct sign {
    const char *text;
    uint8_t kind;         /* 0: refused */
    const char *instead;
};

/* Longest first. */
static const struct sign signs[] = {
    {"===", 0, "=="}, {"!==", 0, "!="}, {"<=>", 0, "=="},
    {"==", ASY_TOKEN_EQ, NULL}, {"!=", ASY_TOKEN_NE, NULL}, {"<=", ASY_TOKEN_LE, NULL}, {">=", ASY_TOKEN_GE, NULL},
    {"&&", ASY_TOKEN_AND, NULL}, {"||", ASY_TOKEN_OR, NULL},
    {"<>", 0, "!="}, {"=>", 0, ">="}, {"=<", 0, "<="}, {"=~", 0, "x.matches('pattern')"}, {"**", 0, "*"},
    {"=", 0, "=="}, {"&", 0, "&&"}, {"|", 0, "||"},
    {"(", ASY_TOKEN_LPAREN, NULL}, {")", ASY_TOKEN_RPAREN, NULL}, {"[", ASY_TOKEN_LBRACKET, NULL},
    {"]", ASY_TOKEN_RBRACKET, NULL}, {"{", ASY_TOKEN_LBRACE, NULL}, {"}", ASY_TOKEN_RBRACE, NULL},
    {",", ASY_TOKEN_COMMA, NULL}, {".", ASY_TOKEN_DOT, NULL}, {":", ASY_TOKEN_COLON, NULL}, {"?", ASY_TOKEN_QUESTION, NULL},
    {"+", ASY_TOKEN_PLUS, NULL}, {"-", ASY_TOKEN_MINUS, NULL}, {"*", ASY_TOKEN_STAR, NULL}, {"/", ASY_TOKEN_SLASH, NULL},
    {"%", ASY_TOKEN_PERCENT, NULL}, {"!", ASY_TOKEN_NOT, NULL}, {"<", ASY_TOKEN_LT, NULL}, {">", ASY_TOKEN_GT, NULL},
};

static void read_sign(struct asy_cel_compiler *c)
{
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (!starts_with(c, c->next, signs[i].text))
            continue;
        uint32_t len = (uint32_t)strlen(signs[i].text);
        if (signs[i].kind == 0) {
            const char *what = signs[i].text[0] == '=' && len == 1 ? " to compare" : "";
            ASY_CEL_STOP(c, "E0211", "wrong-operator", c->next, len, "`%s` is not an operator here: write `%s`%s",
                         signs[i].text, signs[i].instead, what);
            return;
        }
        c->token.kind = signs[i].kind;
        c->next += len;
        return;
    }
    refuse_character(c);
}

void asy_cel_next(struct asy_cel_compiler *c)
{
    c->last_end = c->token.offset + c->token.len;
    if (!c->is_stopped)
        skip_blanks(c);
    c->token = (struct asy_cel_token){.kind = ASY_TOKEN_END, .offset = c->next};
    if (c->is_stopped || c->next >= c->text.len)
        return;
    char ch = c->text.p[c->next];
    if (is_digit(ch) || (ch == '.' && is_digit(byte_at(c, c->next + 1))))
        read_number(c);
    else if (is_word(ch))
        read_word(c);
    else if (ch == '\'' || ch == '"')
        read_text(c, c->next, false);
    else
        read_sign(c);
    if (c->is_stopped)
        c->token.kind = ASY_TOKEN_END;
    else
        c->token.len = c->next - c->token.offset;
}
