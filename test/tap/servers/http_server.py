"""An HTTP server for tests: files with range requests and ETags, and a few odd paths.

Argument: JSON with folder (files/ in it is served), user and password (basic
authentication for /private/), cut (path -> bytes after which the connection is
cut, once), quiet (paths that are never answered), certificate (a PEM file:
speak TLS), client_authority (a PEM file: demand a client certificate of it).

Requests are logged as lines "request METHOD PATH Range=... If-Range=... ".
"""
import base64
import hashlib
import json
import os
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

settings = json.loads(sys.argv[1])
files = os.path.join(settings["folder"], "files")
os.makedirs(files, exist_ok=True)
cuts = dict(settings.get("cut", {}))
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self):
        print("request", self.command, self.path, *[f"{name}={self.headers[name]}" for name in ("Range", "If-Range", "X-Test") if self.headers[name]], flush=True)

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        self.note()
        path = self.path.split("?")[0]
        if path in settings.get("quiet", []):
            time.sleep(3600)
        if path.startswith("/status/"):
            return self.answer(int(path.split("/")[2]), b"because of the test")
        if path.startswith("/redirect/"):
            return self.answer(302, b"", Location="/" + path[10:])
        if path.startswith("/private/"):
            expected = "Basic " + base64.b64encode(f"{settings['user']}:{settings['password']}".encode()).decode()
            if self.headers["Authorization"] not in (expected, "Bearer " + settings.get("token", "\0")):
                return self.answer(401, b"who are you?", WWW_Authenticate="Basic")
            path = path[8:]
        full = os.path.join(files, path.lstrip("/"))
        if not os.path.isfile(full):
            return self.answer(404, b"no such file")
        with open(full, "rb") as stream:
            content = stream.read()
        etag = '"' + hashlib.sha256(content).hexdigest()[:16] + '"'
        start = 0
        if self.headers["Range"] and self.headers["If-Range"] in (None, etag):
            start = int(self.headers["Range"].split("=")[1].split("-")[0])
            if start >= len(content):
                return self.answer(416, b"", Content_Range=f"bytes */{len(content)}")
        self.send_response(206 if start else 200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        with lock:
            cut = cuts.pop(path, None)
        if cut is not None:
            self.wfile.write(content[start:start + cut])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return None
        if self.command != "HEAD":
            self.wfile.write(content[start:])
        return None

    do_HEAD = do_GET

    def do_POST(self):
        self.note()
        body = self.body()
        if self.path.startswith("/status/"):
            return self.answer(int(self.path.split("/")[2]), b"because of the test")
        if self.path.startswith("/store/"):
            with open(os.path.join(files, self.path[7:]), "wb") as stream:
                stream.write(body)
            return self.answer(201)
        text = json.dumps({"method": self.command, "path": self.path, "body": body.decode(), "type": self.headers["Content-Type"]})
        return self.answer(200, text.encode())

    do_PUT = do_PATCH = do_DELETE = do_POST


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if settings.get("certificate"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings["certificate"])
    if settings.get("client_authority"):
        context.load_verify_locations(settings["client_authority"])
        context.verify_mode = ssl.CERT_REQUIRED
    # The handshake is the business of the connection's thread.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None
print("port", server.server_address[1], flush=True)
server.serve_forever()
