# Shared by job.sh, peers/run.sh and smoke.sh, which source it. LC_ALL: numbers have a decimal point everywhere.
# shellcheck shell=bash
export LC_ALL=C
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
as_of=2026-11-01T00:00:00Z

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

usage_error() {
  echo "${0##*/}: $*; see --help" >&2
  exit 2
}

# read_flags NAMES SWITCHES ARGUMENT ..: `--some-name VALUE` sets $some_name for every name in NAMES, `--some-switch` sets $some_switch to 1,
# what is no flag is the one folder $dir (empty if there is none). --help prints help and ends.
read_flags() {
  local names=" $1 " switches=" $2 " name
  shift 2
  dir=''
  while (($#)); do
    name=${1#--}
    if [[ $1 == --help ]]; then
      help
      exit 0
    elif [[ $1 == --* && $switches == *" $name "* ]]; then
      printf -v "${name//-/_}" %s 1
      shift
    elif [[ $1 == --* && $names == *" $name "* ]]; then
      (($# > 1)) || usage_error "$1: expected a value"
      printf -v "${name//-/_}" %s "$2"
      shift 2
    elif [[ $1 == -* ]]; then
      usage_error "$1: no such flag"
    else
      [[ -z $dir ]] || usage_error "expected one folder, found \`$dir\` and \`$1\`"
      dir=$1
      shift
    fi
  done
  [[ ${runs:-1} =~ ^[1-9][0-9]{0,3}$ ]] || usage_error "--runs: expected 1 to 9999, found \`$runs\`"
}

need_folder() {
  [[ -n $dir ]] || usage_error "expected a folder for the data"
}

# The command to measure: what --assay says, or the release build of the presets.
find_assay() {
  local assay=${1:-$project/build/release/assay}
  [[ -x $assay ]] || fail "$assay: expected the command assay, found none: build it (cmake --workflow --preset release) or name it with --assay"
  (cd "$(dirname "$assay")" && echo "$PWD/${assay##*/}")
}

# make_data ASSAY DIR LEADS EVENTS_PER_LEAD: leads.csv and events.csv in DIR, unless they are there already.
make_data() {
  local assay=$1 dir=$2 leads=$3 events_per_lead=$4
  local wanted="leads=$leads events_per_lead=$events_per_lead seed=1 as_of=$as_of" found=
  mkdir -p "$dir"
  if [[ -e $dir/leads.csv || -e $dir/events.csv ]]; then
    [[ -e $dir/synth.txt ]] && found=$(<"$dir/synth.txt")
    [[ $found == "$wanted" ]] ||
      fail "$dir: expected an empty folder or data made with \`$wanted\`, found \`${found:-files of unknown origin}\`: name another folder or empty it"
    echo "using the data in $dir" >&2
    return
  fi
  "$assay" synth --leads "$leads" --events-per-lead "$events_per_lead" --seed 1 --as-of "$as_of" --out "$dir" ||
    fail "$dir: the data could not be made"
  echo "$wanted" >"$dir/synth.txt"
}

# The CPUs that this process may use, one a line.
usable_cpus() {
  if command -v taskset >/dev/null; then
    taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' | awk -F- '{ for (c = $1; c <= (NF > 1 ? $2 : $1); c++) print c }'
  else
    seq 0 $(($(nproc) - 1))
  fi
}
