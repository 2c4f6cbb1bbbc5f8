//! A node that is measured, and what an operator wants to know of one: how much it answers and how much it takes.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use super::services::{Postgres, Provider};
use crate::requests::{Request, ask_json_as};
use crate::rows::Results;
use crate::servers::{Home, Server};
use crate::streams::Sockets;
use crate::table::{Row, rate};
use crate::{Plan, load, machine, process};

/// People with an open stream each.
const STREAMS: usize = 1000;
/// How long memory is given to settle.
const SETTLED: Duration = Duration::from_millis(500);

/// A node of a cloud, on the core of the load.
pub(crate) struct Node {
    pub(crate) server: Server,
    _home: Home,
}

impl Node {
    /// Starts one on this database; no database is a file of its own.
    pub(crate) fn start(
        plan: &Plan,
        provider: &Provider,
        database: Option<&str>,
        more: &[&str],
    ) -> Result<Self> {
        let home = Home::new(&plan.scratch)?;
        let config = home.path().join("cloud.toml");
        provider.write_config(&config, "requests_per_address = 0\nrequests_per_person = 0")?;
        let file = home.path().join("cloud.db").display().to_string();
        let mut command = Command::new(&plan.daemon);
        command.env_clear().env("HOME", home.path()).env("USHER_LOG", "warn").stderr(Stdio::inherit());
        command.args(["cloud", "--listen", "127.0.0.1:0", "--database", database.unwrap_or(&file)]);
        command.args(more).arg("--config").arg(&config);
        let server = Server::start_near(&mut command)?;
        Ok(Self { server, _home: home })
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port
    }

    /// `GET /user` of this person.
    pub(crate) fn get_user(&self, token: &str) -> Request {
        Request::of_person(self.port(), "GET /user", token, "")
    }

    /// Signs somebody in and fills the profile up; answers the id.
    pub(crate) fn sign_in(&self, token: &str) -> Result<String> {
        let snapshot = ask_json_as(self.port(), "GET /user", token, "")?;
        let id = super::services::id_of(&snapshot["user"])?;
        let picture = format!("data:image/png;base64,{}", "A".repeat(1200));
        let edit = serde_json::json!({ "id": id, "picture": picture }).to_string();
        ask_json_as(self.port(), "POST /user/update", token, &edit)?;
        Ok(id)
    }
}

/// How much one node answers and takes, on SQLite and on a server. Absolute numbers, of this machine.
pub(crate) fn sizing(plan: &Plan, results: &mut Results) -> Result<()> {
    let (provider, postgres) = (Provider::start(plan)?, Postgres::start(plan)?);
    let url = postgres.url("postgres");
    for (name, database) in [("SQLite", None), ("PostgreSQL", Some(url.as_str()))] {
        let node = Node::start(plan, &provider, database, &[])?;
        let token = provider.token("ada")?;
        let id = node.sign_in(&token)?;
        sleep(SETTLED);
        let idle = process::resident(node.server.pid());
        let mut push = |what: &str, value: String| results.push(Row::said(format!("{name}: {what}"), value));
        push("memory of a node, idle", format!("{:.1} MB", idle / 1024.0));
        for connections in [1, 16, 64] {
            let mut read = node.get_user(&token);
            let read = load::sample(node.port(), node.server.pid(), connections, &mut read, plan.sample * 5)?;
            push(&format!("`GET /user`, {connections} connections"), rate(read.measured));
        }
        // Of one person, whose changes are in each other's way: more at once are no more a second.
        let mut edit = Request::update_as(node.port(), &id, &token);
        let write = load::sample(node.port(), node.server.pid(), 1, &mut edit, plan.sample * 5)?;
        push("`POST /user/update`, 1 connection", rate(write.measured));
        push(
            "memory after 64 connections",
            format!("{:.1} MB", process::resident(node.server.pid()) / 1024.0),
        );
        let tokens = (0..STREAMS).map(|number| provider.token(&format!("{name} {number}")));
        let tokens = tokens.collect::<Result<Vec<_>>>()?;
        machine::files_for(STREAMS)?;
        let before = process::resident(node.server.pid());
        let streams = Sockets::open_as(node.port(), &tokens, "/user/stream")?;
        let taken = process::resident(node.server.pid()) - before;
        push("memory of a person with a stream", format!("{:.1} KB", taken / STREAMS as f64));
        drop(streams);
    }
    Ok(())
}
