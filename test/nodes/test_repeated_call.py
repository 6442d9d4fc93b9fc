"""A service that is asked until it answers: replies come, are refused, or never come."""

import types

import pytest

from depth_pc_ros.nodes.drivers.repeated_call import RepeatedCall

TICK_S = 0.5


class FakeReply:
    answer = None

    def add_done_callback(self, callback):
        self._callback = callback

    def done(self):
        return self.answer is not None

    def result(self):
        return self.answer

    def arrive(self, answer):
        self.answer = answer
        self._callback(self)


class Asked:
    """A call, with the replies that the test makes arrive."""

    def __init__(self):
        self.ready, self.replies, self.removed, self.lost, self.taken = False, [], [], 0, []
        self.call = RepeatedCall(self, None, "name", "request", self._take, self._lose)

    def create_client(self, kind, name):
        return types.SimpleNamespace(
            service_is_ready=lambda: self.ready, call_async=self._ask, remove_pending_request=self.removed.append
        )

    def resolve_service_name(self, name):
        return f"/servo/{name}"

    def _ask(self, request):
        self.replies.append(FakeReply())
        return self.replies[-1]

    def _take(self, answer):
        self.taken.append(answer)
        return answer == "yes"

    def _lose(self):
        self.lost += 1

    def ticks(self, count=1):
        for _ in range(count):
            self.call.tick(TICK_S)


@pytest.fixture
def asked():
    return Asked()


def test_nothing_is_asked_before_the_service_is_there(asked):
    asked.ticks(3)
    assert not asked.replies
    assert asked.call.service == "/servo/name"


def test_it_is_asked_once_at_a_time_and_no_more_after_the_last_answer(asked):
    asked.ready = True
    asked.ticks(2)
    assert len(asked.replies) == 1
    asked.replies[0].arrive("no")
    asked.ticks(2)
    assert len(asked.replies) == 2
    asked.replies[1].arrive("yes")
    asked.ticks(9)
    assert len(asked.replies) == 2
    assert asked.taken == ["no", "yes"]


def test_it_is_asked_again_where_a_reply_never_comes(asked):
    asked.ready = True
    asked.ticks(4)
    assert len(asked.replies) == 1  # 2 s are not over yet
    asked.ticks()
    assert asked.removed == asked.replies[:1]  # nothing is left behind in the client
    assert asked.lost == 1
    assert len(asked.replies) == 2


def test_it_is_asked_again_after_the_service_was_gone(asked):
    asked.ready = True
    asked.ticks()
    asked.replies[0].arrive("yes")
    asked.ready = False
    asked.ticks()
    assert asked.lost == 1
    asked.ready = True
    asked.ticks()
    assert len(asked.replies) == 2


def test_a_reply_that_is_on_its_way_is_dropped_where_the_service_goes(asked):
    asked.ready = True
    asked.ticks()
    asked.ready = False
    asked.ticks()
    assert asked.removed == asked.replies
    asked.ready = True
    asked.ticks()
    assert len(asked.replies) == 2
