"""The norm of a module's gradients, which is the same to the last bit with and without unused word embeddings."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from sweeper.training.embedding_rows import PartialEmbedding
from sweeper.training.kept_weights import find_kept_weights


class GradientNorm:
    """Computes the norm of all gradients of a module.

    A sum's rounding depends on the position of its terms. Therefore the gradient of word embeddings is reduced to one
    norm per token of the vocabulary first, 0 for a token without a row: then every sum has the same terms in the same
    places, whichever rows are kept. Gradients that lie in one piece of memory have one norm, too.
    """

    def __init__(self, module: nn.Module) -> None:
        self.embeddings = [submodule for submodule in module.modules() if isinstance(submodule, PartialEmbedding)]
        self.kept = find_kept_weights(module)
        by_row = {id(embedding.weight) for embedding in self.embeddings}
        together = {id(parameter) for weights in self.kept for parameter in weights.parameters}
        others = by_row | together
        self.others = [parameter for parameter in module.parameters() if id(parameter) not in others]

    def __call__(self) -> Tensor:
        """Return the norm, a scalar. Parameters without a gradient are left out."""
        norms = _norms(self.others)
        for weights in self.kept:
            together = weights.gradient_norm()
            norms += _norms(weights.parameters) if together is None else [together]
        for embedding in self.embeddings:
            if embedding.weight.grad is not None:
                norms.append(torch.linalg.vector_norm(embedding.spread(embedding.gradient_norms())))
        total: Tensor = torch.linalg.vector_norm(torch.stack(norms))
        return total


def _norms(parameters: Iterable[Tensor]) -> list[Tensor]:
    """Return the norm of each gradient."""
    return [torch.linalg.vector_norm(parameter.grad) for parameter in parameters if parameter.grad is not None]
