#include "plugin/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    /* What a plugin built for 1.0 has. Stays when the descriptor grows. */
    SIZE_1_0 = offsetof(struct assay_plugin, get_extension) + sizeof(((struct assay_plugin *)0)->get_extension),
    SIZE_MAX_BYTES = 4096, /* no descriptor will ever be as large: a size beyond it is none */
    ID_BITS = 64,
    PATH_BYTES = 2 * 2 * ID_BITS + 64,
};

static size_t print_bits(char *out, uint64_t id)
{
    size_t len = 0;
    for (uint32_t bit = 0; bit < ID_BITS; bit++) {
        if ((id >> bit & 1) != 0) out[len++] = '.';
        out[len++] = '/';
    }
    return len;
}
/* The loader takes a path that it has seen before for the library it found there then, and numbers of descriptors are used again. So
 * the path says which file is meant, in "." and "/", which the kernel passes over. */
static bool print_path(char out[PATH_BYTES], int fd)
{
    static const char start[] = "/proc/self/fd/";
    struct stat file;
    if (fstat(fd, &file) != 0) return false;
    size_t len = sizeof(start) - 1;
    memcpy(out, start, len);
    len += print_bits(out + len, (uint64_t)file.st_dev);
    len += print_bits(out + len, (uint64_t)file.st_ino);
    snprintf(out + len, PATH_BYTES - len, "%d", fd);
    return true;
}

/* The loader's message, which may be NULL, without the path above in front of it. */
static const char *loader_says(const char *path)
{
    const char *text = dlerror();
    const size_t len = strlen(path);
    if (text == NULL) return "no reason";
    return strncmp(text, path, len) == 0 && strncmp(text + len, ": ", 2) == 0 ? text + len + 2 : text;
}

/* First byte from `from` on that is not 0, or n. */
static uint32_t first_used(const uint8_t *bytes, uint32_t from, uint32_t n)
{
    while (from < n && bytes[from] == 0) from++;
    return from;
}

static assay_status take_descriptor(struct assay_plugin *plugin, const struct assay_plugin *found, const char *path, struct assay_error *error)
{
    if ((uintptr_t)found % _Alignof(struct assay_plugin) != 0)
        return asy_fail(error, ASSAY_E_DATA, "%s: assay_entry_v1: expected an address that is a multiple of %zu, found another: declare it as in plugin.h",
                        path, _Alignof(struct assay_plugin));
    if (found->abi_major != ASSAY_ABI_MAJOR)
        return asy_fail(error, ASSAY_E_DATA, "%s: assay_entry_v1: expected ABI %d, found %u.%u: build it with this engine's assay/plugin.h", path,
                        ASSAY_ABI_MAJOR, found->abi_major, found->abi_minor);
    const uint32_t n_bytes = found->struct_size, known = (uint32_t)sizeof(*plugin);
    if (n_bytes < SIZE_1_0 || n_bytes > SIZE_MAX_BYTES)
        return asy_fail(error, ASSAY_E_DATA,
                        "%s: assay_entry_v1: expected struct_size from %d to %d bytes, found %u: begin the descriptor with ASSAY_ABI_HEADER", path,
                        SIZE_1_0, SIZE_MAX_BYTES, n_bytes);
    const uint32_t used = first_used((const uint8_t *)found, known, n_bytes);
    if (used < n_bytes)
        return asy_fail(error, ASSAY_E_DATA,
                        "%s: assay_entry_v1: uses byte %u of the descriptor, for ABI %u.%u; this engine, ABI %d.%d, knows %u: update assay, or "
                        "build the plugin with this engine's assay/plugin.h",
                        path, used, found->abi_major, found->abi_minor, ASSAY_ABI_MAJOR, ASSAY_ABI_MINOR, known);
    memset(plugin, 0, sizeof(*plugin));
    memcpy(plugin, found, n_bytes < known ? n_bytes : known);
    plugin->struct_size = n_bytes < known ? n_bytes : known;
    return ASSAY_OK;
}

assay_status asy_library_open(struct assay_plugin *plugin, int fd, const char *path, struct assay_error *error)
{
    char loader_path[PATH_BYTES];
    if (!print_path(loader_path, fd)) return asy_fail(error, ASSAY_E_DATA, "%s: expected an open file, found none", path);
    void *library = dlopen(loader_path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) return asy_fail(error, ASSAY_E_DATA, "%s: cannot be loaded: %s", path, loader_says(loader_path));
    const struct assay_plugin *found = dlsym(library, "assay_entry_v1");
    if (found == NULL)
        return asy_fail(error, ASSAY_E_DATA, "%s: expected the symbol assay_entry_v1 (const struct assay_plugin), found none", path);
    return take_descriptor(plugin, found, path, error);
}
