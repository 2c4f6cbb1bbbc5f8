//! `doctor`: looks at the daemon and its surroundings and says in plain words what is wrong and how to mend it. What
//! it prints can be passed on: it holds no names, no addresses of people and no values of the environment.

mod cloud;
mod daemon;
mod identity;
mod machine;

use std::process::ExitCode;

use serde::Serialize;

use crate::print;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Check {
    fn fine(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, ok: true, found: found.into(), fix: None }
    }

    fn wrong(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, ok: false, found: found.into(), fix: Some(fix.into()) }
    }
}

/// What `doctor --json` prints.
#[derive(Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Check>,
}

pub(crate) async fn doctor(json: bool) -> anyhow::Result<ExitCode> {
    let mut checks = daemon::checks().await;
    checks.extend(machine::checks());
    let wrong = checks.iter().filter(|check| !check.ok).count();
    if json {
        print::json(&Report { ok: wrong == 0, checks })?;
    } else {
        show(&checks)?;
    }
    match wrong {
        0 => print::say("nothing is wrong"),
        1 => print::say("1 thing is wrong"),
        several => print::say(format_args!("{several} things are wrong")),
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(checks: &[Check]) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for check in checks {
        let mark = if check.ok { "ok" } else { "wrong" };
        rows.push(vec![mark.to_owned(), check.name.to_owned(), print::clean(&check.found)]);
        rows.extend(
            check
                .fix
                .iter()
                .map(|fix| vec![String::new(), String::new(), format!("fix: {}", print::clean(fix))]),
        );
    }
    print::table(&rows)
}
