//! How the page looks. Every text of others is escaped by the template and set apart from its surroundings (`bdi`), and
//! nothing is loaded from anywhere else. Parts with `data-live` are those the script replaces.

use maud::{DOCTYPE, Markup, html};
use usher_wire::{Application, Error, GroupedTimestamp, SessionStatus, UserProfile};

use super::notices::Notice;
use super::{Now, REMOVE, SIGN_OUT, SWITCH, sign_in};

/// The whole page.
pub(super) fn page(now: &Now, notice: Option<&Notice>) -> Markup {
    let title = match notice {
        Some(Notice::Failed(_)) => "Error",
        Some(Notice::Done(_)) => "Done",
        None => "Accounts",
    };
    let content = html! {
        @if let Some(notice) = notice { (told(notice)) }
        div #part-who data-live { (who(now.user.as_ref())) }
        div #part-accounts data-live { (accounts(&now.others)) }
        div #part-sign-in data-live { (sign_in::part(now)) }
        div #part-connection data-live {
            @if now.user.is_some() { (connection(now.session.as_ref())) }
        }
        div #part-applications data-live { (applications(&now.applications)) }
    };
    document(title, &content)
}

/// The page before there is anything to show. The script loads it again when there is.
pub(super) fn starting() -> Markup {
    let content = html! {
        div #part-who data-live {
            h1 #who tabindex="-1" data-say { "Usher is starting" }
            p { "It opens its data, which takes a moment. " a #again href="/" { "Look again" } }
        }
        div #part-accounts data-live {}
        div #part-sign-in data-live {}
        div #part-connection data-live {}
        div #part-applications data-live {}
    };
    document("Starting", &content)
}

/// The page when the API does not answer.
pub(super) fn failed(error: &Error) -> Markup {
    document(
        "Error",
        &html! { h1 { "Usher cannot show this page" } p role="alert" { (words(&error.message)) } },
    )
}

fn document(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – Usher" }
                // Says that there is none, or the browser asks for one.
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/page/style.css";
                script src="/page/script.js" defer {}
            }
            body {
                header { p .brand { "Usher" } p { "One signed-in user for every tool on this machine" } }
                main {
                    p #offline role="status" {}
                    (content)
                    p #announced .hidden role="status" {}
                }
                footer { a href="/docs" { "The API" } }
            }
        }
    }
}

/// What came of a form. Focused, so that it is read first.
fn told(notice: &Notice) -> Markup {
    match notice {
        Notice::Done(words) => html! { p #notice .notice role="status" tabindex="-1" autofocus { (words) } },
        Notice::Failed(error) => html! {
            p #notice .notice.error role="alert" tabindex="-1" autofocus { strong { "Error: " } (words(&error.message)) }
        },
    }
}

fn who(user: Option<&UserProfile>) -> Markup {
    let Some(user) = user else {
        return html! { h1 #who tabindex="-1" data-say { "Nobody is signed in" } };
    };
    html! {
        h1 #who tabindex="-1" data-say { bdi { (name(user)) } " is signed in" }
        div .account {
            (portrait(user))
            (lines(user))
            form method="post" action=(SIGN_OUT) {
                input type="hidden" name="user" value=(user.id);
                button #sign-out { "Sign out" }
            }
        }
        (removal(user))
    }
}

fn accounts(others: &[UserProfile]) -> Markup {
    html! {
        @if !others.is_empty() {
            section aria-labelledby="accounts" {
                h2 #accounts tabindex="-1" { "Other accounts of this machine" }
                ul {
                    @for user in others {
                        li {
                            div .account {
                                (portrait(user))
                                (lines(user))
                                form method="post" action=(SWITCH) {
                                    input type="hidden" name="user" value=(user.id);
                                    button id={ "switch-" (user.id) } { "Switch" (about(user)) }
                                }
                            }
                            (removal(user))
                        }
                    }
                }
            }
        }
    }
}

/// Asks once more before an account goes, without a script.
fn removal(user: &UserProfile) -> Markup {
    html! {
        details id={ "removal-" (user.id) } {
            summary id={ "unfold-" (user.id) } { "Remove…" (about(user)) }
            form method="post" action=(REMOVE) {
                p { "Its profile and its sign-in are deleted from this machine. This cannot be taken back." }
                input type="hidden" name="user" value=(user.id);
                button .danger id={ "remove-" (user.id) } { "Remove this account" (about(user)) }
            }
        }
    }
}

/// Whom a button is about, for who does not see where it stands.
fn about(user: &UserProfile) -> Markup {
    html! {
        span .hidden {
            " (" bdi { (name(user)) }
            @if let Some(email) = &user.email { ", " bdi { (email) } }
            ")"
        }
    }
}

fn lines(user: &UserProfile) -> Markup {
    html! {
        div .lines {
            p { bdi { (name(user)) } }
            @for line in [&user.email, &user.username].into_iter().flatten() {
                @if *line != name(user) { p .muted { bdi { (line) } } }
            }
        }
    }
}

fn connection(session: Option<&SessionStatus>) -> Markup {
    html! {
        section aria-labelledby="connection" {
            h2 #connection tabindex="-1" { "Connection" }
            @match session {
                None => p data-say { "This account belongs to this machine alone and needs no connection." },
                Some(session) => {
                    @if let Some(problem) = &session.problem {
                        p data-say {
                            strong { "Not connected" }
                            " to " bdi { (session.issuer) } ": " (words(&problem.to_string())) "."
                        }
                        p {
                            @if let Some(since) = &session.since { "Since " (time(since)) ". " }
                            "You stay signed in, and it is tried again."
                        }
                    } @else {
                        p data-say { "Connected to " bdi { (session.issuer) } "." }
                    }
                }
            }
        }
    }
}

fn applications(applications: &[Application]) -> Markup {
    html! {
        section aria-labelledby="applications" {
            h2 #applications tabindex="-1" { "Connected applications" }
            @if applications.is_empty() { p { "No application has introduced itself yet." } }
            @else {
                ul {
                    @for application in applications {
                        li {
                            bdi { (application.name) }
                            @if let Some(more) = application.descriptor.as_deref().filter(|more| !more.is_empty()) {
                                " (" bdi { (more) } ")"
                            }
                            " " span .muted { bdi { (application.version) } }
                            @if application.revoked == Some(true) {
                                " " strong .revoked { "revoked: may not read tokens" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A sentence of the API; what stands in backticks is to be typed.
pub(super) fn words(text: &str) -> Markup {
    html! {
        @for (index, piece) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

/// An instant. The script puts it into the words and the zone of whoever reads it.
pub(super) fn time(at: &GroupedTimestamp) -> Markup {
    let exact = at.value.to_string();
    let short = exact.get(..16).unwrap_or(&exact).replace('T', " ");
    html! { time datetime=(exact) { (short) " UTC" } }
}

/// What somebody is called.
fn name(user: &UserProfile) -> &str {
    let names = [&user.name, &user.username, &user.email];
    names
        .into_iter()
        .flatten()
        .find(|name| !name.trim().is_empty())
        .map_or("Somebody without a name", |name| name)
}

/// A picture that is part of the profile itself, or initials: one from elsewhere would tell its server who looks.
fn portrait(user: &UserProfile) -> Markup {
    let kinds = ["png", "jpeg", "gif", "webp"].map(|kind| format!("data:image/{kind};"));
    let picture = user.picture.as_deref();
    match picture.filter(|picture| kinds.iter().any(|kind| picture.starts_with(kind))) {
        Some(picture) => html! { img .portrait src=(picture) alt="" width="48" height="48"; },
        None => html! { span .portrait aria-hidden="true" { (initials(name(user))) } },
    }
}

/// The first letters of the first and the last word.
fn initials(name: &str) -> String {
    let mut letters = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let (first, last) = (letters.next(), letters.next_back());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_letters_of_the_name_and_nothing_else() {
        for (name, expected) in [
            ("Ada Lovelace", "AL"),
            ("ada", "A"),
            ("Augusta Ada (King) Lovelace", "AL"),
            ("<b>x</b> \u{202e}evil", "BE"),
            ("ἀδά", "Ἀ"),
            ("☃ !", ""),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_to_be_typed_is_set_apart_and_still_escaped() {
        let html = words("run `usher login <name>` & go").into_string();
        assert_eq!(html, "run <code>usher login &lt;name&gt;</code> &amp; go");
    }
}
