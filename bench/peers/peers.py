"""Run assay and DuckDB in turns on the same files, compare their rows, print medians. Called by run.sh, which finds all paths.

assay is timed as a whole process. DuckDB is timed from opening its (in-memory) database to the written file, without the start of
Python. Each run is a new process on the first N CPUs that this one may use, N being the number of threads.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

COLUMNS = [
    "fit", "engagement", "total", "completeness", "grade", "disqualified_by", "route", "owner", "flag", "respond_by", "recycle",
    "recycle_to",
]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def duckdb_job(options):
    """One run in this process: prints the seconds it took."""
    import duckdb

    with open(options.sql, encoding="utf-8") as file:
        sql = file.read()
    start = time.perf_counter()
    database = duckdb.connect()
    database.execute(f"SET threads = {options.threads[0]}")
    database.execute("SET preserve_insertion_order = false")
    database.execute(f"SET VARIABLE as_of = TIMESTAMP {quoted(options.as_of.rstrip('Z'))}")
    for name in ("leads", "events", "target_accounts"):
        database.execute(f"SET VARIABLE {name} = {quoted(getattr(options, name))}")
    database.execute(f"SET VARIABLE scored = {quoted(options.scored)}")
    database.execute(sql)
    print(time.perf_counter() - start)


def run(command, cpus):
    """Run a command on these CPUs: its output, wall seconds and peak memory in MB.

    Linux counts the memory of the process that starts another as that one's too, until it runs its own program: so this one
    stays small and leaves all use of duckdb to children.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    took_s = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"peers.py: `{' '.join(command[:3])} ...` failed with exit code {process.returncode}")
    return output, took_s, usage.ru_maxrss / 1000


def run_assay(options, n_threads, cpus, scored):
    _, took_s, peak_mb = run(
        [options.assay, "score", options.rules, "--leads", options.leads, "--events", options.events, "--as-of", options.as_of,
         "--threads", str(n_threads), "--out", scored, "--quiet"], cpus)
    return took_s, peak_mb


def run_duckdb(options, n_threads, cpus, scored):
    output, _, peak_mb = run(
        [sys.executable, os.path.abspath(__file__), "--duckdb-job", "--sql", options.sql, "--leads", options.leads, "--events",
         options.events, "--target-accounts", options.target_accounts, "--as-of", options.as_of, "--threads", str(n_threads),
         "--scored", scored], cpus)
    return float(output), peak_mb


def compare(ours, theirs):
    """Prints the number of leads compared; exits if any row differs."""
    import duckdb

    database = duckdb.connect()
    for name, path in (("ours", ours), ("theirs", theirs)):
        database.execute(f"CREATE TABLE {name} AS FROM read_csv({quoted(path)}, header = true, all_varchar = true)")
        n, n_ids = database.execute(f"SELECT count(*), count(DISTINCT lead_id) FROM {name}").fetchone()
        if n != n_ids:
            sys.exit(f"peers.py: {path}: expected every lead once, found {n} rows of {n_ids} leads")
    n_one_sided = database.execute(
        "SELECT count(*) FROM ours FULL JOIN theirs USING (lead_id) WHERE ours.fit IS NULL OR theirs.fit IS NULL").fetchone()[0]
    problems = [f"{n_one_sided} leads are in one output only"] if n_one_sided else []
    for column in COLUMNS:
        differences = f"FROM ours JOIN theirs USING (lead_id) WHERE ours.{column} IS DISTINCT FROM theirs.{column}"
        n = database.execute(f"SELECT count(*) {differences}").fetchone()[0]
        if n:
            lead_id, our, their = database.execute(
                f"SELECT lead_id, ours.{column}, theirs.{column} {differences} ORDER BY lead_id LIMIT 1").fetchone()
            problems.append(f"{column}: {n} leads differ, first {lead_id}: assay {our!r}, DuckDB {their!r}")
    if problems:
        sys.exit("peers.py: the outputs differ\n  " + "\n  ".join(problems))
    print(json.dumps({"leads": database.execute("SELECT count(*) FROM ours").fetchone()[0], "duckdb_version": duckdb.__version__}))


def measure(options, n_threads, all_cpus):
    """Alternating runs; which goes first alternates too."""
    cpus = all_cpus[:n_threads]
    ours, theirs = (os.path.join(options.work, name) for name in ("assay.csv", "duckdb.csv"))
    runs = {"assay": [], "duckdb": []}
    jobs = [("assay", run_assay, ours), ("duckdb", run_duckdb, theirs)]
    compared = {}
    for number in range(options.runs):
        for name, job, scored in jobs if number % 2 == 0 else reversed(jobs):
            runs[name].append(job(options, n_threads, cpus, scored))
        if number == 0:
            output, _, _ = run([sys.executable, os.path.abspath(__file__), "--compare", ours, theirs], all_cpus)
            compared = json.loads(output)
        print(f"{n_threads} thread(s), run {number + 1} of {options.runs}: assay {runs['assay'][-1][0]:.3f} s, "
              f"DuckDB {runs['duckdb'][-1][0]:.3f} s", file=sys.stderr)
    pairs = [theirs_s / ours_s for (ours_s, _), (theirs_s, _) in zip(runs["assay"], runs["duckdb"])]
    result = {"schema_version": 1, "bench": "peers", "threads": n_threads, "runs": options.runs, **compared}
    for name, of_name in runs.items():
        result[f"{name}_median_s"] = round(statistics.median(took_s for took_s, _ in of_name), 4)
        result[f"{name}_fastest_s"] = round(min(took_s for took_s, _ in of_name), 4)
        result[f"{name}_peak_mb"] = round(max(peak_mb for _, peak_mb in of_name), 1)
    result["ratio"] = round(result["duckdb_median_s"] / result["assay_median_s"], 3)
    result["ratio_least"], result["ratio_most"] = round(min(pairs), 3), round(max(pairs), 3)
    return result


def tell(result):
    print(f"{result['threads']} thread(s), {result['leads']:,} leads, the rows agree; {result['runs']} runs, "
          f"DuckDB {result['duckdb_version']}")
    for name, label in (("assay", "assay"), ("duckdb", "DuckDB")):
        print(f"  {label:7} median {result[name + '_median_s']:8.3f} s   fastest {result[name + '_fastest_s']:8.3f} s   "
              f"peak {result[name + '_peak_mb']:8.1f} MB")
    print(f"  DuckDB takes {result['ratio']:.2f} times as long as assay "
          f"(pairs of runs: {result['ratio_least']:.2f} to {result['ratio_most']:.2f})", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--duckdb-job", action="store_true")
    parser.add_argument("--compare", nargs=2, metavar="CSV")
    for name in ("assay", "rules", "sql", "leads", "events", "target-accounts", "as-of", "work", "scored"):
        parser.add_argument("--" + name)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.duckdb_job:
        duckdb_job(options)
        return
    if options.compare:
        compare(*options.compare)
        return
    cpus = sorted(os.sched_getaffinity(0))
    for n_threads in options.threads:
        if n_threads > len(cpus):
            print(f"{n_threads} threads left out: only {len(cpus)} CPUs here", file=sys.stderr)
            continue
        result = measure(options, n_threads, cpus)
        if options.json:
            print(json.dumps(result, separators=(",", ":")), flush=True)
        else:
            tell(result)


if __name__ == "__main__":
    main()
