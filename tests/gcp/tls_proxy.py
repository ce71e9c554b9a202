"""A proxy that ends TLS for googleapis.com and hands on to a Cloud Storage emulator.

TensorFlow has no setting for another Cloud Storage, but honours ``https_proxy`` and
``CURL_CA_BUNDLE``.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_NOT_HANDED_ON = {
    "host", "connection", "expect", "transfer-encoding", "content-length", "accept-encoding",
    "authorization",
}  # fmt: skip
# What the emulator does not know, by the last part of the path.
_OWN_ANSWERS = {
    "storageLayout": {
        "kind": "storage#storageLayout", "hierarchicalNamespace": {"enabled": False},
    },
    "token": {"access_token": "none", "expires_in": 3600, "token_type": "Bearer"},
}  # fmt: skip
_HANDED_BACK = {"location", "content-type", "range", "etag", "content-range", "x-goog-generation"}


def make_certificates(folder: Path) -> Path:
    """Makes a certificate authority and a certificate for googleapis.com; returns the former."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=test-ca", "-keyout", "ca.key",
            "-out", "ca.pem")  # fmt: skip
    openssl("req", *key, "-subj", "/CN=googleapis", "-keyout", "s.key", "-out", "s.csr")
    (folder / "names").write_text("subjectAltName=DNS:*.googleapis.com,DNS:googleapis.com")
    openssl("x509", "-req", "-in", "s.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "s.pem")  # fmt: skip
    return folder / "ca.pem"


def start_proxy(folder: Path, emulator_port: int) -> int:
    """Starts the proxy, its certificates in a folder, and returns its port."""
    make_certificates(folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "s.pem", folder / "s.key")

    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self._body()
            own = _OWN_ANSWERS.get(self.path.split("?")[0].rpartition("/")[2])
            if own is not None:
                self._answer(200, {"Content-Type": "application/json"}, json.dumps(own).encode())
                return
            to = http.client.HTTPConnection("127.0.0.1", emulator_port)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _NOT_HANDED_ON}
            to.request(self.command, self.path, body=body, headers=headers)
            answer = to.getresponse()
            here = f"http://127.0.0.1:{emulator_port}"
            back = {
                k: v.replace(here, "https://storage.googleapis.com")
                for k, v in answer.getheaders() if k.lower() in _HANDED_BACK
            }  # fmt: skip
            self._answer(answer.status, back, answer.read())
            to.close()

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = forward

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Connect(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            with tls.wrap_socket(self.connection, server_side=True) as inside:
                Forward(inside, self.client_address, self.server)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Connect)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    return proxy.server_port
