import numpy as np
import pytest

from depth_pc_ros.control.command_record import CommandRecord
from depth_pc_ros.control.motion_scale import MotionScale
from depth_pc_ros.geometry import se3

TICK_S, IMAGE_TICKS = 0.02, 3
AHEAD = np.array([0.5, -0.3, 0.8]) / np.linalg.norm([0.5, -0.3, 0.8])  # goal axes


class Camera:
    """Moves as commanded in steps of TICK_S; an image every IMAGE_TICKS, with a latency of `delay_s`.

    prior: observed over true lengths. rotation: rad/s about a slanted axis. noise_m: of the observed positions.
    """

    def __init__(self, prior=1.0, rotation=0.0, delay_s=0.0, noise_m=0.0, seed=0):
        self.record = CommandRecord()
        self.scale = MotionScale(self.record)
        self.prior, self.delay_s, self.noise_m = prior, delay_s, noise_m
        self.rotation = rotation * np.array([0.6, 0.0, 0.8])
        self.rng = np.random.default_rng(seed)
        self.T_goal_cam = se3.from_rt(se3.exp_so3(np.array([0.4, -0.3, 1.2])), np.array([-0.3, 0.1, -0.25]))
        self.shift = np.zeros(3)  # of the observed positions, after a jump of the solution
        self.ticks, self.images = 0, []

    def move(self, path_m, speed=0.2, share=1.0, obeyed=True, blind=False) -> list[float]:
        """Command so much path; the camera moves by `share` of it. Returns the factor after every tick."""
        factors = []
        for _ in range(round(path_m / (speed * TICK_S))):
            factors.append(self.tick(speed, share, obeyed, blind))
        return factors

    def tick(self, speed, share=1.0, obeyed=True, blind=False) -> float:
        now_s = self.ticks * TICK_S
        velocity = speed * self.T_goal_cam[:3, :3].T @ AHEAD
        if self.ticks % IMAGE_TICKS == 0 and not blind:
            self.images.append((now_s, self.seen()))
        while self.images and self.images[0][0] <= now_s - self.delay_s + 1e-9:
            stamp_s, T_goal_cam = self.images.pop(0)
            self.scale.see(se3.inverse(T_goal_cam), stamp_s)
        self.record.add(np.concatenate([velocity, np.zeros(3)]), now_s, now_s + TICK_S, obeyed)
        self.T_goal_cam = self.T_goal_cam @ se3.exp(TICK_S * np.concatenate([share * velocity, self.rotation]))
        self.ticks += 1
        return self.scale.factor

    def seen(self):
        position = self.prior * self.T_goal_cam[:3, 3] + self.shift + self.noise_m * self.rng.standard_normal(3)
        return se3.from_rt(self.T_goal_cam[:3, :3], position)


@pytest.mark.parametrize("rotation", [0.0, 1.0])
@pytest.mark.parametrize("prior", [0.5, 1.0, 2.0])
def test_finds_the_factor_of_a_wrong_prior(prior, rotation):
    factors = Camera(prior, rotation).move(0.3)
    assert factors[0] == 1.0
    assert factors[-1] == pytest.approx(1 / prior, rel=0.03)


@pytest.mark.parametrize(("prior", "path_m"), [(2.0, 0.06), (0.5, 0.12)])
def test_falls_within_centimetres_and_grows_within_a_decimetre(prior, path_m):
    assert Camera(prior).move(path_m)[-1] == pytest.approx(1 / prior, rel=0.15)


def test_grows_slowly_at_first():
    assert Camera(0.5).move(0.03)[-1] < 1.3


@pytest.mark.parametrize("prior", [0.5, 1.0, 2.0])
def test_noise_of_the_poses_averages_out(prior):
    factors = [Camera(prior, noise_m=0.003, seed=seed).move(0.4)[-1] for seed in range(10)]
    np.testing.assert_allclose(factors, 1 / prior, rtol=0.15)


@pytest.mark.parametrize("wrong_stamps", [False, True])
def test_images_may_have_latency_but_their_stamps_must_be_right(wrong_stamps):
    """From rest to 0.25 m/s at 1 m/s^2. Motion commanded after the image was taken must not count."""
    camera, peak = Camera(delay_s=0.1), 1.0
    if wrong_stamps:
        see = camera.scale.see
        camera.scale.see = lambda T, stamp_s: see(T, stamp_s + 0.1)
    for k in range(60):
        peak = max(peak, camera.tick(min(0.25, 1.0 * TICK_S * k)))
    assert peak > 1.15 if wrong_stamps else peak < 1.02


def test_a_jump_to_another_solution_is_no_motion():
    """It comes in one image, while the path since the last comparison is short."""
    camera = Camera()
    camera.move(0.1, speed=0.05)
    camera.shift = 0.05 * AHEAD
    assert camera.move(0.1, speed=0.05) == pytest.approx([1.0] * 100, abs=0.01)


@pytest.mark.parametrize("noise_m", [0.0, 0.002])
@pytest.mark.parametrize("prior", [0.5, 1.0])
def test_a_camera_that_does_not_follow_changes_nothing(noise_m, prior):
    camera = Camera(prior, noise_m=noise_m)
    factor = camera.move(0.4)[-1]
    camera.move(1.0, share=0.0)
    assert camera.scale.factor == pytest.approx(factor, rel=0.1)


@pytest.mark.parametrize("noise_m", [0.0, 0.001])
def test_a_camera_that_is_blocked_from_the_start_changes_nothing(noise_m):
    assert max(Camera(noise_m=noise_m).move(0.3, share=0.0)) < 1.05


@pytest.mark.parametrize("share", [0.2, 0.3, 0.5])
def test_a_slowed_arm_is_bounded_and_soon_forgotten(share):
    camera = Camera()
    assert max(camera.move(0.6, share=share)) <= MotionScale.HIGHEST
    camera.move(0.2)
    assert camera.scale.factor < 1.15


def test_a_very_slow_arm_keeps_the_factor_found_before():
    camera = Camera(0.5)
    factor = camera.move(0.3)[-1]
    assert factor == pytest.approx(2.0, rel=0.03)
    assert max(camera.move(0.6, share=0.3)) == pytest.approx(factor, rel=0.1)


def test_where_something_limits_the_motion_the_factor_may_only_fall():
    assert max(Camera().move(0.3, share=0.5, obeyed=False)) == 1.0
    assert Camera(4.0).move(0.3, share=0.5, obeyed=False)[-1] == pytest.approx(0.5, rel=0.03)


def test_limited_motion_is_forgotten_once_it_is_over():
    camera = Camera()
    camera.move(0.3, share=0.5, obeyed=False)
    assert max(camera.move(0.3)) < 1.01


@pytest.mark.parametrize(("prior", "bound"), [(5.0, MotionScale.LOWEST), (0.4, MotionScale.HIGHEST)])
def test_stays_within_its_range(prior, bound):
    assert Camera(prior).move(0.6)[-1] == pytest.approx(bound, rel=0.01)


def test_rest_changes_and_forgets_nothing():
    camera = Camera(0.5)
    factor = camera.move(0.3)[-1]
    camera.noise_m = 0.002
    for _ in range(300):
        camera.tick(1e-6)
    assert camera.scale.factor == pytest.approx(factor, rel=0.01)
    camera.noise_m = 0.0
    assert camera.move(0.03)[-1] == pytest.approx(factor, rel=0.03)


@pytest.mark.parametrize("prior", [0.7, 1.5])
def test_other_lengths_are_tracked_and_the_old_ones_forgotten(prior):
    """As when the solver's scale of all depths changes: found after three lengths of the memory, not after a third."""
    camera = Camera()
    camera.move(0.3)
    camera.shift = (1 - prior) * camera.T_goal_cam[:3, 3]  # no jump
    camera.prior = prior
    assert camera.move(MotionScale.MEMORY_M / 3)[-1] == pytest.approx(1.0, rel=0.1)
    assert camera.move(3 * MotionScale.MEMORY_M)[-1] == pytest.approx(1 / prior, rel=0.1)


def test_a_gap_keeps_the_factor_and_counts_no_path():
    camera = Camera(0.5)
    factor = camera.move(0.3)[-1]
    camera.move(0.1, share=0.6, blind=True)
    camera.scale.begin_line()
    assert camera.move(0.2) == pytest.approx([factor] * 50, rel=0.03)
    camera.scale.reset()
    assert camera.scale.factor == 1.0


@pytest.mark.parametrize(("command_s", "obeyed_s"), [(0.2, 0.2), (0.5, 0.25)])
def test_a_command_counts_until_the_stamp_and_for_a_quarter_of_a_second_at_most(command_s, obeyed_s):
    """Commands last longer than the images apart; the camera obeys none for more than 0.25 s, as behind the adapter."""
    record = CommandRecord()
    scale = MotionScale(record)
    velocities = 0.2 * np.array([[0.3], [1.0], [0.6]] * 5) * AHEAD
    sent = 0
    for now_s in np.arange(0.01, 3.0, 0.07):
        while sent * command_s < now_s:
            record.add(np.append(velocities[sent], np.zeros(3)), sent * command_s, (sent + 1) * command_s)
            sent += 1
        translation = np.clip(now_s - command_s * np.arange(15), 0, obeyed_s) @ velocities
        scale.see(se3.from_rt(np.eye(3), -translation), now_s)
        assert scale.factor == pytest.approx(1.0, abs=1e-6)


def test_equal_runs_are_equal_at_any_time_of_day():
    factors = []
    for first_s in (0.64, 3.32, 1.7e9):
        record = CommandRecord()
        scale = MotionScale(record)
        for k in range(40):
            begin_s, end_s = round(first_s + 0.04 * k, 9), round(first_s + 0.04 * (k + 1), 9)
            scale.see(se3.from_rt(np.eye(3), np.array([-0.009 * k, 0, 0])), begin_s)
            record.add(np.array([0.123, 0.0456, 0.0, 0.0, 0.0, 0.0]), begin_s, end_s)
        factors.append(scale.factor)
    assert factors[0] != 1.0
    assert factors[0] == factors[1]
    assert factors[2] == pytest.approx(factors[0], rel=1e-4)  # seconds since 1970 have steps of 2e-7
