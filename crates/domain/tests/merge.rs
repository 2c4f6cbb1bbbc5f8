//! Properties of merging edits: whatever clients do in whatever order, from however old a state, nobody undoes what
//! somebody else changed.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use proptest::prelude::*;
use usher_domain::profile::{
    Base, CLIENT_DEFAULT_EMAIL, CLIENT_DEFAULT_PICTURE, Writable, check_email, check_name, check_picture,
    check_username, merge, new_profile, next_stamp,
};
use usher_wire::{
    Aesthetics, Auth0UserMetadata, Code, Edit, EmbeddedModelSchema, FlattenedEntities, Font,
    GroupedTimestamp, ProfileUpdate, Result, Theme, Timestamp, UserProfile,
};

/// What a server keeps: every revision, the present one last.
struct Server {
    revisions: Vec<UserProfile>,
}

fn stamp(profile: &UserProfile) -> Timestamp {
    profile.updated.as_ref().unwrap().value
}

impl Server {
    fn new() -> Self {
        let begin = Timestamp::from_millis(1_700_000_000_000).unwrap();
        Self { revisions: vec![new_profile("ada".into(), begin)] }
    }

    fn present(&self) -> &UserProfile {
        self.revisions.last().unwrap()
    }

    /// What `POST /user/update` does with an edit that arrives at `now`.
    fn update(&mut self, edit: &ProfileUpdate, now: Timestamp) -> Result<()> {
        let named = edit.updated.as_ref().map(|updated| updated.value);
        let known: Option<Writable> = named
            .and_then(|named| self.revisions.iter().find(|revision| stamp(revision) == named))
            .map(Writable::from);
        let base = match (named, &known) {
            (None, _) => Base::Unnamed,
            (Some(_), Some(known)) => Base::Known(known),
            (Some(_), None) => Base::Forgotten,
        };
        if let Some(mut merged) = merge(self.present(), base, edit, true)? {
            merged.updated = Some(next_stamp(stamp(self.present()), now).into());
            self.revisions.push(merged);
        }
        Ok(())
    }
}

/// One writable member with a value.
#[derive(Debug, Clone, PartialEq)]
enum Member {
    Name(Option<String>),
    Username(Option<String>),
    Picture(Option<String>),
    Email(Option<String>),
    Dark(bool),
    FontSize(i64),
}

const MEMBERS: usize = 6;

impl Member {
    fn of(nth: usize, profile: &UserProfile) -> Self {
        let now = Writable::from(profile);
        match nth {
            0 => Self::Name(now.name),
            1 => Self::Username(now.username),
            2 => Self::Picture(now.picture),
            3 => Self::Email(now.email),
            4 => Self::Dark(now.dark),
            _ => Self::FontSize(now.font_size),
        }
    }

    fn put(self, profile: &mut UserProfile) {
        match self {
            Self::Name(value) => profile.name = value,
            Self::Username(value) => profile.username = value,
            Self::Picture(value) => profile.picture = value,
            Self::Email(value) => profile.email = value,
            Self::Dark(value) => profile.aesthetics.theme.dark = value,
            Self::FontSize(value) => profile.aesthetics.font.size = value,
        }
    }
}

/// A legal value of the nth member; few, so that they often meet.
fn a_value(nth: usize) -> BoxedStrategy<Member> {
    let text = |before: &'static str, after: &'static str| {
        prop::option::weighted(0.8, (0..4_u8).prop_map(move |n| format!("{before}{n}{after}")))
    };
    match nth {
        0 => text("Ada ", "").prop_map(Member::Name).boxed(),
        1 => text("ada", "").prop_map(Member::Username).boxed(),
        2 => text("https://example.org/", ".png").prop_map(Member::Picture).boxed(),
        3 => text("ada", "@example.org").prop_map(Member::Email).boxed(),
        4 => any::<bool>().prop_map(Member::Dark).boxed(),
        _ => (6..=9_i64).prop_map(Member::FontSize).boxed(),
    }
}

/// How a client writes.
#[derive(Debug, Clone, Copy)]
enum Style {
    /// Only what it changes, and which state it read.
    Partial,
    /// The whole profile it read; empty members as `null`.
    Whole,
    /// As the oldest clients: empty members left out, defaults for e-mail and picture, most other members dropped.
    Oldest,
}

/// What a client sends that read `read` and made `wanted` of it.
fn sent(style: Style, read: &UserProfile, wanted: &UserProfile) -> ProfileUpdate {
    let edit = |read: &Option<String>, wanted: &Option<String>, default: Option<&str>| match (style, wanted) {
        (Style::Partial, wanted) if wanted == read => Edit::Keep,
        (Style::Oldest, None) if read.is_none() => default.map_or(Edit::Keep, |text| Edit::Set(text.into())),
        (_, wanted) => Edit::from(wanted.clone()),
    };
    let is_partial = matches!(style, Style::Partial);
    ProfileUpdate {
        id: Some(read.id.clone()),
        updated: read.updated.clone(),
        name: edit(&read.name, &wanted.name, None),
        username: edit(&read.username, &wanted.username, None),
        picture: edit(&read.picture, &wanted.picture, Some(CLIENT_DEFAULT_PICTURE)),
        email: edit(&read.email, &wanted.email, Some(CLIENT_DEFAULT_EMAIL)),
        aesthetics: (!is_partial || read.aesthetics != wanted.aesthetics).then(|| wanted.aesthetics.clone()),
        created: wanted.created.clone().filter(|_| !is_partial),
        schema: wanted.schema.filter(|_| matches!(style, Style::Whole)),
        ..Default::default()
    }
}

fn a_style() -> impl Strategy<Value = Style> {
    prop::sample::select(vec![Style::Partial, Style::Whole, Style::Oldest])
}

/// One step of a client: it reads again or goes on with what it has, changes a member, and sends it.
#[derive(Debug, Clone)]
struct Step {
    client: usize,
    reads: bool,
    value: Member,
    style: Style,
    /// The server's clock, which may jump.
    now: Timestamp,
}

/// Steps of clients; `member` says which member each of them changes.
fn steps(member: impl Fn(usize) -> usize + 'static) -> impl Strategy<Value = Vec<Step>> {
    let step = (0..MEMBERS).prop_flat_map(move |client| {
        let now =
            (1_699_999_999_990..1_700_000_000_010_i64).prop_map(|now| Timestamp::from_millis(now).unwrap());
        (a_value(member(client)), a_style(), prop::bool::weighted(0.3), now)
            .prop_map(move |(value, style, reads, now)| Step { client, reads, value, style, now })
    });
    prop::collection::vec(step, 0..40)
}

/// Runs the steps; each client keeps what it read until it reads again. Tells what each step did to the server.
fn run(steps: &[Step], mut look: impl FnMut(&Step, &UserProfile, &Server)) -> Server {
    let mut server = Server::new();
    let mut read = vec![server.present().clone(); MEMBERS];
    for step in steps {
        if step.reads {
            read[step.client] = server.present().clone();
        }
        let mut wanted = read[step.client].clone();
        step.value.clone().put(&mut wanted);
        server.update(&sent(step.style, &read[step.client], &wanted), step.now).unwrap();
        look(step, &read[step.client], &server);
    }
    server
}

fn without_writable(profile: &UserProfile) -> UserProfile {
    let mut rest = profile.clone();
    let blank = new_profile(String::new(), Timestamp::from_millis(0).unwrap());
    (0..MEMBERS).for_each(|nth| Member::of(nth, &blank).put(&mut rest));
    UserProfile { updated: None, ..rest }
}

fn any_edit() -> impl Strategy<Value = ProfileUpdate> {
    let text = || {
        let value = prop_oneof![
            any::<String>(),
            "[A-Za-z0-9._ @:/-]{0,70}",
            "(https?|ftp|data:image|data:text)(://|/)[a-z]{0,9}",
            "[a-z]{0,3}@[a-z]{0,3}",
            (199..202_usize).prop_map(|n| "x".repeat(n)),
            (65_515..65_530_usize).prop_map(|n| format!("data:image/png,{}", "x".repeat(n))),
            Just(CLIENT_DEFAULT_EMAIL.to_owned()),
            Just(CLIENT_DEFAULT_PICTURE.to_owned()),
        ];
        prop_oneof![Just(Edit::Keep), Just(Edit::Clear), value.prop_map(Edit::Set)]
    };
    let aesthetics =
        (any::<bool>(), prop_oneof![any::<i64>(), 0..100_i64]).prop_map(|(dark, size)| Aesthetics {
            theme: Theme { dark, schema: None },
            font: Font { size, schema: Some(EmbeddedModelSchema::current()) },
            schema: Some(EmbeddedModelSchema::current()),
        });
    (text(), text(), text(), text(), prop::option::of(aesthetics), any::<bool>()).prop_map(
        |(name, username, picture, email, aesthetics, claims)| {
            let claimed = ProfileUpdate {
                vanityname: Some("eve".into()),
                api_keys: Some(vec!["key".into()]),
                created: Some(GroupedTimestamp::from(Timestamp::from_millis(0).unwrap())),
                entities: Some(FlattenedEntities::default()),
                auth0: Some(Auth0UserMetadata {
                    global_id: "eve".into(),
                    cloud_key: None,
                    stripe_customer_id: None,
                    vanityname: None,
                    allocation: None,
                    open_ai: None,
                    beta: None,
                    schema: None,
                }),
                ..Default::default()
            };
            let rest = if claims { claimed } else { ProfileUpdate::default() };
            ProfileUpdate { id: Some("eve".into()), name, username, picture, email, aesthetics, ..rest }
        },
    )
}

/// A profile as some history of legal edits leaves it.
fn a_profile() -> impl Strategy<Value = UserProfile> {
    steps(|client| client).prop_map(|steps| run(&steps, |_, _, _| ()).present().clone())
}

fn a_base() -> impl Strategy<Value = Option<UserProfile>> {
    prop::option::of(a_profile())
}

proptest! {
    #[test]
    fn edits_to_different_members_all_survive(steps in steps(|client| client)) {
        let mut last: Vec<Member> = (0..MEMBERS).map(|nth| Member::of(nth, Server::new().present())).collect();
        let server = run(&steps, |step, read, _| {
            // A value that was read is not a change, however old it is.
            if Member::of(step.client, read) != step.value {
                last[step.client] = step.value.clone();
            }
        });
        for (nth, expected) in last.iter().enumerate() {
            prop_assert_eq!(&Member::of(nth, server.present()), expected);
        }
    }

    #[test]
    fn of_edits_to_one_member_the_last_one_wins(member in 0..MEMBERS, seed in prop::collection::vec((0..MEMBERS, a_style(), prop::bool::weighted(0.3)), 1..30)) {
        // A value of its own for each step, as far as the member has that many.
        let now = Timestamp::from_millis(1_700_000_000_000).unwrap();
        let steps: Vec<Step> = seed.into_iter().enumerate().map(|(nth, (client, style, reads))| {
            let value = match member {
                0 => Member::Name(Some(format!("Ada, the {nth}th"))),
                1 => Member::Username(Some(format!("ada-{nth}"))),
                2 => Member::Picture(Some(format!("https://example.org/{nth}"))),
                3 => Member::Email(Some(format!("ada-{nth}@example.org"))),
                4 => Member::Dark(nth % 2 == 0),
                _ => Member::FontSize(40 + nth as i64),
            };
            Step { client, reads, value, style, now }
        }).collect();
        let mut expected = Member::of(member, Server::new().present());
        run(&steps, |step, read, server| {
            if Member::of(member, read) != step.value {
                expected = step.value.clone();
            }
            assert_eq!(Member::of(member, server.present()), expected);
        });
    }

    #[test]
    fn a_stale_profile_sent_back_changes_nothing(steps in steps(|client| client), old in any::<prop::sample::Index>(), style in a_style(), nth in 0..MEMBERS) {
        let mut server = run(&steps, |_, _, _| ());
        let read = server.revisions[old.index(server.revisions.len())].clone();
        let before = server.present().clone();
        let now = stamp(&before);
        server.update(&sent(style, &read, &read), now).unwrap();
        prop_assert_eq!(server.present(), &before);
        // With one change it changes that one.
        let mut wanted = read.clone();
        Member::of(nth, &before).put(&mut wanted);
        server.update(&sent(style, &read, &wanted), now).unwrap();
        prop_assert_eq!(server.present(), &before);
    }

    #[test]
    fn stamps_name_one_revision_each_and_grow(steps in steps(|client| client)) {
        let server = run(&steps, |_, _, _| ());
        prop_assert!(server.revisions.is_sorted_by(|one, next| stamp(one) < stamp(next)));
    }

    #[test]
    fn the_same_edit_again_changes_nothing(present in a_profile(), edit in any_edit(), is_local in any::<bool>()) {
        for base in [Base::Unnamed, Base::Known(&Writable::from(&present))] {
            if let Ok(Some(once)) = merge(&present, base, &edit, is_local) {
                let again = Writable::from(&once);
                for base in [Base::Unnamed, Base::Known(&again), base] {
                    prop_assert_eq!(merge(&once, base, &edit, is_local), Ok(None));
                }
            }
        }
    }

    #[test]
    fn only_writable_members_are_written(present in a_profile(), base in a_base(), edit in any_edit(), is_local in any::<bool>()) {
        let base = base.as_ref().map(Writable::from);
        if let Ok(Some(merged)) = merge(&present, base.as_ref().map_or(Base::Unnamed, Base::Known), &edit, is_local) {
            prop_assert_eq!(without_writable(&merged), without_writable(&present));
            prop_assert!(is_local || merged.email == present.email);
            prop_assert_eq!(merged.aesthetics.schema, present.aesthetics.schema);
        }
    }

    #[test]
    fn only_values_within_their_limits_are_stored(present in a_profile(), base in a_base(), edit in any_edit()) {
        let base = base.as_ref().map(Writable::from);
        match merge(&present, base.as_ref().map_or(Base::Unnamed, Base::Known), &edit, true) {
            Ok(merged) => {
                let now = merged.unwrap_or(present);
                prop_assert!(now.name.iter().all(|name| check_name(name).is_ok()));
                prop_assert!(now.username.iter().all(|name| check_username(name).is_ok()));
                prop_assert!(now.picture.iter().all(|picture| check_picture(picture).is_ok()));
                prop_assert!(now.email.iter().all(|email| check_email(email).is_ok()));
                prop_assert!((6..=96).contains(&now.aesthetics.font.size));
                prop_assert_ne!(now.email.as_deref(), Some(CLIENT_DEFAULT_EMAIL));
                prop_assert_ne!(now.picture.as_deref(), Some(CLIENT_DEFAULT_PICTURE));
            }
            Err(error) => {
                prop_assert_eq!(error.code, Code::InvalidValue);
                prop_assert!(error.message.starts_with('`'), "{error}");
            }
        }
    }

    #[test]
    fn from_a_forgotten_state_nothing_is_changed(present in a_profile(), edit in any_edit()) {
        match merge(&present, Base::Forgotten, &edit, true) {
            Ok(merged) => prop_assert_eq!(merged, None),
            Err(error) => prop_assert!(matches!(error.code, Code::Conflict | Code::InvalidValue), "{error}"),
        }
    }
}
