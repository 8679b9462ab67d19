"""The rule files that both sides compute: the reference rules without their plugins, stages and nurture segments, and variant B of them.

    rules.py RULES.yaml OUT.yaml [--half-life]
"""

import re
import sys


# Targets and SLAs name stages.
LEFT_OUT = ("plugins:", "lifecycle:", "slas:", "targets:", "nurture:")


def without_some(text):
    """List items that name a plugin left out, and the sections that the peers do not compute."""
    kept, item, is_left_out = [], [], False

    def flush():
        if not any(re.match(r" .*[ {]plugin:", line) for line in item):
            kept.extend(item)
        item.clear()

    for line in text.splitlines(keepends=True):
        if re.match(r"[^ #\n]", line):
            flush()
            is_left_out = line.startswith(LEFT_OUT)
        elif re.match(r"  - |#", line):
            flush()
        if not is_left_out:
            item.append(line)
    flush()
    return "".join(kept)


def with_half_life(text):
    """Every scored event counts, each at half its points after 30 days."""
    head, section, rest = re.split(r"(?m)^(  engagement:.*\n)", text, maxsplit=1)
    events, tail = re.split(r"(?m)^    rules:\n", rest, maxsplit=1)
    events = re.sub(r"(?m)^(      \w+: +)(\d+)\s*$", r"\1{each: \2, half_life: 30d}", events)
    events = re.sub(r"(?m)^(      \w+: +\{each: \d+, max: \d+)\}", r"\1, half_life: 30d}", events)
    return head + section + events + "    rules:\n" + tail


def main():
    source, out, *flags = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        text = without_some(file.read())
    if "--half-life" in flags:
        text = with_half_life(text)
    with open(out, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
