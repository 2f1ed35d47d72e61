"""Compare torch's matrix products as `pin_torch` leaves them with those of before, and of numpy."""

from spoken_cefr import arithmetic

arithmetic.use("portable")

import numpy as np  # noqa: E402
import torch  # noqa: E402


def products(dtype):
    """Results of every pinned kernel, and the gradients through them."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        values = torch.randn(*shape, generator=generator, dtype=torch.float64)
        return values.to(dtype).requires_grad_()

    x, weights, bias, batch = normal(5, 7), normal(3, 7), normal(3), normal(4, 7, 5)
    results = [
        x @ weights.T,
        torch.nn.functional.linear(x, weights, bias),
        torch.addmm(bias, x, weights.T, beta=0.5, alpha=-2),
        torch.addmm(bias, x, weights.T, beta=0),
        batch @ batch.transpose(1, 2),
        batch[:, ::2] @ x,
    ]
    sum(result.square().sum() for result in results).backward()
    return [*results, x.grad, weights.grad, bias.grad, batch.grad]


before = products(torch.float64)
arithmetic.pin_torch()
for found, expected in zip(products(torch.float32), before, strict=True):
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)
    assert found.dtype == torch.float32

a = torch.randn(300, 513)
np.testing.assert_array_equal((a @ a.T).numpy(), a.numpy() @ a.numpy().T)
