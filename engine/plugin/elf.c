/* Vetting, in the order of what can be trusted: head, segments, the note, what the loader would do (dynamic section), and at last the
 * entry symbol. Everything that the loader finds by address is found by address here too, through the segments: section headers
 * are for linkers and prove nothing. Layout of the file: System V ABI, chapters 4 and 5, and the GNU extensions in glibc's elf.h. */
#include "plugin/elf.h"

#include <elf.h>
#include <inttypes.h>

#include "assay/plugin.h"

enum {
    SEGMENTS_MAX = 64,
    LIBRARIES_MAX = 16,
    PAGE_BYTES = 4096,            /* the least that a loader maps */
    SPAN_BYTES_MAX = 1 << 30,     /* of addresses */
    NAME_SHOWN_BYTES = 48,
    NOTE_NAME_BYTES = 6, NOTE_DESC_BYTES = 16, NOTE_TYPE = 1,
};
#define ENTRY "assay_entry_v1"
#define ENTRY_STEM "assay_entry_v"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#elif defined(__powerpc64__)
#define MACHINE EM_PPC64
#else
#error "say which machine this is: one of the EM_ constants of elf.h"
#endif

struct elf {
    const uint8_t *bytes;
    uint64_t n_bytes;
    const char *path;
    struct assay_error *error;
    Elf64_Ehdr head;
    uint32_t n_segments;
    Elf64_Phdr segments[SEGMENTS_MAX];
    /* from the dynamic section; addresses until the tables are found, then offsets */
    uint64_t names, n_names_bytes, symbols, hash, gnu_hash;
    bool has_names, has_symbols, has_hash, has_gnu_hash;
    uint32_t n_libraries;
    uint64_t libraries[LIBRARIES_MAX]; /* in names */
};

#define REFUSE(elf, ...) asy_fail((elf)->error, ASSAY_E_DATA, __VA_ARGS__)

static assay_status refuse_damaged(const struct elf *elf, const char *what)
{
    return REFUSE(elf, "%s: plugin: expected %s, found that it is not: the file is damaged, build or copy it again", elf->path, what);
}

static bool is_inside(const struct elf *elf, uint64_t at, uint64_t n)
{
    return at <= elf->n_bytes && n <= elf->n_bytes - at;
}

/* Structs are copied out: they may stand anywhere. */
static bool read_at(const struct elf *elf, uint64_t at, void *out, size_t n)
{
    if (!is_inside(elf, at, n)) return false;
    memcpy(out, elf->bytes + at, n);
    return true;
}

/* Where in the file the `n` bytes are that the loader would map at `address`. */
static bool find_address(const struct elf *elf, uint64_t address, uint64_t n, uint64_t *at)
{
    for (uint32_t i = 0; i < elf->n_segments; i++) {
        const Elf64_Phdr *segment = &elf->segments[i];
        if (segment->p_type != PT_LOAD || address < segment->p_vaddr) continue;
        const uint64_t into = address - segment->p_vaddr;
        if (into > segment->p_filesz || n > segment->p_filesz - into) continue;
        *at = segment->p_offset + into;
        return true;
    }
    return false;
}

/* A name of the file's as it may be shown: printable ASCII, not too long. */
static const char *shown(const char *name, char out[NAME_SHOWN_BYTES])
{
    size_t n = 0;
    for (; name[n] && n < NAME_SHOWN_BYTES - 1; n++) out[n] = name[n] >= ' ' && name[n] <= '~' ? name[n] : '?';
    out[n] = '\0';
    return out;
}

/* -- head and segments --------------------------------------------------------------------------------------------------- */

static const char *kind_of_file(const struct elf *elf)
{
    if (elf->n_bytes == 0) return "an empty file";
    if (elf->n_bytes >= 2 && memcmp(elf->bytes, "#!", 2) == 0) return "a script";
    if (elf->n_bytes >= 8 && memcmp(elf->bytes, "!<arch>\n", 8) == 0) return "a static library (.a)";
    if (elf->n_bytes >= 16 && memcmp(elf->bytes, "/* GNU ld script", 16) == 0) return "a linker script";
    return "something else";
}

static assay_status check_head(struct elf *elf)
{
    const Elf64_Ehdr *head = &elf->head;
    if (elf->n_bytes < SELFMAG || memcmp(elf->bytes, ELFMAG, SELFMAG) != 0)
        return REFUSE(elf, "%s: plugin: expected a shared object (ELF), found %s: build it with `cc -shared -fPIC`", elf->path,
                      kind_of_file(elf));
    if (!read_at(elf, 0, &elf->head, sizeof(elf->head)))
        return REFUSE(elf, "%s: plugin: expected an ELF head of %zu bytes, found a file of %" PRIu64 ": it is cut short, build or copy it "
                      "again", elf->path, sizeof(elf->head), elf->n_bytes);
    if (head->e_ident[EI_CLASS] != ELFCLASS64)
        return REFUSE(elf, "%s: plugin: expected a 64-bit shared object, found a %s one: build it without -m32 or -mx32", elf->path,
                      head->e_ident[EI_CLASS] == ELFCLASS32 ? "32-bit" : "strange");
    if (head->e_ident[EI_DATA] != ELFDATA2LSB)
        return REFUSE(elf, "%s: plugin: expected little-endian, found the other byte order: build it for this machine", elf->path);
    if (head->e_machine != MACHINE)
        return REFUSE(elf, "%s: plugin: expected machine %d (this one), found %d: build it for this machine", elf->path, MACHINE,
                      head->e_machine);
    if (head->e_type != ET_DYN)
        return REFUSE(elf, "%s: plugin: expected a shared object, found %s: link it with -shared", elf->path,
                      head->e_type == ET_REL ? "an object file (.o)" : head->e_type == ET_EXEC ? "a program" : "another kind of ELF file");
    if (head->e_ident[EI_VERSION] != EV_CURRENT || head->e_version != EV_CURRENT)
        return refuse_damaged(elf, "ELF version 1");
    if (head->e_phentsize != sizeof(Elf64_Phdr) || head->e_phnum == 0 || head->e_phnum > SEGMENTS_MAX)
        return REFUSE(elf, "%s: plugin: expected 1 to %d program headers of %zu bytes, found %u of %u bytes: the file is damaged, build or "
                      "copy it again", elf->path, SEGMENTS_MAX, sizeof(Elf64_Phdr), head->e_phnum, head->e_phentsize);
    elf->n_segments = head->e_phnum;
    if (!read_at(elf, head->e_phoff, elf->segments, elf->n_segments * sizeof(Elf64_Phdr)))
        return refuse_damaged(elf, "the program headers to lie within the file");
    return ASSAY_OK;
}

static uint64_t page_of(uint64_t address)
{
    return address / PAGE_BYTES * PAGE_BYTES;
}

/* Mapped segments must not share a page: what the loader maps later would cover what was looked at here. */
static assay_status check_mapped(const struct elf *elf)
{
    uint64_t end = 0, base = UINT64_MAX;
    for (uint32_t i = 0; i < elf->n_segments; i++) {
        const Elf64_Phdr *segment = &elf->segments[i];
        if (segment->p_type != PT_LOAD) continue;
        if (segment->p_memsz < segment->p_filesz || segment->p_vaddr > INT64_MAX || segment->p_memsz > INT64_MAX ||
            segment->p_vaddr % PAGE_BYTES != segment->p_offset % PAGE_BYTES)
            return refuse_damaged(elf, "segments with sound sizes and addresses");
        if (base != UINT64_MAX && page_of(segment->p_vaddr) < end)
            return refuse_damaged(elf, "segments in ascending order that share no page");
        if (base == UINT64_MAX) base = page_of(segment->p_vaddr);
        end = segment->p_vaddr + segment->p_memsz;
        if (end - base > SPAN_BYTES_MAX)
            return REFUSE(elf, "%s: plugin: expected at most %d MiB of addresses, found %" PRIu64 ": make its static arrays smaller",
                          elf->path, SPAN_BYTES_MAX >> 20, (end - base) >> 20);
        end = page_of(end + PAGE_BYTES - 1);
        if ((segment->p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
            return REFUSE(elf, "%s: plugin: expected no memory that can be both written and executed, found such a segment: link it "
                          "without -N or --omagic", elf->path);
    }
    return base == UINT64_MAX ? refuse_damaged(elf, "at least one segment to load") : ASSAY_OK;
}

static assay_status check_segments(const struct elf *elf)
{
    const Elf64_Phdr *stack = NULL;
    for (uint32_t i = 0; i < elf->n_segments; i++) {
        const Elf64_Phdr *segment = &elf->segments[i];
        if (!is_inside(elf, segment->p_offset, segment->p_filesz) && (segment->p_type == PT_LOAD || segment->p_type == PT_NOTE))
            return REFUSE(elf, "%s: plugin: expected segment %u to lie within the file's %" PRIu64 " bytes, found that it ends behind "
                          "them: the file is cut short, build or copy it again", elf->path, i, elf->n_bytes);
        if (segment->p_type == PT_GNU_STACK) stack = segment;
    }
    const assay_status status = check_mapped(elf);
    if (status != ASSAY_OK) return status;
    if (!stack || (stack->p_flags & PF_X))
        return REFUSE(elf, "%s: plugin: expected a stack that cannot be executed, found %s: link it with -Wl,-z,noexecstack and use no "
                      "nested functions", elf->path, stack ? "that it asks for one that can" : "nothing said, which means one that can");
    return ASSAY_OK;
}

/* -- the note ------------------------------------------------------------------------------------------------------------ */

static assay_status check_note(const struct elf *elf, const struct assay_note *note)
{
    const uint64_t wanted = ASSAY_LAYOUT_HASH, found = (uint64_t)note->layout_hi << 32 | note->layout_lo;
    if (note->abi_major != ASSAY_ABI_MAJOR)
        return REFUSE(elf, "%s: plugin: expected ABI %d, found that it was built for ABI %u, this engine has ABI %d: rebuild it with this "
                      "engine's assay/plugin.h", elf->path, ASSAY_ABI_MAJOR, note->abi_major, ASSAY_ABI_MAJOR);
    if (found != wanted)
        return REFUSE(elf, "%s: plugin: expected layout %" PRIu64 ", found %" PRIu64 ": it was compiled with an assay/plugin.h that was "
                      "changed, or with packed structs; rebuild it with this engine's", elf->path, wanted, found);
    return ASSAY_OK;
}

static uint64_t round_up(uint64_t n, uint64_t step)
{
    return (n + step - 1) / step * step;
}

/* The notes of one segment; *n counts ours. */
static assay_status walk_notes(const struct elf *elf, const Elf64_Phdr *segment, struct assay_note *found, uint32_t *n)
{
    const uint64_t step = segment->p_align == 8 ? 8 : 4, end = segment->p_offset + segment->p_filesz;
    for (uint64_t at = segment->p_offset; end - at >= sizeof(Elf64_Nhdr);) {
        Elf64_Nhdr note;
        char name[NOTE_NAME_BYTES];
        memcpy(&note, elf->bytes + at, sizeof(note));
        const uint64_t desc = round_up(sizeof(note) + (uint64_t)note.n_namesz, step), all = desc + note.n_descsz;
        if (all > end - at) return refuse_damaged(elf, "its ELF notes to lie within their segment");
        if (note.n_namesz == NOTE_NAME_BYTES && read_at(elf, at + sizeof(note), name, sizeof(name)) && memcmp(name, "assay",
        sizeof(name)) == 0) {
            if (note.n_type != NOTE_TYPE || note.n_descsz != NOTE_DESC_BYTES)
                return REFUSE(elf, "%s: plugin: expected a note of type %d with %d bytes, found type %u with %u: rebuild it with this "
                              "engine's assay/plugin.h", elf->path, NOTE_TYPE, NOTE_DESC_BYTES, note.n_type, note.n_descsz);
            uint32_t words[NOTE_DESC_BYTES / 4];
            memcpy(words, elf->bytes + at + desc, sizeof(words));
            *found = (struct assay_note){.abi_major = words[0], .abi_minor = words[1], .layout_lo = words[2], .layout_hi = words[3]};
            (*n)++;
        }
        const uint64_t next = round_up(all, step);
        if (next >= end - at) break;
        at += next;
    }
    return ASSAY_OK;
}

static assay_status check_notes(const struct elf *elf)
{
    struct assay_note note = {0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < elf->n_segments; i++) {
        if (elf->segments[i].p_type != PT_NOTE) continue;
        const assay_status status = walk_notes(elf, &elf->segments[i], &note, &n);
        if (status != ASSAY_OK) return status;
    }
    if (n == 0)
        return REFUSE(elf, "%s: plugin: expected the ELF note .note.assay, found none: write `ASSAY_PLUGIN_NOTE;` once at file scope, if "
                      "this is to be a plugin", elf->path);
    if (n > 1)
        return REFUSE(elf, "%s: plugin: expected one ELF note .note.assay, found %u: write `ASSAY_PLUGIN_NOTE;` in one source file only",
                      elf->path, n);
    return check_note(elf, &note);
}

/* -- what the loader would do -------------------------------------------------------------------------------------------- */

static assay_status check_flags(const struct elf *elf, int64_t tag, uint64_t value)
{
    if (tag == DT_TEXTREL || (tag == DT_FLAGS && (value & DF_TEXTREL)))
        return REFUSE(elf, "%s: plugin: expected code that is not patched while it is loaded, found text relocations: compile every file "
                      "with -fPIC", elf->path);
    if (tag == DT_RPATH || tag == DT_RUNPATH)
        return REFUSE(elf, "%s: plugin: expected no search path for libraries, found an entry %s: link it without -rpath (CMake: "
                      "SKIP_BUILD_RPATH)", elf->path, tag == DT_RPATH ? "RPATH" : "RUNPATH");
    if (tag == DT_AUXILIARY || tag == DT_FILTER || tag == DT_AUDIT || tag == DT_DEPAUDIT)
        return REFUSE(elf, "%s: plugin: expected to be loaded alone, found a filter or audit entry: link it without -f, -F, --audit and "
                      "--depaudit", elf->path);
    if (tag == DT_FLAGS_1 && (value & DF_1_PIE))
        return REFUSE(elf, "%s: plugin: expected a shared object, found a position-independent program: link it with -shared", elf->path);
    return ASSAY_OK;
}

static assay_status take_entry(struct elf *elf, const Elf64_Dyn *entry)
{
    switch (entry->d_tag) {
    case DT_STRTAB: elf->names = entry->d_un.d_ptr; elf->has_names = true; break;
    case DT_STRSZ: elf->n_names_bytes = entry->d_un.d_val; break;
    case DT_SYMTAB: elf->symbols = entry->d_un.d_ptr; elf->has_symbols = true; break;
    case DT_HASH: elf->hash = entry->d_un.d_ptr; elf->has_hash = true; break;
    case DT_GNU_HASH: elf->gnu_hash = entry->d_un.d_ptr; elf->has_gnu_hash = true; break;
    case DT_SYMENT:
        if (entry->d_un.d_val != sizeof(Elf64_Sym)) return refuse_damaged(elf, "symbols of 24 bytes");
        break;
    case DT_NEEDED:
        if (elf->n_libraries == LIBRARIES_MAX)
            return REFUSE(elf, "%s: plugin: expected to need libc and libm at most, found more than %d libraries", elf->path,
                          LIBRARIES_MAX);
        elf->libraries[elf->n_libraries++] = entry->d_un.d_val;
        break;
    default: return check_flags(elf, entry->d_tag, entry->d_un.d_val);
    }
    return ASSAY_OK;
}

static assay_status read_dynamic(struct elf *elf)
{
    const Elf64_Phdr *dynamic = NULL;
    uint64_t at;
    for (uint32_t i = 0; i < elf->n_segments; i++) {
        if (elf->segments[i].p_type != PT_DYNAMIC) continue;
        if (dynamic) return refuse_damaged(elf, "one dynamic section");
        dynamic = &elf->segments[i];
    }
    if (!dynamic)
        return REFUSE(elf, "%s: plugin: expected a dynamic section, found none: link it with -shared", elf->path);
    if (!find_address(elf, dynamic->p_vaddr, dynamic->p_filesz, &at))
        return refuse_damaged(elf, "the dynamic section to lie in a segment that is loaded");
    for (uint64_t i = 0; i < dynamic->p_filesz / sizeof(Elf64_Dyn); i++) {
        Elf64_Dyn entry;
        memcpy(&entry, elf->bytes + at + i * sizeof(entry), sizeof(entry));
        if (entry.d_tag == DT_NULL) return ASSAY_OK;
        const assay_status status = take_entry(elf, &entry);
        if (status != ASSAY_OK) return status;
    }
    return refuse_damaged(elf, "the dynamic section to have an end (DT_NULL)");
}

/* A name of the string table, with its end; NULL if there is none. */
static const char *name_at(const struct elf *elf, uint64_t at)
{
    if (at >= elf->n_names_bytes) return NULL;
    const char *name = (const char *)elf->bytes + elf->names + at;
    return memchr(name, '\0', elf->n_names_bytes - at) ? name : NULL;
}

static bool is_allowed_library(const char *name)
{
    static const char *const allowed[] = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6"};
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        if (strcmp(name, allowed[i]) == 0) return true;
    const struct asy_str text = asy_str_of(name);
    return asy_str_starts(text, ASY_STR("ld-linux-")) && asy_str_find(text, ASY_STR(".so.")) > 0 && !strchr(name, '/');
}

static assay_status check_libraries(const struct elf *elf)
{
    for (uint32_t i = 0; i < elf->n_libraries; i++) {
        char text[NAME_SHOWN_BYTES];
        const char *name = name_at(elf, elf->libraries[i]);
        if (!name) return refuse_damaged(elf, "the names of needed libraries to lie within the file");
        if (!is_allowed_library(name))
            return REFUSE(elf, "%s: plugin: expected to need nothing but libc, libm, libgcc_s and libstdc++, found `%s`: link that one "
                          "statically or do without", elf->path, shown(name, text));
    }
    return ASSAY_OK;
}

static assay_status check_dynamic(struct elf *elf)
{
    const assay_status status = read_dynamic(elf);
    if (status != ASSAY_OK) return status;
    if (!elf->has_names || !find_address(elf, elf->names, elf->n_names_bytes, &elf->names))
        return refuse_damaged(elf, "its table of names to lie in a segment that is loaded");
    if (!elf->has_symbols || !find_address(elf, elf->symbols, sizeof(Elf64_Sym), &elf->symbols))
        return refuse_damaged(elf, "its table of symbols to lie in a segment that is loaded");
    return check_libraries(elf);
}

/* -- the entry symbol ---------------------------------------------------------------------------------------------------- */

/* nbucket, nchain: as many symbols as chain links. */
static bool count_by_hash(const struct elf *elf, uint64_t *n)
{
    uint64_t at;
    uint32_t counts[2];
    if (!find_address(elf, elf->hash, sizeof(counts), &at)) return false;
    memcpy(counts, elf->bytes + at, sizeof(counts));
    *n = counts[1];
    return true;
}

/* nbuckets, first symbol, bloom words; the bloom filter; buckets; links, whose last one of a chain is odd. The symbol behind the last
 * chain is the count. */
static bool count_by_gnu_hash(const struct elf *elf, uint64_t *n)
{
    uint64_t at;
    uint32_t head[4], last = 0, link;
    if (!find_address(elf, elf->gnu_hash, sizeof(head), &at)) return false;
    memcpy(head, elf->bytes + at, sizeof(head));
    const uint64_t buckets = elf->gnu_hash + sizeof(head) + (uint64_t)head[2] * 8, links = buckets + (uint64_t)head[0] * 4;
    if (!find_address(elf, buckets, (uint64_t)head[0] * 4, &at)) return false;
    for (uint32_t i = 0; i < head[0]; i++) {
        uint32_t first;
        memcpy(&first, elf->bytes + at + (uint64_t)i * 4, sizeof(first));
        if (first > last) last = first;
    }
    *n = head[1];
    if (last < head[1]) return last == 0;
    do {
        if (!find_address(elf, links + (uint64_t)(last - head[1]) * 4, sizeof(link), &at)) return false;
        memcpy(&link, elf->bytes + at, sizeof(link));
        last++;
    } while (!(link & 1));
    *n = last;
    return true;
}

/* The first three fields are plain numbers, there before anything is relocated. */
static assay_status check_descriptor(const struct elf *elf, const Elf64_Sym *symbol)
{
    struct {
        uint32_t struct_size;
        uint16_t abi_major, abi_minor;
    } head;
    uint64_t at;
    if (symbol->st_size < sizeof(head))
        return REFUSE(elf, "%s: plugin: expected " ENTRY " to be a struct assay_plugin, found %" PRIu64 " bytes: define it as `const "
                      "struct assay_plugin " ENTRY "`", elf->path, (uint64_t)symbol->st_size);
    if (symbol->st_shndx == SHN_ABS || !find_address(elf, symbol->st_value, symbol->st_size, &at))
        return REFUSE(elf, "%s: plugin: expected the bytes of " ENTRY " in the file, found none there: it must be a constant, not filled "
                      "in while it is loaded", elf->path);
    memcpy(&head, elf->bytes + at, sizeof(head));
    if (head.abi_major != ASSAY_ABI_MAJOR)
        return REFUSE(elf, "%s: plugin: expected " ENTRY " to begin with ABI %d, found ABI %u: begin it with ASSAY_ABI_HEADER and rebuild "
                      "it with this engine's assay/plugin.h", elf->path, ASSAY_ABI_MAJOR, head.abi_major);
    if (head.struct_size != symbol->st_size)
        return REFUSE(elf, "%s: plugin: expected " ENTRY " to say how large it is, %" PRIu64 " bytes, found %u: begin it with "
                      "ASSAY_ABI_HEADER", elf->path, (uint64_t)symbol->st_size, head.struct_size);
    return ASSAY_OK;
}

static assay_status check_symbol(const struct elf *elf, const Elf64_Sym *symbol)
{
    if (symbol->st_shndx == SHN_UNDEF)
        return REFUSE(elf, "%s: plugin: expected " ENTRY " to be defined, found that it is only declared: link the file that defines it",
                      elf->path);
    if (ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT)
        return REFUSE(elf, "%s: plugin: expected " ENTRY " to be data, found %s: define it as `const struct assay_plugin " ENTRY "`",
                      elf->path, ELF64_ST_TYPE(symbol->st_info) == STT_FUNC ? "a function" : "another kind of symbol");
    return check_descriptor(elf, symbol);
}

static assay_status check_entry(const struct elf *elf)
{
    uint64_t n = 0;
    char text[NAME_SHOWN_BYTES];
    const char *other = NULL;
    const bool is_counted = elf->has_gnu_hash ? count_by_gnu_hash(elf, &n) : elf->has_hash && count_by_hash(elf, &n);
    if (!is_counted || n > elf->n_bytes / sizeof(Elf64_Sym) || !is_inside(elf, elf->symbols, n * sizeof(Elf64_Sym)))
        return refuse_damaged(elf, "its table of symbols to be sound");
    bool is_found = false;
    for (uint64_t i = 1; i < n; i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, elf->bytes + elf->symbols + i * sizeof(symbol), sizeof(symbol));
        const char *name = name_at(elf, symbol.st_name);
        if (!name) return refuse_damaged(elf, "the names of its symbols to lie within the file");
        if (strcmp(name, ENTRY) == 0) {
            const assay_status status = check_symbol(elf, &symbol);
            if (status != ASSAY_OK) return status;
            is_found = true;
        } else if (strncmp(name, ENTRY_STEM, strlen(ENTRY_STEM)) == 0) {
            other = name;
        }
    }
    if (is_found) return ASSAY_OK;
    if (other)
        return REFUSE(elf, "%s: plugin: expected the symbol " ENTRY ", found `%s`: it was built for another ABI, this engine has ABI %d: "
                      "rebuild it with this engine's assay/plugin.h", elf->path, shown(other, text), ASSAY_ABI_MAJOR);
    return REFUSE(elf, "%s: plugin: expected the symbol " ENTRY ", found none: define `const struct assay_plugin " ENTRY "` and export "
                  "it", elf->path);
}

assay_status asy_elf_vet(const uint8_t *bytes, size_t n_bytes, const char *path, struct assay_error *error)
{
    struct elf elf = {.bytes = bytes, .n_bytes = n_bytes, .path = path, .error = error};
    assay_status status = check_head(&elf);
    if (status == ASSAY_OK) status = check_segments(&elf);
    if (status == ASSAY_OK) status = check_notes(&elf);
    if (status == ASSAY_OK) status = check_dynamic(&elf);
    if (status == ASSAY_OK) status = check_entry(&elf);
    return status;
}
