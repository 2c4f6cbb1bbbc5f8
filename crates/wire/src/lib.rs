//! Wire models of the Pieces OS User API: what clients send and what they accept.
//!
//! Optional members may be absent or `null`, unknown members are ignored, and an enum value that
//! is not known reads as `UNKNOWN`. Nothing in this crate performs I/O, reads the clock or draws
//! random numbers.

#[macro_use]
mod enums;

pub mod account;
pub mod allocation;
pub mod api;
pub mod auth0;
pub mod beta;
pub mod checked_in;
pub mod configuration;
pub mod connect;
pub mod delta;
pub mod entities;
pub mod error;
pub mod feature;
pub mod model_enums;
pub mod pkce;
pub mod present;
pub mod providers;
pub mod secret;
pub mod sign_in;
pub mod status;
pub mod subscriptions;
pub mod time;
pub mod trust;
pub mod update;
pub mod user;

pub use account::*;
pub use allocation::*;
pub use api::*;
pub use auth0::*;
pub use beta::*;
pub use checked_in::*;
pub use configuration::*;
pub use connect::*;
pub use delta::*;
pub use entities::*;
pub use enums::*;
pub use error::*;
pub use feature::*;
pub use model_enums::*;
pub use pkce::*;
pub use present::*;
pub use providers::*;
pub use secret::*;
pub use sign_in::*;
pub use status::*;
pub use subscriptions::*;
pub use time::*;
pub use trust::*;
pub use update::*;
pub use user::*;
