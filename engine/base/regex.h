/* Regular expressions, RE2 syntax, linear time: the only door to RE2. */
#ifndef ASY_REGEX_H
#define ASY_REGEX_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

struct asy_regex;
/* Compile; NULL with the reason in `problem` (NUL-terminated, cut to `cap` bytes). Memory is RE2's own, at most 8 MiB. */
struct asy_regex *asy_regex_new(struct asy_str pattern, char *problem, size_t cap);
void asy_regex_free(struct asy_regex *regex);
/* Does the pattern match anywhere in `text`? Thread-safe. */
bool asy_regex_search(const struct asy_regex *regex, struct asy_str text);

#ifdef __cplusplus
}
#endif
#endif
