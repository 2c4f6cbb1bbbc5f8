//! Policy files: organisations and teams given by a file in `<data-dir>/policies`, one entity per `*.json`. A file that
//! cannot be used is named, and its last good content stays in force, over restarts too.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use usher_wire::{Entity, PolicyFile, Timestamp};

use crate::Device;

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A larger file is no policy.
const MAX_BYTES: u64 = 1024 * 1024;
/// Where the last good content of each file is kept.
const LAST_GOOD: &str = ".last-good";

/// The policies in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Policies {
    /// When they were read; what decisions are as of.
    pub(crate) read_at: Option<Timestamp>,
    /// The files, good and bad, by name.
    pub(crate) files: Vec<PolicyFile>,
    in_force: Vec<Policy>,
    fingerprint: Vec<(String, Option<SystemTime>, u64)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Policy {
    file: String,
    entity: Entity,
}

/// Whether a user belongs to an entity, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    /// The file has no list of users: it is for every account of this device.
    Everyone,
    /// The file lists the user.
    Listed,
    /// Only by joining.
    Open,
}

impl Policies {
    /// Reads the folder; `last` is what was in force until now.
    pub(crate) fn load(data_dir: &Path, last: &Self, now: Timestamp) -> Self {
        let folder = data_dir.join("policies");
        let fingerprint = fingerprint(&folder);
        let mut policies = Self { read_at: Some(now), fingerprint, ..Self::default() };
        for (file, _, bytes) in policies.fingerprint.clone() {
            let read = read(&folder.join(&file), bytes).and_then(|entity| {
                match policies.in_force.iter().find(|policy| policy.entity.id == entity.id) {
                    Some(policy) => Err(format!("the entity `{}` is also in `{}`", entity.id, policy.file)),
                    None => Ok(entity),
                }
            });
            let (entity, problem) = match read {
                Ok(entity) => {
                    keep_last_good(&folder, &file);
                    (Some(entity), None)
                }
                Err(problem) => (policies.last_good(&folder, &file, last), Some(problem)),
            };
            let name = entity.as_ref().map(|entity| entity.name.clone());
            if let Some(problem) = &problem {
                tracing::warn!(file, problem, in_force = name.is_some(), "a policy file cannot be used");
            }
            policies.in_force.extend(entity.map(|entity| Policy { file: file.clone(), entity }));
            policies.files.push(PolicyFile { file, entity: name, problem });
        }
        forget_deleted(&folder, &policies.fingerprint);
        policies
    }

    fn last_good(&self, folder: &Path, file: &str, last: &Self) -> Option<Entity> {
        let known =
            last.in_force.iter().find(|policy| policy.file == file).map(|policy| policy.entity.clone());
        let entity = known.or_else(|| read(&folder.join(LAST_GOOD).join(file), 0).ok())?;
        let is_elsewhere = self.in_force.iter().any(|policy| policy.entity.id == entity.id);
        (!is_elsewhere).then_some(entity)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_force.is_empty()
    }

    /// The entities this user belongs to, given those he joined.
    pub(crate) fn of<'a>(&'a self, user: &'a str, joined: &'a [String]) -> impl Iterator<Item = &'a Entity> {
        self.in_force
            .iter()
            .map(|policy| &policy.entity)
            .filter(move |entity| membership(entity, user) != Membership::Open || joined.contains(&entity.id))
    }

    /// The entity of this id.
    pub(crate) fn entity(&self, id: &str) -> Option<&Entity> {
        self.in_force.iter().map(|policy| &policy.entity).find(|entity| entity.id == id)
    }
}

/// Why a user belongs to an entity without having joined it.
pub(crate) fn membership(entity: &Entity, user: &str) -> Membership {
    match &entity.users {
        None => Membership::Everyone,
        Some(users) if users.iterable.iter().any(|member| member.id == user) => Membership::Listed,
        Some(_) => Membership::Open,
    }
}

/// Re-reads the folder when it changed, and lets the store publish the outcome in the order of its commits.
pub(crate) async fn watch(device: &Device) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let (data_dir, last, now) =
            (device.0.data_dir.clone(), Arc::clone(&device.0.policies.borrow()), device.0.ambient.now());
        let looked = tokio::task::spawn_blocking(move || {
            let is_same = fingerprint(&data_dir.join("policies")) == last.fingerprint;
            (!is_same).then(|| Policies::load(&data_dir, &last, now))
        });
        if let Ok(Some(policies)) = looked.await {
            device.0.policies.send_replace(Arc::new(policies));
            if let Err(error) = device.write(|_| Ok(())).await {
                tracing::warn!(%error, "changed policies are not yet published");
            }
        }
    }
}

/// What tells whether the folder changed: name, time and size of each policy file, by name.
fn fingerprint(folder: &Path) -> Vec<(String, Option<SystemTime>, u64)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let metadata = std::fs::metadata(entry.path()).ok()?;
            let is_policy = metadata.is_file() && name.ends_with(".json") && !name.starts_with('.');
            is_policy.then(|| (name, metadata.modified().ok(), metadata.len()))
        })
        .collect();
    files.sort();
    files
}

fn read(path: &Path, bytes: u64) -> Result<Entity, String> {
    if bytes > MAX_BYTES {
        return Err(format!("it is larger than {MAX_BYTES} bytes"));
    }
    let text = std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"))?;
    let entity: Entity =
        serde_json::from_slice(&text).map_err(|error| format!("it is no entity: {error}"))?;
    if entity.id.trim().is_empty() { Err("its `id` is empty".into()) } else { Ok(entity) }
}

/// A copy beside the original. Failing to keep one costs only the protection over a restart, so it is not an error.
fn keep_last_good(folder: &Path, file: &str) {
    let kept = folder.join(LAST_GOOD);
    drop(std::fs::create_dir_all(&kept));
    drop(std::fs::copy(folder.join(file), kept.join(file)));
}

/// Who deletes a policy file means it.
fn forget_deleted(folder: &Path, present: &[(String, Option<SystemTime>, u64)]) {
    for entry in std::fs::read_dir(folder.join(LAST_GOOD)).into_iter().flatten().flatten() {
        if !present.iter().any(|(file, ..)| entry.file_name() == file.as_str()) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}
