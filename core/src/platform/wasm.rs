//! One thread: nothing has to be `Send`.

use std::time::Duration;

/// `Send` where there are threads; anything here.
pub trait MaybeSend {}
impl<T: ?Sized> MaybeSend for T {}

/// `Sync` where there are threads; anything here.
pub trait MaybeSync {}
impl<T: ?Sized> MaybeSync for T {}

/// Never ends: the host's timers come with its binding, which races them
/// against the call.
pub(crate) fn sleep(_duration: Duration) -> std::future::Pending<()> {
    std::future::pending()
}

/// A single thread must not be held: a lock that is taken stays taken.
pub(crate) fn block_for(_duration: Duration) -> Duration {
    Duration::ZERO
}

/// How many threads run at once on this machine.
pub(crate) fn parallelism() -> usize {
    1
}
