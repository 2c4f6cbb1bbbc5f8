//! The bodies of requests: whatever is sent is read or refused, and what was read is what would be written.

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
}

fn reads_what_it_writes<T: DeserializeOwned + Serialize + PartialEq + Debug>(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(data) else { return };
    let written = serde_json::to_string(&read).expect("every model can be written");
    match serde_json::from_str::<T>(&written) {
        Ok(again) => assert_eq!(again, read, "{written}"),
        Err(error) => panic!("{error} in {written}"),
    }
}
