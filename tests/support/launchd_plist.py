"""A checker for launchd property lists: key by key, as launchd.plist(5) gives their types.

No tool on Linux knows launchd's keys, and launchd ignores one it does not know without a word.
"""

from collections.abc import Mapping
from typing import Any, Final

TYPES: Final[Mapping[str, type]] = {
    "AbandonProcessGroup": bool,
    "EnvironmentVariables": dict,
    "ExitTimeOut": int,
    "GroupName": str,
    "HardResourceLimits": dict,
    "KeepAlive": dict,
    "Label": str,
    "LimitLoadToSessionType": str,
    "ProcessType": str,
    "ProgramArguments": list,
    "RunAtLoad": bool,
    "SoftResourceLimits": dict,
    "StandardErrorPath": str,
    "StandardOutPath": str,
    "ThrottleInterval": int,
    "Umask": int,
    "UserName": str,
    "WorkingDirectory": str,
}
PROCESS_TYPES: Final = {"Background", "Standard", "Adaptive", "Interactive"}
KEEP_ALIVE: Final[Mapping[str, type]] = {
    "SuccessfulExit": bool,
    "Crashed": bool,
    "OtherJobEnabled": dict,
}
LIMITS: Final = {"Core", "CPU", "FileSize", "MemoryLock", "NumberOfFiles", "NumberOfProcesses"}


def faults(plist: Mapping[str, Any], *, domain: str) -> list[str]:
    """What launchd would reject, ignore or misread, sorted; ``domain`` is ``gui`` or ``system``."""
    found = [f"missing: {key}" for key in ("Label", "ProgramArguments") if key not in plist]
    for key, value in plist.items():
        # type(), not isinstance: True is an int to Python and not to launchd.
        if key not in TYPES or type(value) is not TYPES[key]:
            found.append(f"{key}: {type(value).__name__}")
        else:
            found += _inside(key, value)
    if domain != "system" and "UserName" in plist:
        found.append("UserName: in the system domain only")
    return sorted(found)


def _inside(key: str, value: Any) -> list[str]:
    """Faults of a value whose type is right."""
    match key:
        case "ProgramArguments":
            good = bool(value) and all(isinstance(word, str) for word in value)
            return [] if good and value[0].startswith("/") else [f"{key}: no absolute program"]
        case "StandardErrorPath" | "StandardOutPath" | "WorkingDirectory":
            return [] if value.startswith("/") else [f"{key}: not absolute"]
        case "ProcessType":
            return [] if value in PROCESS_TYPES else [f"{key}: unknown {value}"]
        case "Umask":
            return [] if 0 <= value <= 0o777 else [f"{key}: {value} is written in octal"]
        case "KeepAlive":
            return [f"{key}.{k}" for k, v in value.items() if type(v) is not KEEP_ALIVE.get(k)]
        case "SoftResourceLimits" | "HardResourceLimits":
            return [f"{key}.{k}" for k, v in value.items() if k not in LIMITS or type(v) is not int]
        case "EnvironmentVariables":
            return [f"{key}.{k}" for k, v in value.items() if not isinstance(v, str)]
        case _:
            return []
