//! The rule of `POST /user/beta/status`: opting in to and out of a beta as a range of time.

use serde::{Deserialize, Serialize};
use usher_wire::{
    AnonymousTemporalRange, Auth0UserBetaStatus, Error, GroupedTimestamp, Result, Timestamp, UserBetaStatus,
    UserProfile,
};

/// The beta status of one user, per section of the provider metadata.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Beta {
    /// The section `auth0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth0: Option<AnonymousTemporalRange>,
    /// The section `descope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descope: Option<AnonymousTemporalRange>,
}

impl Beta {
    /// The status after what the caller sent; sections it left out stay. A range that ends before it begins is 400.
    pub fn apply(&self, sent: &UserBetaStatus, now: Timestamp) -> Result<Self> {
        let section =
            |present: &Option<AnonymousTemporalRange>, sent: &Option<Auth0UserBetaStatus>, path: &str| {
                match sent.as_ref().and_then(|section| section.vision.as_ref()) {
                    Some(vision) => range(present.as_ref(), vision, now, path).map(Some),
                    None => Ok(present.clone()),
                }
            };
        Ok(Self {
            auth0: section(&self.auth0, &sent.auth0, "auth0.vision")?,
            descope: section(&self.descope, &sent.descope, "descope.vision")?,
        })
    }

    /// The status in the shape of the wire.
    pub fn status(&self, user: &str) -> UserBetaStatus {
        let section = |range: &Option<AnonymousTemporalRange>| {
            range.clone().map(|range| Auth0UserBetaStatus { vision: Some(range), schema: None })
        };
        UserBetaStatus {
            user: user.to_owned(),
            auth0: section(&self.auth0),
            descope: section(&self.descope),
            schema: None,
        }
    }

    /// Shows the ranges in the provider metadata that the profile has.
    pub fn show_on(&self, profile: &mut UserProfile) {
        if let (Some(metadata), Some(range)) = (&mut profile.auth0, &self.auth0) {
            metadata.beta = Some(range.clone());
        }
        if let (Some(metadata), Some(range)) = (&mut profile.descope, &self.descope) {
            metadata.beta = Some(range.clone());
        }
    }
}

/// One range after an edit. Opting in continuously keeps an earlier start and drops the end; an end
/// in the past means now.
fn range(
    present: Option<&AnonymousTemporalRange>,
    sent: &AnonymousTemporalRange,
    now: Timestamp,
    path: &str,
) -> Result<AnonymousTemporalRange> {
    let value = |stamp: &Option<GroupedTimestamp>| stamp.as_ref().map(|stamp| stamp.value);
    let invalid = || Err(Error::invalid_value(&format!("{path}.from"), "must not be after `to`"));
    if let (Some(from), Some(to)) = (value(&sent.from), value(&sent.to))
        && from > to
    {
        return invalid();
    }
    let was = |side: fn(&AnonymousTemporalRange) -> &Option<GroupedTimestamp>| {
        present.and_then(|range| value(side(range)))
    };
    let starts = value(&sent.from);
    let ends = value(&sent.to).map(|to| to.max(now));
    let (from, to) = if sent.continuous == Some(true) {
        (Some(starts.or_else(|| was(|range| &range.from)).unwrap_or(now)), ends)
    } else {
        // A start after the last end begins anew; an end before a start that is still to come ends it at once.
        let to = ends.or_else(|| was(|range| &range.to).filter(|to| starts.is_none_or(|from| from <= *to)));
        let from = starts.or_else(|| was(|range| &range.from).map(|from| to.map_or(from, |to| from.min(to))));
        (from, to)
    };
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return invalid();
    }
    Ok(AnonymousTemporalRange {
        between: sent.between.or_else(|| (from.is_some() && to.is_some()).then_some(true)),
        continuous: sent.continuous.or(if to.is_some() {
            Some(false)
        } else {
            present.and_then(|p| p.continuous)
        }),
        from: from.map(GroupedTimestamp::from),
        to: to.map(GroupedTimestamp::from),
        schema: None,
    })
}
