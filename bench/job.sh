#!/usr/bin/env bash
# The whole job: leads and events from CSV to scored CSV, with one thread and with all.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

help() {
  cat <<'HELP'
bench/job.sh: time `assay score` from CSV to CSV, with one thread and with all

  bench/job.sh build/bench-1m
  bench/job.sh --leads 20k --events-per-lead 20 --runs 3 --json build/bench-20k

Usage: bench/job.sh [flags] DIR      made-up data goes to DIR, and is used again if it is there

  --leads N             1M unless said
  --events-per-lead N   20 unless said
  --runs N              5 unless said; one thread and all threads take turns
  --assay FILE          build/release/assay unless said
  --rules FILE          rules/b2b-saas.yaml unless said
  --json                one JSON line for each number of threads
HELP
}

leads=1M events_per_lead=20 runs=5 assay='' rules=$project/rules/b2b-saas.yaml json=''
read_flags "leads events-per-lead runs assay rules" json "$@"
need_folder

assay=$(find_assay "$assay")
make_data "$assay" "$dir" "$leads" "$events_per_lead"
work=$(mktemp -d "$dir/job.XXXXXX")
trap 'rm -rf "$work"' EXIT

mapfile -t cpus < <(usable_cpus)
threads=(1)
((${#cpus[@]} > 1)) && threads+=("${#cpus[@]}")
# Grouping the events after reading uses all CPUs that it may, whatever --threads says: pin it.
pin=()
if command -v taskset >/dev/null; then
  pin=(taskset -c "${cpus[0]}")
elif ((${#cpus[@]} > 1)); then
  echo "job.sh: no taskset here: with --threads 1 some of the reading still uses all CPUs" >&2
fi

# score THREADS: one run, its microseconds in $took.
score() {
  local n=$1 start
  local run=()
  ((n == 1)) && run=("${pin[@]}")
  start=${EPOCHREALTIME/./}
  "${run[@]}" "$assay" score "$rules" --leads "$dir/leads.csv" --events "$dir/events.csv" --as-of "$as_of" --threads "$n" \
    --out "$work/scored-$n.csv" --summary-json "$work/summary.json" 2>"$work/talk-$n.txt" || {
    cat "$work/talk-$n.txt" >&2
    fail "assay score failed"
  }
  took=$((${EPOCHREALTIME/./} - start))
}

cat "$dir/leads.csv" "$dir/events.csv" >/dev/null # into the page cache
for ((r = 0; r < runs; r++)); do
  for n in "${threads[@]}"; do
    score "$n"
    echo "$took" >>"$work/took-$n.txt"
    echo "run $((r + 1)) of $runs, $n thread(s): $((took / 1000)) ms; $(grep '^read ' "$work/talk-$n.txt" || true)" >&2
  done
done
for n in "${threads[@]:1}"; do
  cmp -s "$work/scored-1.csv" "$work/scored-$n.csv" || fail "expected the same bytes with 1 and $n threads, found others"
done

n_leads=$(sed -n 's/^  "leads": \([0-9]*\),*$/\1/p' "$work/summary.json" | head -n 1)
n_events=$(sed -n 's/^ *"events_kept": \([0-9]*\),*$/\1/p' "$work/summary.json" | head -n 1)
n_bytes=$(cat "$dir/leads.csv" "$dir/events.csv" | wc -c)
[[ -n $n_leads && -n $n_events ]] || fail "the summary of assay score names no leads or no events_kept"
[[ -n $json ]] || printf '%7s %10s %10s %12s %12s %8s   %s leads, %s events, %s MB\n' threads fastest_s median_s leads/s events/s MB/s \
  "$n_leads" "$n_events" $((n_bytes / 1000000))
for n in "${threads[@]}"; do
  sort -n "$work/took-$n.txt" | awk -v threads="$n" -v leads="$n_leads" -v events="$n_events" -v bytes="$n_bytes" -v json="$json" '
    { us[NR] = $1 }
    END {
      fastest = us[1] / 1e6
      median = (us[int((NR + 1) / 2)] + us[int(NR / 2) + 1]) / 2e6
      if (json)
        printf "{\"schema_version\":1,\"bench\":\"job\",\"threads\":%d,\"runs\":%d,\"leads\":%d,\"events\":%d,\"input_bytes\":%.0f," \
               "\"fastest_s\":%.4f,\"median_s\":%.4f,\"leads_per_s\":%.0f,\"events_per_s\":%.0f,\"mb_per_s\":%.1f}\n",
               threads, NR, leads, events, bytes, fastest, median, leads / median, events / median, bytes / median / 1e6
      else
        printf "%7d %10.3f %10.3f %12.0f %12.0f %8.1f\n", threads, fastest, median, leads / median, events / median, bytes / median / 1e6
    }'
done
