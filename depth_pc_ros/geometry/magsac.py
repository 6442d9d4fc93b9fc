"""The settings of OpenCV's robust estimators that all callers share.

Source: D. Barath, J. Noskova, M. Ivashechkin, J. Matas, "MAGSAC++, a fast, reliable and accurate robust estimator",
CVPR 2020.
"""

import cv2


def magsac(threshold_px: float, iterations: int) -> cv2.UsacParams:
    """MAGSAC with a fixed random state: the same matches give the same answer. threshold_px: inlier distance."""
    params = cv2.UsacParams()
    params.threshold = threshold_px
    params.confidence = 0.9999
    params.maxIterations = iterations
    params.randomGeneratorState = 1
    params.score = cv2.SCORE_METHOD_MAGSAC
    params.sampler = cv2.SAMPLING_UNIFORM
    params.loMethod = cv2.LOCAL_OPTIM_SIGMA
    return params
