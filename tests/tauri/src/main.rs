//! An app whose pages test the plugin: `first` runs the tests of `page/first.mjs`, and asks for
//! other windows, which hold a transaction until they are closed or reload.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::Value;
use tauri::{AppHandle, Manager, State, WebviewUrl, WebviewWindowBuilder, command};

/// How long the pages may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// Where pages tell what they have come to.
struct Told(Sender<String>, Mutex<Receiver<String>>);

/// Opens a window whose page does this, and waits until it has told so.
#[command(async)]
fn window(
    app: AppHandle,
    told: State<'_, Told>,
    label: &str,
    does: &str,
) -> Result<String, String> {
    show(&app, label, does).map_err(|error| error.to_string())?;
    let receiver = told.1.lock().map_err(|_| "another call panicked")?;
    receiver.recv_timeout(PATIENCE).map_err(|_| format!("{does} told nothing"))
}

/// Says that a page has done what it was opened for.
#[command(async)]
fn tell(told: State<'_, Told>, what: String) -> Result<(), String> {
    told.0.send(what).map_err(|error| error.to_string())
}

/// Destroys a window.
#[command(async)]
fn destroy(app: AppHandle, label: &str) -> Result<(), String> {
    let window = app.get_webview_window(label).ok_or("there is no such window")?;
    window.destroy().map_err(|error| error.to_string())
}

/// The one absolute path that pages may open.
#[command]
fn allowed() -> PathBuf {
    std::env::temp_dir().join("ubiqlite-tauri-allowed.db")
}

/// Prints what the tests found, and ends the app.
#[command(async)]
fn finish(app: AppHandle, results: Value) {
    println!("{results}");
    let failed = results.as_array().is_none_or(|all| all.iter().any(|it| it["error"].is_string()));
    app.exit(failed.into());
}

fn show(app: &AppHandle, label: &str, does: &str) -> tauri::Result<()> {
    let page = PathBuf::from(format!("index.html?does={does}"));
    WebviewWindowBuilder::new(app, label, WebviewUrl::App(page)).build().map(drop)
}

fn main() {
    let (tell_it, told) = channel();
    let plugin = tauri_plugin_ubiqlite::Builder::new().allow(|path: &Path| path == allowed());
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        eprintln!("the pages took too long");
        std::process::exit(2);
    });
    let app = tauri::Builder::default()
        .plugin(plugin.build())
        .manage(Told(tell_it, Mutex::new(told)))
        .invoke_handler(tauri::generate_handler![window, tell, destroy, allowed, finish])
        .setup(|app| Ok(show(app.handle(), "first", "tests")?))
        .build(tauri::generate_context!());
    match app {
        Ok(app) => app.run(|_, _| {}),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    }
}
