#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: The casebook developers
# MIT OR Apache-2.0
"""Runs a runbook of casebook on a host, and answers with what it concludes."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: run
short_description: Run a diagnostic runbook of casebook
description:
  - Runs a runbook on the host and answers with its verdict, its summary and the causes that are at least likely.
  - Nothing on the host is changed but O(dest), and the task never reports a change.
  - A verdict of C(critical) is an answer, not a failure. The task fails where casebook could not run.
version_added: 0.1.0
author: The casebook developers (@casebook)
options:
  runbook:
    description: The runbook, by its name or by a path on the host.
    type: str
    default: high-inbound-traffic
  params:
    description:
      - Parameters of the runbook, as C(--set) takes them.
      - Whoever is on the host can read them in its list of processes, and Ansible logs them. A secret belongs into a file on the host,
        and only the name of that file in here.
    type: dict
    default: {}
  window:
    description: How long to watch, such as C(10s). The runbook's own default where it is not given.
    type: str
  begin:
    description:
      - When to begin, by the clock of the host, such as C(18:54:30Z).
      - Windows of many hosts that are given one moment begin together.
    type: str
  redact:
    description: What gets pseudonyms in the case before it leaves the host. Secrets are always left out.
    type: list
    elements: str
    choices: [addresses, users, hosts]
    default: []
  dest:
    description: Where on the host the case is saved. Nothing is kept where it is not given.
    type: path
  executable:
    description: The program, by its name or path on the host.
    type: str
    default: casebook
  timeout:
    description: Seconds after which the run is ended, with all that it started. The task fails then. At least 1.
    type: int
    default: 300
attributes:
  check_mode:
    description: Only says what would be looked at (C(casebook plan)); skipped where the program is not on the host.
    support: full
  diff_mode:
    description: Nothing is changed, so there is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Look at the host
  casebook.host.run:
    window: 10s
    dest: /tmp/host.case
  become: true
  register: looked

- name: Stop the rollout where something is on fire
  ansible.builtin.assert:
    that: looked.verdict != 'critical'
    fail_msg: "{{ looked.summary }}"
"""

RETURN = r"""
verdict:
  description: The verdict of the run.
  returned: when it ran
  type: str
  sample: critical
summary:
  description: The first sentence of the report.
  returned: when it ran
  type: str
  sample: "Very likely: UDP flood on 192.0.2.80:9987, where nothing listens: 6,003 packets/s, 50.0 Mbit/s."
causes:
  description: The causes that are at least likely, the first of them first.
  returned: when it ran
  type: list
  elements: dict
  contains:
    id:
      description: Its name in the runbook.
      type: str
    likelihood:
      description: How sure it is, C(certain) or C(likely).
      type: str
    title:
      description: It, in a sentence.
      type: str
gaps:
  description: How many things could not be seen.
  returned: when it ran
  type: int
case:
  description: Where the case lies on the host.
  returned: when it ran with O(dest)
  type: str
plan:
  description: What would be looked at.
  returned: in check mode
  type: str
exit_status:
  description:
    - The exit status of casebook. 0 is ok, 1 a warning, 2 critical, 3 unknown.
    - It is not called C(rc), which Ansible takes for a failure when it is not 0.
  returned: when it ran
  type: int
"""

import json
import os
import signal
import subprocess

from ansible.module_utils.basic import AnsibleModule


class TooLong(Exception):
    """The run took longer than it may."""


def ring(_signal, _frame):
    raise TooLong()


def ended(module, words):
    """Exit status, output and errors of a program. None of what it started outlives the time that it has."""
    # Not run_command: that takes the alarm for an error of its own, and goes on. os.setsid: also Python 2 has it.
    try:
        with open(os.devnull, "rb") as nothing:
            child = subprocess.Popen(
                words, stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.PIPE, close_fds=True, preexec_fn=os.setsid
            )
    except OSError as error:
        module.fail_json(rc=126, msg="%s cannot be started: %s" % (words[0], error))
    signal.signal(signal.SIGALRM, ring)
    try:
        signal.alarm(module.params["timeout"])
        out, err = child.communicate()
        signal.alarm(0)
    except TooLong:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        module.fail_json(rc=-1, msg="casebook had not ended after %s s" % module.params["timeout"])
    return child.returncode, out, err


def command(module, executable):
    """The arguments that both `run` and `plan` take."""
    params = module.params
    given = dict(params["params"])
    if params["window"]:
        given["window"] = params["window"]
    words = [params["runbook"]]
    for name in sorted(given):
        value = given[name]
        words += ["--set", "%s=%s" % (name, str(value).lower() if isinstance(value, bool) else value)]
    return [executable], words


def main():
    module = AnsibleModule(
        argument_spec=dict(
            runbook=dict(type="str", default="high-inbound-traffic"),
            # With no_log each short value ("5", "eth0") would be blotted out of the summary, and it stands in argv all the same.
            params=dict(type="dict", default={}, no_log=False),
            window=dict(type="str"),
            begin=dict(type="str"),
            redact=dict(type="list", elements="str", choices=["addresses", "users", "hosts"], default=[]),
            dest=dict(type="path"),
            executable=dict(type="str", default="casebook"),
            timeout=dict(type="int", default=300),
        ),
        supports_check_mode=True,
    )
    params = module.params
    if params["timeout"] < 1:
        module.fail_json(msg="timeout is at least 1, not %s" % params["timeout"])
    executable = module.get_bin_path(params["executable"]) or params["executable"]
    there = os.access(executable, os.X_OK)
    program, words = command(module, executable)
    if module.check_mode:
        if not there:
            module.exit_json(skipped=True, msg="%s is not on the host, so it cannot say what it would look at" % executable)
        status, out, err = ended(module, program + ["plan"] + words)
        if status != 0:
            module.fail_json(rc=status, msg="casebook plan failed: %s" % text(err))
        module.exit_json(changed=False, plan=text(out))
    if not there:
        module.fail_json(rc=127, msg="there is no program %s on the host" % executable)

    words += ["--quiet", "--no-keep", "--format", "json"]
    if params["begin"]:
        words += ["--begin", params["begin"]]
    if params["redact"]:
        words += ["--redact", ",".join(params["redact"])]
    if params["dest"]:
        words += ["--save", params["dest"]]
    status, out, err = ended(module, program + ["run"] + words)
    if status not in (0, 1, 2, 3):
        module.fail_json(rc=status, msg="casebook run failed: %s" % text(err))
    try:
        case = json.loads(text(out))
        diagnosis = case["diagnosis"]
        likely = [cause for cause in diagnosis["causes"] if cause["likelihood"] in ("certain", "likely")]
        causes = [dict(id=cause["id"], likelihood=cause["likelihood"], title=cause["title"]) for cause in likely]
        answer = dict(verdict=case["verdict"], summary=diagnosis["summary"], causes=causes, gaps=gaps(case))
    except (KeyError, TypeError, ValueError) as error:
        module.fail_json(rc=status, msg="the answer of casebook is not understood: %s" % error)
    if params["dest"]:
        answer["case"] = params["dest"]
    module.exit_json(changed=False, exit_status=status, **answer)


def text(answer):
    return answer.decode("utf-8", "replace").strip()


def gaps(case):
    """How many things could not be seen."""
    evidence = case.get("evidence", {}).values()
    return sum((1 if one.get("gap") else 0) + len(one.get("missing", [])) for one in evidence)


if __name__ == "__main__":
    main()
