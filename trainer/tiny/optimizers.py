"""The optimizers of the embedded model's training: Muon for hidden matrices, AdamW for the rest.

torch's own Muon works in bfloat16, which most CPUs only imitate: there it takes longer than the model itself. This one
is the same in float32 and takes all matrices of a shape together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import torch

WARM_UP_STEPS = 40
MATRIX_RATE = 3e-3
OTHER_RATE = 3e-3
WEIGHT_DECAY = 0.01
LONGEST_GRADIENT = 1.0
MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the iteration that makes a matrix nearly orthogonal (https://kellerjordan.github.io/posts/muon)."""
NEWTON_SCHULZ_STEPS = 5


class Muon(torch.optim.Optimizer):
    """Momentum whose every update is made nearly orthogonal, scaled to the size of AdamW's updates."""

    def __init__(self, matrices: Iterable[torch.nn.Parameter], *, lr: float, weight_decay: float) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update; a closure is not taken."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike[parameter.shape].append(parameter)
            for (height, width), parameters in alike.items():
                directions = orthogonal(torch.stack([self._direction(parameter) for parameter in parameters]))
                rate = group["lr"] * 0.2 * max(height, width) ** 0.5
                for parameter, direction in zip(parameters, directions, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-rate)

    def _direction(self, parameter: torch.nn.Parameter) -> torch.Tensor:
        """The gradient with Nesterov's momentum."""
        gradient = parameter.grad
        assert gradient is not None
        state = self.state[parameter]
        momentum: torch.Tensor = state.setdefault("momentum", torch.zeros_like(parameter))
        momentum.lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(momentum, MOMENTUM)


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Nearly orthogonal matrices (count, height, width) with the same row and column spaces."""
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    made = matrices.mT if is_tall else matrices
    made = made / made.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = made @ made.mT
        made = a * made + (b * gram + c * gram @ gram) @ made
    return made.mT if is_tall else made


def make_optimizers(model: torch.nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for embeddings, heads, norms and biases."""
    matrices = [
        parameter
        for name, parameter in model.named_parameters()
        if parameter.ndim == 2 and "embed" not in name and "where_map" not in name
    ]
    chosen = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
    optimizers: list[torch.optim.Optimizer] = [
        Muon(matrices, lr=MATRIX_RATE, weight_decay=WEIGHT_DECAY),
        torch.optim.AdamW(others, lr=OTHER_RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY, fused=True),
    ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


def step_all(optimizers: Sequence[torch.optim.Optimizer], *, step: int, factor: float = 1.0) -> None:
    """Clips, updates and clears; the rate rises over the first steps and is `factor` of its height from there."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    torch.nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], LONGEST_GRADIENT)
    for group in groups:
        group["lr"] = group["initial_lr"] * min(1.0, step / WARM_UP_STEPS) * factor
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
