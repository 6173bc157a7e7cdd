use super::*;
use crate::backend::{Completer, call};
use crate::engine::{Connection, Role};
use crate::error::Error;

fn pool_of(size: usize, reserve: usize) -> Arc<Pool> {
    let upkeep = Upkeep { idle: Duration::from_secs(600), keep: true };
    Pool::new(size, reserve, Duration::from_secs(600), upkeep)
}

/// A waiter that only wants a claim.
struct Handle(Completer<Claim>);

impl Waiter for Handle {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn grant(self: Box<Self>, claim: Claim) {
        // A claim that no caller takes any more is returned when it is dropped.
        drop(self.0.complete(Ok(claim)));
    }

    fn refuse(self: Box<Self>, error: Error) {
        drop(self.0.complete(Err(error)));
    }
}

#[test]
fn a_waiter_who_gave_up_does_not_swallow_the_slot() {
    let pool = pool_of(1, 0);
    let held = pool.try_claim().unwrap();
    let (completer, gone) = call();
    pool.claim(Box::new(Handle(completer)));
    let (completer, patient) = call();
    pool.claim(Box::new(Handle(completer)));
    assert!(pool.try_claim().is_none(), "nobody overtakes those who wait");
    drop(gone);
    drop(held);
    let claim = patient.wait(Instant::now(), None).unwrap().unwrap();
    drop(claim);
    assert!(pool.try_claim().is_some());
}

#[test]
fn slots_that_are_held_do_not_keep_others_waiting() {
    let pool = pool_of(1, 2);
    let mut held = pool.try_claim().unwrap();
    let (completer, waiting) = call();
    pool.claim(Box::new(Handle(completer)));
    held.hold();
    let other = waiting.wait(Instant::now(), None).unwrap().unwrap();
    assert!(pool.try_claim().is_none());
    drop(held);
    assert!(pool.try_claim().is_none(), "one at a time, as before");
    drop(other);
    assert!(pool.try_claim().is_some());
    assert!(pool.wait_idle(Instant::now()));
}

#[test]
fn a_connection_whose_thread_has_given_its_slot_back_but_not_let_go_is_closed_too() {
    let pool = pool_of(1, 0);
    let claim = pool.try_claim().unwrap();
    let (given_back, seen) = std::sync::mpsc::channel();
    let slot = Arc::clone(claim.slot());
    slot.submit(Box::new(move |connection| {
        let options = crate::options::Options::default();
        let opened = Connection::open(":memory:".as_ref(), &options, Role::Writer);
        *connection = Some(opened.unwrap());
        drop(claim);
        given_back.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(30));
    }));
    seen.recv().unwrap();
    let (claims, all) = pool.clear(Instant::now() + Duration::from_secs(60), None, || false);
    assert!(all);
    assert_eq!(claims.len(), 1);
    assert!(slot.try_connection().unwrap().is_none());
}

#[test]
fn a_grant_that_nobody_takes_frees_the_slot() {
    let pool = pool_of(1, 0);
    let held = pool.try_claim().unwrap();
    let (completer, call) = call();
    pool.claim(Box::new(Handle(completer)));
    drop(held);
    drop(call);
    assert!(pool.try_claim().is_some());
}

#[test]
fn a_slot_that_helped_out_for_a_long_one_rests_when_it_is_given_back() {
    let pool = pool_of(1, 2);
    let rested = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&rested);
    pool.set_on_rest(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let long = pool.try_claim().unwrap();
    let (completer, waiting) = call();
    pool.claim(Box::new(Handle(completer)));
    // No slot is returned, so another is opened after a moment.
    let until = Instant::now() + Duration::from_secs(60);
    let other = waiting.wait(until, None).unwrap().unwrap();
    assert_ne!(other.index(), long.index());
    assert!(pool.try_claim().is_none());
    drop(other);
    assert_eq!(rested.load(Ordering::SeqCst), 1);
    assert!(pool.try_claim().is_none(), "one at a time, as before");
    assert_eq!(pool.tidy(Duration::ZERO), Tidied::Nothing, "its connection was never opened");
    drop(long);
    assert!(pool.try_claim().is_some());
    assert!(pool.wait_idle(Instant::now()));
}

#[test]
fn whoever_waits_for_too_long_is_refused_and_the_next_one_is_not() {
    let upkeep = Upkeep { idle: Duration::from_secs(600), keep: true };
    let pool = Pool::new(1, 0, Duration::from_millis(50), upkeep);
    let held = pool.try_claim().unwrap();
    let (completer, first) = call();
    pool.claim(Box::new(Handle(completer)));
    let until = Instant::now() + Duration::from_secs(60);
    let refused = first.wait(until, None).unwrap().unwrap_err();
    assert_eq!(refused.kind(), crate::error::ErrorKind::Timeout);
    let (completer, second) = call();
    pool.claim(Box::new(Handle(completer)));
    drop(held);
    drop(second.wait(until, None).unwrap().unwrap());
    assert!(pool.wait_idle(Instant::now()));
}

#[test]
fn whoever_comes_after_the_end_is_told_so() {
    let pool = pool_of(1, 0);
    let held = pool.try_claim().unwrap();
    let (completer, before) = call();
    pool.claim(Box::new(Handle(completer)));
    pool.close();
    let (completer, after) = call();
    pool.claim(Box::new(Handle(completer)));
    for call in [before, after] {
        let told = call.wait(Instant::now(), None).unwrap().unwrap_err();
        assert_eq!(told.kind(), crate::error::ErrorKind::Closed);
    }
    drop(held);
}
