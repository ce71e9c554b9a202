"""Learning rates that change over the steps."""

from typing import Any

import keras

from forebay.trainer.options.choose import ChosenOptions


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises from near zero to a schedule's first rate, then follows the schedule.

    Step i below ``steps`` has the rate (i + 1) / steps of that first one.

    Args:
        then: the schedule, whose step 0 is the first after the rise.
        steps: how long the rise takes.
    """

    def __init__(self, then: keras.optimizers.schedules.LearningRateSchedule, steps: int) -> None:
        super().__init__()
        self._then = then
        self._steps = steps

    def __call__(self, step: Any) -> Any:
        """Returns the rate of a step, from 0."""
        step = keras.ops.cast(step, "float32")
        rise = keras.ops.minimum((step + 1.0) / self._steps, 1.0)
        return rise * self._then(keras.ops.maximum(step - self._steps, 0.0))

    def get_config(self) -> dict[str, Any]:
        """Returns what the schedule was made of."""
        return {"then": self._then, "steps": self._steps}


def learning_rate(
    options: ChosenOptions, peak: float
) -> keras.optimizers.schedules.LearningRateSchedule | float:
    """Returns a rate over the steps, as the options say.

    Cosine falls to zero over the steps that the rise leaves. Exponential is
    peak · decay_rate^(step / decay_every), and step the same with whole numbers only, or with one
    more power from each step of ``decay_at`` on; steps count from the end of the rise, but those
    of ``decay_at`` from the start.
    """
    warmup = options.warmup_steps
    match options.schedule:
        case "constant":
            if not warmup:
                return peak
            after = keras.optimizers.schedules.PiecewiseConstantDecay([0], [peak, peak])
        case "cosine":
            after = keras.optimizers.schedules.CosineDecay(peak, options.max_steps - warmup)
        case "step" if options.decay_at:
            # Keras's boundaries belong to the rate before them.
            bounds = [step - 1 - warmup for step in options.decay_at]
            rates = [peak * options.decay_rate**i for i in range(len(bounds) + 1)]
            after = keras.optimizers.schedules.PiecewiseConstantDecay(bounds, rates)
        case _:
            after = keras.optimizers.schedules.ExponentialDecay(
                peak, options.decay_every, options.decay_rate,
                staircase=options.schedule == "step",
            )  # fmt: skip
    return WarmUp(after, warmup) if warmup else after
