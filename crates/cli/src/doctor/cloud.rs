//! What `doctor` learns of the cloud: whether the account that is signed in is in step with it, and what is in the way.

use usher_wire::{CloudStatus, ConnectivityEnum, OfflineReasonEnum};

use super::Check;

pub(super) fn checks(cloud: Option<&CloudStatus>) -> Vec<Check> {
    let Some(cloud) = cloud else { return Vec::new() };
    let mut checks = vec![reach(cloud)];
    if cloud.update_required {
        checks.push(Check::wrong(
            "cloud version",
            "the cloud wants a newer version of usher",
            "install it and start the daemon again; until then edits go on",
        ));
    }
    checks
}

fn reach(cloud: &CloudStatus) -> Check {
    if cloud.connectivity == ConnectivityEnum::Connected {
        return Check::fine("cloud", format!("in step with {}", cloud.url));
    }
    let found = match &cloud.message {
        Some(message) => format!("{}: {message}", cloud.url),
        None => return Check::fine("cloud", format!("{} was not asked yet", cloud.url)),
    };
    let waiting = match cloud.pending_edits {
        0 => String::new(),
        _ => "; edits are kept here until then".to_owned(),
    };
    Check::wrong("cloud", found, format!("{}{waiting}", fix(cloud.reason)))
}

fn fix(reason: Option<OfflineReasonEnum>) -> &'static str {
    use OfflineReasonEnum::{Clock, Proxy, SignedOutThere, Tls, Unreachable};
    match reason {
        Some(Unreachable) => "check the network, and `cloud` in the configuration; the daemon goes on trying",
        Some(Proxy) => "check HTTPS_PROXY and NO_PROXY where the daemon is started",
        Some(Tls) => "the certificate must be trusted by this machine: ask whoever runs the cloud",
        Some(Clock) => "set the clock of this machine, or have the certificate of the cloud renewed",
        Some(SignedOutThere) => "run `usher login`; if that changes nothing, ask whoever runs the cloud",
        _ => "ask whoever runs the cloud: its log tells the rest",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_next_step() {
        let offline = |reason| CloudStatus {
            url: "https://usher.example.org".into(),
            connectivity: ConnectivityEnum::Offline,
            reason: Some(reason),
            message: Some("it does not answer".into()),
            since: None,
            last_checked_in: None,
            pending_edits: 1,
            refused_edit: None,
            update_required: true,
        };
        let mut fixes = Vec::new();
        for reason in [
            OfflineReasonEnum::Unreachable,
            OfflineReasonEnum::Proxy,
            OfflineReasonEnum::Tls,
            OfflineReasonEnum::Clock,
            OfflineReasonEnum::SignedOutThere,
            OfflineReasonEnum::Refused,
        ] {
            let found = checks(Some(&offline(reason)));
            assert!(found.iter().all(|check| !check.ok) && found.len() == 2, "{found:?}");
            fixes.push(found[0].fix.clone().unwrap());
        }
        fixes.sort();
        fixes.dedup();
        assert_eq!(fixes.len(), 6);
        assert!(fixes.iter().all(|fix| fix.ends_with("edits are kept here until then")), "{fixes:?}");
    }
}
