//! An open database, as uniffi presents it to another language.

use ubiqlite::ext::wire::Server;
use ubiqlite::{Database, Error};

use crate::client::{Client, Endpoint, Format};
use crate::registry::Registry;

/// The clients of all databases of this process.
pub(crate) static CLIENTS: Registry<Box<dyn Endpoint>> = Registry::new();

/// A failure, as the fields from which a binding makes its exception.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum OpenError {
    /// The error's fields as JSON: `kind`, `message`, `columns`, and `code`,
    /// `table`, `offset`, `index`, `path` where there is one.
    #[error("{fields}")]
    Failed {
        /// See above.
        fields: String,
    },
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Failed { fields: Server::describe(&error) }
    }
}

/// An open database.
#[derive(uniffi::Object)]
pub struct EngineHandle(Database);

#[uniffi::export]
impl EngineHandle {
    /// Returns a new client, to be passed to the functions of [`raw`](crate::raw) and ended by
    /// [`ubiqlite_release`](crate::raw::ubiqlite_release).
    pub fn client(&self, format: Format) -> u64 {
        CLIENTS.put(Box::new(Client::new(self.0.clone(), format)))
    }
}

impl EngineHandle {
    /// Opens a database. `options` is a JSON object of [`ubiqlite::ext::wire::Settings`].
    ///
    /// # Errors
    /// As `ubiqlite::Options::open`; `InvalidArgument` for unknown options.
    pub(crate) async fn open(path: &str, options: &str) -> ubiqlite::Result<Self> {
        Ok(Self(ubiqlite_shared::open(path, options).await?))
    }

    /// Opens a database in memory with the content of a database file. `options` are as above.
    ///
    /// # Errors
    /// As `ubiqlite::Options::deserialize`; `InvalidArgument` for unknown options.
    pub(crate) async fn deserialize(bytes: Vec<u8>, options: &str) -> ubiqlite::Result<Self> {
        Ok(Self(ubiqlite_shared::deserialize(bytes, options).await?))
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0
    }
}
