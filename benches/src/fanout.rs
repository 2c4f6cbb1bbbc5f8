//! One change to many streams, against ready frames written from one loop to as many sockets.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use crate::{Plan, machine, process};

use crate::requests::{Request, answer_on, ask, connect};
use crate::rounds::{Contestant, Rounds, Sample, contest};
use crate::rows::Results;
use crate::servers::{Home, Server, peer, sign_in};
use crate::streams::{Sockets, frame};
use crate::table::{Row, Target};

/// How long memory is given to settle.
const SETTLED: Duration = Duration::from_millis(300);

/// Time to the last delivery, commit included, and the memory of a stream.
pub(crate) fn fan_out(plan: &Plan, count: usize, results: &mut Results) -> Result<()> {
    machine::files_for(2 * count)?;
    let home = Home::new(&plan.scratch)?;
    let daemon = home.serve(&plan.daemon)?;
    let mut edit = Request::update(daemon.port, &sign_in(daemon.port)?);
    let profile = ask(daemon.port, &mut edit)?;
    let writer = peer(&["loop"], &frame(&profile)?)?;
    let mut trigger = connect(writer.port)?;

    let memory = || process::resident(daemon.pid());
    let before = memory();
    let mut streams = Sockets::open(daemon.port, count, Some("/user/stream"))?;
    sleep(SETTLED);
    let idle = (memory() - before) / count as f64;
    let mut bare = Sockets::open(writer.port, count, None)?;

    let gap = Duration::from_millis(20 + count as u64 / 50);
    let change = || {
        // A connection that waited for long could be closed, and a new one has to be accepted first.
        let mut connection = connect(daemon.port)?;
        sleep(gap);
        let sample =
            timed(&daemon, || streams.deliver(|| Ok(connection.write_all(edit.next())?)), gap, count);
        answer_on(&connection)?;
        sample
    };
    let write = || {
        sleep(gap);
        timed(&writer, || bare.deliver(|| Ok(trigger.write_all(b"!")?)), gap, count)
    };
    let rounds = contest(
        plan.pairs,
        &mut [
            Contestant { pid: Some(daemon.pid()), sample: Box::new(change) },
            Contestant { pid: Some(writer.pid()), sample: Box::new(write) },
        ],
    )?;
    push(results, &rounds, count);
    if count >= 5_000 {
        let used = (memory() - before) / count as f64;
        results.push(Row::absolute("memory of an idle stream", idle, " KB", Target::AtMost(6.0)));
        results.push(Row::absolute("memory of a stream after frames", used, " KB", Target::AtMost(8.0)));
    }
    results.disturbed_by(&rounds);
    Ok(())
}

/// Milliseconds to the last delivery, and the server's CPU for each.
fn timed(
    server: &Server,
    deliver: impl FnOnce() -> Result<Duration>,
    gap: Duration,
    count: usize,
) -> Result<Sample> {
    let cpu = process::cpu(server.pid());
    let took = deliver()?;
    // What the server does after the last delivery counts too.
    sleep(gap);
    let cpu = process::cpu(server.pid()).saturating_sub(cpu);
    Ok(Sample { measured: took.as_secs_f64() * 1e3, cpu: cpu.as_secs_f64() * 1e6 / count as f64 })
}

fn push(results: &mut Results, rounds: &Rounds, count: usize) {
    let (time, cpu) = (|sample: &Sample| sample.measured, |sample: &Sample| sample.cpu);
    let most = match count {
        5_000.. => Some(2.0),
        1_000.. => Some(1.9),
        _ => None,
    };
    let what = format!("one change, commit included, to the last of {} streams", grouped(count));
    let against = "ready frames from one loop";
    let detail = format!(
        "{:.1} ms, {:.1} ms; CPU for each {:.1} µs, {:.1} µs",
        rounds.median(0, time),
        rounds.median(1, time),
        rounds.median(0, cpu),
        rounds.median(1, cpu)
    );
    results.push(Row::ratio(what, against, rounds.ratio(0, 1, time), detail, most.map(Target::AtMost)));
}

fn grouped(count: usize) -> String {
    if count >= 1_000 { format!("{},{:03}", count / 1_000, count % 1_000) } else { count.to_string() }
}
