//! How long to wait before a connection is tried again.

use std::time::Duration;

/// Exponential with full jitter: a restarted daemon is not met by all its clients at once.
pub(crate) struct Backoff {
    least: Duration,
    most: Duration,
    /// Failures in a row.
    pub(crate) attempts: u32,
}

impl Backoff {
    pub(crate) fn new(is_loopback: bool) -> Self {
        let (least, most) = if is_loopback { (100, 5_000) } else { (1_000, 300_000) };
        Self { least: Duration::from_millis(least), most: Duration::from_millis(most), attempts: 0 }
    }

    /// Between nothing and a ceiling that doubles with each failure. `chance` only spreads clients, so the keys that
    /// the standard library draws for its hash maps are random enough.
    pub(crate) fn delay(&mut self, chance: u64) -> Duration {
        let ceiling = self.least.saturating_mul(1 << self.attempts.min(16)).min(self.most);
        self.attempts = self.attempts.saturating_add(1);
        ceiling.mul_f64(chance as f64 / u64::MAX as f64)
    }
}
