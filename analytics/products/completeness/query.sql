-- How much of what devices should report is known?
-- Reads `area_rollups` for every property that is reported or expected, and `cells` for those that
-- count people, of which the share alone is told.
WITH shares AS (
    SELECT
        area, outside, level, bucket, bucket_start, bucket_end, name,
        measure AS property,
        coalesce(known_share(known_us, expected_us), 0.0) AS known_share,
        things, things_reporting, readings, "open"
    FROM area_rollups
    WHERE measure <> 'parking'
        AND measure NOT IN (SELECT id FROM properties WHERE counts_people)
        AND level = $level
        AND within = $area
        AND bucket = $bucket
        AND bucket_end > $from
        AND bucket_start < $to
    UNION ALL
    SELECT
        area, outside, level, bucket, bucket_start, bucket_end, name,
        measure AS property,
        coalesce(known_share, 0.0) AS known_share,
        things, things_reporting, CAST(NULL AS BIGINT) AS readings, "open"
    FROM cells
    WHERE NOT outside
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
    property,
    known_share,
    things,
    things_reporting,
    readings,
    "open"
FROM shares
ORDER BY bucket_start, area, property
