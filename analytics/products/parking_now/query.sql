-- How many places are free now, of which kind, and how sure is that?
-- Reads `moments` (the state of every thing that counts, from the newest observations) and
-- `area_things` (which thing stands in which area now).
WITH sums AS (
    SELECT
        places.area,
        places.outside,
        places.level,
        places.name,
        moments.vehicle_kind,
        moments.moment,
        sum(CASE WHEN moments.known THEN moments.value END) AS vehicles_known,
        sum(CASE WHEN moments.known THEN moments.capacity END) AS capacity_known,
        sum(moments.capacity) AS capacity,
        count(*) AS things,
        count(CASE WHEN moments.known THEN 1 END) AS things_known,
        min(CASE WHEN moments.known THEN moments.observed_at END) AS oldest_observation,
        max(moments.observed_at) AS newest_observation,
        bool_or(moments.known AND moments.value > moments.capacity) AS over_capacity
    FROM moments
    JOIN area_things AS places ON places.thing = moments.thing
    WHERE moments.measure = 'parking'
        AND moments.moment = $now
        AND moments.within = $area
        AND places.within = $area
        AND places.level = $level
    GROUP BY
        places.area, places.outside, places.level, places.name,
        moments.vehicle_kind, moments.moment
),
shares AS (
    SELECT *, coalesce(known_share(capacity_known, capacity), 0.0) AS share FROM sums
)
SELECT
    CASE WHEN outside THEN 'outside' ELSE area END AS area,
    level,
    'now' AS bucket,
    moment AS bucket_start,
    name,
    vehicle_kind,
    CASE WHEN share >= $known_share_min THEN vehicles_known END AS vehicles,
    capacity,
    CASE WHEN share >= $known_share_min THEN capacity_known - vehicles_known END AS free,
    CASE WHEN share >= $known_share_min THEN occupancy(vehicles_known, capacity_known) END
        AS occupancy,
    share AS known_share,
    things,
    things_known,
    oldest_observation,
    newest_observation,
    (arrow_cast(moment, 'Int64') - arrow_cast(newest_observation, 'Int64')) / 1000000 AS age_s,
    coalesce(over_capacity, false) AS over_capacity
FROM shares
ORDER BY area, vehicle_kind
