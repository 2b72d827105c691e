"""What goes wrong with the tunnel, the daemon and the machine it runs on."""

from typing import Final

from hostnfsd.doctor.catalogue.entry import Entry

ENTRIES: Final = (
    Entry(
        "tunnel-down",
        "the daemon runs, and its tunnel is down",
        (
            "hostnfsd: tunnel_lost",
            "the gateway stopped answering keepalives",
            "the gateway closed the connection",
            "the gateway no longer acknowledges what we send",
            "Connection to {host} closed by remote host.",
            "mount.nfs: Connection refused",
        ),
        "The session ended, or was found dead: nobody answered for nine seconds"
        " (keepalive_interval_s"
        " × (keepalive_count_max + 1)). hostnfsd dials again by itself; a `blocked` tunnel waits"
        " for"
        " a person.",
        ("see why, then connect at once:", "$ hostnfsd reconnect"),
        ("P1", "P2"),
    ),
    Entry(
        "service-not-serving",
        "a service does not serve yet, or for a reason of its own",
        ("hostnfsd: service_state_changed", "not known yet: waiting"),
        "The gateway has not answered yet, say to the request for the port of a service that was"
        " just added: its sshd is slow, or frozen. hostnfsd notices within seconds when it is, ends"
        " that session and connects anew. Or the daemon has found a state that this doctor has no"
        " name for.",
        ("wait ten seconds, and see what it says of it then:", "$ hostnfsd status"),
        (),
    ),
    Entry(
        "host-sleeps",
        "the host may fall asleep, and the tunnel with it",
        (
            "PreventUserIdleSystemSleep 0",
            "everything hangs since the lid was closed",
        ),
        "A Mac whose exports name only the host itself falls asleep when idle: nfsd keeps it awake"
        " only for exports to others. A Linux machine does if logind is told so (IdleAction), or"
        " its desktop. hostnfsd keeps both awake while clients work, unless host.keep_awake is"
        ' "never"; nothing does once the lid is closed. Hard mounts wait until it wakes; hostnfsd'
        " notices a wake and connects at once.",
        (
            'let hostnfsd keep it awake: [host] keep_awake = "while-connected"',
            "or keep it awake while it is plugged in",
            "macOS:",
            "$ sudo pmset -c sleep 0",
            "Linux:",
            "$ sudo systemctl mask sleep.target suspend.target",
        ),
        ("P2",),
    ),
    Entry(
        "stale-session",
        "a dead session of hostnfsd's own may hold a port",
        (
            "hostnfsd: session_not_reclaimed",
            "the session we recorded there {any} ago (process {n}) may hold it",
            "the session we recorded there {any} ago may hold it",
        ),
        "The network or this machine went away, and the gateway's sshd did not hear of it: the"
        " process of the old session still runs and holds what it had bound. hostnfsd knows that"
        " process from its own record, and ends it, and it alone, if reclaim is auto and the"
        " gateway runs commands for our login. Otherwise the gateway's time-out frees the port:"
        " ClientAliveInterval × (ClientAliveCountMax + 1), or hours where nobody set it.",
        (
            'let hostnfsd end it: reclaim = "auto" (the default) in the gateway\'s table, and:',
            "$ hostnfsd reload",
            (
                "or, where the gateway runs no commands for our login, in its sshd_config:"
                " ClientAliveInterval 5 and ClientAliveCountMax 2"
            ),
        ),
        ("P3", "B11"),
    ),
    Entry(
        "state-unusable",
        "hostnfsd cannot remember its sessions across restarts",
        (
            "hostnfsd: sessions_not_kept",
            "sessions are not remembered when this daemon ends: {any}",
            "others may write to {path}: it is not believed",
            "{path} belongs to another user (uid {n}), and is not believed",
        ),
        "What is written in [state] directory decides which processes hostnfsd ends on a gateway:"
        " it must be a folder that the daemon may write to, and nobody else. Until it is, a session"
        " that outlives a crash of the daemon is waited for instead of being ended.",
        (
            "a folder of the daemon's own user:",
            "$ chmod go-w FOLDER",
            "or another one: [state] directory",
        ),
        (),
    ),
    Entry(
        "clock-off",
        "the clocks of host and gateway differ",
        (
            "make: warning:  Clock skew detected.  Your build may be incomplete.",
            "has modification time {n} s in the future",
        ),
        "Times of files are the host's. A Docker VM that slept may lag behind, and builds on the"
        " clients then think that files come from the future.",
        ("restart Docker Desktop, or set the clock there (a VM follows its host: hwclock -s)",),
        ("P2",),
    ),
    Entry(
        "daemon-not-running",
        "no daemon runs",
        (
            "hostnfsd: no daemon answers at {path}",
            "Load failed: 5: Input/output error",
            "Bootstrap failed: 5: Input/output error",
            "{path}: Path had bad ownership/permissions",
            "hostnfsd.service: Failed with result 'exit-code'.",
            "mount.nfs: Connection refused",
        ),
        "Nobody keeps the tunnel. The service was not installed, was stopped, or ended with a"
        " configuration that no retry can cure: its log tells. launchd refuses a property list that"
        " others may write to, or whose label is still taken; `hostnfsd install` writes it anew and"
        " waits for the label.",
        (
            "install and start the service (or keep `hostnfsd run` in a terminal):",
            "$ hostnfsd install",
        ),
        ("P8",),
    ),
    Entry(
        "daemon-mute",
        "a daemon runs, and does not speak to this command",
        (
            "{path}: this user may not speak to the daemon",
            "the daemon at {path} does not answer within {n} s",
            "the daemon cannot tell its status",
        ),
        "It runs as another user; or it hangs, or was stopped: Ctrl-Z in the terminal of `hostnfsd"
        " run` does that, and clients then wait. The ports are its own, so that the doctor does not"
        " try them. Of one that hangs or was stopped it tells the process, and what ends that.",
        ("run it as the daemon's user, or with sudo:", "$ sudo hostnfsd doctor"),
        ("P8",),
    ),
    Entry(
        "version-skew",
        "daemon and command are of different versions",
        ("the daemon, hostnfsd {any}, speaks of things that this command, hostnfsd {any}",),
        "hostnfsd was upgraded, and the daemon still runs the version before.",
        (
            (
                "restart it; a service of the whole machine: sudo systemctl restart hostnfsd, sudo"
                " launchctl kickstart -k system/io.github.hostnfsd; one's own:"
            ),
            "macOS:",
            "$ launchctl kickstart -k gui/$(id -u)/io.github.hostnfsd",
            "Linux:",
            "$ systemctl --user restart hostnfsd",
        ),
        ("P8",),
    ),
    Entry(
        "asyncssh-differs",
        "asyncssh is not the version that hostnfsd was made for",
        ("asyncssh_differs",),
        "A seam of asyncssh that hostnfsd uses has changed; back-pressure or keepalives may"
        " suffer.",
        ("install hostnfsd in an environment of its own:", "$ pipx reinstall hostnfsd"),
        ("P6",),
    ),
    Entry(
        "doctor-timeout",
        "a check did not end in time",
        ("unknown: it did not end within {n} s",),
        "Something that was asked does not answer: a disk, a name server, a command.",
        ("try again; if it stays so, see what hangs with the command's name in `ps`",),
        (),
    ),
    Entry(
        "doctor-bug",
        "a check of the doctor broke",
        ("this check broke: {any}",),
        "That is a bug in hostnfsd, and says nothing of your set-up.",
        ("please report it, with what it says and the output of:", "$ hostnfsd doctor --json"),
        (),
    ),
)
