#!/usr/bin/env python3
"""Holds rendered manifests against each other and against the rest of the repository. Run by scripts/check-k8s:

    manifests.py OVERLAY RENDERED.yaml

Exits with 1 and says what is wrong. What a schema can say is not asked here."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import yaml

root = Path(__file__).resolve().parents[2]
FLUSH = 5  # seconds that telemetry is given at the end: shared/service-kit/src/process.rs
SERVICES = {  # service.name: Deployment, API port, admin port
    "api-gateway": ("gateway", 8080, 9080),
    "order-service": ("order", 8081, 9081),
    "payment-service": ("payment", 8082, 9082),
    "inventory-service": ("inventory", 8083, 9083),
}
DATABASES = ("order-service", "payment-service", "inventory-service")
# Who else talks to whom, where no variable of ours says so.
OTHER_CALLS = {
    "local": """collector>jaeger:4317 jaeger>prometheus:9090 grafana>prometheus:9090 grafana>jaeger:16686
        grafana>alertmanager:9093""",
    "production": """collector>sampler:4317 sampler>jaeger:4317 sampler>collector:4317 nats>nats:6222
        elk-health>elasticsearch:9200 elk-health>kibana:5601 elk-health>logstash:9600 kibana>elasticsearch:9200
        logstash>elasticsearch:9200 elasticsearch>elasticsearch:9200 elasticsearch>elasticsearch:9300
        elasticsearch-setup>elasticsearch:9200 kibana-setup>elasticsearch:9200 kibana-setup>kibana:5601""",
}
NAME = "app.kubernetes.io/name"
# Ports of pods that an operator makes; nothing here lists them.
OPERATED = {"elasticsearch": [9200, 9300], "kibana": [5601], "logstash": [5170, 9600]}


class Pod:
    """A pod as some workload would make it."""

    def __init__(self, kind, name, template):
        self.owner, self.kind = name, kind
        self.labels = template.get("metadata", {}).get("labels", {})
        self.spec = template["spec"]
        self.main = self.spec["containers"][0]
        self.app = self.labels.get(NAME, name)
        self.ports = {port.get("name"): port["containerPort"] for port in self.main.get("ports", [])}

    def number(self, port):
        return self.ports.get(port) if isinstance(port, str) else port

    def listens(self):
        return {*self.ports.values(), *OPERATED.get(self.app, [])}

    def env(self):
        return {one["name"]: one.get("value") for one in self.main.get("env", [])}


class Overlay:
    """All manifests of one."""

    def __init__(self, name, path):
        self.name = name
        self.manifests = [one for one in yaml.safe_load_all(Path(path).read_text()) if one]
        self.pods = list(self.all_pods())
        self.problems = []

    def of(self, *kinds):
        return [one for one in self.manifests if one["kind"] in kinds]

    def all_pods(self):
        for one in self.of("Deployment", "StatefulSet", "Job"):
            yield Pod(one["kind"], one["metadata"]["name"], one["spec"]["template"])
        for one in self.of("Kibana", "Logstash"):
            yield Pod(one["kind"], one["metadata"]["name"], one["spec"]["podTemplate"])
        for one in self.of("Elasticsearch"):
            for nodes in one["spec"]["nodeSets"]:
                yield Pod("Elasticsearch", one["metadata"]["name"], nodes["podTemplate"])

    def ours(self):
        return [pod for pod in self.pods if "/waybill-" in "/" + pod.main.get("image", "")]

    def services(self):
        return [pod for pod in self.pods if pod.labels.get("app.kubernetes.io/component") == "service"]

    def config_map(self, prefix):
        return next(one for one in self.of("ConfigMap") if one["metadata"]["name"].startswith(prefix))["data"]

    def matching(self, selector):
        return [pod for pod in self.pods if matches(selector, pod.labels)]

    def expect(self, holds, problem):
        if not holds:
            self.problems.append(problem)


def matches(selector, labels):
    pairs = (selector or {}).get("matchLabels", {}).items()
    sets = (selector or {}).get("matchExpressions", [])
    return all(labels.get(key) == value for key, value in pairs) and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"] for one in sets
    )


def images(overlay):
    """Each has a version, and those that docker-compose.yml has too are the same."""
    compose = yaml.safe_load((root / "docker-compose.yml").read_text())["services"].values()
    known = {one["image"].rsplit(":", 1)[0]: one["image"] for one in compose}
    for pod in overlay.pods:
        image = pod.main.get("image")
        if image is None:
            continue  # an operator's, by `version`
        overlay.expect(re.search(r":v?\d+\.\d+", image), f"{pod.owner}: {image} has no version")
        same = known.get(image.rsplit(":", 1)[0])
        overlay.expect(same in (None, image), f"{pod.owner}: {image}, but docker-compose.yml has {same}")
        if pod.kind == "Job" and pod.app.startswith("migrate-"):
            version = image.rsplit(":", 1)[1].replace(".", "-")
            overlay.expect(pod.owner.endswith(version), f"the job {pod.owner} is not named after {image}")
    elastic = known["docker.elastic.co/elasticsearch/elasticsearch"].rsplit(":", 1)[1]
    for one in overlay.of("Elasticsearch", "Kibana", "Logstash"):
        overlay.expect(one["spec"]["version"] == elastic, f"{one['kind']} is not of version {elastic}")


def selectors(overlay):
    """Whatever chooses pods finds some, and the ports that it names."""
    for one in overlay.of("Service"):
        pods = overlay.matching({"matchLabels": one["spec"]["selector"]})
        overlay.expect(pods, f"Service {one['metadata']['name']} has no pods")
        for port in one["spec"]["ports"]:
            for pod in pods:
                target = port.get("targetPort", port["port"])
                known = pod.number(target) in pod.listens()
                overlay.expect(known, f"Service {one['metadata']['name']}: {pod.owner} has no port {target}")
    for one in overlay.of("NetworkPolicy"):
        name, spec = one["metadata"]["name"], one["spec"]
        overlay.expect(overlay.matching(spec["podSelector"]), f"NetworkPolicy {name} is about nobody")
        for rule in [*spec.get("ingress", []), *spec.get("egress", [])]:
            for peer in rule.get("from", rule.get("to", [])):
                here = "podSelector" in peer and "namespaceSelector" not in peer
                known = not here or overlay.matching(peer["podSelector"])
                overlay.expect(known, f"NetworkPolicy {name} lets nobody through: {peer}")
    for one in overlay.of("PodDisruptionBudget"):
        overlay.expect(overlay.matching(one["spec"]["selector"]), f"budget {one['metadata']['name']} is about nobody")
    for one in overlay.of("Deployment", "StatefulSet"):
        labels = one["spec"]["template"]["metadata"]["labels"]
        overlay.expect(matches(one["spec"]["selector"], labels), f"{one['metadata']['name']} does not select its pods")
    named = {one["metadata"]["name"] for one in overlay.of("Deployment")}
    for one in overlay.of("HorizontalPodAutoscaler"):
        overlay.expect(one["spec"]["scaleTargetRef"]["name"] in named, f"{one['metadata']['name']}: nothing to scale")


def references(overlay):
    """ConfigMaps that are mounted are there, with the keys that are asked for."""
    there = {one["metadata"]["name"]: one["data"] for one in overlay.of("ConfigMap")}
    for pod in overlay.pods:
        for name, keys in used(pod, "configMap", "configMapKeyRef"):
            overlay.expect(name in there, f"{pod.owner}: there is no ConfigMap {name}")
            for key in keys:
                overlay.expect(key in there.get(name, {}), f"{pod.owner}: ConfigMap {name} has no {key}")
        mounts = {one["name"] for one in pod.main.get("volumeMounts", [])}
        volumes = {one["name"] for one in pod.spec.get("volumes", [])}
        overlay.expect(volumes <= mounts, f"{pod.owner}: {volumes - mounts} is mounted nowhere")


def used(pod, volume, ref):
    """Names with keys of what a pod takes from ConfigMaps or Secrets."""
    for one in pod.spec.get("volumes", []):
        for source in [one, *one.get("projected", {}).get("sources", [])]:
            held = source.get(volume) or (source.get("secret") if volume == "secret" else None)
            if held:
                yield held.get("name", held.get("secretName")), [item["key"] for item in held.get("items", [])]
    for one in pod.main.get("env", []):
        held = (one.get("valueFrom") or {}).get(ref)
        if held:
            yield held["name"], [held["key"]]


def ports(overlay):
    """Every service is where docker-compose.yml has it."""
    compose = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    for name, (owner, api, admin) in SERVICES.items():
        published = {port.rsplit(":", 1)[1] for port in compose[owner]["ports"]}
        overlay.expect(published == {str(api), str(admin)}, f"docker-compose.yml: {owner} is at {published}")
        pod = next(pod for pod in overlay.services() if pod.app == name)
        overlay.expect(pod.owner == owner, f"{name} is {pod.owner}, not {owner}")
        overlay.expect(pod.ports == {"http": api, "admin": admin}, f"{name}: ports {pod.ports}")


def variables(overlay):
    """Every variable that our programs are given is one they read."""
    documented = (root / "docs/CONFIGURATION.md").read_text()
    known = set(re.findall(r"^\| `([A-Z0-9_]+)`", documented, re.M))
    shared = overlay.config_map("service-env")
    for pod in overlay.ours():
        env = pod.env()
        if pod in overlay.services():
            env |= shared
        helpers = set(re.findall(r"\$\((\w+)\)", " ".join(filter(None, env.values()))))
        for name in set(env) - helpers:
            plain = name.removesuffix("_FILE")
            overlay.expect(name in known or plain in known, f"{pod.owner}: no program knows the variable {name}")


def grace(overlay):
    """A pod is given the time that its end takes."""
    for pod in overlay.services():
        env = overlay.config_map("service-env") | pod.env()
        seconds = pod.main["lifecycle"]["preStop"]["sleep"]["seconds"] + FLUSH
        seconds += int(env.get("DRAIN_TIMEOUT_MS", 10_000)) / 1000
        if pod.app == "order-service":
            seconds += int(env.get("ORDER_LEASE_MS", 12_000)) / 1000
        given = pod.spec["terminationGracePeriodSeconds"]
        overlay.expect(given > seconds, f"{pod.owner}: {given} s to stop, but it takes {seconds}")


def hardened(overlay):
    """The pod security profile `restricted`, which checkov sees in part, and never in an operator's resources."""
    for pod in overlay.pods:
        outer, inner = pod.spec.get("securityContext", {}), pod.main.get("securityContext", {})
        holds = {
            "runs as root": outer.get("runAsNonRoot") and inner.get("runAsUser", outer.get("runAsUser")),
            "has no seccomp profile": outer.get("seccompProfile") == {"type": "RuntimeDefault"},
            "may get more rights": inner.get("allowPrivilegeEscalation") is False,
            "has capabilities": inner.get("capabilities") == {"drop": ["ALL"]},
            "may talk to Kubernetes": pod.spec.get("automountServiceAccountToken") is False,
            "has no memory limit": pod.main["resources"]["limits"].get("memory"),
        }
        for problem, held in holds.items():
            overlay.expect(held, f"{pod.owner} {problem}")
        if pod.kind in ("Deployment", "StatefulSet"):
            probes = pod.main.get("readinessProbe") and pod.main.get("livenessProbe")
            overlay.expect(probes, f"{pod.owner} lacks a probe")
            overlay.expect(inner.get("readOnlyRootFilesystem"), f"{pod.owner} may write to its image")


def secrets(overlay):
    """Local: the script makes exactly what is asked for. Elsewhere: README.md says what has to be there."""
    asked = defaultdict(set)
    for pod in overlay.pods:
        for name, keys in used(pod, "secret", "secretKeyRef"):
            files = {Path(v).name for k, v in (pod.env() | overlay.config_map("service-env")).items()
                     if k.endswith("_FILE") and v and v.startswith("/secrets/")} if pod in overlay.ours() else set()
            asked[name] |= set(keys) or files
    if overlay.name != "local":
        readme = (root / "k8s/README.md").read_text()
        for name in asked:
            overlay.expect(f"`{name}`" in readme, f"k8s/README.md does not say where the Secret {name} comes from")
        return
    script = root / "k8s/overlays/local/secrets"
    made = yaml.safe_load_all(subprocess.run([script], capture_output=True, check=True, text=True).stdout)
    made = {one["metadata"]["name"]: set(one["stringData"]) for one in made if one}
    overlay.expect(set(made) == set(asked), f"Secrets made: {sorted(made)}, asked for: {sorted(asked)}")
    for name in set(made) & set(asked):
        overlay.expect(asked[name] <= made[name], f"Secret {name} lacks {asked[name] - made[name]}")


def calls(overlay):
    """The network policies let through what is called, and nothing else."""
    wanted = {call for call in OTHER_CALLS[overlay.name].split()}
    targets = {one["metadata"]["name"]: one["spec"] for one in overlay.of("Service")}
    for pod in overlay.ours():
        env = pod.env() | (overlay.config_map("service-env") if pod in overlay.services() else {})
        for value in filter(None, env.values()):
            for host, port in re.findall(r"^\w+://([a-z-]+):(\d+)", value):
                app = overlay.matching({"matchLabels": targets[host]["selector"]})[0].app
                wanted.add(f"{pod.app}>{app}:{port}")
        if "DATABASE_URL_FILE" in env and overlay.name == "local":
            wanted.add(f"{pod.app}>postgres:5432")
    if overlay.name == "local":
        config = yaml.safe_load((root / "prometheus/prometheus.yml").read_text())
        for job in config["scrape_configs"]:
            for target in job["static_configs"]:
                for host, port in (address.split(":") for address in target["targets"]):
                    app = overlay.matching({"matchLabels": targets[host]["selector"]})[0].app
                    wanted.add(f"prometheus>{app}:{port}")
        wanted.add("prometheus>alertmanager:9093")
    allowed = set(reachable(overlay))
    overlay.expect(wanted <= allowed, f"network policies forbid {sorted(wanted - allowed)}")
    overlay.expect(allowed <= wanted, f"network policies let through {sorted(allowed - wanted)}")


def reachable(overlay):
    policies = overlay.of("NetworkPolicy")
    for source in overlay.pods:
        for target in overlay.pods:
            for port in target.listens():
                out = passes(policies, "egress", "to", source, target, target, port)
                if out and passes(policies, "ingress", "from", target, source, target, port):
                    yield f"{source.app}>{target.app}:{port}"


def passes(policies, direction, key, about, other, target, port):
    """Whether a policy about one pod lets it talk with the other, on a port of the target."""
    about_it = [one["spec"] for one in policies if matches(one["spec"]["podSelector"], about.labels)]
    for rule in (rule for spec in about_it for rule in spec.get(direction, [])):
        peers = [peer for peer in rule[key] if "podSelector" in peer and "namespaceSelector" not in peer]
        if any(matches(peer["podSelector"], other.labels) for peer in peers):
            if port in (target.number(one["port"]) for one in rule["ports"]):
                return True
    return False


def scaling(overlay):
    """What the autoscalers ask for, the adapter's rules make out of metrics that there are."""
    rules = yaml.safe_load((root / "k8s/components/autoscaling/prometheus-adapter.yaml").read_text())["rules"]["custom"]
    made = {rule["name"]["as"] for rule in rules}
    for one in overlay.of("HorizontalPodAutoscaler"):
        for metric in (metric for metric in one["spec"]["metrics"] if metric["type"] == "Pods"):
            name = metric["pods"]["metric"]["name"]
            overlay.expect(name in made, f"autoscaler {one['metadata']['name']}: nobody makes {name}")
    documented = (root / "docs/TELEMETRY.md").read_text()
    kinds = dict(re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram|info) \|", documented, re.M))
    for rule in rules:
        query = rule["seriesQuery"]
        series = re.match(r"\w+", query).group()
        # A rate is of what only grows: a counter, or a histogram's count.
        family = series.removesuffix("_count")
        grows = kinds.get(series) == "counter" or (series != family and kinds.get(family) == "histogram")
        overlay.expect(grows, f"prometheus-adapter.yaml: there is no counter {series}")
        for job in re.findall(r'job="([^"]*)"', query):
            overlay.expect(job in SERVICES, f"prometheus-adapter.yaml: there is no job {job}")


def memory(overlay, kind):
    """MiB that all pods that stay ask for (requests), or may take (limits)."""
    units = {"Mi": 1, "Gi": 1024}
    total = 0
    for one in overlay.of("Deployment", "StatefulSet"):
        text = one["spec"]["template"]["spec"]["containers"][0]["resources"][kind]["memory"]
        total += int(text[:-2]) * units[text[-2:]] * one["spec"].get("replicas", 1)
    return total


def main():
    overlay = Overlay(sys.argv[1], sys.argv[2])
    for check in (images, selectors, references, ports, variables, grace, hardened, secrets, calls, scaling):
        check(overlay)
    for problem in sorted(set(overlay.problems)):
        print(f"  {problem}", file=sys.stderr)
    kinds = len({one["kind"] for one in overlay.manifests})
    verdict = f"{len(overlay.problems)} problems" if overlay.problems else "fine"
    print(f"{overlay.name}: {len(overlay.manifests)} manifests of {kinds} kinds, {len(overlay.pods)} pods: {verdict}")
    asked, allowed = memory(overlay, "requests"), memory(overlay, "limits")
    print(f"{overlay.name}: memory {asked} MiB asked for, {allowed} MiB allowed, without Jobs and what operators make")
    return bool(overlay.problems)


if __name__ == "__main__":
    sys.exit(main())
