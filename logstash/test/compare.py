#!/usr/bin/env python3
"""compare.py EXPECTED ACTUAL: two files of documents, one a line, in any order.

Times are compared as times; "*" in an expected document stands for any value.
"""
import json
import sys
from datetime import datetime


def same(expected, actual, name=""):
    if expected == "*":
        return actual is not None
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(same(expected[k], actual[k], k) for k in expected)
    if name == "@timestamp":
        return time(expected) == time(actual)
    return expected == actual


def time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def main():
    expected, actual = read(sys.argv[1]), read(sys.argv[2])
    missing = []
    for document in expected:
        match = next((found for found in actual if same(document, found)), None)
        actual.remove(match) if match else missing.append(document)
    for document in missing:
        print("MISSING   ", json.dumps(document, sort_keys=True))
    for document in actual:
        print("UNEXPECTED", json.dumps(document, sort_keys=True))
    print(f"{len(expected) - len(missing)} of {len(expected)} documents as expected: {sys.argv[1]}")
    sys.exit(bool(missing or actual))


main()
