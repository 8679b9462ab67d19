"""Are the rows of two outputs the same? In any order, by lead id, without any of the peers' packages.

    agree.py ASSAY.csv PEER.csv [--tolerance POINTS]

The columns are those of the peer's header. A tolerance is for sums in floating point: a score may then be that far off, a grade, route
or owner may differ where a total does, and an owner anywhere, as one lead that goes elsewhere moves everybody's turn.
"""

import csv
import json
import os
import subprocess
import sys

SCORES = ("engagement", "total")
FOLLOWING = ("grade", "route", "flag", "respond_by")


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        return next(rows), list(rows)


def agree(ours, theirs, tolerance=0):
    """{leads, apart}: how many rows there are, and how many are apart within the tolerance. Exits if any is apart beyond it."""
    our_header, our_rows = read(ours)
    header, rows = read(theirs)
    columns = [our_header.index(name) for name in header]
    by_id = {row[0]: row for row in rows}
    if len(by_id) != len(rows) or len(rows) != len(our_rows):
        sys.exit(f"agree.py: {theirs}: expected each of {len(our_rows)} leads once, found {len(rows)} rows of {len(by_id)} leads")
    n_apart, problems = 0, {}
    for row in our_rows:
        expected = [row[column] for column in columns]
        found = by_id.get(row[0])
        if found == expected:
            continue
        if found is None:
            sys.exit(f"agree.py: {theirs}: expected the lead {row[0]}, found none")
        named = {name: pair for name, *pair in zip(header, expected, found) if pair[0] != pair[1]}
        is_total_apart = "total" in named
        n_apart += bool(tolerance and set(named) - {"owner"})
        for name, (our, their) in named.items():
            allowed = tolerance and (name == "owner" or (name in FOLLOWING and is_total_apart)
                                     or (name in SCORES and abs(int(our) - int(their)) <= tolerance))
            if not allowed:
                count, first = problems.get(name, (0, f"{row[0]}: assay {our!r}, there {their!r}"))
                problems[name] = (count + 1, first)
    if problems:
        sys.exit(f"agree.py: {theirs}: the rows differ\n" + "\n".join(
            f"  {name}: {count} leads, first {first}" for name, (count, first) in problems.items()))
    return {"leads": len(rows), "apart": n_apart}


def in_a_process(ours, theirs, tolerance=0):
    """The same in a process of its own, which takes its memory along when it ends."""
    command = [sys.executable, "-B", os.path.abspath(__file__), ours, theirs, "--tolerance", str(tolerance)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode != 0:
        raise RuntimeError("the rows differ from assay's")
    return json.loads(done.stdout)


def main():
    ours, theirs, *rest = sys.argv[1:]
    print(json.dumps(agree(ours, theirs, int(rest[1]) if rest else 0)))


if __name__ == "__main__":
    main()
