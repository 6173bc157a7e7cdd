//! The rules of handles: what a session, transaction or savepoint allows, depending on what is
//! known about it.
//!
//! | | a call, a nesting | commit, release | rollback | rollback of a part |
//! |---|---|---|---|---|
//! | `Open` | runs | runs | runs | runs |
//! | `Covered`: something begun from it is open | `InvalidArgument` | `InvalidArgument` | runs | runs |
//! | `RollbackOnly`: a call in it was cancelled while it ran | `Cancelled` | `Cancelled` | runs | runs |
//! | `Lost`: SQLite has rolled it back | `Cancelled` | `Cancelled` | runs | `Cancelled` |
//! | `Over` | `Closed` | `Closed` | `Closed` | `Closed` |
//!
//! - Commit, release and rollback end the handle, whatever they return, and everything begun from
//!   it: if they are refused or fail, it is rolled back. Dropping the handle does the same.
//! - While a handle is covered, only the innermost one is used. A call on another one would take
//!   place inside the innermost, and be undone with it although it was acknowledged. It is refused
//!   instead of queued: a body that waits for a call on the outer handle would wait for itself.
//! - Two parts of one handle are never open at the same time, so the depth of a savepoint
//!   identifies it.
//! - A stream that was already open may be read while its handle is covered. It changes nothing,
//!   and SQLite keeps its statement valid across savepoints or ends it with an error.
//! - Stopping what runs (`interrupt`) and dropping are always allowed.
//!
//! [`Chain`] knows which handles are covered, for handles that can be used concurrently (Rust's
//! borrows forbid that for its own).
//! [`TransactionState`](super::transaction_state::TransactionState) knows what became of the
//! transaction on the connection. Both use [`HandleState::allows`].

use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, Result};

/// What is known about a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandleState {
    Open,
    Covered,
    RollbackOnly,
    Lost,
    Over,
}

/// What is requested of a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandleUse {
    /// A call, or the beginning of a part.
    Use,
    /// Ending it successfully.
    Keep,
    /// Undoing all of it.
    Undo,
    /// Ending what was begun from it.
    EndPart,
}

impl HandleState {
    /// Checks whether the handle allows this request.
    ///
    /// # Errors
    /// According to the table above.
    pub(crate) fn allows(self, ask: HandleUse) -> Result<()> {
        match (self, ask) {
            (Self::Open, _) | (Self::Covered, HandleUse::Undo | HandleUse::EndPart) => Ok(()),
            (Self::RollbackOnly, HandleUse::Undo | HandleUse::EndPart)
            | (Self::Lost, HandleUse::Undo) => Ok(()),
            (Self::Covered, HandleUse::Use) => Err(Error::invalid(
                "a savepoint or transaction begun from this handle is open, so nothing was done; make the call through that one, or wait until it has ended",
            )),
            (Self::Covered, HandleUse::Keep) => Err(Error::invalid(
                "a savepoint or transaction begun from this handle is still open, so this one was not committed or released; end that one first",
            )),
            (Self::RollbackOnly, _) => Err(Error::new(
                ErrorKind::Cancelled,
                "a call in this transaction was dropped while it ran; the transaction can only be rolled back",
            )),
            (Self::Lost, _) => Err(Error::transaction_lost()),
            (Self::Over, _) => Err(Error::closed("transaction, savepoint or session")),
        }
    }
}

/// The open handles on one session, each begun from the one before it.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    open: SmallVec<[ChainEntry; 4]>,
    last: u32,
}

#[derive(Debug)]
struct ChainEntry {
    number: u32,
    /// Its end was requested, and may not have taken place yet.
    ending: bool,
}

impl Chain {
    /// Adds a handle that was begun from the innermost one, and returns its number.
    pub(crate) fn begin(&mut self) -> u32 {
        self.last += 1;
        self.open.push(ChainEntry { number: self.last, ending: false });
        self.last
    }

    fn position(&self, number: u32) -> Option<usize> {
        self.open.iter().position(|link| link.number == number)
    }

    pub(crate) fn standing(&self, number: u32) -> HandleState {
        match self.position(number) {
            None => HandleState::Over,
            Some(position) if self.open[position].ending => HandleState::Over,
            Some(position) if position + 1 < self.open.len() => HandleState::Covered,
            Some(_) => HandleState::Open,
        }
    }

    /// Stops a handle from accepting requests. It covers the one around it until it has
    /// [ended](Self::end).
    pub(crate) fn close(&mut self, number: u32) {
        if let Some(position) = self.position(number) {
            self.open[position].ending = true;
        }
    }

    /// Ends a handle and everything begun from it.
    pub(crate) fn end(&mut self, number: u32) {
        if let Some(position) = self.position(number) {
            self.open.truncate(position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_innermost_handle_is_used_and_an_outer_one_is_only_undone() {
        let mut chain = Chain::default();
        let (outer, inner) = (chain.begin(), chain.begin());
        assert_eq!(chain.standing(outer), HandleState::Covered);
        assert_eq!(chain.standing(inner), HandleState::Open);
        for ask in [HandleUse::Use, HandleUse::Keep] {
            let error = chain.standing(outer).allows(ask).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        }
        assert!(chain.standing(outer).allows(HandleUse::Undo).is_ok());
        chain.end(inner);
        assert_eq!(chain.standing(outer), HandleState::Open);
        assert_eq!(chain.standing(inner), HandleState::Over);
    }

    #[test]
    fn a_handle_that_ends_covers_the_one_around_it_until_it_has_ended() {
        let mut chain = Chain::default();
        let (outer, inner) = (chain.begin(), chain.begin());
        chain.close(inner);
        assert_eq!(chain.standing(inner), HandleState::Over);
        assert_eq!(chain.standing(outer), HandleState::Covered);
        chain.end(inner);
        assert_eq!(chain.standing(outer), HandleState::Open);
    }

    #[test]
    fn the_end_of_a_handle_is_the_end_of_all_that_was_begun_from_it() {
        let mut chain = Chain::default();
        let (outer, middle, inner) = (chain.begin(), chain.begin(), chain.begin());
        chain.end(middle);
        assert_eq!(chain.standing(inner), HandleState::Over);
        assert_eq!(chain.standing(outer), HandleState::Open);
        // A number is never reused.
        assert!(chain.begin() > inner);
    }

    #[test]
    fn what_is_lost_or_spoiled_can_only_be_rolled_back() {
        for standing in [HandleState::Lost, HandleState::RollbackOnly] {
            for ask in [HandleUse::Use, HandleUse::Keep] {
                let error = standing.allows(ask).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Cancelled, "{standing:?}");
            }
            assert!(standing.allows(HandleUse::Undo).is_ok());
        }
        assert!(HandleState::Lost.allows(HandleUse::EndPart).is_err());
        assert!(HandleState::RollbackOnly.allows(HandleUse::EndPart).is_ok());
    }
}
