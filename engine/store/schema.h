/* What a lead looks like: fields with types, events with names, how an empty field is derived. Made by the rule loader,
 * read by everyone, changed by nobody after loading (but for `need`, which the rule loader sets last). */
#ifndef ASY_SCHEMA_H
#define ASY_SCHEMA_H

#include "base/diag.h"

enum asy_type {
    ASY_TEXT = 1,
    ASY_INT,     /* int64 */
    ASY_NUMBER,  /* double, never NaN or infinite */
    ASY_BOOL,
    ASY_TIME,    /* microseconds UTC */
    ASY_COUNTRY, /* ISO 3166-1 */
    ASY_ENUM,    /* one of a, b, c */
};

/* How much of a field has to be kept. */
enum asy_need {
    ASY_NEED_NOTHING = 0, /* no rule reads it: values are not even parsed */
    ASY_NEED_PRESENCE,    /* only whether it is filled: one bit a lead */
    ASY_NEED_VALUE,
};

enum asy_derive_kind { ASY_DERIVE_NONE = 0, ASY_DERIVE_DOMAIN, ASY_DERIVE_WORDS };

/* One line of `words_in`: any of the words (each may be several words, as "vice president") gives `value`. */
struct asy_derive_line {
    struct asy_str value;
    uint32_t code; /* of `value` where the target is an enum or country, else 0 */
    uint32_t n_words;
    struct asy_str *words; /* as written */
};

struct asy_derive {
    uint8_t kind;
    uint32_t source; /* field number */
    uint32_t n_lines;
    struct asy_derive_line *lines;
    bool has_otherwise;
    struct asy_str otherwise;
    uint32_t otherwise_code;
};

struct asy_field {
    struct asy_str name; /* "company.industry" */
    uint8_t type;        /* enum asy_type */
    uint8_t need;        /* enum asy_need */
    bool required;
    bool has_default;
    struct asy_str default_text;
    union asy_default {
        int64_t i;     /* INT; TIME in microseconds; code of BOOL (1 false, 2 true), ENUM and COUNTRY */
        double d;      /* NUMBER */
    } default_value;
    uint32_t n_values; /* ENUM: `values[k]` has code k + 1 */
    struct asy_str *values;
    struct asy_derive derive;
    struct asy_pos pos;
};

struct asy_event_name {
    struct asy_str name;
    struct asy_str group; /* "high" */
    struct asy_pos pos;
};

enum { ASY_EVENT_NAMES_MAX = 255, ASY_FIELDS_MAX = 4096, ASY_PROPERTIES_MAX = 16 };

struct asy_schema {
    uint32_t n_fields;
    struct asy_field *fields;
    uint32_t n_events; /* at most ASY_EVENT_NAMES_MAX: a name is one byte in the log */
    struct asy_event_name *events;
    uint32_t n_properties; /* event properties that some rule reads, in order of first use */
    struct asy_str *properties;
};

/* Number of a field or event by exact name, or -1. */
int64_t asy_schema_field(const struct asy_schema *schema, struct asy_str name);
int64_t asy_schema_event(const struct asy_schema *schema, struct asy_str name);

/* ISO 3166-1 countries. Code 1..N in alphabetical order of the alpha-2 code. Reads alpha-2 and alpha-3 codes, English short
 * names and the usual other names ("USA", "UK", "Russia", "Korea, Republic of") in any case, without regard to blanks
 * around them, accents, dots, apostrophes, commas, brackets, hyphens, the word "the", "St" for "Saint" and "&" for "and"; 0 if
 * unknown. Source: ISO 3166-1 (officially assigned codes). */
uint32_t asy_country_code(struct asy_str text);
struct asy_str asy_country_alpha2(uint32_t code); /* {"",0} for 0 */
uint32_t asy_country_count(void);
/* Is the table in the order and form that look-ups rely on? For tests. */
bool asy_country_valid(const char **reason);

/* Code of a value of an enum field, byte for byte; 0 if it has no such value. */
uint32_t asy_enum_code(const struct asy_field *field, struct asy_str text);

/* The part after the last '@', lower case, without a trailing dot, written to `out` (room for `text.len`); {NULL,0} if
 * there is none. Blanks around `text` do not count. */
struct asy_str asy_derive_domain(struct asy_str text, char *out);
/* The line whose words occur in `text` first in line order, or -1. A word ends where a character outside
 * [A-Za-z0-9_] begins; ASCII case is ignored; several words in one entry match across any run of such characters. An entry
 * without any word matches nothing. Time grows with the length of `text`, for given lines. */
int64_t asy_derive_words(const struct asy_derive *derive, struct asy_str text);

#endif
