#!/usr/bin/env python3
"""Computes the chain of an exported audit log (JSON lines on standard input) without any code of the service.

Prints NUMBER:HASH of the last entry. Exit status 1 names the first entry that is wrong.
"""

import hashlib
import json
import sys

number, hash_before = None, None
for line in sys.stdin:
    entry = json.loads(line)
    text = "\n".join(
        [
            "pledges audit 1",
            str(entry["number"]),
            entry["at"],
            entry["moderator"] or "-",
            entry["campaign"] or "-",
            entry["action"],
            entry["details"],
            entry["previous"],
        ]
    )
    follows = number is None or (entry["number"] == number + 1 and entry["previous"] == hash_before)
    if entry["number"] == 1:
        follows = number is None and entry["previous"] == "0" * 64
    if not follows or hashlib.sha256(text.encode()).hexdigest() != entry["hash"]:
        sys.exit(f"entry {entry['number']} is wrong")
    number, hash_before = entry["number"], entry["hash"]
print(f"{number}:{hash_before}")
