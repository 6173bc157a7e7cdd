//! What keeps a database open.

use super::gate::Gate;
use super::schemas::Schemas;
use crate::backend::Backend;

/// What all clones of a database share. Handles that may outlive them hold it too:
/// the database is open as long as anything of it is.
pub(crate) struct Opened {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) schemas: Schemas,
    pub(crate) gate: Gate,
}
