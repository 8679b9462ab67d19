/* Findings and errors, see diag.h. Showing them as text is in diag_text.c. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

void asy_diags_init(struct asy_diags *diags, struct asy_mem *mem)
{
    *diags = (struct asy_diags){0};
    asy_pool_init(&diags->pool, mem);
}

void asy_diags_fini(struct asy_diags *diags)
{
    asy_pool_fini(&diags->pool);
    *diags = (struct asy_diags){0};
}

/* Text from a file must neither move the cursor of a terminal nor break the line. */
static void no_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            text[i] = '?';
}

static void count(struct asy_diags *diags, const struct asy_diag *diag)
{
    diags->n_errors += diag->code[0] == 'E';
    diags->n_warnings += diag->code[0] == 'W';
}

struct asy_diag *asy_diag_add(struct asy_diags *diags, const char *code, const char *slug, struct asy_pos pos,
                              uint32_t len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int text_len = vsnprintf(NULL, 0, format, args);
    va_end(args);

    void *items = diags->items;
    char *text = text_len < 0 ? NULL : asy_pool_alloc(&diags->pool, (size_t)text_len + 1);
    if (!text || !asy_pool_grow(&diags->pool, &items, &diags->cap, diags->n, sizeof *diags->items)) {
        diags->out_of_memory = true;
        return NULL;
    }
    diags->items = items;
    va_start(args, format);
    vsnprintf(text, (size_t)text_len + 1, format, args);
    va_end(args);
    no_controls(text, (size_t)text_len);

    struct asy_diag *diag = &diags->items[diags->n++];
    *diag = (struct asy_diag){.code = code,
                              .slug = slug,
                              .pos = pos,
                              .len = len ? len : 1,
                              .text = {text, (uint32_t)text_len},
                              .detail = ASY_STR("")};
    count(diags, diag);
    return diag;
}

static int by_place(const struct asy_diag *a, const struct asy_diag *b)
{
    if (a->pos.line != b->pos.line)
        return a->pos.line < b->pos.line ? -1 : 1;
    if (a->pos.col != b->pos.col)
        return a->pos.col < b->pos.col ? -1 : 1;
    int order = strcmp(a->code, b->code);
    return order ? order : asy_str_cmp(a->text, b->text);
}

static int by_all(const struct asy_diag *a, const struct asy_diag *b)
{
    int order = by_place(a, b);
    if (order)
        return order;
    if (a->len != b->len)
        return a->len > b->len ? -1 : 1;
    return asy_str_cmp(a->detail, b->detail);
}

static void sift_down(struct asy_diag *items, uint32_t n, uint32_t root)
{
    for (;;) {
        uint32_t largest = root;
        for (uint64_t child = 2 * (uint64_t)root + 1; child <= 2 * (uint64_t)root + 2 && child < n; child++)
            if (by_all(&items[child], &items[largest]) > 0)
                largest = (uint32_t)child;
        if (largest == root)
            return;
        struct asy_diag moved = items[root];
        items[root] = items[largest];
        items[largest] = moved;
        root = largest;
    }
}

/* A heap sort, because qsort takes memory behind the allocator's back. */
void asy_diags_sort(struct asy_diags *diags)
{
    struct asy_diag *items = diags->items;
    for (uint32_t i = diags->n / 2; i > 0; i--)
        sift_down(items, diags->n, i - 1);
    for (uint32_t left = diags->n; left > 1; left--) {
        struct asy_diag last = items[left - 1];
        items[left - 1] = items[0];
        items[0] = last;
        sift_down(items, left - 1, 0);
    }

    uint32_t n_kept = 0;
    diags->n_errors = 0;
    diags->n_warnings = 0;
    for (uint32_t i = 0; i < diags->n; i++) {
        if (n_kept && by_place(&items[n_kept - 1], &items[i]) == 0)
            continue;
        items[n_kept] = items[i];
        count(diags, &items[n_kept++]);
    }
    diags->n = n_kept;
}

enum { HINTS_MAX = 1000 };

const char *asy_diag_hint(struct asy_diags *diags, struct asy_str word, const struct asy_str *known, uint32_t n)
{
    if (diags->n > HINTS_MAX)
        return "";
    int64_t nearest = asy_str_nearest(word, known, n);
    if (nearest < 0)
        return "";
    struct asy_str hint = asy_pool_printf(&diags->pool, "; did you mean `%.*s`?", ASY_ARG(known[nearest]));
    if (hint.p)
        return hint.p;
    diags->out_of_memory = true;
    return "";
}

assay_status asy_fail(struct assay_error *error, assay_status code, const char *format, ...)
{
    if (!error)
        return code;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    error->code = code;
    if (len < 0)
        len = 0;
    if ((size_t)len >= sizeof error->text) {
        /* Cut between characters: a torn one would make the message invalid UTF-8. */
        len = sizeof error->text - 1;
        while (len > 0 && ((unsigned char)error->text[len - 1] & 0xC0) == 0x80)
            len--;
        if (len > 0 && (unsigned char)error->text[len - 1] >= 0xC0)
            len--;
    }
    error->text[len] = '\0';
    no_controls(error->text, (size_t)len);
    return code;
}

const char *asy_status_text(assay_status code)
{
    switch (code) {
#define STATUS_CASE(name, value, text)                                                                                 \
    case ASSAY_##name:                                                                                                 \
        return text;
        ASSAY_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status code";
}
