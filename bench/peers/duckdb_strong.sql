-- The reference rules over codes instead of text: the fastest SQL found for DuckDB, read by peer_duckdb.py in sections.
--
-- Text columns become small integers whose order suits the rules (the lists below; 0 is empty), so that `IN` is a range. An event
-- name is its place in EVENTS of data.py: 0 to 13 are scored, 14 is job_change, 15 to 18 are news of the company. Lead keys are the
-- ranks of the lead ids, so that they sort alike. What was tried and lost: CASE and IN over ENUMs (the constants are not folded: a
-- hash join for each list), one aggregate an event name (4 times as slow), events as a list a lead (list_contains, list_filter;
-- half as fast), joining events to leads before grouping where ids are text.

-- == macros
CREATE OR REPLACE MACRO code(names, value) AS coalesce(list_position(names, value), 0)::UTINYINT;
CREATE TYPE seniority AS ENUM ('c_suite', 'vp', 'director', 'manager', 'ic', 'agency', 'student', 'intern');
CREATE TYPE industry AS ENUM
  ('b2b_saas', 'tech', 'professional_services', 'manufacturing', 'healthcare', 'other', 'education', 'nonprofit', 'government');
CREATE TYPE source AS ENUM ('referral', 'website', 'list_import', 'trade_show', 'manual');
CREATE TYPE lost_reason AS ENUM ('competitor', 'timing', 'budget', 'no_decision', 'product_gap');
CREATE OR REPLACE MACRO country_code(value) AS
  CASE WHEN value IS NULL THEN 0
       ELSE coalesce(list_position(['US', 'CA', 'MX', 'GB', 'IE', 'FR', 'DE', 'NL', 'BE', 'LU', 'ES', 'PT', 'IT', 'AT', 'CH', 'DK', 'SE',
                                    'NO', 'FI', 'AU', 'NZ', 'SG', 'JP', 'HK'], value), 99) END::UTINYINT;
-- Teams are ranges too: enterprise_ae 1 to 4, mid_market_ae 4 to 9, smb_sdr 10 to 12, partner_managers 13.
CREATE OR REPLACE MACRO owner_names() AS
  ['ana', 'bruno', 'chloe', 'dev', 'erin', 'farid', 'grace', 'henk', 'ines', 'jo', 'kim', 'lee', 'maya'];
CREATE OR REPLACE MACRO grade_names() AS ['hot', 'warm', 'cool', 'cold', 'disqualified'];
CREATE OR REPLACE MACRO disqualifier_names() AS
  ['Too small', 'Out-of-scope industry', 'Unsupported country', 'Not a buyer', 'Personal email'];
CREATE OR REPLACE MACRO route_names() AS
  ['Already in a deal', 'Disqualified', 'Target account', 'Enterprise', 'Mid-market', 'SMB', 'Referral', 'Not ready yet', 'Unqualified',
   'Hot but size unknown', 'Warm but outside the size bands'];
CREATE OR REPLACE MACRO recycle_names() AS ['Second look at a lost deal', 'Champion changed jobs', 'Company is moving'];

-- == load: {leads_csv} and {events_csv} are read_csv(..) with text; the tables that all in-memory variants but the natural use
CREATE TABLE text_lead AS SELECT * FROM {leads_csv};
CREATE TABLE lead_key AS SELECT (row_number() OVER (ORDER BY lead_id) - 1)::INTEGER AS key, lead_id FROM text_lead ORDER BY lead_id;
CREATE TABLE owner AS
  SELECT name, (row_number() OVER () + len(owner_names()))::UTINYINT AS code
  FROM (SELECT DISTINCT "lead.owner" AS name FROM text_lead UNION SELECT owner FROM {target_accounts})
  WHERE name IS NOT NULL AND NOT list_contains(owner_names(), name)
  UNION ALL SELECT unnest(owner_names()), unnest(range(1, len(owner_names()) + 1));
CREATE TABLE domain AS
  SELECT name, (row_number() OVER ())::INTEGER AS code FROM (
    SELECT "company.domain" AS name FROM text_lead UNION SELECT "contact.email_domain" FROM text_lead UNION
    SELECT domain FROM {target_accounts} UNION SELECT unnest(['gmail.com', 'yahoo.com', 'hotmail.com']))
  WHERE name IS NOT NULL;
CREATE TABLE target AS
  SELECT domain.code AS domain, owner.code AS owner
  FROM {target_accounts} AS t JOIN domain ON domain.name = t.domain JOIN owner ON owner.name = t.owner;
CREATE TABLE lead AS
  SELECT key,
         ("contact.name" IS NOT NULL)::UTINYINT + ("contact.email" IS NOT NULL)::UTINYINT + ("company.name" IS NOT NULL)::UTINYINT
           + ("contact.title" IS NOT NULL)::UTINYINT + ("lead.source" IS NOT NULL)::UTINYINT AS n_filled,
         coalesce("company.employees", -1)::INTEGER AS employees,
         country_code("company.country") AS country,
         coalesce(enum_code("company.industry") + 1, 0)::UTINYINT AS industry,
         coalesce(enum_code("contact.seniority") + 1, 0)::UTINYINT AS seniority,
         coalesce(enum_code("lead.source") + 1, 0)::UTINYINT AS source,
         owner.code AS current_owner,
         coalesce("crm.open_opportunity", false) AS has_open_opportunity,
         epoch("deal.lost_on")::INTEGER AS lost_on,
         coalesce(enum_code("deal.lost_reason") + 1, 0)::UTINYINT AS lost_reason,
         company.code AS domain,
         coalesce(email.code, 0) AS email_domain
  FROM text_lead JOIN lead_key USING (lead_id)
  LEFT JOIN owner ON owner.name = "lead.owner"
  LEFT JOIN domain AS company ON company.name = "company.domain"
  LEFT JOIN domain AS email ON email.name = "contact.email_domain"
  ORDER BY key;
CREATE TABLE event AS
  SELECT key, enum_code(event)::UTINYINT AS name, epoch("time")::INTEGER AS "time" FROM {events_csv} JOIN lead_key USING (lead_id)
  ORDER BY key, "time";
DROP TABLE text_lead;

-- == lead_csv: the columns of `lead`, straight from the file
lead AS (
  SELECT lead_id AS key,
         ("contact.name" IS NOT NULL)::UTINYINT + ("contact.email" IS NOT NULL)::UTINYINT + ("company.name" IS NOT NULL)::UTINYINT
           + ("contact.title" IS NOT NULL)::UTINYINT + ("lead.source" IS NOT NULL)::UTINYINT AS n_filled,
         coalesce("company.employees", -1)::INTEGER AS employees,
         country_code("company.country") AS country,
         coalesce(enum_code("company.industry") + 1, 0)::UTINYINT AS industry,
         coalesce(enum_code("contact.seniority") + 1, 0)::UTINYINT AS seniority,
         coalesce(enum_code("lead.source") + 1, 0)::UTINYINT AS source,
         "lead.owner" AS owner_name,
         CASE WHEN "lead.owner" IS NOT NULL THEN code(owner_names(), "lead.owner") END AS current_owner,
         coalesce("crm.open_opportunity", false) AS has_open_opportunity,
         "deal.lost_on" AS lost_on,
         coalesce(enum_code("deal.lost_reason") + 1, 0)::UTINYINT AS lost_reason,
         "company.domain" AS domain,
         "contact.email_domain" AS email_domain
  FROM {leads_csv}
)

-- == tally: counts of a lead's events in three aggregates
-- seen: bit `name` of each name that occurred, but bits 22 to 26 for signals that are too old to matter.
-- tallies: the counts of 11, 12 and 13 in one number, 17 bits each; a DOUBLE, whose sums are exact up to 2^53 and faster than those of
-- a BIGINT, which DuckDB makes 128 bits wide.
tally AS (
  SELECT key,
         bit_or(1::INTEGER << (name::INTEGER + CASE WHEN name > 13 AND "time" <= {ago_31d} THEN 8 ELSE 0 END)) AS seen,
         sum(CASE name WHEN 11 THEN 1::DOUBLE WHEN 12 THEN 131072::DOUBLE WHEN 13 THEN 17179869184::DOUBLE ELSE 0 END)::BIGINT AS tallies,
         max(CASE WHEN name < 14 THEN "time" END) AS last
  FROM {event}
  WHERE "time" <= {as_of}
  GROUP BY key
)

-- == counted: points of variant A
activity AS (
  SELECT key, seen, last,
         least(100, 50 * (seen & 1) + 40 * bit_count(seen & 6) + 30 * ((seen >> 3) & 1) + 25 * ((seen >> 4) & 1) + 20 * ((seen >> 5) & 1)
                    + 15 * ((seen >> 6) & 1) + 10 * ((seen >> 7) & 1) + 5 * bit_count(seen & 1792) + 2 * ((seen >> 11) & 1)
                    + 15 * ((tallies & 131071) >= 5)::INTEGER + least(10, 2 * ((tallies >> 17) & 131071)::INTEGER)
                    + least(20, 5 * (tallies >> 34)::INTEGER)) AS event_points
  FROM tally
)
-- == counted_decayed
CASE WHEN last > {ago_90d} THEN CASE WHEN last > {ago_60d} THEN event_points ELSE (event_points + 1) >> 1 END ELSE 0 END

-- == kept: what a lead's events come to, kept in the lead's row; signals by their last time, as the as-of time moves on
CREATE TABLE lead_kept AS
  SELECT lead.*, k.* EXCLUDE (key) FROM lead LEFT JOIN (
    SELECT key, bit_or(1::INTEGER << name::INTEGER) AS ever,
           sum(CASE name WHEN 11 THEN 1::DOUBLE WHEN 12 THEN 131072::DOUBLE WHEN 13 THEN 17179869184::DOUBLE ELSE 0 END)::BIGINT AS tallies,
           max(CASE WHEN name < 14 THEN "time" END) AS last, max(CASE WHEN name = 14 THEN "time" END) AS last_job_change,
           max(CASE WHEN name > 14 THEN "time" END) AS last_company_news
    FROM event WHERE "time" <= {as_of} GROUP BY key) AS k USING (key)
  ORDER BY key;

-- == kept_activity
lead AS (SELECT * FROM lead_kept),
tally AS (
  SELECT *, (ever & 16383) + 16384 * coalesce(last_job_change > {ago_31d}, false)::INTEGER
            + 32768 * coalesce(last_company_news > {ago_31d}, false)::INTEGER AS seen
  FROM lead
)

-- == half_life_exact: variant B to the last bit, as assay defines it: Q30 weights summed by name, each name's points rounded to 1/1000
-- {weighted_sums} is sum(q30) FILTER (WHERE name = 0) AS sum_0 and so on; {weighted_milli} adds up the rounded points. Grouping by key
-- and name first takes twice as long.
tally AS (
  SELECT key,
         bit_or(1::INTEGER << (name::INTEGER + CASE WHEN name > 13 AND "time" <= {ago_31d} THEN 8 ELSE 0 END)) AS seen,
         {weighted_sums},
         count(*) FILTER (WHERE name = 11) AS visits,
         max(CASE WHEN name < 14 THEN "time" END) AS last
  FROM {event} JOIN weight ON weight.age = ({as_of} - "time") // 86400
  WHERE "time" <= {as_of}
  GROUP BY key
),
activity AS (
  SELECT key, seen, last, least(100000, {weighted_milli} + CASE WHEN visits >= 5 THEN 15000 ELSE 0 END) AS event_points
  FROM tally
)
-- == half_life_exact_decayed
CASE WHEN last > {ago_90d} THEN floor(event_points / CASE WHEN last > {ago_60d} THEN 1000 ELSE 2000 END + 0.5)::INTEGER ELSE 0 END

-- == half_life: variant B in floating point, all names in one sum: may be a point off where a sum is close to a half
tally AS (
  SELECT key,
         bit_or(1::INTEGER << (name::INTEGER + CASE WHEN name > 13 AND "time" <= {ago_31d} THEN 8 ELSE 0 END)) AS seen,
         sum(CASE WHEN name = 12 OR name = 13 THEN 0 ELSE points * w END) AS others,
         sum(CASE WHEN name = 12 THEN w ELSE 0 END) AS opens,
         sum(CASE WHEN name = 13 THEN w ELSE 0 END) AS clicks,
         sum(CASE WHEN name = 11 THEN 1::DOUBLE ELSE 0 END) AS visits,
         max(CASE WHEN name < 14 THEN "time" END) AS last
  FROM (SELECT key, name, "time", q30 / 1073741824 AS w, points
        FROM {event} JOIN weight ON weight.age = ({as_of} - "time") // 86400 JOIN name_points USING (name)
        WHERE "time" <= {as_of})
  GROUP BY key
),
activity AS (
  SELECT key, seen, last,
         least(100, others + least(10, 2 * opens) + least(20, 5 * clicks) + CASE WHEN visits >= 5 THEN 15 ELSE 0 END) AS event_points
  FROM tally
)
-- == half_life_decayed
CASE WHEN last > {ago_90d} THEN floor(event_points / CASE WHEN last > {ago_60d} THEN 1 ELSE 2 END + 0.5)::INTEGER ELSE 0 END

-- == rules: from `lead` and `activity` to one row a lead, codes in place of names
points AS (
  SELECT lead.*, coalesce(seen, 0) AS seen, seen IS NOT NULL AS is_active,
         greatest(0, least(100,
             -10 * (employees BETWEEN 1 AND 10)::INTEGER + 10 * (employees BETWEEN 11 AND 50)::INTEGER
             + 25 * (employees BETWEEN 51 AND 200)::INTEGER + 20 * (employees BETWEEN 201 AND 500)::INTEGER
             + 10 * (employees > 500)::INTEGER
             + 20 * (industry BETWEEN 1 AND 3)::INTEGER + 10 * (industry BETWEEN 4 AND 5)::INTEGER - 50 * (industry > 7)::INTEGER
             + 30 * (seniority = 1)::INTEGER + 25 * (seniority = 2)::INTEGER + 20 * (seniority = 3)::INTEGER
             + 10 * (seniority = 4)::INTEGER + 5 * (seniority = 5)::INTEGER - 20 * (seniority > 6)::INTEGER
             + 10 * (country BETWEEN 1 AND 19)::INTEGER + 5 * (country BETWEEN 20 AND 21)::INTEGER - 20 * (country > 24)::INTEGER)) AS fit,
         coalesce({decayed}, 0) AS engagement
  FROM {lead_with_activity}
),
scored AS (
  SELECT *, least(100, fit + engagement) AS total,
         [0, 17, 33, 50, 67, 83, 100][1 + n_filled + is_active::INTEGER] AS completeness,
         CASE WHEN employees BETWEEN 0 AND 9 THEN 1 WHEN industry > 6 THEN 2 WHEN country > 24 THEN 3 WHEN seniority > 5 THEN 4
              WHEN email_domain IN ({freemail}) THEN 5 ELSE 0 END::UTINYINT AS disqualifier
  FROM points
),
routed AS (
  SELECT scored.*, target.owner AS target_owner,
         CASE WHEN has_open_opportunity THEN 1 WHEN disqualifier > 0 THEN 2 WHEN target.domain IS NOT NULL THEN 3
              WHEN total < 60 THEN CASE WHEN source = 1 THEN 7 WHEN total >= 40 THEN 8 ELSE 9 END
              WHEN total >= 80 AND employees >= 200 THEN 4
              WHEN employees BETWEEN 50 AND 200 THEN 5
              WHEN employees BETWEEN 0 AND 49 THEN 6
              WHEN source = 1 THEN 7
              WHEN total >= 80 THEN 10
              ELSE 11 END::UTINYINT AS route
  FROM scored LEFT JOIN {target} AS target USING (domain)
),
placed AS MATERIALIZED (
  SELECT key, fit, engagement, total, completeness, disqualifier, route,
         CASE WHEN disqualifier > 0 THEN 5 ELSE 4 - (total >= 40)::INTEGER - (total >= 60)::INTEGER - (total >= 80)::INTEGER END::UTINYINT
           AS grade,
         -- Who has the lead already, if the route leaves it there.
         CASE WHEN route IN (2, 8, 9) THEN NULL
              WHEN route = 1 THEN {existing_owner}
              WHEN route = 3 THEN target_owner
              WHEN route = 4 THEN CASE WHEN current_owner BETWEEN 1 AND 4 THEN {team_owner} END
              WHEN route = 6 THEN CASE WHEN current_owner BETWEEN 10 AND 12 THEN {team_owner} END
              WHEN route = 7 THEN CASE WHEN current_owner = 13 THEN {team_owner} END
              ELSE CASE WHEN current_owner BETWEEN 4 AND 9 THEN {team_owner} END END AS kept,
         -- Whose turn it is else: a number for each team and territory.
         CASE WHEN kept IS NULL THEN
           CASE WHEN route IN (6, 7) THEN route + 1
                WHEN route IN (4, 5, 10, 11) AND country BETWEEN 1 AND 24
                  THEN CASE WHEN route = 4 THEN 1 ELSE 4 END + (country > 3)::INTEGER + (country > 19)::INTEGER END END::UTINYINT AS pool,
         CASE WHEN lost_reason BETWEEN 1 AND 3 AND lost_on <= {ago_180d} AND lost_on > {ago_366d} THEN 1
              WHEN seen & 16384 > 0 THEN 2 WHEN seen & 491520 > 0 THEN 3 ELSE 0 END::UTINYINT AS recycle
  FROM routed
),
dealt AS (
  SELECT key,
         CASE pool WHEN 1 THEN 1 + turn % 2 WHEN 2 THEN 3 WHEN 3 THEN 4 WHEN 4 THEN 5 + turn % 3 WHEN 5 THEN 8 + turn % 2 WHEN 6 THEN 4
                   WHEN 7 THEN 10 + turn % 3 WHEN 8 THEN 13 END AS member
  FROM (SELECT key, pool, row_number() OVER (PARTITION BY pool ORDER BY total DESC, key) - 1 AS turn FROM placed WHERE pool IS NOT NULL)
)

-- == result: in memory
SELECT key, fit::UTINYINT AS fit, engagement::UTINYINT AS engagement, total::UTINYINT AS total, completeness::UTINYINT AS completeness,
       grade, disqualifier, route, coalesce(kept, member)::UTINYINT AS owner, recycle
FROM placed LEFT JOIN dealt USING (key)

-- == decoded: what it says, to be compared with assay's
SELECT lead_id, fit, engagement, total, completeness, grade_names()[grade] AS grade, disqualifier_names()[disqualifier] AS disqualified_by,
       route_names()[route] AS route, owner.name AS owner, recycle_names()[recycle] AS recycle
FROM result JOIN lead_key USING (key) LEFT JOIN owner ON owner.code = result.owner

-- == result_csv
SELECT key AS lead_id, fit, engagement, total, completeness, grade_names()[grade] AS grade,
       disqualifier_names()[disqualifier] AS disqualified_by, route_names()[route] AS route,
       coalesce(kept, owner_names()[member]) AS owner,
       [NULL, NULL, 'Target Account', 'Hot Lead', 'Warm Lead', NULL, 'Referral', NULL, 'Unqualified', 'Hot Lead', NULL][route] AS flag,
       CASE WHEN route IN (4, 7, 10) THEN '{plus_4h}' WHEN route IN (5, 6, 11) THEN '{plus_24h}' END AS respond_by,
       recycle_names()[recycle] AS recycle, CASE WHEN recycle > 0 THEN 'sales_reengage' END AS recycle_to
FROM placed LEFT JOIN dealt USING (key)
