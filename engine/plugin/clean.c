#include "plugin/clean.h"

/* Bytes of the printable character at p, or 0. */
static uint32_t printable_bytes(const char *p, size_t n)
{
    const uint8_t lead = (uint8_t)p[0];
    const uint32_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (bytes > n || !asy_utf8_valid((struct asy_str){p, bytes})) return 0;
    const bool is_control = bytes == 1 ? lead < 0x20 || lead == 0x7F : lead == 0xC2 && (uint8_t)p[1] < 0xA0;
    return is_control ? 0 : bytes;
}

bool asy_text_is_clean(struct asy_str text)
{
    for (uint32_t at = 0; at < text.len;) {
        const uint32_t bytes = printable_bytes(text.p + at, text.len - at);
        if (bytes == 0) return false;
        at += bytes;
    }
    return true;
}

uint32_t asy_clean_line(char *out, size_t n_out_bytes, const char *text, size_t n_max)
{
    const size_t n = text == NULL ? 0 : strnlen(text, n_max);
    uint32_t len = 0;
    for (size_t at = 0; at < n;) {
        const uint32_t bytes = printable_bytes(text + at, n - at), wanted = bytes == 0 ? 1 : bytes;
        if (len + wanted >= n_out_bytes) break;
        if (bytes == 0) out[len] = '?';
        else memcpy(out + len, text + at, bytes);
        len += wanted;
        at += wanted;
    }
    out[len] = '\0';
    return len;
}
