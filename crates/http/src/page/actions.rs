//! What the forms of the page do: each calls the API and leads back to the page, with a notice where there is one to give.
//! The guard lets nobody else send them.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use usher_wire::{
    Auth0User, Auth0UserMetadata, Caller, Code, Error, Result, Secret, SignInRedirect, SignInRequest,
};

use super::notices::Notice;
use crate::body::Form;
use crate::caller::From;
use crate::router::App;

/// An account of this device.
#[derive(Deserialize)]
pub(super) struct Account {
    user: String,
}

/// Who signs in without a provider.
#[derive(Deserialize)]
pub(super) struct Local {
    name: String,
    email: String,
}

/// A sign-in that runs.
#[derive(Deserialize)]
pub(super) struct Running {
    sign_in: String,
}

/// The same, with the address a browser ended on.
#[derive(Deserialize)]
pub(super) struct Pasted {
    sign_in: String,
    url: Secret,
}

pub(super) async fn switch(
    State(app): State<App>,
    From(caller): From,
    Form(Account { user }): Form<Account>,
) -> Response {
    let switching = async {
        // An id that nobody has any more would make an account.
        app.api.users_specific_user_snapshot(&caller, &user).await?;
        let named = serde_json::json!({ "global_id": user });
        let metadata: Auth0UserMetadata =
            serde_json::from_value(named).map_err(|error| Error::new(Code::Internal, error.to_string()))?;
        let user = Auth0User { user_metadata: Some(metadata), ..Auth0User::default() };
        app.api.select_user(&caller, Some(user)).await
    };
    back(&app, switching.await.map(|_| Some("You switched accounts.")))
}

pub(super) async fn sign_out(
    State(app): State<App>,
    From(caller): From,
    Form(Account { user }): Form<Account>,
) -> Response {
    let signing_out = async {
        // The button was about somebody, who may not be the one any more.
        if is_current(&app, &caller, &user).await? {
            app.api.sign_out_of_os(&caller).await.map(drop)
        } else {
            Err(Error::new(
                Code::Conflict,
                "somebody else is signed in by now: look again, nothing was changed",
            ))
        }
    };
    back(&app, signing_out.await.map(|()| Some("You signed out. Your account stays on this machine.")))
}

async fn is_current(app: &App, caller: &Caller, user: &str) -> Result<bool> {
    let present = app.api.user_snapshot(caller).await?;
    Ok(present.user.as_ref().is_some_and(|current| current.id == user))
}

pub(super) async fn remove(
    State(app): State<App>,
    From(caller): From,
    Form(Account { user }): Form<Account>,
) -> Response {
    let removed = app.api.users_disconnect_user(&caller, &user).await;
    back(&app, removed.map(|_| Some("The account was removed from this machine.")))
}

pub(super) async fn local(
    State(app): State<App>,
    From(caller): From,
    Form(Local { name, email }): Form<Local>,
) -> Response {
    let signing_in = async {
        let (name, email) = (name.trim(), email.trim());
        // Without any of them the API would select who was here last.
        if name.is_empty() || email.is_empty() {
            return Err(Error::new(
                Code::InvalidValue,
                "a local account needs a name and an e-mail address: enter both",
            ));
        }
        let user =
            Auth0User { name: Some(name.to_owned()), email: Some(email.to_owned()), ..Auth0User::default() };
        app.api.select_user(&caller, Some(user)).await
    };
    back(&app, signing_in.await.map(|_| Some("You are signed in.")))
}

pub(super) async fn sign_in(
    State(app): State<App>,
    From(caller): From,
    Form(request): Form<SignInRequest>,
) -> Response {
    // Where it stands is on the page.
    back(&app, app.api.start_sign_in(&caller, request).await.map(|_| None))
}

pub(super) async fn paste(
    State(app): State<App>,
    From(caller): From,
    Form(Pasted { sign_in, url }): Form<Pasted>,
) -> Response {
    back(&app, app.api.paste_into_sign_in(&caller, &sign_in, SignInRedirect { url }).await.map(|_| None))
}

pub(super) async fn cancel(
    State(app): State<App>,
    From(caller): From,
    Form(Running { sign_in }): Form<Running>,
) -> Response {
    back(&app, app.api.cancel_sign_in(&caller, &sign_in).await.map(|_| None))
}

/// Leads to the page, where going back or loading again repeats nothing. Without a notice, to how the sign-in stands.
fn back(app: &App, outcome: Result<Option<&'static str>>) -> Response {
    let notice = match outcome {
        Ok(None) => return Redirect::to("/#sign-in").into_response(),
        Ok(Some(words)) => Notice::Done(words),
        Err(error) => {
            if error.code == Code::Internal {
                tracing::error!(message = error.message, "a form failed");
            }
            Notice::Failed(error)
        }
    };
    Redirect::to(&format!("/?told={}", app.notices.put(notice))).into_response()
}
