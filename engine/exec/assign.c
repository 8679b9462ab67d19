/* What is done is planned by route (assign_plan.h); leads are then walked through in three steps, each on all threads:
 *
 *   sort out  who has an owner gets him; who is to be dealt is counted in a bucket: a pile (team, roster) and a score or a few
 *   place     hands go to their buckets, with a key from the id
 *   deal      bucket by bucket: hands in order, owners by turns
 */
#include "exec/assign_plan.h"

#include "base/check.h"
#include "base/thread.h"
#include "exec/order.h"

enum {
    BLOCK_ROWS = 2048,
    PART_ROWS_MIN = 4 * BLOCK_ROWS, /* a thread is not worth it for less */
    BUCKETS_MAX = 4096,             /* unless there are more piles */
    LANES = 8,                      /* numbers side by side, for compilers to vectorise */
    SAMPLES = 64,                   /* ids that the common beginning is guessed from */
    BEGINNING_MAX = 16,
    AHEAD = 16,                     /* ids asked for before they are read */
};
/* In results->owner between sorting out and dealing: the lead is to be dealt, the rest is its bucket. */
#define TO_BE_DEALT (1u << 31)

/* Neighbouring rows that one thread walks through. */
struct part {
    uint32_t from_row, to_row;
    int32_t score_min, score_max;
    uint64_t n_no_owner;
    bool is_odd;            /* some id begins in another way than was guessed */
    uint32_t *buckets;      /* hands; then where the next one goes */
};

struct dealer {
    const struct asy_program *program;
    struct asy_results *results;
    struct asy_state *state;
    uint32_t n_threads;
    struct asy_pool pool;
    struct asy_plans plans;
    const int32_t *score_milli;
    int32_t score_max;
    uint64_t scores_a_bucket_inverse;
    bool is_one_score;                 /* a bucket has one score only */
    uint32_t n_scores_buckets, n_buckets;
    uint32_t n_parts;
    struct part *parts;
    struct asy_order order;
    uint32_t *bucket_starts;           /* n_buckets + 1, in hands */
    uint32_t *bucket_pile;
    uint32_t n_hands, n_spare;
    struct asy_hand *hands, *spare;    /* spare: n_spare a worker */
};

static assay_status make_parts(struct dealer *dealer)
{
    const uint32_t n_leads = dealer->results->n_leads, parts_max = n_leads / PART_ROWS_MIN + 1;
    dealer->n_parts = dealer->n_threads == 1 ? 1 : 4 * dealer->n_threads;
    if (dealer->n_parts > parts_max) dealer->n_parts = parts_max;
    dealer->parts = asy_pool_alloc_n(&dealer->pool, dealer->n_parts, sizeof(*dealer->parts));
    if (dealer->parts == NULL) return ASSAY_E_NOMEM;
    for (uint32_t p = 0; p < dealer->n_parts; p++) {
        dealer->parts[p].from_row = (uint32_t)((uint64_t)n_leads * p / dealer->n_parts);
        dealer->parts[p].to_row = (uint32_t)((uint64_t)n_leads * (p + 1) / dealer->n_parts);
    }
    return ASSAY_OK;
}

/* -- buckets ------------------------------------------------------------------------------------------------------ */

static void find_scores(void *ctx, uint32_t worker, uint64_t piece)
{
    const struct dealer *dealer = ctx;
    struct part *part = &dealer->parts[piece];
    const int32_t *score_milli = dealer->score_milli;
    int32_t least = INT32_MAX, most = INT32_MIN;
    (void)worker;
    int32_t lane_least[LANES], lane_most[LANES];
    uint32_t row = part->from_row;
    for (uint32_t l = 0; l < LANES; l++) lane_least[l] = INT32_MAX, lane_most[l] = INT32_MIN;
    for (; part->to_row - row >= LANES; row += LANES)
        for (uint32_t l = 0; l < LANES; l++) {
            lane_least[l] = score_milli[row + l] < lane_least[l] ? score_milli[row + l] : lane_least[l];
            lane_most[l] = score_milli[row + l] > lane_most[l] ? score_milli[row + l] : lane_most[l];
        }
    for (; row < part->to_row; row++) {
        least = score_milli[row] < least ? score_milli[row] : least;
        most = score_milli[row] > most ? score_milli[row] : most;
    }
    for (uint32_t l = 0; l < LANES; l++) {
        least = lane_least[l] < least ? lane_least[l] : least;
        most = lane_most[l] > most ? lane_most[l] : most;
    }
    part->score_min = least;
    part->score_max = most;
}

/* Empty scores count as lower than all others: their leads are dealt last. */
static assay_status lower_empty_scores(struct dealer *dealer, uint32_t by, int32_t unit_milli)
{
    const struct asy_results *results = dealer->results;
    const uint8_t *empty = results->score_empty == NULL ? NULL : results->score_empty[by];
    uint32_t n_empty = 0;
    int32_t least = INT32_MAX;
    for (uint32_t row = 0; empty != NULL && row < results->n_leads; row++) {
        n_empty += empty[row];
        if (!empty[row] && dealer->score_milli[row] < least) least = dealer->score_milli[row];
    }
    if (n_empty == 0 || n_empty == results->n_leads) return ASSAY_OK;
    int32_t *lowered = asy_pool_alloc_n(&dealer->pool, results->n_leads, sizeof(*lowered));
    if (lowered == NULL) return ASSAY_E_NOMEM;
    for (uint32_t row = 0; row < results->n_leads; row++) lowered[row] = empty[row] ? least - unit_milli : dealer->score_milli[row];
    dealer->score_milli = lowered;
    return ASSAY_OK;
}

/* How many scores share a bucket, so that there are not too many buckets. */
static assay_status share_out_scores(struct dealer *dealer, uint32_t n_ordered_piles)
{
    const struct asy_rules *rules = dealer->program->rules;
    const uint32_t by = rules->grade_by != ASY_NONE ? rules->grade_by : rules->n_scores - 1;
    const uint64_t unit_milli = (uint64_t)asy_score_unit_milli(&rules->scores[by]);
    int32_t least = INT32_MAX, most = INT32_MIN;
    dealer->score_milli = dealer->results->score_milli[by];
    const assay_status status = lower_empty_scores(dealer, by, (int32_t)unit_milli);
    if (status != ASSAY_OK) return status;
    dealer->order.score_milli = dealer->score_milli;
    asy_parallel(dealer->n_threads, dealer->n_parts, find_scores, dealer);
    for (uint32_t p = 0; p < dealer->n_parts; p++) {
        if (dealer->parts[p].score_min < least) least = dealer->parts[p].score_min;
        if (dealer->parts[p].score_max > most) most = dealer->parts[p].score_max;
    }
    const uint64_t n_scores = (uint64_t)((int64_t)most - least) / unit_milli + 1;
    const uint64_t buckets_max = n_ordered_piles < BUCKETS_MAX ? BUCKETS_MAX / (n_ordered_piles + 1) + 1 : 1;
    const uint64_t scores_a_bucket = (n_scores + buckets_max - 1) / buckets_max;
    dealer->score_max = most;
    dealer->is_one_score = scores_a_bucket == 1;
    dealer->n_scores_buckets = (uint32_t)((n_scores - 1) / scores_a_bucket + 1);
    /* twice the width, which is then never 1: see score_bucket */
    dealer->scores_a_bucket_inverse = UINT64_MAX / (2 * scores_a_bucket * unit_milli) + 1;
    return ASSAY_OK;
}
/* The better the score the lower the bucket. Division of a number below 2^33 by multiplication, which is exact for divisors up to
 * 2^31; beyond them, where no equality depends on it, a better score still never comes behind a worse one. */
static inline uint32_t score_bucket(const struct dealer *dealer, int32_t score_milli)
{
    const uint64_t below = (uint64_t)((int64_t)dealer->score_max - score_milli);
    const uint32_t bucket = (uint32_t)((asy_i128)(2 * below) * dealer->scores_a_bucket_inverse >> 64);
    return bucket < dealer->n_scores_buckets ? bucket : dealer->n_scores_buckets - 1;
}

static assay_status make_buckets(struct dealer *dealer)
{
    uint32_t n_ordered_piles = 0;
    for (uint32_t p = 0; p < dealer->plans.n_piles; p++) n_ordered_piles += dealer->plans.piles[p].n_members > 1;
    const assay_status status = share_out_scores(dealer, n_ordered_piles);
    if (status != ASSAY_OK) return status;
    for (uint32_t p = 0; p <= dealer->plans.n_piles; p++) {
        struct asy_pile *pile = &dealer->plans.piles[p];
        pile->first_bucket = dealer->n_buckets;
        pile->n_buckets = p == dealer->plans.n_piles ? 1 : pile->n_members > 1 ? dealer->n_scores_buckets : pile->n_members;
        dealer->n_buckets += pile->n_buckets;
    }
    dealer->bucket_starts = asy_pool_alloc_n(&dealer->pool, (size_t)dealer->n_buckets + 1, sizeof(uint32_t));
    dealer->bucket_pile = asy_pool_alloc_n(&dealer->pool, dealer->n_buckets, sizeof(uint32_t));
    for (uint32_t p = 0; p < dealer->n_parts; p++)
        dealer->parts[p].buckets = asy_pool_alloc_n(&dealer->pool, dealer->n_buckets, sizeof(uint32_t));
    if (dealer->pool.has_failed) return ASSAY_E_NOMEM;
    for (uint32_t p = 0; p <= dealer->plans.n_piles; p++)
        for (uint32_t b = 0; b < dealer->plans.piles[p].n_buckets; b++) dealer->bucket_pile[dealer->plans.piles[p].first_bucket + b] = p;
    return ASSAY_OK;
}

/* -- sorting out -------------------------------------------------------------------------------------------------- */

/* Codes of a column for some rows; 0 without a column. */
static void gather_codes(const struct asy_column *column, const uint32_t *rows, uint32_t n, uint32_t *codes)
{
    const uint8_t *base = column == NULL ? NULL : column->range.base;
    switch (column == NULL ? 0 : column->width) {
    case 0: memset(codes, 0, n * sizeof(*codes)); break;
    case 1: for (uint32_t k = 0; k < n; k++) codes[k] = base[rows[k]]; break;
    case 2: for (uint32_t k = 0; k < n; k++) codes[k] = ((const uint16_t *)(const void *)base)[rows[k]]; break;
    default: for (uint32_t k = 0; k < n; k++) codes[k] = ((const uint32_t *)(const void *)base)[rows[k]]; break;
    }
}
static void gather_territories(const struct asy_program *program, const uint32_t *rows, uint32_t n, uint32_t *territories)
{
    const struct asy_rules *rules = program->rules;
    if (rules->territory_field != ASY_NONE && program->territory_by_code != NULL) {
        gather_codes(&program->store->columns[rules->territory_field], rows, n, territories);
        for (uint32_t k = 0; k < n; k++) territories[k] = program->territory_by_code[territories[k]];
    } else {
        for (uint32_t k = 0; k < n; k++) territories[k] = asy_program_territory(program, rows[k]);
    }
    for (uint32_t k = 0; k < n; k++) territories[k] = territories[k] == ASY_NONE ? rules->n_territories : territories[k];
}

static void sort_out_dealt(const struct dealer *dealer, struct part *part, const uint32_t *rows, uint32_t n)
{
    const struct asy_results *results = dealer->results;
    uint32_t codes[BLOCK_ROWS], territories[BLOCK_ROWS];
    gather_codes(dealer->plans.owner_column, rows, n, codes);
    gather_territories(dealer->program, rows, n, territories);
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t row = rows[k];
        const struct asy_plan_team *team = &dealer->plans.teams[dealer->plans.by_route[results->route[row]].team];
        const struct asy_pile *pile = &dealer->plans.piles[team->piles[territories[k]]];
        const uint32_t kept = asy_plans_kept(&dealer->plans, team, codes[k], row);
        if (kept != 0) {
            results->owner[row] = kept;
            continue;
        }
        /* without branches, which nobody could foresee */
        const uint32_t bucket = pile->first_bucket + (score_bucket(dealer, dealer->score_milli[row]) & pile->mark);
        part->buckets[bucket]++;
        results->owner[row] = pile->only_member | ((TO_BE_DEALT | bucket) & pile->mark);
    }
}

static void look_up(const struct dealer *dealer, struct part *part, const uint32_t *rows, uint32_t n)
{
    const struct asy_results *results = dealer->results;
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t row = rows[k];
        const struct asy_plan *plan = &dealer->plans.by_route[results->route[row]];
        uint32_t owner = plan->column == NULL ? 0 : plan->owner_by_code[asy_column_code(plan->column, row)];
        if (plan->is_named) owner = results->owner[row];
        if (owner == 0 && plan->is_existing && dealer->plans.is_known)
            owner = dealer->plans.owner_by_known[asy_earlier_owner(dealer->program, dealer->state, row)];
        part->n_no_owner += owner == 0;
        results->owner[row] = owner;
    }
}

static void sort_out(void *ctx, uint32_t worker, uint64_t piece)
{
    const struct dealer *dealer = ctx;
    struct part *part = &dealer->parts[piece];
    struct asy_results *results = dealer->results;
    uint32_t dealt[BLOCK_ROWS], looked_up[BLOCK_ROWS];
    (void)worker;
    for (uint32_t from = part->from_row; from < part->to_row; from += BLOCK_ROWS) {
        const uint32_t to = part->to_row - from < BLOCK_ROWS ? part->to_row : from + BLOCK_ROWS;
        uint32_t n_dealt = 0, n_looked_up = 0;
        for (uint32_t row = from; row < to; row++) {
            const struct asy_plan *plan = &dealer->plans.by_route[results->route[row]];
            results->routed_at_s[row] = plan->routed_at_s;
            dealt[n_dealt] = looked_up[n_looked_up] = row;
            n_dealt += plan->is_dealt;
            n_looked_up += plan->is_looked_up;
        }
        sort_out_dealt(dealer, part, dealt, n_dealt);
        look_up(dealer, part, looked_up, n_looked_up);
    }
}

/* -- placing ------------------------------------------------------------------------------------------------------ */

static uint32_t common_bytes(struct asy_str a, struct asy_str b)
{
    uint32_t n = 0;
    while (n < a.len && n < b.len && a.p[n] == b.p[n]) n++;
    return n;
}
/* How many bytes all ids have in common: a guess, which place() looks into. None, or 8 to 16, which two loads can compare. */
static uint32_t common_beginning(const struct asy_keys *keys, uint32_t n_leads)
{
    const struct asy_str first = asy_keys_text(keys, 0);
    uint32_t common = first.len < BEGINNING_MAX ? first.len : BEGINNING_MAX;
    for (uint64_t s = 1; s <= SAMPLES; s++) {
        const uint32_t same = common_bytes(first, asy_keys_text(keys, (uint32_t)((n_leads - 1) * s / SAMPLES)));
        if (same < common) common = same;
    }
    return common < 8 ? 0 : common;
}
static inline bool begins_alike(struct asy_str id, uint32_t n, const uint64_t beginning[2])
{
    uint64_t head, tail;
    if (n == 0) return true;
    if (id.len < n) return false;
    memcpy(&head, id.p, 8);
    memcpy(&tail, id.p + n - 8, 8);
    return head == beginning[0] && tail == beginning[1];
}

static void place(void *ctx, uint32_t worker, uint64_t piece)
{
    const struct dealer *dealer = ctx;
    const struct asy_order *order = &dealer->order;
    struct part *part = &dealer->parts[piece];
    const uint32_t *owner = dealer->results->owner;
    uint64_t beginning[2] = {0};
    uint32_t rows[BLOCK_ROWS];
    (void)worker;
    if (order->id_at > 0) {
        memcpy(&beginning[0], asy_keys_text(order->keys, 0).p, 8);
        memcpy(&beginning[1], asy_keys_text(order->keys, 0).p + order->id_at - 8, 8);
    }
    for (uint32_t from = part->from_row; from < part->to_row; from += BLOCK_ROWS) {
        const uint32_t to = part->to_row - from < BLOCK_ROWS ? part->to_row : from + BLOCK_ROWS;
        uint32_t n = 0;
        for (uint32_t row = from; row < to; row++) {
            rows[n] = row;
            n += owner[row] >> 31;
        }
        for (uint32_t k = 0; k < n; k++) {
            const uint32_t row = rows[k];
            const struct asy_str id = asy_keys_text(order->keys, row);
            __builtin_prefetch(asy_keys_text(order->keys, rows[k + AHEAD < n ? k + AHEAD : k]).p);
            part->is_odd |= !begins_alike(id, order->id_at, beginning);
            const uint64_t key = dealer->is_one_score ? asy_order_id_key(id, order->id_at) : asy_order_key(order, row, ASY_ORDER_BY_SCORE);
            dealer->hands[part->buckets[owner[row] & ~TO_BE_DEALT]++] = (struct asy_hand){.key = key, .row = row};
        }
    }
}

/* From the hands that each part has for each bucket: where the bucket begins, and where in it the part's hands go. */
static void find_places(struct dealer *dealer)
{
    uint32_t at = 0;
    for (uint32_t b = 0; b < dealer->n_buckets; b++) {
        struct asy_pile *pile = &dealer->plans.piles[dealer->bucket_pile[b]];
        dealer->bucket_starts[b] = at;
        for (uint32_t p = 0; p < dealer->n_parts; p++) {
            const uint32_t count = dealer->parts[p].buckets[b];
            dealer->parts[p].buckets[b] = at;
            pile->n_hands += count;
            at += count & pile->mark;
        }
        if (at - dealer->bucket_starts[b] > dealer->n_spare) dealer->n_spare = at - dealer->bucket_starts[b];
    }
    dealer->bucket_starts[dealer->n_buckets] = dealer->n_hands = at;
}
/* After placing, each part stands where the next one began. */
static void go_back(struct dealer *dealer)
{
    for (uint32_t b = 0; b < dealer->n_buckets; b++) {
        for (uint32_t p = dealer->n_parts - 1; p > 0; p--) dealer->parts[p].buckets[b] = dealer->parts[p - 1].buckets[b];
        dealer->parts[0].buckets[b] = dealer->bucket_starts[b];
    }
}

static void place_all(struct dealer *dealer)
{
    bool is_odd = false;
    dealer->order.id_at = common_beginning(dealer->order.keys, dealer->results->n_leads);
    asy_parallel(dealer->n_threads, dealer->n_parts, place, dealer);
    for (uint32_t p = 0; p < dealer->n_parts; p++) is_odd |= dealer->parts[p].is_odd;
    if (!is_odd) return;
    dealer->order.id_at = 0;
    go_back(dealer);
    asy_parallel(dealer->n_threads, dealer->n_parts, place, dealer);
}

/* -- dealing ------------------------------------------------------------------------------------------------------ */

static void deal_bucket(void *ctx, uint32_t worker, uint64_t bucket)
{
    const struct dealer *dealer = ctx;
    const struct asy_pile *pile = &dealer->plans.piles[dealer->bucket_pile[bucket]];
    const uint32_t start = dealer->bucket_starts[bucket], n = dealer->bucket_starts[bucket + 1] - start;
    struct asy_hand *hands = &dealer->hands[start];
    if (n == 0) return; /* also all piles of one */
    asy_order_hands(&dealer->order, hands, dealer->spare + (size_t)worker * dealer->n_spare, n,
                    dealer->is_one_score ? ASY_ORDER_BY_ID : ASY_ORDER_BY_SCORE);
    const uint32_t n_before = start - dealer->bucket_starts[pile->first_bucket];
    uint32_t turn = (uint32_t)(((uint64_t)pile->first_turn + n_before) % pile->n_members);
    for (uint32_t h = 0; h < n; h++) {
        dealer->results->owner[hands[h].row] = pile->members[turn];
        turn = turn + 1 == pile->n_members ? 0 : turn + 1;
    }
}

static assay_status deal(struct dealer *dealer)
{
    struct asy_mem *mem = dealer->results->mem;
    const size_t n_spare = (size_t)dealer->n_spare * dealer->n_threads;
    assay_status status = ASSAY_E_NOMEM;
    if (dealer->n_hands == 0) return ASSAY_OK;
    dealer->hands = asy_mem_alloc_n(mem, dealer->n_hands, sizeof(*dealer->hands));
    dealer->spare = asy_mem_alloc_n(mem, n_spare, sizeof(*dealer->spare));
    if (dealer->hands != NULL && dealer->spare != NULL) {
        place_all(dealer);
        asy_parallel(dealer->n_threads, dealer->n_buckets, deal_bucket, dealer);
        status = ASSAY_OK;
    }
    asy_mem_free(mem, dealer->spare, n_spare * sizeof(*dealer->spare));
    asy_mem_free(mem, dealer->hands, dealer->n_hands * sizeof(*dealer->hands));
    return status;
}

static assay_status move_cursors(struct dealer *dealer)
{
    const struct asy_rules *rules = dealer->program->rules;
    const uint32_t n_rosters = rules->n_territories + 1;
    assay_status status = ASSAY_OK;
    for (uint32_t p = 0; p < dealer->plans.n_piles && status == ASSAY_OK; p++) {
        const struct asy_pile *pile = &dealer->plans.piles[p];
        if (pile->n_hands == 0) continue;
        const struct asy_team *team = &rules->teams[p / n_rosters];
        const uint32_t last = (uint32_t)(((uint64_t)pile->first_turn + pile->n_hands - 1) % pile->n_members);
        status = asy_state_set_cursor(dealer->state, team->name, asy_roster_name(rules, p % n_rosters),
                                      team->rosters[p % n_rosters].members[last], last);
    }
    return status;
}

/* -- what the next run has to know ---------------------------------------------------------------------------------- */

/* Times of first routing, and with a state that is kept, the leads. */
static assay_status remember(struct dealer *dealer)
{
    const struct asy_results *results = dealer->results;
    struct asy_state *state = dealer->state;
    if (!state->is_kept && !dealer->plans.is_known) return ASSAY_OK;
    uint32_t *known_owners = asy_pool_alloc_n(&dealer->pool, results->owners.n, sizeof(*known_owners)); /* 0: not asked for so far */
    if (known_owners == NULL) return ASSAY_E_NOMEM;
    for (uint32_t row = 0; row < results->n_leads; row++) {
        if (!dealer->plans.by_route[results->route[row]].is_told) continue;
        const struct asy_str id = asy_keys_text(&dealer->program->store->keys, row);
        const uint32_t owner = results->owner[row];
        if (!state->is_kept) {
            const struct asy_routed *known = asy_state_lead(state, id);
            if (known != NULL) results->routed_at_s[row] = known->routed_at_s;
            continue;
        }
        assay_status status = ASSAY_OK;
        if (known_owners[owner] == 0)
            status = asy_dict_intern(&state->owners, asy_dict_text(&results->owners, owner), &known_owners[owner]);
        if (status == ASSAY_OK) status = asy_state_route(state, id, known_owners[owner], &results->routed_at_s[row]);
        if (status != ASSAY_OK) return status;
    }
    return ASSAY_OK;
}

assay_status asy_assign(const struct asy_program *program, struct asy_results *results, struct asy_state *state, uint32_t n_threads,
                        struct assay_error *error)
{
    struct dealer dealer = {.program = program,
                            .results = results,
                            .state = state,
                            .n_threads = n_threads == 0 ? 1 : n_threads < ASY_THREADS_MAX ? n_threads : ASY_THREADS_MAX,
                            .order = {.keys = &program->store->keys}};
    if (results->n_leads == 0) return ASSAY_OK;
    asy_pool_init(&dealer.pool, results->mem);
    assay_status status = asy_plans_init(&dealer.plans, &dealer.pool, program, &results->owners, state);
    if (status == ASSAY_OK) status = make_parts(&dealer);
    if (status == ASSAY_OK) status = make_buckets(&dealer);
    if (status == ASSAY_OK) {
        asy_parallel(dealer.n_threads, dealer.n_parts, sort_out, &dealer);
        for (uint32_t p = 0; p < dealer.n_parts; p++) results->n_no_owner += dealer.parts[p].n_no_owner;
        find_places(&dealer);
        results->n_no_member += dealer.plans.piles[dealer.plans.n_piles].n_hands;
        status = deal(&dealer);
    }
    if (status == ASSAY_OK) status = move_cursors(&dealer);
    if (status == ASSAY_OK) status = remember(&dealer);
    asy_pool_fini(&dealer.pool);
    if (status == ASSAY_OK) return ASSAY_OK;
    return asy_fail(error, status, "routing: out of memory while assigning owners");
}
