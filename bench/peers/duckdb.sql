-- The reference rules (rules/b2b-saas.yaml without its plugins) in DuckDB, from CSV to CSV.
--
-- Set by whoever runs it: as_of (a TIMESTAMP, UTC), leads, events, target_accounts and scored (paths).
--
-- The files are those of `assay synth`; their columns are given, which spares DuckDB the guessing. Other ways to write `activity`
-- (grouping by lead and event first, an ENUM for the event names) were tried on 400,000 events and were not faster.
--
-- What assay writes and this does not: `reasons`, the rules that could not be decided, rejected rows, and the order of the leads
-- file. So where the work differs, DuckDB is spared some.

COPY (
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
      coalesce("crm.open_opportunity", false) AS has_open_opportunity,
      "deal.lost_on"         AS lost_on,
      "deal.lost_reason"     AS lost_reason,
      CASE
        WHEN "company.country" IN ('US', 'CA', 'MX') THEN 'us_canada'
        WHEN "company.country" IN ('GB', 'IE', 'FR', 'DE', 'NL', 'BE', 'LU', 'ES', 'PT', 'IT', 'AT', 'CH', 'DK', 'SE', 'NO', 'FI')
          THEN 'uk_europe'
        WHEN "company.country" IN ('AU', 'NZ', 'SG', 'JP', 'HK') THEN 'apac'
      END AS territory
    FROM read_csv(getvariable('leads'), auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', columns = {
                  'lead_id': 'VARCHAR', 'contact.name': 'VARCHAR', 'contact.email': 'VARCHAR',
                  'contact.email_domain': 'VARCHAR', 'contact.title': 'VARCHAR', 'contact.seniority': 'VARCHAR',
                  'contact.department': 'VARCHAR', 'contact.unsubscribed': 'VARCHAR', 'company.name': 'VARCHAR',
                  'company.domain': 'VARCHAR', 'company.employees': 'BIGINT', 'company.revenue_usd': 'VARCHAR',
                  'company.country': 'VARCHAR', 'company.industry': 'VARCHAR', 'company.crm': 'VARCHAR',
                  'company.funding': 'VARCHAR', 'lead.source': 'VARCHAR', 'lead.owner': 'VARCHAR',
                  'crm.open_opportunity': 'BOOLEAN', 'crm.synced': 'VARCHAR', 'sales.decision': 'VARCHAR',
                  'sales.rejection_reason': 'VARCHAR', 'sales.attempts': 'VARCHAR', 'sales.last_attempt': 'VARCHAR',
                  'sales.replied': 'VARCHAR', 'sales.outcome': 'VARCHAR', 'sales.call_back_on': 'VARCHAR',
                  'sales.next_meeting': 'VARCHAR', 'bant.budget': 'VARCHAR', 'bant.authority': 'VARCHAR',
                  'bant.need': 'VARCHAR', 'bant.timeline_months': 'VARCHAR', 'deal.amount_usd': 'VARCHAR',
                  'deal.lost_on': 'DATE', 'deal.lost_reason': 'VARCHAR'})
  ),

  activity AS (
    SELECT
      lead_id,
      -- once
        CASE WHEN bool_or(event = 'demo_request')        THEN 50 ELSE 0 END
      + CASE WHEN bool_or(event = 'contact_sales')       THEN 40 ELSE 0 END
      + CASE WHEN bool_or(event = 'free_trial')          THEN 40 ELSE 0 END
      + CASE WHEN bool_or(event = 'pricing_page_view')   THEN 30 ELSE 0 END
      + CASE WHEN bool_or(event = 'email_reply')         THEN 25 ELSE 0 END
      + CASE WHEN bool_or(event = 'webinar_attended')    THEN 20 ELSE 0 END
      + CASE WHEN bool_or(event = 'case_study_download') THEN 15 ELSE 0 END
      + CASE WHEN bool_or(event = 'product_page_view')   THEN 10 ELSE 0 END
      + CASE WHEN bool_or(event = 'blog_read')           THEN  5 ELSE 0 END
      + CASE WHEN bool_or(event = 'newsletter_signup')   THEN  5 ELSE 0 END
      + CASE WHEN bool_or(event = 'whitepaper_download') THEN  5 ELSE 0 END
      -- once, and 15 more for coming back
      + CASE WHEN count_if(event = 'website_visit') >= 5 THEN 17
             WHEN count_if(event = 'website_visit') >= 1 THEN 2 ELSE 0 END
      -- each, capped
      + least(2 * count_if(event = 'email_open'), 10)
      + least(5 * count_if(event = 'email_click'), 20) AS points,
      max(time) FILTER (event NOT IN ('job_change', 'funding_round', 'rapid_hiring', 'new_executive', 'product_launch'))
        AS last_scored,
      max(time) FILTER (event = 'job_change') AS last_job_change,
      max(time) FILTER (event IN ('funding_round', 'rapid_hiring', 'new_executive', 'product_launch')) AS last_company_news
    FROM read_csv(getvariable('events'), auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
                  columns = {'lead_id': 'VARCHAR', 'event': 'VARCHAR', 'time': 'TIMESTAMP', 'page': 'VARCHAR'})
    WHERE time <= getvariable('as_of')
      AND event IN ('demo_request', 'pricing_page_view', 'contact_sales', 'free_trial', 'webinar_attended',
                    'case_study_download', 'product_page_view', 'blog_read', 'newsletter_signup', 'whitepaper_download',
                    'website_visit', 'email_open', 'email_click', 'email_reply', 'job_change', 'funding_round',
                    'rapid_hiring', 'new_executive', 'product_launch')
    GROUP BY lead_id
  ),

  points AS (
    SELECT
      lead.*,
      activity.lead_id IS NOT NULL AS is_active,
      last_job_change,
      last_company_news,
      greatest(0, least(100,
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
      CASE WHEN last_scored IS NULL THEN 0
           WHEN last_scored <= getvariable('as_of') - INTERVAL 90 DAY THEN 0
           WHEN last_scored <= getvariable('as_of') - INTERVAL 60 DAY THEN (least(activity.points, 100) + 1) // 2
           ELSE least(activity.points, 100) END AS engagement
    FROM lead LEFT JOIN activity USING (lead_id)
  ),

  scored AS (
    SELECT
      *,
      least(fit + engagement, 100) AS total,
      round(100 * ((contact_name IS NOT NULL)::INT + (email IS NOT NULL)::INT + (company_name IS NOT NULL)::INT
                   + (title IS NOT NULL)::INT + (source IS NOT NULL)::INT + is_active::INT) / 6)::INT AS completeness,
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
           ELSE 'Warm but outside the size bands' END AS route,
      CASE route WHEN 'Enterprise' THEN 'enterprise_ae'
                 WHEN 'Mid-market' THEN 'mid_market_ae'
                 WHEN 'Hot but size unknown' THEN 'mid_market_ae'
                 WHEN 'Warm but outside the size bands' THEN 'mid_market_ae'
                 WHEN 'SMB' THEN 'smb_sdr'
                 WHEN 'Referral' THEN 'partner_managers' END AS team
    FROM scored LEFT JOIN read_csv(getvariable('target_accounts'), header = true) AS target USING (domain)
  ),

  roster (team, territory, members) AS (
    VALUES ('enterprise_ae',    'us_canada', ['ana', 'bruno']),
           ('enterprise_ae',    'uk_europe', ['chloe']),
           ('enterprise_ae',    'apac',      ['dev']),
           ('mid_market_ae',    'us_canada', ['erin', 'farid', 'grace']),
           ('mid_market_ae',    'uk_europe', ['henk', 'ines']),
           ('mid_market_ae',    'apac',      ['dev']),
           ('smb_sdr',          'anywhere',  ['jo', 'kim', 'lee']),
           ('partner_managers', 'anywhere',  ['maya'])
  ),

  team_member AS (SELECT DISTINCT team, unnest(members) AS member FROM roster),

  -- A lead whose owner is in the team already stays there and takes nobody's turn.
  placed AS (
    SELECT routed.*, team_member.member AS kept_owner
    FROM routed LEFT JOIN team_member ON team_member.team = routed.team AND team_member.member = routed.current_owner
  ),

  dealt AS (
    SELECT
      lead_id,
      members[1 + (row_number() OVER (PARTITION BY roster.team, roster.territory ORDER BY total DESC, lead_id) - 1)
                  % len(members)] AS owner
    FROM placed
    JOIN roster ON roster.team = placed.team AND roster.territory IN (placed.territory, 'anywhere')
    WHERE kept_owner IS NULL
  )

  SELECT
    lead_id, fit, engagement, total, completeness,
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
    strftime(getvariable('as_of')
             + CASE WHEN route IN ('Enterprise', 'Referral', 'Hot but size unknown') THEN INTERVAL 4 HOUR
                    WHEN route IN ('Mid-market', 'SMB', 'Warm but outside the size bands') THEN INTERVAL 24 HOUR END,
             '%Y-%m-%dT%H:%M:%SZ') AS respond_by,
    CASE WHEN lost_reason IN ('competitor', 'timing', 'budget')
              AND lost_on <= getvariable('as_of') - INTERVAL 180 DAY AND lost_on > getvariable('as_of') - INTERVAL 366 DAY
           THEN 'Second look at a lost deal'
         WHEN last_job_change > getvariable('as_of') - INTERVAL 31 DAY THEN 'Champion changed jobs'
         WHEN last_company_news > getvariable('as_of') - INTERVAL 31 DAY THEN 'Company is moving' END AS recycle,
    CASE WHEN recycle IS NOT NULL THEN 'sales_reengage' END AS recycle_to
  FROM placed LEFT JOIN dealt USING (lead_id)
) TO (getvariable('scored')) (HEADER);
