//! One call of a scenario: its method, and its arguments in the library's types.

use std::time::Duration;

use serde_json::{Map, Value as Json};
use ubiqlite::{Batch, Begin, Params, Record, Transfer};

use super::data::{Data, Names};

/// One call of a scenario.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) step: &'a Map<String, Json>,
    pub(crate) names: &'a Names,
}

impl<'a> Call<'a> {
    pub(crate) fn json(&self, key: &str) -> Option<&'a Json> {
        self.step.get(key)
    }

    pub(crate) fn data(&self, key: &str) -> Result<Data, String> {
        let json = self.json(key).ok_or_else(|| format!("{} wants {key:?}", self.method))?;
        Data::read(json, self.names)
    }

    pub(crate) fn text(&self, key: &str) -> Result<String, String> {
        Ok(self.data(key)?.text()?.to_owned())
    }

    /// Returns the name of the handle that the call is made on.
    pub(crate) fn on(&self) -> &'a str {
        self.json("on").and_then(Json::as_str).unwrap_or("db")
    }

    /// Returns the name that the result gets.
    pub(crate) fn name(&self) -> &'a str {
        self.json("as").and_then(Json::as_str).unwrap_or_default()
    }

    /// Returns the steps that run while the handle that the call returns is held.
    pub(crate) fn steps(&self) -> Option<&'a [Json]> {
        self.steps_at("steps")
    }

    /// Returns the steps that run while the call waits.
    pub(crate) fn meanwhile(&self) -> Option<&'a [Json]> {
        self.steps_at("meanwhile")
    }

    fn steps_at(&self, key: &str) -> Option<&'a [Json]> {
        self.json(key).and_then(Json::as_array).map(Vec::as_slice)
    }

    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>, String> {
        self.json(key)
            .map(|json| json.as_u64().ok_or_else(|| format!("{key:?} is no number: {json}")))
            .transpose()
    }

    pub(crate) fn millis(&self, key: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(key)?.map(Duration::from_millis))
    }

    pub(crate) fn sql(&self) -> Result<String, String> {
        self.text("sql")
    }

    pub(crate) fn params(&self) -> Result<Params, String> {
        match self.json("params") {
            Some(json) => params(&Data::read(json, self.names)?),
            None => Ok(Params::new()),
        }
    }

    /// Returns the texts of a list, or the one text that stands there.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<String>, String> {
        match self.data(key)? {
            Data::List(items) => items.iter().map(|item| Ok(item.text()?.to_owned())).collect(),
            item => Ok(vec![item.text()?.to_owned()]),
        }
    }

    pub(crate) fn each(&self) -> Result<Vec<Params>, String> {
        self.data("each")?.list()?.iter().map(params).collect()
    }

    pub(crate) fn batch(&self) -> Result<Batch, String> {
        if self.json("script").is_some() {
            return Ok(Batch::from(self.text("script")?));
        }
        let mut batch = Batch::new();
        for statement in self.data("statements")?.list()? {
            match statement {
                Data::List(parts) => match parts.as_slice() {
                    [sql, values] => batch.push(sql.text()?, params(values)?),
                    _ => return Err(format!("{statement} is no statement with parameters")),
                },
                sql => batch.push(sql.text()?, ()),
            }
        }
        Ok(batch)
    }

    /// Returns queries that are watched together: SQL and parameters, and the columns of their keys.
    #[allow(clippy::type_complexity, reason = "it is taken apart at once")]
    pub(crate) fn queries(&self) -> Result<(Vec<(String, Params)>, Vec<Vec<String>>), String> {
        let (mut statements, mut keys) = (Vec::new(), Vec::new());
        for query in self.data("queries")?.list()? {
            let (sql, values, key) = match query.list()? {
                [sql] => (sql, None, None),
                [sql, values] => (sql, Some(values), None),
                [sql, values, key] => (sql, Some(values), Some(key)),
                _ => return Err(format!("{query} is no query")),
            };
            let values = values.map_or_else(|| Ok(Params::new()), params)?;
            statements.push((sql.text()?.to_owned(), values));
            keys.push(match key {
                None => Vec::new(),
                Some(Data::List(key)) => {
                    key.iter().map(|it| Ok(it.text()?.to_owned())).collect::<Result<_, String>>()?
                }
                Some(key) => vec![key.text()?.to_owned()],
            });
        }
        Ok((statements, keys))
    }

    pub(crate) fn begin(&self) -> Result<Begin, String> {
        match self.json("mode").map(|mode| mode.as_str().unwrap_or_default()) {
            None | Some("immediate") => Ok(Begin::Immediate),
            Some("deferred") => Ok(Begin::Deferred),
            Some("exclusive") => Ok(Begin::Exclusive),
            Some(other) => Err(format!("no transaction begins as {other:?}")),
        }
    }

    pub(crate) fn record(&self) -> Result<Record, String> {
        self.data("record")?.record()
    }

    pub(crate) fn transfers(&self) -> Result<Vec<Transfer>, String> {
        let transfer = |item: &Data| match item.list()? {
            [from, to, amount] => Ok(Transfer::new(from.key()?, to.key()?, amount.value()?)),
            _ => Err(format!("{item} is no transfer")),
        };
        self.data("transfers")?.list()?.iter().map(transfer).collect()
    }
}

fn params(data: &Data) -> Result<Params, String> {
    let mut params = Params::new();
    match data {
        Data::List(values) => {
            for value in values {
                params.push(value.value()?);
            }
        }
        Data::Map(fields) => {
            for (name, value) in fields {
                params.push_named(name.clone(), value.value()?);
            }
        }
        other => return Err(format!("{other} are no parameters")),
    }
    Ok(params)
}
