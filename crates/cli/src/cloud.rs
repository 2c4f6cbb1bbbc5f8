//! `usher cloud`: one node of a cloud. Answers health from the moment it has a port, opens the database, says where it
//! listens, and drains when told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use tokio::net::TcpListener;
use tracing_subscriber::Layer;
use usher_cloud::{Cloud, Settings};
use usher_domain::ambient::Ambient;
use usher_domain::store::OpenError;
use usher_http::{Guard, Limits, Network, Public, Server, Tls};

use crate::cloud::config::{Face, Told};
use crate::cloud::otlp::Traces;
use crate::cloud::watch::Watch;
use crate::log::{Log, start_log};
use crate::print;
use crate::serve::{ALREADY_RUNNING, FAILED, MISCONFIGURED, refuse, signals};

mod config;
mod otlp;
mod watch;

/// How much callers together may hold at once.
const LIMITS: Limits = Limits { connections: 16 * 1024, streams_per_application: 1024 };

/// Arguments of `cloud`. Each is also a key of the configuration file and, as `USHER_...`, of the environment.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    given: Given,
    /// Print a commented configuration file and stop
    #[arg(long)]
    print_config: bool,
}

/// What can be told without a file.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Given {
    /// Listen on this address and port, any number of times [default: 127.0.0.1:39400]
    #[arg(long, global = true, value_name = "ADDR", env = "USHER_CLOUD_LISTEN", value_delimiter = ',')]
    listen: Vec<SocketAddr>,
    /// Keep everything in this database: a `postgres://` URL, or the path of an SQLite file
    #[arg(long, global = true, value_name = "PLACE", env = "USHER_CLOUD_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Tell other nodes of changes through these NATS servers
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "USHER_CLOUD_NATS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    nats: Vec<String>,
    /// Answer `/metrics`, `/health` and `/ready` on this address: for operators, not for clients
    #[arg(long, global = true, value_name = "ADDR", env = "USHER_CLOUD_WATCH")]
    watch: Option<SocketAddr>,
    /// Send a trace of each request to the OpenTelemetry collector at this address, by OTLP over HTTP
    #[arg(long, global = true, value_name = "URL", env = "USHER_CLOUD_OTLP")]
    otlp: Option<String>,
    /// How a line of the log looks [default: text]
    #[arg(long, global = true, value_enum, env = "USHER_CLOUD_LOG_FORMAT")]
    log: Option<Log>,
    /// Read settings from this file
    #[arg(long, global = true, value_name = "FILE", env = "USHER_CLOUD_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Bring the schema of the database up to date and stop; a starting node does the same by itself
    Migrate,
}

/// Runs until told to stop. Exit codes: 0 stopped, 2 configuration, 3 another process has the database, 1 anything else.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.print_config {
        print::raw(config::EXAMPLE)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Told { settings, face } = match config::read(args.given) {
        Ok(told) => told,
        Err(error) => return refuse(&format!("{error:#}"), MISCONFIGURED),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let traces = face.otlp.as_ref().map(|to| Traces::start(to, runtime.handle())).transpose()?;
    start_log(face.log, traces.as_ref().map(|traces| traces.layer().boxed()));
    usher_http::log_panics();
    #[cfg(unix)]
    drop(rlimit::increase_nofile_limit(u64::MAX));
    let ended = runtime.block_on(async {
        match args.verb {
            Some(Verb::Migrate) => migrate(settings).await,
            None => serve(settings, face).await,
        }
    });
    traces.iter().for_each(Traces::end);
    runtime.shutdown_background();
    ended.or_else(|error| match error.downcast_ref() {
        Some(OpenError::InUse { .. }) => refuse(&error.to_string(), ALREADY_RUNNING),
        Some(OpenError::Address { .. }) => refuse(&error.to_string(), MISCONFIGURED),
        // What looks for causes on a device knows nothing of a node.
        _ => refuse(&format!("{error:#}"), FAILED),
    })
}

async fn migrate(settings: Settings) -> anyhow::Result<ExitCode> {
    Cloud::new(settings, Ambient::of_this_machine()).open().await?;
    print::line("the database is up to date")?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(settings: Settings, face: Face) -> anyhow::Result<ExitCode> {
    let mut stop = std::pin::pin!(signals::stop().context("cannot listen for signals")?);
    let ambient = Ambient::of_this_machine();
    let cloud = Cloud::new(settings, ambient.clone());
    let run_id = || u32::from_le_bytes(ambient.secret());
    let server = Server::of_network(Arc::new(cloud.clone()), run_id(), LIMITS).wanting(face.minimum_version);
    let network = Arc::new(Network::new(face.trusted_proxies, face.requests_per_address));
    let mut addresses = Vec::new();
    for address in &face.listen {
        let listener = bind(*address).await?;
        addresses.push(listener.local_addr().context("a listener without an address")?);
        server.listen(Public::new(listener, face.tls.clone()), Guard::of_network(Arc::clone(&network)));
    }
    let watch = Server::of_watch(Arc::new(Watch::new(cloud.clone())?), run_id());
    if let Some(address) = face.watch {
        let listener = bind(address).await?;
        let address = listener.local_addr().context("a listener without an address")?;
        tracing::info!("numbers for Prometheus at http://{address}/metrics");
        watch
            .listen(Public::new(listener, None), Guard::of_network(Arc::new(Network::new(Vec::new(), None))));
    }
    tokio::select! {
        opened = cloud.open() => opened?,
        () = stop.as_mut() => {
            server.shut_down().await;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let scheme = if face.tls.is_some() { "https" } else { "http" };
    for address in addresses {
        drop(print::line(format_args!("listening on {scheme}://{address}")));
    }
    #[cfg(target_os = "linux")]
    drop(sd_notify::notify(&[sd_notify::NotifyState::Ready]));
    tokio::select! {
        () = stop => tracing::info!("stopping"),
        () = cloud.keep() => {}
        () = tend(&network, face.tls.as_deref()) => {}
    }
    watch.shut_down().await;
    server.shut_down().await;
    Ok(ExitCode::SUCCESS)
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another one with --listen"))
}

/// Keeps what stands before the cloud in order, until the future is dropped.
async fn tend(network: &Network, tls: Option<&Tls>) {
    let watch = async {
        match tls {
            Some(tls) => tls.watch().await,
            None => std::future::pending().await,
        }
    };
    let forget = async {
        loop {
            tokio::time::sleep(Duration::from_secs(60)).await;
            network.forget();
        }
    };
    tokio::join!(watch, forget);
}
