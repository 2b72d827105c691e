"""Volumes that Docker's daemon mounts: by the docker command, by compose.

Its local driver calls mount(2) itself (moby, volume/local/local_unix.go): there is no mount.nfs to
look a name up. The daemon does, for ``addr``, with the resolver of the machine it runs on. That
machine (with Docker Desktop its VM) reaches every container's address and knows no container's
name.
"""

import shlex
from typing import Final

from hostnfsd.mount import notes
from hostnfsd.mount.manifest import document
from hostnfsd.mount.plan import Mount, joined
from hostnfsd.mount.printed import Printed, commands

#: What compose asks its user for where nobody knows the gateway's address.
VARIABLE: Final = "HOSTNFSD_GATEWAY_ADDRESS"
_IMAGE: Final = "alpine"
_INSPECT: Final = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"


def docker(mount: Mount) -> Printed:
    """For a container: commands to run where docker is."""
    address = _dialled(mount)
    volume, target = mount.name, f"/mnt/{mount.name}"
    options = _options(mount, address or mount.address)
    create = ["docker", "volume", "create", "--driver", "local", "--opt", "type=nfs", "--opt"]
    device = ("--opt", f"device=:{mount.path}", volume)
    if address is None:
        # The one word that the shell is to expand.
        given = f'"o=addr=${{address%% *}},{joined(options)}"'
        looking = f"address=$({_asking(mount)})"
        line = f"{looking} && {shlex.join(create)} {given} {shlex.join(device)}"
    else:
        line = shlex.join([*create, f"o=addr={address},{joined(options)}", *device])
    show = ("docker", "run", "--rm", "-v", f"{volume}:{target}", _IMAGE, "ls", "-la", target)
    before = [
        *notes.said(
            "Run where the docker command is: a volume that any container can have. The second"
            " line shows what is in it.",
        ),
        "#",
        *_who_mounts(mount, address),
        "#",
        *notes.options(mount),
    ]
    after = [
        *notes.said(
            "Docker keeps what the volume was made with. When the gateway's address has changed,"
            " when options are to be others, make it anew:"
        ),
        notes.command(shlex.join(("docker", "volume", "rm", volume))),
        *_itself(mount),
        "#",
        *notes.expectations(mount),
        "#",
        *notes.troubles(mount),
    ]
    return commands(
        "docker",
        mount,
        [line, shlex.join(show)],
        before=before,
        after=after,
        address=address,
        options=options,
    )


def compose(mount: Mount) -> Printed:
    """For a container of docker compose: a whole file, of which the volume is what counts."""
    address = _dialled(mount)
    options = _options(mount, address or mount.address)
    volume, target = mount.name, f"/mnt/{mount.name}"
    given = address or f"${{{VARIABLE}:?see the comment in this file}}"
    file = {
        "services": {
            "app": {
                "image": _IMAGE,
                "command": ["ls", "-la", target],
                "volumes": [f"{volume}:{target}"],
            }
        },
        "volumes": {
            volume: {
                "driver": "local",
                "driver_opts": {
                    "type": "nfs",
                    "o": f"addr={given},{joined(options)}",
                    # A dollar sign begins a variable.
                    "device": f":{mount.path}".replace("$", "$$"),
                },
            }
        },
    }
    before = [
        *notes.said(
            "For a compose.yaml: the volume, and a service that has it. As it stands it shows what"
            " is in it: docker compose -f FILE up"
        ),
        "#",
        *_who_mounts(mount, address),
    ]
    if address is None:
        before += [
            *notes.said("So the address comes in a variable, to be set before `docker compose`:"),
            notes.command(f"address=$({_asking(mount)}) && export {VARIABLE}=${{address%% *}}"),
        ]
    before += ["#", *notes.options(mount)]
    after = [
        *notes.said(
            "Docker keeps what the volume was made with: after a change here, or of the gateway's"
            " address, `docker compose down --volumes` removes it, and `up` makes it anew."
        ),
        "#",
        *notes.expectations(mount),
        "#",
        *notes.troubles(mount),
    ]
    text = notes.script(before) + document(file) + notes.script(after)
    return Printed("compose", mount, address, options, text, {"documents": [file]})


def _dialled(mount: Mount) -> str | None:
    """What the daemon can dial: an address, else a name of DNS; a container's name is none."""
    names_of_dns = [name for name in mount.names if "." in name]
    return next(iter((*mount.literals, *names_of_dns)), None)


def _options(mount: Mount, address: str) -> dict[str, str | None]:
    return mount.options(address)


def _asking(mount: Mount) -> str:
    return shlex.join(("docker", "inspect", "--format", _INSPECT, mount.address))


def _who_mounts(mount: Mount, address: str | None) -> list[str]:
    who = (
        "Docker's daemon mounts it, on the machine it runs on (with Docker Desktop: its VM), not"
        " the container: no image needs NFS tools, no container the right to mount. "
    )
    if address is None:
        return notes.said(
            f"{who}That machine reaches the address of every container and knows the name of"
            f" none: docker is asked for the address of {mount.address}."
        )
    if address in mount.literals:
        return notes.said(
            f"{who}That machine reaches the address of every container and knows the name of"
            f" none, so the gateway's address stands here: {address}."
        )
    return notes.said(f"{who}It looks {address} up in DNS, as that machine would.")


def _itself(mount: Mount) -> list[str]:
    options = joined(mount.options(mount.address))
    words = ("mount", "-t", "nfs", "-o", options, mount.source(mount.address))
    return [
        "#",
        *notes.said(
            "A container can mount it itself instead, if its image has NFS tools and it has the"
            " right to mount (with AppArmor also --security-opt apparmor=unconfined):"
        ),
        notes.command("docker run -it --network NETWORK --cap-add SYS_ADMIN IMAGE"),
        notes.command(shlex.join((*words, str(mount.mount_point)))),
    ]
