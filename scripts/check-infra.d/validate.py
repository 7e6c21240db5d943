"""Validates Kubernetes objects, a JSON list on the standard input, against the schemas of these versions, strictly: a
field that is not in the schema is an error. Prints what is wrong, and fails if something is."""

import json
import sys
import warnings

import kubernetes_validate

# The oldest and the newest that the manifests are for.
VERSIONS = ["1.30", "1.37"]


def name(document):
    return f"{document['kind']}/{document['metadata']['name']}"


def wrong(document, version):
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        path = ".".join(str(step) for step in error.path)
        return f"{name(document)} is not as Kubernetes {version} has it: {path}: {error.message}"
    return None


def main():
    warnings.simplefilter("error", UserWarning)
    documents = json.load(sys.stdin)
    found = [told for version in VERSIONS for document in documents if (told := wrong(document, version))]
    for told in found:
        print(told)
    print(f"{len(documents)} objects, Kubernetes {' and '.join(VERSIONS)}: {len(found)} are wrong")
    return 1 if found or not documents else 0


sys.exit(main())
