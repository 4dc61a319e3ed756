"""A mail server for tests: keeps messages as files 1.eml, 2.eml ... in its folder.

Argument: JSON with folder, refuse (an address that is refused), user and
password (then a login is demanded), quiet (never answer DATA), cut (close the
connection in place of an answer to DATA), certificate (a PEM file: offer
STARTTLS), implicit (TLS from the first byte: smtps://).
The envelope stands in N.json.
"""
import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

settings = json.loads(sys.argv[1])
count = 0


class Sink:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == settings.get("refuse"):
            return "550 5.1.1 nobody of that name lives here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global count
        if settings.get("cut"):
            server.transport.abort()
            return "421 never seen"
        if settings.get("quiet"):
            await asyncio.sleep(3600)
        count += 1
        with open(os.path.join(settings["folder"], f"{count}.eml"), "wb") as stream:
            stream.write(envelope.content)
        with open(os.path.join(settings["folder"], f"{count}.json"), "w", encoding="utf-8") as stream:
            json.dump({"from": envelope.mail_from, "to": envelope.rcpt_tos}, stream)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login.decode(), data.password.decode()) == (settings.get("user"), settings.get("password"))
    return AuthResult(success=good, handled=good)


def tls():
    if not settings.get("certificate"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings["certificate"])
    return context


def factory():
    options = {}
    if tls() and not settings.get("implicit"):
        options["tls_context"] = tls()
    if settings.get("user"):
        options.update(authenticator=authenticate, auth_required=True, auth_require_tls=False)
    return SMTP(Sink(), hostname="test.example", **options)


async def main():
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=tls() if settings.get("implicit") else None)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
