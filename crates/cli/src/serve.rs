//! `usher serve`: the daemon. Claims the data directory, answers health from the moment it has a port, opens the store,
//! says where it listens, and drains when told to stop.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use anyhow::Context;
#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use usher_device::data_dir::{ClaimError, DataDir};
use usher_device::{Arrivals, Device, TokenStore};
use usher_domain::ambient::Ambient;

use crate::config::{self, Settings};
use crate::log::{Log, start_log};
use crate::print;
use crate::serve::face::Face;

mod face;
mod listen;
mod port_file;
pub(crate) mod signals;

/// Exit code of a second instance on the same data.
pub(crate) const ALREADY_RUNNING: u8 = 3;
/// Exit code of any other failure.
pub(crate) const FAILED: u8 = 1;
/// Exit code of a configuration that cannot be followed.
pub(crate) const MISCONFIGURED: u8 = 2;

/// Arguments of `serve`. Each is also a key of the configuration file and, as `USHER_...`, of the environment.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Listen on this loopback address and port only, any number of times; port 0 takes a free one
    #[arg(long, value_name = "ADDR", env = "USHER_LISTEN", value_delimiter = ',')]
    listen: Vec<SocketAddr>,
    /// Keep data in this directory
    #[arg(long, value_name = "DIR", env = "USHER_DATA_DIR")]
    data_dir: Option<std::path::PathBuf>,
    /// Never open a browser
    #[arg(long, env = "USHER_NO_BROWSER", value_parser = clap::builder::FalseyValueParser::new())]
    no_browser: bool,
    /// How foreign web pages are treated [default: strict]
    #[arg(long, value_enum, env = "USHER_GUARD")]
    guard: Option<config::Guard>,
    /// Also answer to this host name with its port, any number of times
    #[arg(long = "host", value_name = "NAME:PORT", env = "USHER_HOSTS", value_delimiter = ',')]
    hosts: Vec<String>,
    /// Also let this user of the machine call, any number of times
    #[arg(long = "allow-uid", value_name = "UID", env = "USHER_ALLOW_UIDS", value_delimiter = ',')]
    allow_uids: Vec<u32>,
    /// How many connections may be open at once [default: 2048]
    #[arg(long, value_name = "N", env = "USHER_MAX_CONNECTIONS")]
    max_connections: Option<NonZeroUsize>,
    /// How many streams one application may have open at once [default: 1024]
    #[arg(long, value_name = "N", env = "USHER_MAX_STREAMS")]
    max_streams: Option<NonZeroUsize>,
    /// Where the key is that seals tokens of identity providers: `keyring`, or `file` in the data directory
    #[arg(long, value_name = "PLACE", env = "USHER_TOKEN_STORE")]
    token_store: Option<TokenStore>,
    /// Keep accounts of identity providers in step with the cloud at this address
    #[arg(long, value_name = "URL", env = "USHER_CLOUD")]
    cloud: Option<String>,
    /// Read settings from this file
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    config: Option<std::path::PathBuf>,
    /// Print a commented configuration file and stop
    #[arg(long)]
    print_config: bool,
}

/// Runs until told to stop. Exit codes: 0 stopped, 2 configuration, 3 already running, 1 anything else.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.print_config {
        print::raw(config::EXAMPLE)?;
        return Ok(ExitCode::SUCCESS);
    }
    let given = Settings {
        listen: args.listen,
        data_dir: args.data_dir,
        no_browser: args.no_browser.then_some(true),
        guard: args.guard,
        hosts: args.hosts,
        allow_uids: args.allow_uids,
        max_connections: args.max_connections,
        max_streams: args.max_streams,
        token_store: args.token_store,
        cloud: args.cloud,
        ..Settings::default()
    };
    let settings = match Settings::read(given, args.config.as_deref()) {
        Ok(settings) => settings,
        Err(error) => return refuse(&format!("{error:#}"), MISCONFIGURED),
    };
    start_log(Log::Text, None);
    usher_http::log_panics();
    // Tokens are in memory: no core dump may hold them, and no other process of this user may look inside.
    #[cfg(target_os = "linux")]
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "a crash may leave secrets in a core file");
    }
    // Each open stream is a file descriptor; the usual soft limit is 1,024.
    #[cfg(unix)]
    drop(rlimit::increase_nofile_limit(u64::MAX));
    let data_dir = match DataDir::claim(&settings.data_dir()?) {
        Ok(data_dir) => data_dir,
        Err(error @ ClaimError::AlreadyRunning { .. }) => return refuse(&error.to_string(), ALREADY_RUNNING),
        Err(error) => return refuse(&error.to_string(), MISCONFIGURED),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ended = runtime.block_on(serve(&settings, &data_dir));
    // A migration that waits for the disk must not keep a stopped daemon; it undoes itself.
    runtime.shutdown_background();
    ended
}

async fn serve(settings: &Settings, data_dir: &DataDir) -> anyhow::Result<ExitCode> {
    let mut stop = std::pin::pin!(signals::stop().context("cannot listen for signals")?);
    let ambient = Ambient::of_this_machine();
    let device = Device::with_identity(data_dir.path(), ambient.clone(), settings.identity());
    let face = Face::new(settings, &device, data_dir);
    let server = face.server(ambient.uuid().as_fields().0);
    let mut addresses = Vec::new();
    for listener in listen::bind(&settings.listen)? {
        let address = listener.local_addr().context("a listener without an address")?;
        addresses.push(address);
        server.listen(listener, face.guard(address));
    }
    let own = addresses.iter().filter(|address| address.is_ipv4()).map(SocketAddr::port);
    let mut arrivals = Arrivals { usual: listen::usual(&addresses), fixed: own.collect() };
    for listener in listen::bind_redirect_ports(&settings.issuer, &arrivals.fixed) {
        let address = listener.local_addr().context("a listener without an address")?;
        arrivals.fixed.push(address.port());
        server.listen(listener, face.guard(address));
    }
    device.listens_on(arrivals);
    let urls: Vec<String> = addresses.iter().map(|address| format!("http://{address}")).collect();
    face.listen_on_socket(&server);
    data_dir.write_addresses(&urls).context("cannot write to the data directory")?;
    tokio::select! {
        opened = device.open() => opened?,
        () = stop.as_mut() => {
            server.shut_down().await;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let port_file = settings.listen.is_empty().then(|| port_file::PortFile::write(&addresses)).flatten();
    for url in &urls {
        // Nobody needs to read it: a launcher may close the pipe once it saw the first line.
        drop(print::line(format_args!("listening on {url}")));
    }
    #[cfg(target_os = "linux")]
    drop(sd_notify::notify(&[sd_notify::NotifyState::Ready]));
    tokio::select! {
        () = stop => tracing::info!("stopping"),
        () = device.watch_policies() => {}
        () = device.keep_sessions() => {}
        () = device.keep_in_step() => {}
    }
    drop(port_file);
    server.shut_down().await;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn refuse(message: &str, code: u8) -> anyhow::Result<ExitCode> {
    print::say(format!("error: {message}"));
    Ok(ExitCode::from(code))
}
