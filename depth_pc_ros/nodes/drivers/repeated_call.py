"""A service of another node that is asked until it answers, and again after that node was gone."""

from collections.abc import Callable


class RepeatedCall:
    """Asks a service at every `tick` until `take` accepts the answer; then, or where it accepts none, again and again.

    take: gets each answer, and says whether that was the last one to ask for. lost: called where the service is gone;
    then it is asked anew. One request is under way at a time; one that has no answer after PATIENCE_S is forgotten.
    """

    PATIENCE_S = 2.0  # an answer never comes where the node ends in between

    def __init__(self, node, kind, name: str, request, take: Callable[[object], bool], lost: Callable[[], None]):
        self._client = node.create_client(kind, name)
        self.service = node.resolve_service_name(name)
        self._request, self._take, self._lost = request, take, lost
        self._reply = None
        self._waited_s = 0.0
        self.ready = self._done = False  # whether the service is there; whether it need not be asked any more

    def tick(self, passed_s: float) -> None:
        """Called regularly, passed_s after the last call."""
        self._waited_s += passed_s
        pending = self._reply is not None and not self._reply.done()
        self.ready = self._client.service_is_ready()
        if pending and (not self.ready or self._waited_s >= self.PATIENCE_S):
            self._client.remove_pending_request(self._reply)
            pending = False
            self._lost()
        if not self.ready:
            self._done, self._reply = False, None
            self._lost()
        elif not self._done and not pending:
            self._waited_s = 0.0
            self._reply = self._client.call_async(self._request)
            self._reply.add_done_callback(self._answered)

    def _answered(self, reply) -> None:
        self._done = self._take(reply.result())
