//! The data: the same 100,000 rows everywhere, derived from their ids alone.

/// The number of rows in the table `items`.
pub const ROWS: u64 = 100_000;

const WORDS: [&str; 16] = [
    "lamp", "table", "chair", "shelf", "mirror", "carpet", "kettle", "teapot", "basket", "candle",
    "pillow", "blanket", "cushion", "drawer", "bench", "stool",
];
const COLOURS: [&str; 8] = ["red", "green", "blue", "white", "black", "amber", "violet", "brown"];
const STATUSES: [&str; 4] = ["new", "active", "done", "archived"];

/// A row of `items`, owned.
#[derive(Debug, Clone)]
pub struct Item {
    /// `id INTEGER PRIMARY KEY`
    pub id: i64,
    /// `name TEXT NOT NULL`
    pub name: String,
    /// `data TEXT NOT NULL`: a short JSON object.
    pub data: String,
    /// `status TEXT NOT NULL`
    pub status: String,
    /// `value REAL NOT NULL`
    pub value: f64,
}

impl Item {
    /// Makes the row with this id.
    #[must_use]
    pub fn new(id: i64) -> Self {
        let mut mixer = Ids::new(id.unsigned_abs());
        let mut pick = |among: u64| mixer.below(among);
        let word = WORDS[pick(16) as usize];
        let colour = COLOURS[pick(8) as usize];
        let (watt, stock) = (pick(200), pick(10_000));
        Self {
            id,
            name: format!("{word} {id:06}"),
            data: format!(r#"{{"watt":{watt},"colour":"{colour}","stock":{stock},"new":true}}"#),
            status: STATUSES[pick(4) as usize].to_owned(),
            value: pick(1_000_000) as f64 / 100.0,
        }
    }

    /// Returns the [`weight`] of this row.
    #[must_use]
    pub fn weight(&self) -> u64 {
        weight(self.id, &self.name, &self.data, &self.status, self.value)
    }
}

/// Returns a number that depends on all five columns: a subject adds it up over the
/// rows that it read, and a wrong sum shows that it skipped something.
#[inline]
#[must_use]
pub fn weight(id: i64, name: &str, data: &str, status: &str, value: f64) -> u64 {
    (id as u64)
        .wrapping_add((name.len() as u64) << 20)
        .wrapping_add((data.len() as u64) << 28)
        .wrapping_add((status.len() as u64) << 36)
        .wrapping_add(value.to_bits())
}

/// Rows 1 to `n`.
pub fn items(n: u64) -> impl Iterator<Item = Item> {
    (1..=n as i64).map(Item::new)
}

/// Rows 1 to `n`, alive until the process ends: the rows that a subject inserts are made
/// and freed outside the measured time.
#[must_use]
pub fn leaked_items(n: u64) -> &'static [Item] {
    items(n).collect::<Vec<_>>().leak()
}

/// Ids on every page of the table: reading them fills a page cache.
pub fn warm_up_ids() -> impl Iterator<Item = i64> {
    // A page of 4 KiB holds more rows than this.
    (1..=ROWS as i64).step_by(30)
}

/// The weights of all rows, to check sums against.
#[derive(Debug)]
pub struct Weights(Vec<u64>);

impl Weights {
    /// Computes the weights of rows 1 to [`ROWS`].
    #[must_use]
    pub fn new() -> Self {
        Self(items(ROWS).map(|item| item.weight()).collect())
    }

    /// Returns what reading `n` rows by the ids of `Ids::new(seed)` must add up to.
    #[must_use]
    pub fn of_ids(&self, seed: u64, n: u64) -> u64 {
        let mut ids = Ids::new(seed);
        (0..n).fold(0, |sum: u64, _| sum.wrapping_add(self.0[ids.id() as usize - 1]))
    }

    /// Returns what reading the whole table `times` times must add up to.
    #[must_use]
    pub fn of_all(&self, times: u64) -> u64 {
        let once = self.0.iter().fold(0_u64, |sum, w| sum.wrapping_add(*w));
        once.wrapping_mul(times)
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self::new()
    }
}

/// A deterministic sequence of random row ids (xorshift64).
#[derive(Debug, Clone)]
pub struct Ids(u64);

impl Ids {
    /// Starts the sequence with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Spread small seeds over the whole word; xorshift must not start at 0.
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % limit
    }

    /// Returns the next id, from 1 to [`ROWS`].
    #[inline]
    pub fn id(&mut self) -> i64 {
        self.below(ROWS) as i64 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_gives_the_same_row_of_realistic_size() {
        for item in items(1_000) {
            let again = Item::new(item.id);
            assert_eq!(item.weight(), again.weight());
            assert!((40..=60).contains(&item.data.len()), "{}", item.data);
        }
    }

    #[test]
    fn ids_stay_in_the_table_and_spread_over_it() {
        let mut ids = Ids::new(7);
        let seen: std::collections::HashSet<i64> = (0..10_000).map(|_| ids.id()).collect();
        assert!(seen.iter().all(|id| (1..=ROWS as i64).contains(id)));
        assert!(seen.len() > 9_000);
    }
}
