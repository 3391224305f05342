#!/usr/bin/env python3
"""Asks the programs themselves whether they would start with what their pods are given:

    programs.py WAYBILL RENDERED.yaml…

`waybill config` reads variables as a start does, and starts nothing. The files of Secrets are those that
overlays/local/secrets makes; addresses are those of the images."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

root = Path(__file__).resolve().parents[2]
waybill = root / sys.argv[1]
failed = False


def addresses(name):
    """LISTEN_ADDR and ADMIN_ADDR, as the image sets them."""
    stage = (root / "Dockerfile").read_text().split(f" AS {name}\n")[1].split("\nFROM ")[0]
    return dict(re.findall(r"(\w+_ADDR)=(\S+)", stage))


def ask(name, env, secret):
    with tempfile.TemporaryDirectory() as folder:
        for key, value in secret.items():
            (Path(folder) / key).write_text(value)
        env = {key: value.replace("/secrets/", f"{folder}/") for key, value in env.items()}
        return subprocess.run([waybill, "config", name], env=env, capture_output=True, text=True)


made = subprocess.run([root / "k8s/overlays/local/secrets"], capture_output=True, check=True, text=True).stdout
secrets = {one["metadata"]["name"]: one["stringData"] for one in yaml.safe_load_all(made) if one}
for path in sys.argv[2:]:
    manifests = [one for one in yaml.safe_load_all(Path(path).read_text()) if one]
    maps = {one["metadata"]["name"]: one["data"] for one in manifests if one["kind"] == "ConfigMap"}
    for one in manifests:
        name = one["metadata"]["name"]
        if one["kind"] != "Deployment" or f"waybill-{name}:" not in one["spec"]["template"]["spec"]["containers"][0]["image"]:
            continue
        main = one["spec"]["template"]["spec"]["containers"][0]
        env = addresses(name)
        for source in main.get("envFrom", []):
            env |= maps[source["configMapRef"]["name"]]
        env |= {entry["name"]: entry.get("value", "of-the-pod") for entry in main["env"]}
        env = {key: re.sub(r"\$\(\w+\)", "of-the-pod", value) for key, value in env.items()}
        done = ask(name, env, secrets.get(name, {}))
        failed |= done.returncode != 0
        print(f"{Path(path).stem} {name}: {'would start' if done.returncode == 0 else done.stdout + done.stderr}")
sys.exit(failed)
