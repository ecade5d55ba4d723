from contextlib import asynccontextmanager

from fastapi import FastAPI

from courtside.db import Database
from courtside.routers import bookings, club
from courtside.settings import Settings, get_settings
from courtside.telemetry import instrument


def create_app(settings: Settings, database: Database | None = None) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI):
        await app.state.database.create()
        yield
        await app.state.database.engine.dispose()

    app = FastAPI(title="courtside", version=settings.version, lifespan=lifespan)
    app.state.database = database or Database(settings)
    app.include_router(club.router)
    app.include_router(bookings.router)

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": settings.version}

    instrument(app, settings.version)
    return app


app = create_app(get_settings())
