"""A worker of the tests: reads a record a line, answers a line each.

worker.py log PATH            appends `NUMBER KEY ATTEMPT` to a file, by one write each
worker.py store PATH GROUP    writes its effect and the mark that the event is done in one transaction of the same file
worker.py copy TOPIC          answers with a record for that topic

Some numbers fail: 7 of 50 at first, 13 of 400 for ever, and 500 of 1000 takes the worker down at first.
"""

import json
import os
import sqlite3
import sys

mode, arguments = sys.argv[1], sys.argv[2:]
out = None
if mode == "log":
    out = os.open(arguments[0], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
if mode == "store":
    out = sqlite3.connect(arguments[0], timeout=30, isolation_level=None)
    out.execute("CREATE TABLE IF NOT EXISTS effects (event TEXT NOT NULL, number INTEGER NOT NULL)")


def effect(record, number):
    """Does what is to be done, and gives what is to be produced."""
    if mode == "log":
        os.write(out, f"{number} {record['key']} {record['attempt']}\n".encode())
        return None
    if mode == "store":
        event = record["eventId"]
        out.execute("BEGIN IMMEDIATE")
        marked = out.execute(
            "UPDATE eda_events SET state = 'done' WHERE consumer_group = ? AND event_id = ? AND state <> 'done'",
            (arguments[1], event),
        )
        if marked.rowcount == 1:
            out.execute("INSERT INTO effects VALUES (?, ?)", (event, number))
        out.execute("COMMIT")
        return None
    return [{"topic": arguments[0], "key": record["key"], "value": {"number": number}}]


def answer(record):
    number, attempt = record["value"]["number"], record["attempt"]
    if number % 50 == 7 and attempt == 1:
        return {"error": "the database did not answer"}
    if number % 400 == 13:
        return {"error": "the card was declined", "permanent": True}
    if number % 1000 == 500 and attempt == 1:
        sys.stdout.flush()
        os._exit(3)
    produce = effect(record, number)
    return {"ok": True} if produce is None else {"ok": True, "produce": produce}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
