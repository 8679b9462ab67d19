/* Vetting of ELF files: a good plugin is accepted; every way of tampering with its bytes is refused for its own reason; files cut short
 * at any length and files with random bytes in them do no harm. */
#include <criterion/criterion.h>

#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "assay/plugin.h"
#include "plugin/elf.h"

struct image {
    uint8_t *bytes;
    size_t n_bytes;
};

static struct image read_good(void)
{
    struct image image = {0};
    FILE *file = fopen(ASSAY_TEST_PLUGINS "/good/libminimal.so", "rb");
    cr_assert_not_null(file, "%s", ASSAY_TEST_PLUGINS "/good/libminimal.so");
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    image.n_bytes = (size_t)ftell(file);
    rewind(file);
    image.bytes = malloc(image.n_bytes);
    cr_assert_not_null(image.bytes);
    cr_assert_eq(fread(image.bytes, 1, image.n_bytes, file), image.n_bytes);
    fclose(file);
    return image;
}

/* -- places in a good file; blocks of malloc are aligned enough for its structs ---------------------------------------------- */

static Elf64_Ehdr *head_of(const struct image *image) { return (Elf64_Ehdr *)image->bytes; }

/* Segment number `nth` of this type. */
static Elf64_Phdr *segment_of(const struct image *image, uint32_t type, unsigned nth)
{
    Elf64_Phdr *all = (Elf64_Phdr *)(image->bytes + head_of(image)->e_phoff);
    for (unsigned i = 0; i < head_of(image)->e_phnum; i++)
        if (all[i].p_type == type && nth-- == 0) return &all[i];
    cr_assert_fail("no segment of type %u", type);
    return NULL;
}

static void *at_address(const struct image *image, uint64_t address)
{
    for (unsigned i = 0;; i++) {
        const Elf64_Phdr *load = segment_of(image, PT_LOAD, i);
        if (address >= load->p_vaddr && address - load->p_vaddr < load->p_filesz) return image->bytes + load->p_offset + (address - load->p_vaddr);
    }
}

static Elf64_Dyn *dynamic_of(const struct image *image, int64_t tag)
{
    for (Elf64_Dyn *entry = at_address(image, segment_of(image, PT_DYNAMIC, 0)->p_vaddr); entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == tag) return entry;
    cr_assert_fail("no dynamic entry %lld", (long long)tag);
    return NULL;
}

static char *names_of(const struct image *image) { return at_address(image, dynamic_of(image, DT_STRTAB)->d_un.d_ptr); }

static Elf64_Sym *entry_of(const struct image *image)
{
    Elf64_Sym *symbols = at_address(image, dynamic_of(image, DT_SYMTAB)->d_un.d_ptr);
    for (unsigned i = 1; i < 1000; i++)
        if (strcmp(names_of(image) + symbols[i].st_name, "assay_entry_v1") == 0) return &symbols[i];
    cr_assert_fail("no entry symbol");
    return NULL;
}

static struct assay_note *note_of(const struct image *image)
{
    static const uint32_t start[3] = {6, 16, 1};
    for (size_t at = 0; at + sizeof(struct assay_note) <= image->n_bytes; at += 4)
        if (memcmp(image->bytes + at, start, sizeof(start)) == 0 && memcmp(image->bytes + at + 12, "assay", 6) == 0)
            return (struct assay_note *)(image->bytes + at);
    cr_assert_fail("no note");
    return NULL;
}

/* An entry that nothing here depends on becomes another one. */
static void retag(const struct image *image, int64_t tag, uint64_t value)
{
    Elf64_Dyn *entry = dynamic_of(image, DT_FINI);
    entry->d_tag = tag;
    entry->d_un.d_val = value;
}

/* -- ways of tampering ------------------------------------------------------------------------------------------------------ */

static void none(struct image *image) { (void)image; }
static void empty(struct image *image) { image->n_bytes = 0; }
static void script(struct image *image) { memcpy(image->bytes, "#!/bin/sh\n", 10); }
static void archive(struct image *image) { memcpy(image->bytes, "!<arch>\n", 8); }
static void linker_script(struct image *image) { memcpy(image->bytes, "/* GNU ld script */", 19); }
static void text(struct image *image) { memcpy(image->bytes, "hello", 5); }
static void half_head(struct image *image) { image->n_bytes = 40; }
static void class_32(struct image *image) { head_of(image)->e_ident[EI_CLASS] = ELFCLASS32; }
static void big_endian(struct image *image) { head_of(image)->e_ident[EI_DATA] = ELFDATA2MSB; }
static void machine(struct image *image) { head_of(image)->e_machine = EM_68K; }
static void object_file(struct image *image) { head_of(image)->e_type = ET_REL; }
static void program(struct image *image) { head_of(image)->e_type = ET_EXEC; }
static void core(struct image *image) { head_of(image)->e_type = ET_CORE; }
static void version(struct image *image) { head_of(image)->e_version = 2; }
static void no_segments(struct image *image) { head_of(image)->e_phnum = 0; }
static void many_segments(struct image *image) { head_of(image)->e_phnum = 65535; }
static void wide_segments(struct image *image) { head_of(image)->e_phentsize = 64; }
static void segments_outside(struct image *image) { head_of(image)->e_phoff = UINT64_MAX - 8; }
static void segment_cut(struct image *image) { segment_of(image, PT_LOAD, 0)->p_filesz = image->n_bytes + 1; }
static void note_cut(struct image *image) { segment_of(image, PT_NOTE, 0)->p_offset = UINT64_MAX - 4; }
static void segment_shrinks(struct image *image) { segment_of(image, PT_LOAD, 1)->p_memsz = 0; }
static void segment_askew(struct image *image) { segment_of(image, PT_LOAD, 1)->p_vaddr += 8; }
static void segments_share(struct image *image) { segment_of(image, PT_LOAD, 1)->p_vaddr = segment_of(image, PT_LOAD, 1)->p_offset = 0; }
static void segment_far(struct image *image) { segment_of(image, PT_LOAD, 1)->p_memsz = UINT64_C(1) << 40; }
static void write_and_run(struct image *image) { segment_of(image, PT_LOAD, 1)->p_flags |= PF_W | PF_X; }
static void nothing_loaded(struct image *image)
{
    for (unsigned i = 0; i < head_of(image)->e_phnum; i++) {
        Elf64_Phdr *segment = (Elf64_Phdr *)(image->bytes + head_of(image)->e_phoff) + i;
        if (segment->p_type == PT_LOAD) segment->p_type = PT_NULL;
    }
}
static void stack_runs(struct image *image) { segment_of(image, PT_GNU_STACK, 0)->p_flags |= PF_X; }
static void stack_unsaid(struct image *image) { segment_of(image, PT_GNU_STACK, 0)->p_type = PT_NULL; }

static void note_gone(struct image *image) { memcpy(note_of(image)->name, "essay", 6); }
static void note_twice(struct image *image)
{
    /* Another segment whose only note is the same one. */
    Elf64_Phdr *other = segment_of(image, PT_GNU_EH_FRAME, 0);
    other->p_type = PT_NOTE;
    other->p_offset = (uint64_t)((uint8_t *)note_of(image) - image->bytes);
    other->p_filesz = sizeof(struct assay_note);
    other->p_align = 4;
}
static void note_overlong(struct image *image) { note_of(image)->n_desc_bytes = 1u << 30; }
static void note_short(struct image *image) { note_of(image)->n_desc_bytes = 12; }
static void note_type(struct image *image) { note_of(image)->type = 9; }
static void abi_2(struct image *image) { note_of(image)->abi_major = 2; }
static void abi_0(struct image *image) { note_of(image)->abi_major = 0; }
static void later_minor(struct image *image) { note_of(image)->abi_minor = 7; }
static void layout(struct image *image) { note_of(image)->layout_lo = 1, note_of(image)->layout_hi = 0; }

static void no_dynamic(struct image *image) { segment_of(image, PT_DYNAMIC, 0)->p_type = PT_NULL; }
static void two_dynamic(struct image *image) { segment_of(image, PT_GNU_EH_FRAME, 0)->p_type = PT_DYNAMIC; }
static void dynamic_outside(struct image *image) { segment_of(image, PT_DYNAMIC, 0)->p_vaddr = UINT64_MAX - 64; }
static void dynamic_endless(struct image *image) { segment_of(image, PT_DYNAMIC, 0)->p_filesz = 2 * sizeof(Elf64_Dyn); }
static void names_outside(struct image *image) { dynamic_of(image, DT_STRSZ)->d_un.d_val = UINT64_MAX; }
static void names_gone(struct image *image) { dynamic_of(image, DT_STRTAB)->d_tag = DT_DEBUG; }
static void symbols_outside(struct image *image) { dynamic_of(image, DT_SYMTAB)->d_un.d_ptr = UINT64_C(1) << 63; }
static void symbols_wide(struct image *image) { dynamic_of(image, DT_SYMENT)->d_un.d_val = 32; }
static void search_path(struct image *image) { retag(image, DT_RUNPATH, 1); }
static void old_search_path(struct image *image) { retag(image, DT_RPATH, 1); }
static void text_relocations(struct image *image) { retag(image, DT_TEXTREL, 0); }
static void text_relocations_flag(struct image *image) { retag(image, DT_FLAGS, DF_TEXTREL); }
static void is_filter(struct image *image) { retag(image, DT_FILTER, 1); }
static void is_auxiliary(struct image *image) { retag(image, DT_AUXILIARY, 1); }
static void is_pie(struct image *image) { retag(image, DT_FLAGS_1, DF_1_PIE); }
static void needs_more(struct image *image) { retag(image, DT_NEEDED, entry_of(image)->st_name); }
static void needs_nameless(struct image *image) { retag(image, DT_NEEDED, UINT32_MAX); }

static void set_library(struct image *image, const char *name)
{
    /* Over the name of a symbol, which is long enough and not looked at here. */
    char *at = names_of(image) + 1;
    cr_assert_eq(strncmp(at, "__", 2), 0, "expected the names to begin with one of the compiler's");
    cr_assert_lt(strlen(name), strlen(at) + 1);
    strcpy(at, name);
    retag(image, DT_NEEDED, 1);
}
static void needs_m(struct image *image) { set_library(image, "libm.so.6"); }
static void needs_c(struct image *image) { set_library(image, "libc.so.6"); }
static void needs_cxx(struct image *image) { set_library(image, "libstdc++.so"); }
static void needs_z(struct image *image) { set_library(image, "libz.so.1"); }
static void needs_control(struct image *image) { set_library(image, "lib\n\xff.so"); }
static void needs_path(struct image *image) { set_library(image, "/t/libm.so"); }

static void entry_renamed(struct image *image) { memcpy(names_of(image) + entry_of(image)->st_name, "assay_entry_v2", 14); }
static void entry_gone(struct image *image) { memcpy(names_of(image) + entry_of(image)->st_name, "assay_enter_v1", 14); }
static void entry_undefined(struct image *image) { entry_of(image)->st_shndx = SHN_UNDEF; }
static void entry_function(struct image *image) { entry_of(image)->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC); }
static void entry_thread(struct image *image) { entry_of(image)->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_TLS); }
static void entry_small(struct image *image) { entry_of(image)->st_size = 4; }
static void entry_outside(struct image *image) { entry_of(image)->st_value = UINT64_MAX - 200; }
static void entry_absolute(struct image *image) { entry_of(image)->st_shndx = SHN_ABS; }
static void entry_lies(struct image *image) { *(uint32_t *)at_address(image, entry_of(image)->st_value) = 4096; }
static void entry_abi(struct image *image) { *((uint16_t *)at_address(image, entry_of(image)->st_value) + 2) = 3; }
static void entry_nameless(struct image *image) { entry_of(image)->st_name = UINT32_MAX; }
static void hash_outside(struct image *image) { dynamic_of(image, DT_GNU_HASH)->d_un.d_ptr = UINT64_MAX - 4; }
static void hash_gone(struct image *image) { dynamic_of(image, DT_GNU_HASH)->d_tag = DT_DEBUG; }
static void hash_wide(struct image *image) { *(uint32_t *)at_address(image, dynamic_of(image, DT_GNU_HASH)->d_un.d_ptr) = UINT32_MAX; }
static void hash_deep(struct image *image) { ((uint32_t *)at_address(image, dynamic_of(image, DT_GNU_HASH)->d_un.d_ptr))[4 + 2] = 1u << 20; }

#define DAMAGED ", found that it is not: the file is damaged, build or copy it again"
/* The rest of the message behind "x.so: plugin: expected "; "" where the file is fine. A `*` stands for what differs between builds. */
static const struct tamper {
    const char *name;
    void (*with)(struct image *image);
    const char *message;
} tampers[] = {
    {"nothing", none, ""},
    {"a later minor", later_minor, ""},
    {"empty", empty, "a shared object (ELF), found an empty file: build it with `cc -shared -fPIC`"},
    {"a script", script, "a shared object (ELF), found a script: build it with `cc -shared -fPIC`"},
    {"an archive", archive, "a shared object (ELF), found a static library (.a): build it with `cc -shared -fPIC`"},
    {"a linker script", linker_script, "a shared object (ELF), found a linker script: build it with `cc -shared -fPIC`"},
    {"text", text, "a shared object (ELF), found something else: build it with `cc -shared -fPIC`"},
    {"half a head", half_head, "an ELF head of 64 bytes, found a file of 40: it is cut short, build or copy it again"},
    {"32 bits", class_32, "a 64-bit shared object, found a 32-bit one: build it without -m32 or -mx32"},
    {"big-endian", big_endian, "little-endian, found the other byte order: build it for this machine"},
    {"another machine", machine, "machine * (this one), found 4: build it for this machine"},
    {"an object file", object_file, "a shared object, found an object file (.o): link it with -shared"},
    {"a program", program, "a shared object, found a program: link it with -shared"},
    {"a core file", core, "a shared object, found another kind of ELF file: link it with -shared"},
    {"ELF version", version, "ELF version 1" DAMAGED},
    {"no segments", no_segments, "1 to 64 program headers of 56 bytes, found 0 of 56 bytes: the file is damaged, build or copy it again"},
    {"many segments", many_segments, "1 to 64 program headers of 56 bytes, found 65535 of 56 bytes: the file is damaged, build or copy it again"},
    {"wide segments", wide_segments, "1 to 64 program headers of 56 bytes, found * of 64 bytes: the file is damaged, build or copy it again"},
    {"segments outside", segments_outside, "the program headers to lie within the file" DAMAGED},
    {"a segment cut", segment_cut, "segment * to lie within the file's * bytes, found that it ends behind them: the file is cut short, build or copy it again"},
    {"a note cut", note_cut, "segment * to lie within the file's * bytes, found that it ends behind them: the file is cut short, build or copy it again"},
    {"a segment that shrinks", segment_shrinks, "segments with sound sizes and addresses" DAMAGED},
    {"a segment askew", segment_askew, "segments with sound sizes and addresses" DAMAGED},
    {"segments on one page", segments_share, "segments in ascending order that share no page" DAMAGED},
    {"a vast segment", segment_far, "at most 1024 MiB of addresses, found 1048576: make its static arrays smaller"},
    {"written and run", write_and_run, "no memory that can be both written and executed, found such a segment: link it without -N or --omagic"},
    {"nothing loaded", nothing_loaded, "at least one segment to load" DAMAGED},
    {"an executable stack", stack_runs, "a stack that cannot be executed, found that it asks for one that can: link it with -Wl,-z,noexecstack and use no nested functions"},
    {"a stack not mentioned", stack_unsaid, "a stack that cannot be executed, found nothing said, which means one that can: link it with -Wl,-z,noexecstack and use no nested functions"},
    {"no note", note_gone, "the ELF note .note.assay, found none: write `ASSAY_PLUGIN_NOTE;` once at file scope, if this is to be a plugin"},
    {"two notes", note_twice, "one ELF note .note.assay, found 2: write `ASSAY_PLUGIN_NOTE;` in one source file only"},
    {"an overlong note", note_overlong, "its ELF notes to lie within their segment" DAMAGED},
    {"a short note", note_short, "a note of type 1 with 16 bytes, found type 1 with 12: rebuild it with this engine's assay/plugin.h"},
    {"another type of note", note_type, "a note of type 1 with 16 bytes, found type 9 with 16: rebuild it with this engine's assay/plugin.h"},
    {"ABI 2", abi_2, "ABI 1, found that it was built for ABI 2, this engine has ABI 1: rebuild it with this engine's assay/plugin.h"},
    {"ABI 0", abi_0, "ABI 1, found that it was built for ABI 0, this engine has ABI 1: rebuild it with this engine's assay/plugin.h"},
    {"another layout", layout, "layout *, found 1: it was compiled with an assay/plugin.h that was changed, or with packed structs; rebuild it with this engine's"},
    {"no dynamic section", no_dynamic, "a dynamic section, found none: link it with -shared"},
    {"two dynamic sections", two_dynamic, "one dynamic section" DAMAGED},
    {"a dynamic section outside", dynamic_outside, "the dynamic section to lie in a segment that is loaded" DAMAGED},
    {"a dynamic section without end", dynamic_endless, "the dynamic section to have an end (DT_NULL)" DAMAGED},
    {"names outside", names_outside, "its table of names to lie in a segment that is loaded" DAMAGED},
    {"no names", names_gone, "its table of names to lie in a segment that is loaded" DAMAGED},
    {"symbols outside", symbols_outside, "its table of symbols to lie in a segment that is loaded" DAMAGED},
    {"wide symbols", symbols_wide, "symbols of 24 bytes" DAMAGED},
    {"RUNPATH", search_path, "no search path for libraries, found an entry RUNPATH: link it without -rpath (CMake: SKIP_BUILD_RPATH)"},
    {"RPATH", old_search_path, "no search path for libraries, found an entry RPATH: link it without -rpath (CMake: SKIP_BUILD_RPATH)"},
    {"text relocations", text_relocations, "code that is not patched while it is loaded, found text relocations: compile every file with -fPIC"},
    {"text relocations, as a flag", text_relocations_flag, "code that is not patched while it is loaded, found text relocations: compile every file with -fPIC"},
    {"a filter", is_filter, "to be loaded alone, found a filter or audit entry: link it without -f, -F, --audit and --depaudit"},
    {"an auxiliary filter", is_auxiliary, "to be loaded alone, found a filter or audit entry: link it without -f, -F, --audit and --depaudit"},
    {"a program that is position-independent", is_pie, "a shared object, found a position-independent program: link it with -shared"},
    {"needs another library", needs_more, "to need nothing but libc, libm, libgcc_s and libstdc++, found `assay_entry_v1`: link that one statically or do without"},
    {"needs what has no name", needs_nameless, "the names of needed libraries to lie within the file" DAMAGED},
    {"needs libm", needs_m, ""},
    {"needs libc", needs_c, ""},
    {"needs another libstdc++", needs_cxx, "to need nothing but libc, libm, libgcc_s and libstdc++, found `libstdc++.so`: link that one statically or do without"},
    {"needs libz", needs_z, "to need nothing but libc, libm, libgcc_s and libstdc++, found `libz.so.1`: link that one statically or do without"},
    {"needs what cannot be shown", needs_control, "to need nothing but libc, libm, libgcc_s and libstdc++, found `lib??.so`: link that one statically or do without"},
    {"needs a path", needs_path, "to need nothing but libc, libm, libgcc_s and libstdc++, found `/t/libm.so`: link that one statically or do without"},
    {"another entry", entry_renamed, "the symbol assay_entry_v1, found `assay_entry_v2`: it was built for another ABI, this engine has ABI 1: rebuild it with this engine's assay/plugin.h"},
    {"no entry", entry_gone, "the symbol assay_entry_v1, found none: define `const struct assay_plugin assay_entry_v1` and export it"},
    {"an entry not defined", entry_undefined, "assay_entry_v1 to be defined, found that it is only declared: link the file that defines it"},
    {"an entry that is code", entry_function, "assay_entry_v1 to be data, found a function: define it as `const struct assay_plugin assay_entry_v1`"},
    {"an entry that is a thread's", entry_thread, "assay_entry_v1 to be data, found another kind of symbol: define it as `const struct assay_plugin assay_entry_v1`"},
    {"a small entry", entry_small, "assay_entry_v1 to be a struct assay_plugin, found 4 bytes: define it as `const struct assay_plugin assay_entry_v1`"},
    {"an entry outside", entry_outside, "the bytes of assay_entry_v1 in the file, found none there: it must be a constant, not filled in while it is loaded"},
    {"an absolute entry", entry_absolute, "the bytes of assay_entry_v1 in the file, found none there: it must be a constant, not filled in while it is loaded"},
    {"an entry that lies about its size", entry_lies, "assay_entry_v1 to say how large it is, * bytes, found 4096: begin it with ASSAY_ABI_HEADER"},
    {"an entry of another ABI", entry_abi, "assay_entry_v1 to begin with ABI 1, found ABI 3: begin it with ASSAY_ABI_HEADER and rebuild it with this engine's assay/plugin.h"},
    {"a symbol without a name", entry_nameless, "the names of its symbols to lie within the file" DAMAGED},
    {"a hash table outside", hash_outside, "its table of symbols to be sound" DAMAGED},
    {"no hash table", hash_gone, "its table of symbols to be sound" DAMAGED},
    {"a wide hash table", hash_wide, "its table of symbols to be sound" DAMAGED},
    {"a deep hash table", hash_deep, "its table of symbols to be sound" DAMAGED},
};

/* Is `text` `pattern`, where each * stands for some digits? */
static bool fits(const char *pattern, const char *found)
{
    while (*pattern) {
        if (*pattern == '*') {
            const size_t n = strspn(found, "0123456789");
            if (n == 0) return false;
            found += n;
            pattern++;
        } else if (*pattern++ != *found++) {
            return false;
        }
    }
    return *found == '\0';
}

/* In a block of its own size, so that a sanitizer sees reading beyond it. */
static assay_status vet(const struct image *image, struct assay_error *error)
{
    uint8_t *exact = malloc(image->n_bytes ? image->n_bytes : 1);
    cr_assert_not_null(exact);
    if (image->n_bytes) memcpy(exact, image->bytes, image->n_bytes);
    const assay_status status = asy_elf_vet(exact, image->n_bytes, "x.so", error);
    free(exact);
    return status;
}

Test(plugin_elf, tampered)
{
    static const char prefix[] = "x.so: plugin: expected ";
    for (size_t i = 0; i < sizeof(tampers) / sizeof(tampers[0]); i++) {
        const struct tamper *tamper = &tampers[i];
        struct assay_error error = {0};
        struct image image = read_good();
        tamper->with(&image);
        const assay_status status = vet(&image, &error);
        free(image.bytes);
        if (!*tamper->message) {
            cr_expect_eq(status, ASSAY_OK, "%s: expected it to be accepted, found: %s", tamper->name, error.text);
            continue;
        }
        cr_expect_eq(status, ASSAY_E_DATA, "%s: expected it to be refused, found status %d", tamper->name, status);
        cr_expect(strncmp(error.text, prefix, strlen(prefix)) == 0 && fits(tamper->message, error.text + strlen(prefix)),
                  "%s:\n expected: %s%s\n found:    %s", tamper->name, prefix, tamper->message, error.text);
    }
}

/* What the loader needs ends well before the section headers, which nobody looks at: from some length on it is fine. */
Test(plugin_elf, cut_short_at_every_length)
{
    struct image image = read_good();
    const size_t n_whole = image.n_bytes;
    size_t n_needed = 0;
    for (unsigned i = 0; i < head_of(&image)->e_phnum; i++) {
        const Elf64_Phdr *segment = (const Elf64_Phdr *)(image.bytes + head_of(&image)->e_phoff) + i;
        if ((segment->p_type == PT_LOAD || segment->p_type == PT_NOTE) && segment->p_offset + segment->p_filesz > n_needed)
            n_needed = segment->p_offset + segment->p_filesz;
    }
    cr_assert_lt(n_needed, n_whole);
    for (size_t n = 0; n <= n_whole; n++) {
        struct assay_error error = {0};
        image.n_bytes = n;
        const assay_status status = vet(&image, &error);
        cr_expect_eq(status, n < n_needed ? ASSAY_E_DATA : ASSAY_OK, "%zu of %zu bytes: found status %d, %s", n, n_whole, status, error.text);
    }
    free(image.bytes);
}

static uint32_t draw(uint64_t *rng, uint32_t below)
{
    *rng = *rng * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*rng >> 33) % below);
}

/* One to eight bytes changed, most of them where the tables are. Refusals have a message; nothing else can be said about a file that is
 * still accepted but that it is one which the loader is to be shown. */
Test(plugin_elf, random_bytes_do_no_harm)
{
    enum { N_SEEDS = ASSAY_IS_SANITIZED ? 4000 : 40000 };
    struct image good = read_good(), image = {malloc(good.n_bytes), good.n_bytes};
    unsigned n_refused = 0;
    cr_assert_not_null(image.bytes);
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        struct assay_error error = {0};
        uint64_t rng = seed;
        memcpy(image.bytes, good.bytes, good.n_bytes);
        for (uint32_t n = 1 + draw(&rng, 8); n > 0; n--) {
            const uint32_t start[] = {0, 0, (uint32_t)segment_of(&good, PT_DYNAMIC, 0)->p_offset, (uint32_t)((uint8_t *)note_of(&good) - good.bytes)};
            const uint32_t from = start[draw(&rng, 4)], at = (from + draw(&rng, 1024)) % (uint32_t)good.n_bytes;
            image.bytes[at] = draw(&rng, 2) ? (uint8_t)draw(&rng, 256) : (uint8_t)(image.bytes[at] ^ (1u << draw(&rng, 8)));
        }
        const assay_status status = vet(&image, &error);
        n_refused += status != ASSAY_OK;
        cr_expect(status == ASSAY_OK || (status == ASSAY_E_DATA && strncmp(error.text, "x.so: plugin: expected ", 23) == 0), "seed %llu: status %d, %s",
                  (unsigned long long)seed, status, error.text);
    }
    cr_expect_gt(n_refused, N_SEEDS / 10, "expected the changes to hit something, found %u refusals", n_refused);
    free(good.bytes);
    free(image.bytes);
}

Test(plugin_elf, without_an_error_record)
{
    cr_expect_eq(asy_elf_vet((const uint8_t *)"", 0, "x.so", NULL), ASSAY_E_DATA);
}
