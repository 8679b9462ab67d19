/* Texts that come from a plugin, made fit for a line of a message. */
#ifndef ASY_PLUGIN_CLEAN_H
#define ASY_PLUGIN_CLEAN_H

#include "base/text.h"

/* UTF-8 without control characters? */
bool asy_text_is_clean(struct asy_str text);
/* Copy text up to its NUL, at most `n_max` bytes of it, into `out`: what is a control character or not UTF-8 becomes '?', what does
 * not fit is cut between characters. NULL is "". Returns the length; `out` ends in NUL. */
uint32_t asy_clean_line(char *out, size_t n_out_bytes, const char *text, size_t n_max);

#endif
