# SPDX-License-Identifier: Apache-2.0
"""Mixed requests, good and bad, with resets and time-outs among them: answers and records are one to one.

Every answer names its record; the record says the same request id, status and connection. Every record of the tenants'
listener is an answer's, or of a request on a connection that its client reset. Every index verifies, by the journal's
checksums, by `tollgate audit verify` and by two verifiers of others.
"""

import collections
import random
import subprocess
import threading
import urllib.parse

from . import journal
from .gateway import ROOT, Failed, Gateway, digits
from .wire import Closed

FIELDS = {
    # A record for each refusal, or records and answers would not be one to one.
    "audit.refusals_per_second": 0,
    "http.header_seconds": 1, "http.body_seconds": 1, "http.max_body_bytes": 65536, "audit.checkpoint_milliseconds": 100,
}


class Client:
    """One thread's requests. `answers` holds (local port, answer); `unanswered` the local ports of connections on which
    requests were sent whose answers were not waited for, with how many."""

    def __init__(self, gateway, keys, token, seed):
        self.gateway, self.keys, self.token = gateway, keys, token
        self.random = random.Random(seed)
        self.bodies = digits(8)
        self.answers, self.unanswered, self.kinds = [], collections.Counter(), collections.Counter()
        self.connection = None

    def open(self):
        if self.connection is None:
            self.connection = self.gateway.connect()
        return self.connection

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def take(self, expected):
        answer = self.connection.answer()
        self.answers.append((self.connection.local_port, answer))
        if answer.status not in expected:
            raise Failed(f"{answer.status} where one of {expected} was expected: {answer.body!r}")
        if answer.headers.get("connection") == "close":
            self.close()
        return 1

    def simple(self, expected, *arguments, **options):
        self.open().send(self.open().request(*arguments, **options))
        return self.take(expected)

    # Each of these is a kind of request; it returns how many answers it got or, after a reset, requests it sent.

    def predict(self):
        return self.simple({200}, "POST", "/predict", self.random.choice([self.keys["good"], self.token]),
                           self.random.choice(self.bodies))

    def status(self):
        return self.simple({200}, "GET", "/v1/models/digits", self.keys["good"])

    def bad_json(self):
        return self.simple({400}, "POST", "/predict", self.keys["good"], b'{"instances": [[1, 2')

    def no_credential(self):
        return self.simple({401}, "POST", "/predict", None, self.random.choice(self.bodies))

    def forged(self):
        return self.simple({401}, "GET", "/v1/models/digits", self.token[:-4] + "AAAA")

    def nowhere(self):
        return self.simple({404}, "GET", "/nowhere", self.keys["good"])

    def wrong_method(self):
        return self.simple({405}, "DELETE", "/predict", self.keys["good"])

    def no_model(self):
        return self.simple({404}, "POST", "/v1/models/none:predict", self.keys["good"], self.bodies[0])

    def limited(self):
        return self.simple({429}, "POST", "/predict", self.keys["poor"], self.bodies[0])

    def too_large(self):
        return self.simple({413}, "POST", "/predict", self.keys["good"], b" " * 70000)

    def probe(self):
        return self.simple({200}, "GET", self.random.choice(["/livez", "/readyz"]))

    def issue(self):
        key = self.keys["good"]
        body = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": key.split("_")[2],
                                       "client_secret": key}).encode()
        return self.simple({200}, "POST", "/oauth/token", None, body,
                           headers=["Content-Type: application/x-www-form-urlencoded"])

    def pipelined(self):
        connection = self.open()
        count = self.random.randint(2, 16)
        wire = b"".join(connection.request("POST", "/predict", self.keys["good"], self.random.choice(self.bodies))
                        for _ in range(count))
        connection.send(wire)
        return sum(self.take({200}) for _ in range(count))

    def malformed(self):
        self.open().send(b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        taken = self.take({400})
        self.close()
        return taken

    def reset(self):
        """Requests whose client is gone before it reads: they may have a record each, or none."""
        self.close()
        connection = self.gateway.connect()
        count = self.random.randint(1, 8)
        connection.send(b"".join(connection.request("POST", "/predict", self.keys["good"], self.bodies[0])
                                 for _ in range(count)))
        self.unanswered[connection.local_port] += count
        connection.reset()
        return count

    def broken_off(self):
        """Half a request, then a reset."""
        self.close()
        connection = self.gateway.connect()
        wire = connection.request("POST", "/predict", self.keys["good"], self.bodies[0])
        connection.send(wire[:self.random.randint(1, len(wire) - 1)])
        self.unanswered[connection.local_port] += 1
        connection.reset()
        return 1

    def stalled(self):
        """Half a request and nothing more: the gateway's patience ends."""
        self.close()
        connection = self.open()
        wire = connection.request("POST", "/predict", self.keys["good"], self.bodies[0])
        connection.send(wire[:self.random.choice([20, len(wire) - 100])])
        try:
            return self.take({408})
        except Closed:
            raise Failed("a stalled request was not answered") from None
        finally:
            self.close()

    KINDS = [
        ("predict", 20), ("status", 10), ("bad_json", 5), ("no_credential", 3), ("forged", 3), ("nowhere", 3),
        ("wrong_method", 2), ("no_model", 3), ("limited", 5), ("too_large", 2), ("probe", 4), ("issue", 2),
        ("pipelined", 6), ("malformed", 2), ("reset", 4), ("broken_off", 3), ("stalled", 0.3),
    ]

    def run(self, count):
        names, weights = zip(*self.KINDS)
        done = 0
        # Each kind at least once, then as they come.
        due = list(names)
        while done < count:
            name = due.pop() if due else self.random.choices(names, weights)[0]
            made = getattr(self, name)()
            self.kinds[name] += made
            done += made
        self.close()


def run(binary, count=10000, clients=8, durability="durable", seed=1, say=print):
    fields = FIELDS | {"audit.durability": durability}
    with Gateway(binary, fields) as gateway:
        gateway.start()
        gateway.command("plan", "set", "rich", "--requests", "1000000", "--burst", "1000000", "--daily-quota",
                        "1000000000", "--concurrency", "100000")
        gateway.command("plan", "set", "poor", "--requests", "1", "--seconds", "86400", "--burst", "1")
        keys = {"good": gateway.tenant("good", "rich"), "poor": gateway.tenant("poor", "poor")}
        first = gateway.connect()
        used = [first.ask("POST", "/predict", keys["poor"], digits(1)[0])]
        token = issue(first, keys["good"], used)
        threads, workers, failures = [], [], []
        for number in range(clients):
            client = Client(gateway, keys, token, seed * 1000 + number)
            workers.append(client)

            def work(client=client):
                try:
                    client.run(count // clients)
                except Exception as error:
                    failures.append(error)

            threads.append(threading.Thread(target=work))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        gateway.stop()
        answers = [(first.local_port, answer) for answer in used]
        unanswered, kinds = collections.Counter(), collections.Counter()
        for client in workers:
            answers += client.answers
            unanswered += client.unanswered
            kinds += client.kinds
        records = {frame.index: frame.record for frame in journal.frames(gateway.journal, checked=True)}
        say(f"mixed: {sum(kinds.values())} requests: "
            + ", ".join(f"{kinds[name]} {name}" for name, _ in Client.KINDS))
        lost = compare(records, answers, unanswered)
        say(f"mixed: {len(answers)} answers have a record each, {lost} records are of requests reset by their clients, "
            f"{len(records)} records in all")
        verify(gateway, len(records), say)


def issue(connection, key, used):
    import json
    body = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": key.split("_")[2],
                                   "client_secret": key}).encode()
    answer = connection.ask("POST", "/oauth/token", body=body,
                            headers=["Content-Type: application/x-www-form-urlencoded"])
    used.append(answer)
    return json.loads(answer.body)["access_token"]


def compare(records, answers, unanswered):
    """How many records are of requests whose answers nobody read. Raises Failed unless all others are one to one."""
    answered = {}
    for port, answer in answers:
        if answer.index is None:
            raise Failed(f"an answer without Audit-Index: {answer.status} {answer.headers}")
        if answer.index in answered:
            raise Failed(f"two answers have the index {answer.index}")
        answered[answer.index] = answer
        record = records.get(answer.index)
        if record is None:
            raise Failed(f"no record {answer.index} for the answer {answer.status} {answer.request_id}")
        said = (record["request_id"], record["status"], record["source"]["port"])
        if said != (answer.request_id, answer.status, port):
            raise Failed(f"record {answer.index} says {said}, its answer {answer.request_id} {answer.status} {port}")
    ids = collections.Counter(record.get("request_id") for record in records.values())
    for name, count in ids.items():
        if count > 1 and name is not None:
            raise Failed(f"{count} records have the request id {name}")
    lost = 0
    spare = collections.Counter(unanswered)
    for index, record in records.items():
        if index in answered or record.get("listener") == "management":
            continue
        port = record.get("source", {}).get("port")
        if spare[port] < 1:
            raise Failed(f"record {index} belongs to no request: {record}")
        spare[port] -= 1
        lost += 1
    return lost


def verify(gateway, size, say):
    """By our own verifier and by two of others; with each, every record."""
    say("mixed: " + " / ".join(line for line in gateway.command("audit", "verify").splitlines()
                               if line.startswith(("records", "journal", "The log"))))
    signed = int((gateway.log / "checkpoint").read_text().split("\n")[1])
    if signed != size:
        raise Failed(f"the last checkpoint covers {signed} of {size} records")
    key = next(gateway.log.glob("*.vkey"))
    script = ROOT / "Tests/Peers/tlog_verify.sh"
    for tool in ("go", "aics-every"):
        if tool == "aics-every" and not (ROOT / ".tools/tlog/PINS").exists():
            say("mixed: aics-tlog is not here (Tests/Peers/tlog.sh needs Python 3.12 or 3.13)")
            continue
        result = subprocess.run(["sh", script, tool, gateway.log, key], capture_output=True, text=True,
                                env=None, timeout=600)
        if result.returncode or f"{size} records verified" not in result.stdout:
            raise Failed(f"{tool}: {result.stdout}{result.stderr}")
        say(f"mixed: {tool}: {result.stdout.strip()}")
