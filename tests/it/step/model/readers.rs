//! Readers: of each device and each node one that follows and one that asks again and again, and of each person one that
//! asks another node each time. None of them may ever see anything older than what was there before.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use super::{
    chance::Stop,
    seen::{Seen, id, stamp},
    world::{Desk, Person, Site, World},
};

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(150);
/// How much later than the answer a stream may tell of a switch, on a machine that is busy.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// The newest states on streams, by reader and account.
#[derive(Default)]
pub(super) struct Newest(Mutex<HashMap<(String, String), Value>>);

impl Newest {
    fn is(&self, reader: &str, user: &Value) {
        self.0.lock().unwrap().insert((reader.to_owned(), id(user)), user.clone());
    }

    /// What the stream of this reader shows of somebody.
    pub(super) fn of(&self, reader: &str, account: &str) -> Option<Value> {
        self.0.lock().unwrap().get(&(reader.to_owned(), account.to_owned())).cloned()
    }
}

/// Starts all of them.
pub(super) fn read(
    world: &Arc<World>,
    newest: &Arc<Newest>,
    stop: &Stop,
) -> Vec<tokio::task::JoinHandle<()>> {
    let mut readers = Vec::new();
    let spawn = |reader: Box<dyn Fn(Arc<World>, Arc<Newest>) -> Reading>| {
        let (reading, mut stop) = (reader(Arc::clone(world), Arc::clone(newest)), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = reading => {}
                () = stop.told() => {}
            }
        })
    };
    for desk in 0..world.desks.len() {
        readers.push(spawn(Box::new(move |world, _| Box::pin(ask_device(world, desk)))));
        readers.push(spawn(Box::new(move |world, newest| Box::pin(follow_device(world, desk, newest)))));
    }
    for site in 0..world.sites.len() {
        let other = (site + 1) % world.people.len();
        readers.push(spawn(Box::new(move |world, _| Box::pin(ask_nodes(world, other, vec![site])))));
        readers.push(spawn(Box::new(move |world, newest| Box::pin(follow_node(world, site, newest)))));
    }
    for person in 0..world.people.len() {
        readers.push(spawn(Box::new(move |world, _| Box::pin(ask_nodes(world, person, vec![0, 1, 2])))));
    }
    readers
}

type Reading = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Asks a device, which always has an answer while it is on, whatever is with the cloud.
async fn ask_device(world: Arc<World>, desk: usize) {
    let (desk, mut seen) = (&world.desks[desk], Seen::default());
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        let (turn, begun) = (desk.daemon.turn(), Instant::now());
        let floors: Vec<_> =
            desk.people.iter().map(|&person| desk.floor.of(&world.people[person].id)).collect();
        let answer = world.ask_device(desk, None, "/user", None).await;
        let was_on = turn.is_some() && turn == desk.daemon.turn();
        match answer {
            Some(answer) if answer.status == 200 => {
                let user = answer.json()["user"].clone();
                check_current(&world, desk, &user, begun);
                let place = desk.people.iter().position(|&person| world.people[person].id == id(&user));
                if let Some(place) = place
                    && stamp(&user) < floors[place]
                {
                    world.finds(format_args!("{} shows {user} after {}", desk.name, floors[place]));
                }
                check_seen(&world, &desk.name, &mut seen, &user);
                desk.floor.rises(&user);
            }
            Some(answer) if was_on => {
                world.finds(format_args!("{} answers {} {}", desk.name, answer.status, answer.body));
            }
            None if was_on => world.finds(format_args!("{} does not answer", desk.name)),
            _ => {}
        }
    }
}

async fn follow_device(world: Arc<World>, desk: usize, newest: Arc<Newest>) {
    let (desk, mut seen) = (&world.desks[desk], Seen::default());
    loop {
        if let Ok(mut states) = connect(&desk.url, None).await {
            while let Some(user) = next(&mut states).await {
                check_current(&world, desk, &user, Instant::now().checked_sub(TOLD_WITHIN).unwrap());
                check_seen(&world, &format!("the stream of {}", desk.name), &mut seen, &user);
                newest.is(&desk.name, &user);
            }
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Asks one node after the other. Each reads what all others have answered.
async fn ask_nodes(world: Arc<World>, person: usize, sites: Vec<usize>) {
    let (person, mut seen) = (&world.people[person], Seen::default());
    for site in sites.iter().cycle().map(|&site| &world.sites[site]) {
        tokio::time::sleep(ASK_EVERY).await;
        let floor = person.floor.of(&person.id);
        let Some(answer) = world.ask_node(site, person, "/user", None).await else { continue };
        if answer.status == 200 {
            let user = answer.json()["user"].clone();
            if stamp(&user) < floor {
                world.finds(format_args!("{} shows {user} after {floor}", site.name));
            }
            check_seen(&world, &site.name, &mut seen, &user);
            person.floor.rises(&user);
        } else if answer.status < 500 {
            world.finds(format_args!("{} answers {} {}", site.name, answer.status, answer.body));
        }
    }
}

async fn follow_node(world: Arc<World>, site: usize, newest: Arc<Newest>) {
    let (site, person, mut seen) = (&world.sites[site], followed(&world, site), Seen::default());
    loop {
        match connect(&site.url, Some(&person.token)).await {
            Ok(mut states) => {
                while let Some(user) = next(&mut states).await {
                    check_seen(&world, &format!("the stream of {}", site.name), &mut seen, &user);
                    newest.is(&site.name, &user);
                }
            }
            Err(Some(status)) if status < 500 => {
                world.finds(format_args!("{} refuses its stream with {status}", site.name));
            }
            Err(_) => {}
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Whom the stream of a node is about.
pub(super) fn followed(world: &World, site: usize) -> &Person {
    &world.people[site % world.people.len()]
}

fn check_current(world: &World, desk: &Desk, user: &Value, since: Instant) {
    let current = user["id"].as_str();
    if !desk.current.was(current, since) {
        world.finds(format_args!("{} shows {current:?} and should not: {user}", desk.name));
    }
}

fn check_seen(world: &World, whose: &str, seen: &mut Seen, user: &Value) {
    if !user.is_null()
        && let Err(why) = seen.sees(user)
    {
        world.finds(format_args!("{whose}: {why}"));
    }
}

type States = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A stream, or the status it is refused with, if there was one.
async fn connect(url: &str, token: Option<&str>) -> Result<States, Option<u16>> {
    let mut request = format!("{}/user/stream", url.replacen("http", "ws", 1)).into_client_request().unwrap();
    if let Some(token) = token {
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    match timeout(TOLD_WITHIN, connect_async(request)).await {
        Ok(Ok((states, _))) => Ok(states),
        Ok(Err(Error::Http(response))) => Err(Some(response.status().as_u16())),
        _ => Err(None),
    }
}

/// The next state; null when nobody is signed in, and `None` at the end of the stream.
async fn next(states: &mut States) -> Option<Value> {
    loop {
        match states.next().await {
            Some(Ok(Message::Text(text))) if text.is_empty() => return Some(Value::Null),
            Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            _ => return None,
        }
    }
}

/// What is a device's only: its own revisions.
pub(super) fn of_cloud(mut user: Value) -> Value {
    drop(user["updated"].take());
    user
}

impl Site {
    /// What its stream shows of whom it follows.
    pub(super) fn shows(&self, newest: &Newest, person: &Person) -> Option<Value> {
        newest.of(&self.name, &person.id)
    }
}
