# SPDX-License-Identifier: Apache-2.0
"""No byte of an answer is written to its connection before an fdatasync that covers its record has returned.

TLS hides from strace which answer a write carries. The client knows: it counts the bytes that came on the connection, opens
one TLS record after the other, and so has for each answer the place of the first byte that could have told anything of
it. The write calls on that connection, counted in the same way, say which call brought that byte. The journal says where
the answer's record lies, hence which pwritev wrote it; a sync covers what was written before it began.
"""

import subprocess
import threading
import time

from . import journal, trace
from .gateway import ROOT, Failed, Gateway, digits
from .wire import Closed

PIPELINE = 8


def run(binary, seconds=5, clients=8, durability="durable", control=False, say=print):
    subprocess.run([ROOT / "examples/packages.sh", "strace"], check=True)
    with Gateway(binary, {"audit.durability": durability}) as gateway:
        gateway.start()
        gateway.command("plan", "set", "rich", "--requests", "1000000", "--burst", "1000000", "--daily-quota",
                        "1000000000", "--concurrency", "100000")
        key = gateway.tenant("good", "rich")
        gateway.stop()
        output = gateway.folder / "strace"
        # -D: the program is our child, not strace's.
        gateway.wrapper = ["strace", "-D", *trace.FLAGS, "-o", output]
        gateway.start()
        answers = load(gateway, key, seconds, clients)
        gateway.stop()
        await_end(output)
        places = {frame.index: (frame.path.name, frame.end) for frame in journal.frames(gateway.journal)}
        with open(output, errors="replace") as lines:
            checked, early = check(trace.calls(lines), answers, places)
    say(f"order: {checked} answers in {len(answers)} connections, {len(early)} of them before their records' sync"
        f" ({durability})")
    if control:
        if not early:
            raise Failed("the control saw nothing early")
    elif early:
        raise Failed("written before the sync: " + ", ".join(f"record {index} on port {port}"
                                                             for port, index in early[:5]))


def load(gateway, key, seconds, clients):
    """The answers of each connection, by its local port."""
    found, failures = {}, []
    end = time.monotonic() + seconds
    bodies = digits(4)

    def work(number):
        try:
            while time.monotonic() < end:
                connection = gateway.connect()
                own = found[connection.local_port] = []
                # A handful of rounds on a connection: their bytes are counted from its first one.
                for _ in range(40):
                    if time.monotonic() > end:
                        break
                    count = 1 + number % PIPELINE
                    connection.send(b"".join(connection.request("POST", "/predict", key, bodies[number % 4])
                                             for _ in range(count)))
                    own += [connection.answer() for _ in range(count)]
                connection.close()
        except (Closed, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise Failed(f"the load ended early: {failures[0]}")
    return found


def await_end(output):
    """strace writes its last line after the program has ended."""
    for _ in range(3000):
        with open(output, "rb") as file:
            file.seek(max(0, output.stat().st_size - 4096))
            if b"+++ exited with" in file.read().rstrip().split(b"\n")[-1]:
                return
        time.sleep(0.01)
    raise Failed("strace did not end")


def check(calls, answers, places):
    """How many answers were looked at, and which were early: (port, index)."""
    written, synced, sent, early, checked = {}, {}, {}, [], 0
    due = {port: list(found) for port, found in answers.items()}
    for moment, call in calls:
        name = call.file.rsplit("/", 1)[-1]
        is_journal = name.endswith(".journal")
        if call.name in ("pwritev", "pwrite64"):
            if is_journal and moment == "end" and call.result > 0:
                written[name] = max(written.get(name, 0), call.offset + call.result)
        elif call.name == "fdatasync":
            if is_journal and moment == "begin":
                call.note = written.get(name, 0)
            elif is_journal and call.result == 0:
                synced[name] = max(synced.get(name, 0), call.note)
        elif (port := call.remote_port) in due:
            if moment == "begin":
                call.note = dict(synced)
            elif call.result > 0:
                place = sent[port] = sent.get(port, 0) + call.result
                while due[port] and due[port][0].first_byte < place:
                    answer = due[port].pop(0)
                    checked += 1
                    segment, end = places[answer.index]
                    if call.note.get(segment, 0) < end:
                        early.append((port, answer.index))
    left = sum(map(len, due.values()))
    if left or not checked:
        raise Failed(f"{left} answers are in no write that strace saw, {checked} are")
    return checked, early
