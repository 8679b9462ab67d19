/* Countries, enums, names, derived fields. */
#include <criterion/criterion.h>

#include "base/check.h"
#include "base/mem.h"
#include "store/schema.h"

static struct asy_str str(const char *s)
{
    return asy_str_of(s);
}

static void check_country(const char *text, const char *alpha2)
{
    struct asy_str found = asy_country_alpha2(asy_country_code(str(text)));
    cr_expect(asy_str_is(found, alpha2), "\"%s\": expected \"%s\", found \"%.*s\"", text, alpha2, ASY_ARG(found));
}

Test(store_schema, country_table_is_in_order)
{
    const char *reason = "";
    cr_assert(asy_country_valid(&reason), "%s", reason);
    cr_assert_eq(asy_country_count(), 249);
    cr_assert_eq(asy_country_alpha2(0).len, 0);
}

Test(store_schema, every_alpha2_code_reads_back_in_any_case)
{
    for (uint32_t code = 1; code <= asy_country_count(); code++) {
        struct asy_str alpha2 = asy_country_alpha2(code);
        char lower[2] = {(char)(alpha2.p[0] + 32), (char)(alpha2.p[1] + 32)};
        cr_expect_eq(asy_country_code(alpha2), code);
        cr_expect_eq(asy_country_code((struct asy_str){lower, 2}), code);
        if (code > 1)
            cr_expect(asy_str_cmp(asy_country_alpha2(code - 1), alpha2) < 0);
    }
}

Test(store_schema, countries_by_code_and_name)
{
    static const char *cases[][2] = {
        {"US", "US"}, {"us", "US"}, {"USA", "US"}, {"usa", "US"}, {"U.S.A.", "US"}, {"U.S.", "US"},
        {"United States", "US"}, {"united states of america", "US"}, {"The United States", "US"}, {" US ", "US"},
        {"GB", "GB"}, {"UK", "GB"}, {"uk", "GB"}, {"U.K.", "GB"}, {"GBR", "GB"}, {"United Kingdom", "GB"},
        {"Great Britain", "GB"}, {"England", "GB"}, {"KOR", "KR"}, {"South Korea", "KR"}, {"Korea, Republic of", "KR"},
        {"Republic of Korea", "KR"}, {"Korea (the Republic of)", "KR"}, {"North Korea", "KP"},
        {"Korea (Democratic People's Republic of)", "KP"}, {"Russia", "RU"}, {"Russian Federation", "RU"},
        {"Vietnam", "VN"}, {"Viet Nam", "VN"}, {"Czech Republic", "CZ"}, {"Czechia", "CZ"}, {"Ivory Coast", "CI"},
        {"C\xC3\xB4te d'Ivoire", "CI"}, {"C\xC3\x94TE D'IVOIRE", "CI"}, {"Cote d\xE2\x80\x99Ivoire", "CI"},
        {"T\xC3\xBCrkiye", "TR"}, {"Turkey", "TR"}, {"Cura\xC3\xA7" "ao", "CW"}, {"\xC3\x85land Islands", "AX"},
        {"\xC3\xA5land islands", "AX"}, {"R\xC3\xA9union", "RE"}, {"Saint Barth\xC3\xA9lemy", "BL"}, {"St. Lucia", "LC"},
        {"Trinidad & Tobago", "TT"}, {"Bosnia and Herzegovina", "BA"}, {"Guinea-Bissau", "GW"}, {"Guinea", "GN"},
        {"Congo", "CG"}, {"DR Congo", "CD"}, {"Democratic Republic of the Congo", "CD"},
        {"Congo, The Democratic Republic of the", "CD"}, {"Iran", "IR"}, {"Iran (Islamic Republic of)", "IR"},
        {"Bolivia (Plurinational State of)", "BO"}, {"Taiwan", "TW"}, {"Hong Kong", "HK"}, {"Macau", "MO"},
        {"Macao", "MO"}, {"Laos", "LA"}, {"Syria", "SY"}, {"Burma", "MM"}, {"Swaziland", "SZ"}, {"Eswatini", "SZ"},
        {"Holland", "NL"}, {"Netherlands (Kingdom of the)", "NL"}, {"Bahamas, The", "BS"}, {"UAE", "AE"},
        {"NO", "NO"}, {"Norway", "NO"}, {"NA", "NA"}, {"Micronesia (Federated States of)", "FM"}, {"IN", "IN"},
        {"Niger", "NE"}, {"Nigeria", "NG"}, {"DEU", "DE"}, {"com", "KM"}, {"Virgin Islands (British)", "VG"},
        {"Falkland Islands (the) [Malvinas]", "FK"}, {"Timor-Leste", "TL"}, {"Vatican City", "VA"},
        {"Palestine, State of", "PS"}, {"Tanzania", "TZ"}, {"Moldova", "MD"}, {"Venezuela", "VE"}, {"Brunei", "BN"},
        {"North Macedonia", "MK"}, {"Cape Verde", "CV"}, {"Cabo Verde", "CV"}, {"Georgia", "GE"},
        /* not countries */
        {"", ""}, {" ", ""}, {"XX", ""}, {"N/A", ""}, {"N.A.", ""}, {"n.o.", ""}, {"ZZZ", ""}, {"Atlantis", ""},
        {"Korea", ""}, {"U", ""}, {"United", ""}, {"US1", ""}, {"the", ""}, {"...", ""}, {"-", ""}, {"\xC3", ""},
        {"\xC3\xB7", ""}, {"\xE2\x80", ""}, {"Asia/Pacific Region", ""}, {"unknown", ""}, {"UNITED\nSTATES", ""},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""},
        {"a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n o p q r s t u v w x y z", ""},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++)
        check_country(cases[i][0], cases[i][1]);
    cr_expect_eq(asy_country_code((struct asy_str){NULL, 0}), 0);
    cr_expect_eq(asy_country_code((struct asy_str){"U\0S", 3}), 0);
}

Test(store_schema, enum_values_exact_before_folded)
{
    struct asy_str values[] = {ASY_STR("Paid"), ASY_STR("paid"), ASY_STR("Trial")};
    struct asy_field field = {.n_values = 3, .values = values};
    cr_expect_eq(asy_enum_code(&field, str("Paid")), 1);
    cr_expect_eq(asy_enum_code(&field, str("paid")), 2);
    cr_expect_eq(asy_enum_code(&field, str("PAID")), 0, "case counts: a map's `values:` folds aliases");
    cr_expect_eq(asy_enum_code(&field, str("tRIAL")), 0);
    cr_expect_eq(asy_enum_code(&field, str("other")), 0);
    cr_expect_eq(asy_enum_code(&field, str("")), 0);
}

Test(store_schema, fields_and_events_by_name)
{
    struct asy_field fields[] = {{.name = ASY_STR("a.b")}, {.name = ASY_STR("c")}};
    struct asy_event_name events[] = {{.name = ASY_STR("visit")}};
    struct asy_schema schema = {.n_fields = 2, .fields = fields, .n_events = 1, .events = events};
    cr_expect_eq(asy_schema_field(&schema, str("c")), 1);
    cr_expect_eq(asy_schema_field(&schema, str("C")), -1);
    cr_expect_eq(asy_schema_event(&schema, str("visit")), 0);
    cr_expect_eq(asy_schema_event(&schema, str("")), -1);
}

Test(store_schema, domain_of)
{
    static const char *cases[][2] = {
        {"a@b.com", "b.com"}, {"A@B.Com", "b.com"}, {"x@y@Z.org", "z.org"}, {"a@b.com.", "b.com"}, {"@b", "b"},
        {"  a@b.com \t", "b.com"}, {"\"a b\"@c.d", "c.d"}, {"a@\xC3\x9C.de", "\xC3\x9C.de"},
        {"a@", NULL}, {"a@.", NULL}, {"abc", NULL}, {"", NULL}, {"a@ ", NULL},
    };
    char out[64];
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        struct asy_str found = asy_derive_domain(str(cases[i][0]), out);
        if (cases[i][1])
            cr_expect(asy_str_is(found, cases[i][1]), "%s: found \"%.*s\"", cases[i][0], ASY_ARG(found));
        else
            cr_expect(found.p == NULL && found.len == 0, "%s: expected nothing", cases[i][0]);
    }
}

Test(store_schema, words_in)
{
    struct asy_str c_suite[] = {ASY_STR("ceo"), ASY_STR("CRO"), ASY_STR("chief")};
    struct asy_str vp[] = {ASY_STR("vp"), ASY_STR("vice president"), ASY_STR("c-level")};
    struct asy_str director[] = {ASY_STR("director"), ASY_STR("&"), ASY_STR("")};
    struct asy_derive_line lines[] = {{.n_words = 3, .words = c_suite}, {.n_words = 3, .words = vp},
                                      {.n_words = 3, .words = director}};
    struct asy_derive derive = {.kind = ASY_DERIVE_WORDS, .n_lines = 3, .lines = lines};
    static const struct {
        const char *text;
        int64_t line;
    } cases[] = {
        {"CEO", 0}, {"Founder & CEO", 0}, {"ceo/cto", 0}, {"ceos", -1}, {"ceo_emeritus", -1}, {"co-ceo", 0},
        {"Chief Revenue Officer", 0}, {"mischief", -1}, {"Vice President", 1}, {"vice  -  president", 1},
        {"VICE.PRESIDENT, Sales", 1}, {"vice\npresident", 1}, {"vice assistant president", -1}, {"vice", -1},
        {"president vice", -1}, {"vice vice president", 1}, {"C Level", 1}, {"c", -1}, {"clevel", -1},
        {"Director, VP", 1}, {"Director and VP and Chief", 0}, {"director", 2}, {"&", -1}, {"", -1}, {"  ", -1},
        {"ceo2", -1}, {"2ceo", -1}, {"\xC3\xA9" "ceo\xC3\xA9", 0}, {"Svp", -1}, {"director\xE2\x80\x94sales", 2},
    };
    for (size_t i = 0; i < ASY_COUNT_OF(cases); i++) {
        int64_t line = asy_derive_words(&derive, str(cases[i].text));
        cr_expect_eq(line, cases[i].line, "\"%s\": expected line %d, found %d", cases[i].text, (int)cases[i].line,
                     (int)line);
    }
    struct asy_derive empty = {.kind = ASY_DERIVE_WORDS};
    cr_expect_eq(asy_derive_words(&empty, str("ceo")), -1);
}

/* Long hostile text: it must end in no time at all. */
Test(store_schema, words_in_a_mebibyte_of_near_misses)
{
    enum { N_BYTES = 1 << 20 };
    static char text[N_BYTES];
    for (size_t i = 0; i < N_BYTES; i++)
        text[i] = "vice "[i % 5];
    struct asy_str words[] = {ASY_STR("vice vice vice president")};
    struct asy_derive_line line = {.n_words = 1, .words = words};
    struct asy_derive derive = {.kind = ASY_DERIVE_WORDS, .n_lines = 1, .lines = &line};
    cr_expect_eq(asy_derive_words(&derive, (struct asy_str){text, N_BYTES}), -1);
    memset(text, 'v', N_BYTES);
    cr_expect_eq(asy_derive_words(&derive, (struct asy_str){text, N_BYTES}), -1);
}
