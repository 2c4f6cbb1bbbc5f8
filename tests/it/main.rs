//! The one integration binary: callers from outside, each against its own daemon.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a helper of a test fails as a test does")]

mod architecture;
mod cli;
mod cloud;
mod contract;
mod daemon;
mod fuzz;
mod guard;
mod http;
mod limits;
#[cfg(target_os = "linux")]
mod namespace;
mod oidc;
mod openapi;
mod page;
#[cfg(target_os = "linux")]
mod process;
mod raw;
mod socket;
mod step;
mod steps;
mod streams;
mod trouble;
