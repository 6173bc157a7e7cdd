//! The files that are open, by name: each once, however many connections it has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};

use foldhash::fast::FixedState;

use super::node::Node;
use super::{FileError, Files, lock};

/// The open files of one VFS.
pub(super) struct Nodes {
    /// The owner of the files; without one, they are in memory.
    files: Option<Arc<dyn Files>>,
    open: Mutex<HashMap<Box<str>, SharedNode, FixedState>>,
}

struct SharedNode {
    node: Arc<Node>,
    /// A file in memory may have none: a journal is there until it is removed, or until its
    /// database goes.
    handles: usize,
    main: bool,
}

/// How to open a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenMode {
    pub(super) create: bool,
    /// It must not exist.
    pub(super) new: bool,
    pub(super) read_only: bool,
    pub(super) is_log: bool,
    /// It is a database, not a file next to one.
    pub(super) is_main: bool,
}

impl Nodes {
    pub(super) fn new(files: impl Files) -> Self {
        Self { files: Some(Arc::new(files)), open: Mutex::default() }
    }

    /// Files in memory, each gone with the last connection to its database.
    pub(super) fn in_memory() -> Self {
        Self { files: None, open: Mutex::default() }
    }

    /// Whether the files are in memory.
    pub(super) fn are_in_memory(&self) -> bool {
        self.files.is_none()
    }

    /// Opens a file, and returns whether it is read-only.
    pub(super) fn open(&self, name: &str, wish: OpenMode) -> Result<(Arc<Node>, bool), FileError> {
        let mut open = lock(&self.open);
        if wish.new && (open.contains_key(name) || self.has(name)) {
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
                let (node, read_only) = match &self.files {
                    Some(files) => {
                        let OpenMode { create, read_only, is_log, .. } = wish;
                        Node::open(Arc::clone(files), name, create, read_only, is_log)?
                    }
                    None if wish.create => (Node::in_memory(name), wish.read_only),
                    None => return Err(FileError::NotFound),
                };
                let node = Arc::new(node);
                let shared = SharedNode { node: Arc::clone(&node), handles: 1, main: wish.is_main };
                entry.insert(shared);
                Ok((node, read_only))
            }
        }
    }

    /// Adds a file in memory, which stays until it is closed.
    pub(super) fn insert(&self, node: Node) -> Arc<Node> {
        let node = Arc::new(node);
        let shared = SharedNode { node: Arc::clone(&node), handles: 1, main: true };
        lock(&self.open).insert(node.name.clone(), shared);
        node
    }

    /// Releases a file. When the last connection releases it, it is closed.
    pub(super) fn close(&self, node: &Node) {
        let mut open = lock(&self.open);
        let Some(shared) = open.get_mut(&node.name) else { return };
        shared.handles -= 1;
        if shared.handles > 0 {
            return;
        }
        if self.files.is_some() {
            shared.node.close();
            open.remove(&node.name);
        } else if shared.main {
            // Its journal and its log mean nothing without it.
            open.retain(|name, shared| {
                let beside = name.strip_prefix(&*node.name).is_some_and(|it| it.starts_with('-'));
                shared.handles > 0 || !(beside || *name == node.name)
            });
        }
    }

    /// Removes a file. One that a connection has open is emptied instead: that
    /// is a rollback journal which another connection keeps for its next
    /// transaction, and an empty journal is as good as none.
    pub(super) fn remove(&self, name: &str) -> Result<(), FileError> {
        let mut open = lock(&self.open);
        match (open.get(name), &self.files) {
            (Some(shared), files) if files.is_some() || shared.handles > 0 => {
                shared.node.forget();
                shared.node.truncate(0)?;
                shared.node.sync()
            }
            (_, None) => {
                open.remove(name);
                Ok(())
            }
            (_, Some(files)) => match files.remove(name) {
                Err(FileError::NotFound) => Ok(()),
                removed => removed,
            },
        }
    }

    /// See [`Files::full_name`].
    pub(super) fn full_name(&self, name: &str) -> Option<String> {
        self.files.as_ref()?.full_name(name)
    }

    /// Whether there is such a file.
    pub(super) fn exists(&self, name: &str) -> bool {
        lock(&self.open).contains_key(name) || self.has(name)
    }

    fn has(&self, name: &str) -> bool {
        self.files.as_ref().is_some_and(|files| files.exists(name))
    }

    /// An open file of this name.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Node>> {
        lock(&self.open).get(name).map(|shared| Arc::clone(&shared.node))
    }

    /// The files whose names start with `beginning`, with their sizes.
    #[cfg(test)]
    pub(super) fn sizes(&self, beginning: &str) -> Vec<(String, u64)> {
        let open = lock(&self.open);
        let ours = open.iter().filter(|(name, _)| name.starts_with(beginning));
        ours.map(|(name, shared)| (name.to_string(), shared.node.size().unwrap())).collect()
    }
}
