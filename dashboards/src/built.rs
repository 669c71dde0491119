//! The files of the web application's build, embedded; none when it was not built.
#![expect(
    clippy::same_name_method,
    reason = "the derive writes its methods twice, as a trait's too"
)]

use rust_embed::RustEmbed;

/// The build under `web/dist`.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
pub(crate) struct Built;
