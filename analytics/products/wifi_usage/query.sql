-- How many people use the public wifi, bucket by bucket?
-- Reads `cells`: suppressed and rounded already for the public, true for those who may see them.
SELECT
    CASE WHEN outside THEN 'outside' ELSE area END AS area,
    level,
    bucket,
    bucket_start,
    bucket_end,
    name,
    CASE WHEN known_share >= $known_share_min THEN value END AS clients_mean,
    CASE WHEN known_share >= $known_share_min THEN peak END AS clients_max,
    coalesce(known_share, 0.0) AS known_share,
    things AS access_points,
    suppressed,
    "open",
    computed_at,
    revision
FROM cells
WHERE measure = 'clients'
    AND level = $level
    AND within = $area
    AND bucket = $bucket
    AND bucket_end > $from
    AND bucket_start < $to
ORDER BY bucket_start, area
