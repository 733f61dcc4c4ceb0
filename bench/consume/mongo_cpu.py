"""mongo_cpu.py - what the MongoDB server has used, as far as its processes are ours."""

import os

import world
from lib.measure import tree_cpu


def mongo_readers():
    """For a Meter: FerretDB and PostgreSQL, when deploy/stack/mongo has started them; nothing for a server of somebody else."""
    readers = {}
    for name in ("mongo", "postgres"):
        path = os.path.join(world.shared_mongo().directory, name + ".pid")
        if os.path.exists(path):
            with open(path) as f:
                pid = int(f.read())
            readers[name] = lambda pid=pid: tree_cpu(pid)
    return readers
