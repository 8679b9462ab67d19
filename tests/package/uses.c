/* A program of somebody else's: open a handle, ask for the version, close. */
#include <assay/assay.h>
#include <stdio.h>

int main(void)
{
    struct assay *assay;
    struct assay_error error;
    if (assay_open(&assay, NULL, &error) != ASSAY_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    printf("assay %s, kernels %s\n", assay_version(), assay_isa(assay));
    assay_close(assay);
    return 0;
}
