//! Writers: one for each account of each device, and a page for each person that speaks to nodes. Each has members of his
//! own, and all have the name.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    chance::{Chance, Stop},
    said::{put, value, value_of},
    world::{Answer, Desk, World},
};

/// Who changes whom from where.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    pub(super) person: usize,
    /// The device; `None` for the page.
    pub(super) desk: Option<usize>,
    /// The member that is nobody else's.
    own: &'static str,
}

/// All of them: a member for each device, and one for the page.
pub(super) fn writers(world: &World) -> Vec<Writer> {
    let mut writers = Vec::new();
    for person in 0..world.people.len() {
        let mut members = ["username", "picture", "size"].into_iter();
        for (index, desk) in world.desks.iter().enumerate() {
            if desk.people.contains(&person) {
                writers.push(Writer { person, desk: Some(index), own: members.next().unwrap() });
            }
        }
        writers.push(Writer { person, desk: None, own: "dark" });
    }
    writers
}

/// Edits again and again. Answers how many edits there are by now, to go on from there.
pub(super) async fn write(
    world: Arc<World>,
    writer: Writer,
    mut chance: Chance,
    mut number: u64,
    mut stop: Stop,
) -> u64 {
    while stop.rests(chance.millis(60..600)).await {
        number += 1;
        let members = chance.one_of(&[vec![writer.own], vec!["name"], vec![writer.own, "name"]]).clone();
        // Either what is meant, or all that was read with some of it changed.
        let is_whole =
            chance.below(2) == 0 || members.iter().any(|member| matches!(*member, "size" | "dark"));
        let site = chance.below(world.sites.len());
        let mut edit = json!({ "id": world.people[writer.person].id });
        if is_whole {
            let Some(read) = read(&world, writer, site).await else { continue };
            edit = read;
        }
        send(&world, writer, site, &members, number, edit).await;
    }
    number
}

/// Has the page of somebody change what is its own, at this node; whether that was taken.
pub(super) async fn change(world: &World, person: usize, site: usize) -> bool {
    let writer = Writer { person, desk: None, own: "dark" };
    match read(world, writer, site).await {
        Some(read) => send(world, writer, site, &[writer.own], 0, read).await,
        None => false,
    }
}

/// What a writer sees of his person.
async fn read(world: &World, writer: Writer, site: usize) -> Option<Value> {
    let answer = ask(world, writer, site, "/user", None).await.filter(|answer| answer.status == 200)?;
    Some(answer.json()["user"].clone()).filter(|user| !user.is_null())
}

/// Sends an edit of these members, and keeps what is known of it then: whether it was taken.
async fn send(
    world: &World,
    writer: Writer,
    site: usize,
    members: &[&'static str],
    number: u64,
    mut edit: Value,
) -> bool {
    let (person, name) = (&world.people[writer.person], writer.name(world));
    for member in members {
        let new = match *member {
            "dark" => json!(*value_of(&edit, "dark") != json!(true)),
            member => value(member, person.name, &name, number),
        };
        put(&mut edit, member, new);
    }
    let desk = writer.desk.map(|desk| &world.desks[desk]);
    let turn = desk.and_then(|desk| desk.daemon.turn());
    let answer = ask(world, writer, site, "/user/update", Some(&edit)).await;
    let was_on = turn.is_some() && turn == desk.and_then(|desk| desk.daemon.turn());
    let meant: Vec<_> = members.iter().map(|member| (*member, value_of(&edit, member))).collect();
    let outcome = answer.as_ref().map(|answer| answer.status);
    world.notes(format_args!("{} at {name}/{site}: {meant:?}: {outcome:?}", person.name));
    match answer {
        Some(answer) if answer.status == 200 => {
            let user = answer.json();
            if meant.iter().any(|(member, value)| value_of(&user, member) != *value) {
                world.finds(format_args!("{name} did not get {meant:?} but {user}"));
            }
            world.counts(0);
            let floor = desk.map_or(&person.floor, |desk| &desk.floor);
            floor.rises(&user);
            meant.iter().for_each(|(member, value)| person.said.taken(member, &name, value));
            return true;
        }
        // Its base is too old, or too many edit at once: nothing changed.
        Some(Answer { status: 409 | 429, .. }) => {}
        Some(answer) if answer.status < 500 || was_on => {
            world.finds(format_args!(
                "an edit of {} at {name}: {} {}",
                person.name, answer.status, answer.body
            ));
        }
        None if was_on => world.finds(format_args!("an edit of {} at {name} is not answered", person.name)),
        _ => {
            world.counts(1);
            meant.iter().for_each(|(member, value)| person.said.unanswered(member, &name, value));
        }
    }
    false
}

async fn ask(world: &World, writer: Writer, site: usize, path: &str, body: Option<&Value>) -> Option<Answer> {
    let person = &world.people[writer.person];
    match writer.desk {
        Some(desk) => world.ask_device(&world.desks[desk], Some(&person.id), path, body).await,
        None => world.ask_node(&world.sites[site], person, path, body).await,
    }
}

impl Writer {
    pub(super) fn name(self, world: &World) -> String {
        self.desk.map_or_else(|| "web".to_owned(), |desk| world.desks[desk].name.clone())
    }
}

/// The one in front of a device: switches, clears and signs in again, looks at the cloud, and loses his session there.
pub(super) async fn sit(world: Arc<World>, desk: usize, mut chance: Chance, mut stop: Stop) {
    let desk = &world.desks[desk];
    while stop.rests(chance.millis(200..1500)).await {
        let person = *chance.one_of(desk.people);
        match chance.below(8) {
            0..=2 => select(&world, desk, person).await,
            3 => {
                clear(&world, desk).await;
                stop.rests(chance.millis(0..300)).await;
                sign_in(&world, desk, person).await;
            }
            4 => {
                if revoke(&world, desk, person, chance.below(world.sites.len())).await {
                    stop.rests(chance.millis(0..2000)).await;
                }
                sign_in(&world, desk, person).await;
            }
            _ => look(&world, desk, person).await,
        }
    }
    // Whatever was left open, he is there in the end.
    sign_in(&world, desk, desk.people[0]).await;
}

/// Makes somebody current, as often as it takes.
async fn select(world: &World, desk: &Desk, person: usize) {
    let person = &world.people[person];
    desk.current.may_become(Some(&person.id));
    loop {
        let body = json!({ "user_id": person.id });
        match world.ask_device(desk, None, "/user/select", Some(&body)).await {
            Some(answer) if answer.status == 200 => break,
            Some(answer) if answer.status < 500 => {
                return world.finds(format_args!("{} cannot select: {}", desk.name, answer.body));
            }
            _ => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
    desk.current.is(Some(&person.id));
    world.notes(format_args!("{} selected {}", desk.name, person.name));
}

async fn clear(world: &World, desk: &Desk) {
    desk.current.may_become(None);
    let answer = world.ask_device(desk, None, "/user/clear", Some(&Value::Null)).await;
    if answer.is_some_and(|answer| answer.status == 204) {
        desk.current.is(None);
    }
    world.notes(format_args!("{} cleared", desk.name));
}

/// Signs somebody in, as often as it takes.
async fn sign_in(world: &World, desk: &Desk, person: usize) {
    desk.current.may_become(Some(&world.people[person].id));
    while let Err(error) = world.sign_in(desk, person).await {
        world.notes(format_args!("{} cannot sign in: {error}", desk.name));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    desk.current.is(Some(&world.people[person].id));
    world.notes(format_args!("{} signed {} in", desk.name, world.people[person].name));
}

/// Ends the session of a device from a page; whether there is an end of it.
async fn revoke(world: &World, desk: &Desk, person: usize, site: usize) -> bool {
    let person = &world.people[person];
    let Some(sessions) = world.ask_device(desk, Some(&person.id), "/sessions", None).await else {
        return false;
    };
    let sessions = sessions.json();
    let current =
        sessions["iterable"].as_array().into_iter().flatten().find(|session| session["current"] == true);
    let Some(id) = current.and_then(|session| session["id"].as_str()) else { return false };
    let path = format!("/sessions/{id}/revoke");
    let ended = world.ask_node(&world.sites[site], person, &path, Some(&Value::Null)).await;
    let status = ended.map(|answer| answer.status);
    world.notes(format_args!("{} ended the session on {}: {status:?}", person.name, desk.name));
    status == Some(200)
}

/// Looks at the cloud now, whatever comes of it.
pub(super) async fn look(world: &World, desk: &Desk, person: usize) {
    let id = &world.people[person].id;
    let status = world.ask_device(desk, Some(id), "/user/refresh", None).await.map(|answer| answer.status);
    world.notes(format_args!("{} looked: {status:?}", desk.name));
    if status == Some(401) {
        world.finds(format_args!("{} is signed out by a look at the cloud", desk.name));
    }
}
