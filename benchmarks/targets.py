"""Compile the kernels for other processors, which LLVM does without running them.

    python -m benchmarks.targets [TARGET ...]

A line for each target: its system, its processor, and the size of the kernels' code there. An error
ends it if a kernel needs an instruction that one kind of processor has, or if numbers have another
size or alignment there.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir

TEXT = "the king rules the land\nthe queen rules the sea\nthe sea meets the land\n" * 3
ALIGNED = ir.IntType(64), ir.IntType(32), ir.DoubleType(), ir.FloatType(), ir.PointerType()
SIZES = 8, 4, 8, 4, 8
"""Types in the kernels' arrays and structures, and the bytes that they take and are aligned to."""
FOREIGN = tuple(f"llvm.{name}." for name in ("x86", "aarch64", "arm", "ppc", "riscv", "loongarch"))
"""How the names of instructions begin that one kind of processor has."""


class Target(NamedTuple):
    """A system and its processor, by LLVM's names, and features that are added."""

    triple: str
    cpu: str
    features: str = ""


TARGETS = {
    "x86-64": Target("x86_64-unknown-linux-gnu", "x86-64"),
    "x86-64-v3": Target("x86_64-unknown-linux-gnu", "x86-64-v3"),
    "x86-64-v4": Target("x86_64-unknown-linux-gnu", "x86-64-v4"),
    "windows": Target("x86_64-pc-windows-msvc", "x86-64"),
    "neon": Target("aarch64-unknown-linux-gnu", "generic", "+neon"),
    "graviton3": Target("aarch64-unknown-linux-gnu", "neoverse-v1"),
    "apple-m1": Target("arm64-apple-macosx11.0", "apple-m1"),
    "ppc64le": Target("powerpc64le-unknown-linux-gnu", "pwr8"),
    "riscv64": Target("riscv64-unknown-linux-gnu", "generic-rv64", "+m,+a,+f,+d,+c"),
}


def kernels() -> dict[str, str]:
    """Return the LLVM code, not yet optimized, of each kernel that trainings call, by its name.

    The kernels are compiled anew: the cache has only their machine code.
    """
    with TemporaryDirectory() as folder:
        os.environ |= {"NUMBA_OPT": "0", "NUMBA_CACHE_DIR": folder}
        from numba.core.errors import NumbaWarning

        from embedtool.config.training import FastTextConfig, GloveConfig, Word2VecConfig
        from embedtool.training import train

        warnings.simplefilter("ignore", NumbaWarning)  # such code is not cached
        text = Path(folder) / "text"
        text.write_text(TEXT, "utf-8")
        small: dict[str, Any] = {"vector_size": 20, "epochs": 1, "min_count": 1, "workers": 1}
        few = {**small, "sample": 0}
        for config in (
            Word2VecConfig(mode="skipgram", **few),
            Word2VecConfig(mode="cbow", **few),
            Word2VecConfig(loss="hierarchical-softmax", **few),
            FastTextConfig(bucket=100, **few),
            GloveConfig(**small),
        ):
            train(config, text)
        return dict(_compiled())


def _compiled() -> Iterator[tuple[str, str]]:
    from numba.core.dispatcher import Dispatcher

    for name, module in sorted(sys.modules.items()):
        if not name.startswith("embedtool.kernels."):
            continue
        for kernel in vars(module).values():
            is_own = isinstance(kernel, Dispatcher) and kernel.__module__ == name
            if is_own and not kernel.targetoptions.get("forceinline"):
                for number, code in enumerate(kernel.inspect_llvm().values()):
                    yield f"{name}.{kernel.__name__}, {number}", code


def compiled_bytes(kernel: str, code: str, target: Target) -> int:
    """Optimize and compile a kernel for a target; return the bytes of its object code.

    Raises
    ------
    ValueError
        If it needs an instruction that one kind of processor has.
    """
    module = llvm.parse_assembly(code)
    foreign = [each.name for each in module.functions if each.name.startswith(FOREIGN)]
    if foreign or " asm " in code:
        raise ValueError(f"{kernel}: {', '.join(foreign) or 'assembly'} is for one processor")
    machine = _machine(target)
    module.triple, module.data_layout = target.triple, str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    module.verify()
    return len(machine.emit_object(module))


def check_layout(target: Target) -> None:
    """Raise ValueError if the numbers of the kernels have another size or alignment there."""
    data = _machine(target).target_data
    for kind, size in zip(ALIGNED, SIZES, strict=True):
        found = kind.get_abi_size(data), kind.get_abi_alignment(data)
        if found != (size, size):
            raise ValueError(f"{target.triple}: {kind} has size and alignment {found}, not {size}")


def _machine(target: Target) -> Any:
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=3
    )


def main(names: list[str]) -> None:
    """Print a line for each target."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    codes = kernels()
    print(f"{len(codes)} kernels, LLVM {'.'.join(map(str, llvm.llvm_version_info))}")
    for name in names or TARGETS:
        target = TARGETS[name]
        check_layout(target)
        size = sum(compiled_bytes(kernel, code, target) for kernel, code in codes.items())
        print(f"{name:10}  {target.triple:31}{target.cpu:13}{size / 1024:6,.0f} KiB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
