/* What plugins have to do with the story of one lead. Private to exec/lead*.c. */
#ifndef ASY_LEAD_VERDICT_H
#define ASY_LEAD_VERDICT_H

#include "exec/lead.h"

/* Is one of these scores empty for the lead? Then *score is the first. */
bool asy_story_lacks(const struct asy_lead_story *story, const struct asy_reads *reads, uint32_t *score);
/* The verdict of a call; all that it reads must have been told. Texts in the story's pool, or of the plugin. */
void asy_story_verdict(struct asy_lead_story *story, uint32_t call, struct asy_verdict_story *verdict);

#endif
