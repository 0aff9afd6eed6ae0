"""Updates of the program: what is offered, and when somebody may install it. Pure; owned by the session."""

from __future__ import annotations

from device.domain import Action, Announce, EventType, InstallUpdate, RequestUpdate, Update, UpdateCommand, newer


class UpdateControl:
    """`installed`: the version that runs. `enabled`: the owner has named a source."""

    def __init__(self, installed: str, enabled: bool) -> None:
        self.update = Update()
        """What the service that installs updates said last."""
        self._installed = installed
        self._enabled = enabled

    def seen(self, update: Update) -> list[Action]:
        """The service has said something new. An installation that failed is announced."""
        before, self.update = self.update, update
        if before.progress is None or update.progress is not None or not update.problem:
            return []
        facts = {"version": update.latest, "message": update.problem}
        return [Announce(EventType.UPDATE_FAILED, facts)]

    def obey(self, command: UpdateCommand) -> list[Action] | str:
        """Request what somebody wants; a sentence if that is refused."""
        install = isinstance(command, InstallUpdate)
        if not self._enabled:
            return "There is no source of updates; name one in update.source in the settings."
        if self.update.progress is not None:
            return "An update is being installed already."
        if install and not newer(self.update.latest, self._installed):
            return f"Version {self._installed} is the latest that update.source offers."
        return [RequestUpdate(install)]
