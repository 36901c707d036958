"""Files of repositories on the Hugging Face Hub, or on another server with its protocol (`HF_ENDPOINT`).

They are kept in the Hub's own cache (`HF_HOME`), so a second training needs no network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from galaxy.core.errors import GalaxyError, describe


@dataclass(frozen=True)
class Repository:
    """A repository at a revision: a branch, a tag or a commit; None: the newest commit of its main branch."""

    id: str
    revision: str | None

    @classmethod
    def parse(cls, text: str) -> "Repository":
        """Read `<owner>/<name>` or `<owner>/<name>@<revision>`."""
        name, _, revision = text.partition("@")
        return cls(name, revision or None)

    def __str__(self) -> str:
        return f"hf-hub:{self.id}" + (f"@{self.revision}" if self.revision else "")

    def fetch(self, names: Sequence[str]) -> Path | None:
        """Return the first of these files that the repository has, from the cache or the network; None: none of them.

        The file lies in a folder that is named for the commit.

        Raises:
            GalaxyError: the repository or its revision is unknown or private, or the Hub cannot be reached.
        """
        from huggingface_hub import constants, errors, hf_hub_download

        where = f"{constants.ENDPOINT}/{self.id}"
        login = "log in with `hf auth login` or set HF_TOKEN"
        for name in names:
            try:
                return Path(hf_hub_download(self.id, name, revision=self.revision, library_name="timm"))
            except errors.RemoteEntryNotFoundError:
                continue
            except errors.GatedRepoError:
                raise GalaxyError(f"{self}: its owner restricts access; ask for it on {where}, then {login}") from None
            except errors.RepositoryNotFoundError:
                reason = f"no such repository at {where}, or a private one"
                raise GalaxyError(f"{self}: {reason}; correct the name, or {login}") from None
            except errors.RevisionNotFoundError:
                raise GalaxyError(f"{self}: the repository has no such revision; see {where}/commits/main") from None
            except errors.LocalEntryNotFoundError:
                reason = (
                    f"{constants.ENDPOINT} cannot be reached, and {name} is not in the cache {constants.HF_HUB_CACHE}"
                )
                raise GalaxyError(f"{self}: {reason}; try again with a network, or name a local-dir:") from None
            except errors.HFValidationError as error:
                raise GalaxyError(f"{self}: {describe(error)}") from None
            except Exception as error:  # the Hub's client passes on what its libraries raise
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # a full disk
                raise GalaxyError(f"{self}: {name} cannot be fetched from {where}: {describe(error)}") from None
        return None
