//! The one thread that writes. It takes what has queued, runs each piece in a savepoint of one transaction, commits
//! once, lets the device publish, and only then answers. A disk flush is so shared by all who waited for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;
use usher_wire::{Code, Error, Result};

use super::{Committed, Fault, Tx, Work};

/// Writes waiting beyond this are refused with `too_many_requests`: a queue must end somewhere.
const QUEUE: usize = 4096;
/// Most pieces of work in one commit, so that the first of them does not wait for long.
const GROUP: usize = 256;

/// How long dropping waits for what has queued. Whatever holds the database for longer may keep the thread, not us.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// The way into the writing thread. The thread ends when this is dropped, after what has queued.
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    /// Disconnected when the thread has ended.
    alive: Mutex<Receiver<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, mut committed: Committed) -> Work<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let (living, alive) = sync_channel(0);
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                run(&connection, &jobs, &mut committed);
                // Closing the database is part of the end.
                drop(connection);
                drop(living);
            })
            .map_err(|error| Error::new(Code::Internal, format!("no thread for the store: {error}")))?;
        Ok(Self { queue: Some(queue), alive: Mutex::new(alive) })
    }

    /// Queues a piece of work and waits until it is durable or undone.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Work<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let piece = Piece { work: Some(work), done: None, answer };
        let queue = self.queue.as_ref().expect("the queue is only taken by drop");
        queue.try_send(Box::new(piece)).map_err(|refused| match refused {
            TrySendError::Full(_) => {
                Error::new(Code::TooManyRequests, "too many changes are waiting: try again in a moment")
            }
            TrySendError::Disconnected(_) => stopped(),
        })?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        let alive = self.alive.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Either it ended, or it is left to itself.
        let _ = alive.recv_timeout(ENDS_WITHIN);
    }
}

fn stopped() -> Error {
    Error::new(Code::Internal, "the store has stopped: restart the daemon and see its log")
}

/// Work on its way through the thread: run inside the transaction, answered after the commit.
trait Job: Send {
    /// Runs the work; false when it failed and what it wrote must be undone.
    fn run(&mut self, tx: &Tx<'_>) -> bool;
    /// Tells the caller: its own failure, else the outcome of the commit.
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Piece<T, W> {
    work: Option<W>,
    done: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T: Send, W: FnOnce(&Tx<'_>) -> Work<T> + Send> Job for Piece<T, W> {
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        let done = self.work.take().map(|work| work(tx).map_err(Fault::into_error));
        let succeeded = matches!(done, Some(Ok(_)));
        self.done = done;
        succeeded
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let answer = match (self.done, committed) {
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => {
                Err(Error::new(Code::Internal, "the change failed inside the daemon: see its log"))
            }
        };
        // A caller that went away does not hear the answer; its write stands all the same.
        drop(self.answer.send(answer));
    }
}

fn run(connection: &Connection, jobs: &Receiver<Box<dyn Job>>, committed: &mut Committed) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        let outcome = commit(connection, jobs, &mut group).map_err(|error| {
            if !connection.is_autocommit() {
                drop(connection.execute_batch("ROLLBACK"));
            }
            Fault::from(error).into_error()
        });
        if outcome.is_ok()
            && let Err(fault) = committed(&Tx::of_sqlite(connection))
        {
            tracing::error!(error = %fault, "the committed state could not be published");
        }
        for job in group {
            job.answer(outcome.clone());
        }
    }
}

/// One transaction over the first piece and those that queue while it runs. A piece that fails is undone alone.
fn commit(
    connection: &Connection,
    jobs: &Receiver<Box<dyn Job>>,
    group: &mut Vec<Box<dyn Job>>,
) -> rusqlite::Result<()> {
    let statement = |sql| connection.prepare_cached(sql)?.execute([]).map(drop);
    statement("BEGIN IMMEDIATE")?;
    let mut next = 0;
    while let Some(job) = group.get_mut(next) {
        statement("SAVEPOINT piece")?;
        // A panic in one piece must not end the thread that everybody writes through.
        let succeeded =
            catch_unwind(AssertUnwindSafe(|| job.run(&Tx::of_sqlite(connection)))).unwrap_or(false);
        if !succeeded {
            // Some faults (a full disk) end the whole transaction by themselves; then this fails, and so does the group.
            statement("ROLLBACK TO piece")?;
        }
        statement("RELEASE piece")?;
        next += 1;
        if group.len() < GROUP {
            group.extend(jobs.try_recv());
        }
    }
    statement("COMMIT")
}

#[cfg(test)]
mod tests {
    use super::super::{Store, Tx};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    async fn store() -> (tempfile::TempDir, Arc<Store>, Arc<AtomicUsize>) {
        let folder = tempfile::tempdir().unwrap();
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&commits);
        let committed = Box::new(move |_: &Tx<'_>| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        let store = Store::open(&folder.path().join("usher.db"), committed).unwrap();
        (folder, Arc::new(store), commits)
    }

    #[tokio::test]
    async fn a_piece_that_fails_or_panics_is_undone_alone() {
        let (_folder, store, _) = store().await;
        store.write(|tx| tx.insert_device("first")).await.unwrap();
        let failed = store.write::<()>(|tx| {
            tx.set_current(None)?;
            Err(usher_wire::Error::not_signed_in().into())
        });
        assert_eq!(failed.await.unwrap_err().code, usher_wire::Code::NotSignedIn);
        let panicked = store.write::<()>(|tx| {
            tx.set_current(None)?;
            panic!("a fault of the test")
        });
        assert_eq!(panicked.await.unwrap_err().code, usher_wire::Code::Internal);
        let device = store.write(|tx| tx.device()).await.unwrap().unwrap();
        assert_eq!((device.os.as_str(), device.generation), ("first", 0));
    }

    #[tokio::test]
    async fn what_queues_while_a_commit_runs_shares_the_next_one() {
        let (_folder, store, commits) = store().await;
        store.write(|tx| tx.insert_device("os")).await.unwrap();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let (running, runs) = tokio::sync::oneshot::channel();
        let first = {
            let store = Arc::clone(&store);
            let hold = move |_: &Tx<'_>| {
                running.send(()).unwrap();
                gate.recv().unwrap();
                Ok(())
            };
            tokio::spawn(async move { store.write(hold).await })
        };
        runs.await.unwrap();
        let writes: Vec<_> = (0..50).map(|_| store.write(|tx| tx.set_current(None))).collect();
        let writes = futures_util::future::join_all(writes);
        // Polled after the writes, so by then all have queued.
        let opened = async { open.send(()).unwrap() };
        let (outcomes, ()) = tokio::join!(writes, opened);
        first.await.unwrap().unwrap();
        assert!(outcomes.into_iter().all(|outcome| outcome.is_ok()));
        assert_eq!(store.read(|tx| tx.device()).await.unwrap().unwrap().generation, 50);
        assert!(
            commits.load(Ordering::SeqCst) <= 3,
            "{} commits for 52 writes",
            commits.load(Ordering::SeqCst)
        );
    }
}
