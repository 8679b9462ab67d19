"""One peer at one job in a process of its own: loads what has to be loaded, then runs when told to. Started by peers.py.

    serve.py PEER JOB VARIANT --leads FILE --events FILE --target-accounts FILE --as-of TIME --threads N --work DIR

Says {"load_s": .., "version": .., "has_peak": ..} when it is ready; then reads lines: `run FILE` (writes FILE if the job is csv) is answered by
{"seconds": ..}, `write FILE` by {}.
"""

import argparse
import importlib
import json
import sys
import time


def say(**what):
    print(json.dumps(what), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("peer", "job", "variant"):
        parser.add_argument(name)
    for name in ("leads", "events", "target-accounts", "as-of", "work"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    peer = importlib.import_module("peer_" + options.peer)
    start = time.perf_counter()
    job = peer.Job(options.job, options.variant, options)
    try:
        say(load_s=time.perf_counter() - start, version=peer.version(), has_peak=getattr(peer, "HAS_PEAK", True))
        for line in sys.stdin:
            verb, path = line.split(maxsplit=1)
            path = path.rstrip("\n")
            if verb == "run":
                say(seconds=job.run(path))
            else:
                job.write(path)
                say()
    finally:
        if hasattr(job, "close"):
            job.close()


if __name__ == "__main__":
    main()
