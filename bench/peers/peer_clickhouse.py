"""ClickHouse, inside this process (chdb). In memory: tables of the engine Memory, integer keys and codes."""

import csv
import os
import shutil
import tempfile
import time

import data

VARIANTS = {
    "csv": {"tuned": "file() to file"},
    "memory": {"strong": "integer keys and codes"},
    "half-life": {"exact": "integer keys and codes, exact"},
}

OWNERS = ["ana", "bruno", "chloe", "dev", "erin", "farid", "grace", "henk", "ines", "jo", "kim", "lee", "maya"]


def version():
    import chdb

    return chdb.engine_version


def listed(texts):
    return "[" + ", ".join(map(data.quoted, texts)) + "]"


class Job:
    def __init__(self, job, _, options):
        from chdb import session

        self.job, self.options = job, options
        self.folder = tempfile.mkdtemp(dir=options.work)
        self.session = session.Session(self.folder)
        self.parts = data.sections("clickhouse.sql")
        with open(options.target_accounts, encoding="utf-8", newline="") as file:
            targets = list(csv.DictReader(file))
        types = {"int": "Nullable(Int32)", "bool": "String", "date": "Nullable(Date)"}
        lead_columns = ", ".join(f"`{name}` {types[data.LEAD_TYPES[name]] if name in data.LEAD_TYPES else 'String'}"
                                 for name in data.LEAD_COLUMNS)
        names = ", ".join(f"{data.quoted(name)} = {i}" for i, name in enumerate(data.EVENTS))
        event_columns = f"lead_id String, event Enum8({names}), time DateTime('UTC'), page String"
        is_csv = job == "csv"
        literal = (lambda at: f"toDateTime('{at:%Y-%m-%d %H:%M:%S}', 'UTC')") if is_csv else (lambda at: str(int(at.timestamp())))
        self.values = {
            **data.times(options.as_of, literal), "owners": listed(OWNERS), "target_domains": listed(row["domain"] for row in targets),
            "target_owners": listed(row["owner"] for row in targets),
            "leads_csv": self.file(options.leads, lead_columns), "events_csv": self.file(options.events, event_columns)}
        dates = data.times(options.as_of, lambda at: f"toDate('{at:%Y-%m-%d}')")
        self.values.update((name.replace("ago", "date_ago"), value) for name, value in dates.items() if name.startswith("ago"))
        if is_csv:
            self.prepare_csv()
        else:
            self.prepare_memory()

    @staticmethod
    def file(path, columns):
        return f"file({data.quoted(path)}, 'CSVWithNames', {data.quoted(columns)})"

    def ask(self, sql):
        settings = {"max_threads": self.options.threads, "date_time_input_format": "'best_effort'", "join_use_nulls": 0,
                    "max_memory_usage": 0, "output_format_parallel_formatting": 1}
        return self.session.query(data.fill(sql, self.values) + " SETTINGS " + ", ".join(f"{k} = {v}" for k, v in settings.items()))

    def prepare_csv(self):
        parts = self.parts
        self.values.update(key="lead_id", turn_key="key", leads="{leads_csv}",
                           events="(SELECT lead_id AS key, toInt8(event) AS name, time FROM {events_csv})",
                           decayed=parts["counted_decayed"], lead_id="result.key", more=parts["decoded_csv"],
                           end=", if(result.recycle > 0, 'sales_reengage', '') AS recycle_to")
        self.query = "WITH " + ",\n".join(parts[name] for name in ("lead", "counted", "rules")) + f",\nresult AS ({parts['result']})\n" + (
            parts["decoded"] + "FROM result")

    def prepare_memory(self):
        parts = self.parts
        self.ask("CREATE DATABASE work")
        self.ask("CREATE TABLE work.lead_key ENGINE = Memory AS "
                 "SELECT toUInt32(row_number() OVER (ORDER BY lead_id) - 1) AS key, lead_id FROM (SELECT lead_id FROM {leads_csv})")
        self.values.update(key="work.lead_key.key", leads="{leads_csv} AS t JOIN work.lead_key ON work.lead_key.lead_id = t.lead_id")
        self.ask(f"CREATE TABLE work.lead ENGINE = Memory AS WITH {parts['lead']} SELECT * FROM lead ORDER BY key")
        self.ask("CREATE TABLE work.event ENGINE = Memory AS SELECT key, toUInt8(event) AS name, toUInt32(time) AS time "
                 "FROM {events_csv} AS t JOIN work.lead_key ON work.lead_key.lead_id = t.lead_id ORDER BY key, time")
        kind = "half_life" if self.job == "half-life" else "counted"
        self.values.update(
            key="key", turn_key="key", events="work.event", decayed=parts[kind + "_decayed"], weights="(" + str(data.weights_q30()) + ")",
            weighted_sums=", ".join(f"sumIf(q30, name = {i}) AS s{i}" for i in range(data.N_SCORED)),
            weighted_milli=" + ".join(map(weighted_milli, range(data.N_SCORED))))
        self.query = "CREATE TABLE work.result ENGINE = Memory AS WITH " + ",\n".join(
            ["lead AS (SELECT * FROM work.lead)", parts[kind], parts["rules"]]) + parts["result"]

    def run(self, out):
        if self.job == "csv":
            if os.path.exists(out):
                os.remove(out)
            start = time.perf_counter()
            self.ask(self.query + f" INTO OUTFILE {data.quoted(out)} FORMAT CSVWithNames")
            return time.perf_counter() - start
        self.ask("DROP TABLE IF EXISTS work.result")
        start = time.perf_counter()
        self.ask(self.query)
        return time.perf_counter() - start

    def write(self, out):
        if os.path.exists(out):
            os.remove(out)
        self.values.update(lead_id="work.lead_key.lead_id", more="", end="")
        self.ask(self.parts["decoded"] + "FROM work.result AS result JOIN work.lead_key ON work.lead_key.key = result.key"
                 + f" INTO OUTFILE {data.quoted(out)} FORMAT CSVWithNames")

    def close(self):
        self.session.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def weighted_milli(i):
    milli = f"toInt64(bitShiftRight(s{i} * {1000 * data.EVENT_POINTS[i]} + 536870912, 30))"
    cap = data.EVENT_CAPS.get(data.EVENTS[i])
    return f"least({1000 * cap}, {milli})" if cap else milli
