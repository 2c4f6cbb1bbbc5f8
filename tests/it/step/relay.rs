//! What stands between a device and its cloud: it loses answers, holds up streams, cuts connections, and remembers what was
//! asked and how much came back.

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

/// What a proxy says that has lost its way to the cloud.
const NO_SUCH_PATH: &[u8] =
    b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\ndefault backend - 404";

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
    /// How the requests begin that do not get through.
    blocks: Mutex<Option<&'static str>>,
    /// How the requests begin that something in between answers, which knows no such path.
    refuses: Mutex<Option<&'static str>>,
    /// Whether what streams tell is held up.
    holds: watch::Sender<bool>,
    exchanges: Mutex<Vec<Exchange>>,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    /// Its head.
    pub(super) asked: String,
    /// How many bytes came back.
    pub(super) bytes: usize,
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
            blocks: Mutex::default(),
            refuses: Mutex::default(),
            holds: watch::Sender::new(false),
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

    /// Requests that begin like this do not get through, until the next word.
    pub(super) fn block(&self, request: Option<&'static str>) {
        *self.state.blocks.lock().unwrap() = request;
    }

    /// Requests that begin like this are answered by something in between, until the next word.
    pub(super) fn refuse(&self, request: Option<&'static str>) {
        *self.state.refuses.lock().unwrap() = request;
    }

    /// Holds up what streams tell, or lets it go.
    pub(super) fn hold(&self, holds: bool) {
        self.state.holds.send_replace(holds);
    }

    /// Ends all connections, and every new one at once.
    pub(super) fn cut(&self) {
        self.state.is_cut.send_replace(true);
    }

    /// Lets through again.
    pub(super) fn mend(&self) {
        self.state.is_cut.send_replace(false);
    }

    /// The requests that begin like this.
    pub(super) fn exchanges(&self, request: &str) -> Vec<Exchange> {
        let exchanges = self.state.exchanges.lock().unwrap();
        exchanges.iter().filter(|exchange| exchange.asked.starts_with(request)).cloned().collect()
    }
}

async fn relay(state: Arc<State>, mut device: TcpStream) {
    let (mut is_cut, mut holds) = (state.is_cut.subscribe(), state.holds.subscribe());
    if *is_cut.borrow_and_update() {
        return;
    }
    let Ok(mut cloud) = TcpStream::connect(state.cloud).await else { return };
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut exchange, mut loses, mut is_stream) = (0, false, false);
    loop {
        let is_held = is_stream && *holds.borrow_and_update();
        tokio::select! {
            read = device.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                if let Some(head) = head(&asked[..length]) {
                    if state.blocks.lock().unwrap().is_some_and(|blocked| head.starts_with(blocked)) { return }
                    if state.refuses.lock().unwrap().is_some_and(|refused| head.starts_with(refused)) {
                        drop(device.write_all(NO_SUCH_PATH).await);
                        return;
                    }
                    loses = state.loses.lock().unwrap().take_if(|lost| head.starts_with(*lost)).is_some();
                    is_stream = head.starts_with("GET /user/stream");
                    let mut exchanges = state.exchanges.lock().unwrap();
                    exchange = exchanges.len();
                    exchanges.push(Exchange { asked: head, bytes: 0 });
                }
                if cloud.write_all(&asked[..length]).await.is_err() { return }
            }
            read = cloud.read(&mut answered), if !is_held => {
                let Ok(length @ 1..) = read else { return };
                if loses {
                    state.is_cut.send_replace(true);
                    return;
                }
                state.exchanges.lock().unwrap()[exchange].bytes += length;
                if device.write_all(&answered[..length]).await.is_err() { return }
            }
            _ = is_cut.changed() => return,
            _ = holds.changed() => {}
        }
    }
}

/// The head of a request that begins here.
fn head(bytes: &[u8]) -> Option<String> {
    let is_begin = [&b"GET "[..], b"POST "].iter().any(|method| bytes.starts_with(method));
    let text = String::from_utf8_lossy(bytes);
    let head = text.split("\r\n\r\n").next().filter(|_| is_begin)?;
    Some(head.to_owned())
}
