//! What holds when all troubles are over: every edit that was taken is there, and everybody agrees.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{
    edits::look,
    readers::{Newest, followed, of_cloud},
    world::{Desk, Person, World},
};

/// How often it is looked whether it holds by now.
const LOOK_EVERY: Duration = Duration::from_millis(300);

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
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn holds(world: &World, newest: &Newest) -> Result<(), String> {
    for person in &world.people {
        let user = agreed(world, person).await?;
        person.said.check(&user).map_err(|why| format!("{why}: {user}"))?;
        for (index, site) in world.sites.iter().enumerate() {
            if followed(world, index).id == person.id && site.shows(newest, person).as_ref() != Some(&user) {
                return Err(format!("the stream of {} is not at {user}", site.name));
            }
        }
        for desk in
            world.desks.iter().filter(|desk| desk.people.iter().any(|&one| world.people[one].id == person.id))
        {
            follows(world, desk, person, &user, newest).await?;
        }
    }
    Ok(())
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
