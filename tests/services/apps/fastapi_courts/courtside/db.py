from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from courtside.models import Base
from courtside.settings import Settings


class Database:
    def __init__(self, settings: Settings, *, pooled: bool = True):
        options = {} if pooled else {"poolclass": NullPool}
        self.engine = create_async_engine(settings.async_url, **options)
        self.session = async_sessionmaker(self.engine, expire_on_commit=False)

    async def create(self) -> None:
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def drop(self) -> None:
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)


async def session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.database.session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]
