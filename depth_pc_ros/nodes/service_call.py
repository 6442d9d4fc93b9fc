"""A call of a service that waits for its answer, while another thread spins the node."""

import threading
from typing import Any


def answer_within(client, request, within_s: float) -> Any:
    """The response of a client's service; None: none came within this time, and a later one is not taken."""
    answered = threading.Event()
    future = client.call_async(request)
    future.add_done_callback(lambda _: answered.set())
    if not answered.wait(within_s):
        client.remove_pending_request(future)
        return None
    return future.result()
