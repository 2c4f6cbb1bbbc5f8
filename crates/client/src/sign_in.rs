//! Watching a sign-in: each state until its end.

use futures_util::stream::{BoxStream, StreamExt, unfold};
use usher_wire::SignIn;

use crate::http::path;
use crate::stream::message;
use crate::{Caller, Client, Result};

impl Client {
    /// The present state first, then each change. Ends after the end of the sign-in, or with the connection: a daemon
    /// that stops takes its sign-ins with it.
    pub(crate) async fn follow_sign_in(
        &self,
        caller: &Caller,
        sign_in: &str,
    ) -> Result<BoxStream<'static, SignIn>> {
        let (socket, _) = self.open(caller, &path(&["sign-in", sign_in, "stream"])?, None).await?;
        let states = unfold(socket, |mut socket| async move {
            let message = message(&mut socket).await.ok()?;
            let state: SignIn = serde_json::from_slice(&message).ok()?;
            Some((state, socket))
        });
        Ok(states.boxed())
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::ws::{Message, WebSocketUpgrade};
    use axum::{Router, routing::get};
    use serde_json::json;
    use usher_wire::{SignInStateEnum, UserApi};

    use super::*;
    use crate::testing::client_of;

    #[tokio::test]
    async fn states_are_told_until_the_end() {
        let accept = get(|upgrade: WebSocketUpgrade| async move {
            upgrade.on_upgrade(|mut socket| async move {
                for state in ["waiting_for_browser", "from_the_future", "done"] {
                    let state = json!({ "id": "i", "state": state, "method": "browser", "issuer": "x", "opened": true });
                    let _ = socket.send(Message::text(state.to_string())).await;
                }
            })
        });
        let client = client_of(Router::new().route("/sign-in/i/stream", accept)).await;
        let states = client.stream_sign_in(&Caller::default(), "i").await.unwrap();
        let states: Vec<_> = states.map(|state| state.state).collect().await;
        assert_eq!(
            states,
            [SignInStateEnum::WaitingForBrowser, SignInStateEnum::Unknown, SignInStateEnum::Done]
        );
    }
}
