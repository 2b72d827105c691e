import os
import pwd
import subprocess
import sys
from pathlib import Path

from hostnfsd.cli.surroundings import home, surroundings


def test_this_process_is_described() -> None:
    here = surroundings()

    assert (here.platform, here.uid) == (sys.platform, os.geteuid())
    assert here.environ["PATH"] == os.environ["PATH"]


def test_home_is_what_the_environment_says() -> None:
    assert home({"HOME": "/h"}) == Path("/h")


def test_without_home_it_is_the_user_databases() -> None:
    program = "import os; from hostnfsd.cli.surroundings import home; print(home(os.environ))"
    environ = {key: value for key, value in os.environ.items() if key != "HOME"}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == pwd.getpwuid(os.getuid()).pw_dir


def test_folders_cost_no_pydantic() -> None:
    program = "import sys, hostnfsd.cli.surroundings; print('pydantic' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert result.stdout == "False\n"
