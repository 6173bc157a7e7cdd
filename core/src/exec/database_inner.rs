//! What keeps a database open.

use super::gate::Gate;
use super::schemas::Schemas;
use crate::backend::Backend;

/// What all clones of a database share. Handles that may outlive the clones hold it
/// too, so the database stays open as long as any part of it is in use.
pub(crate) struct DatabaseInner {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) schemas: Schemas,
    pub(crate) gate: Gate,
}
