"""The norm of a module's gradients, which is the same to the last bit with and without unused word embeddings."""

import torch
from torch import Tensor, nn

from sweeper.training.embedding_rows import PartialEmbedding


class GradientNorm:
    """Computes the norm of all gradients of a module.

    A sum's rounding depends on the position of its terms. Therefore the gradient of word embeddings is reduced to one
    norm per token of the vocabulary first, 0 for a token without a row: then every sum has the same terms in the same
    places, whichever rows are kept.
    """

    def __init__(self, module: nn.Module) -> None:
        self.embeddings = [part for part in module.modules() if isinstance(part, PartialEmbedding)]
        by_row = {id(embedding.weight) for embedding in self.embeddings}
        self.others = [parameter for parameter in module.parameters() if id(parameter) not in by_row]

    def __call__(self) -> Tensor:
        """Return the norm, a scalar. Parameters without a gradient are left out."""
        norms = [torch.linalg.vector_norm(other.grad) for other in self.others if other.grad is not None]
        for embedding in self.embeddings:
            if embedding.weight.grad is not None:
                norms.append(torch.linalg.vector_norm(embedding.spread(embedding.gradient_norms())))
        total: Tensor = torch.linalg.vector_norm(torch.stack(norms))
        return total
