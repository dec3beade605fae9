#!/usr/bin/env python3
"""aics-witness, a witness of transparency logs by others, behind HTTPS: witness_peer.py FOLDER CERTIFICATE KEY ORIGIN VKEY.

FOLDER/port tells where it listens, FOLDER/witness.vkey is its key; its state is kept there too.
"""
import contextlib
import io
import os
import ssl
import sys

from aics_witness import cli

folder, certificate, key, origin, log = sys.argv[1:]
make_server = cli.make_server


def make_tls_server(*arguments, **options):
    server = make_server(*arguments, **options)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with open(f"{folder}/port.partial", "w") as file:
        file.write(str(server.server_port))
    os.rename(f"{folder}/port.partial", f"{folder}/port")
    return server


cli.make_server = make_tls_server
config = ["--config", f"{folder}/witness.json"]
said = io.StringIO()
with contextlib.redirect_stdout(said):
    assert cli.main(["init", *config, "--name", "witness.example/aics"]) == 0
with open(f"{folder}/witness.vkey", "w") as file:
    file.write(next(line for line in said.getvalue().split() if line.startswith("witness.example/aics+")))
with open(log) as file:
    assert cli.main(["add-log", *config, "--origin", origin, "--vkey", file.read().strip()]) == 0
sys.exit(cli.main(["serve", *config, "--listen", "127.0.0.1:0"]))
