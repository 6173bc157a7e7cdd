//! The tests that Toasty has for drivers, on a file.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use tempfile::TempDir;
use toasty_core::driver::Driver;
use toasty_driver_integration_suite::Setup;
use tokio::runtime;
use ubiqlite::Database;
use ubiqlite_toasty::Ubiqlite;

struct OnFile {
    database: Database,
    _folder: TempDir,
}

impl OnFile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = Database::open(folder.path().join("test.db"));
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        Self { database: runtime.block_on(open).unwrap(), _folder: folder }
    }
}

#[async_trait::async_trait]
impl Setup for OnFile {
    fn driver(&self) -> Box<dyn Driver> {
        Box::new(Ubiqlite::new(self.database.clone()))
    }

    /// The file goes with its folder.
    async fn delete_table(&self, _name: &str) {}
}

// What SQLite does not have, by the names of Toasty's `Capability`, which say the same of Toasty's own
// driver for SQLite: a test that needs one of these is not there.
toasty_driver_integration_suite::generate_driver_tests!(
    OnFile::new(),
    bigdecimal_implemented: false,
    decimal_arbitrary_precision: false,
    native_array: false,
    native_cidr: false,
    native_date: false,
    native_datetime: false,
    native_decimal: false,
    native_enum: false,
    native_ilike: false,
    native_inet: false,
    native_json: false,
    native_jsonb: false,
    native_macaddr: false,
    native_macaddr8: false,
    native_time: false,
    native_timestamp: false,
    unique_list_index: false,
    vec_pop: false,
    vec_remove: false,
    vec_remove_at: false
);
