//! The operations of a table.

use ubiqlite::{Compare, Row, RowStream, Select, Table, Value, Watch};

use super::call::Call;
use super::check::Outcome;
use super::data::Data;

/// What a call on a table returns: `stream` returns rows, which the caller holds or reads, and
/// `watch` results.
pub(crate) enum Answer<'a> {
    Outcome(Outcome),
    Stream(RowStream<'a>),
    Watch(ubiqlite::Result<Watch>),
}

/// Makes a call on a table.
pub(crate) async fn call<'a>(table: Table<'a>, call: &Call<'_>) -> Result<Answer<'a>, String> {
    let outcome = match call.method {
        "insert" => table.insert(call.record()?).await.map(Data::from),
        "upsert" => table.upsert(call.record()?).await.map(Data::from),
        "insert_many" => {
            let records = call.data("records")?;
            let records =
                records.list()?.iter().map(Data::record).collect::<Result<Vec<_>, _>>()?;
            table.insert_many(records).await.map(Data::from)
        }
        "get" => table.get::<Row>(call.data("key")?.key()?).await.map(Data::from),
        "update" => table.update(call.data("key")?.key()?, call.record()?).await.map(Data::Bool),
        "delete" => table.delete(call.data("key")?.key()?).await.map(Data::Bool),
        "update_many" => {
            let keys = call.data("keys")?;
            let keys = keys.list()?.iter().map(Data::key).collect::<Result<Vec<_>, _>>()?;
            table.update_many(keys, call.record()?).await.map(Data::from)
        }
        "count" => table.count().await.map(Data::from),
        "transfer" => {
            let column = call.text("column")?;
            table.transfer(&column, call.transfers()?).await.map(|()| Data::Null)
        }
        "select" => return select(table, call).await,
        "stream" => match table.stream().await {
            Ok(rows) => return Ok(Answer::Stream(rows)),
            Err(error) => Err(error),
        },
        other => return Err(format!("a table has no method {other:?}")),
    };
    Ok(Answer::Outcome(outcome))
}

async fn select<'a>(table: Table<'a>, call: &Call<'_>) -> Result<Answer<'a>, String> {
    let mut selection = table.select();
    if call.json("where").is_some() {
        for filter in call.data("where")?.list()? {
            selection = add_filter(selection, filter)?;
        }
    }
    if call.json("order_by").is_some() {
        for order in call.data("order_by")?.list()? {
            let [column, direction] = order.list()? else {
                return Err(format!("{order} is no order"));
            };
            selection = match direction.text()? {
                "asc" => selection.order_by(column.text()?),
                "desc" => selection.order_by_desc(column.text()?),
                other => return Err(format!("no order is {other:?}")),
            };
        }
    }
    if let Some(limit) = call.number("limit")? {
        selection = selection.limit(limit);
    }
    if let Some(offset) = call.number("offset")? {
        selection = selection.offset(offset);
    }
    let end = call.json("end").and_then(|end| end.as_str()).unwrap_or("all");
    let outcome = match end {
        "all" => selection.all::<Row>().await.map(Data::from),
        "first" => selection.first::<Row>().await.map(Data::from),
        "count" => selection.count().await.map(Data::from),
        "stream" => match selection.stream().await {
            Ok(rows) => return Ok(Answer::Stream(rows)),
            Err(error) => Err(error),
        },
        "watch" => return Ok(Answer::Watch(selection.watch().await)),
        other => return Err(format!("no selection ends by {other:?}")),
    };
    Ok(Answer::Outcome(outcome))
}

fn add_filter<'a>(selection: Select<'a>, filter: &Data) -> Result<Select<'a>, String> {
    let (column, comparison, operand) = match filter.list()? {
        [column, comparison] => (column.text()?, comparison.text()?, None),
        [column, comparison, operand] => (column.text()?, comparison.text()?, Some(operand)),
        _ => return Err(format!("{filter} is no filter")),
    };
    let compare = match (comparison, operand) {
        ("null", None) => return Ok(selection.filter_null(column)),
        ("not_null", None) => return Ok(selection.filter_not_null(column)),
        ("in", Some(values)) => return Ok(selection.filter_in(column, values.values()?)),
        ("eq", Some(_)) => Compare::Eq,
        ("ne", Some(_)) => Compare::Ne,
        ("lt", Some(_)) => Compare::Lt,
        ("le", Some(_)) => Compare::Le,
        ("gt", Some(_)) => Compare::Gt,
        ("ge", Some(_)) => Compare::Ge,
        ("like", Some(_)) => Compare::Like,
        ("not_like", Some(_)) => Compare::NotLike,
        _ => return Err(format!("{filter} is no filter")),
    };
    let value = operand.map_or(Ok(Value::Null), Data::value)?;
    Ok(selection.filter_with(column, compare, value))
}
