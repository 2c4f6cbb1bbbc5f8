//! What keeps callers apart: other users of the machine, the Unix socket, how much one caller may hold, and what nobody
//! may ever learn. Each of these fails when its protection is taken out.

#[cfg(unix)]
mod data_dir;
#[cfg(unix)]
mod secrets;
mod sizes;
#[cfg(unix)]
mod socket;
mod streams;

#[cfg(target_os = "linux")]
mod connections;
#[cfg(target_os = "linux")]
mod dumps;
#[cfg(target_os = "linux")]
mod flood;
#[cfg(target_os = "linux")]
mod other_user;
#[cfg(target_os = "linux")]
mod users;

use serde_json::Value;

use crate::http::get;

/// Every operation of the daemon's document, as method and path with `id` for whatever a path names.
fn operations(url: &str, id: &str) -> Vec<(String, String, Value)> {
    let document = get(url, "/openapi.json").json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path: Vec<_> =
            path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect();
        for (method, about) in item.as_object().unwrap() {
            operations.push((method.to_uppercase(), path.join("/"), about.clone()));
        }
    }
    assert!(operations.len() >= 40, "{operations:?}");
    operations
}

/// Whether an operation is answered on a WebSocket, whatever the state. One of a sign-in needs a sign-in.
fn is_stream(about: &Value) -> bool {
    about["responses"].get("101").is_some() && about["responses"].get("404").is_none()
}
