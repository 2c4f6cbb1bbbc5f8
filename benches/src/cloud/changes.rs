//! Changes on their way: from one node to a stream at another, from one device to a stream at another, and those a device
//! was not there for.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use serde_json::json;

use super::node::Node;
use super::services::{Nats, Postgres, Provider, id_of};
use crate::Plan;
use crate::load;
use crate::requests::{Request, ask_json, ask_json_as, ask_on, connect};
use crate::rounds::{Contestant, Estimate, Sample, contest};
use crate::rows::Results;
use crate::servers::{Home, Server};
use crate::streams::Sockets;
use crate::table::{Row, Target};

/// Changes in each sample: enough for a 99th percentile.
const CHANGES: usize = 200;
/// Changes that a device misses.
const MISSED: u64 = 10_000;
/// How long a device may take to come back.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// How long nothing comes any more from who has said all.
const QUIET: Duration = Duration::from_secs(1);

/// Times of one sample in µs, sorted when read.
struct Times(Vec<f64>);

impl Times {
    fn percentile(&mut self, hundredths: usize) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0[(self.0.len() * hundredths / 100).saturating_sub(1)]
    }
}

/// A change at one node to a stream at another, against a bare message through the same NATS server and a read of the row.
pub(crate) fn across_nodes(plan: &Plan, results: &mut Results) -> Result<()> {
    let (provider, postgres, nats) = (Provider::start(plan)?, Postgres::start(plan)?, Nats::start(plan)?);
    let (database, through) = (postgres.url("postgres"), nats.url());
    let node = || Node::start(plan, &provider, Some(&database), &["--nats", &through]);
    let (here, there) = (node()?, node()?);
    let token = provider.token("ada")?;
    let id = here.sign_in(&token)?;
    let mut streams = Sockets::open_as(there.port(), std::slice::from_ref(&token), "/user/stream")?;
    let mut edit = Request::update_as(here.port(), &id, &token);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bare = runtime.block_on(Bare::connect(&through, &database, &id))?;
    let (mut asked, mut answered, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = contest(
        plan.pairs,
        &mut [
            Contestant {
                pid: Some(here.server.pid()),
                sample: Box::new(|| {
                    let (mut from_ask, mut from_answer) = (Vec::new(), Vec::new());
                    let connection = connect(here.port())?;
                    for _ in 0..CHANGES {
                        let (begun, mut answer) = (Instant::now(), Duration::ZERO);
                        let took = streams.deliver(|| {
                            ask_on(&connection, &mut edit)?;
                            answer = begun.elapsed();
                            Ok(())
                        })?;
                        from_ask.push(took.as_secs_f64() * 1e6);
                        from_answer.push(took.saturating_sub(answer).as_secs_f64() * 1e6);
                    }
                    asked.extend(&from_ask);
                    answered.extend(&from_answer);
                    Ok(Sample {
                        measured: Times(from_answer).percentile(99),
                        cpu: Times(from_ask).percentile(99),
                    })
                }),
            },
            Contestant {
                pid: None,
                sample: Box::new(|| {
                    let times = runtime.block_on(bare.sample())?;
                    limits.extend(&times);
                    Ok(Sample { measured: Times(times).percentile(99), cpu: 0.0 })
                }),
            },
        ],
    )?;
    let (mut asked, mut answered, mut limits) = (Times(asked), Times(answered), Times(limits));
    let mut detail = |times: &mut Times| {
        let pair = |times: &mut Times| format!("{:.0}/{:.0} µs", times.percentile(50), times.percentile(99));
        format!("p50/p99: {}, {}", pair(times), pair(&mut limits))
    };
    let bare = "a bare NATS message and a point read";
    let measured = |sample: &Sample| sample.measured;
    let what = "a change at one node, its answer to a stream at another, p99".to_owned();
    let row = detail(&mut answered);
    results.push(Row::ratio(what, bare, rounds.ratio(0, 1, measured), row, Some(Target::AtMost(3.0))));
    let from_ask = rounds.median(0, |sample| sample.cpu) / rounds.median(1, measured);
    let what = "the same from its request, commit included, p99".to_owned();
    let row = detail(&mut asked);
    results.push(Row::ratio(what, bare, Estimate { median: from_ask, error: 0.0 }, row, None));
    results.disturbed_by(&rounds);
    Ok(())
}

/// The least that a change can take: a message, and a read by primary key.
struct Bare {
    publisher: async_nats::Client,
    heard: tokio::sync::Mutex<async_nats::Subscriber>,
    database: tokio_postgres::Client,
    read: tokio_postgres::Statement,
    id: String,
}

impl Bare {
    async fn connect(nats: &str, database: &str, id: &str) -> Result<Self> {
        let (publisher, listener) = (async_nats::connect(nats).await?, async_nats::connect(nats).await?);
        let heard = listener.subscribe("bench.change").await?;
        listener.flush().await?;
        let (database, connection) = tokio_postgres::connect(database, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let read = database.prepare("SELECT document FROM users WHERE id = $1").await?;
        Ok(Self { publisher, heard: heard.into(), database, read, id: id.to_owned() })
    }

    async fn sample(&self) -> Result<Vec<f64>> {
        let (mut times, mut heard) = (Vec::with_capacity(CHANGES), self.heard.lock().await);
        for _ in 0..CHANGES {
            let begun = Instant::now();
            self.publisher.publish("bench.change", "1".into()).await?;
            heard.next().await.context("NATS went away")?;
            self.database.query_one(&self.read, &[&self.id]).await?;
            times.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        Ok(times)
    }
}

/// A change on one device to a stream of another one of the same person.
pub(crate) fn across_devices(plan: &Plan, results: &mut Results) -> Result<()> {
    let provider = Provider::start(plan)?;
    let node = Node::start(plan, &provider, None, &[])?;
    let devices = [Device::new(plan)?, Device::new(plan)?];
    let [here, there] = [0, 1].map(|index| devices[index].serve(plan, &provider, node.port()));
    let (here, there) = (here?, there?);
    let token = provider.token("ada")?;
    let id = sign_in(&here, &token)?;
    sign_in(&there, &token)?;
    let mut edit = Request::update(here.port, &id);
    let mut streams = Sockets::open(there.port, 1, Some("/user/stream"))?;
    let connection = connect(here.port)?;
    // What the sign-ins still have to tell each other.
    sleep(QUIET);
    streams.forget()?;
    let mut times = Vec::new();
    for _ in 0..plan.pairs as usize * CHANGES / 5 {
        let took = streams.deliver(|| ask_on(&connection, &mut edit).map(drop))?;
        times.push(took.as_secs_f64() * 1e3);
        streams.forget()?;
    }
    let mut times = Times(times);
    let said = format!("p50 {:.1} ms, p99 {:.1} ms", times.percentile(50), times.percentile(99));
    results.push(Row::said(
        "a change on one device to a stream of another, through a node on SQLite".into(),
        said,
    ));
    Ok(())
}

/// What comes from the cloud when a device comes back after many changes, against one.
pub(crate) fn reconnect(plan: &Plan, results: &mut Results) -> Result<()> {
    let provider = Provider::start(plan)?;
    let node = Node::start(plan, &provider, None, &[])?;
    let way = Way::to(node.port())?;
    let token = provider.token("ada")?;
    let id = node.sign_in(&token)?;
    let device = Device::new(plan)?;
    sign_in(&device.serve(plan, &provider, way.port)?, &token)?;
    let mut edit = Request::update_as(node.port(), &id, &token);
    let mut come_back = |missed: u64| {
        load::wear_in(node.port(), &mut edit, missed)?;
        let (before, begun) = (way.came.load(Ordering::Relaxed), Instant::now());
        let served = device.serve(plan, &provider, way.port)?;
        let is_behind = || -> Result<bool> {
            let there = ask_json_as(node.port(), "GET /user", &token, "")?;
            Ok(ask_json(served.port, "GET /user", &json!(null))?["user"]["name"] != there["user"]["name"])
        };
        while is_behind()? {
            ensure!(begun.elapsed() < BACK_WITHIN, "the device does not come back");
            sleep(Duration::from_millis(1));
        }
        let took = begun.elapsed();
        way.settle();
        Ok(((way.came.load(Ordering::Relaxed) - before) as f64 / 1024.0, took))
    };
    let (one, _) = come_back(1)?;
    let (many, took) = come_back(MISSED)?;
    let detail =
        format!("{many:.1} KB, {one:.1} KB; in step {:.0} ms after its start", took.as_secs_f64() * 1e3);
    let what = "a device comes back after 10,000 changes, bytes from the cloud".to_owned();
    let ratio = Estimate { median: many / one, error: 0.0 };
    results.push(Row::ratio(what, "after 1 change", ratio, detail, Some(Target::AtMost(1.1))));
    Ok(())
}

/// An installation of the daemon that is in step with a cloud.
struct Device(Home);

impl Device {
    fn new(plan: &Plan) -> Result<Self> {
        Ok(Self(Home::new(&plan.scratch)?))
    }

    fn serve(&self, plan: &Plan, provider: &Provider, cloud: u16) -> Result<Server> {
        let config = self.0.path().join("usher.toml");
        provider.write_config(
            &config,
            &format!("token_store = \"file\"\ncloud = \"http://127.0.0.1:{cloud}\""),
        )?;
        let mut command = self.0.command(&plan.daemon, "127.0.0.1:0");
        Server::start(command.arg("--config").arg(&config), b"")
    }
}

/// Signs the holder of a token in on a device, and answers the id.
fn sign_in(device: &Server, token: &str) -> Result<String> {
    let given = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 });
    id_of(&ask_json(device.port, "POST /users/authenticate/from_token", &given)?)
}

/// A way to a server that counts what comes back.
struct Way {
    port: u16,
    came: Arc<AtomicU64>,
}

impl Way {
    fn to(server: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (port, came) = (listener.local_addr()?.port(), Arc::<AtomicU64>::default());
        let counted = Arc::clone(&came);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = connect(server) else { continue };
                let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { continue };
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || carry(near_too, far_too, &AtomicU64::new(0)));
                std::thread::spawn(move || carry(far, near, &counted));
            }
        });
        Ok(Self { port, came })
    }

    /// Waits until nothing comes any more.
    fn settle(&self) {
        let mut came = 0;
        while std::mem::replace(&mut came, self.came.load(Ordering::Relaxed)) != came || came == 0 {
            sleep(QUIET);
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, counted: &AtomicU64) {
    let mut part = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut part) {
        counted.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(&part[..read]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
}
