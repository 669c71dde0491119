#!/usr/bin/env python3
"""What hourly occupancy and known share of recorded car parks must be: an independent computation.

    occupancy.py trento     OUT.csv parks-*.geoparquet      [--ledger OUT.json]
    occupancy.py birmingham OUT.csv birmingham-2016.csv     [--ledger OUT.json]

Shares no line with Arno: it reads the files with pandas, knows by itself what the columns mean, and
walks every car park from one change to the next, in whole microseconds. Slow and obvious on purpose.

The law that it follows:

* An observation's identity is (car park, property, time). The first result under it is stored, one
  equal to any kept result is a repeat, another one a correction; the version received last counts.
* A state holds until its next observation: `vehicles` and `free` at most 2 hours, `capacity` and
  `online` without limit. A null or negative count is unknown. While `online` is 0, counts are unknown.
* Vehicles are `vehicles`, or capacity - `free` at every moment.
* load_integral and capacity_integral run over the time in which vehicles and capacity are known,
  capacity_expected over that in which capacity is known; occupancy is the first over the second, the
  known share the second over the third.
* Buckets are hours of UTC. The recording's end (the last receipt) is now: its hour is cut there.

Each line of OUT.csv is one car park (as the feed names it) and hour with a capacity.
"""
import argparse
import bisect
import csv
import json
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pandas

SECOND = 1_000_000
HOUR = 3_600 * SECOND
HOLD = {"vehicles": 2 * HOUR, "free": 2 * HOUR, "capacity": None, "online": None}
FUTURE = 300 * SECOND


def trento(paths):
    """Observations (received, car park, property, time, result), in order of receipt."""
    columns = ["id", "type", "capacity", "freeslots", "offline", "timestamp", "currentTimestamp"]
    frame = pandas.concat([pandas.read_parquet(path, columns=columns) for path in paths])
    frame = frame[frame["type"].isin(["park", "bike"])]
    found = []
    for row in frame.itertuples(index=False):
        polled = row.currentTimestamp.value // 1_000  # naive, read as UTC; nanoseconds
        counted = row.timestamp.value // 1_000
        name = str(int(row.id))
        found.append((polled, name, "free", counted, int(row.freeslots)))
        found.append((polled, name, "capacity", polled, int(row.capacity)))
        found.append((polled, name, "online", polled, 0 if bool(row.offline) else 1))
    return sorted(found, key=lambda one: one[0])


def birmingham(paths):
    """The same of Birmingham: local times, no time of receipt."""
    london = ZoneInfo("Europe/London")
    found = []
    for path in paths:
        frame = pandas.read_csv(path, dtype=str)
        for row in frame.itertuples(index=False):
            local = datetime.strptime(row.LastUpdated, "%Y-%m-%d %H:%M:%S").replace(tzinfo=london, fold=0)
            moment = int(local.astimezone(timezone.utc).timestamp()) * SECOND
            found.append((moment, row.SystemCodeNumber, "vehicles", moment, int(row.Occupancy)))
            found.append((moment, row.SystemCodeNumber, "capacity", moment, int(row.Capacity)))
    return sorted(found, key=lambda one: one[0])


def judged(observations):
    """The result that counts of every identity, by (car park, property), and what became of all."""
    ledger = {"stored": 0, "repeated": 0, "corrected": 0, "quarantined": 0}
    versions = {}
    for received, name, kind, time, result in observations:
        if time > received + FUTURE:
            ledger["quarantined"] += 1
            continue
        kept = versions.setdefault((name, kind), {}).setdefault(time, [])
        if result in [known for _, known in kept]:
            ledger["repeated"] += 1
            continue
        ledger["corrected" if kept else "stored"] += 1
        kept.append((received, result))
    states = {}
    for key, by_time in versions.items():
        times = sorted(by_time)
        # The version received last; among those of one receipt, the one that came last.
        results = [max(enumerate(by_time[time]), key=lambda one: (one[1][0], one[0]))[1][1] for time in times]
        states[key] = (times, [None if result is None or result < 0 else result for result in results])
    return states, ledger


def value_at(state, kind, moment):
    """The result known at a moment, else None."""
    if state is None:
        return None
    times, results = state
    place = bisect.bisect_right(times, moment) - 1
    if place < 0:
        return None
    hold = HOLD[kind]
    if hold is not None and moment - times[place] >= hold:
        return None
    return results[place]


def hours_of(name, states, now):
    """The hourly integrals of one car park."""
    of = {kind: states.get((name, kind)) for kind in HOLD}
    changes = {now}
    for kind, state in of.items():
        for time in state[0] if state else []:
            changes.add(time)
            if HOLD[kind] is not None:
                changes.add(time + HOLD[kind])
    first = min(changes)
    changes.update(range(first - first % HOUR, now, HOUR))
    steps = sorted(moment for moment in changes if moment <= now)
    hours = {}
    for start, end in zip(steps, steps[1:]):
        capacity = value_at(of["capacity"], "capacity", start)
        if capacity is None:
            continue
        width = end - start
        hour = hours.setdefault(start - start % HOUR, [0, 0, 0])
        hour[2] += capacity * width
        if value_at(of["online"], "online", start) == 0:
            continue
        vehicles = value_at(of["vehicles"], "vehicles", start)
        if of["vehicles"] is None:
            free = value_at(of["free"], "free", start)
            vehicles = None if free is None else capacity - free
        if vehicles is None:
            continue
        hour[0] += vehicles * width
        hour[1] += capacity * width
    return hours


def text_of(moment):
    """A moment in RFC 3339; hours and the end of a recording to the microsecond."""
    whole, micros = divmod(moment, SECOND)
    text = datetime.fromtimestamp(whole, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{micros:06}".rstrip("0") if micros else "") + "Z"


def main():
    """Reads the arguments, computes, writes."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("feed", choices=["trento", "birmingham"])
    asked.add_argument("out")
    asked.add_argument("files", nargs="+")
    asked.add_argument("--ledger")
    asked = asked.parse_args()
    observations = {"trento": trento, "birmingham": birmingham}[asked.feed](asked.files)
    now = max(received for received, *_ in observations)
    states, ledger = judged(observations)
    with open(asked.out, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["feed_id", "bucket_start", "bucket_end", "load_integral", "capacity_integral",
                      "capacity_expected", "occupancy", "known_share"])
        for name in sorted({name for name, _ in states}):
            for start, (load, known, expected) in sorted(hours_of(name, states, now).items()):
                occupancy = repr(load / known) if known else ""
                share = repr(known / expected) if expected else ""
                end = text_of(start + HOUR)
                out.writerow([name, text_of(start), end, load, known, expected, occupancy, share])
    if asked.ledger:
        with open(asked.ledger, "w", encoding="utf-8") as file:
            json.dump(ledger | {"now": text_of(now)}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
