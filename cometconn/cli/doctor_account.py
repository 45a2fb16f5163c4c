"""`cometconn doctor`: the saved session, and the login over REST. Nothing is saved."""

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
from .doctor_findings import DoctorStep, SkippedError
from .terminal import SECRETS

if TYPE_CHECKING:
    import pathlib

    from cometconn._account.session import Session
    from cometconn.environment import SystemEnvironment

    from .doctor_findings import Findings
    from .options import Credentials, Options

__all__ = ["DiagnosedAccount"]


@attrs.define(eq=False)
class DiagnosedAccount:
    """The account that the doctor logs in with.

    Attributes:
        app_id: the app's id.
        hosts: the hosts of REST requests.
        api: the REST requests.
        credentials: what the login needs; `None` if no user can be logged in.
        why_not: the reason, if no user can be logged in.
        session: the user's session; `None` while none is logged in.
    """

    app_id: str
    hosts: Hosts
    api: Api
    credentials: Credentials | None = attrs.field(default=None, init=False)
    why_not: str = attrs.field(default="", init=False)
    session: Session | None = attrs.field(default=None, init=False)
    _made_token: bool = attrs.field(default=False, init=False)

    @classmethod
    def of(cls, options: Options, environment: SystemEnvironment, patience: float) -> DiagnosedAccount:
        """Return the account of the options, with a new device id, so that no running client is disturbed."""
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
        """Find the user: that of the saved session, unless a running client uses it, or that of the options."""
        findings.part = "account"
        saved = await self._saved(options.session or default_path(self.app_id), findings)
        try:
            self.credentials = options.credentials.completed(None if saved is None else User(saved.uid))
        except SettingsError as error:
            self.why_not = error.message
            return
        if saved is not None and self.credentials.auth_token is None and self.credentials.uid in {None, saved.uid}:
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
                    message = f"{path} is in use by a running client, and was not opened"
                    raise SkippedError(message) from None
                raise
            if session is not None:
                SECRETS.learn(session.auth_token, session.jwt)
            await store.aclose()  # at once: a client may need it
            return f"{'no user' if session is None else session.uid} in {path}"

        await findings.run(DoctorStep.SAVED_SESSION, look, account_advice)
        return session

    @property
    def _makes_token(self) -> bool:
        return self.session is None and self.credentials is not None and self.credentials.auth_token is None

    def rest_urls(self) -> list[str]:
        """Return the REST URLs that the login needs, as far as they are known before it."""
        client = self.hosts.client({} if self.session is None else self.session.settings)
        return [self.hosts.admin(), client] if self._makes_token else [client]

    async def log_in(self, findings: Findings) -> None:
        """Log in with the saved session or the credentials; sets `session` if that succeeds."""
        saved, self.session = self.session, None
        credentials = self.credentials
        if credentials is None:
            findings.skip(DoctorStep.LOG_IN, self.why_not.rstrip("."))
            return
        token = credentials.auth_token
        if saved is None and token is None:
            token = await self._new_token(credentials, findings)
            if token is None:
                findings.skip(DoctorStep.LOG_IN, "there is no token")
                return

        async def request_session() -> str:
            if saved is not None:
                self.session = await self.api.get_me(saved.auth_token, saved)
                return f"{self.session.uid}, by the saved token"
            assert token is not None, "checked above"
            self.session = await self.api.put_me(token)
            return self.session.uid

        await findings.run(DoctorStep.LOG_IN, request_session, account_advice)

    async def _new_token(self, credentials: Credentials, findings: Findings) -> str | None:
        token: str | None = None

        async def make() -> str:
            nonlocal token
            assert credentials.uid is not None, "completed() raises without one"
            assert credentials.auth_key is not None, "completed() prompts for one"
            token = await self.api.create_auth_token(credentials.uid, credentials.auth_key)
            self._made_token = True
            return f"for {credentials.uid}, by the auth key"

        await findings.run(DoctorStep.NEW_TOKEN, make, account_advice)
        return token

    async def log_out(self, findings: Findings) -> None:
        """Delete the token if the doctor made it; one that was there before stays valid."""
        session = self.session
        if session is None or not self._made_token:
            return

        async def delete_token() -> str:
            await self.api.delete_me(session)
            return "the new token is deleted"

        await findings.run(DoctorStep.LOG_OUT, delete_token, account_advice)
