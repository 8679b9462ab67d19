/* The files of engine/cli/template, which `assay plugin new` writes: texts with @NAME@, @KIND@ and @SETTINGS@ where those go. Put into the
 * command when it is built. */
#ifndef ASY_CLI_TEMPLATE_H
#define ASY_CLI_TEMPLATE_H

#include <stdint.h>

struct asy_template {
    const char *name; /* without the .in: "README.md", "scorer.c" */
    const unsigned char *bytes;
    uint32_t n_bytes;
};
extern const struct asy_template asy_templates[];
extern const uint32_t asy_n_templates;

#endif
