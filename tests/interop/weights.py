"""Weights that are not those of a fresh model."""
import torch


def randomise(module, seed=1):
    """Draws every parameter, norms and biases too, so that each of them matters."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=draw)
            width = parameter.shape[-1] if parameter.dim() > 1 else 1
            is_norm = "norm" in name.lower() or "_ln" in name
            if is_norm and name.endswith("weight"):
                parameter.copy_(1 + 0.2 * noise)
            elif parameter.dim() > 1 and "emb" not in name:
                parameter.copy_(noise * width**-0.5)
            else:
                parameter.copy_(0.4 * noise)
    module.eval()
