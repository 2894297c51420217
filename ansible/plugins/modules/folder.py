#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: The casebook developers
# MIT OR Apache-2.0
"""The folder of a program that is run with rights: nobody else may be able to put another program in its place."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: folder
short_description: A folder that nobody else can change
description:
  - Makes a folder where there is none, with the mode 0755, and judges it and all folders above it.
  - One that is there is never changed. The task fails where it is a link, or where somebody but root and who runs this owns it or may
    write to it. Above it, one such as C(/tmp), where each can only move what is their own, will do.
version_added: 0.1.0
author: The casebook developers (@casebook)
options:
  path:
    description: The folder, from the root on.
    type: path
    required: true
  state:
    description: With C(absent) the folder is removed if it is empty, and stays if not.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Judges what is there, and makes or removes nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Make the program's folder
  casebook.host.folder:
    path: /opt/casebook
  become: true
"""

RETURN = r"""
path:
  description: The folder.
  returned: when it is fit
  type: str
me:
  description: The number of the user that ran this.
  returned: when it is fit
  type: int
"""

import errno
import os
import stat

from ansible.module_utils.basic import AnsibleModule


def up_to(path):
    """A path and all above it, the root first."""
    parts = [part for part in path.split("/") if part]
    return ["/" + "/".join(parts[:count]) for count in range(len(parts) + 1)]


def fault(path, sticky):
    """What makes a folder unfit, where something does."""
    found = os.stat(path)
    if not stat.S_ISDIR(found.st_mode):
        return "%s is no folder" % path
    if found.st_uid not in (0, os.geteuid()):
        return "%s belongs to the user with the number %d, who could put another program there" % (path, found.st_uid)
    if found.st_mode & 0o022 and not (sticky and found.st_mode & stat.S_ISVTX):
        return "%s can be written to by others (mode %04o), who could put another program there" % (path, found.st_mode & 0o7777)
    return None


def judge(module, path):
    """Ends where a folder, or one above it, is unfit."""
    above = os.path.dirname(path)
    faults = [fault(one, True) for one in up_to(above) + up_to(os.path.realpath(above)) if os.path.exists(one)]
    if os.path.islink(path):
        faults.append("%s is a link" % path)
    elif os.path.exists(path):
        faults.append(fault(path, False))
    for one in faults:
        if one:
            module.fail_json(msg=one)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
        ),
        supports_check_mode=True,
    )
    path = module.params["path"].rstrip("/")
    if not path.startswith("/") or ".." in path.split("/"):
        module.fail_json(msg="%s is no path from the root on" % module.params["path"])
    try:
        judge(module, path)
        there = os.path.exists(path)
        if module.params["state"] == "absent":
            changed = there and not os.listdir(path)
            if changed and not module.check_mode:
                os.rmdir(path)
            module.exit_json(changed=changed)
        if not there and not module.check_mode:
            os.umask(0o022)
            try:
                os.makedirs(path, 0o755)
            except OSError as error:
                # Somebody was faster: it is judged whose it is.
                if error.errno != errno.EEXIST:
                    raise
                there = True
            judge(module, path)
    except OSError as error:
        module.fail_json(msg="the folder %s: %s" % (path, error))
    module.exit_json(changed=not there, path=path, me=os.geteuid())


if __name__ == "__main__":
    main()
