-- How full was parking, bucket by bucket?
-- Reads `area_rollups`, measure `parking`: integrals over the time in which vehicles and capacity
-- are known together, kept for 15 minutes and merged to the asked width.
WITH shares AS (
    SELECT *, coalesce(known_share(capacity_integral, capacity_expected), 0.0) AS share
    FROM area_rollups
    WHERE measure = 'parking'
        AND level = $level
        AND within = $area
        AND bucket = $bucket
        AND bucket_end > $from
        AND bucket_start < $to
)
SELECT
    CASE WHEN outside THEN 'outside' ELSE area END AS area,
    level,
    bucket,
    bucket_start,
    bucket_end,
    name,
    vehicle_kind,
    CASE WHEN share >= $known_share_min THEN occupancy(load_integral, capacity_integral) END
        AS occupancy,
    load_integral,
    capacity_integral,
    capacity_expected,
    share AS known_share,
    occupancy(buckets_saturated, buckets_known) AS saturation,
    buckets_known,
    buckets_saturated,
    things,
    readings,
    coalesce(over_capacity, false) AS over_capacity,
    "open",
    computed_at,
    revision
FROM shares
ORDER BY bucket_start, area, vehicle_kind
