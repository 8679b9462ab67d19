/* What an ELF file says about itself, read from its bytes before anything of it runs. Every offset is checked against the size:
 * the file may be anything. Pure functions. */
#ifndef ASY_PLUGIN_ELF_H
#define ASY_PLUGIN_ELF_H

#include "base/diag.h"

/* Is it a plugin that this engine can load? A 64-bit shared object of this machine; exactly one note .note.assay with the ABI's major
 * and layout; needs nothing but libc, libm, libgcc_s, libstdc++ and the loader; no RPATH or RUNPATH, no executable stack, no
 * text relocations; defines the data symbol assay_entry_v1. `path` is for messages. ASSAY_E_DATA: it is none, and `error` says
 * what was expected, what was found and what to do. */
assay_status asy_elf_vet(const uint8_t *bytes, size_t n_bytes, const char *path, struct assay_error *error);

#endif
