# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "numpy==2.4.6",
#     "pillow==13.0.0",
#     "pip==26.0.1",
#     "scikit-image==0.26.0",
#     "scikit-learn==1.9.1",
#     "scipy==1.17.1",
#     "tifffile==2026.3.3",
# ]
# ///
"""Make the sample pairs beside this script from data that ship inside PyPI wheels.

Run `uv run samples/make.py`, or `python samples/make.py` where the packages above are installed.
Scores are rounded before they are written, so that another processor's last bits do not show.
"""

from __future__ import annotations

import argparse
import csv
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.special import expit, softmax
from skimage import data
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.measure import regionprops
from skimage.morphology import disk, remove_small_objects
from skimage.segmentation import find_boundaries, watershed
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from tifffile import imread

STARDIST = "stardist==0.9.1"
MASK_CROP = np.s_[290:386, 272:368]
CLASSES_CROP = np.s_[298:362, 308:372]
PHOTO_CROP = np.s_[60:156, 118:214]
IGNORED = 255
# Side and spacing of the default boxes in pixels: one size, as most nuclei have.
DEFAULT, SPACING = 24, 8


def main() -> None:
    """Write every sample."""
    parser = argparse.ArgumentParser(description="Make the sample files.")
    parser.add_argument("--wheel", type=Path, help=f"a wheel of {STARDIST}, if you have it already")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write the files")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    image, labels = nuclei(arguments.wheel)
    write_boxes(arguments.out, image, labels)
    write_ssd(arguments.out, image, labels)
    write_mask(arguments.out, image, labels)
    write_classes(arguments.out, image, labels)
    write_digits(arguments.out)
    write_cancer(arguments.out)
    write_diabetes(arguments.out)
    write_photo(arguments.out)


# --- the nuclei ---


def nuclei(wheel: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the fluorescence image and its hand labels (0 background, 1.. one number a nucleus)."""
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(wheel or downloaded(Path(folder))) as archive,
    ):
        files = [archive.read(f"stardist/data/images/{name}2d.tif") for name in ("img", "mask")]
    image, labels = (imread(io.BytesIO(file)) for file in files)
    return image.astype(np.float64), labels.astype(np.int64)


def downloaded(folder: Path) -> Path:
    """Download the wheel into a folder; the same one on every platform, as only its data are read."""
    wanted = ["--no-deps", "--only-binary=:all:", "--python-version=3.11", "--platform=manylinux2014_x86_64"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", *wanted, f"--dest={folder}", STARDIST]
    subprocess.run(pip, check=True)
    return next(folder.glob("*.whl"))


def brightness(image: np.ndarray, sigma: float) -> np.ndarray:
    """Return the square root of the smoothed image: nuclei differ tenfold in brightness."""
    return np.sqrt(ndimage.gaussian_filter(image, sigma))


def segmented(image: np.ndarray) -> np.ndarray:
    """Return numbered nuclei found without the hand labels: Otsu's threshold, then a watershed."""
    smooth = brightness(image, 1.5)
    foreground = remove_small_objects(smooth > threshold_otsu(smooth), max_size=30)
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(foreground), 1.5)
    seeds = np.zeros(image.shape, dtype=np.int64)
    peaks = peak_local_max(distance, min_distance=5, exclude_border=False, labels=foreground.astype(int))
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-distance, seeds, mask=foreground)


# --- boxes ---


def write_boxes(out: Path, image: np.ndarray, labels: np.ndarray) -> None:
    """Write the boxes of found nuclei against those of labelled nuclei, row by row."""
    (_, found), (numbers, labelled) = boxes(segmented(image)), boxes(labels)
    pairs = matched(found, labelled, least=0.3)
    ids = [f"n{numbers[column]:03d}" for _, column in pairs]
    for name, dtype, corners in (
        ("pred", np.float32, found[[row for row, _ in pairs]]),
        ("target", np.int64, labelled[[column for _, column in pairs]]),
    ):
        rows = ([name, *box] for name, box in zip(ids, corners.tolist(), strict=True))
        write_csv(out / f"boxes_{name}.csv", ["id", "x1", "y1", "x2", "y2"], rows)
        np.save(out / f"boxes_{name}.npy", corners.astype(dtype))


def boxes(labels: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Return the numbers in a label image and their boxes: pixel edges, so x2 is the last column plus one."""
    regions = regionprops(labels)
    corners = [(x1, y1, x2, y2) for y1, x1, y2, x2 in (region.bbox for region in regions)]
    return [region.label for region in regions], np.array(corners, dtype=np.int64)


def matched(first: np.ndarray, second: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Return index pairs of boxes, greedily by IoU, in the order of the second."""
    iou = box_iou(first, second)
    pairs: dict[int, int] = {}
    for flat in np.argsort(-iou, axis=None, kind="stable"):
        row, column = divmod(int(flat), len(second))
        if iou[row, column] < least:
            break
        if column not in pairs and row not in pairs.values():
            pairs[column] = row
    return [(pairs[column], column) for column in sorted(pairs)]


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the IoU of every box of the first with every box of the second."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = np.prod(np.clip(high - low, 0, None), axis=-1)
    area = [np.prod(corners[:, 2:] - corners[:, :2], axis=-1) for corners in (first, second)]
    return overlap / (area[0][:, None] + area[1][None] - overlap)


# --- default boxes, as SSD has them ---


def write_ssd(out: Path, image: np.ndarray, labels: np.ndarray) -> None:
    """Write scores and offsets of default boxes from linear models that saw the left half of the image only.

    As SSD is trained: boxes that overlap a nucleus by an IoU of 0.5 have its class and the offsets to it, and of the
    others the three times as many stay that look most like a nucleus.
    """
    defaults = default_boxes(image.shape)
    _, labelled = boxes(labels)
    iou = box_iou(defaults, labelled)
    match, positive = iou.argmax(axis=1), iou.max(axis=1) >= 0.5
    offsets = encoded(defaults, labelled[match])
    features = box_features(image, defaults)
    left = defaults[:, 2] <= image.shape[1] // 2
    right = defaults[:, 0] >= image.shape[1] // 2

    classifier = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky"))
    margin = classifier.fit(features[left], positive[left]).decision_function(features)
    regressor = make_pipeline(StandardScaler(), Ridge(100.0))
    guesses = regressor.fit(features[left & positive], offsets[left & positive]).predict(features)

    found = np.flatnonzero(right & positive)
    missed = np.flatnonzero(right & ~positive)
    hardest = missed[np.argsort(-margin[missed], kind="stable")[: 3 * len(found)]]
    kept = np.sort(np.concatenate([found, hardest]))
    scores = ([f"{-m / 2:.4f}", f"{m / 2:.4f}", int(p)] for m, p in zip(margin[kept], positive[kept], strict=True))
    write_csv(out / "ssd_scores.csv", ["background", "nucleus", "class"], scores)
    both = np.concatenate([guesses[found], offsets[found]], axis=1)
    names = [side + name for side in ("", "target_") for name in ("dx", "dy", "dw", "dh")]
    write_csv(out / "ssd_offsets.csv", names, ([f"{x:.4f}" for x in row] for row in both))


def default_boxes(shape: Sequence[int]) -> np.ndarray:
    """Return the default boxes inside an image, row by row."""
    y, x = (np.arange(0, size - DEFAULT + 1, SPACING) for size in shape)
    corners = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return np.concatenate([corners, corners + DEFAULT], axis=1)


def encoded(defaults: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return what moves default boxes onto targets: shifts of the centre in box sizes, logarithms of the scales."""
    size = targets[:, 2:] - targets[:, :2]
    shift = (targets[:, :2] + targets[:, 2:] - defaults[:, :2] - defaults[:, 2:]) / 2
    return np.concatenate([shift / DEFAULT, np.log(size / DEFAULT)], axis=1)


def box_features(image: np.ndarray, defaults: np.ndarray) -> np.ndarray:
    """Return the filter responses at 5×5 points of every box, from edge to edge."""
    responses = filters(image)
    steps = np.linspace(0, DEFAULT - 1, 5).astype(int)
    y, x = defaults[:, 1, None] + steps, defaults[:, 0, None] + steps
    return responses[y[:, :, None], x[:, None, :]].reshape(len(defaults), -1)


# --- masks and class maps ---


def write_mask(out: Path, image: np.ndarray, labels: np.ndarray) -> None:
    """Write a foreground map (its logits and probabilities) against the labelled foreground."""
    smooth = brightness(image, 1.5)
    logits = rounded(2 * (smooth - threshold_otsu(smooth)))[MASK_CROP]
    np.save(out / "mask_logits.npy", logits)
    np.save(out / "mask_probs.npy", expit(logits.astype(np.float64)).astype(np.float32))
    np.save(out / "mask_target.npy", (labels[MASK_CROP] > 0).astype(np.uint8))


def write_classes(out: Path, image: np.ndarray, labels: np.ndarray) -> None:
    """Write scores of background, border and inside from a model that saw the left half of the image only."""
    features, classes, ignored = filters(image), zones(labels), touching(labels)
    half = image.shape[1] // 2
    seen = features[:, :half].reshape(-1, features.shape[-1]), classes[:, :half].ravel()
    model = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky")).fit(*seen)
    crop = features[CLASSES_CROP]
    scores = model.decision_function(crop.reshape(-1, crop.shape[-1])).reshape(*crop.shape[:2], -1)
    np.save(out / "classes_logits.npy", np.ascontiguousarray(rounded(scores).transpose(2, 0, 1)))
    np.save(out / "classes_target.npy", np.where(ignored, IGNORED, classes)[CLASSES_CROP].astype(np.uint8))


def filters(image: np.ndarray) -> np.ndarray:
    """Return H×W×F filter responses: brightness, edges and blobs at three scales."""
    responses = []
    for sigma in (1, 2, 4):
        smooth = brightness(image, sigma)
        slope = np.hypot(ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1))
        responses += [smooth, slope, ndimage.laplace(smooth)]
    return np.stack(responses, axis=-1)


def zones(labels: np.ndarray) -> np.ndarray:
    """Return 0 for background, 1 for the border of a nucleus (about three pixels), 2 for its inside."""
    border = ndimage.binary_dilation(find_boundaries(labels, mode="inner"), disk(2))
    return np.where(labels == 0, 0, np.where(border, 1, 2))


def touching(labels: np.ndarray) -> np.ndarray:
    """Return where two nuclei meet: nucleus pixels with another nucleus among their neighbours."""
    highest = ndimage.maximum_filter(labels, 3)
    lowest = ndimage.minimum_filter(np.where(labels > 0, labels, labels.max() + 1), 3)
    return (labels > 0) & (highest != lowest)


# --- tables ---


def write_digits(out: Path) -> None:
    """Write out-of-fold scores of every sixth digit, and the probabilities of the first sixty of these."""
    pixels, digits = load_digits(return_X_y=True)
    model = make_pipeline(MinMaxScaler(), LogisticRegression(solver="newton-cholesky"))
    scores = cross_val_predict(model, pixels, digits, cv=KFold(6), method="decision_function")
    logits, target = rounded(scores[::6]), digits[::6].astype(np.uint8)
    np.save(out / "digits_logits.npy", logits)
    np.save(out / "digits_target.npy", target)
    probs = softmax(logits[:60].astype(np.float64), axis=1)
    rows = ([*(f"{p:.10g}" for p in row), digit] for row, digit in zip(probs, target[:60], strict=True))
    write_csv(out / "digits_probs.csv", [*(f"p{digit}" for digit in range(10)), "target"], rows)


def write_cancer(out: Path) -> None:
    """Write out-of-fold probabilities and logits of a benign (1) against a malignant (0) tumour."""
    features, benign = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky"))
    scores = cross_val_predict(model, features, benign, cv=StratifiedKFold(10), method="decision_function")
    logits = [float(f"{score:.6g}") for score in scores]
    rows = ([repr(float(expit(logit))), logit, label] for logit, label in zip(logits, benign, strict=True))
    write_csv(out / "cancer.csv", ["prob", "logit", "target"], rows)


def write_diabetes(out: Path) -> None:
    """Write out-of-fold predictions of the progression of diabetes after a year."""
    features, progression = load_diabetes(return_X_y=True)
    predicted = cross_val_predict(LinearRegression(), features, progression, cv=KFold(10))
    rows = ([f"{guess:.6g}", f"{truth:g}"] for guess, truth in zip(predicted, progression, strict=True))
    write_csv(out / "diabetes.csv", ["pred", "target"], rows)


# --- a photo ---


def write_photo(out: Path) -> None:
    """Write a crop of a photo and what is left of it after JPEG of quality 50."""
    photo = np.ascontiguousarray(data.chelsea()[PHOTO_CROP])
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, format="JPEG", quality=50)
    np.save(out / "photo.npy", photo)
    np.save(out / "photo_jpeg.npy", np.asarray(Image.open(stream)))


# --- writing ---


def rounded(scores: np.ndarray) -> np.ndarray:
    """Return scores as float32, rounded to four decimals."""
    return np.round(scores, 4).astype(np.float32)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table with Unix line ends."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    main()
