"""A model hub on this machine: the requests that vivace makes of the real one, answered the way it answers them."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Serves one repository. The attributes below the files may be changed between requests."""

    def __init__(self, repo: str, files: dict[str, bytes]) -> None:
        self.repo, self.files = repo, files
        self.large = {name for name in files if name.endswith(".safetensors")}  # redirected to storage, like LFS
        self.cuts: list[int] = []  # each of the next responses breaks off after so many bytes
        self.spoilt: list[str] = []  # the next response for such a file has one byte wrong
        self.failures: list[int] = []  # each of the next requests fails with this status
        self.ranges = True  # whether parts of files can be asked for
        self.asked: list[tuple[str, str | None]] = []  # path and Range header of every request
        self.url = ""

    def files_asked(self) -> list[str]:
        """The files that were sent, wholly or in part."""
        return [path.split(f"/{COMMIT}/", 1)[1] for path, _ in self.asked if path.startswith(f"/{self.repo}/resolve/")]

    def tree(self) -> list[dict[str, object]]:
        """As ``/api/models/REPO/tree/COMMIT?recursive=true``."""
        return [self._entry(name, content) for name, content in self.files.items()]

    def _entry(self, name: str, content: bytes) -> dict[str, object]:
        git = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
        entry: dict[str, object] = {"type": "file", "path": name, "size": len(content), "oid": git}
        if name in self.large:
            entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
        return entry


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle is what some tests are about."""


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """Run the hub in a thread; its address is in ``hub.url``."""
    server = _Server(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.asked.append((self.path, self.headers["Range"]))
            path = unquote(self.path)
            if hub.failures:
                self._send(hub.failures.pop(0), b"")
            elif re.fullmatch(rf"/api/models/{hub.repo}/revision/(main|v1|{COMMIT})", path):
                self._send(200, json.dumps({"id": hub.repo, "sha": COMMIT}).encode())
            elif path == f"/api/models/{hub.repo}/tree/{COMMIT}?recursive=true":
                self._send(200, json.dumps(hub.tree()).encode())
            elif (name := path.removeprefix(f"/{hub.repo}/resolve/{COMMIT}/")) in hub.large:
                self._send(302, b"", {"Location": f"{hub.url}/storage/{name}", "X-Repo-Commit": COMMIT})
            elif (name := name.removeprefix("/storage/")) in hub.files:
                self._send_file(name)
            else:
                self._send(404, b"Entry not found")

        def _send_file(self, name: str) -> None:
            content = hub.files[name]
            if name in hub.spoilt:
                hub.spoilt.remove(name)
                content = bytes([content[0] ^ 1]) + content[1:]
            wanted = self.headers["Range"] if hub.ranges else None
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            if start >= len(content):
                self._send(416, b"")
                return
            self._send(206 if wanted else 200, content[start:])

        def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if hub.cuts and len(body) > hub.cuts[0]:
                body = body[: hub.cuts.pop(0)]
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    return Handler
