"""Run assay and its peers in turns on the same data, compare the rows, print medians and ratios. Called by run.sh.

Jobs: `csv` from files to file, `memory` over data loaded beforehand, `half-life` the same with variant B of the rules, `record` one lead
at a time over counts given. Ratios are a peer's median over the median of the runs of assay that took turns with it.
"""

import argparse
import functools
import importlib
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import agree

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = ["duckdb", "polars", "clickhouse", "sqlite", "postgres"]
ENGINES = ["javascript", "zen", "json-rules-engine"]
JOBS = {
    "csv": "CSV to CSV",
    "memory": "in memory, from the events",
    "kept": "in memory, over what is kept a lead",
    "half-life": "in memory, every event weighted by a half-life of 30 days",
}


def note(text):
    print(text, file=sys.stderr, flush=True)


def machine():
    def first(path, key):
        try:
            with open(path, encoding="utf-8") as file:
                return next((line.split(":", 1)[1].strip() for line in file if line.startswith(key)), "unknown")
        except OSError:
            return "unknown"

    memory_kb = first("/proc/meminfo", "MemTotal").split()[0]
    return {"cpu": first("/proc/cpuinfo", "model name"), "cores": len(os.sched_getaffinity(0)),
            "memory_gb": round(int(memory_kb) / 1e6, 1) if memory_kb.isdigit() else None,
            "kernel": platform.release(), "date": time.strftime("%Y-%m-%d", time.gmtime())}


# -- one run --------------------------------------------------------------------------------------------------------------


def started(command, cpus, **more):
    return subprocess.Popen(command, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus), stdout=subprocess.PIPE, **more)


def ended(process, command):
    """Peak memory in MB. Linux counts the memory of who starts a process as that one's too, so this one stays small."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"`{' '.join(command[:5])} ...` failed with exit code {process.returncode}")
    return usage.ru_maxrss / 1000


def output_of(command, cpus):
    process = started(command, cpus)
    output = process.stdout.read()
    return output, ended(process, command)


class Served:
    """A peer in its own process, loaded and waiting."""

    def __init__(self, peer, job, variant, options, n_threads, cpus):
        self.command = [
            sys.executable, "-B", os.path.join(HERE, "serve.py"), peer, job, variant, "--leads", options.leads, "--events", options.events,
            "--target-accounts", options.target_accounts, "--as-of", options.as_of, "--threads", str(n_threads), "--work", options.work]
        # Polars reads its number of threads from here.
        environment = {**os.environ, "POLARS_MAX_THREADS": str(n_threads)}
        self.process = started(self.command, cpus, stdin=subprocess.PIPE, env=environment)
        self.ready = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            ended(self.process, self.command)
            raise RuntimeError(f"`{' '.join(self.command[2:6])}` ended without an answer")
        return json.loads(line)

    def ask(self, verb, path):
        self.process.stdin.write(f"{verb} {path}\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        return ended(self.process, self.command)


def assay_score(options, rules, n_threads, cpus, scored):
    command = [options.assay, "score", rules, "--leads", options.leads, "--events", options.events, "--as-of", options.as_of, "--threads",
               str(n_threads), "--out", scored, "--quiet"]
    start = time.perf_counter()
    _, peak_mb = output_of(command, cpus)
    return time.perf_counter() - start, peak_mb


def assay_pass(options, rules, n_threads, cpus, from_kept):
    """Seconds of assay_run, the median of a few, after loading."""
    command = [options.bench_pass, "--json", "--runs", "5", "--threads", str(n_threads), *(["--summaries"] if from_kept else []), rules,
               options.leads, options.events]
    output, peak_mb = output_of(command, cpus)
    for line in map(json.loads, output.splitlines()):
        if line.get("bench") == "pass" and line["threads"] == n_threads and line["part"] == "total":
            return line["ns_per_lead_median"] * line["leads"] / 1e9, peak_mb
    raise RuntimeError(f"{options.bench_pass}: expected a line of {n_threads} threads, found none")


# -- turns ----------------------------------------------------------------------------------------------------------------


def summed_up(runs):
    peaks_mb = [mb for _, mb in runs if mb is not None]
    return {"median_s": round(statistics.median(s for s, _ in runs), 7), "fastest_s": round(min(s for s, _ in runs), 7),
            "peak_mb": round(max(peaks_mb), 1) if peaks_mb else None}


def result_of(job, n_threads, peer, variant, label, version, ours, theirs, compared):
    result = {"schema_version": 1, "bench": "peers", "job": job, "threads": n_threads, "runs": len(theirs), "peer": peer,
              "variant": variant, "label": label, "version": version, **compared,
              **{f"assay_{key}": value for key, value in summed_up(ours).items()}, **summed_up(theirs)}
    result["ratio"] = round(result["median_s"] / result["assay_median_s"], 2)
    return result


def in_turns(options, our_run, their_run):
    """Both lists of (seconds, MB); who goes first alternates."""
    ours, theirs = [], []
    for number in range(options.runs):
        for runs, run in ((ours, our_run), (theirs, their_run))[:: 1 if number % 2 == 0 else -1]:
            runs.append(run())
    return ours, theirs


def measure_csv(options, job, peer, variant, label, n_threads, cpus):
    our_csv, their_csv = (os.path.join(options.work, name) for name in ("assay.csv", "peer.csv"))
    version = None

    def their_run():
        nonlocal version
        served = Served(peer, job, variant, options, n_threads, cpus)
        version = served.ready["version"]
        seconds, peak_mb = served.ask("run", their_csv)["seconds"], served.close()
        return seconds, peak_mb if served.ready["has_peak"] else None

    ours, theirs = in_turns(options, lambda: assay_score(options, options.rules, n_threads, cpus, our_csv), their_run)
    return result_of(job, n_threads, peer, variant, label, version, ours, theirs, agree.in_a_process(our_csv, their_csv))


def measure_memory(options, job, peer, variant, label, n_threads, cpus, tolerance):
    rules = options.half_life_rules if job == "half-life" else options.rules
    our_csv, their_csv = (os.path.join(options.work, name) for name in (f"assay-{job}.csv", "peer.csv"))
    if not os.path.exists(our_csv):
        assay_score(options, rules, len(os.sched_getaffinity(0)), os.sched_getaffinity(0), our_csv)
    served = Served(peer, job, variant, options, n_threads, cpus)
    served.ask("run", their_csv)  # touches all memory for the first time
    ours, theirs = in_turns(options, lambda: assay_pass(options, rules, n_threads, cpus, job == "kept"),
                            lambda: (served.ask("run", their_csv)["seconds"], 0))
    served.ask("write", their_csv)
    peak_mb = served.close()
    theirs = [(seconds, peak_mb) for seconds, _ in theirs]
    compared = agree.in_a_process(our_csv, their_csv, tolerance)
    return result_of(job, n_threads, peer, variant, label, served.ready["version"], ours, theirs, compared)


def measure_record(options, engine, cpus):
    """One thread: per-record engines are called once a lead."""
    import record

    sample = record.sample_of(options)
    their_csv = os.path.join(options.work, "peer.csv")
    command = [options.node, os.path.join(HERE, "record.mjs"), engine, sample.path, their_csv, str(options.record_seconds)]
    environment = {**os.environ, "ASSAY_PEERS_MODULES": options.node_modules or ""}
    ours, theirs, version = [], [], None
    for _ in range(options.runs):
        took_s, peak_mb = assay_pass(options, options.rules, 1, cpus, options.has_summaries)
        ours.append((took_s / options.n_leads, peak_mb))
        process = started(command, cpus, env=environment)
        output = process.stdout.read()
        peak_mb = ended(process, command)
        answer = json.loads(output)
        version = answer["version"]
        theirs.append((answer["seconds"] / answer["leads"], peak_mb))
    compared = agree.in_a_process(sample.scored, their_csv)
    result = result_of("record", 1, engine, "counts", "one lead at a time, counts given", version, ours, theirs, compared)
    # Of one lead: seconds would round to nothing.
    result["leads_per_s"] = round(1 / statistics.median(s for s, _ in theirs))
    result["assay_leads_per_s"] = round(1 / statistics.median(s for s, _ in ours))
    result["ratio"] = round(result["assay_leads_per_s"] / result["leads_per_s"], 1)
    return result


# -- the table --------------------------------------------------------------------------------------------------------------


LABEL = 56  # characters of the first column


def tell_head(options, about):
    print(f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, Linux {about['kernel']}, {about['date']}; "
          f"{options.n_leads:,} leads, {options.input_bytes / 1e6:,.0f} MB of CSV, {options.runs} runs each, medians")


def tell(result, last):
    if (result["job"], result["threads"]) != last:
        title = JOBS.get(result["job"], "one lead at a time")
        print(f"\n{title}, {result['threads']} thread{'s' if result['threads'] > 1 else ''}\n"
              f"  {'':{LABEL}} {'peer':>10} {'assay':>10} {'ratio':>8} {'peer MB':>9} {'assay MB':>9}  rows")
    label = f"{result['peer']} {result['version']}, {result['label']}"
    if result["job"] == "record":
        figures = f"{result['leads_per_s']:>8,}/s {result['assay_leads_per_s']:>8,}/s"
    else:
        figures = f"{result['median_s']:>8.3f} s {result['assay_median_s']:>8.4f} s"
    same = "same" if result["apart"] == 0 else f"{result['apart']} of {result['leads']} within a point"
    peak = "-" if result["peak_mb"] is None else f"{result['peak_mb']:.0f}"
    print(f"  {label:{LABEL}} {figures} {result['ratio']:>7.1f}x {peak:>9} {result['assay_peak_mb']:>9.0f}  {same}", flush=True)


def wanted_peers(options):
    """[(name, module)] of the peers that are installed; says which are not."""
    found = []
    for name in PEERS:
        if name not in options.only:
            continue
        module = importlib.import_module("peer_" + name)
        # In a process of its own: some of them would make this one large.
        check = subprocess.run([sys.executable, "-B", "-c", f"import peer_{name}; peer_{name}.version()"], cwd=HERE, capture_output=True,
                               check=False, text=True)
        if check.returncode == 0:
            found.append((name, module))
        else:
            note(f"peers.py: {name} left out, as it is not installed: {(check.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return found


def wanted_engines(options):
    packages = {"javascript": "", "zen": "@gorules/zen-engine", "json-rules-engine": "json-rules-engine"}
    found = []
    for name in ENGINES:
        if name not in options.only:
            continue
        if not options.node:
            note(f"peers.py: {name} left out, as there is no node")
        elif not os.path.isdir(os.path.join(options.node_modules, packages[name])) and packages[name]:
            note(f"peers.py: {name} left out, as the npm package {packages[name]} is not in {options.node_modules}")
        else:
            found.append(name)
    return found


def jobs_possible(options):
    """The jobs asked for, without those that this bench_pass cannot do assay's side of."""
    if not os.access(options.bench_pass, os.X_OK):
        note(f"peers.py: only the csv job: there is no {options.bench_pass} (cmake -DASSAY_BENCH=ON)")
        return [job for job in options.jobs if job == "csv"]
    usage = subprocess.run([options.bench_pass], capture_output=True, check=False, text=True).stderr
    options.has_summaries = "--summaries" in usage
    if "kept" in options.jobs and not options.has_summaries:
        note("peers.py: the job kept left out: this bench_pass knows no --summaries")
    return [job for job in options.jobs if job != "kept" or options.has_summaries]


def comparisons(options):
    """(name, function that measures) of everything wanted."""
    jobs = jobs_possible(options)
    peers, engines = wanted_peers(options), wanted_engines(options) if "record" in jobs else []
    all_cpus = sorted(os.sched_getaffinity(0))
    for job, n_threads, (name, module) in itertools.product((job for job in JOBS if job in jobs), options.threads, peers):
        if n_threads > min(len(all_cpus), getattr(module, "MAX_THREADS", n_threads)):
            continue
        for variant, label in module.VARIANTS.get(job, {}).items():
            shared = options, job, name, variant, label, n_threads, all_cpus[:n_threads]
            if job == "csv":
                yield name, functools.partial(measure_csv, *shared)
            else:
                yield name, functools.partial(measure_memory, *shared, getattr(module, "TOLERANCE", {}).get((job, variant), 0))
    for name in engines:
        yield name, functools.partial(measure_record, options, name, all_cpus[:1])


def read_options():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("assay", "bench-pass", "rules", "half-life-rules", "leads", "events", "target-accounts", "as-of", "work", "node",
                 "node-modules"):
        parser.add_argument("--" + name)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", default="csv,memory,kept,half-life,record")
    parser.add_argument("--only", default=",".join(PEERS + ENGINES))
    parser.add_argument("--record-seconds", type=float, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for name, known in (("only", PEERS + ENGINES), ("jobs", [*JOBS, "record"])):
        setattr(options, name, getattr(options, name).split(","))
        unknown = [word for word in getattr(options, name) if word not in known]
        if unknown:
            parser.error(f"--{name}: expected some of {','.join(known)}, found `{unknown[0]}`")
    with open(options.leads, "rb") as file:
        options.n_leads = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) - 1
    options.input_bytes = os.path.getsize(options.leads) + os.path.getsize(options.events)
    return options


def main():
    options = read_options()
    options.has_summaries = False
    about = machine()
    n_measured, n_failed, last = 0, 0, None
    for name, measure in comparisons(options):
        if n_measured == 0 and not options.json:
            tell_head(options, about)
        try:
            result = measure()
        except (RuntimeError, OSError) as problem:
            note(f"peers.py: {name}: {problem}")
            n_failed += 1
            continue
        n_measured += 1
        if options.json:
            print(json.dumps({**result, "machine": about}, separators=(",", ":")), flush=True)
        else:
            tell(result, last)
        last = result["job"], result["threads"]
    if n_measured + n_failed == 0:
        note("peers.py: NOT MEASURED: none of the peers asked for is installed here")
        sys.exit(77)
    sys.exit(1 if n_failed else 0)


if __name__ == "__main__":
    main()
