"""A server that speaks as much of the Hugging Face hub's protocol as its client needs to fetch a model.

Public, gated, private and missing repositories, and files whose transfer breaks off, are given by their names; what it
was asked is kept, so that a test can see what was fetched and what was taken up again.
"""

import hashlib
import http.server
import json
import threading
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Serves folders as repositories.

    Parameters
    ----------
    repositories
        Folder by id.
    gated
        Ids that want a licence accepted.
    breaks
        File names whose first transfer stops halfway.
    trouble
        Ids for which the server has nothing but an error of its own.
    """

    def __init__(self, repositories, gated=(), breaks=(), trouble=()):
        self.repositories = {name: Path(folder) for name, folder in repositories.items()}
        self.gated, self.breaks, self.trouble = set(gated), set(breaks), set(trouble)
        self.asked, self.ranges = [], []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _handler(hub):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def do_HEAD(self):
                self.do_GET()

            def do_GET(self):
                hub.asked.append((self.command, self.path))
                parts = self.path.split("?")[0].strip("/").split("/")
                name = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
                folder = hub.repositories.get(name)
                if name in hub.trouble:
                    return self.answer(503)
                if folder is None:
                    return self.answer(404, X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
                if name in hub.gated and "Authorization" not in self.headers and parts[0] != "api":
                    return self.answer(401, X_Error_Code="GatedRepo", X_Error_Message="Access to model is restricted")
                if parts[0] == "api":
                    return self.describe(name, folder, parts)
                return self.send(folder, "/".join(parts[4:]))

            def describe(self, name, folder, parts):
                files = sorted(p for p in folder.rglob("*") if p.is_file())
                if "tree" in parts:
                    entries = [
                        {
                            "type": "file",
                            "path": str(p.relative_to(folder)),
                            "size": p.stat().st_size,
                            "oid": sha(p)[:40],
                        }
                        for p in files
                    ]
                    return self.answer(200, json.dumps(entries).encode(), Content_Type="application/json")
                siblings = [{"rfilename": str(p.relative_to(folder)), "size": p.stat().st_size} for p in files]
                about = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings, "private": False}
                about |= {"gated": name in hub.gated, "tags": [], "downloads": 0, "likes": 0}
                return self.answer(200, json.dumps(about).encode(), Content_Type="application/json")

            def send(self, folder, file):
                path = folder / file
                if not path.is_file():
                    return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
                data, asked = path.read_bytes(), self.headers.get("Range")
                headers = {"ETag": f'"{sha(path)}"', "X_Repo_Commit": COMMIT, "Accept_Ranges": "bytes"}
                if self.command == "HEAD":
                    return self.answer(200, data, **headers)
                if asked:
                    hub.ranges.append((file, asked))
                    start = int(asked.removeprefix("bytes=").split("-")[0])
                    headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
                    return self.answer(206, data[start:], **headers)
                if file in hub.breaks:
                    hub.breaks.remove(file)
                    self.send_response(200)
                    for key, value in headers.items():
                        self.send_header(key.replace("_", "-"), value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data[: len(data) // 2])
                    self.close_connection = True
                    return None
                return self.answer(200, data, **headers)

        return Handler


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
