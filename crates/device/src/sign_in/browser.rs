//! The browser of whoever sits at this machine.

use std::process::{Command, Stdio};

/// Whether a browser could show itself.
pub(super) fn has_display() -> bool {
    if cfg!(any(target_os = "macos", windows)) {
        return true;
    }
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Tells the system to open an address; false when there is nobody to tell. Whether it is seen nobody knows.
pub(super) fn open(url: &str) -> bool {
    if !has_display() {
        return false;
    }
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        command
    } else {
        Command::new("xdg-open")
    };
    let spawned = command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match spawned {
        Ok(mut child) => {
            // Waited for, or its entry in the table of processes stays.
            std::thread::spawn(move || child.wait());
            true
        }
        Err(error) => {
            tracing::info!(%error, "no browser could be opened");
            false
        }
    }
}
