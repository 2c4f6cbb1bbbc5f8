//! What operators see of a node: its numbers, and whether it is ready.

use anyhow::Context;
use async_trait::async_trait;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use usher_cloud::Cloud;
use usher_http::Watched;
use usher_wire::Error;

/// Seconds in which requests and statements are sorted.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// A node that is looked at.
pub(super) struct Watch {
    cloud: Cloud,
    numbers: PrometheusHandle,
}

impl Watch {
    /// Begins to count. Once in a process.
    pub(super) fn new(cloud: Cloud) -> anyhow::Result<Self> {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
            .context("buckets of numbers")?;
        let numbers = builder.install_recorder().context("numbers cannot be counted")?;
        let gauge = metrics::gauge!("usher_info", "version" => env!("CARGO_PKG_VERSION"));
        gauge.set(1);
        Ok(Self { cloud, numbers })
    }
}

#[async_trait]
impl Watched for Watch {
    fn metrics(&self) -> String {
        self.numbers.run_upkeep();
        self.numbers.render()
    }

    async fn ready(&self) -> Result<(), Error> {
        self.cloud.ready().await
    }
}
