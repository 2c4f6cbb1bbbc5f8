//! Ten thousand switches between two accounts while callers of every kind look: nobody is shown a mixture of both, a
//! caller bound to one is never shown the other, nothing old comes after something new, and in the end all agree.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};
use usher_client::{UserApi, Version};

use super::{CHECK_INS, USER};
use crate::{
    contract::{anyone, model, organisation, put_policy, select, sign_in, until},
    daemon::Daemon,
    http::{Connection, JSON, Reply, post_json},
    raw::{Raw, Socket},
    steps::{Over, rename},
};

/// Changes of who is current.
const SWITCHES: u64 = 10_000;
const SWITCHERS: usize = 12;
/// Streams of each kind: not bound, and bound to either account.
const FOLLOWERS: usize = 4;
/// The number in the names that are set last of all.
const THE_END: u64 = 1_000_000;
const MODELS: &str =
    r#"{"feature":"ALLOWED_CLOUD_MODELS","context":{"allowedCloudModels":{"modelUniqueName":"x"}}}"#;

/// One of the two. Its name has a number that grows with each edit.
#[derive(Clone)]
struct Account {
    id: String,
    name: &'static str,
    organisation: &'static str,
}

/// What a reader may be shown, and was shown.
#[derive(Clone)]
struct Reader {
    accounts: Arc<[Account; 2]>,
    bound: Option<usize>,
    newest: [u64; 2],
}

impl Reader {
    /// Checks that all of a profile is of one account that this reader may see, and no older than before. Whose it is.
    fn read(&mut self, profile: &Value) -> usize {
        let whose = self.accounts.iter().position(|account| profile["id"] == json!(account.id));
        let whose = whose.unwrap_or_else(|| panic!("nobody's: {profile}"));
        assert!(self.bound.is_none_or(|bound| bound == whose), "bound to {:?}: {profile}", self.bound);
        let Account { name, organisation, .. } = &self.accounts[whose];
        assert_eq!(profile["email"], json!(format!("{}@example.org", name.to_lowercase())));
        assert_eq!(profile["entities"]["iterable"][0]["id"], json!(organisation));
        let (shown, number) = profile["name"].as_str().unwrap().split_once(' ').unwrap();
        let number: u64 = number.parse().unwrap();
        assert_eq!(shown, *name, "{profile}");
        assert!(number >= self.newest[whose], "{number} after {}", self.newest[whose]);
        self.newest[whose] = number;
        whose
    }

    /// Checks a decision: it is of one organisation of who may be seen.
    fn decided(&self, decision: &Value) {
        let allowed = |(nth, account): (usize, &Account)| {
            self.bound.is_none_or(|bound| bound == nth)
                && decision["decision"]["entity"]["id"] == account.organisation
        };
        assert!(self.accounts.iter().enumerate().any(allowed), "bound to {:?}: {decision}", self.bound);
        assert_eq!(decision["canUse"], false, "{decision}");
    }

    fn account(&self) -> Option<&str> {
        self.bound.map(|bound| &*self.accounts[bound].id)
    }
}

/// Asks who is there and what is allowed until that many switches were made. How many states that showed.
fn poll(url: &str, mut reader: Reader, last: u64, over: &AtomicBool) -> usize {
    let _over = Over(over);
    let id = reader.account().map(str::to_owned);
    let binding: Vec<_> = id.iter().map(|id| ("Usher-Account", &**id)).collect();
    let mut connection = Connection::open(url);
    let mut seen: (Version, Vec<u8>, usize) = Default::default();
    let mut states = 0;
    while !over.load(Ordering::Relaxed) && seen.0.generation < last {
        let reply = connection.ask("GET", "/user", &binding, b"");
        let version: Version = reply.header("etag").unwrap().parse().unwrap();
        let whose = reader.read(&reply.json()["user"]);
        assert!(version >= seen.0, "{version} after {}", seen.0);
        assert!(version > seen.0 || reply.body == seen.1, "two states under {version}");
        assert!(version == seen.0 || reply.body != seen.1 || id.is_none(), "no change, and yet {version}");
        assert!(version.generation > seen.0.generation || whose == seen.2, "two accounts in one generation");
        states += usize::from(version > seen.0);
        seen = (version, reply.body, whose);
        let headers = [&binding, JSON].concat();
        reader
            .decided(&connection.ask("POST", "/user/has_feature_access", &headers, MODELS.as_bytes()).json());
    }
    states
}

/// Reads a stream to its last change and answers that.
async fn follow(mut socket: Socket, mut reader: Reader) -> Value {
    let mut last = Value::Null;
    loop {
        let profile = socket.json().await;
        assert!(profile != last, "equal states are not repeated");
        let whose = reader.read(&profile);
        last = profile;
        if reader.newest[whose] == THE_END {
            return last;
        }
    }
}

/// Reads check-ins until the daemon stops.
async fn follow_check_ins(mut socket: Socket, reader: Reader) -> usize {
    let mut frames = 0;
    while let Some(frame) = socket.next().await {
        let frame: Value = serde_json::from_str(&frame).unwrap();
        let may_be = |(nth, account): (usize, &Account)| {
            reader.bound.is_none_or(|bound| bound == nth) && frame["userId"] == json!(account.id)
        };
        assert!(reader.accounts.iter().enumerate().any(may_be), "bound to {:?}: {frame}", reader.bound);
        frames += 1;
    }
    frames
}

/// Switches to and fro until it is over; each answer is of the account that was selected. The first one edits, too.
fn switch(url: &str, nth: usize, mut reader: Reader, over: &AtomicBool) {
    let _over = Over(over);
    let mut connection = Connection::open(url);
    for round in 0.. {
        let whose = (nth + round) % 2;
        let account = reader.accounts[whose].clone();
        let body = json!({ "user_metadata": { "global_id": account.id } }).to_string();
        let reply = connection.ask("POST", "/user/select", JSON, body.as_bytes());
        assert_eq!(reply.status, 200, "{reply}");
        assert_eq!(reader.read(&reply.json()), whose);
        if nth == 0 && round % 5 == 0 {
            let body = json!({ "id": account.id, "name": format!("{} {round}", account.name) }).to_string();
            let reply: Reply = connection.ask("POST", "/user/update", JSON, body.as_bytes());
            assert_eq!(reply.status, 200, "{reply}");
        }
        if over.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// A daemon with two accounts, each in an organisation of its own.
async fn with_two(daemon: &Daemon) -> Reader {
    let mut accounts = Vec::new();
    for (name, organisation_id) in [("Ada", "acme"), ("Grace", "bolt")] {
        let body =
            json!({ "name": format!("{name} 0"), "email": format!("{}@example.org", name.to_lowercase()) });
        let id = select(&daemon.client(), body).await.id;
        let mut entity = organisation(organisation_id, Some(&[&id]));
        entity["configuration"] = json!({ "externalProvider": { "allowedCloudModels": {
            "enabled": "ENABLED", "allowedModels": { "iterable": [{ "unique": "gpt-5" }] } } } });
        put_policy(&daemon.data_dir(), &format!("{organisation_id}.json"), &entity.to_string());
        accounts.push(Account { id, name, organisation: organisation_id });
    }
    let is_in_force = async || {
        let mut users = daemon.client().users_snapshot(&anyone()).await.unwrap().iterable.into_iter();
        users.all(|user| user.entities.is_some()).then_some(())
    };
    until(is_in_force).await;
    Reader { accounts: Arc::new(accounts.try_into().ok().unwrap()), bound: None, newest: [0, 0] }
}

async fn open(raw: &Raw, path: &str, reader: &Reader) -> Socket {
    let binding: Vec<_> = reader.account().into_iter().map(|id| ("usher-account", id)).collect();
    raw.handshake(path, &binding).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_switches_show_nobody_what_is_not_his() {
    let mut daemon = Daemon::start();
    let (raw, client, url) = (Raw::new(&daemon), daemon.client(), daemon.url().to_owned());
    let unbound = with_two(&daemon).await;
    let readers = [None, Some(0), Some(1)].map(|bound| Reader { bound, ..unbound.clone() });
    let (mut followers, mut check_ins) = (Vec::new(), Vec::new());
    for reader in &readers {
        for _ in 0..FOLLOWERS {
            followers.push(tokio::spawn(follow(open(&raw, USER, reader).await, reader.clone())));
        }
        check_ins.push(tokio::spawn(follow_check_ins(open(&raw, CHECK_INS, reader).await, reader.clone())));
    }
    let begin = client.user_snapshot(&anyone()).await.unwrap().version.generation;
    let generation = async || client.user_snapshot(&anyone()).await.unwrap().version.generation;
    let over = AtomicBool::new(false);
    let states: Vec<usize> = thread::scope(|scope| {
        let (url, over) = (url.as_str(), &over);
        let pollers: Vec<_> = readers
            .iter()
            .map(|reader| scope.spawn(move || poll(url, reader.clone(), begin + SWITCHES, over)))
            .collect();
        let switchers: Vec<_> = (0..SWITCHERS)
            .map(|nth| {
                let reader = unbound.clone();
                scope.spawn(move || switch(url, nth, reader, over))
            })
            .collect();
        switchers.into_iter().for_each(|switcher| switcher.join().unwrap());
        pollers.into_iter().map(|poller| poller.join().unwrap()).collect()
    });
    assert!(generation().await >= begin + SWITCHES);
    assert!(states.iter().all(|states| *states > 10), "{states:?} states are hardly a storm");

    let [ada, grace] = &*unbound.accounts;
    select(&client, json!({ "user_metadata": { "global_id": ada.id } })).await;
    for account in [grace, ada] {
        assert_eq!(rename(&url, &account.id, &format!("{} {THE_END}", account.name)).status, 200);
    }
    let hers = client.clone().as_account(&grace.id).user_snapshot(&anyone()).await.unwrap();
    let (ada, grace) = (raw.user().await, json!(hers.user));
    assert_eq!(ada["name"], format!("Ada {THE_END}"));
    for (nth, follower) in followers.into_iter().enumerate() {
        assert_eq!(follower.await.unwrap(), if nth < 2 * FOLLOWERS { ada.clone() } else { grace.clone() });
    }
    daemon.stop();
    for follower in check_ins {
        assert!(follower.await.unwrap() > 10);
    }
}

#[tokio::test]
async fn there_and_back_again_is_three_frames_for_who_follows_the_device_and_none_for_who_is_bound() {
    let daemon = Daemon::start();
    let (raw, client) = (Raw::new(&daemon), daemon.client());
    let grace = sign_in(&client, "Grace").await;
    let ada = sign_in(&client, "Ada").await;
    let bound = [("usher-account", "ada@example.org")];
    let (mut current, mut hers) = (raw.socket(USER).await, raw.handshake(USER, &bound).await.unwrap());
    let mut check_ins = raw.handshake(CHECK_INS, &bound).await.unwrap();
    assert_eq!((current.json().await, hers.json().await), (json!(ada), json!(ada)));
    assert_eq!(check_ins.json().await["userId"], json!(ada.id));
    for user in [&grace, &ada] {
        let body = json!({ "user_metadata": { "global_id": user.id } });
        let reply = post_json(daemon.url(), "/user/select", &body);
        assert_eq!(reply.json(), json!(user));
        assert_eq!(current.json().await, json!(user), "all of it");
    }
    assert!(hers.is_silent().await && check_ins.is_silent().await);
    let edit = model(json!({ "id": ada.id, "name": "Ada L" }));
    let renamed = client.update_user(&anyone(), edit).await.unwrap();
    assert_eq!((current.json().await, hers.json().await), (json!(renamed), json!(renamed)));
    assert_eq!(check_ins.json().await["needsRefresh"], true);
}
