//! A clock that jumps: stamps still only grow, stale edits are still told apart, and streams keep their order.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as a test does")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::{FutureExt, StreamExt};
use usher_device::Device;
use usher_domain::ambient::Ambient;
use usher_wire::{
    Aesthetics, Auth0User, Caller, Edit, Font, GroupedTimestamp, ProfileUpdate, Theme, Timestamp, UserApi,
    UserProfile,
};
use uuid::Uuid;

/// 2026-01-01.
const START: i64 = 1_767_225_600_000;
const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;
/// Forwards and backwards, by much and by nothing.
const JUMPS: [i64; 8] = [1, 0, -1, -YEAR, 0, 50 * YEAR, -60 * YEAR, 5];

/// Milliseconds since 1970, as the device is told.
#[derive(Clone)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn jump(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    fn ambient(&self) -> Ambient {
        let (millis, ids) = (Arc::clone(&self.0), AtomicI64::new(0));
        Ambient::new(
            move || Timestamp::from_millis(millis.load(Ordering::Relaxed)).unwrap().instant(),
            move || Uuid::from_u128(u128::from(ids.fetch_add(1, Ordering::Relaxed).unsigned_abs()) + 1),
        )
    }
}

struct Desk {
    clock: Clock,
    device: Device,
    folder: tempfile::TempDir,
}

async fn desk() -> Desk {
    let clock = Clock(Arc::new(AtomicI64::new(START)));
    let folder = tempfile::tempdir().unwrap();
    let device = Device::new(folder.path(), clock.ambient());
    device.open().await.unwrap();
    Desk { clock, device, folder }
}

impl Desk {
    async fn sign_in(&self) -> UserProfile {
        let ada = Auth0User {
            name: Some("Ada".into()),
            email: Some("ada@example.org".into()),
            ..Auth0User::default()
        };
        self.device.select_user(&Caller::default(), Some(ada)).await.unwrap()
    }

    async fn update(&self, edit: ProfileUpdate) -> UserProfile {
        self.device.update_user(&Caller::default(), edit).await.unwrap()
    }

    async fn rename(&self, id: &str, name: &str) -> UserProfile {
        self.update(ProfileUpdate { id: Some(id.into()), name: named(name), ..ProfileUpdate::default() })
            .await
    }
}

fn named(name: &str) -> Edit<String> {
    Edit::Set(name.into())
}

fn stamp(profile: &UserProfile) -> Timestamp {
    profile.updated.as_ref().unwrap().value
}

/// What a caller sends back who read this and then changed one thing.
fn as_read(profile: &UserProfile) -> ProfileUpdate {
    ProfileUpdate {
        id: Some(profile.id.clone()),
        updated: profile.updated.clone(),
        name: profile.name.clone().into(),
        aesthetics: Some(profile.aesthetics.clone()),
        ..ProfileUpdate::default()
    }
}

fn font(size: i64) -> Option<Aesthetics> {
    let (font, theme) = (Font { size, schema: None }, Theme { dark: true, schema: None });
    Some(Aesthetics { font, theme, schema: None })
}

#[tokio::test]
async fn stamps_only_grow() {
    let desk = desk().await;
    let mut last = desk.sign_in().await;
    for (number, jump) in JUMPS.into_iter().enumerate() {
        desk.clock.jump(jump);
        let next = desk.rename(&last.id, &format!("Ada {number}")).await;
        assert!(stamp(&next) > stamp(&last), "after a jump by {jump} ms");
        assert_eq!(next.created, last.created);
        last = next;
    }
}

#[tokio::test]
async fn stamps_grow_over_a_restart_too() {
    let mut desk = desk().await;
    let last = desk.sign_in().await;
    desk.clock.jump(YEAR);
    let last = desk.rename(&last.id, "Ada L.").await;
    drop(desk.device);
    desk.clock.jump(-2 * YEAR);
    desk.device = Device::new(desk.folder.path(), desk.clock.ambient());
    desk.device.open().await.unwrap();
    let next = desk.rename(&last.id, "Ada Lovelace").await;
    assert!(stamp(&next) > stamp(&last));
}

#[tokio::test]
async fn a_stale_edit_undoes_nobodys_change() {
    let desk = desk().await;
    let mut read = desk.sign_in().await;
    for (number, jump) in (0_i64..).zip(JUMPS) {
        desk.clock.jump(jump);
        let name = format!("Ada {number}");
        desk.rename(&read.id, &name).await;
        desk.clock.jump(-jump);
        // Made from the state before the other one's change of the name, which it carries along unchanged.
        let edit = ProfileUpdate { aesthetics: font(20 + number), ..as_read(&read) };
        let merged = desk.update(edit).await;
        assert_eq!(merged.name.as_deref(), Some(name.as_str()), "after a jump by {jump} ms");
        assert_eq!(merged.aesthetics.font.size, 20 + number, "after a jump by {jump} ms");
        read = merged;
    }
}

#[tokio::test]
async fn a_stamp_that_never_was_is_no_base() {
    let desk = desk().await;
    let read = desk.sign_in().await;
    desk.clock.jump(-YEAR);
    desk.rename(&read.id, "Ada L.").await;
    let before = Timestamp::from_millis(START - YEAR).unwrap();
    let edit =
        ProfileUpdate { updated: Some(GroupedTimestamp::from(before)), name: named("Eve"), ..as_read(&read) };
    let refused = desk.device.update_user(&Caller::default(), edit).await.unwrap_err();
    assert_eq!(refused.code, usher_wire::Code::Conflict);
}

#[tokio::test]
async fn streams_keep_their_order() {
    let desk = desk().await;
    let mut states = desk.device.stream_user(&Caller::default()).await.unwrap();
    assert_eq!(states.next().await.unwrap().user, None);
    let id = desk.sign_in().await.id;
    let mut last = states.next().await.unwrap();
    for (number, jump) in JUMPS.into_iter().enumerate() {
        desk.clock.jump(jump);
        desk.rename(&id, &format!("Ada {number}")).await;
        let next = states.next().await.unwrap();
        assert!(next.version > last.version, "after a jump by {jump} ms");
        let [newer, older] = [&next, &last].map(|state| stamp(state.user.as_ref().unwrap()));
        assert!(newer > older, "after a jump by {jump} ms");
        last = next;
    }
    assert!(states.next().now_or_never().is_none(), "no state is repeated");
}
