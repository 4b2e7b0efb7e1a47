//! The places of a listener's connections. A connection is a newcomer until a call on it is accepted: a gRPC call after authentication, a
//! webhook after its message is stored. Anyone can open a connection and send nothing, so newcomers have few places of their own. When these
//! are full, a new connection replaces the oldest idle newcomer, or the oldest if none is idle. Callers keep their places.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How many places a listener has, and how many each connection has for what needs no proof.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// Connections on which a call was accepted.
    pub callers: usize,
    /// Connections on which none was accepted yet.
    pub newcomers: usize,
    /// Health checks and watches at once on one connection.
    pub health: usize,
    /// Reflection streams at once on one connection.
    pub reflection: usize,
}

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct Connections {
    places: Places,
    seats: Mutex<Seats>,
    /// Counts the ends of calls, which orders idle connections without a clock.
    ends: AtomicU64,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    newcomers: BTreeMap<u64, Arc<Connection>>,
    callers: BTreeMap<u64, Arc<Connection>>,
}

/// One connection. It stands beside each of its requests.
#[derive(Debug)]
pub(super) struct Connection {
    number: u64,
    of: Arc<Connections>,
    running: AtomicUsize,
    last_end: AtomicU64,
    has_called: AtomicBool,
    is_caller: AtomicBool,
    /// Another connection has taken this newcomer's place: it ends at once.
    pub(super) cut: CancellationToken,
    /// Another connection has taken this caller's place: the client gets a GOAWAY.
    pub(super) leave: CancellationToken,
    /// The places for health checks and watches.
    pub(super) health: Arc<Semaphore>,
    /// The places for reflection streams.
    pub(super) reflection: Arc<Semaphore>,
}

impl Connections {
    pub(super) fn new(places: Places) -> Arc<Self> {
        Arc::new(Self { places, seats: Mutex::default(), ends: AtomicU64::new(0) })
    }

    /// Gives a place to a new connection. If there is none, the oldest idle newcomer is cut, or the oldest where none is idle.
    pub(super) fn enter(self: &Arc<Self>) -> Seat {
        let mut seats = self.seats();
        while seats.newcomers.len() >= self.places.newcomers.max(1) {
            let idle = seats.newcomers.iter().find(|(_, connection)| connection.is_idle()).map(|(number, _)| *number);
            let victim = match idle {
                Some(number) => seats.newcomers.remove(&number),
                None => seats.newcomers.pop_first().map(|(_, connection)| connection),
            };
            if let Some(victim) = victim {
                victim.cut.cancel();
            }
        }
        let number = seats.next;
        seats.next += 1;
        let connection = Arc::new(Connection {
            number,
            of: self.clone(),
            running: AtomicUsize::new(0),
            last_end: AtomicU64::new(0),
            has_called: AtomicBool::new(false),
            is_caller: AtomicBool::new(false),
            cut: CancellationToken::new(),
            leave: CancellationToken::new(),
            health: Arc::new(Semaphore::new(self.places.health)),
            reflection: Arc::new(Semaphore::new(self.places.reflection)),
        });
        seats.newcomers.insert(number, connection.clone());
        Seat(connection)
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    /// Frees the place of the caller that is idle for the longest time.
    fn free_idle_caller(&mut self) {
        let idle = self.callers.values().filter(|connection| connection.is_idle());
        let Some(victim) = idle.min_by_key(|connection| connection.last_end.load(Ordering::Relaxed)).cloned() else { return };
        self.callers.remove(&victim.number);
        victim.leave.cancel();
    }
}

impl Connection {
    /// Notes that a request has come.
    pub(super) fn request_came(&self) {
        self.has_called.store(true, Ordering::Relaxed);
    }

    /// Whether a request has come.
    pub(super) fn has_called(&self) -> bool {
        self.has_called.load(Ordering::Relaxed)
    }

    /// Whether no call is in progress.
    pub(super) fn is_idle(&self) -> bool {
        self.running.load(Ordering::Relaxed) == 0
    }

    /// A call is in progress until the value is dropped.
    pub(super) fn begin_call(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self.clone())
    }

    /// Gives the connection a caller's place. If there is none, the caller that is idle for the longest time loses its own. Returns false
    /// if none is idle.
    pub(super) fn accept(&self) -> bool {
        if self.is_caller.load(Ordering::Relaxed) {
            return true;
        }
        let mut seats = self.of.seats();
        if seats.callers.len() >= self.of.places.callers {
            seats.free_idle_caller();
        }
        if seats.callers.len() >= self.of.places.callers {
            return false;
        }
        if let Some(connection) = seats.newcomers.remove(&self.number) {
            seats.callers.insert(self.number, connection);
            self.is_caller.store(true, Ordering::Relaxed);
        }
        true
    }
}

/// A call in progress on its connection.
#[derive(Debug)]
pub(super) struct Running(Arc<Connection>);

impl Drop for Running {
    fn drop(&mut self) {
        let order = self.0.of.ends.fetch_add(1, Ordering::Relaxed);
        self.0.last_end.store(order, Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection's place, until the value is dropped.
#[derive(Debug)]
pub(super) struct Seat(pub(super) Arc<Connection>);

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.0.of.seats();
        seats.newcomers.remove(&self.0.number);
        seats.callers.remove(&self.0.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(callers: usize, newcomers: usize) -> Arc<Connections> {
        Connections::new(Places { callers, newcomers, health: 1, reflection: 1 })
    }

    #[test]
    fn the_oldest_idle_newcomer_is_cut_first() {
        let connections = connections(8, 3);
        let seats = [connections.enter(), connections.enter(), connections.enter()];
        let running = seats[0].0.begin_call();
        let _fourth = connections.enter();
        assert_eq!([0, 1, 2].map(|at| seats[at].0.cut.is_cancelled()), [false, true, false]);
        drop(running);
        let _fifth = connections.enter();
        assert_eq!([0, 1, 2].map(|at| seats[at].0.cut.is_cancelled()), [true, true, false]);
    }

    #[test]
    fn a_newcomer_is_cut_even_if_all_have_calls() {
        let connections = connections(8, 2);
        let seats = [connections.enter(), connections.enter()];
        let _running = [seats[0].0.begin_call(), seats[1].0.begin_call()];
        let _third = connections.enter();
        assert_eq!([0, 1].map(|at| seats[at].0.cut.is_cancelled()), [true, false]);
    }

    #[test]
    fn callers_are_not_cut_for_newcomers() {
        let connections = connections(8, 1);
        let caller = connections.enter();
        assert!(caller.0.accept());
        let seats: Vec<_> = (0..100).map(|_| connections.enter()).collect();
        assert!(!caller.0.cut.is_cancelled() && !caller.0.leave.is_cancelled());
        assert_eq!(seats.iter().filter(|seat| !seat.0.cut.is_cancelled()).count(), 1);
    }

    #[test]
    fn the_caller_idle_longest_gives_way_to_a_new_one() {
        let connections = connections(2, 8);
        let seats = [connections.enter(), connections.enter(), connections.enter()];
        assert!(seats[0].0.accept() && seats[1].0.accept());
        drop(seats[1].0.begin_call());
        drop(seats[0].0.begin_call());
        assert!(seats[2].0.accept());
        assert_eq!([0, 1, 2].map(|at| seats[at].0.leave.is_cancelled()), [false, true, false]);
    }

    #[test]
    fn no_caller_gives_way_while_all_have_calls() {
        let connections = connections(1, 8);
        let [first, second] = [connections.enter(), connections.enter()];
        assert!(first.0.accept());
        let running = first.0.begin_call();
        assert!(!second.0.accept() && !first.0.leave.is_cancelled());
        drop(running);
        assert!(second.0.accept() && first.0.leave.is_cancelled());
        drop(second);
        assert!(connections.enter().0.accept());
    }
}
