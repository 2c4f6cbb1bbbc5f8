//! Many writers and many readers at once: whatever a reader is sent is in order, of an account that is current, and in
//! the end the truth.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};
use usher_client::{Client, UserApi, Version};

use super::{USER, rename};
use crate::{
    contract::{anyone, model, select, sign_in},
    daemon::Daemon,
    raw::{Raw, Socket},
};

const ACCOUNTS: usize = 3;
const WRITERS: usize = 8;
/// Writes of each writer.
const WRITES: usize = 75;
const FOLLOWERS: usize = 32;
const POLLERS: usize = 4;
/// The name set last of all.
const THE_END: &str = "the end";

/// What one reader knows.
#[derive(Default)]
struct Reader {
    last: Option<String>,
    /// The newest stamp seen of each account.
    newest: HashMap<String, String>,
}

impl Reader {
    /// Checks a frame against all that came before it; true when it is the last one.
    fn read(&mut self, frame: String, accounts: &[String]) -> bool {
        assert!(self.last.as_ref() != Some(&frame), "equal states are not repeated");
        let profile: Value =
            if frame.is_empty() { Value::Null } else { serde_json::from_str(&frame).unwrap() };
        if let Some(id) = profile["id"].as_str() {
            assert!(accounts.iter().any(|account| account == id), "{id} was never current");
            let stamp = profile["updated"]["value"].as_str().unwrap();
            let was_of_him = self.last.as_ref().is_some_and(|last| last.contains(id));
            let newest = self.newest.entry(id.to_owned()).or_default();
            assert!(stamp >= newest.as_str(), "{stamp} of {id} after {newest}");
            assert!(!was_of_him || stamp > newest.as_str(), "two states of {id} with one stamp");
            stamp.clone_into(newest);
        }
        self.last = Some(frame);
        profile["name"] == THE_END
    }
}

/// Reads to the end and answers the last frame and how many there were.
async fn follow(mut socket: Socket, accounts: Arc<Vec<String>>) -> (String, usize) {
    let mut reader = Reader::default();
    for frames in 1.. {
        let frame = socket.text().await;
        if reader.read(frame, &accounts) {
            return (reader.last.unwrap(), frames);
        }
    }
    unreachable!("a socket of endless frames")
}

/// Polls `GET /user`: its versions only grow, and each is of one state.
async fn poll(raw: Raw, over: Arc<AtomicBool>) -> usize {
    let mut seen: (Version, String) = (Version::default(), String::new());
    let mut states = 0;
    while !over.load(Ordering::Relaxed) {
        let reply = raw.get("/user").await;
        let version: Version = reply.header("etag").unwrap().parse().unwrap();
        assert!(version >= seen.0, "{version} after {}", seen.0);
        assert!(version > seen.0 || reply.body == seen.1, "two states under {version}");
        if version.generation == seen.0.generation {
            let id = |body: &str| serde_json::from_str::<Value>(body).unwrap()["user"]["id"].clone();
            assert_eq!(id(&reply.body), id(&seen.1), "one generation is of one account");
        }
        states += usize::from(version > seen.0);
        seen = (version, reply.body);
    }
    states
}

/// Mostly edits, now and then a switch or a clear; each answer is already visible to the one who waited for it.
async fn write(client: Client, writer: usize, accounts: Arc<Vec<String>>, outsider: String) {
    for nth in 0..WRITES {
        let account = &accounts[(writer + nth) % ACCOUNTS];
        match nth % 8 {
            3 => {
                let before = client.user_snapshot(&anyone()).await.unwrap().version;
                select(&client, json!({ "user_metadata": { "global_id": account } })).await;
                let after = client.user_snapshot(&anyone()).await.unwrap();
                assert!(after.version >= before);
            }
            6 if writer == 0 => client.clear_user(&anyone()).await.unwrap(),
            5 if writer == 1 => drop(rename(&client, &outsider, &format!("outsider {nth}")).await),
            _ => {
                let name = format!("{writer}-{nth}");
                assert_eq!(rename(&client, account, &name).await.name, Some(name));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_order_and_truth_whatever_the_writers_do() {
    let daemon = Daemon::start();
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    let outsider = sign_in(&client, "Outsider").await.id;
    let mut accounts = Vec::new();
    for nth in 0..ACCOUNTS {
        accounts.push(sign_in(&client, &format!("Account{nth}")).await.id);
    }
    let accounts = Arc::new(accounts);
    let over = Arc::new(AtomicBool::new(false));
    let mut followers = Vec::new();
    for _ in 0..FOLLOWERS {
        followers.push(tokio::spawn(follow(raw.socket(USER).await, Arc::clone(&accounts))));
    }
    let pollers: Vec<_> = (0..POLLERS).map(|_| tokio::spawn(poll(raw.clone(), Arc::clone(&over)))).collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(client.clone(), writer, Arc::clone(&accounts), outsider.clone())))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    select(&client, json!({ "user_metadata": { "global_id": accounts[0] } })).await;
    client.update_user(&anyone(), model(json!({ "id": accounts[0], "name": THE_END }))).await.unwrap();
    over.store(true, Ordering::Relaxed);

    let truth = raw.user().await;
    for follower in followers {
        let (last, frames) = follower.await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&last).unwrap(), truth);
        assert!(frames > 10, "{frames} frames are hardly a storm");
    }
    for poller in pollers {
        assert!(poller.await.unwrap() > 10);
    }
}
