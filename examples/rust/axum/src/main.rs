//! `cargo run --package ubiqlite-axum-example -- shop.db`

use std::env;
use std::error::Error;

use tokio::net::TcpListener;
use tokio::signal;
use ubiqlite::Database;
use ubiqlite_axum_example::{schema, serve};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let path = env::args().nth(1).unwrap_or_else(|| "shop.db".to_owned());
    let address = env::args().nth(2).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let database = Database::options().migrations(schema()?).open(path).await?;
    let listener = TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    serve(listener, database, asked_to_stop()).await
}

/// Waits for Ctrl-C, or for the signal by which service managers and containers end a program.
async fn asked_to_stop() {
    let interrupted = async {
        // Without a handler the program ends at once, as it would anyway.
        let _ = signal::ctrl_c().await;
    };
    #[cfg(unix)]
    let terminated = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminated) => drop(terminated.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
