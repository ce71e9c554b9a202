"""Stand-ins for BigQuery, Cloud Storage and S3.

Run by the environment of tests/gcp/requirements.txt:

    python emulators.py FOLDER

Everything is written below FOLDER, and nothing else is touched. When all of it answers,
FOLDER/ready.json says where. It ends when its standard input does. What is patched stands in
emulator_patches.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from emulator_patches import REQUESTS, patch_bigquery, patch_storage
from tls_proxy import start_proxy

PROJECT, BUCKET = "test", "forebay-test"


def main(folder: Path) -> None:
    os.environ["HOME"] = str(folder)
    user = {"type": "authorized_user"} | dict.fromkeys(
        ("client_id", "client_secret", "refresh_token"), "none"
    )
    (folder / "credentials.json").write_text(json.dumps(user))
    s3 = start_s3()  # before the server that it is made of is patched for Cloud Storage
    bigquery = start_bigquery(folder)
    storage_port = start_storage(folder)
    ready = {
        "bigquery": f"http://127.0.0.1:{bigquery.rest_port}",
        "bigquery_storage": f"127.0.0.1:{bigquery.grpc_port}",
        "storage": f"http://127.0.0.1:{storage_port}",
        "proxy": f"http://127.0.0.1:{start_proxy(folder, storage_port)}",
        "ca": str(folder / "ca.pem"),
        "credentials": str(folder / "credentials.json"),
        "requests": str(folder / REQUESTS),
        "s3": s3,
        "project": PROJECT,
        "bucket": BUCKET,
    }
    (folder / "ready.tmp").write_text(json.dumps(ready))
    (folder / "ready.tmp").rename(folder / "ready.json")
    sys.stdin.read()
    os._exit(0)


def start_bigquery(folder: Path) -> Any:
    """Starts BigQuery and returns its server: it answers as long as that is held."""
    import duckdb

    # DuckDB's extensions come from wheels: nothing is downloaded when it starts.
    place = folder / ".duckdb" / "extensions" / f"v{duckdb.__version__}" / "linux_amd64"
    place.mkdir(parents=True)
    site = Path(duckdb.__file__).parents[1]
    for found in site.glob("duckdb_extension_*/extensions/*/*.duckdb_extension"):
        shutil.copy(found, place)
    patch_bigquery(str(folder / REQUESTS))
    from bqemulator.config import LogLevel, PersistenceMode, Settings
    from bqemulator.server import EmulatorServer

    settings = Settings(
        rest_port=0, grpc_port=0, default_project_id=PROJECT, log_level=LogLevel.ERROR,
        persistence_mode=PersistenceMode.EPHEMERAL, upload_staging_dir=folder / "uploads",
    )  # fmt: skip
    server = EmulatorServer(settings)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    return server


def start_storage(folder: Path) -> int:
    """Starts Cloud Storage, with a bucket, and returns its port."""
    patch_storage()
    from gcp_storage_emulator.server import create_server

    started = create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    started.start()
    api = started._api
    while api._httpd is None:
        pass
    return int(api._httpd.server_port)


def start_s3() -> str:
    """Starts S3 and returns its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
