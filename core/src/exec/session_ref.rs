//! A session that is borrowed, or shared with handles of other languages.

use std::ops::Deref;
use std::sync::Arc;

use crate::backend::BackendSession;

/// A session in use.
#[derive(Clone)]
pub(crate) enum SessionRef<'a> {
    /// It lives until its last holder is dropped.
    Shared(Arc<dyn BackendSession>),
    /// It outlives this use.
    Borrowed(&'a dyn BackendSession),
}

impl<'a> Deref for SessionRef<'a> {
    type Target = dyn BackendSession + 'a;

    #[inline]
    fn deref(&self) -> &Self::Target {
        match self {
            Self::Shared(session) => &**session,
            Self::Borrowed(session) => *session,
        }
    }
}

impl<'a> From<&'a dyn BackendSession> for SessionRef<'a> {
    fn from(session: &'a dyn BackendSession) -> Self {
        Self::Borrowed(session)
    }
}
