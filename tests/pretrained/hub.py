"""The hub of Hugging Face, as much of it as fetching a repository takes."""

import hashlib
import json
from collections.abc import Mapping

from tests.web_server import WebServer

JSON = {"Content-Type": "application/json"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def put_repository(server: WebServer, name: str, files: Mapping[str, bytes]) -> None:
    """Serve a repository of models.

    Parameters
    ----------
    name : str
        OWNER/NAME.
    files : mapping of str to bytes
        Contents by path.
    """
    siblings = [{"rfilename": path, "size": len(content)} for path, content in files.items()]
    about = {"_id": "1", "id": name, "modelId": name, "sha": COMMIT, "siblings": siblings,
             "private": False, "downloads": 0, "tags": [], "likes": 0}  # fmt: skip
    tree = [
        {
            "type": "file",
            "path": path,
            "size": len(content),
            "oid": hashlib.sha1(content).hexdigest(),
        }
        for path, content in files.items()
    ]
    for revision in ("", "/revision/main", f"/revision/{COMMIT}"):
        server.put(f"/api/models/{name}{revision}", json.dumps(about).encode(), headers=JSON)
    for revision in ("main", COMMIT):
        server.put(f"/api/models/{name}/tree/{revision}", json.dumps(tree).encode(), headers=JSON)
        for path, content in files.items():
            tag = hashlib.sha256(content).hexdigest()
            server.put(
                f"/{name}/resolve/{revision}/{path}", content, etag=f'"{tag}"',
                headers={"X-Repo-Commit": COMMIT},
            )  # fmt: skip
