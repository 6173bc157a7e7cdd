//! Replicas whose files a client keeps.

use std::collections::BTreeMap;

use super::super::numbers::{limit::PIECE, reply};
use super::*;

/// What is to be done with a file.
const PUT: i64 = 0;
const LIST: i64 = 1;
const GET: i64 = 2;

/// A client that keeps files, and replies to each task itself.
struct Keeper {
    server: Server,
    db: Database,
    last: u32,
    /// Replies that nobody has asked for yet.
    came: Vec<Reply>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Keeper {
    async fn new() -> Self {
        let db = in_memory(false).await;
        db.execute("CREATE TABLE t (x BLOB)", ()).await.unwrap();
        // Several times what is sent at once.
        db.execute("INSERT INTO t VALUES (randomblob(900000))", ()).await.unwrap();
        let server = Server::new(db.clone(), 1, Tokio::default());
        Self { server, db, last: 0, came: Vec::new(), files: BTreeMap::new() }
    }

    fn send(&mut self, op: u8, handle: u32, payload: &[u8]) -> u32 {
        self.last += 1;
        self.server.submit(&Batch::default().add(self.last, op, handle, payload).0).unwrap();
        self.last
    }

    async fn reply(&mut self, id: u32) -> Reply {
        loop {
            if let Some(at) = self.came.iter().position(|reply| reply.id == id) {
                return self.came.swap_remove(at);
            }
            self.came.extend(replies(&self.server));
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            if self.server.is_behind() {
                self.server.resume();
            }
        }
    }

    async fn ask(&mut self, op: u8, handle: u32, payload: &[u8]) -> Reply {
        let id = self.send(op, handle, payload);
        self.reply(id).await
    }

    async fn storage(&mut self) -> u32 {
        let made = self.ask(op::STORAGE, 0, &[]).await;
        assert_eq!(made.kind, kind::HANDLE, "{made:?}");
        made.id
    }

    /// Begins a replica, whose number is returned at once.
    fn replicate(&mut self, storage: u32) -> u32 {
        let settings = [0, -1, -1, -1, 200i64].map(i64::to_le_bytes).concat();
        self.send(op::REPLICATE, 0, &[&[1], &storage.to_le_bytes()[..], &settings].concat())
    }

    /// The next task; `None`: there will be none.
    async fn task(&mut self, storage: u32) -> Option<(i64, i64, String)> {
        let next = self.ask(op::NEXT, storage, &[0; 4]).await;
        if next.flags & reply::END != 0 {
            return None;
        }
        let [Value::Integer(number), Value::Integer(what), name] = &*values(&next) else {
            panic!("{next:?}")
        };
        let name = if let Value::Text(name) = name { name.to_string() } else { String::new() };
        Some((*number, *what, name))
    }

    async fn say(&mut self, storage: u32, task: i64, what: u8, rest: &[u8]) -> Reply {
        let payload = [&task.to_le_bytes()[..], &[what], rest].concat();
        self.ask(op::STORED, storage, &payload).await
    }

    /// The content of a file that is stored.
    async fn content(&mut self, storage: u32, task: i64) -> Vec<u8> {
        let mut content = Vec::new();
        loop {
            let more = self.say(storage, task, 1, &[]).await;
            match values(&more).pop() {
                Some(Value::Blob(bytes)) => {
                    assert!(bytes.len() <= PIECE as usize, "{} bytes", bytes.len());
                    content.extend_from_slice(&bytes);
                }
                other => {
                    assert_eq!(other, None);
                    return content;
                }
            }
        }
    }

    /// Does a task. Returns the name of the file that was stored, if one was.
    async fn carry_out(
        &mut self,
        storage: u32,
        (task, what, name): (i64, i64, String),
    ) -> Option<String> {
        match what {
            LIST => {
                let names = self.files.keys().flat_map(|name| text(name)).collect::<Vec<_>>();
                let count = (self.files.len() as u32).to_le_bytes();
                self.say(storage, task, 2, &[&count[..], &names].concat()).await;
            }
            GET => {
                let Some(content) = self.files.get(&name).cloned() else {
                    self.say(storage, task, 5, &[]).await;
                    return None;
                };
                for chunk in content.chunks(100_000) {
                    let length = (chunk.len() as u32).to_le_bytes();
                    let wanted = self.say(storage, task, 3, &[&length[..], chunk].concat()).await;
                    assert_eq!(wanted.kind, kind::BOOL, "{wanted:?}");
                }
                assert_eq!(self.say(storage, task, 4, &[]).await.kind, kind::DONE);
            }
            PUT => {
                let content = self.content(storage, task).await;
                self.files.insert(name.clone(), content);
                assert_eq!(self.say(storage, task, 0, &[]).await.kind, kind::DONE);
                return Some(name);
            }
            _ => {
                self.files.remove(&name);
                self.say(storage, task, 0, &[]).await;
            }
        }
        None
    }

    /// Does tasks until the next one is to store all pages, and returns that.
    async fn until_first_file(&mut self, storage: u32) -> (i64, i64, String) {
        loop {
            let task = self.task(storage).await.expect("a task");
            if task.1 == PUT && task.2.starts_with("ltx/") {
                return task;
            }
            self.carry_out(storage, task).await;
        }
    }

    /// Does tasks until all pages are stored, and returns how many bytes that were.
    async fn first_file(&mut self, storage: u32) -> usize {
        let task = self.until_first_file(storage).await;
        let name = self.carry_out(storage, task).await.expect("a file");
        self.files[&name].len()
    }
}

#[tokio::test]
async fn a_client_keeps_the_files_of_a_replica_and_one_is_restored_from_them() {
    let mut here = Keeper::new().await;
    let storage = here.storage().await;
    let replica = here.replicate(storage);
    assert!(here.first_file(storage).await > 900_000);
    assert_eq!(here.reply(replica).await.kind, kind::HANDLE);
    let stopping = here.send(op::NEXT, replica, &2u32.to_le_bytes());
    // Until the storage is needed no more.
    while let Some(task) = here.task(storage).await {
        here.carry_out(storage, task).await;
    }
    let ended = here.reply(stopping).await;
    assert_eq!(values(&ended).last(), Some(&Value::Integer(1)), "{ended:?}");
    let names: Vec<_> = here.files.keys().collect();
    assert_eq!(names, ["ltx/9/0000000000000001-0000000000000001.ltx"], "the mark is removed");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let storage = here.storage().await;
    let place = [&[1], &storage.to_le_bytes()[..]].concat();
    let newest = [0; 9];
    let to = text(path.to_str().unwrap());
    let restored = here.send(op::REPLICA_RESTORE, 0, &[&*place, &newest, &to].concat());
    while let Some(task) = here.task(storage).await {
        here.carry_out(storage, task).await;
    }
    assert_eq!(here.reply(restored).await.kind, kind::COUNT);
    let copy = Database::open(&path).await.unwrap();
    let length: i64 = copy.query_value("SELECT length(x) FROM t", ()).await.unwrap();
    assert_eq!(length, 900_000);
    copy.close().await.unwrap();
    here.db.close().await.unwrap();
}

#[tokio::test]
async fn a_storage_is_that_of_one_replica_and_only_its_own_tasks_are_replied_to() {
    let mut here = Keeper::new().await;
    let storage = here.storage().await;
    let replica = here.replicate(storage);
    let second = here.replicate(storage);
    assert_eq!(here.reply(second).await.kind, kind::ERROR);
    let nothing = here.replicate(replica + 99);
    assert_eq!(here.reply(nothing).await.kind, kind::ERROR);
    here.first_file(storage).await;
    assert_eq!(here.reply(replica).await.kind, kind::HANDLE);
    // Nobody waits for any of these.
    assert_eq!(here.say(storage, 99, 0, &[]).await.kind, kind::DONE);
    assert_eq!(here.say(storage, 99, 1, &[]).await.kind, kind::ERROR);
    let wanted = here.say(storage, 99, 3, &[1, 0, 0, 0, 7]).await;
    assert_eq!((wanted.kind, wanted.extra), (kind::BOOL, 0));
    for (more, expected) in [(0, kind::BOOL), (1, kind::ERROR)] {
        let piece = [&(PIECE + more).to_le_bytes()[..], &vec![7; (PIECE + more) as usize]].concat();
        assert_eq!(here.say(storage, 99, 3, &piece).await.kind, expected, "{more} more bytes");
    }
    assert_eq!(here.say(storage, 99, 9, &[]).await.kind, kind::ERROR);
    assert_eq!(here.say(replica, 1, 0, &[]).await.kind, kind::ERROR, "that is no storage");
    here.db.close().await.unwrap();
}

#[tokio::test]
async fn a_replica_ends_with_the_storage_that_its_client_drops() {
    let mut here = Keeper::new().await;
    let storage = here.storage().await;
    let replica = here.replicate(storage);
    here.first_file(storage).await;
    assert_eq!(here.reply(replica).await.kind, kind::HANDLE);
    here.send(op::DROP, storage, &[]);
    here.db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
    loop {
        let state = here.ask(op::NEXT, replica, &[0; 4]).await;
        if values(&state).last() == Some(&Value::Integer(1)) {
            break;
        }
    }
    here.db.close().await.unwrap();
}

#[tokio::test]
async fn a_storage_that_has_nothing_to_say_keeps_a_replica_for_its_close_timeout() {
    let mut here = Keeper::new().await;
    let storage = here.storage().await;
    let replica = here.replicate(storage);
    // All pages are to be stored, and nobody does.
    here.until_first_file(storage).await;
    assert_eq!(here.reply(replica).await.kind, kind::HANDLE);
    let ended = here.ask(op::NEXT, replica, &2u32.to_le_bytes()).await;
    assert_eq!(ended.kind, kind::ERROR, "not all is stored: {ended:?}");
    let told = std::str::from_utf8(&ended.payload).unwrap();
    assert!(told.contains("Io") && told.contains("has not returned within"), "{told}");
    let state = here.ask(op::NEXT, replica, &[0; 4]).await;
    assert_eq!(values(&state).last(), Some(&Value::Integer(1)), "it has ended: {state:?}");
    assert_eq!(here.task(storage).await, None);
    here.db.close().await.unwrap();
}
