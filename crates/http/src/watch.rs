//! What operators see of a service: a line and some numbers for each request, and on a listener of their own the numbers
//! for Prometheus, and whether it is alive and ready.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use axum::extract::{MatchedPath, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use usher_wire::{Code, Error};

use crate::routes::Answer;

/// Characters of a `traceparent`: version, trace, span and flags in hexadecimal.
const TRACEPARENT: usize = 55;

/// What can be asked of a service by who runs it.
#[async_trait]
pub trait Watched: Send + Sync + 'static {
    /// The numbers, as Prometheus reads them.
    fn metrics(&self) -> String;
    /// Whether requests can be answered; if not, why.
    async fn ready(&self) -> Result<(), Error>;
}

/// `/metrics`, `/health` and `/ready`.
pub(crate) fn router(watched: Arc<dyn Watched>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(|| async { "ok" }))
        .route("/ready", get(ready))
        .layer(axum::middleware::map_response(async |response: Response| (Extension(Unseen), response)))
        .with_state(watched)
}

/// On answers to operators, who are not among those that are counted.
#[derive(Clone)]
pub(crate) struct Unseen;

async fn metrics(State(watched): State<Arc<dyn Watched>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], watched.metrics()).into_response()
}

async fn ready(State(watched): State<Arc<dyn Watched>>) -> Answer {
    let ready = watched.ready().await;
    ready.map_err(|error| Error::new(Code::NotReady, error.message))?;
    Ok("ready".into_response())
}

/// Leaves on the answer which route it was; `{id}` instead of an id.
pub(crate) async fn name_route(request: axum::extract::Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

/// The target of the lines that say how requests ended: `method`, `route`, `status`, `micros`, the request's `id`, and the
/// `traceparent` it came with (W3C Trace Context).
pub const REQUESTS: &str = "usher::request";

/// A request being answered.
pub(crate) struct Request {
    id: String,
    method: Method,
    parent: Option<Box<str>>,
    begun: Instant,
}

impl Request {
    pub(crate) fn begins<B>(request: &axum::http::Request<B>, id: String) -> Self {
        let parent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
        // Nothing else gets into the log this way.
        let is_one = |text: &&str| {
            text.len() == TRACEPARENT && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
        };
        let parent = parent.filter(is_one).map(Box::from);
        Self { id, method: request.method().clone(), parent, begun: Instant::now() }
    }

    pub(crate) fn id(&self) -> String {
        self.id.clone()
    }

    /// Writes down how it ended, under the id that the answer carries. No address, no token, no body: a log is read by
    /// many.
    pub(crate) fn ends(&self, response: &mut Response) {
        if response.extensions().get::<Unseen>().is_some() {
            return;
        }
        let route = response.extensions().get::<MatchedPath>();
        let route = route.map_or("none", MatchedPath::as_str).to_owned();
        let (status, taken) = (response.status().as_u16(), self.begun.elapsed());
        // Methods are whatever a client writes; the ones served are few.
        let method = match self.method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::DELETE => "DELETE",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        let (id, traceparent) = (self.id.as_str(), self.parent.as_deref());
        if let Ok(id) = HeaderValue::from_str(id) {
            response.headers_mut().insert("x-request-id", id);
        }
        metrics::counter!("usher_requests_total", "method" => method, "route" => route.clone(), "status" => status.to_string())
            .increment(1);
        metrics::histogram!("usher_request_seconds", "method" => method, "route" => route.clone())
            .record(taken.as_secs_f64());
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            tracing::info!(target: REQUESTS, method, route, status, id, traceparent, "stream");
        } else {
            let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
            tracing::info!(target: REQUESTS, method, route, status, micros, id, traceparent, "request");
        }
    }
}
