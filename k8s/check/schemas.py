#!/usr/bin/env python3
"""Holds manifests against their schemas, strictly: an unknown field is an error, as a typing mistake would be.

    schemas.py KUBERNETES OVERLAY RENDERED.yaml [CRD.yaml…]

CRDs are what operators teach Kubernetes. Says which kinds have no schema at all."""

import sys
from collections import Counter
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

# libyaml reads some megabytes of CRDs ten times as fast.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def operators(paths):
    """Schemas by version and kind."""
    schemas = {}
    for path in paths:
        spec = yaml.load(Path(path).read_text(), Loader)["spec"]
        for version in spec["versions"]:
            key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
            schemas[key] = strict(version["schema"]["openAPIV3Schema"])
    return schemas


def strict(schema):
    """The same schema, which takes no other fields than it names; metadata are Kubernetes' own."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    made = {name: strict(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def validate(manifest, version, schemas):
    schema = schemas.get((manifest["apiVersion"], manifest["kind"]))
    if schema is None:
        kubernetes_validate.validate(manifest, version, strict=True)
    else:
        # Not jsonschema.validate, which asks of the schema that all its patterns be Python's: some are Go's.
        for error in jsonschema.Draft7Validator(schema).iter_errors(manifest):
            raise error


def main():
    version, overlay, path, *crds = sys.argv[1:]
    schemas = operators(crds)
    checked, unknown, wrong = 0, Counter(), 0
    for manifest in filter(None, yaml.safe_load_all(Path(path).read_text())):
        try:
            validate(manifest, version, schemas)
            checked += 1
        except kubernetes_validate.SchemaNotFoundError:
            unknown[f"{manifest['kind']} ({manifest['apiVersion']})"] += 1
        except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
            wrong += 1
            place = ".".join(str(step) for step in error.path)
            print(f"  {manifest['kind']} {manifest['metadata']['name']}: {place}: {error.message}", file=sys.stderr)
    print(f"{overlay}: {checked} manifests have their schema's form, {wrong} have not")
    for kind, count in sorted(unknown.items()):
        print(f"NOT CHECKED: {count} {kind}, for want of a schema")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
