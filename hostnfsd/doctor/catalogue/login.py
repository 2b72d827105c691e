"""What goes wrong on the way into the gateway: names, keys, host keys, the login."""

from typing import Final

from hostnfsd.doctor.catalogue.entry import Entry

_RECONNECT: Final = "$ hostnfsd reconnect"

ENTRIES: Final = (
    Entry(
        "ssh-config-unusable",
        "ssh_config cannot be read",
        (
            "{path}: line {n}: Bad configuration option: {any}",
            "{path}: terminating, {n} bad configuration options",
            "ssh_config cannot be used",
            "Bad owner or permissions on {path}",
            "ssh -G {any} did not end within {n} s: a `Match exec` of it may hang",
        ),
        "`ssh -G NAME` is asked what the gateway's name means, and it refuses the file, or a"
        " command that the file has it run (Match exec) does not end.",
        (
            (
                'mend the line it names, or set ssh_config = "none" in [gateway.NAME] and'
                " name host, port and user there"
            ),
        ),
        (),
    ),
    Entry(
        "key-missing",
        "there is no private key to log in with",
        (
            "no such identity: {path}: No such file or directory",
            "there is no private key {path}",
            "there is no private key, and no agent to ask",
            'Load key "{path}": error in libcrypto',
            'Load key "{path}": invalid format',
        ),
        "The key that ssh_config or identity_files names is not there, cannot be read, or is none.",
        (
            (
                "name the right one with identity_files in [gateway.NAME], or make one and let it"
                " in on"
                " the gateway:"
            ),
            "$ ssh-keygen -t ed25519",
        ),
        (),
    ),
    Entry(
        "key-encrypted",
        "the private key is encrypted, and no agent holds it",
        (
            "the private key {path} is encrypted and there is no agent to ask",
            "the private key {path} is encrypted and the agent does not hold it",
            "Enter passphrase for key '{path}':",
            "Passphrase must be specified to import encrypted private keys",
            'Load key "{path}": incorrect passphrase supplied to decrypt private key',
        ),
        "A daemon has nobody to ask for a passphrase, and after a reboot the agent is empty. What"
        " `ssh` in a terminal can do, a service that sees no agent cannot.",
        (
            (
                "use a key without a passphrase for the gateway, or add it to an agent that the"
                " daemon"
                " sees (IdentityAgent in ssh_config, SSH_AUTH_SOCK):"
            ),
            "$ ssh-add PATH",
            _RECONNECT,
        ),
        ("P8",),
    ),
    Entry(
        "key-open",
        "others may read the private key",
        (
            "WARNING: UNPROTECTED PRIVATE KEY FILE!",
            "Permissions 0{n} for '{path}' are too open.",
            "This private key will be ignored.",
        ),
        "ssh refuses a key that others may read, so that an ssh of your own to the gateway fails.",
        ("$ chmod 600 PATH",),
        (),
    ),
    Entry(
        "host-key-unknown",
        "the gateway's host key is not known",
        (
            "No {any} host key is known for {host} and you have requested strict checking.",
            "The authenticity of host '{host} ({host})' can't be established.",
            "the host key of {host} is not known: it shows {any}",
            "Host key verification failed.",
        ),
        "Nobody has recorded the key with which the gateway proves who it is.",
        (
            (
                "check its fingerprint on the gateway (ssh-keygen -lf"
                " /etc/ssh/ssh_host_ed25519_key.pub),"
                ' then record it; or host_key_policy = "accept-new"'
            ),
            "$ ssh-keyscan -p PORT HOST >> ~/.ssh/known_hosts",
            _RECONNECT,
        ),
        (),
    ),
    Entry(
        "host-key-changed",
        "the gateway's host key has changed",
        (
            "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!",
            "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!",
            "Offending {any} key in {path}:{n}",
            "the host key of {host} has CHANGED: it now shows {any}",
            "Host key verification failed.",
        ),
        "A container that is made anew has new keys. Or somebody is in between.",
        (
            "if the gateway was made anew, forget the old key and record the new one:",
            "$ ssh-keygen -R '[HOST]:PORT' && ssh-keyscan -p PORT HOST >> ~/.ssh/known_hosts",
            _RECONNECT,
        ),
        (),
    ),
    Entry(
        "gateway-unknown",
        "the gateway's name does not resolve",
        (
            "ssh: Could not resolve hostname {host}: Name or service not known",
            "ssh: Could not resolve hostname {host}: nodename nor servname provided, or not known",
            "ssh: Could not resolve hostname {host}: Temporary failure in name resolution",
            "the name of {host} does not resolve",
            "does not resolve: no name server answered within {n} s",
            "{path} has no Host {host}, and no machine of that name is found",
        ),
        "Neither host in [gateway.NAME] nor HostName in ssh_config names a machine that is found,"
        " or no name server answers. hostnfsd resolves it anew at each attempt.",
        (
            "set host in [gateway.NAME], or HostName of the alias; what ssh makes of it:",
            "$ ssh -G NAME",
        ),
        ("P11",),
    ),
    Entry(
        "gateway-down",
        "nobody listens where the gateway's sshd should",
        (
            "ssh: connect to host {host} port {port}: Connection refused",
            "kex_exchange_identification: Connection closed by remote host",
            "kex_exchange_identification: read: Connection reset by peer",
            "closed the connection before the login was done",
            "ssh_exchange_identification: Connection closed by remote host",
            "Connection closed by {host} port {port}",
        ),
        "The container does not run, publishes no ssh port, or its sshd has not started. A"
        " published"
        " port accepts connections even while nothing listens in the container. A daemon that was"
        " started before the network waits and tries again: nothing is lost.",
        (
            (
                "start the gateway, and see what it publishes (docker start dev-gw; docker port"
                " dev-gw)"
            ),
            _RECONNECT,
        ),
        ("P5",),
    ),
    Entry(
        "gateway-silent",
        "the gateway does not answer",
        (
            "ssh: connect to host {host} port {port}: Connection timed out",
            "ssh: connect to host {host} port {port}: Operation timed out",
            "ssh: connect to host {host} port {port}: No route to host",
            "Connection timed out during banner exchange",
            "{host} did not answer within {n} s",
            "client_loop: send disconnect: Broken pipe",
            "Timeout, server {host} not responding.",
        ),
        "It is paused (docker pause, Docker Desktop's Resource Saver), frozen, or cut off. hostnfsd"
        " notices within nine seconds and comes back by itself when it answers.",
        ("see whether it runs, and is not paused (docker ps)", _RECONNECT),
        ("P1", "P15"),
    ),
    Entry(
        "gateway-slow",
        "the way to the gateway is slow",
        (
            "{host} shows its banner, and the login was not done within {n} s",
            "the gateway has not answered all that was asked of it within {n} s",
        ),
        "A login takes some ten answers of the gateway, and each waits for the one before: where an"
        " answer takes half a second, it is done after five. A VPN, a link in the train, a VM that"
        " is short of processor. The daemon has more patience than the doctor (connect_timeout_s),"
        " and each call of clients takes as long as the way.",
        (
            (
                "see what makes it slow (ping HOST; docker stats); if it is to stay so, let the"
                " daemon have more time: connect_timeout_s in [tunnel]"
            ),
        ),
        ("P6",),
    ),
    Entry(
        "gateway-turns-away",
        "sshd turns us away because we knock too often",
        (
            "Not allowed at this time",
            "kex_exchange_identification: banner line contains invalid characters",
            "Exceeded MaxStartups",
            "Connection closed by {host} port {port}",
            "drop connection #{n} from [{host}]:{port} on [{host}]:{port} penalty",
        ),
        "OpenSSH 9.8 and later penalises addresses whose logins fail (PerSourcePenalties): some"
        " quick failures lock out everybody behind that address, and through Docker all of the host"
        " has one. Whatever else tries in a loop keeps the lock alive.",
        (
            (
                "end what else tries (an ssh or autossh of your own with a wrong key), wait some"
                " minutes;"
                " exempt the host with PerSourcePenaltyExemptList in the gateway's sshd_config"
            ),
            _RECONNECT,
        ),
        ("P9",),
    ),
    Entry(
        "ssh-protocol",
        "the gateway does not speak SSH as we do",
        (
            "Unable to negotiate with {host} port {port}: no matching key exchange method found.",
            "no matching host key type found. Their offer: {any}",
            "no matching cipher found. Their offer: {any}",
            "is this port really an sshd?",
            "what answers there is no sshd: it says '{any}'",
        ),
        "Another program listens at that port, or sshd_config leaves too few algorithms.",
        ("see what it says, and KexAlgorithms, Ciphers and MACs there:", "$ ssh -v NAME"),
        (),
    ),
    Entry(
        "login-refused",
        "the gateway refuses our key",
        (
            "{host}: Permission denied (publickey).",
            "Permission denied (publickey,password).",
            "Permission denied, please try again.",
            "{host} refused our login: {any}",
        ),
        "The public key is not in authorized_keys of that user, the user is another, or sshd does"
        " not like the modes of the home folder, of .ssh or of the file.",
        (
            "add the public key to the user's authorized_keys on the gateway",
            "$ ssh-copy-id -i KEY.pub -p PORT USER@HOST",
            _RECONNECT,
        ),
        (),
    ),
    Entry(
        "too-many-keys",
        "the agent offers too many keys",
        (
            "Received disconnect from {host} port {port}:2: Too many authentication failures",
            "Too many authentication failures",
        ),
        "sshd counts every key that is offered in vain (MaxAuthTries), and the right one comes"
        " late.",
        ("name the right key with identity_files in [gateway.NAME]", "$ hostnfsd reload"),
        (),
    ),
)
