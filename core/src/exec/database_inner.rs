//! What keeps a database open.

use std::sync::{Arc, OnceLock};

use super::gate::Gate;
use super::schemas::Schemas;
use super::trace::TraceSettings;
use crate::backend::Backend;
use crate::changes::KnownMigrations;
use crate::error::{Error, Result};
use crate::live::Hub;

/// What all clones of a database share. Handles that may outlive the clones hold it
/// too, so the database stays open as long as any part of it is in use.
pub(crate) struct DatabaseInner {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) schemas: Schemas,
    pub(crate) gate: Gate,
    /// The live queries, once there are any.
    pub(crate) live: OnceLock<Arc<Hub>>,
    /// What its traces say of it.
    pub(crate) trace: TraceSettings,
}

impl DatabaseInner {
    /// Returns what is known of the database's migrations, if the backend notices what others do.
    #[inline]
    pub(crate) fn known_migrations(&self) -> Option<&KnownMigrations> {
        self.backend.observation().map(|it| it.migrations())
    }

    /// Returns the hub of live queries.
    ///
    /// # Errors
    /// `Unsupported` if the backend has none.
    pub(crate) fn hub(&self) -> Result<&Arc<Hub>> {
        let observation = self.backend.observation();
        let observation = observation.ok_or_else(|| Error::unsupported("live queries"))?;
        Ok(self.live.get_or_init(|| Hub::new(observation)))
    }
}
