//! What holds for whatever comes from outside, as functions of bytes that panic where it does not hold. libFuzzer runs
//! them from `fuzz_targets`, and `tests/it/fuzz.rs` runs them on stable.

mod access;
mod guard;
mod merge;
mod wire;

pub use access::access;
pub use guard::guard;
pub use merge::merge;
pub use wire::wire;
