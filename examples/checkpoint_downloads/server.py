"""An FTP server on a free port of 127.0.0.1 that cuts the first download of orders.csv.

Arguments: the folder to serve, and a file that takes the port.
"""
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler
from pyftpdlib.servers import FTPServer

CUT_AFTER = 300000


class Data(DTPHandler):
    sent = 0
    cut = False

    def send(self, data):
        if self.cmd == "RETR" and not Data.cut and Handler.file == "orders.csv":
            Data.sent += len(data)
            if Data.sent > CUT_AFTER:
                Data.cut = True
                self.cmd_channel.close()
                self.close()
                return 0
        return super().send(data)


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    dtp_handler = Data
    use_sendfile = False
    file = ""

    def pre_process_command(self, line, cmd, arg):
        if cmd in ("RETR", "REST"):
            print("server:", cmd, os.path.basename(arg or ""), flush=True)
        if cmd == "RETR":
            Handler.file = os.path.basename(arg)
        super().pre_process_command(line, cmd, arg)


Handler.authorizer.add_anonymous(sys.argv[1])
server = FTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[2] + ".new", "w") as file:
    file.write(str(server.address[1]))
os.rename(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
