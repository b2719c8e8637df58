"""Code of a program that comes from git when its pods start, so that a change of code needs no image.

Owns where it comes from and what fetches it. The stack file names the commit: a plan says what runs without asking
anybody, a moved branch changes nothing by itself, and the pods restart when the commit changes (ADR 0036). git itself
proves that what came is that commit. It deliberately keeps nothing between pods.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from bedplate.kubernetes.pods import Container
from bedplate.labels import DOMAIN
from bedplate.spec import EnvironmentName, HttpsUrl, ImageReference, Spec, matching, mistake

CODE_FOLDER = "/tmp/code"
"""In the scratch space of the pod, which the program and what fetches its code have together."""
COMMIT, REF, REPOSITORY = f"{DOMAIN}/code-commit", f"{DOMAIN}/code-ref", f"{DOMAIN}/code-repository"
# renovate: datasource=docker depName=docker.io/alpine/git
GIT_IMAGE = "docker.io/alpine/git:v2.47.2"
_TOKEN = "GIT_TOKEN"
# A token is given to git when it asks for one, and stands in no argument and no file. The user name is one that
# GitHub, GitLab and Bitbucket all take beside a token.
_FETCH = """set -eu
git init -q "$FOLDER"
cd "$FOLDER"
git remote add origin "$REPOSITORY"
if [ -n "${GIT_TOKEN:-}" ]; then
  git config credential.helper '!f() { echo username=x-token-auth; echo "password=$GIT_TOKEN"; }; f'
fi
git fetch -q --depth 1 origin "$COMMIT" || git fetch -q origin "$REF"
git checkout -q --detach "$COMMIT"
git log -1 --format='runs %H of %ad: %s'
"""


def _no_credentials(url: str) -> str:
    if "@" in url.removeprefix("https://").partition("/")[0]:
        raise mistake("has a user in it", "remove it, and name the token's variable in `tokenEnv`")
    return url


class CodeSpec(Spec):
    """A commit of a git repository, put into the working directory of the program."""

    repository: Annotated[HttpsUrl, AfterValidator(_no_credentials)]
    """Address that git clones from, by HTTPS."""
    ref: Annotated[
        str,
        Field(max_length=200),
        matching(
            r"[A-Za-z0-9][A-Za-z0-9._/-]*",
            "must be the name of a branch or a tag",
            "write it like `main` or `v1.4.0`",
        ),
    ] = "main"
    """Branch or tag that the commit is of; whoever renews the commit reads it here."""
    commit: Annotated[
        str,
        matching(
            r"[0-9a-f]{40}",
            "must be a whole commit in 40 digits (0-9, a-f): branches and tags move, and a plan must say what runs",
            "write the first word that `git ls-remote <repository> <ref>` prints",
        ),
    ]
    """What runs; another one restarts the pods."""
    token_env: EnvironmentName | None = None
    """Variable of `secretEnv` with a token that may read the repository; the program itself does not get it."""
    image: ImageReference = GIT_IMAGE
    """Image with git and a shell that fetches it."""

    def annotations(self) -> dict[str, str]:
        """What pods say of the code that they run."""
        return {REPOSITORY: self.repository, REF: self.ref, COMMIT: self.commit}


def fetching(code: CodeSpec, program: Container) -> Container:
    """What puts the code into the scratch space before the program starts."""
    secrets: Mapping[str, str] = program.secret_environment
    return Container(
        name="code",
        image=code.image,
        cpu=min(program.cpu, 0.25),
        memory_gib=min(program.memory_gib, 0.5),
        command=("sh", "-c", _FETCH),
        environment={
            "FOLDER": CODE_FOLDER,
            "REPOSITORY": code.repository,
            "REF": code.ref,
            "COMMIT": code.commit,
            "GIT_TERMINAL_PROMPT": "0",
        },
        secret_environment={_TOKEN: secrets[code.token_env]} if code.token_env else {},
        secret_keys={_TOKEN: code.token_env} if code.token_env else {},
        scratch_gib=program.scratch_gib,
        user=program.user,
    )
