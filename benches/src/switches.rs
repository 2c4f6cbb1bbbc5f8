//! How long a switch of accounts takes its caller, while many streams are to be told of it.

use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use crate::requests::{Request, answer_on, ask_json, connect};
use crate::rows::Results;
use crate::servers::{Home, sign_in};
use crate::streams::Sockets;
use crate::table::{Row, Target};
use crate::{Plan, machine};

/// Switches that are timed: enough for a 99th percentile that is not the worst of them.
const SWITCHES: usize = 300;
/// How long the daemon is left alone between two.
const GAP: Duration = Duration::from_millis(20);

/// From the request to its answer, commit included; the next one waits until every stream has its frame.
pub(crate) fn switch(plan: &Plan, count: usize, results: &mut Results) -> Result<()> {
    machine::files_for(count)?;
    let home = Home::new(&plan.scratch)?;
    let daemon = home.serve(&plan.daemon)?;
    let other = ask_json(daemon.port, "POST /user/select", &json!({ "email": "grace@example.org" }))?;
    let other = other["id"].as_str().context("a profile without an id")?.to_owned();
    let mut ids = [other, sign_in(daemon.port)?];
    let mut streams = Sockets::open(daemon.port, count, Some("/user/stream"))?;
    let mut times = Vec::with_capacity(SWITCHES);
    for _ in 0..SWITCHES {
        // A connection that waited for long could be closed, and a new one has to be accepted first.
        let mut connection = connect(daemon.port)?;
        sleep(GAP);
        let body = json!({ "user_metadata": { "global_id": ids[0] } }).to_string();
        let mut select = Request::new(daemon.port, "POST /user/select", &body);
        streams.deliver(|| {
            let begin = Instant::now();
            connection.write_all(select.next())?;
            answer_on(&connection)?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
            Ok(())
        })?;
        ids.swap(0, 1);
    }
    times.sort_by(f64::total_cmp);
    let p99 = times[SWITCHES * 99 / 100 - 1];
    let what = "a switch of accounts, 1,000 streams open, request to answer, p99";
    results.push(Row::absolute(what, p99, " ms", Target::AtMost(5.0)));
    Ok(())
}
