# Copyright: The casebook developers
# MIT OR Apache-2.0
"""A name of an inventory, as the name of a file."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: file_name
short_description: A host's name as the name of a file
description:
  - A name that is no path, has at most 80 characters, nothing but letters, digits and C(._:-), and begins with no dot stays what it is.
  - Of any other the rest becomes C(_), and eight digits of its SHA-256 are added, so that no two hosts get one file.
version_added: 0.1.0
author: The casebook developers (@casebook)
options:
  _input:
    description: The name.
    type: str
    required: true
"""

EXAMPLES = r"""
case: "{{ inventory_hostname | casebook.host.file_name }}.case"
"""

RETURN = r"""
_value:
  description: The name of a file.
  type: str
"""

import hashlib
import re


def file_name(name):
    safe = re.sub(r"^\.|[^A-Za-z0-9._:-]", "_", name)[:80]
    return safe if safe == name else "%s-%s" % (safe, hashlib.sha256(name.encode("utf-8")).hexdigest()[:8])


class FilterModule(object):
    def filters(self):
        return {"file_name": file_name}
