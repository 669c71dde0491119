-- Where observations, their names and everything that commits with them live.
-- Index relied on: the primary key (datastream, time, known_at, place) answers every scan in its order.
CREATE TABLE arno.datastreams (
    key      integer PRIMARY KEY,
    thing    text NOT NULL,
    property text NOT NULL,
    UNIQUE (thing, property)
);

CREATE TABLE arno.observations (
    datastream  integer          NOT NULL,
    time        timestamptz      NOT NULL,
    known_at    timestamptz      NOT NULL,
    -- Tells versions of one identity within one commit apart.
    place       integer          NOT NULL,
    result      double precision,
    quality     smallint         NOT NULL,
    received    timestamptz      NOT NULL,
    result_time timestamptz,
    PRIMARY KEY (datastream, time, known_at, place)
);

-- What changed after a commit.
CREATE INDEX observations_known_at ON arno.observations (known_at);

-- One row: the newest commit, the clock and the counts, changed with the data.
CREATE TABLE arno.state (
    only_row    boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    last_commit timestamptz NOT NULL,
    recorded    timestamptz,
    is_live     boolean     NOT NULL DEFAULT false,
    stored      bigint      NOT NULL DEFAULT 0,
    repeated    bigint      NOT NULL DEFAULT 0,
    corrected   bigint      NOT NULL DEFAULT 0,
    quarantined bigint      NOT NULL DEFAULT 0,
    ignored     bigint      NOT NULL DEFAULT 0
);
INSERT INTO arno.state (last_commit) VALUES ('0001-01-01 00:00:00+00');

CREATE TABLE arno.quarantine (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason    text        NOT NULL,
    publisher text,
    entry     jsonb       NOT NULL
);

CREATE TABLE arno.documents (
    name     text   PRIMARY KEY,
    bytes    bytea  NOT NULL,
    revision bigint NOT NULL
);

CREATE TABLE arno.segments (
    kind  text    NOT NULL,
    day   integer NOT NULL,
    bytes bytea   NOT NULL,
    PRIMARY KEY (kind, day)
);

CREATE TABLE arno.segment_marks (
    kind text  PRIMARY KEY,
    mark bytea NOT NULL
);
