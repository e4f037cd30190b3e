"""A session: cells as Jupyter shows them, calls by value, every way to end, and attempts to confuse the examiner."""

from __future__ import annotations

import marshal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from assignment.homework.diagnosis import Diagnosis
from assignment.sandbox import MIB, Limits
from assignment.sandbox.channel import Ended, Handle, Moving, Refused, RemoteDict, RemoteError
from assignment.sandbox.protocol import CALL
from assignment.sandbox.session import CallSpec, Session
from assignment.sandbox.zygote import Sandbox

LIMITS = Limits(memory=768 * MIB, cpu_seconds=20, call_seconds=2, output_bytes=2000, reply_bytes=8 * MIB)
HASTY = replace(LIMITS, cell_seconds=1.5)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS) as made:
        yield made


@pytest.fixture(scope="module")
def hasty() -> Iterator[Sandbox]:
    with Sandbox(HASTY) as made:
        yield made


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[Session]:
    with sandbox.open() as made:
        yield made


def text(stream: str, words: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": stream, "text": words}


def result(count: int, words: str) -> dict[str, Any]:
    return {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": {"text/plain": words}}


def display(words: str) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {"text/plain": words}}


# --- cells ------------------------------------------------------------------------------------------------------------

CELLS = {
    "nothing": ("", []),
    "an expression": ("1 + 1", [result(1, "2")]),
    "no display": ("1 + 1;", []),
    "prints are joined": ("print(1)\nprint(2)", [text("stdout", "1\n2\n")]),
    "streams keep their order": (
        "import sys\nprint(1)\nprint(2, file=sys.stderr)\nprint(3)",
        [text("stdout", "1\n"), text("stderr", "2\n"), text("stdout", "3\n")],
    ),
    "display": ("display('a')\n'b'", [display("'a'"), result(1, "'b'")]),
    "a magic": ("%precision 3\n1/3", [result(1, "0.333")]),
    "a cell magic": ("%%capture\nprint(1)", []),
    "await": ("import asyncio\nawait asyncio.sleep(0, 5)", [result(1, "5")]),
    "async for": (
        "async def two():\n    yield 1\n    yield 2\nasync for number in two():\n    print(number)",
        [text("stdout", "1\n2\n")],
    ),
    "windows line ends": ("x = 1\r\nx\r\n", [result(1, "1")]),
    "chinese names": ("损失 = 3\n损失", [result(1, "3")]),
    "text and picture only": (
        "class Both:\n    _repr_html_ = lambda self: '<script>'\n    __repr__ = lambda self: 'plain'\nBoth()",
        [result(1, "plain")],
    ),
    "display hook": ("import sys\nsys.displayhook(8.0)", [result(1, "8.0")]),
    "cleared output": (
        "from IPython.display import clear_output\nprint(1)\nclear_output()\nprint(2)",
        [text("stdout", "2\n")],
    ),
    "lone surrogates": ("print('\\ud800')", [text("stdout", "?\n")]),
    "exit": ("exit()", []),
}

ONLY_IN_JUPYTER = {"a magic", "a cell magic", "await", "async for"}  # no Python by themselves


@pytest.mark.parametrize("name", CELLS)
def test_cell_shows_what_jupyter_shows(name: str, session: Session) -> None:
    source, outputs = CELLS[name]
    run = session.run_cell(source)
    assert (run.ok, run.outputs, run.truncated) == (True, outputs, False)


def test_compiled_code_runs_as_a_cell_does(session: Session) -> None:
    def compiled(source: str) -> bytes:
        return marshal.dumps(compile(source, "<given>", "exec"))

    run = session.run_cell(compiled("print('printed')\ndef f(x): return x + 1"))
    assert (run.ok, run.count, [output["text"] for output in run.outputs]) == (True, 1, ["printed\n"])
    assert session.call("f", (1,), {}) == 2
    run = session.run_cell(compiled("1 / 0"))
    assert (run.ok, [output["ename"] for output in run.outputs]) == (False, ["ZeroDivisionError"])
    assert session.run_cell("f(2)").outputs == [result(3, "3")]


@pytest.mark.parametrize(
    ("source", "name", "value"),
    [
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("def f(:", "SyntaxError", "invalid syntax"),
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        (
            "input('marks? ')",
            "StdinNotImplementedError",
            "raw_input was called, but this frontend does not support input",
        ),
        ("bytes(10**10)", "MemoryError", ""),
        ("f = lambda: f()\nf()", "RecursionError", "maximum recursion depth"),
        ("class E(Exception):\n    def __str__(self): raise E\nraise E", "E", ""),
    ],
)
def test_error_ends_its_cell_and_no_more(source: str, name: str, value: str, session: Session) -> None:
    run = session.run_cell(source)
    error = next(output for output in run.outputs if output["output_type"] == "error")
    assert error["ename"] == name
    assert error["evalue"].startswith(value)
    assert not run.ok
    assert session.run_cell("1 + 1").outputs == [result(2, "2")]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("!ls /", "ls /: not run"),
        ("%pip install requests", "-m pip install requests: not run"),
        ("files = !ls /", "ls /: not run"),
        ("%matplotlib inline", "%matplotlib: No module named 'matplotlib'"),
        ("%no_such_magic", "%no_such_magic: Line magic function `%no_such_magic` not found."),
    ],
)
def test_what_cannot_run_here_does_not_run_and_ends_no_cell(line: str, shown: str, session: Session) -> None:
    """Students have a shell and packages; an exercise stands below such a line in its cell."""
    run = session.run_cell(f"{line}\n1 + 1")
    told, value = run.outputs[0], run.outputs[-1]
    assert (run.ok, told["name"], value) == (True, "stderr", result(1, "2"))
    assert shown in told["text"]


def test_a_warning_names_its_cell(session: Session) -> None:
    (shown,) = session.run_cell("import warnings\nwarnings.simplefilter('always')\n1if 1else 2;").outputs
    assert "<ipython-input-1-" in shown["text"]


def test_traceback_shows_the_cell_without_colours(session: Session) -> None:
    (error,) = session.run_cell("x = 1\n\nx / 0").outputs
    assert "----> 3 x / 0" in error["traceback"]
    assert "\x1b" not in "".join(error["traceback"])


def test_help_is_shown(session: Session) -> None:
    for source in ("help(len)", "len?"):
        (shown,) = session.run_cell(source).outputs
        assert "number of items" in shown["text"]


def test_warnings_cost_nothing(session: Session) -> None:
    run = session.run_cell("import numpy as np\nnp.log(np.zeros(1))[0]")
    assert run.ok
    assert [output["output_type"] for output in run.outputs] == ["stream", "execute_result"]


def test_cells_share_names_and_count(session: Session) -> None:
    session.run_cell("x = 20")
    session.run_cell("def f(): return x + 1")
    run = session.run_cell("f(), _i1")
    assert (run.count, run.outputs) == (3, [result(3, "(21, 'x = 20')")])


@pytest.mark.parametrize(
    "source",
    [
        "for number in range(10**4): print(number)",
        "import sys\nfor number in range(10**4): print(number, file=[sys.stdout, sys.stderr][number % 2])",
        "print('x' * 10**7)",
        "for number in range(1000): display(number)",
        "'x' * 10**6",
    ],
)
def test_output_is_cut(source: str, sandbox: Sandbox) -> None:
    with sandbox.open() as session:
        run = session.run_cell(source)
        assert run.truncated
        assert sum(len(str(output)) for output in run.outputs if output["output_type"] != "error") < 20_000
        cut = [output for output in run.outputs if "the output was cut here: a cell may give 2000 bytes" in str(output)]
        assert len(cut) == 1
        assert session.run_cell("1 + 1").outputs == [result(2, "2")]


def test_output_of_a_thread_that_goes_on_is_dropped(session: Session) -> None:
    session.run_cell(
        "import threading, time\n"
        "def speak():\n    while True:\n        print('x'); time.sleep(0.001)\n"
        "threading.Thread(target=speak, daemon=True).start()"
    )
    time.sleep(0.05)
    assert session.call("abs", (1,), {}) == 1 if session.run_cell("abs = abs").ok else False


# --- calls ------------------------------------------------------------------------------------------------------------

FUNCTIONS = """
import numpy as np

def forward(x, w=1.0):
    return x * w, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout * w, (dout * x).sum()

def same(*args, **kwargs):
    return args[0]

def spoil(x):
    x += 100
    return x

def gradients(x):
    return 1.5, {'W': x, 'b': x.sum(), 'extra': [x]}

def identity(thing):
    return id(thing)

buffer = np.zeros(2)

def weighed(x):
    return (x * np.arange(x.size)).sum(), x

def refilled(x):
    buffer[:] = x
    return buffer, 0

def todo():
    raise NotImplementedError('尚未完成')

class Model:
    def __init__(self):
        raise RuntimeError('not called')

    def loss(self, x, scale=1):
        return (self.params['W'] * x).sum() * scale, {'W': x}

    def state(self):
        return ' '.join(sorted(self.__dict__)), self.dtype, self.names[1]
"""


WEIGHED: CallSpec = ("weighed", (Moving(),), {}, None)


@pytest.fixture
def functions(session: Session) -> Session:
    assert session.run_cell(FUNCTIONS).ok
    return session


def test_an_array_that_is_filled_anew_by_each_call_is_sent_as_each_call_left_it(functions: Session) -> None:
    x = np.array([1.0, 2.0])
    moved = functions.sweep(("refilled", (Moving(),), {}, None), x, 0.5, range(2), pick=0)
    assert [list(one) for one in moved] == [[1.5, 2], [0.5, 2], [1, 2.5], [1, 1.5]]


def test_values_and_caches(functions: Session) -> None:
    x = np.arange(4.0)
    out, cache = functions.call("forward", (x,), {"w": 2.0})
    assert np.array_equal(out, 2 * x)
    assert isinstance(cache, Handle)
    assert repr(cache) == "<a tuple, kept in the sandbox>"
    dx, dw = functions.call("backward", (np.ones(4), cache), {})
    assert np.array_equal(dx, np.full(4, 2.0))
    assert dw == 6


@pytest.mark.parametrize(
    "value",
    [
        (1, [2, (3, None)]),
        {1: "a", "b": {"c": np.ones(2)}},
        [np.float32(1), 2**80, 1j],
        np.float32,
        float,
        np.dtype("f4"),
    ],
)
def test_argument_arrives_as_it_was(value: Any, functions: Session) -> None:
    functions.run_cell("seen = []\ndef keep(value):\n    seen.append(value)\n    return repr(value)")
    assert functions.call("keep", (value,), {}) == repr(value)


def test_argument_is_a_copy(functions: Session) -> None:
    x = np.ones(3)
    for _ in range(2):
        assert functions.call("spoil", (x,), {})[0] == 101
    assert [one[0] for one in functions.sweep(("spoil", (Moving(),), {}, None), x, 1.0, range(1))] == [102, 100]
    assert x[0] == 1


def test_dictionary_comes_by_value_and_goes_back_as_itself(functions: Session) -> None:
    loss, grads = functions.call("gradients", (np.ones(3),), {})
    assert (loss, sorted(grads)) == (1.5, ["W", "b", "extra"])
    assert isinstance(grads, RemoteDict)
    assert isinstance(grads["extra"], Handle)
    assert functions.call("identity", (grads,), {}) == functions.call("identity", (grads,), {})


def test_method_gets_the_state_by_value(functions: Session) -> None:
    state = {"params": {"W": np.arange(3.0)}, "dtype": np.float32, "names": {1: "猫"}}
    loss, grads = functions.call("Model.loss", (np.ones(3),), {"scale": 2}, state)
    assert (loss, list(grads)) == (6, ["W"])
    names, dtype, name = functions.call("Model.state", (), {}, state)
    assert (names, name) == ("dtype names params", "猫")
    assert isinstance(dtype, Handle)


def test_many_calls_in_order(functions: Session) -> None:
    x = np.zeros(1500)
    values = functions.sweep(WEIGHED, x, 1.0, range(1500), pick=0)
    assert values == [number * step for number in range(1500) for step in (1, -1)]
    assert functions.sweep(WEIGHED, x, 1.0, range(0)) == []
    assert isinstance(functions.sweep(("forward", (Moving(),), {}, None), x, 1.0, range(1))[0][1], Handle)


def test_batch_is_fast(functions: Session) -> None:
    taken = []
    for _ in range(5):
        started = time.process_time()
        functions.sweep(WEIGHED, np.ones(1000), 1.0, range(1000), pick=0)
        taken.append(time.process_time() - started)
    assert min(taken) < 0.15  # measured: 0.03 s, but for one into which a collection of garbage falls


def test_error_of_a_function(functions: Session) -> None:
    with pytest.raises(NotImplementedError, match="尚未完成") as caught:
        functions.call("todo", (), {})
    assert isinstance(caught.value, RemoteError)
    assert caught.value.inside == "todo"
    assert "in todo" in caught.value.traceback
    assert "child.py" not in caught.value.traceback


def test_error_below_another_function_tells_the_line_that_called_it(session: Session) -> None:
    class Named:
        name = "outer"
        latest: ClassVar[dict[str, object]] = {}

    assert session.run_cell("def inner(x):\n    return x[9]\n\n\ndef outer(x):\n    return inner(x)").ok
    with pytest.raises(RemoteError) as caught:
        session.call("outer", (np.ones(1),), {})
    assert Diagnosis.called_from(caught.value, Named(), "inner") == "，是 outer 第 6 行调用的"


@pytest.mark.parametrize(
    ("code", "name", "builtin"),
    [
        ("import numpy as np\ndef f(): return np.linalg.inv(np.zeros((2, 2)))", "LinAlgError", ValueError),
        ("def f(): return bytes(10**10)", "MemoryError", MemoryError),
        ("def f(): raise SystemExit", "SystemExit", RemoteError),
        ("def f(): raise KeyboardInterrupt", "KeyboardInterrupt", RemoteError),
        ("def f(): raise ExceptionGroup('', [OSError()])", "ExceptionGroup", RemoteError),
        ("def f(x): pass", "TypeError", TypeError),
        ("g = 1", "NameError", NameError),
        ("f = 1", "TypeError", TypeError),
        ("def f(): return f()", "RecursionError", RecursionError),
        ("class E(ValueError):\n    def __str__(self): raise OSError\ndef f(): raise E", "E", ValueError),
        ("def f(): raise type('x' * 10**6, (Exception,), {})('y' * 10**6)", "x" * 100, RemoteError),
        ("def f(): raise TimeoutError", "TimeoutError", TimeoutError),
    ],
)
def test_errors_keep_their_class(code: str, name: str, builtin: type[Exception], session: Session) -> None:
    session.run_cell(code)
    with pytest.raises(builtin) as caught:
        session.call("f", (), {})
    assert isinstance(caught.value, RemoteError)
    assert caught.value.name == name
    assert session.run_cell("1").ok


def test_batch_stops_at_the_first_error(functions: Session) -> None:
    functions.run_cell(
        "made = []\ndef step(x):\n    made.append(x)\n    return 1 / (3 - len(made)), x\ndef count(): return len(made)"
    )
    with pytest.raises(ZeroDivisionError):
        functions.sweep(("step", (Moving(),), {}, None), np.zeros(3), 1.0, range(3), pick=0)
    assert functions.call("count", (), {}) == 3


def test_picking_what_is_not_there_is_refused(functions: Session) -> None:
    with pytest.raises(Refused, match="a float where a tuple of at least 2 values was expected"):
        functions.sweep(("same", (1.0,), {}, None), np.zeros(1), 1.0, range(1), pick=1)


def test_what_can_be_unpacked_in_the_notebook_can_be_unpacked_here(functions: Session) -> None:
    functions.run_cell(
        "def lazy(x): return (y for y in (x, np.ones(2), print))\n"
        "def values(x): return {'a': x, 'b': 2}.values()\ndef broken(): return (1 / n for n in (1, 0))\n"
        "def endless(): return map(int, iter(int, 1))\nclass Own: pass\ndef own(): return Own()"
    )
    returned = functions.call("lazy", (3.0,), {})
    number, array, function = returned
    assert (number, array.tolist(), function.what) == (3.0, [1.0, 1.0], "a builtin_function_or_method")
    assert Diagnosis.fault(returned, (3,)) == "应该是数组，得到的是 generator：用 np.array(list(…)) 变成数组"
    assert list(functions.call("values", (1,), {})) == [1, 2]
    assert len(list(functions.call("endless", (), {}))) == 256
    with pytest.raises(ZeroDivisionError):
        functions.call("broken", (), {})
    with pytest.raises(TypeError, match="cannot unpack non-iterable Own object"):
        _, _ = functions.call("own", (), {})


def test_handles_hold_in_their_own_session_only(functions: Session, sandbox: Sandbox) -> None:
    _, cache = functions.call("forward", (1.0,), {})
    with sandbox.open() as other, pytest.raises(Refused, match="a tuple of another session"):
        other.call("abs", (cache,), {})


def test_reply_larger_than_allowed_is_a_handle(functions: Session) -> None:
    functions.run_cell("def large(): return np.zeros((1 << 20) + 1), 1")
    large, small = functions.call("large", (), {})
    assert (large.what, small) == ("an array of shape (1048577,) of 8388616 bytes, more than a reply may hold", 1)


def test_prints_of_functions_are_dropped(functions: Session) -> None:
    functions.run_cell("def loud(): print('x' * 10**6); return 1")
    assert functions.call("loud", (), {}) == 1
    assert functions.run_cell("2").outputs[0]["data"] == {"text/plain": "2"}


# --- ends -------------------------------------------------------------------------------------------------------------

SPIN = "while True: pass"
ENDS = {
    "endless loop": (SPIN, "timeout", "took longer than 1.5 s"),
    "endless sleep": ("import time\ntime.sleep(60)", "timeout", "took longer than 1.5 s"),
    "endless loop in C": ("import re\nre.match('(a+)+$', 'a' * 40 + 'b')", "timeout", "took longer than 1.5 s"),
    "catches everything": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "timeout",
        "took longer than 1.5 s",
    ),
    "exit": ("import os\nos._exit(0)", "crashed", "exited by itself with status 0"),
    "exit with a status": ("import os\nos._exit(3)", "crashed", "exited by itself with status 3"),
    "segmentation fault": ("import ctypes\nctypes.string_at(0)", "crashed", "SIGSEGV"),
    "abort": ("import os\nos.abort()", "crashed", "SIG"),
    "closes its channel": ("import os\nos.closerange(3, 64)", "crashed", "could no longer answer"),
    "lives on without its channel": (
        "import gc, socket, time\n"
        "[o for o in gc.get_objects() if isinstance(o, socket.socket)][0].shutdown(2)\ntime.sleep(60)",
        "crashed",
        "closed its channel",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDS)
def test_end_is_told_with_its_reason(name: str, hasty: Sandbox) -> None:
    source, how, reason = ENDS[name]
    started = time.monotonic()
    with hasty.open() as session:
        with pytest.raises(Ended, match=reason) as caught:
            session.run_cell(source)
        assert caught.value.how == how
        assert f"the cell that starts with '{source.splitlines()[0]}'" in caught.value.reason
        assert time.monotonic() - started < 30
        with pytest.raises(Ended, match=reason):
            session.call("abs", (1,), {})


def test_recursion_without_limit(session: Session) -> None:
    source = "import sys, ctypes\nsys.setrecursionlimit(10**9)\nf = ctypes.CFUNCTYPE(None)(lambda: f())\nf()"
    try:
        assert session.run_cell(source)  # from Python 3.12 on, C code has a limit of its own
    except Ended as ended:
        assert (ended.how, "SIGSEGV" in ended.reason) == ("crashed", True)


@pytest.mark.slow
def test_cpu_time_is_limited() -> None:
    patient = replace(LIMITS, cell_seconds=100.0, cpu_seconds=1)
    busy = "import time\nwhile time.process_time() < 3: pass"
    with Sandbox(patient) as sandbox, sandbox.open() as session:
        with pytest.raises(Ended, match="used more than 1 s of CPU time") as caught:
            session.run_cell(busy)
        assert caught.value.how == "timeout"
    with Sandbox(patient, off=frozenset({"cpu"})) as sandbox, sandbox.open() as session:
        assert session.run_cell(busy).ok


@pytest.mark.slow
def test_call_that_does_not_end(session: Session) -> None:
    session.run_cell("import time\ndef f(x):\n    time.sleep(60 if x[1] else 0)\n    return x, 0")
    with pytest.raises(Ended, match="a call of f took longer than 2 s") as caught:
        session.sweep(("f", (Moving(),), {}, None), np.zeros(3), 1.0, range(3), pick=0)
    assert caught.value.how == "timeout"


@pytest.mark.slow
def test_time_of_a_call_holds_for_each_call_of_a_batch(session: Session) -> None:
    session.run_cell("import time\ndef f(x):\n    time.sleep(0.5)\n    return x.sum(), 0")
    assert session.sweep(("f", (Moving(),), {}, None), np.zeros(3), 1.0, range(3), pick=0) == [1, -1] * 3


def test_time_of_a_submission_holds_for_all_its_calls(sandbox: Sandbox) -> None:
    with sandbox.open(time.monotonic() + 1.0) as session:
        session.run_cell("import time\ndef f(x): time.sleep(0.2)")
        with pytest.raises(Ended, match="the submission took longer than") as caught:
            for number in range(10):
                session.call("f", (number,), {})
        assert caught.value.how == "timeout"


def test_time_of_a_submission_runs_on_while_nobody_waits(sandbox: Sandbox) -> None:
    with sandbox.open(time.monotonic() + 0.5) as session:
        time.sleep(0.6)
        with pytest.raises(Ended, match="the submission took longer than"):
            session.run_cell("1")


def test_a_text_that_comes_is_the_very_text_of_the_code(session: Session) -> None:
    session.run_cell(
        "class Model:\n    def kind(self): return self.cell_type is 'rnn'\ndef f(kind): return kind is 'rnn'"
    )
    state = {"cell_type": "".join(["r", "nn"])}
    assert session.call("Model.kind", (), {}, state) is True
    assert session.call("f", ("".join(["r", "nn"]),), {}) is True


def test_a_stand_in_asks_here_and_a_cache_of_the_students_own_arrives_as_its_call(session: Session) -> None:
    session.run_cell("def forward(x, w): return x * w, object()\ndef backward(d, cache): return 'mine'")
    session.run_cell("def both(x): y, cache = forward(x, 2.0); return backward(1.0, cache)")
    asked = []

    def answer(name: str, args: Any, kwargs: Any, state: Any) -> Any:
        asked.append((name, args, kwargs, state))
        return 7.0

    session.stand_in(["backward"], {"backward": "forward"}, answer)
    assert session.call("both", (3.0,), {}) == 7.0
    assert asked == [("backward", (1.0, {CALL: ["forward", (3.0, 2.0), {}]}), {}, None)]


def test_the_cache_of_a_stand_in_holds_the_arrays_that_it_is_given(session: Session) -> None:
    """Whoever takes one buffer for all steps has the last one in every cache, beside a stand-in as with their own."""
    session.run_cell(
        "import numpy as np\ndef step(x): pass\ndef f():\n    x = np.zeros(2)\n    out, cache = step(x)\n"
        "    x[:], out[:] = 1, 2\n    return [float(kept[0]) for kept in cache]"
    )
    session.stand_in(["step"], {}, lambda name, args, kwargs, state: (args[0] + 5, (args[0] * 1, args[0] + 5)))
    assert session.call("f", (), {}) == (1.0, 2.0)


def test_what_a_stand_in_raises_is_raised_inside(session: Session) -> None:
    session.run_cell("def g(x): return x")
    session.run_cell(
        "def f(x):\n    try:\n        return g(x)\n    except ValueError as error:\n        return str(error)"
    )

    def answer(*_: Any) -> Any:
        raise ValueError("of the reference")

    session.stand_in(["g"], {}, answer)
    assert session.call("f", (1.0,), {}) == "of the reference"
    session.run_cell("def h(): return g(print)")
    with pytest.raises(TypeError, match="neither a number nor an array"):
        session.call("h", (), {})


def test_right_values_take_the_place_of_wrong_ones_in_a_cache(session: Session) -> None:
    session.run_cell("import numpy as np\ndef f(h): return h, {'steps': [(h[:, 0], 1), (h[:, 1], 2)], 'all': h}")
    session.run_cell("def read(cache): return cache['all'], cache['steps'][1][0]")
    wrong, right = np.arange(12.0).reshape(2, 3, 2), np.arange(12.0).reshape(2, 3, 2) + 100
    _, cache = session.call("f", (wrong,), {})
    whole, second = session.call("read", (session.patched(cache.handle, wrong, right),), {})
    np.testing.assert_array_equal(whole, right)
    np.testing.assert_array_equal(second, right[:, 1])


def test_memory_that_the_service_itself_needs(session: Session) -> None:
    session.run_cell(
        "import numpy as np\nkept, more = np.ones((1 << 10, 60 << 10)), []\n"
        "def f():\n    return (kept[:, : 1 << 10],) * 8"  # no block of memory, so that to send it takes another
    )
    with pytest.raises(Ended, match="needed more than the 768 MiB it may use") as caught:
        for _ in range(40):
            session.call("f", (), {})
            session.run_cell("more.append(np.ones(1 << 20))")
    assert caught.value.how == "memory"


def test_closed_session_says_so(sandbox: Sandbox) -> None:
    session = sandbox.open()
    session.close()
    session.close()
    with pytest.raises(Ended, match="this sandbox was closed"):
        session.run_cell("1")


def test_one_session_ends_and_the_other_goes_on(sandbox: Sandbox) -> None:
    with sandbox.open() as good, sandbox.open() as bad:
        with pytest.raises(Ended):
            bad.run_cell("import os\nos._exit(1)")
        assert good.run_cell("1 + 1").ok


# --- forgeries --------------------------------------------------------------------------------------------------------

FORGE = """
import gc, socket, struct, sys, threading, time
import msgpack
channel = next(thing for thing in gc.get_objects() if type(thing) is socket.socket)

def send(message, blob=b''):
    header = msgpack.packb(message)
    channel.sendall(struct.pack('>IQ', len(header), len(blob)) + header + blob)

def number():
    frame = sys._getframe()
    while 'request' not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals['request'].number
"""
FORGERIES = {
    "an early reply": "def f():\n    send([1, 0, 'returned', [1]])\n    return 2",
    "a reply with the right number": "def f():\n    send([number(), 0, 'returned', [1]])\n    return 2",
    "a reply twice": "def f():\n    for _ in range(2): send([number(), 0, 'returned', [1]])\n    return 2",
    "a reply after the reply": (
        "def f():\n    threading.Timer(0.1, send, [[number(), 1, 'returned', [1]]]).start()\n    return 2"
    ),
    "another place in the batch": "def f():\n    send([number(), 5, 'returned', [1]])\n    return 2",
    "more values than calls": "def f():\n    send([number(), 0, 'returned', [1, 2, 3]])\n    return 2",
    "no values": "def f():\n    send([number(), 0, 'returned', []])\n    return 2",
    "another kind": "def f():\n    send([number(), 0, 'ran', [], True, 1, False])\n    return 2",
    "a number that is none": "def f():\n    send([True, 0, 'returned', [1]])\n    return 2",
    "an error without a name": "def f():\n    send([number(), 0, 'raised', [], '', ''])\n    return 2",
    "an error of numbers": "def f():\n    send([number(), 0, 'raised', [1], 2, 3])\n    return 2",
    "a nested list": "def f():\n    send([number(), 0, 'returned', [[[1]]]])\n    return 2",
    "garbage": "def f():\n    channel.sendall(b'x' * 100)\n    return 2",
    "announcing four gigabytes": "def f():\n    channel.sendall(struct.pack('>IQ', 2**32 - 1, 0))\n    time.sleep(60)",
    "announcing a huge blob": "def f():\n    channel.sendall(struct.pack('>IQ', 10, 2**63))\n    time.sleep(60)",
    "a blob beyond the limit": "def f():\n    send([number(), 0, 'returned', [1]], bytes(9 << 20))\n    return 2",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgery_ends_the_session_or_equals_returning(name: str, session: Session) -> None:
    assert session.run_cell(FORGE).ok
    assert session.run_cell(FORGERIES[name]).ok
    with pytest.raises(Ended, match="broke the protocol") as caught:
        assert session.call("f", (), {}) in (1, 2)
        time.sleep(0.2)
        session.call("f", (), {})
    assert caught.value.how == "crashed"


@pytest.mark.slow
def test_reply_that_trickles_in_is_late(session: Session) -> None:
    session.run_cell(FORGE)
    session.run_cell(
        "def f():\n    channel.sendall(struct.pack('>IQ', 1 << 20, 0))\n"
        "    while True:\n        channel.sendall(b'x')\n        time.sleep(0.01)"
    )
    with pytest.raises(Ended, match="took longer than 2 s") as caught:
        session.call("f", (), {})
    assert caught.value.how == "timeout"


@pytest.mark.slow
def test_one_who_stops_reading_is_late(session: Session) -> None:
    session.run_cell(
        "import re, threading, time\n"
        "def hold(): time.sleep(0.2); re.match('(a+)+$', 'a' * 40 + 'b')\n"
        "threading.Thread(target=hold, daemon=True).start()"
    )
    time.sleep(0.4)
    with pytest.raises(Ended) as caught:
        session.call("abs", (np.zeros(1 << 20),), {})
    assert caught.value.how == "timeout"


def test_descriptors_sent_along_are_not_taken(session: Session) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    session.run_cell(FORGE)
    session.run_cell("def f():\n    socket.send_fds(channel, [b''], [0] * 8)\n    return 1")
    session.run_cell(
        "null = open('/dev/null')\ndef g():\n    socket.send_fds(channel, [b'x'], [null.fileno()])\n    return 1"
    )
    session.call("f", (), {})
    with pytest.raises(Ended):
        session.call("g", (), {})
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_forged_outputs_of_a_cell(session: Session) -> None:
    session.run_cell(FORGE)
    with pytest.raises(Ended, match="broke the protocol"):
        session.run_cell(
            "send([number(), 0, 'ran', [{'output_type': 'display_data', 'data': {'text/html': 1}}], 1, 1, 0])"
        )


@pytest.mark.parametrize("patch", ["import msgpack\nmsgpack.packb = None", "import builtins\nbuiltins.len = None"])
def test_breaking_the_service_ends_it(patch: str, session: Session) -> None:
    with pytest.raises(Ended, match="could no longer answer"):
        session.run_cell(patch)
