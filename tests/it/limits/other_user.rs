//! Work as another user of the machine. For the kernel each thread has its own user, and what it opens is his, so these
//! callers need no program of their own.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use rustix::{
    process::{Gid, Uid, geteuid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use crate::{
    daemon::{Scratch, USHER},
    steps::missing,
};

/// Nobody in particular.
pub(super) const OTHER: u32 = 65534;
/// Yet somebody else.
pub(super) const THIRD: u32 = 65533;

/// Whether these tests may become somebody else.
pub(super) fn may_become_others() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        missing("only root can try what other users of the machine may do: run the tests as root");
    }
    is_root
}

/// Does the work as this user.
pub(super) fn as_user<T: Send>(uid: u32, work: impl FnOnce() -> T + Send) -> T {
    let work = || {
        become_user(uid);
        work()
    };
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

/// Makes this thread somebody else, for the rest of its life.
pub(super) fn become_user(uid: u32) {
    set_thread_groups(&[]).unwrap();
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
    set_thread_res_gid(group, group, group).unwrap();
    set_thread_res_uid(user, user, user).unwrap();
}

pub(super) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Opens what the file permissions keep closed: the socket of a daemon there, and all folders above it.
pub(super) fn loosen(scratch: &Path, data_dir: &Path) {
    set_mode(scratch, 0o755);
    set_mode(data_dir, 0o755);
    set_mode(&data_dir.join("usher.sock"), 0o666);
}

/// A place that belongs to another user, with a copy of the binary that he may run: the one under test may lie where
/// only its owner can go.
pub(super) fn place_of(uid: u32) -> (Scratch, PathBuf) {
    let scratch = Scratch::new();
    set_mode(scratch.path(), 0o755);
    for path in [scratch.home(), scratch.data_dir()] {
        chown(&path, Some(uid), Some(uid)).unwrap();
    }
    let usher = scratch.path().join("usher");
    fs::copy(USHER, &usher).unwrap();
    set_mode(&usher, 0o755);
    (scratch, usher)
}
