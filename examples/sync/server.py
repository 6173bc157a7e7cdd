"""A server that puts what devices send into one order, and knows nothing of what is in it.

GET  /?after=3&device=phone             entry 4, and its batch if it is the phone's own; or 204: there is none yet
POST /?after=3&device=phone&batch=7     becomes entry 4; or 409: there is one already, which the device takes first
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

LOG = "CREATE TABLE IF NOT EXISTS log (number INTEGER PRIMARY KEY, device TEXT, batch INTEGER, bytes BLOB)"
APPEND = """INSERT INTO log SELECT :after + 1, :device, :batch, :bytes
            WHERE :after = (SELECT coalesce(max(number), 0) FROM log)"""


def serve(path: str, port: int) -> ThreadingHTTPServer:
    """Returns a server of this computer alone, whose log is in a file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            with closing(sqlite3.connect(path)) as db:
                entry = db.execute("SELECT * FROM log WHERE number = ?", (int(query["after"]) + 1,)).fetchone()
            if entry is None:
                return self.answer(204)
            _, device, batch, changes = entry
            return self.answer(200, changes, {"Own-Batch": str(batch)} if device == query["device"] else {})

        def do_POST(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            changes = self.rfile.read(int(self.headers["Content-Length"]))
            entry = {**query, "after": int(query["after"]), "batch": int(query["batch"]), "bytes": changes}
            with closing(sqlite3.connect(path)) as db, db:
                appended = db.execute(APPEND, entry).rowcount
            self.answer(201 if appended else 409)

        def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] = {}) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: the devices tell what happens."""

    with closing(sqlite3.connect(path)) as db:
        db.execute(LOG)
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    server = serve(sys.argv[1], int(sys.argv[2]))
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
