//! The bodies of requests, and what streams tell: whatever is sent is read or refused, and what was read is what would be
//! written.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use usher_wire::*;

/// Reads the bytes as each body that an operation takes.
pub fn wire(data: &[u8]) {
    reads_what_it_writes::<AllocationCloud>(data);
    reads_what_it_writes::<Auth0User>(data);
    reads_what_it_writes::<Entity>(data);
    reads_what_it_writes::<EntityAssociateToUserInput>(data);
    reads_what_it_writes::<HasFeatureAccessInput>(data);
    reads_what_it_writes::<OAuthToken>(data);
    reads_what_it_writes::<ProfileUpdate>(data);
    reads_what_it_writes::<SeededConnectorConnection>(data);
    reads_what_it_writes::<SeededEntity>(data);
    reads_what_it_writes::<UserBetaStatus>(data);
    reads_what_it_writes::<UserCheckoutInput>(data);
    reads_what_it_writes::<UserManageSubscriptionsInput>(data);
    leads_to_a_state(data);
}

/// A frame of a stream of changes brings the reader to the state it names, or is refused.
fn leads_to_a_state(data: &[u8]) {
    let ada = r#"{"id":"ada","name":"Ada","aesthetics":{"theme":{"dark":true},"font":{"size":14}}}"#;
    let ada: UserProfile = serde_json::from_str(ada).expect("it is a profile");
    let Ok(frame) = serde_json::from_slice::<UserFrame>(data) else { return };
    let Some((version, user)) = frame.clone().apply(Some(("1", Some(&ada)))) else { return };
    assert_eq!(version, frame.version);
    if frame.base.is_none() || !frame.user.is_keep() {
        return;
    }
    for (member, value) in &frame.changed {
        // What the profile does not have is left out, and what is empty, too.
        let written = serde_json::to_value(&user).expect("every profile can be written");
        assert!(written.get(member).is_none_or(|written| written.is_null() == value.is_null()));
    }
}

fn reads_what_it_writes<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(data) else { return };
    let written = serde_json::to_string(&read).expect("every model can be written");
    match serde_json::from_str::<T>(&written) {
        Ok(again) => assert_eq!(again, read, "{written}"),
        Err(error) => panic!("{error} in {written}"),
    }
}
