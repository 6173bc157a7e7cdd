//! A statement that is read page by page.

use super::{Connection, Statement, Stepped};
use crate::error::{Error, Result};
use crate::row::{Page, PageBuilder};
use crate::sql::Params;

/// The first page is small, so that the first row arrives early. Each further page is twice as
/// large, so that few hand-overs between threads are needed.
const FIRST_PAGE: usize = 16 * 1024;
const LARGEST_PAGE: usize = 64 * 1024;

/// A running query. It must be returned with [`Connection::close_cursor`] before another statement
/// with the same text runs.
#[derive(Debug)]
pub(crate) struct Cursor {
    // Dropped before the parameters that it has bound.
    statement: Statement,
    sql: Box<str>,
    _params: Box<Params>,
    page: Option<PageBuilder>,
    spare: Option<Page>,
    target: usize,
    done: bool,
    /// Why it ended after the rows of the last page.
    failed: Option<Error>,
}

// SAFETY: it belongs to a connection, and exclusive use of that includes the cursor.
unsafe impl Send for Cursor {}

impl Connection {
    /// Starts a query: the statement must only read.
    ///
    /// # Errors
    /// What preparing or binding returns. `InvalidArgument` for a statement that writes, whose rows
    /// can't be fetched bit by bit.
    pub(crate) fn open_cursor(&mut self, sql: &str, params: Params) -> Result<Cursor> {
        self.check_moment()?;
        let (_, readonly) = self.inspect(sql)?;
        if !readonly {
            return Err(Error::invalid(
                "a stream only reads; run a statement that writes with execute() or query()",
            ));
        }
        self.confirm_recorded(false);
        self.refuse_older()?;
        let mut statement = self
            .cache
            .take(sql)
            .ok_or_else(|| Error::invalid("the prepared statement is missing"))?;
        self.counters.runs.add(1);
        let params = Box::new(params);
        // SAFETY: the box keeps the parameters where they are until the
        // statement, which is dropped or reset first, is done.
        if let Err(error) = unsafe { statement.bind(&params) } {
            statement.reset();
            self.cache.put(sql, statement);
            return Err(error);
        }
        Ok(Cursor {
            statement,
            sql: sql.into(),
            _params: params,
            page: None,
            spare: None,
            target: FIRST_PAGE,
            done: false,
            failed: None,
        })
    }

    /// Ends a query.
    pub(crate) fn close_cursor(&mut self, cursor: Cursor) {
        let Cursor { mut statement, sql, .. } = cursor;
        statement.reset();
        self.cache.put(sql, statement);
    }
}

impl Cursor {
    /// Lets the next page use this one's memory.
    pub(crate) fn reuse(&mut self, spare: Option<Page>) {
        self.spare = spare;
    }

    /// Returns the next page, of growing size, or `None` after the last. The rows before an error
    /// are returned before it.
    pub(crate) fn next_page(&mut self) -> Result<Option<Page>> {
        if self.done {
            return self.failed.take().map_or(Ok(None), Err);
        }
        loop {
            let stepped = self.statement.step();
            if !matches!(stepped, Ok(Stepped::Row)) {
                self.done = true;
                let rest = self.page.take().filter(|page| !page.is_empty());
                let Some(rest) = rest else { return stepped.map(|_| None) };
                self.failed = stepped.err();
                return Ok(Some(rest.finish()));
            }
            let page = match &mut self.page {
                Some(page) => page,
                none => {
                    let fresh = self.statement.page();
                    none.insert(match self.spare.take() {
                        Some(spare) => fresh.on(spare),
                        None => fresh,
                    })
                }
            };
            self.statement.write_row(page)?;
            if page.weight() >= self.target {
                self.target = (self.target * 2).min(LARGEST_PAGE);
                return Ok(self.page.take().map(PageBuilder::finish));
            }
        }
    }
}
