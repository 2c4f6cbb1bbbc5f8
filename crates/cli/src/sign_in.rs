//! `login` with an identity provider: shows where to go, waits for the end of the sign-in, and says how it ended.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use tokio::sync::oneshot;
use tokio::time::interval;
use usher_client::Client;
use usher_wire::{
    Caller, Code, SignIn, SignInMethodEnum, SignInRedirect, SignInRequest, SignInStateEnum, UserApi,
    UserProfile,
};

use crate::failure::Failure;
use crate::print::{self, clean};

/// How often the sign of waiting moves.
const TURN: Duration = Duration::from_millis(120);

/// Signs in and answers who did.
pub(crate) async fn sign_in(client: &Client, request: SignInRequest) -> anyhow::Result<UserProfile> {
    let caller = Caller::default();
    // Listened for from the first moment, so that no sign-in is left behind.
    let mut interrupted = tokio::spawn(tokio::signal::ctrl_c());
    let started = tokio::select! {
        started = client.start_sign_in(&caller, request) => started,
        _ = &mut interrupted => return Err(Failure::error("interrupted before the sign-in began", "`usher login` starts it")),
    };
    let started = match started {
        Err(error) if error.code == Code::NotAvailableHere => {
            return Err(Failure::error(
                "this installation has no identity provider to sign in with",
                "`usher login --local --name NAME --email EMAIL` makes a local account",
            ));
        }
        started => started.context("cannot sign in")?,
    };
    show(&started);
    let states = client.stream_sign_in(&caller, &started.id).await.context("cannot follow the sign-in")?;
    let ended = tokio::select! {
        ended = wait(client, states, &started) => ended?,
        _ = interrupted => client.cancel_sign_in(&caller, &started.id).await?,
    };
    match (&ended.failure, &ended.user) {
        (None, Some(user)) => Ok(client.users_specific_user_snapshot(&caller, user).await?),
        (Some(failure), _) => Err(Failure::error(
            format!("not signed in: {}", clean(&failure.message)),
            clean(&failure.next_step),
        )),
        (None, None) => {
            Err(Failure::error("not signed in: the sign-in is not over", "`usher login` joins it again"))
        }
    }
}

/// Where to go. The address is told even when a browser was opened: nobody knows whether it can be seen.
fn show(sign_in: &SignIn) {
    let Some(url) = sign_in.url.as_deref().map(clean) else { return };
    let Some(code) = sign_in.user_code.as_deref().map(clean) else {
        let opened = if sign_in.opened { "your browser was opened; if you cannot see it, go" } else { "go" };
        print::say(format_args!("to sign in, {opened} to\n\n  {url}\n"));
        if sign_in.method == SignInMethodEnum::Paste {
            print::say(
                "the browser ends on an address of this machine, which may show nothing: paste it here",
            );
        }
        return;
    };
    print::say(format_args!(
        "to sign in, go to\n\n  {url}\n\non any device, and type in the code\n\n  {code}\n"
    ));
    if let Some(direct) = sign_in.url_with_code.as_deref() {
        print::say(format_args!("or go to {}", clean(direct)));
        let drawn = QrCode::new(direct).ok().filter(|_| std::io::stderr().is_terminal());
        if let Some(qr) = drawn {
            print::say(
                qr.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build(),
            );
        }
    }
}

/// The end of the sign-in. Meanwhile a pasted address is handed over, if that is how it goes on.
async fn wait(
    client: &Client,
    mut states: BoxStream<'static, SignIn>,
    started: &SignIn,
) -> anyhow::Result<SignIn> {
    let mut now = started.clone();
    let mut pasted = (started.method == SignInMethodEnum::Paste && !started.state.is_end()).then(read_line);
    let mut sign = Waiting::default();
    let mut turn = interval(TURN);
    while !now.state.is_end() {
        tokio::select! {
            state = states.next() => match state {
                Some(state) => now = state,
                None => return Err(Failure::error("the daemon stopped before the sign-in ended", "`usher login` starts another one")),
            },
            line = async { pasted.as_mut()?.await.ok() }, if pasted.is_some() => {
                pasted = None;
                let redirect = SignInRedirect { url: line.unwrap_or_default().into() };
                if let Err(error) = client.paste_into_sign_in(&Caller::default(), &now.id, redirect).await {
                    client.cancel_sign_in(&Caller::default(), &now.id).await?;
                    return Err(error).context("cannot sign in with this address");
                }
            }
            _ = turn.tick() => sign.turn(now.state),
        }
    }
    sign.clear();
    Ok(now)
}

/// The next line of standard input. A thread of its own: the end of the program does not wait for it.
fn read_line() -> oneshot::Receiver<String> {
    let (tell, line) = oneshot::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        // What cannot be read is an empty line, which is no address.
        drop(std::io::stdin().read_line(&mut text));
        drop(tell.send(text));
    });
    line
}

/// A sign that something goes on, on a terminal only.
#[derive(Default)]
struct Waiting {
    turns: usize,
}

impl Waiting {
    fn turn(&mut self, state: SignInStateEnum) {
        let what = match state {
            SignInStateEnum::WaitingForBrowser => "waiting for the browser",
            SignInStateEnum::WaitingForCode => "waiting for the code",
            _ => "signing in",
        };
        self.write(&format!("\r{} {what} ", ["|", "/", "-", "\\"][self.turns % 4]));
        self.turns += 1;
    }

    fn clear(&self) {
        self.write("\r                            \r");
    }

    fn write(&self, text: &str) {
        let mut stderr = std::io::stderr();
        if stderr.is_terminal() {
            drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
        }
    }
}
