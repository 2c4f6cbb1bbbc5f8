//! What stands between a device and its cloud: it loses answers, cuts connections, and counts what comes back.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

use crate::raw::PATIENCE;

/// A relay in front of a cloud, for as long as the test runs.
pub(super) struct Relay {
    url: String,
    state: Arc<State>,
}

struct State {
    cloud: SocketAddr,
    /// How the request begins whose answer is lost, together with all connections.
    loses: Mutex<Option<&'static str>>,
    is_cut: watch::Sender<bool>,
    /// Each request line, and how many bytes came back for it.
    exchanges: Mutex<Vec<(String, usize)>>,
}

impl Relay {
    /// Leads to the cloud at this address.
    pub(super) async fn to(cloud: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cloud = cloud.trim_start_matches("http://").parse().unwrap();
        let state = State {
            cloud,
            loses: Mutex::default(),
            is_cut: watch::Sender::new(false),
            exchanges: Mutex::default(),
        };
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((device, _)) = listener.accept().await {
                tokio::spawn(relay(Arc::clone(&shared), device));
            }
        });
        Self { url, state }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The answer to the next request that begins like this is lost, and then there is no way through.
    pub(super) fn lose(&self, request: &'static str) {
        *self.state.loses.lock().unwrap() = Some(request);
    }

    /// Waits until an answer was lost.
    pub(super) async fn lost(&self) {
        let mut is_cut = self.state.is_cut.subscribe();
        timeout(PATIENCE, is_cut.wait_for(|is_cut| *is_cut)).await.expect("an answer is lost").unwrap();
    }

    /// Ends all connections, and every new one at once.
    pub(super) fn cut(&self) {
        self.state.is_cut.send_replace(true);
    }

    /// Lets through again.
    pub(super) fn mend(&self) {
        self.state.is_cut.send_replace(false);
    }

    /// The requests that begin like this, each with how many bytes came back for it.
    pub(super) fn exchanges(&self, request: &str) -> Vec<(String, usize)> {
        let exchanges = self.state.exchanges.lock().unwrap();
        exchanges.iter().filter(|(line, _)| line.starts_with(request)).cloned().collect()
    }
}

async fn relay(state: Arc<State>, mut device: TcpStream) {
    let mut is_cut = state.is_cut.subscribe();
    if *is_cut.borrow_and_update() {
        return;
    }
    let Ok(mut cloud) = TcpStream::connect(state.cloud).await else { return };
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut exchange, mut loses) = (0, false);
    loop {
        tokio::select! {
            read = device.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                if let Some(line) = request_line(&asked[..length]) {
                    loses = state.loses.lock().unwrap().take_if(|lost| line.starts_with(*lost)).is_some();
                    let mut exchanges = state.exchanges.lock().unwrap();
                    exchange = exchanges.len();
                    exchanges.push((line, 0));
                }
                if cloud.write_all(&asked[..length]).await.is_err() { return }
            }
            read = cloud.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if loses {
                    state.is_cut.send_replace(true);
                    return;
                }
                state.exchanges.lock().unwrap()[exchange].1 += length;
                if device.write_all(&answered[..length]).await.is_err() { return }
            }
            _ = is_cut.changed() => return,
        }
    }
}

/// The first line of a request that begins here.
fn request_line(bytes: &[u8]) -> Option<String> {
    let is_begin = [&b"GET "[..], b"POST "].iter().any(|method| bytes.starts_with(method));
    let line = bytes.split(|byte| *byte == b'\r').next().filter(|_| is_begin)?;
    Some(String::from_utf8_lossy(line).into_owned())
}
