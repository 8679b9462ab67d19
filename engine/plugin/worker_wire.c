/* Wires, see worker_internal.h. */
#include "plugin/clean.h"
#include "plugin/worker_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SEND_S = 10 };

static int above_streams(int fd)
{
    if (fd > 2) return fd;
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    const int why = errno;
    close(fd);
    errno = why;
    return moved;
}

int asy_wire_poll(struct pollfd *items, uint32_t n)
{
    const struct timespec tick = {.tv_nsec = ASY_TICK_MS * 1000 * 1000};
    sigset_t all;
    sigfillset(&all);
    return ppoll(items, n, &tick, &all);
}

bool asy_wire_pair(int ends[2])
{
    const struct timeval patience = {.tv_sec = SEND_S};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return false;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    ends[0] = above_streams(ends[0]);
    ends[1] = above_streams(ends[1]);
    if (ends[0] >= 0 && ends[1] >= 0) return true;
    const int why = errno;
    for (uint32_t i = 0; i < 2; i++)
        if (ends[i] >= 0) close(ends[i]);
    errno = why;
    return false;
}

/* -- sending -------------------------------------------------------------------------------------------------------------- */

static bool send_packet(int fd, const void *p, size_t n_bytes)
{
    ssize_t n;
    do n = send(fd, p, n_bytes, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)n_bytes;
}

bool asy_wire_send(int fd, const struct asy_wire_head *head, const void *body)
{
    if (!send_packet(fd, head, sizeof(*head))) return false;
    for (uint32_t at = 0; at < head->n_bytes;) {
        const uint32_t left = head->n_bytes - at, n = left < ASY_WIRE_CHUNK_BYTES ? left : ASY_WIRE_CHUNK_BYTES;
        if (!send_packet(fd, (const char *)body + at, n)) return false;
        at += n;
    }
    return true;
}

/* Room for the descriptors of one packet, aligned as the kernel wants it. */
union fds_room {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(ASY_WIRE_FDS_MAX * sizeof(int))];
};

bool asy_wire_send_fds(int fd, const int *fds, uint32_t n)
{
    struct asy_wire_head head = {.type = ASY_WIRE_FDS, .number = n};
    struct iovec data = {&head, sizeof(head)};
    union fds_room room;
    memset(&room, 0, sizeof(room));
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(rights), fds, n * sizeof(int));
    ssize_t sent;
    do sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof(head);
}

/* -- receiving from this side ------------------------------------------------------------------------------------------------- */

static bool recv_packet(int fd, void *p, size_t n_bytes)
{
    ssize_t n;
    do n = recv(fd, p, n_bytes, MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)n_bytes;
}

bool asy_wire_recv(int fd, struct asy_wire_head *head, void *body, uint32_t n_bytes_max)
{
    if (!recv_packet(fd, head, sizeof(*head)) || head->n_bytes > n_bytes_max) return false;
    for (uint32_t at = 0; at < head->n_bytes;) {
        const uint32_t left = head->n_bytes - at, n = left < ASY_WIRE_CHUNK_BYTES ? left : ASY_WIRE_CHUNK_BYTES;
        if (!recv_packet(fd, (char *)body + at, n)) return false;
        at += n;
    }
    return true;
}

bool asy_wire_recv_fds(int fd, int *fds, uint32_t n)
{
    struct asy_wire_head head;
    struct iovec data = {&head, sizeof(head)};
    union fds_room room;
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof(room.bytes)};
    ssize_t got;
    do got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    const struct cmsghdr *rights = got == (ssize_t)sizeof(head) ? CMSG_FIRSTHDR(&message) : NULL;
    if (rights == NULL || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(n * sizeof(int))) return false;
    memcpy(fds, CMSG_DATA(rights), n * sizeof(int));
    return true;
}

/* -- receiving from the other side ---------------------------------------------------------------------------------------------- */

/* A packet of exactly n_bytes. Descriptors that a hostile sender attaches are dropped by the kernel: no room is given for them. */
static enum asy_wire_got await_packet(int fd, struct asy_watch *watch, void *p, size_t n_bytes)
{
    for (;;) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        const int n_ready = asy_wire_poll(&item, 1);
        if (n_ready < 0 && errno != EINTR) return ASY_GOT_END;
        if (n_ready == 0 && !asy_watch_tick(watch)) return ASY_GOT_LATE;
        if (n_ready <= 0) continue;
        const ssize_t n = recv(fd, p, n_bytes, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n <= 0) return ASY_GOT_END;
        return n == (ssize_t)n_bytes ? ASY_GOT : ASY_GOT_NONSENSE;
    }
}

enum asy_wire_got asy_wire_await(int fd, struct asy_watch *watch, struct asy_wire_head *head)
{
    return await_packet(fd, watch, head, sizeof(*head));
}

enum asy_wire_got asy_wire_await_body(int fd, struct asy_watch *watch, const struct asy_wire_head *head, uint32_t n_bytes_max,
                                      struct asy_pool *pool, struct asy_str *body)
{
    if (head->n_bytes > n_bytes_max) return ASY_GOT_NONSENSE;
    char *p = asy_pool_alloc(pool, (size_t)head->n_bytes + 1);
    if (p == NULL) return ASY_GOT_NOMEM;
    for (uint32_t at = 0; at < head->n_bytes;) {
        const uint32_t left = head->n_bytes - at, n = left < ASY_WIRE_CHUNK_BYTES ? left : ASY_WIRE_CHUNK_BYTES;
        const enum asy_wire_got got = await_packet(fd, watch, p + at, n);
        if (got != ASY_GOT) return got;
        at += n;
    }
    *body = (struct asy_str){p, head->n_bytes};
    return ASY_GOT;
}

/* -- names -------------------------------------------------------------------------------------------------------------------------- */

struct names_head {
    uint32_t n_counters, n_targets, n_lines;
};

static uint8_t *write_texts(uint8_t *at, const struct asy_str *texts, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        memcpy(at, &texts[i].len, sizeof(texts[i].len));
        memcpy(at + sizeof(texts[i].len), texts[i].p, texts[i].len);
        at += sizeof(texts[i].len) + texts[i].len;
    }
    return at;
}

static uint64_t texts_bytes(const struct asy_str *texts, uint32_t n)
{
    uint64_t n_bytes = 0;
    for (uint32_t i = 0; i < n; i++) n_bytes += sizeof(texts[i].len) + texts[i].len;
    return n_bytes;
}

bool asy_wire_pack_names(const struct asy_plugin_names *names, struct asy_pool *pool, struct asy_str *body)
{
    const struct names_head head = {names->n_counters, names->n_targets, names->n_lines};
    const uint64_t n_bytes = sizeof(head) + texts_bytes(names->counters, names->n_counters) + texts_bytes(names->targets, names->n_targets) +
                             texts_bytes(names->lines, names->n_lines);
    if (n_bytes > ASY_WIRE_BODY_BYTES_MAX) return false;
    uint8_t *bytes = asy_pool_alloc(pool, n_bytes), *at = bytes;
    if (bytes == NULL) return false;
    memcpy(at, &head, sizeof(head));
    at = write_texts(at + sizeof(head), names->counters, names->n_counters);
    at = write_texts(at, names->targets, names->n_targets);
    write_texts(at, names->lines, names->n_lines);
    *body = (struct asy_str){(const char *)bytes, (uint32_t)n_bytes};
    return true;
}

struct reader {
    struct asy_str left;
    struct asy_pool *pool;
    bool *is_nomem;
};

static bool read_text(struct reader *reader, uint32_t n_bytes_max, struct asy_str *text)
{
    uint32_t len;
    if (reader->left.len < sizeof(len)) return false;
    memcpy(&len, reader->left.p, sizeof(len));
    if (len > n_bytes_max || len > reader->left.len - sizeof(len)) return false;
    const struct asy_str there = {reader->left.p + sizeof(len), len};
    if (!asy_text_is_clean(there)) return false;
    *text = asy_pool_copy(reader->pool, there);
    *reader->is_nomem = text->p == NULL;
    reader->left.p += sizeof(len) + len;
    reader->left.len -= (uint32_t)sizeof(len) + len;
    return text->p != NULL;
}

static bool read_texts(struct reader *reader, uint32_t n, uint32_t n_max, uint32_t n_bytes_max, struct asy_str **texts)
{
    if (n > n_max || n > reader->left.len / sizeof(uint32_t)) return false;
    *texts = asy_pool_alloc_n(reader->pool, n, sizeof(**texts));
    *reader->is_nomem = *texts == NULL;
    if (*texts == NULL) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!read_text(reader, n_bytes_max, &(*texts)[i])) return false;
    return true;
}

bool asy_wire_unpack_names(struct asy_plugin_names *names, struct asy_pool *pool, struct asy_str body, bool *is_nomem)
{
    struct names_head head;
    *is_nomem = false;
    if (body.len < sizeof(head)) return false;
    memcpy(&head, body.p, sizeof(head));
    struct reader reader = {{body.p + sizeof(head), body.len - (uint32_t)sizeof(head)}, pool, is_nomem};
    *names = (struct asy_plugin_names){.n_counters = head.n_counters, .n_targets = head.n_targets, .n_lines = head.n_lines};
    return read_texts(&reader, head.n_counters, ASSAY_COUNTERS_MAX, ASY_NAME_BYTES_MAX, &names->counters) &&
           read_texts(&reader, head.n_targets, ASSAY_TARGETS_MAX, ASY_NAME_BYTES_MAX, &names->targets) &&
           read_texts(&reader, head.n_lines, ASY_LOG_LINES_MAX, ASY_LOG_LINE_BYTES, &names->lines) && reader.left.len == 0;
}
