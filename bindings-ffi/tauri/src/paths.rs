//! Which files pages may open.

use std::fs;
use std::path::{Component, Path, PathBuf};

use tauri::{AppHandle, Manager, Runtime};
use ubiqlite::{Error, ErrorKind, Result};

/// Whether pages may open an absolute path.
pub(crate) type IsAllowed = Box<dyn Fn(&Path) -> bool + Send + Sync>;

/// Says which absolute paths pages may open; `None`: none.
#[derive(Default)]
pub(crate) struct Allowed(pub(crate) Option<IsAllowed>);

/// Returns the path of the file that a page asks for; its folder is created if it is in the app's
/// own.
pub(crate) fn resolve<R: Runtime>(app: &AppHandle<R>, path: &str) -> Result<String> {
    if path == ":memory:" {
        return Ok(path.to_owned());
    }
    let asked = Path::new(path);
    let file = if asked.is_absolute() {
        let allowed = app.state::<Allowed>();
        if !allowed.0.as_ref().is_some_and(|is_allowed| is_allowed(asked)) {
            return Err(refused(path, "it is absolute; the app must allow it by Builder::allow"));
        }
        asked.to_path_buf()
    } else {
        within(app, asked)?
    };
    file.into_os_string()
        .into_string()
        .map_err(|_| refused(path, "the app's data folder has a name that is not Unicode"))
}

fn within<R: Runtime>(app: &AppHandle<R>, asked: &Path) -> Result<PathBuf> {
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if !asked.components().all(plain) {
        return Err(refused(&asked.to_string_lossy(), "it leaves the app's data folder"));
    }
    let folder = app.path().app_data_dir().map_err(|error| {
        Error::new(ErrorKind::CannotOpen, format!("there is no data folder: {error}"))
    })?;
    let file = folder.join(asked);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).map_err(|error| {
            Error::new(
                ErrorKind::CannotOpen,
                format!("cannot create {}: {error}", parent.display()),
            )
        })?;
    }
    Ok(file)
}

fn refused(path: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("a page may not open {path:?}: {why}"))
}
