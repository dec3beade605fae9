# SPDX-License-Identifier: Apache-2.0
"""The management listener of a gateway that is measured: changes, records and metrics."""

import contextlib
import http.client
import json
import re
import ssl

from .gateway import CERTIFICATES


def ask(server, method, path, key, body=None):
    """One request on a connection of its own; the answer's text, which must be a success."""
    context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
    connection = http.client.HTTPSConnection("localhost", server.management_port, context=context, timeout=60)
    with contextlib.closing(connection):
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    if answer.status != 200:
        raise RuntimeError(f"{method} {path} answers {answer.status}: {text[:500]}")
    return text


class Metrics:
    """Sums of samples of `/metrics`."""

    def __init__(self, server):
        self.server = server
        self.key = server.command("key", "issue", "--role", "metrics")

    def read(self):
        return ask(self.server, "GET", "/metrics", self.key)

    def sums(self, *names, labels=(), text=None):
        """The sum of each name's samples that have all the labels, out of one reading."""
        text = self.read() if text is None else text
        return [self._sum(text, name, labels) for name in names]

    @staticmethod
    def _sum(text, name, labels):
        lines = re.findall(rf"^{name}({{.*}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for found, value in lines if all(label in found for label in labels))
