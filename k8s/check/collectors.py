#!/usr/bin/env python3
"""Lets the Collector itself read the configurations that its pods are given:

    collectors.py RENDERED.yaml…

With the program of scripts/backends/collector, in a folder that holds what the pod would mount."""

import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

root = Path(__file__).resolve().parents[2]
program = root / "target/backends/otelcol"


def files(folder, volume, maps):
    """Writes what a volume would hold; a Secret's files hold nothing that is true."""
    folder.mkdir(parents=True)
    for source in [volume, *volume.get("projected", {}).get("sources", [])]:
        if "configMap" in source:
            for name, text in maps[source["configMap"]["name"]].items():
                (folder / name).write_text(text)
        for item in (source.get("secret") or {}).get("items", []):
            (folder / item["path"]).write_text("not a secret")


def validate(workload, maps):
    spec = workload["spec"]["template"]["spec"]
    main = spec["containers"][0]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    with tempfile.TemporaryDirectory() as scratch:
        for mount in main["volumeMounts"]:
            files(Path(scratch + mount["mountPath"]), volumes[mount["name"]], maps)
        arguments = [argument.replace("--config=/", f"--config={scratch}/") for argument in main["args"]]
        env = {one["name"]: one.get("value", "10") for one in main["env"]}
        env |= {"MONITOR_PASSWORD_FILE": f"{scratch}/secrets/monitor_password", "HOSTNAME": "pod"}
        for path in Path(scratch).rglob("*.yaml"):
            path.write_text(path.read_text().replace("/certificates/", f"{scratch}/certificates/"))
        return subprocess.run([program, "validate", *arguments], env=env, capture_output=True, text=True)


failed = False
for path in sys.argv[1:]:
    manifests = [one for one in yaml.safe_load_all(Path(path).read_text()) if one]
    maps = {one["metadata"]["name"]: one["data"] for one in manifests if one["kind"] == "ConfigMap"}
    for workload in manifests:
        containers = workload["spec"]["template"]["spec"]["containers"] if workload["kind"] in ("Deployment", "StatefulSet") else []
        if any("opentelemetry-collector" in one["image"] for one in containers):
            done = validate(workload, maps)
            failed |= done.returncode != 0
            print(f"{Path(path).stem} {workload['metadata']['name']}: {'fine' if done.returncode == 0 else done.stderr}")
sys.exit(failed)
