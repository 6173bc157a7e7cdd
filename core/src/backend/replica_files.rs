//! The files of a replica: what they end with, and the database that they make.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::copy_file::CopyFile;
use super::{Reply, call, cancelled};
use crate::error::{Error, ErrorKind, Result};
use crate::program::Interrupt;
use crate::replicate::{
    Decoder, FileName, Gap, HEADER, Header, PageChecksums, ReplicaStorage, milliseconds, plan,
};

/// The moment that is restored from a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplicaMoment {
    /// The newest one.
    #[default]
    Latest,
    /// The one after this transaction, which must be the last of a file:
    /// [`ReplicaState::transaction`](crate::ReplicaState::transaction) at some time.
    Transaction(u64),
    /// The newest one whose transaction was read from the log at or before this time.
    Time(SystemTime),
}

/// What a storage has of a replica.
pub(super) enum Stored {
    Nothing,
    /// Files are missing, or damaged. `last`: the highest number of a transaction.
    Broken {
        last: u64,
    },
    Whole {
        last: u64,
        time: u64,
        /// That of the database; `None`: another program has stored it without.
        checksum: Option<u64>,
        page_size: u32,
        /// The last transaction for which all pages are stored, and how long ago they were.
        snapshot: u64,
        age: Duration,
    },
}

/// Returns what a storage has of a replica.
///
/// # Errors
/// Those of the storage.
pub(super) fn stored(storage: &dyn ReplicaStorage) -> io::Result<Stored> {
    let files = files(storage)?;
    let Some(last) = files.iter().map(|it| it.last).max() else { return Ok(Stored::Nothing) };
    let Ok(plan) = plan(&files, None) else { return Ok(Stored::Broken { last }) };
    let (Some(first), Some(end)) = (plan.first(), plan.last()) else {
        return Ok(Stored::Broken { last });
    };
    let read = header_of(storage, *first).and_then(|header| Ok((header, read_end(storage, *end)?)));
    let (snapshot, (header, checksum)) = match read {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Ok(Stored::Broken { last });
        }
        Err(error) => return Err(error),
    };
    let taken = SystemTime::UNIX_EPOCH + Duration::from_millis(snapshot.time);
    Ok(Stored::Whole {
        last,
        time: header.time,
        checksum: header.has_checksums().then_some(checksum),
        page_size: header.page_size,
        snapshot: first.last,
        age: SystemTime::now().duration_since(taken).unwrap_or_default(),
    })
}

/// Returns the files that a storage has of a replica.
///
/// # Errors
/// Those of the storage.
pub(super) fn files(storage: &dyn ReplicaStorage) -> io::Result<Vec<FileName>> {
    let names = storage.list()?;
    Ok(names.iter().filter_map(|name| FileName::parse(name)).collect())
}

/// Returns what a file begins with.
///
/// # Errors
/// Those of the storage; `InvalidData` for a damaged file.
pub(super) fn header_of(storage: &dyn ReplicaStorage, file: FileName) -> io::Result<Header> {
    let mut bytes = [0; HEADER];
    storage.open(&file.to_string())?.read_exact(&mut bytes).map_err(|error| {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => io::ErrorKind::InvalidData.into(),
            _ => error,
        }
    })?;
    Header::decode(&bytes)
}

/// Returns the header of a file, and the checksum of the database after it.
fn read_end(storage: &dyn ReplicaStorage, file: FileName) -> io::Result<(Header, u64)> {
    let mut decoder = Decoder::new(BufReader::new(storage.open(&file.to_string())?))?;
    let header = *decoder.header();
    let mut data = vec![0; header.page_size as usize];
    while decoder.next(&mut data)?.is_some() {}
    Ok((header, decoder.finish()?))
}

/// Returns what an error of a storage is.
pub(super) fn kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::InvalidData => ErrorKind::Corrupt,
        io::ErrorKind::PermissionDenied => ErrorKind::CannotOpen,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        _ => ErrorKind::Io,
    }
}

/// Writes the database of a moment into a new file. Dropping the reply ends the work, and the file is
/// not there then.
pub(crate) fn restore(
    storage: Arc<dyn ReplicaStorage>,
    moment: ReplicaMoment,
    to: PathBuf,
) -> Reply<u64> {
    let (completer, call) = call();
    let thread = std::thread::Builder::new().name("ubiqlite-restore".into());
    let interrupt = completer.interrupt();
    let spawned = thread.spawn(move || {
        let done = CopyFile::create(&to, false, None).and_then(|part| {
            let mut file = File::options()
                .write(true)
                .read(true)
                .open(part.path())
                .map_err(|error| failed(&error, "the new file"))?;
            let last = write(&*storage, moment, &mut file, &interrupt)?;
            part.finish(file)?;
            Ok(last)
        });
        completer.complete(done);
    });
    match spawned {
        Ok(_) => Reply::call(call),
        Err(error) => Reply::err(Error::new(
            ErrorKind::Io,
            format!("can't start a thread to restore the database: {error}"),
        )),
    }
}

/// Writes the database of a moment, and returns its transaction.
fn write(
    storage: &dyn ReplicaStorage,
    moment: ReplicaMoment,
    file: &mut File,
    stop: &Interrupt,
) -> Result<u64> {
    let listed = files(storage).map_err(|error| failed(&error, "the replica"))?;
    if listed.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there is no replica: it has no files"));
    }
    let to = match moment {
        ReplicaMoment::Latest => None,
        ReplicaMoment::Transaction(number) => Some(number),
        ReplicaMoment::Time(time) => Some(transaction_at(storage, &listed, time)?),
    };
    let chosen = plan(&listed, to).map_err(|gap| missing(&gap, to))?;
    let mut pages = PageChecksums::default();
    let mut page_size = 0;
    let mut last = 0;
    for name in chosen {
        let applied = apply(storage, name, last, &mut page_size, &mut pages, file, stop);
        applied.map_err(|error| match stop.is_set() {
            true => cancelled(),
            false => failed(&error, &name.to_string()),
        })?;
        last = name.last;
    }
    Ok(last)
}

/// Writes the pages of a file into the database.
fn apply(
    storage: &dyn ReplicaStorage,
    name: FileName,
    before: u64,
    page_size: &mut u32,
    pages: &mut PageChecksums,
    file: &mut File,
    stop: &Interrupt,
) -> io::Result<()> {
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut decoder =
        Decoder::new(BufReader::with_capacity(256 * 1024, storage.open(&name.to_string())?))?;
    let header = *decoder.header();
    if (header.first, header.last) != (name.first, name.last) {
        return Err(invalid("it is another file than its name says"));
    }
    if before == 0 {
        *page_size = header.page_size;
    } else if header.page_size != *page_size {
        return Err(invalid("its pages are of another size than those before"));
    } else if header.has_checksums() && header.first == before + 1 && header.before != pages.whole()
    {
        return Err(invalid("it does not follow the file before it: they are of two databases"));
    }
    pages.resize(header.pages);
    let mut data = vec![0; header.page_size as usize];
    let mut at = None;
    while let Some(page) = decoder.next(&mut data)? {
        if stop.is_set() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        pages.set(page, &data);
        if at != Some(page) {
            file.seek(SeekFrom::Start(u64::from(page - 1) * u64::from(header.page_size)))?;
        }
        file.write_all(&data)?;
        at = page.checked_add(1);
    }
    let after = decoder.finish()?;
    if header.has_checksums() && after != pages.whole() {
        return Err(invalid("the database is not what it was after this file"));
    }
    file.set_len(u64::from(header.pages) * u64::from(header.page_size))
}

/// Returns the last transaction that was read at or before a time. Their times are in their order.
fn transaction_at(
    storage: &dyn ReplicaStorage,
    files: &[FileName],
    time: SystemTime,
) -> Result<u64> {
    let wanted = milliseconds(time);
    let mut sorted: Vec<FileName> = files.to_vec();
    // Of the files that end with one transaction, those with all pages may have been made later.
    sorted.sort_unstable_by_key(|it| (it.last, it.is_snapshot()));
    sorted.dedup_by_key(|it| it.last);
    let (mut from, mut to) = (0, sorted.len());
    while from < to {
        let middle = from + (to - from) / 2;
        let name = sorted[middle];
        let header = header_of(storage, name).map_err(|error| failed(&error, &name.to_string()))?;
        if header.time <= wanted {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    match from.checked_sub(1).and_then(|at| sorted.get(at)) {
        Some(file) => Ok(file.last),
        None => Err(Error::new(ErrorKind::NotFound, "the replica begins after this time")),
    }
}

#[cold]
fn failed(error: &io::Error, what: &str) -> Error {
    let kind = kind(error);
    let message = match kind {
        ErrorKind::NotFound => format!("{what} is missing"),
        ErrorKind::Corrupt => format!("{what} is damaged: {error}"),
        _ => format!("{what}: {error}"),
    };
    Error::new(kind, message)
}

#[cold]
fn missing(gap: &Gap, to: Option<u64>) -> Error {
    let message = match gap {
        Gap::NoSnapshot => match to {
            Some(to) => format!("the replica has no file with all pages up to transaction {to}"),
            None => "the replica has no file with all pages".to_owned(),
        },
        Gap::After(last) => format!(
            "the replica has no file with what follows transaction {last}, though it has later ones"
        ),
        Gap::Between(before, after) => {
            let after = after.map_or(String::new(), |it| format!(", the next one {it}"));
            format!(
                "the replica has no file that ends with transaction {}; the last one before it is {before}{after}",
                to.unwrap_or_default()
            )
        }
    };
    Error::new(ErrorKind::NotFound, message)
}
