"""What goes wrong with the exports file, made so. The server exports what is meant."""

from collections.abc import Callable
from dataclasses import replace

from tests.bed.bed import Bed
from tests.bed.nfs_server import EXPORT, exports_line
from tests.integration.doctor.faults import PLAIN, Fault, Report, Tables, Undo

#: The daemon is to read the file.
FILE: Tables = {"host": {"exports": "{folder}/host/nfs/exports"}}
_PODS, _HOST = "172.22.0.0/16", "127.0.0.1"
_GOOD = exports_line(EXPORT, _HOST)


def _exports(bed: Bed, text: str | None, clients: str) -> None:
    """What the file says, and whom the server admits: ganesha does not read the file."""
    if text is None:
        bed.exports.unlink(missing_ok=True)
    else:
        bed.exports.write_text(text, encoding="utf-8")
    admitted = f"Access_Type = None;\nCLIENT {{ Clients = {clients}; Access_Type = RW; }}"
    bed.nfs.restart_ganesha(replace(bed.nfs.options, extra=admitted))


def _file(text: str | None, clients: str = _HOST) -> Callable[[Bed], Undo]:
    """The file says so, or is not there."""

    def inject(bed: Bed) -> Undo:
        before, good = bed.nfs.options, bed.exports.read_text(encoding="utf-8")
        _exports(bed, text, clients)

        def end() -> None:
            bed.exports.write_text(good, encoding="utf-8")
            bed.nfs.restart_ganesha(before)

        return end

    return inject


def _mended(bed: Bed, _report: Report) -> None:
    _exports(bed, _GOOD, _HOST)


def _host_admitted(bed: Bed, _report: Report) -> None:
    _exports(bed, f"{EXPORT} 127.0.0.1(rw)\n", _HOST)


def _as_told(bed: Bed, report: Report) -> None:
    """The commands of the cure, with the bed's names for the folder and the file."""
    append, apply = report.commands("exports-missing")
    assert apply == "sudo exportfs -ra"
    command = append.replace("/FOLDER", EXPORT).replace("/etc/exports", str(bed.exports))
    bed.network.host.run("sh", "-c", command.replace("sudo ", ""))
    _exports(bed, bed.exports.read_text(encoding="utf-8"), _HOST)


FAULTS = (
    Fault(
        "there is no exports file: the server keeps its exports elsewhere",
        "exports-missing",
        _file(None),
        tables=FILE,
        says='exports = "none"',
        cured=PLAIN,
    ),
    Fault("there is no exports file yet", "exports-missing", _file(None), FILE, cure=_as_told),
    Fault(
        "the exports file has a line with an option that nobody knows",
        "exports-invalid",
        _file(_GOOD.replace("insecure", "insecure,no_rot_squash")),
        tables=FILE,
        says="no_rot_squash",
        cure=_mended,
    ),
    Fault(
        "exports for the pods' network alone",
        "exports-deny",
        _file(exports_line(EXPORT, _PODS), _PODS),
        tables=FILE,
        says="/folder 127.0.0.1(rw)",
        cure=_host_admitted,
    ),
)
