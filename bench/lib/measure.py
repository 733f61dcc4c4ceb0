"""What processes, cores and the machine have used, and which core is whose.

CPU comes from the scheduler, in nanoseconds of each thread; of processes that have ended meanwhile, and of whole processors, only ticks
of 10 ms are known.

The contender has the first core for itself; what drives it (Redis, the sender, the marketplace) shares the last one. On more than
two processors the others stay idle: a figure for one core is what travels.
"""

import contextlib
import os
import re
import resource
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
CONTENDER_CORE, DRIVER_CORE = str(CORES[0]), str(CORES[-1])
ALL_CORES = "%s,%s" % (CONTENDER_CORE, DRIVER_CORE)


# ---------------------------------------------------------------- which core

def pinned(core):
    """Prefix of a command that has to stay on a core."""
    return ("taskset", "-c", core)


def pin(pid, core):
    """A running process with all its threads."""
    subprocess.run(["taskset", "-a", "-p", "-c", core, str(pid)], check=True, stdout=subprocess.DEVNULL)


# ---------------------------------------------------------------- what was used

def stat_of(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(") ", 1)[1].split()


def cpu_of(pid):
    """Seconds a process has run, in user and kernel mode, all its threads."""
    total = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open("/proc/%d/task/%s/schedstat" % (pid, thread)) as f:
                total += int(f.read().split()[0])
    return total / 1e9


def children_of(pid):
    """Of every thread: a process may have forked from any."""
    found = []
    for thread in os.listdir("/proc/%d/task" % pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open("/proc/%d/task/%s/children" % (pid, thread)) as f:
                found += [int(child) for child in f.read().split()]
    return found


def tree_cpu(pid):
    """The same with its descendants, the ended ones as far as they were waited for: PostgreSQL has a process a client."""
    total = cpu_of(pid) + sum(int(field) for field in stat_of(pid)[13:15]) / TICK
    for child in children_of(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += tree_cpu(child)
    return total


def memory_field(pid, name):
    """MB."""
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"^%s:\s+(\d+)" % name, f.read(), re.M).group(1)) / 1024


def memory_of(pid):
    """The most that was resident so far, MB."""
    return memory_field(pid, "VmHWM")


def resident(pid):
    """Resident now, MB."""
    return memory_field(pid, "VmRSS")


def tree_memory(pid):
    """The same with its descendants; what they share counts once a process."""
    return memory_of(pid) + sum(tree_memory(child) for child in children_of(pid))


def busy_of(line):
    fields = [int(x) for x in line.split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK


def machine_cpu():
    """Busy seconds: of all processors, and of each core by its number."""
    with open("/proc/stat") as f:
        lines = [line for line in f if line.startswith("cpu")]
    return busy_of(lines[0]), {line.split()[0][3:]: busy_of(line) for line in lines[1:]}


class Meter:
    """CPU of named processes between two moments, of both cores, and of everything else on the machine.

    readers: name -> function giving seconds. stop() returns seconds by name, with others_percent (of all processors),
    contender_core and driver_core (percent busy, whoever it was)."""

    def __init__(self, **readers):
        self.readers = readers
        self.before = {name: read() for name, read in readers.items()}
        (self.machine, self.cores), self.began = machine_cpu(), time.monotonic()
        self.children = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.own = time.process_time()

    def stop(self, earlier=0.0):
        """earlier: what a child that was waited for meanwhile had used before."""
        self.seconds = time.monotonic() - self.began
        used = {name: read() - self.before[name] for name, read in self.readers.items()}
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours = sum(used.values()) - earlier + time.process_time() - self.own + sum(
            getattr(children, k) - getattr(self.children, k) for k in ("ru_utime", "ru_stime"))
        machine, cores = machine_cpu()
        used["others_percent"] = min(100.0, max(0.0, 100 * (machine - self.machine - ours) / (self.seconds * os.cpu_count())))
        for name, core in (("contender_core", CONTENDER_CORE), ("driver_core", DRIVER_CORE)):
            used[name] = min(100.0, 100 * (cores[core] - self.cores[core]) / self.seconds)
        return used
