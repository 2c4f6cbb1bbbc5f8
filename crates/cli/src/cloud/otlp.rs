//! Traces for operators who collect them: each request as a span of OpenTelemetry, sent by OTLP over HTTP. The source is the
//! line that is logged for a request, so what is not logged is not sent either.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use url::Url;

/// How long a collector may take for one batch.
const WITHIN: Duration = Duration::from_secs(5);

/// Where spans go. Call [`Traces::end`] so that the last ones get there.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends to the collector at this address from a thread of its own.
    pub(super) fn start(collector: &Url, runtime: &Handle) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(WITHIN).build().context("HTTPS cannot be set up")?;
        let link = Link { client, runtime: runtime.clone(), is_broken: AtomicBool::new(false) };
        let address = format!("{}/v1/traces", collector.as_str().trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(link)
            .with_endpoint(address)
            .with_timeout(WITHIN)
            .build()
            .context("traces cannot be sent")?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("usher-cloud").with_attribute(version).build();
        let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter);
        Ok(Self(provider.build()))
    }

    /// What makes spans of the lines of the log.
    pub(super) fn layer<S: Subscriber>(&self) -> impl Layer<S> + use<S> {
        Spans { tracer: self.0.tracer("usher") }
    }

    /// Sends what waits. Blocks.
    pub(super) fn end(&self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

struct Spans {
    tracer: SdkTracer,
}

impl<S: Subscriber> Layer<S> for Spans {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() != usher_http::REQUESTS {
            return;
        }
        let mut line = Line::default();
        event.record(&mut line);
        let ended = opentelemetry::time::now();
        let attributes = [
            KeyValue::new("http.request.method", line.method.clone()),
            KeyValue::new("http.route", line.route.clone()),
            KeyValue::new("http.response.status_code", line.status),
            KeyValue::new("usher.request.id", line.id.clone()),
        ];
        let builder = SpanBuilder::from_name(format!("{} {}", line.method, line.route))
            .with_kind(SpanKind::Server)
            .with_start_time(ended - Duration::from_micros(line.micros))
            .with_attributes(attributes);
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &line);
        let mut span = self.tracer.build_with_context(builder, &parent);
        if line.status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(ended);
    }
}

/// The fields of a line.
#[derive(Default)]
struct Line {
    method: String,
    route: String,
    status: i64,
    micros: u64,
    id: String,
    parent: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        let place = match field.name() {
            "method" => &mut self.method,
            "route" => &mut self.route,
            "id" => &mut self.id,
            "traceparent" => &mut self.parent,
            _ => return,
        };
        value.clone_into(place);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "micros" => self.micros = value,
            "status" => self.status = i64::try_from(value).unwrap_or_default(),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// The trace a caller is in (W3C Trace Context).
impl Extractor for Line {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.parent.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

/// The way to the collector. What happens to it is said once and not for each batch.
#[derive(Debug)]
struct Link {
    client: reqwest::Client,
    runtime: Handle,
    is_broken: AtomicBool,
}

#[async_trait]
impl HttpClient for Link {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), reqwest::Request::try_from(request)?);
        // Whoever asks is a thread without a runtime.
        let exchange = self.runtime.spawn(async move {
            let answer = client.execute(request).await?.error_for_status()?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let outcome = exchange.await?;
        let was_broken = self.is_broken.swap(outcome.is_err(), Ordering::Relaxed);
        match &outcome {
            Err(error) if !was_broken => tracing::warn!(%error, "traces cannot be sent and are dropped"),
            Ok(_) if was_broken => tracing::info!("traces can be sent again"),
            _ => {}
        }
        let (status, body) = outcome?;
        Ok(Response::builder().status(status).body(body)?)
    }
}
