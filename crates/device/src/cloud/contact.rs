//! How an account stands with its cloud: connected, or offline for a reason and since when; and whether what is known is old.

use usher_client::{Code, Error};
use usher_wire::{CloudStatus, ConnectivityEnum, GroupedTimestamp, OfflineReasonEnum, Timestamp};

/// What is known of a cloud is stale after so many milliseconds without a check-in.
const STALE_AFTER: i64 = 24 * 3_600_000;

/// How an account stands with its cloud.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Contact {
    /// When the cloud was last heard of.
    pub(crate) checked_in: Option<Timestamp>,
    /// Why it cannot be followed now.
    pub(super) trouble: Option<Trouble>,
    is_connected: bool,
    /// Since when it is connected or not.
    since: Option<Timestamp>,
    /// What the cloud said of an edit it refused for good, until that was told.
    pub(super) refused_edit: Option<String>,
}

/// Why a cloud cannot be followed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trouble {
    reason: OfflineReasonEnum,
    message: String,
}

impl Contact {
    /// What was stored before this start.
    pub(super) fn stored(checked_in: Option<Timestamp>) -> Self {
        Self { checked_in, ..Self::default() }
    }

    /// The cloud answered.
    pub(super) fn hears(&mut self, now: Timestamp) {
        if !self.is_connected {
            (self.is_connected, self.since, self.trouble) = (true, Some(now), None);
        }
        self.checked_in = Some(now);
    }

    /// It did not, or not as it should.
    pub(super) fn loses(&mut self, error: &Error, now: Timestamp) {
        if self.is_connected || self.since.is_none() {
            self.since = Some(now);
        }
        self.is_connected = false;
        self.trouble = Some(Trouble { reason: reason(error), message: error.message.clone() });
    }

    /// Whether the last check-in is too long ago to rely on what is known.
    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        self.checked_in.is_none_or(|at| now.as_millis() - at.as_millis() > STALE_AFTER)
    }

    pub(super) fn status(self, url: String, pending: usize, update_required: bool) -> CloudStatus {
        let connectivity =
            if self.is_connected { ConnectivityEnum::Connected } else { ConnectivityEnum::Offline };
        let (reason, message) = self.trouble.map(|trouble| (trouble.reason, trouble.message)).unzip();
        CloudStatus {
            url,
            connectivity,
            reason,
            message,
            since: self.since.map(GroupedTimestamp::from),
            last_checked_in: self.checked_in.map(GroupedTimestamp::from),
            pending_edits: i64::try_from(pending).unwrap_or(i64::MAX),
            refused_edit: self.refused_edit,
            update_required,
        }
    }
}

/// Which kind of trouble an error is. The layers below name certificates and proxies only in their words.
fn reason(error: &Error) -> OfflineReasonEnum {
    let message = error.message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match error.code {
        Code::NotSignedIn => OfflineReasonEnum::SignedOutThere,
        Code::Unreachable if says(&["proxy", "tunnel"]) => OfflineReasonEnum::Proxy,
        Code::Unreachable if says(&["not valid yet", "notvalidyet", "expired"]) => OfflineReasonEnum::Clock,
        Code::Unreachable if says(&["certificate", "tls", "handshake"]) => OfflineReasonEnum::Tls,
        Code::Unreachable => OfflineReasonEnum::Unreachable,
        _ => OfflineReasonEnum::Refused,
    }
}

/// Whether a version comes before another, both as numbers between dots; what is no number counts as 0.
pub(super) fn is_older(own: &str, wanted: &str) -> bool {
    let numbers = |version: &str| {
        let core = version.split(['-', '+']).next().unwrap_or_default();
        let mut numbers = core.split('.').map(|number| number.trim().parse::<u64>().unwrap_or_default());
        [(); 3].map(|()| numbers.next().unwrap_or_default())
    };
    numbers(own) < numbers(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * 3_600_000).unwrap()
    }

    #[test]
    fn after_a_day_without_a_check_in_what_is_known_is_stale() {
        let mut contact = Contact::default();
        assert!(contact.is_stale(at(0)));
        contact.hears(at(1));
        assert!(!contact.is_stale(at(25)) && contact.is_stale(at(73)), "a day later, three days later");
        contact.loses(&Error::new(Code::Unreachable, "nobody there"), at(2));
        contact.loses(&Error::new(Code::NotSignedIn, "ended"), at(3));
        let status = contact.status("https://cloud".into(), 2, false);
        assert_eq!(status.reason, Some(OfflineReasonEnum::SignedOutThere));
        assert_eq!(status.since.unwrap().value, at(2), "since it was lost, not since the last attempt");
        assert_eq!(status.last_checked_in.unwrap().value, at(1));
    }

    #[test]
    fn each_trouble_has_its_name() {
        for (message, expected) in [
            ("https://c cannot be reached (invalid peer certificate: UnknownIssuer)", OfflineReasonEnum::Tls),
            ("https://c cannot be reached (invalid peer certificate: Expired)", OfflineReasonEnum::Clock),
            ("https://c cannot be reached (unsuccessful tunnel)", OfflineReasonEnum::Proxy),
            ("https://c cannot be reached (Connection refused)", OfflineReasonEnum::Unreachable),
        ] {
            assert_eq!(reason(&Error::new(Code::Unreachable, message)), expected, "{message}");
        }
        assert_eq!(reason(&Error::new(Code::Internal, "broken")), OfflineReasonEnum::Refused);
    }

    #[test]
    fn versions_are_numbers() {
        assert!(is_older("0.9.0", "0.10.0") && is_older("0.1.0", "1"));
        assert!(!is_older("0.1.0", "0.1.0") && !is_older("0.1.1", "0.1.0-beta"));
    }
}
