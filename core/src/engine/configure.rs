//! Settings of a database and its connections that callers choose by name.

use super::authorizer::{Admit, Class};
use super::pragma;
use super::statement::Statement;
use super::{Connection, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::sql::quote_into;

/// `PRAGMA`s that have an option, or that this library needs unchanged.
const NOT_BY_NAME: &[(&str, &str)] = &[
    ("application_id", "use the option for the application id"),
    ("auto_vacuum", "use the option for auto-vacuum"),
    ("busy_timeout", "use the option for the busy timeout"),
    ("cache_size", "use the option for the cache's size"),
    ("foreign_keys", "use the option for foreign keys"),
    ("journal_mode", "use the option for the journal mode"),
    ("locking_mode", "connections share the file with each other"),
    ("mmap_size", "use the option for memory-mapped reading"),
    ("page_size", "use the option for the page size"),
    ("query_only", "use the option for reading only"),
    ("synchronous", "use the option for synchronous commits"),
    ("temp_store", "use the option for temporary tables"),
    ("trusted_schema", "use the option for trusted schemas"),
];

impl Connection {
    /// Sets what belongs to a file that does not exist yet. An existing file is left unchanged. Returns
    /// whether the file was new and something was set, which may have written its first page.
    pub(super) fn configure_new_file(&mut self, options: &Options) -> Result<bool> {
        let asked = options.page_size.is_some()
            || options.auto_vacuum.is_some()
            || options.pragmas.iter().any(|(name, _)| name.eq_ignore_ascii_case("encoding"));
        if !asked || self.integer("PRAGMA page_count")? > 0 {
            return Ok(false);
        }
        if let Some(bytes) = options.page_size {
            self.control(&format!("PRAGMA page_size = {bytes}"))?;
        }
        if let Some(mode) = options.auto_vacuum {
            self.control(&format!("PRAGMA auto_vacuum = {}", mode.name()))?;
        }
        for (name, value) in &options.pragmas {
            if name.eq_ignore_ascii_case("encoding") {
                self.set_pragma(name, value)?;
            }
        }
        Ok(true)
    }

    /// Sets what belongs to each connection, and the mark of the file.
    pub(super) fn configure_by_name(&mut self, options: &Options) -> Result<()> {
        if options.mmap_size > 0 {
            self.control(&format!("PRAGMA mmap_size = {}", options.mmap_size))?;
        }
        if let Some(store) = options.temp_store {
            self.control(&format!("PRAGMA temp_store = {}", store.name()))?;
        }
        if let (Some(id), Role::Writer) = (options.application_id, self.role) {
            self.check_application(id, options.read_only)?;
        }
        for (name, value) in &options.pragmas {
            if !name.eq_ignore_ascii_case("encoding") {
                self.set_pragma(name, value)?;
            }
        }
        Ok(())
    }

    fn check_application(&mut self, id: i32, read_only: bool) -> Result<()> {
        let found = self.integer("PRAGMA application_id")?;
        if found == i64::from(id) || (found == 0 && read_only) {
            return Ok(());
        }
        if found == 0 {
            return self.control(&format!("PRAGMA application_id = {id}"));
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "the file belongs to another application: its application id is {found}, not {id}"
            ),
        ))
    }

    fn set_pragma(&mut self, name: &str, value: &str) -> Result<()> {
        if let Some((_, option)) =
            NOT_BY_NAME.iter().find(|(known, _)| name.eq_ignore_ascii_case(known))
        {
            return Err(Error::invalid(format!("PRAGMA {name} can't be set by name; {option}")));
        }
        let mut sql = String::from("PRAGMA ");
        quote_into(&mut sql, name)?;
        sql.push_str(" = '");
        sql.push_str(&value.replace('\'', "''"));
        sql.push('\'');
        let known = format!(
            "SELECT count(*) FROM pragma_pragma_list WHERE name = lower('{}')",
            name.replace('\'', "''")
        );
        if self.integer(&known)? == 0 {
            return Err(Error::invalid(format!("SQLite has no PRAGMA {name}")));
        }
        let of = pragma::look_up(name.as_bytes(), Some(value.as_bytes())).class;
        let of_the_file = name.eq_ignore_ascii_case("encoding");
        if of != Class::Connection && !of_the_file {
            return Err(Error::invalid(format!(
                "PRAGMA {name} is not a connection setting; run it as a statement"
            )));
        }
        // SAFETY: the connection is open and this thread alone uses it.
        let (statement, _) =
            unsafe { Statement::prepare(self.raw, &self.authorizer, Admit::Everything, &sql) };
        let mut statement = statement?;
        statement.step_to_end()?;
        Ok(())
    }
}
