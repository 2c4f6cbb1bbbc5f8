//! How many connections there are. When all seats are taken, the connection that has waited longest for a request of its
//! peer gives its seat to the new one. Connections that are being answered keep theirs, and so do those that nobody has
//! listened to yet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The seats of one server.
pub(crate) struct Connections {
    most: usize,
    state: Mutex<State>,
    /// A seat was left, or can be taken now.
    moved: Notify,
}

#[derive(Default)]
struct State {
    seated: usize,
    /// Those that nobody has listened to yet.
    arriving: usize,
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
    Arriving,
    Waiting(u64),
    Answering,
}

impl Connections {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default(), moved: Notify::new() })
    }

    /// A seat for a new connection, once those before it were listened to; `None` when every other one is being answered.
    pub(crate) async fn seat(self: &Arc<Self>) -> Option<Seat> {
        loop {
            let moved = self.moved.notified();
            {
                let mut state = self.state();
                if let Some(seat) = self.try_seat(&mut state) {
                    return Some(seat);
                }
                if state.arriving == 0 {
                    return None;
                }
            }
            moved.await;
        }
    }

    fn try_seat(self: &Arc<Self>, state: &mut State) -> Option<Seat> {
        if state.seated >= self.most {
            let (_, longest) = state.waiting.pop_first()?;
            longest.notify_one();
            state.seated -= 1;
        }
        state.seated += 1;
        state.arriving += 1;
        let leave = Arc::new(Notify::new());
        metrics::gauge!("usher_connections").increment(1);
        Some(Seat { connections: Arc::clone(self), leave, place: Mutex::new(Place::Arriving) })
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
        let mut state = self.connections.state();
        match *place {
            Place::Arriving => state.arriving -= 1,
            Place::Waiting(since) if state.waiting.remove(&since).is_some() => {}
            // Taken already, or taken up twice.
            Place::Waiting(_) | Place::Answering => return,
        }
        *place = Place::Answering;
        drop(state);
        self.connections.moved.notify_waiters();
    }

    /// It was listened to. Without a request by now, it waits for one.
    pub(crate) fn listened(&self) {
        self.wait(|place| matches!(place, Place::Arriving));
    }

    /// The request is answered, and the next one may come.
    pub(crate) fn waiting(&self) {
        self.wait(|place| matches!(place, Place::Answering));
    }

    fn wait(&self, may: impl Fn(Place) -> bool) {
        let mut place = self.place();
        if !may(*place) {
            return;
        }
        let mut state = self.connections.state();
        if matches!(*place, Place::Arriving) {
            state.arriving -= 1;
        }
        *place = Place::Waiting(state.wait(&self.leave));
        drop(state);
        self.connections.moved.notify_waiters();
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
        metrics::gauge!("usher_connections").decrement(1);
        let place = *self.place();
        let mut state = self.connections.state();
        match place {
            // Not among those who wait any more: the seat is somebody else's already.
            Place::Waiting(since) if state.waiting.remove(&since).is_none() => return,
            Place::Arriving => state.arriving -= 1,
            Place::Waiting(_) | Place::Answering => {}
        }
        state.seated -= 1;
        drop(state);
        self.connections.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// A seat, taken at once: `None` when there is none to be had, and none to wait for.
    fn seat(connections: &Arc<Connections>) -> Option<Seat> {
        connections.seat().now_or_never().expect("nobody has to wait")
    }

    /// The same, of a connection that was listened to.
    fn waiting(connections: &Arc<Connections>) -> Seat {
        let seat = seat(connections).unwrap();
        seat.listened();
        seat
    }

    #[test]
    fn who_waits_longest_makes_room() {
        let connections = Connections::new(2);
        let (first, second) = (waiting(&connections), waiting(&connections));
        first.answering();
        let third = waiting(&connections);
        assert!(second.taken().now_or_never().is_some(), "it waited, the first is being answered");
        assert!(first.taken().now_or_never().is_none() && third.taken().now_or_never().is_none());
        third.answering();
        assert!(seat(&connections).is_none(), "everybody is being answered");
        drop(second);
        assert!(seat(&connections).is_none(), "the seat it lost is not free again");
        first.waiting();
        let fourth = waiting(&connections);
        assert!(first.taken().now_or_never().is_some());
        drop((first, fourth));
        assert!(seat(&connections).is_some(), "a seat that is left is free");
    }

    #[test]
    fn a_seat_that_was_taken_cannot_be_kept_by_a_late_request() {
        let connections = Connections::new(1);
        let first = waiting(&connections);
        let second = waiting(&connections);
        first.answering();
        assert!(first.taken().now_or_never().is_some());
        drop(first);
        second.answering();
        assert!(seat(&connections).is_none());
    }

    #[tokio::test]
    async fn nobody_loses_a_seat_before_he_was_listened_to() {
        let connections = Connections::new(1);
        let first = seat(&connections).unwrap();
        let mut next = Box::pin(connections.seat());
        assert!(next.as_mut().now_or_never().is_none(), "the first comes first");
        first.listened();
        assert!(next.await.is_some() && first.taken().now_or_never().is_some());
        let arriving = seat(&connections);
        let mut next = Box::pin(connections.seat());
        assert!(next.as_mut().now_or_never().is_none());
        drop(arriving);
        assert!(next.await.is_some(), "who leaves before makes room, too");
    }
}
