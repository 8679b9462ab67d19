/* ISO 3166-1 countries, see schema.h. Codes and English short names: ISO 3166-1 (officially assigned codes); the other
 * names are what people type. */
#include "base/check.h"
#include "store/schema.h"

/* A name as `normal_name` leaves it, and its alpha-2 code. Sorted by bytes; alpha-3 codes stand among the names. */
struct country_name {
    const char *text;
    char alpha2[3];
};

enum { NAME_MAX_BYTES = 64 };

static const char alpha2_codes[][3] = {
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB",
    "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY",
    "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX",
    "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK",
    "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS",
    "GT", "GU", "GW", "GY", "HK", "HM", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR",
    "IS", "IT", "JE", "JM", "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA",
    "LB", "LC", "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK",
    "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE",
    "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM",
    "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG",
    "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF",
    "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY",
    "UZ", "VA", "VC", "VE", "VG", "VI", "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
};

static const struct country_name names[] = {
    {"abw", "AW"}, {"afg", "AF"}, {"afghanistan", "AF"}, {"ago", "AO"}, {"aia", "AI"}, {"ala", "AX"},
    {"aland", "AX"}, {"aland islands", "AX"}, {"alb", "AL"}, {"albania", "AL"}, {"algeria", "DZ"},
    {"america", "US"}, {"american samoa", "AS"}, {"and", "AD"}, {"andorra", "AD"}, {"angola", "AO"},
    {"anguilla", "AI"}, {"antarctica", "AQ"}, {"antigua", "AG"}, {"antigua and barbuda", "AG"}, {"are", "AE"},
    {"arg", "AR"}, {"argentina", "AR"}, {"arm", "AM"}, {"armenia", "AM"}, {"aruba", "AW"}, {"asm", "AS"},
    {"ata", "AQ"}, {"atf", "TF"}, {"atg", "AG"}, {"aus", "AU"}, {"australia", "AU"}, {"austria", "AT"},
    {"aut", "AT"}, {"aze", "AZ"}, {"azerbaijan", "AZ"}, {"bahamas", "BS"}, {"bahrain", "BH"}, {"bangladesh", "BD"},
    {"barbados", "BB"}, {"bdi", "BI"}, {"bel", "BE"}, {"belarus", "BY"}, {"belgium", "BE"}, {"belize", "BZ"},
    {"ben", "BJ"}, {"benin", "BJ"}, {"bermuda", "BM"}, {"bes", "BQ"}, {"bfa", "BF"}, {"bgd", "BD"}, {"bgr", "BG"},
    {"bharat", "IN"}, {"bhr", "BH"}, {"bhs", "BS"}, {"bhutan", "BT"}, {"bih", "BA"}, {"blm", "BL"}, {"blr", "BY"},
    {"blz", "BZ"}, {"bmu", "BM"}, {"bol", "BO"}, {"bolivarian republic of venezuela", "VE"}, {"bolivia", "BO"},
    {"bolivia plurinational state of", "BO"}, {"bonaire", "BQ"}, {"bonaire sint eustatius and saba", "BQ"},
    {"bosnia", "BA"}, {"bosnia and herzegovina", "BA"}, {"bosnia herzegovina", "BA"}, {"botswana", "BW"},
    {"bouvet island", "BV"}, {"bra", "BR"}, {"brasil", "BR"}, {"brazil", "BR"}, {"brb", "BB"}, {"britain", "GB"},
    {"british indian ocean territory", "IO"}, {"british virgin islands", "VG"}, {"brn", "BN"}, {"brunei", "BN"},
    {"brunei darussalam", "BN"}, {"btn", "BT"}, {"bulgaria", "BG"}, {"burkina faso", "BF"}, {"burma", "MM"},
    {"burundi", "BI"}, {"bvt", "BV"}, {"bwa", "BW"}, {"byelorussia", "BY"}, {"cabo verde", "CV"}, {"caf", "CF"},
    {"cambodia", "KH"}, {"cameroon", "CM"}, {"can", "CA"}, {"canada", "CA"}, {"cape verde", "CV"},
    {"caribbean netherlands", "BQ"}, {"cayman islands", "KY"}, {"cck", "CC"}, {"central african republic", "CF"},
    {"ceylon", "LK"}, {"chad", "TD"}, {"che", "CH"}, {"chile", "CL"}, {"china", "CN"}, {"chl", "CL"}, {"chn", "CN"},
    {"christmas island", "CX"}, {"civ", "CI"}, {"cmr", "CM"}, {"cocos islands", "CC"}, {"cocos keeling", "CC"},
    {"cocos keeling islands", "CC"}, {"cod", "CD"}, {"cog", "CG"}, {"cok", "CK"}, {"col", "CO"}, {"colombia", "CO"},
    {"com", "KM"}, {"commonwealth of bahamas", "BS"}, {"comoros", "KM"}, {"congo", "CG"},
    {"congo brazzaville", "CG"}, {"congo dem rep", "CD"}, {"congo democratic republic of", "CD"},
    {"congo kinshasa", "CD"}, {"congo rep", "CG"}, {"cook islands", "CK"}, {"costa rica", "CR"},
    {"cote divoire", "CI"}, {"cpv", "CV"}, {"cri", "CR"}, {"croatia", "HR"}, {"cub", "CU"}, {"cuba", "CU"},
    {"curacao", "CW"}, {"cuw", "CW"}, {"cxr", "CX"}, {"cym", "KY"}, {"cyp", "CY"}, {"cyprus", "CY"}, {"cze", "CZ"},
    {"czech republic", "CZ"}, {"czechia", "CZ"}, {"democratic peoples republic of korea", "KP"},
    {"democratic republic of congo", "CD"}, {"denmark", "DK"}, {"deu", "DE"}, {"deutschland", "DE"}, {"dji", "DJ"},
    {"djibouti", "DJ"}, {"dma", "DM"}, {"dnk", "DK"}, {"dom", "DO"}, {"dominica", "DM"},
    {"dominican republic", "DO"}, {"dprk", "KP"}, {"dr congo", "CD"}, {"drc", "CD"}, {"dza", "DZ"},
    {"east timor", "TL"}, {"ecu", "EC"}, {"ecuador", "EC"}, {"egy", "EG"}, {"egypt", "EG"}, {"eire", "IE"},
    {"el salvador", "SV"}, {"emirates", "AE"}, {"england", "GB"}, {"equatorial guinea", "GQ"}, {"eri", "ER"},
    {"eritrea", "ER"}, {"esh", "EH"}, {"esp", "ES"}, {"espana", "ES"}, {"est", "EE"}, {"estados unidos", "US"},
    {"estonia", "EE"}, {"eswatini", "SZ"}, {"eth", "ET"}, {"ethiopia", "ET"}, {"falkland islands", "FK"},
    {"falkland islands malvinas", "FK"}, {"faroe islands", "FO"}, {"federal republic of germany", "DE"},
    {"federated states of micronesia", "FM"}, {"fiji", "FJ"}, {"fin", "FI"}, {"finland", "FI"}, {"fji", "FJ"},
    {"flk", "FK"}, {"fra", "FR"}, {"france", "FR"}, {"french guiana", "GF"}, {"french polynesia", "PF"},
    {"french southern and antarctic lands", "TF"}, {"french southern territories", "TF"}, {"fro", "FO"},
    {"fsm", "FM"}, {"fyrom", "MK"}, {"gab", "GA"}, {"gabon", "GA"}, {"gambia", "GM"}, {"gbr", "GB"}, {"geo", "GE"},
    {"georgia", "GE"}, {"germany", "DE"}, {"ggy", "GG"}, {"gha", "GH"}, {"ghana", "GH"}, {"gib", "GI"},
    {"gibraltar", "GI"}, {"gin", "GN"}, {"glp", "GP"}, {"gmb", "GM"}, {"gnb", "GW"}, {"gnq", "GQ"}, {"grc", "GR"},
    {"grd", "GD"}, {"great britain", "GB"}, {"greece", "GR"}, {"greenland", "GL"}, {"grenada", "GD"}, {"grl", "GL"},
    {"gtm", "GT"}, {"guadeloupe", "GP"}, {"guam", "GU"}, {"guatemala", "GT"}, {"guernsey", "GG"}, {"guf", "GF"},
    {"guinea", "GN"}, {"guinea bissau", "GW"}, {"gum", "GU"}, {"guy", "GY"}, {"guyana", "GY"}, {"haiti", "HT"},
    {"heard island and mcdonald islands", "HM"}, {"hkg", "HK"}, {"hmd", "HM"}, {"hnd", "HN"}, {"holland", "NL"},
    {"holy see", "VA"}, {"holy see vatican city state", "VA"}, {"honduras", "HN"}, {"hong kong", "HK"},
    {"hong kong china", "HK"}, {"hong kong sar", "HK"}, {"hong kong sar china", "HK"}, {"hrv", "HR"}, {"hti", "HT"},
    {"hun", "HU"}, {"hungary", "HU"}, {"iceland", "IS"}, {"idn", "ID"}, {"imn", "IM"}, {"ind", "IN"},
    {"india", "IN"}, {"indonesia", "ID"}, {"iot", "IO"}, {"iran", "IR"}, {"iran islamic republic of", "IR"},
    {"iraq", "IQ"}, {"ireland", "IE"}, {"irl", "IE"}, {"irn", "IR"}, {"irq", "IQ"}, {"isl", "IS"},
    {"islamic republic of iran", "IR"}, {"isle of man", "IM"}, {"isr", "IL"}, {"israel", "IL"}, {"ita", "IT"},
    {"italia", "IT"}, {"italy", "IT"}, {"ivory coast", "CI"}, {"jam", "JM"}, {"jamaica", "JM"}, {"japan", "JP"},
    {"jersey", "JE"}, {"jey", "JE"}, {"jor", "JO"}, {"jordan", "JO"}, {"jpn", "JP"}, {"kaz", "KZ"},
    {"kazakhstan", "KZ"}, {"keeling islands", "CC"}, {"ken", "KE"}, {"kenya", "KE"}, {"kgz", "KG"}, {"khm", "KH"},
    {"kingdom of netherlands", "NL"}, {"kingdom of saudi arabia", "SA"}, {"kir", "KI"}, {"kirghizia", "KG"},
    {"kiribati", "KI"}, {"kna", "KN"}, {"kor", "KR"}, {"korea democratic peoples republic of", "KP"},
    {"korea north", "KP"}, {"korea republic of", "KR"}, {"korea south", "KR"}, {"ksa", "SA"}, {"kuwait", "KW"},
    {"kwt", "KW"}, {"kyrgyzstan", "KG"}, {"lao", "LA"}, {"lao pdr", "LA"},
    {"lao peoples democratic republic", "LA"}, {"laos", "LA"}, {"latvia", "LV"}, {"lbn", "LB"}, {"lbr", "LR"},
    {"lby", "LY"}, {"lca", "LC"}, {"lebanon", "LB"}, {"lesotho", "LS"}, {"liberia", "LR"}, {"libya", "LY"},
    {"lie", "LI"}, {"liechtenstein", "LI"}, {"lithuania", "LT"}, {"lka", "LK"}, {"lso", "LS"}, {"ltu", "LT"},
    {"lux", "LU"}, {"luxembourg", "LU"}, {"lva", "LV"}, {"mac", "MO"}, {"macao", "MO"}, {"macao sar", "MO"},
    {"macao sar china", "MO"}, {"macau", "MO"}, {"macau sar", "MO"}, {"macedonia", "MK"}, {"madagascar", "MG"},
    {"maf", "MF"}, {"mainland china", "CN"}, {"malawi", "MW"}, {"malaysia", "MY"}, {"maldives", "MV"},
    {"mali", "ML"}, {"malta", "MT"}, {"malvinas", "FK"}, {"mar", "MA"}, {"marshall islands", "MH"},
    {"martinique", "MQ"}, {"mauritania", "MR"}, {"mauritius", "MU"}, {"mayotte", "YT"}, {"mco", "MC"},
    {"mda", "MD"}, {"mdg", "MG"}, {"mdv", "MV"}, {"mex", "MX"}, {"mexico", "MX"}, {"mhl", "MH"},
    {"micronesia", "FM"}, {"micronesia federated states of", "FM"}, {"mkd", "MK"}, {"mli", "ML"}, {"mlt", "MT"},
    {"mmr", "MM"}, {"mne", "ME"}, {"mng", "MN"}, {"mnp", "MP"}, {"moldova", "MD"}, {"moldova republic of", "MD"},
    {"monaco", "MC"}, {"mongolia", "MN"}, {"montenegro", "ME"}, {"montserrat", "MS"}, {"morocco", "MA"},
    {"moz", "MZ"}, {"mozambique", "MZ"}, {"mrt", "MR"}, {"msr", "MS"}, {"mtq", "MQ"}, {"mus", "MU"}, {"mwi", "MW"},
    {"myanmar", "MM"}, {"mys", "MY"}, {"myt", "YT"}, {"nam", "NA"}, {"namibia", "NA"}, {"nauru", "NR"},
    {"ncl", "NC"}, {"nepal", "NP"}, {"ner", "NE"}, {"netherlands", "NL"}, {"netherlands kingdom of", "NL"},
    {"new caledonia", "NC"}, {"new zealand", "NZ"}, {"nfk", "NF"}, {"nga", "NG"}, {"nic", "NI"},
    {"nicaragua", "NI"}, {"niger", "NE"}, {"nigeria", "NG"}, {"niu", "NU"}, {"niue", "NU"}, {"nld", "NL"},
    {"nor", "NO"}, {"norfolk island", "NF"}, {"north korea", "KP"}, {"north macedonia", "MK"},
    {"northern ireland", "GB"}, {"northern mariana islands", "MP"}, {"norway", "NO"}, {"npl", "NP"}, {"nru", "NR"},
    {"nzl", "NZ"}, {"oman", "OM"}, {"omn", "OM"}, {"osterreich", "AT"}, {"pak", "PK"}, {"pakistan", "PK"},
    {"palau", "PW"}, {"palestine", "PS"}, {"palestine state of", "PS"}, {"palestinian territories", "PS"},
    {"palestinian territory", "PS"}, {"pan", "PA"}, {"panama", "PA"}, {"papua new guinea", "PG"},
    {"paraguay", "PY"}, {"pcn", "PN"}, {"peoples republic of china", "CN"}, {"per", "PE"}, {"peru", "PE"},
    {"philippines", "PH"}, {"phl", "PH"}, {"pitcairn", "PN"}, {"pitcairn islands", "PN"},
    {"plurinational state of bolivia", "BO"}, {"plw", "PW"}, {"png", "PG"}, {"pol", "PL"}, {"poland", "PL"},
    {"portugal", "PT"}, {"pr china", "CN"}, {"prc", "CN"}, {"pri", "PR"}, {"prk", "KP"}, {"prt", "PT"},
    {"pry", "PY"}, {"pse", "PS"}, {"puerto rico", "PR"}, {"pyf", "PF"}, {"qat", "QA"}, {"qatar", "QA"},
    {"republic of congo", "CG"}, {"republic of cote divoire", "CI"}, {"republic of gambia", "GM"},
    {"republic of india", "IN"}, {"republic of ireland", "IE"}, {"republic of korea", "KR"},
    {"republic of moldova", "MD"}, {"republic of north macedonia", "MK"}, {"republic of philippines", "PH"},
    {"republic of singapore", "SG"}, {"republic of south africa", "ZA"}, {"republic of turkiye", "TR"},
    {"reu", "RE"}, {"reunion", "RE"}, {"romania", "RO"}, {"rou", "RO"}, {"rsa", "ZA"}, {"rumania", "RO"},
    {"rus", "RU"}, {"russia", "RU"}, {"russian federation", "RU"}, {"rwa", "RW"}, {"rwanda", "RW"},
    {"saint barthelemy", "BL"}, {"saint helena", "SH"}, {"saint helena ascension and tristan da cunha", "SH"},
    {"saint kitts", "KN"}, {"saint kitts and nevis", "KN"}, {"saint lucia", "LC"}, {"saint martin", "MF"},
    {"saint martin french part", "MF"}, {"saint pierre and miquelon", "PM"}, {"saint vincent", "VC"},
    {"saint vincent and grenadines", "VC"}, {"samoa", "WS"}, {"san marino", "SM"}, {"sao tome", "ST"},
    {"sao tome and principe", "ST"}, {"sau", "SA"}, {"saudi arabia", "SA"}, {"scotland", "GB"}, {"sdn", "SD"},
    {"sen", "SN"}, {"senegal", "SN"}, {"serbia", "RS"}, {"seychelles", "SC"}, {"sgp", "SG"}, {"sgs", "GS"},
    {"shn", "SH"}, {"sierra leone", "SL"}, {"singapore", "SG"}, {"sint maarten", "SX"},
    {"sint maarten dutch part", "SX"}, {"sjm", "SJ"}, {"slb", "SB"}, {"sle", "SL"}, {"slovakia", "SK"},
    {"slovenia", "SI"}, {"slv", "SV"}, {"smr", "SM"}, {"socialist republic of viet nam", "VN"},
    {"solomon islands", "SB"}, {"som", "SO"}, {"somalia", "SO"}, {"south africa", "ZA"},
    {"south georgia and south sandwich islands", "GS"}, {"south korea", "KR"}, {"south sudan", "SS"},
    {"spain", "ES"}, {"spm", "PM"}, {"srb", "RS"}, {"sri lanka", "LK"}, {"ssd", "SS"}, {"state of palestine", "PS"},
    {"stp", "ST"}, {"sudan", "SD"}, {"sur", "SR"}, {"surinam", "SR"}, {"suriname", "SR"}, {"svalbard", "SJ"},
    {"svalbard and jan mayen", "SJ"}, {"svk", "SK"}, {"svn", "SI"}, {"swaziland", "SZ"}, {"swe", "SE"},
    {"sweden", "SE"}, {"switzerland", "CH"}, {"swz", "SZ"}, {"sxm", "SX"}, {"syc", "SC"}, {"syr", "SY"},
    {"syria", "SY"}, {"syrian arab republic", "SY"}, {"taiwan", "TW"}, {"taiwan province of china", "TW"},
    {"tajikistan", "TJ"}, {"tanzania", "TZ"}, {"tanzania united republic of", "TZ"}, {"tca", "TC"}, {"tcd", "TD"},
    {"tgo", "TG"}, {"tha", "TH"}, {"thailand", "TH"}, {"timor leste", "TL"}, {"tjk", "TJ"}, {"tkl", "TK"},
    {"tkm", "TM"}, {"tls", "TL"}, {"togo", "TG"}, {"tokelau", "TK"}, {"ton", "TO"}, {"tonga", "TO"},
    {"trinidad", "TT"}, {"trinidad and tobago", "TT"}, {"tto", "TT"}, {"tun", "TN"}, {"tunisia", "TN"},
    {"tur", "TR"}, {"turkey", "TR"}, {"turkiye", "TR"}, {"turkmenistan", "TM"}, {"turks and caicos islands", "TC"},
    {"tuv", "TV"}, {"tuvalu", "TV"}, {"twn", "TW"}, {"tza", "TZ"}, {"uae", "AE"}, {"uga", "UG"}, {"uganda", "UG"},
    {"uk", "GB"}, {"ukr", "UA"}, {"ukraine", "UA"}, {"umi", "UM"}, {"united arab emirates", "AE"},
    {"united kingdom", "GB"}, {"united kingdom of great britain and northern ireland", "GB"},
    {"united republic of tanzania", "TZ"}, {"united states", "US"}, {"united states minor outlying islands", "UM"},
    {"united states of america", "US"}, {"united states usa", "US"}, {"united states virgin islands", "VI"},
    {"uruguay", "UY"}, {"ury", "UY"}, {"us", "US"}, {"us virgin islands", "VI"}, {"usa", "US"}, {"uzb", "UZ"},
    {"uzbekistan", "UZ"}, {"vanuatu", "VU"}, {"vat", "VA"}, {"vatican", "VA"}, {"vatican city", "VA"},
    {"vatican city state", "VA"}, {"vct", "VC"}, {"ven", "VE"}, {"venezuela", "VE"},
    {"venezuela bolivarian republic of", "VE"}, {"vgb", "VG"}, {"viet nam", "VN"}, {"vietnam", "VN"}, {"vir", "VI"},
    {"virgin islands british", "VG"}, {"virgin islands us", "VI"}, {"vnm", "VN"}, {"vut", "VU"}, {"wales", "GB"},
    {"wallis and futuna", "WF"}, {"western sahara", "EH"}, {"western samoa", "WS"}, {"wlf", "WF"}, {"wsm", "WS"},
    {"yem", "YE"}, {"yemen", "YE"}, {"zaf", "ZA"}, {"zambia", "ZM"}, {"zimbabwe", "ZW"}, {"zmb", "ZM"},
    {"zwe", "ZW"},
};

static int compare_alpha2(const char *a, const char *b)
{
    return a[0] != b[0] ? (uint8_t)a[0] - (uint8_t)b[0] : (uint8_t)a[1] - (uint8_t)b[1];
}

static uint32_t find_alpha2(const char *upper)
{
    uint32_t low = 0, high = ASY_COUNT_OF(alpha2_codes);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = compare_alpha2(upper, alpha2_codes[middle]);
        if (order == 0)
            return middle + 1;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return 0;
}

/* The ASCII letter under a letter of Latin-1 with an accent (its second UTF-8 byte after 0xC3), 0 if it has none. */
static char plain_letter(uint8_t second)
{
    static const char letters[] = "aaaaaa\0ceeeeiiii\0nooooo\0ouuuuy\0\0";
    return letters[second & 0x1F];
}

/* The next letter or separator of `text` at *at, lower case, without accent: 0 for a byte that no name has, '.' for what
 * is dropped. */
static char next_plain(struct asy_str text, uint32_t *at)
{
    char c = text.p[(*at)++];
    if (c >= 'A' && c <= 'Z')
        return (char)(c + 32);
    if ((c >= 'a' && c <= 'z') || c == '&')
        return c;
    if (c == ' ' || c == ',' || c == '-' || c == '(' || c == ')' || c == '[' || c == ']' || c == '\t')
        return ' ';
    if (c == '.' || c == '\'')
        return '.';
    uint32_t left = text.len - *at;
    if ((uint8_t)c == 0xC3 && left >= 1) {
        uint8_t second = (uint8_t)text.p[(*at)++];
        return second >= 0x80 && second <= 0xBF ? plain_letter(second) : 0;
    }
    if ((uint8_t)c == 0xE2 && left >= 2 && memcmp(text.p + *at, "\x80\x99", 2) == 0) { /* typographic apostrophe */
        *at += 2;
        return '.';
    }
    return 0;
}

/* Put `word` behind what is in `out`, after a blank; the word may be replaced. False when it does not fit. */
static bool add_word(char *out, uint32_t *len, struct asy_str word)
{
    if (word.len == 0 || asy_str_is(word, "the"))
        return true;
    if (asy_str_is(word, "st"))
        word = ASY_STR("saint");
    if (asy_str_is(word, "&"))
        word = ASY_STR("and");
    if (*len + 1 + word.len > NAME_MAX_BYTES)
        return false;
    if (*len)
        out[(*len)++] = ' ';
    memcpy(out + *len, word.p, word.len);
    *len += word.len;
    return true;
}

/* Lower case, no accents, dots or apostrophes, words separated by one blank, without "the", "st" spelled out. Length, or 0
 * if that leaves no possible name. */
static uint32_t normal_name(struct asy_str text, char out[NAME_MAX_BYTES])
{
    char word[NAME_MAX_BYTES];
    uint32_t word_len = 0, len = 0;
    for (uint32_t at = 0; at < text.len;) {
        char c = next_plain(text, &at);
        if (c == 0 || word_len == NAME_MAX_BYTES)
            return 0;
        if (c == '.')
            continue;
        if (c != ' ')
            word[word_len++] = c;
        else if (!add_word(out, &len, (struct asy_str){word, word_len}))
            return 0;
        else
            word_len = 0;
    }
    return add_word(out, &len, (struct asy_str){word, word_len}) ? len : 0;
}

uint32_t asy_country_code(struct asy_str text)
{
    text = asy_str_trim(text);
    if (text.len == 2) {
        /* Only whole two-letter text is an alpha-2 code: "N.A." must not become Namibia by losing its dots. */
        char upper[2];
        for (uint32_t i = 0; i < 2; i++)
            upper[i] = text.p[i] >= 'a' && text.p[i] <= 'z' ? (char)(text.p[i] - 32) : text.p[i];
        uint32_t code = find_alpha2(upper);
        if (code)
            return code;
    }
    char name[NAME_MAX_BYTES];
    struct asy_str wanted = {name, normal_name(text, name)};
    uint32_t low = 0, high = wanted.len ? ASY_COUNT_OF(names) : 0;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = asy_str_cmp(wanted, asy_str_of(names[middle].text));
        if (order == 0)
            return find_alpha2(names[middle].alpha2);
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return 0;
}

struct asy_str asy_country_alpha2(uint32_t code)
{
    ASY_ASSERT(code <= ASY_COUNT_OF(alpha2_codes));
    return code == 0 ? (struct asy_str){"", 0} : (struct asy_str){alpha2_codes[code - 1], 2};
}

uint32_t asy_country_count(void)
{
    return ASY_COUNT_OF(alpha2_codes);
}

bool asy_country_valid(const char **reason)
{
    for (uint32_t i = 1; i < ASY_COUNT_OF(alpha2_codes); i++)
        if (compare_alpha2(alpha2_codes[i - 1], alpha2_codes[i]) >= 0)
            return *reason = "country codes are not sorted", false;
    for (uint32_t i = 0; i < ASY_COUNT_OF(names); i++) {
        if (i > 0 && asy_str_cmp(asy_str_of(names[i - 1].text), asy_str_of(names[i].text)) >= 0)
            return *reason = "country names are not sorted", false;
        char again[NAME_MAX_BYTES];
        uint32_t len = normal_name(asy_str_of(names[i].text), again);
        if (!asy_str_is((struct asy_str){again, len}, names[i].text))
            return *reason = "a country name is not in its normal form", false;
        if (find_alpha2(names[i].alpha2) == 0)
            return *reason = "a country name has an unknown code", false;
    }
    return true;
}
