/* JSON out: a growing text that is indented by two blanks, with commas and escapes taken care of. Bytes that are not UTF-8
 * become U+FFFD. Memory running out is remembered and told at the end. Threads: one owner. */
#ifndef ASY_CLI_JSON_H
#define ASY_CLI_JSON_H

#include "base/mem.h"

struct asy_json {
    struct asy_mem *mem;
    char *p;
    size_t len, cap;
    uint32_t depth;
    uint64_t has_items; /* bit d: the level d has an item already */
    bool failed;
};

void asy_json_init(struct asy_json *json, struct asy_mem *mem);
void asy_json_fini(struct asy_json *json);
/* Open '{' or '[', as the value of `key` inside an object, with `key` NULL inside an array or at the top. */
void asy_json_open(struct asy_json *json, const char *key, char bracket);
void asy_json_close(struct asy_json *json, char bracket); /* '}' or ']' */
void asy_json_text(struct asy_json *json, const char *key, struct asy_str value);
void asy_json_int(struct asy_json *json, const char *key, int64_t value);
void asy_json_bool(struct asy_json *json, const char *key, bool value);
void asy_json_null(struct asy_json *json, const char *key);
void asy_json_milli(struct asy_json *json, const char *key, int64_t milli); /* 12500 -> 12.5 */
void asy_json_number(struct asy_json *json, const char *key, double value); /* null if it is not finite */
/* The whole text with a line end, borrowed. {NULL, 0} if memory ran out. */
struct asy_str asy_json_finish(struct asy_json *json);

#endif
