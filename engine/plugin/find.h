/* Where plugins come from: named folders only, and only what nobody else can have put there.
 *
 * A library is named in a rule file without a folder (`libassay_renewals.so`). It is looked for in the given folders, in order; the
 * first that has it decides. Folder and file must belong to root or to the user of this process and not be writable by group or others,
 * nor any folder above them (but for sticky ones such as /tmp); the file must be a regular one, and symbolic links may not lead
 * out of the folder. The bytes are copied to sealed memory first, then vetted (elf.h): what was checked is what is loaded. */
#ifndef ASY_PLUGIN_FIND_H
#define ASY_PLUGIN_FIND_H

#include "base/diag.h"

enum { ASY_PLUGIN_BYTES_MAX = 64 << 20 };

struct asy_plugin_dirs {
    const char *const *items;
    uint32_t n;
};

struct asy_plugin_file {
    int fd;              /* sealed memory with the vetted bytes, close-on-exec; the caller's to close */
    struct asy_str path; /* where it was found, for messages; in the pool */
};

/* [a-z][a-z0-9_-]{0,59}\.so */
bool asy_plugin_name_is_good(struct asy_str library);
/* ASSAY_E_NOTFOUND (the folders are named, with the nearest name there is), ASSAY_E_DATA (not a plugin, or not trusted), ASSAY_E_IO,
 * ASSAY_E_NOMEM. */
assay_status asy_plugin_find(struct asy_plugin_file *file, struct asy_pool *pool, const struct asy_plugin_dirs *dirs,
                             struct asy_str library, struct assay_error *error);
/* The same for a path that a person gave (`plugin check ./x.so`): its folder is the only one, and messages speak of the path. */
assay_status asy_plugin_find_path(struct asy_plugin_file *file, struct asy_pool *pool, const char *path, struct assay_error *error);
/* All names in a folder that could be plugins, sorted. ASSAY_E_IO, ASSAY_E_NOMEM; a folder that does not exist has none. */
assay_status asy_plugin_names(struct asy_pool *pool, const char *dir, struct asy_str **names, uint32_t *n, struct assay_error *error);

#endif
