#!/usr/bin/env bash
# Every benchmark once at a tiny size: do they still build, run and agree? No figure of this run means anything.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

help() {
  cat <<'HELP'
bench/smoke.sh: run every benchmark once at a tiny size, to see that they work

  bench/smoke.sh build/release

Usage: bench/smoke.sh [flags] BUILD-DIR    where `assay` and bench/bench_* are; benchmarks that were not built are named and left out

  --python FILE         as for bench/peers/run.sh
  --node-modules DIR    as for bench/peers/run.sh

Peers take part if they are installed already. Takes less than a minute.
HELP
}

python='' node_modules=''
read_flags "python node-modules" "" "$@"
[[ -n $dir ]] || usage_error "expected the folder of a build"
build=$dir
assay=$(find_assay "$build/assay")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
data=$work/data n_failed=0

# try NAME COMMAND ..: its output only if it fails; 77 is "not here".
try() {
  local name=$1 status=0 start=$SECONDS
  shift
  "$@" >"$work/out.txt" 2>&1 || status=$?
  case $status in
  0) echo "ok       $name ($((SECONDS - start)) s)" ;;
  77) echo "skipped  $name: $(grep -m 1 'NOT MEASURED' "$work/out.txt" || true)" ;;
  *)
    echo "FAILED   $name: exit code $status"
    tail -n 20 "$work/out.txt"
    n_failed=$((n_failed + 1))
    ;;
  esac
}

# The arguments that make a benchmark program short; none unless named here.
arguments_of() {
  case $1 in
  bench_csv) echo 2 ;;
  bench_events) echo "--runs 1 --leads 2000 --events 40000" ;;
  bench_kern) echo "--runs 3" ;;
  bench_write) echo "--leads 2000" ;;
  bench_pass) echo "--runs 1 $project/rules/b2b-saas.yaml $data/leads.csv $data/events.csv" ;;
  bench_index) echo "--runs 1 --keys 2000" ;;
  bench_plugin) echo "--runs 1" ;;
  esac
}

make_data "$assay" "$data" 2k 20 >/dev/null 2>&1
for source in "$project"/bench/bench_*.c*; do
  name=$(basename "${source%.*}")
  if [[ -x $build/bench/$name ]]; then
    read -ra arguments <<<"$(arguments_of "$name")"
    try "$name" timeout 60 "$build/bench/$name" "${arguments[@]}"
  else
    echo "skipped  $name: not built (cmake -DASSAY_BENCH=ON)"
  fi
done
try "assay bench" "$assay" bench "$project/rules/b2b-saas.yaml" --rows 2k --runs 1
try rule_count.sh "$project/bench/rule_count.sh" --leads 1k --runs 1 --counts "10 100" --assay "$assay"
try job.sh "$project/bench/job.sh" --leads 2k --runs 1 --assay "$assay" "$data"
try peers/run.sh "$project/bench/peers/run.sh" --leads 2k --runs 1 --threads 1 --record-seconds 0.05 --assay "$assay" \
  ${python:+--python "$python"} ${node_modules:+--node-modules "$node_modules"} "$data"
exit $((n_failed > 0))
