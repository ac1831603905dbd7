"""What a run of `act --json` says, for scripts that start it."""

import json
import sys


def tell(done):
    """Prints one JSON object a finished step, {"job", "step", "result"}, and at last {"exit": act's exit code}.

    The whole log goes to standard error.
    """
    log = []
    for line in done.stdout.splitlines() + done.stderr.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            log.append(line)
            continue
        if entry.get("stepResult") and entry.get("stage", "Main") == "Main":
            print(json.dumps({"job": entry.get("jobID", entry.get("job")), "step": entry["step"], "result": entry["stepResult"]}))
        log.append(f"[{entry.get('jobID', '')}] {entry.get('msg', '').rstrip()}")
    print("\n".join(log), file=sys.stderr)
    print(json.dumps({"exit": done.returncode}))
