// The shim in front of RE2, see regex.h.
#include "base/regex.h"

#include <algorithm>
#include <new>
#include <string>

#include <re2/re2.h>

struct asy_regex {
    RE2 re2;
    asy_regex(const re2::StringPiece &pattern, const RE2::Options &options) : re2(pattern, options) {}
};

namespace {

// One line, NUL-terminated, cut to `cap` bytes between characters.
void say(const std::string &text, char *problem, size_t cap)
{
    if (cap == 0)
        return;
    size_t len = std::min(text.size(), cap - 1);
    while (len > 0 && len < text.size() && (static_cast<unsigned char>(text[len]) & 0xC0) == 0x80)
        len--;
    std::transform(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(len), problem,
                   [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c; });
    problem[len] = '\0';
}

re2::StringPiece piece_of(struct asy_str s)
{
    return re2::StringPiece(s.len ? s.p : "", s.len);
}

} // namespace

struct asy_regex *asy_regex_new(struct asy_str pattern, char *problem, size_t cap)
{
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(8 << 20);
    auto *regex = new (std::nothrow) asy_regex(piece_of(pattern), options);
    if (!regex) {
        say("out of memory", problem, cap);
        return nullptr;
    }
    if (!regex->re2.ok()) {
        say(regex->re2.error(), problem, cap);
        delete regex;
        return nullptr;
    }
    return regex;
}

void asy_regex_free(struct asy_regex *regex)
{
    delete regex;
}

bool asy_regex_search(const struct asy_regex *regex, struct asy_str text)
{
    return regex->re2.Match(piece_of(text), 0, text.len, RE2::UNANCHORED, nullptr, 0);
}
