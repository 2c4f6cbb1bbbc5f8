//! Requests: reading the user and asking for a feature against a bare handler, writing against the disk and against
//! commits of single writes.

use anyhow::Result;
use serde_json::json;

use crate::Plan;
use crate::commits::{Commits, WORN_IN};
use crate::load;
use crate::requests::{Request, ask, ask_json};
use crate::rounds::{Contestant, Rounds, Sample, contest};
use crate::rows::Results;
use crate::servers::{Home, Server, peer, sign_in};
use crate::table::{Row, Target, rate};

/// `GET /user` against a bare axum handler with the same bytes.
pub(crate) fn get(plan: &Plan, connections: usize, results: &mut Results) -> Result<()> {
    let home = Home::new(&plan.scratch)?;
    let daemon = home.serve(&plan.daemon)?;
    sign_in(daemon.port)?;
    let bare = peer(&["bare"], &ask(daemon.port, &mut Request::get_user(daemon.port))?)?;
    let rounds = contest(
        plan.pairs,
        &mut [
            asking(plan, &daemon, connections, Request::get_user(daemon.port)),
            asking_bare(plan, &bare, connections),
        ],
    )?;
    let what = format!("`GET /user`, {connections} {}", plural(connections));
    let (least, most) = if connections == 1 { (0.85, None) } else { (0.75, Some(Target::AtMost(1.35))) };
    push_http(results, &rounds, &what, Target::AtLeast(least), most);
    results.disturbed_by(&rounds);
    Ok(())
}

/// `POST /user/has_feature_access` against a bare `GET` of 2 KB.
pub(crate) fn feature(plan: &Plan, connections: usize, results: &mut Results) -> Result<()> {
    let home = Home::new(&plan.scratch)?;
    home.add_organisation()?;
    let daemon = home.serve(&plan.daemon)?;
    sign_in(daemon.port)?;
    let bare = peer(&["bare"], &ask(daemon.port, &mut Request::get_user(daemon.port))?)?;
    let (line, question) = (
        "POST /user/has_feature_access",
        json!({
            "feature": "ALLOWED_CLOUD_MODELS",
            "context": { "allowedCloudModels": { "modelUniqueName": "gemini-3-pro" } },
        }),
    );
    let answer = ask_json(daemon.port, line, &question)?;
    anyhow::ensure!(
        answer["canUse"] == true && answer["isEnterpriseUser"] == true,
        "another decision: {answer}"
    );
    let request = Request::new(daemon.port, line, &question.to_string());
    let rounds = contest(
        plan.pairs,
        &mut [asking(plan, &daemon, connections, request), asking_bare(plan, &bare, connections)],
    )?;
    let what = format!("`POST /user/has_feature_access`, {connections} connections");
    push_http(results, &rounds, &what, Target::AtLeast(0.70), None);
    results.disturbed_by(&rounds);
    Ok(())
}

/// `POST /user/update` against the same without grouping, and against the bare commits of the disk.
pub(crate) fn update(plan: &Plan, connections: usize, results: &mut Results) -> Result<()> {
    let (home, other) = (Home::new(&plan.scratch)?, Home::new(&plan.scratch)?);
    let daemon = home.serve(&plan.daemon)?;
    let ungrouped = peer(&["ungrouped", &other.path().to_string_lossy()], b"")?;
    let mut edit = Request::update(daemon.port, &sign_in(daemon.port)?);
    let mut other_edit = Request::update(ungrouped.port, &sign_in(ungrouped.port)?);
    load::wear_in(daemon.port, &mut edit, WORN_IN)?;
    load::wear_in(ungrouped.port, &mut other_edit, WORN_IN)?;
    let mut commits = Commits::new(other.path())?;
    let rounds = contest(
        plan.pairs,
        &mut [
            asking(plan, &daemon, connections, edit),
            asking(plan, &ungrouped, connections, other_edit),
            Contestant { pid: None, sample: Box::new(|| commits.sample(plan.sample)) },
        ],
    )?;
    let speed = |sample: &Sample| sample.measured;
    let detail =
        |other: usize| format!("{}, {}", rate(rounds.median(0, speed)), rate(rounds.median(other, speed)));
    let what = format!("`POST /user/update`, durable, {connections} connections");
    let least = Target::AtLeast(if connections >= 64 { 4.5 } else { 3.0 });
    let alone = "the same, one write at a time";
    results.push(Row::ratio(what.clone(), alone, rounds.ratio(0, 1, speed), detail(1), Some(least)));
    let disk = "SQLite alone, 2 KB a commit";
    results.push(Row::ratio(what, disk, rounds.ratio(0, 2, speed), detail(2), None));
    results.disturbed_by(&rounds);
    Ok(())
}

fn asking<'a>(
    plan: &'a Plan,
    server: &'a Server,
    connections: usize,
    mut request: Request,
) -> Contestant<'a> {
    let sample = move || load::sample(server.port, server.pid(), connections, &mut request, plan.sample);
    Contestant { pid: Some(server.pid()), sample: Box::new(sample) }
}

fn asking_bare<'a>(plan: &'a Plan, bare: &'a Server, connections: usize) -> Contestant<'a> {
    asking(plan, bare, connections, Request::get_user(bare.port))
}

fn push_http(results: &mut Results, rounds: &Rounds, what: &str, speed: Target, cpu: Option<Target>) {
    let (measured, of_cpu) = (|sample: &Sample| sample.measured, |sample: &Sample| sample.cpu);
    let bare = "bare axum";
    let detail = format!("{}, {}", rate(rounds.median(0, measured)), rate(rounds.median(1, measured)));
    let what_speed = format!("{what}, requests/s");
    results.push(Row::ratio(what_speed, bare, rounds.ratio(0, 1, measured), detail, Some(speed)));
    let detail = format!("{:.1} µs, {:.1} µs", rounds.median(0, of_cpu), rounds.median(1, of_cpu));
    results.push(Row::ratio(format!("{what}, server CPU"), bare, rounds.ratio(0, 1, of_cpu), detail, cpu));
}

fn plural(connections: usize) -> &'static str {
    if connections == 1 { "connection" } else { "connections" }
}
