"""Prints what each operation of a description answered, and fails if one that can succeed never did.

Takes the description's address, and the file with the counted answers."""

import json
import sys
import urllib.request

# A webhook is believed for a signature that only its gateway can make.
CANNOT_SUCCEED = {"receiveWebhook"}


def operations(description):
    for methods in description["paths"].values():
        for operation in methods.values():
            yield operation["operationId"]


def main(description, answers):
    failed = []
    for name in sorted(operations(description)):
        counted = sorted(answers.get(name, {}).items())
        succeeded = sum(count for status, count in counted if status.startswith("2"))
        others = ", ".join(f"{status}: {count}" for status, count in counted if not status.startswith("2"))
        print(f"{name:<22} {succeeded:>6} succeeded   {others}")
        if succeeded == 0 and name not in CANNOT_SUCCEED:
            failed.append(name)
    if failed:
        sys.exit(f"never succeeded, so what a success looks like was not checked: {', '.join(failed)}")


with urllib.request.urlopen(sys.argv[1], timeout=30) as described, open(sys.argv[2], encoding="utf-8") as counted:
    main(json.load(described), json.load(counted))
