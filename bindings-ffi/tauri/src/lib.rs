//! SQLite for [Tauri](https://tauri.app): an app's pages use ubiqlite's engine in the app's own
//! process, with the interface of the npm package. Rust code of the app may open the same files
//! with the crate `ubiqlite`.
//!
//! ```no_run
//! # fn main() {
//! tauri::Builder::default()
//!     .plugin(tauri_plugin_ubiqlite::init())
//!     // .run(tauri::generate_context!())
//! # ;
//! # }
//! ```
//!
//! A window needs the permission `ubiqlite:default`, in a file of `capabilities/`. Then, in a page:
//!
//! ```js
//! import { open } from 'ubiqlite/tauri';
//! const db = await open('app.db');
//! ```
//!
//! A database is opened by its path within the app's data folder, which is
//! [`PathResolver::app_data_dir`](tauri::path::PathResolver::app_data_dir); [`Builder::allow`] lets
//! pages open others. That is a help against mistakes and no wall: SQL itself reaches any file that
//! the app may open, by `ATTACH`. Give the permission only to windows that show your own pages.
//!
//! When a page is left, reloaded or closed, what runs for it is cancelled, and its open
//! transactions are rolled back.

mod commands;
mod paths;

use std::path::Path;

use tauri::ipc::Invoke;
use tauri::plugin::TauriPlugin;
use tauri::webview::PageLoadEvent;
use tauri::{Manager, RunEvent, Runtime, Webview, WindowEvent};
use ubiqlite::ext::BoxFuture;
use ubiqlite_shared::remote::{Executor, RemoteClients};

use paths::Allowed;

/// Makes the plugin, with databases in the app's data folder only.
#[must_use]
pub fn init<R: Runtime>() -> TauriPlugin<R> {
    Builder::new().build()
}

/// Makes the plugin with settings of one's own.
#[derive(Default)]
pub struct Builder {
    allowed: Allowed,
}

impl Builder {
    /// The settings of [`init`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets pages open the absolute paths for which `is_allowed` returns true. By default they open
    /// none. A path with `..` in it is refused before.
    #[must_use]
    pub fn allow(mut self, is_allowed: impl Fn(&Path) -> bool + Send + Sync + 'static) -> Self {
        self.allowed = Allowed(Some(Box::new(is_allowed)));
        self
    }

    /// Makes the plugin.
    #[must_use]
    pub fn build<R: Runtime>(self) -> TauriPlugin<R> {
        tauri::plugin::Builder::new("ubiqlite")
            .setup(|app, _| {
                app.manage(Clients::new(TauriRuntime));
                app.manage(self.allowed);
                Ok(())
            })
            .invoke_handler(handler())
            .on_page_load(|webview, load| {
                // The page before it, if there was one, is gone.
                if load.event() == PageLoadEvent::Started {
                    let gone = Owner::of(webview);
                    webview.state::<Clients>().leave(|owner| *owner == gone);
                }
            })
            .on_event(|app, event| match event {
                RunEvent::WindowEvent { label, event: WindowEvent::Destroyed, .. } => {
                    app.state::<Clients>().leave(|owner| owner.window == *label);
                }
                RunEvent::Exit => {
                    // What could not be closed is no worse than after a crash, which loses nothing.
                    let _ = tauri::async_runtime::block_on(app.state::<Clients>().close_all());
                }
                _ => {}
            })
            .build()
    }
}

fn handler<R: Runtime>() -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![commands::open, commands::post, commands::close]
}

/// The clients of all pages.
type Clients = RemoteClients<Owner>;

/// The page that a client belongs to.
#[derive(Debug, PartialEq, Eq)]
struct Owner {
    window: String,
    webview: String,
}

impl Owner {
    fn of<R: Runtime>(webview: &Webview<R>) -> Self {
        Self { window: webview.window().label().to_owned(), webview: webview.label().to_owned() }
    }
}

/// Drives requests on Tauri's threads.
struct TauriRuntime;

impl Executor for TauriRuntime {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        tauri::async_runtime::spawn(future);
    }
}
