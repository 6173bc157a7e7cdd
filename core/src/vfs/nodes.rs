//! The files that are open, by name: each once, however many connections it has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};

use foldhash::fast::FixedState;

use super::node::Node;
use super::{FileError, Files, lock};

/// The open files of one VFS.
pub(super) struct Nodes {
    files: Arc<dyn Files>,
    open: Mutex<HashMap<Box<str>, Shared, FixedState>>,
}

struct Shared {
    node: Arc<Node>,
    handles: usize,
}

/// How a file is to be opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) create: bool,
    /// It must not be there.
    pub(super) new: bool,
    pub(super) read_only: bool,
    pub(super) is_log: bool,
}

impl Nodes {
    pub(super) fn new(files: impl Files) -> Self {
        Self { files: Arc::new(files), open: Mutex::default() }
    }

    /// Opens a file, and answers whether it can only be read.
    pub(super) fn open(&self, name: &str, wish: Wish) -> Result<(Arc<Node>, bool), FileError> {
        let mut open = lock(&self.open);
        if wish.new && (open.contains_key(name) || self.files.exists(name)) {
            return Err(FileError::Io);
        }
        match open.entry(name.into()) {
            Entry::Occupied(mut entry) => {
                let shared = entry.get_mut();
                let read_only = shared.node.permit(wish.read_only)?;
                shared.handles += 1;
                Ok((Arc::clone(&shared.node), read_only))
            }
            Entry::Vacant(entry) => {
                let files = Arc::clone(&self.files);
                let (node, read_only) =
                    Node::open(files, name, wish.create, wish.read_only, wish.is_log)?;
                let node = Arc::new(node);
                entry.insert(Shared { node: Arc::clone(&node), handles: 1 });
                Ok((node, read_only))
            }
        }
    }

    /// Lets a file go. With the last that has it, it is closed.
    pub(super) fn close(&self, node: &Node) {
        let mut open = lock(&self.open);
        if let Some(shared) = open.get_mut(&node.name) {
            shared.handles -= 1;
            if shared.handles == 0 {
                shared.node.close();
                open.remove(&node.name);
            }
        }
    }

    /// Removes a file. One that a connection has open is emptied instead: that
    /// is a rollback journal which another connection keeps for its next
    /// transaction, and an empty journal is as good as none.
    pub(super) fn remove(&self, name: &str) -> Result<(), FileError> {
        let open = lock(&self.open);
        match open.get(name) {
            Some(shared) => {
                shared.node.forget();
                shared.node.truncate(0)?;
                shared.node.sync()
            }
            None => match self.files.remove(name) {
                Err(FileError::NotFound) => Ok(()),
                removed => removed,
            },
        }
    }

    /// Whether there is such a file.
    pub(super) fn exists(&self, name: &str) -> bool {
        lock(&self.open).contains_key(name) || self.files.exists(name)
    }

    /// An open file of this name.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Node>> {
        lock(&self.open).get(name).map(|shared| Arc::clone(&shared.node))
    }
}
