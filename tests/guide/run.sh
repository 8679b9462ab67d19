#!/bin/sh
# Follow a guide: run its ```sh blocks in order, in one shell, in a fresh folder, and compare what they print with the ```text block
# behind each. Every line of that has to be part of a line that was printed, `...` stands for anything. Other blocks are not run.
#
#   run.sh GUIDE.md FOLDER BUILD      installs BUILD to FOLDER/prefix first
#   ASSAY_PREFIX=DIR run.sh GUIDE.md FOLDER
set -eu
umask 022
unset ASSAY_PLUGIN_PATH
guide=$1
folder=$2
rm -rf "$folder"
mkdir -p "$folder/steps" "$folder/work"
folder=$(cd "$folder" && pwd)

awk -v steps="$folder/steps" '
    is_inside && /^```/ { is_inside = 0; file = ""; next }
    is_inside { if (file != "") print > file; next }
    /^```sh$/ { step = sprintf("%s/%02d", steps, ++n); file = step ".sh"; is_inside = 1; next }
    /^```text$/ { file = n > 0 ? step ".text" : ""; is_inside = 1; next }
    /^```/ { file = ""; is_inside = 1 }' "$guide"
if ! ls "$folder"/steps/*.sh >/dev/null 2>&1; then
    echo "$guide: expected blocks that begin with \`\`\`sh, found none" >&2
    exit 1
fi

if [ -z "${ASSAY_PREFIX:-}" ]; then
    ASSAY_PREFIX=$folder/prefix
    "${CMAKE:-cmake}" --install "$3" --prefix "$ASSAY_PREFIX" >"$folder/install.log" 2>&1 || { cat "$folder/install.log" >&2; exit 1; }
fi
export ASSAY_PREFIX

# Lines that were to be printed and were not.
missing() # WANTED PRINTED
{
    awk '
        function has(line, wanted,    parts, i, n, at) {
            n = split(wanted, parts, /\.\.\./)
            for (i = 1; i <= n; i++) {
                sub(/^ +/, "", parts[i])
                sub(/ +$/, "", parts[i])
                at = index(line, parts[i])
                if (at == 0) return 0
                line = substr(line, at + length(parts[i]))
            }
            return 1
        }
        FILENAME == ARGV[1] { printed[++n_printed] = $0; next }
        { for (k = 1; k <= n_printed; k++) if (has(printed[k], $0)) next; print }' "$2" "$1"
}

guide_step=
guide_tell_failure()
{
    guide_status=$?
    if [ "$guide_status" -ne 0 ] && [ -n "$guide_step" ]; then
        {
            echo "$guide, step ${guide_step##*/}: expected commands that succeed, found exit code $guide_status:"
            cat "$guide_step.sh"
            echo "-- printed:"
            cat "$guide_step.out"
        } >&3
    fi
}
exec 3>&2
trap guide_tell_failure EXIT
cd "$folder/work"
for guide_file in "$folder"/steps/*.sh; do
    guide_step=${guide_file%.sh}
    . "$guide_file" >"$guide_step.out" 2>&1
    [ -f "$guide_step.text" ] || continue
    missing "$guide_step.text" "$guide_step.out" >"$guide_step.missing"
    if [ -s "$guide_step.missing" ]; then
        {
            echo "$guide, step ${guide_step##*/}: expected these lines in what is printed:"
            cat "$guide_step.missing"
            echo "-- found:"
            cat "$guide_step.out"
        } >&3
        guide_step=
        exit 1
    fi
done
guide_step=
echo "$guide: $(ls "$folder"/steps/*.sh | wc -l) steps done"
