#!/usr/bin/env bash
# assay and what one would use instead at the same job on the same data: are the rows the same, and how many times as long does it take?
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
here=$project/bench/peers

help() {
  cat <<'HELP'
bench/peers/run.sh: assay and its peers at the same job, in turns, on the same data; rows compared

  bench/peers/run.sh --install build/bench-1m
  bench/peers/run.sh --leads 20k --threads 1 --runs 3 --only duckdb --jobs csv,memory --json build/bench-20k

Usage: bench/peers/run.sh [flags] DIR      made-up data goes to DIR, and is used again if it is there

  --jobs LIST           csv,memory,kept,half-life,record unless said: CSV to CSV; in memory from the events; over what is kept by
                        lead; with a half-life of each event; one lead at a time
  --only LIST           duckdb,polars,clickhouse,sqlite,postgres,javascript,zen,json-rules-engine unless said
  --leads N             1M unless said
  --events-per-lead N   20 unless said
  --threads LIST        "1 2" unless said: numbers of threads, for both
  --runs N              5 unless said
  --record-seconds N    3 unless said: how long an engine that takes one lead at a time is measured
  --assay FILE          build/release/assay unless said
  --bench-pass FILE     bench/bench_pass beside assay unless said; all but the csv job need it
  --python FILE         a Python that has the packages duckdb, polars, chdb; else build/peers-venv if it is there, else python3
  --node-modules DIR    where the npm packages are; build/peers-node/node_modules unless said
  --install             first install the Python and npm packages under build/
  --json                one JSON line for each comparison

Peers that are not installed are left out with a notice. PostgreSQL comes from Debian (postgresql), SQLite with Python.
Exit codes: 0 measured and the rows agree, 1 they do not or something failed, 2 wrong usage, 77 no peer here: nothing measured.
HELP
}

leads=1M events_per_lead=20 threads="1 2" runs=5 assay='' bench_pass='' python='' node_modules='' json='' install=''
jobs=csv,memory,kept,half-life,record only='' record_seconds=3
read_flags "jobs only leads events-per-lead threads runs record-seconds assay bench-pass python node-modules" "install json" "$@"
need_folder
[[ $threads =~ ^[1-9][0-9]*(\ [1-9][0-9]*)*$ ]] || usage_error "--threads: expected numbers like \"1 2\", found \`$threads\`"

venv=$project/build/peers-venv
install_packages() {
  local log=$project/build/peers-install.log
  mkdir -p "$project/build/peers-node"
  echo "installing duckdb, polars, chdb into $venv and two npm packages beside it" >&2
  { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet duckdb polars chdb; } >"$log" 2>&1 ||
    echo "run.sh: the Python packages could not be installed: see $log (Debian needs the package python3-venv)" >&2
  { cd "$project/build/peers-node" && npm install --no-audit --no-fund --prefix . @gorules/zen-engine json-rules-engine; } >>"$log" 2>&1 ||
    echo "run.sh: the npm packages could not be installed: see $log" >&2
}

[[ -z $install ]] || (install_packages)
if [[ -z $python ]]; then
  python=python3
  [[ -x $venv/bin/python3 ]] && python=$venv/bin/python3
fi
command -v "$python" >/dev/null || {
  echo "run.sh: NOT MEASURED: there is no $python" >&2
  exit 77
}
assay=$(find_assay "$assay")
[[ -n $bench_pass ]] || bench_pass=$(dirname "$assay")/bench/bench_pass
[[ -n $node_modules ]] || node_modules=$project/build/peers-node/node_modules
make_data "$assay" "$dir" "$leads" "$events_per_lead"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d "$dir/peers.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$python" -B "$here/rules.py" "$project/rules/b2b-saas.yaml" "$work/rules.yaml"
"$python" -B "$here/rules.py" "$project/rules/b2b-saas.yaml" "$work/half-life.yaml" --half-life
cp "$project/rules/target-accounts.csv" "$work/"
cat "$dir/leads.csv" "$dir/events.csv" >/dev/null # into the page cache

read -ra counts <<<"$threads"
"$python" -B "$here/peers.py" --assay "$assay" --bench-pass "$bench_pass" --rules "$work/rules.yaml" --half-life-rules "$work/half-life.yaml" \
  --leads "$dir/leads.csv" --events "$dir/events.csv" --target-accounts "$work/target-accounts.csv" --as-of "$as_of" --work "$work" \
  --runs "$runs" --threads "${counts[@]}" --jobs "$jobs" ${only:+--only "$only"} --record-seconds "$record_seconds" \
  --node "$(command -v node || true)" --node-modules "$node_modules" ${json:+--json}
