"""Running means of a loss and its components over the batches of a training."""

from torch import Tensor


class RunningMeans:
    """Means of scalars by name. The sums stay on the device until `means` is called, which waits for the device."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, values: dict[str, Tensor]) -> None:
        """Add the values of one batch, if there are any."""
        self.count += bool(values)
        for name, value in values.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()

    def means(self) -> dict[str, float]:
        """Return the mean of each value over all batches so far."""
        return {name: float(total) / self.count for name, total in self.sums.items()}
