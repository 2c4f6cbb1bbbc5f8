//! The machine: which core serves and which one loads, who else is busy, and what it is called in the report.

use std::fs::read_to_string;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// What a core is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    /// The server that is measured.
    Server,
    /// What asks it.
    Load,
}

/// The first two cores this process may use, server first; `None` with fewer: then nothing is pinned.
static CORES: LazyLock<Option<(usize, usize)>> = LazyLock::new(|| {
    let allowed = sched_getaffinity(None).ok()?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    Some((cores.next()?, cores.next()?))
});

/// Keeps this thread, and the processes it will start, on the core of one side.
pub(crate) fn pin(side: Side) -> Result<()> {
    let Some((server, load)) = *CORES else { return Ok(()) };
    let mut only = CpuSet::new();
    only.set(match side {
        Side::Server => server,
        Side::Load => load,
    });
    sched_setaffinity(None, &only).context("cannot choose a core")
}

/// Runs `work` on the server's core and returns to the other one.
pub(crate) fn as_server<T>(work: impl FnOnce() -> T) -> Result<T> {
    pin(Side::Server)?;
    let outcome = work();
    pin(Side::Load)?;
    Ok(outcome)
}

/// Raises the limit of open files for so many sockets.
pub(crate) fn files_for(sockets: usize) -> Result<()> {
    const OTHERS: u64 = 64;
    let needed = sockets as u64 + OTHERS;
    anyhow::ensure!(
        rlimit::increase_nofile_limit(needed)? >= needed,
        "needs {needed} open files: raise the hard limit (`ulimit -Hn`)"
    );
    Ok(())
}

/// How long all cores together were busy since the start of the machine, whoever used them.
pub(crate) fn busy() -> Duration {
    let stat = read_to_string("/proc/stat").unwrap_or_default();
    let ticks: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // user, nice, system, (idle, waiting), interrupts, soft interrupts: hundredths of a second.
    let busy: u64 = [0, 1, 2, 5, 6].iter().filter_map(|field| ticks.get(*field)).sum();
    Duration::from_millis(busy * 10)
}

/// Load averages of 1, 5 and 15 minutes.
pub(crate) fn load_average() -> String {
    let text = read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// One line that says what the numbers were measured on.
pub(crate) fn description(scratch: &Path) -> String {
    let of = |file: &str, key: &str| {
        let text = read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let kilobytes: f64 = of("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let pinned = match *CORES {
        Some((server, load)) => format!("server on core {server}, load on core {load}"),
        None => "one core, so nothing pinned".to_owned(),
    };
    format!(
        "{} ({cores} cores), {:.0} GiB, Linux {}, {}; {pinned}",
        of("/proc/cpuinfo", "model name"),
        kilobytes / 1024.0 / 1024.0,
        kernel.trim(),
        file_system(scratch),
    )
}

/// The type of the file system that holds `folder`.
fn file_system(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_default();
    let mounts = read_to_string("/proc/mounts").unwrap_or_default();
    let holding = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        folder.starts_with(place).then(|| (place.len(), kind.to_owned()))
    });
    holding.max().map_or_else(|| "unknown file system".to_owned(), |(_, kind)| kind)
}
