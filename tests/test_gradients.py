"""The batched gradients give bit for bit what the notebook's own helpers give, in a few messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assignment.grading.proxies import CHUNK, MOVING, Student, batched
from assignment.grading.reference import SWEEPS, Homework


class Local:
    """A session in this process; counts its messages."""

    def __init__(self, **functions: Any) -> None:
        self.functions = functions
        self.messages = 0

    def call(self, name: str, args: Any, kwargs: Any, state: Any = None) -> Any:
        self.messages += 1
        return self._run(name, args, kwargs, state)

    def sweep(self, call: Any, x: Any, h: float, entries: range, pick: int | None = None) -> list[Any]:
        self.messages += 1
        name, *rest = call
        values = [self._run(name, *(put(part, moved) for part in rest)) for moved in moves(x, h, entries)]
        return values if pick is None else [value[pick] for value in values]

    def _run(self, name: str, args: Any, kwargs: Any, state: Any) -> Any:
        return self.functions[name](*(() if state is None else (state,)), *args, **kwargs)


def moves(x: Any, h: float, entries: range) -> list[Any]:
    """x with one entry moved up, then down, for each entry."""
    units = np.eye(x.size).reshape(-1, *x.shape)
    return [np.where(units[entry] == 1, x + step, x) for entry in entries for step in (h, -h)]


def put(value: Any, row: Any) -> Any:
    """A call's arguments with the moved array in its place."""
    if value is MOVING:
        return row.copy()
    if isinstance(value, dict):
        return {key: put(item, row) for key, item in value.items()}
    return tuple(put(item, row) for item in value) if isinstance(value, tuple) else value


def plain_array(f: Any, x: Any, df: Any, h: float = 1e-5) -> Any:
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        old = x[index]
        x[index] = old + h
        pos = np.array(f(x))
        x[index] = old - h
        neg = np.array(f(x))
        x[index] = old
        gradient[index] = np.sum((pos - neg) * df) / (2 * h)
    return gradient


def plain_scalar(f: Any, x: Any, verbose: bool = True, h: float = 1e-5) -> Any:
    return plain_array(f, x, 1.0, h)


GIVEN = {"eval_numerical_gradient_array": plain_array, "eval_numerical_gradient": plain_scalar}


def step(x: Any, w: Any, b: Any) -> Any:
    return np.tanh(x @ w + b), object()


@pytest.fixture
def data() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "x": rng.normal(size=(4, 5)),
        "w": rng.normal(size=(5, 3)),
        "b": rng.normal(size=3),
        "d": rng.normal(size=(4, 3)),
    }


@pytest.mark.parametrize("name", ["x", "w", "b"])
def test_of_an_array(data: dict[str, Any], name: str) -> None:
    session = Local(step=step)
    student = Student(session)
    proxy = student.function("step")
    args = {key: data[key] for key in ("x", "w", "b")}
    got = batched(student, GIVEN)["eval_numerical_gradient_array"](
        lambda v: proxy(**{**args, name: v})[0], data[name], data["d"]
    )
    want = plain_array(lambda v: step(**{**args, name: v})[0], data[name], data["d"])
    assert np.array_equal(got, want)
    assert session.messages == 1


def test_of_a_parameter_inside_an_object(data: dict[str, Any]) -> None:
    class Model:
        def __init__(self) -> None:
            self.params = {"w": data["w"].copy(), "b": data["b"].copy()}

    def loss(state: Any, x: Any) -> Any:
        return np.sum(np.tanh(x @ state["params"]["w"] + state["params"]["b"]) ** 2), {}

    session = Local(**{"Model.loss": loss})
    student = Student(session)
    model = Model()
    Model.loss = student.method("Model.loss")  # type: ignore[attr-defined]
    given = batched(student, GIVEN)
    for key in model.params:
        got = given["eval_numerical_gradient"](
            lambda _: student.method("Model.loss")(model, data["x"])[0], model.params[key], verbose=False, h=1e-6
        )
        want = plain_scalar(lambda _: loss(vars(model), data["x"])[0], model.params[key], h=1e-6)
        assert np.array_equal(got, want), key
    assert session.messages == 2


def test_what_the_reference_answers_is_remembered_for_a_while(homework: Homework) -> None:
    def swept(x: Any) -> list[Any]:
        call: tuple[Any, ...] = ("temporal_affine_forward", (MOVING, np.eye(2), np.zeros(2)), {}, None)
        return homework.sweep(call, x, 0.5, range(x.size), 0)

    first = swept(np.zeros((1, 1, 2)))
    assert np.array_equal(first, [[[[0.5, 0]]], [[[-0.5, 0]]], [[[0, 0.5]]], [[[0, -0.5]]]])
    assert swept(np.zeros((1, 1, 2))) is first
    for number in range(SWEEPS):
        swept(np.full((1, 1, 2), number + 1.0))
    again = swept(np.zeros((1, 1, 2)))
    assert again is not first
    assert np.array_equal(again, first)


def test_a_large_one_goes_in_several_messages() -> None:
    session = Local(step=step)
    student = Student(session)
    proxy = student.function("step")
    x, w, b = np.zeros((1, CHUNK + 1)), np.ones((CHUNK + 1, 1)), np.zeros(1)
    batched(student, GIVEN)["eval_numerical_gradient_array"](lambda v: proxy(v, w, b)[0], x, np.ones((1, 1)))
    assert session.messages == 2


def test_a_function_that_computes_with_its_result_is_evaluated_one_by_one(data: dict[str, Any]) -> None:
    session = Local(step=step)
    student = Student(session)
    proxy = student.function("step")
    x = data["x"].copy()
    got = batched(student, GIVEN)["eval_numerical_gradient_array"](
        lambda v: 2 * proxy(v, data["w"], data["b"])[0], x, data["d"]
    )
    want = plain_array(lambda v: 2 * step(v, data["w"], data["b"])[0], data["x"], data["d"])
    assert np.array_equal(got, want)
    assert np.array_equal(x, data["x"])  # put back after the batch was given up
    assert session.messages == 2 * x.size


def test_an_argument_computed_from_x_is_seen(data: dict[str, Any]) -> None:
    student = Student(Local(step=step))
    proxy = student.function("step")
    for argument in (lambda v: 2 * v, lambda v: v[::1], lambda v: v.T.T):
        got = batched(student, GIVEN)["eval_numerical_gradient_array"](
            lambda v, argument=argument: proxy(argument(v), data["w"], data["b"])[0], data["x"], data["d"]
        )
        want = plain_array(
            lambda v, argument=argument: step(argument(v), data["w"], data["b"])[0], data["x"], data["d"]
        )
        assert np.array_equal(got, want)


def test_calls_are_remembered_by_the_objects_they_returned(data: dict[str, Any]) -> None:
    student = Student(Local(step=step, back=lambda d, cache: (d, d)))
    out, cache = student.function("step")(data["x"], data["w"], data["b"])
    _, second = student.function("back")(data["d"], cache)
    origin = student.origin(second)
    assert origin is not None and origin.path == (1,) and origin.call.function == "back"
    made_by = origin.call.args[1]
    assert made_by.path == (1,) and made_by.call.function == "step"
    assert np.array_equal(made_by.call.args[0], data["x"]) and made_by.call.args[0] is not data["x"]
    assert student.origin(out.copy()) is None
    student.forget()
    assert student.origin(out) is None
