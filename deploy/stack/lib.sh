# shellcheck shell=bash
# Shared by deploy/install and deploy/stack/*: messages, root rights, processes and ports.
#
# A server started here is known by DIR/NAME.pid. Process ids are reused by the kernel, so DIR/NAME.born keeps
# the start time too, and nothing is ever signalled unless both fit: we stop what we started, nothing else.

STACK_NAME=${0##*/}
CACHE=${SHOPSTREAM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}}/shopstream
# The digit changes with the recipe, so that an old cache is never taken for a new one.
# shellcheck disable=SC2034  # read by the scripts that source this file
SERVER_DIR=$CACHE/mongo-1

note()
{
    echo "$STACK_NAME: $*" >&2
}

die()
{
    note "$*"
    exit 1
}

as_root()
{
    if [[ $EUID == 0 ]]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

need_root()
{
    [[ $EUID == 0 ]] || sudo -n true 2>/dev/null || sudo -v 2>/dev/null ||
        die "$1 needs root: run this as root or as a user with sudo"
}

# ---------------------------------------------------------------- processes

# Kernel start time of a process, in ticks since boot; nothing when it is gone or a zombie.
born()
{
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    stat=${stat##*) }
    # shellcheck disable=SC2086  # fields, split on purpose; state is the first, the start time the twentieth
    set -- $stat
    [[ $1 == Z || $1 == X ]] || echo "${20}"
}

remember()
{
    local dir=$1 name=$2 pid=$3
    born "$pid" >"$dir/$name.born"
    echo "$pid" >"$dir/$name.pid"
}

# Prints the pid of DIR's process NAME when it runs; fails when it does not.
running()
{
    local pid
    [[ -s $1/$2.pid ]] || return 1
    pid=$(<"$1/$2.pid")
    [[ -s $1/$2.born && $(born "$pid") == "$(<"$1/$2.born")" ]] || return 1
    echo "$pid"
}

gone()
{
    [[ -z $(born "$1") ]]
}

# wait_until SECONDS COMMAND...: polls, true as soon as the command is.
wait_until()
{
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.02
    done
}

# end_process DIR NAME SIGNAL: signals, waits, and after 30 s insists. A process that is gone already is fine.
end_process()
{
    local dir=$1 name=$2 signal=$3 pid
    if pid=$(running "$dir" "$name"); then
        as_root kill "-$signal" "$pid" 2>/dev/null || true
        if ! wait_until 30 gone "$pid"; then
            note "$name (pid $pid) ignored SIG$signal for 30 s; killing it"
            as_root kill -KILL "$pid" 2>/dev/null || true
            wait_until 10 gone "$pid" || die "$name (pid $pid) cannot be killed"
        fi
    fi
    rm -f "$dir/$name.pid" "$dir/$name.born"
}

# ---------------------------------------------------------------- ports

# A guess below the kernel's range for outgoing connections. Only binding tells whether it is free, so callers
# start the server and take another one when that fails: two stacks starting at once cannot collide.
random_port()
{
    echo $((20000 + SRANDOM % 10000))
}

# owns_port PID PORT: that very process listens there. A port that answers might be somebody else's.
owns_port()
{
    local inode
    inode=$(awk -v port="$(printf ':%04X' "$2")" \
        '$4 == "0A" && substr($2, length($2) - 4) == port {print $10; exit}' /proc/net/tcp)
    [[ -n $inode ]] || return 1
    as_root find "/proc/$1/fd" -lname "socket:\[$inode\]" 2>/dev/null | grep -q .
}

# up_or_dead PID COMMAND...: for wait_until, ends the wait as soon as the process died.
up_or_dead()
{
    local pid=$1
    shift
    gone "$pid" || "$@"
}

# serve DIR NAME LAUNCH READY: starts a server, on the port it had before or else on a free one.
#
# LAUNCH DIR PORT starts it in the background, its output appended to DIR/NAME.log, and sets LAUNCHED to its
# pid. READY DIR PORT PID says whether it serves. A server that found its port taken gets another one.
serve()
{
    local dir=$1 name=$2 launch=$3 ready=$4 port fixed='' attempt from
    [[ ! -s $dir/$name.port ]] || fixed=$(<"$dir/$name.port")
    # Somebody who interrupts a start gets no half-started server.
    # shellcheck disable=SC2064  # dir and name as they are now
    trap "end_process '$dir' '$name' KILL; exit 130" INT TERM HUP
    for ((attempt = 0; attempt < 25; attempt++)); do
        port=${fixed:-$(random_port)}
        from=$(stat -c %s "$dir/$name.log" 2>/dev/null || echo 0)
        "$launch" "$dir" "$port"
        remember "$dir" "$name" "$LAUNCHED"
        wait_until 120 up_or_dead "$LAUNCHED" "$ready" "$dir" "$port" "$LAUNCHED" ||
            give_up "$dir" "$name" "$from" "did not get ready within 120 s"
        if ! gone "$LAUNCHED"; then
            echo "$port" >"$dir/$name.port"
            trap - INT TERM HUP
            return
        fi
        tail -c "+$((from + 1))" "$dir/$name.log" | grep -qi 'address already in use' ||
            give_up "$dir" "$name" "$from" "ended while starting"
        [[ -z $fixed ]] || sleep 0.2
    done
    give_up "$dir" "$name" "$from" "found ${fixed:+its }port ${fixed:-after port} taken"
}

give_up()
{
    local dir=$1 name=$2 from=$3
    shift 3
    end_process "$dir" "$name" KILL
    tail -c "+$((from + 1))" "$dir/$name.log" | tail -n 20 >&2 || true
    die "$name $*; the end of $dir/$name.log is above"
}

# ---------------------------------------------------------------- DIR/env

# keep_env DIR NAME VALUE: sets one line of DIR/env, which callers source. Locked: Redis and MongoDB may be
# starting side by side in one directory.
keep_env()
(
    exec 7>"$1/env.lock"
    flock 7
    { grep -v "^$2=" "$1/env" 2>/dev/null || true; } >"$1/env.new"
    if [[ $3 =~ ^[A-Za-z0-9:/@._?=,%+-]*$ ]]; then
        echo "$2=$3" >>"$1/env.new" # as it is, for readers that are no shells
    else
        printf '%s=%q\n' "$2" "$3" >>"$1/env.new"
    fi
    mv "$1/env.new" "$1/env"
)

# absolute DIR: created when it is not there.
absolute()
{
    mkdir -p "$1"
    (cd "$1" && pwd)
}
