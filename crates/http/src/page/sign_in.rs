//! The part of the page that is about signing in: how one can, where the sign-in that runs stands, and why the last one
//! did not succeed.

use maud::{Markup, html};
use usher_wire::{Issuer, SignIn, SignInMethodEnum as Method, SignInStateEnum as State};

use super::view::{time, words};
use super::{CANCEL, LOCAL, Now, PASTE, SIGN_IN};

pub(super) fn part(now: &Now) -> Markup {
    let running = now.sign_in.as_ref().filter(|sign_in| !sign_in.state.is_end());
    html! {
        section aria-labelledby="sign-in" data-sign-in=[running.map(|sign_in| &sign_in.id)] {
            h2 #sign-in tabindex="-1" {
                @if running.is_some() { "Signing in" }
                @else if now.user.is_some() { "Add an account" }
                @else { "Sign in" }
            }
            @match (running, &now.sign_in) {
                (Some(sign_in), _) => (stands(sign_in, &called(&now.issuers, &sign_in.issuer))),
                (None, last) => {
                    @if let Some(last) = last { (ended(last)) }
                    @if now.issuers.is_empty() { (local()) }
                    @for (index, issuer) in now.issuers.iter().enumerate() { (provider(index, issuer)) }
                }
            }
        }
    }
}

/// What people call a provider: its name, or else its URL.
fn called(issuers: &[Issuer], url: &str) -> String {
    let issuer = issuers.iter().find(|issuer| issuer.url == url);
    issuer.and_then(|issuer| issuer.name.clone()).unwrap_or_else(|| url.to_owned())
}

fn provider(index: usize, issuer: &Issuer) -> Markup {
    let name = issuer.name.as_deref().unwrap_or(&issuer.url);
    html! {
        form .choices method="post" action=(SIGN_IN) {
            input type="hidden" name="issuer" value=(issuer.url);
            button #{ "browser-" (index) } .first name="method" value=(Method::Browser.as_str()) {
                "Sign in with " bdi { (name) }
            }
            button #{ "device-" (index) } name="method" value=(Method::Device.as_str()) {
                "Use a code on another device" span .hidden { " (" bdi { (name) } ")" }
            }
        }
    }
}

fn local() -> Markup {
    html! {
        form .fields method="post" action=(LOCAL) {
            label for="name" { "Name" }
            input #name name="name" required maxlength="200" autocomplete="name";
            label for="email" { "E-mail" }
            input #email name="email" type="email" required maxlength="254" autocomplete="email";
            button #local .first { "Sign in to a local account" }
            p .muted { "The account is kept on this machine. An e-mail that is known here selects its account." }
        }
    }
}

/// The sign-in that runs.
fn stands(sign_in: &SignIn, name: &str) -> Markup {
    html! {
        p #state data-say { (state(sign_in, name)) }
        @match (&sign_in.user_code, &sign_in.url) {
            (Some(code), Some(url)) => {
                p { "1. Open " (link(sign_in.url_with_code.as_deref().unwrap_or(url), url)) " on any device." }
                p { "2. Compare the code, or enter it: " code #code .code { (code) } }
            }
            (None, Some(url)) => {
                @if sign_in.opened { p { "A browser was told to open it. If it did not:" } }
                p { (link(url, &format!("Continue to {name}"))) }
                (pasting(sign_in))
            }
            (_, None) => {}
        }
        @if let Some(expires) = &sign_in.expires { p .muted { "It ends by itself: " (time(expires)) "." } }
        form method="post" action=(CANCEL) {
            input type="hidden" name="sign_in" value=(sign_in.id);
            button #cancel { "Cancel the sign-in" }
        }
    }
}

fn state(sign_in: &SignIn, name: &str) -> Markup {
    html! {
        @match sign_in.state {
            State::WaitingForBrowser if sign_in.url.is_some() => { "Waiting for you to sign in at " bdi { (name) } "." }
            State::WaitingForCode => { "Waiting for you to enter a code at " bdi { (name) } "." }
            State::Exchanging => { "Asking " bdi { (name) } " whether you signed in." }
            State::LoadingProfile => { "Loading your profile from " bdi { (name) } "." }
            _ => { "Looking for " bdi { (name) } "." }
        }
    }
}

/// Only addresses of the web lead anywhere: a provider chooses them.
fn link(url: &str, text: &str) -> Markup {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    html! {
        @if is_web {
            a #continue href=(url) target="_blank" rel="noopener noreferrer" {
                bdi { (text) } span .hidden { " (opens another tab)" }
            }
        } @else { bdi { (text) } }
    }
}

fn pasting(sign_in: &SignIn) -> Markup {
    html! {
        details #pasting {
            summary #unfold-pasting { "The browser ends on a page that cannot be reached?" }
            form .fields method="post" action=(PASTE) {
                input type="hidden" name="sign_in" value=(sign_in.id);
                label for="url" { "Address of that page, whole" }
                input #url name="url" required inputmode="url" autocomplete="off" spellcheck="false";
                button #paste { "Go on with this address" }
            }
        }
    }
}

/// Why the last sign-in did not succeed. Nothing is told of one that did.
fn ended(last: &SignIn) -> Markup {
    let Some(failure) = &last.failure else { return html! {} };
    let what = match last.state {
        State::Cancelled => "The sign-in was cancelled",
        State::Expired => "The sign-in took too long",
        _ => "The sign-in failed",
    };
    html! { p #state .notice.error data-say { strong { (what) } ": " (words(&failure.to_string())) "." } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_web_or_nowhere() {
        assert!(link("https://id.example.org/?a=\"&b", "go").into_string().contains("a=&quot;&amp;b\""));
        for url in ["javascript:alert(1)", "data:text/html,x", "//evil.test", "file:///etc/passwd"] {
            assert!(!link(url, "go").into_string().contains("href"), "{url}");
        }
    }
}
