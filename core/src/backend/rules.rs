//! The rules of handles: what may be asked of a session, a transaction or a savepoint,
//! by what is known of it.
//!
//! | | a call, a nesting | commit, release | rollback | rollback of a part |
//! |---|---|---|---|---|
//! | `Open` | runs | runs | runs | runs |
//! | `Covered`: what was begun from it is open | `InvalidArgument` | `InvalidArgument` | runs | runs |
//! | `Spoiled`: a call in it was given up while it ran | `Cancelled` | `Cancelled` | runs | runs |
//! | `Lost`: SQLite has rolled it back | `Cancelled` | `Cancelled` | runs | `Cancelled` |
//! | `Over` | `Closed` | `Closed` | `Closed` | `Closed` |
//!
//! - Commit, release and rollback end the handle, whatever they return, and all that was
//!   begun from it: what is refused, or fails, is rolled back. So does letting go of it.
//! - While a handle is covered, only the innermost one is used. A call on another one would
//!   take place inside the innermost, and go with it though it was acknowledged. It is
//!   refused, not made to wait: a body that waits for a call on the outer handle would wait
//!   for itself.
//! - Two parts of one handle are never open at the same time, so the depth of a savepoint
//!   names it.
//! - A stream that was open before may be read while its handle is covered: it changes
//!   nothing, and SQLite keeps its statement valid over savepoints or ends it by an error.
//! - Stopping what runs (`interrupt`) and letting go are always allowed.
//!
//! [`Chain`] tells who is covered, for handles that can be used beside each other (Rust's
//! borrows forbid that for its own); [`Course`](super::course::Course) tells what became of
//! the transaction on the connection. Both ask [`Standing::allows`].

use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, Result};

/// What is known of a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    Covered,
    Spoiled,
    Lost,
    Over,
}

/// What is asked of a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A call, or the beginning of a part.
    Use,
    /// To end it well.
    Keep,
    /// To undo all of it.
    Undo,
    /// To end what was begun from it.
    EndPart,
}

impl Standing {
    /// Whether it may be asked that.
    ///
    /// # Errors
    /// As the table above says.
    pub(crate) fn allows(self, ask: Ask) -> Result<()> {
        match (self, ask) {
            (Self::Open, _) | (Self::Covered, Ask::Undo | Ask::EndPart) => Ok(()),
            (Self::Spoiled, Ask::Undo | Ask::EndPart) | (Self::Lost, Ask::Undo) => Ok(()),
            (Self::Covered, Ask::Use) => Err(Error::invalid(
                "a savepoint or transaction that was begun from this handle is open, and nothing was done; make the call through that one, or wait until it has ended",
            )),
            (Self::Covered, Ask::Keep) => Err(Error::invalid(
                "a savepoint or transaction that was begun from this handle is still open, so this one is not kept; end that one first",
            )),
            (Self::Spoiled, _) => Err(Error::new(
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
    open: SmallVec<[Link; 4]>,
    last: u32,
}

#[derive(Debug)]
struct Link {
    number: u32,
    /// Its end is asked for, and may not have taken place yet.
    ending: bool,
}

impl Chain {
    /// Adds a handle that was begun from the innermost one, and returns its number.
    pub(crate) fn begin(&mut self) -> u32 {
        self.last += 1;
        self.open.push(Link { number: self.last, ending: false });
        self.last
    }

    fn place(&self, number: u32) -> Option<usize> {
        self.open.iter().position(|link| link.number == number)
    }

    pub(crate) fn standing(&self, number: u32) -> Standing {
        match self.place(number) {
            None => Standing::Over,
            Some(place) if self.open[place].ending => Standing::Over,
            Some(place) if place + 1 < self.open.len() => Standing::Covered,
            Some(_) => Standing::Open,
        }
    }

    /// Nothing more may be asked of a handle, which covers the one around it until it
    /// has [ended](Self::end).
    pub(crate) fn close(&mut self, number: u32) {
        if let Some(place) = self.place(number) {
            self.open[place].ending = true;
        }
    }

    /// A handle has ended, and all that was begun from it.
    pub(crate) fn end(&mut self, number: u32) {
        if let Some(place) = self.place(number) {
            self.open.truncate(place);
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
        assert_eq!(chain.standing(outer), Standing::Covered);
        assert_eq!(chain.standing(inner), Standing::Open);
        for ask in [Ask::Use, Ask::Keep] {
            let error = chain.standing(outer).allows(ask).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        }
        assert!(chain.standing(outer).allows(Ask::Undo).is_ok());
        chain.end(inner);
        assert_eq!(chain.standing(outer), Standing::Open);
        assert_eq!(chain.standing(inner), Standing::Over);
    }

    #[test]
    fn a_handle_that_ends_covers_the_one_around_it_until_it_has_ended() {
        let mut chain = Chain::default();
        let (outer, inner) = (chain.begin(), chain.begin());
        chain.close(inner);
        assert_eq!(chain.standing(inner), Standing::Over);
        assert_eq!(chain.standing(outer), Standing::Covered);
        chain.end(inner);
        assert_eq!(chain.standing(outer), Standing::Open);
    }

    #[test]
    fn the_end_of_a_handle_is_the_end_of_all_that_was_begun_from_it() {
        let mut chain = Chain::default();
        let (outer, middle, inner) = (chain.begin(), chain.begin(), chain.begin());
        chain.end(middle);
        assert_eq!(chain.standing(inner), Standing::Over);
        assert_eq!(chain.standing(outer), Standing::Open);
        // A number is never used again.
        assert!(chain.begin() > inner);
    }

    #[test]
    fn what_is_lost_or_spoiled_can_only_be_rolled_back() {
        for standing in [Standing::Lost, Standing::Spoiled] {
            for ask in [Ask::Use, Ask::Keep] {
                let error = standing.allows(ask).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Cancelled, "{standing:?}");
            }
            assert!(standing.allows(Ask::Undo).is_ok());
        }
        assert!(Standing::Lost.allows(Ask::EndPart).is_err());
        assert!(Standing::Spoiled.allows(Ask::EndPart).is_ok());
    }
}
