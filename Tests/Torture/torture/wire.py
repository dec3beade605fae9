# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client over TLS that knows which bytes on the wire each answer came in."""

import bisect
import socket
import ssl
import struct


class Closed(Exception):
    """The server closed the connection, or it broke."""


class Answer:
    """`first_byte` is the place, in all that the server sent on this connection, of the TLS record that brought the
    answer's first byte: before that place was written, nobody could know anything of it."""

    __slots__ = ("status", "headers", "body", "first_byte")

    def __init__(self, status, headers, body, first_byte):
        self.status, self.headers, self.body, self.first_byte = status, headers, body, first_byte

    @property
    def index(self):
        text = self.headers.get("audit-index")
        return None if text is None else int(text)

    @property
    def request_id(self):
        return self.headers.get("x-request-id")


class Connection:
    def __init__(self, port, authority, timeout=30):
        self._context = ssl.create_default_context(cafile=authority)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local_port = self.socket.getsockname()[1]
        # Ciphertext that makes no whole record yet, and where it begins.
        self._cipher, self._cipher_start = b"", 0
        # Plaintext not yet taken, and where it begins; where the records begin that it came in.
        self._plain, self._plain_start = b"", 0
        self._plain_marks, self._cipher_marks = [], []
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._receive()
        self._flush()

    def _flush(self):
        data = self._outgoing.read()
        if data:
            try:
                self.socket.sendall(data)
            except TimeoutError:
                raise
            except OSError as error:
                raise Closed(str(error)) from None

    def _receive(self):
        """Takes what came, and opens its whole records one by one."""
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise
        except OSError as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed("the server closed the connection")
        self._cipher += data
        while len(self._cipher) >= 5:
            length = 5 + struct.unpack_from(">H", self._cipher, 3)[0]
            if len(self._cipher) < length:
                break
            self._incoming.write(self._cipher[:length])
            start, self._cipher, self._cipher_start = self._cipher_start, self._cipher[length:], \
                self._cipher_start + length
            self._open(start)

    def _open(self, start):
        if self._tls.version() is None:
            return
        while True:
            try:
                text = self._tls.read(65536)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLError as error:
                raise Closed(str(error)) from None
            if not text:
                return
            self._plain_marks.append(self._plain_start + len(self._plain))
            self._cipher_marks.append(start)
            self._plain += text

    def send(self, data):
        self._tls.write(data)
        self._flush()

    def request(self, method, path, credential=None, body=None, headers=()):
        """The request's bytes; to be given to send(), alone or several together."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        if credential:
            lines.append(f"Authorization: Bearer {credential}")
        if body is not None:
            if not any(line.lower().startswith("content-type:") for line in lines):
                lines.append("Content-Type: application/json")
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")

    def answer(self, is_head=False):
        while b"\r\n\r\n" not in self._plain:
            self._receive()
        head, rest = self._plain.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        length = 0 if is_head or status == 204 else int(headers["content-length"])
        while len(self._plain) < len(head) + 4 + length:
            self._receive()
        body = self._plain[len(head) + 4:len(head) + 4 + length]
        mark = bisect.bisect_right(self._plain_marks, self._plain_start) - 1
        found = Answer(status, headers, body, self._cipher_marks[mark])
        taken = len(head) + 4 + length
        self._plain, self._plain_start = self._plain[taken:], self._plain_start + taken
        del self._plain_marks[:mark], self._cipher_marks[:mark]
        return found

    def ask(self, *arguments, **options):
        self.send(self.request(*arguments, **options))
        return self.answer()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
