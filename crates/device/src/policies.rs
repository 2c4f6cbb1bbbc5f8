//! Policy files: organisations and teams given by a file in `<data-dir>/policies`, one entity per `*.json`. A file that
//! cannot be used is named, and its last good content stays in force, over restarts too.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::MissedTickBehavior;
use usher_wire::{Entity, PolicyFile, Timestamp};

use crate::Device;

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The files together. What is in force travels on the profile, which clients send back whole, within 1 MiB.
const MAX_BYTES: u64 = 512 * 1024;
/// Where the last good content of each file is kept; beside the folder, which may be what cannot be read.
const LAST_GOOD: &str = "policies.last-good";
/// What the folder itself is called among the files.
const FOLDER: &str = "policies";

/// The policies in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Policies {
    /// When they were read; what decisions are as of.
    pub(crate) read_at: Option<Timestamp>,
    /// The files, good and bad, by name.
    pub(crate) files: Vec<PolicyFile>,
    in_force: Vec<Policy>,
    fingerprint: Vec<Look>,
}

/// What tells whether a file changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    file: String,
    modified: Option<SystemTime>,
    bytes: u64,
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
        let (folder, kept) = (data_dir.join(FOLDER), data_dir.join(LAST_GOOD));
        let fingerprint = match look(&folder) {
            Ok(fingerprint) => fingerprint,
            Err(error) if last.read_at.is_none() => return Self::read_kept(&kept, now).unreadable(&error),
            Err(error) => return last.unreadable(&error),
        };
        let mut policies = Self { read_at: Some(now), ..Self::default() };
        let mut bytes_in_force = 0;
        for Look { file, bytes, .. } in &fingerprint {
            bytes_in_force += bytes;
            let read = if bytes_in_force > MAX_BYTES {
                bytes_in_force -= bytes;
                Err(format!("the policy files together are larger than {} KiB", MAX_BYTES / 1024))
            } else {
                policies.read(&folder, &kept, file)
            };
            let (entity, problem) = match read {
                Ok(entity) => (Some(entity), None),
                Err(problem) => (policies.last_good(&kept, file, last), Some(problem)),
            };
            let name = entity.as_ref().map(|entity| entity.name.clone());
            if let Some(problem) = &problem {
                tracing::warn!(file, problem, in_force = name.is_some(), "a policy file cannot be used");
            }
            policies.in_force.extend(entity.map(|entity| Policy { file: file.clone(), entity }));
            policies.files.push(PolicyFile { file: file.clone(), entity: name, problem });
        }
        forget_deleted(&kept, &fingerprint);
        Self { fingerprint, ..policies }
    }

    /// What was in force stays when the folder itself cannot be read: only a deleted file is a policy withdrawn.
    fn unreadable(&self, error: &io::Error) -> Self {
        let problem = format!("the folder cannot be read: {error}");
        let mut policies = self.clone();
        if policies.files.iter().all(|file| file.problem.as_ref() != Some(&problem)) {
            tracing::warn!(problem, "the policies in force stay as they are");
            policies.files.retain(|file| file.file != FOLDER);
            policies.files.push(PolicyFile { file: FOLDER.into(), entity: None, problem: Some(problem) });
        }
        // Nothing was seen, so the next look finds a change.
        policies.fingerprint.clear();
        policies
    }

    /// The last good contents alone, for a start without the folder.
    fn read_kept(kept: &Path, now: Timestamp) -> Self {
        let mut policies = Self { read_at: Some(now), ..Self::default() };
        for Look { file, .. } in look(kept).unwrap_or_default() {
            if let Some(entity) = policies.last_good(kept, &file, &Self::default()) {
                policies.files.push(PolicyFile {
                    file: file.clone(),
                    entity: Some(entity.name.clone()),
                    problem: None,
                });
                policies.in_force.push(Policy { file, entity });
            }
        }
        policies
    }

    fn read(&self, folder: &Path, kept: &Path, file: &str) -> Result<Entity, String> {
        let text = std::fs::read(folder.join(file)).map_err(|error| format!("it cannot be read: {error}"))?;
        let entity = parse(&text)?;
        if let Some(policy) = self.in_force.iter().find(|policy| policy.entity.id == entity.id) {
            return Err(format!("the entity `{}` is also in `{}`", entity.id, policy.file));
        }
        keep_last_good(kept, file, &text);
        Ok(entity)
    }

    fn last_good(&self, kept: &Path, file: &str, last: &Self) -> Option<Entity> {
        let known =
            last.in_force.iter().find(|policy| policy.file == file).map(|policy| policy.entity.clone());
        let on_disk = || std::fs::read(kept.join(file)).ok().and_then(|text| parse(&text).ok());
        let entity = known.or_else(on_disk)?;
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
    let mut every = tokio::time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_published = true;
    loop {
        every.tick().await;
        let (data_dir, last, now) =
            (device.0.data_dir.clone(), Arc::clone(&device.0.policies.borrow()), device.0.ambient.now());
        let looked = tokio::task::spawn_blocking(move || {
            let is_same = look(&data_dir.join(FOLDER)).is_ok_and(|files| files == last.fingerprint);
            (!is_same).then(|| Policies::load(&data_dir, &last, now)).filter(|policies| *policies != *last)
        });
        if let Ok(Some(policies)) = looked.await {
            device.0.policies.send_replace(Arc::new(policies));
            is_published = false;
        }
        if !is_published {
            is_published = device.write(|_| Ok(())).await.is_ok();
        }
    }
}

/// The policy files, by name. A folder that does not exist holds none.
fn look(folder: &Path) -> io::Result<Vec<Look>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(file) = entry.file_name().into_string() else { continue };
        if !file.ends_with(".json") || file.starts_with('.') {
            continue;
        }
        match std::fs::metadata(entry.path()) {
            Ok(metadata) if metadata.is_file() => {
                files.push(Look { file, modified: metadata.modified().ok(), bytes: metadata.len() });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    files.sort();
    Ok(files)
}

fn parse(text: &[u8]) -> Result<Entity, String> {
    let entity: Entity = serde_json::from_slice(text).map_err(|error| format!("it is no entity: {error}"))?;
    if entity.id.trim().is_empty() { Err("its `id` is empty".into()) } else { Ok(entity) }
}

/// A copy beside the original, put in place whole. Failing to keep one costs only the protection over a restart, so it
/// is not an error.
fn keep_last_good(kept: &Path, file: &str, text: &[u8]) {
    let new = kept.join(format!("{file}.new"));
    drop(std::fs::create_dir_all(kept));
    if std::fs::write(&new, text).is_ok() {
        drop(std::fs::rename(&new, kept.join(file)));
    }
}

/// Who deletes a policy file means it.
fn forget_deleted(kept: &Path, present: &[Look]) {
    for entry in std::fs::read_dir(kept).into_iter().flatten().flatten() {
        if !present.iter().any(|look| entry.file_name() == look.file.as_str()) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}
