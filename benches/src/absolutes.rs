//! What stands for itself: start, memory, size.

use std::io::Read;
use std::net::TcpListener;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::load::Load;
use crate::requests::{Request, ask};
use crate::rounds::Estimate;
use crate::rows::Results;
use crate::servers::{Home, end, sign_in};
use crate::table::{Row, Target};
use crate::{Plan, machine, process};

/// How long memory is given to settle.
const SETTLED: Duration = Duration::from_millis(500);
/// How long a start may take.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// From exec to the first user answered, with the database of an earlier run.
pub(crate) fn start(plan: &Plan, results: &mut Results) -> Result<()> {
    let home = Home::new(&plan.scratch)?;
    sign_in(home.serve(&plan.daemon)?.port)?;
    let times = (0..plan.pairs).map(|_| start_once(plan, &home)).collect::<Result<Vec<_>>>()?;
    let median = Estimate::of(times).median;
    results.push(Row::absolute(
        "exec to the first answer of `GET /user`",
        median,
        " ms",
        Target::AtMost(15.0),
    ));
    Ok(())
}

fn start_once(plan: &Plan, home: &Home) -> Result<f64> {
    // Nobody else takes a port that was free a moment ago.
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut command = home.command(&plan.daemon, &format!("127.0.0.1:{port}"));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let begin = Instant::now();
    let mut child = machine::as_server(|| command.spawn())?.context("cannot run the daemon")?;
    // Not ready yet is another status, and an error here.
    while ask(port, &mut Request::get_user(port)).is_err() {
        ensure!(begin.elapsed() < STARTS_WITHIN, "no answer within {STARTS_WITHIN:?}");
        sleep(Duration::from_micros(100));
    }
    let took = begin.elapsed();
    end(&mut child);
    Ok(took.as_secs_f64() * 1e3)
}

/// Resident memory with an account, before any load and under it.
pub(crate) fn memory(plan: &Plan, results: &mut Results) -> Result<()> {
    const CONNECTIONS: usize = 64;
    let home = Home::new(&plan.scratch)?;
    sign_in(home.serve(&plan.daemon)?.port)?;
    let daemon = home.serve(&plan.daemon)?;
    sleep(SETTLED);
    let idle = process::resident(daemon.pid());
    let mut load = Load::open(daemon.port, CONNECTIONS)?;
    load.run(&mut Request::get_user(daemon.port), plan.sample)?;
    let loaded = process::resident(daemon.pid());
    let megabytes = |kilobytes: f64| kilobytes / 1024.0;
    results.push(Row::absolute("memory, idle", megabytes(idle), " MB", Target::AtMost(16.0)));
    let what = "memory under 64 connections";
    results.push(Row::absolute(what, megabytes(loaded), " MB", Target::AtMost(24.0)));
    Ok(())
}

/// The installed binary.
pub(crate) fn size(plan: &Plan, results: &mut Results) -> Result<()> {
    let mut magic = [0; 4];
    std::fs::File::open(&plan.daemon)?.read_exact(&mut magic)?;
    ensure!(&magic == b"\x7fELF", "{} is no program", plan.daemon.display());
    let bytes = plan.daemon.metadata()?.len() as f64;
    results.push(Row::absolute("size of the stripped binary", bytes / 1e6, " MB", Target::AtMost(25.0)));
    Ok(())
}
