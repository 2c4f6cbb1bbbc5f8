//! What holds when all troubles are over: every edit that was taken is there, and everybody agrees.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;

use super::{
    chance::Chance,
    edits::{change, look},
    proxy::{Line, Ways},
    readers::{Newest, followed, of_cloud},
    world::{Desk, LOOK_SECONDS, Person, World},
};

/// How often it is asked whether it holds by now.
const ASK_AGAIN: Duration = Duration::from_millis(300);
/// How long nodes are without NATS in the end, and after how much of that there are changes.
const DEAF_FOR: Duration = Duration::from_millis(1_000);
const CHANGES_AFTER: Duration = Duration::from_millis(500);
/// How soon they know all the same; much less than until they look by themselves.
const KNOWN_WITHIN: Duration = Duration::from_secs(3);
/// How soon they know what nobody told them.
const FOUND_WITHIN: Duration = Duration::from_secs(LOOK_SECONDS + 6);

/// Waits until everything holds, or says what does not. Whoever is patient asks no device to look at the cloud.
pub(super) async fn check(
    world: &World,
    newest: &Newest,
    is_patient: bool,
    within: Duration,
) -> Result<(), String> {
    let begun = Instant::now();
    let mut looks = 0;
    loop {
        // The second look is for what failed at the first one's moment.
        if !is_patient && begun.elapsed() >= Duration::from_secs(5 * looks) {
            looks += 1;
            for desk in &world.desks {
                for &person in desk.people {
                    look(world, desk, person).await;
                }
            }
        }
        let held = holds(world, newest).await;
        if held.is_ok() || begun.elapsed() > within || world.finding.borrow().is_some() {
            world.notes(format_args!("checked for {:?}: {held:?}", begun.elapsed()));
            return held;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Cuts some nodes off from NATS while there are changes, and waits until all streams show them: those who could not tell
/// do it now, and those who could not hear look.
pub(super) async fn tells(world: &World, newest: &Newest, mut chance: Chance) -> Result<(), String> {
    let deaf: Vec<_> = world.sites.iter().filter(|_| chance.below(2) == 0).collect();
    world.notes(format_args!("{} nodes are deaf", deaf.len()));
    let deafness = join_all(deaf.into_iter().map(|site| site.nats.suffer(Line::Cut, DEAF_FOR)));
    let sites = world.people.iter().map(|_| chance.below(world.sites.len())).collect();
    tokio::join!(deafness, change_all(world, sites)).1?;
    wait_for_streams(world, newest, KNOWN_WITHIN).await
}

/// Loses what one node tells the others, who hear well and so have no reason to look, and waits until they look all the same.
pub(super) async fn finds(world: &World, newest: &Newest, mut chance: Chance) -> Result<(), String> {
    let mute = chance.below(world.sites.len());
    world.notes(format_args!("{} is mute", world.sites[mute].name));
    let muteness = world.sites[mute].nats.suffer(Line::Silent(Ways::Up), DEAF_FOR);
    tokio::join!(muteness, change_all(world, vec![mute; world.people.len()])).1?;
    wait_for_streams(world, newest, FOUND_WITHIN).await
}

/// Changes everybody at one of these nodes each, in the middle of a trouble.
async fn change_all(world: &World, sites: Vec<usize>) -> Result<(), String> {
    tokio::time::sleep(CHANGES_AFTER).await;
    for (person, site) in sites.into_iter().enumerate() {
        if !change(world, person, site).await {
            return Err(format!("a change of {} is not taken", world.people[person].name));
        }
    }
    Ok(())
}

async fn wait_for_streams(world: &World, newest: &Newest, within: Duration) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let shown = streams_show(world, newest).await;
        if shown.is_ok() || begun.elapsed() > within {
            world.notes(format_args!("known after {:?}: {shown:?}", begun.elapsed()));
            return shown;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

async fn streams_show(world: &World, newest: &Newest) -> Result<(), String> {
    for (index, site) in world.sites.iter().enumerate() {
        let (person, user) = (followed(world, index), agreed(world, followed(world, index)).await?);
        if site.shows(newest, person).as_ref() != Some(&user) {
            return Err(format!("the stream of {} is not at {user}", site.name));
        }
    }
    Ok(())
}

async fn holds(world: &World, newest: &Newest) -> Result<(), String> {
    for person in &world.people {
        let user = agreed(world, person).await?;
        person.said.check(&user).map_err(|why| format!("{why}: {user}"))?;
        for desk in
            world.desks.iter().filter(|desk| desk.people.iter().any(|&one| world.people[one].id == person.id))
        {
            follows(world, desk, person, &user, newest).await?;
        }
    }
    streams_show(world, newest).await
}

/// The profile on which all nodes and their database agree.
async fn agreed(world: &World, person: &Person) -> Result<Value, String> {
    let mut agreed = None;
    for site in &world.sites {
        let answer = world.ask_node(site, person, "/user", None).await;
        let user = answer.filter(|answer| answer.status == 200).map(|answer| answer.json()["user"].clone());
        let user = user.ok_or_else(|| format!("{} does not say who {} is", site.name, person.name))?;
        if agreed.as_ref().is_some_and(|agreed| *agreed != user) {
            return Err(format!("{} says {user}, and others {agreed:?}", site.name));
        }
        agreed = Some(user);
    }
    let agreed = agreed.ok_or("there is no node")?;
    let postgres = world.postgres.it.lock().await;
    let sql = format!("SELECT document FROM users WHERE id = '{}'", person.id);
    let stored = postgres.ask(&postgres.url(), &sql)?;
    let stored: Value = serde_json::from_str(&stored).map_err(|error| format!("{error}: {stored}"))?;
    let is_stored = stored
        .as_object()
        .is_some_and(|stored| stored.iter().all(|(member, value)| agreed[member] == *value));
    if is_stored { Ok(agreed) } else { Err(format!("stored is {stored}, and nodes say {agreed}")) }
}

/// Whether a device is where the cloud is with somebody, and owes it nothing.
async fn follows(
    world: &World,
    desk: &Desk,
    person: &Person,
    user: &Value,
    newest: &Newest,
) -> Result<(), String> {
    let get = async |account: Option<&str>, path: &str| {
        let answer = world.ask_device(desk, account, path, None).await;
        let answer = answer.filter(|answer| answer.status == 200);
        answer.map(|answer| answer.json()).ok_or_else(|| format!("{} does not answer {path}", desk.name))
    };
    let shown = get(Some(&person.id), "/user").await?["user"].clone();
    if of_cloud(shown.clone()) != of_cloud(user.clone()) {
        return Err(format!("{} shows {shown}, and the cloud {user}", desk.name));
    }
    if desk.current.now().as_ref() == Some(&person.id) {
        let cloud = get(None, "/status").await?["cloud"].clone();
        if cloud["pendingEdits"] != 0 || cloud["connectivity"] != "CONNECTED" {
            return Err(format!("{} is not in step: {cloud}", desk.name));
        }
        if newest.of(&desk.name, &person.id).as_ref() != Some(&shown) {
            return Err(format!("the stream of {} is not at {shown}", desk.name));
        }
    }
    Ok(())
}
