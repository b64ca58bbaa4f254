"""What the whole process and the running thread share with a model: saved before its code runs, put back however that ends.

An interrupt may come at any bytecode, also while something is being put back. So nothing here relies on a context manager being
left: the state is saved first, and `surely` puts it back twice, the second time for an interrupt that cuts the first short.
"""

import _imp
import contextlib
import functools
import os
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from zoo.util import pausing

T = TypeVar("T")
P = ParamSpec("P")
Setting = tuple[Callable[[], Any], Callable[[Any], None]]
"""How a setting is read, and how it is set."""


def surely(body: Callable[[], T], restore: Callable[[], None]) -> T:
    """`body()`, and then `restore()`, which may be called twice, even if an interrupt comes in between."""
    try:
        try:
            return body()
        finally:
            restore()
    finally:
        restore()


def each(restores: Iterable[Callable[[], None]]) -> None:
    """All of them, also after one that raises."""
    raised: BaseException | None = None
    for restore in restores:
        try:
            restore()
        except BaseException as error:
            raised = error
    if raised is not None:
        raise raised


class Surroundings:
    """The settings of Python and torch, and the modes of this thread, as they are when this is made. Making it changes nothing.

    Where another thread is inside `enter` and `restore`, its model may have changed settings that all threads share: then the
    settings are those that it found.
    """

    def __init__(self) -> None:
        with _LOCK:
            others = [] if threading.get_ident() in _THREADS.values() else list(_INSIDE.values())
        self.settings = others[0] if others else _read()
        self.modes = _modes()
        self._handled = id(sys.exc_info()[1])

    def enter(self) -> None:
        """From here to `restore`, code runs that may change settings."""
        with _LOCK:
            _INSIDE[id(self)] = self.settings
            _THREADS[id(self)] = threading.get_ident()

    def restore(self) -> None:
        """Put everything back that is not as it was. It may be called again."""
        self.restore_modes()
        _write(self.settings)
        with _LOCK:
            _INSIDE.pop(id(self), None)
            _THREADS.pop(id(self), None)

    def restore_modes(self) -> None:
        """Put the modes of this thread back, without which nothing else can be put back. It may be called again."""
        error = sys.exc_info()[1]
        if error is not None and id(error) != self._handled:
            leave_managers(error.__traceback__)
        _put_modes_back(self.modes)


_INSIDE: dict[int, Mapping[str, Any]] = {}
_THREADS: dict[int, int] = {}
_LOCK = threading.Lock()


def _after_fork() -> None:
    """A child has one thread: what the others had changed when it was born, nobody else will put back."""
    global _LOCK
    _LOCK = threading.Lock()
    me = threading.get_ident()
    others = [key for key, thread in _THREADS.items() if thread != me]
    saved = [_INSIDE.pop(key) for key in others if _THREADS.pop(key) and key in _INSIDE]
    if saved and not _INSIDE:
        _write(saved[0])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def undisturbed(function: Callable[P, T]) -> Callable[P, T]:
    """A decorator: if the function ends in an exception, settings, modes and random generators are as they were before it.

    Functions of this package leave them as they were in any case. This is for the interrupt that comes between entering a context
    manager and the first line inside it, or between that and leaving it.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        before, numbers, opened = Surroundings(), Generators(), set(_OPEN)
        logs = _holds_lock_of_logging()

        def put_back() -> None:
            _release(_imp.release_lock)  # an interrupt in importlib can leave the lock of all imports to this thread
            if not logs and _holds_lock_of_logging():  # and one in logging its lock
                _release(sys.modules["logging"]._lock.release)
            for key in [key for key, (thread, _) in _OPEN.items() if key not in opened and thread == threading.get_ident()]:
                _OPEN[key][1].close()
            before.restore()
            numbers.restore(alone())

        try:
            try:
                return function(*args, **kwargs)
            except BaseException:
                put_back()
                raise
        except BaseException:
            put_back()
            raise

    return call


def _holds_lock_of_logging() -> bool:
    """Whether this thread has the lock of logging, without which no other thread can make a logger."""
    lock = getattr(sys.modules.get("logging"), "_lock", None)
    return lock is not None and lock._is_owned()


def _release(release: Callable[[], None]) -> None:
    """Release a lock as often as this thread has taken it."""
    with contextlib.suppress(RuntimeError):
        while True:
            release()


class Manager:
    """A context manager that is left even if an interrupt keeps its `__exit__` from being called: then by `undisturbed`."""

    def enter(self) -> None:
        """Change something."""

    def leave(self) -> None:
        """Put it back, all of it or what is left of it. It may be called again, and before `enter` has come to its end."""

    def __enter__(self) -> Self:
        try:
            _OPEN[id(self)] = threading.get_ident(), self
            self.enter()
            return self
        except BaseException:
            self.close()
            raise

    def __exit__(self, *error: object) -> None:
        surely(lambda: None, self.close)

    def close(self) -> None:
        """Leave, and be known no more."""
        self.leave()
        _OPEN.pop(id(self), None)


_OPEN: "dict[int, tuple[int, Manager]]" = {}


def alone() -> bool:
    """Whether no other thread can have drawn a random number meanwhile."""
    return threading.active_count() == 1


# Random generators

# Reading torch's generator makes a tensor while a mutex of torch is held. If Python then collects garbage, that thread gives up the
# interpreter's lock, and another one that reads the generator meanwhile would wait for the mutex with it: both for ever. A fork
# waits too, since a child whose mutex is held by a thread that it does not have would wait for ever.
_GENERATOR = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_GENERATOR.acquire, after_in_parent=_GENERATOR.release, after_in_child=_GENERATOR.release)


class Generators:
    """Where the random generators of torch, numpy and Python stand when this is made; on leaving it they stand there again."""

    def __init__(self) -> None:
        torch, numpy_random = sys.modules.get("torch"), sys.modules.get("numpy.random")
        self.python = random.getstate()
        self.numpy = numpy_random.get_state() if numpy_random is not None else None
        self.torch = self.cuda = None
        if torch is not None and hasattr(torch, "get_rng_state"):
            with _GENERATOR:
                self.torch = torch.get_rng_state()
            if torch.cuda.is_initialized():
                self.cuda = torch.cuda.get_rng_state_all()

    def __enter__(self) -> "Generators":
        return self

    def __exit__(self, *error: object) -> None:
        surely(lambda: None, self.restore)

    def restore(self, drew: bool = True) -> None:
        """Put them back; torch's only if it was drawn from here, since else another thread has moved it."""
        random.setstate(self.python)
        if self.numpy is not None:
            sys.modules["numpy.random"].set_state(self.numpy)
        if drew and self.torch is not None:
            with _GENERATOR:
                sys.modules["torch"].set_rng_state(self.torch)
            if self.cuda is not None:
                sys.modules["torch"].cuda.set_rng_state_all(self.cuda)


# Settings that all threads share


def _read() -> Mapping[str, Any]:
    """Every setting as it is now; those of torch if it is imported."""
    found: dict[str, Any] = {name: get() for name, (get, _) in _PYTHON.items()}
    if (settings := _torch_settings()) is not None:
        found |= {name: get() for name, (get, _) in settings.items()}
    return found


def _write(saved: Mapping[str, Any]) -> None:
    """Set what is not as it was saved."""
    known = (_PYTHON | (_torch_settings() or {})).items()
    each(functools.partial(put, saved[name]) for name, (get, put) in known if name in saved and get() != saved[name])


def _warnings() -> tuple[Any, ...]:
    return warnings.filters, tuple(warnings.filters), warnings.showwarning


def _set_warnings(saved: tuple[Any, ...]) -> None:
    filters, items, show = saved
    filters[:] = items
    warnings.filters, warnings.showwarning = filters, show
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _folder() -> str | None:
    with contextlib.suppress(OSError):
        return os.getcwd()
    return None


def _enter_folder(folder: str | None) -> None:
    if folder is not None:
        with contextlib.suppress(OSError):
            os.chdir(folder)


def _environment() -> dict[Any, Any]:
    return dict(os.environ._data)  # type: ignore[attr-defined]  # as it is encoded: a copy of os.environ takes 50 times as long


def _set_environment(saved: Mapping[Any, Any]) -> None:
    decode = os.environ.decodekey
    for name in os.environ._data.keys() - saved.keys():  # type: ignore[attr-defined]
        del os.environ[decode(name)]
    os.environ.update({decode(name): decode(value) for name, value in saved.items()})


def _set(holder: Any, name: str) -> Callable[[Any], None]:
    return functools.partial(setattr, holder, name)


def _logging_disabled() -> int:
    logging = sys.modules.get("logging")  # which is not imported for this
    return int(logging.root.manager.disable) if logging is not None else 0


def _disable_logging(saved: int) -> None:
    if (logging := sys.modules.get("logging")) is not None:
        logging.disable(saved)


_PYTHON: dict[str, Setting] = {
    "sys.path": (lambda: list(sys.path), lambda saved: sys.path.__setitem__(slice(None), saved)),
    "sys.stdout": (lambda: sys.stdout, _set(sys, "stdout")),
    "sys.stderr": (lambda: sys.stderr, _set(sys, "stderr")),
    "recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
    "warnings": (_warnings, _set_warnings),
    "logging": (_logging_disabled, _disable_logging),
    "garbage collector": (pausing.wanted, pausing.want),
    "working directory": (_folder, _enter_folder),
    "environment": (_environment, _set_environment),
}


@functools.cache
def _known_torch_settings() -> dict[str, Setting]:
    torch = sys.modules["torch"]
    c, modes, module = torch._C, torch.utils._python_dispatch, torch.nn.modules.module
    found: dict[str, Setting] = {
        "type": (torch.get_default_dtype, torch.set_default_dtype),
        "threads": (torch.get_num_threads, torch.set_num_threads),
        "matmul precision": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        "determinism": (
            lambda: (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
            lambda saved: torch.use_deterministic_algorithms(saved[0], warn_only=saved[1]),
        ),
        "anomaly mode": (
            lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
            lambda saved: torch.set_anomaly_enabled(*saved),
        ),
        "print options": (
            lambda: dict(vars(torch._tensor_str.PRINT_OPTS)),
            lambda saved: vars(torch._tensor_str.PRINT_OPTS).update(saved),
        ),
        "patches of torch.fx": (lambda: _tracing().CURRENT_PATCHER, _unpatch),
    }
    for name in _FLAGS:
        if hasattr(c, f"_get_{name}") and hasattr(c, f"_set_{_SETTERS.get(name, name)}"):
            found[name] = getattr(c, f"_get_{name}"), getattr(c, f"_set_{_SETTERS.get(name, name)}")
    for name in [name for name in vars(module) if name.startswith("_global_") and isinstance(vars(module)[name], dict)]:
        found[name] = functools.partial(dict, getattr(module, name)), functools.partial(_fill, getattr(module, name))
    for name in [name for name in vars(modes) if name.startswith("_is_in_") and isinstance(vars(modes)[name], bool)]:
        found[name] = functools.partial(getattr, modes, name), _set(modes, name)
    return found


def _tracing() -> Any:
    return sys.modules["torch"].fx._symbolic_trace


def _unpatch(saved: Any) -> None:
    """torch.fx replaces methods of nn.Module while it traces."""
    _tracing().CURRENT_PATCHER.revert_all_patches()
    _tracing().CURRENT_PATCHER = saved


_FLAGS = """
    cudnn_benchmark cudnn_enabled cudnn_deterministic cudnn_allow_tf32 cublas_allow_tf32 mkldnn_enabled
    flash_sdp_enabled mem_efficient_sdp_enabled math_sdp_enabled cudnn_sdp_enabled
""".split()
_SETTERS = {
    "flash_sdp_enabled": "sdp_use_flash",
    "mem_efficient_sdp_enabled": "sdp_use_mem_efficient",
    "math_sdp_enabled": "sdp_use_math",
    "cudnn_sdp_enabled": "sdp_use_cudnn",
}


def _fill(live: dict[Any, Any], saved: Mapping[Any, Any]) -> None:
    live.clear()
    live.update(saved)


def _torch_settings() -> dict[str, Setting] | None:
    """Those of torch, once it is imported to its end."""
    return _known_torch_settings() if hasattr(sys.modules.get("torch"), "compile") else None


# Modes of the running thread


def _modes() -> dict[str, Any]:
    """torch's stacks of modes, gradients and autocast in this thread."""
    torch = sys.modules.get("torch")
    if torch is None or _torch_settings() is None:
        return {}
    c = torch._C
    return {
        "dispatch": c._len_torch_dispatch_stack(),
        "built in": [key for key in _built_in_modes(c) if c._get_dispatch_mode(key) is not None],
        "functions": [c._get_function_stack_at(i) for i in range(c._len_torch_function_stack())],
        "device": getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None),
        "gradients": torch.is_grad_enabled(),
        "tracing": _fx_traces(),
        "autocast": [(torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in _DEVICES],
        "autocast cache": torch.is_autocast_cache_enabled(),
    }


_DEVICES = ("cpu", "cuda")


def _fx_traces() -> bool:
    """Whether torch.fx traces; torch 2.13 tells it of all threads together."""
    fx = _tracing()
    return bool(fx._get_is_fx_tracing() if hasattr(fx, "_get_is_fx_tracing") else fx._is_fx_tracing_flag)


def _set_fx_traces(value: bool) -> None:
    fx = _tracing()
    if hasattr(fx, "_set_is_fx_tracing"):
        fx._set_is_fx_tracing(value)
    else:
        fx._is_fx_tracing_flag = value


def _built_in_modes(c: Any) -> tuple[Any, ...]:
    """Keys of torch's own dispatch modes, of which a thread has one each beside its stack."""
    keys = c._TorchDispatchModeKey
    return keys.FAKE, keys.PROXY, keys.FUNCTIONAL


def _put_modes_back(saved: Mapping[str, Any]) -> None:
    torch = sys.modules.get("torch")
    if torch is None or _torch_settings() is None:
        return
    c = torch._C
    for key in _built_in_modes(c):
        if c._get_dispatch_mode(key) is not None and key not in saved.get("built in", ()):
            c._unset_dispatch_mode(key)
    while c._len_torch_dispatch_stack() > saved.get("dispatch", 0):
        c._pop_torch_dispatch_stack(None)
    wanted = saved.get("functions", [])
    if [c._get_function_stack_at(i) for i in range(c._len_torch_function_stack())] != wanted:
        while c._len_torch_function_stack():
            c._pop_torch_function_stack()
        for mode in wanted:
            c._push_on_torch_function_stack(mode)
    if getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None) is not saved.get("device"):
        torch._GLOBAL_DEVICE_CONTEXT.device_context = saved.get("device")
    if not saved:
        return
    if torch.is_grad_enabled() != saved["gradients"]:
        c._set_grad_enabled(saved["gradients"])
    _set_fx_traces(saved["tracing"])
    for kind, (on, dtype) in zip(_DEVICES, saved["autocast"], strict=True):
        torch.set_autocast_enabled(kind, on)
        torch.set_autocast_dtype(kind, dtype)
    torch.set_autocast_cache_enabled(saved["autocast cache"])
    if not any(on for on, _ in saved["autocast"]):
        _leave_autocast(torch)


def _leave_autocast(torch: Any) -> None:
    """How deep autocast is nested is told only when it changes."""
    while (depth := torch.autocast_decrement_nesting()) > 0:
        torch.clear_autocast_cache()
    while depth < 0:
        depth = torch.autocast_increment_nesting()


def leave_managers(trace: TracebackType | None) -> None:
    """Leave the context managers in whose `__enter__` or `__exit__` an exception has come up.

    Nobody else does, until the traceback goes: then they would put back what was before them, long after it has changed again.
    """
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_filename.endswith(_MANAGERS) and (held := frame.f_locals.get("self")) is not None:
            if isinstance(held, contextlib._GeneratorContextManager):
                with contextlib.suppress(Exception):
                    held.gen.close()
            elif (guard := getattr(held, "_inference_mode_context", None)) is not None:
                guard.__exit__(None, None, None)
        trace = trace.tb_next


_MANAGERS = ("contextlib.py", "grad_mode.py")
