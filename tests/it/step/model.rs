//! A random life of two devices and their cloud: edits here and there, ends without warning, and at the end one state that
//! has every edit somebody was told is kept.

use serde_json::{Value, json};

use super::{World, edit, refresh, shows, stands};
use crate::{daemon::Daemon, raw::Raw};

/// What happens, in the order of a fixed chance.
const STEPS: usize = 40;

/// Numbers that look random and are the same each time (Knuth's linear congruence).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A device, and what it was told is kept: its own member, and its last word on the shared one.
struct Desk {
    daemon: Daemon,
    own: &'static str,
    kept: Option<Value>,
    name: Option<Value>,
    seen: String,
}

impl Desk {
    /// Looks at the present state: somebody is there, and it is never an older one.
    async fn look(&mut self) {
        let user = Raw::new(&self.daemon).user().await;
        let stamp =
            user["updated"]["value"].as_str().unwrap_or_else(|| panic!("signed out: {user}")).to_owned();
        assert!(stamp >= self.seen, "{stamp} after {}", self.seen);
        self.seen = stamp;
    }
}

#[tokio::test]
async fn every_edit_that_was_taken_is_everywhere_in_the_end() {
    let Some(mut world) = World::start() else { return };
    let mut desks = Vec::new();
    for own in ["username", "picture"] {
        let daemon = world.device("ada").await;
        desks.push(Desk { daemon, own, kept: None, name: None, seen: String::new() });
    }
    let mut chance = Chance(7);
    let mut is_up = true;
    for step in 0..STEPS {
        let which = usize::try_from(chance.below(2)).unwrap();
        let desk = &mut desks[which];
        match chance.below(8) {
            0 if is_up => world.node.kill(),
            0 | 1 if !is_up => world.node.start_again(),
            2 => {
                desk.daemon.kill();
                desk.daemon.start_again();
            }
            3 | 4 => {
                let name = json!(format!("Ada {which} {step}"));
                edit(&desk.daemon, json!({ "name": name })).await;
                desk.name = Some(name);
            }
            _ => {
                let value = match desk.own {
                    "username" => json!(format!("ada{step}")),
                    _ => json!(format!("https://img.example.org/{step}.png")),
                };
                edit(&desk.daemon, json!({ desk.own: value })).await;
                desk.kept = Some(value);
            }
        }
        is_up = world.node.is_running();
        desk.look().await;
    }
    if !is_up {
        world.node.start_again();
    }
    for desk in &desks {
        assert_eq!(refresh(&desk.daemon).await.status, 200);
        stands(&desk.daemon, "pendingEdits", json!(0)).await;
    }
    let end = world.at_cloud("ada").await;
    for desk in &mut desks {
        assert_eq!(Some(&end[desk.own]), desk.kept.as_ref(), "the last of its own edits");
        let agrees =
            |user: &Value| ["name", "username", "picture"].iter().all(|member| user[member] == end[member]);
        shows(&desk.daemon, agrees).await;
        desk.look().await;
    }
    assert!(desks.iter().any(|desk| desk.name.as_ref() == Some(&end["name"])), "somebody's last word: {end}");
}
