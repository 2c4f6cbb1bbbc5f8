//! Rules and records: how a profile is merged, what a policy decides, what is stored and how. No HTTP, no sockets.

pub mod access;
pub mod ambient;
pub mod beta;
pub mod edit;
pub mod origin;
pub mod profile;
pub mod queued;
pub mod store;
