/* Does the lead work for a competitor, or for an agency? By the company's name, forgiving how people write it ("Acme Inc.",
 * "ACME, GmbH", "Acem"), or by its domain.
 *
 * Everything costly happens in create(), once per distinct name; run() looks up two bytes a lead. Two names are compared as
 *
 *     "Müller & Söhne GmbH"  ->  muller sohne  ->  "mullersohne"
 *
 * letters folded, punctuation, legal forms, "and" and "the" dropped, once with the words as written and once with the words sorted.
 * Their similarity is 1 - d / (length of the longer), where d counts letters added, left out, replaced or swapped with their
 * neighbour: the restricted Damerau-Levenshtein distance (F. J. Damerau, "A technique for computer detection and correction of
 * spelling errors", 1964), by the bit-parallel method of H. Hyyro ("A bit-vector algorithm for computing Levenshtein and Damerau edit
 * distances", 2003). All of it is integer arithmetic: every machine finds the same. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/plugin.h"

enum { NAME_COLUMN, DOMAIN_COLUMN, N_COLUMNS };
enum { NAMES_PARAM, ALSO_PARAM, MIN_SIMILARITY_PARAM, N_PARAMS };
enum { COMPETITOR = 1, AGENCY = 2 };
enum { LETTERS_MAX = 64, WORDS_MAX = 16, PARTS_PER_ONE = 1000000 };

static const struct assay_want wants[] = {
    {"name", ASSAY_TEXT_COLUMN, 0, "the company's name"},
    {"domain", ASSAY_TEXT_COLUMN, ASSAY_WANT_OPTIONAL, "its domain: acme.example"},
};
static const struct assay_param params[] = {
    {"names", ASSAY_FILE_PARAM, 0, NULL, "CSV: name, kind (competitor or agency), domain; the last two may be left out", 0, 0},
    {"also", ASSAY_TEXTS_PARAM, 0, NULL, "more names of competitors", 0, 0},
    {"min_similarity", ASSAY_NUMBER_PARAM, 0, "0.9", "0.5 to 1; 1: only the same letters in the same words", 0, 1},
};
static const struct assay_reason reasons[] = {
    {COMPETITOR, 0, "competitor", "The company is a competitor of ours"},
    {AGENCY, 0, "agency", "The company is an agency"},
};

/* A name as it is compared. */
struct key {
    uint32_t n;
    uint32_t as_written[LETTERS_MAX], sorted[LETTERS_MAX]; /* code points */
    uint64_t letters;                                      /* which it has, see letters_of() */
    bool is_reordered;                                     /* as_written and sorted differ */
};

struct competitor {
    struct key key;
    uint8_t reason;
};

/* What is looked at first of a competitor, for thousands of millions of pairs: kept together, by length. */
struct filter {
    uint64_t letters;
    uint32_t number;
};

struct by_domain {
    struct assay_text domain;
    uint8_t reason;
};

/* What is known while create() runs. */
struct list {
    struct competitor *items;
    struct filter *filters;                     /* by length, then number */
    uint32_t first_of_length[LETTERS_MAX + 2];  /* in filters */
    uint32_t n_edits[LETTERS_MAX + 1];          /* that two names may differ in, by the length of the longer */
    struct by_domain *domains;                  /* open addressing, n_places a power of two */
    uint32_t n, n_places;
};

/* What is left of it: a reason for every code of the two dictionaries. */
struct state {
    uint8_t *of_column[N_COLUMNS];
    uint32_t n_codes[N_COLUMNS];
};

__attribute__((format(printf, 2, 3))) static int32_t fail(struct assay_plugin_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return -1;
}

/* -- letters ----------------------------------------------------------------------------------------------------- */

/* The next code point; *at moves on. Bytes that are not UTF-8 count as a blank. */
static uint32_t next_letter(struct assay_text text, uint64_t *at)
{
    const uint8_t *p = (const uint8_t *)text.p + *at;
    const uint64_t n_left = text.n_bytes - *at;
    const uint32_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (n == 0 || n > n_left) {
        *at += 1;
        return ' ';
    }
    uint32_t letter = n == 1 ? p[0] : p[0] & (0x7fu >> n);
    for (uint32_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *at += 1;
            return ' ';
        }
        letter = letter << 6 | (p[i] & 0x3f);
    }
    *at += n;
    return letter;
}

/* The letters of Latin-1 Supplement and Latin Extended-A, as they are written without accents. */
static const struct fold {
    uint16_t first, last;
    char ascii[3];
} folds[] = {
    {0xc0, 0xc5, "a"},   {0xc6, 0xc6, "ae"},  {0xc7, 0xc7, "c"},   {0xc8, 0xcb, "e"},   {0xcc, 0xcf, "i"},   {0xd0, 0xd0, "d"},
    {0xd1, 0xd1, "n"},   {0xd2, 0xd6, "o"},   {0xd8, 0xd8, "o"},   {0xd9, 0xdc, "u"},   {0xdd, 0xdd, "y"},   {0xde, 0xde, "th"},
    {0xdf, 0xdf, "ss"},  {0xe0, 0xe5, "a"},   {0xe6, 0xe6, "ae"},  {0xe7, 0xe7, "c"},   {0xe8, 0xeb, "e"},   {0xec, 0xef, "i"},
    {0xf0, 0xf0, "d"},   {0xf1, 0xf1, "n"},   {0xf2, 0xf6, "o"},   {0xf8, 0xf8, "o"},   {0xf9, 0xfc, "u"},   {0xfd, 0xfd, "y"},
    {0xfe, 0xfe, "th"},  {0xff, 0xff, "y"},   {0x100, 0x105, "a"}, {0x106, 0x10d, "c"}, {0x10e, 0x111, "d"}, {0x112, 0x11b, "e"},
    {0x11c, 0x123, "g"}, {0x124, 0x127, "h"}, {0x128, 0x131, "i"}, {0x132, 0x133, "ij"}, {0x134, 0x135, "j"}, {0x136, 0x138, "k"},
    {0x139, 0x142, "l"}, {0x143, 0x14b, "n"}, {0x14c, 0x151, "o"}, {0x152, 0x153, "oe"}, {0x154, 0x159, "r"}, {0x15a, 0x161, "s"},
    {0x162, 0x167, "t"}, {0x168, 0x173, "u"}, {0x174, 0x175, "w"}, {0x176, 0x178, "y"}, {0x179, 0x17e, "z"}, {0x17f, 0x17f, "s"},
};

/* What stands for each letter of ASCII; 0: nothing. A table, as nearly all letters are of these, and guessing their sort costs more. */
static const char folded_ascii[128] = "                "
                                      "                "
                                      "       \0      \0 "
                                      "0123456789      "
                                      " abcdefghijklmno"
                                      "pqrstuvwxyz     "
                                      " abcdefghijklmno"
                                      "pqrstuvwxyz     ";

/* Letters that stand for `letter`, 0 to 2 of them; a blank ends a word. Full stops, apostrophes and combining accents vanish, so that
 * "L.L.C." is a word; other punctuation parts words. */
static uint32_t fold_letter(uint32_t letter, uint32_t out[2])
{
    out[0] = letter < 0x80 ? (uint32_t)folded_ascii[letter] : letter;
    if (letter < 0x80) return out[0] != 0;
    if (letter == 0x2019 || (letter >= 0x300 && letter <= 0x36f)) return 0;
    for (size_t i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {
        if (letter < folds[i].first || letter > folds[i].last) continue;
        out[0] = (uint32_t)folds[i].ascii[0];
        out[1] = (uint32_t)folds[i].ascii[1];
        return out[1] != 0 ? 2 : 1;
    }
    if (letter < 0x180 || (letter >= 0x2000 && letter < 0x2070) || letter == 0x3000) out[0] = ' '; /* signs, dashes, quotes, spaces */
    return 1;
}

/* -- words ------------------------------------------------------------------------------------------------------- */

struct word {
    const uint32_t *p;
    uint32_t n;
};

/* Is it one of `list`, words of its length with a blank between them? */
static bool word_is_one_of(struct word word, const char *list)
{
    for (; list != NULL; list = list[word.n] != '\0' ? list + word.n + 1 : NULL) {
        uint32_t n_same = 0;
        while (n_same < word.n && word.p[n_same] == (uint32_t)list[n_same]) n_same++;
        if (n_same == word.n) return true;
    }
    return false;
}

static bool is_legal_form(struct word word)
{
    static const char *const of_length[] = {
        [2] = "ab ag as bv co cv kg kk lp nv oy sa se sl ug",
        [3] = "aps asa bhd doo inc kft lda llc llp ltd mbh ohg oyj plc pte pty pvt sas sdn slu spa srl sro",
        [4] = "corp gmbh kgaa ltda sarl sasu",
        [7] = "company limited",
        [11] = "corporation",
        [12] = "incorporated",
    };
    return word.n < sizeof(of_length) / sizeof(of_length[0]) && word_is_one_of(word, of_length[word.n]);
}

static bool is_filler(struct word word)
{
    return (word.n == 3 && word_is_one_of(word, "and the und")) || (word.n == 2 && word_is_one_of(word, "et"));
}

/* Fold `name` into `letters` and cut it into words. Returns how many; what is beyond the limits is left out. */
static uint32_t split(struct assay_text name, uint32_t letters[LETTERS_MAX], struct word words[WORDS_MAX])
{
    uint32_t n_words = 0, n = 0;
    bool is_inside = false;
    for (uint64_t at = 0; at < name.n_bytes;) {
        uint32_t folded[2];
        const uint32_t n_folded = fold_letter(next_letter(name, &at), folded);
        for (uint32_t i = 0; i < n_folded; i++) {
            if (folded[i] == ' ') {
                is_inside = false;
                continue;
            }
            if (n == LETTERS_MAX || (!is_inside && n_words == WORDS_MAX)) return n_words;
            if (!is_inside) words[n_words++] = (struct word){letters + n, 0};
            is_inside = true;
            letters[n++] = folded[i];
            words[n_words - 1].n++;
        }
    }
    return n_words;
}

/* Legal forms stand at the end. Something must be left: a company may be called "Company". */
static uint32_t drop_words(struct word words[WORDS_MAX], uint32_t n)
{
    while (n > 1 && (is_legal_form(words[n - 1]) || is_filler(words[n - 1]))) n--;
    uint32_t n_kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!is_filler(words[i]) || n == 1) words[n_kept++] = words[i];
    return n_kept;
}

static bool word_is_before(struct word a, struct word b)
{
    for (uint32_t i = 0; i < a.n && i < b.n; i++)
        if (a.p[i] != b.p[i]) return a.p[i] < b.p[i];
    return a.n < b.n;
}

/* Returns whether any word has moved. */
static bool sort_words(struct word words[WORDS_MAX], uint32_t n)
{
    bool has_moved = false;
    for (uint32_t i = 1; i < n; i++) {
        const struct word word = words[i];
        uint32_t at = i;
        for (; at > 0 && word_is_before(word, words[at - 1]); at--) words[at] = words[at - 1];
        words[at] = word;
        has_moved |= at != i;
    }
    return has_moved;
}

static uint32_t join_words(const struct word words[WORDS_MAX], uint32_t n, uint32_t out[LETTERS_MAX])
{
    uint32_t n_out = 0;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(out + n_out, words[i].p, words[i].n * sizeof(*out));
        n_out += words[i].n;
    }
    return n_out;
}

/* A set of bits that one edit changes by one each way at most: "has an a", "has two of them", ..., and buckets for all others. Bits
 * that one name has and the other has not are therefore no more than their distance. */
static uint64_t letters_of(const uint32_t *p, uint32_t n)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (p[i] >= 'a' && p[i] <= 'z') {
            const uint64_t once = 1ull << (p[i] - 'a');
            bits |= (bits & once) != 0 ? once << 26 : once;
        } else {
            bits |= 1ull << (52 + p[i] % 12);
        }
    }
    return bits;
}

/* A name cut into words, which point to its letters. */
struct cut {
    uint32_t letters[LETTERS_MAX];
    struct word words[WORDS_MAX];
    uint32_t n_words;
};

/* All of a key but what sorting its words adds: enough to tell most names apart. */
static void begin_key(struct key *key, struct cut *cut, struct assay_text name)
{
    cut->n_words = drop_words(cut->words, split(name, cut->letters, cut->words));
    key->n = join_words(cut->words, cut->n_words, key->as_written);
    key->letters = letters_of(key->as_written, key->n);
}

static void finish_key(struct key *key, struct cut *cut)
{
    key->is_reordered = sort_words(cut->words, cut->n_words);
    join_words(cut->words, cut->n_words, key->sorted);
}

/* -- similarity -------------------------------------------------------------------------------------------------- */

/* Where letter `c` stands in a name of at most 64 letters, as a bit set. */
static uint64_t places_of(const uint32_t *p, uint32_t n, uint32_t c)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < n; i++) bits |= (uint64_t)(p[i] == c) << i;
    return bits;
}

/* The restricted Damerau-Levenshtein distance. A column of the table of distances is held as the differences between neighbours,
 * +1 and -1, a bit each; one step makes the next column. */
static uint32_t distance(const uint32_t *a, uint32_t n_a, const uint32_t *b, uint32_t n_b)
{
    const uint64_t last = 1ull << (n_a - 1);
    uint64_t up = ~0ull, down = 0, diagonal = 0, earlier = 0;
    uint32_t d = n_a;
    for (uint32_t i = 0; i < n_b; i++) {
        const uint64_t same = places_of(a, n_a, b[i]);
        const uint64_t swapped = ((~diagonal & same) << 1) & earlier;
        diagonal = ((((same & up) + up) ^ up) | same | down) | swapped;
        uint64_t across_up = down | ~(diagonal | up);
        uint64_t across_down = diagonal & up;
        if ((across_up & last) != 0) d++;
        if ((across_down & last) != 0) d--;
        across_up = across_up << 1 | 1;
        across_down <<= 1;
        up = across_down | ~(diagonal | across_up);
        down = across_up & diagonal;
        earlier = same;
    }
    return d;
}

static bool is_similar(const struct key *a, const struct key *b, uint32_t n_edits)
{
    if (distance(a->as_written, a->n, b->as_written, b->n) <= n_edits) return true;
    return (a->is_reordered || b->is_reordered) && distance(a->sorted, a->n, b->sorted, b->n) <= n_edits;
}

/* Has neither more than `n_edits` bits that the other has not? Nothing here depends on the data but the answer, mostly no. */
static bool is_near(uint64_t a, uint64_t b, uint32_t n_edits)
{
    uint64_t only_a = a & ~b, only_b = b & ~a;
    for (uint32_t i = 0; i < n_edits; i++) {
        only_a &= only_a - 1;
        only_b &= only_b - 1;
    }
    return (only_a | only_b) == 0;
}

/* The reason for a name: that of the first competitor in the list who is similar enough, so that the order of lengths, in which they
 * are looked through, does not show. A name can only be similar to those about as long as itself: n_edits grows by one in two letters
 * at most, so their lengths have no gaps. */
static uint8_t judge_name(const struct list *list, struct assay_text name)
{
    struct key key;
    struct cut cut;
    begin_key(&key, &cut, name);
    if (key.n == 0) return ASSAY_NO_REASON;
    uint32_t best = list->n;
    bool is_finished = false;
    for (uint32_t length = key.n - list->n_edits[key.n]; length <= LETTERS_MAX; length++) {
        const uint32_t n_edits = list->n_edits[length > key.n ? length : key.n];
        if (length > key.n + n_edits) break;
        for (uint32_t i = list->first_of_length[length]; i < list->first_of_length[length + 1]; i++) {
            const struct filter *filter = &list->filters[i];
            if (filter->number > best || !is_near(key.letters, filter->letters, n_edits)) continue;
            if (!is_finished) finish_key(&key, &cut);
            is_finished = true;
            if (is_similar(&key, &list->items[filter->number].key, n_edits)) best = filter->number;
        }
    }
    return best < list->n ? list->items[best].reason : ASSAY_NO_REASON;
}

/* -- domains ----------------------------------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool same_folded(struct assay_text a, struct assay_text b)
{
    if (a.n_bytes != b.n_bytes) return false;
    for (uint64_t i = 0; i < a.n_bytes; i++)
        if (lower(a.p[i]) != lower(b.p[i])) return false;
    return true;
}

/* Eight letters at a time, the bit set that is all that case changes in one: domains that are the same but for case have one hash. */
static uint64_t hash_of(struct assay_text text)
{
    uint64_t hash = text.n_bytes;
    for (uint64_t at = 0; at < text.n_bytes; at += 8) {
        uint64_t letters = 0;
        if (at + 8 <= text.n_bytes) memcpy(&letters, text.p + at, 8);
        else memcpy(&letters, text.p + at, text.n_bytes - at);
        hash = (hash ^ (letters | 0x2020202020202020ull)) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 32;
    }
    return hash;
}

/* The entry of a domain, or the free one where it belongs. */
static struct by_domain *domain_entry(const struct list *list, struct assay_text domain)
{
    uint32_t at = (uint32_t)hash_of(domain) & (list->n_places - 1);
    while (list->domains[at].domain.p != NULL && !same_folded(list->domains[at].domain, domain)) at = (at + 1) & (list->n_places - 1);
    return &list->domains[at];
}

static void add_domain(struct list *list, struct assay_text domain, uint8_t reason)
{
    struct by_domain *entry = domain_entry(list, domain);
    if (entry->domain.p == NULL) *entry = (struct by_domain){domain, reason};
}

/* "booking.example" is the name of a company and where its people write from. */
static bool looks_like_domain(struct assay_text text)
{
    if (text.n_bytes == 0) return false;
    const char *dot = memchr(text.p, '.', text.n_bytes);
    return dot != NULL && dot > text.p && dot + 2 < text.p + text.n_bytes && memchr(text.p, ' ', text.n_bytes) == NULL;
}

/* -- the list ---------------------------------------------------------------------------------------------------- */

static bool list_init(struct list *list, uint32_t n_max, uint32_t min_similarity_ppm)
{
    memset(list, 0, sizeof(*list));
    for (uint32_t n = 0; n <= LETTERS_MAX; n++) list->n_edits[n] = n * (PARTS_PER_ONE - min_similarity_ppm) / PARTS_PER_ONE;
    list->n_places = 16;
    while (list->n_places < 4 * (uint64_t)n_max) list->n_places *= 2; /* two domains a line, half full */
    list->items = malloc(((size_t)n_max + 1) * sizeof(*list->items));
    list->filters = malloc(((size_t)n_max + 1) * sizeof(*list->filters));
    list->domains = calloc(list->n_places, sizeof(*list->domains));
    return list->items != NULL && list->filters != NULL && list->domains != NULL;
}

static void list_fini(struct list *list)
{
    free(list->items);
    free(list->filters);
    free(list->domains);
}

static void list_add(struct list *list, struct assay_text name, uint8_t reason, struct assay_text domain)
{
    if (domain.n_bytes > 0) add_domain(list, domain, reason);
    if (looks_like_domain(name)) add_domain(list, name, reason);
    struct competitor *item = &list->items[list->n];
    struct cut cut;
    begin_key(&item->key, &cut, name);
    if (item->key.n == 0) return;
    finish_key(&item->key, &cut);
    item->reason = reason;
    list->n++;
}

/* Put the filters in order of length, by counting. */
static void list_finish(struct list *list)
{
    uint32_t next[LETTERS_MAX + 2] = {0};
    for (uint32_t i = 0; i < list->n; i++) next[list->items[i].key.n + 1]++;
    for (uint32_t length = 1; length < LETTERS_MAX + 2; length++) next[length] += next[length - 1];
    memcpy(list->first_of_length, next, sizeof(next));
    for (uint32_t i = 0; i < list->n; i++) list->filters[next[list->items[i].key.n]++] = (struct filter){list->items[i].key.letters, i};
}

static struct assay_text trim(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
    return (struct assay_text){p, (uint64_t)(end - p)};
}

/* The next field of a line of CSV; *p moves behind its comma. A quoted field may hold commas; quotes in it stay doubled, which does not
 * matter here: punctuation is dropped. */
static struct assay_text next_field(const char **p, const char *end)
{
    const char *start = *p;
    while (start < end && (*start == ' ' || *start == '\t')) start++;
    const bool is_quoted = start < end && *start == '"';
    const char *stop = is_quoted ? start + 1 : start;
    bool is_inside = is_quoted;
    while (stop < end && (is_inside || *stop != ',')) is_inside ^= *stop++ == '"' && is_quoted;
    *p = stop < end ? stop + 1 : end;
    struct assay_text field = trim(start, stop);
    if (is_quoted) {
        field.p++;
        field.n_bytes -= field.n_bytes > 1 ? 2 : 1;
    }
    return field;
}

static bool text_is(struct assay_text text, const char *word)
{
    return same_folded(text, (struct assay_text){word, strlen(word)});
}

static int32_t read_line(struct list *list, const char *p, const char *end, uint32_t line, struct assay_plugin_error *error)
{
    const struct assay_text name = next_field(&p, end), kind = next_field(&p, end), domain = next_field(&p, end);
    if (name.n_bytes == 0 || name.p[0] == '#') return 0;
    if (line == 1 && text_is(name, "name")) return 0; /* a header */
    if (kind.n_bytes > 0 && !text_is(kind, "competitor") && !text_is(kind, "agency"))
        return fail(error, "names: line %u, second column: expected competitor, agency or nothing, found `%.*s`; put names with commas in quotes",
                    line, kind.n_bytes > 40 ? 40 : (int)kind.n_bytes, kind.p);
    list_add(list, name, text_is(kind, "agency") ? AGENCY : COMPETITOR, domain);
    return 0;
}

static int32_t read_names(struct list *list, struct assay_text file, struct assay_plugin_error *error)
{
    const char *p = file.p, *end = file.p + file.n_bytes;
    for (uint32_t line = 1; p < end; line++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (stop == NULL) stop = end;
        if (read_line(list, p, stop, line, error) != 0) return -1;
        p = stop < end ? stop + 1 : end;
    }
    return 0;
}

static uint32_t count_lines(struct assay_text file)
{
    uint32_t n = 1;
    for (uint64_t i = 0; i < file.n_bytes; i++) n += file.p[i] == '\n';
    return n;
}

static int32_t make_list(struct list *list, const struct assay_value *values, struct assay_plugin_error *error)
{
    const struct assay_value *also = &values[ALSO_PARAM];
    const uint32_t min_similarity_ppm = (uint32_t)(values[MIN_SIMILARITY_PARAM].d * PARTS_PER_ONE + 0.5);
    const uint32_t n_max = count_lines(values[NAMES_PARAM].text) + also->n_texts;
    if (!list_init(list, n_max, min_similarity_ppm)) return fail(error, "out of memory");
    if (read_names(list, values[NAMES_PARAM].text, error) != 0) return -1;
    for (uint32_t i = 0; i < also->n_texts; i++) list_add(list, also->texts[i], COMPETITOR, (struct assay_text){NULL, 0});
    list_finish(list);
    return 0;
}

/* -- the plugin -------------------------------------------------------------------------------------------------- */

static void destroy(void *p)
{
    struct state *state = p;
    if (state == NULL) return;
    for (uint32_t i = 0; i < N_COLUMNS; i++) free(state->of_column[i]);
    free(state);
}

/* Every distinct value is judged once, here; code 0 is the empty text, about which nothing is known. */
static bool judge_values(struct state *state, const struct assay_host *host, const struct assay_dictionary *dictionary,
                         const struct list *list)
{
    for (uint32_t column = 0; column < N_COLUMNS; column++) {
        const uint32_t n = dictionary->n_codes(host, column);
        state->n_codes[column] = n;
        state->of_column[column] = calloc((size_t)n + 1, 1);
        if (state->of_column[column] == NULL) return false;
        for (uint32_t code = 1; code < n; code++) {
            const struct assay_text text = dictionary->text(host, column, code);
            state->of_column[column][code] = column == NAME_COLUMN ? judge_name(list, text) : domain_entry(list, text)->reason;
        }
    }
    return true;
}

static int32_t create(const struct assay_host *host, const struct assay_value *values, void **out, struct assay_plugin_error *error)
{
    const double min_similarity = values[MIN_SIMILARITY_PARAM].d;
    if (!(min_similarity >= 0.5)) return fail(error, "min_similarity: expected a number from 0.5 to 1, found %g", min_similarity);
    const struct assay_dictionary *dictionary = host->service(host, "assay.dictionary/1");
    if (dictionary == NULL) return fail(error, "expected an engine with assay.dictionary/1, found one without");

    struct state *state = calloc(1, sizeof(*state));
    if (state == NULL) return fail(error, "out of memory");
    struct list list;
    int32_t status = make_list(&list, values, error);
    if (status == 0 && !judge_values(state, host, dictionary, &list)) status = fail(error, "out of memory");
    const struct assay_log *log = host->service(host, "assay.log/1");
    if (status == 0 && list.n == 0 && log != NULL) log->line(host, "no names: give `names` or `also`, or nobody is a competitor");
    list_fini(&list);
    if (status != 0) destroy(state);
    else *out = state;
    return status;
}

/* Rows that are not selected hold anything at all, so a code is looked at before it is used. */
static uint8_t reason_of(const struct state *state, uint32_t column, uint32_t code)
{
    return code < state->n_codes[column] ? state->of_column[column][code] : ASSAY_NO_REASON;
}

static int32_t run(void *p, const struct assay_batch *batch, const struct assay_verdict *verdict, struct assay_plugin_error *error)
{
    (void)error;
    const struct state *state = p;
    const uint32_t *name = batch->columns[NAME_COLUMN].data, *domain = batch->columns[DOMAIN_COLUMN].data;
    for (uint32_t row = 0; row < batch->n_rows; row++) {
        const uint8_t by_domain = reason_of(state, DOMAIN_COLUMN, domain[row]);
        verdict->reason[row] = by_domain != ASSAY_NO_REASON ? by_domain : reason_of(state, NAME_COLUMN, name[row]);
    }
    return 0;
}

ASSAY_PLUGIN_NOTE;
const struct assay_plugin assay_entry_v1 = {
    ASSAY_ABI_HEADER,
    .kind = ASSAY_DISQUALIFY,
    .caps = ASSAY_CAP_SHARED_STATE,
    .id = "assay.competitors",
    .version = "1.0",
    .help = "leads from competitors and agencies, by company name or domain",
    .n_wants = N_COLUMNS,
    .n_params = N_PARAMS,
    .n_reasons = 2,
    .wants = wants,
    .params = params,
    .reasons = reasons,
    .create = create,
    .run = run,
    .destroy = destroy,
};
