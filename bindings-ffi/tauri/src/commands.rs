//! What pages call. The other side is `bindings-wasm/ts/tauri`.

use serde_json::Value;
use tauri::ipc::{Channel, InvokeBody, InvokeResponseBody, Request, Response};
use tauri::{AppHandle, Runtime, State, Webview, command};
use ubiqlite::ext::wire::Server;
use ubiqlite::{Error, ErrorKind};
use ubiqlite_shared::remote::Replies;

use crate::{Clients, Owner, paths};

/// An error's fields.
type Fields = Value;

/// The bytes before the requests and replies of a message: in requests, the client's number and the
/// message's, each of 4; in replies, the message's number, and 4 that are 0. Little-endian.
const HEAD: usize = 8;

/// Opens a database, and returns the number of the client. Replies that no
/// [`post`](post()) returns come through the channel.
#[command]
pub(crate) async fn open<R: Runtime>(
    app: AppHandle<R>,
    webview: Webview<R>,
    clients: State<'_, Clients>,
    path: String,
    options: Value,
    replies: Channel<InvokeResponseBody>,
) -> Result<u32, Fields> {
    let send = move |message| {
        // Without its page it has no reader, and the client is about to go.
        let _ = replies.send(InvokeResponseBody::Raw(bytes_of(message)));
    };
    let path = paths::resolve(&app, &path).map_err(|error| fields(&error))?;
    let options = options.to_string();
    let opened = clients.open(Owner::of(&webview), &path, &options, Box::new(send)).await;
    opened.map_err(|error| fields(&error))
}

/// Takes a message with requests, and returns a message with the replies that are ready: no bytes
/// if there are none.
#[command]
pub(crate) async fn post<R: Runtime>(
    webview: Webview<R>,
    clients: State<'_, Clients>,
    request: Request<'_>,
) -> Result<Response, Fields> {
    let posted = message_of(request.body()).and_then(|(client, number, requests)| {
        clients.post(&Owner::of(&webview), client, number, requests)
    });
    posted.map(|replies| Response::new(bytes_of(replies))).map_err(|error| fields(&error))
}

/// Closes a client.
#[command]
pub(crate) async fn close<R: Runtime>(
    webview: Webview<R>,
    clients: State<'_, Clients>,
    client: u32,
) -> Result<(), Fields> {
    clients.close(&Owner::of(&webview), client).await.map_err(|error| fields(&error))
}

fn message_of(body: &InvokeBody) -> ubiqlite::Result<(u32, u32, Vec<u8>)> {
    match body {
        InvokeBody::Raw(bytes) => split(bytes),
        // Android, and webviews in which the raw way is blocked, pass bytes as numbers.
        InvokeBody::Json(Value::Array(numbers)) => {
            let byte = |number: &Value| number.as_u64().and_then(|it| u8::try_from(it).ok());
            let bytes: Option<Vec<u8>> = numbers.iter().map(byte).collect();
            split(&bytes.ok_or_else(malformed)?)
        }
        InvokeBody::Json(_) => Err(malformed()),
    }
}

fn split(message: &[u8]) -> ubiqlite::Result<(u32, u32, Vec<u8>)> {
    let (head, requests) = message.split_first_chunk::<HEAD>().ok_or_else(malformed)?;
    let [client @ .., a, b, c, d] = *head;
    Ok((u32::from_le_bytes(client), u32::from_le_bytes([a, b, c, d]), requests.to_vec()))
}

fn bytes_of(Replies { number, bytes }: Replies) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    [&number.to_le_bytes(), &[0; 4], bytes.as_slice()].concat()
}

fn malformed() -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        "this is no message of ubiqlite/tauri; use the same version of both",
    )
}

fn fields(error: &Error) -> Fields {
    serde_json::from_str(&Server::describe(error)).unwrap_or_else(|_| error.to_string().into())
}
