/* The calendar, written times, time zones. */
#include "base/time.h"
#include "base/zone.h"
#include "failing_mem.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

Test(calendar, every_day_of_ten_thousand_years)
{
    static const int days_of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t day_number = asy_days_from_civil(1, 1, 1);
    cr_assert_eq(day_number * ASY_DAY_S, ASY_TIME_MIN_S);
    int weekday = 1; /* 0001-01-01 was a Monday */
    for (int32_t year = 1; year <= 9999; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        int yearday = 0;
        for (int32_t month = 1; month <= 12; month++) {
            int n_days = days_of[month - 1] + (month == 2 && leap);
            for (int32_t day = 1; day <= n_days; day++, day_number++, yearday++, weekday = (weekday + 1) % 7) {
                struct asy_civil civil = asy_civil_from_s(day_number * ASY_DAY_S + 86399);
                if (asy_days_from_civil(year, month, day) != day_number || civil.year != year || civil.month != month ||
                    civil.day != day || civil.yearday != yearday || civil.weekday != weekday || civil.hour != 23 ||
                    civil.minute != 59 || civil.second != 59)
                    cr_assert_fail("%d-%d-%d", year, month, day);
            }
            cr_assert_not(asy_civil_valid(year, month, n_days + 1, 0, 0, 0));
            cr_assert(asy_civil_valid(year, month, n_days, 0, 0, 0));
        }
    }
    cr_assert_eq(day_number * ASY_DAY_S - 1, ASY_TIME_MAX_S);
}

Test(calendar, valid_or_not)
{
    cr_assert(asy_civil_valid(1, 1, 1, 0, 0, 0));
    cr_assert(asy_civil_valid(9999, 12, 31, 23, 59, 59));
    static const int32_t bad[][6] = {{0, 1, 1, 0, 0, 0},     {10000, 1, 1, 0, 0, 0}, {2000, 0, 1, 0, 0, 0},
                                     {2000, 13, 1, 0, 0, 0}, {2000, 1, 0, 0, 0, 0},  {2000, 1, 1, 24, 0, 0},
                                     {2000, 1, 1, -1, 0, 0}, {2000, 1, 1, 0, 60, 0}, {2000, 1, 1, 0, 0, 60},
                                     {1900, 2, 29, 0, 0, 0}};
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert_not(asy_civil_valid(bad[i][0], bad[i][1], bad[i][2], bad[i][3], bad[i][4], bad[i][5]), "%zu", i);
}

static int64_t s_of(const char *text)
{
    int64_t us;
    cr_assert_eq(asy_time_read(asy_str_of(text), &us), ASY_TIME_OK, "%s", text);
    return us / 1000000;
}

Test(calendar, weeks_begin_on_monday_and_months_on_the_first)
{
    cr_assert_eq(asy_iso_week(0), 0);
    cr_assert_eq(asy_iso_week(s_of("1970-01-04T23:59:59Z")), 0);
    cr_assert_eq(asy_iso_week(s_of("1970-01-05")), 1);
    cr_assert_eq(asy_iso_week(s_of("1969-12-29")), 0);
    cr_assert_eq(asy_iso_week(s_of("1969-12-29") - 1), -1);
    cr_assert_eq(asy_iso_week(s_of("2026-11-01T23:59:59Z")) + 1, asy_iso_week(s_of("2026-11-02")));
    cr_assert_eq(asy_iso_week(s_of("2025-12-29")), asy_iso_week(s_of("2026-01-04")));
    cr_assert_eq(asy_month_number(0), 1970 * 12);
    cr_assert_eq(asy_month_number(-1), 1969 * 12 + 11);
    cr_assert_eq(asy_month_number(s_of("2026-12-31T23:59:59Z")) + 1, asy_month_number(s_of("2027-01-01")));
}

struct read_case {
    const char *text;
    enum asy_time_parse result;
    const char *written; /* by asy_time_format_us */
};

static const struct read_case reads[] = {
    {"2018-01-02", ASY_TIME_OK, "2018-01-02T00:00:00Z"},
    {"2018/01/02", ASY_TIME_OK, "2018-01-02T00:00:00Z"},
    {"  2018-01-02\t", ASY_TIME_OK, "2018-01-02T00:00:00Z"},
    {"2018-01-02 13:45", ASY_TIME_OK, "2018-01-02T13:45:00Z"},
    {"2018/01/02 13:45:06", ASY_TIME_OK, "2018-01-02T13:45:06Z"},
    {"2018-01-02T13:45:06Z", ASY_TIME_OK, "2018-01-02T13:45:06Z"},
    {"2018-01-02t13:45:06z", ASY_TIME_OK, "2018-01-02T13:45:06Z"},
    {"2018-01-02T13:45:06.5Z", ASY_TIME_OK, "2018-01-02T13:45:06.5Z"},
    {"2018-01-02T13:45:06,123456789Z", ASY_TIME_OK, "2018-01-02T13:45:06.123456Z"},
    {"2018-01-02T13:45:06.000", ASY_TIME_OK, "2018-01-02T13:45:06Z"},
    {"2018-01-02T13:45:06+02", ASY_TIME_OK, "2018-01-02T11:45:06Z"},
    {"2018-01-02T13:45:06+0230", ASY_TIME_OK, "2018-01-02T11:15:06Z"},
    {"2018-01-02T13:45:06-08:00", ASY_TIME_OK, "2018-01-02T21:45:06Z"},
    {"2018-01-02T13:45+05:30", ASY_TIME_OK, "2018-01-02T08:15:00Z"},
    {"2018-01-02 13:45:06 +0200", ASY_TIME_OK, "2018-01-02T11:45:06Z"},
    {"2018-01-02 13:45:06 UTC", ASY_TIME_OK, "2018-01-02T13:45:06Z"},
    {"2018-01-02 13:45:06GMT", ASY_TIME_OK, "2018-01-02T13:45:06Z"},
    {"2018-01-02T00:00:00-00:00", ASY_TIME_OK, "2018-01-02T00:00:00Z"},
    {"2016-12-31T23:59:60Z", ASY_TIME_OK, "2016-12-31T23:59:59Z"},
    {"2020-02-29", ASY_TIME_OK, "2020-02-29T00:00:00Z"},
    {"0001-01-01", ASY_TIME_OK, "0001-01-01T00:00:00Z"},
    {"9999-12-31T23:59:59.999999Z", ASY_TIME_OK, "9999-12-31T23:59:59.999999Z"},
    {"1969-12-31T23:59:59.25Z", ASY_TIME_OK, "1969-12-31T23:59:59.25Z"},
    {"1541030400", ASY_TIME_OK, "2018-11-01T00:00:00Z"},
    {"1541030400.5", ASY_TIME_OK, "2018-11-01T00:00:00.5Z"},
    {"999999999", ASY_TIME_OK, "2001-09-09T01:46:39Z"},
    {"1541030400123", ASY_TIME_OK, "2018-11-01T00:00:00.123Z"},
    {"1541030400123.4567", ASY_TIME_OK, "2018-11-01T00:00:00.123456Z"},
    {"999999999999", ASY_TIME_OK, "2001-09-09T01:46:39.999Z"},

    {"01-02-2018", ASY_TIME_AMBIGUOUS, NULL},
    {"01/02/2018", ASY_TIME_AMBIGUOUS, NULL},
    {"1.2.2018", ASY_TIME_AMBIGUOUS, NULL},
    {"25/12/2018", ASY_TIME_AMBIGUOUS, NULL},
    {"12/25/2018", ASY_TIME_AMBIGUOUS, NULL},
    {"1/2/18", ASY_TIME_AMBIGUOUS, NULL},
    {"12/1/2010 8:26", ASY_TIME_AMBIGUOUS, NULL},
    {"01-02-2018T10:00:00Z", ASY_TIME_AMBIGUOUS, NULL},
    {"01/02/2018, 10:00 PM", ASY_TIME_AMBIGUOUS, NULL},

    {"2018-02-29", ASY_TIME_RANGE, NULL},
    {"2018-13-01", ASY_TIME_RANGE, NULL},
    {"2018-00-01", ASY_TIME_RANGE, NULL},
    {"2018-01-00", ASY_TIME_RANGE, NULL},
    {"2018-01-01T24:00:00", ASY_TIME_RANGE, NULL},
    {"2018-01-01T23:60:00", ASY_TIME_RANGE, NULL},
    {"2018-01-01T23:00:61", ASY_TIME_RANGE, NULL},
    {"2018-01-01T23:00:00+24:00", ASY_TIME_RANGE, NULL},
    {"2018-01-01T23:00:00+02:60", ASY_TIME_RANGE, NULL},
    {"0000-01-01", ASY_TIME_RANGE, NULL},
    {"0001-01-01T00:00:00+00:01", ASY_TIME_RANGE, NULL},
    {"9999-12-31T23:59:59-00:01", ASY_TIME_RANGE, NULL},
    {"32/13/2018", ASY_TIME_RANGE, NULL},
    {"13/13/2018", ASY_TIME_RANGE, NULL},

    {"", ASY_TIME_BAD, NULL},
    {"yesterday", ASY_TIME_BAD, NULL},
    {"2018", ASY_TIME_BAD, NULL},
    {"20180102", ASY_TIME_BAD, NULL},
    {"2018-1-2", ASY_TIME_BAD, NULL},
    {"2018-01", ASY_TIME_BAD, NULL},
    {"2018-01/02", ASY_TIME_BAD, NULL},
    {"2018-01-02x", ASY_TIME_BAD, NULL},
    {"2018-01-02T", ASY_TIME_BAD, NULL},
    {"2018-01-02T10", ASY_TIME_BAD, NULL},
    {"2018-01-02T10:", ASY_TIME_BAD, NULL},
    {"2018-01-02T10:0", ASY_TIME_BAD, NULL},
    {"2018-01-02T10:00:", ASY_TIME_BAD, NULL},
    {"2018-01-02T10:00:00.", ASY_TIME_BAD, NULL},
    {"2018-01-02T10:00:00.Z", ASY_TIME_BAD, NULL},
    {"2018-01-02T10:00:00+", ASY_TIME_BAD, NULL},
    {"2018-01-02T10:00:00+2", ASY_TIME_BAD, NULL},
    {"2018-01-02T10:00:00+023", ASY_TIME_BAD, NULL},
    {"2018-01-02T10:00:00+02:", ASY_TIME_BAD, NULL},
    {"2018-01-02T10:00:00Zx", ASY_TIME_BAD, NULL},
    {"2018-01-02  10:00", ASY_TIME_BAD, NULL},
    {"2018-01-02 10:00 PM", ASY_TIME_BAD, NULL},
    {"-2018-01-02", ASY_TIME_BAD, NULL},
    {"12018-01-02", ASY_TIME_BAD, NULL},
    {"99999999", ASY_TIME_BAD, NULL},
    {"15410304001", ASY_TIME_BAD, NULL},
    {"15410304001234", ASY_TIME_BAD, NULL},
    {"1541030400.", ASY_TIME_BAD, NULL},
    {"1541030400 ago", ASY_TIME_BAD, NULL},
    {"1541030400Z", ASY_TIME_BAD, NULL},
    {"-1541030400", ASY_TIME_BAD, NULL},
    {"1.5e9", ASY_TIME_BAD, NULL},
    {"1/2/3", ASY_TIME_BAD, NULL},
    {"1/2/201", ASY_TIME_BAD, NULL},
    {"1/2-2018", ASY_TIME_BAD, NULL},
    {"01/02/2018 soon", ASY_TIME_BAD, NULL},
    {"192.168.0.1", ASY_TIME_BAD, NULL},
};

Test(time, read_the_unambiguous_ways)
{
    for (size_t i = 0; i < COUNT(reads); i++) {
        int64_t us = 4711;
        cr_assert_eq(asy_time_read(asy_str_of(reads[i].text), &us), reads[i].result, "%s", reads[i].text);
        if (reads[i].result != ASY_TIME_OK) {
            cr_assert_eq(us, 4711, "%s", reads[i].text);
            continue;
        }
        char text[32];
        uint32_t len = asy_time_format_us(us, text);
        cr_assert_str_eq(text, reads[i].written);
        cr_assert_eq(len, strlen(text));
    }
}

Test(time, what_is_written_is_read_back)
{
    uint64_t seed = 7;
    for (int i = 0; i < 200000; i++) {
        int64_t span_s = ASY_TIME_MAX_S - ASY_TIME_MIN_S + 1;
        int64_t us = (ASY_TIME_MIN_S + (int64_t)(next_random(&seed) % (uint64_t)span_s)) * 1000000 +
                     (int64_t)(next_random(&seed) % 1000000), back;
        char text[32];
        uint32_t len = asy_time_format_us(us, text);
        cr_assert_eq(asy_time_read((struct asy_str){text, len}, &back), ASY_TIME_OK, "%s", text);
        cr_assert_eq(back, us, "%s", text);
    }
    char text[32];
    asy_time_format_us(INT64_MIN, text);
    asy_time_format_s(INT64_MAX, text);
    cr_assert_str_eq(text, "9999-12-31T23:59:59Z");
}

Test(time, read_by_an_explicit_format)
{
    static const struct {
        const char *text, *format;
        enum asy_time_parse result;
        const char *written;
    } cases[] = {
        {"25/12/2018", "%d/%m/%Y", ASY_TIME_OK, "2018-12-25T00:00:00Z"},
        {"1/2/2018", "%d/%m/%Y", ASY_TIME_OK, "2018-02-01T00:00:00Z"},
        {"1/2/2018", "%m/%d/%Y", ASY_TIME_OK, "2018-01-02T00:00:00Z"},
        {"12/1/2010 8:26", "%m/%d/%Y %H:%M", ASY_TIME_OK, "2010-12-01T08:26:00Z"},
        {"12/1/2010   8:26", "%m/%d/%Y %H:%M", ASY_TIME_OK, "2010-12-01T08:26:00Z"},
        {"01-Feb-18", "%d-%b-%y", ASY_TIME_OK, "2018-02-01T00:00:00Z"},
        {"1 SEPTEMBER 69", "%d %B %y", ASY_TIME_OK, "1969-09-01T00:00:00Z"},
        {"May 5, 2068", "%B %e, %Y", ASY_TIME_OK, "2068-05-05T00:00:00Z"},
        {"May  5, 2018", "%b %e, %Y", ASY_TIME_OK, "2018-05-05T00:00:00Z"},
        {"20180102", "%Y%m%d", ASY_TIME_OK, "2018-01-02T00:00:00Z"},
        {"2018-366", "%Y-%j", ASY_TIME_RANGE, NULL},
        {"2020-366", "%Y-%j", ASY_TIME_OK, "2020-12-31T00:00:00Z"},
        {"2020-0", "%Y-%j", ASY_TIME_RANGE, NULL},
        {"12:00 am 01/02/18", "%I:%M %p %D", ASY_TIME_OK, "2018-01-02T00:00:00Z"},
        {"12:30 PM 01/02/18", "%I:%M %p %D", ASY_TIME_OK, "2018-01-02T12:30:00Z"},
        {"13:30 PM 01/02/18", "%I:%M %p %D", ASY_TIME_RANGE, NULL},
        {"0:30 PM 01/02/18", "%I:%M %p %D", ASY_TIME_RANGE, NULL},
        {"2018-01-02 10:11:12.345 +0100", "%F %T.%f %z", ASY_TIME_OK, "2018-01-02T09:11:12.345Z"},
        {"Tue, 02 Jan 2018 10:11:12 GMT", "%a, %d %b %Y %T %z", ASY_TIME_OK, "2018-01-02T10:11:12Z"},
        {"-1.5", "%s.%f", ASY_TIME_OK, "1969-12-31T23:59:59.5Z"},
        {"1541030400", "%s", ASY_TIME_OK, "2018-11-01T00:00:00Z"},
        {"99999999999999", "%s", ASY_TIME_RANGE, NULL},
        {"100% 2018-01-02", "100%% %F", ASY_TIME_OK, "2018-01-02T00:00:00Z"},
        {"25/12/2018 x", "%d/%m/%Y", ASY_TIME_BAD, NULL},
        {"25/13/2018", "%d/%m/%Y", ASY_TIME_RANGE, NULL},
        {"32/01/2018", "%d/%m/%Y", ASY_TIME_RANGE, NULL},
        {"25-12-2018", "%d/%m/%Y", ASY_TIME_BAD, NULL},
        {"25/12/18", "%d/%m/%Y", ASY_TIME_BAD, NULL},
        {"1 Sept 2018", "%d %b %Y", ASY_TIME_BAD, NULL},
        {"1 2018", "%d %b %Y", ASY_TIME_BAD, NULL},
        {"", "%d/%m/%Y", ASY_TIME_BAD, NULL},
        {"2018", "%Y", ASY_TIME_BAD, NULL},
        {"2018-01-02T10:11:60Z", "%FT%T%z", ASY_TIME_OK, "2018-01-02T10:11:59Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t us = 0;
        cr_assert_eq(asy_time_read_format(asy_str_of(cases[i].text), asy_str_of(cases[i].format), &us), cases[i].result,
                     "%s as %s", cases[i].text, cases[i].format);
        char text[32];
        if (cases[i].result == ASY_TIME_OK) {
            asy_time_format_us(us, text);
            cr_assert_str_eq(text, cases[i].written);
        }
    }
}

Test(time, formats_that_cannot_work)
{
    static const struct {
        const char *format, *problem;
    } cases[] = {
        {"%d/%m/%Y", NULL},
        {"%F %T.%f%z", NULL},
        {"%I %p %D", NULL},
        {"%s", NULL},
        {"", "has no year; expected %Y or %y"},
        {"%d/%m", "has no year; expected %Y or %y"},
        {"%Y-%m", "has no whole date; expected a year with month and day, or with %j alone"},
        {"%Y-%j-%d", "has no whole date; expected a year with month and day, or with %j alone"},
        {"%d/%m/%Y%", "ends in a lone %; write %% for a percent sign"},
        {"%d/%m/%Q", "has a letter after % that is none of Y y m b B d e j H I p M S f z s a A T D F %"},
        {"%d/%d/%Y", "names one part of the time twice"},
        {"%F %d", "names one part of the time twice"},
        {"%s %z", "has %s, which is the whole time, beside other parts"},
        {"%F %H %p", "mixes %H with %I or %p; expected %H alone, or %I with %p"},
        {"%F %I", "has only one of %I and %p; an hour of twelve needs both"},
        {"%F %M", "has minutes without hours"},
        {"%F %H %S", "has seconds without minutes"},
        {"%F %H:%M.%f", "has %f without %S"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *problem = asy_time_format_problem(asy_str_of(cases[i].format));
        if (cases[i].problem)
            cr_assert(problem && strcmp(problem, cases[i].problem) == 0, "%s: %s", cases[i].format, problem);
        else
            cr_assert_null(problem, "%s: %s", cases[i].format, problem);
    }
}

/* A line `name = value  # remark`. */
static void check_toml(const char *file, const char *line, bool valid)
{
    const char *equals = strchr(line, '=');
    if (line[0] == '#' || !equals)
        return;
    const char *value = equals + 1 + strspn(equals + 1, " ");
    uint32_t len = (uint32_t)strcspn(value, "#\n\r");
    struct asy_str text = asy_str_trim((struct asy_str){value, len});
    int64_t us;
    enum asy_time_parse result = asy_time_read(text, &us);
    cr_assert_eq(result == ASY_TIME_OK, valid, "%s: %.*s", file, ASY_ARG(text));
}

static void check_toml_file(const char *folder, const char *name, bool valid)
{
    char path[512], line[512];
    snprintf(path, sizeof path, "%s/../shared/suites/toml-datetimes/tests/%s/%s.toml", ASSAY_SOURCE_DIR, folder, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        cr_log_info("skipped: %s is not there", path);
        return;
    }
    while (fgets(line, sizeof line, file))
        check_toml(name, line, valid);
    fclose(file);
}

Test(time, datetimes_of_the_outside_suite)
{
    /* All that name a day; times without one and text are not for us. */
    static const char *const valid[] = {"datetime", "edge", "leap-year", "local", "local-date", "milliseconds",
                                        "timezone"};
    /* All but "offset without a colon" and what a lower case T or a blank may do, which we read on purpose. */
    static const char *const invalid[] = {
        "day-zero",       "feb-29",          "feb-30",
        "hour-over",      "mday-over",       "mday-under",
        "minute-over",    "month-over",      "month-under",
        "no-date-time-sep", "no-leads",      "no-leads-month",
        "no-leads-with-milli", "no-t",       "no-year-month-sep",
        "offset-minus-minute-1digit",        "offset-plus-minute-1digit",
        "only-T",         "only-TZ",         "only-Tdot",
        "second-over",    "second-trailing-dot", "second-trailing-dotz",
        "time-no-leads",  "trailing-x",      "y10k-date",
        "y10k-datetime",  "leading-zero-date", "leading-zero-datetime"};
    for (size_t i = 0; i < COUNT(valid); i++)
        check_toml_file("valid/datetime", valid[i], true);
    for (size_t i = 0; i < COUNT(invalid); i++)
        check_toml_file("invalid/datetime", invalid[i], false);
}

/* ---- zones ---- */

static struct asy_mem mem;
static struct asy_pool pool;

static void open_pool(void)
{
    asy_mem_init(&mem, NULL);
    asy_pool_init(&pool, &mem);
}

static void close_pool(void)
{
    asy_pool_fini(&pool);
    cr_assert_eq(mem.live_bytes, 0);
}

TestSuite(zone, .init = open_pool, .fini = close_pool);

static const struct asy_zone *load(const char *name)
{
    const char *problem;
    const struct asy_zone *zone = asy_zone_load(&pool, asy_str_of(name), &problem);
    cr_assert_not_null(zone, "%s: %s", name, problem);
    cr_assert_null(problem);
    return zone;
}

Test(zone, fixed_offsets)
{
    static const struct {
        const char *name;
        int32_t offset_s;
    } cases[] = {{"UTC", 0},         {"GMT", 0},          {"Z", 0},      {"+05:30", 19800}, {"-08:00", -28800},
                 {"02:00", 7200},    {"-00:00", 0},       {"+23:59", 86340}};
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_assert_eq(asy_zone_offset_s(load(cases[i].name), 1700000000), cases[i].offset_s, "%s", cases[i].name);
}

Test(zone, names_that_are_none)
{
    static const char *const not_a_name = "not the name of a time zone; expected one such as Europe/Berlin, UTC, or an "
                                          "offset such as +05:30";
    static const char *const names[] = {"",     "/etc/passwd", "../../../etc/passwd", "Europe/../UTC", "Europe/",
                                        "a b",  "+24:00",      "+05:60",              "+5:30",         "+-5:30",
                                        "+05:3", "\x1b[31m"};
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *problem = NULL;
        cr_assert_null(asy_zone_load(&pool, asy_str_of(names[i]), &problem));
        cr_assert_str_eq(problem, not_a_name);
    }
    const char *problem = NULL;
    cr_assert_null(asy_zone_load(&pool, ASY_STR("Mars/Olympus_Mons"), &problem));
    if (access("/usr/share/zoneinfo/UTC", F_OK) == 0) {
        cr_assert_str_eq(problem, "no such time zone; expected a name such as Europe/Berlin, UTC, or an offset such as +05:30");
        cr_assert_null(asy_zone_load(&pool, ASY_STR("Europe"), &problem), "a folder");
        cr_assert_str_eq(problem, "no such time zone; expected a name such as Europe/Berlin, UTC, or an offset such as +05:30");
    }
}

static bool has_zones(void)
{
    if (access("/usr/share/zoneinfo/America/New_York", F_OK) == 0)
        return true;
    cr_log_info("skipped: this system has no time zones (package tzdata)");
    return false;
}

Test(zone, new_york_now_and_later)
{
    if (!has_zones())
        return;
    const struct asy_zone *zone = load("America/New_York");
    static const struct {
        const char *utc;
        int32_t hours;
    } cases[] = {{"2026-03-08T06:59:59Z", -5}, {"2026-03-08T07:00:00Z", -4}, {"2026-11-01T05:59:59Z", -4},
                 {"2026-11-01T06:00:00Z", -5}, {"2038-07-01T00:00:00Z", -4}, {"2100-01-01T00:00:00Z", -5},
                 {"2100-03-14T07:00:00Z", -4}, {"9999-12-31T23:59:59Z", -5}, {"1970-01-01T00:00:00Z", -5}};
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_assert_eq(asy_zone_offset_s(zone, s_of(cases[i].utc)), cases[i].hours * 3600, "%s", cases[i].utc);
    cr_assert_eq(asy_zone_offset_s(zone, ASY_TIME_MIN_S), -17762, "local mean time before 1883");
}

Test(zone, agrees_with_the_c_library)
{
    static const char *const names[] = {"America/New_York", "Europe/Berlin",   "Europe/Dublin",      "Asia/Kolkata",
                                        "Australia/Sydney", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Tehran",
                                        "Pacific/Apia",     "Antarctica/Troll", "America/Nuuk",      "Asia/Gaza",
                                        "Australia/Lord_Howe", "Etc/GMT+5",     "Pacific/Chatham",   "Africa/Cairo",
                                        "Asia/Jerusalem",   "America/Santiago"};
    if (!has_zones())
        return;
    uint64_t seed = 1883;
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct asy_zone *zone = load(names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        for (int k = 0; k < 20000; k++) {
            /* 1900 to 2299; half of them within a minute of a full hour, where changes are. */
            time_t at = (time_t)(-2208988800 + (int64_t)(next_random(&seed) % (400ull * 365 * 86400)));
            if (k % 2)
                at = at / 3600 * 3600 + (time_t)(next_random(&seed) % 3) - 1;
            struct tm tm;
            localtime_r(&at, &tm);
            cr_assert_eq(asy_zone_offset_s(zone, at), tm.tm_gmtoff, "%s at %lld", names[i], (long long)at);
        }
    }
}

/* ---- made-up zone files ---- */

struct file {
    uint8_t bytes[2048];
    uint32_t len;
};

static void put32(struct file *file, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        file->bytes[file->len++] = (uint8_t)(value >> shift);
}

static void put_header(struct file *file, char version, uint32_t n_leaps, uint32_t n_transitions, uint32_t n_types)
{
    memcpy(file->bytes + file->len, "TZif", 4);
    file->bytes[file->len + 4] = (uint8_t)version;
    memset(file->bytes + file->len + 5, 0, 15);
    file->len += 20;
    put32(file, 0);
    put32(file, 0);
    put32(file, n_leaps);
    put32(file, n_transitions);
    put32(file, n_types);
    put32(file, 4);
}

/* Version 2 with transitions at 100 (to +1 h) and 200 (to +2 h), then `footer`. */
static struct file made_up(const char *footer)
{
    struct file file = {.len = 0};
    put_header(&file, '2', 0, 0, 1);
    put32(&file, 0);
    file.bytes[file.len++] = 0;
    file.bytes[file.len++] = 0;
    memcpy(file.bytes + file.len, "ABC", 4);
    file.len += 4;
    put_header(&file, '2', 0, 2, 3);
    for (uint32_t at = 100; at <= 200; at += 100) {
        put32(&file, 0);
        put32(&file, at);
    }
    file.bytes[file.len++] = 1;
    file.bytes[file.len++] = 2;
    for (uint32_t type = 0; type < 3; type++) {
        put32(&file, type * 3600);
        file.bytes[file.len++] = 0;
        file.bytes[file.len++] = 0;
    }
    memcpy(file.bytes + file.len, "ABC", 4);
    file.len += 4;
    memcpy(file.bytes + file.len, footer, strlen(footer));
    file.len += (uint32_t)strlen(footer);
    return file;
}

static const struct asy_zone *parse(const struct file *file, const char **problem)
{
    return asy_zone_parse(&pool, (struct asy_str){(const char *)file->bytes, file->len}, problem);
}

Test(zone, files_of_all_versions)
{
    const char *problem;
    struct file file = made_up("\n\n");
    const struct asy_zone *zone = parse(&file, &problem);
    cr_assert_not_null(zone, "%s", problem);
    static const int64_t at[] = {INT64_MIN, 99, 100, 199, 200, 5000000000};
    static const int32_t hours[] = {0, 0, 1, 1, 2, 2};
    for (size_t i = 0; i < COUNT(at); i++)
        cr_assert_eq(asy_zone_offset_s(zone, at[i]), hours[i] * 3600, "%lld", (long long)at[i]);

    file = made_up("\n<+03>-3:00\n");
    zone = parse(&file, &problem);
    cr_assert_eq(asy_zone_offset_s(zone, 199), 3600);
    cr_assert_eq(asy_zone_offset_s(zone, 200), 3 * 3600);

    struct file old = {.len = 0};
    put_header(&old, '\0', 0, 1, 1);
    put32(&old, (uint32_t)-100);
    old.bytes[old.len++] = 0;
    put32(&old, (uint32_t)-7200);
    old.len += 2 + 4;
    zone = parse(&old, &problem);
    cr_assert_not_null(zone, "%s", problem);
    cr_assert_eq(asy_zone_offset_s(zone, 0), -7200);
}

Test(zone, rules)
{
    static const struct {
        const char *footer, *utc;
        int32_t offset_s;
    } cases[] = {
        {"\nEST5EDT,M3.2.0,M11.1.0\n", "2026-07-01", -14400},
        {"\nAEST-10AEDT,M10.1.0,M4.1.0/3\n", "2026-01-01", 39600},
        {"\nAEST-10AEDT,M10.1.0,M4.1.0/3\n", "2026-07-01", 36000},
        {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", "2026-01-01", 0},
        {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", "2026-07-01", 3600},
        {"\nXXX3EDT4,0/0,J365/23\n", "2026-01-01T03:00:00Z", -14400}, /* summer time all year, RFC 8536 3.3.1 */
        {"\nXXX3EDT4,0/0,J365/23\n", "2025-12-31T23:59:59Z", -14400},
        {"\nXXX3EDT4,0/0,J365/23\n", "2028-12-31T12:00:00Z", -14400},
        {"\n<-02>2<-01>,M3.5.0/-1,M10.5.0/0\n", "2026-03-29T00:59:59Z", -7200}, /* hours below 0: the evening before */
        {"\n<-02>2<-01>,M3.5.0/-1,M10.5.0/0\n", "2026-03-29T01:00:00Z", -3600},
        {"\nAAA0BBB,J60,J300\n", "2028-03-01T01:59:59Z", 0}, /* J60 is 1 March in every year */
        {"\nAAA0BBB,J60,J300\n", "2028-03-01T02:00:00Z", 3600},
        {"\nAAA0BBB,59,300\n", "2028-02-29T02:00:00Z", 3600}, /* 59 is 29 February in this one */
        {"\nAAA0BBB,59,300\n", "2027-03-01T01:59:59Z", 0},
        {"\nAAA-1:30:15\n", "2026-01-01", 5415},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *problem;
        struct file file = made_up(cases[i].footer);
        const struct asy_zone *zone = parse(&file, &problem);
        cr_assert_not_null(zone, "%s: %s", cases[i].footer, problem);
        cr_assert_eq(asy_zone_offset_s(zone, s_of(cases[i].utc)), cases[i].offset_s, "%s at %s", cases[i].footer,
                     cases[i].utc);
    }
}

Test(zone, damaged_files_are_refused)
{
    static const char *const footers[] = {"", "\n", "x\n", "\nEST5EDT,M3.2.0,M11.1.0", "\nE5\n", "\nEST\n", "\nEST99\n",
                                          "\nEST5EDT\n", "\nEST5EDT,M3.2.0\n", "\nEST5EDT,M13.2.0,M11.1.0\n",
                                          "\nEST5EDT,M3.6.0,M11.1.0\n", "\nEST5EDT,M3.2.7,M11.1.0\n",
                                          "\nEST5EDT,J0,J5\n", "\nEST5EDT,366,5\n", "\nEST5EDT,M3.2.0/168,M11.1.0\n",
                                          "\nEST5EDT,M3.2.0,M11.1.0x\n", "\n<EST5\n"};
    const char *problem = NULL;
    for (size_t i = 0; i < COUNT(footers); i++) {
        struct file file = made_up(footers[i]);
        cr_assert_null(parse(&file, &problem), "%s", footers[i]);
        cr_assert_str_eq(problem, "its zoneinfo file is damaged");
    }
    struct file whole = made_up("\nEST5EDT,M3.2.0,M11.1.0\n");
    for (uint32_t len = 0; len < whole.len; len++) {
        struct file cut = {.len = len};
        memcpy(cut.bytes, whole.bytes, len);
        cr_assert_null(parse(&cut, &problem), "cut to %u", len);
        cr_assert_str_eq(problem, "its zoneinfo file is damaged");
    }
    /* Any byte changed: refused or read, never a crash; what is read gives sane offsets. */
    for (uint32_t i = 0; i < whole.len * 256u; i++) {
        struct file changed = whole;
        changed.bytes[i / 256] = (uint8_t)i;
        const struct asy_zone *zone = parse(&changed, &problem);
        for (int64_t at = -1000000000; zone && at < 5000000000; at += 1500000000) {
            int32_t offset_s = asy_zone_offset_s(zone, at);
            cr_assert(offset_s > -200000 && offset_s < 200000);
        }
    }
    struct file leaps = {.len = 0};
    put_header(&leaps, '\0', 1, 0, 1);
    leaps.len += 6 + 4 + 8;
    cr_assert_null(parse(&leaps, &problem));
    cr_assert_str_eq(problem, "its zoneinfo file counts leap seconds; expected a zone outside of right/");
}

Test(zone_fault, no_memory_is_said)
{
    if (!has_zones())
        return;
    for (int64_t n_left = 0;; n_left++) {
        struct failing failing;
        struct asy_mem tight;
        struct asy_pool small;
        failing_init(&tight, &failing, n_left);
        asy_pool_init(&small, &tight);
        const char *problem = NULL;
        const struct asy_zone *zone = asy_zone_load(&small, ASY_STR("America/New_York"), &problem);
        if (!zone)
            cr_assert_str_eq(problem, "out of memory");
        asy_pool_fini(&small);
        cr_assert_eq(failing.n_blocks, 0);
        if (zone)
            break;
        cr_assert_lt(n_left, 20);
    }
}
