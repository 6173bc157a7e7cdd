//! Which files pages may open.

use std::fs;
use std::path::{Component, Path, PathBuf};

use tauri::{AppHandle, Manager, Runtime};
use ubiqlite::{Error, ErrorKind, Result};

/// Whether pages may open an absolute path.
type IsAllowedFn = dyn Fn(&Path) -> bool + Send + Sync;

/// Says which absolute paths pages may open; `None`: none.
#[derive(Default)]
pub(crate) struct Allowed(pub(crate) Option<Box<IsAllowedFn>>);

/// Returns the path of the file that a page asks for; its folder is created if it is in the app's
/// own.
pub(crate) fn resolve<R: Runtime>(app: &AppHandle<R>, path: &str) -> Result<String> {
    if path == ":memory:" {
        return Ok(path.to_owned());
    }
    let asked = Path::new(path);
    let file = if asked.is_absolute() {
        let allowed = app.state::<Allowed>();
        check_absolute(asked, allowed.0.as_deref())?;
        asked.to_path_buf()
    } else {
        within(app, asked)?
    };
    file.into_os_string()
        .into_string()
        .map_err(|_| refused(path, "the app's data folder has a name that is not Unicode"))
}

/// Refuses an absolute path, unless the app allows it. Whoever compares its beginning must not be
/// misled by a `..` after it.
fn check_absolute(asked: &Path, is_allowed: Option<&IsAllowedFn>) -> Result<()> {
    let name = asked.to_string_lossy();
    if asked.components().any(|part| part == Component::ParentDir) {
        return Err(refused(&name, "an absolute path must not have .. in it"));
    }
    if !is_allowed.is_some_and(|is_allowed| is_allowed(asked)) {
        return Err(refused(&name, "it is absolute; the app must allow it by Builder::allow"));
    }
    Ok(())
}

fn is_within(asked: &Path) -> bool {
    asked.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn within<R: Runtime>(app: &AppHandle<R>, asked: &Path) -> Result<PathBuf> {
    if !is_within(asked) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_is_refused_unless_the_app_allows_it_and_never_with_dots() {
        let shared = |path: &Path| path.starts_with("/data/shared");
        let check = |path: &str| check_absolute(Path::new(path), Some(&shared));
        assert!(check("/data/shared/app.db").is_ok());
        for path in ["/data/app.db", "/data/shared/../app.db", "/data/shared/a/../app.db"] {
            assert_eq!(check(path).unwrap_err().kind(), ErrorKind::InvalidArgument, "{path}");
        }
        assert!(check_absolute(Path::new("/data/shared/app.db"), None).is_err());
    }

    #[test]
    fn a_relative_path_stays_within_the_folder() {
        assert!(["app.db", "./app.db", "a/b/app.db"].iter().all(|it| is_within(Path::new(it))));
        assert!(["../app.db", "a/../../app.db", ".."].iter().all(|it| !is_within(Path::new(it))));
    }
}
