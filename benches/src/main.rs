//! `usher-bench`: how fast and how small the daemon is. Each number that depends on the machine is a ratio against a limit
//! measured in the same run, with both servers alive and samples in turn, so that neighbours disturb both alike.

#[cfg(target_os = "linux")]
mod absolutes;
#[cfg(target_os = "linux")]
mod cloud;
#[cfg(target_os = "linux")]
mod commits;
#[cfg(target_os = "linux")]
mod fanout;
#[cfg(target_os = "linux")]
mod http;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod peers;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod requests;
#[cfg(target_os = "linux")]
mod rounds;
#[cfg(target_os = "linux")]
mod rows;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod streams;
#[cfg(target_os = "linux")]
mod switches;
#[cfg(target_os = "linux")]
mod table;

#[cfg(target_os = "linux")]
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Measure the daemon against the limits of this machine
#[derive(Debug, Parser)]
#[command(name = "usher-bench", args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    /// Only the rows whose names begin so: get-1, get-16, get-64, feature-16, update-16, update-64, fanout-100,
    /// fanout-1000, fanout-5000, switch, start, memory, size; and of a cloud cloud-get-16, cloud-get-64, cloud-people,
    /// cloud-nodes, cloud-devices, cloud-back, cloud-sizing
    #[arg(value_name = "ROW")]
    rows: Vec<String>,
    /// The daemon to measure
    #[arg(long, value_name = "FILE", required = true)]
    daemon: Option<PathBuf>,
    /// Pairs of samples for each ratio
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Length of one sample in seconds
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// See only whether the harness works: 2 pairs of 0.3 s, and a missed target is no failure
    #[arg(long)]
    quick: bool,
    /// Keep the measured data in this folder, on the disk whose flushes count
    #[arg(long, value_name = "DIR", default_value = "target")]
    scratch: PathBuf,
    #[cfg(target_os = "linux")]
    #[command(flatten)]
    programs: cloud::Programs,
    #[command(subcommand)]
    peer: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Be one of the servers the daemon is compared with
    #[command(subcommand, hide = true)]
    Peer(Peer),
}

/// What the daemon is compared with: this program again, as a process of its own.
#[derive(Debug, Clone, Subcommand)]
enum Peer {
    /// A bare axum handler that answers `GET /user` with standard input
    Bare,
    /// One loop that writes standard input, a ready frame, to every socket
    Loop,
    /// The daemon's own parts, with one write under way at a time
    Ungrouped {
        /// Its data directory
        data_dir: PathBuf,
    },
}

/// How much to measure.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone)]
struct Plan {
    programs: cloud::Programs,
    daemon: PathBuf,
    rows: Vec<String>,
    pairs: u32,
    sample: Duration,
    scratch: PathBuf,
}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    if let Some(Verb::Peer(peer)) = cli.peer {
        peers::run(peer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (pairs, seconds) = if cli.quick { (2, 0.3) } else { (cli.pairs, cli.seconds) };
    let plan = Plan {
        daemon: cli.daemon.unwrap_or_default(),
        rows: cli.rows,
        pairs,
        sample: Duration::try_from_secs_f64(seconds)?,
        scratch: cli.scratch,
        programs: cli.programs,
    };
    let missed = rows::measure(&plan)?;
    if cli.quick {
        writeln!(std::io::stdout(), "Measured to see whether the harness works: the numbers mean nothing.")?;
    }
    Ok(if missed && !cli.quick { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    anyhow::bail!("only Linux tells what is measured here; not run: {cli:?}")
}
