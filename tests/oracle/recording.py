#!/usr/bin/env python3
"""Recordings of our own making, in the shape of the two feeds that the examples read.

    recording.py trento     OUT.geoparquet OUT2.geoparquet
    recording.py birmingham OUT.csv

They have what real feeds do: polls that repeat a measurement, offline flags without one, capacities
that change in place, free places beyond the capacity, gaps, columns whose type differs between files;
or local times without a zone over a change of the clocks, counts that are negative or beyond the
capacity, rows that stand twice, rows in the order of the car parks. The same bytes every time.
"""
import csv
import random
import sys
from datetime import datetime, timedelta

import pandas

CHANCE = random.Random(2026)


def trento(paths):
    """One file a week: the second has text and flags where the first has nothing."""
    ids = {203: ("park", 188), 204: ("park", 397), 212: ("park", 100), 161635: ("bike", 40)}
    for week, path in enumerate(paths):
        rows = []
        poll = datetime(2025, 3, 27, 0, 3) + timedelta(days=7 * week)
        end = poll + timedelta(days=6)
        counted = {name: poll for name in ids}
        free = {name: capacity // 2 for name, (_, capacity) in ids.items()}
        while poll < end:
            for name, (kind, capacity) in ids.items():
                if CHANCE.random() < 0.8:  # else the poll repeats the last measurement
                    counted[name] = poll - timedelta(seconds=CHANCE.randrange(20, 240))
                    free[name] = max(0, min(capacity + 5, free[name] + CHANCE.randrange(-9, 10)))
                changed = capacity - 7 if week == 1 and poll.day >= 5 else capacity
                rows.append({
                    "id": name, "type": kind, "capacity": changed, "freeslots": free[name],
                    "timestamp": counted[name], "currentTimestamp": poll,
                    "offline": CHANCE.random() < 0.03, "open": 1, "diag": 0,
                    "busy": None if week == 0 else float(changed - free[name]),
                    "regulation": None if week == 0 else "pagamento",
                })
            poll += timedelta(minutes=CHANCE.choice([5, 5, 6, 18, 200 if CHANCE.random() < 0.05 else 5]))
        pandas.DataFrame(rows).to_parquet(path, coerce_timestamps="us")


def birmingham(paths):
    """Three weeks of half-hourly counts by local clocks, over 30 October 2016."""
    parks = {"BHMBCCMKT01": 577, "Broad Street": 690, "BHMBCCSNH01": 863, "BHMBCCTHL01": 387}
    with open(paths[0], "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["SystemCodeNumber", "Capacity", "Occupancy", "LastUpdated"])
        for name, capacity in parks.items():
            for day in range(21):
                if day == 9:
                    continue  # a day that nobody recorded
                time = datetime(2016, 10, 20, 7, 58) + timedelta(days=day)
                count = capacity // 5
                while time.hour < 17:
                    count += CHANCE.randrange(-20, 40)
                    shown = -8 if CHANCE.random() < 0.01 else min(count, capacity + 30)
                    row = [name, capacity - (day > 14), shown, time.strftime("%Y-%m-%d %H:%M:%S")]
                    out.writerow(row)
                    if CHANCE.random() < 0.02:
                        out.writerow(row)
                    time += timedelta(minutes=26, seconds=CHANCE.randrange(0, 480))


if __name__ == "__main__":
    {"trento": trento, "birmingham": birmingham}[sys.argv[1]](sys.argv[2:])
