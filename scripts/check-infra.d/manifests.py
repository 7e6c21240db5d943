"""Reads YAML documents from the standard input, and writes them as one JSON list, secrets in plain text."""

import base64
import json
import sys

import yaml


def in_plain_text(document):
    if document.get("kind") == "Secret" and "data" in document:
        data = document.pop("data")
        document["stringData"] = {key: base64.b64decode(value).decode() for key, value in data.items()}
    return document


documents = [in_plain_text(document) for document in yaml.safe_load_all(sys.stdin) if document is not None]
json.dump(documents, sys.stdout)
