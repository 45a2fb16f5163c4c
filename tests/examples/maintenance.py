"""A source of one's own: offline while a file exists."""

import trio

from cometconn.appstate import AppStateTarget, BackgroundGuard


async def follow_file(
    chat: AppStateTarget, path: trio.Path, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with BackgroundGuard(chat) as away:
        task_status.started()
        while True:
            if await path.exists():
                away.begin()
            else:
                away.end()
            await trio.sleep(1)
