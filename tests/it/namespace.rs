//! Tests that mount disks or take ports run again by themselves in Linux namespaces of their own: they see a machine
//! where nobody else is, and whatever they leave behind ends with them.

use std::process::Command;

use crate::steps::missing;

/// Set for the run inside, to the name of the test.
const INSIDE: &str = "USHER_TEST_INSIDE";

/// What a test has for itself.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Own {
    /// Its mounts.
    Mounts,
    /// Its network: a loopback device where every port is free.
    Network,
}

/// Whether this is the run inside. Outside it runs the test `name` inside, and fails when that failed.
pub(crate) fn inside(name: &str, own: Own) -> bool {
    if std::env::var_os(INSIDE).is_some_and(|inside| inside == name) {
        if own == Own::Network {
            shell("ip link set lo up");
        }
        return true;
    }
    let mut unshare = unshare(own);
    if !unshare.arg("true").output().is_ok_and(|output| output.status.success()) {
        missing(
            "this test needs root, or `unshare --user` (util-linux, and a system that lets users have namespaces)",
        );
        return false;
    }
    let mut again = self::unshare(own);
    again.arg(std::env::current_exe().unwrap()).args([name, "--exact", "--nocapture"]).env(INSIDE, name);
    let output = again.output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "inside:\n{text}");
    false
}

fn unshare(own: Own) -> Command {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.arg(match own {
        Own::Mounts => "--mount",
        Own::Network => "--net",
    });
    command
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.split_whitespace().take(3).eq(["Uid:", "0", "0"]))
}

/// Runs a command of the system, wherever it is.
pub(crate) fn shell(script: &str) {
    let script = format!("PATH=$PATH:/usr/sbin:/sbin; {script}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}
