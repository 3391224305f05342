#!/usr/bin/env python3
"""through.py HOST:PORT ELASTICSEARCH_URL PASSWORD_FILE < lines > documents

Sends log lines over TCP and prints the documents that Elasticsearch has once there are as many.
"""
import base64
import json
import re
import socket
import sys
import time
import urllib.request

# .ds-logs-waybill.order-service-default-2026.11.22-000001
BACKING_INDEX = re.compile(r"^\.ds-(.+)-\d{4}\.\d\d\.\d\d-\d{6}$")


def main():
    address, url, password_file = sys.argv[1:]
    lines = sys.stdin.buffer.read()
    with open(password_file, encoding="utf-8") as file:
        login = base64.b64encode(f"elastic:{file.read().strip()}".encode()).decode()

    def ask(path, method="GET"):
        request = urllib.request.Request(f"{url}/{path}", method=method, headers={"authorization": f"Basic {login}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    send(address, lines)
    hits = []
    for _ in range(60):
        ask("logs-waybill.*-*/_refresh", "POST")
        hits = ask("logs-waybill.*-*/_search?size=1000")["hits"]["hits"]
        if len(hits) >= lines.count(b"\n"):
            break
        time.sleep(0.5)
    for hit in hits:
        print(json.dumps({"_index": BACKING_INDEX.sub(r"\1", hit["_index"]), **hit["_source"]}))


def send(address, lines):
    host, port = address.rsplit(":", 1)
    for _ in range(60):
        try:
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.sendall(lines)
            return
        except ConnectionRefusedError:
            time.sleep(0.5)
    sys.exit(f"nobody listens at {address}")


main()
