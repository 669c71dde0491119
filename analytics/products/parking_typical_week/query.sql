-- How full is parking usually at this hour of the week?
-- Reads `area_rollups`, measure `parking`, closed hours of the window; quantiles are computed at the
-- level asked, never merged.
WITH hours AS (
    SELECT
        area,
        outside,
        level,
        name,
        vehicle_kind,
        hour_of_week(bucket_start, $zone) AS hour_of_week,
        time_bucket('1w', bucket_start, $zone) AS week,
        occupancy(load_integral, capacity_integral) AS occupancy
    FROM area_rollups
    WHERE measure = 'parking'
        AND level = $level
        AND within = $area
        AND bucket = '1h'
        AND bucket_start >= $from
        AND bucket_end <= $to
        AND NOT "open"
        AND known_share(capacity_integral, capacity_expected) >= $known_share_min
)
SELECT
    CASE WHEN outside THEN 'outside' ELSE area END AS area,
    level,
    '1h' AS bucket,
    $from AS bucket_start,
    name,
    vehicle_kind,
    hour_of_week,
    hour_of_week / 24 + 1 AS weekday,
    hour_of_week % 24 AS hour,
    quantile(occupancy, 0.1) AS q10,
    quantile(occupancy, 0.25) AS q25,
    quantile(occupancy, 0.5) AS q50,
    quantile(occupancy, 0.75) AS q75,
    quantile(occupancy, 0.9) AS q90,
    count(occupancy) AS samples,
    count(DISTINCT week) AS weeks
FROM hours
GROUP BY area, outside, level, name, vehicle_kind, hour_of_week
ORDER BY area, vehicle_kind, hour_of_week
