#!/usr/bin/env python3
"""A key set over HTTPS, for the end-to-end tests: jwks_server.py FOLDER CERTIFICATE KEY PORT.

What it answers stands in FOLDER/answer.json (status, headers, body), read anew for each request; while there is a file
FOLDER/hold no answer leaves. Each request is a line of FOLDER/requests, and FOLDER/port tells where it listens.
"""
import http.server
import json
import os
import ssl
import sys
import time

folder, certificate, key, port = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = 60

    def do_GET(self):
        validator = self.headers.get("If-None-Match", "-")
        with open(f"{folder}/requests", "a") as log:
            log.write(f"{self.path} {validator}\n")
        while os.path.exists(f"{folder}/hold"):
            time.sleep(0.005)
        with open(f"{folder}/answer.json") as file:
            answer = json.load(file)
        unchanged = validator != "-" and answer["headers"].get("ETag") == validator
        body = b"" if unchanged else answer["body"].encode()
        self.send_response(304 if unchanged else answer["status"])
        for name, value in answer["headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
server.daemon_threads = True
# The handshake is the request's thread's: a client that is slow with it must not hold up the others.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
with open(f"{folder}/port.partial", "w") as file:
    file.write(str(server.server_port))
os.rename(f"{folder}/port.partial", f"{folder}/port")
server.serve_forever()
