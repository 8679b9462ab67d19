/* The host's side of keepers, see worker.h: given what create() is to know, heard about how that went, stopped. */
#include "plugin/worker_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { CREATE_TICKS = 15 * ASY_TICKS_A_SECOND }; /* and a second for every MiB of texts there is to look at */

/* -- what is given ------------------------------------------------------------------------------------------------------------------ */

/* Descriptors of the keeper's side, in the order of BIND. */
struct parcel {
    uint32_t n; /* the first and second, and leads and verdicts of lanes, may be the host's own */
    int *fds;
    bool *is_mine;
};

static void pack(struct parcel *parcel, int fd, bool is_mine)
{
    parcel->fds[parcel->n] = fd;
    parcel->is_mine[parcel->n++] = is_mine;
}

static void drop_parcel(const struct parcel *parcel)
{
    for (uint32_t i = 0; i < parcel->n; i++)
        if (parcel->is_mine[i] && parcel->fds[i] >= 0) close(parcel->fds[i]);
}

static int reopen_for_reading(int fd)
{
    char path[48];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool pack_lane(struct parcel *parcel, struct asy_lane *lane, const struct asy_stage *stage)
{
    const int leads = reopen_for_reading(stage->leads_fd);
    pack(parcel, leads, true);
    pack(parcel, stage->verdicts_fd, false);
    int work[2] = {-1, -1}, control[2] = {-1, -1};
    const bool is_good = leads >= 0 && asy_wire_pair(work) && asy_wire_pair(control);
    lane->work = work[0];
    lane->control = control[0];
    lane->reason = stage->reason;
    pack(parcel, work[1], true);
    pack(parcel, control[1], true);
    return is_good;
}

static bool pack_all(struct parcel *parcel, struct asy_keeper_process *keeper, const struct asy_facts *facts, const struct asy_stage *stages)
{
    int talk[2];
    if (!asy_wire_pair(talk)) return false;
    keeper->talk = talk[0];
    pack(parcel, facts->fd, false);
    pack(parcel, talk[1], true);
    for (uint32_t i = 0; i < keeper->n_lanes; i++)
        if (!pack_lane(parcel, &keeper->lanes[i], &stages[i])) return false;
    return true;
}

static bool send_parcel(const struct asy_keeper_process *keeper, const struct asy_wire_bind *bind, const struct parcel *parcel)
{
    const struct asy_wire_head head = {.type = ASY_WIRE_BIND, .number = keeper->number, .n_bytes = sizeof(*bind)};
    if (!asy_wire_send(keeper->loader->wire, &head, bind)) return false;
    for (uint32_t at = 0; at < parcel->n;) {
        const uint32_t n = parcel->n - at < ASY_WIRE_FDS_MAX ? parcel->n - at : ASY_WIRE_FDS_MAX;
        if (!asy_wire_send_fds(keeper->loader->wire, parcel->fds + at, n)) return false;
        at += n;
    }
    return true;
}

static assay_status send_bind(struct asy_keeper_process *keeper, const struct asy_facts *facts, const struct asy_stage *stages, int64_t now_s,
                              struct asy_pool *pool, struct assay_error *error)
{
    const char *path = keeper->loader->path;
    const struct asy_wire_bind bind = {.n_lanes = keeper->n_lanes, .n_rows_max = stages[0].n_rows_max, .now_s = now_s, .facts_bytes = facts->size_bytes,
                                       .stage_bytes = stages[0].leads_bytes + stages[0].verdicts_bytes};
    const uint32_t n_fds = 2 + 4 * keeper->n_lanes;
    struct parcel parcel = {.fds = asy_pool_alloc_n(pool, n_fds, sizeof(int)), .is_mine = asy_pool_alloc_n(pool, n_fds, sizeof(bool))};
    if (parcel.fds == NULL || parcel.is_mine == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    const bool is_packed = pack_all(&parcel, keeper, facts, stages);
    const int why = errno;
    const bool is_sent = is_packed && send_parcel(keeper, &bind, &parcel);
    drop_parcel(&parcel);
    if (!is_packed)
        return asy_fail(error, ASSAY_E_IO, "%s: cannot make wires to the plugin's processes for %u threads: %s (`ulimit -n` raises the number of open "
                        "files; fewer threads need fewer)", path, keeper->n_lanes, strerrordesc_np(why));
    if (!is_sent) return asy_fail(error, ASSAY_E_DATA, "%s: the plugin's process has ended since it was loaded", path);
    keeper->is_bound = true;
    return ASSAY_OK;
}

/* -- what is heard ------------------------------------------------------------------------------------------------------------------ */

static assay_status await_bound(struct asy_keeper_process *keeper, struct assay_error *error)
{
    struct asy_wire_head head;
    const char *path = keeper->loader->path;
    if (asy_loader_await(keeper->loader, keeper->number, ASY_WIRE_BOUND, &head) != ASY_GOT)
        return asy_fail(error, ASSAY_E_DATA, "%s: the plugin's process has ended since it was loaded, or does not answer", path);
    if (head.value <= 0)
        return asy_fail(error, ASSAY_E_IO, "%s: cannot start a process for the plugin: fork: %s", path, strerrordesc_np(-head.value));
    keeper->pid = head.value;
    return ASSAY_OK;
}

static assay_status fail_create(struct asy_keeper_process *keeper, enum asy_wire_got got, struct assay_error *error)
{
    struct asy_wire_head head;
    struct asy_fault fault;
    char text[256] = "ended its process";
    const char *path = keeper->loader->path;
    if (got == ASY_GOT_NOMEM) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", path);
    if (got == ASY_GOT_LATE)
        return asy_fail(error, ASSAY_E_DATA, "%s: create(): expected an end within a minute, found that it still runs, or waits for something", path);
    if (got == ASY_GOT_END && asy_loader_await(keeper->loader, keeper->number, ASY_WIRE_KEEPER, &head) == ASY_GOT) {
        fault = asy_fault_of(head.value);
        asy_fault_text(&fault, text, sizeof(text));
    }
    return asy_fail(error, ASSAY_E_DATA, "%s: create(): expected it to return, found that the plugin %s", path,
                    got == ASY_GOT_NONSENSE ? "disturbed its process" : text);
}

static assay_status await_names(struct asy_keeper_process *keeper, uint64_t facts_bytes, struct asy_pool *pool, struct asy_plugin_names *names, struct assay_error *error)
{
    struct asy_wire_head head;
    struct asy_watch watch;
    struct asy_str body = {0};
    bool is_nomem = false;
    const uint32_t n_ticks = CREATE_TICKS + (uint32_t)(facts_bytes >> 20) * ASY_TICKS_A_SECOND;
    asy_watch_init(&watch, keeper->pid, n_ticks * (int64_t)ASY_TICK_NS, n_ticks, ASY_CREATE_ASLEEP_TICKS);
    enum asy_wire_got got = asy_wire_await(keeper->talk, &watch, &head);
    if (got == ASY_GOT) got = asy_wire_await_body(keeper->talk, &watch, &head, ASY_WIRE_BODY_BYTES_MAX, pool, &body);
    if (got == ASY_GOT && head.type == ASY_WIRE_ERROR) return asy_fail_told(&head, body, keeper->loader->path, error);
    if (got == ASY_GOT && (head.type != ASY_WIRE_NAMES || !asy_wire_unpack_names(names, pool, body, &is_nomem)))
        got = is_nomem ? ASY_GOT_NOMEM : ASY_GOT_NONSENSE;
    return got == ASY_GOT ? ASSAY_OK : fail_create(keeper, got, error);
}

/* -- start and stop ----------------------------------------------------------------------------------------------------------------- */

static struct asy_keeper_process *new_keeper(struct asy_loader_process *loader, uint32_t n_lanes)
{
    struct asy_keeper_process *keeper = asy_mem_alloc(loader->mem, sizeof(*keeper));
    if (keeper == NULL) return NULL;
    *keeper = (struct asy_keeper_process){.loader = loader, .number = loader->next_number++, .n_lanes = n_lanes, .talk = -1};
    keeper->lanes = asy_mem_alloc_n(loader->mem, n_lanes, sizeof(*keeper->lanes));
    if (keeper->lanes == NULL) {
        asy_mem_free(loader->mem, keeper, sizeof(*keeper));
        return NULL;
    }
    for (uint32_t i = 0; i < n_lanes; i++) keeper->lanes[i] = (struct asy_lane){.work = -1, .control = -1};
    return keeper;
}

assay_status asy_keeper_start(struct asy_keeper_process **out, struct asy_loader_process *loader, const struct asy_plugin_decl *decl,
                              const struct asy_facts *facts, const struct asy_stage *stages, uint32_t n_lanes, int64_t now_s,
                              struct asy_pool *pool, struct asy_plugin_names *names, struct assay_error *error)
{
    (void)decl; /* the loader has its own */
    if (n_lanes == 0 || n_lanes > ASY_LANES_MAX)
        return asy_fail(error, ASSAY_E_LIMIT, "%s: expected 1 to %d threads, found %u", loader->path, ASY_LANES_MAX, n_lanes);
    struct asy_keeper_process *keeper = new_keeper(loader, n_lanes);
    if (keeper == NULL) return asy_fail(error, ASSAY_E_NOMEM, "%s: out of memory", loader->path);
    assay_status status = send_bind(keeper, facts, stages, now_s, pool, error);
    if (status == ASSAY_OK) status = await_bound(keeper, error);
    if (status == ASSAY_OK) status = await_names(keeper, facts->size_bytes, pool, names, error);
    if (status == ASSAY_OK) *out = keeper;
    else asy_keeper_stop(keeper);
    return status;
}

void asy_keeper_stop(struct asy_keeper_process *keeper)
{
    if (keeper == NULL) return;
    struct asy_loader_process *loader = keeper->loader;
    struct asy_wire_head head = {.type = ASY_WIRE_STOP, .number = keeper->number};
    if (keeper->is_bound && asy_wire_send(loader->wire, &head, NULL)) asy_loader_await(loader, keeper->number, ASY_WIRE_STOPPED, &head);
    if (keeper->talk >= 0) close(keeper->talk);
    for (uint32_t i = 0; i < keeper->n_lanes; i++) {
        if (keeper->lanes[i].work >= 0) close(keeper->lanes[i].work);
        if (keeper->lanes[i].control >= 0) close(keeper->lanes[i].control);
    }
    asy_mem_free(loader->mem, keeper->lanes, keeper->n_lanes * sizeof(*keeper->lanes));
    asy_mem_free(loader->mem, keeper, sizeof(*keeper));
}
