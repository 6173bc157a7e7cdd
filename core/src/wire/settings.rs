//! Options as other languages pass them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::error::Result;
use crate::options::Options;

/// The [`Options`] as fields; a missing one has its default. Names are in snake_case or camelCase,
/// times in milliseconds, modes are their lower-case names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Settings {
    #[serde(alias = "readOnly")]
    read_only: Option<bool>,
    create: Option<bool>,
    readers: Option<u32>,
    sessions: Option<u32>,
    #[serde(alias = "busyTimeout")]
    busy_timeout: Option<u32>,
    #[serde(alias = "acquireTimeout")]
    acquire_timeout: Option<u32>,
    #[serde(alias = "stallTimeout")]
    stall_timeout: Option<u32>,
    #[serde(alias = "foreignKeys")]
    foreign_keys: Option<bool>,
    #[serde(alias = "trustedSchema")]
    trusted_schema: Option<bool>,
    #[serde(alias = "cacheKib")]
    cache_kib: Option<u32>,
    #[serde(alias = "statementCache")]
    statement_cache: Option<u32>,
    inline: Option<bool>,
    leases: Option<bool>,
    #[serde(alias = "walLimit")]
    wal_limit: Option<u32>,
    #[serde(alias = "journalMode")]
    journal_mode: Option<String>,
    synchronous: Option<String>,
    immutable: Option<bool>,
    #[serde(alias = "pageSize")]
    page_size: Option<u32>,
    #[serde(alias = "autoVacuum")]
    auto_vacuum: Option<String>,
    #[serde(alias = "mmapSize")]
    mmap_size: Option<u32>,
    #[serde(alias = "tempStore")]
    temp_store: Option<String>,
    #[serde(alias = "applicationId")]
    application_id: Option<i32>,
    /// Other `PRAGMA`s by name.
    pragmas: Option<BTreeMap<String, String>>,
}

impl Settings {
    /// Returns the default options, as changed by these fields.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown mode.
    pub fn options(&self) -> Result<Options> {
        let millis = |millis: u32| Duration::from_millis(u64::from(millis));
        let mut options = Options::default();
        macro_rules! set {
            ($($name:ident: $convert:expr;)*) => {$(
                if let Some(value) = self.$name {
                    #[allow(clippy::redundant_closure_call, reason = "one form for all fields")]
                    let value = ($convert)(value);
                    options = options.$name(value);
                }
            )*};
        }
        set! {
            read_only: |yes| yes;
            create: |yes| yes;
            readers: |count| count as usize;
            sessions: |count| count as usize;
            busy_timeout: millis;
            acquire_timeout: millis;
            stall_timeout: millis;
            foreign_keys: |yes| yes;
            trusted_schema: |yes| yes;
            cache_kib: |kib| kib;
            statement_cache: |count| count as usize;
            inline: |yes| yes;
            leases: |yes| yes;
            wal_limit: u64::from;
            immutable: |yes| yes;
            page_size: |bytes| bytes;
            mmap_size: u64::from;
            application_id: |id| id;
        }
        if let Some(name) = &self.journal_mode {
            options = options.journal_mode(name.parse()?);
        }
        if let Some(name) = &self.synchronous {
            options = options.synchronous(name.parse()?);
        }
        if let Some(name) = &self.auto_vacuum {
            options = options.auto_vacuum(name.parse()?);
        }
        if let Some(name) = &self.temp_store {
            options = options.temp_store(name.parse()?);
        }
        for (name, value) in self.pragmas.iter().flatten() {
            options = options.pragma(name, value);
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_of_an_unknown_name_is_refused() {
        let known: Settings =
            serde_json::from_str(r#"{"cacheKib": 64, "read_only": true}"#).unwrap();
        assert!(known.options().is_ok());
        assert!(serde_json::from_str::<Settings>(r#"{"cahceKib": 64}"#).is_err());
        let mode: Settings = serde_json::from_str(r#"{"journalMode": "wall"}"#).unwrap();
        assert!(mode.options().unwrap_err().message().contains("wall"));
    }
}
