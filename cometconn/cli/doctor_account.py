"""`cometconn doctor` as a user: the saved session, and logging in over REST. Nothing of it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from cometconn import FileStore, User
from cometconn._account.api import Api
from cometconn._account.file_store import default_path
from cometconn._account.session import Hosts, new_device_id, new_session_id
from cometconn._account.store import IN_USE
from cometconn._client.version import client_info
from cometconn.errors import SettingsError, StoreError

from .doctor_advice import account_advice
from .doctor_findings import SkippedError, Step
from .shown import SECRETS

if TYPE_CHECKING:
    import pathlib

    from cometconn._account.session import Session
    from cometconn.environment import SystemEnvironment

    from .doctor_findings import Findings
    from .options import Account, Options

__all__ = ["Patient"]


@attrs.define(eq=False)
class Patient:
    """Who is examined, and with which right.

    Attributes:
        app_id: CometChat's app.
        hosts: where REST requests go.
        api: the requests.
        account: with which right; `None` if nobody can be logged in.
        nobody: why not.
        session: whose; `None` for nobody yet.
    """

    app_id: str
    hosts: Hosts
    api: Api
    account: Account | None = attrs.field(default=None, init=False)
    nobody: str = attrs.field(default="", init=False)
    session: Session | None = attrs.field(default=None, init=False)
    _made_token: bool = attrs.field(default=False, init=False)

    @classmethod
    def of(cls, options: Options, environment: SystemEnvironment, patience: float) -> Patient:
        """Return the patient that the options describe: a device of its own, which disturbs no running client."""
        hosts = Hosts(options.app_id, options.region, options.endpoints, SECRETS)
        client = client_info()
        api = Api(
            app_id=options.app_id,
            hosts=hosts,
            request=environment.request,
            session_id=new_session_id(client.platform.upper(), client.version),
            device_id=new_device_id(options.app_id),
            version=client.version,
            timeout=patience,
            secrets=SECRETS,
        )
        return cls(options.app_id, hosts, api)

    async def identify(self, options: Options, findings: Findings) -> None:
        """Find out who it is: the user of the saved session, unless another client has it, or of the options."""
        findings.part = "account"
        saved = await self._saved(options.session or default_path(self.app_id), findings)
        try:
            self.account = options.account.completed(None if saved is None else User(saved.uid))
        except SettingsError as error:
            self.nobody = error.message
            return
        if saved is not None and self.account.auth_token is None and self.account.uid in {None, saved.uid}:
            self.session = saved

    async def _saved(self, path: pathlib.Path, findings: Findings) -> Session | None:
        session: Session | None = None

        async def look() -> str:
            nonlocal session
            if not path.exists():
                message = f"none at {path}"
                raise SkippedError(message)
            store = FileStore(path)
            try:
                session = (await store.load(self.app_id)).session
            except StoreError as error:
                if error.code == IN_USE:
                    message = f"{path} is in use by a running client, and left alone"
                    raise SkippedError(message) from None
                raise
            if session is not None:
                SECRETS.learn(session.auth_token, session.jwt)
            await store.aclose()  # at once: a client may want it
            return f"{'nobody' if session is None else session.uid} in {path}"

        await findings.take(Step.SAVED_SESSION, look, account_advice)
        return session

    @property
    def _makes_token(self) -> bool:
        return self.session is None and self.account is not None and self.account.auth_token is None

    def rest_urls(self) -> list[str]:
        """Return the addresses that logging in takes, as far as they are known before."""
        client = self.hosts.client({} if self.session is None else self.session.settings)
        return [self.hosts.admin({}), client] if self._makes_token else [client]

    async def log_in(self, findings: Findings) -> None:
        """Log in with the right we have; afterwards there is a `session`, or there is none."""
        saved, self.session = self.session, None
        account = self.account
        if account is None:
            findings.skip(Step.LOG_IN, self.nobody.rstrip("."))
            return
        token = account.auth_token
        if saved is None and token is None:
            token = await self._new_token(account, findings)
            if token is None:
                findings.skip(Step.LOG_IN, "there is no token")
                return

        async def enter() -> str:
            if saved is not None:
                self.session = await self.api.get_me(saved.auth_token, saved)
                return f"{self.session.uid}, by the saved token"
            assert token is not None, "as said above"
            self.session = await self.api.put_me(token)
            return self.session.uid

        await findings.take(Step.LOG_IN, enter, account_advice)

    async def _new_token(self, account: Account, findings: Findings) -> str | None:
        token: str | None = None

        async def make() -> str:
            nonlocal token
            assert account.uid is not None, "completed"
            assert account.auth_key is not None, "completed"
            token = await self.api.create_auth_token(account.uid, account.auth_key)
            self._made_token = True
            return f"for {account.uid}, by the auth key"

        await findings.take(Step.NEW_TOKEN, make, account_advice)
        return token

    async def log_out(self, findings: Findings) -> None:
        """Give back a token that was made for this examination; one that was there before stays."""
        session = self.session
        if session is None or not self._made_token:
            return

        async def leave() -> str:
            await self.api.delete_me(session)
            return "the new token is given back"

        await findings.take(Step.LOG_OUT, leave, account_advice)
