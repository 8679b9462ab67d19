-- The reference rules in ClickHouse, over codes instead of text; read by peer_clickhouse.py in sections. The codes are those of
-- duckdb_strong.sql; 0 is empty. An empty cell is an empty String, but NULL where a number or a date is read.

-- == lead: the columns that the rules read, by {key}, from {leads}
lead AS (
  SELECT
    {key} AS key,
    toUInt8((`contact.name` != '') + (`contact.email` != '') + (`company.name` != '') + (`contact.title` != '') + (`lead.source` != ''))
      AS n_filled,
    ifNull(`company.employees`, -1) AS employees,
    toUInt8(if(`company.country` = '', 0, if((indexOf(['US', 'CA', 'MX', 'GB', 'IE', 'FR', 'DE', 'NL', 'BE', 'LU', 'ES', 'PT', 'IT', 'AT',
      'CH', 'DK', 'SE', 'NO', 'FI', 'AU', 'NZ', 'SG', 'JP', 'HK'], `company.country`) AS place) > 0, place, 99))) AS country,
    toUInt8(indexOf(['b2b_saas', 'tech', 'professional_services', 'manufacturing', 'healthcare', 'other', 'education', 'nonprofit',
      'government'], `company.industry`)) AS industry,
    toUInt8(indexOf(['c_suite', 'vp', 'director', 'manager', 'ic', 'agency', 'student', 'intern'], `contact.seniority`)) AS seniority,
    toUInt8(`lead.source` = 'referral') AS is_referral,
    toLowCardinality(`lead.owner`) AS owner,
    toUInt8(indexOf({owners}, `lead.owner`)) AS owner_code,
    lower(`crm.open_opportunity`) = 'true' AS has_open_opportunity,
    ifNull(`deal.lost_on`, toDate(0)) AS lost_on,
    `deal.lost_reason` IN ('competitor', 'timing', 'budget') AS is_worth_a_second_look,
    toLowCardinality(transform(`company.domain`, {target_domains}, {target_owners}, '')) AS target_owner,
    `contact.email_domain` IN ('gmail.com', 'yahoo.com', 'hotmail.com') AS is_freemail
  FROM {leads}
)

-- == counted
tally AS (
  SELECT key,
         groupBitOr(bitShiftLeft(toUInt32(1), name + if(name > 13 AND time <= {ago_31d}, 8, 0))) AS seen,
         countIf(name = 11) AS visits, countIf(name = 12) AS opens, countIf(name = 13) AS clicks,
         maxIf(time, name < 14) AS last
  FROM {events}
  WHERE time <= {as_of}
  GROUP BY key
),
activity AS (
  SELECT key, seen, last, toUInt8(1) AS is_active,
         toInt32(least(100, 50 * bitTest(seen, 0) + 40 * bitCount(bitAnd(seen, 6)) + 30 * bitTest(seen, 3) + 25 * bitTest(seen, 4)
           + 20 * bitTest(seen, 5) + 15 * bitTest(seen, 6) + 10 * bitTest(seen, 7) + 5 * bitCount(bitAnd(seen, 1792))
           + 2 * bitTest(seen, 11) + 15 * (visits >= 5) + least(10, 2 * opens) + least(20, 5 * clicks))) AS event_points
  FROM tally
)
-- == counted_decayed
multiIf(last > {ago_60d}, event_points, last > {ago_90d}, intDiv(event_points + 1, 2), 0)

-- == half_life: exact; weights from an array by whole days
tally AS (
  SELECT key,
         groupBitOr(bitShiftLeft(toUInt32(1), name + if(name > 13 AND time <= {ago_31d}, 8, 0))) AS seen,
         {weighted_sums},
         countIf(name = 11) AS visits,
         maxIf(time, name < 14) AS last
  FROM (SELECT key, name, time, {weights}[1 + intDiv({as_of} - time, 86400)] AS q30 FROM {events} WHERE time <= {as_of})
  GROUP BY key
),
activity AS (
  SELECT key, seen, last, toUInt8(1) AS is_active, toInt32(least(100000, {weighted_milli} + 15000 * (visits >= 5))) AS event_points
  FROM tally
)
-- == half_life_decayed
multiIf(last > {ago_60d}, intDiv(event_points + 500, 1000), last > {ago_90d}, intDiv(event_points + 1000, 2000), 0)

-- == rules
points AS (
  SELECT lead.*, activity.seen AS seen, activity.is_active AS is_active,
         greatest(0, least(100,
             -10 * (employees BETWEEN 1 AND 10) + 10 * (employees BETWEEN 11 AND 50) + 25 * (employees BETWEEN 51 AND 200)
             + 20 * (employees BETWEEN 201 AND 500) + 10 * (employees > 500)
             + 20 * (industry BETWEEN 1 AND 3) + 10 * (industry BETWEEN 4 AND 5) - 50 * (industry > 7)
             + 30 * (seniority = 1) + 25 * (seniority = 2) + 20 * (seniority = 3) + 10 * (seniority = 4) + 5 * (seniority = 5)
             - 20 * (seniority > 6) + 10 * (country BETWEEN 1 AND 19) + 5 * (country BETWEEN 20 AND 21) - 20 * (country > 24))) AS fit,
         {decayed} AS engagement,
         least(100, fit + engagement) AS total,
         [0, 17, 33, 50, 67, 83, 100][1 + n_filled + is_active] AS completeness,
         toUInt8(multiIf(employees BETWEEN 0 AND 9, 1, industry > 6, 2, country > 24, 3, seniority > 5, 4, is_freemail, 5, 0)) AS disqualifier
  FROM lead LEFT JOIN activity ON activity.key = lead.key
),
placed AS (
  SELECT key, fit, engagement, total, completeness, disqualifier, seen,
         toUInt8(multiIf(disqualifier > 0, 5, total >= 80, 1, total >= 60, 2, total >= 40, 3, 4)) AS grade,
         toUInt8(multiIf(has_open_opportunity, 1, disqualifier > 0, 2, target_owner != '', 3,
                         total < 60, multiIf(is_referral, 7, total >= 40, 8, 9),
                         total >= 80 AND employees >= 200, 4, employees BETWEEN 50 AND 200, 5, employees BETWEEN 0 AND 49, 6,
                         is_referral, 7, total >= 80, 10, 11)) AS route,
         multiIf(route = 4, owner_code BETWEEN 1 AND 4, route = 6, owner_code BETWEEN 10 AND 12, route = 7, owner_code = 13,
                 route IN (5, 10, 11), owner_code BETWEEN 4 AND 9, 0) AS is_mate,
         multiIf(route = 1 OR is_mate, owner, route = 3, target_owner, '') AS kept,
         toUInt8(multiIf(is_mate, 0, route = 6, 7, route = 7, 8, route IN (4, 5, 10, 11) AND country BETWEEN 1 AND 24,
                         if(route = 4, 1, 4) + (country > 3) + (country > 19), 0)) AS pool,
         toUInt8(multiIf(is_worth_a_second_look AND lost_on <= {date_ago_180d} AND lost_on > {date_ago_366d}, 1, bitTest(seen, 14), 2,
                         bitAnd(seen, 491520) > 0, 3, 0)) AS recycle
  FROM points
),
-- Who has no pool takes no turn: all of them in one, in any order.
turns AS (SELECT *, row_number() OVER (PARTITION BY pool ORDER BY if(pool = 0, 0, total) DESC, {turn_key}) - 1 AS turn FROM placed)

-- == result
SELECT key, toUInt8(fit) AS fit, toUInt8(engagement) AS engagement, toUInt8(total) AS total, toUInt8(completeness) AS completeness, grade,
       disqualifier, route,
       multiIf(pool = 0, kept,
         {owners}[multiIf(pool = 1, 1 + turn % 2, pool = 2, 3, pool = 3, 4, pool = 4, 5 + turn % 3, pool = 5, 8 + turn % 2, pool = 6, 4,
                          pool = 7, 10 + turn % 3, 13)]) AS owner,
       recycle
FROM turns

-- == decoded
SELECT {lead_id} AS lead_id, fit, engagement, total, completeness,
       ['hot', 'warm', 'cool', 'cold', 'disqualified'][grade] AS grade,
       ['Too small', 'Out-of-scope industry', 'Unsupported country', 'Not a buyer', 'Personal email'][disqualifier] AS disqualified_by,
       ['Already in a deal', 'Disqualified', 'Target account', 'Enterprise', 'Mid-market', 'SMB', 'Referral', 'Not ready yet',
        'Unqualified', 'Hot but size unknown', 'Warm but outside the size bands'][result.route] AS route,
       owner,
       {more}
       ['Second look at a lost deal', 'Champion changed jobs', 'Company is moving'][result.recycle] AS recycle {end}

-- == decoded_csv: two columns more
['', '', 'Target Account', 'Hot Lead', 'Warm Lead', '', 'Referral', '', 'Unqualified', 'Hot Lead', ''][result.route] AS flag,
multiIf(result.route IN (4, 7, 10), '{plus_4h}', result.route IN (5, 6, 11), '{plus_24h}', '') AS respond_by,
