//! How many connections there are. When all seats are taken, the connection that has waited longest for a request of its
//! peer gives its seat to the new one; connections that are being answered keep theirs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The seats of one server.
pub(crate) struct Connections {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seated: usize,
    /// Grows with each wait that begins.
    clock: u64,
    /// Who waits for a request, since when.
    waiting: BTreeMap<u64, Arc<Notify>>,
}

/// The seat of one connection; free again when dropped.
pub(crate) struct Seat {
    connections: Arc<Connections>,
    leave: Arc<Notify>,
    place: Mutex<Place>,
}

#[derive(Clone, Copy)]
enum Place {
    Waiting(u64),
    Answering,
}

impl Connections {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    /// A seat for a new connection; `None` when every other one is being answered.
    pub(crate) fn seat(self: &Arc<Self>) -> Option<Seat> {
        let mut state = self.state();
        if state.seated >= self.most {
            let (_, longest) = state.waiting.pop_first()?;
            longest.notify_one();
            state.seated -= 1;
        }
        state.seated += 1;
        let leave = Arc::new(Notify::new());
        let place = Mutex::new(Place::Waiting(state.wait(&leave)));
        drop(state);
        Some(Seat { connections: Arc::clone(self), leave, place })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, leave: &Arc<Notify>) -> u64 {
        self.clock += 1;
        self.waiting.insert(self.clock, Arc::clone(leave));
        self.clock
    }
}

impl Seat {
    /// A request has come: the seat cannot be taken away until it is answered.
    pub(crate) fn answering(&self) {
        let mut place = self.place();
        if let Place::Waiting(since) = *place
            && self.connections.state().waiting.remove(&since).is_some()
        {
            *place = Place::Answering;
        }
    }

    /// The request is answered, and the next one may come.
    pub(crate) fn waiting(&self) {
        let mut place = self.place();
        if matches!(*place, Place::Answering) {
            *place = Place::Waiting(self.connections.state().wait(&self.leave));
        }
    }

    /// Ends when the seat was given to somebody else.
    pub(crate) async fn taken(&self) {
        self.leave.notified().await;
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let place = *self.place();
        let mut state = self.connections.state();
        match place {
            // Not among those who wait any more: the seat is somebody else's already.
            Place::Waiting(since) if state.waiting.remove(&since).is_none() => {}
            _ => state.seated -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn who_waits_longest_makes_room() {
        let connections = Connections::new(2);
        let (first, second) = (connections.seat().unwrap(), connections.seat().unwrap());
        first.answering();
        let third = connections.seat().unwrap();
        assert!(second.taken().now_or_never().is_some(), "it waited, the first is being answered");
        assert!(first.taken().now_or_never().is_none() && third.taken().now_or_never().is_none());
        third.answering();
        assert!(connections.seat().is_none(), "everybody is being answered");
        drop(second);
        assert!(connections.seat().is_none(), "the seat it lost is not free again");
        first.waiting();
        let fourth = connections.seat().unwrap();
        assert!(first.taken().now_or_never().is_some());
        drop((first, fourth));
        assert!(connections.seat().is_some(), "a seat that is left is free");
    }

    #[test]
    fn a_seat_that_was_taken_cannot_be_kept_by_a_late_request() {
        let connections = Connections::new(1);
        let first = connections.seat().unwrap();
        let second = connections.seat().unwrap();
        first.answering();
        assert!(first.taken().now_or_never().is_some());
        drop(first);
        second.answering();
        assert!(connections.seat().is_none());
    }
}
