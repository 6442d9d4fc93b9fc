import math

import pytest

from depth_pc_ros.control.watchdog import ClockWatch, InputWatchdog, LifeWatch, StampWatch, stamp_problem


@pytest.mark.parametrize(
    ("stamp_s", "words"),
    [
        (0.0, "no time stamp"),
        (math.nan, "no time stamp"),
        (-1.0, "no time stamp"),
        (100.2, "0.20 s in the future"),
        (99.4, "0.60 s old, at most 0.50 s"),
    ],
)
def test_stamps_that_must_not_move(stamp_s, words):
    assert words in stamp_problem("image", stamp_s, now_s=100.0, max_age_s=0.5)


@pytest.mark.parametrize("stamp_s", [100.09, 100.0, 99.51])
def test_stamps_within_bounds_are_fine(stamp_s):
    assert stamp_problem("image", stamp_s, now_s=100.0, max_age_s=0.5) == ""


def test_watchdog_wants_a_first_message():
    watchdog = InputWatchdog("image", timeout_s=0.5, max_age_s=0.5)
    assert watchdog.problem(10.0) == "no image has arrived"


def test_watchdog_measures_silence_on_the_steady_clock_only():
    watchdog = InputWatchdog("image", timeout_s=0.5, max_age_s=0.5)
    assert watchdog.receive(stamp_s=100.0, now_s=100.0, steady_s=10.0) == ""
    assert watchdog.problem(10.49) == ""
    # /clock stands still at 100 s all the while
    assert watchdog.problem(10.51) == watchdog.silence(10.51)
    assert "no image for 0.5 s" in watchdog.problem(10.51)
    watchdog.receive(stamp_s=100.1, now_s=100.1, steady_s=11.0)
    assert watchdog.problem(11.0) == ""


def test_a_bad_stamp_lasts_until_the_next_good_one():
    watchdog = InputWatchdog("image", timeout_s=0.5, max_age_s=0.5)
    assert "in the future" in watchdog.receive(stamp_s=105.0, now_s=100.0, steady_s=10.0)
    assert "in the future" in watchdog.problem(10.1)
    assert watchdog.silence(10.1) == ""
    watchdog.receive(stamp_s=100.2, now_s=100.2, steady_s=10.2)
    assert watchdog.problem(10.2) == ""


def looks(*times) -> list[str]:
    """What a ClockWatch says at these (now, steady) times, s."""
    watch = ClockWatch()
    return [watch.jump(now_s, steady_s) for now_s, steady_s in times]


def test_a_clock_that_runs_stands_still_or_is_slow_has_not_jumped():
    assert looks((50.0, 10.0), (50.02, 10.02), (50.02, 12.0), (50.52, 13.0), (50.5, 13.1)) == [""] * 5


def test_a_clock_that_begins_late_has_not_jumped():
    assert looks((0.0, 10.0), (0.0, 11.0), (1e9, 11.02), (1e9 + 0.02, 11.04)) == [""] * 4


def test_a_clock_that_is_set_is_seen_once():
    said = looks((1000.0, 10.0), (5.0, 10.02), (5.02, 10.04), (905.04, 10.06), (905.06, 10.08))
    assert said == ["", "the clock was set back by 995.0 s", "", "the clock jumped ahead by 900.0 s", ""]
    assert looks((1000.0, 10.0), (0.0, 10.02), (0.02, 10.04))[1:] == ["the clock was set back by 1000.0 s", ""]


def test_a_clock_that_stood_still_and_catches_up_has_not_jumped():
    assert looks((100.0, 10.0), (100.0, 11.0), (100.0, 13.0), (103.0, 13.02), (103.02, 13.04)) == [""] * 5
    assert "ahead by 40.0 s" in looks((100.0, 10.0), (100.0, 13.0), (143.1, 13.1))[-1]


def test_a_slow_clock_that_catches_up_has_not_jumped():
    slow = [(100 + 0.05 * i, 10 + 0.1 * i) for i in range(41)]  # half as fast, for 4 s
    assert not any(looks(*slow, (104.0, 14.02), (104.02, 14.04)))
    assert "ahead by 18.0 s" in looks(*slow, (122.0, 14.0))[-1]


def test_a_process_held_up_between_reading_the_two_clocks_sees_no_jump():
    assert looks((100.0, 10.0), (100.02, 13.02), (103.04, 13.04)) == [""] * 3


def test_simulated_time_may_run_fast():
    assert not any(looks(*((100 + 10 * 0.02 * i, 10 + 0.02 * i) for i in range(50))))


def test_the_gap_between_two_looks_is_steady_time():
    watch = ClockWatch()
    watch.jump(5.0, 10.0)
    assert watch.gap_s == 0.0
    watch.jump(900.0, 10.5)
    assert watch.gap_s == 0.5


def seen(*stamps_s) -> list[str]:
    """What a StampWatch says of these stamps, s."""
    watch = StampWatch()
    return [watch.set_back(stamp_s) for stamp_s in stamps_s]


def test_late_images_one_by_one_and_a_repeated_stamp_are_not_set_back():
    assert not any(seen(1.0, 1.1, 1.0, 1.2, 1.3, 1.1, 1.15, 1.4))
    assert not any(seen(1.0, *[1.0] * 20))
    assert not any(seen(1.0, 1.1, *[1.05] * 20))
    assert not any(seen(*(stamp_s for i in range(50) for stamp_s in (1.0 + 0.1 * i, 0.7 + 0.1 * i))))  # two cameras


def test_stamps_that_go_on_at_an_earlier_time_are_set_back_once():
    said = seen(9.0, 9.1, 5.0, 5.1, 5.2, 5.3, 5.4, 5.5)
    assert said[4] == "the stamps of the images were set back by 3.9 s"
    assert sum(map(bool, said)) == 1


def test_life_is_missed_after_its_timeout_and_found_with_a_heartbeat():
    life = LifeWatch("heartbeat", timeout_s=0.25, look_s=0.05)
    life.look(5.0)
    assert life.silence() == "no heartbeat has arrived"
    life.beat()
    looks = 0
    while not life.silence():
        life.look(0.02)
        looks += 1
    assert looks == 13
    assert "no heartbeat for 0.26 s" in life.silence()
    life.beat()
    assert life.silence() == ""


def test_time_in_which_the_watcher_was_held_up_does_not_count_as_silence():
    life = LifeWatch("heartbeat", timeout_s=0.25, look_s=0.05)
    life.beat()
    life.look(10.0)
    assert life.silence() == ""
    for _ in range(5):  # but a watcher that is always held up finds out, too
        life.look(10.0)
    assert life.silence()


def fed(period_s, count=40, age_s=0.05, begin_s=0.0, watchdog=None) -> InputWatchdog:
    """A watchdog after so many messages; between them it is asked 20 times in each period."""
    watchdog = watchdog or InputWatchdog("image", timeout_s=0.5, max_age_s=0.5, most_s=1.0)
    watchdog.said = []  # each state once
    for i in range(count):
        time_s = begin_s + i * period_s
        watchdog.receive(100 + time_s - age_s, 100 + time_s, time_s)
        for k in range(20):
            problem = bool(watchdog.problem(time_s + 0.05 * k * period_s))
            if watchdog.said[-1:] != [problem]:
                watchdog.said.append(problem)
    return watchdog


def test_ordinary_periods_leave_the_limits_alone():
    watchdog = fed(1 / 15)
    assert (watchdog.limit_s(0.5), watchdog.slowness, watchdog.said) == (0.5, "", [False])


def test_the_limits_follow_a_slow_period_and_the_state_does_not_flap():
    watchdog = fed(0.3, age_s=0.6)
    assert watchdog.limit_s(0.5) == pytest.approx(0.75)
    assert watchdog.slowness == (
        "the machine is too slow: one image comes every 0.30 s and is 0.60 s old, "
        "so up to 0.75 s without one are allowed"
    )  # fmt: skip
    assert watchdog.said == [True, False]  # stale while the period is not known, then never again
    watchdog = fed(0.55)
    assert watchdog.limit_s(0.5) == 1.0  # not 2.5 periods: the ceiling
    assert watchdog.slowness.startswith("the camera is slow: one image comes every 0.55 s and is 0.05 s old")
    assert watchdog.said[-1] is False
    assert len(watchdog.said) <= 4 * InputWatchdog.LONGER + 3
    assert "no image for 1.0 s, at most 1.00 s" in watchdog.problem(39 * 0.55 + 1.01)


def test_where_the_ceiling_is_too_low_the_arm_stands_still_all_the_time():
    watchdog = fed(0.8, age_s=0.9)
    assert watchdog.said[-1] is True
    assert len(watchdog.said) <= 4 * InputWatchdog.LONGER + 3
    assert "every 0.80 s and is 0.90 s old, at most every 0.40 s is allowed" in watchdog.problem(39 * 0.8)
    fed(0.45, begin_s=40 * 0.8, watchdog=watchdog)
    assert "at most every" in watchdog.slowness  # hysteresis
    fed(0.35, begin_s=80 * 0.8, watchdog=watchdog)
    assert watchdog.said[-1] is False
    fed(0.03, begin_s=120 * 0.8, watchdog=watchdog)
    assert (watchdog.limit_s(0.5), watchdog.slowness) == (0.5, "")


def test_an_outage_is_no_period():
    watchdog = fed(0.05, watchdog=fed(0.05), begin_s=40.0)
    assert (watchdog.limit_s(0.5), watchdog.slowness) == (0.5, "")
    watchdog.receive(200.0, 200.0, 100.0)
    assert (watchdog.limit_s(0.5), watchdog.slowness) == (0.5, "")
