"""SQLite: Python's csv and sqlite3, a database in memory, natural SQL."""

import csv
import sqlite3
import time

import data

VARIANTS = {"csv": {"natural": "natural SQL, one thread"}}
MAX_THREADS = 1


def version():
    return sqlite3.sqlite_version


def literal(at):
    """ISO texts of one form sort like their times, and a date before any time of its day."""
    return f"'{at:%Y-%m-%dT%H:%M:%SZ}'"


class Job:
    def __init__(self, _job, _variant, options):
        self.options = options
        self.query = data.fill(data.read_sql("natural.sql"), data.natural_values(
            options.as_of, literal, leads="leads", events="events", target_accounts="target_accounts", least="min", greatest="max",
            false="0"))

    def run(self, out):
        start = time.perf_counter()
        database = sqlite3.connect(":memory:")
        database.execute("PRAGMA temp_store = MEMORY")
        kinds = {"int": "INTEGER", "bool": "INTEGER"}
        columns = ", ".join(f'"{name}" {kinds.get(data.LEAD_TYPES.get(name), "TEXT")}' for name in data.LEAD_COLUMNS)
        database.execute(f"CREATE TABLE leads ({columns})")
        database.execute("CREATE TABLE events (lead_id TEXT, event TEXT, time TEXT)")
        database.execute("CREATE TABLE target_accounts (domain TEXT, owner TEXT)")
        flag = data.LEAD_COLUMNS.index("crm.open_opportunity")
        flags = {"true": 1, "false": 0}

        def leads():
            for row in self.rows(self.options.leads):
                row[flag] = flags.get(row[flag])
                yield [cell if cell != "" else None for cell in row]

        database.executemany(f"INSERT INTO leads VALUES ({', '.join('?' * len(data.LEAD_COLUMNS))})", leads())
        database.executemany("INSERT INTO events VALUES (?, ?, ?)", (row[:3] for row in self.rows(self.options.events)))
        database.executemany("INSERT INTO target_accounts VALUES (?, ?)", self.rows(self.options.target_accounts))
        found = database.execute(self.query)
        with open(out, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(column[0] for column in found.description)
            writer.writerows(found)
        database.close()
        return time.perf_counter() - start

    @staticmethod
    def rows(path):
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            next(rows)
            yield from rows
