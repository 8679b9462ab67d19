"""PostgreSQL: a cluster of its own in a temporary folder, unlogged tables filled with COPY, natural SQL, settings for one big query.

Only loading, query and writing are timed, not making and starting the cluster. The programs are those of $PATH, or Debian's under
/usr/lib/postgresql. The server refuses to run as root: then it runs as the user postgres.
"""

import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time

import data

VARIANTS = {"csv": {"natural": "natural SQL, tuned settings"}}
HAS_PEAK = False  # its processes are not ours, and they share memory

SETTINGS = {
    "shared_buffers": "2GB", "work_mem": "1GB", "hash_mem_multiplier": "2", "maintenance_work_mem": "512MB", "temp_buffers": "64MB",
    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "wal_level": "minimal", "max_wal_senders": "0",
    "max_wal_size": "8GB", "autovacuum": "off", "listen_addresses": "", "jit": "on", "enable_nestloop": "off", "timezone": "UTC",
}


def bin_folder():
    on_path = shutil.which("initdb")
    found = [os.path.realpath(on_path)] if on_path else sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        raise RuntimeError("there is no initdb")
    return os.path.dirname(found[-1])


def version():
    return subprocess.run([os.path.join(bin_folder(), "postgres"), "--version"], check=True, capture_output=True,
                          text=True).stdout.split()[2]


def literal(at):
    return f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}'"


class Job:
    def __init__(self, _job, _variant, options):
        self.options = options
        self.bin = bin_folder()
        self.as_user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        self.folder = tempfile.mkdtemp(prefix="assay-postgres-")
        self.process = None
        if self.as_user:
            shutil.chown(self.folder, "postgres")
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def program(self, name, *arguments):
        return [os.path.join(self.bin, name), *arguments]

    def start(self):
        cluster = os.path.join(self.folder, "cluster")
        subprocess.run(self.program("initdb", "-D", cluster, "-A", "trust", "--locale=C", "--encoding=UTF8", "--no-sync", "-U",
                                    "postgres"), check=True, stdout=subprocess.DEVNULL, cwd="/", **self.as_user)
        n_workers = self.options.threads - 1
        settings = {**SETTINGS, "unix_socket_directories": self.folder, "max_parallel_workers_per_gather": str(n_workers),
                    "max_parallel_workers": str(n_workers), "parallel_setup_cost": "0", "parallel_tuple_cost": "0"}
        with open(os.path.join(self.folder, "log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.program("postgres", "-D", cluster, *(f"--{name}={value}" for name, value in settings.items())), stdout=log,
                stderr=log, cwd="/", **self.as_user)
        for _ in range(200):
            if subprocess.run(self.program("pg_isready", "-q", "-h", self.folder), check=False).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as log:
            raise RuntimeError("PostgreSQL did not start: " + log.read()[-500:])

    def run(self, out):
        kinds = {"int": "integer", "bool": "boolean", "date": "date"}
        columns = ", ".join(f'"{name}" {kinds.get(data.LEAD_TYPES.get(name), "text")}' for name in data.LEAD_COLUMNS)
        query = data.fill(data.read_sql("natural.sql"), data.natural_values(
            self.options.as_of, literal, leads="leads", events="events", target_accounts="target_accounts"))
        tables = {"leads": (columns, self.options.leads),
                  "events": ("lead_id text, event text, time timestamp, page text", self.options.events),
                  "target_accounts": ("domain text, owner text", self.options.target_accounts)}
        script = ["SET client_min_messages = warning;", "DROP TABLE IF EXISTS leads, events, target_accounts;"]
        for name, (its_columns, path) in tables.items():
            # FREEZE needs the table to be made in the same transaction.
            script += ["BEGIN;", f"CREATE UNLOGGED TABLE {name} ({its_columns});",
                       f"\\copy {name} FROM {data.quoted(path)} WITH (FORMAT csv, HEADER, FREEZE)", "COMMIT;", f"ANALYZE {name};"]
        one_line = " ".join(query.split())
        script.append(f"\\copy ({one_line}) TO {data.quoted(out)} WITH (FORMAT csv, HEADER)")
        start = time.perf_counter()
        subprocess.run(self.program("psql", "-h", self.folder, "-U", "postgres", "-d", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f",
                                    "-"), input="\n".join(script) + "\n", check=True, text=True)
        return time.perf_counter() - start

    def close(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
