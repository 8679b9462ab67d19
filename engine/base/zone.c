/* Time zones, see zone.h: names, files, and the transitions in them. The rule for the years after the last transition
 * is in zone_rule.c. */
#include "base/zone.h"

#include "base/zone_rule.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct asy_zone {
    uint32_t n_transitions;
    bool has_rule;
    int32_t first_offset_s;   /* before the first transition; of all times in a fixed zone */
    const int64_t *times_s;   /* ascending */
    const int32_t *offsets_s; /* from that time on */
    struct asy_zone_rule rule; /* from the last transition on */
};

static const char no_memory[] = "out of memory";
static const char damaged[] = "its zoneinfo file is damaged";

int32_t asy_zone_offset_s(const struct asy_zone *zone, int64_t utc_s)
{
    uint32_t low = 0, high = zone->n_transitions; /* the first transition after utc_s lies in [low, high] */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->times_s[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->n_transitions && zone->has_rule)
        return asy_zone_rule_offset_s(&zone->rule, utc_s);
    return low == 0 ? zone->first_offset_s : zone->offsets_s[low - 1];
}

/* ---- the file ---- */

/* RFC 8536, section 3.1: what the six numbers of a header count. */
struct counts {
    uint32_t n_utc_flags, n_std_flags, n_leaps, n_transitions, n_types, n_chars;
};

enum { HEADER_BYTES = 44, TYPE_BYTES = 6, FILE_BYTES_MAX = 1 << 18 };

static uint32_t big_endian_32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t big_endian_time(const uint8_t *p, uint32_t width)
{
    if (width == 4)
        return (int32_t)big_endian_32(p);
    return (int64_t)((uint64_t)big_endian_32(p) << 32 | big_endian_32(p + 4));
}

static bool read_header(struct asy_str bytes, uint64_t at, char *version, struct counts *counts)
{
    if (at > bytes.len || bytes.len - at < HEADER_BYTES)
        return false;
    const uint8_t *p = (const uint8_t *)bytes.p + at;
    if (memcmp(p, "TZif", 4) != 0)
        return false;
    *version = (char)p[4];
    *counts = (struct counts){.n_utc_flags = big_endian_32(p + 20),
                              .n_std_flags = big_endian_32(p + 24),
                              .n_leaps = big_endian_32(p + 28),
                              .n_transitions = big_endian_32(p + 32),
                              .n_types = big_endian_32(p + 36),
                              .n_chars = big_endian_32(p + 40)};
    return true;
}

/* At most a few times 2^36: cannot overflow. */
static uint64_t block_bytes(const struct counts *counts, uint32_t time_width)
{
    return (uint64_t)counts->n_transitions * (time_width + 1) + (uint64_t)counts->n_types * TYPE_BYTES +
           counts->n_chars + (uint64_t)counts->n_leaps * (time_width + 4) + counts->n_std_flags + counts->n_utc_flags;
}

/* Offset of a local time type; RFC 8536 keeps them between -24:59:59 and +25:59:59. */
static bool type_offset(const uint8_t *types, uint32_t type, int32_t *out)
{
    *out = (int32_t)big_endian_32(types + (uint64_t)type * TYPE_BYTES);
    return *out >= -89999 && *out <= 93599;
}

static const char *read_block(struct asy_pool *pool, const uint8_t *block, const struct counts *counts,
                              uint32_t time_width, struct asy_zone *zone)
{
    uint32_t n = counts->n_transitions;
    const uint8_t *numbers = block + (uint64_t)n * time_width;
    const uint8_t *types = numbers + n;
    if (counts->n_types == 0 || !type_offset(types, 0, &zone->first_offset_s))
        return damaged;
    int64_t *times_s = asy_pool_alloc_n(pool, n, sizeof *times_s);
    int32_t *offsets_s = asy_pool_alloc_n(pool, n, sizeof *offsets_s);
    if (!times_s || !offsets_s)
        return no_memory;
    for (uint32_t i = 0; i < n; i++) {
        times_s[i] = big_endian_time(block + (uint64_t)i * time_width, time_width);
        if (numbers[i] >= counts->n_types || !type_offset(types, numbers[i], &offsets_s[i]) ||
            (i > 0 && times_s[i] <= times_s[i - 1]))
            return damaged;
    }
    zone->n_transitions = n;
    zone->times_s = times_s;
    zone->offsets_s = offsets_s;
    return NULL;
}

/* The footer is one line between newlines: a rule, or nothing. */
static bool read_footer(struct asy_str footer, struct asy_zone *zone)
{
    if (footer.len < 2 || footer.p[0] != '\n')
        return false;
    struct asy_str text = {footer.p + 1, footer.len - 1};
    int64_t end = asy_str_find(text, ASY_STR("\n"));
    if (end < 0)
        return false;
    text.len = (uint32_t)end;
    zone->has_rule = text.len > 0;
    return text.len == 0 || asy_zone_rule_read(text, &zone->rule);
}

static const char *read_zone(struct asy_pool *pool, struct asy_str bytes, struct asy_zone *zone)
{
    char version;
    struct counts counts;
    if (!read_header(bytes, 0, &version, &counts))
        return damaged;
    uint64_t at = HEADER_BYTES;
    uint32_t time_width = 4;
    if (version >= '2') {
        /* The first block is for readers of 1985; a second header and block with wide times follow. */
        at += block_bytes(&counts, 4);
        if (!read_header(bytes, at, &version, &counts))
            return damaged;
        at += HEADER_BYTES;
        time_width = 8;
    }
    if (at > bytes.len || bytes.len - at < block_bytes(&counts, time_width))
        return damaged;
    if (counts.n_leaps)
        return "its zoneinfo file counts leap seconds; expected a zone outside of right/";
    const char *problem = read_block(pool, (const uint8_t *)bytes.p + at, &counts, time_width, zone);
    if (problem || time_width == 4)
        return problem;
    at += block_bytes(&counts, time_width);
    return read_footer((struct asy_str){bytes.p + at, bytes.len - (uint32_t)at}, zone) ? NULL : damaged;
}

const struct asy_zone *asy_zone_parse(struct asy_pool *pool, struct asy_str bytes, const char **problem)
{
    struct asy_zone *zone = asy_pool_alloc(pool, sizeof *zone);
    *problem = zone ? read_zone(pool, bytes, zone) : no_memory;
    return *problem ? NULL : zone;
}

/* ---- names ---- */

/* [+-]hh:mm */
static bool fixed_offset(struct asy_str name, int32_t *offset_s)
{
    bool west = name.len && name.p[0] == '-';
    if (name.len && (name.p[0] == '-' || name.p[0] == '+')) {
        name.p++;
        name.len--;
    }
    if (name.len != 5 || name.p[2] != ':')
        return false;
    int64_t hours, minutes;
    struct asy_str hh = {name.p, 2}, mm = {name.p + 3, 2};
    if (hh.p[0] < '0' || hh.p[0] > '9' || mm.p[0] < '0' || mm.p[0] > '9' || !asy_parse_i64(hh, &hours) ||
        !asy_parse_i64(mm, &minutes) || hours > 23 || minutes > 59)
        return false;
    *offset_s = (int32_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

static bool is_zone_name(struct asy_str name)
{
    if (name.len == 0 || name.len > 64 || name.p[0] == '/' || name.p[name.len - 1] == '/' ||
        asy_str_find(name, ASY_STR("..")) >= 0)
        return false;
    for (uint32_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                    c == '_' || c == '-' || c == '+';
        if (!fine)
            return false;
    }
    return true;
}

/* Reads at most `cap` bytes; -1 with errno. */
static int64_t read_all(int fd, char *into, size_t cap)
{
    size_t n = 0;
    while (n < cap) {
        ssize_t got = read(fd, into + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (int64_t)n;
}

static const char *read_file(struct asy_pool *pool, const char *path, struct asy_str *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return access("/usr/share/zoneinfo", F_OK) == 0
                   ? "no such time zone; expected a name such as Europe/Berlin, UTC, or an offset such as +05:30"
                   : "this system has no time zones; install the package tzdata, or use an offset such as +05:30";
    struct stat stat;
    const char *problem = NULL;
    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode)) {
        problem = "no such time zone; expected a name such as Europe/Berlin, UTC, or an offset such as +05:30";
    } else if (stat.st_size > FILE_BYTES_MAX) {
        problem = damaged;
    } else {
        char *into = asy_pool_alloc(pool, (size_t)stat.st_size + 1);
        int64_t n = into ? read_all(fd, into, (size_t)stat.st_size) : -1;
        if (!into)
            problem = no_memory;
        else if (n < 0)
            problem = "its zoneinfo file cannot be read";
        else
            *bytes = (struct asy_str){into, (uint32_t)n};
    }
    close(fd);
    return problem;
}

const struct asy_zone *asy_zone_load(struct asy_pool *pool, struct asy_str name, const char **problem)
{
    int32_t offset_s = 0;
    *problem = NULL;
    if (asy_str_is(name, "UTC") || asy_str_is(name, "GMT") || asy_str_is(name, "Z") || fixed_offset(name, &offset_s)) {
        struct asy_zone *zone = asy_pool_alloc(pool, sizeof *zone);
        if (zone)
            zone->first_offset_s = offset_s;
        else
            *problem = no_memory;
        return zone;
    }
    if (!is_zone_name(name)) {
        *problem = "not the name of a time zone; expected one such as Europe/Berlin, UTC, or an offset such as +05:30";
        return NULL;
    }
    char path[128];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", ASY_ARG(name));
    struct asy_str bytes = ASY_STR("");
    *problem = read_file(pool, path, &bytes);
    return *problem ? NULL : asy_zone_parse(pool, bytes, problem);
}
