"""The starting notebook's own pipeline in TensorFlow and Keras: the rival to measure against.

It runs in an environment of its own (``requirements-rival.txt``) and knows nothing of
Pneumoscope. Each sub-command prints one line of JSON:

    python benchmarks/rival_keras.py train DIR --epochs 3 --save MODEL.keras
    python benchmarks/rival_keras.py predict-folder DIR --model MODEL.keras --csv OUT.csv
    python benchmarks/rival_keras.py predict-one FILM --model MODEL.keras
    python benchmarks/rival_keras.py decode DIR
    python benchmarks/rival_keras.py versions

What is the notebook's: files listed and shuffled, split 80:20, JPEGs decoded at full size to
three channels and resized bilinearly to 180 x 180 in every epoch (``cache=False``), shuffle
buffer of 1,000, batches of 16, network, optimiser, loss, metrics, class weights. What is not:
labels are cast from boolean to integer, because class weights on boolean labels fail in current
Keras; the shuffles are seeded; prediction prefetches, in the rival's favour. Threads are left as
TensorFlow chooses unless ``--threads`` is given. Keras leaves XLA out by itself here (the field
``jit``), which is in its favour: compiled, this network trains several times slower on a CPU.

``--tuner off`` switches off tf.data's autotuner, which leaves the parallelism at the number of
cores. With it, in TensorFlow 2.21, the end of an iterator often waits until the tuner wakes from
a sleep that doubles each time: passes then last 2.55, 5.11, 10.23 or 20.47 seconds (10 ms times
2^n - 1). Keras ends one iterator in every ``predict`` and one for validation in every epoch.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import statistics
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

# Before TensorFlow is imported, which reads it once.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BATCH_SIZE = 16
IMAGE_SIZE = [180, 180]
PARAMETERS = 3_496_801


def decode_img(img: Any) -> Any:
    import tensorflow as tf

    img = tf.image.decode_jpeg(img, channels=3)
    img = tf.image.convert_image_dtype(img, tf.float32)
    return tf.image.resize(img, IMAGE_SIZE)


def process_path(file_path: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    parts = tf.strings.split(file_path, os.path.sep)
    label = tf.cast(parts[-2] == "PNEUMONIA", tf.int32)
    return decode_img(tf.io.read_file(file_path)), label


def prepare_for_training(ds: Any, *, cache: str = "none", shuffle_buffer_size: int = 1000) -> Any:
    import tensorflow as tf

    if cache == "memory":
        ds = ds.cache()
    elif cache != "none":
        ds = ds.cache(cache)
    ds = ds.shuffle(buffer_size=shuffle_buffer_size)
    ds = ds.repeat()
    ds = ds.batch(BATCH_SIZE)
    return ds.prefetch(buffer_size=tf.data.AUTOTUNE)


def tuned(ds: Any, tuner: str) -> Any:
    """The dataset with tf.data's autotuner on (the default, and the notebook's) or off."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = tuner == "on"
    return ds.with_options(options)


def conv_block(filters: int) -> Any:
    from keras import Sequential, layers

    return Sequential(
        [
            layers.SeparableConv2D(filters, 3, activation="relu", padding="same"),
            layers.SeparableConv2D(filters, 3, activation="relu", padding="same"),
            layers.BatchNormalization(),
            layers.MaxPool2D(),
        ]
    )


def dense_block(units: int, dropout_rate: float) -> Any:
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Dense(units, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(dropout_rate),
        ]
    )


def build_model() -> Any:
    """The notebook's network, compiled as the notebook compiles it."""
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input(shape=(*IMAGE_SIZE, 3)),
            layers.Conv2D(16, 3, activation="relu", padding="same"),
            layers.Conv2D(16, 3, activation="relu", padding="same"),
            layers.MaxPool2D(),
            conv_block(32),
            conv_block(64),
            conv_block(128),
            layers.Dropout(0.2),
            conv_block(256),
            layers.Dropout(0.2),
            layers.Flatten(),
            dense_block(512, 0.7),
            dense_block(128, 0.5),
            dense_block(64, 0.3),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    if model.count_params() != PARAMETERS:
        raise SystemExit(f"This is not the notebook's network: {model.count_params()} parameters.")
    model.compile(
        optimizer="adam",
        loss="binary_crossentropy",
        metrics=[
            "accuracy",
            keras.metrics.Precision(name="precision"),
            keras.metrics.Recall(name="recall"),
        ],
    )
    return model


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Train on a folder in Kaggle's layout and note the moment at which each epoch ended."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(options.seed)
    filenames = sorted(tf.io.gfile.glob(f"{options.folder}/train/*/*"))
    filenames += sorted(tf.io.gfile.glob(f"{options.folder}/val/*/*"))
    random.shuffle(filenames)
    cut = int(0.8 * len(filenames))
    train_names, val_names = filenames[:cut], filenames[cut:]
    normal = sum("NORMAL" in Path(name).parent.name for name in train_names)
    pneumonia = len(train_names) - normal
    class_weight = {
        0: (1 / normal) * len(train_names) / 2.0,
        1: (1 / pneumonia) * len(train_names) / 2.0,
    }

    def batches(names: list[str], part: str) -> Any:
        cache = options.cache
        if cache not in ("none", "memory"):
            cache = f"{cache}-{part}"
        films = tf.data.Dataset.from_tensor_slices(names)
        films = films.map(process_path, num_parallel_calls=tf.data.AUTOTUNE)
        return tuned(prepare_for_training(films, cache=cache), options.tuner)

    class Moments(keras.callbacks.Callback):
        """Seconds of the clock at which each epoch, validation included, was done."""

        def __init__(self) -> None:
            super().__init__()
            self.ended: list[float] = []

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            self.ended.append(time.time())

    moments = Moments()
    model = build_model()
    began = time.time()
    history = model.fit(
        batches(train_names, "train"),
        steps_per_epoch=len(train_names) // BATCH_SIZE,
        epochs=options.epochs,
        validation_data=batches(val_names, "val"),
        validation_steps=len(val_names) // BATCH_SIZE,
        class_weight=class_weight,
        callbacks=[moments],
        verbose=0,
    )
    if options.save:
        model.save(options.save)
    epochs = [b - a for a, b in zip([began, *moments.ended], moments.ended, strict=False)]
    steady = statistics.median(epochs[1:]) if len(epochs) > 1 else None
    return {
        "train_films": len(train_names),
        "val_films": len(val_names),
        "epoch_seconds": epochs,
        "epoch_ended": moments.ended,
        "first_epoch_seconds": epochs[0],
        "steady_epoch_seconds": steady,
        "films_per_second": len(train_names) / steady if steady else None,
        "jit": bool(model.jit_compile),
        "loss": history.history["loss"],
        "val_accuracy": history.history["val_accuracy"],
    }


def films_of(folder: str) -> Any:
    import tensorflow as tf

    names = sorted(str(path) for path in Path(folder).rglob("*.jpeg"))
    return names, tf.data.Dataset.from_tensor_slices(names)


def predict_folder(options: argparse.Namespace) -> dict[str, Any]:
    """Read every JPEG under a folder with ``model.predict`` and write a table of probabilities."""
    import keras
    import tensorflow as tf

    model = keras.models.load_model(options.model)
    names, films = films_of(options.folder)
    films = films.map(
        lambda path: decode_img(tf.io.read_file(path)), num_parallel_calls=tf.data.AUTOTUNE
    )
    films = tuned(films.batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE), options.tuner)
    passes = []
    for _ in range(options.passes):
        began = time.perf_counter()
        probabilities = model.predict(films, verbose=0)[:, 0]
        passes.append(time.perf_counter() - began)
    if options.csv:
        with Path(options.csv).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "probability"])
            writer.writerows(zip(names, probabilities.tolist(), strict=True))
    return {
        "films": len(names),
        "pass_seconds": passes,
        "films_per_second": len(names) / passes[-1],
        "mean_probability": float(probabilities.mean()),
        "peak_rss_mb": peak_rss_mb(),
    }


def predict_one(options: argparse.Namespace) -> dict[str, Any]:
    """Load the saved model, read one film, print its probability."""
    import keras
    import tensorflow as tf

    model = keras.models.load_model(options.model)
    image = decode_img(tf.io.read_file(options.film))
    probability = model.predict(image[None], verbose=0)[0, 0]
    return {"probability": float(probability), "peak_rss_mb": peak_rss_mb()}


def decode(options: argparse.Namespace) -> dict[str, Any]:
    """Run the notebook's input pipeline alone, to batches that nobody uses."""
    import tensorflow as tf

    names, films = films_of(options.folder)
    films = films.map(process_path, num_parallel_calls=tf.data.AUTOTUNE)
    films = tuned(films.batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE), options.tuner)
    began = time.perf_counter()
    batches = sum(1 for _ in films)
    seconds = time.perf_counter() - began
    return {
        "films": len(names),
        "batches": batches,
        "seconds": seconds,
        "films_per_second": len(names) / seconds,
    }


def versions(_: argparse.Namespace) -> dict[str, Any]:
    """Versions of what the rival is made of, without importing it."""
    found = {
        dist.metadata["Name"].replace("_", "-"): dist.version for dist in metadata.distributions()
    }
    shown = {
        name: found[name] for name in sorted(found) if name.startswith(("tensorflow", "keras"))
    }
    return {"python": sys.version.split()[0], **shown}


def peak_rss_mb() -> float:
    """Peak resident memory of this process in MB (10^6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--threads", type=int, help="default: as TensorFlow chooses")
    common.add_argument("--tuner", choices=["on", "off"], default="on", help="of tf.data")
    common.add_argument("--seed", type=int, default=0)
    verbs = parser.add_subparsers(required=True)

    verb = verbs.add_parser("train", parents=[common], help="train as the notebook does")
    verb.add_argument("folder")
    verb.add_argument("--epochs", type=int, default=3)
    verb.add_argument("--cache", default="none", help="none (the notebook's), memory, or a file")
    verb.add_argument("--save", help="save the trained model here (.keras)")
    verb.set_defaults(run=train)

    verb = verbs.add_parser("predict-folder", parents=[common], help="read the films of a folder")
    verb.add_argument("folder")
    verb.add_argument("--model", required=True)
    verb.add_argument("--csv", help="write the table here")
    verb.add_argument("--passes", type=int, default=1, help="2: the second pass is warm")
    verb.set_defaults(run=predict_folder)

    verb = verbs.add_parser("predict-one", parents=[common], help="read one film, cold")
    verb.add_argument("film")
    verb.add_argument("--model", required=True)
    verb.set_defaults(run=predict_one)

    verb = verbs.add_parser("decode", parents=[common], help="the input pipeline alone")
    verb.add_argument("folder")
    verb.set_defaults(run=decode)

    verb = verbs.add_parser("versions", parents=[common], help="what the rival is made of")
    verb.set_defaults(run=versions)

    options = parser.parse_args()
    if options.threads:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    print(json.dumps(options.run(options)))


if __name__ == "__main__":
    main()
