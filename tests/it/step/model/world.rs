//! The world of the model: three nodes on one database and one NATS cluster, five devices of three people, and a proxy in
//! each line between them.

use std::{
    fmt::Display,
    net::SocketAddr,
    sync::{
        Mutex as Lock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, watch},
    task::block_in_place,
};
use usher_client::{Client, UserApi};

use super::{
    proxy::{Line, Proxy},
    said::Said,
    seen::{Expected, Floor},
};
use crate::{
    cloud::{
        nats::Cluster,
        node::{Node, Place},
        postgres::Postgres,
    },
    contract::{anyone, model},
    daemon::Daemon,
    oidc::{configure, provider::Provider},
    raw::PATIENCE,
};

/// Who there is.
const PEOPLE: [&str; 3] = ["ada", "bob", "cyd"];
/// Who is signed in on which device, as indices.
const DEVICES: [&[usize]; 5] = [&[0, 1], &[0], &[1, 2], &[2, 0], &[1]];
/// Nobody is in the way of anybody.
const SETTINGS: &str = "requests_per_person = 0\nrequests_per_address = 0\n";
/// How often nodes look for what no message told.
pub(super) const LOOK_SECONDS: u64 = 9;
/// Tokens outlive every run.
const EXPIRES: u64 = 4_000_000_000;
/// How long a caller waits for what is about the cloud; a device itself is given more time, for machines that are busy.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);

pub(super) struct World {
    pub(super) people: Vec<Person>,
    pub(super) desks: Vec<Desk>,
    pub(super) sites: Vec<Site>,
    pub(super) postgres: Machine<Postgres>,
    pub(super) cluster: Lock<Cluster>,
    /// One for each server of the cluster.
    pub(super) servers: [Machine<usize>; 3],
    pub(super) http: reqwest::Client,
    provider: Provider,
    begun: Instant,
    journal: Lock<Vec<String>>,
    /// How many edits were taken, how many not answered, how many troubles there were.
    pub(super) tally: [AtomicU64; 3],
    /// The first thing that is not as it should be.
    pub(super) finding: watch::Sender<Option<String>>,
}

/// Somebody with devices, and a page that speaks to the cloud itself.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) id: String,
    pub(super) token: String,
    pub(super) said: Said,
    /// What was seen at any node.
    pub(super) floor: Floor,
}

/// A device.
pub(super) struct Desk {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) daemon: Machine<Daemon>,
    pub(super) link: Link,
    pub(super) people: &'static [usize],
    pub(super) current: Expected,
    pub(super) floor: Floor,
}

/// A node, its way to the database, and its ways to the servers of NATS.
pub(super) struct Site {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) node: Machine<Node>,
    pub(super) store: Link,
    pub(super) nats: Link,
}

impl World {
    /// `None` when something cannot be had and the tester allows that.
    pub(super) async fn start() -> Option<Self> {
        let (provider, cluster) = (Provider::start_liar()?, Cluster::start()?);
        let postgres = Postgres::start()?;
        let sites = sites(&provider, &cluster, &postgres).await;
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWERED_WITHIN).build().unwrap();
        let mut people = Vec::new();
        for name in PEOPLE {
            let claims =
                json!({ "sub": name, "name": name, "sid": format!("web of {name}"), "exp": EXPIRES });
            let token = provider.token(claims).await;
            let site = sites[0].node.it.lock().await;
            let id = site.get(&token, "/user").await.json()["user"]["id"].as_str().unwrap().to_owned();
            people.push(Person { name, id, token, said: Said::default(), floor: Floor::default() });
        }
        let world = Self {
            desks: desks(&provider, &sites).await,
            people,
            sites,
            postgres: Machine::of(postgres),
            cluster: Lock::new(cluster),
            servers: [0, 1, 2].map(Machine::of),
            http,
            provider,
            begun: Instant::now(),
            journal: Lock::default(),
            tally: Default::default(),
            finding: watch::Sender::new(None),
        };
        for desk in &world.desks {
            for &person in desk.people {
                let id = world.sign_in(desk, person).await.unwrap();
                assert_eq!(id, world.people[person].id, "one id everywhere, from the first sign-in on");
                desk.current.is(Some(&id));
            }
        }
        Some(world)
    }

    /// Signs somebody in on a device with a token made now; the id of the account there.
    pub(super) async fn sign_in(&self, desk: &Desk, person: usize) -> usher_client::Result<String> {
        let name = self.people[person].name;
        let token = self.provider.token(json!({ "sub": name, "name": name, "exp": EXPIRES })).await;
        let token = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 10_000_000 });
        let client = Client::new(&desk.url)?;
        Ok(client.authenticate_from_oauth_token(&anyone(), model(token)).await?.id)
    }

    /// A request of somebody to a node.
    pub(super) async fn ask_node(
        &self,
        site: &Site,
        person: &Person,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let url = format!("{}{path}", site.url);
        Answer::to(self.request(&url, body).bearer_auth(&person.token)).await
    }

    /// A request to a device about somebody, whoever is current; about whoever is if there is no name.
    pub(super) async fn ask_device(
        &self,
        desk: &Desk,
        account: Option<&str>,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let mut request = self.request(&format!("{}{path}", desk.url), body);
        if let Some(account) = account {
            request = request.header("usher-account", account);
        }
        if !matches!(path, "/user/refresh" | "/sessions") {
            request = request.timeout(PATIENCE);
        }
        Answer::to(request).await
    }

    fn request(&self, url: &str, body: Option<&Value>) -> reqwest::RequestBuilder {
        match body {
            None => self.http.get(url),
            Some(body) => {
                self.http.post(url).header("content-type", "application/json").body(body.to_string())
            }
        }
    }

    /// Writes down what happens.
    pub(super) fn notes(&self, what: impl Display) {
        self.journal.lock().unwrap().push(format!("{:8.3} {what}", self.begun.elapsed().as_secs_f64()));
    }

    /// Counts an edit that was taken (0), one without an answer (1), or a trouble (2).
    pub(super) fn counts(&self, what: usize) {
        self.tally[what].fetch_add(1, Ordering::Relaxed);
    }

    /// Something is not as it should be.
    pub(super) fn finds(&self, what: impl Display) {
        self.notes(format_args!("FOUND {what}"));
        self.finding
            .send_if_modified(|finding| finding.is_none() && finding.replace(what.to_string()).is_none());
    }

    /// What happened last, and what the machines say.
    pub(super) async fn tells(&self) -> String {
        let last = |text: &str, most: usize| {
            let lines: Vec<&str> = text.lines().filter(|line| !line.contains("usher::request")).collect();
            lines[lines.len().saturating_sub(most)..].join("\n")
        };
        let mut text = last(&self.journal.lock().unwrap().join("\n"), 250);
        for site in &self.sites {
            text += &format!("\n== {}\n{}", site.name, last(&site.node.it.lock().await.log(), 30));
        }
        for desk in &self.desks {
            text += &format!("\n== {}\n{}", desk.name, last(&desk.daemon.it.lock().await.log(), 15));
        }
        text
    }
}

/// All at once, on a database without a schema.
async fn sites(provider: &Provider, cluster: &Cluster, postgres: &Postgres) -> Vec<Site> {
    let mut starting = Vec::new();
    for index in 0..3 {
        let store = Proxy::start(postgres.address().parse().unwrap()).await;
        let mut nats = Vec::new();
        for port in cluster.ports() {
            nats.push(Proxy::start(SocketAddr::from(([127, 0, 0, 1], port))).await);
        }
        nats.rotate_left(index);
        let urls: Vec<_> = nats.iter().map(|proxy| format!("nats://{}", proxy.address())).collect();
        let (url, place) = (provider.url().to_owned(), Place::Server(postgres.clone()));
        let database = format!("postgres://usher@{}/postgres", store.address());
        let settings = format!("{SETTINGS}look_every = {LOOK_SECONDS}\n");
        let node = tokio::task::spawn_blocking(move || {
            Node::start(place, &url, &settings, &["--nats", &urls.join(","), "--database", &database])
        });
        starting.push((node, Link::of(vec![store]), Link::of(nats)));
    }
    let mut sites = Vec::new();
    for (node, store, nats) in starting {
        let (node, name) = (node.await.unwrap(), format!("node {}", sites.len()));
        sites.push(Site { name, url: node.url().to_owned(), node: Machine::of(node), store, nats });
    }
    sites
}

async fn desks(provider: &Provider, sites: &[Site]) -> Vec<Desk> {
    let mut desks = Vec::new();
    for (index, people) in DEVICES.into_iter().enumerate() {
        let link = Proxy::start(sites[index % sites.len()].address()).await;
        let cloud = format!("cloud = \"http://{}\"\n", link.address());
        let daemon = Daemon::start_with(|data| configure(data, provider.url(), &cloud));
        desks.push(Desk {
            name: format!("d{index}"),
            url: daemon.url().to_owned(),
            daemon: Machine::of(daemon),
            link: Link::of(vec![link]),
            people,
            current: Expected::default(),
            floor: Floor::default(),
        });
    }
    desks
}

impl Site {
    pub(super) fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").parse().unwrap()
    }
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    /// `None` when there was none.
    async fn to(request: reqwest::RequestBuilder) -> Option<Self> {
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some(Self { status, body: response.text().await.ok()? })
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// A process that is off at times.
pub(super) struct Machine<T> {
    pub(super) it: Mutex<T>,
    /// Even while it is on.
    turns: AtomicU64,
}

impl<T> Machine<T> {
    fn of(it: T) -> Self {
        Self { it: Mutex::new(it), turns: AtomicU64::new(0) }
    }

    /// Takes it down and up again after a while, unless somebody else is at it.
    pub(super) async fn restart(
        &self,
        down: impl FnOnce(&mut T),
        off: Duration,
        up: impl FnOnce(&mut T),
    ) -> bool {
        let Ok(mut it) = self.it.try_lock() else { return false };
        self.turns.fetch_add(1, Ordering::SeqCst);
        block_in_place(|| down(&mut it));
        tokio::time::sleep(off).await;
        block_in_place(|| up(&mut it));
        self.turns.fetch_add(1, Ordering::SeqCst);
        true
    }

    /// What is the same again if it was on all the time; `None` while it is off.
    pub(super) fn turn(&self) -> Option<u64> {
        Some(self.turns.load(Ordering::SeqCst)).filter(|turn| turn % 2 == 0)
    }
}

/// The lines to one service, which suffer together.
pub(super) struct Link {
    lines: Mutex<Vec<Proxy>>,
}

impl Link {
    fn of(lines: Vec<Proxy>) -> Self {
        Self { lines: Mutex::new(lines) }
    }

    /// They are like this for a while, unless something else is with them.
    pub(super) async fn suffer(&self, line: Line, during: Duration) -> bool {
        let Ok(lines) = self.lines.try_lock() else { return false };
        lines.iter().for_each(|proxy| proxy.becomes(line));
        tokio::time::sleep(during).await;
        lines.iter().for_each(|proxy| proxy.becomes(Line::Good));
        true
    }

    /// They lead somewhere else from now on, unless something is with them.
    pub(super) fn lead_to(&self, target: SocketAddr) -> bool {
        let lines = self.lines.try_lock();
        lines.is_ok_and(|lines| {
            lines.iter().for_each(|proxy| proxy.lead_to(target));
            true
        })
    }
}
