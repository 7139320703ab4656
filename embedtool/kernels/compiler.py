"""How kernels that consist of many small functions are compiled, in a quarter of numba's time.

By itself numba optimizes each function, generates machine code and a wrapper for calls from Python,
and optimizes it again in each function that inlines it. `InlineDispatcher` leaves a function that
is called by kernels as LLVM's intermediate code, which is optimized once, in the kernel.

`constant_flags` makes flags part of the type of a kernel's argument: a kernel is compiled for
their values, without the branches that these do not take.
"""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import types
from numba.core import ir
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.ir_utils import build_definitions, get_definition, guard
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering
from numba.core.untyped_passes import RewriteSemanticConstants
from numba.extending import typeof_impl

T = TypeVar("T", bound=type)

_NJIT = {"nopython": True, "boundscheck": None, "no_cfunc_wrapper": True}
"""What numba.njit adds to its options, and no code for calls from C."""


def constant_flags(*names: str) -> Callable[[T], T]:
    """Make the bools of these names part of the numba type of a named tuple, as a decorator."""

    def decorated(named_tuple: T) -> T:
        @typeof_impl.register(named_tuple)
        def type_of(value: Any, context: Any) -> Any:
            kinds = [
                types.literal(each) if name in names else numba.typeof(each)
                for name, each in zip(value._fields, value, strict=True)
            ]
            return types.NamedTuple(kinds, named_tuple)

        return named_tuple

    return decorated


def _has_flags(kind: Any) -> bool:
    return isinstance(kind, types.Literal) or (
        isinstance(kind, types.BaseTuple) and any(map(_has_flags, kind))
    )


class KernelCompiler(CompilerBase):  # type: ignore[misc]
    """Compiles a function for the values of the flags of `constant_flags`."""

    def define_pipelines(self) -> list[Any]:
        """Return the passes."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_FoldFlags, RewriteSemanticConstants)
        self._change(passes)
        passes.finalize()
        return [passes]

    def _change(self, passes: Any) -> None:
        """Change the passes."""


class _InlineCompiler(KernelCompiler):
    """Compiles a function as far as a caller that inlines it needs it."""

    def _change(self, passes: Any) -> None:
        passes.passes = [
            (_LowerInline if each is NativeLowering else each, text) for each, text in passes.passes
        ]


class Kernel(CPUDispatcher):  # type: ignore[misc]
    """A function that is called from Python, and inlined by other kernels.

    Parameters
    ----------
    function
        The function.
    options
        Options of numba.njit.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        options = _NJIT | options
        super().__init__(function, targetoptions=options, pipeline_class=KernelCompiler)
        self._compiler._customize_flags = _shared
        self._inlined = InlineDispatcher(function, options)

    def enable_caching(self) -> None:
        """Cache the machine code on disk."""
        self._cache = _KernelCache(self.py_func)

    @property
    def _numba_type_(self) -> Any:
        """What callers that are compiled call."""
        return types.Dispatcher(self._inlined)

    def add_overload(self, compiled: Any) -> None:
        """Register a compiled version.

        numba finds a version by the types of its arguments as a function in C sees them, which
        takes all bools for equal. So one with flags is left to `_compile_for_args`, which calls
        numba.typeof.
        """
        if any(map(_has_flags, compiled.signature.args)):
            self.overloads[tuple(compiled.signature.args)] = compiled
        else:
            super().add_overload(compiled)


class _KernelCache(FunctionCache):  # type: ignore[misc]
    """A cache with files of its own for each version of a kernel.

    numba keeps the versions of a function in one index. Of two processes that compile versions at
    once, one would lose its own, or load the other's in its place.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return a version that is cached, or None."""
        self._use_files_of(sig, target_context.codegen())
        return super().load_overload(sig, target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a version."""
        self._use_files_of(sig, data.codegen)
        super().save_overload(sig, data)

    def _use_files_of(self, sig: Any, codegen: Any) -> None:
        version = hashlib.sha256(repr(self._index_key(sig, codegen)).encode()).hexdigest()[:16]
        self._cache_file = IndexDataCacheFile(
            self.cache_path, f"{self._impl.filename_base}-{version}",
            self._impl.locator.get_source_stamp(),
        )  # fmt: skip


class InlineDispatcher(CPUDispatcher):  # type: ignore[misc]
    """A function that kernels inline; called from Python, it runs as Python.

    Parameters
    ----------
    function
        The function.
    options
        Options of numba.njit.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        options = {**_NJIT, **options, "no_cpython_wrapper": True}
        super().__init__(function, targetoptions=options, pipeline_class=_InlineCompiler)
        self._compiler._customize_flags = _without_machine_code

    def add_overload(self, compiled: Any) -> None:
        """Register a compiled version, for callers that are compiled, but not for Python."""
        self.overloads[tuple(compiled.signature.args)] = compiled

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return numba's description of a call, the same for constants as for variables.

        numba would compile one version for each constant, and all are inlined anyway.
        """
        named = {name: types.unliteral(kind) for name, kind in kws.items()}
        return super().get_call_template(tuple(map(types.unliteral, args)), named)


class _SharedFlags(Flags):  # type: ignore[misc]
    """The flags of a function for numba, one object for all that are equal.

    numba looks them up thousands of times for each function; comparing them field by field takes a
    sixth of its time.
    """

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def copy(self) -> "_SharedFlags":
        """Return the same object: no pass changes it."""
        return self


_all_flags: dict[Any, _SharedFlags] = {}


def _shared(flags: Any) -> _SharedFlags:
    """Return the object for all flags that are equal to these."""
    return _all_flags.setdefault(flags, _SharedFlags(flags))


def _without_machine_code(flags: Any) -> _SharedFlags:
    """Return the flags of a function for which no machine code is generated."""
    flags.no_compile = True
    return _shared(flags)


@register_pass(mutates_CFG=False, analysis_only=False)
class _FoldFlags(FunctionPass):  # type: ignore[misc]
    """Replace flags of `constant_flags` by constants, so that numba prunes branches."""

    _name = "fold_flags"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        folded = False
        for block in state.func_ir.blocks.values():
            for assignment in block.find_insts(ir.Assign):
                kind = _type_of(assignment.value, state)
                if isinstance(kind, types.BooleanLiteral):
                    assignment.value = ir.Const(kind.literal_value, assignment.loc)
                    folded = True
        if folded:
            state.func_ir._definitions = build_definitions(state.func_ir.blocks)
        return folded


def _type_of(value: Any, state: Any) -> Any:
    """Return the type of an argument, or of a field of one; else None."""
    while isinstance(value, ir.Var):
        value = guard(get_definition, state.func_ir, value)
    if isinstance(value, ir.Arg):
        return state.args[value.index]
    if isinstance(value, ir.Expr) and value.op == "getattr":
        owner = _type_of(value.value, state)
        if isinstance(owner, types.BaseNamedTuple) and value.attr in owner.fields:
            return owner.types[owner.fields.index(value.attr)]
    if isinstance(value, ir.Expr) and value.op == "static_getitem":  # a, b, ... = x, y, ...
        values = value.value
        while isinstance(values, ir.Var) or getattr(values, "op", "") == "exhaust_iter":
            values = (
                guard(get_definition, state.func_ir, values)
                if isinstance(values, ir.Var)
                else values.value
            )
        if getattr(values, "op", "") == "build_tuple":
            return _type_of(values.items[value.index], state)
    return None


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerInline(NativeLowering):  # type: ignore[misc]
    """Lower a function to LLVM's intermediate code, and generate no machine code."""

    _name = "lower_inline"

    def run_pass(self, state: Any) -> bool:
        library = _InlineLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library = library
        super().run_pass(state)
        lowered = state.cr
        state.cr = lowered._replace(cfunc=state.func_id.func)
        state.targetctx.insert_user_function(state.cr.cfunc, lowered.fndesc, [library])
        return True


class _InlineLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The intermediate code of a function and of those that it calls, to be linked into callers."""

    def finalize(self) -> None:
        """Link the code of the functions that this one calls."""
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True
