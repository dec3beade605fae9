#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a gateway over HTTP/2 with Python's h2, which shares no code with it, and prints what came back as JSON.

h2_peer.py PORT CA KEY BODY-FILE
"""

import json
import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events


def main(port, authority, key, body_file):
    with open(body_file, "rb") as file:
        body = file.read()
    context = ssl.create_default_context(cafile=authority)
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", int(port)), timeout=120)
    stream = context.wrap_socket(plain, server_hostname="localhost")
    assert stream.selected_alpn_protocol() == "h2"
    peer = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    peer.initiate_connection()

    head = [(":scheme", "https"), (":authority", "localhost")]
    bearer = [("authorization", f"Bearer {key}")]
    requests = {
        "predict": ("POST", "/predict", bearer + [("content-type", "application/json")], body),
        "again": ("POST", "/predict", bearer + [("content-type", "application/json")], body),
        "status": ("GET", "/v1/models/digits", bearer, None),
        "head": ("HEAD", "/v1/models/digits", bearer, None),
        "stranger": ("POST", "/predict", [("content-type", "application/json")], body),
        "nowhere": ("GET", "/nowhere", bearer, None),
    }
    names, answers, left = {}, {}, {}
    for name, (method, path, fields, content) in requests.items():
        number = peer.get_next_available_stream_id()
        peer.send_headers(number, [(":method", method), (":path", path)] + head + fields, end_stream=content is None)
        names[number] = name
        answers[name] = {"headers": {}, "body": ""}
        if content is not None:
            left[number] = content

    def send_bodies():
        # A piece of each in turn, as far as the windows go.
        progress = True
        while progress:
            progress = False
            for number in list(left):
                room = min(peer.local_flow_control_window(number), 1000)
                if room <= 0:
                    continue
                piece, left[number] = left[number][:room], left[number][room:]
                ends = not left[number]
                peer.send_data(number, piece, end_stream=ends)
                if ends:
                    del left[number]
                progress = True

    ended = set()
    while len(ended) < len(requests):
        send_bodies()
        stream.sendall(peer.data_to_send())
        received = stream.recv(65536)
        if not received:
            break
        for event in peer.receive_data(received):
            if isinstance(event, h2.events.ResponseReceived):
                answers[names[event.stream_id]]["headers"] = dict(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                answers[names[event.stream_id]]["body"] += event.data.decode()
                peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                ended.add(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                left.pop(event.stream_id, None)
                ended.add(event.stream_id)
            elif isinstance(event, h2.events.ConnectionTerminated):
                sys.exit(f"GOAWAY {event.error_code}")
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
