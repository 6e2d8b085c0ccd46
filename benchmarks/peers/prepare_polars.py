"""The peer of prepare_bench.cc: polars doing what `raie data prepare` does to ratings.dat.

usage: prepare_polars.py RATINGS.dat OUTPUT_FOLDER

Same work: read (separator ':', the empty columns between '::' dropped), rating >= 4, first event of
each user-item pair, cuts at the .5 and .8 quantiles of the times, 5-core iterated over S and F (T
loses nothing), sort by user and time, write. Of the ways tried (unique, group_by, is_first_distinct;
window functions or semi-joins for the core; eager, lazy, streaming) this was the fastest. Prints one
line of JSON: seconds (imports not counted) and the events kept of S, F, T, which must be raie's.
"""

import json
import os
import sys
import time

os.environ.setdefault("POLARS_MAX_THREADS", "2")
import polars as pl  # noqa: E402  (the variable is read at import)


def quantile(times, p):
    return times.sort()[min(int(p * len(times)), len(times) - 1)]


def rare(events, column, k):
    return events.group_by(column).len().filter(pl.col("len") < k)[column]


def k_core(events, k):
    while True:
        users, items = rare(events, "user", k), rare(events, "item", k)
        if len(users) == 0 and len(items) == 0:
            return events
        events = events.filter(
            ~pl.col("user").is_in(users.implode()) & ~pl.col("item").is_in(items.implode())
        )


def prepare(path, output):
    schema = {
        "user": pl.Int32, "a": pl.String, "item": pl.Int32, "b": pl.String,
        "rating": pl.Float32, "c": pl.String, "time": pl.Int64,
    }
    events = (
        pl.scan_csv(path, separator=":", has_header=False, schema=schema)
        .select("user", "item", "rating", "time")
        .filter(pl.col("rating") >= 4)
        .select("user", "item", "time")
        .collect(engine="streaming")
        .sort("user", "time", maintain_order=True)
        .filter(pl.struct("user", "item").is_first_distinct())
    )
    t1, t2 = quantile(events["time"], 0.5), quantile(events["time"], 0.8)
    core = k_core(events.filter(pl.col("time") < t2), 5)
    test = events.filter(pl.col("time") >= t2)
    result = pl.concat([core, test]).sort("user", "time", maintain_order=True)
    result.write_ipc(os.path.join(output, "events.arrow"))
    set_up = len(core.filter(pl.col("time") < t1))
    return [set_up, len(core) - set_up, len(test)]


def main():
    path, output = sys.argv[1], sys.argv[2]
    os.makedirs(output, exist_ok=True)
    start, cpu = time.perf_counter(), time.process_time()
    events = prepare(path, output)
    print(json.dumps({
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "events": events,
        "version": pl.__version__,
    }))


if __name__ == "__main__":
    main()
