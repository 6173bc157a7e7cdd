"""A web service with FastAPI and SQLModel on ubiqlite: accounts, and transfers between them.

Run it with ``uvicorn app:app``. The database is ``bank.db``, or what ``DATABASE_URL`` names.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

URL = os.environ.get("DATABASE_URL", "sqlite+ubiqlite:///bank.db?journal_mode=wal&foreign_keys=true&timeout=30")

engine = create_async_engine(URL)


class AccountData(SQLModel):
    """What a client sends of an account."""

    owner: str = Field(min_length=1)
    balance: int = Field(default=0, ge=0)


class Account(AccountData, table=True):
    """A row of the table."""

    id: int | None = Field(default=None, primary_key=True)


class Transfer(SQLModel):
    """Money on its way."""

    source: int
    target: int
    amount: int = Field(gt=0)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Makes the tables, and closes the connections at the end."""
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    yield
    await engine.dispose()


async def session() -> AsyncIterator[AsyncSession]:
    """Gives each request a session, which is rolled back unless it was committed."""
    async with AsyncSession(engine, expire_on_commit=False) as made:
        yield made


async def approve(transfer: Transfer) -> None:
    """Stands for a question to another service, in the middle of the transaction."""


def approval() -> Callable[[Transfer], Awaitable[None]]:
    """Returns the function that approves transfers."""
    return approve


Session = Annotated[AsyncSession, Depends(session)]
app = FastAPI(lifespan=lifespan)


@app.post("/accounts", status_code=201)
async def open_account(data: AccountData, db: Session) -> Account:
    """Opens an account."""
    account = Account.model_validate(data)
    db.add(account)
    await db.commit()
    return account


@app.get("/accounts")
async def list_accounts(db: Session) -> list[Account]:
    """Returns all accounts, by their number."""
    return list(await db.exec(select(Account).order_by(col(Account.id))))


@app.get("/accounts/{number}")
async def show_account(number: int, db: Session) -> Account:
    """Returns one account."""
    account = await db.get(Account, number)
    if account is None:
        raise HTTPException(404, "there is no such account")
    return account


@app.post("/transfers", status_code=204)
async def transfer(
    order: Transfer, db: Session, approves: Annotated[Callable[[Transfer], Awaitable[None]], Depends(approval)]
) -> None:
    """Moves money: all of it, or none if anything fails or the request is cancelled."""
    # It begins with a change, so that it has the lock before it depends on what it has read.
    taken = await db.exec(
        update(Account)
        .where(col(Account.id) == order.source, col(Account.balance) >= order.amount)
        .values(balance=Account.balance - order.amount)
    )
    if taken.rowcount != 1:
        raise HTTPException(409, "there is no such account, or not enough on it")
    await approves(order)
    given = await db.exec(
        update(Account).where(col(Account.id) == order.target).values(balance=Account.balance + order.amount)
    )
    if given.rowcount != 1:
        raise HTTPException(404, "there is no such account to give it to")
    await db.commit()
