"""Faults of the place: what is seen has moved since the goal was taken, repeats itself, or is seen from elsewhere."""

import dataclasses

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.benchmark.chessboard import Chessboard
from depth_pc_ros.benchmark.episodes import Episode
from depth_pc_ros.benchmark.faults import Fault
from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.poses import sample_view
from depth_pc_ros.sim.scenes import SCENE_CENTRE, Body, Scene
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS


class MovedBoard(Fault):
    """A board of printed tiles, held above the objects, was moved since the goal image was taken.

    share: of the goal image that it fills.
    """

    HEIGHT_M, TILE_M, THICK_M = 0.12, 0.09, 0.004
    MOVED_M, TURNED_DEG = (0.03, 0.10), (5.0, 20.0)

    def __init__(self, rng, size, share: float):
        super().__init__(rng, size)
        self._share = share

    def stage(self, episode):
        rng, (width, height) = self.rng, self.size
        size_px = np.sqrt(self._share) * np.array([width, height])
        centre_px = rng.uniform(size_px / 2, np.array([width, height]) - size_px / 2)
        T = episode.T_world_goal
        ray = T[:3, :3] @ np.append(DEFAULT_INTRINSICS.normalise(centre_px[None])[0], 1.0)
        depth_m = (self.HEIGHT_M - T[2, 3]) / ray[2]
        centre = T[:3, 3] + depth_m * ray
        size_m = size_px * depth_m / DEFAULT_INTRINSICS.focal
        yaw = np.arctan2(T[1, 0], T[0, 0])  # the camera's x axis along the table
        seeds = rng.integers(2**31, size=256)
        goal_board = self._board(centre, yaw, size_m, seeds)
        direction = rng.uniform(0, 2 * np.pi)
        offset = rng.uniform(*self.MOVED_M) * np.array([np.cos(direction), np.sin(direction), 0])
        turn = np.radians(rng.uniform(*self.TURNED_DEG)) * rng.choice((-1, 1))
        live_board = self._board(centre + offset, yaw + turn, size_m, seeds)
        scene = episode.place
        return dataclasses.replace(
            episode,
            place=dataclasses.replace(scene, bodies=scene.bodies + live_board),
            goal_place=dataclasses.replace(scene, bodies=scene.bodies + goal_board),
        )

    def _board(self, centre: np.ndarray, yaw: float, size_m: np.ndarray, seeds: np.ndarray) -> tuple[Body, ...]:
        """Tiles side by side. centre: (3,) m in the world. yaw: of its first edge, rad. size_m: (2,) edge lengths."""
        columns, rows = np.maximum(np.rint(size_m / self.TILE_M), 1).astype(int)
        tile_m = (*(size_m / (columns, rows)), self.THICK_M)
        turn = Rotation.from_euler("z", yaw)
        tiles = []
        for i in range(columns * rows):
            place = (np.array([i % columns, i // columns]) - (np.array([columns, rows]) - 1) / 2) * tile_m[:2]
            position = centre + turn.apply([*place, 0.0])
            tiles.append(_package(position, turn, tile_m, int(seeds[i % len(seeds)])))
        return tuple(tiles)


class Repeated(Fault):
    """Six equal packages lie side by side on a wooden table, not quite in rows."""

    COLUMNS, ROWS, SPACING_M = 3, 2, (0.15, 0.13)
    OFFSET_M, YAW_DEG = 0.015, 10.0

    def stage(self, episode):
        rng = self.rng
        size_m = rng.uniform((0.09, 0.06, 0.03), (0.13, 0.09, 0.06))
        seed, table_seed = (int(value) for value in rng.integers(2**31, size=2))
        bodies = []
        for i in range(self.COLUMNS):
            for j in range(self.ROWS):
                grid = np.array([i - (self.COLUMNS - 1) / 2, j - (self.ROWS - 1) / 2])
                place = grid * self.SPACING_M + rng.uniform(-self.OFFSET_M, self.OFFSET_M, 2)
                turn = Rotation.from_euler("z", rng.uniform(-self.YAW_DEG, self.YAW_DEG), degrees=True)
                bodies.append(_package([*place, size_m[2] / 2], turn, size_m, seed))
        place = Scene("default", seed, tuple(bodies), "wood", table_seed, SCENE_CENTRE)
        return dataclasses.replace(episode, place=place)


def _package(position, turn: Rotation, size_m, seed: int) -> Body:
    return Body(
        "package", tuple(map(float, position)), tuple(turn.as_quat().tolist()), tuple(map(float, size_m)), seed
    )  # fmt: skip


class OnePeriodOff(Fault):
    """Above a bare chessboard, the servo starts about one period from its goal. edge: the board's edge is in view."""

    SQUARE_M = (0.03, 0.05)
    OFFSET_M, OFFSET_DEG = 0.005, 2.0
    WIDE, SMALL = (90, 90), (9, 7)  # squares

    def __init__(self, rng, size, edge: bool):
        super().__init__(rng, size)
        self._squares = self.SMALL if edge else self.WIDE

    def stage(self, episode):
        rng = self.rng
        square_m = rng.uniform(*self.SQUARE_M)
        place = Chessboard(*self._squares, square_m)
        T_world_goal = sample_view(rng, place.centre, azimuth=-np.pi / 2)
        period = square_m * np.array([*((1, 1), (1, -1), (2, 0), (0, 2))[rng.integers(4)], 0]) * rng.choice((-1, 1))
        near = se3.exp(
            np.concatenate([
                rng.uniform(-self.OFFSET_M, self.OFFSET_M, 3), np.radians(rng.uniform(-1, 1, 3) * self.OFFSET_DEG),
            ])
        )  # fmt: skip
        T_world_start = T_world_goal @ near
        T_world_start[:3, 3] += period
        return dataclasses.replace(episode, place=place, T_world_goal=T_world_goal, T_world_start=T_world_start)


class PureRoll(Fault):
    """The start differs from the goal by a turn of 150 to 180 degrees about the optical axis alone."""

    ROLL_DEG = (150.0, 180.0)

    def stage(self, episode: Episode) -> Episode:
        roll = np.radians(self.rng.uniform(*self.ROLL_DEG)) * self.rng.choice((-1, 1))
        turn = se3.from_rt(se3.exp_so3(np.array([0.0, 0.0, roll])), np.zeros(3))
        return dataclasses.replace(episode, T_world_start=episode.T_world_goal @ turn)
