//! The HTTP face: routes, guard, streams, errors, the OpenAPI document. It knows the API only as the trait `UserApi`, so a
//! device and a cloud have every line of it in common.

mod body;
mod caller;
mod docs;
mod error;
mod guard;
mod openapi;
mod router;
mod routes;
mod server;
mod shim;
mod stream;

pub use guard::Guard;
pub use openapi::openapi_json;
pub use server::Server;
