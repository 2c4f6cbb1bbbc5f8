//! All rows: which there are, in what order, and the report of those that were chosen.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::machine::{self, Side};
use crate::rounds::{Estimate, Rounds};
use crate::table::{Row, markdown};
use crate::{Plan, absolutes, cloud, fanout, http, switches};

type Measure = fn(&Plan, usize, &mut Results) -> Result<()>;

/// Each row by its name, with the number it is measured at.
const ROWS: &[(&str, usize, Measure)] = &[
    ("get-1", 1, http::get),
    ("get-16", 16, http::get),
    ("get-64", 64, http::get),
    ("feature-16", 16, http::feature),
    ("update-16", 16, http::update),
    ("update-64", 64, http::update),
    ("fanout-100", 100, fanout::fan_out),
    ("fanout-1000", 1_000, fanout::fan_out),
    ("fanout-5000", 5_000, fanout::fan_out),
    ("switch", 1_000, switches::switch),
    ("start", 1, |plan, _, results| absolutes::start(plan, results)),
    ("memory", 1, |plan, _, results| absolutes::memory(plan, results)),
    ("size", 1, |plan, _, results| absolutes::size(plan, results)),
    ("cloud-get-16", 16, cloud::get),
    ("cloud-get-64", 64, cloud::get),
    ("cloud-people", 1, |plan, _, results| cloud::many(plan, results)),
    ("cloud-nodes", 2, |plan, _, results| cloud::across_nodes(plan, results)),
    ("cloud-devices", 2, |plan, _, results| cloud::across_devices(plan, results)),
    ("cloud-back", 1, |plan, _, results| cloud::reconnect(plan, results)),
    ("cloud-sizing", 1, |plan, _, results| cloud::sizing(plan, results)),
];

/// How the names of rows begin that are measured only when they are asked for: they need other programs.
const OF_CLOUD: &str = "cloud-";

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Results {
    rows: Vec<Row>,
    others: Vec<f64>,
}

impl Results {
    /// Adds a row.
    pub(crate) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Remembers how much others used the machine meanwhile.
    pub(crate) fn disturbed_by(&mut self, rounds: &Rounds) {
        self.others.extend(&rounds.others);
    }
}

/// Measures the chosen rows and prints the report. Whether one of them missed its target.
pub(crate) fn measure(plan: &Plan) -> Result<bool> {
    let is_chosen = |name: &str| match plan.rows.as_slice() {
        [] => !name.starts_with(OF_CLOUD),
        rows => rows.iter().any(|begin| name.starts_with(begin)),
    };
    for begin in &plan.rows {
        ensure!(
            ROWS.iter().any(|(name, ..)| name.starts_with(begin)),
            "there is no row `{begin}`: see --help"
        );
    }
    ensure!(plan.daemon.is_file(), "there is no daemon at {}", plan.daemon.display());
    machine::pin(Side::Load)?;
    let (began, load_before) = (Instant::now(), machine::load_average());
    let mut results = Results::default();
    for (name, number, row) in ROWS.iter().filter(|(name, ..)| is_chosen(name)) {
        writeln!(std::io::stderr(), "{name} ...")?;
        row(plan, *number, &mut results)
            .with_context(|| format!("the row `{name}` could not be measured"))?;
    }
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", markdown(&results.rows))?;
    writeln!(stdout, "{}.", machine::description(&plan.scratch))?;
    writeln!(
        stdout,
        "{} pairs of {:?} for each ratio, {:.0} s in all; load average before {load_before}, after {}; {}.",
        plan.pairs,
        plan.sample,
        began.elapsed().as_secs_f64(),
        machine::load_average(),
        disturbance(&results.others),
    )?;
    Ok(results.rows.iter().any(Row::is_missed))
}

fn disturbance(others: &[f64]) -> String {
    if others.is_empty() {
        return "others not watched".to_owned();
    }
    let most = others.iter().copied().fold(0.0, f64::max);
    format!(
        "others used {:.2} cores in the median round, {most:.2} at most",
        Estimate::of(others.to_vec()).median
    )
}
