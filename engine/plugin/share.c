#include "plugin/share.h"

#include "base/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FD_LEAST = 10, FILLER = 0xC5 };

static uint64_t page_bytes(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}
uint64_t asy_whole_pages(uint64_t n_bytes)
{
    const uint64_t page = page_bytes();
    return (n_bytes + page - 1) & ~(page - 1);
}

uint8_t *asy_map_private(uint64_t n_bytes)
{
    uint8_t *map = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return NULL;
    madvise(map, n_bytes, MADV_DONTDUMP);
    return map;
}

/* Growing a file beyond RLIMIT_FSIZE raises SIGXFSZ, which kills; so it is asked for first. */
static bool set_size(int fd, uint64_t n_bytes)
{
    struct rlimit limit;
    if (n_bytes > INT64_MAX || (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && n_bytes > limit.rlim_cur)) {
        errno = EFBIG;
        return false;
    }
    return ftruncate(fd, (off_t)n_bytes) == 0;
}
/* Above the standard streams and what a caller keeps next to them. */
static int new_file(void)
{
    const int low = memfd_create("assay-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (low < 0 || low >= FD_LEAST) return low;
    const int fd = fcntl(low, F_DUPFD_CLOEXEC, FD_LEAST), saved_errno = errno;
    close(low);
    errno = saved_errno;
    return fd;
}
uint8_t *asy_map_shared(uint64_t n_bytes, int *fd)
{
    *fd = new_file();
    if (*fd < 0) return NULL;
    uint8_t *map = set_size(*fd, n_bytes) ? mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0) : MAP_FAILED;
    if (map == MAP_FAILED) {
        const int saved_errno = errno;
        close(*fd);
        *fd = -1;
        errno = saved_errno;
        return NULL;
    }
    madvise(map, n_bytes, MADV_DONTDUMP);
    madvise(map, n_bytes, MADV_DONTFORK);
    return map;
}

assay_status asy_map_failed(const char *what, uint64_t n_bytes, struct assay_error *error)
{
    if (errno == ENOMEM) return asy_fail(error, ASSAY_E_NOMEM, "%s: expected %llu bytes of memory, found not so many", what, (unsigned long long)n_bytes);
    return asy_fail(error, ASSAY_E_IO, "%s: expected %llu bytes of memory that can be shared, found: %s", what, (unsigned long long)n_bytes,
                    strerrordesc_np(errno));
}

/* -- guards ------------------------------------------------------------------------------------------------------- */

static uint8_t *body_of(const struct asy_guarded *guarded)
{
    return guarded->map + page_bytes();
}

bool asy_guarded_init(struct asy_guarded *guarded, uint64_t n_bytes_max)
{
    const uint64_t page = page_bytes(), body_bytes = asy_whole_pages(n_bytes_max);
    *guarded = (struct asy_guarded){0};
    if (n_bytes_max == 0) return true;
    uint8_t *map = mmap(NULL, body_bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return false;
    *guarded = (struct asy_guarded){.map = map, .body_bytes = body_bytes};
    return mprotect(map + page, body_bytes, PROT_READ | PROT_WRITE) == 0;
}
void asy_guarded_fini(struct asy_guarded *guarded)
{
    if (guarded->map != NULL) munmap(guarded->map, guarded->body_bytes + 2 * page_bytes());
    *guarded = (struct asy_guarded){0};
}

void *asy_guarded_lay(struct asy_guarded *guarded, uint64_t n_bytes)
{
    if (guarded->map == NULL) return NULL;
    const uint64_t filler_bytes = guarded->body_bytes - n_bytes;
    uint8_t *body = body_of(guarded);
    /* what was filler is filler still */
    if (filler_bytes > guarded->filler_bytes)
        memset(body + guarded->filler_bytes, FILLER, filler_bytes - guarded->filler_bytes);
    guarded->filler_bytes = filler_bytes;
    return body + filler_bytes;
}
bool asy_guarded_is_intact(struct asy_guarded *guarded)
{
    if (guarded->filler_bytes == 0) return true;
    const uint8_t *body = body_of(guarded);
    if (body[0] == FILLER && memcmp(body, body + 1, guarded->filler_bytes - 1) == 0) return true;
    guarded->filler_bytes = 0;
    return false;
}
