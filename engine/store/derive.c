/* Filling an empty field from another one, see schema.h. */
#include "store/schema.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

struct asy_str asy_derive_domain(struct asy_str text, char *out)
{
    text = asy_str_trim(text);
    uint32_t start = text.len;
    while (start > 0 && text.p[start - 1] != '@')
        start--;
    if (start == 0)
        return (struct asy_str){NULL, 0};

    uint32_t len = text.len - start;
    if (len > 0 && text.p[start + len - 1] == '.')
        len--;
    if (len == 0)
        return (struct asy_str){NULL, 0};
    for (uint32_t i = 0; i < len; i++)
        out[i] = lower(text.p[start + i]);
    return (struct asy_str){out, len};
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The next word of `text` from *at on, which then stands behind it. Length 0 when there is none left. */
static struct asy_str next_word(struct asy_str text, uint32_t *at)
{
    while (*at < text.len && !is_word_byte(text.p[*at]))
        ++*at;
    uint32_t start = *at;
    while (*at < text.len && is_word_byte(text.p[*at]))
        ++*at;
    return (struct asy_str){text.p + start, *at - start};
}

/* Do the words of `entry` stand in `text` one after the other, the first being `word`, which ends at `at`? */
static bool words_at(struct asy_str entry, struct asy_str text, struct asy_str word, uint32_t at)
{
    uint32_t entry_at = 0;
    struct asy_str wanted = next_word(entry, &entry_at);
    if (wanted.len == 0)
        return false;
    for (;;) {
        if (!asy_str_eq_fold(wanted, word))
            return false;
        wanted = next_word(entry, &entry_at);
        if (wanted.len == 0)
            return true;
        word = next_word(text, &at);
    }
}

int64_t asy_derive_words(const struct asy_derive *derive, struct asy_str text)
{
    /* One walk over the text; only lines before the best one so far can still improve the answer. */
    uint32_t best = derive->n_lines;
    uint32_t at = 0;
    while (best > 0) {
        struct asy_str word = next_word(text, &at);
        if (word.len == 0)
            break;
        for (uint32_t line = 0; line < best; line++)
            for (uint32_t i = 0; i < derive->lines[line].n_words; i++)
                if (words_at(derive->lines[line].words[i], text, word, at)) {
                    best = line;
                    break;
                }
    }
    return best < derive->n_lines ? (int64_t)best : -1;
}
