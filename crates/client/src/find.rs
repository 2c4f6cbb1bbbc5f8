//! Finding the daemon of this machine: the environment, the ports every client of the API tries, the fixed port.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use futures_util::{StreamExt, stream};

use crate::{Client, Code, Error, Place, Result, http};

/// Names the daemon to use; set, nothing is searched.
const VARIABLE: &str = "USHER_URL";
/// Names the data directory of the daemon to use.
#[cfg(unix)]
const DATA_DIR: &str = "USHER_DATA_DIR";
/// What every daemon answers from its first moment on.
const HEALTH: &str = "/.well-known/health";
/// How long a daemon may take to say that it is healthy. All clients of the API hold it to that.
const LIMIT: Duration = Duration::from_millis(100);
/// How many places are asked at once: the whole range of ports of one address.
const AT_ONCE: usize = 34;

impl Client {
    /// The daemon of this machine: the one `USHER_URL` names, else the first place that answers a health check.
    ///
    /// Places in order: the socket in the data directory (`USHER_DATA_DIR`, or the system's folder for local data), which
    /// nobody else can stand behind; 127.0.0.1 with ports 39300 to 39333, then port 1000, then the same of `[::1]`.
    ///
    /// ```no_run
    /// # async fn example() -> usher_client::Result<()> {
    /// let client = usher_client::Client::find().await?;
    /// println!("found at {}", client.url());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn find() -> Result<Self> {
        match std::env::var(VARIABLE) {
            Ok(url) if !url.is_empty() => Self::new(&url),
            _ => match behind_socket().await {
                Some(client) => Ok(client),
                None => find_among(places()).await,
            },
        }
    }
}

/// The daemon behind the socket of this user's data directory.
#[cfg(unix)]
async fn behind_socket() -> Option<Client> {
    let data_dir = std::env::var_os(DATA_DIR).map(PathBuf::from);
    let data_dir = data_dir.or_else(|| dirs::data_local_dir().map(|folder| folder.join("usher")))?;
    let client = Client::at(Place::of_socket(data_dir.join("usher.sock"))).ok()?;
    let health = client.http.head(format!("{}{HEALTH}", client.place.base)).timeout(LIMIT);
    health.send().await.is_ok_and(|answer| answer.status() == 200).then_some(client)
}

#[cfg(not(unix))]
async fn behind_socket() -> Option<Client> {
    None
}

fn places() -> impl Iterator<Item = SocketAddr> + Send {
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
        .into_iter()
        .flat_map(|address| (39300..=39333).chain([1000]).map(move |port| SocketAddr::new(address, port)))
}

async fn find_among(places: impl Iterator<Item = SocketAddr> + Send) -> Result<Client> {
    let http = http::transport(&Place::parse("http://127.0.0.1")?)?;
    let probes = places.map(|place| {
        let request = http.head(format!("http://{place}{HEALTH}")).timeout(LIMIT);
        async move { request.send().await.is_ok_and(|answer| answer.status() == 200).then_some(place) }
    });
    // `buffered` keeps the order of the places, however fast each answers.
    let mut healthy = stream::iter(probes).buffered(AT_ONCE).filter_map(std::future::ready).boxed();
    match healthy.next().await {
        Some(place) => Client::new(&format!("http://{place}")),
        None => Err(Error::new(Code::Unreachable, "no daemon answers on this machine: run `usher serve`")),
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};

    use super::*;
    use crate::testing::serve;

    fn healthy() -> Router {
        Router::new().route("/.well-known/health", get(|| async { "ok" }))
    }

    #[tokio::test]
    async fn the_first_healthy_place_in_order_wins() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let stranger = serve(Router::new()).await;
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (first, second) = (serve(healthy()).await, serve(healthy()).await);
        let places = [closed, stranger, silent.local_addr().unwrap(), first, second];
        let found = find_among(places.into_iter()).await.unwrap();
        assert_eq!(found.url(), format!("http://{first}"));
    }

    #[tokio::test]
    async fn nobody_there_ends_with_the_next_step() {
        let stranger = serve(Router::new()).await;
        let error = find_among([stranger].into_iter()).await.unwrap_err();
        assert_eq!(error.code, Code::Unreachable);
        assert!(error.message.ends_with("run `usher serve`"), "{error}");
    }

    #[test]
    fn places_are_in_the_documented_order() {
        let places: Vec<_> = places().map(|place| place.to_string()).collect();
        assert_eq!(places.len(), 70);
        assert_eq!((places[0].as_str(), places[33].as_str()), ("127.0.0.1:39300", "127.0.0.1:39333"));
        assert_eq!((places[34].as_str(), places[35].as_str()), ("127.0.0.1:1000", "[::1]:39300"));
        assert_eq!(places[69], "[::1]:1000");
    }
}
