//! A random life of a cloud and the devices in step with it: edits, switches and readers everywhere while processes end and
//! lines fail, and at the end one state that has every edit somebody was told is kept.

mod chance;
mod check;
mod edits;
mod faults;
mod late;
mod proxy;
mod readers;
mod said;
mod seen;
mod world;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use chance::{Chance, Stop};
use readers::Newest;
use tokio::task::JoinHandle;
use world::World;

/// The seed of the short run, so that it is the same each time.
const SEED: u64 = 7;
/// How long troubles go on in it.
const SHORT: Duration = Duration::from_secs(12);
/// How long they go on in a round of a long one, in milliseconds.
const LONG: std::ops::Range<usize> = 5_000..30_000;
/// The same for somebody who asks no device to look at the cloud after it.
const BRIEF: std::ops::Range<usize> = 2_000..5_000;
/// Troubles at the same time, at most.
const TROUBLES: usize = 5;
/// When everything must hold after them.
const HOLDS_WITHIN: Duration = Duration::from_secs(60);

/// One time of troubles, and what holds after it.
struct Round {
    seed: u64,
    during: Duration,
    /// How long one trouble lasts at most, in milliseconds.
    most: usize,
    /// Nobody asks devices to look at the cloud after it.
    is_patient: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_edit_that_was_taken_is_everywhere_in_the_end() {
    let variable = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let (seed, seconds) = (variable("USHER_TEST_SEED"), variable("USHER_TEST_MODEL_SECONDS"));
    let Some(world) = World::start().await.map(Arc::new) else { return };
    let (tell, stop) = Stop::new();
    let newest = Arc::new(Newest::default());
    let readers = readers::read(&world, &newest, &stop);
    let mut counts = vec![0; edits::writers(&world).len()];
    let begun = Instant::now();
    for number in 0.. {
        let seed = match (seed, seconds) {
            (Some(seed), _) => seed + number,
            (None, None) => SEED,
            (None, Some(_)) => RandomState::new().hash_one(number) % 1_000_000,
        };
        let round = Round::new(seed, seconds.is_some());
        eprintln!("{:?} round {number} with USHER_TEST_SEED={seed}", begun.elapsed());
        let outcome = round.run(&world, &newest, &mut counts).await;
        if let Err(why) = outcome {
            panic!("{}\n\nUSHER_TEST_SEED={seed}: {why}", world.tells().await);
        }
        if seconds.is_none_or(|seconds| begun.elapsed() >= Duration::from_secs(seconds)) {
            break;
        }
    }
    tell.send_replace(true);
    for reader in readers {
        reader.await.unwrap();
    }
}

impl Round {
    fn new(seed: u64, is_long: bool) -> Self {
        let mut chance = Chance::new(seed, "round");
        if !is_long {
            return Self { seed, during: SHORT, most: 2_500, is_patient: false };
        }
        // Devices wait the longer the longer they could not reach the cloud, so who is patient waits for short troubles.
        if chance.below(3) == 0 {
            return Self { seed, during: chance.millis(BRIEF), most: 500, is_patient: true };
        }
        Self {
            seed,
            during: chance.millis(LONG),
            most: *chance.one_of(&[1_000, 4_000, 12_000, 30_000]),
            is_patient: false,
        }
    }

    /// What holds when all is good again, and after last troubles whose end somebody has to notice.
    async fn check(&self, world: &World, newest: &Newest) -> Result<(), String> {
        check::check(world, newest, self.is_patient, HOLDS_WITHIN).await?;
        // Twice, because nodes that look in time hide that they were not told.
        for name in ["deaf", "deaf again"] {
            check::tells(world, newest, self.chance(name)).await?;
        }
        check::finds(world, newest, self.chance("mute")).await?;
        check::check(world, newest, true, HOLDS_WITHIN).await
    }

    async fn run(&self, world: &Arc<World>, newest: &Newest, counts: &mut [u64]) -> Result<(), String> {
        let (calm, troubled) = Stop::new();
        let (rest, working) = Stop::new();
        let mut steps = self.troubles(world, &troubled);
        steps.extend(self.sitters(world, &working));
        let writing = self.writers(world, counts, &working);
        goes_on(world, self.during).await;
        // The last edits come before the last troubles, or after them.
        let mut orders = [rest, calm];
        if self.chance("order").below(2) == 0 {
            orders.reverse();
        }
        for order in orders {
            order.send_replace(true);
            goes_on(world, Duration::from_secs(1)).await;
        }
        for step in steps {
            step.await.map_err(|error| format!("a step failed: {error}"))?;
        }
        for (writer, count) in writing.into_iter().zip(counts) {
            *count = writer.await.map_err(|error| format!("a writer failed: {error}"))?;
        }
        world.notes("all is good");
        let held = self.check(world, newest).await;
        let found = world.finding.borrow().clone();
        found.map_or(held, Err)?;
        world.people.iter().for_each(|person| person.said.settle());
        let [taken, unanswered, troubles] = world.tally.each_ref().map(|count| count.load(Ordering::Relaxed));
        eprintln!("so far {taken} edits taken, {unanswered} without an answer, {troubles} troubles");
        Ok(())
    }

    fn chance(&self, of: &str) -> Chance {
        Chance::new(self.seed, of)
    }

    fn troubles(&self, world: &Arc<World>, stop: &Stop) -> Vec<JoinHandle<()>> {
        let start = |number| {
            let chance = self.chance(&format!("trouble {number}"));
            tokio::spawn(faults::trouble(Arc::clone(world), chance, self.most, stop.clone()))
        };
        (0..TROUBLES).map(start).collect()
    }

    fn sitters(&self, world: &Arc<World>, stop: &Stop) -> Vec<JoinHandle<()>> {
        let start = |desk| {
            let chance = self.chance(&format!("desk {desk}"));
            tokio::spawn(edits::sit(Arc::clone(world), desk, chance, stop.clone()))
        };
        (0..world.desks.len()).map(start).collect()
    }

    fn writers(&self, world: &Arc<World>, counts: &[u64], stop: &Stop) -> Vec<JoinHandle<u64>> {
        let start = |(index, writer)| {
            let chance = self.chance(&format!("writer {index}"));
            tokio::spawn(edits::write(Arc::clone(world), writer, chance, counts[index], stop.clone()))
        };
        edits::writers(world).into_iter().enumerate().map(start).collect()
    }
}

/// Lets it go on for a while, or until there is something wrong.
async fn goes_on(world: &World, during: Duration) {
    let mut finding = world.finding.subscribe();
    drop(tokio::time::timeout(during, finding.wait_for(Option::is_some)).await);
}
