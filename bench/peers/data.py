"""What the peers share about the data: its columns, the as-of time, and the natural SQL filled in for a dialect."""

import datetime
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))

# The columns of `assay synth`; the types of those that the rules read as something else than text.
LEAD_COLUMNS = [
    "lead_id", "contact.name", "contact.email", "contact.email_domain", "contact.title", "contact.seniority", "contact.department",
    "contact.unsubscribed", "company.name", "company.domain", "company.employees", "company.revenue_usd", "company.country",
    "company.industry", "company.crm", "company.funding", "lead.source", "lead.owner", "crm.open_opportunity", "crm.synced",
    "sales.decision", "sales.rejection_reason", "sales.attempts", "sales.last_attempt", "sales.replied", "sales.outcome",
    "sales.call_back_on", "sales.next_meeting", "bant.budget", "bant.authority", "bant.need", "bant.timeline_months",
    "deal.amount_usd", "deal.lost_on", "deal.lost_reason",
]
LEAD_TYPES = {"company.employees": "int", "crm.open_opportunity": "bool", "deal.lost_on": "date"}

# Scored events first, in the order of the rules; then the signals.
EVENTS = [
    "demo_request", "contact_sales", "free_trial", "pricing_page_view", "email_reply", "webinar_attended", "case_study_download",
    "product_page_view", "blog_read", "newsletter_signup", "whitepaper_download", "website_visit", "email_open", "email_click",
    "job_change", "funding_round", "rapid_hiring", "new_executive", "product_launch",
]
EVENT_POINTS = [50, 40, 40, 30, 25, 20, 15, 10, 5, 5, 5, 2, 2, 5]
EVENT_CAPS = {"email_open": 10, "email_click": 20}
N_SCORED = len(EVENT_POINTS)

HALF_LIFE_DAYS = 30
OLDEST_DAY = 4000


def as_of_time(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def as_of_seconds(text):
    return int(as_of_time(text).timestamp())


def weights_q30():
    """2^(-age/30) by age in whole days, rounded to the nearest 2^-30, as rules/README.md says."""
    return [round(2 ** (30 - age / HALF_LIFE_DAYS)) for age in range(OLDEST_DAY)]


def times(as_of, literal):
    """The times that the rules compare with, each through literal(datetime)."""
    at = as_of_time(as_of)
    ago = {f"ago_{days}d": literal(at - datetime.timedelta(days=days)) for days in (31, 60, 90, 180, 366)}
    plus = {f"plus_{hours}h": (at + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ") for hours in (4, 24)}
    return {"as_of": literal(at), **ago, **plus}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def fill(sql, values):
    """{name} by its value; a value may hold {names} itself. Comments go first: they may hold anything."""
    sql = re.sub(r"(?m)^\s*--.*\n", "", sql)
    pattern = re.compile(r"\{([a-z_0-9]+)\}")
    while pattern.search(sql):
        sql = pattern.sub(lambda found: str(values[found[1]]), sql)
    return sql


def read_sql(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def sections(name):
    """A file of statements, each below a line `-- == NAME`: {NAME: text}."""
    parts = re.split(r"(?m)^-- == (\w+).*\n", read_sql(name))
    return dict(zip(parts[1::2], parts[2::2]))


def counted_points():
    """Variant A, natural: what an event name gives, once or each with a cap."""
    terms = []
    for event, points in zip(EVENTS, EVENT_POINTS):
        count = f"count(*) FILTER (WHERE event = '{event}')"
        if event in EVENT_CAPS:
            terms.append(f"{{least}}({points} * {count}, {EVENT_CAPS[event]})")
        else:
            terms.append(f"CASE WHEN {count} > 0 THEN {points} ELSE 0 END")
    return "\n    + ".join(terms + [coming_back()])


def coming_back():
    return "CASE WHEN count(*) FILTER (WHERE event = 'website_visit') >= 5 THEN 15 ELSE 0 END"


def natural_values(as_of, literal, **more):
    return {
        "least": "least", "greatest": "greatest", "false": "false", **times(as_of, literal),
        "event_points": counted_points(),
        "decayed_points": "CASE WHEN last_scored <= {ago_60d} THEN ({least}(event_points, 100) + 1) >> 1 ELSE {least}(event_points, 100) END",
        **more,
    }
