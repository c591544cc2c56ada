"""
Install the pinned torch: with CUDA where there is an NVIDIA card, else the small CPU build.

An argument, `cuda` or `cpu`, decides it instead. Run by the interpreter it is to be installed for.
Does nothing where that version is there already.
"""
# ruff: noqa: INP001, T201  a script that talks to people

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
NOTHING_FOUND = "No matching distribution found"


def wanted_version() -> str:
    """Return the version that `torch.txt` pins."""
    pin = Path(__file__).with_name("torch.txt").read_text(encoding="utf-8").strip()
    name, _, version = pin.partition("==")
    if name != "torch" or not version:
        sys.exit(f"requirements/torch.txt must read torch==VERSION, not {pin!r}")
    return version


def installed_version() -> str:
    """Return the installed version without its build, or nothing."""
    try:
        return metadata.version("torch").partition("+")[0]
    except metadata.PackageNotFoundError:
        return ""


def has_nvidia_card() -> bool:
    """Say whether a driver is installed and finds a card."""
    if not (program := shutil.which("nvidia-smi")):
        return False
    return subprocess.run([program, "-L"], capture_output=True, check=False).returncode == 0  # noqa: S603  a fixed command


def pip_install(*arguments: str) -> tuple[int, str]:
    """Install by pip, quietly; return its exit code and what it complained of."""
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    done = subprocess.run(  # noqa: S603  our own arguments
        [*command, *arguments], stderr=subprocess.PIPE, text=True, check=False
    )
    return done.returncode, done.stderr


def main() -> int:
    """Install torch; return pip's exit code."""
    version = wanted_version()
    if installed_version() == version:
        return 0
    if "cuda" in sys.argv[1:] or ("cpu" not in sys.argv[1:] and has_nvidia_card()):
        print(f"   torch {version} with CUDA, several gigabytes", flush=True)
        code, complaint = pip_install(f"torch=={version}")
    elif sys.platform == "darwin":
        print(f"   torch {version}", flush=True)
        code, complaint = pip_install("--no-deps", f"torch=={version}")
    else:
        print(f"   torch {version}, CPU build, about 200 MB", flush=True)
        # What pip is configured to use comes first: a mirror may hold the build.
        code, complaint = pip_install("--no-deps", f"torch=={version}+cpu")
        if code and NOTHING_FOUND in complaint:
            cpu = f"torch=={version}+cpu"
            code, complaint = pip_install("--no-deps", "--index-url", CPU_INDEX, cpu)
    if complaint:
        print(complaint, file=sys.stderr, end="")
    return code


if __name__ == "__main__":
    sys.exit(main())
