#!/usr/bin/env bash
# assay and DuckDB at the same job on the same files: are the rows the same, and which is faster?
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
here=$project/bench/peers

help() {
  cat <<'HELP'
bench/peers/run.sh: assay and DuckDB at the same job, in turns, on the same files

  bench/peers/run.sh build/bench-1m
  bench/peers/run.sh --leads 20k --threads 1 --runs 3 --json build/bench-20k

Usage: bench/peers/run.sh [flags] DIR      made-up data goes to DIR, and is used again if it is there

  --leads N             1M unless said
  --events-per-lead N   20 unless said
  --threads LIST        "1 2" unless said: numbers of threads, for both
  --runs N              5 unless said
  --assay FILE          build/release/assay unless said
  --python FILE         a Python that has the package duckdb; else python3, else one made under build/
  --json                one JSON line for each number of threads

Exit codes: 0 the rows agree, 1 they do not or something failed, 2 wrong usage, 77 no DuckDB here: nothing measured.
HELP
}

leads=1M events_per_lead=20 threads="1 2" runs=5 assay='' python='' json='' dir=''
while (($#)); do
  case $1 in
  --help) help; exit 0 ;;
  --json) json=1; shift ;;
  --leads | --events-per-lead | --threads | --runs | --assay | --python)
    (($# > 1)) || usage_error "$1: expected a value"
    name=${1#--}
    printf -v "${name//-/_}" %s "$2"
    shift 2
    ;;
  -*) usage_error "$1: no such flag" ;;
  *)
    [[ -z $dir ]] || usage_error "expected one folder, found \`$dir\` and \`$1\`"
    dir=$1
    shift
    ;;
  esac
done
[[ -n $dir ]] || usage_error "expected a folder for the data"
[[ $runs =~ ^[1-9][0-9]{0,3}$ ]] || usage_error "--runs: expected 1 to 9999, found \`$runs\`"
[[ $threads =~ ^[1-9][0-9]*(\ [1-9][0-9]*)*$ ]] || usage_error "--threads: expected numbers like \"1 2\", found \`$threads\`"

no_duckdb() {
  echo "run.sh: NOT MEASURED: $*. Install the Python package duckdb (pip install duckdb) and name that Python with --python" >&2
  exit 77
}

# A Python with duckdb, in $python.
find_duckdb() {
  local venv=$project/build/peers-venv candidate log
  if [[ -n $python ]]; then
    "$python" -c 'import duckdb' 2>/dev/null || no_duckdb "$python has no package duckdb"
    return
  fi
  for candidate in python3 "$venv/bin/python3"; do
    if "$candidate" -c 'import duckdb' 2>/dev/null; then
      python=$candidate
      return
    fi
  done
  command -v python3 >/dev/null || no_duckdb "there is no python3"
  mkdir -p "$project/build"
  log=$project/build/peers-venv.log
  echo "installing the Python package duckdb into $venv" >&2
  { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet duckdb; } >"$log" 2>&1 ||
    no_duckdb "duckdb could not be installed (see $log; Debian needs the package python3-venv)"
  python=$venv/bin/python3
}

# The reference rules without plugins: list items that name one, and the section that loads them, left out.
rules_without_plugins() {
  awk '
    function flush() { if (!names_plugin) printf "%s", item; item = ""; names_plugin = 0 }
    /^[^ #]/ { is_plugins = /^plugins:/ }
    /^[^ ]/ || /^  - / { flush() }
    is_plugins { next }
    { item = item $0 "\n" }
    /^ .*[ {]plugin:/ { names_plugin = 1 }
    END { flush() }' "$1"
}

find_duckdb
assay=$(find_assay "$assay")
make_data "$assay" "$dir" "$leads" "$events_per_lead"
work=$(mktemp -d "$dir/peers.XXXXXX")
trap 'rm -rf "$work"' EXIT
rules_without_plugins "$project/rules/b2b-saas.yaml" >"$work/rules.yaml"
cp "$project/rules/target-accounts.csv" "$work/"

read -ra counts <<<"$threads"
"$python" "$here/peers.py" --assay "$assay" --rules "$work/rules.yaml" --sql "$here/duckdb.sql" --leads "$dir/leads.csv" \
  --events "$dir/events.csv" --target-accounts "$work/target-accounts.csv" --as-of "$as_of" --work "$work" --runs "$runs" \
  --threads "${counts[@]}" ${json:+--json}
