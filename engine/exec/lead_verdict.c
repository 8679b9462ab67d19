/* What a plugin says about one lead: asked about it alone, in the first lane of the last pass. */
#include "exec/lead_verdict.h"

#include "base/check.h"

bool asy_story_lacks(const struct asy_lead_story *story, const struct asy_reads *reads, uint32_t *score)
{
    for (uint32_t r = 0; r < reads->n; r++) {
        if (!story->scores[reads->scores[r]].is_empty) continue;
        *score = reads->scores[r];
        return true;
    }
    return false;
}

static uint32_t code_of(const struct asy_lead_story *story, const struct asy_cel_input *input)
{
    if (input->kind == ASY_IN_GRADE) return story->grade;
    if (input->kind == ASY_IN_STAGE) return story->stage;
    if (input->kind != ASY_IN_FIELD) return 0;
    return asy_column_code(&story->program->store->columns[input->index], story->row);
}

/* One value into row 0 of a column whose other rows, as far as a plugin may read, are zero. */
static void stage_value(struct asy_lead_story *story, const struct asy_cel_input *input, uint32_t type, void *data, uint8_t *null)
{
    const struct asy_cel_value value = asy_lead_read(story, input);
    if (value.type == ASY_CEL_NULL) {
        *null = 0xFF;
        return;
    }
    switch (type) {
    case ASSAY_POINTS_COLUMN: *(int32_t *)data = (int32_t)story->scores[input->index].final_milli; break;
    case ASSAY_TEXT_COLUMN: *(uint32_t *)data = code_of(story, input); break;
    case ASSAY_BOOL_COLUMN: *(uint8_t *)data = value.b; break;
    case ASSAY_NUMBER_COLUMN: *(double *)data = value.type == ASY_CEL_INT ? (double)value.i : value.d; break;
    default: *(int64_t *)data = value.i; break; /* a whole number; seconds of a time */
    }
}

static void stage_lead(struct asy_lead_story *story, uint32_t number, struct asy_stage *stage)
{
    enum { READABLE_ROWS = 64 };
    const struct asy_program *program = story->program;
    const struct asy_call *call = &program->calls[number];
    const struct asy_plugin_call *given = &program->rules->calls[number];
    const uint32_t *column_of = program->plugins->column_of[number];
    for (uint32_t c = 0; c < call->decl->n_wants; c++) {
        if (column_of[c] == ASY_NONE) continue;
        memset(stage->data[c], 0, (size_t)READABLE_ROWS * stage->widths[c]);
        memset(stage->null[c], 0, READABLE_ROWS);
        stage_value(story, &given->inputs[column_of[c]], call->decl->wants[c].type, stage->data[c], stage->null[c]);
    }
    if (stage->keys == NULL) return;
    memset(stage->keys, 0, READABLE_ROWS * sizeof(*stage->keys));
    stage->keys[0] = asy_checksum(asy_keys_text(&program->store->keys, story->row));
}

static void tell_empty(struct asy_verdict_story *verdict, struct asy_str why)
{
    *verdict = (struct asy_verdict_story){.is_empty = true, .why_empty = why};
}

static void tell_judged(struct asy_lead_story *story, const struct asy_call *call, const struct asy_stage *stage,
                        const struct asy_judgement *judgement, struct asy_verdict_story *verdict)
{
    const uint16_t reason = stage->reason[0];
    if (judgement->n_bad > 0 || judgement->is_given_up || reason == ASY_REASON_UNWRITTEN) {
        char text[400];
        asy_fault_text(&judgement->bad[0].fault, text, sizeof(text));
        tell_empty(verdict, asy_pool_printf(story->pool, "quarantined: the plugin %s", text));
        return;
    }
    verdict->reason = reason == ASSAY_NO_REASON ? NULL : asy_decl_reason(call->decl, reason);
    if (verdict->reason == NULL) return;
    const struct asy_plugin_names *names = asy_bound_names(call->bound);
    if (stage->points != NULL) verdict->points_milli = stage->points[0];
    if (stage->target != NULL && (uint32_t)stage->target[0] < names->n_targets) verdict->target = names->targets[stage->target[0]];
    if (stage->due != NULL) verdict->due_s = stage->due[0];
}

void asy_story_verdict(struct asy_lead_story *story, uint32_t number, struct asy_verdict_story *verdict)
{
    const struct asy_program *program = story->program;
    *verdict = (struct asy_verdict_story){.target = ASY_STR(""), .why_empty = ASY_STR("")};
    if (program->n_calls == 0 || program->calls[number].bound == NULL) {
        tell_empty(verdict, ASY_STR("plugins were not asked"));
        return;
    }
    const struct asy_call *call = &program->calls[number];
    uint32_t score;
    if (program->is_stopped[call->plugin]) {
        tell_empty(verdict, ASY_STR("the plugin was stopped in this run, since it failed on too many leads"));
    } else if (asy_story_lacks(story, &call->reads, &score)) {
        tell_empty(verdict, asy_pool_printf(story->pool, "not asked: score.%.*s is empty", ASY_ARG(program->rules->scores[score].name)));
    } else {
        struct asy_stage *stage = asy_bound_stage(call->bound, 0);
        struct asy_judgement judgement;
        stage_lead(story, number, stage);
        asy_bound_judge(call->bound, 0, 1, &judgement);
        tell_judged(story, call, stage, &judgement, verdict);
    }
}
