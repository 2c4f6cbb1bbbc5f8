//! An operator with the guide in his hands: starts one node, starts several, and changes their passwords.

use std::{fs, net::TcpListener, time::Duration};

use serde_json::json;

use super::{
    guide::{Operator, has_programs},
    nats::Nats,
    node::Node,
    postgres::Postgres,
};
use crate::{oidc::provider::Provider, steps::wait_until};

pub(super) fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

async fn one_node(start: &str, ask: &str) {
    let Some(provider) = Provider::start_liar().filter(|_| has_programs()) else { return };
    let token = provider.token(json!({ "sub": "ada", "name": "Ada Lovelace" })).await;
    // For whoever listens where it is usual, too.
    let operator = Operator::new().variable("USHER_CLOUD_LISTEN", "127.0.0.1:0").place("39400", "0");
    let mut node = operator.place("https://id.example.org", provider.url()).serve(start);
    let operator = Operator::new().place("127.0.0.1:39400", node.url().trim_start_matches("http://"));
    let operator = operator.variable("TOKEN", &token);
    let said = operator.run(ask);
    assert!(said.contains("\"name\":\"Ada Lovelace\""), "{said}");
    node.stop();
}

#[tokio::test]
async fn one_node_starts_and_answers_as_the_guide_says() {
    one_node("start", "ask").await;
}

#[tokio::test]
async fn one_node_starts_and_answers_as_the_readme_says() {
    one_node("readme-start", "readme-ask").await;
}

/// Two machines for nodes, with the servers they stand on.
struct Site {
    machines: [Operator; 2],
    nats: Nats,
    token: String,
    _provider: Provider,
    _postgres: Postgres,
}

impl Site {
    async fn set_up() -> Option<Self> {
        let (provider, postgres) = (Provider::start_liar()?, Postgres::start()?);
        let (client, route) = (free_port(), free_port());
        let server = postgres.address();
        let machine = || {
            let mut machine = Operator::new().variable("ADMIN", &postgres.url());
            for name in ["nats-1.example.org", "nats-2.example.org", "nats-3.example.org", "0.0.0.0"] {
                machine = machine.place(name, "127.0.0.1");
            }
            let machine = machine.place("4222", &client).place("6222", &route).place("39400", "0");
            machine.place("https://id.example.org", provider.url()).place("db.example.org", &server)
        };
        let machines = [machine(), machine()];
        machines[0].run("roles");
        let config = machines[0].path("nats-1.conf");
        fs::write(&config, machines[0].file("nats-1.conf")).unwrap();
        let nats = Nats::start(&config, client.parse().unwrap())?;
        for machine in &machines {
            // So seldom that only NATS can tell of changes.
            let config = format!("look_every = 3600\n{}", machine.file("cloud.toml"));
            fs::write(machine.path("cloud.toml"), config).unwrap();
        }
        let token = provider.token(json!({ "sub": "ada", "name": "Ada" })).await;
        Some(Self { machines, nats, token, _provider: provider, _postgres: postgres })
    }

    /// Renames at one node and sees it on a stream of the other.
    async fn is_one_cloud(&self, nodes: &[Node], name: &str) {
        let mut stream = nodes[1].stream(&self.token, "/user/stream").await.unwrap();
        stream.json().await;
        nodes[0].rename(&self.token, name).await;
        assert_eq!(stream.json().await["name"], name);
    }

    /// Gives NATS these users, by what they are called in the guide's configuration.
    fn let_in(&self, users: &[(&str, &str)]) {
        let config = self.machines[0].file("nats-1.conf");
        let line = config.lines().find(|line| line.contains("usher_1")).unwrap();
        let lines: Vec<String> = users
            .iter()
            .map(|(user, password)| line.replace("usher_1", user).replace("\"first\"", password))
            .collect();
        fs::write(self.machines[0].path("nats-1.conf"), config.replace(line, &lines.join("\n"))).unwrap();
        self.nats.reload();
    }
}

#[tokio::test]
async fn nodes_share_servers_and_passwords_change_without_an_outage() {
    let Some(site) = Site::set_up().await else { return };
    assert_eq!(site.machines[0].run("migrate"), "the database is up to date\n");
    let mut nodes: Vec<Node> = site.machines.iter().map(|machine| machine.serve("node")).collect();
    site.is_one_cloud(&nodes, "Countess").await;

    site.machines[0].run("new-login");
    site.let_in(&[("usher_1", "\"first\""), ("usher_2", "\"second\"")]);
    for (index, machine) in site.machines.iter().enumerate() {
        let config = fs::read_to_string(machine.path("cloud.toml")).unwrap();
        let config = config.replace("usher_cloud_1:first", "usher_cloud_2:second");
        fs::write(machine.path("cloud.toml"), config.replace("usher_1:first", "usher_2:second")).unwrap();
        nodes[index].stop();
        nodes[index] = machine.serve("node");
        site.is_one_cloud(&nodes, &format!("with {} of two", index + 1)).await;
    }
    site.machines[0].run("old-login");
    site.let_in(&[("usher_2", "\"second\"")]);
    site.is_one_cloud(&nodes, "Augusta").await;

    let config = fs::read_to_string(site.machines[0].path("cloud.toml")).unwrap();
    let machine = &site.machines[1];
    nodes[1].stop();
    fs::write(machine.path("cloud.toml"), config.replace("usher_2:second", "usher_1:first")).unwrap();
    nodes[1] = machine.serve("node");
    wait_until("the log says that NATS refuses the first password", Duration::from_secs(20), || {
        nodes[1].log().to_lowercase().contains("authorization violation")
    });
    nodes[1].rename(&site.token, "Lady Byron").await;
    let old = config.replace("usher_cloud_2:second", "usher_cloud_1:first");
    fs::write(site.machines[0].path("cloud.toml"), old).unwrap();
    let refused = site.machines[0].fail("migrate");
    assert!(refused.stderr.contains("not permitted to log in"), "{refused}");
}
