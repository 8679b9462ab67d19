/* The condition language, what it refuses: code, place and message of every finding; bounds. */
#include "cel_world.h"

/* -- findings: ^ marks where the finding starts (taken out before compiling), and its length */

static const struct {
    const char *text;
    uint32_t len;
    const char *code, *message;
} finding_cases[] = {
    /* names */
    {"i == 5 && ^rol == 'vp'", 3, "E0203", "`rol` is not a field; did you mean `role`?"},
    {"^score.nope > 1", 10, "E0203", "`score.nope` is not a score"},
    {"company.size.^big > 1", 3, "E0203", "`company.size` is an int and has no part `big`"},
    {"b == ^True", 4, "E0203", "`True` is not a field; did you mean `true`?"},
    {"s == ^None", 4, "E0203", "`None` is not a field; did you mean `null`?"},
    {"^freemail == 'a'", 8, "E0203", "`freemail` is a list; use it as `x in freemail`"},
    {"^dyn", 3, "E0203", "`dyn` is a function; write `dyn(x)`"},
    {"s in ^freemial", 8, "E0206", "`freemial` is not a list; did you mean `freemail`?"},
    {"s in ^role", 4, "E0222", "`in` needs a list; `role` is a string. Write `==`, or a list as [a, b]"},
    {"i ^in freemail", 2, "E0221", "the list `freemail` holds strings; cannot look for int in it"},
    {"s.^startWith('a')", 9, "E0204", "`startWith` is not a function; did you mean `startsWith`?"},
    {"^frobnicate(s)", 10, "E0204", "`frobnicate` is not a function"},
    {"role == ^'intren'", 8, "E0205", "`role` is never 'intren'; did you mean 'intern'?"},
    {"^'boss' != role", 6, "E0205", "`role` is never 'boss'; it is one of: intern, manager, vp"},
    {"role in ['vp', ^'VP']", 4, "E0205", "`role` is never 'VP'; did you mean 'vp'?"},
    {"role == ^''", 2, "E0205", "`role` is never ''; to ask whether it is empty write `!has(role)`"},
    {"country == ^'Atlantis'", 10, "E0205", "`country` is never 'Atlantis'; it has one of 40 values such as 'AQ'"},
    {"i(^30d) > 1", 3, "E0207", "`i` takes no length of time"},
    {"events.visit.count^() > 1", 2, "E0207",
     "write `events.visit.count`, or with a length of time as in `events.visit.count(30d)`"},
    {"has(^i + 1)", 5, "E0208", "`has` takes the name of a field, as in has(company.country)"},
    {"has(^1)", 1, "E0208", "`has` takes the name of a field, as in has(company.country)"},
    /* syntax */
    {"^", 1, "E0210", "an expression is missing here"},
    {"^  // nothing", 1, "E0210", "an expression is missing here"},
    {"i ^=", 1, "E0211", "`=` is not an operator here: write `==` to compare"},
    {"role ^= 'vp'", 1, "E0211", "`=` is not an operator here: write `==` to compare"},
    {"role ^=== 'vp'", 3, "E0211", "`===` is not an operator here: write `==`"},
    {"b ^and b", 3, "E0211", "write `&&` for `and`"},
    {"b ^OR b", 2, "E0211", "write `||` for `or`"},
    {"(b ^and b)", 3, "E0211", "write `&&` for `and`"},
    {"^not b", 3, "E0211", "write `!` for `not`"},
    {"b && ^not(b)", 3, "E0211", "write `!` for `not`"},
    {"s ^not in freemail", 3, "E0211", "write `!(x in list)` for `not in`"},
    {"s ^is null", 2, "E0211", "write `==` for `is`, or has(x) to ask whether something is filled"},
    {"s ^contains 'x'", 8, "E0211", "write x.contains('text')"},
    {"i ^<> 5", 2, "E0211", "`<>` is not an operator here: write `!=`"},
    {"i ^=> 5", 2, "E0211", "`=>` is not an operator here: write `>=`"},
    {"b ^& b", 1, "E0211", "`&` is not an operator here: write `&&`"},
    {"b ^| b", 1, "E0211", "`|` is not an operator here: write `||`"},
    {"^if b", 2, "E0211", "write `condition ? a : b`"},
    {"^if(b, 1, 2)", 2, "E0211", "write `condition ? a : b`"},
    {"b && ^(i > 3", 1, "E0212", "this `(` is not closed: a `)` is missing"},
    {"(i > 3 ^s)", 1, "E0212", "expected an operator or `)`, found `s`"},
    {"i > 3^)", 1, "E0212", "there is no `(` for this `)`"},
    {"s.startsWith^('a'", 1, "E0212", "this `(` is not closed: a `)` is missing"},
    {"i in ^[1, 2", 1, "E0212", "this `[` is not closed: a `]` is missing"},
    {"i in [1 ^2]", 1, "E0210", "expected `,` or `]`, found `2`"},
    {"i in ^(1, 2)", 1, "E0210", "`in` needs a list: write [a, b] or the name of a list, found `(`"},
    {"i > 3 ^s", 1, "E0213", "expected an operator such as `&&`, or the end, found `s`"},
    {"i > 3 ^'text'", 6, "E0213", "expected an operator such as `&&`, or the end, found `'text'`"},
    {"i ^>", 1, "E0210", "the expression ends too early: expected a value"},
    {"i > ^* 3", 1, "E0210", "expected a value, found `*`"},
    {"size(s,^)", 1, "E0210", NULL},
    {"b ^? 1", 1, "E0210", "this `?` has no `:`; write `condition ? a : b`"},
    {"i^.5 > 1.0", 2, "E0213", "expected an operator such as `&&`, or the end, found `.5`"},
    {"^for > 1", 3, "E0210", "`for` is a reserved word of the condition language"},
    {"s == ^'vp", 3, "E0214", "this text is not closed: a ' is missing"},
    {"s == ^\"vp'", 4, "E0214", "this text is not closed: a \" is missing"},
    {"s == ^'vp\n && b", 3, "E0214", "this text is not closed: a ' is missing on its line"},
    {"s == ^'''vp''", 7, "E0214", "this text is not closed: a ''' is missing"},
    {"s == ^'a\\", 3, "E0214", "this text is not closed: a ' is missing"},
    {"s == 'a^\\s'", 2, "E0214",
     "this backslash starts no escape; write `\\\\` for a backslash, or r'...' for text without escapes"},
    {"s == '^\\uD83D'", 2, "E0214", NULL},
    {"s == '^\\x4'", 2, "E0214", NULL},
    {"s == '^\\U00110000'", 2, "E0214", NULL},
    {"i > ^9223372036854775808", 19, "E0215", "this number is too large: an int is at most 9223372036854775807"},
    {"i > ^99999999999999999999999", 23, "E0215", "this number is too large: an int is at most 9223372036854775807"},
    {"i > ^0x", 2, "E0215", "hexadecimal digits must follow 0x"},
    {"d > ^1e999", 5, "E0215", "this number is too large for a double"},
    {"i > ^12abc", 5, "E0215", "this number runs into letters"},
    {"i > ^1_000", 5, "E0215", "digits cannot be grouped with `_`"},
    {"d > ^1.", 2, "E0215", "a digit must follow the point of a number: write 1.0"},
    {"events.visit.count(^0d)", 2, "E0215", "a length of time must be at least 1s and at most 36525d"},
    {"events.visit.count(^36526d)", 6, "E0215", "a length of time must be at least 1s and at most 36525d"},
    {"s == ^\u2018vp\u2019", 3, "E0216", "this is a typographic quote: write '"},
    {"s == ^\u201Cvp\u201D", 3, "E0216", "this is a typographic quote: write \""},
    {"i ^\u2265 3", 3, "E0216", "write `>=`"},
    {"i^\u00A0> 3", 2, "E0216", "this is a no-break space: write a plain blank"},
    {"i > 3^; b", 1, "E0216", "an expression cannot hold `;`: join conditions with `&&`"},
    {"i > ^\u00e9", 2, "E0216", "`\u00e9` cannot stand outside quotes"},
    {"i > ^\x01", 1, "E0216", "a control character (byte 0x01) cannot stand here"},
    {"s == '^\xff'", 1, "E0216", "this is not UTF-8 (byte 0xff)"},
    {"s.^exists(x, x == 'a')", 6, "E0217", "macros such as `exists` are not supported"},
    {"^[1, 2] == i", 1, "E0217", "a list can stand only after `in`, as in x in [a, b]"},
    {"^{'a': 1}", 1, "E0217", "maps are not supported; for a list write [a, b]"},
    {"company.size^{a: 1}", 1, "E0217", "messages are not supported"},
    {"s^[0]", 1, "E0217", "indexing is not supported"},
    {"i > ^5u", 2, "E0217", "unsigned numbers are not supported: write `5`"},
    {"s == ^b'x'", 2, "E0217", "bytes are not supported: write text without the `b`"},
    {"^type(i) == int", 4, "E0217", "types are not values here"},
    {"i > ^30d", 3, "E0219",
     "a length of time stands only in `events.x.count(30d)`; for a duration write duration('36h')"},
    {"duration(^30d) > duration('1s')", 3, "E0219",
     "a length of time stands only in `events.x.count(30d)`; for a duration write duration('36h')"},
    /* types */
    {"^i", 1, "E0220", "a condition must be true or false; this is an int"},
    {"^(s + 'a')", 9, "E0220", "a condition must be true or false; this is a string"},
    {"^null", 4, "E0220", "a condition must be true or false; this is null"},
    {"i ^== 'vp'", 2, "E0221", "cannot compare int with string"},
    {"i ^> '10'", 1, "E0221", "cannot compare int with string; write `10` without quotes"},
    {"b ^== 'true'", 2, "E0221", "cannot compare bool with string; write `true` without quotes"},
    {"s ^== 5", 2, "E0221", "cannot compare string with int; write '5'"},
    {"t ^> '2026-01-01'", 1, "E0221", "cannot compare timestamp with string; write timestamp('2026-01-31T00:00:00Z')"},
    {"t ^> 30", 1, "E0221", "cannot compare timestamp with int; days_since(x) counts the days since a time"},
    {"1 < i ^< 10", 1, "E0221", "cannot compare bool with int; join two comparisons with `&&`"},
    {"i ^< null", 1, "E0221", "`<` cannot compare with null; write `== null`, or has(x)"},
    {"i in [1, ^'a']", 3, "E0221", "`in` cannot compare int with string"},
    {"^i && b", 1, "E0222", "`&&` needs true or false on both sides; this is an int"},
    {"b || ^(s)", 3, "E0222", "`||` needs true or false on both sides; this is a string"},
    {"!^i", 1, "E0222", "`!` needs true or false; this is an int"},
    {"-^s == 'a'", 1, "E0222", "`-` needs a number or a duration; this is a string"},
    {"i ^+ d > 1.0", 1, "E0222", "`+` does not work on int and double; write 2.0 for 2, or use double(x)"},
    {"s ^+ i == 'a'", 1, "E0222", "`+` does not work on string and int; use string(x)"},
    {"t ^+ 3 > t", 1, "E0222", "`+` does not work on timestamp and int; write duration('36h')"},
    {"d ^% d > 1.0", 1, "E0222", "`%` does not work on double and double; use int(x)"},
    {"i ^+ null > 1", 1, "E0222", "`+` does not work on int and null; null has no value to compute with"},
    {"b ^* b", 1, "E0222", "`*` does not work on bool and bool"},
    {"^i ? b : b", 1, "E0222", "`?` needs true or false before it; this is an int"},
    {"b ? b : ^1", 1, "E0223", "both outcomes of `? :` must have the same type; the first is a bool, this is an int"},
    {"s.startsWith(^5)", 1, "E0224", "`startsWith` needs a string; this is an int"},
    {"^i.startsWith('a')", 1, "E0224", "`startsWith` needs a string; this is an int"},
    {"bool(^i)", 1, "E0224", "`bool` needs a bool or a string; this is an int"},
    {"^startsWith(s, 'a')", 10, "E0224", "write `x.startsWith('text')`: it is called on a value"},
    {"s.^has()", 3, "E0224", "write `has(x)`"},
    {"i.^int() == 5", 3, "E0224", "write `int(x)`: it is not called on a value"},
    {"^size() > 1", 4, "E0224", "`size` takes one argument, found 0"},
    {"s.^startsWith('a', 'b')", 10, "E0224", "`startsWith` takes one argument, found 2"},
    {"t.^getHours('UTC', 'UTC') > 1", 8, "E0224", "`getHours` takes at most one argument, a time zone, found 2"},
    {"^duration('1s').getHours('UTC') > 1", 14, "E0224", "`getHours` needs a timestamp; this is a duration"},
    {"^duration('1s').getMonth() > 1", 14, "E0224", "`getMonth` needs a timestamp; this is a duration"},
    {"days_since(^i) > 1", 1, "E0224", "`days_since` needs a timestamp; this is an int"},
    {"s.matches(^'(a')", 4, "E0225", "this pattern is not valid RE2: missing ): (a"},
    {"s.matches(^'(' + 'a')", 9, "E0225", "this pattern is not valid RE2: missing ): (a"},
    {"s.matches(^'(?=a)')", 7, "E0225", NULL},
    {"t.getHours(^'Mars/Base') > 1", 11, "E0226", NULL},
    {"t.getHours(^'') > 1", 2, "E0226", "'' is not a time zone (it is empty); write one as 'Europe/Berlin', '+02:00' or 'UTC'"},
};

Test(cel_findings, findings)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    for (size_t i = 0; i < sizeof finding_cases / sizeof finding_cases[0]; i++) {
        struct asy_pool pool;
        asy_pool_init(&pool, &mem);
        struct world world;
        world_init(&world, &pool);
        const char *marked = finding_cases[i].text;
        uint32_t offset = (uint32_t)(strchr(marked, '^') - marked);
        char text[256];
        snprintf(text, sizeof text, "%.*s%s", (int)offset, marked, marked + offset + 1);
        for (int fold = 0; fold < 2; fold++) {
            struct asy_cel_node *node = world_compile(&world, asy_str_of(text), ASY_CEL_BOOL, fold != 0);
            cr_expect_null(node, "`%s` was accepted", text);
            asy_cel_release(node);
            const struct finding *first = &world.first;
            cr_expect_str_eq(first->code, finding_cases[i].code, "`%s`: %s %s", text, first->code, first->message);
            cr_expect(finding_cases[i].message == NULL || strcmp(first->message, finding_cases[i].message) == 0, "`%s`: %s", text,
                      first->message);
            cr_expect(first->offset == offset && first->len == finding_cases[i].len, "`%s`: at %u, %u bytes: %s", text,
                      first->offset, first->len, first->message);
        }
        asy_pool_fini(&pool);
    }
    cr_expect_eq(mem.live_bytes, 0);
}

Test(cel_findings, all_type_findings_come_in_one_go)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    struct world world;
    world_init(&world, &pool);
    cr_expect_null(world_compile(&world, ASY_STR("rol == 'vp' && i > 'x' || role == 'boss'"), ASY_CEL_BOOL, true));
    cr_expect_eq(world.n_errors, 3, "%u", world.n_errors);
    /* one slip, one finding: nothing follows from a bad operand */
    cr_expect_null(world_compile(&world, ASY_STR("!(rol + 1 > 'a') && size(rol2) == 'b' ? no_b : b"), ASY_CEL_BOOL, true));
    cr_expect_eq(world.n_errors, 2, "%u", world.n_errors);
    asy_pool_fini(&pool);
}

Test(cel_findings, constant_parts_that_are_always_unknown_are_a_warning)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"i > 1 / 0", "`1 / 0` is always unknown: it divides by zero"},
        {"i > 9223372036854775807 + 1", "`9223372036854775807 + 1` is always unknown: the result is out of range"},
        {"t > timestamp('2026-01-01')",
         "`timestamp('2026-01-01')` is always unknown: write a time from year 1 to 9999 as '2026-01-31T00:00:00Z'"},
        {"duration('30d') > duration('1s')",
         "`duration('30d')` is always unknown: write a length of time as '36h', '1h30m' or '90s' (there is no unit for days)"},
    };
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    struct world world;
    world_init(&world, &pool);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_not_null(world_compile(&world, asy_str_of(cases[i].text), ASY_CEL_BOOL, true));
        cr_expect_eq(world.n_findings, 1);
        cr_expect_str_eq(world.first.code, "W0227");
        cr_expect_str_eq(world.first.message, cases[i].message);
    }
    asy_pool_fini(&pool);
}

/* -- bounds */

Test(cel_findings, bounds)
{
    static const struct {
        const char *before, *piece;
        uint32_t n;
        const char *after;
        const char *code; /* NULL: accepted */
    } cases[] = {
        {"b", " && b", 32, "", NULL},
        {"b", "&&b", 5000, "", NULL},
        {"b", "||b", 5000, "", NULL},
        {"b", " && i > 3 || b", 1000, "", NULL},
        {"i", " + i", 256, " > 1", NULL},
        {"i", " + i", 257, " > 1", "E0218"},
        {"i", " * 1", 257, " > 1", "E0218"},
        {"b", " == b", 256, "", NULL},
        {"b", " == b", 257, "", "E0218"},
        {"", "b ? b : ", 256, "b", NULL},
        {"", "b ? b : ", 257, "b", "E0218"},
        {"", "!", 64, "b", NULL},
        {"", "!", 65, "b", "E0218"},
        {"i == 5 || ", "-", 65, "i > 1", "E0218"},
        {"i in [0", ", 1", 2000, "]", NULL},
        {"", "dyn(", 64, "b", "E0212"},
        {"", "dyn(", 65, "b", "E0218"},
        {"", "(", 16000, "", "E0218"},
        {"", "size(", 3000, "", "E0218"},
        {"i in ", "[", 3000, "", "E0217"},
        {"s", ".size()", 2, " > 1", "E0224"},
        {"a", ".a", 31, " == 1", "E0203"},
        {"a", ".a", 32, " == 1", "E0218"},
        {"b /*", "", 0, "", "E0210"},
        {"b // ", "x", 16379, "", NULL},
        {"b // ", "x", 16380, "", "E0218"},
    };
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct asy_pool pool;
        asy_pool_init(&pool, &mem);
        struct world world;
        world_init(&world, &pool);
        struct asy_str text = repeated(&pool, cases[i].before, cases[i].piece, cases[i].n, cases[i].after);
        const char *code = cases[i].code;
        struct asy_cel_node *node = world_compile(&world, text, ASY_CEL_BOOL, i % 2 == 0);
        cr_expect_eq(node == NULL, code != NULL, "case %zu: %s", i, world.first.message);
        cr_expect(code == NULL || strcmp(world.first.code, code) == 0, "case %zu: %s %s", i, world.first.code,
                  world.first.message);
        if (node != NULL) {
            cr_expect_leq(node->height, ASY_CEL_MAX_HEIGHT);
            struct asy_cel_row row = {.ctx = &world, .read = world_read, .scratch = &pool};
            cr_expect_eq(asy_cel_eval(node, &row).type, ASY_CEL_BOOL, "case %zu", i);
        }
        asy_cel_release(node);
        asy_pool_fini(&pool);
    }
    cr_expect_eq(mem.live_bytes, 0);
}

Test(cel_findings, nesting_of_64_levels_is_fine)
{
    struct asy_mem mem;
    asy_mem_init(&mem, NULL);
    struct asy_pool pool;
    asy_pool_init(&pool, &mem);
    struct world world;
    world_init(&world, &pool);
    struct asy_str open = repeated(&pool, "", "(", 64, "b");
    struct asy_str text = repeated(&pool, open.p, ")", 64, "");
    struct asy_cel_value value;
    cr_expect(world_evaluate(&world, text, UNFOLDED, &value) && value.type == ASY_CEL_BOOL && value.b);
    asy_pool_fini(&pool);
}
