#!/usr/bin/env python3
"""Sends one real handwritten digit through a running gateway with curl and shows all that comes back.

usage: demo.py [state/demo.env]
"""
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SHADES = " .:-=+*#%@"


def settings(path):
    with open(path) as file:
        words = [shlex.split(line) for line in file if "=" in line]
        return dict(word[0].split("=", 1) for word in words if word)


def curl(env, config, *arguments):
    """Runs curl; what is secret goes through standard input, never through the command line."""
    lines = "".join(f'{name} = "{value}"\n' for name, value in config)
    done = subprocess.run(["curl", "--silent", "--show-error", "--cacert", env["TOLLGATE_CA"], "--config", "-", *arguments],
                          input=lines.encode(), stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"demo.py: curl failed with exit code {done.returncode}")
    return done.stdout


def answer(body, what):
    document = json.loads(body)
    if "error" in document:
        sys.exit(f"demo.py: {what}: {document.get('detail', document['error'])}")
    return document


def draw(pixels):
    for row in range(0, 28, 2):
        line = ""
        for column in range(28):
            value = (pixels[row * 28 + column] + pixels[(row + 1) * 28 + column]) / 2
            line += SHADES[min(9, int(value * 9.99))]
        print("    " + line)


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "state/demo.env"
    env = settings(path)
    with open(os.path.join(HERE, "digits", "heldout.ndjson")) as file:
        sample = json.loads(random.choice(file.readlines()))

    token = answer(curl(env, [("user", f"{env['TOLLGATE_CLIENT_ID']}:{env['TOLLGATE_API_KEY']}")],
                        "--data", "grant_type=client_credentials", env["TOLLGATE_URL"] + "/oauth/token"),
                   "no token")["access_token"]

    with tempfile.NamedTemporaryFile("w", suffix=".json") as body, tempfile.NamedTemporaryFile("r") as head:
        json.dump({"instances": [sample["instance"]]}, body)
        body.flush()
        result = curl(env, [("header", f"Authorization: Bearer {token}")], "--header", "Content-Type: application/json",
                      "--data-binary", "@" + body.name, "--dump-header", head.name, env["TOLLGATE_URL"] + "/predict")
        fields = [line.rstrip() for line in head if ":" in line]
    probabilities = answer(result, "no prediction")["predictions"][0]

    print(f"\n  A handwritten {sample['label']} that the model never saw:\n")
    draw(sample["instance"])
    print("\n  What the model says:\n")
    best = max(range(10), key=lambda digit: probabilities[digit])
    for digit, probability in enumerate(probabilities):
        bar = "█" * round(probability * 40)
        print(f"    {digit}  {probability:8.5f}  {bar}{'  <-' if digit == best else ''}")
    print("\n  The response's fields:\n")
    for field in fields:
        if field.lower().startswith(("ratelimit", "x-ratelimit", "x-request-id", "audit-index")):
            print("    " + field)

    request_id = next(field.split(": ", 1)[1] for field in fields if field.lower().startswith("x-request-id"))
    page = answer(curl(env, [("header", f"Authorization: Bearer {env['TOLLGATE_AUDITOR_KEY']}")],
                       f"{env['TOLLGATE_MANAGEMENT_URL']}/admin/v1/audit/records?request_id={request_id}"), "no record")
    print("\n  The audit record of that call:\n")
    for entry in page["records"]:
        for line in json.dumps(entry["record"], indent=2).splitlines():
            print("    " + line)

    shown = shlex.quote(os.path.abspath(path))
    here = shlex.quote(os.path.dirname(HERE))
    print(f"""
  Do it yourself, in another terminal (what is secret goes through standard input, not the process list):

    cd {here}
    . {shown}
    TOKEN=$(printf 'user = "%s:%s"' "$TOLLGATE_CLIENT_ID" "$TOLLGATE_API_KEY" |
        curl -sS --cacert "$TOLLGATE_CA" -K - -d grant_type=client_credentials "$TOLLGATE_URL/oauth/token" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
    head -n 1 examples/digits/heldout.ndjson |
        python3 -c 'import json, sys; print(json.dumps({{"instances": [json.load(sys.stdin)["instance"]]}}))' >"$(dirname {shown})/digit.json"
    printf 'header = "Authorization: Bearer %s"' "$TOKEN" | curl -sS --cacert "$TOLLGATE_CA" -K - \\
        -H 'Content-Type: application/json' --data-binary @"$(dirname {shown})/digit.json" "$TOLLGATE_URL/predict"; echo
    printf 'header = "Authorization: Bearer %s"' "$TOLLGATE_METRICS_KEY" |
        curl -sS --cacert "$TOLLGATE_CA" -K - "$TOLLGATE_MANAGEMENT_URL/metrics" | grep '^tollgate_tenant'
    .build/release/tollgate audit search --tenant demo --limit 5
""")


if __name__ == "__main__":
    main()
