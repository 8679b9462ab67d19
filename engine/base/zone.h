/* Time zones: fixed offsets ("UTC", "GMT", "Z", "+05:30", "-08:00", and as CEL has it "02:00"), and named zones
 * ("America/New_York") read from the system's zoneinfo files (TZif, RFC 8536) under /usr/share/zoneinfo.
 * Threads: a zone is constant after loading. */
#ifndef ASY_ZONE_H
#define ASY_ZONE_H

#include "base/mem.h"

struct asy_zone;
/* Load a zone into `pool`. NULL with a static reason in *problem: no such zone, damaged file, out of memory. Names
 * may not contain "..", or start with '/'. */
const struct asy_zone *asy_zone_load(struct asy_pool *pool, struct asy_str name, const char **problem);
/* The same from the bytes of a zoneinfo file; they are not kept. */
const struct asy_zone *asy_zone_parse(struct asy_pool *pool, struct asy_str bytes, const char **problem);
/* Seconds east of UTC at `utc_s`. */
int32_t asy_zone_offset_s(const struct asy_zone *zone, int64_t utc_s);

#endif
