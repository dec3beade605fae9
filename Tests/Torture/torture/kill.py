# SPDX-License-Identifier: Apache-2.0
"""Kills the gateway under load, again and again: every record that an answer named is in the journal, with the same request
id and status, and all checkpoints that anybody could see are of one tree."""

import json
import random
import threading
import time

from . import journal
from .gateway import ROOT, Failed, Gateway
from .wire import Closed


BODY = json.dumps({"instances": [[0.5] * 10]}).encode()


class Load:
    """Clients that send until the gateway is gone; `acknowledged` has what they were told."""

    def __init__(self, gateway, key, clients):
        self.acknowledged, self.failure = {}, None
        self._lock = threading.Lock()
        self._gateway, self._key = gateway, key
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def wait(self, count, seconds):
        """Until so many answers came, or the time is over."""
        limit = time.monotonic() + seconds
        while len(self.acknowledged) < count and time.monotonic() < limit and self.failure is None:
            time.sleep(0.001)

    def join(self):
        for thread in self._threads:
            thread.join()
        if self.failure:
            raise self.failure

    def _work(self, number):
        try:
            connection = self._gateway.connect()
            count = 1 + 5 * number
            while True:
                requests = [connection.request("POST", "/predict", self._key, BODY)
                            if place % 3 else connection.request("GET", "/v1/models/fixed", self._key)
                            for place in range(count)]
                connection.send(b"".join(requests))
                for _ in requests:
                    answer = connection.answer()
                    if answer.status != 200:
                        raise Failed(f"{answer.status}: {answer.body!r}")
                    with self._lock:
                        if answer.index in self.acknowledged:
                            raise Failed(f"two answers have the index {answer.index}")
                        self.acknowledged[answer.index] = (answer.request_id, answer.status)
        except (Closed, OSError):
            pass
        except Failed as error:
            self.failure = error


class Checkpoints:
    """Every checkpoint that could be seen, by its size."""

    def __init__(self, gateway):
        self._path = gateway.log / "checkpoint"
        self.folder = gateway.folder / "checkpoints"
        self.folder.mkdir()
        self._seen = {}
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work)
        self.failure = None
        self._thread.start()

    def _work(self):
        while not self._ends.wait(0.002):
            self.look()

    def look(self):
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return
        origin, size, root = text.split("\n")[:3]
        with self._lock:
            known = self._seen.setdefault(int(size), root)
            if known != root:
                self.failure = Failed(f"two checkpoints of size {size}: {known} and {root}")
            path = self.folder / f"{int(size):012}.checkpoint"
            if not path.exists():
                path.write_text(text)

    def stop(self):
        self._ends.set()
        self._thread.join()
        self.look()
        if self.failure:
            raise self.failure
        return len(self._seen)


def run(binary, rounds=1000, clients=3, durability="durable", seed=1, say=print):
    chance = random.Random(seed)
    fields = {
        "audit.durability": durability, "audit.checkpoint_milliseconds": 10, "models.default": "fixed",
    }
    # A model whose answer is a file: there is nothing to warm up at each start.
    with Gateway(binary, fields, model=ROOT / "Benchmarks/models/fixed") as gateway:
        gateway.start()
        gateway.command("plan", "set", "rich", "--requests", "1000000", "--burst", "1000000", "--daily-quota",
                        "1000000000", "--concurrency", "100000")
        key = gateway.tenant("good", "rich")
        checkpoints = Checkpoints(gateway)
        everything, after, torn = {}, None, 0
        try:
            for number in range(rounds):
                if number:
                    gateway.start()
                    torn += "was cut off" in gateway.errors
                load = Load(gateway, key, clients)
                load.wait(chance.randint(0, 400), 5)
                time.sleep(chance.uniform(0, 0.02))
                gateway.kill()
                load.join()
                after = compare(gateway, load.acknowledged, after)
                twice = everything.keys() & load.acknowledged.keys()
                if twice:
                    raise Failed(f"the index {min(twice)} was given twice")
                everything |= load.acknowledged
                if (number + 1) % max(1, rounds // 20) == 0:
                    say(f"kill: {number + 1} of {rounds} kills, {len(everything)} records acknowledged, 0 lost, "
                        f"{torn} torn tails cut")
            gateway.start()
            gateway.stop()
            # What was there after its kill must be there after all of them.
            compare(gateway, everything, None)
        finally:
            seen = checkpoints.stop()
        report = gateway.command("audit", "verify", "--saved", checkpoints.folder)
        say("kill: " + " / ".join(line for line in report.splitlines() if not line.startswith("key")))
        say(f"kill: {rounds} kills, {len(everything)} acknowledged records, 0 lost; {seen} checkpoints seen, of one tree")


def compare(gateway, acknowledged, after):
    """Looks every acknowledged record up behind the frame `after`. Returns the last frame that is known to stay."""
    left = dict(acknowledged)
    last = after
    for frame in journal.frames(gateway.journal, after):
        known = left.pop(frame.index, None)
        if known is None:
            continue
        record = frame.record
        if (record["request_id"], record["status"]) != known:
            raise Failed(f"record {frame.index} says {record['request_id']}, its answer said {known}")
        last = frame
    if left:
        raise Failed(f"{len(left)} acknowledged records are lost, the first is {min(left)}")
    return last
