/* The only door to dlopen. A library is never closed. */
#ifndef ASY_PLUGIN_LIBRARY_H
#define ASY_PLUGIN_LIBRARY_H

#include "assay/plugin.h"
#include "base/diag.h"

/* Load vetted bytes (find.h) into this process: their constructors run. *plugin becomes a copy of the descriptor, zero behind what
 * an older plugin knows. ASSAY_E_DATA: cannot be loaded, another major version, a descriptor too small, or one that uses fields this
 * engine does not know. */
assay_status asy_library_open(struct assay_plugin *plugin, int fd, const char *path, struct assay_error *error);

#endif
