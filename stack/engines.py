"""Which Python the generation worker runs in: vLLM has a virtual environment of its own."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from rag.errors import Broken
from runtime.settings import Settings

#: Folder of the virtual environment → the target that makes it.
GPU, CPU = ".venv-vllm", ".venv-vllm-cpu"
MADE_BY = {GPU: "make install-vllm", CPU: "make install-vllm-cpu"}


def generation_python(settings: Settings, *, beside: Path | None = None) -> str:
    """
    Return the interpreter for the generation worker.

    Our own where no engine is needed or where it is installed right here, as in a container; else
    that of the environment beside the checkout: the GPU build where there is an NVIDIA card.

    Args:
        settings: Say who answers.

        beside: Folder in which the virtual environments are; None for the checkout's, or the one
            that holds our own.

    Raises:
        Broken: No engine is installed; says how to get one.
    """
    if settings.answerer != "vllm" or find_spec("vllm") is not None:
        return sys.executable
    if beside is None:
        checkout = Path(__file__).parents[1]
        beside = checkout if (checkout / "pyproject.toml").is_file() else Path(sys.prefix).parent
    wanted = [GPU] if has_nvidia_card() else [CPU]
    for name in wanted:
        python = beside / name / "bin" / "python"
        if (beside / name / ".setup").is_file() and python.is_file():
            return str(python)
    raise Broken(
        f"QUERN_MODEL asks for vLLM, which is not installed in {beside / wanted[0]}; "
        f"run `{MADE_BY[wanted[0]]}`, or leave QUERN_MODEL empty to have documents quoted"
    )


def has_nvidia_card() -> bool:
    """Return True if a driver is installed and finds a card."""
    if not (program := shutil.which("nvidia-smi")):
        return False
    return subprocess.run([program, "-L"], capture_output=True, check=False).returncode == 0  # noqa: S603  a fixed command
