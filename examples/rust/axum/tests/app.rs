//! The example, as browsers use it.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::net::SocketAddr;
#[cfg(unix)]
use std::process::{Command, Stdio};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tower::ServiceExt as _;
use ubiqlite::Database;
use ubiqlite_axum_example::{Item, router, schema, serve};

async fn open(path: impl AsRef<std::path::Path>) -> Database {
    Database::options().migrations(schema().unwrap()).open(path).await.unwrap()
}

/// A browser: it keeps its cookie.
struct Browser {
    app: axum::Router,
    cookie: String,
}

impl Browser {
    async fn new(database: &Database) -> Self {
        let (_, stopping) = watch::channel(false);
        Self { app: router(database.clone(), stopping).await.unwrap(), cookie: String::new() }
    }

    async fn send(&mut self, method: &str, path: &str, body: &str) -> Response<Body> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::COOKIE, &self.cookie)
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
            self.cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        response
    }

    async fn status(&mut self, method: &str, path: &str, body: &str) -> StatusCode {
        self.send(method, path, body).await.status()
    }
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

#[tokio::test]
async fn who_is_logged_in_adds_and_removes_items_and_nobody_else_does() {
    let database = open(":memory:").await;
    let mut ada = Browser::new(&database).await;
    let lamp = r#"{"name":"lamp"}"#;
    assert_eq!(ada.status("POST", "/items", lamp).await, StatusCode::UNAUTHORIZED);
    assert_eq!(ada.status("POST", "/login", r#"{"name":"Ada"}"#).await, StatusCode::NO_CONTENT);
    let added = ada.send("POST", "/items", lamp).await;
    assert_eq!(added.status(), StatusCode::CREATED);
    let added: Item = serde_json::from_str(&text(added).await).unwrap();
    assert_eq!(added, Item { id: 1, name: "lamp".into(), added_by: "Ada".into() });

    // Another browser sees it, and may not remove it.
    let mut other = Browser::new(&database).await;
    let seen = text(other.send("GET", "/items", "").await).await;
    assert_eq!(serde_json::from_str::<Vec<Item>>(&seen).unwrap(), [added]);
    assert_eq!(other.status("DELETE", "/items/1", "").await, StatusCode::UNAUTHORIZED);

    // A session is in the database, not in the program.
    let mut later = Browser { cookie: ada.cookie.clone(), ..Browser::new(&database).await };
    assert_eq!(later.status("DELETE", "/items/1", "").await, StatusCode::NO_CONTENT);
    assert_eq!(later.status("POST", "/logout", "").await, StatusCode::NO_CONTENT);
    assert_eq!(ada.status("POST", "/items", lamp).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn each_error_has_its_status_and_tells_nothing_of_the_database() {
    let database = open(":memory:").await;
    let mut ada = Browser::new(&database).await;
    ada.status("POST", "/login", r#"{"name":"Ada"}"#).await;
    let lamp = r#"{"name":"lamp"}"#;
    ada.status("POST", "/items", lamp).await;
    let again = ada.send("POST", "/items", lamp).await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    assert_eq!(text(again).await, r#"{"error":"that is there already"}"#);
    let nameless = ada.status("POST", "/items", r#"{"name":""}"#).await;
    assert_eq!(nameless, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ada.status("DELETE", "/items/9", "").await, StatusCode::NOT_FOUND);

    database.execute("DROP TABLE items", ()).await.unwrap();
    let broken = ada.send("GET", "/items", "").await;
    assert_eq!(broken.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(broken).await, r#"{"error":"something went wrong"}"#);
    // A list needs no session.
    database.close().await.unwrap();
    let closed = ada.send("GET", "/items", "").await;
    assert_eq!(closed.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(closed.headers()[header::RETRY_AFTER], "1");
    // What needs one asks the same database for it.
    let closed = ada.send("POST", "/items", lamp).await;
    assert_eq!(closed.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text(closed).await, r#"{"error":"try again later"}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_list_follows_every_change_and_ends_with_the_server_which_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    let database = open(&path).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async move { drop(stopped.await) };
    let server = tokio::spawn(serve(listener, database.clone(), stopped));

    let mut live = live_items(address).await;
    assert_eq!(next_event(&mut live).await.unwrap(), "[]");
    let sql = "INSERT INTO items (name, added_by) VALUES ('lamp', 'Ada')";
    database.execute(sql, ()).await.unwrap();
    let items = next_event(&mut live).await.unwrap();
    assert_eq!(items, r#"[{"id":1,"name":"lamp","added_by":"Ada"}]"#);

    // The live list has no end of its own, and the server ends all the same.
    stop.send(()).unwrap();
    assert_eq!(next_event(&mut live).await, None);
    drop(live);
    server.await.unwrap().unwrap();
    assert!(database.execute(sql, ()).await.is_err());
    let items: i64 = open(&path).await.query_value("SELECT count(*) FROM items", ()).await.unwrap();
    assert_eq!(items, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_ends_in_order_when_a_service_manager_asks_it_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_ubiqlite-axum-example"))
        .arg(folder.path().join("shop.db"))
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let out = program.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
    let address = line.trim().strip_prefix("http://").unwrap().parse().unwrap();
    let mut live = live_items(address).await;
    assert_eq!(next_event(&mut live).await.unwrap(), "[]");

    let killed = Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(next_event(&mut live).await, None);
    drop(live);
    assert!(program.wait().unwrap().success());
    // A database that was closed has no log left.
    let files: Vec<_> =
        folder.path().read_dir().unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(files, ["shop.db"]);
}

async fn live_items(address: SocketAddr) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /items/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    BufReader::new(stream)
}

/// Returns the data of the next event; `None` at the end.
async fn next_event(stream: &mut BufReader<TcpStream>) -> Option<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return None;
        }
        if let Some(data) = line.strip_prefix("data: ") {
            return Some(data.trim_end().to_owned());
        }
    }
}
