"""A Git server for end-to-end tests: `git http-backend` behind Python's HTTP server.

    server.py ROOT PORT-FILE

Serves the bare repositories below ROOT to whoever knows the token `e2e-token`, on a port that it
writes to PORT-FILE. A repository that holds a file `race` is pushed to by someone else, once, just
before it takes the next push.
"""

import base64
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(sys.argv[1]).resolve()
TOKEN = "e2e-token"


def rival_pushes(repository: Path) -> None:
    """Somebody else's commit: the same tree, so that only the tip moves."""
    git = ["git", "-C", str(repository), "-c", "user.name=Rival", "-c", "user.email=rival@example.com"]
    commit = subprocess.run(
        [*git, "commit-tree", "-p", "main", "-m", "chore: someone else was first", "main^{tree}"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()
    subprocess.run([*git, "update-ref", "refs/heads/main", commit], check=True)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def authorized(self) -> bool:
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        return base64.b64decode(credentials).decode().partition(":")[2] == TOKEN

    def answer(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.authorized():
            self.send(401, [("Content-Type", "text/plain"), ("WWW-Authenticate", "Basic")], b"who are you?\n")
            return
        race = ROOT / path.strip("/").removesuffix("/git-receive-pack") / "race"
        if path.endswith("/git-receive-pack") and race.is_file():
            race.unlink()
            rival_pushes(race.parent)
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(ROOT),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "x-access-token",
        }
        backend = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True)
        head, _, content = backend.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().splitlines()]
        status = next((value for name, value in headers if name == "Status"), "200")
        self.send(int(status.split()[0]), [header for header in headers if header[0] != "Status"], content)

    def send(self, status: int, headers, content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer


server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
Path(sys.argv[2]).write_text(str(server.server_port))
server.serve_forever()
