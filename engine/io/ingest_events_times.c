/* 2026-11-01T10:20:30Z, with T or blank, Z or nothing: the form of time that nearly all exports have. The loops have no branches on
 * what stands in the cells. The plain loop says what is read; the other has to do the same (a test compares them). */
#include "io/ingest_events.h"

/* Years from 1970 to 2105, the last that 32 bits of seconds hold as a whole. */
enum { FIRST_YEAR = 1970, N_YEARS = 2106 - FIRST_YEAR, DAYS_A_YEAR = 13 * 32, N_DAYS = N_YEARS * DAYS_A_YEAR };

assay_status asy_event_times_init(struct asy_event_times *times, struct asy_pool *pool, int64_t as_of_s, uint64_t empty_lengths,
                                  bool is_plain)
{
    *times = (struct asy_event_times){.latest_s = as_of_s < 0 ? 0 : as_of_s > UINT32_MAX ? UINT32_MAX : (uint64_t)as_of_s};
    bool may_be_19 = is_plain && !(empty_lengths >> 19 & 1), may_be_20 = is_plain && !(empty_lengths >> 20 & 1);
    times->least_len = may_be_19 ? 19 : may_be_20 ? 20 : UINT32_MAX;
    times->more_len = may_be_19 && may_be_20;
#if defined(__x86_64__)
    times->is_wide = __builtin_cpu_supports("avx2");
#endif
    times->days = asy_pool_alloc_n(pool, N_DAYS, sizeof(*times->days));
    if (!times->days)
        return ASSAY_E_NOMEM;
    for (int32_t year = 0; year < N_YEARS; year++)
        for (int32_t month = 1; month <= 12; month++)
            for (int32_t day = 1; asy_civil_valid(FIRST_YEAR + year, month, day, 0, 0, 0); day++)
                times->days[year * DAYS_A_YEAR + month * 32 + day] =
                    (uint16_t)(asy_days_from_civil(FIRST_YEAR + year, month, day) + 1);
    return ASSAY_OK;
}

/* What remains of a time whose digits are read; 32 x month + day. Returns whether there is no such day or it is not one to be kept. */
static inline uint32_t put_together(const struct asy_event_times *times, uint32_t year, uint32_t month_day, uint32_t minutes,
                                    uint32_t seconds, uint32_t *time_s)
{
    uint32_t i = (year - FIRST_YEAR) * DAYS_A_YEAR + month_day;
    uint32_t day = times->days[i < N_DAYS ? i : 0];
    uint64_t utc_s = (uint64_t)day * ASY_DAY_S + minutes * 60 + seconds - ASY_DAY_S;
    *time_s = (uint32_t)utc_s;
    return (day == 0) | (utc_s - 1 >= times->latest_s);
}

/* ---- plain ---- */

/* Two digits x and y in neighbouring bytes -> 10 x + y in the first of them, for all bytes at once. */
static inline uint64_t pair_digits(uint64_t digits)
{
    return digits * 10 + (digits >> 8);
}

/* Returns whether the time is odd. */
static inline uint32_t read_one(const struct asy_event_times *times, const char *p, uint32_t len, uint32_t *time_s)
{
    /* Byte by byte: 0 where a separator is, 0 to 9 where a digit is. Adding 127 to a separator and 118 to a digit sets the byte's high
     * bit otherwise; where it carries into the next byte, its own high bit was set before. */
    uint64_t date = asy_load_8(p) ^ UINT64_C(0x2d30302d30303030);                   /* 2026-11- */
    uint64_t clock = asy_load_8(p + 8) ^ UINT64_C(0x30303a3030003030);              /* 01?10:20 */
    uint64_t rest = asy_load_8(p + ASY_EVENT_LOOK_BYTES - 8) >> 32 ^ UINT64_C(0x5a30303a); /* :30Z */
    char between = p[10];
    clock &= UINT64_C(0xffffffffff00ffff);
    if (len == 19)
        rest &= 0xffffff;
    uint64_t wrong = (date | (date + UINT64_C(0x7f76767f76767676)) | clock | (clock + UINT64_C(0x76767f76767f7676)) | rest |
                      (rest + UINT64_C(0x7f76767f))) & UINT64_C(0x8080808080808080);
    date = pair_digits(date);
    clock = pair_digits(clock);
    rest = pair_digits(rest);
    uint32_t year = (uint32_t)(date & 0xff) * 100 + (uint32_t)(date >> 16 & 0xff), month = (uint32_t)(date >> 40 & 0xff);
    uint32_t day = (uint32_t)(clock & 0xff), hour = (uint32_t)(clock >> 24 & 0xff), minute = (uint32_t)(clock >> 48 & 0xff);
    uint32_t second = (uint32_t)(rest >> 8 & 0xff);
    uint32_t is_odd = (wrong != 0) | (month > 12) | (day > 31) | (hour > 23) | (minute > 59) | (second > 59) |
                      ((between != 'T') & (between != ' '));
    return is_odd | put_together(times, year, month * 32 + day, hour * 60 + minute, second, time_s);
}

/* Is it of another length, or too near to the end? */
static inline uint32_t is_out(const struct asy_event_times *times, struct asy_span cell, uint32_t last_at)
{
    return (cell.at > last_at) | (cell.len - times->least_len > times->more_len);
}

static bool read_plain(const struct asy_event_times *times, const char *text, uint32_t end, const struct asy_span *restrict cells,
                       uint32_t n, uint32_t *restrict time_s, uint8_t *restrict odd)
{
    uint32_t last_at = end - ASY_EVENT_LOOK_BYTES, is_any = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t is_odd = is_out(times, cells[i], last_at);
        is_odd |= read_one(times, text + (cells[i].at > last_at ? 0 : cells[i].at), cells[i].len, &time_s[i]);
        odd[i] |= is_odd ? ASY_EVENT_ODD_TIME : 0;
        is_any |= is_odd;
    }
    return is_any;
}

/* ---- AVX2 ---- */

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static bool read_wide(const struct asy_event_times *times, const char *text, uint32_t end,
                                                      const struct asy_span *restrict cells, uint32_t n, uint32_t *restrict time_s,
                                                      uint8_t *restrict odd)
{
    /* From the fifth byte on: -11-01T10:20:30Z; the year comes in by itself. Separators where they stand, either way of the one between
     * date and clock; the mask for 19 bytes of text begins one byte later and does not ask for the Z. */
    const __m128i with_t = _mm_setr_epi8('-', 0, 0, '-', 0, 0, 'T', 0, 0, ':', 0, 0, ':', 0, 0, 'Z');
    const __m128i with_blank = _mm_setr_epi8('-', 0, 0, '-', 0, 0, ' ', 0, 0, ':', 0, 0, ':', 0, 0, 'Z');
    const __m128i mask_20 = _mm_setr_epi8(-1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1);
    const __m128i mask_19 = _mm_setr_epi8(-1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, 0);
    const __m128i pick = _mm_setr_epi8(-1, -1, -1, -1, 1, 2, 4, 5, 7, 8, 10, 11, 13, 14, -1, -1);
    const __m128i zeros = _mm_setr_epi8('0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', 0, 0);
    const __m128i most_digits = _mm_setr_epi8(9, 9, 9, 9, 1, 9, 3, 9, 2, 9, 5, 9, 5, 9, 0, 0);
    const __m128i tens_ones = _mm_setr_epi8(10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 0, 0);
    const __m128i most = _mm_setr_epi16(21, 99, 12, 31, 23, 59, 59, 0); /* century, year, month, day, hour, minute, second */
    const __m128i together = _mm_setr_epi16(100, 1, 32, 1, 60, 1, 1, 0);
    uint32_t last_at = end - ASY_EVENT_LOOK_BYTES, is_any = 0;
    for (uint32_t i = 0; i < n; i++) {
        const char *p = text + (cells[i].at > last_at ? 0 : cells[i].at);
        int32_t year;
        memcpy(&year, p, sizeof(year));
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + 4));
        __m128i wrong = _mm_and_si128(_mm_min_epu8(_mm_xor_si128(bytes, with_t), _mm_xor_si128(bytes, with_blank)),
                                      cells[i].len == 19 ? mask_19 : mask_20);
        __m128i digits = _mm_xor_si128(_mm_insert_epi32(_mm_shuffle_epi8(bytes, pick), year, 0), zeros);
        __m128i numbers = _mm_maddubs_epi16(digits, tens_ones);
        wrong = _mm_or_si128(wrong, _mm_or_si128(_mm_subs_epu8(digits, most_digits), _mm_subs_epu16(numbers, most)));
        __m128i parts = _mm_madd_epi16(numbers, together);
        uint64_t date = (uint64_t)_mm_cvtsi128_si64(parts), clock = (uint64_t)_mm_extract_epi64(parts, 1);
        uint32_t is_odd = is_out(times, cells[i], last_at) | !_mm_testz_si128(wrong, wrong);
        is_odd |= put_together(times, (uint32_t)date, (uint32_t)(date >> 32), (uint32_t)clock, (uint32_t)(clock >> 32), &time_s[i]);
        odd[i] |= is_odd ? ASY_EVENT_ODD_TIME : 0;
        is_any |= is_odd;
    }
    return is_any;
}
#endif

bool asy_event_times_read(const struct asy_event_times *times, const char *text, uint32_t end, const struct asy_span *cells, uint32_t n,
                          uint32_t *time_s, uint8_t *odd)
{
    if (end < ASY_EVENT_LOOK_BYTES) {
        for (uint32_t i = 0; i < n; i++)
            odd[i] |= ASY_EVENT_ODD_TIME;
        return n > 0;
    }
#if defined(__x86_64__)
    if (times->is_wide)
        return read_wide(times, text, end, cells, n, time_s, odd);
#endif
    return read_plain(times, text, end, cells, n, time_s, odd);
}

/* ---- less usual ---- */

static bool is_utc(struct asy_str zone)
{
    return zone.len == 0 || asy_str_is(zone, "Z") || asy_str_is(zone, "+00:00") || asy_str_is(zone, "+0000");
}

bool asy_event_time_quick(const struct asy_event_times *times, struct asy_str text, int64_t *out_s)
{
    char room[ASY_EVENT_LOOK_BYTES] = "2026-11-01T00:00:00Z";
    struct asy_str rest = {"", 0};
    uint32_t time_s, is_up = 0;
    if (times->least_len == UINT32_MAX || (text.len != 10 && text.len < 19))
        return false;
    memcpy(room, text.p, text.len > 10 ? 19 : 10);
    if (text.len > 10)
        rest = (struct asy_str){text.p + 19, text.len - 19};
    if (rest.len > 1 && (rest.p[0] == '.' || rest.p[0] == ',') && (uint8_t)(rest.p[1] - '0') <= 9) {
        uint32_t n = 1;
        for (; n < rest.len && (uint8_t)(rest.p[n] - '0') <= 9; n++)
            is_up |= n <= 6 && rest.p[n] > '0'; /* microseconds count, less does not */
        rest = (struct asy_str){rest.p + n, rest.len - n};
    }
    if (!is_utc(rest) || read_one(times, room, 20, &time_s) || (uint64_t)time_s + is_up > times->latest_s)
        return false;
    *out_s = (int64_t)time_s + is_up;
    return true;
}
