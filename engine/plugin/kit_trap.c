/* What a library calls outside of itself goes through addresses that the loader has put into tables of the library (its relocations).
 * The trap puts addresses of its own there while it is set: tiny pieces of code, one a function, that say which one it was.
 * Layouts: System V ABI, AMD64 and AArch64 supplements. */
#include "plugin/kit_internal.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"

/* Names that end in '*' stand for all that begin so. */
static const char *const not_in_run[] = {
    /* memory */
    "malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "aligned_alloc", "posix_memalign", "memalign", "valloc", "strdup", "strndup",
    "asprintf", "vasprintf", "__asprintf_chk", "__vasprintf_chk", "getline", "getdelim", "open_memstream", "_Zn*", "_Zd*", "mmap", "mmap64", "munmap",
    "mremap", "mprotect", "brk", "sbrk", "__cxa_allocate_exception", "_ZNSt7__cxx1112basic_string*",
    /* files, sockets, terminals */
    "open*", "creat", "creat64", "close", "read", "write", "pread*", "pwrite*", "readv", "writev", "lseek*", "fopen*", "fdopen", "freopen*", "fclose",
    "fread", "fwrite", "fflush", "fgets", "fgetc", "getc", "getchar", "fputs", "fputc", "putc", "putchar", "puts", "perror", "printf", "fprintf",
    "vprintf", "vfprintf", "dprintf", "vdprintf", "__printf_chk", "__fprintf_chk", "__vprintf_chk", "__vfprintf_chk", "__dprintf_chk", "scanf",
    "fscanf", "__isoc99_scanf", "__isoc99_fscanf", "_ZStls*", "_ZNSo*", "syslog", "__syslog_chk", "stat", "stat64", "fstat*", "lstat*", "access", "unlink", "rename",
    "socket", "connect", "send", "sendto", "recv", "recvfrom", "getaddrinfo", "gethostbyname", "poll", "select", "ioctl", "fcntl*",
    /* time and chance */
    "time", "clock", "clock_gettime", "gettimeofday", "timespec_get", "ftime", "localtime", "localtime_r", "mktime", "tzset", "rand", "rand_r",
    "srand", "random", "srandom", "drand48", "lrand48", "mrand48", "getrandom", "getentropy", "arc4random*", "sleep", "usleep", "nanosleep",
    "clock_nanosleep", "sched_yield",
    /* the environment and the process */
    "getenv", "secure_getenv", "setenv", "putenv", "setlocale", "newlocale", "uselocale", "getpid", "fork", "vfork", "execve", "system", "popen",
    "posix_spawn*", "clone", "raise", "kill", "signal", "sigaction", "exit", "_exit", "_Exit", "syscall", "dlopen", "dlsym", "fesetround",
    "fesetenv", "feenableexcept",
    /* locks and threads */
    "pthread_mutex_*", "pthread_rwlock_*", "pthread_spin_*", "pthread_cond_*", "pthread_create", "mtx_*", "cnd_*", "thrd_*", "sem_*", "flockfile",
};

/* What ends an isolated plugin in create(). */
static const char *const not_in_create[] = {
    "open", "open64", "openat*", "__open_2", "__open64_2", "__openat_2", "__openat64_2", "creat", "creat64", "fopen*", "freopen*", "opendir", "scandir*",
    "mkdir*", "rmdir", "unlink*", "remove", "rename*", "mkstemp*", "tmpfile*", "dlopen",
    "_ZNSt14basic_ifstream*", "_ZNSt14basic_ofstream*", "_ZNSt13basic_filebuf*", "_ZNSt12__basic_fileIcE*",
    "socket", "socketpair", "connect", "bind", "getaddrinfo", "gethostby*",
    "fork", "vfork", "_Fork", "clone", "execl*", "execv*", "fexecve", "system", "popen", "posix_spawn*", "pthread_create", "thrd_create",
    "kill", "killpg", "setitimer", "timer_create", "alarm",
};
static const struct names {
    const char *const *items;
    size_t n;
} names_of[] = {[ASY_KIT_IN_RUN] = {not_in_run, ASY_COUNT_OF(not_in_run)}, [ASY_KIT_IN_CREATE] = {not_in_create, ASY_COUNT_OF(not_in_create)}};

enum { SLOTS_MAX = 256, STUB_BYTES = 32 };

struct slot {
    uintptr_t *at;      /* where the library keeps the address */
    uintptr_t original;
    uint32_t number;    /* of the stub */
};
struct asy_kit_trap {
    uint32_t n_slots;
    struct slot slots[SLOTS_MAX];
    const char *names[SLOTS_MAX]; /* by stub */
    uint8_t *code;
    void (*caught)(void *ctx, const char *name);
    void *ctx;
};

/* -- what the loader knows of the library -------------------------------------------------------------------------- */

struct library {
    uintptr_t inside;
    bool is_found;
    uintptr_t base;
    const ElfW(Dyn) *dynamic;
    const ElfW(Sym) *symbols;
    const char *names;
    struct {
        const ElfW(Rela) *items;
        size_t n;
    } tables[2]; /* DT_JMPREL, DT_RELA */
};

static int find_library(struct dl_phdr_info *info, size_t n_bytes, void *ctx)
{
    struct library *library = ctx;
    const ElfW(Dyn) *dynamic = NULL;
    bool is_it = false;
    (void)n_bytes;
    for (uint32_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const uintptr_t from = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && library->inside >= from && library->inside - from < segment->p_memsz) is_it = true;
        if (segment->p_type == PT_DYNAMIC) dynamic = (const ElfW(Dyn) *)from;
    }
    if (!is_it || dynamic == NULL) return 0;
    library->is_found = true;
    library->base = info->dlpi_addr;
    library->dynamic = dynamic;
    return 1;
}

/* The loader of some machines has made addresses of these offsets already. */
static const void *address_of(const struct library *library, ElfW(Addr) value)
{
    return (const void *)(value < library->base ? library->base + value : value);
}

static void read_dynamic(struct library *library)
{
    for (const ElfW(Dyn) *item = library->dynamic; item->d_tag != DT_NULL; item++) switch (item->d_tag) {
        case DT_SYMTAB: library->symbols = address_of(library, item->d_un.d_ptr); break;
        case DT_STRTAB: library->names = address_of(library, item->d_un.d_ptr); break;
        case DT_JMPREL: library->tables[0].items = address_of(library, item->d_un.d_ptr); break;
        case DT_PLTRELSZ: library->tables[0].n = item->d_un.d_val / sizeof(ElfW(Rela)); break;
        case DT_RELA: library->tables[1].items = address_of(library, item->d_un.d_ptr); break;
        case DT_RELASZ: library->tables[1].n = item->d_un.d_val / sizeof(ElfW(Rela)); break;
        default: break;
        }
}

static bool is_address_of_symbol(uint64_t type)
{
#if defined(__x86_64__)
    return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64;
#elif defined(__aarch64__)
    return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT || type == R_AARCH64_ABS64;
#else
    (void)type;
    return false;
#endif
}

static bool is_one_of(const char *name, const struct names *names)
{
    for (size_t i = 0; i < names->n; i++) {
        const size_t len = strlen(names->items[i]);
        if (names->items[i][len - 1] == '*' ? strncmp(name, names->items[i], len - 1) == 0 : strcmp(name, names->items[i]) == 0) return true;
    }
    return false;
}

/* -- the tiny pieces of code --------------------------------------------------------------------------------------- */

/* A stub: two arguments, then a jump to `to`. False: not for this machine. */
static bool write_stub(uint8_t *at, const struct asy_kit_trap *trap, uint32_t number, uintptr_t to)
{
    const uint64_t self = (uintptr_t)trap, target = to;
#if defined(__x86_64__)
    static const uint8_t code[] = {
        0x48, 0xBF, 0, 0, 0, 0, 0, 0, 0, 0, /* movabs rdi, trap */
        0xBE, 0, 0, 0, 0,                   /* mov esi, number */
        0x48, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, /* movabs rax, to */
        0xFF, 0xE0,                         /* jmp rax */
    };
    _Static_assert(sizeof(code) <= STUB_BYTES, "a stub has its place");
    memcpy(at, code, sizeof(code));
    memcpy(at + 2, &self, sizeof(self));
    memcpy(at + 11, &number, sizeof(number));
    memcpy(at + 17, &target, sizeof(target));
    return true;
#elif defined(__aarch64__)
    /* ldr x0, [pc + 16]; ldr x16, [pc + 20]; movz w1, number; br x16; trap; to */
    const uint32_t code[] = {0x58000080, 0x580000B0, 0x52800001 | number << 5, 0xD61F0200};
    _Static_assert(sizeof(code) + 16 <= STUB_BYTES, "a stub has its place");
    memcpy(at, code, sizeof(code));
    memcpy(at + 16, &self, sizeof(self));
    memcpy(at + 24, &target, sizeof(target));
    return true;
#else
    (void)at, (void)self, (void)number, (void)target;
    return false;
#endif
}

static void spring(struct asy_kit_trap *trap, uint32_t number)
{
    const char *name = trap->names[number];
    asy_kit_trap_lift(trap);
    trap->caught(trap->ctx, name);
}

static bool write_stubs(struct asy_kit_trap *trap)
{
    union { /* ISO C has no cast from a function to a number */
        void (*spring)(struct asy_kit_trap *, uint32_t);
        uintptr_t address;
    } to = {.spring = spring};
    const size_t n_bytes = (size_t)SLOTS_MAX * STUB_BYTES;
    trap->code = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (trap->code == MAP_FAILED) return false;
    for (uint32_t i = 0; i < trap->n_slots; i++)
        if (!write_stub(trap->code + (size_t)i * STUB_BYTES, trap, i, to.address)) return false;
    __builtin___clear_cache((char *)trap->code, (char *)trap->code + n_bytes);
    return mprotect(trap->code, n_bytes, PROT_READ | PROT_EXEC) == 0;
}

/* -- setting it ---------------------------------------------------------------------------------------------------- */

/* Relocations are read-only once the loader is done. */
static bool make_writable(const uintptr_t *at)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    return mprotect((void *)((uintptr_t)at & ~(page - 1)), page, PROT_READ | PROT_WRITE) == 0;
}

static bool find_slots(struct asy_kit_trap *trap, const struct library *library, const struct names *names)
{
    for (uint32_t t = 0; t < ASY_COUNT_OF(library->tables); t++)
        for (size_t i = 0; i < library->tables[t].n && library->tables[t].items != NULL; i++) {
            const ElfW(Rela) *item = &library->tables[t].items[i];
            if (!is_address_of_symbol(ELF64_R_TYPE(item->r_info))) continue;
            const ElfW(Sym) *symbol = &library->symbols[ELF64_R_SYM(item->r_info)];
            const char *name = library->names + symbol->st_name;
            uintptr_t *at = (uintptr_t *)(library->base + item->r_offset);
            if (symbol->st_shndx != SHN_UNDEF || !is_one_of(name, names)) continue;
            if (trap->n_slots >= SLOTS_MAX || !make_writable(at)) return false;
            trap->names[trap->n_slots] = name;
            trap->slots[trap->n_slots] = (struct slot){.at = at, .original = *at, .number = trap->n_slots};
            trap->n_slots++;
        }
    return true;
}

struct asy_kit_trap *asy_kit_trap_make(struct asy_pool *pool, enum asy_kit_place place, const void *inside,
                                       void (*caught)(void *ctx, const char *name), void *ctx, const char **why)
{
    struct library library = {.inside = (uintptr_t)inside};
    struct asy_kit_trap *trap = asy_pool_alloc(pool, sizeof(*trap));
    *why = "the plugin's table of calls cannot be changed on this machine";
    if (trap == NULL) return NULL;
    trap->caught = caught;
    trap->ctx = ctx;
    dl_iterate_phdr(find_library, &library);
    if (!library.is_found) return NULL;
    read_dynamic(&library);
    if (library.symbols == NULL || library.names == NULL) return NULL;
    if (!find_slots(trap, &library, &names_of[place]) || !write_stubs(trap)) return NULL;
    return trap;
}

void asy_kit_trap_set(struct asy_kit_trap *trap)
{
    for (uint32_t i = 0; i < trap->n_slots; i++)
        *(volatile uintptr_t *)trap->slots[i].at = (uintptr_t)(trap->code + (size_t)trap->slots[i].number * STUB_BYTES);
}

void asy_kit_trap_lift(struct asy_kit_trap *trap)
{
    for (uint32_t i = 0; i < trap->n_slots; i++) *(volatile uintptr_t *)trap->slots[i].at = trap->slots[i].original;
}
