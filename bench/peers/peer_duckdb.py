"""DuckDB: natural SQL (natural.sql) and the fastest found (duckdb_strong.sql)."""

import time

import data

VARIANTS = {
    "csv": {"natural": "natural SQL", "tuned": "best SQL found"},
    "memory": {"natural": "natural SQL over text", "strong": "strongest schema and SQL"},
    "kept": {"kept": "over counts kept by lead"},
    "half-life": {"float": "strongest schema, floating point", "exact": "strongest schema, exact"},
}
# Sums in floating point: so many points may a score be off.
TOLERANCE = {("half-life", "float"): 1}


# Columns that the rule file lists the values of; the types are those of duckdb_strong.sql.
ENUMS = {"contact.seniority": "seniority", "company.industry": "industry", "lead.source": "source", "deal.lost_reason": "lost_reason"}


def version():
    import duckdb

    return duckdb.__version__


def timestamp(at):
    return f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}'"


def seconds(at):
    return str(int(at.timestamp()))


def read_csv(path, columns):
    types = ", ".join(f"{data.quoted(name)}: {data.quoted(kind)}" for name, kind in columns.items())
    return (f"read_csv({data.quoted(path)}, auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
            f"columns = {{{types}}})")


def weighted_milli(name):
    """Exact thousandths of what an event name gives: sum_N is in Q30, and a DOUBLE holds it exactly."""
    milli = f"coalesce(floor(sum_{name} * ({1000 * data.EVENT_POINTS[name]} / 1073741824) + 0.5), 0)"
    cap = data.EVENT_CAPS.get(data.EVENTS[name])
    return f"least({1000 * cap}, {milli})" if cap else milli


class Job:
    def __init__(self, job, variant, options):
        import duckdb

        self.job, self.variant, self.options = job, variant, options
        self.database = duckdb.connect()
        self.database.execute(f"SET threads = {options.threads}")
        self.database.execute("SET preserve_insertion_order = false")
        if variant == "natural":
            self.prepare_natural()
        else:
            self.prepare_strong()

    def sources(self, event_type, enums):
        types = {"int": "BIGINT", "bool": "BOOLEAN", "date": "DATE"}
        lead_columns = {name: types.get(data.LEAD_TYPES.get(name), "VARCHAR") for name in data.LEAD_COLUMNS} | enums
        event_columns = {"lead_id": "VARCHAR", "event": event_type, "time": "TIMESTAMP", "page": "VARCHAR"}
        return {"leads_csv": read_csv(self.options.leads, lead_columns), "events_csv": read_csv(self.options.events, event_columns),
                "target_accounts": f"read_csv({data.quoted(self.options.target_accounts)}, header = true)"}

    def prepare_natural(self):
        sources = self.sources("VARCHAR", {})
        leads, events = sources["leads_csv"], sources["events_csv"]
        if self.job != "csv":
            self.database.execute(f"CREATE TABLE leads AS FROM {leads}")
            self.database.execute(f"CREATE TABLE events AS SELECT lead_id, event, time FROM {events}")
            leads, events = "leads", "events"
        self.query = data.fill(data.read_sql("natural.sql"), data.natural_values(
            self.options.as_of, timestamp, leads=leads, events=events, target_accounts=sources["target_accounts"]))

    def prepare_strong(self):
        parts = data.sections("duckdb_strong.sql")
        self.database.execute(parts["macros"])
        self.database.execute(f"CREATE TYPE event_name AS ENUM ({', '.join(map(data.quoted, data.EVENTS))})")
        is_csv = self.job == "csv"
        values = {**self.sources("event_name", ENUMS), **data.times(self.options.as_of, timestamp if is_csv else seconds)}
        if is_csv:
            values.update(
                lead_with_activity="lead LEFT JOIN activity USING (key)", decayed=parts["counted_decayed"],
                target=values["target_accounts"], freemail="'gmail.com', 'yahoo.com', 'hotmail.com'", existing_owner="owner_name",
                team_owner="owner_name",
                event="(SELECT lead_id AS key, enum_code(event)::INTEGER AS name, time FROM {events_csv})")
            self.query = data.fill("WITH " + ",\n".join(parts[name] for name in ("lead_csv", "tally", "counted", "rules"))
                                   + parts["result_csv"], values)
            return
        # Dense integer keys: groups by place, not by hash.
        self.database.execute("SET perfect_ht_threshold = 28")
        self.database.execute(data.fill(parts["load"], values))
        if self.job == "half-life":
            self.numbered("weight", "age", "INTEGER", "q30", data.weights_q30())
            self.numbered("name_points", "name", "UTINYINT", "points",
                          data.EVENT_POINTS + [0] * (len(data.EVENTS) - data.N_SCORED))
            values["weighted_sums"] = ", ".join(
                f"sum(q30) FILTER (WHERE name = {name}) AS sum_{name}" for name in range(data.N_SCORED))
            values["weighted_milli"] = " + ".join(map(weighted_milli, range(data.N_SCORED)))
        if self.variant == "kept":
            self.database.execute(data.fill(parts["kept"], values))
        activity, decayed = {
            "strong": (("tally", "counted"), "counted_decayed"),
            "kept": (("kept_activity",), "counted_decayed"),
            "exact": (("half_life_exact",), "half_life_exact_decayed"),
            "float": (("half_life",), "half_life_decayed"),
        }[self.variant]
        freemail = self.database.execute("SELECT code FROM domain WHERE name IN ('gmail.com', 'yahoo.com', 'hotmail.com')").fetchall()
        values.update(
            lead_with_activity="lead LEFT JOIN activity USING (key)", decayed=parts[decayed], target="target", event="event",
            freemail=", ".join(str(code) for code, in freemail), existing_owner="current_owner", team_owner="current_owner")
        if self.variant == "kept":
            # Points beside the leads: no join is left.
            values["lead_with_activity"] = "(" + parts["counted"].split("(", 1)[1].rsplit(")", 1)[0].replace(
                "SELECT key, seen, last,", "SELECT *,") + ") AS lead"
        self.query = data.fill("WITH " + ",\n".join(parts[name] for name in (*activity, "rules")) + parts["result"], values)
        self.decoded = parts["decoded"]

    def numbered(self, table, key, key_type, column, values):
        self.database.execute(
            f"CREATE TABLE {table} AS SELECT unnest(range($1))::{key_type} AS {key}, unnest($2)::DOUBLE AS {column}", [len(values), values])

    def run(self, out):
        """One run: its seconds."""
        start = time.perf_counter()
        if self.job == "csv":
            self.database.execute(f"COPY ({self.query}) TO {data.quoted(out)} (HEADER)")
        else:
            self.database.execute(f"CREATE OR REPLACE TEMP TABLE result AS {self.query}")
        return time.perf_counter() - start

    def write(self, out):
        """What the last run in memory found, as CSV."""
        query = "FROM result" if self.variant == "natural" else self.decoded
        self.database.execute(f"COPY ({query}) TO {data.quoted(out)} (HEADER)")
