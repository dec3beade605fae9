#!/usr/bin/env python3
"""Holds a running gateway against its own description with schemathesis, every check on.

Arguments: the port of the tenants' listener, that of the management listener, the file of the authority, a folder to work
in. On standard input: {"tenant", "admin", "auditor", "metrics"}, an API key each; they go on by the environment.
"""
import json
import os
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import yaml

SEED = 20261124
# What may be unloaded.
SPARE = "twice-int8"
# Whose credential a call needs, by the beginning of its x-scope; all others are the admin's.
HOLDERS = {"audit:": "auditor", "log:": "auditor", "metrics:": "metrics"}
VERBS = {"get", "put", "post", "patch", "delete"}
# What a request that fits the description may be told all the same: the object is not there, at another revision or in
# another state, or the call makes no sense for its model, tenant or plan (400), which no schema can say.
ACCEPTED = [200, 201, 304, 400, 401, 403, 404, 405, 409, 412, 422, 429, 503]
# Preconditions come before the body (RFC 9110, section 13.2.1): a wrong one may be told of an older revision.
REFUSED = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422]


if "SCHEMATHESIS_HOOKS" in os.environ:
    import schemathesis

    @schemathesis.hook
    def before_call(context, case, kwargs):
        """A method that is not described gets another's body; on these it is refused as smuggling before anything else.
        What a deletion that was only tried leaves there is taken for a fault: those are made."""
        if case.method.upper() == "DELETE" and str((case.query or {}).get("dry_run")).lower() == "true":
            del case.query["dry_run"]
        if case.method.upper() in {"GET", "DELETE", "OPTIONS"}:
            case.body, case.media_type = schemathesis.core.NOT_SET, None


def described(port, authority):
    """The description, as the gateway serves it."""
    context = ssl.create_default_context(cafile=authority)
    with urllib.request.urlopen(f"https://localhost:{port}/openapi.yaml", context=context) as answer:
        if answer.status != 200 or answer.headers["Content-Type"] != "application/yaml":
            raise SystemExit(f"/openapi.yaml: {answer.status} {answer.headers}")
        return yaml.safe_load(answer.read())


def of(listener, document, port):
    """What the description says of one listener, with a security scheme for each holder of a credential."""
    paths = {}
    for path, item in document["paths"].items():
        kept = {name: value for name, value in item.items() if name not in VERBS}
        for verb in VERBS & item.keys():
            operation = item[verb]
            if listener not in operation["x-listener"]:
                continue
            if operation["security"] == [{"bearer": []}] and listener == "management":
                scope = operation.get("x-scope", "audit:" if "audit" in operation["tags"] else "")
                holder = next((who for begin, who in HOLDERS.items() if scope.startswith(begin)), "bearer")
                operation = {**operation, "security": [{holder: []}]}
            if operation["operationId"] in {"loadModel", "unloadModel"}:
                # Else the others would find their model gone.
                kept["parameters"] = [{"name": "model", "in": "path", "required": True, "schema": {"const": SPARE}}]
            kept[verb] = operation
        if VERBS & kept.keys():
            paths[path] = kept
    schemes = dict(document["components"]["securitySchemes"])
    for holder in set(HOLDERS.values()):
        schemes[holder] = schemes["bearer"]
    return {
        **document,
        "paths": paths,
        "servers": [{"url": f"https://localhost:{port}"}],
        "components": {**document["components"], "securitySchemes": schemes},
    }


def configuration(authority, listener):
    schemes = ["bearer"] if listener == "tenant" else ["bearer", "auditor", "metrics"]
    lines = [
        f"seed = {SEED}",
        f'tls-verify = "{authority}"',
        "request-timeout = 20",
        "continue-on-failure = true",
        'suppress-health-check = ["all"]',
        "[generation]",
        "deterministic = true",
        "no-shrink = true",
        f"max-examples = {os.environ.get('TOLLGATE_TEST_EXAMPLES', '6')}",
        'database = "none"',
        "[checks]",
        f"positive_data_acceptance.expected-statuses = {ACCEPTED}",
        f"negative_data_rejection.expected-statuses = {REFUSED}",
        "[auth.openapi.basic]",
        'username = "${BASIC_ID}"',
        'password = "${BASIC_KEY}"',
    ]
    for scheme in schemes:
        lines += [f"[auth.openapi.{scheme}]", f'bearer = "${{{scheme.upper()}_KEY}}"']
    # The run unloads a model; what is asked of it then is 503.
    lines += [
        "[[operations]]",
        'include-path-regex = "^/v2/models/"',
        'checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]',
    ]
    # A deleted tenant can be restored until its grace is over: what comes behind a restoration finds it.
    lines += [
        "[[operations]]",
        'include-path-regex = "^/admin/v1/tenants/[{]tenant[}]"',
        "checks.use_after_free.enabled = false",
    ]
    return "\n".join(lines) + "\n"


def main():
    tenants, management, authority, folder = sys.argv[1:5]
    keys = json.load(sys.stdin)
    document = described(tenants, authority)
    if described(management, authority) != document:
        raise SystemExit("the listeners describe themselves differently")
    ended = []
    for listener, port, holder in [("tenant", tenants, "tenant"), ("management", management, "admin")]:
        with open(f"{folder}/{listener}.json", "w", encoding="utf-8") as file:
            json.dump(of(listener, document, port), file)
        with open(f"{folder}/{listener}.toml", "w", encoding="utf-8") as file:
            file.write(configuration(authority, listener))
        environment = {
            **os.environ,
            "SCHEMATHESIS_HOOKS": Path(__file__).stem,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
            "BASIC_ID": keys[holder].split("_")[2],
            "BASIC_KEY": keys[holder],
            "BEARER_KEY": keys[holder],
            "AUDITOR_KEY": keys["auditor"],
            "METRICS_KEY": keys["metrics"],
        }
        program = [
            "from schemathesis.cli import schemathesis; schemathesis()",
            *["--config-file", f"{folder}/{listener}.toml", "run", f"{folder}/{listener}.json"],
            *["--url", f"https://localhost:{port}", "--checks", "all"],
        ]
        program += sys.argv[5:]
        ended.append(subprocess.run([sys.executable, "-c", *program], env=environment, cwd=folder).returncode)
    if any(ended):
        raise SystemExit(f"schemathesis ended with {ended}")


if __name__ == "__main__":
    main()
