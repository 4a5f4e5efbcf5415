"""How much is let in, as arithmetic: the rate, hosts and keys."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import UsageError
from rag.serve.limits import Guard, Limits, Rate, check_key, is_loopback


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_full_bucket_then_one_token_at_a_time() -> None:
    clock = Clock()
    rate = Rate(6, clock)  # one in ten seconds
    assert [rate.wait("a") for _ in range(6)] == [0] * 6
    assert rate.wait("a") == pytest.approx(10)
    clock.seconds += 4
    assert rate.wait("a") == pytest.approx(6)
    assert rate.wait("b") == 0  # another has a bucket of its own
    clock.seconds += 6
    assert rate.wait("a") == 0
    assert rate.wait("a") == pytest.approx(10)


@given(st.integers(1, 50), st.lists(st.floats(0, 30), max_size=200))
def test_never_more_than_the_bucket_and_what_came_in_since(
    per_minute: int, pauses: list[float]
) -> None:
    clock = Clock()
    rate = Rate(per_minute, clock)
    taken = 0
    for pause in pauses:
        clock.seconds += pause
        wait = rate.wait("a")
        assert 0 <= wait <= 60 / per_minute
        taken += wait == 0
    assert taken <= per_minute * (1 + sum(pauses) / 60) + 1e-6


def test_no_limit_and_many_clients() -> None:
    assert all(Rate(0).wait("a") == 0 for _ in range(1000))
    rate = Rate(1, Clock())
    assert all(rate.wait(str(client)) == 0 for client in range(20_000))
    assert rate.wait("19999") > 0  # of those not heard of longest, nothing is known any more
    assert rate.wait("0") == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_this_machine_needs_no_key(host: str) -> None:
    assert is_loopback(host)
    check_key(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.com", ""])
def test_another_address_needs_one(host: str) -> None:
    with pytest.raises(UsageError, match="needs a key: set ASK_KEY or give --key"):
        check_key(host, None)
    check_key(host, "k")


@pytest.mark.parametrize("key", ["two words", "열쇠", "new\nline"])
def test_a_key_that_no_header_carries_is_refused(key: str) -> None:
    with pytest.raises(UsageError, match="ASCII"):
        check_key("127.0.0.1", key)


def test_what_is_no_http_does_not_reach_the_app() -> None:
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    guard = Guard(app, Limits(), host="127.0.0.1", key="k")
    for kind in ("lifespan", "websocket"):
        asyncio.run(guard({"type": kind}, None, None))  # type: ignore[arg-type]
    assert reached == ["lifespan"]
