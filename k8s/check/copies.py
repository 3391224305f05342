#!/usr/bin/env python3
"""What k8s/ takes from other folders is all of it, and where it has to be a copy, it is the same."""

import importlib.machinery
import importlib.util
import re
import sys
from pathlib import Path

import yaml

root = Path(__file__).resolve().parents[2]
problems = []

# Every file of these is handed out by the kustomization beside it; new ones must not be forgotten there.
WHOLE = {
    "alertmanager": ["*.yml"],
    "collector": ["config.yaml", "elk.yaml", "scale/*.yaml"],
    "elasticsearch": ["setup", "*/*.json"],
    "grafana": ["dashboards/*.json", "provisioning/*/*.yaml"],
    "jaeger": ["config.yaml", "*.json"],
    "kibana": ["setup", "*/*.json"],
    "logstash": ["config/log4j2.properties", "pipeline/lines/[12]*.conf", "scripts/*"],
    "postgres": ["databases"],
    "prometheus": ["prometheus.yml", "rules/*.yml", "alerts/*.yml"],
}


def expect(holds, problem):
    if not holds:
        problems.append(problem)


for folder, patterns in WHOLE.items():
    generators = yaml.safe_load((root / folder / "kustomization.yaml").read_text())["configMapGenerator"]
    given = {entry.rsplit("=", 1)[-1] for generator in generators for entry in generator["files"]}
    there = {str(path.relative_to(root / folder)) for pattern in patterns for path in (root / folder).glob(pattern)}
    expect(given == there, f"{folder}/kustomization.yaml: {sorted(given ^ there)} is there or named, not both")

# The rules as the Prometheus operator takes them.
operator = root / "k8s/components/prometheus-operator"
loader = importlib.machinery.SourceFileLoader("make_rules", str(operator / "make-rules"))
make_rules = importlib.util.module_from_spec(importlib.util.spec_from_loader("make_rules", loader))
sys.dont_write_bytecode = True
loader.exec_module(make_rules)
expect((operator / "rules.yaml").read_text() == make_rules.made(), f"run {operator.relative_to(root)}/make-rules")

# Logstash's outputs: ECK gives address and certificate by other names, and nothing else differs.
elastic = root / "k8s/overlays/production/elastic"
for original, copy in [("lines/30-elasticsearch.conf", "30-elasticsearch.conf"), ("dead_letters/dead_letters.conf",) * 2]:
    name = Path(copy).name
    plain = re.sub(r' *hosts => .*\n', "", (root / "logstash/pipeline" / original).read_text())
    ecks = re.sub(r' *(hosts|ssl_certificate_authorities) => .*\n', "", (elastic / name).read_text())
    expect(plain == ecks, f"{(elastic / name).relative_to(root)} is not logstash/pipeline/{original}")

# Settings of Kibana and Logstash, which ECK takes as part of its resources.
own = {"server.host", "elasticsearch.hosts", "elasticsearch.username", "elasticsearch.password", "server.publicBaseUrl"}
kibana = yaml.safe_load((root / "kibana/kibana.yml").read_text())
given = yaml.safe_load((elastic / "kibana.yaml").read_text())["spec"]["config"]
for name in kibana:
    if name not in own and not name.lower().endswith("encryptionkey"):
        expect(given.get(name) == kibana[name], f"elastic/kibana.yaml: {name} is not what kibana/kibana.yml has")
logstash = list(yaml.safe_load_all((elastic / "logstash.yaml").read_text()))[1]["spec"]
pipelines = yaml.safe_load((root / "logstash/config/pipelines.yml").read_text())
expect(logstash["pipelines"] == pipelines, "elastic/logstash.yaml: other pipelines than logstash/config/pipelines.yml")
settings = yaml.safe_load((root / "logstash/config/logstash.yml").read_text())
for name in settings:
    sized = name.endswith("max_bytes") or name == "xpack.monitoring.enabled"
    expect(sized or logstash["config"].get(name) == settings[name], f"elastic/logstash.yaml: {name} differs")

for problem in problems:
    print(f"  {problem}", file=sys.stderr)
print(f"{len(problems)} problems" if problems else "all there, and the same")
sys.exit(bool(problems))
