//! The HTTP face: routes, guard, streams, errors, the OpenAPI document. It knows the API only as the trait `UserApi`, so a
//! device and a cloud have every line of it in common.

mod answer;
mod body;
mod callback;
mod caller;
mod connections;
mod cors;
mod docs;
mod error;
mod guard;
mod network;
mod openapi;
mod page;
mod panics;
mod peers;
mod router;
mod routes;
mod server;
mod shim;
mod stream;
mod tls;
mod watch;

pub use axum::http::HeaderValue;
pub use guard::{Guard, Mode};
pub use network::{Network, Public};
pub use openapi::openapi_json;
pub use panics::log_panics;
pub use peers::{Listener, Peer, Peers};
pub use server::{Limits, Server};
pub use tls::{Tls, TlsError};
pub use watch::{REQUESTS, Watched};
