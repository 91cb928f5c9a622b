"""The settings of the local cluster, read once from the environment."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from bind_local.paths import cache_folder


def _usable(path: Path) -> Path:
    """Return `path` if it can be used. Raises ValueError for one that configuration files could not hold."""
    if not path.is_absolute() or len(path.parts) < 3:
        raise ValueError(
            f"{path} is not an absolute path below a folder; set it to one such as /var/cache/bind"
        )
    if not all(c.isalnum() or c in "/._-+@" for c in str(path)):
        raise ValueError(
            f"{path} has a character other than letters, digits and /._-+@; choose another folder"
        )
    return path


class Settings(BaseSettings):
    """BIND_CACHE or XDG_CACHE_HOME says where the cache is; everything else follows from it."""

    model_config = SettingsConfigDict(frozen=True)

    xdg_cache_home: Path | None = None
    cache: Annotated[Path | None, AfterValidator(lambda p: p and _usable(p))] = Field(
        default=None, validation_alias="BIND_CACHE"
    )

    def cache_folder(self) -> Path:
        """Return the folder of programs, images and the running cluster's state."""
        return self.cache or _usable(cache_folder(None, self.xdg_cache_home))
