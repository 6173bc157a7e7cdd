//! A statement's rows, as pages.

use super::{Statement, Stepped};
use crate::error::Result;
use crate::program::{Fetch, PageSink};
use crate::row::{PageBuilder, Rows};

/// Rows are collected in pages of about this size.
const PAGE_BYTES: usize = 64 * 1024;

/// Steps through a bound statement, and collects the wanted rows. If it reads, all pages but the
/// last are passed to `sink`.
#[inline]
pub(super) fn collect(
    statement: &mut Statement,
    keep: Fetch,
    sink: Option<&dyn PageSink>,
) -> Result<Rows> {
    let mut rows = Rows::default();
    if statement.step()? == Stepped::Done {
        return Ok(rows);
    }
    if keep == Fetch::Nothing {
        return statement.step_to_end().map(|()| rows);
    }
    let mut page: PageBuilder = statement.page();
    statement.write_row(&mut page)?;
    if keep == Fetch::First {
        // A change happens at its first step, and is counted at its last.
        if !statement.readonly {
            statement.step_to_end()?;
        }
    } else {
        let sink = sink.filter(|_| statement.readonly);
        while statement.step()? == Stepped::Row {
            if page.weight() >= PAGE_BYTES {
                match sink {
                    Some(sink) => {
                        sink.take(page.so_far());
                        page.clear();
                    }
                    None => rows.push(page.take()),
                }
            }
            statement.write_row(&mut page)?;
        }
    }
    rows.push(page.finish());
    Ok(rows)
}
