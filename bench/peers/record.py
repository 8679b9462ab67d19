"""A sample for the engines that judge one lead at a time: fields and counts of each lead as JSON, made-up data of their own."""

import collections
import csv
import json
import os
import subprocess

import data

N_LEADS = 5000
Sample = collections.namedtuple("Sample", "path scored")


def sample_of(options):
    """Made once in the work folder: the leads as lines of JSON, and what assay says about them."""
    folder = os.path.join(options.work, "sample")
    sample = Sample(os.path.join(folder, "leads.ndjson"), os.path.join(folder, "scored.csv"))
    if os.path.exists(sample.path):
        return sample
    subprocess.run([options.assay, "synth", "--leads", str(N_LEADS), "--events-per-lead", "20", "--seed", "2", "--as-of", options.as_of,
                    "--out", folder], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    leads, events = (os.path.join(folder, name) for name in ("leads.csv", "events.csv"))
    subprocess.run([options.assay, "score", options.rules, "--leads", leads, "--events", events, "--as-of", options.as_of, "--out",
                    sample.scored, "--quiet"], check=True)
    write_sample(sample.path, leads, events, data.as_of_time(options.as_of))
    return sample


def write_sample(path, leads, events, as_of):
    def days_since(text):
        return (as_of - data.as_of_time(text if "T" in text else text + "T00:00:00Z")).days if text else None

    counts, last = collections.defaultdict(collections.Counter), {}
    with open(events, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if data.as_of_time(row["time"]) > as_of or row["event"] not in data.EVENTS:
                continue
            lead_id, event = row["lead_id"], row["event"]
            counts[lead_id][event] += 1
            place = data.EVENTS.index(event)
            kind = "scored" if place < data.N_SCORED else "job_change" if event == "job_change" else "company_news"
            last[lead_id, kind] = max(last.get((lead_id, kind), ""), row["time"])
    with open(leads, encoding="utf-8", newline="") as file, open(path, "w", encoding="utf-8") as out:
        for row in csv.DictReader(file):
            lead_id = row["lead_id"]
            cell = lambda name: row[name] or None
            filled = ("contact.name", "contact.email", "company.name", "contact.title", "lead.source")
            out.write(json.dumps({
                "lead_id": lead_id,
                "employees": int(row["company.employees"]) if row["company.employees"] else None,
                "industry": cell("company.industry"), "seniority": cell("contact.seniority"), "country": cell("company.country"),
                "source": cell("lead.source"), "email_domain": cell("contact.email_domain"), "domain": cell("company.domain"),
                "has_open_opportunity": row["crm.open_opportunity"].lower() == "true",
                "n_filled": sum(1 for name in filled if row[name]) + (1 if counts[lead_id] else 0),
                "counts": {event: counts[lead_id][event] for event in data.EVENTS[:data.N_SCORED]},
                "idle_days": days_since(last.get((lead_id, "scored"))),
                "job_change_days": days_since(last.get((lead_id, "job_change"))),
                "company_news_days": days_since(last.get((lead_id, "company_news"))),
                "lost_reason": cell("deal.lost_reason"), "lost_days": days_since(row["deal.lost_on"]),
            }) + "\n")
