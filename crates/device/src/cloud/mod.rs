//! The accounts of this device in step with a cloud: one connection for each follows the profile there, edits made here are
//! queued and pushed, and what is known of the cloud stays in force while it cannot be reached.

mod adopt;
mod contact;
mod follow;
mod line;
mod pass;
mod push;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{Notify, watch};
use url::{Host, Url};
use usher_client::Client;
use usher_wire::{CloudStatus, Result};

use crate::Device;
pub(crate) use adopt::show;
pub(crate) use contact::Contact;
pub(crate) use line::{at_cloud, not_here};
pub(crate) use pass::pass;

/// What is known of the cloud beside the store.
#[derive(Default)]
pub(crate) struct Cloud {
    /// Where it is; `None` for a device without one.
    url: Option<String>,
    /// Made at its first use: reading the system's trust in certificates is nothing for every start.
    client: OnceLock<Client>,
    /// How each account stands with it.
    contacts: watch::Sender<HashMap<String, Contact>>,
    /// What wakes whoever keeps an account in step.
    bells: Mutex<HashMap<String, Arc<Bell>>>,
    /// Accounts came or went.
    pub(crate) changed: Notify,
}

/// Wakes whoever keeps an account in step.
#[derive(Default)]
struct Bell {
    /// There is an edit to push.
    edited: Notify,
    /// Somebody wants it done now, whatever failed before.
    asked: Notify,
}

impl Cloud {
    pub(crate) fn new(url: Option<String>) -> Self {
        Self { url, ..Self::default() }
    }

    pub(crate) fn is_there(&self) -> bool {
        self.url.is_some()
    }

    /// How an account stands with the cloud; `None` for one that never had to do with it.
    pub(crate) fn contact(&self, user: &str) -> Option<Contact> {
        self.contacts.borrow().get(user).cloned()
    }

    pub(crate) fn contacts(&self) -> watch::Receiver<HashMap<String, Contact>> {
        self.contacts.subscribe()
    }

    fn note(&self, user: &str, change: impl FnOnce(&mut Contact)) {
        self.contacts.send_if_modified(|contacts| {
            let before = contacts.get(user).cloned();
            let contact = contacts.entry(user.to_owned()).or_default();
            change(contact);
            before.as_ref() != Some(&*contact)
        });
    }

    fn bell(&self, user: &str) -> Arc<Bell> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(user.to_owned()).or_default())
    }

    /// There is an edit to push.
    pub(crate) fn edited(&self, user: &str) {
        if self.is_there() {
            self.bell(user).edited.notify_one();
        }
    }

    /// Somebody wants it to be asked now, whatever failed before.
    pub(crate) fn asked(&self, user: &str) {
        self.bell(user).asked.notify_one();
    }

    /// Whether the cloud said that this version is too old for it.
    pub(crate) fn wants_update(&self) -> bool {
        let wanted = self.client.get().and_then(Client::minimum_version);
        wanted.is_some_and(|wanted| contact::is_older(env!("CARGO_PKG_VERSION"), &wanted))
    }
}

/// Whether a device may be kept in step with a cloud at this address: a token goes there with every request.
pub fn check_cloud(address: &str) -> std::result::Result<(), String> {
    let url = Url::parse(address).map_err(|error| format!("it is no address ({error})"))?;
    let is_near = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err("it names no host".into()),
    };
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err("it must have no user, query or fragment".into());
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_near => Ok(()),
        _ => Err("it must be https: http is for a cloud on this machine only".into()),
    }
}

impl Device {
    /// How the current account stands with the cloud. A refused edit is told once.
    pub(crate) async fn cloud_status(&self) -> Result<Option<CloudStatus>> {
        let (Some(url), Some(user)) =
            (self.0.cloud.url.clone(), self.present()?.user.as_ref().map(|user| user.id.clone()))
        else {
            return Ok(None);
        };
        let Some(contact) = self.0.cloud.contact(&user) else { return Ok(None) };
        self.0.cloud.note(&user, |contact| contact.refused_edit = None);
        let pending = self.read(move |tx| tx.queued_edits(&user)).await?.len();
        Ok(Some(contact.status(url, pending, self.0.cloud.wants_update())))
    }
}

#[cfg(test)]
mod tests {
    use super::check_cloud;

    #[test]
    fn tokens_leave_the_machine_only_encrypted() {
        for good in [
            "https://cloud.example.org",
            "http://127.0.0.1:39400",
            "http://[::1]:1",
            "http://localhost:39400",
        ] {
            assert_eq!(check_cloud(good), Ok(()), "{good}");
        }
        for bad in [
            "http://cloud.example.org",
            "http://10.0.0.1",
            "http://localhost.example.org",
            "ftp://127.0.0.1",
            "cloud.example.org",
            "https://ada:secret@cloud.example.org",
            "https://cloud.example.org/?x=1",
        ] {
            let why = check_cloud(bad).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
