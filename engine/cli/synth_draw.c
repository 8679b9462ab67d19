#include "cli/synth_draw.h"

/* -- ids -------------------------------------------------------------------------------------------------------- */

enum { ID_SPACE = 916132832 }; /* 62^5; below 2^30 */

/* A permutation of 0 .. ID_SPACE - 1: four Feistel rounds over 30 bits, walked again while the result is outside. */
static uint32_t permuted(uint64_t seed, uint32_t number)
{
    do {
        uint32_t left = number >> 15, right = number & 0x7fff;
        for (uint64_t round = 0; round < 4; round++) {
            const uint32_t mixed = (uint32_t)asy_draw_mix(seed + (round << 48 | right)) & 0x7fff;
            const uint32_t next = left ^ mixed;
            left = right;
            right = next;
        }
        number = left << 15 | right;
    } while (number >= ID_SPACE);
    return number;
}

void asy_synth_id(uint64_t seed, uint32_t lead, char out[ASY_SYNTH_ID_BYTES])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char case_marks[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    memcpy(out, "00Q5e00000", 10);
    uint32_t number = permuted(asy_draw_mix(seed + ASY_DRAW_ID), lead);
    for (int i = 14; i >= 10; i--) {
        out[i] = digits[number % 62];
        number /= 62;
    }
    for (int group = 0; group < 3; group++) {
        uint32_t upper = 0;
        for (int i = 0; i < 5; i++) {
            const char c = out[group * 5 + i];
            upper |= (uint32_t)(c >= 'A' && c <= 'Z') << i;
        }
        out[15 + group] = case_marks[upper];
    }
}

/* -- habits ----------------------------------------------------------------------------------------------------- */

static uint64_t cube_root(uint64_t x)
{
    uint64_t root = 0;
    for (int bit = 20; bit >= 0; bit--) {
        const uint64_t tried = root | UINT64_C(1) << bit;
        if (tried * tried * tried <= x) root = tried;
    }
    return root;
}

/* u^(-2/3) - 1 in 1/1625 for u = (1..2^20) / 2^20; u is held above 2^-12, which leaves one lead in 4,000 with 255 times the unit:
 * the robots and shared mailboxes of real data. */
static uint32_t power_law(struct asy_draw *draw)
{
    uint64_t u = 1 + (asy_draw_bits(draw) >> 44);
    if (u < 256) u = 256;
    return (uint32_t)(cube_root(((UINT64_C(1) << 63) / (u * u)) << 9) - 1625) + 1;
}

/* When a lead was last seen: a tenth within the week, three tenths longer than nine months ago. */
static uint32_t last_seen_days(struct asy_draw *draw)
{
    static const struct { uint32_t share, from, to; } spans[] = {{10, 0, 7}, {12, 8, 30}, {18, 31, 90}, {30, 91, 270}, {30, 271, 540}};
    uint32_t at = asy_draw_below(draw, 100), i = 0;
    while (at >= spans[i].share) at -= spans[i++].share;
    return spans[i].from + asy_draw_below(draw, spans[i].to - spans[i].from + 1);
}

struct asy_habit asy_synth_habit(uint64_t seed, uint32_t lead)
{
    static const uint32_t eagerness[] = {2, 3, 5};
    struct asy_draw draw = asy_draw_stream(seed, ASY_DRAW_HABIT, lead);
    const uint32_t at = asy_draw_below(&draw, 100);
    struct asy_habit habit = {.intent = at < 80 ? 0 : at < 95 ? 1 : 2};
    const bool is_active = !asy_draw_percent(&draw, 15);
    habit.weight = is_active ? power_law(&draw) * eagerness[habit.intent] : 0;
    habit.last_days = last_seen_days(&draw);
    if (habit.intent > 0) {
        const uint32_t again = last_seen_days(&draw);
        if (again < habit.last_days) habit.last_days = again;
    }
    habit.first_days = habit.last_days + asy_draw_below(&draw, 548 - habit.last_days);
    return habit;
}

/* -- rows ------------------------------------------------------------------------------------------------------- */

assay_status asy_synth_rows_init(struct asy_synth_rows *rows, struct asy_mem *mem, const struct asy_synth_sink *sink,
                                 struct assay_error *error)
{
    *rows = (struct asy_synth_rows){.sink = sink, .mem = mem, .p = asy_mem_alloc(mem, ASY_SYNTH_BUFFER_BYTES)};
    return rows->p != NULL ? ASSAY_OK : asy_fail(error, ASSAY_E_NOMEM, "assay synth: out of memory");
}

void asy_synth_rows_fini(struct asy_synth_rows *rows)
{
    asy_mem_free(rows->mem, rows->p, ASY_SYNTH_BUFFER_BYTES);
    rows->p = NULL;
}

assay_status asy_synth_rows_flush(struct asy_synth_rows *rows, struct assay_error *error)
{
    const struct asy_str bytes = {rows->p, (uint32_t)rows->len};
    rows->len = 0;
    return bytes.len > 0 ? rows->sink->write(rows->sink->ctx, bytes, error) : ASSAY_OK;
}

assay_status asy_synth_progress(const struct asy_synth_sink *sink, uint64_t n_rows, uint64_t done, uint64_t total,
                                struct assay_error *error)
{
    if (sink->progress == NULL || sink->progress(sink->ctx, n_rows, done, total)) return ASSAY_OK;
    return asy_fail(error, ASSAY_E_CANCELLED, "assay synth: interrupted, nothing was written");
}
