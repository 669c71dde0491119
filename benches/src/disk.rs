//! What the disk can do: how long an `fdatasync` of a small append takes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Times of `count` appends of 4 KiB with `fdatasync` each, in a new file of the folder, sorted.
///
/// # Errors
/// What the operating system says.
pub fn sync_times(folder: &Path, count: usize) -> io::Result<Vec<Duration>> {
    let mut file = File::create(folder.join("sync-probe"))?;
    let block = [0x5a_u8; 4_096];
    let mut times = Vec::with_capacity(count);
    for _write in 0..count {
        let started = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

/// The median of sorted times; zero of none.
pub fn median(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
