//! Bad input and bad luck: malformed requests, readers that never read, full disks, damaged files, ends without
//! warning. After each of them the daemon answers, and it holds what it held before.

mod bodies;
mod connections;
mod database;
mod every_post;
mod kill;
mod log;
mod members;
mod paths;
mod second;
mod starting;
mod stopping;

#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "linux")]
pub(crate) mod disk;
#[cfg(target_os = "linux")]
mod launched;
#[cfg(target_os = "linux")]
mod policies;
#[cfg(target_os = "linux")]
mod ports;
#[cfg(target_os = "linux")]
mod slow_reader;

use crate::{http, socket, steps::*};
#[cfg(target_os = "linux")]
use crate::{namespace, process};
