//! A session that is borrowed, or shared with handles of other languages.

use std::ops::Deref;
use std::sync::Arc;

use crate::backend::Session;

/// A session in use.
#[derive(Clone)]
pub(crate) enum Held<'a> {
    /// It lives until its last holder is dropped.
    Shared(Arc<dyn Session>),
    /// It outlives this use.
    Lent(&'a dyn Session),
}

impl<'a> Deref for Held<'a> {
    type Target = dyn Session + 'a;

    #[inline]
    fn deref(&self) -> &Self::Target {
        match self {
            Self::Shared(session) => &**session,
            Self::Lent(session) => *session,
        }
    }
}

impl<'a> From<&'a dyn Session> for Held<'a> {
    fn from(session: &'a dyn Session) -> Self {
        Self::Lent(session)
    }
}
