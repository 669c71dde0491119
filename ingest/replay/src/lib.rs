//! arno-ingest-replay.
