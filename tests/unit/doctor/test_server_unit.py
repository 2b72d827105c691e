"""What launchd's and systemd's commands say, as they print it."""

from hostnfsd.doctor.server_unit import ServerUnit, of_nfsd, of_systemd

# apple-oss-distributions/NFS, nfsd/main.c, nfsd_status(): its three printf formats.
RUNNING = "nfsd service is enabled\nnfsd is running (pid 345, 8 threads)\n"
STOPPED = "nfsd service is enabled\nnfsd is not running\n"
DISABLED = "nfsd service is disabled\nnfsd is not running\n"
# systemd 252, Debian 12: systemctl show --property=Id,LoadState,ActiveState,UnitFileState ...
SYSTEMD = """\
Id=nfs-server.service
LoadState=loaded
ActiveState=inactive
UnitFileState=enabled

Id=nfs-kernel-server.service
LoadState=not-found
ActiveState=inactive
UnitFileState=

Id=nfs-ganesha.service
LoadState=loaded
ActiveState=active
UnitFileState=disabled
"""


def test_nfsd_status() -> None:
    assert of_nfsd(RUNNING) == ServerUnit("nfsd", enabled=True, running=True)
    assert of_nfsd(STOPPED) == ServerUnit("nfsd", enabled=True, running=False)
    assert of_nfsd(DISABLED) == ServerUnit("nfsd", enabled=False, running=False)


def test_what_is_no_status_tells_nothing() -> None:
    assert of_nfsd("Sorry, nfsd must be run as root\n") is None
    assert of_systemd("System has not been booted with systemd as init system") is None


def test_of_several_units_the_one_that_runs_is_meant() -> None:
    assert of_systemd(SYSTEMD) == ServerUnit("nfs-ganesha.service", enabled=False, running=True)


def test_else_the_one_that_is_enabled() -> None:
    text = SYSTEMD.replace("ActiveState=active", "ActiveState=failed")

    assert of_systemd(text) == ServerUnit("nfs-server.service", enabled=True, running=False)


def test_a_unit_that_is_not_installed_is_none() -> None:
    assert of_systemd(SYSTEMD.replace("LoadState=loaded", "LoadState=not-found")) is None
