"""An FTP server for tests.

Argument: JSON with folder (files/ in it is served), cut (bytes after which the
first download is cut), stall (bytes after which downloads fall silent), no_mlsd (the command is unknown), certificate (a PEM
file: speak TLS after AUTH TLS), implicit (TLS from the first byte: ftps://).
User "robot", password "secret"; anonymous may read.
"""
import json
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler
from pyftpdlib.servers import FTPServer

settings = json.loads(sys.argv[1])
files = os.path.join(settings["folder"], "files")
os.makedirs(files, exist_ok=True)

authorizer = DummyAuthorizer()
authorizer.add_user("robot", "secret", files, perm="elradfmwMT")
authorizer.add_anonymous(files)

if settings.get("certificate"):
    from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler
    base, data_base = TLS_FTPHandler, TLS_DTPHandler
else:
    base, data_base = FTPHandler, DTPHandler


class Cutting(data_base):
    """Cuts the first download after so many bytes."""
    left = settings.get("cut")
    sent = 0

    def readable(self):
        # The original closes a data connection whose client begins TLS before the transfer.
        return getattr(self, "_ssl_want_read", False) or self.receive

    def writable(self):
        return not self.stalls() and super().writable()

    def stalls(self):
        return settings.get("stall") is not None and self.cmd == "RETR" and self.sent >= settings["stall"]

    def send(self, data):
        if self.stalls():
            return 0
        self.sent += len(data)
        if Cutting.left is not None and self.cmd == "RETR":
            if Cutting.left <= 0:
                Cutting.left = None
                self.cmd_channel.close()
                self.close()
                return 0
            data = data[:Cutting.left]
            Cutting.left -= len(data)
        return super().send(data)


class Handler(base):
    authorizer = authorizer
    dtp_handler = Cutting

    def handle(self):
        if settings.get("implicit"):
            self.secure_connection(self.ssl_context)
        super().handle()

    def handle_ssl_established(self):
        # With implicit TLS data connections are protected without being asked.
        if settings.get("implicit"):
            self._pbsz = self._prot = True
        super().handle_ssl_established()

    def pre_process_command(self, line, cmd, arg):
        print("command", cmd, arg if cmd != "PASS" else "", flush=True)
        if cmd == "MLSD" and settings.get("no_mlsd"):
            self.respond("500 Command \"MLSD\" not understood.")
            return
        super().pre_process_command(line, cmd, arg)


if settings.get("certificate"):
    # pyftpdlib forgets this, and OpenSSL then refuses resumed sessions.
    Handler.certfile = settings["certificate"]
    Handler.ssl_context = Handler.get_ssl_context()
    Handler.ssl_context.set_session_id(b"test")
    Handler.certfile = settings["certificate"]
    Handler.tls_control_required = True
    Handler.tls_data_required = True
Handler.use_sendfile = False
server = FTPServer(("127.0.0.1", 0), Handler)
print("port", server.address[1], flush=True)
server.serve_forever(handle_exit=False)
