//! The clock and the random source, passed as an argument so that tests can move time and name ids.

use std::sync::Arc;

use usher_wire::Timestamp;
use uuid::Uuid;

/// What a computation takes from its surroundings.
#[derive(Clone)]
pub struct Ambient {
    clock: Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>,
    ids: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

impl Ambient {
    /// From a clock and a source of fresh uuids.
    pub fn new(
        clock: impl Fn() -> jiff::Timestamp + Send + Sync + 'static,
        ids: impl Fn() -> Uuid + Send + Sync + 'static,
    ) -> Self {
        Self { clock: Arc::new(clock), ids: Arc::new(ids) }
    }

    /// The machine's clock and its random source.
    #[expect(clippy::disallowed_methods, reason = "the one place where the ambient ones are taken")]
    pub fn of_this_machine() -> Self {
        Self::new(jiff::Timestamp::now, Uuid::now_v7)
    }

    /// The present, to the millisecond.
    pub fn now(&self) -> Timestamp {
        Timestamp::new((self.clock)())
    }

    /// A fresh id.
    pub fn uuid(&self) -> Uuid {
        (self.ids)()
    }

    /// Bytes nobody can guess, always from the system: a key that a test could name would be no key.
    pub fn secret<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("the system has a random source, or nothing on it is safe");
        bytes
    }
}

impl std::fmt::Debug for Ambient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ambient")
    }
}
