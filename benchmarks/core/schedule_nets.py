"""The schedule networks of a run: one for each convention, loss, tau and repeat."""

from __future__ import annotations

from dataclasses import dataclass

from bddm_ref.settings import StepLossForm
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import PER_LENGTH, Convention, Experiment


@dataclass(frozen=True, order=True)
class NetKey:
    """The identity of a schedule network.

    Attributes:
        convention: name of the convention.
        loss: form of the loss that it is trained on.
        tau: long steps per short step.
        repeat: the number of its training, from 0 on.
    """

    convention: str
    loss: StepLossForm
    tau: int
    repeat: int = 0

    def name(self, experiment: Experiment) -> str:
        """Name of its weights, as ``raw``, ``raw/released``, ``raw/tau-62`` or ``raw/repeat-2``.

        The name has what distinguishes the network from the experiment's only one.
        """
        parts = [self.convention]
        if self.loss != experiment.schedule_net.loss:
            parts.append(self.loss)
        if experiment.schedule_net.tau == PER_LENGTH:
            parts.append(f"tau-{self.tau}")
        if self.repeat:
            parts.append(f"repeat-{self.repeat}")
        return "/".join(parts)


def repeats_in(experiment: Experiment, convention: Convention) -> int:
    """Number of trainings and searches in a convention."""
    return experiment.repeats if convention.repeats is None else convention.repeats


def taus_of(experiment: Experiment, steps: int, tuned: bool = False) -> tuple[int, ...]:
    """The numbers of long steps per short step that schedules of a length are searched with.

    The papers have tau = floor(T/N). A tuned search also tries floor(T/n) of the lengths n in
    ``search.tuned_taus``, as far as these are 2 .. T.

    Args:
        experiment: the experiment; a number in ``schedule_net.tau`` is the only tau.
        steps: N, the length of the schedules.
        tuned: whether to try more than the papers' tau.

    Raises:
        ExperimentError: tau depends on N, and N is outside 2 .. T.
    """
    tau, T = experiment.schedule_net.tau, experiment.training_schedule.T
    if isinstance(tau, int):
        return (tau,)
    if not 2 <= steps <= T:
        raise ExperimentError(f"search.lengths: tau = T/N needs lengths of 2 to {T}, not {steps}")
    more = (n for n in experiment.search.tuned_taus if tuned and 2 <= n <= T)
    return tuple(dict.fromkeys(T // n for n in (steps, *more)))
