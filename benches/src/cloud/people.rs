//! Reading the user: against the reads PostgreSQL can do at all, and with more and more people in the database.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::node::Node;
use super::services::{Postgres, Provider, run};
use crate::load::Load;
use crate::requests::Request;
use crate::rounds::{Contestant, Sample, contest};
use crate::rows::Results;
use crate::table::{Row, Target, rate};
use crate::{Plan, load, process};

/// Clients of `pgbench`: where it is fastest.
const CLIENTS: &str = "8";
/// People who ask.
const CALLERS: usize = 1000;
/// How many people are in each database that is compared.
const CROWDS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// `GET /user` against `pgbench -S -M prepared` on the same server, both with the load on one core and the server on the other.
pub(crate) fn get(plan: &Plan, connections: usize, results: &mut Results) -> Result<()> {
    let (provider, postgres) = (Provider::start(plan)?, Postgres::start(plan)?);
    postgres.sql("postgres", "CREATE DATABASE pgbench")?;
    run(postgres.client("pgbench").args(["-i", "-q", "-s", "2", "pgbench"]))?;
    let node = Node::start(plan, &provider, Some(&postgres.url("postgres")), &[])?;
    let token = provider.token("ada")?;
    node.sign_in(&token)?;
    let mut request = node.get_user(&token);
    let seconds = plan.sample.as_secs().max(1).to_string();
    let rounds = contest(
        plan.pairs,
        &mut [
            Contestant {
                pid: Some(node.server.pid()),
                sample: Box::new(|| {
                    load::sample(node.port(), node.server.pid(), connections, &mut request, plan.sample)
                }),
            },
            Contestant { pid: None, sample: Box::new(|| bare_reads(&postgres, &seconds)) },
        ],
    )?;
    let speed = |sample: &Sample| sample.measured;
    let detail = format!(
        "{}, {}; node {:.1} µs each",
        rate(rounds.median(0, speed)),
        rate(rounds.median(1, speed)),
        rounds.median(0, |sample| sample.cpu)
    );
    let what = format!("cloud `GET /user`, {connections} connections");
    let target = Some(Target::AtLeast(0.6));
    results.push(Row::ratio(what, "`pgbench -S -M prepared`", rounds.ratio(0, 1, speed), detail, target));
    Ok(())
}

fn bare_reads(postgres: &Postgres, seconds: &str) -> Result<Sample> {
    let mut command: Command = postgres.client("pgbench");
    command.args(["-n", "-S", "-M", "prepared", "-c", CLIENTS, "-j", "1", "-T", seconds, "pgbench"]);
    let said = String::from_utf8(command.output()?.stdout)?;
    let rate = said.split("tps = ").nth(1).and_then(|rest| rest.split_whitespace().next());
    Ok(Sample {
        measured: rate.and_then(|rate| rate.parse().ok()).context("pgbench says nothing")?,
        cpu: 0.0,
    })
}

/// What one `GET /user` of a thousand callers costs the node and the server, by how many people there are.
pub(crate) fn many(plan: &Plan, results: &mut Results) -> Result<()> {
    let (provider, postgres) = (Provider::start(plan)?, Postgres::start(plan)?);
    let tokens = (0..CALLERS).map(|number| provider.token(&format!("caller {number}")));
    let tokens = tokens.collect::<Result<Vec<_>>>()?;
    let mut nodes = Vec::new();
    for people in CROWDS {
        let database = format!("people_{people}");
        postgres.sql("postgres", &format!("CREATE DATABASE {database}"))?;
        let node = Node::start(plan, &provider, Some(&postgres.url(&database)), &[])?;
        node.sign_in(&provider.token("somebody")?)?;
        fill(&postgres, &database, people)?;
        let asking = tokens.iter().map(|token| node.get_user(token)).collect();
        nodes.push((node, Request::in_turn(asking)));
    }
    let mut contestants: Vec<Contestant<'_>> = nodes
        .iter_mut()
        .map(|(node, request)| Contestant {
            pid: Some(node.server.pid()),
            sample: Box::new(|| sample_both(plan, node, &postgres, request)),
        })
        .collect();
    let rounds = contest(plan.pairs, &mut contestants)?;
    for (index, people) in CROWDS.into_iter().enumerate().skip(1) {
        let cpu = |sample: &Sample| sample.cpu;
        let detail = format!("{:.1} µs, {:.1} µs", rounds.median(index, cpu), rounds.median(0, cpu));
        let what = format!("`GET /user` with {} people, CPU of node and PostgreSQL", grouped(people));
        let target = Some(Target::AtMost(1.1));
        results.push(Row::ratio(what, "the same with 1,000", rounds.ratio(index, 0, cpu), detail, target));
    }
    Ok(())
}

fn grouped(number: usize) -> String {
    rate(number as f64).trim_end_matches("/s").to_owned()
}

/// Copies one person until there are so many. The callers among them are spread over the whole.
fn fill(postgres: &Postgres, database: &str, people: usize) -> Result<()> {
    let spread = people / CALLERS;
    let sql = format!(
        "SET synchronous_commit = off;
         CREATE TEMPORARY TABLE one AS SELECT users.*, issuer FROM users JOIN identities ON user_id = users.id;
         CREATE TEMPORARY TABLE new AS SELECT n, md5(n::text)::uuid::text AS id FROM generate_series(0, {people} - 1) n;
         INSERT INTO users SELECT new.id, replace(document, one.id, new.id), beta, 1, updated_at, NULL, NULL FROM new, one;
         INSERT INTO user_revisions SELECT new.id, 1, updated_at, '{{}}' FROM new, one;
         INSERT INTO identities SELECT issuer,
             CASE WHEN n % {spread} = 0 THEN 'caller ' || n / {spread} ELSE 'person ' || n END, new.id FROM new, one;"
    );
    postgres.sql(database, &sql)?;
    postgres.sql(database, "VACUUM ANALYZE")?;
    postgres.sql(database, "CHECKPOINT")
}

/// Answers a second, and the CPU of the node and of the server together for each.
fn sample_both(plan: &Plan, node: &Node, postgres: &Postgres, request: &mut Request) -> Result<Sample> {
    let mut load = Load::open(node.port(), 16)?;
    // Each caller once, so that every session is known and every profile was read.
    let mut warm = 0;
    while warm < CALLERS as u64 {
        warm += load.run(request, Duration::from_millis(50))?;
    }
    let used = || process::cpu(node.server.pid()) + postgres.cpu();
    let (before, begun) = (used(), Instant::now());
    let answers = load.run(request, plan.sample)?.max(1) as f64;
    let (cpu, took) = (used().saturating_sub(before), begun.elapsed());
    Ok(Sample { measured: answers / took.as_secs_f64(), cpu: cpu.as_secs_f64() * 1e6 / answers })
}
