//! What goes wrong: ends of processes and troubles of lines, each for a while. Several draw at the same time, so that
//! troubles overlap; each puts an end to its own.

use std::{sync::Arc, time::Duration};

use super::{
    chance::{Chance, Stop},
    proxy::{Line, Ways},
    world::{Link, World},
};
use crate::{cloud::node::Node, daemon::Daemon};

/// Makes trouble until told to stop, each for at most so many milliseconds.
pub(super) async fn trouble(world: Arc<World>, mut chance: Chance, most: usize, mut stop: Stop) {
    while stop.rests(chance.millis(50..700)).await {
        world.counts(2);
        match chance.below(10) {
            0 => device(&world, &mut chance).await,
            1 => node(&world, &mut chance, most).await,
            2 => server(&world, &mut chance, most).await,
            3 => database(&world, &mut chance, most).await,
            4 | 5 => {
                let desk = chance.one_of(&world.desks);
                line(&world, &desk.link, &format!("{} to the cloud", desk.name), &mut chance, most).await;
            }
            6 => {
                let site = chance.one_of(&world.sites);
                line(&world, &site.store, &format!("{} to the database", site.name), &mut chance, most).await;
            }
            7 => {
                let site = chance.one_of(&world.sites);
                line(&world, &site.nats, &format!("{} to NATS", site.name), &mut chance, most).await;
            }
            8 => brownout(&world, &mut chance, most).await,
            _ => {
                let (desk, site) = (chance.one_of(&world.desks), chance.one_of(&world.sites));
                if desk.link.lead_to(site.address()) {
                    world.notes(format_args!("{} goes to {}", desk.name, site.name));
                }
            }
        }
    }
}

async fn device(world: &World, chance: &mut Chance) {
    let (desk, pause) = (chance.one_of(&world.desks), chance.millis(0..1000));
    let (down, how): (fn(&mut Daemon), _) =
        if chance.below(3) == 0 { (Daemon::stop, "stops") } else { (Daemon::kill, "is killed") };
    world.notes(format_args!("{} {how} for {pause:?}", desk.name));
    let is_done = desk.daemon.restart(down, pause, Daemon::start_again).await;
    world.notes(format_args!("{} is on: {is_done}", desk.name));
}

async fn node(world: &World, chance: &mut Chance, most: usize) {
    let (site, pause) = (chance.one_of(&world.sites), chance.millis(0..most));
    let (down, how): (fn(&mut Node), _) =
        if chance.below(3) == 0 { (Node::stop, "stops") } else { (Node::kill, "is killed") };
    world.notes(format_args!("{} {how} for {pause:?}", site.name));
    let is_done = site.node.restart(down, pause, Node::keep_starting).await;
    world.notes(format_args!("{} is on: {is_done}", site.name));
}

async fn server(world: &World, chance: &mut Chance, most: usize) {
    let (server, pause) = (chance.below(world.servers.len()), chance.millis(0..most));
    world.notes(format_args!("NATS server {server} is killed for {pause:?}"));
    let down = |index: &mut usize| world.cluster.lock().unwrap().kill(*index);
    let up = |index: &mut usize| world.cluster.lock().unwrap().up(*index);
    let is_done = world.servers[server].restart(down, pause, up).await;
    world.notes(format_args!("NATS server {server} is on: {is_done}"));
}

async fn database(world: &World, chance: &mut Chance, most: usize) {
    let pause = chance.millis(0..most);
    world.notes(format_args!("the database crashes for {pause:?}"));
    let is_done = world.postgres.restart(|it| it.crash(), pause, |it| it.start_again()).await;
    world.notes(format_args!("the database is on: {is_done}"));
}

/// A node gets slow, and in the middle of that its devices are led to another one.
async fn brownout(world: &World, chance: &mut Chance, most: usize) {
    let (slow, other) = (chance.one_of(&world.sites), chance.one_of(&world.sites));
    let (delay, during) = (chance.millis(50..300), chance.millis(1_000..most.max(4_000)));
    world.notes(format_args!("{} is slow by {delay:?} for {during:?}, use {}", slow.name, other.name));
    let moves = async {
        tokio::time::sleep(during / 2).await;
        world.desks.iter().filter(|desk| desk.link.lead_to(other.address())).count()
    };
    let (is_done, moved) = tokio::join!(slow.store.suffer(Line::Slow(delay), during), moves);
    world.notes(format_args!("{} is fast: {is_done}, {moved} devices moved", slow.name));
}

async fn line(world: &World, link: &Link, name: &str, chance: &mut Chance, most: usize) {
    let ways = *chance.one_of(&[Ways::Both, Ways::Up, Ways::Down]);
    let trouble = match chance.below(6) {
        0 => Line::Cut,
        1 | 2 => Line::Silent(ways),
        3 => Line::Held(ways),
        4 => Line::Slow(chance.millis(50..800)),
        _ => Line::Torn,
    };
    let during = chance.millis(200..most).max(Duration::from_millis(200));
    world.notes(format_args!("{name}: {trouble:?} for {during:?}"));
    let is_done = link.suffer(trouble, during).await;
    world.notes(format_args!("{name}: good: {is_done}"));
}
