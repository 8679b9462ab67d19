#!/usr/bin/env bash
# Does a lead cost in proportion to the number of rules? Rule files of 10 to 1,000 table rules, and of as many conditions.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

help() {
  cat <<'HELP'
bench/rule_count.sh: ns a lead and a rule with 10, 100 and 1,000 rules

  bench/rule_count.sh
  bench/rule_count.sh --leads 100k --runs 21 --json

Usage: bench/rule_count.sh [flags]

  --leads N        1M unless said; made up, without events
  --runs N         11 unless said
  --counts LIST    "10 100 1000" unless said
  --assay FILE     build/release/assay unless said
  --json           one JSON line for each kind and number of rules
HELP
}

leads=1M runs=11 counts="10 100 1000" assay='' json=''
read_flags "leads runs counts assay" "json" "$@"
[[ -z $dir ]] || usage_error "expected flags only, found \`$dir\`"
assay=$(find_assay "$assay")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# rules KIND N: a rule file. Tables and conditions go over eight fields of three types in turn; bounds and points differ from rule
# to rule, so that no two are the same.
rules() {
  awk -v kind="$1" -v n="$2" 'BEGIN {
    print "assay: 1\nfields:"
    for (f = 0; f < 8; f++)
      print "  f" f ": " (f % 4 == 3 ? "number" : f % 2 ? "one of a, b, c, d, e" : "int")
    print "scores:\n  s:\n    rules:"
    for (i = 0; i < n; i++) {
      f = i % 8; p = i % 50 + 1; b = int(i / 8) + 10
      is_enum = f % 4 == 1
      printf "      - {name: r%d, ", i
      if (kind == "table" && is_enum) printf "by: f%d, points: {a: %d, b: -%d, otherwise: 1, missing: 0}}\n", f, p, p
      else if (kind == "table") printf "by: f%d, points: {1-%d: %d, %d-%d: -%d, otherwise: 0, missing: 0}}\n", f, b, p, b + 1, b + 100, p
      else if (is_enum) printf "when: \"f%d == \047%s\047\", points: %d}\n", f, substr("abcde", i % 5 + 1, 1), p
      else printf "when: f%d >= %d, points: %d}\n", f, b, p
    }
  }'
}

[[ -n $json ]] || printf '%-10s %7s %10s %14s\n' kind rules ns/lead ns/lead/rule
for kind in table condition; do
  for n in $counts; do
    rules "$kind" "$n" >"$work/rules.yaml"
    "$assay" bench "$work/rules.yaml" --rows "$leads" --events-per-lead 0 --threads 1 --runs "$runs" --json >"$work/bench.json"
    awk -F': ' -v kind="$kind" -v n="$n" -v json="$json" '
      /"ns_per_lead_median"/ { ns = $2 + 0 }
      END {
        if (json) printf "{\"schema_version\":1,\"bench\":\"rule_count\",\"kind\":\"%s\",\"rules\":%d,\"ns_per_lead\":%.3f,\"ns_per_rule\":%.4f}\n", kind, n, ns, ns / n
        else printf "%-10s %7d %10.2f %14.3f\n", kind, n, ns, ns / n
      }' "$work/bench.json"
  done
done
