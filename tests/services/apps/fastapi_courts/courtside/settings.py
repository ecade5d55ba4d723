from functools import lru_cache

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str = "postgresql://localhost/courtside"
    version: str = "dev"
    currency: str = "EUR"

    @property
    def async_url(self) -> str:
        """The same database through asyncpg."""
        scheme, _, rest = self.database_url.partition("://")
        if scheme in ("postgres", "postgresql"):
            return f"postgresql+asyncpg://{rest}"
        return self.database_url


@lru_cache
def get_settings() -> Settings:
    return Settings()
