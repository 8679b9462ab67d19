/* What finding and adding a key costs in the lead index and in a dictionary, beside boost::unordered_flat_map and beside what the
 * memory can do: independent random reads of 16 bytes.
 *
 *     bench_index [--json] [--runs N] [--keys N,N,...] [SUBJECT]     default 5 runs; 100k, 1M and 10M keys; all subjects
 *
 * Subjects: crm (18 characters, the first eight the same), uuid, mixed (5 to 40 characters), hostile, dict.
 * Looked-up keys come one after the other from a buffer of their own, as from a file, in random order. boost keeps views of
 * texts that lie there already; the index copies them. Both hash by XXH3 and start empty without knowing how many will come;
 * "huge" gives boost's table huge pages as well. A read array is as large as the index and its keys. */
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#ifdef ASSAY_BENCH_BOOST
#include <boost/unordered/unordered_flat_map.hpp>
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wextra"
extern "C" {
#include "store/dict.h"
#include "store/index.h"
}
#include "timing.h"
#pragma GCC diagnostic pop

namespace {

struct options {
    bool is_json = false;
    unsigned n_runs = 5;
    std::vector<uint32_t> sizes = {100000, 1000000, 10000000};
    std::string subject;
};

/* -- memory ----------------------------------------------------------------------------------------------------------- */

enum : size_t { HUGE_PAGE = 2u << 20 };

struct block {
    void *space = nullptr, *p = nullptr;
    size_t n_space = 0;
};

block block_new(size_t n_bytes, bool is_huge)
{
    block b;
    b.n_space = n_bytes + HUGE_PAGE;
    b.space = mmap(nullptr, b.n_space, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b.space == MAP_FAILED) {
        fprintf(stderr, "bench_index: out of memory\n");
        exit(1);
    }
    b.p = reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(b.space) + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
    madvise(b.space, b.n_space, is_huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return b;
}

void block_free(const block &b) { munmap(b.space, b.n_space); }

/* -- keys ------------------------------------------------------------------------------------------------------------- */

struct key_set {
    block text; /* huge pages: boost compares with it */
    std::vector<asy_str> keys;
    explicit key_set(const std::vector<std::string> &from)
    {
        size_t n_bytes = 0;
        for (const std::string &s : from) n_bytes += s.size();
        text = block_new(n_bytes + 1, true);
        char *at = static_cast<char *>(text.p);
        keys.reserve(from.size());
        for (const std::string &s : from) {
            memcpy(at, s.data(), s.size());
            keys.push_back({at, static_cast<uint32_t>(s.size())});
            at += s.size();
        }
    }
    key_set(const key_set &) = delete;
    key_set &operator=(const key_set &) = delete;
    ~key_set() { block_free(text); }
};

std::string make_key(const std::string &kind, uint64_t number, std::mt19937_64 &random)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char text[64];
    const uint64_t r = random(), r2 = random();
    if (kind == "uuid") {
        snprintf(text, sizeof(text), "%08x-%04x-4%03x-a%03x-%012" PRIx64, static_cast<unsigned>(number),
                 static_cast<unsigned>(r & 0xFFFF), static_cast<unsigned>(r >> 16 & 0xFFF), static_cast<unsigned>(r >> 28 & 0xFFF),
                 static_cast<uint64_t>(r2 & 0xFFFFFFFFFFFF));
        return text;
    }
    std::string key = kind == "mixed" ? "" : "00Q5e000";
    for (uint32_t k = 0; k < 5; k++, number /= 62) key += letters[number % 62];
    const uint32_t n_more = kind == "mixed" ? static_cast<uint32_t>(r % 36) : 5;
    for (uint32_t k = 0; k < n_more; k++) key += letters[(r2 >> k % 32) % 62];
    return key;
}

std::vector<std::string> make_keys(const std::string &kind, uint32_t n)
{
    std::mt19937_64 random(n);
    std::vector<std::string> keys;
    keys.reserve(n);
    for (uint64_t i = 0; i < n; i++) keys.push_back(make_key(kind, i * 2654435761u % (1u << 29), random));
    std::shuffle(keys.begin(), keys.end(), random);
    return keys;
}

std::vector<std::string> shuffled(std::vector<std::string> keys)
{
    std::mt19937_64 random(7);
    std::shuffle(keys.begin(), keys.end(), random);
    return keys;
}

/* -- telling ---------------------------------------------------------------------------------------------------------- */

double median_ns(const options &o, const std::function<double()> &run_ns)
{
    std::vector<double> samples;
    for (unsigned r = 0; r < o.n_runs; r++) samples.push_back(run_ns());
    return timing_of(samples.data(), static_cast<uint32_t>(samples.size())).median_ns;
}

double tell(const options &o, const std::string &subject, uint32_t n, const char *what, double ns_per_key, double per_key_bytes)
{
    if (o.is_json)
        printf("{\"schema_version\":1,\"bench\":\"index\",\"subject\":\"%s\",\"keys\":%" PRIu32 ",\"what\":\"%s\",\"runs\":%u,"
               "\"ns_per_key_median\":%.3f,\"bytes_per_key\":%.3f}\n",
               subject.c_str(), n, what, o.n_runs, ns_per_key, per_key_bytes);
    else if (per_key_bytes > 0)
        printf("%-8s %9" PRIu32 "  %-34s %8.2f ns  %6.1f bytes/key\n", subject.c_str(), n, what, ns_per_key, per_key_bytes);
    else
        printf("%-8s %9" PRIu32 "  %-34s %8.2f ns\n", subject.c_str(), n, what, ns_per_key);
    fflush(stdout);
    return ns_per_key;
}

void tell_ratio(const options &o, const std::string &subject, uint32_t n, const char *what, double ratio)
{
    if (o.is_json)
        printf("{\"schema_version\":1,\"bench\":\"index_ratio\",\"subject\":\"%s\",\"keys\":%" PRIu32 ",\"what\":\"%s\",\"ratio\":%.3f}\n",
               subject.c_str(), n, what, ratio);
    else
        printf("%-8s %9" PRIu32 "  %-42s %5.2f x\n", subject.c_str(), n, what, ratio);
}

void check(bool is_right, const char *what)
{
    if (is_right) return;
    fprintf(stderr, "bench_index: %s: expected the right answer, found another\n", what);
    exit(1);
}

uint64_t checksum_of(uint32_t n) { return static_cast<uint64_t>(n) * (n - 1) / 2; }

/* -- the index -------------------------------------------------------------------------------------------------------- */

struct index_rig {
    asy_mem mem;
    asy_arena arena;
    asy_keys keys;
    asy_index index;
    index_rig()
    {
        assay_error error;
        asy_mem_init(&mem, nullptr);
        check(asy_arena_init(&arena, uint64_t{8} << 30, &error) == ASSAY_OK &&
                  asy_keys_init(&keys, &arena, 1u << 28, uint64_t{4} << 30, &error) == ASSAY_OK,
              "reserving");
        asy_index_init(&index, &mem, &keys, 42);
    }
    index_rig(const index_rig &) = delete;
    index_rig &operator=(const index_rig &) = delete;
    ~index_rig()
    {
        asy_index_fini(&index);
        asy_arena_fini(&arena);
    }
};

enum : uint32_t { STEP = 1024 }; /* rows that are read together */

void put_batches(index_rig &rig, const std::vector<asy_str> &keys)
{
    uint32_t rows[STEP];
    bool is_new[STEP];
    for (size_t at = 0; at < keys.size(); at += STEP)
        check(asy_index_put_batch(&rig.index, &keys[at], static_cast<uint32_t>(std::min<size_t>(STEP, keys.size() - at)), rows, is_new,
                                  nullptr) == ASSAY_OK,
              "adding");
}

void put_singly(index_rig &rig, const std::vector<asy_str> &keys)
{
    for (const asy_str &key : keys) {
        uint32_t row;
        bool is_new;
        check(asy_index_put_batch(&rig.index, &key, 1, &row, &is_new, nullptr) == ASSAY_OK, "adding");
    }
}

double insert_ns(const std::vector<asy_str> &keys, void (*put)(index_rig &, const std::vector<asy_str> &))
{
    index_rig rig;
    const double start_ns = timing_now_ns();
    put(rig, keys);
    return (timing_now_ns() - start_ns) / static_cast<double>(keys.size());
}

double find_batches_ns(const index_rig &rig, const std::vector<asy_str> &keys, uint64_t expected)
{
    uint32_t rows[STEP];
    uint64_t sum = 0;
    const double start_ns = timing_now_ns();
    for (size_t at = 0; at < keys.size(); at += STEP) {
        const uint32_t n = static_cast<uint32_t>(std::min<size_t>(STEP, keys.size() - at));
        asy_index_find_batch(&rig.index, &keys[at], n, rows);
        for (uint32_t i = 0; i < n; i++) sum += rows[i];
    }
    const double took_ns = timing_now_ns() - start_ns;
    check(sum == expected, "looking up");
    return took_ns / static_cast<double>(keys.size());
}

double find_singly_ns(const index_rig &rig, const std::vector<asy_str> &keys, uint64_t expected)
{
    uint64_t sum = 0;
    const double start_ns = timing_now_ns();
    for (const asy_str &key : keys) sum += asy_index_find(&rig.index, key);
    const double took_ns = timing_now_ns() - start_ns;
    check(sum == expected, "looking up");
    return took_ns / static_cast<double>(keys.size());
}

/* -- the peer --------------------------------------------------------------------------------------------------------- */

#ifdef ASSAY_BENCH_BOOST
struct view_hash {
    using is_avalanching = void;
    size_t operator()(std::string_view s) const { return XXH3_64bits(s.data(), s.size()); }
};

template <typename T> struct huge_allocator {
    using value_type = T;
    huge_allocator() = default;
    template <typename U> huge_allocator(const huge_allocator<U> &) {}
    T *allocate(size_t n)
    {
        const size_t n_bytes = (n * sizeof(T) + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
        void *p = n_bytes > HUGE_PAGE ? aligned_alloc(HUGE_PAGE, n_bytes) : malloc(n * sizeof(T));
        if (!p) throw std::bad_alloc();
        if (n_bytes > HUGE_PAGE) madvise(p, n_bytes, MADV_HUGEPAGE);
        return static_cast<T *>(p);
    }
    void deallocate(T *p, size_t) { free(p); }
    template <typename U> bool operator==(const huge_allocator<U> &) const { return true; }
    template <typename U> bool operator!=(const huge_allocator<U> &) const { return false; }
};

using entry = std::pair<const std::string_view, uint32_t>;
template <template <typename> class Allocator>
using flat_map = boost::unordered_flat_map<std::string_view, uint32_t, view_hash, std::equal_to<std::string_view>, Allocator<entry>>;

template <typename Map> void fill(Map &map, const std::vector<asy_str> &keys)
{
    uint32_t row = 0;
    for (const asy_str &key : keys) row += map.emplace(std::string_view(key.p, key.len), row).second;
}

struct peer_ns {
    double insert, find;
};

template <typename Map>
peer_ns bench_peer(const options &o, const std::vector<asy_str> &keys, const std::vector<asy_str> &asked, uint64_t expected)
{
    peer_ns ns;
    ns.insert = median_ns(o, [&] {
        Map map;
        const double start_ns = timing_now_ns();
        fill(map, keys);
        return (timing_now_ns() - start_ns) / static_cast<double>(keys.size());
    });
    Map map;
    fill(map, keys);
    ns.find = median_ns(o, [&] {
        uint64_t sum = 0;
        const double start_ns = timing_now_ns();
        for (const asy_str &key : asked) sum += map.find(std::string_view(key.p, key.len))->second;
        const double took_ns = timing_now_ns() - start_ns;
        check(sum == expected, "looking up in boost's map");
        return took_ns / static_cast<double>(asked.size());
    });
    return ns;
}
#endif

/* -- the machine ------------------------------------------------------------------------------------------------------ */

double random_reads_ns(const options &o, uint64_t n_bytes, uint32_t n_reads, bool is_huge)
{
    const block b = block_new(n_bytes, is_huge);
    memset(b.p, 1, n_bytes);
    const uint64_t n_cells = n_bytes / 16;
    const uint64_t *cells = static_cast<const uint64_t *>(b.p);
    uint64_t sink = 0;
    const double ns = median_ns(o, [&] {
        uint64_t state = 1, sum = 0;
        const double start_ns = timing_now_ns();
        for (uint32_t i = 0; i < n_reads; i++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            const uint64_t cell = ((state >> 32) * n_cells) >> 32;
            sum += cells[2 * cell] ^ cells[2 * cell + 1];
        }
        sink += sum;
        return (timing_now_ns() - start_ns) / n_reads;
    });
    check(sink != 1, "reading");
    block_free(b);
    return ns;
}

/* -- subjects --------------------------------------------------------------------------------------------------------- */

void bench_keys(const options &o, const std::string &kind, uint32_t n)
{
    const std::vector<std::string> texts = make_keys(kind, n);
    const key_set keys(texts), asked(shuffled(texts));
    std::vector<std::string> strange = texts;
    for (std::string &s : strange) s.back() = '!';
    const key_set absent(shuffled(strange));
    strange.clear();
    const uint64_t expected = checksum_of(n);

    const double put = median_ns(o, [&] { return insert_ns(keys.keys, put_batches); });
    const double put_one = median_ns(o, [&] { return insert_ns(keys.keys, put_singly); });
    index_rig rig;
    put_batches(rig, keys.keys);
    check(rig.keys.n_rows == n, "adding");
    const uint64_t held_bytes = asy_index_bytes(&rig.index) + asy_keys_bytes(&rig.keys);
    const double find = median_ns(o, [&] { return find_batches_ns(rig, asked.keys, expected); });
    const double find_one = median_ns(o, [&] { return find_singly_ns(rig, asked.keys, expected); });
    const double miss = median_ns(o, [&] { return find_batches_ns(rig, absent.keys, static_cast<uint64_t>(n) * ASY_ROW_NONE); });
    const double reads = random_reads_ns(o, held_bytes, n, true), small_reads = random_reads_ns(o, held_bytes, n, false);

    tell(o, kind, n, "random reads, 2 MiB pages", reads, 0);
    tell(o, kind, n, "random reads, 4 KiB pages", small_reads, 0);
    tell(o, kind, n, "assay find, batched", find, static_cast<double>(asy_index_bytes(&rig.index)) / n);
    tell(o, kind, n, "assay find, one by one", find_one, 0);
    tell(o, kind, n, "assay find, none there, batched", miss, 0);
    tell(o, kind, n, "assay insert, batched", put, 0);
    tell(o, kind, n, "assay insert, one by one", put_one, 0);
    tell_ratio(o, kind, n, "find batched / random reads, 2 MiB", find / reads);
    tell_ratio(o, kind, n, "insert batched / random reads, 2 MiB", put / reads);
#ifdef ASSAY_BENCH_BOOST
    const peer_ns peer = bench_peer<flat_map<std::allocator>>(o, keys.keys, asked.keys, expected);
    const peer_ns huge = bench_peer<flat_map<huge_allocator>>(o, keys.keys, asked.keys, expected);
    tell(o, kind, n, "boost find", peer.find, 0);
    tell(o, kind, n, "boost find, huge", huge.find, 0);
    tell(o, kind, n, "boost insert", peer.insert, 0);
    tell(o, kind, n, "boost insert, huge", huge.insert, 0);
    tell_ratio(o, kind, n, "boost find / find batched", peer.find / find);
    tell_ratio(o, kind, n, "boost find, huge / find batched", huge.find / find);
    tell_ratio(o, kind, n, "boost insert / insert batched", peer.insert / put);
    tell_ratio(o, kind, n, "boost insert, huge / insert batched", huge.insert / put);
#endif
}

/* Keys whose hash under the index's first secret has `bits` as given: an attacker who knows it. */
std::vector<std::string> chosen_keys(uint32_t n, uint64_t mask, uint64_t bits)
{
    const index_rig rig;
    std::vector<std::string> keys;
    for (uint64_t i = 0; keys.size() < n; i++) {
        char text[32];
        snprintf(text, sizeof(text), "00Q5e000%010" PRIu64, i);
        const asy_str key = {text, 18};
        if ((asy_hash(&rig.index.hasher, key) & mask) == bits) keys.push_back(text);
    }
    return keys;
}

void bench_hostile(const options &o)
{
    enum : uint32_t { N = 20000 };
    static const struct {
        const char *insert, *find, *ratio;
        uint64_t mask, bits;
    } sets[] = {
        {"insert, any keys", "find, any keys", nullptr, 0, 0},
        {"insert, keys of one bucket in 1024", "find, keys of one bucket in 1024", "one bucket in 1024 / any keys", 1023, 0},
        {"insert, keys of one tag, bucket in 8", "find, keys of one tag, bucket in 8", "one tag / any keys",
         UINT64_C(0xFF) << 56 | 7, UINT64_C(0x55) << 56},
    };
    double any_insert = 0, any_find = 0;
    for (const auto &set : sets) {
        const std::vector<std::string> texts = chosen_keys(N, set.mask, set.bits);
        const key_set keys(texts), asked(shuffled(texts));
        const double insert = median_ns(o, [&] { return insert_ns(keys.keys, put_batches); });
        index_rig rig;
        put_batches(rig, keys.keys);
        const double find = median_ns(o, [&] { return find_batches_ns(rig, asked.keys, checksum_of(N)); });
        tell(o, "hostile", N, set.insert, insert, 0);
        tell(o, "hostile", N, set.find, find, 0);
        if (!set.ratio) any_insert = insert, any_find = find;
        if (set.ratio) tell_ratio(o, "hostile", N, (std::string(set.ratio) + ", insert").c_str(), insert / any_insert);
        if (set.ratio) tell_ratio(o, "hostile", N, (std::string(set.ratio) + ", find").c_str(), find / any_find);
    }

    /* Long ids that differ in their last characters only, and as long ones that differ from the start. */
    double ns[2];
    for (uint32_t is_shared = 0; is_shared < 2; is_shared++) {
        std::vector<std::string> texts = make_keys("uuid", 1000000);
        for (std::string &s : texts) s = is_shared ? std::string(28, 'x') + s : s + std::string(28, 'x');
        const key_set keys(texts), asked(shuffled(texts));
        index_rig rig;
        put_batches(rig, keys.keys);
        ns[is_shared] = median_ns(o, [&] { return find_batches_ns(rig, asked.keys, checksum_of(1000000)); });
        tell(o, "hostile", 1000000, is_shared ? "find, 64 characters, 28 shared in front" : "find, 64 characters", ns[is_shared], 0);
    }
    tell_ratio(o, "hostile", 1000000, "shared beginnings / others, find", ns[1] / ns[0]);
}

void bench_dict(const options &o, uint32_t n)
{
    static const uint32_t distinct[] = {5, 200, 5000, UINT32_MAX};
    asy_hasher hasher;
    asy_hasher_init(&hasher, 9);
    for (uint32_t want : distinct) {
        const uint32_t n_distinct = std::min(want, n);
        const std::vector<std::string> words = make_keys("mixed", n_distinct);
        std::vector<std::string> texts;
        std::mt19937_64 random(3);
        for (uint32_t i = 0; i < n; i++) texts.push_back(words[n_distinct == n ? i : random() % (1 + random() % n_distinct)]);
        const key_set keys(texts);
        double bytes = 0;
        for (uint32_t is_batched = 0; is_batched < 2; is_batched++) {
            const double ns = median_ns(o, [&] {
                asy_mem mem;
                asy_dict dict;
                asy_mem_init(&mem, nullptr);
                asy_dict_init(&dict, &mem, &hasher);
                std::vector<uint32_t> codes(STEP);
                const double start_ns = timing_now_ns();
                for (size_t at = 0; at < n; at += STEP) {
                    const uint32_t n_here = static_cast<uint32_t>(std::min<size_t>(STEP, n - at));
                    if (is_batched)
                        check(asy_dict_intern_batch(&dict, &keys.keys[at], n_here, codes.data()) == ASSAY_OK, "interning");
                    for (uint32_t i = 0; !is_batched && i < n_here; i++)
                        check(asy_dict_intern(&dict, keys.keys[at + i], &codes[i]) == ASSAY_OK, "interning");
                }
                const double took_ns = timing_now_ns() - start_ns;
                asy_dict_trim(&dict);
                bytes = static_cast<double>(asy_dict_bytes(&dict)) / dict.n;
                asy_dict_fini(&dict);
                return took_ns / n;
            });
            char what[64];
            snprintf(what, sizeof(what), "intern %s, %" PRIu32 " distinct", is_batched ? "batched" : "one by one", n_distinct);
            tell(o, "dict", n, what, ns, bytes);
        }
    }
}

/* -- the command ------------------------------------------------------------------------------------------------------ */

bool read_sizes(const char *text, std::vector<uint32_t> &sizes)
{
    sizes.clear();
    for (char *end; *text; text = *end == ',' ? end + 1 : end) {
        const unsigned long n = strtoul(text, &end, 10);
        if (end == text || n < 2 || n > 100000000 || (*end && *end != ',')) return false;
        sizes.push_back(static_cast<uint32_t>(n));
    }
    return !sizes.empty();
}

bool read_options(int argc, char **argv, options &o)
{
    for (int a = 1; a < argc; a++) {
        const std::string arg = argv[a];
        if (arg == "--json") o.is_json = true;
        else if (arg == "--runs" && a + 1 < argc) o.n_runs = static_cast<unsigned>(strtoul(argv[++a], nullptr, 10));
        else if (arg == "--keys" && a + 1 < argc && read_sizes(argv[a + 1], o.sizes)) a++;
        else if (arg[0] != '-' && o.subject.empty()) o.subject = arg;
        else return false;
    }
    return o.n_runs >= 1 && o.n_runs <= 1001;
}

} // namespace

int main(int argc, char **argv)
{
    options o;
    if (!read_options(argc, argv, o)) {
        fprintf(stderr, "usage: bench_index [--json] [--runs N] [--keys N,N,...] [crm|uuid|mixed|hostile|dict]\n");
        return 2;
    }
#ifndef ASSAY_BENCH_BOOST
    fprintf(stderr, "notice: Boost 1.81 or later was not there when this was built: boost::unordered_flat_map is left out\n");
#endif
    const auto is_wanted = [&](const char *subject) { return o.subject.empty() || o.subject == subject; };
    for (const char *kind : {"crm", "uuid", "mixed"})
        for (uint32_t n : o.sizes)
            if (is_wanted(kind)) bench_keys(o, kind, n);
    if (is_wanted("hostile")) bench_hostile(o);
    for (uint32_t n : o.sizes)
        if (is_wanted("dict") && n <= 1000000) bench_dict(o, n);
    return 0;
}
