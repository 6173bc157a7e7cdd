"""The service under fifty requests at once, and when a request ends in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

import app as service

DEADLINE = 120


def run(test: Callable[[AsyncClient], Awaitable[None]]) -> None:
    """Runs a test with a client of the service, on a new database."""

    async def work() -> None:
        async with service.lifespan(service.app), client() as made:
            async with service.engine.begin() as connection:
                await connection.run_sync(service.SQLModel.metadata.drop_all)
                await connection.run_sync(service.SQLModel.metadata.create_all)
            await asyncio.wait_for(test(made), DEADLINE)

    try:
        asyncio.run(work())
    finally:
        service.app.dependency_overrides.clear()


@asynccontextmanager
async def client() -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(service.app), base_url="http://bank", timeout=DEADLINE) as made:
        yield made


async def accounts(client: AsyncClient, count: int, balance: int) -> list[int]:
    made = [await client.post("/accounts", json={"owner": f"n{n}", "balance": balance}) for n in range(count)]
    assert {reply.status_code for reply in made} == {201}
    return [reply.json()["id"] for reply in made]


async def balances(client: AsyncClient) -> list[int]:
    return [account["balance"] for account in (await client.get("/accounts")).json()]


def test_an_account_can_be_opened_and_shown() -> None:
    async def test(client: AsyncClient) -> None:
        (number,) = await accounts(client, 1, 10)
        assert (await client.get(f"/accounts/{number}")).json() == {"id": number, "owner": "n0", "balance": 10}
        assert (await client.get("/accounts/99")).status_code == 404
        assert (await client.post("/accounts", json={"owner": "", "balance": 1})).status_code == 422

    run(test)


def test_fifty_transfers_at_once_lose_nothing() -> None:
    async def test(client: AsyncClient) -> None:
        numbers = await accounts(client, 10, 100)
        orders = [
            {"source": numbers[n % 10], "target": numbers[(n * 7 + 3) % 10], "amount": 1 + n % 5} for n in range(50)
        ]
        replies = await asyncio.gather(
            *(client.post("/transfers", json=order) for order in orders), *(client.get("/accounts") for _ in range(50))
        )
        assert [reply.status_code for reply in replies] == [204] * 50 + [200] * 50
        # Each list is of one moment.
        assert {sum(row["balance"] for row in reply.json()) for reply in replies[50:]} == {1000}
        wanted = dict.fromkeys(numbers, 100)
        for order in orders:
            wanted[order["source"]] -= order["amount"]
            wanted[order["target"]] += order["amount"]
        assert await balances(client) == list(wanted.values())

    run(test)


@pytest.mark.parametrize("waiting", [1, 20])
def test_a_request_that_is_cancelled_in_a_transaction_changes_nothing(waiting: int) -> None:
    reached = asyncio.Event()

    async def never(_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    async def test(client: AsyncClient) -> None:
        numbers = await accounts(client, 2, 100)
        order = {"source": numbers[0], "target": numbers[1], "amount": 30}
        service.app.dependency_overrides[service.approval] = lambda: never
        # One has the lock, and the others wait for it.
        tasks = [asyncio.ensure_future(client.post("/transfers", json=order)) for _ in range(waiting)]
        await reached.wait()
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in ended), ended
        service.app.dependency_overrides.clear()
        assert await balances(client) == [100, 100]
        assert (await client.post("/transfers", json=order)).status_code == 204
        assert await balances(client) == [70, 130]

    run(test)


def test_a_transfer_to_nobody_is_rolled_back() -> None:
    async def test(client: AsyncClient) -> None:
        (number,) = await accounts(client, 1, 100)
        order = {"source": number, "target": 99, "amount": 30}
        assert (await client.post("/transfers", json=order)).status_code == 404
        assert (await client.post("/transfers", json={**order, "amount": 300})).status_code == 409
        assert await balances(client) == [100]

    run(test)
