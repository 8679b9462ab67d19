-- The reference rules as an analyst writes them: text is compared as text, one expression a rule. Read by DuckDB, PostgreSQL and SQLite.
--
-- Names in {braces} are filled in by dialect.py: {leads}, {events} and {target_accounts} are what to read; {as_of} and {ago_60d} are
-- times, {plus_4h} their text as assay writes it; {least} and {greatest} are what SQLite calls min and max.
-- Out are the columns that assay writes, but for `reasons`; the order of the leads is not kept.

WITH
lead AS (
  SELECT
    lead_id,
    "contact.name"         AS contact_name,
    "contact.email"        AS email,
    "contact.email_domain" AS email_domain,
    "contact.title"        AS title,
    "contact.seniority"    AS seniority,
    "company.name"         AS company_name,
    "company.domain"       AS domain,
    "company.employees"    AS employees,
    "company.country"      AS country,
    "company.industry"     AS industry,
    "lead.source"          AS source,
    "lead.owner"           AS current_owner,
    coalesce("crm.open_opportunity", {false}) AS has_open_opportunity,
    "deal.lost_on"         AS lost_on,
    "deal.lost_reason"     AS lost_reason,
    CASE
      WHEN "company.country" IN ('US', 'CA', 'MX') THEN 'us_canada'
      WHEN "company.country" IN ('GB', 'IE', 'FR', 'DE', 'NL', 'BE', 'LU', 'ES', 'PT', 'IT', 'AT', 'CH', 'DK', 'SE', 'NO', 'FI')
        THEN 'uk_europe'
      WHEN "company.country" IN ('AU', 'NZ', 'SG', 'JP', 'HK') THEN 'apac'
    END AS territory
  FROM {leads}
),

activity AS (
  SELECT
    lead_id,
    {event_points} AS event_points,
    max("time") FILTER (WHERE event NOT IN ('job_change', 'funding_round', 'rapid_hiring', 'new_executive', 'product_launch'))
      AS last_scored,
    max("time") FILTER (WHERE event = 'job_change') AS last_job_change,
    max("time") FILTER (WHERE event IN ('funding_round', 'rapid_hiring', 'new_executive', 'product_launch')) AS last_company_news
  FROM {events}
  WHERE "time" <= {as_of}
    AND event IN ('demo_request', 'pricing_page_view', 'contact_sales', 'free_trial', 'webinar_attended', 'case_study_download',
                  'product_page_view', 'blog_read', 'newsletter_signup', 'whitepaper_download', 'website_visit', 'email_open',
                  'email_click', 'email_reply', 'job_change', 'funding_round', 'rapid_hiring', 'new_executive', 'product_launch')
  GROUP BY lead_id
),

points AS (
  SELECT
    lead.*,
    activity.lead_id IS NOT NULL AS is_active,
    last_job_change,
    last_company_news,
    {greatest}(0, {least}(100,
        CASE WHEN employees BETWEEN 1 AND 10 THEN -10
             WHEN employees BETWEEN 11 AND 50 THEN 10
             WHEN employees BETWEEN 51 AND 200 THEN 25
             WHEN employees BETWEEN 201 AND 500 THEN 20
             WHEN employees >= 501 THEN 10 ELSE 0 END
      + CASE WHEN industry IN ('b2b_saas', 'tech', 'professional_services') THEN 20
             WHEN industry IN ('manufacturing', 'healthcare') THEN 10
             WHEN industry IN ('nonprofit', 'government') THEN -50 ELSE 0 END
      + CASE seniority WHEN 'c_suite' THEN 30 WHEN 'vp' THEN 25 WHEN 'director' THEN 20 WHEN 'manager' THEN 10
             WHEN 'ic' THEN 5 WHEN 'student' THEN -20 WHEN 'intern' THEN -20 ELSE 0 END
      + CASE WHEN country IS NULL THEN 0
             WHEN territory IN ('us_canada', 'uk_europe') THEN 10
             WHEN country IN ('AU', 'NZ') THEN 5
             WHEN territory = 'apac' THEN 0 ELSE -20 END
    )) AS fit,
    -- Idle days are whole days since the last scored event.
    CASE WHEN last_scored IS NULL OR last_scored <= {ago_90d} THEN 0
         ELSE {decayed_points} END AS engagement
  FROM lead LEFT JOIN activity ON activity.lead_id = lead.lead_id
),

scored AS (
  SELECT
    points.*,
    {least}(fit + engagement, 100) AS total,
    CASE CAST(contact_name IS NOT NULL AS INTEGER) + CAST(email IS NOT NULL AS INTEGER) + CAST(company_name IS NOT NULL AS INTEGER)
         + CAST(title IS NOT NULL AS INTEGER) + CAST(source IS NOT NULL AS INTEGER) + CAST(is_active AS INTEGER)
         WHEN 0 THEN 0 WHEN 1 THEN 17 WHEN 2 THEN 33 WHEN 3 THEN 50 WHEN 4 THEN 67 WHEN 5 THEN 83 ELSE 100 END AS completeness,
    CASE WHEN employees < 10 THEN 'Too small'
         WHEN industry IN ('nonprofit', 'government', 'education') THEN 'Out-of-scope industry'
         WHEN country IS NOT NULL AND territory IS NULL THEN 'Unsupported country'
         WHEN seniority IN ('student', 'intern', 'agency') THEN 'Not a buyer'
         WHEN email_domain IN ('gmail.com', 'yahoo.com', 'hotmail.com') THEN 'Personal email' END AS disqualified_by
  FROM points
),

routed AS (
  SELECT
    scored.*,
    target.owner AS target_owner,
    CASE WHEN has_open_opportunity THEN 'Already in a deal'
         WHEN disqualified_by IS NOT NULL THEN 'Disqualified'
         WHEN target.domain IS NOT NULL THEN 'Target account'
         WHEN total >= 80 AND employees >= 200 THEN 'Enterprise'
         WHEN total >= 60 AND employees BETWEEN 50 AND 200 THEN 'Mid-market'
         WHEN total >= 60 AND employees < 50 THEN 'SMB'
         WHEN source = 'referral' THEN 'Referral'
         WHEN total >= 40 AND total < 60 THEN 'Not ready yet'
         WHEN total < 40 THEN 'Unqualified'
         WHEN total >= 80 THEN 'Hot but size unknown'
         ELSE 'Warm but outside the size bands' END AS route
  FROM scored LEFT JOIN {target_accounts} AS target ON target.domain = scored.domain
),

-- Who takes turns, by team and territory.
roster (team, territory, seat, seats, member) AS (
  VALUES ('enterprise_ae',    'us_canada', 0, 2, 'ana'),
         ('enterprise_ae',    'us_canada', 1, 2, 'bruno'),
         ('enterprise_ae',    'uk_europe', 0, 1, 'chloe'),
         ('enterprise_ae',    'apac',      0, 1, 'dev'),
         ('mid_market_ae',    'us_canada', 0, 3, 'erin'),
         ('mid_market_ae',    'us_canada', 1, 3, 'farid'),
         ('mid_market_ae',    'us_canada', 2, 3, 'grace'),
         ('mid_market_ae',    'uk_europe', 0, 2, 'henk'),
         ('mid_market_ae',    'uk_europe', 1, 2, 'ines'),
         ('mid_market_ae',    'apac',      0, 1, 'dev'),
         ('smb_sdr',          'anywhere',  0, 3, 'jo'),
         ('smb_sdr',          'anywhere',  1, 3, 'kim'),
         ('smb_sdr',          'anywhere',  2, 3, 'lee'),
         ('partner_managers', 'anywhere',  0, 1, 'maya')
),

team_of (route, team, is_global) AS (
  VALUES ('Enterprise', 'enterprise_ae', 0), ('Mid-market', 'mid_market_ae', 0), ('Hot but size unknown', 'mid_market_ae', 0),
         ('Warm but outside the size bands', 'mid_market_ae', 0), ('SMB', 'smb_sdr', 1), ('Referral', 'partner_managers', 1)
),

-- A lead whose owner is in the team already stays there and takes nobody's turn.
placed AS (
  SELECT
    routed.*,
    team_of.team,
    CASE WHEN team_of.is_global = 1 THEN 'anywhere' ELSE routed.territory END AS pool,
    mate.member AS kept_owner
  FROM routed
  LEFT JOIN team_of ON team_of.route = routed.route
  LEFT JOIN (SELECT DISTINCT team, member FROM roster) AS mate
    ON mate.team = team_of.team AND mate.member = routed.current_owner
),

turn AS (
  SELECT lead_id, team, pool, row_number() OVER (PARTITION BY team, pool ORDER BY total DESC, lead_id) - 1 AS number
  FROM placed
  WHERE team IS NOT NULL AND pool IS NOT NULL AND kept_owner IS NULL
),

dealt AS (
  SELECT turn.lead_id, roster.member AS owner
  FROM turn JOIN roster ON roster.team = turn.team AND roster.territory = turn.pool AND roster.seat = turn.number % roster.seats
)

SELECT
  placed.lead_id AS lead_id, fit, engagement, total, completeness,
  CASE WHEN disqualified_by IS NOT NULL THEN 'disqualified'
       WHEN total >= 80 THEN 'hot' WHEN total >= 60 THEN 'warm' WHEN total >= 40 THEN 'cool' ELSE 'cold' END AS grade,
  disqualified_by,
  route,
  CASE WHEN route = 'Already in a deal' THEN current_owner
       WHEN route = 'Target account' THEN target_owner
       ELSE coalesce(kept_owner, dealt.owner) END AS owner,
  CASE route WHEN 'Target account' THEN 'Target Account'
             WHEN 'Enterprise' THEN 'Hot Lead' WHEN 'Hot but size unknown' THEN 'Hot Lead'
             WHEN 'Mid-market' THEN 'Warm Lead' WHEN 'Referral' THEN 'Referral'
             WHEN 'Unqualified' THEN 'Unqualified' END AS flag,
  CASE WHEN route IN ('Enterprise', 'Referral', 'Hot but size unknown') THEN '{plus_4h}'
       WHEN route IN ('Mid-market', 'SMB', 'Warm but outside the size bands') THEN '{plus_24h}' END AS respond_by,
  CASE WHEN lost_reason IN ('competitor', 'timing', 'budget') AND lost_on <= {ago_180d} AND lost_on > {ago_366d}
         THEN 'Second look at a lost deal'
       WHEN last_job_change > {ago_31d} THEN 'Champion changed jobs'
       WHEN last_company_news > {ago_31d} THEN 'Company is moving' END AS recycle,
  CASE WHEN lost_reason IN ('competitor', 'timing', 'budget') AND lost_on <= {ago_180d} AND lost_on > {ago_366d}
         OR last_job_change > {ago_31d} OR last_company_news > {ago_31d} THEN 'sales_reengage' END AS recycle_to
FROM placed LEFT JOIN dealt ON dealt.lead_id = placed.lead_id
