//! Which things count where, derived from the registry and the known datastreams.
