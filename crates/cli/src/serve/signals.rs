//! What tells the daemon to stop: SIGTERM and Ctrl-C; elsewhere Ctrl-C.

/// Ends at the first such signal. A second one then ends the process at once, as it would without us.
#[cfg(unix)]
pub(super) fn stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(0);
        });
    })
}

/// Ends at Ctrl-C.
#[cfg(not(unix))]
pub(super) fn stop() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
