//! Facts of the machine that a figure stands on: cores, processor, disk, load, and what a process
//! took of them.
//!
//! # Source
//! proc(5): `/proc/cpuinfo`, `/proc/loadavg`, `/proc/<id>/stat`.

use std::fs;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context as _;

use crate::disk::{median, sync_times};

/// Appends that the disk's median is taken of.
const SYNCS_COUNT: usize = 500;
/// The kernel tells times in hundredths of a second on every platform that it tells them on.
const TICK: Duration = Duration::from_millis(10);

/// The lines that open a report: cores, processor, load before the run, and the folder's disk.
///
/// # Errors
/// When the system does not tell, or the folder can't be written.
pub fn facts(folder: &Path) -> anyhow::Result<String> {
    let cores_count = available_parallelism()?;
    let processors = fs::read_to_string("/proc/cpuinfo").context("reading `/proc/cpuinfo`")?;
    let processor = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unnamed processor", |(_colon, name)| name.trim());
    let load = fs::read_to_string("/proc/loadavg").context("reading `/proc/loadavg`")?;
    let load = load.split(' ').next().unwrap_or_default();
    let build = if cfg!(debug_assertions) {
        "NOT a release build"
    } else {
        "release build"
    };
    Ok(format!(
        "machine: {cores_count} cores, {processor}; load {load}; {build}\n\
         fdatasync of a 4 KiB append: median {:.2?}",
        sync_median(folder)?
    ))
}

/// The median time of an `fdatasync` in the folder, now.
///
/// # Errors
/// What the operating system says.
pub fn sync_median(folder: &Path) -> anyhow::Result<Duration> {
    let times = sync_times(folder, SYNCS_COUNT).context("probing the disk")?;
    Ok(median(&times))
}

/// Processor time that a process (`self`, or its number) took until now, in steps of a clock tick.
///
/// # Errors
/// When the process is gone.
pub fn processor_time(process: &str) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("reading `{path}`"))?;
    // The name in brackets may hold anything. After it: state is the 1st, utime the 12th.
    let (_name, fields) = stat.rsplit_once(") ").context("no name in `stat`")?;
    let mut ticks_count = 0;
    for field in fields.split(' ').skip(11).take(2) {
        ticks_count += field.parse::<u32>()?;
    }
    Ok(TICK * ticks_count)
}
